/* captioner.c - the image encoder, the text decoder and the cross-attention that joins them (Vaswani et al. 2017, section 3.2.3;
 * names and shapes as transformers' VisionEncoderDecoderModel with a GPT-2 decoder).
 *
 *     Cross(x) = x + softmax(Q K' / sqrt(D)) V c_proj,   Q = LN_cross(x) q_attn,   K|V = memory c_attn
 *
 * K|V depend on the picture alone: captioner_memory computes them once, however many captions or beams read them.     */
#include "fusion/captioner.h"

bool captioner_config_check(const CaptionerConfig *c, Err *err)
{
    bool encoder = encoder_config_check(&c->encoder, err), decoder = decoder_config_check(&c->decoder, err);
    return encoder && decoder;
}

static CrossBlock cross_new(Scope s, const DecoderConfig *c)
{
    return (CrossBlock){
        .ln_cross = norm_new(scope(s, "ln_cross_attn"), c->width, c->eps),
        .c_attn   = conv1d_new(scope(s, "crossattention.c_attn"), c->width, 2 * c->width, 0.02),
        .q_attn   = conv1d_new(scope(s, "crossattention.q_attn"), c->width, c->width, 0.02),
        .c_proj   = conv1d_new(scope(s, "crossattention.c_proj"), c->width, c->width, decoder_residual_spread(c)) };
}

Captioner *captioner_new(Params *p, const CaptionerConfig *c)
{
    Scope      root = params_root(p);
    Captioner *m = arena_zeros(params_arena(p), sizeof *m);
    m->config  = *c;
    m->encoder = encoder_new(scope(root, "encoder"), &c->encoder);
    m->decoder = decoder_new(scope(root, "decoder"), &c->decoder);
    m->cross   = arena_zeros(params_arena(p), (size_t)c->decoder.depth * sizeof *m->cross);
    for (int i = 0; i < c->decoder.depth; i++)
        m->cross[i] = cross_new(scope(root, "decoder.transformer.h.%d", i), &c->decoder);
    if (m->encoder->width != c->decoder.width)
        m->enc_to_dec_proj = linear_new(scope(root, "enc_to_dec_proj"), m->encoder->width, c->decoder.width, 0.02);
    return m;
}

/* ---- from here to the end is the model ---------------------------------------------------------------------------- */

Tensor *captioner_encode(Tape *t, const Captioner *m, Tensor *pixels) { return encoder_forward(t, m->encoder, pixels); }

Tensor **captioner_memory(Tape *t, const Captioner *m, Tensor *features)
{
    int depth = (int)m->config.decoder.depth;
    Tensor **memory = arena_alloc(t->arena, (size_t)depth * sizeof *memory);
    Tensor  *x = m->enc_to_dec_proj.weight ? linear(t, &m->enc_to_dec_proj, features) : features;
    for (int i = 0; i < depth; i++)
        memory[i] = linear(t, &m->cross[i].c_attn, x);
    return memory;
}

/* The captions of a batch, a picture's behind one another, packed: all of a picture's tokens ask its memory as one row. */
typedef struct Packed {
    Ids            tokens, targets;              /* [1,N]                                                              */
    Packing        captions;
    int64_t        pictures;
    const int32_t *picture_first;                /* [pictures + 1]: tokens before each picture's                       */
    const double  *weights;                      /* [N], or NULL                                                       */
} Packed;

static Tensor *cross_attend(Tape *t, const Captioner *m, int layer, Tensor *x, Tensor *memory, const int32_t *image_of,
                            const Packed *packed, Tensor **probs)
{
    const CrossBlock    *b = &m->cross[layer];
    const DecoderConfig *c = &m->config.decoder;
    Tensor *q = linear(t, &b->q_attn, decoder_enter(t, m->decoder, &b->ln_cross, x));
    AttentionOptions o = { .heads = (int)c->heads, .memory_of = image_of, .width = c->width,
                           .k_at = 0, .v_at = c->width, .dropout = c->attention_dropout };
    if (packed) {
        o.rows      = packed->pictures;
        o.row_first = packed->picture_first;
    }
    return decoder_leave(t, m->decoder, &b->ln_cross, &b->c_proj, op_attention(t, q, memory, memory, o, probs), x);
}

