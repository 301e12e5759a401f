/* test_conv_captioner.c - captioners that look through a convolutional encoder: right gradients, the same with less memory, and they learn. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/gradcheck_captioner.h"
#include "tensor/optim.h"
#include "tests/tiny_captioner.h"

static const bool DOUBLE = sizeof(real) == sizeof(double);

/* `memory`: the most that computing activations again may need of what keeping them needs. */
typedef struct Kind { const char *name; EncoderOptions options; double memory; } Kind;
static const Kind KINDS[] = { { "resnet",       { .depth = 18, .width = 8 }, 0.5 },
                              { "resnet",       { .depth = 50, .width = 4 }, 0.3 },
                              { "mobilenet_v1", { .multiplier = 0.1 }, 0.5 },
                              { "convnext",     { .depth = 12, .width = 8, .patch = 2 }, 0.35 } };
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

static CaptionerConfig config_of(int kind, int64_t image)
{
    CaptionerConfig c = { .decoder = tiny_decoder_config() };
    EncoderOptions  o = KINDS[kind].options;
    Err err = { 0 };
    o.image = image;
    cr_assert(encoder_find(KINDS[kind].name, &err) && encoder_find(KINDS[kind].name, &err)->from_options(&o, &c.encoder, &err), "%s", err.text);
    c.decoder.vocab = 19;
    return c;
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

static void gradients_agree(bool running, bool recompute)
{
    if (!DOUBLE)
        cr_skip_test("gradients are checked in double");
    for (int k = 0; k < KIND_COUNT; k++) {
        CaptionerConfig c = config_of(k, 64);
        c.encoder.running = running;
        c.encoder.recompute = recompute;
        GradReport r = gradcheck_captioner(&c, &backend_reference, 3);
        cr_expect_gt(r.checked, 200);
        cr_expect_leq(r.worst, 1e-5, "%s %lld: %g at %s", KINDS[k].name, (long long)KINDS[k].options.depth, r.worst, r.where);
    }
}

Test(conv_captioner, gradients_agree_with_finite_differences_by_the_statistics_of_the_batch) { gradients_agree(false, false); }
Test(conv_captioner, gradients_agree_with_finite_differences_by_running_statistics)          { gradients_agree(true, true); }

/* ---- training ---------------------------------------------------------------------------------------------------- */

enum { I = 8, L = 6 };
typedef struct Lesson { int32_t tokens[I * L], targets[I * L], image_of[I]; } Lesson;

static Lesson lesson(int64_t vocab)
{
    Lesson w;
    Rng    r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < I; i++) {
        w.image_of[i] = i;
        for (int j = 0; j < L; j++) {
            w.targets[i * L + j] = j == L - 1 ? 2 : 4 + (int32_t)rng_below(&r, (uint32_t)(vocab - 4));
            w.tokens[i * L + j]  = j == 0 ? 1 : w.targets[i * L + j - 1];
        }
    }
    return w;
}

typedef struct Training { Params *p; Captioner *m; Tape *t; Arena *a; Tensor *pixels; Lesson lesson; } Training;

static Training begin(const CaptionerConfig *c)
{
    Err      err = { 0 };
    Training w = { .p = params_new(3), .a = arena_new(1 << 16), .t = tape_new(backend_find("openblas", &err), NULL, 5),
                   .lesson = lesson(c->decoder.vocab) };
    w.m = captioner_new(w.p, c);
    w.pixels = tiny_pixels(w.a, I, c->encoder.image);
    w.t->training = true;
    return w;
}

static void end(Training w)
{
    tape_free(w.t);
    params_free(w.p);
    arena_free(w.a);
}

/* Loss and gradients of the lesson. */
static double learn(Training w, double smoothing)
{
    Ids tokens = { SHAPE(I, L), w.lesson.tokens }, targets = { SHAPE(I, L), w.lesson.targets };
    params_zero_grad(w.p);
    Tensor *l = captioner_loss(w.t, w.m, captioner_encode(w.t, w.m, w.pixels), tokens, targets, w.lesson.image_of, (LossOptions){ .smoothing = smoothing });
    double  loss = tape_scalar(l);
    tape_backward(w.t, l);
    tape_reset(w.t);
    return loss;
}

static void same_to_the_last_bit(Training a, Training b, const char *kind)
{
    for (int i = 0; i < params_count(a.p); i++) {
        const Tensor *x = params_at(a.p, i)->tensor, *y = params_at(b.p, i)->tensor;
        size_t bytes = (size_t)shape_count(x->shape) * sizeof(real);
        cr_expect_eq(memcmp(x->data, y->data, bytes), 0, "%s: values of %s differ", kind, x->name);
        cr_expect(!x->grad || memcmp(x->grad, y->grad, bytes) == 0, "%s: gradients of %s differ", kind, x->name);
    }
}

