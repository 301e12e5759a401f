/* decoder.c - the GPT-2 decoder's sublayers (Radford et al. 2019, section 2.3; names and eps as transformers' GPT2LMHeadModel).
 *
 *     Attn(h) = softmax(Q K' / sqrt(D) + causal) V c_proj,   Q|K|V = h c_attn          c_attn (C,3C), one product for all three
 *     MLP(h)  = gelu(h c_fc) c_proj                                                    c_fc (C,hidden)
 *
 * Weights start as N(0, 0.02^2); those that write into the residual stream are scaled by 1/sqrt(2 depth).
 * With a cache, the new positions' K|V are appended to it and the queries read all that is there.                     */
#include "text/decoder.h"

#include <math.h>

static const double SPREAD = 0.02;

bool decoder_config_check(const DecoderConfig *c, Err *err)
{
    int found = 0;
    const struct { const char *name; int64_t value, most; } sizes[] = {
        { "vocab", c->vocab, 1 << 22 }, { "length", c->length, 1 << 20 }, { "width", c->width, 1 << 14 },
        { "depth", c->depth, 1 << 9 },  { "heads", c->heads, 1 << 14 },   { "hidden", c->hidden, 1 << 16 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].most)
            found += !fail_also(err, ERR_USAGE, "decoder: %s is %lld; it must be from 1 to %lld", sizes[i].name,
                                (long long)sizes[i].value, (long long)sizes[i].most);
    if (c->heads > 0 && c->width > 0 && c->width % c->heads != 0)
        found += !fail_also(err, ERR_USAGE, "decoder: %lld heads do not divide the width %lld", (long long)c->heads, (long long)c->width);
    const struct { const char *name; double value; } shares[] = {
        { "embedding_dropout", c->embedding_dropout }, { "residual_dropout", c->residual_dropout },
        { "attention_dropout", c->attention_dropout } };
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (!(shares[i].value >= 0 && shares[i].value < 1))
            found += !fail_also(err, ERR_USAGE, "decoder: %s is %g; it must be at least 0 and below 1", shares[i].name, shares[i].value);
    if (!(c->eps > 0))
        found += !fail_also(err, ERR_USAGE, "decoder: the epsilon of its layer norms is %g; it must be above 0", c->eps);
    return found == 0;
}

double decoder_residual_spread(const DecoderConfig *c) { return SPREAD / sqrt(2.0 * (double)c->depth); }

