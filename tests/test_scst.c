/* test_scst.c - the gradient of self-critical training is that of the expected reward, over all captions that there are. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/scst.h"
#include "tensor/optim.h"
#include "tests/tiny_captioner.h"

#define DOUBLE (sizeof(real) == sizeof(double))

enum { PAD = 0, BOS = 1, EOS = 2, V = 5, LONGEST = 3, PICTURES = 2, ALL = 85 };      /* 1 + 4 + 16 x 5 captions */

typedef struct Fixture { Params *p; Captioner *m; Tape *t; Arena *a; Tensor *pixels; } Fixture;

static Fixture fixture(int64_t vocab, int64_t pictures)
{
    CaptionerConfig c = tiny_captioner_config(vocab);
    Fixture f = { .p = params_new(3), .a = arena_new(1 << 16), .t = tape_new(&backend_reference, NULL, 5) };
    f.m = captioner_new(f.p, &c);
    f.pixels = tiny_pixels(f.a, pictures, 16);
    return f;
}

static void end(Fixture f)
{
    tape_free(f.t);
    params_free(f.p);
    arena_free(f.a);
}

/* ---- every caption of at most LONGEST tokens ---------------------------------------------------------------------------- */

static void enumerate(Arena *a, int32_t *ids, int count, Hypothesis *all, int *found)
{
    for (int32_t v = 0; v < V; v++) {
        bool ended = v == EOS, cut = !ended && count + 1 == LONGEST;
        ids[count] = v;
        if (!ended && !cut) {
            enumerate(a, ids, count + 1, all, found);
            continue;
        }
        int n = count + cut;
        int32_t *own = arena_zeros(a, (size_t)(n + 1) * sizeof *own);
        memcpy(own, ids, (size_t)n * sizeof *own);
        all[(*found)++] = (Hypothesis){ .ids = own, .count = n, .ended = ended };
    }
}

/* Any number that differs from caption to caption and from picture to picture. */
static double reward(const Hypothesis *h, int64_t picture)
{
    double r = 1.5 * (double)picture + (h->ended ? 1 : 0);
    for (int i = 0; i < h->count; i++) r += sin(1.7 * (h->ids[i] + 1) * (i + 1) + (double)picture);
    return r;
}

/* p(c | picture), one caption at a time. */
static double probability(Fixture f, Tensor *features, const Hypothesis *h, int32_t picture)
{
    int32_t tokens[LONGEST] = { BOS };
    int T = h->count + h->ended;
    double sum = 0;

    for (int i = 1; i < T; i++) tokens[i] = h->ids[i - 1];
    ArenaMark mark = tape_mark(f.t);
    Tensor *x = captioner_logits(f.t, f.m, (Ids){ SHAPE(1, T), tokens }, captioner_memory(f.t, f.m, features), &picture, NULL, NULL);
    rows_log_softmax(f.t, x);
    for (int i = 0; i < T; i++) sum += tiny_at(x, i * V + (i < h->count ? h->ids[i] : EOS));
    arena_release(f.t->arena, mark);
    return exp(sum);
}

/* E[r], the mean over the pictures; p receives the probabilities. */
static double expected_reward(Fixture f, const Hypothesis *all, double p[PICTURES * ALL])
{
    double sum = 0, mass = 0;

    f.t->recording = false;
    Tensor *features = captioner_encode(f.t, f.m, f.pixels);
    for (int i = 0; i < PICTURES * ALL; i++) {
        p[i] = probability(f, features, &all[i], i / ALL);
        mass += p[i];
        sum += p[i] * reward(&all[i], i / ALL);
    }
    tape_reset(f.t);
    f.t->recording = true;
    cr_assert_float_eq(mass, PICTURES, 1e-9, "all captions together: %.12g", mass);
    return sum / PICTURES;
}

static double shifted(Fixture f, Tensor *x, int64_t at, real by, const Hypothesis *all)
{
    double p[PICTURES * ALL];
    real value;

    tensor_read(x, at, &value, 1);
    value += by;
    tensor_write(x, at, &value, 1);
    params_touch(f.p);
    double e = expected_reward(f, all, p);
    value -= by;
    tensor_write(x, at, &value, 1);
    params_touch(f.p);
    return e;
}

/* Each caption stands in the batch once, weighed by its probability in place of being drawn: no chance is left. */
static void expect_the_gradient(double baseline)
{
    const double STEP = 1e-5;
    Fixture f = fixture(V, PICTURES);
    Hypothesis all[PICTURES * ALL];
    double p[PICTURES * ALL], a[PICTURES * ALL], worst = 0;
    int32_t ids[LONGEST];
    int found = 0, checked = 0;

    tiny_enliven(f.p, 0.4, 5);
    for (int i = 0; i < PICTURES; i++) enumerate(f.a, ids, 0, all, &found);
    cr_assert_eq(found, PICTURES * ALL);
    expected_reward(f, all, p);
    for (int i = 0; i < PICTURES * ALL; i++) a[i] = p[i] * (reward(&all[i], i / ALL) - baseline);
    params_zero_grad(f.p);
    tape_backward(f.t, scst_loss(f.t, f.m, captioner_encode(f.t, f.m, f.pixels), &(Lesson){ all, a, PICTURES, ALL, BOS, EOS, PAD }, PICTURES));
    tape_reset(f.t);
    for (int i = 0; i < params_count(f.p); i++) {
        Tensor *x = params_at(f.p, i)->tensor;
        for (int64_t at = i % 7; at < shape_count(x->shape); at += 1 + shape_count(x->shape) / 2) {
            double wanted = (shifted(f, x, at, (real)STEP, all) - shifted(f, x, at, (real)-STEP, all)) / (2 * STEP);
            double got = -(double)x->grad[at], error = fabs(got - wanted) / fmax(1e-3, fabs(got) + fabs(wanted));
            cr_expect_leq(error, 1e-6, "%s[%lld]: %.12g, not %.12g", x->name, (long long)at, got, wanted);
            worst = fmax(worst, fabs(wanted));
            checked++;
        }
    }
    cr_assert(checked > 100 && worst > 0.05, "%d checked, the largest is %g", checked, worst);
    end(f);
}

