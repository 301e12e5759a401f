/* test_average.c - averages of weights: the moving one against its recurrence, the mean of saved ones, and changing places. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/average.h"
#include "tensor/base/rng.h"

enum { N = 20000 };                              /* more than one chunk */

typedef struct Fixture { Params *p; Tensor *learns, *frozen, *buffer; } Fixture;

static void fill(Tensor *x, uint64_t seed)
{
    Rng g = rng_stream(seed, RNG_TEST, 0);
    for (int64_t i = 0; i < shape_count(x->shape); i++) x->data[i] = (real)rng_normal(&g);
}

static Fixture fixture(void)
{
    Params *p = params_new(1);
    Fixture f = { .p = p };
    f.learns = param(params_root(p), "a.weight", SHAPE(2, N / 2), INIT_NORMAL, 1);
    f.frozen = param(params_root(p), "b.weight", SHAPE(3), INIT_NORMAL, 1);
    f.buffer = param_buffer(params_root(p), "c.running_mean", SHAPE(3), INIT_ONES);
    params_scale(p, "b.", 0);
    return f;
}

Test(average, follows_its_recurrence_and_leaves_the_weights_alone)
{
    const double decay = 0.6, tolerance = sizeof(real) == sizeof(double) ? 1e-14 : 2e-6;
    static double want[N];
    Fixture  f = fixture();
    Team    *team = team_new(2);
    Average *a = average_new(f.p);

    for (int i = 0; i < N; i++) want[i] = (double)f.learns->data[i];
    for (int k = 1; k <= 8; k++) {               /* (1+k)/(10+k) reaches 0.6 after k = 12: warm-up alone */
        fill(f.learns, (uint64_t)k);
        f.buffer->data[1] = (real)k;
        double d = (1.0 + k) / (10.0 + k);
        for (int i = 0; i < N; i++) want[i] = d * want[i] + (1 - d) * (double)f.learns->data[i];
        real first = f.learns->data[0];
        average_update(a, k % 2 ? team : NULL, decay, k);
        cr_expect_eq(f.learns->data[0], first);
    }
    for (int i = 0; i < N; i++)
        cr_assert_float_eq((double)a->value[0][i], want[i], tolerance, "element %d: %.9g, not %.9g", i, (double)a->value[0][i], want[i]);
    cr_expect_null(a->value[1], "a frozen parameter needs no average");
    cr_expect(a->value[2][1] > 1 && a->value[2][1] < 8, "buffers are averaged, too: %g", (double)a->value[2][1]);
    cr_expect_eq(a->value[2][0], 1, "what stays is not rounded away");

    real before = a->value[0][0];                /* far behind the warm-up the decay is the decay */
    average_update(a, NULL, decay, 1000);
    cr_expect_float_eq((double)a->value[0][0], decay * (double)before + (1 - decay) * (double)f.learns->data[0], tolerance);
    average_free(a), params_free(f.p), team_free(team);
}

Test(average, changes_places_with_the_weights_bit_for_bit)
{
    static real weights[N], average[N];
    Fixture  f = fixture();
    Average *a = average_new(f.p);

    fill(f.learns, 5);
    memcpy(weights, f.learns->data, sizeof weights), memcpy(average, a->value[0], sizeof average);
    uint64_t version = params_at(f.p, 0)->version;
    average_swap(a);
    cr_expect_eq(memcmp(f.learns->data, average, sizeof average), 0);
    cr_expect_eq(memcmp(a->value[0], weights, sizeof weights), 0);
    cr_expect_gt(params_at(f.p, 0)->version, version, "packed copies are made anew");
    average_swap(a);
    cr_expect_eq(memcmp(f.learns->data, weights, sizeof weights), 0);
    average_free(a), params_free(f.p);
}

Test(average, of_saved_weights_is_their_mean)
{
    enum { FILES = 3 };
    static double sum[N];
    char    folder[] = "/tmp/limn-average-XXXXXX", *paths[FILES];
    Err     err = { 0 };
    Fixture f = fixture();

    cr_assert(mkdtemp(folder));
    for (int k = 0; k < FILES; k++) {
        fill(f.learns, (uint64_t)k);
        f.buffer->data[2] = (real)k;
        for (int i = 0; i < N; i++) sum[i] += (double)f.learns->data[i];
        cr_assert(asprintf(&paths[k], "%s/%d.safetensors", folder, k) > 0);
        cr_assert(weights_save(f.p, paths[k], &err), "%s", err.text);
    }
    Average *a = average_of_files(f.p, paths, FILES, &err);
    cr_assert(a, "%s", err.text);
    for (int i = 0; i < N; i++) cr_assert_eq(a->value[0][i], (real)(sum[i] / FILES), "element %d", i);
    cr_expect_eq(a->value[2][2], 1);
    cr_expect_null(a->value[1]);
    average_free(a);

    unlink(paths[1]);
    cr_expect_null(average_of_files(f.p, paths, FILES, &err));
    cr_expect(strstr(err.text, "1.safetensors"), "%s", err.text);
    params_free(f.p);

    Params *other = params_new(1);
    param(params_root(other), "a.weight", SHAPE(2, 2), INIT_NORMAL, 1);
    err = (Err){ 0 };
    cr_expect_null(average_of_files(other, paths, 1, &err));
    cr_expect(strstr(err.text, "a.weight") && strstr(err.text, "0.safetensors"), "%s", err.text);
    params_free(other);
    for (int k = 0; k < FILES; k++) unlink(paths[k]), free(paths[k]);
    rmdir(folder);
}
