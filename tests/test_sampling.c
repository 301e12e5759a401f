/* test_sampling.c - captions drawn from the model: the right distribution, and the same draws whatever else is going on. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "fusion/search/engine.h"
#include "tests/naive_search.h"

enum { SAMPLES = 4 };

static SearchOptions sampling(uint64_t seed) { return (SearchOptions){ .samples = SAMPLES, .seed = seed, .max_length = 10, .bos = 1, .eos = 2, .pad = 0 }; }

static void draws_what_is_drawn_naively(SearchOptions o, const char *what)
{
    Toy f = toy(3, 8, &backend_reference, 1);
    f.t->recording = false;
    Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a);
    for (int64_t i = 0; i < PICTURES; i++)
        for (int j = 0; j < o.samples; j++) {
            Naive n = { &f, toy_some(f, i, 1), o, (uint64_t)i };
            NaiveWords x = naive_sample(&n, j);
            naive_agrees(&x, &h[i * o.samples + j], what, (long)i, j);
        }
    toy_end(f);
}

#define SAMPLING(name, ...) \
    Test(sampling, name) \
    { \
        SearchOptions o = sampling(5); \
        __VA_ARGS__; \
        draws_what_is_drawn_naively(o, #name); \
    }

SAMPLING(draws_what_is_drawn_naively, (void)0)
SAMPLING(with_a_temperature_draws_what_is_drawn_naively, o.temperature = 0.5)
SAMPLING(of_the_most_probable_tokens_draws_what_is_drawn_naively, o.top_k = 3)
SAMPLING(of_the_nucleus_draws_what_is_drawn_naively, o.top_p = 0.7)
SAMPLING(of_typical_tokens_draws_what_is_drawn_naively, o.typical = 0.4)
SAMPLING(with_everything_at_once_draws_what_is_drawn_naively,
         o.temperature = 1.5; o.top_k = 5; o.top_p = 0.9; o.typical = 0.8; o.repetition = 1.3; o.no_repeat = 2; o.min_length = 4)

/* ---- the distribution ---------------------------------------------------------------------------------------------------- */

/* Pearson's X^2 of `drawn` against p, pooling tokens that are expected fewer than 5 times; *freedom receives the cells less one. */
static double chi_square(const int *drawn, const double *p, int vocab, int draws, int *freedom)
{
    double x2 = 0, rest = 0;
    int    rest_drawn = 0, cells = 0;
    for (int v = 0; v < vocab; v++) {
        double expected = p[v] * draws;
        if (expected < 5) {
            rest += expected;
            rest_drawn += drawn[v];
            continue;
        }
        x2 += (drawn[v] - expected) * (drawn[v] - expected) / expected;
        cells++;
    }
    if (rest > 0) {
        x2 += (rest_drawn - rest) * (rest_drawn - rest) / rest;
        cells++;
    }
    *freedom = cells - 1;
    return x2;
}

/* First tokens of many samples of a picture, against the distribution that they are drawn from; likewise second tokens after the most
 * frequent first one. X^2 is below its mean plus six standard deviations. */
static void frequencies_are_probabilities(SearchOptions o)
{
    enum { V = 8, DRAWS = 20000 };
    Toy f = toy(3, V, &backend_reference, 1);
    f.t->recording = false;
    o.samples = DRAWS;
    o.max_length = 2;
    Naive n = { &f, toy_some(f, 1, 1), o, 0 };
    Hypothesis *h = search_captions(f.t, f.m, n.features, o, f.a);
    NaiveWords  begin = { 0 };
    for (int position = 0; position < 2; position++) {
        double log_probs[NAIVE_V], p[NAIVE_V];
        int    drawn[V] = { 0 }, draws = 0, freedom, most = 3;
        naive_log_probs(&n, &begin, log_probs);
        naive_distribution(&n, &begin, log_probs, p);
        for (int i = 0; i < DRAWS; i++) {
            if (position > 0 && (h[i].count == 0 || h[i].ids[0] != begin.ids[0]))
                continue;
            drawn[h[i].count > position ? h[i].ids[position] : o.eos]++;
            draws++;
        }
        double x2 = chi_square(drawn, p, V, draws, &freedom);
        cr_assert(freedom >= 1 && draws > 2000, "the test wants several tokens: %d of %d draws", freedom + 1, draws);
        cr_assert_lt(x2, freedom + 6 * sqrt(2.0 * freedom), "position %d: X^2 is %g with %d degrees of freedom", position, x2, freedom);
        for (int v = 3; v < V; v++)
            most = drawn[v] > drawn[most] ? v : most;
        begin.ids[begin.count++] = most;
    }
    toy_end(f);
}

Test(sampling, frequencies_are_probabilities) { frequencies_are_probabilities(sampling(11)); }

Test(sampling, frequencies_are_probabilities_of_the_nucleus)
{
    SearchOptions o = sampling(12);
    o.top_p = 0.9;
    o.temperature = 1.4;
    frequencies_are_probabilities(o);
}

