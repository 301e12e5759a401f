/* test_kernels.c - the vector kernels: error of the functions in ulp, equal bits of all instruction sets and processors, rows against
 * plain formulas in double.                                                                                         */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/backends/kernels/kernels.h"
#include "tensor/base/file.h"
#include "tensor/base/rng.h"

enum { CHUNK = 4096, LONGEST = 1003 };

/* ---- exp, tanh, erf ---------------------------------------------------------------------------------------------- */
typedef void Kernel(int64_t n, const real *x, real *y);

/* Distance in units of the last place that the exact value has as a float. */
static double ulps(real got, double want)
{
    int exponent;
    if (fabs(want) > 3.4028235e38) return isinf(got) ? 0 : INFINITY;
    frexp(want, &exponent);
    return fabs(((double)got - want) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24));
}

/* Every 307th float between the bit patterns, both signs. */
static double worst_ulps(Kernel *kernel, double (*exact)(double), real most)
{
    static real x[CHUNK], y[CHUNK];
    double   worst = 0;
    uint32_t end, bits = 1;
    memcpy(&end, &(float){ (float)most }, sizeof end);

    while (bits < end) {
        int n = 0;
        for (; n + 1 < CHUNK && bits < end; bits += 307) {
            float f;
            memcpy(&f, &bits, sizeof f);
            x[n++] = (real)f;
            x[n++] = (real)-f;
        }
        kernel(n, x, y);
        for (int i = 0; i < n; i++) {
            double e = ulps(y[i], exact((double)x[i]));
            if (e > worst) worst = e;
        }
    }
    return worst;
}

Test(kernels, exp_tanh_and_erf_keep_their_error_bounds)
{
    double e = worst_ulps(kernels()->exp, exp, 110), t = worst_ulps(kernels()->tanh, tanh, 30),
           f = worst_ulps(kernels()->erf, erf, 30);
    cr_log_info("worst error in ulp: exp %.3f, tanh %.3f, erf %.3f", e, t, f);
    cr_expect(e <= 1, "exp is off by %g ulp", e);
    cr_expect(t <= 1.5, "tanh is off by %g ulp", t);
    cr_expect(f <= 1.5, "erf is off by %g ulp", f);
}

Test(kernels, exp_knows_the_ends_of_the_line)
{
    real x[5] = { 0, -INFINITY, INFINITY, NAN, -1000 }, y[5];
    for (const Kernels *const *k = kernels_list(); *k; k++) {
        (*k)->exp(5, x, y);
        cr_expect(y[0] == 1 && y[1] == 0 && isinf(y[2]) && isnan(y[3]) && y[4] == 0, "in %s", (*k)->name);
    }
}

/* ---- every instruction set ----------------------------------------------------------------------------------------- */
typedef struct Row { real x[LONGEST], y[LONGEST], z[LONGEST], w[LONGEST], v[LONGEST]; } Row;

static void fill(Row *r, uint64_t seed)
{
    Rng g = rng_stream(seed, RNG_TEST, 0);
    for (int i = 0; i < LONGEST; i++) {
        r->x[i] = (real)(3 * rng_normal(&g));
        r->y[i] = (real)rng_normal(&g);
        r->z[i] = (real)rng_normal(&g);
        r->w[i] = (real)rng_normal(&g);
        r->v[i] = (real)rng_uniform(&g);
    }
}

/* The kernels over rows of channels: 5 rows of C, two taps. */
static real *run_channels(const Kernels *k, int64_t C, const Row *r, real *o)
{
    enum { ROWS = 5 };
    Taps      t = { .outputs = ROWS, .C = C, .count = 2, .x = (const real *const[]){ r->x, r->y },
                    .w = (const real *const[]){ r->z, r->w }, .x_step = C, .y_step = C };
    Centering n = { .mean = r->v, .scale = r->w, .shift = r->z, .slope = r->y };
    uint16_t  taken[LONGEST];

    k->taps(&t, false, o), k->taps(&t, true, o), o += ROWS * C;
    memset(o, 0, 2 * (size_t)C * sizeof *o), k->taps_grad(&t, r->v, (real *const[]){ o, o + C }), o += 2 * C;
    k->moments(ROWS, C, r->x, o, o + C), o += 2 * C;
    k->products(ROWS, C, r->v, r->x, r->y, o, o + C), o += 2 * C;
    k->products(ROWS, C, NULL, r->x, r->y, o, o + C), o += 2 * C;
    k->center(ROWS, C, &n, r->x, NULL, o), k->center(ROWS, C, &n, r->x, r->y, o + ROWS * C), o += 2 * ROWS * C;
    k->center_grad(ROWS, C, &n, r->x, r->y, false, o), k->center_grad(ROWS, C, &n, r->x, r->z, true, o), o += ROWS * C;
    k->maximum(&t, o, taken);
    memset(o + C, 0, 2 * (size_t)C * sizeof *o), k->maximum_grad(&t, taken, r->v, (real *const[]){ o + C, o + 2 * C }), o += 3 * C;
    return o;
}

