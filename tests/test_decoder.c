/* test_decoder.c - the GPT-2 decoder: what its positions may see, and that the key/value cache changes nothing. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/tiny.h"

enum { B = 3, T = 8 };
static const int32_t TOKENS[B * T] = { 1, 4, 7, 9, 2, 18, 5, 5,   1, 17, 3, 3, 11, 6, 8, 10,   1, 12, 13, 0, 14, 15, 16, 2 };

typedef struct Fixture { Params *p; Decoder *d; Tape *t; } Fixture;

static Fixture fixture(DecoderConfig c, const Backend *backend)
{
    Fixture f = { .p = params_new(3) };
    f.d = decoder_new(scope(params_root(f.p), "decoder"), &c);
    tiny_enliven(f.p, 0.25, 5);
    f.t = tape_new(backend, NULL, 0);
    f.t->recording = false;
    return f;
}

static void end(Fixture f)
{
    tape_free(f.t);
    params_free(f.p);
}

static Tensor *logits(Fixture f, Ids tokens, KvCache *cache)
{
    Tensor *x = decoder_embed(f.t, f.d, tokens, (Reading){ .cache = cache });
    for (int i = 0; i < f.d->config.depth; i++)
        x = decoder_mlp(f.t, f.d, i, decoder_self(f.t, f.d, i, x, (Reading){ .cache = cache }));
    if (cache)
        cache->filled += shape_last(tokens.shape);
    Tensor *y = decoder_logits(f.t, f.d, x);
    rows_log_softmax(f.t, tensor_reshape(f.t->arena, y, SHAPE(shape_rows(y->shape), shape_last(y->shape))));
    return y;
}

/* Column `from` to `to` of TOKENS for some rows. */
static Ids columns(Fixture f, const int32_t *rows, int64_t count, int64_t from, int64_t to)
{
    int32_t *v = arena_alloc(f.t->arena, (size_t)(count * (to - from)) * sizeof *v);
    for (int64_t i = 0; i < count; i++)
        memcpy(v + i * (to - from), TOKENS + rows[i] * T + from, (size_t)(to - from) * sizeof *v);
    return (Ids){ SHAPE(count, to - from), v };
}

static const int32_t ALL[B] = { 0, 1, 2 };

static double difference(const Tensor *x, int64_t x_at, const Tensor *y, int64_t y_at, int64_t count)
{
    double worst = 0;
    for (int64_t i = 0; i < count; i++)
        worst = fmax(worst, fabs(tiny_at(x, x_at + i) - tiny_at(y, y_at + i)));
    return worst;
}

/* Steps of one and of several tokens at a time. */
static void cached_equals_full(DecoderConfig c)
{
    Fixture  f = fixture(c, &backend_reference);
    int64_t  V = c.vocab, steps[] = { 1, 1, 3, 1, 2 }, at = 0;
    Tensor  *full = logits(f, columns(f, ALL, B, 0, T), NULL);
    KvCache *cache = kv_cache_new(f.t->arena, f.d, B, T);
    for (size_t s = 0; s < sizeof steps / sizeof *steps; at += steps[s++]) {
        Tensor *part = logits(f, columns(f, ALL, B, at, at + steps[s]), cache);
        for (int64_t b = 0; b < B; b++)
            cr_assert_leq(difference(part, b * steps[s] * V, full, (b * T + at) * V, steps[s] * V), 1e-5, "row %ld, position %ld", (long)b, (long)at);
    }
    cr_assert_eq(cache->filled, T);
    end(f);
}

Test(decoder, with_a_cache_gives_the_log_probabilities_of_the_whole_sequence) { cached_equals_full(tiny_decoder_config()); }

Test(decoder, may_have_its_norms_behind_and_a_head_of_its_own)
{
    DecoderConfig c = tiny_decoder_config();
    c.post_norm = true;
    c.tied = false;
    c.activation = ACT_GELU;
    cached_equals_full(c);
    Fixture f = fixture(c, &backend_reference);
    cr_assert_null(params_find(f.p, "decoder.transformer.ln_f.weight"));
    cr_assert(params_find(f.p, "decoder.lm_head.weight") && f.d->head != f.d->wte);
    end(f);
}

