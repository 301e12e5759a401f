/* test_ensemble.c - several models that decide together, and the scoring of given captions. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/naive_search.h"

/* Two models; the second has other weights, and pictures of its own. */
typedef struct Pair { Toy one, two; Speaker speakers[2]; } Pair;

static Pair pair(int64_t vocab, const Backend *backend, int threads)
{
    Pair p = { .one = toy(3, vocab, backend, threads), .two = toy(4, vocab, backend, 1) };
    p.speakers[0] = (Speaker){ p.one.m, p.one.features };
    p.speakers[1] = (Speaker){ p.two.m, p.two.features };
    p.one.t->recording = p.two.t->recording = false;
    return p;
}

static void pair_end(Pair p)
{
    toy_end(p.one);
    toy_end(p.two);
}

static Hypothesis *both(Pair *p, SearchOptions o) { return search_ensemble(p->one.t, (Ensemble){ p->speakers, 2 }, o, p->one.a); }

static Naive naive_pair(Pair *p, int64_t picture, SearchOptions o, Naive *second)
{
    *second = (Naive){ .f = &p->two, .features = toy_some(p->two, picture, 1), .o = o };
    return (Naive){ .f = &p->one, .features = toy_some(p->one, picture, 1), .o = o, .key = (uint64_t)picture, .with = second };
}

Test(ensemble, finds_what_is_found_naively)
{
    Pair p = pair(8, &backend_reference, 1);
    SearchOptions o = toy_options(3);
    o.best = 3;
    o.length = LENGTH_AVERAGE;
    Hypothesis *h = both(&p, o);
    for (int64_t i = 0; i < 8; i++) {
        Naive second, first = naive_pair(&p, i, o, &second);
        NaiveWords found[3];
        cr_assert_eq(naive_beam(&first, found), 3);
        for (int j = 0; j < 3; j++)
            naive_agrees(&found[j], &h[i * 3 + j], "ensemble", (long)i, j);
    }
    pair_end(p);
}

Test(ensemble, draws_what_is_drawn_naively)
{
    Pair p = pair(8, &backend_reference, 1);
    SearchOptions o = toy_options(1);
    o.samples = 2;
    o.seed = 9;
    Hypothesis *h = both(&p, o);
    for (int64_t i = 0; i < PICTURES; i++)
        for (int j = 0; j < 2; j++) {
            Naive second, first = naive_pair(&p, i, o, &second);
            NaiveWords x = naive_sample(&first, j);
            naive_agrees(&x, &h[i * 2 + j], "ensemble", (long)i, j);
        }
    pair_end(p);
}

Test(ensemble, of_one_model_twice_is_the_model)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    Speaker twice[] = { { f.m, f.features }, { f.m, f.features } };
    SearchOptions o = toy_options(3);
    o.best = 3;
    o.attention = true;
    Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a), *g = search_ensemble(f.t, (Ensemble){ twice, 2 }, o, f.a);
    for (int64_t i = 0; i < 3 * PICTURES; i++) {
        toy_alike(&g[i], &h[i], (long)i);
        for (int k = 0; k < h[i].count + h[i].ended; k++)
            cr_assert_float_eq(g[i].token_log_prob[k], h[i].token_log_prob[k], 1e-12);
        cr_assert_eq(memcmp(g[i].attention, h[i].attention, (size_t)(h[i].count * f.m->encoder->tokens) * sizeof(double)), 0);
    }
    toy_end(f);
}

Test(ensemble, is_the_same_without_a_cache_on_two_threads_and_whoever_speaks_first)
{
    Err err = { 0 };
    cr_assert(backend_find("openblas", &err), "%s", err.text);
    Pair p = pair(19, &backend_reference, 1), q = pair(19, &backend_openblas, 2);
    SearchOptions o = toy_options(3), uncached = o;
    Speaker turned[] = { p.speakers[1], p.speakers[0] };
    uncached.uncached = true;
    Hypothesis *h = both(&p, o), *u = both(&p, uncached), *k = both(&q, o), *turn = search_ensemble(p.one.t, (Ensemble){ turned, 2 }, o, p.one.a);
    for (int64_t i = 0; i < PICTURES; i++) {
        toy_alike(&u[i], &h[i], (long)i);
        toy_alike(&k[i], &h[i], (long)i);
        toy_alike(&turn[i], &h[i], (long)i);
    }
    pair_end(p);
    pair_end(q);
}

/* ---- vocabularies ---------------------------------------------------------------------------------------------------------- */

static const char *disagreement(const char *one, const char *two, Err *err)
{
    Model a = { .tokenizer = tokenizer_build_word(&one, 1, 1, 0) }, b = { .tokenizer = tokenizer_build_word(&two, 1, 1, 0) };
    bool good = ensemble_check((const Model *const[]){ &a, &a, &b }, (const char *const[]){ "runs/a", "runs/twin", "runs/b" }, 3, err);
    tokenizer_free(a.tokenizer);
    tokenizer_free(b.tokenizer);
    return good ? NULL : err->text;
}

