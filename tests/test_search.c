/* test_search.c - greedy and beam search: against transformers, and independent of company; their options are in test_beam.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/json.h"
#include "tests/naive_search.h"

/* ---- transformers ---------------------------------------------------------------------------------------------------- */

Test(search, finds_what_generate_of_transformers_finds)
{
    Err  err = { 0 };
    char folder[4096], path[4200], what[64];
    snprintf(folder, sizeof folder, "%s/captioner", getenv("LIMN_FIXTURES"));
    snprintf(path, sizeof path, "%s/expected.json", folder);
    Model  *m = model_read(folder, &err);
    json_t *j = json_read_file(path, &err), *c;
    cr_assert(m && j, "%s", err.text);
    Arena  *keep = arena_new(1 << 16);
    Tape   *t = tape_new(&backend_reference, NULL, 0);
    t->recording = false;
    Tensor *features = captioner_encode(t, m->captioner, tiny_pixels(keep, 3, 16));
    size_t  at;
    json_array_foreach(json_object_get(j, "search"), at, c) {
        SearchOptions o = toy_options((int)json_integer_value(json_object_get(c, "beam")));
        o.best   = (int)json_integer_value(json_object_get(c, "best"));
        o.eos    = (int32_t)json_integer_value(json_object_get(c, "eos"));
        o.length = json_is_true(json_object_get(c, "average")) ? LENGTH_AVERAGE : LENGTH_NONE;
        Hypothesis *h = search_captions(t, m->captioner, features, o, keep);
        for (int i = 0; i < 3 * o.best; i++) {
            snprintf(what, sizeof what, "case %zu, hypothesis %d", at, i);
            toy_found(&h[i], json_array_get(json_object_get(c, "ids"), (size_t)i), o.eos,
                  json_array_get(json_object_get(c, "scores"), (size_t)i), what);
        }
    }
    tape_free(t);
    arena_free(keep);
    json_decref(j);
    model_free(m);
}

/* ---- greedy ---------------------------------------------------------------------------------------------------------- */

static void beam_of_one_is_greedy(LengthPenalty length)
{
    Toy f = toy(3, 8, &backend_reference, 1);
    int ended = 0;
    f.t->recording = false;
    SearchOptions o = toy_options(1);
    o.length = length;
    Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a);
    for (int64_t i = 0; i < PICTURES; i++) {
        Naive n = { .f = &f, .features = toy_some(f, i, 1), .o = o };
        NaiveWords words = { 0 };
        while (!words.ended && words.count < o.max_length) {
            double  log_probs[NAIVE_V];
            int32_t best = 2;
            naive_log_probs(&n, &words, log_probs);
            for (int32_t v = 3; v < 8; v++)
                best = log_probs[v] > log_probs[best] ? v : best;
            cr_assert_float_eq(h[i].token_log_prob[words.count], log_probs[best], 1e-5);
            words.log_prob += log_probs[best];
            words.ended = best == o.eos;
            if (!words.ended)
                words.ids[words.count++] = best;
        }
        words.score = length == LENGTH_AVERAGE ? words.log_prob / (words.count + words.ended) : words.log_prob;
        naive_agrees(&words, &h[i], "greedy", (long)i, 0);
        ended += words.ended;
    }
    cr_assert(ended > 2 && ended < PICTURES - 2, "%d of the captions end: the test wants both kinds", ended);
    toy_end(f);
}

Test(search, with_a_beam_of_one_is_greedy) { beam_of_one_is_greedy(LENGTH_NONE); }
Test(search, with_a_beam_of_one_is_greedy_on_average) { beam_of_one_is_greedy(LENGTH_AVERAGE); }

/* ---- company, threads, cache ------------------------------------------------------------------------------------------- */

static Hypothesis *whole(Toy f, int beam, bool uncached)
{
    SearchOptions o = toy_options(beam);
    o.attention = true;
    o.uncached  = uncached;
    o.length    = LENGTH_AVERAGE;
    return search_captions(f.t, f.m, f.features, o, f.a);
}

static void alone_as_in_company(const Backend *backend, bool bits)
{
    Toy one = toy(3, 19, backend, 1), two = toy(3, 19, backend, 2);
    int64_t N = one.m->encoder->tokens;
    for (int beam = 1; beam <= 4; beam += 3) {
        Hypothesis *h = whole(one, beam, false), *g = whole(two, beam, false);
        for (int64_t i = 0; i < PICTURES; i++) {
            SearchOptions o = toy_options(beam);
            o.attention = true;
            o.length = LENGTH_AVERAGE;
            Hypothesis *alone = search_captions(one.t, one.m, toy_some(one, i, 1), o, one.a);
            if (bits) {
                toy_same(&g[i], &h[i], N, "two threads, picture", (long)i);
                toy_same(alone, &h[i], N, "alone, picture", (long)i);
            } else {
                toy_alike(&g[i], &h[i], (long)i);
                toy_alike(alone, &h[i], (long)i);
            }
        }
    }
    toy_end(one);
    toy_end(two);
}

