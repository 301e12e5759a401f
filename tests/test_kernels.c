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

/* Sends a row through every kernel, one after the other; `out` collects all that comes out. */
static size_t run_all(const Kernels *k, int64_t n, Row *r, real *out)
{
    static uint32_t words[4 * LONGEST];
    real  *o = out;
    size_t bytes = (size_t)n * sizeof *o;

    for (int a = ACT_NONE; a <= ACT_RELU; a++) {
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
    return (size_t)(o - out);
}

Test(kernels, of_every_instruction_set_give_the_same_bits)
{
    static real first[64 * LONGEST], other[64 * LONGEST];
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
    static const char BITS[] = "4d57f439567c8f61560217819a3041af1e69a1f7f8854606b71f554eca222450";
    static real out[64 * LONGEST];
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
    return a == ACT_RELU && x < 0 ? 0 : x;
}

Test(kernels, activations_and_their_slopes_follow_the_formulas)
{
    real y[N], dx[N], one[N];
    static Row r;
    fill(&r, 1);
    for (int i = 0; i < N; i++) one[i] = 1;
    for (int a = ACT_NONE; a <= ACT_RELU; a++) {
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