Test(ensemble, of_models_with_other_words_names_the_first_that_differs)
{
    Err err = { 0 };
    cr_assert_null(disagreement("a dog", "a dog", &err));
    cr_assert_str_eq(disagreement("a cat", "a dog", &err), "an ensemble's models must share their vocabulary: token 5 is 'cat' in runs/a, but 'dog' in runs/b");
    cr_assert_str_eq(disagreement("a dog", "a dog runs", &err),
                     "an ensemble's models must share their vocabulary: token 6 is 'runs' in runs/b, but runs/a has only 6 tokens");
    cr_assert_str_eq(disagreement("a dog runs", "a dog", &err),
                     "an ensemble's models must share their vocabulary: token 6 is 'runs' in runs/a, but runs/b has only 6 tokens");
}

/* ---- given captions ---------------------------------------------------------------------------------------------------------- */

static void found_captions_score_as_when_found(bool ensemble, SearchOptions o)
{
    Pair p = pair(19, &backend_reference, 1);
    Ensemble e = { p.speakers, ensemble ? 2 : 1 };
    Given given[3 * PICTURES];
    o.best = 3;
    o.attention = true;
    Hypothesis *h = search_ensemble(p.one.t, e, o, p.one.a);
    size_t before = arena_live(p.one.t->arena);
    for (int i = 0; i < 3 * PICTURES; i++)
        given[i] = (Given){ h[i].ids, h[i].count, i / 3 };
    Hypothesis *g = captions_score(p.one.t, e, given, 3 * PICTURES, o, p.one.a);
    cr_assert_eq(arena_live(p.one.t->arena), before);
    for (int i = 0; i < 3 * PICTURES; i++) {
        cr_assert(g[i].ended && g[i].count == h[i].count && memcmp(g[i].ids, h[i].ids, (size_t)h[i].count * sizeof *h[i].ids) == 0);
        for (int k = 0; k < h[i].count + h[i].ended; k++)
            cr_assert_float_eq(g[i].token_log_prob[k], h[i].token_log_prob[k], 1e-5, "caption %d, token %d", i, k);
        for (int64_t k = 0; k < h[i].count * p.one.m->encoder->tokens; k++)
            cr_assert_float_eq(g[i].attention[k], h[i].attention[k], 1e-5, "caption %d", i);
        if (h[i].ended)
            cr_assert(fabs(g[i].score - h[i].score) < 1e-4 && fabs(g[i].log_prob - h[i].log_prob) < 1e-4);
    }
    pair_end(p);
}

Test(given_captions, score_as_when_they_were_found) { found_captions_score_as_when_found(false, toy_options(3)); }

Test(given_captions, score_as_when_an_ensemble_found_them)
{
    SearchOptions o = toy_options(3);
    o.length = LENGTH_GNMT;
    o.alpha = 0.7;
    found_captions_score_as_when_found(true, o);
}

Test(given_captions, score_the_same_alone_and_in_company)
{
    Toy f = toy(3, 19, &backend_reference, 2);
    static const int32_t WORDS[] = { 4, 7, 3, 9, 18, 5, 5 };
    const Given given[] = { { WORDS, 7, 3 }, { WORDS, 2, 3 }, { WORDS + 1, 4, 0 }, { WORDS, 0, 1 } };
    SearchOptions o = toy_options(1);
    o.attention = true;
    Hypothesis *h = captions_score(f.t, (Ensemble){ &(Speaker){ f.m, f.features }, 1 }, given, 4, o, f.a);
    for (int i = 0; i < 4; i++) {
        Given one = { given[i].ids, given[i].count, 0 };
        Hypothesis *alone = captions_score(f.t, (Ensemble){ &(Speaker){ f.m, toy_some(f, given[i].image, 1) }, 1 }, &one, 1, o, f.a);
        toy_same(alone, &h[i], f.m->encoder->tokens, "alone, caption", i);
    }
    cr_assert(h[3].count == 0 && h[3].ended && h[3].log_prob == h[3].token_log_prob[0]);
    toy_end(f);
}

Test(given_captions, longer_than_the_decoder_are_cut)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    int32_t words[40];
    for (int i = 0; i < 40; i++)
        words[i] = 4 + i % 9;
    const Given given[] = { { words, 40, 0 }, { words, 11, 0 }, { words, 12, 0 } };        /* the decoder has 12 positions */
    Hypothesis *h = captions_score(f.t, (Ensemble){ &(Speaker){ f.m, f.features }, 1 }, given, 3, toy_options(1), f.a);
    cr_assert(h[0].count == 12 && !h[0].ended && h[1].count == 11 && h[1].ended && h[2].count == 12 && !h[2].ended);
    for (int i = 0; i < 12; i++)
        cr_assert(h[0].token_log_prob[i] == h[2].token_log_prob[i]);
    toy_end(f);
}