/* Sends a row through every kernel, one after the other; `out` collects all that comes out. */
static size_t run_all(const Kernels *k, int64_t n, Row *r, real *out)
{
    static uint32_t words[4 * LONGEST];
    real  *o = out;
    size_t bytes = (size_t)n * sizeof *o;

    for (int a = ACT_NONE; a <= ACT_HARD_SIGMOID; a++) {
        k->act((Activation)a, n, r->x, o), o += n;
        k->act_grad((Activation)a, n, r->x, r->y, o), o += n;
        memcpy(o, r->z, bytes), k->finish((Activation)a, n, o, r->x, r->y, o + n), o += 2 * n;
    }
    k->exp(n, r->x, o), o += n;
    k->tanh(n, r->x, o), o += n;
    k->erf(n, r->x, o), o += n;
    k->add(n, r->x, r->y, o), o += n;
    k->scale(n, (real)0.3, r->x, o), o += n;
    memcpy(o, r->z, bytes), k->axpy(n, (real)0.7, r->x, o), o += n;
    *o++ = k->dot(n, r->x, r->y);
    *o++ = (real)k->sum(n, r->x);
    *o++ = (real)k->sum_of_squares(n, r->x);
    *o++ = k->log_sum_exp(n, r->x);
    memcpy(o, r->x, bytes), k->softmax(n, (real)0.4, o);
    memcpy(o + n, r->y, bytes), k->softmax_grad(n, (real)0.4, o, o + n), o += 2 * n;
    memcpy(o, r->x, bytes), k->log_softmax(n, o), o += n;
    memcpy(o, r->x, bytes), k->cross_entropy_grad(n, (real)5.5, (real)0.1, (real)1e-3, o), o += n;
    NormStat s = k->norm(n, 1e-5, r->x, r->w, r->y, o);
    o += n, *o++ = s.mean, *o++ = s.rstd;
    memset(o, 0, 3 * bytes);
    k->norm_grad_input(n, s, r->x, r->w, r->z, o);
    k->norm_grad_params(n, s, r->x, r->z, o + n, o + 2 * n), o += 3 * n;
    k->multiply(n, r->x, r->y, o), o += n;
    k->philox(n, (uint32_t[]){ 5, 6, 7, 8 }, (uint32_t[]){ 9, 10 }, words), memcpy(o, words, 4 * (size_t)n * sizeof *words), o += 4 * n;
    memcpy(o, r->x, bytes), memcpy(o + n, r->v, bytes), memcpy(o + 2 * n, r->w, bytes);
    k->adamw(n, &(AdamWUpdate){ (real)0.5, (real)0.9, (real)0.999, (real)0.1, (real)0.001, (real)1e-3, (real)1.1, (real)1e-8, (real)0.999 }, r->y,
             o, o + n, o + 2 * n), o += 3 * n;
    memcpy(o, r->z, bytes), k->lerp(n, (real)0.3, r->x, o), o += n;
    memcpy(o, r->x, bytes), memcpy(o + n, r->w, bytes);
    k->sgd(n, &(SgdUpdate){ (real)0.5, (real)0.01, (real)0.9, (real)0.1, (real)0.09 }, r->y, o, o + n), o += 2 * n;
    memcpy(o, r->z, bytes), k->multiply_add(n, r->x, r->y, o), o += n;
    o = run_channels(k, n / 6 + 1, r, o);
    return (size_t)(o - out);
}

