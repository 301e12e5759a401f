/* kernel_set.c - the vector kernels of one instruction set (compiled several times: see tensor/meson.build).
 *
 * A row is cut into blocks of LANES. The work of a block is an inline function of its length m, called with the constant LANES
 * for whole blocks, which the compiler turns into a few vector instructions, and with what is left at the end. Results are
 * collected in a local array before they are stored: so the compiler need not ask whether input and output overlap.
 * A sum keeps LANES partial sums, which are added up in pairs, always in the same order.                              */
#include "tensor/backends/kernels/kernels.h"

#include "tensor/backends/kernels/functions.h"

enum { LANES = 16, BLOCK = 1024 };               /* a long sum goes to double every BLOCK elements */

#ifdef __GNUC__                                  /* the constant length is only seen by code that is really inlined */
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

extern const Kernels KERNEL_SET;

#include "tensor/backends/kernels/channels.h"

/* ---- elementwise ------------------------------------------------------------------------------------------------- */
typedef real Function(real);

INLINE void map_block(int m, Function *f, const real *x, real *y)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = f(x[l]);
    memcpy(y, v, (size_t)m * sizeof *y);
}
INLINE void map(int64_t n, Function *f, const real *x, real *y)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) map_block(LANES, f, x + i, y + i);
    map_block((int)(n - i), f, x + i, y + i);
}
static void k_exp (int64_t n, const real *x, real *y) { map(n, real_exp, x, y); }
static void k_tanh(int64_t n, const real *x, real *y) { map(n, real_tanh, x, y); }
static void k_erf (int64_t n, const real *x, real *y) { map(n, real_erf, x, y); }

static void k_act(Activation a, int64_t n, const real *x, real *y)
{
    switch (a) {
    case ACT_GELU:       map(n, act_gelu, x, y); break;
    case ACT_GELU_TANH:  map(n, act_gelu_tanh, x, y); break;
    case ACT_GELU_QUICK: map(n, act_gelu_quick, x, y); break;
    case ACT_RELU:       map(n, act_relu, x, y); break;
    case ACT_RELU6:      map(n, act_relu6, x, y); break;
    case ACT_SILU:       map(n, act_silu, x, y); break;
    case ACT_HARD_SWISH: map(n, act_hard_swish, x, y); break;
    case ACT_SIGMOID:    map(n, act_sigmoid, x, y); break;
    case ACT_HARD_SIGMOID: map(n, act_hard_sigmoid, x, y); break;
    case ACT_NONE:       map(n, act_none, x, y); break;
    }
}

INLINE void slope_block(int m, Function *slope, const real *x, const real *dy, real *dx)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = dy[l] * slope(x[l]);
    memcpy(dx, v, (size_t)m * sizeof *dx);
}
INLINE void slope_map(int64_t n, Function *slope, const real *x, const real *dy, real *dx)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) slope_block(LANES, slope, x + i, dy + i, dx + i);
    slope_block((int)(n - i), slope, x + i, dy + i, dx + i);
}
static void k_act_grad(Activation a, int64_t n, const real *x, const real *dy, real *dx)
{
    switch (a) {
    case ACT_GELU:       slope_map(n, slope_gelu, x, dy, dx); break;
    case ACT_GELU_TANH:  slope_map(n, slope_gelu_tanh, x, dy, dx); break;
    case ACT_GELU_QUICK: slope_map(n, slope_gelu_quick, x, dy, dx); break;
    case ACT_RELU:       slope_map(n, slope_relu, x, dy, dx); break;
    case ACT_RELU6:      slope_map(n, slope_relu6, x, dy, dx); break;
    case ACT_SILU:       slope_map(n, slope_silu, x, dy, dx); break;
    case ACT_HARD_SWISH: slope_map(n, slope_hard_swish, x, dy, dx); break;
    case ACT_SIGMOID:    slope_map(n, slope_sigmoid, x, dy, dx); break;
    case ACT_HARD_SIGMOID: slope_map(n, slope_hard_sigmoid, x, dy, dx); break;
    case ACT_NONE:       slope_map(n, slope_none, x, dy, dx); break;
    }
}

