/* test_optim.c - optimizers against PyTorch's, number for number (tests/fixtures/make_optim.py), schedules, and the gradient norm. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/rng.h"
#include "tensor/optim.h"

static const double TOLERANCE = sizeof(real) == sizeof(double) ? 1e-13 : 2e-6;

/* ---- PyTorch's steps ------------------------------------------------------------------------------------------------ */
enum { W = 12, B = 4, STEPS = 6 };

static void read_numbers(FILE *f, real *to, int count)
{
    for (int i = 0; i < count; i++) {
        double v;
        cr_assert_eq(fscanf(f, "%lf", &v), 1);
        to[i] = (real)v;
    }
}

static FILE *open_fixture(const char *name)
{
    char path[1024];
    cr_assert(getenv("LIMN_FIXTURES"), "LIMN_FIXTURES is not set");
    snprintf(path, sizeof path, "%s/optim/%s.txt", getenv("LIMN_FIXTURES"), name);
    FILE *f = fopen(path, "r");
    cr_assert(f, "no %s", path);
    return f;
}

static void follow(const char *fixture, const OptimizerKind *kind, OptimizerOptions options)
{
    FILE   *f = open_fixture(fixture);
    Params *p = params_new(1);
    Tensor *w = param(params_root(p), "w.weight", SHAPE(3, 4), INIT_ZEROS, 0);
    Tensor *statistics = param_buffer(params_root(p), "norm.running_mean", SHAPE(4), INIT_ONES);
    Tensor *b = param(params_root(p), "b.bias", SHAPE(4), INIT_ZEROS, 0);
    Team   *team = team_new(2);
    params_find(p, "w.weight")->decay = true;
    params_find(p, "b.bias")->decay = false;
    params_scale(p, "b.", 0.5);
    params_zero_grad(p);
    Optimizer *o = optimizer_new(kind, p, options);

    read_numbers(f, w->data, W), read_numbers(f, b->data, B);
    for (int step = 0; step < STEPS; step++) {
        real lr, want[W + B];
        read_numbers(f, &lr, 1), read_numbers(f, w->grad, W), read_numbers(f, b->grad, B), read_numbers(f, want, W + B);
        /* Gradients four times as large, scaled back: clipping must act as if they had been small. */
        for (int i = 0; i < W; i++) w->grad[i] *= 4;
        for (int i = 0; i < B; i++) b->grad[i] *= 4;
        uint64_t version = params_find(p, "w.weight")->version;
        optimizer_step(o, team, (double)lr, 0.25);
        cr_expect_gt(params_find(p, "w.weight")->version, version);
        for (int i = 0; i < W + B; i++) {
            real got = i < W ? w->data[i] : b->data[i - W];
            cr_assert(fabs((double)(got - want[i])) <= TOLERANCE * (1 + fabs((double)want[i])), "%s, step %d, element %d: %.17g, not %.17g",
                      fixture, step, i, (double)got, (double)want[i]);
        }
    }
    cr_expect_eq(o->step, STEPS);
    for (int i = 0; i < 4; i++) cr_expect_eq(statistics->data[i], 1, "a buffer is not the optimizer's");
    fclose(f), optimizer_free(o), params_free(p), team_free(team);
}

Test(optim, adamw_takes_pytorchs_steps)
{
    follow("adamw", &optimizer_adamw, (OptimizerOptions){ .decay = 0.05, .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-6 });
}

Test(optim, sgd_takes_pytorchs_steps)
{
    follow("sgd", &optimizer_sgd, (OptimizerOptions){ .decay = 0.05, .momentum = 0.9 });
    follow("nesterov", &optimizer_sgd, (OptimizerOptions){ .decay = 0.05, .momentum = 0.9, .nesterov = true });
    follow("plain", &optimizer_sgd, (OptimizerOptions){ .decay = 0.05 });
}

/* A parameter of several chunks, random values and gradients. */
static Params *many(Tensor **w)
{
    Params *p = params_new(3);
    *w = param(params_root(p), "w.weight", SHAPE(1500, 1001), INIT_NORMAL, 1);
    params_zero_grad(p);
    Rng g = rng_stream(4, RNG_TEST, 0);
    for (int64_t i = 0; i < shape_count((*w)->shape); i++) (*w)->grad[i] = (real)rng_normal(&g);
    return p;
}

