/* toy_search.h - a captioner of toy size with pictures, for the tests of the search, and what they compare hypotheses by. */
#ifndef LIMN_TESTS_TOY_SEARCH_H
#define LIMN_TESTS_TOY_SEARCH_H

#include <criterion/criterion.h>
#include <string.h>

#include "fusion/search.h"
#include "tensor/base/json.h"
#include "tests/tiny_captioner.h"

enum { PICTURES = 32 };

typedef struct Toy { Params *p; Captioner *m; Tape *t; Team *team; Arena *a; Tensor *features; } Toy;

static inline Toy toy(uint64_t seed, int64_t vocab, const Backend *backend, int threads)
{
    CaptionerConfig c = tiny_captioner_config(vocab);
    Toy f = { .p = params_new(seed), .a = arena_new(1 << 16), .team = threads > 1 ? team_new(threads) : NULL };
    f.m = captioner_new(f.p, &c);
    tiny_enliven(f.p, 0.3, seed + 8);
    /* Features out of thin air: the encoder has its own tests. */
    f.features = tensor_new(f.a, SHAPE(PICTURES, f.m->encoder->tokens, f.m->encoder->width));
    Rng r = rng_stream(seed + 6, RNG_TEST, 77);
    for (int64_t i = 0; i < shape_count(f.features->shape); i++) {
        real v = (real)(2 * rng_normal(&r));
        tensor_write(f.features, i, &v, 1);
    }
    f.t = tape_new(backend, f.team, 0);
    return f;
}

static inline void toy_end(Toy f)
{
    tape_free(f.t);
    team_free(f.team);
    params_free(f.p);
    arena_free(f.a);
}

static inline Tensor *toy_some(Toy f, int64_t first, int64_t count)
{
    int64_t N = f.features->shape.d[1], E = f.features->shape.d[2];
    Tensor *x = tensor_new(f.a, SHAPE(count, N, E));
    for (int64_t i = 0; i < count * N * E; i++) {
        real v = (real)tiny_at(f.features, first * N * E + i);
        tensor_write(x, i, &v, 1);
    }
    return x;
}

static inline SearchOptions toy_options(int beam) { return (SearchOptions){ .beam = beam, .max_length = 10, .bos = 1, .eos = 2, .pad = 0 }; }

/* Equal in every bit. */
static inline void toy_same(const Hypothesis *x, const Hypothesis *y, int64_t N, const char *what, long at)
{
    cr_assert(x->count == y->count && x->ended == y->ended, "%s %ld: %d tokens, not %d", what, at, x->count, y->count);
    cr_assert_eq(memcmp(x->ids, y->ids, (size_t)x->count * sizeof *x->ids), 0, "%s %ld", what, at);
    cr_assert(x->log_prob == y->log_prob && x->score == y->score, "%s %ld: %.17g, not %.17g", what, at, x->log_prob, y->log_prob);
    cr_assert_eq(memcmp(x->token_log_prob, y->token_log_prob, (size_t)(x->count + x->ended) * sizeof(double)), 0, "%s %ld", what, at);
    cr_assert_eq(!x->attention, !y->attention);
    if (x->attention)
        cr_assert_eq(memcmp(x->attention, y->attention, (size_t)(x->count * N) * sizeof(double)), 0, "%s %ld", what, at);
}

/* Same tokens, log-probabilities within 1e-5. */
static inline void toy_alike(const Hypothesis *x, const Hypothesis *y, long at)
{
    cr_assert(x->count == y->count && x->ended == y->ended, "picture %ld", at);
    cr_assert_eq(memcmp(x->ids, y->ids, (size_t)x->count * sizeof *x->ids), 0, "picture %ld", at);
    for (int i = 0; i < x->count + x->ended; i++)
        cr_assert_float_eq(x->token_log_prob[i], y->token_log_prob[i], 1e-5, "picture %ld, token %d", at, i);
}

/* Ids with <eos>, and the score, as a fixture has them. */
static inline void toy_found(const Hypothesis *h, const json_t *ids, int32_t eos, const json_t *score, const char *what)
{
    size_t n = json_array_size(ids);
    bool ended = n > 0 && json_integer_value(json_array_get(ids, n - 1)) == eos;
    cr_assert_eq(h->ended, ended, "%s", what);
    cr_assert_eq((size_t)h->count, n - ended, "%s: %d tokens", what, h->count);
    for (int i = 0; i < h->count; i++)
        cr_assert_eq(h->ids[i], json_integer_value(json_array_get(ids, (size_t)i)), "%s, token %d", what, i);
    if (score)
        cr_assert_float_eq(h->score, json_real_value(score), 2e-5, "%s: %.9g, not %.9g", what, h->score, json_real_value(score));
}

#endif
