/* test_params.c - names, initial values, decay, freezing and gradients of parameters. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "tensor/params.h"

static Params *model(uint64_t seed, bool backwards)
{
    Params *p = params_new(seed);
    Scope root = params_root(p);
    for (int k = 0; k < 3; k++) {
        int   i = backwards ? 2 - k : k;
        Scope h = scope(root, "h.%d", i);
        param(scope(h, "mlp"), "weight", SHAPE(30, 40), INIT_NORMAL, 0.02);
        param(h, "bias", SHAPE(30), INIT_ZEROS, 0);
    }
    param(root, "wpe.weight", SHAPE(8, 4), INIT_NORMAL, 0.02);
    param(root, "embeddings.cls_token", SHAPE(1, 1, 4), INIT_ZEROS, 0);
    param(root, "embeddings.position_embeddings", SHAPE(1, 5, 4), INIT_ZEROS, 0);
    param(root, "x.weight", SHAPE(60, 90), INIT_XAVIER, 0);
    param(root, "ln.weight", SHAPE(4), INIT_ONES, 0);
    return p;
}

static void values(Params *p, const char *name, real *to, int64_t n)
{
    Param *found = params_find(p, name);
    cr_assert(found, "no %s", name);
    tensor_read(found->tensor, 0, to, n);
}

Test(params, have_the_names_of_their_scopes)
{
    Params *p = model(1, false);
    cr_expect_eq(params_count(p), 11);
    cr_expect_str_eq(params_at(p, 2)->tensor->name, "h.1.mlp.weight");
    cr_expect_str_eq(params_at(p, 6)->tensor->name, "wpe.weight");
    cr_expect_null(params_find(p, "h.1"));
    cr_expect_eq(params_elements(p), 3 * 1230 + 32 + 4 + 20 + 5400 + 4);
    params_free(p);
    params_free(NULL);
}

Test(params, start_from_values_that_depend_on_seed_and_name_alone)
{
    static real a[1200], b[1200], c[1200], d[1200];
    Params *one = model(1, false), *two = model(1, true), *three = model(2, false);
    values(one, "h.2.mlp.weight", a, 1200);
    values(two, "h.2.mlp.weight", b, 1200);
    values(three, "h.2.mlp.weight", c, 1200);
    values(one, "h.1.mlp.weight", d, 1200);
    cr_expect_eq(memcmp(a, b, sizeof a), 0);
    cr_expect_neq(memcmp(a, c, sizeof a), 0);
    cr_expect_neq(memcmp(a, d, sizeof a), 0);
    params_free(one), params_free(two), params_free(three);
}

Test(params, start_within_their_spread)
{
    static real normal[1200], xavier[5400];
    real ones[4];
    Params *p = model(3, false);
    double sum = 0, squares = 0, limit = sqrt(6.0 / 150), largest = 0;
    values(p, "h.0.mlp.weight", normal, 1200);
    values(p, "x.weight", xavier, 5400);
    values(p, "ln.weight", ones, 4);
    for (int i = 0; i < 1200; i++) {
        cr_assert(fabs((double)normal[i]) <= 0.04 + 1e-9);
        sum += (double)normal[i], squares += (double)normal[i] * (double)normal[i];
    }
    cr_expect(fabs(sum / 1200) < 0.002, "mean %g", sum / 1200);
    cr_expect(fabs(sqrt(squares / 1200) - 0.02 * 0.8796) < 0.0015, "deviation %g of a normal cut at 2", sqrt(squares / 1200));
    for (int i = 0; i < 5400; i++) {
        cr_assert(fabs((double)xavier[i]) <= limit + 1e-6);
        largest = fmax(largest, fabs((double)xavier[i]));
    }
    cr_expect_gt(largest, 0.99 * limit);
    cr_expect(ones[0] == 1 && ones[3] == 1);
    params_free(p);
}

Test(params, decay_if_they_are_matrices_but_no_positions)
{
    Params *p = model(1, false);
    cr_expect(params_find(p, "h.0.mlp.weight")->decay && params_find(p, "x.weight")->decay);
    cr_expect(!params_find(p, "h.0.bias")->decay && !params_find(p, "ln.weight")->decay);
    cr_expect(!params_find(p, "wpe.weight")->decay && !params_find(p, "embeddings.position_embeddings")->decay);
    cr_expect(!params_find(p, "embeddings.cls_token")->decay);
    params_free(p);
}

Test(params, get_gradients_when_asked_and_frozen_ones_none)
{
    Params *p = model(1, false);
    Tensor *frozen = params_find(p, "h.1.mlp.weight")->tensor, *other = params_find(p, "x.weight")->tensor;
    cr_expect(!frozen->grad && frozen->wants_grad && frozen->keep);
    params_zero_grad(p);
    cr_assert(frozen->grad && other->grad);
    other->grad[7] = 3;
    cr_expect_eq(params_scale(p, "h.1.", 0), 2);
    cr_expect(!frozen->grad && !frozen->wants_grad && params_find(p, "h.1.bias")->lr_scale == 0);
    params_zero_grad(p);
    cr_expect(!frozen->grad && other->grad[7] == 0);
    cr_expect_eq(params_scale(p, "h.1.", 0.1), 2);
    params_zero_grad(p);
    cr_expect(frozen->grad && frozen->wants_grad && params_find(p, "h.1.bias")->lr_scale == 0.1);
    cr_expect_eq(params_scale(p, "nothing", 0), 0);
    params_free(p);
}

Test(params, of_a_blank_model_are_zeros)
{
    Params *p = params_blank();
    real values_of[3] = { 1, 1, 1 };
    param(params_root(p), "w", SHAPE(3), INIT_ONES, 0);
    values(p, "w", values_of, 3);
    cr_expect(values_of[0] == 0 && values_of[2] == 0);
    params_free(p);
}

Test(params, touched_have_a_new_version)
{
    Params *p = model(1, false);
    uint64_t before = params_at(p, 0)->version;
    params_touch(p);
    cr_expect_eq(params_at(p, 0)->version, before + 1);
    params_free(p);
}

Test(params, stay_where_they_are_while_others_are_added)
{
    Params *p = params_new(1);
    param(params_root(p), "first", SHAPE(1), INIT_ONES, 0);
    Param *first = params_at(p, 0);
    for (int i = 0; i < 500; i++) param(scope(params_root(p), "%d", i), "w", SHAPE(1), INIT_ZEROS, 0);
    cr_expect_eq(params_find(p, "first"), first);
    cr_expect_eq(params_find(p, "499.w"), params_at(p, 500));
    params_free(p);
}

Test(params, of_one_name_twice_are_a_bug, .signal = SIGABRT)
{
    Scope s = params_root(params_new(1));
    param(s, "w", SHAPE(1), INIT_ONES, 0);
    param(s, "w", SHAPE(1), INIT_ONES, 0);
}