Decoder *decoder_new(Scope s, const DecoderConfig *c)
{
    Arena  *a = params_arena(s.params);
    Scope   m = scope(s, "transformer");
    Decoder *d = arena_zeros(a, sizeof *d);
    d->config = *c;
    d->wte    = param(m, "wte.weight", SHAPE(c->vocab, c->width), INIT_NORMAL, SPREAD);
    d->wpe    = param(m, "wpe.weight", SHAPE(c->length, c->width), INIT_NORMAL, SPREAD);
    d->block  = arena_zeros(a, (size_t)c->depth * sizeof *d->block);
    double residual = decoder_residual_spread(c);
    for (int i = 0; i < c->depth; i++) {
        Scope b = scope(m, "h.%d", i);
        d->block[i] = (DecoderBlock){
            .ln_1      = norm_new(scope(b, "ln_1"), c->width, c->eps),
            .c_attn    = conv1d_new(scope(b, "attn.c_attn"), c->width, 3 * c->width, SPREAD),
            .attn_proj = conv1d_new(scope(b, "attn.c_proj"), c->width, c->width, residual),
            .ln_2      = norm_new(scope(b, "ln_2"), c->width, c->eps),
            .fc        = conv1d_new(scope(b, "mlp.c_fc"), c->width, c->hidden, SPREAD),
            .mlp_proj  = conv1d_new(scope(b, "mlp.c_proj"), c->hidden, c->width, residual) };
    }
    if (!c->post_norm)
        d->ln_f = norm_new(scope(m, "ln_f"), c->width, c->eps);
    d->head = c->tied ? d->wte : param(s, "lm_head.weight", SHAPE(c->vocab, c->width), INIT_NORMAL, SPREAD);
    return d;
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

KvCache *kv_cache_new(Arena *a, const Decoder *d, int64_t capacity, int64_t length)
{
    KvCache *c = arena_zeros(a, sizeof *c);
    *c = (KvCache){ .capacity = capacity, .rows = capacity, .length = length, .depth = (int)d->config.depth };
    c->kv = arena_zeros(a, (size_t)c->depth * sizeof *c->kv);
    for (int i = 0; i < c->depth; i++)
        c->kv[i] = tensor_new(a, SHAPE(capacity, length, 2 * d->config.width));
    c->spare = tensor_new(a, SHAPE(capacity, length, 2 * d->config.width));
    return c;
}

static void check_rows(const KvCache *c, int64_t rows)
{
    REQUIRE(rows >= 1 && rows <= c->capacity, "kv_cache: %lld rows in a cache of %lld", (long long)rows, (long long)c->capacity);
}

/* The tensors hold `capacity` rows; their shape says how many are alive. */
static void set_rows(KvCache *c, int64_t rows)
{
    check_rows(c, rows);
    c->rows = rows;
    for (int i = 0; i < c->depth; i++)
        c->kv[i]->shape.d[0] = rows;
}

void kv_cache_reorder(Tape *t, KvCache *c, const int32_t *from, int64_t rows)
{
    check_rows(c, rows);
    for (int i = 0; i < c->depth; i++) {
        Tensor *old = c->kv[i];
        c->spare->shape.d[0] = rows;
        rows_gather(t, c->spare, old, from, c->filled);
        c->kv[i] = c->spare;
        c->spare = old;
    }
    set_rows(c, rows);
}

/* ---- from here to the end is the decoder -------------------------------------------------------------------------- */

static Tensor *positions(Tape *t, const Decoder *d, Ids tokens, Reading r)
{
    if (r.packing)
        return op_embedding(t, d->wpe, (Ids){ tokens.shape, r.packing->position });
    int64_t from = r.cache ? r.cache->filled : 0, T = shape_last(tokens.shape);
    REQUIRE(from + T <= d->config.length, "decoder: positions %lld to %lld of %lld",
            (long long)from, (long long)(from + T - 1), (long long)d->config.length);
    return op_slice(t, d->wpe, 0, from, from + T);
}

Tensor *decoder_embed(Tape *t, const Decoder *d, Ids tokens, Reading r)
{
    Tensor *x = op_add(t, op_embedding(t, d->wte, tokens), positions(t, d, tokens, r));
    return op_dropout(t, x, d->config.embedding_dropout);
}

Tensor *decoder_enter(Tape *t, const Decoder *d, const Norm *n, Tensor *x)
{
    return d->config.post_norm ? x : norm(t, n, x);
}

Tensor *decoder_leave(Tape *t, const Decoder *d, const Norm *n, const Linear *l, Tensor *y, Tensor *x)
{
    double p = t->training ? d->config.residual_dropout : 0;
    x = p > 0 ? op_add(t, op_dropout(t, linear(t, l, y), p), x) : linear_add(t, l, y, x);
    return d->config.post_norm ? norm(t, n, x) : x;
}

/* Keys and values of x go behind those in the cache; attention then reads all of them there. */
static Tensor *cached(Tape *t, KvCache *cache, int layer, Tensor *qkv, AttentionOptions *o)
{
    int64_t C = o->width, T = qkv->shape.d[1];
    REQUIRE(!t->recording, "decoder: a key/value cache carries no gradients; stop recording first");
    if (cache->filled == 0)
        set_rows(cache, qkv->shape.d[0]);
    Tensor *kv = cache->kv[layer];
    rows_write(t, kv, cache->filled, qkv, C);
    o->k_at = 0;
    o->v_at = C;
    o->query_offset = cache->filled;
    o->key_count    = cache->filled + T;
    return kv;
}

Tensor *decoder_self(Tape *t, const Decoder *d, int layer, Tensor *x, Reading r)
{
    const DecoderBlock *b = &d->block[layer];
    int64_t C = d->config.width;
    AttentionOptions o = { .heads = (int)d->config.heads, .mask = MASK_CAUSAL, .width = C,
                           .q_at = 0, .k_at = C, .v_at = 2 * C, .dropout = d->config.attention_dropout };
    if (r.packing) {
        o.rows      = r.packing->captions;
        o.row_first = r.packing->first;
        o.own_keys  = true;
    }
    Tensor *qkv = linear(t, &b->c_attn, decoder_enter(t, d, &b->ln_1, x));
    Tensor *kv  = r.cache ? cached(t, r.cache, layer, qkv, &o) : qkv;
    return decoder_leave(t, d, &b->ln_1, &b->attn_proj, op_attention(t, qkv, kv, kv, o, NULL), x);
}

Tensor *decoder_mlp(Tape *t, const Decoder *d, int layer, Tensor *x)
{
    const DecoderBlock *b = &d->block[layer];
    Tensor *h = linear_act(t, &b->fc, decoder_enter(t, d, &b->ln_2, x), d->config.activation);
    return decoder_leave(t, d, &b->ln_2, &b->mlp_proj, h, x);
}

Tensor *decoder_logits(Tape *t, const Decoder *d, Tensor *x)
{
    return op_linear(t, d->config.post_norm ? x : norm(t, &d->ln_f, x), d->head, NULL, (LinearOptions){ 0 });
}
