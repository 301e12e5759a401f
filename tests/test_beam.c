/* test_beam.c - beam search and its options: exact where the beam holds everything, equal to a naive search and to transformers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/naive_search.h"

/* ---- what is required and forbidden ---------------------------------------------------------------------------------- */

/* 5 or 7; "6 4" or "3 3 6"; 4 */
static const int32_t FIVE[] = { 5 }, SEVEN[] = { 7 }, SIX_FOUR[] = { 6, 4 }, THREES[] = { 3, 3, 6 }, FOUR[] = { 4 };
static const Phrase FIVE_OR_SEVEN[] = { { FIVE, 1 }, { SEVEN, 1 } }, LONGER[] = { { THREES, 3 }, { SIX_FOUR, 2 } }, JUST_FOUR[] = { { FOUR, 1 } };
static const Requirement REQUIRED[] = { { FIVE_OR_SEVEN, 2 }, { LONGER, 2 }, { JUST_FOUR, 1 } };

static bool has_one(const Hypothesis *h, const Requirement *r)
{
    for (int a = 0; a < r->count; a++)
        for (int at = 0; at + r->any[a].count <= h->count; at++)
            if (memcmp(h->ids + at, r->any[a].ids, (size_t)r->any[a].count * sizeof *h->ids) == 0)
                return true;
    return false;
}

/* ---- brute force ----------------------------------------------------------------------------------------------------- */

typedef struct Best { NaiveWords words; int seen; } Best;

/* Every caption of at most max_length tokens that begins with h. */
static void every_caption(const Naive *n, NaiveWords h, Best *best)
{
    double log_probs[NAIVE_V];
    if (h.ended || h.count == n->o.max_length) {
        for (int i = 0; i < n->o.required_count; i++)
            if (!has_one(&(Hypothesis){ .ids = h.ids, .count = h.count }, &n->o.required[i]))
                return;
        h.score = naive_length(n, &h);
        if (best->seen++ == 0 || h.score > best->words.score)
            best->words = h;
        return;
    }
    naive_log_probs(n, &h, log_probs);
    for (int32_t v = 2; v < n->f->m->config.decoder.vocab; v++) {
        NaiveWords longer = h;
        longer.log_prob = longer.score += log_probs[v];
        longer.ended = v == n->o.eos;
        if (!longer.ended)
            longer.ids[longer.count++] = v;
        every_caption(n, longer, best);
    }
}

static int power(int64_t v, int n) { return n == 0 ? 1 : (int)v * power(v, n - 1); }

/* Beams of V^L hold every hypothesis, so that nothing is lost, however unlikely it looks on the way. */
static void wide_beam_is_exact(SearchOptions o, int models)
{
    static const struct { int vocab, length; } SIZES[] = { { 4, 4 }, { 5, 3 }, { 6, 3 }, { 9, 2 } };
    int seen[NAIVE_L + 1] = { 0 };
    for (int k = 0; k < models; k++) {
        int V = SIZES[k % 4].vocab, L = SIZES[k % 4].length;
        Toy f = toy((uint64_t)(100 + k), V, &backend_reference, 1);
        f.t->recording = false;
        o.max_length = L;
        o.beam = power(V, L);
        Naive n = { .f = &f, .features = toy_some(f, 0, 1), .o = o };
        Best  best = { .seen = 0 };
        every_caption(&n, (NaiveWords){ .count = 0 }, &best);
        Hypothesis *h = search_captions(f.t, f.m, n.features, o, f.a);
        naive_agrees(&best.words, h, "brute force", k, 0);
        seen[h->count]++;
        toy_end(f);
    }
    cr_assert(seen[0] > models / 50 && seen[1] > models / 50 && seen[2] > models / 50, "the test wants captions of all lengths: %d %d %d",
              seen[0], seen[1], seen[2]);
}

