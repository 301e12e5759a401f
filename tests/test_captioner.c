/* test_captioner.c - the whole ViT captioner: equal to transformers, right gradients, and nothing leaks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/json.h"
#include "tensor/gradcheck.h"
#include "tensor/optim.h"
#include "tests/tiny_captioner.h"

static const bool DOUBLE = sizeof(real) == sizeof(double);

enum { B = 4, T = 6 };
static const int32_t TOKENS[B * T]  = { 1, 4, 5, 10, 11, 7,    1, 12, 6, 13, 3, 4,     1, 5, 5, 5, 8, 9,     1, 18, 17, 16, 15, 14 };
static const int32_t TARGETS[B * T] = { 4, 5, 10, 11, 7, 2,    12, 6, 13, 2, -1, -1,   5, 2, -1, -1, -1, -1, 18, 17, 16, 15, 14, 2 };
static const int32_t IMAGE_OF[B]    = { 0, 0, 1, 2 };

typedef struct Fixture { Params *p; Captioner *m; Tape *t; Arena *a; Tensor *pixels; } Fixture;

static Fixture fixture(CaptionerConfig c)
{
    Fixture f = { .p = params_new(3), .a = arena_new(1 << 16), .t = tape_new(&backend_reference, NULL, 0) };
    f.m = captioner_new(f.p, &c);
    f.pixels = tiny_pixels(f.a, 3, 16);
    return f;
}

static void end(Fixture f)
{
    tape_free(f.t);
    params_free(f.p);
    arena_free(f.a);
}

static Ids ids(const int32_t *v, int64_t rows, int64_t columns) { return (Ids){ SHAPE(rows, columns), v }; }

static Tensor *logits_of(Fixture f, const int32_t *tokens)
{
    Tensor *features = captioner_encode(f.t, f.m, f.pixels);
    return captioner_logits(f.t, f.m, ids(tokens, B, T), captioner_memory(f.t, f.m, features), IMAGE_OF, NULL, NULL);
}

/* ---- transformers ---------------------------------------------------------------------------------------------------- */

static json_t *expected_of(const char *key, json_t *j) { return json_object_get(j, key); }

static void agree(const char *what, const Tensor *x, const json_t *want)
{
    double tolerance = DOUBLE ? 1e-11 : 2e-5;
    cr_assert_eq((size_t)shape_count(x->shape), json_array_size(want), "%s", what);
    for (size_t i = 0; i < json_array_size(want); i++)
        cr_assert_float_eq(tiny_at(x, (int64_t)i), json_real_value(json_array_get(want, i)), tolerance, "%s[%zu]: %.9g, not %.9g", what, i,
                           tiny_at(x, (int64_t)i), json_real_value(json_array_get(want, i)));
}

static const int32_t *flat(Arena *a, const json_t *rows)
{
    size_t   R = json_array_size(rows), C = json_array_size(json_array_get(rows, 0));
    int32_t *v = arena_alloc(a, R * C * sizeof *v);
    for (size_t i = 0; i < R * C; i++)
        v[i] = (int32_t)json_integer_value(json_array_get(json_array_get(rows, i / C), i % C));
    return v;
}

Test(captioner, reproduces_transformers)
{
    Err  err = { 0 };
    char folder[4096], path[4200];
    snprintf(folder, sizeof folder, "%s/captioner", getenv("LIMN_FIXTURES"));
    snprintf(path, sizeof path, "%s/expected.json", folder);
    Model  *m = model_read(folder, &err);
    json_t *j = json_read_file(path, &err);
    cr_assert(m && j, "%s", err.text);

    Arena  *a = arena_new(1 << 16);
    Tape   *t = tape_new(&backend_reference, NULL, 0);
    Ids     tokens = ids(flat(a, expected_of("tokens", j)), 4, 7), targets = ids(flat(a, expected_of("targets", j)), 4, 7);
    Tensor *features = captioner_encode(t, m->captioner, tiny_pixels(a, 3, 16));
    agree("features", features, expected_of("features", j));
    agree("logits", captioner_logits(t, m->captioner, tokens, captioner_memory(t, m->captioner, features), IMAGE_OF, NULL, NULL),
          expected_of("logits", j));
    double  nll, tolerance = DOUBLE ? 1e-11 : 1e-4;
    Tensor *loss = captioner_loss(t, m->captioner, features, tokens, targets, IMAGE_OF, (LossOptions){ .smoothing = 0.1, .nll = &nll });
    cr_assert_float_eq(tape_scalar(loss), json_real_value(expected_of("loss", j)), tolerance);
    cr_assert_float_eq(nll, json_real_value(expected_of("nll", j)), tolerance);
    tape_free(t);
    arena_free(a);
    json_decref(j);
    model_free(m);
}