INLINE void add_block(int m, const real *x, const real *y, real *z)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = x[l] + y[l];
    memcpy(z, v, (size_t)m * sizeof *z);
}
static void k_add(int64_t n, const real *x, const real *y, real *z)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) add_block(LANES, x + i, y + i, z + i);
    add_block((int)(n - i), x + i, y + i, z + i);
}

INLINE void multiply_block(int m, const real *x, const real *y, real *z)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = x[l] * y[l];
    memcpy(z, v, (size_t)m * sizeof *z);
}
static void k_multiply(int64_t n, const real *x, const real *y, real *z)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) multiply_block(LANES, x + i, y + i, z + i);
    multiply_block((int)(n - i), x + i, y + i, z + i);
}

INLINE void multiply_add_block(int m, const real *x, const real *y, real *z)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = z[l] + x[l] * y[l];
    memcpy(z, v, (size_t)m * sizeof *z);
}
static void k_multiply_add(int64_t n, const real *x, const real *y, real *z)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) multiply_add_block(LANES, x + i, y + i, z + i);
    multiply_add_block((int)(n - i), x + i, y + i, z + i);
}

static void k_finish(Activation a, int64_t n, real *z, const real *b, const real *residual, real *y)
{
    if (b) k_add(n, z, b, z);
    if (a != ACT_NONE || (y != z && !residual)) k_act(a, n, z, y);
    if (residual) k_add(n, a == ACT_NONE ? z : y, residual, y);
}

INLINE void scale_block(int m, real a, const real *x, real *y)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = a * x[l];
    memcpy(y, v, (size_t)m * sizeof *y);
}
static void k_scale(int64_t n, real a, const real *x, real *y)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) scale_block(LANES, a, x + i, y + i);
    scale_block((int)(n - i), a, x + i, y + i);
}

INLINE void axpy_block(int m, real a, const real *x, real *y)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = y[l] + a * x[l];
    memcpy(y, v, (size_t)m * sizeof *y);
}
static void k_axpy(int64_t n, real a, const real *x, real *y)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) axpy_block(LANES, a, x + i, y + i);
    axpy_block((int)(n - i), a, x + i, y + i);
}

INLINE void lerp_block(int m, real a, const real *x, real *y)
{
    real v[LANES];
    for (int l = 0; l < m; l++) v[l] = y[l] + a * (x[l] - y[l]);
    memcpy(y, v, (size_t)m * sizeof *y);
}
static void k_lerp(int64_t n, real a, const real *x, real *y)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) lerp_block(LANES, a, x + i, y + i);
    lerp_block((int)(n - i), a, x + i, y + i);
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */
INLINE real lanes_sum(real *lane)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

static real short_sum(int64_t n, const real *x)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += x[i + l];
    for (int l = 0; i + l < n; l++) lane[l] += x[i + l];
    return lanes_sum(lane);
}
static double k_sum(int64_t n, const real *x)
{
    double total = 0;
    for (int64_t i = 0; i < n; i += BLOCK) total += (double)short_sum(n - i < BLOCK ? n - i : BLOCK, x + i);
    return total;
}

static real k_dot(int64_t n, const real *x, const real *y)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += x[i + l] * y[i + l];
    for (int l = 0; i + l < n; l++) lane[l] += x[i + l] * y[i + l];
    return lanes_sum(lane);
}

