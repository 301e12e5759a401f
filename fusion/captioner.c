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

static Tensor *cross_attend(Tape *t, const Captioner *m, int layer, Tensor *x, Tensor *memory, const int32_t *image_of, Tensor **probs)
{
    const CrossBlock    *b = &m->cross[layer];
    const DecoderConfig *c = &m->config.decoder;
    Tensor *q = linear(t, &b->q_attn, decoder_enter(t, m->decoder, &b->ln_cross, x));
    AttentionOptions o = { .heads = (int)c->heads, .memory_of = image_of, .width = c->width,
                           .k_at = 0, .v_at = c->width, .dropout = c->attention_dropout };
    return decoder_leave(t, m->decoder, &b->ln_cross, &b->c_proj, op_attention(t, q, memory, memory, o, probs), x);
}

Tensor *captioner_logits(Tape *t, const Captioner *m, Ids tokens, Tensor *const *memory, const int32_t *image_of,
                         KvCache *cache, Tensor **probs)
{
    const Decoder *d = m->decoder;
    ArenaMark mark = tape_mark(t);
    Tensor *x = decoder_embed(t, d, tokens, cache ? cache->filled : 0);
    for (int i = 0; i < d->config.depth; i++) {
        x = decoder_self(t, d, i, x, cache);
        x = cross_attend(t, m, i, x, memory[i], image_of, probs ? &probs[i] : NULL);
        x = decoder_mlp(t, d, i, x);
        if (!probs)                              /* they would end with the block */
            x = tape_keep(t, mark, x);
    }
    if (cache)
        cache->filled += shape_last(tokens.shape);
    return decoder_logits(t, d, x);
}

Tensor *captioner_loss(Tape *t, const Captioner *m, Tensor *features, Ids tokens, Ids targets, const int32_t *image_of,
                       double smoothing, double normalizer, double *nll)
{
    Tensor *logits = captioner_logits(t, m, tokens, captioner_memory(t, m, features), image_of, NULL, NULL);
    return op_cross_entropy(t, logits, targets,
                            (CrossEntropyOptions){ .smoothing = smoothing, .ignore = IGNORE, .normalizer = normalizer, .nll = nll });
}