/* ---- gradients ------------------------------------------------------------------------------------------------------- */

static Tensor *whole_loss(Tape *t, void *context)
{
    Fixture *f = context;
    return captioner_loss(t, f->m, captioner_encode(t, f->m, f->pixels), ids(TOKENS, B, T), ids(TARGETS, B, T), IMAGE_OF, (LossOptions){ .smoothing = 0.1 });
}

static void gradients_agree(CaptionerConfig c)
{
    if (!DOUBLE)
        cr_skip_test("gradients are checked in double");
    Fixture f = fixture(c);
    tiny_enliven(f.p, 0.2, 5);
    GradReport r = gradcheck(f.p, &backend_reference, whole_loss, &f, 1e-5, 6);
    cr_assert_gt(r.checked, 300);
    cr_assert_leq(r.worst, 1e-5, "%g at %s", r.worst, r.where);
    end(f);
}

Test(captioner, gradients_of_the_whole_agree_with_finite_differences) { gradients_agree(tiny_captioner_config(19)); }

Test(captioner, gradients_agree_with_equal_widths_norms_behind_and_its_own_head)
{
    CaptionerConfig c = tiny_captioner_config(19);
    c.encoder.width = c.decoder.width = 12;
    c.decoder.post_norm = true;
    c.decoder.tied = false;
    gradients_agree(c);
}

/* ---- behaviour ------------------------------------------------------------------------------------------------------- */

Test(captioner, untrained_guesses_every_word_alike)
{
    CaptionerConfig c = tiny_captioner_config(1000);
    c.decoder.width = 64;
    c.decoder.hidden = 256;
    Fixture f = fixture(c);
    double loss = tape_scalar(whole_loss(f.t, &f)), nll;
    captioner_loss(f.t, f.m, captioner_encode(f.t, f.m, f.pixels), ids(TOKENS, B, T), ids(TARGETS, B, T), IMAGE_OF, (LossOptions){ .nll = &nll });
    cr_assert_float_eq(loss, log(1000), 0.02 * log(1000));
    cr_assert_float_eq(nll / 18, log(1000), 0.02 * log(1000));
    end(f);
}

static double row_difference(const Tensor *x, const Tensor *y, int64_t from, int64_t to)
{
    double worst = 0;
    for (int64_t i = from; i < to; i++)
        worst = fmax(worst, fabs(tiny_at(x, i) - tiny_at(y, i)));
    return worst;
}

Test(captioner, does_not_look_ahead)
{
    Fixture f = fixture(tiny_captioner_config(19));
    int64_t V = 19;
    tiny_enliven(f.p, 0.25, 5);
    Tensor *before = logits_of(f, TOKENS);
    for (int64_t at = 0; at < T; at++) {
        int32_t changed[B * T];
        memcpy(changed, TOKENS, sizeof changed);
        changed[at] = (changed[at] + 1) % (int32_t)V;
        Tensor *after = logits_of(f, changed);
        cr_assert_eq(row_difference(before, after, 0, at * V), 0, "token %ld", (long)at);
        cr_assert_gt(row_difference(before, after, at * V, (at + 1) * V), 0, "token %ld", (long)at);
    }
    end(f);
}

Test(captioner, looks_at_its_own_picture_and_no_other)
{
    Fixture f = fixture(tiny_captioner_config(19));
    int64_t V = 19, row = T * V, picture = 3 * 16 * 16;
    real    other = (real)0.123;
    tiny_enliven(f.p, 0.25, 5);
    Tensor *before = logits_of(f, TOKENS);
    tensor_write(f.pixels, picture + 5, &other, 1);                  /* of picture 1, which row 2 describes */
    Tensor *after = logits_of(f, TOKENS);
    cr_assert_eq(row_difference(before, after, 0, 2 * row), 0);
    cr_assert_gt(row_difference(before, after, 2 * row, 3 * row), 1e-4);
    cr_assert_eq(row_difference(before, after, 3 * row, 4 * row), 0);
    end(f);
}

Test(captioner, padding_changes_nothing)
{
    Fixture f = fixture(tiny_captioner_config(19));
    enum { LONG = T + 4 };
    int32_t tokens[B * LONG], targets[B * LONG];
    tiny_enliven(f.p, 0.25, 5);
    for (int i = 0; i < B * LONG; i++) {
        bool there = i % LONG < T;
        tokens[i]  = there ? TOKENS[i / LONG * T + i % LONG] : i % 19;
        targets[i] = there ? TARGETS[i / LONG * T + i % LONG] : IGNORE;
    }
    double  with, without;
    Tensor *features = captioner_encode(f.t, f.m, f.pixels);
    captioner_loss(f.t, f.m, features, ids(TOKENS, B, T), ids(TARGETS, B, T), IMAGE_OF, (LossOptions){ .nll = &without });
    captioner_loss(f.t, f.m, features, ids(tokens, B, LONG), ids(targets, B, LONG), IMAGE_OF, (LossOptions){ .nll = &with });
    cr_assert_eq(with, without, "%.17g, not %.17g", with, without);
    end(f);
}