static double k_sum_of_squares(int64_t n, const real *x)
{
    double lane[LANES] = { 0 }, total = 0;       /* in double: squares of small gradients vanish in float */
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    for (int l = 0; i + l < n; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    for (int l = 0; l < LANES; l++) total += lane[l];
    return total;
}

/* ---- softmax and cross-entropy ------------------------------------------------------------------------------------ */
static real row_max(int64_t n, const real *x)
{
    real lane[LANES];
    int64_t i = 0;
    for (int l = 0; l < LANES; l++) lane[l] = x[0];
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (int l = 0; i + l < n; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] = lane[l + half] > lane[l] ? lane[l + half] : lane[l];
    return lane[0];
}

static void k_softmax(int64_t n, real scale, real *x)
{
    real lane[LANES] = { 0 }, top = row_max(n, x);    /* subtracted first: exp overflows at 89 */
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += x[i + l] = real_exp(scale * (x[i + l] - top));
    for (int l = 0; i + l < n; l++) lane[l] += x[i + l] = real_exp(scale * (x[i + l] - top));
    k_scale(n, 1 / lanes_sum(lane), x, x);
}

static void k_softmax_grad(int64_t n, real scale, const real *p, real *dp)
{
    real dot = k_dot(n, p, dp), v[LANES];
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) v[l] = scale * (p[i + l] * (dp[i + l] - dot));
        memcpy(dp + i, v, sizeof v);
    }
    for (; i < n; i++) dp[i] = scale * (p[i] * (dp[i] - dot));
}

static real short_sum_exp(int64_t n, real top, const real *x)
{
    real lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += real_exp(x[i + l] - top);
    for (int l = 0; i + l < n; l++) lane[l] += real_exp(x[i + l] - top);
    return lanes_sum(lane);
}
static real k_log_sum_exp(int64_t n, const real *x)
{
    real top = row_max(n, x);
    double total = 0;
    for (int64_t i = 0; i < n; i += BLOCK) total += (double)short_sum_exp(n - i < BLOCK ? n - i : BLOCK, top, x + i);
    return (real)((double)top + log(total));
}

static void k_log_softmax(int64_t n, real *x)
{
    real lse = k_log_sum_exp(n, x);
    for (int64_t i = 0; i < n; i++) x[i] -= lse;
}

static void k_cross_entropy_grad(int64_t n, real lse, real factor, real uniform, real *x)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) x[i + l] = factor * (real_exp(x[i + l] - lse) - uniform);
    for (; i < n; i++) x[i] = factor * (real_exp(x[i] - lse) - uniform);
}

/* ---- layer norm -------------------------------------------------------------------------------------------------- */
static NormStat k_norm(int64_t n, double eps, const real *x, const real *w, const real *b, real *y)
{
    real mean = (real)(k_sum(n, x) / (double)n), lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += (x[i + l] - mean) * (x[i + l] - mean);
    for (int l = 0; i + l < n; l++) lane[l] += (x[i + l] - mean) * (x[i + l] - mean);

    real v[LANES], rstd = (real)(1 / sqrt((double)lanes_sum(lane) / (double)n + eps));
    for (i = 0; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) v[l] = (x[i + l] - mean) * rstd * w[i + l] + b[i + l];
        memcpy(y + i, v, sizeof v);
    }
    for (; i < n; i++) y[i] = (x[i] - mean) * rstd * w[i] + b[i];
    return (NormStat){ mean, rstd };
}

/* With h = (x - mean) rstd and g = w dy:  dx = rstd (g - mean(g) - h mean(g h)). */
static void k_norm_grad_input(int64_t n, NormStat s, const real *restrict x, const real *restrict w,
                              const real *restrict dy, real *restrict dx)
{
    real g_lane[LANES] = { 0 }, gh_lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) g_lane[l] += w[i + l] * dy[i + l];
        for (int l = 0; l < LANES; l++) gh_lane[l] += w[i + l] * dy[i + l] * ((x[i + l] - s.mean) * s.rstd);
    }
    for (int l = 0; i + l < n; l++) {
        g_lane[l] += w[i + l] * dy[i + l];
        gh_lane[l] += w[i + l] * dy[i + l] * ((x[i + l] - s.mean) * s.rstd);
    }
    real g = lanes_sum(g_lane) / (real)n, gh = lanes_sum(gh_lane) / (real)n;
    for (i = 0; i < n; i++) dx[i] += s.rstd * (w[i] * dy[i] - g - (x[i] - s.mean) * s.rstd * gh);
}

static void k_norm_grad_params(int64_t n, NormStat s, const real *restrict x, const real *restrict dy,
                               real *restrict dw, real *restrict db)
{
    for (int64_t i = 0; i < n; i++) dw[i] += dy[i] * ((x[i] - s.mean) * s.rstd);
    for (int64_t i = 0; i < n; i++) db[i] += dy[i];
}