Test(beam, of_vocabulary_to_the_length_finds_the_brute_force_optimum_of_1000_models) { wide_beam_is_exact(toy_options(0), 1000); }

Test(beam, that_holds_everything_is_exact_on_average)
{
    SearchOptions o = toy_options(0);
    o.length = LENGTH_AVERAGE;
    wide_beam_is_exact(o, 200);
}

Test(beam, that_holds_everything_is_exact_with_gnmts_penalty)
{
    SearchOptions o = toy_options(0);
    o.length = LENGTH_GNMT;
    o.alpha = 0.8;
    wide_beam_is_exact(o, 200);
}

/* "3" or "4", and "3 4": of all captions that have them the best, however unlikely on the way. */
Test(beam, that_holds_everything_is_exact_with_required_words)
{
    static const int32_t three[] = { 3 }, four[] = { 4 }, both[] = { 3, 4 };
    static const Phrase either[] = { { three, 1 }, { four, 1 } }, pair[] = { { both, 2 } };
    static const Requirement word[] = { { either + 1, 1 } }, phrase[] = { { pair, 1 } }, any[] = { { either, 2 } };
    const Requirement *const required[] = { word, phrase, any };
    for (int k = 0; k < 3; k++) {
        SearchOptions o = toy_options(0);
        o.required = required[k];
        o.required_count = 1;
        for (int i = 0; i < 60; i++) {
            Toy f = toy((uint64_t)(300 + i), 5, &backend_reference, 1);
            f.t->recording = false;
            o.max_length = 3;
            o.beam = power(5, 3);
            Naive n = { .f = &f, .features = toy_some(f, 0, 1), .o = o };
            Best  best = { .seen = 0 };
            every_caption(&n, (NaiveWords){ .count = 0 }, &best);
            naive_agrees(&best.words, search_captions(f.t, f.m, n.features, o, f.a), "brute force", i, 0);
            toy_end(f);
        }
    }
}

/* ---- the naive search -------------------------------------------------------------------------------------------------- */

static void finds_what_is_found_naively(SearchOptions o, const char *what)
{
    enum { MOST = 8 };
    static const struct { int64_t vocab; uint64_t seed; } TOYS[] = { { 8, 3 }, { 8, 4 }, { 19, 5 } };
    for (int k = 0; k < 3; k++) {
        Toy f = toy(TOYS[k].seed, TOYS[k].vocab, &backend_reference, 1);
        f.t->recording = false;
        Hypothesis *h = search_captions(f.t, f.m, toy_some(f, 0, 8), o, f.a);
        for (int64_t i = 0; i < 8; i++) {
            Naive n = { .f = &f, .features = toy_some(f, i, 1), .o = o };
            NaiveWords found[MOST];
            int count = naive_beam(&n, found);
            for (int j = 0; j < o.best; j++) {
                if (j < count)
                    naive_agrees(&found[j], &h[i * o.best + j], what, (long)i, j);
                else
                    cr_assert(h[i * o.best + j].count == 0 && h[i * o.best + j].score == -INFINITY, "%s: there are only %d", what, count);
            }
        }
        toy_end(f);
    }
}