Test(captioner, its_loss_weighs_each_caption_whatever_their_order)
{
    static const double  weights[B] = { 2, -0.5, 0, 1.25 };
    static const int32_t mixed[B]   = { 2, 0, 1, 0 };
    Fixture f = fixture(tiny_captioner_config(19));
    tiny_enliven(f.p, 0.3, 5);
    Tensor *features = captioner_encode(f.t, f.m, f.pixels);
    double sum = 0, nll;
    for (int b = 0; b < B; b++) {
        captioner_loss(f.t, f.m, features, ids(TOKENS + b * T, 1, T), ids(TARGETS + b * T, 1, T), mixed + b, (LossOptions){ .nll = &nll });
        sum += weights[b] * nll / 10;
    }
    Tensor *loss = captioner_loss(f.t, f.m, features, ids(TOKENS, B, T), ids(TARGETS, B, T), mixed,
                                  (LossOptions){ .normalizer = 10, .weights = weights });
    cr_assert_float_eq(tape_scalar(loss), sum, DOUBLE ? 1e-12 : 1e-5, "%.9g, not %.9g", tape_scalar(loss), sum);
    end(f);
}

Test(captioner, attention_probabilities_are_those_of_every_layer_and_head)
{
    Fixture f = fixture(tiny_captioner_config(19));
    Tensor *probs[2];
    tiny_enliven(f.p, 0.25, 5);
    Tensor *features = captioner_encode(f.t, f.m, f.pixels);
    int64_t N = features->shape.d[1];
    captioner_logits(f.t, f.m, ids(TOKENS, B, T), captioner_memory(f.t, f.m, features), IMAGE_OF, NULL, probs);
    for (int layer = 0; layer < 2; layer++) {
        cr_assert(shape_equal(probs[layer]->shape, SHAPE(B, 2, T, N)), "%s", shape_text(probs[layer]->shape).s);
        for (int64_t i = 0; i < B * 2 * T; i++) {
            double sum = 0;
            for (int64_t n = 0; n < N; n++)
                sum += tiny_at(probs[layer], i * N + n);
            cr_assert_float_eq(sum, 1, 1e-5);
        }
    }
    end(f);
}

Test(captioner, frozen_encoder_gets_no_gradient_and_the_rest_does)
{
    Fixture f = fixture(tiny_captioner_config(19));
    params_scale(f.p, "encoder.", 0);
    params_zero_grad(f.p);
    tape_backward(f.t, whole_loss(f.t, &f));
    for (int i = 0; i < params_count(f.p); i++) {
        Tensor *x = params_at(f.p, i)->tensor;
        bool encoder = strncmp(x->name, "encoder.", 8) == 0;
        cr_assert_eq(x->grad != NULL, !encoder, "%s", x->name);
    }
    end(f);
}

/* 16 pictures, one caption of 5 different words each. */
Test(captioner, learns_sixteen_captions_by_heart)
{
    enum { I = 16, L = 6, STEPS = 250 };
    int32_t tokens[I * L], targets[I * L], image_of[I];
    Rng r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < I; i++) {
        image_of[i] = i;
        for (int j = 0; j < L; j++) {
            targets[i * L + j] = j == L - 1 ? 2 : 4 + (int32_t)rng_below(&r, 15);
            tokens[i * L + j]  = j == 0 ? 1 : targets[i * L + j - 1];
        }
    }
    CaptionerConfig c = tiny_captioner_config(19);
    c.decoder.width = 32;
    c.decoder.hidden = 64;
    Fixture f = fixture(c);
    Tensor *pixels = tiny_pixels(f.a, I, 16);
    Optimizer *o = optimizer_new(&optimizer_adamw, f.p, (OptimizerOptions){ .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8 });
    double  loss = 1e9;
    f.t->training = true;
    for (int step = 0; step < STEPS && loss > 0.05; step++) {
        params_zero_grad(f.p);
        Tensor *l = captioner_loss(f.t, f.m, captioner_encode(f.t, f.m, pixels), ids(tokens, I, L), ids(targets, I, L), image_of, (LossOptions){ 0 });
        loss = tape_scalar(l);
        tape_backward(f.t, l);
        optimizer_step(o, NULL, 5e-3, 1);
        tape_reset(f.t);
    }
    cr_assert_lt(loss, 0.05, "%g", loss);
    optimizer_free(o);
    end(f);
}