Test(decoder, does_not_look_ahead)
{
    Fixture f = fixture(tiny_decoder_config(), &backend_reference);
    int64_t V = f.d->config.vocab;
    Tensor *before = logits(f, columns(f, ALL, B, 0, T), NULL);
    for (int64_t at = 0; at < T; at++) {
        Ids changed = columns(f, ALL, B, 0, T);
        ((int32_t *)changed.v)[at] = (changed.v[at] + 1) % (int32_t)V;
        Tensor *after = logits(f, changed, NULL);
        cr_assert_eq(difference(before, 0, after, 0, at * V), 0, "token %ld", (long)at);
        cr_assert_gt(difference(before, at * V, after, at * V, V), 0, "token %ld", (long)at);
        cr_assert_eq(difference(before, T * V, after, T * V, (B - 1) * T * V), 0, "token %ld in other rows", (long)at);
    }
    end(f);
}

Test(decoder, treats_a_row_alone_as_among_others)
{
    Fixture f = fixture(tiny_decoder_config(), &backend_reference);
    int64_t V = f.d->config.vocab;
    Tensor *together = logits(f, columns(f, ALL, B, 0, T), NULL);
    for (int32_t b = 0; b < B; b++)
        cr_assert_eq(difference(together, b * T * V, logits(f, columns(f, &b, 1, 0, T), NULL), 0, T * V), 0);
    end(f);
}

Test(decoder, cache_rows_can_be_reordered_repeated_and_dropped)
{
    Fixture f = fixture(tiny_decoder_config(), &backend_reference);
    int64_t V = f.d->config.vocab;
    int32_t more[] = { 2, 2, 0, 1, 2 }, fewer[] = { 4, 2 };
    Tensor  *full = logits(f, columns(f, ALL, B, 0, T), NULL);
    KvCache *cache = kv_cache_new(f.t->arena, f.d, 5, T);
    logits(f, columns(f, ALL, B, 0, 4), cache);
    cr_assert_eq(cache->rows, B);
    kv_cache_reorder(f.t, cache, more, 5);
    Tensor *five = logits(f, columns(f, more, 5, 4, 5), cache);
    for (int64_t i = 0; i < 5; i++)
        cr_assert_leq(difference(five, i * V, full, (more[i] * T + 4) * V, V), 1e-5, "row %ld", (long)i);
    kv_cache_reorder(f.t, cache, fewer, 2);
    int32_t left[] = { more[4], more[2] };
    Tensor *two = logits(f, columns(f, left, 2, 5, 7), cache);
    for (int64_t i = 0; i < 2; i++)
        cr_assert_leq(difference(two, i * 2 * V, full, (left[i] * T + 5) * V, 2 * V), 1e-5, "row %ld", (long)i);
    end(f);
}

Test(decoder, starts_as_gpt2_does)
{
    DecoderConfig c = tiny_decoder_config();
    c.width = 64, c.hidden = 256, c.depth = 3;
    Params *p = params_new(1);
    decoder_new(scope(params_root(p), "decoder"), &c);
    const struct { const char *name; double spread; } want[] = {
        { "decoder.transformer.h.1.attn.c_attn.weight", 0.02 }, { "decoder.transformer.h.1.mlp.c_fc.weight", 0.02 },
        { "decoder.transformer.h.2.attn.c_proj.weight", 0.02 / sqrt(6) }, { "decoder.transformer.h.2.mlp.c_proj.weight", 0.02 / sqrt(6) } };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        Tensor *x = params_find(p, want[i].name)->tensor;
        double  squares = 0, n = (double)shape_count(x->shape);
        for (int64_t j = 0; j < shape_count(x->shape); j++)
            squares += tiny_at(x, j) * tiny_at(x, j);
        /* A normal cut at two standard deviations has 0.88 of its spread. */
        cr_assert_float_eq(sqrt(squares / n), 0.88 * want[i].spread, 0.05 * want[i].spread, "%s", want[i].name);
    }
    params_free(p);
}

Test(decoder, config_mistakes_are_reported_together)
{
    Err err = { 0 };
    DecoderConfig good = tiny_decoder_config(), bad = good;
    bad.heads = 3, bad.depth = 0, bad.attention_dropout = 1, bad.eps = 0;
    cr_assert(decoder_config_check(&good, &err), "%s", err.text);
    cr_assert(!decoder_config_check(&bad, &err));
    cr_assert_eq(err.status, ERR_USAGE);
    cr_assert(strstr(err.text, "3 heads") && strstr(err.text, "depth") && strstr(err.text, "attention_dropout") && strstr(err.text, "epsilon"),
              "%s", err.text);
}