#define BEAM(name, ...) \
    Test(beam, name) \
    { \
        SearchOptions o = toy_options(4); \
        o.best = 4; \
        __VA_ARGS__; \
        finds_what_is_found_naively(o, #name); \
    }

static const int32_t WORDS[] = { 4, 6, 6, 5 };
static const Phrase NEVER[] = { { WORDS, 1 }, { WORDS + 1, 2 }, { WORDS + 2, 2 } };      /* 4; 6 6; 6 5 */

BEAM(finds_what_is_found_naively, (void)0)
BEAM(on_average_finds_what_is_found_naively, o.length = LENGTH_AVERAGE)
BEAM(with_gnmts_penalty_finds_what_is_found_naively, o.length = LENGTH_GNMT; o.alpha = 1.3)
BEAM(without_repeated_words_finds_what_is_found_naively, o.no_repeat = 1)
BEAM(without_repeated_pairs_finds_what_is_found_naively, o.no_repeat = 2; o.min_length = 6)
BEAM(with_a_repetition_penalty_finds_what_is_found_naively, o.repetition = 1.5)
BEAM(that_favours_repetition_finds_what_is_found_naively, o.repetition = 0.6; o.no_repeat = 3)
BEAM(of_a_least_length_finds_what_is_found_naively, o.min_length = 5)
BEAM(of_a_fixed_length_finds_what_is_found_naively, o.min_length = 6; o.max_length = 6)
BEAM(without_forbidden_words_finds_what_is_found_naively, o.forbidden = NEVER; o.forbidden_count = 3)
BEAM(in_two_groups_finds_what_is_found_naively, o.groups = 2; o.diversity = 0.7)
BEAM(in_groups_of_one_finds_what_is_found_naively, o.groups = 4; o.diversity = 2; o.length = LENGTH_AVERAGE)
BEAM(with_everything_at_once_finds_what_is_found_naively,
     o.groups = 2; o.diversity = 0.4; o.repetition = 1.2; o.no_repeat = 2; o.min_length = 2; o.forbidden = NEVER; o.forbidden_count = 3;
     o.length = LENGTH_GNMT; o.alpha = 0.6)

BEAM(with_a_required_word_finds_what_is_found_naively, o.required = REQUIRED; o.required_count = 1)
BEAM(with_a_required_phrase_finds_what_is_found_naively, o.required = REQUIRED + 1; o.required_count = 1; o.length = LENGTH_AVERAGE)
BEAM(with_all_that_is_required_finds_what_is_found_naively, o.required = REQUIRED; o.required_count = 3; o.no_repeat = 3)
BEAM(of_width_one_with_required_words_finds_what_is_found_naively, o.beam = o.best = 1; o.required = REQUIRED; o.required_count = 2)
BEAM(that_barely_holds_what_is_required_finds_what_is_found_naively, o.required = REQUIRED; o.required_count = 2; o.max_length = 4)
BEAM(with_required_and_forbidden_words_finds_what_is_found_naively,
     o.required = REQUIRED; o.required_count = 2; o.forbidden = NEVER + 1; o.forbidden_count = 2; o.repetition = 1.2; o.min_length = 7)

Test(beam, says_required_words_always_and_forbidden_words_never)
{
    static const int widths[] = { 1, 2, 5 };
    int unasked = 0;
    Toy f = toy(3, 19, &backend_reference, 1);
    for (int k = 0; k < 6; k++) {
        SearchOptions o = toy_options(widths[k % 3]), free = o;
        o.required = REQUIRED;
        o.required_count = 3;
        o.forbidden = NEVER + 1;
        o.forbidden_count = 2;
        o.max_length = k < 3 ? 10 : 4;           /* as many as are needed */
        cr_assert_eq(search_required_tokens(&o), 4);
        Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a), *g = search_captions(f.t, f.m, f.features, free, f.a);
        for (int i = 0; i < PICTURES; i++) {
            cr_assert(isfinite(h[i].score));
            for (int r = 0; r < 3; r++) {
                cr_assert(has_one(&h[i], &REQUIRED[r]), "beam %d, picture %d, requirement %d", o.beam, i, r);
                unasked += has_one(&g[i], &REQUIRED[r]);
            }
            for (int p = 0; p < 2; p++)
                cr_assert(!has_one(&h[i], &(Requirement){ &o.forbidden[p], 1 }));
        }
    }
    cr_assert_lt(unasked, 6 * PICTURES, "the test wants words that are not said anyway");
    toy_end(f);
}

