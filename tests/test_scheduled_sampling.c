/* test_scheduled_sampling.c - which words of teacher forcing become the model's own, and by what. */
#include <criterion/criterion.h>
#include <string.h>

#include "experiments/scheduled_sampling.h"
#include "tests/tiny_captioner.h"

enum { B = 4, T = 6, V = 19, PAD = 0, BOS = 1, EOS = 2 };
static const int32_t TOKENS[B * T]  = { 1, 4, 5, 10, 11, 7,    1, 12, 6, 13, 0, 0,     1, 5, 0, 0, 0, 0,        1, 18, 17, 16, 15, 14 };
static const int32_t TARGETS[B * T] = { 4, 5, 10, 11, 7, 2,    12, 6, 13, 2, -1, -1,   5, 2, -1, -1, -1, -1,    18, 17, 16, 15, 14, 2 };
static const int32_t IMAGE_OF[B]    = { 0, 0, 1, 2 };

typedef struct Fixture { Params *p; Captioner *m; Tape *t; Arena *a; Tensor *features; } Fixture;

static Fixture fixture(void)
{
    CaptionerConfig c = tiny_captioner_config(V);
    Fixture f = { .p = params_new(3), .a = arena_new(1 << 16), .t = tape_new(&backend_reference, NULL, 7) };
    f.m = captioner_new(f.p, &c);
    tiny_enliven(f.p, 0.4, 11);
    f.t->recording = false;
    f.features = captioner_encode(f.t, f.m, tiny_pixels(f.a, 3, 16));
    return f;
}

static void end(Fixture f)
{
    tape_free(f.t);
    params_free(f.p);
    arena_free(f.a);
}

static Ids mix(Fixture f, double p, bool draw)
{
    return scheduled_tokens(f.t, f.m, f.features, (Ids){ SHAPE(B, T), TOKENS }, (Ids){ SHAPE(B, T), TARGETS }, IMAGE_OF,
                            (ScheduledSampling){ p, draw, BOS, EOS, PAD });
}

/* What one position at a time gives, from logits of the given words. */
static int32_t likeliest(Fixture f, int row, int position)
{
    Tensor *logits = captioner_logits(f.t, f.m, (Ids){ SHAPE(1, position + 1), TOKENS + row * T }, captioner_memory(f.t, f.m, f.features),
                                      IMAGE_OF + row, NULL, NULL);
    int32_t best = 0;
    for (int32_t v = 1; v < V; v++)
        if (tiny_at(logits, (int64_t)position * V + v) > tiny_at(logits, (int64_t)position * V + best)) best = v;
    return best;
}

Test(scheduled_sampling, with_certainty_puts_the_likeliest_word_everywhere_but_at_the_ends)
{
    Fixture f = fixture();
    Ids mixed = mix(f, 1, false);
    int replaced = 0;

    for (int row = 0; row < B; row++)
        for (int t = 0; t < T; t++) {
            bool word = t > 0 && TARGETS[row * T + t] != IGNORE;
            int32_t said = word ? likeliest(f, row, t - 1) : PAD, was = TOKENS[row * T + t];
            cr_expect_eq(mixed.v[row * T + t], said > EOS ? said : was, "row %d, position %d", row, t);
            replaced += said > EOS && said != was;
        }
    cr_assert_geq(replaced, 5, "a model that says what it is given shows nothing");
    end(f);
}

Test(scheduled_sampling, replaces_about_the_share_that_is_asked_for_anew_at_each_step)
{
    enum { STEPS = 400 };
    int changed = 0, most = 0, differing = 0;
    int32_t before[B * T] = { 0 };
    Fixture f = fixture();
    Ids all = mix(f, 1, false);

    for (int i = 0; i < B * T; i++) most += all.v[i] != TOKENS[i];
    for (int step = 0; step < STEPS; step++) {
        f.t->step = (uint64_t)step;
        Ids mixed = mix(f, 0.25, false);
        for (int i = 0; i < B * T; i++) {
            cr_assert(mixed.v[i] == TOKENS[i] || mixed.v[i] == all.v[i]);
            changed += mixed.v[i] != TOKENS[i];
            differing += mixed.v[i] != before[i];
        }
        memcpy(before, mixed.v, sizeof before);
    }
    cr_expect_float_eq((double)changed / (STEPS * most), 0.25, 0.03);
    cr_expect_gt(differing, STEPS, "the same ones each time");
    end(f);
}

/* Frequencies of a drawn word are the model's probabilities, of all but <eos>, <bos> and <pad>, for which the given word stays. */
Test(scheduled_sampling, draws_words_as_often_as_the_model_expects_them)
{
    enum { STEPS = 4000, ROW = 0, AT = 2 };
    int times[V] = { 0 };
    double kept = 0;
    Fixture f = fixture();
    Tensor *p = captioner_logits(f.t, f.m, (Ids){ SHAPE(1, AT), TOKENS }, captioner_memory(f.t, f.m, f.features), IMAGE_OF, NULL, NULL);

    rows_log_softmax(f.t, p);
    for (int step = 0; step < STEPS; step++) {
        ArenaMark mark = tape_mark(f.t);
        f.t->step = (uint64_t)step;
        times[mix(f, 1, true).v[ROW * T + AT]]++;
        arena_release(f.t->arena, mark);
    }
    for (int v = 0; v <= EOS; v++) kept += exp(tiny_at(p, (AT - 1) * V + v));
    for (int v = EOS + 1; v < V; v++) {
        double expected = exp(tiny_at(p, (AT - 1) * V + v)) + (v == TOKENS[ROW * T + AT] ? kept : 0);
        cr_expect_float_eq((double)times[v] / STEPS, expected, 4 * sqrt(expected / STEPS) + 1e-9, "word %d: %d times of %d, probability %g", v,
                           times[v], STEPS, expected);
    }
    end(f);
}

Test(scheduled_sampling, its_probability_rises_linearly_from_start_to_end)
{
    Experiment x = { .scheduled = { .probability = 0.4, .start = 0.5 } };

    cr_expect_eq(scheduled_probability(&x, 0, 101), 0);
    cr_expect_eq(scheduled_probability(&x, 50, 101), 0);
    cr_expect_float_eq(scheduled_probability(&x, 75, 101), 0.2, 1e-12);
    cr_expect_float_eq(scheduled_probability(&x, 100, 101), 0.4, 1e-12);
    x.scheduled.start = 0;
    cr_expect_eq(scheduled_probability(&x, 0, 1), 0);
    cr_expect_float_eq(scheduled_probability(&x, 25, 101), 0.1, 1e-12);
}