Test(scst, its_gradient_is_that_of_the_expected_reward)
{
    if (!DOUBLE) cr_skip_test("gradients are checked in double");
    expect_the_gradient(0);
}

Test(scst, a_baseline_does_not_change_the_expected_gradient)
{
    if (!DOUBLE) cr_skip_test("gradients are checked in double");
    expect_the_gradient(17.3);
}

/* ---- advantages --------------------------------------------------------------------------------------------------------- */

Test(scst, an_advantage_is_over_the_greedy_caption_or_over_the_mean_of_the_others)
{
    static const double rewards[] = { 1, 2, 6,  0, 0, 3 }, greedy[] = { 2, 1 };
    static const double over_greedy[] = { -1, 0, 4,  -1, -1, 2 }, over_mean[] = { -3, -1.5, 4.5,  -1.5, -1.5, 3 };
    double a[6];

    scst_advantages(rewards, greedy, 2, 3, a);
    for (int i = 0; i < 6; i++) cr_expect_float_eq(a[i], over_greedy[i], 1e-12);
    scst_advantages(rewards, NULL, 2, 3, a);
    for (int i = 0; i < 6; i++) cr_expect_float_eq(a[i], over_mean[i], 1e-12);
}

/* ---- with captions that are drawn --------------------------------------------------------------------------------------- */

static Hypothesis *draw(Fixture f, Tensor *features, int samples, uint64_t seed, int longest)
{
    SearchOptions o = { .samples = samples, .max_length = longest, .seed = seed, .bos = BOS, .eos = EOS, .pad = PAD };
    return search_captions(f.t, f.m, features, o, f.a);
}

/* What the sampler says of its captions on the cache is what the pass with gradients says of them. */
Test(scst, its_loss_is_the_sum_of_the_weighed_log_probabilities_of_the_samples)
{
    enum { SAMPLES = 6, N = 3 * SAMPLES };
    Fixture f = fixture(19, 3);
    double a[N], sum = 0;
    int cut = 0, ended = 0;

    tiny_enliven(f.p, 0.3, 8);
    Tensor *features = captioner_encode(f.t, f.m, f.pixels);
    Hypothesis *h = draw(f, features, SAMPLES, 3, 8);
    for (int i = 0; i < N; i++) {
        a[i] = cos(i);
        sum -= a[i] * h[i].log_prob;
        ended += h[i].ended;
        cut += !h[i].ended;
    }
    cr_assert(cut > 0 && ended > 0, "%d cut, %d ended", cut, ended);
    double loss = tape_scalar(scst_loss(f.t, f.m, features, &(Lesson){ h, a, 3, SAMPLES, BOS, EOS, PAD }, N));
    cr_expect_float_eq(loss, sum / N, DOUBLE ? 1e-12 : 1e-5, "%.9g, not %.9g", loss, sum / N);
    end(f);
}

/* Wanted: of picture i the word 5 + i, always, and then an end. */
static double share_wanted(const Hypothesis *h, int64_t picture)
{
    double right = 0;
    for (int i = 0; i < h->count; i++) right += h->ids[i] == 5 + picture;
    return h->count ? right / h->count - (h->ended ? 0 : 0.5) : 0;
}

Test(scst, teaches_a_model_what_is_rewarded_with_either_baseline)
{
    enum { SAMPLES = 8, I = 3, N = I * SAMPLES, UPDATES = 100 };
    for (int kind = 0; kind < 2; kind++) {
        Fixture f = fixture(19, I);
        double first = 0, last = 0;
        tiny_enliven(f.p, 0.1, 4);
        Optimizer *o = optimizer_new(OPTIMIZERS[0], f.p, (OptimizerOptions){ .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8 });
        for (int k = 0; k < UPDATES; k++) {
            double r[N], a[N], greedy[I], mean = 0;
            Tensor *features = captioner_encode(f.t, f.m, f.pixels);
            Hypothesis *h = draw(f, features, SAMPLES, (uint64_t)k, 6);
            SearchOptions best = { .beam = 1, .max_length = 6, .bos = BOS, .eos = EOS, .pad = PAD };
            Hypothesis *g = search_captions(f.t, f.m, features, best, f.a);
            for (int i = 0; i < N; i++) mean += (r[i] = share_wanted(&h[i], i / SAMPLES)) / N;
            for (int i = 0; i < I; i++) greedy[i] = share_wanted(&g[i], i);
            scst_advantages(r, kind ? greedy : NULL, I, SAMPLES, a);
            params_zero_grad(f.p);
            tape_backward(f.t, scst_loss(f.t, f.m, features, &(Lesson){ h, a, I, SAMPLES, BOS, EOS, PAD }, N));
            tape_reset(f.t);
            optimizer_step(o, NULL, 1e-2, 1);
            if (k == 0) first = mean;
            if (k >= UPDATES - 10) last += mean / 10;
        }
        cr_expect(last > first + 0.4, "%s: from %g to %g", kind ? "greedy" : "mean", first, last);
        optimizer_free(o);
        end(f);
    }
}