Test(beam, cannot_say_what_is_both_required_and_forbidden)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    SearchOptions o = toy_options(2);
    o.required = REQUIRED + 2;
    o.forbidden = JUST_FOUR;
    o.required_count = o.forbidden_count = 1;
    Hypothesis *h = search_captions(f.t, f.m, toy_some(f, 0, 2), o, f.a);
    cr_assert(h[0].count == 0 && h[0].score == -INFINITY && h[1].score == -INFINITY);
    toy_end(f);
}

/* To a model whose words are all zeros every token is as likely as the others. */
Test(beam, of_equals_takes_the_lower_token_and_then_the_earlier_hypothesis)
{
    enum { V = 7, BEST = 6 };
    static const int32_t FIRST[BEST][3] = { { 3, 3, 3 }, { 4, 3, 3 }, { 5, 3, 3 }, { 6, 3, 3 }, { 3, 4, 3 }, { 4, 4, 3 } };
    Toy f = toy(3, V, &backend_reference, 1);
    SearchOptions o = toy_options(BEST);
    real zero = 0;
    f.t->recording = false;
    for (int64_t i = 0; i < shape_count(f.m->decoder->wte->shape); i++)
        tensor_write(f.m->decoder->wte, i, &zero, 1);
    o.best = BEST;
    o.max_length = 3;
    o.min_length = 3;
    Hypothesis *h = search_captions(f.t, f.m, toy_some(f, 0, 1), o, f.a);
    Naive n = { .f = &f, .features = toy_some(f, 0, 1), .o = o };
    NaiveWords found[BEST];
    cr_assert_eq(naive_beam(&n, found), BEST);
    for (int i = 0; i < BEST; i++) {
        naive_agrees(&found[i], &h[i], "equals", 0, i);
        cr_assert_eq(memcmp(h[i].ids, FIRST[i], sizeof FIRST[i]), 0, "%d: %d %d %d", i, h[i].ids[0], h[i].ids[1], h[i].ids[2]);
    }
    toy_end(f);
}

Test(beam, that_may_say_nothing_finds_nothing)
{
    Toy f = toy(3, 5, &backend_reference, 1);
    SearchOptions o = toy_options(2);
    o.no_repeat = 1;
    o.min_length = 4;                            /* of only two words */
    Hypothesis *h = search_captions(f.t, f.m, toy_some(f, 0, 3), o, f.a);
    for (int i = 0; i < 3; i++)
        cr_assert(h[i].count == 0 && !h[i].ended && h[i].score == -INFINITY && h[i].log_prob == -INFINITY);
    toy_end(f);
}

/* ---- groups -------------------------------------------------------------------------------------------------------------- */

Test(beam, of_groups_without_a_strength_is_each_groups_own_search)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    SearchOptions o = toy_options(4), half = toy_options(2);
    o.best = 4;
    o.groups = 2;
    half.best = 2;
    Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a), *g = search_captions(f.t, f.m, f.features, half, f.a);
    for (int64_t i = 0; i < PICTURES; i++)
        for (int j = 0; j < 4; j++)
            toy_alike(&h[i * 4 + j], &g[i * 2 + j / 2], (long)i);
    toy_end(f);
}

static int different_captions(const Hypothesis *h, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        int first = 0;
        while (h[first].count != h[i].count || memcmp(h[first].ids, h[i].ids, (size_t)h[i].count * sizeof *h->ids) != 0)
            first++;
        n += first == i;
    }
    return n;
}

Test(beam, of_groups_says_more_different_things_the_stronger_they_push_apart)
{
    Toy f = toy(3, 19, &backend_reference, 1);
    SearchOptions o = toy_options(4);
    int different[2] = { 0 };
    o.best = o.groups = 4;
    o.min_length = 3;
    for (int k = 0; k < 2; k++) {
        o.diversity = k ? 5 : 0;
        Hypothesis *h = search_captions(f.t, f.m, f.features, o, f.a);
        for (int64_t i = 0; i < PICTURES; i++)
            different[k] += different_captions(&h[i * 4], 4);
    }
    cr_assert(different[0] == PICTURES && different[1] > 3 * PICTURES, "%d, then %d of %d", different[0], different[1], 4 * PICTURES);
    toy_end(f);
}