Test(search, of_a_picture_is_the_same_alone_in_a_batch_and_on_two_threads) { alone_as_in_company(&backend_reference, true); }

Test(search, on_openblas_is_the_same_alone_in_a_batch_and_on_two_threads)
{
    Err err = { 0 };
    const Backend *b = backend_find("openblas", &err);
    cr_assert(b, "%s", err.text);
    alone_as_in_company(b, true);
}

Test(search, on_openblas_finds_what_the_reference_finds)
{
    Err err = { 0 };
    const Backend *b = backend_find("openblas", &err);
    cr_assert(b, "%s", err.text);
    Toy f = toy(3, 19, &backend_reference, 1), g = toy(3, 19, b, 2);
    for (int beam = 1; beam <= 4; beam += 3) {
        Hypothesis *h = whole(f, beam, false), *k = whole(g, beam, false);
        for (int64_t i = 0; i < PICTURES; i++)
            toy_alike(&h[i], &k[i], (long)i);
    }
    toy_end(f);
    toy_end(g);
}

Test(search, with_a_cache_finds_what_it_finds_without)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    for (int beam = 1; beam <= 4; beam += 3) {
        Hypothesis *with = whole(f, beam, false), *without = whole(f, beam, true);
        for (int64_t i = 0; i < PICTURES; i++)
            toy_alike(&with[i], &without[i], (long)i);
    }
    toy_end(f);
}

Test(search, attention_of_every_word_is_a_distribution_over_the_picture)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    int64_t N = f.m->encoder->tokens;
    Hypothesis *h = whole(f, 3, false), *g = whole(f, 3, true);
    for (int64_t i = 0; i < PICTURES; i++)
        for (int j = 0; j < h[i].count; j++) {
            double sum = 0;
            for (int64_t n = 0; n < N; n++) {
                sum += h[i].attention[j * N + n];
                cr_assert_float_eq(h[i].attention[j * N + n], g[i].attention[j * N + n], 1e-5);
            }
            cr_assert_float_eq(sum, 1, 1e-5);
        }
    toy_end(f);
}

Test(search, scores_are_the_sum_of_the_tokens)
{
    Toy f = toy(3, 8, &backend_reference, 1);
    Hypothesis *h = whole(f, 4, false);
    for (int64_t i = 0; i < PICTURES; i++) {
        double sum = 0;
        int    n = h[i].count + h[i].ended;
        for (int j = 0; j < n; j++)
            sum += h[i].token_log_prob[j];
        cr_assert_float_eq(sum, h[i].log_prob, 1e-9);
        cr_assert_float_eq(sum / n, h[i].score, 1e-9);
    }
    toy_end(f);
}

Test(search, leaves_the_tape_as_it_was_and_does_not_grow_with_length)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    size_t  before = arena_live(f.t->arena), peak[2];
    for (int i = 0; i < 2; i++) {
        SearchOptions o = toy_options(2);
        o.max_length = i ? 12 : 6;
        Tape *t = tape_new(&backend_reference, NULL, 0);
        search_captions(t, f.m, f.features, o, f.a);
        cr_assert_eq(arena_live(t->arena), before);
        cr_assert(t->recording);
        peak[i] = arena_peak(t->arena);
        tape_free(t);
    }
    /* Only the cache grows: 6 more positions, 2C a position, for depth + 1 tensors of 64 rows; and probabilities of so many keys. */
    size_t cache = 6 * 2 * 16 * sizeof(real) * 3 * 2 * PICTURES;
    cr_assert_leq(peak[1] - peak[0], cache + (1 << 14), "%zu more", peak[1] - peak[0]);
    toy_end(f);
}

Test(search, length_is_at_most_the_decoders)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    SearchOptions o = toy_options(2);
    o.max_length = 1000;
    o.eos = -1;
    Hypothesis *h = search_captions(f.t, f.m, toy_some(f, 0, 2), o, f.a);
    cr_assert(h[0].count == 12 && !h[0].ended && h[1].count == 12);
    toy_end(f);
}

Test(search, of_a_model_that_has_gone_wrong_still_ends)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    real    bad = NAN;
    tensor_write(params_find(f.p, "decoder.transformer.ln_f.bias")->tensor, 0, &bad, 1);
    Hypothesis *h = search_captions(f.t, f.m, toy_some(f, 0, 2), toy_options(3), f.a);
    cr_assert(h[0].count <= 10 && h[1].count <= 10);
    cr_assert(h[0].log_prob == -INFINITY, "%g", h[0].log_prob);
    toy_end(f);
}
