/* test_openblas.c - the fast backend against the reference over every op case, its independence of the number of threads and
 * of the rows around a row, and its safety when several threads call it at once.                                    */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/op_cases.h"
#include "tensor/base/rng.h"

static const Backend *openblas(void)
{
    static Err err;
    const Backend *b = backend_find("openblas", &err);
    cr_assert(b, "%s", err.text);
    return b;
}

static real *random_reals(int64_t count, uint64_t seed)
{
    Rng   g = rng_stream(seed, RNG_TEST, 1);
    real *v = malloc((size_t)count * sizeof *v);
    for (int64_t i = 0; i < count; i++) v[i] = (real)(2 * rng_uniform(&g) - 1);
    return v;
}

/* ---- matrix products ---------------------------------------------------------------------------------------------- */
static void expect_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, real beta)
{
    real *a = random_reals(m * k, 1), *b = random_reals(n * k, 2), *c = random_reals(m * n, 3), *want = random_reals(m * n, 3);
    Gemm  g = { .ta = ta, .tb = tb, .m = m, .n = n, .k = k, .alpha = (real)0.5, .beta = beta, .a = a, .b = b, .c = want };
    Team *team = team_new(2);

    backend_reference.gemm(NULL, &g);
    g.c = c;
    openblas()->gemm(team, &g);
    double worst = 0;
    for (int64_t i = 0; i < m * n; i++) worst = fmax(worst, fabs((double)(c[i] - want[i])));
    cr_expect(worst <= 1e-6 * sqrt((double)k) + 1e-6, "%d x %d x %d, ta %d, tb %d, beta %g: off by %g", (int)m, (int)n,
              (int)k, ta, tb, (double)beta, worst);
    team_free(team);
    free(a), free(b), free(c), free(want);
}