Test(kernels, of_every_instruction_set_give_the_same_bits)
{
    static real first[128 * LONGEST], other[128 * LONGEST];
    static Row row;
    static const int64_t lengths[] = { 1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 192, 197, LONGEST };

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        fill(&row, i);
        size_t count = run_all(kernels_list()[0], lengths[i], &row, first);
        for (const Kernels *const *k = kernels_list() + 1; *k; k++) {
            run_all(*k, lengths[i], &row, other);
            for (size_t at = 0; at < count; at++)
                cr_assert(memcmp(first + at, other + at, sizeof *first) == 0,
                          "%s differs from the baseline in result %zu of a row of %d: %.9g, not %.9g", (*k)->name, at,
                          (int)lengths[i], (double)other[at], (double)first[at]);
        }
    }
}

/* Numbers that no mathematical library has touched, hence the same on every machine. */
static void fill_exactly(Row *r, uint64_t seed)
{
    Rng g = rng_stream(seed, RNG_TEST, 0);
    for (int i = 0; i < LONGEST; i++) {
        r->x[i] = (real)(16 * rng_uniform(&g) - 8);
        r->y[i] = (real)(4 * rng_uniform(&g) - 2);
        r->z[i] = (real)(4 * rng_uniform(&g) - 2);
        r->w[i] = (real)(2 * rng_uniform(&g));
        r->v[i] = (real)rng_uniform(&g);
    }
}

Test(kernels, give_the_same_bits_on_every_processor)
{
    static const char BITS[] = "dc9c83258e52211a3d3419f136b904b31672417326fa2d6be262401d93ce2b67";
    static real out[128 * LONGEST];
    static Row row;
    char hash[65];

    fill_exactly(&row, 1);
    size_t count = run_all(kernels(), LONGEST, &row, out);
    sha256_hex(out, count * sizeof *out, hash);
    cr_expect_str_eq(hash, BITS, "%zu results of %s hash to %s, on x86-64 to %s", count, kernels()->name, hash, BITS);
}

/* ---- rows against formulas in double ---------------------------------------------------------------------------------- */
enum { N = 197 };

static void expect_near(const char *what, real got, double want, double tolerance)
{
    cr_expect(fabs((double)got - want) <= tolerance * (1 + fabs(want)), "%s: %.9g, not %.9g", what, (double)got, want);
}

static double act(Activation a, double x)
{
    if (a == ACT_GELU) return x / 2 * (1 + erf(x / sqrt(2)));
    if (a == ACT_GELU_TANH) return x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    if (a == ACT_GELU_QUICK) return x / (1 + exp(-1.702 * x));
    if (a == ACT_RELU6) return fmin(fmax(x, 0), 6);
    if (a == ACT_SIGMOID) return 1 / (1 + exp(-x));
    if (a == ACT_SILU) return x / (1 + exp(-x));
    if (a == ACT_HARD_SIGMOID) return fmin(fmax(x + 3, 0), 6) / 6;
    if (a == ACT_HARD_SWISH) return x * fmin(fmax(x + 3, 0), 6) / 6;
    return a == ACT_RELU && x < 0 ? 0 : x;
}

Test(kernels, activations_and_their_slopes_follow_the_formulas)
{
    real y[N], dx[N], one[N];
    static Row r;
    fill(&r, 1);
    for (int i = 0; i < N; i++) one[i] = 1;
    for (int a = ACT_NONE; a <= ACT_HARD_SIGMOID; a++) {
        kernels()->act((Activation)a, N, r.x, y);
        kernels()->act_grad((Activation)a, N, r.x, one, dx);
        for (int i = 0; i < N; i++) {
            double x = (double)r.x[i], h = 1e-5;
            expect_near(activation_name((Activation)a), y[i], act((Activation)a, x), 1e-6);
            expect_near("slope", dx[i], (act((Activation)a, x + h) - act((Activation)a, x - h)) / (2 * h), 2e-6);
        }
    }
}