Test(optim, threads_change_neither_the_step_nor_the_norm)
{
    Tensor *a, *b;
    Params *one = many(&a), *three = many(&b);
    Team   *team = team_new(3);
    OptimizerOptions options = { .decay = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .momentum = 0.9, .nesterov = true };

    cr_expect_eq(params_grad_norm(one, NULL), params_grad_norm(three, team));
    for (const OptimizerKind *const *kind = OPTIMIZERS; *kind; kind++) {
        Optimizer *first = optimizer_new(*kind, one, options), *second = optimizer_new(*kind, three, options);
        for (int i = 0; i < 3; i++) optimizer_step(first, NULL, 1e-3, 1), optimizer_step(second, team, 1e-3, 1);
        cr_expect_eq(memcmp(a->data, b->data, (size_t)shape_count(a->shape) * sizeof(real)), 0, "%s", (*kind)->name);
        optimizer_free(first), optimizer_free(second);
    }
    params_free(one), params_free(three), team_free(team);
}

Test(optim, frozen_parameters_stay_and_do_not_count)
{
    Params *p = params_new(1);
    Tensor *w = param(params_root(p), "part.weight", SHAPE(2, 2), INIT_ONES, 0);
    Tensor *v = param(params_root(p), "other.weight", SHAPE(2, 2), INIT_ONES, 0);
    params_scale(p, "part.", 0);
    params_zero_grad(p);
    Optimizer *o = optimizer_new(&optimizer_adamw, p, (OptimizerOptions){ .decay = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8 });

    for (int i = 0; i < 4; i++) v->grad[i] = (real)(i + 1);
    cr_expect_float_eq(params_grad_norm(p, NULL), sqrt(1 + 4 + 9 + 16), 1e-12);
    optimizer_step(o, NULL, 0.1, 1);
    for (int i = 0; i < 4; i++) cr_expect_eq(w->data[i], 1);
    cr_expect_lt((double)v->data[0], 1);
    cr_expect_null(o->slot[0][0]);
    optimizer_free(o), params_free(p);
}

Test(optim, the_norm_sees_tiny_gradients)
{
    Tensor *w;
    Params *p = many(&w);
    for (int64_t i = 0; i < shape_count(w->shape); i++) w->grad[i] = (real)1e-25;     /* its square is 0 in float */
    cr_expect_float_eq(params_grad_norm(p, NULL) / (1e-25 * sqrt(1500.0 * 1001)), 1, 1e-6);
    params_free(p);
}

/* ---- schedules ------------------------------------------------------------------------------------------------------ */
Test(optim, warm_up_climbs_to_the_peak_in_equal_steps)
{
    for (int kind = SCHEDULE_CONSTANT; kind <= SCHEDULE_COSINE; kind++) {
        Schedule s = { (ScheduleKind)kind, 0.4, 0.1, 4, 24 };
        double want[] = { 0.1, 0.2, 0.3, 0.4, 0.4 };
        for (int i = 0; i < 5; i++) cr_expect_float_eq(schedule_at(&s, i), want[i], 1e-15, "kind %d, step %d", kind, i);
    }
}

Test(optim, schedules_end_at_their_floor_and_stay)
{
    Schedule linear = { SCHEDULE_LINEAR, 1, 0.2, 10, 110 }, cosine = { SCHEDULE_COSINE, 1, 0.2, 10, 110 },
             constant = { SCHEDULE_CONSTANT, 1, 0.2, 10, 110 };
    cr_expect_float_eq(schedule_at(&linear, 60), 0.6, 1e-15);
    cr_expect_float_eq(schedule_at(&cosine, 60), 0.6, 1e-15);
    cr_expect_float_eq(schedule_at(&cosine, 35), 0.2 + 0.8 * (1 + sqrt(0.5)) / 2, 1e-12);
    for (int64_t step = 110; step < 1000; step += 100) {
        cr_expect_float_eq(schedule_at(&linear, step), 0.2, 1e-15);
        cr_expect_float_eq(schedule_at(&cosine, step), 0.2, 1e-15);
        cr_expect_eq(schedule_at(&constant, step), 1);
    }
}