Test(openblas, products_equal_the_references)
{
    static const int64_t sizes[][3] = { { 1, 1, 1 }, { 1, 64, 48 }, { 3, 5, 7 }, { 17, 96, 96 }, { 64, 31, 200 },
                                        { 1, 192, 768 }, { 5, 300, 192 }, { 300, 130, 65 }, { 513, 192, 64 }, { 40, 700, 40 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int kind = 0; kind < 8; kind++)
            expect_product(kind & 1, kind >> 1 & 1, sizes[i][0], sizes[i][1], sizes[i][2], kind >> 2 ? (real)1 : 0);
}

Test(openblas, leading_dimensions_are_respected)
{
    enum { M = 9, N = 11, K = 13, WIDE = 40 };
    real *a = random_reals(M * WIDE, 1), *b = random_reals(N * WIDE, 2), *c = random_reals(M * WIDE, 3), *want = random_reals(M * WIDE, 3);
    Gemm  g = { .tb = true, .m = M, .n = N, .k = K, .alpha = 1, .beta = 1, .a = a, .lda = WIDE, .b = b, .ldb = WIDE,
                .c = want, .ldc = WIDE };
    backend_reference.gemm(NULL, &g);
    g.c = c;
    openblas()->gemm(NULL, &g);
    for (int i = 0; i < M * WIDE; i++) cr_assert(fabs((double)(c[i] - want[i])) < 1e-5, "element %d", i);
    free(a), free(b), free(c), free(want);
}

/* ---- every op case -------------------------------------------------------------------------------------------------- */
Test(openblas, agrees_with_the_reference_on_every_op_case)
{
    Team  *team = team_new(2);
    double tolerance = sizeof(real) == sizeof(double) ? 1e-12 : 2e-5;
    for (const OpCase *c = op_cases; c->op; c++) {
        char name[160];
        OpDifference d = op_case_difference(c, openblas(), &backend_reference, team);
        op_case_name(c, name);
        cr_expect(d.worst <= tolerance, "%s differs by %g in %s", name, d.worst, d.where);
    }
    team_free(team);
}

/* ---- independence ---------------------------------------------------------------------------------------------------- */
/* Outputs and input gradients of a case at real size, one after the other. */
static real *results(const OpCase *c, Team *team, int64_t *count)
{
    OpRun *r = op_run_new(c, true);
    Tape  *t = tape_new(openblas(), team, 7);
    t->training = c->training;
    Tensor *loss = op_run_loss(t, r);
    int64_t room = 1;
    for (int i = 0; i < params_count(r->params); i++) room += shape_count(params_at(r->params, i)->tensor->shape);
    real *v = malloc((size_t)room * sizeof *v);
    *count = 0;
    v[(*count)++] = (real)tape_scalar(loss);
    tape_backward(t, loss);
    for (int i = 0; i < params_count(r->params); i++) {
        Tensor *x = params_at(r->params, i)->tensor;
        if (!x->grad) continue;
        memcpy(v + *count, x->grad, (size_t)shape_count(x->shape) * sizeof *v);
        *count += shape_count(x->shape);
    }
    tape_free(t);
    op_run_free(r);
    return v;
}

Test(openblas, gives_the_same_bits_on_any_number_of_threads)
{
    Team *three = team_new(3);
    for (const OpCase *c = op_cases; c->op; c++) {
        char    name[160];
        int64_t one_count, three_count;
        if (c->real_size[0].n == 0) continue;
        real *one = results(c, NULL, &one_count), *many = results(c, three, &three_count);
        op_case_name(c, name);
        cr_expect(one_count == three_count && memcmp(one, many, (size_t)one_count * sizeof *one) == 0, "%s", name);
        free(one), free(many);
    }
    team_free(three);
}

/* OpenBLAS's AVX-512 kernels keep rows apart; of its others that is not known. */
static bool rows_are_independent(void)
{
    const char *text = openblas()->describe();
    return strstr(text, "kernels Cooperlake") || strstr(text, "kernels SkylakeX");
}

Test(openblas, a_row_does_not_depend_on_the_rows_around_it)
{
    static const int64_t sizes[][2] = { { 96, 96 }, { 128, 512 }, { 192, 192 }, { 768, 192 }, { 192, 768 }, { 2000, 256 } };
    enum { ROWS = 600 };
    if (!rows_are_independent()) cr_skip_test("these OpenBLAS kernels do not promise it: %s", openblas()->describe());
    Team *team = team_new(2);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int tb = 0; tb < 2; tb++) {
            int64_t n = sizes[s][0], k = sizes[s][1];
            real   *a = random_reals(ROWS * k, 4), *b = random_reals(n * k, 5), *all = random_reals(ROWS * n, 6), *few = random_reals(ROWS * n, 7);
            Gemm    g = { .tb = tb, .m = ROWS, .n = n, .k = k, .alpha = 1, .a = a, .b = b, .c = all };
            openblas()->gemm(team, &g);
            for (int64_t m = 1, at = 0; at + m <= ROWS; at += m, m = m < 40 ? m + 1 : 197) {
                g.m = m, g.a = a + at * k, g.c = few;
                openblas()->gemm(team, &g);
                cr_expect(memcmp(few, all + at * n, (size_t)(m * n) * sizeof *few) == 0,
                          "%d rows from %d on, %d x %d, tb %d", (int)m, (int)at, (int)n, (int)k, tb);
            }
            free(a), free(b), free(all), free(few);
        }
    team_free(team);
}

/* One layer on `pictures` of x, in inference. */
static void convolve(Team *team, const ConvOptions *o, Shape xs, Shape ws, int64_t pictures, real *x, real *w, real *y)
{
    Tape  *t = tape_new(openblas(), team, 1);
    t->recording = false;
    xs.d[0] = pictures;
    Tensor in = { .shape = xs, .data = x }, filters = { .shape = ws, .data = w }, *out = op_conv2d(t, &in, &filters, NULL, *o);
    memcpy(y, out->data, (size_t)shape_count(out->shape) * sizeof *y);
    tape_free(t);
}