Test(kernels, softmax_and_cross_entropy_follow_the_formulas)
{
    static Row r;
    real   p[N], g[N];
    double sum = 0, dot = 0;
    fill(&r, 2);
    for (int i = 0; i < N; i++) sum += exp(0.5 * (double)r.x[i]);
    memcpy(p, r.x, sizeof p), kernels()->softmax(N, (real)0.5, p);
    for (int i = 0; i < N; i++) expect_near("softmax", p[i], exp(0.5 * (double)r.x[i]) / sum, 1e-6);

    for (int i = 0; i < N; i++) dot += (double)p[i] * (double)r.y[i];
    memcpy(g, r.y, sizeof g), kernels()->softmax_grad(N, (real)0.5, p, g);
    for (int i = 0; i < N; i++) expect_near("softmax_grad", g[i], 0.5 * (double)p[i] * ((double)r.y[i] - dot), 1e-6);

    double lse = 0;
    for (int i = 0; i < N; i++) lse += exp((double)r.x[i]);
    lse = log(lse);
    expect_near("log_sum_exp", kernels()->log_sum_exp(N, r.x), lse, 1e-6);
    memcpy(g, r.x, sizeof g), kernels()->log_softmax(N, g);
    for (int i = 0; i < N; i++) expect_near("log_softmax", g[i], (double)r.x[i] - lse, 1e-6);
    memcpy(g, r.x, sizeof g), kernels()->cross_entropy_grad(N, (real)lse, (real)0.25, (real)0.01, g);
    for (int i = 0; i < N; i++) expect_near("cross_entropy_grad", g[i], 0.25 * (exp((double)r.x[i] - lse) - 0.01), 1e-6);
}

Test(kernels, layer_norm_and_its_gradients_follow_the_formulas)
{
    static Row r;
    real   y[N], dx[N] = { 0 }, dw[N] = { 0 }, db[N] = { 0 };
    double mean = 0, var = 0, g_mean = 0, gh_mean = 0;
    fill(&r, 3);
    for (int i = 0; i < N; i++) mean += (double)r.x[i] / N;
    for (int i = 0; i < N; i++) var += ((double)r.x[i] - mean) * ((double)r.x[i] - mean) / N;
    NormStat s = kernels()->norm(N, 1e-5, r.x, r.w, r.y, y);
    kernels()->norm_grad_input(N, s, r.x, r.w, r.z, dx);
    kernels()->norm_grad_params(N, s, r.x, r.z, dw, db);

    double rstd = 1 / sqrt(var + 1e-5);
    for (int i = 0; i < N; i++) {
        double h = ((double)r.x[i] - mean) * rstd, g = (double)r.w[i] * (double)r.z[i];
        g_mean += g / N, gh_mean += g * h / N;
    }
    for (int i = 0; i < N; i++) {
        double h = ((double)r.x[i] - mean) * rstd, g = (double)r.w[i] * (double)r.z[i];
        expect_near("norm", y[i], h * (double)r.w[i] + (double)r.y[i], 2e-6);
        expect_near("dx", dx[i], rstd * (g - g_mean - h * gh_mean), 2e-6);
        expect_near("dw", dw[i], (double)r.z[i] * h, 2e-6);
        expect_near("db", db[i], (double)r.z[i], 2e-6);
    }
}

/* ROWS rows of C channels: more than one block of lanes, half a block and a rest; rows that do not fill the last run. */
enum { ROWS = 7, C = 27 };

static double column_sum(const real *x, const real *mean, const real *g, int c)
{
    double sum = 0;
    for (int r = 0; r < ROWS; r++)
        sum += (g ? (double)g[r * C + c] : 1) * (x ? (double)x[r * C + c] - (mean ? (double)mean[c] : 0) : 1);
    return sum;
}

Test(kernels, sums_down_the_columns_follow_the_formulas)
{
    static Row r;
    real mean[C], squares[C], sum[C], sum_x[C];
    fill(&r, 4);
    kernels()->moments(ROWS, C, r.x, mean, squares);
    kernels()->products(ROWS, C, mean, r.x, r.y, sum, sum_x);
    for (int c = 0; c < C; c++) {
        double want = 0;
        for (int i = 0; i < ROWS; i++) want += pow((double)r.x[i * C + c] - (double)mean[c], 2);
        expect_near("mean", mean[c], column_sum(r.x, NULL, NULL, c) / ROWS, 1e-6);
        expect_near("squares", squares[c], want, 1e-6);
        expect_near("sum", sum[c], column_sum(NULL, NULL, r.y, c), 2e-6);
        expect_near("sum_x", sum_x[c], column_sum(r.x, mean, r.y, c), 2e-6);
    }
}