/* Dropout and stochastic depth draw the same numbers again, and running statistics move once, not twice. */
Test(conv_captioner, computing_activations_again_changes_no_bit_and_takes_less_memory)
{
    for (int k = 0; k < KIND_COUNT; k++) {
        CaptionerConfig c = config_of(k, 64);
        c.encoder.drop_path = 0.4;
        c.decoder.embedding_dropout = c.decoder.residual_dropout = c.decoder.attention_dropout = 0.1;
        Training plain = begin(&c);
        c.encoder.recompute = true;
        Training again = begin(&c);
        for (int step = 0; step < 2; step++) {
            plain.t->step = again.t->step = (uint64_t)step;
            double one = learn(plain, 0.1), two = learn(again, 0.1);
            cr_expect_eq(one, two, "%s: %.17g, again %.17g", KINDS[k].name, one, two);
            same_to_the_last_bit(plain, again, KINDS[k].name);
        }
        double share = (double)arena_peak(again.t->arena) / (double)arena_peak(plain.t->arena);
        cr_log_info("%s %lld: %.0f %% of the memory", KINDS[k].name, (long long)KINDS[k].options.depth, 100 * share);
        cr_expect_leq(share, KINDS[k].memory, "%s: %.3f", KINDS[k].name, share);
        end(plain);
        end(again);
    }
}

static double statistic(Training w, const char *name)
{
    Param *p = params_find(w.p, name);
    cr_assert(p && p->buffer, "%s", name);
    return tiny_at(p->tensor, 0);
}

Test(conv_captioner, running_statistics_move_in_training_and_stay_where_they_are_to_be_kept)
{
    const char *const names[] = { "encoder.encoder.stages.0.layers.0.layer.0.normalization.running_var",
                                  "encoder.encoder.stages.0.layers.0.layer.0.normalization.running_var",
                                  "encoder.layer.3.normalization.running_var" };
    for (int k = 0; k < 3; k++)
        for (int kept = 0; kept < 2; kept++) {
            CaptionerConfig c = config_of(k, 33);
            c.encoder.running = kept;
            Training w = begin(&c);
            double   before = statistic(w, names[k]);
            learn(w, 0);
            cr_expect_eq(statistic(w, names[k]) == before, kept, "%s, kept %d", KINDS[k].name, kept);
            end(w);
        }
}

/* Over many steps the last block of every kind with a residual is skipped at times, and only then. */
Test(conv_captioner, stochastic_depth_skips_blocks_in_training_alone)
{
    for (int k = 0; k < KIND_COUNT; k++) {
        CaptionerConfig c = config_of(k, 33);
        bool residual = strcmp(KINDS[k].name, "mobilenet_v1") != 0;
        c.encoder.running = true;
        c.encoder.layer_scale = c.encoder.layer_scale > 0 ? 1 : 0;
        Training plain = begin(&c);
        c.encoder.drop_path = 0.5;
        Training dropping = begin(&c);
        tiny_enliven(plain.p, 0.2, 5);
        tiny_enliven(dropping.p, 0.2, 5);
        cr_expect_eq(learn(plain, 0) != learn(dropping, 0), residual, "%s", KINDS[k].name);
        plain.t->training = dropping.t->training = false;
        cr_expect_eq(learn(plain, 0), learn(dropping, 0), "%s", KINDS[k].name);
        end(plain);
        end(dropping);
    }
}

Test(conv_captioner, learns_a_batch_by_heart)
{
    enum { STEPS = 300 };
    for (int k = 0; k < KIND_COUNT; k++) {
        CaptionerConfig c = config_of(k, 32);
        c.decoder.width = 32;
        c.decoder.hidden = 64;
        Training   w = begin(&c);
        Optimizer *o = optimizer_new(&optimizer_adamw, w.p, (OptimizerOptions){ .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8 });
        double     first = 0, loss = 1e9;
        int        step = 0;
        for (; step < STEPS && loss > 0.05; step++) {
            loss  = learn(w, 0);
            first = step == 0 ? loss : first;
            optimizer_step(o, NULL, 5e-3, 1);
        }
        cr_expect_float_eq(first, log(19), 0.05 * log(19), "%s begins at %g", KINDS[k].name, first);
        cr_expect_lt(loss, 0.05, "%s ends at %g", KINDS[k].name, loss);
        cr_log_info("%s %lld: %d steps", KINDS[k].name, (long long)KINDS[k].options.depth, step);
        optimizer_free(o);
        end(w);
    }
}