static Tensor *read_tokens(Tape *t, const Captioner *m, Ids tokens, Reading r, Tensor *const *memory, const int32_t *image_of,
                           const Packed *packed, Tensor **probs)
{
    const Decoder *d = m->decoder;
    ArenaMark mark = tape_mark(t);
    Tensor *x = decoder_embed(t, d, tokens, r);
    for (int i = 0; i < d->config.depth; i++) {
        x = decoder_self(t, d, i, x, r);
        x = cross_attend(t, m, i, x, memory[i], image_of, packed, probs ? &probs[i] : NULL);
        x = decoder_mlp(t, d, i, x);
        if (!probs)                              /* they would end with the block */
            x = tape_keep(t, mark, x);
    }
    if (r.cache)
        r.cache->filled += shape_last(tokens.shape);
    return decoder_logits(t, d, x);
}

Tensor *captioner_logits(Tape *t, const Captioner *m, Ids tokens, Tensor *const *memory, const int32_t *image_of,
                         KvCache *cache, Tensor **probs)
{
    return read_tokens(t, m, tokens, (Reading){ .cache = cache }, memory, image_of, NULL, probs);
}

/* ---- the loss, without a product over padding ----------------------------------------------------------------------- */

/* Positions of row b up to its last target: what stands behind cannot be seen from before. */
static int64_t counted_length(Ids targets, int64_t b)
{
    int64_t T = shape_last(targets.shape), length = T;
    while (length > 0 && targets.v[b * T + length - 1] == IGNORE)
        length--;
    return length;
}

/* [B,T] with padding -> [1,N] without, in the order of the pictures. */
static Packed pack(Arena *a, Ids tokens, Ids targets, const int32_t *image_of, const double *weights, int64_t pictures)
{
    int64_t  B = tokens.shape.d[0], T = tokens.shape.d[1], N = 0, row = 0;
    int32_t *token = arena_alloc(a, (size_t)(B * T) * sizeof *token), *target = arena_alloc(a, (size_t)(B * T) * sizeof *target);
    int32_t *position = arena_alloc(a, (size_t)(B * T) * sizeof *position), *first = arena_alloc(a, (size_t)(B + 1) * sizeof *first);
    int32_t *picture_first = arena_alloc(a, (size_t)(pictures + 1) * sizeof *picture_first);
    double  *weight = weights ? arena_alloc(a, (size_t)(B * T) * sizeof *weight) : NULL;
    for (int64_t i = 0; i < pictures; i++) {
        picture_first[i] = (int32_t)N;
        for (int64_t b = 0; b < B; b++) {
            if (image_of[b] != i)
                continue;
            first[row++] = (int32_t)N;
            for (int64_t at = 0, length = counted_length(targets, b); at < length; at++, N++) {
                token[N]    = tokens.v[b * T + at];
                target[N]   = targets.v[b * T + at];
                position[N] = (int32_t)at;
                if (weight)
                    weight[N] = weights[b];
            }
        }
    }
    REQUIRE(row == B && N > 0, "captioner_loss: %lld captions of %lld belong to its %lld pictures, with %lld targets in all", (long long)row,
            (long long)B, (long long)pictures, (long long)N);
    picture_first[pictures] = first[row] = (int32_t)N;
    Shape shape = SHAPE(1, N);
    return (Packed){ { shape, token }, { shape, target }, { row, first, position }, pictures, picture_first, weight };
}

Tensor *captioner_loss(Tape *t, const Captioner *m, Tensor *features, Ids tokens, Ids targets, const int32_t *image_of, LossOptions o)
{
    Packed  p = pack(t->arena, tokens, targets, image_of, o.weights, features->shape.d[0]);
    Tensor *logits = read_tokens(t, m, p.tokens, (Reading){ .packing = &p.captions }, captioner_memory(t, m, features), NULL, &p, NULL);
    return op_cross_entropy(t, logits, p.targets,
                            (CrossEntropyOptions){ .smoothing = o.smoothing, .ignore = IGNORE, .normalizer = o.normalizer, .nll = o.nll,
                                                   .weights = p.weights });
}