Test(kernels, centering_and_its_gradient_follow_the_formulas)
{
    static Row r;
    real y[ROWS * C], dx[ROWS * C];
    fill(&r, 5);
    Centering n = { .mean = r.v, .scale = r.w, .shift = r.z, .slope = r.w + C };
    kernels()->center(ROWS, C, &n, r.x, r.y, y);
    memcpy(dx, r.z, sizeof dx);
    kernels()->center_grad(ROWS, C, &n, r.x, r.y, true, dx);
    for (int i = 0; i < ROWS * C; i++) {
        int    c = i % C;
        double d = (double)r.x[i] - (double)r.v[c], w = (double)r.w[c], s = (double)r.z[c];
        expect_near("center", y[i], d * w + s + (double)r.y[i], 2e-6);
        expect_near("center_grad", dx[i], (double)r.z[i] + w * ((double)r.y[i] - s - d * (double)r.w[C + c]), 4e-6);
    }
}

Test(kernels, taps_and_their_gradients_follow_the_formulas)
{
    static Row r;
    real y[ROWS * C], dw[2 * C] = { 0 };
    Taps t = { .outputs = ROWS, .C = C, .count = 2, .x = (const real *const[]){ r.x, r.y },
               .w = (const real *const[]){ r.z, r.w }, .x_step = 2 * C, .y_step = C };
    fill(&r, 6);
    memcpy(y, r.v, sizeof y);
    kernels()->taps(&t, true, y);
    kernels()->taps_grad(&t, r.v, (real *const[]){ dw, dw + C });
    for (int c = 0; c < C; c++) {
        double dz = 0, dw_want = 0;
        for (int q = 0; q < ROWS; q++) {
            double x = (double)r.x[2 * q * C + c], x2 = (double)r.y[2 * q * C + c], v = (double)r.v[q * C + c];
            expect_near("taps", y[q * C + c], v + x * (double)r.z[c] + x2 * (double)r.w[c], 2e-6);
            dz += v * x, dw_want += v * x2;
        }
        expect_near("taps_grad", dw[c], dz, 2e-6);
        expect_near("taps_grad", dw[C + c], dw_want, 2e-6);
    }
}

Test(kernels, the_gradient_of_a_maximum_goes_to_the_first_that_has_it)
{
    static Row r;
    real y[C], dx[2 * C] = { 0 };
    uint16_t of[C];
    Taps t = { .outputs = 1, .C = C, .count = 2, .x = (const real *const[]){ r.x, r.y } };
    fill(&r, 7);
    r.y[3] = r.x[3];
    kernels()->maximum(&t, y, of);
    kernels()->maximum_grad(&t, of, r.z, (real *const[]){ dx, dx + C });
    for (int c = 0; c < C; c++) {
        int taken = r.x[c] >= r.y[c] ? 0 : 1;
        cr_expect(y[c] == (taken ? r.y[c] : r.x[c]) && dx[taken * C + c] == r.z[c] && dx[(1 - taken) * C + c] == 0, "channel %d", c);
    }
}

Test(kernels, philox_draws_the_blocks_of_the_generator)
{
    uint32_t words[4 * N], want[4];
    kernels()->philox(N, (uint32_t[]){ 5, 6, 7, 8 }, (uint32_t[]){ 9, 10 }, words);
    for (uint32_t i = 0; i < N; i++) {
        philox((uint32_t[]){ 5 + i, 6, 7, 8 }, (uint32_t[]){ 9, 10 }, want);
        cr_assert(memcmp(words + 4 * i, want, sizeof want) == 0, "block %u", i);
    }
}

Test(kernels, long_sums_stay_accurate)
{
    enum { LONG = 1 << 20 };
    static real x[LONG];
    for (int i = 0; i < LONG; i++) x[i] = (real)0.1;
    expect_near("sum", (real)(kernels()->sum(LONG, x) / LONG), (double)(real)0.1, 1e-7);
    expect_near("sum of squares", (real)(kernels()->sum_of_squares(LONG, x) / LONG), (double)(real)0.1 * (double)(real)0.1, 1e-7);
    expect_near("log_sum_exp", kernels()->log_sum_exp(LONG, x), (double)(real)0.1 + log(LONG), 1e-7);
}