static void the_same_in_company(const Backend *backend)
{
    Toy one = toy(3, 19, backend, 1), two = toy(3, 19, backend, 2);
    SearchOptions o = toy_options(4);
    o.best = 4;
    o.groups = 2;
    o.diversity = 0.5;
    o.repetition = 1.2;
    o.no_repeat = 2;
    o.attention = true;
    Hypothesis *h = search_captions(one.t, one.m, one.features, o, one.a), *g = search_captions(two.t, two.m, two.features, o, two.a);
    for (int64_t i = 0; i < PICTURES; i++) {
        Hypothesis *alone = search_captions(one.t, one.m, toy_some(one, i, 1), o, one.a);
        for (int j = 0; j < 4; j++) {
            toy_same(&g[i * 4 + j], &h[i * 4 + j], one.m->encoder->tokens, "two threads, picture", (long)i);
            toy_same(&alone[j], &h[i * 4 + j], one.m->encoder->tokens, "alone, picture", (long)i);
        }
    }
    toy_end(one);
    toy_end(two);
}

Test(beam, with_rules_is_the_same_alone_in_a_batch_and_on_two_threads) { the_same_in_company(&backend_reference); }

Test(beam, on_openblas_with_rules_is_the_same_alone_in_a_batch_and_on_two_threads)
{
    Err err = { 0 };
    cr_assert(backend_find("openblas", &err), "%s", err.text);
    the_same_in_company(&backend_openblas);
}

/* ---- transformers ---------------------------------------------------------------------------------------------------------- */

static double number(const json_t *c, const char *key) { return json_number_value(json_object_get(c, key)); }

static SearchOptions options_of(const json_t *c, Phrase *phrases, int32_t *ids)
{
    SearchOptions o = toy_options((int)number(c, "beam"));
    json_t *words, *id;
    size_t i, k;
    o.best       = (int)number(c, "best");
    o.eos        = (int32_t)number(c, "eos");
    o.length     = number(c, "length_penalty") == 1 ? LENGTH_AVERAGE : LENGTH_NONE;
    o.no_repeat  = (int)number(c, "no_repeat_ngram_size");
    o.repetition = number(c, "repetition_penalty");
    o.min_length = (int)number(c, "min_new_tokens");
    o.groups     = (int)number(c, "num_beam_groups");
    o.diversity  = number(c, "diversity_penalty");
    o.forbidden  = phrases;
    json_array_foreach(json_object_get(c, "bad_words_ids"), i, words) {
        phrases[o.forbidden_count++] = (Phrase){ ids, (int)json_array_size(words) };
        json_array_foreach(words, k, id)
            *ids++ = (int32_t)json_integer_value(id);
    }
    return o;
}

Test(beam, with_its_options_finds_what_generate_of_transformers_finds)
{
    Err  err = { 0 };
    char folder[4096], path[4200], what[64];
    snprintf(folder, sizeof folder, "%s/captioner", getenv("LIMN_FIXTURES"));
    snprintf(path, sizeof path, "%s/decoding/expected.json", getenv("LIMN_FIXTURES"));
    Model  *m = model_read(folder, &err);
    json_t *j = json_read_file(path, &err), *c;
    cr_assert(m && j, "%s", err.text);
    Arena  *keep = arena_new(1 << 16);
    Tape   *t = tape_new(&backend_reference, NULL, 0);
    t->recording = false;
    Tensor *features = captioner_encode(t, m->captioner, tiny_pixels(keep, 3, 16));
    size_t  at;
    cr_assert_gt(json_array_size(json_object_get(j, "search")), 50);
    json_array_foreach(json_object_get(j, "search"), at, c) {
        Phrase  phrases[4];
        int32_t ids[16];
        SearchOptions o = options_of(c, phrases, ids);
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