/* ---- random numbers: rng.c's Philox 4x32-10, LANES blocks at a time ------------------------------------------------- */
INLINE void philox_lanes(const uint32_t counter[4], const uint32_t key[2], uint32_t *out)
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES], k0 = key[0], k1 = key[1];

    for (uint32_t l = 0; l < LANES; l++) c0[l] = counter[0] + l, c1[l] = counter[1], c2[l] = counter[2], c3[l] = counter[3];
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
        for (int l = 0; l < LANES; l++) {
            uint64_t p0 = (uint64_t)0xD2511F53 * c0[l], p1 = (uint64_t)0xCD9E8D57 * c2[l];
            c0[l] = (uint32_t)(p1 >> 32) ^ c1[l] ^ k0;
            c2[l] = (uint32_t)(p0 >> 32) ^ c3[l] ^ k1;
            c1[l] = (uint32_t)p1;
            c3[l] = (uint32_t)p0;
        }
    for (int l = 0; l < LANES; l++) out[4 * l] = c0[l], out[4 * l + 1] = c1[l], out[4 * l + 2] = c2[l], out[4 * l + 3] = c3[l];
}

static void k_philox(int64_t blocks, const uint32_t counter[4], const uint32_t key[2], uint32_t *out)
{
    uint32_t at[4] = { counter[0], counter[1], counter[2], counter[3] }, last[4 * LANES];
    int64_t  i = 0;

    for (; i + LANES <= blocks; i += LANES, at[0] += LANES) philox_lanes(at, key, out + 4 * i);
    if (i == blocks) return;
    philox_lanes(at, key, last);
    memcpy(out + 4 * i, last, (size_t)(blocks - i) * 4 * sizeof *out);
}

/* ---- the optimizer (formula: optim.h) ----------------------------------------------------------------------------- */
static void k_adamw(int64_t n, const AdamWUpdate *u, const real *restrict g, real *restrict m, real *restrict v,
                    real *restrict w)
{
    const AdamWUpdate c = *u;
    for (int64_t i = 0; i < n; i++) {
        real gi = c.grad_scale * g[i];
        m[i] = c.beta1 * m[i] + c.rest1 * gi;
        v[i] = c.beta2 * v[i] + c.rest2 * (gi * gi);
        w[i] = c.keep * w[i] - c.rate * (m[i] / (real_sqrt(v[i]) * c.root + c.eps));
    }
}

static void k_sgd(int64_t n, const SgdUpdate *u, const real *restrict g, real *restrict b, real *restrict w)
{
    const SgdUpdate c = *u;
    for (int64_t i = 0; i < n; i++) {
        real gi = c.grad_scale * g[i] + c.decay * w[i];
        b[i] = c.momentum * b[i] + gi;
        w[i] -= c.by_gradient * gi + c.by_momentum * b[i];
    }
}

const Kernels KERNEL_SET = {
    .name = KERNEL_NAME,
    .exp = k_exp, .tanh = k_tanh, .erf = k_erf,
    .add = k_add, .multiply = k_multiply, .multiply_add = k_multiply_add,
    .scale = k_scale, .axpy = k_axpy, .lerp = k_lerp, .dot = k_dot, .sum = k_sum, .sum_of_squares = k_sum_of_squares,
    .act = k_act, .act_grad = k_act_grad, .finish = k_finish,
    .softmax = k_softmax, .softmax_grad = k_softmax_grad,
    .log_sum_exp = k_log_sum_exp, .log_softmax = k_log_softmax, .cross_entropy_grad = k_cross_entropy_grad,
    .norm = k_norm, .norm_grad_input = k_norm_grad_input, .norm_grad_params = k_norm_grad_params,
    .taps = k_taps, .taps_grad = k_taps_grad, .moments = k_moments, .products = k_products,
    .center = k_center, .center_grad = k_center_grad, .maximum = k_maximum, .maximum_grad = k_maximum_grad,
    .philox = k_philox, .adamw = k_adamw, .sgd = k_sgd,
};