Test(sampling, truncates_as_transformers_does)
{
    Err  err = { 0 };
    char path[4200];
    snprintf(path, sizeof path, "%s/decoding/expected.json", getenv("LIMN_FIXTURES"));
    json_t *j = json_read_file(path, &err), *c, *x;
    size_t  at, v;
    cr_assert(j, "%s", err.text);
    cr_assert_gt(json_array_size(json_object_get(j, "warped")), 20);
    json_array_foreach(json_object_get(j, "warped"), at, c) {
        enum { V = 12 };
        const json_t *o = json_object_get(c, "options");
        SearchOptions options = { .temperature = json_number_value(json_object_get(o, "temperature")), .top_k = (int)json_integer_value(json_object_get(o, "top_k")),
                                  .top_p = json_number_value(json_object_get(o, "top_p")), .typical = json_number_value(json_object_get(o, "typical")) };
        double scores[V];
        Ranked ranked[V];
        json_array_foreach(json_object_get(c, "log_probs"), v, x)
            scores[v] = json_number_value(x);
        sample_warp(&options, scores, V, ranked);
        json_array_foreach(json_object_get(c, "probabilities"), v, x)
            cr_assert_float_eq(exp(scores[v]), json_number_value(x), 1e-12, "case %zu, token %zu: %.15g, not %.15g", at, v, exp(scores[v]),
                               json_number_value(x));
    }
    json_decref(j);
}

/* ---- what a draw depends on ------------------------------------------------------------------------------------------------ */

static void the_same_in_company(const Backend *backend)
{
    Toy one = toy(3, 19, backend, 1), two = toy(3, 19, backend, 2);
    int64_t N = one.m->encoder->tokens;
    uint64_t keys[PICTURES];
    SearchOptions o = sampling(21);
    o.keys = keys;
    o.attention = true;
    o.top_p = 0.95;
    for (int i = 0; i < PICTURES; i++)
        keys[i] = (uint64_t)(1000 + 7 * i);
    Hypothesis *h = search_captions(one.t, one.m, one.features, o, one.a), *g = search_captions(two.t, two.m, two.features, o, two.a);
    for (int64_t i = 0; i < PICTURES; i++) {
        SearchOptions fewer = o;
        fewer.keys = &keys[i];
        fewer.samples = 2;
        Hypothesis *alone = search_captions(one.t, one.m, toy_some(one, i, 1), fewer, one.a);
        for (int j = 0; j < SAMPLES; j++)
            toy_same(&g[i * SAMPLES + j], &h[i * SAMPLES + j], N, "two threads, picture", (long)i);
        for (int j = 0; j < 2; j++)
            toy_same(&alone[j], &h[i * SAMPLES + j], N, "alone, picture", (long)i);
    }
    toy_end(one);
    toy_end(two);
}

Test(sampling, is_the_same_alone_in_a_batch_and_on_two_threads) { the_same_in_company(&backend_reference); }

Test(sampling, on_openblas_is_the_same_alone_in_a_batch_and_on_two_threads)
{
    Err err = { 0 };
    cr_assert(backend_find("openblas", &err), "%s", err.text);
    the_same_in_company(&backend_openblas);
}

Test(sampling, on_openblas_and_without_a_cache_draws_the_same_tokens)
{
    Err err = { 0 };
    cr_assert(backend_find("openblas", &err), "%s", err.text);
    Toy f = toy(3, 19, &backend_reference, 1), g = toy(3, 19, &backend_openblas, 2);
    SearchOptions o = sampling(22), uncached = o;
    uncached.uncached = true;
    Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a), *k = search_captions(g.t, g.m, g.features, o, g.a),
               *u = search_captions(f.t, f.m, f.features, uncached, f.a);
    for (int64_t i = 0; i < PICTURES * SAMPLES; i++) {
        toy_alike(&k[i], &h[i], (long)i);
        toy_alike(&u[i], &h[i], (long)i);
    }
    toy_end(f);
    toy_end(g);
}

static int differing(const Hypothesis *x, const Hypothesis *y, int64_t count)
{
    int n = 0;
    for (int64_t i = 0; i < count; i++)
        n += x[i].count != y[i].count || memcmp(x[i].ids, y[i].ids, (size_t)x[i].count * sizeof *x[i].ids) != 0;
    return n;
}

Test(sampling, differs_between_seeds_pictures_and_samples)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    uint64_t keys[PICTURES];
    SearchOptions o = sampling(1), other = sampling(2), named = sampling(1);
    named.keys = keys;
    for (int i = 0; i < PICTURES; i++)
        keys[i] = (uint64_t)(PICTURES + i);
    Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a), *g = search_captions(f.t, f.m, f.features, other, f.a),
               *k = search_captions(f.t, f.m, f.features, named, f.a);
    cr_assert_gt(differing(h, g, PICTURES * SAMPLES), PICTURES * SAMPLES / 2);
    cr_assert_gt(differing(h, k, PICTURES * SAMPLES), PICTURES * SAMPLES / 2);
    cr_assert_gt(differing(h, h + 1, PICTURES * SAMPLES - 1), PICTURES * SAMPLES / 2);
    toy_end(f);
}

Test(sampling, of_one_token_is_greedy)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    SearchOptions o = sampling(1);
    o.top_k = 1;
    o.samples = 1;
    Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a), *g = search_captions(f.t, f.m, f.features, toy_options(1), f.a);
    for (int64_t i = 0; i < PICTURES; i++)
        toy_alike(&h[i], &g[i], (long)i);
    toy_end(f);
}