Test(openblas, a_picture_does_not_depend_on_the_pictures_around_it)
{
    static const struct { int64_t size, in, out, kernel, stride, groups; } layers[] = {
        { 14, 64, 64, 3, 1, 1 }, { 14, 64, 128, 3, 2, 1 }, { 7, 256, 256, 3, 1, 1 }, { 14, 96, 192, 1, 1, 1 },
        { 14, 64, 128, 1, 2, 1 }, { 28, 48, 48, 3, 1, 48 }, { 14, 24, 24, 7, 1, 24 }, { 56, 3, 64, 7, 2, 1 } };
    enum { PICTURES = 5 };
    if (!rows_are_independent()) cr_skip_test("these OpenBLAS kernels do not promise it: %s", openblas()->describe());
    Team *team = team_new(2);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        int64_t size = layers[i].size, in = layers[i].in, out = layers[i].out, k = layers[i].kernel, pad = k / 2;
        ConvOptions o = { .groups = layers[i].groups,
                          .window = { .stride = layers[i].stride, .top = pad, .left = pad, .bottom = pad, .right = pad } };
        Shape   xs = SHAPE(PICTURES, size, size, in), ws = SHAPE(out, in / layers[i].groups, k, k);
        int64_t side = window_count(size, k, layers[i].stride, 1, pad, pad), picture = side * side * out;
        real   *x = random_reals(shape_count(xs), 8), *w = random_reals(shape_count(ws), 9);
        real   *all = random_reals(PICTURES * picture, 10), *one = random_reals(picture, 11);
        convolve(team, &o, xs, ws, PICTURES, x, w, all);
        for (int64_t b = 0; b < PICTURES; b++) {
            convolve(team, &o, xs, ws, 1, x + b * size * size * in, w, one);
            cr_expect(memcmp(one, all + b * picture, (size_t)picture * sizeof *one) == 0, "layer %zu, picture %d", i, (int)b);
        }
        free(x), free(w), free(all), free(one);
    }
    team_free(team);
}

/* ---- several callers at once ------------------------------------------------------------------------------------------ */
enum { STRESS_M = 130, STRESS_N = 31, STRESS_K = 300, STRESS_TIMES = 20000 };
typedef struct Stress { real *a, *b, *want, *c[4]; int wrong[4]; } Stress;

static void stress_item(void *context, int64_t item, int member)
{
    Stress *s = context;
    real   *c = s->c[member];
    (void)item;
    backend_openblas.gemm(NULL, &(Gemm){ .tb = true, .m = STRESS_M, .n = STRESS_N, .k = STRESS_K, .alpha = 1, .a = s->a,
                                         .b = s->b, .c = c });
    s->wrong[member] += memcmp(c, s->want, STRESS_M * STRESS_N * sizeof *c) != 0;
}

Test(openblas, several_threads_may_call_it_at_once)
{
    Stress s = { .a = random_reals(STRESS_M * STRESS_K, 1), .b = random_reals(STRESS_N * STRESS_K, 2) };
    real  *want = random_reals(STRESS_M * STRESS_N, 3);
    Team  *team = team_new(4);
    openblas()->gemm(NULL, &(Gemm){ .tb = true, .m = STRESS_M, .n = STRESS_N, .k = STRESS_K, .alpha = 1, .a = s.a, .b = s.b, .c = want });
    s.want = want;
    for (int i = 0; i < 4; i++) s.c[i] = random_reals(STRESS_M * STRESS_N, 4);
    team_run(team, STRESS_TIMES, stress_item, &s);
    for (int i = 0; i < 4; i++) {
        cr_expect(s.wrong[i] == 0, "member %d: %d wrong products", i, s.wrong[i]);
        free(s.c[i]);
    }
    team_free(team);
    free(s.a), free(s.b), free(want);
}
