/* channels.h - kernels over rows of channels (R rows of C, dense), for convolution and batch norm; part of kernel_set.c.
 *
 * Sums over rows keep a lane for each channel and a few partial sums, so that one addition need not wait for the last. */
#ifndef LIMN_KERNEL_CHANNELS_H
#define LIMN_KERNEL_CHANNELS_H

enum { HALF = LANES / 2, RUN = 4 };

/* ---- taps of a depthwise filter ----------------------------------------------------------------------------------- */
INLINE void taps_block(int m, int run, const Taps *t, int64_t at, int64_t c, bool add, real *y)
{
    real sum[RUN][LANES];

    for (int j = 0; j < run; j++)
        for (int l = 0; l < m; l++) sum[j][l] = 0;
    for (int k = 0; k < t->count; k++) {
        const real *w = t->w[k] + c, *x = t->x[k] + at * t->x_step + c;
        for (int j = 0; j < run; j++)
            for (int l = 0; l < m; l++) sum[j][l] += w[l] * x[j * t->x_step + l];
    }
    for (int j = 0; j < run; j++) {
        real *to = y + (at + j) * t->y_step + c;
        for (int l = 0; add && l < m; l++) sum[j][l] += to[l];
        memcpy(to, sum[j], (size_t)m * sizeof *to);
    }
}
INLINE void taps_run(int run, const Taps *t, int64_t at, bool add, real *y)
{
    int64_t c = 0;
    for (; c + LANES <= t->C; c += LANES) taps_block(LANES, run, t, at, c, add, y);
    if (c + HALF <= t->C) taps_block(HALF, run, t, at, c, add, y), c += HALF;
    if (c < t->C) taps_block((int)(t->C - c), run, t, at, c, add, y);
}
static void k_taps(const Taps *t, bool add, real *y)
{
    int64_t at = 0;
    for (; at + RUN <= t->outputs; at += RUN) taps_run(RUN, t, at, add, y);
    for (; at < t->outputs; at++) taps_run(1, t, at, add, y);
}

INLINE void taps_grad_block(int m, int run, const Taps *t, int k, int64_t c, const real *dy, real *const *dw)
{
    real sum[RUN][LANES];
    const real *x[RUN];

    for (int j = 0; j < run; j++) {
        x[j] = t->x[k + j] + c;
        for (int l = 0; l < m; l++) sum[j][l] = 0;
    }
    for (int64_t q = 0; q < t->outputs; q++)
        for (int j = 0; j < run; j++)
            for (int l = 0; l < m; l++) sum[j][l] += dy[q * t->y_step + c + l] * x[j][q * t->x_step + l];
    for (int j = 0; j < run; j++)
        for (int l = 0; l < m; l++) dw[k + j][c + l] += sum[j][l];
}
INLINE void taps_grad_run(int run, const Taps *t, int k, const real *dy, real *const *dw)
{
    int64_t c = 0;
    for (; c + LANES <= t->C; c += LANES) taps_grad_block(LANES, run, t, k, c, dy, dw);
    if (c + HALF <= t->C) taps_grad_block(HALF, run, t, k, c, dy, dw), c += HALF;
    if (c < t->C) taps_grad_block((int)(t->C - c), run, t, k, c, dy, dw);
}
static void k_taps_grad(const Taps *t, const real *dy, real *const *dw)
{
    int k = 0;
    for (; k + RUN <= t->count; k += RUN) taps_grad_run(RUN, t, k, dy, dw);
    for (; k < t->count; k++) taps_grad_run(1, t, k, dy, dw);
}

/* ---- sums down the columns ----------------------------------------------------------------------------------------- */
INLINE void moments_block(int m, int64_t rows, int64_t C, const real *x, real *mean, real *squares)
{
    real s[RUN][LANES], center[LANES];
    int64_t r = 0;

    for (int j = 0; j < RUN; j++)
        for (int l = 0; l < m; l++) s[j][l] = 0;
    for (; r + RUN <= rows; r += RUN)
        for (int j = 0; j < RUN; j++)
            for (int l = 0; l < m; l++) s[j][l] += x[(r + j) * C + l];
    for (; r < rows; r++)
        for (int l = 0; l < m; l++) s[0][l] += x[r * C + l];
    for (int l = 0; l < m; l++) center[l] = ((s[0][l] + s[1][l]) + (s[2][l] + s[3][l])) / (real)rows;

    for (int j = 0; j < RUN; j++)
        for (int l = 0; l < m; l++) s[j][l] = 0;
    for (r = 0; r + RUN <= rows; r += RUN)
        for (int j = 0; j < RUN; j++)
            for (int l = 0; l < m; l++) {
                real d = x[(r + j) * C + l] - center[l];
                s[j][l] += d * d;
            }
    for (; r < rows; r++)
        for (int l = 0; l < m; l++) s[0][l] += (x[r * C + l] - center[l]) * (x[r * C + l] - center[l]);
    for (int l = 0; l < m; l++) squares[l] = (s[0][l] + s[1][l]) + (s[2][l] + s[3][l]);
    memcpy(mean, center, (size_t)m * sizeof *mean);
}
static void k_moments(int64_t rows, int64_t C, const real *x, real *mean, real *squares)
{
    int64_t c = 0;
    for (; c + LANES <= C; c += LANES) moments_block(LANES, rows, C, x + c, mean + c, squares + c);
    if (c + HALF <= C) moments_block(HALF, rows, C, x + c, mean + c, squares + c), c += HALF;
    if (c < C) moments_block((int)(C - c), rows, C, x + c, mean + c, squares + c);
}

INLINE void products_block(int m, int64_t rows, int64_t C, const real *mean, const real *x, const real *g, real *sum, real *sum_x)
{
    enum { PAIR = 2 };
    real s[PAIR][LANES], p[PAIR][LANES], center[LANES];
    int64_t r = 0;

    for (int l = 0; l < m; l++) center[l] = mean ? mean[l] : 0;
    for (int j = 0; j < PAIR; j++)
        for (int l = 0; l < m; l++) s[j][l] = p[j][l] = 0;
    for (; r + PAIR <= rows; r += PAIR)
        for (int j = 0; j < PAIR; j++)
            for (int l = 0; l < m; l++) {
                real v = g[(r + j) * C + l];
                s[j][l] += v;
                p[j][l] += v * (x[(r + j) * C + l] - center[l]);
            }
    for (; r < rows; r++)
        for (int l = 0; l < m; l++) s[0][l] += g[r * C + l], p[0][l] += g[r * C + l] * (x[r * C + l] - center[l]);
    for (int l = 0; l < m; l++) sum[l] = s[0][l] + s[1][l], sum_x[l] = p[0][l] + p[1][l];
}
static void k_products(int64_t rows, int64_t C, const real *mean, const real *x, const real *g, real *sum, real *sum_x)
{
    int64_t c = 0;
    for (; c + LANES <= C; c += LANES)
        products_block(LANES, rows, C, mean ? mean + c : NULL, x + c, g + c, sum + c, sum_x + c);
    if (c + HALF <= C) products_block(HALF, rows, C, mean ? mean + c : NULL, x + c, g + c, sum + c, sum_x + c), c += HALF;
    if (c < C) products_block((int)(C - c), rows, C, mean ? mean + c : NULL, x + c, g + c, sum + c, sum_x + c);
}

/* ---- the same change in every row ------------------------------------------------------------------------------------ */
INLINE void center_block(int m, int64_t at, int64_t c, const Centering *n, const real *x, const real *residual, real *y)
{
    real v[LANES];

    for (int l = 0; l < m; l++) v[l] = (x[at + l] - n->mean[c + l]) * n->scale[c + l] + n->shift[c + l];
    for (int l = 0; residual && l < m; l++) v[l] += residual[at + l];
    memcpy(y + at, v, (size_t)m * sizeof *y);
}
static void k_center(int64_t rows, int64_t C, const Centering *n, const real *x, const real *residual, real *y)
{
    for (int64_t r = 0; r < rows; r++) {
        int64_t c = 0;
        for (; c + LANES <= C; c += LANES) center_block(LANES, r * C + c, c, n, x, residual, y);
        if (c + HALF <= C) center_block(HALF, r * C + c, c, n, x, residual, y), c += HALF;
        if (c < C) center_block((int)(C - c), r * C + c, c, n, x, residual, y);
    }
}

INLINE void center_grad_block(int m, int64_t at, int64_t c, const Centering *n, const real *x, const real *g, bool add, real *dx)
{
    real v[LANES];

    for (int l = 0; l < m; l++)
        v[l] = n->scale[c + l] * ((g[at + l] - n->shift[c + l]) - (x[at + l] - n->mean[c + l]) * n->slope[c + l]);
    for (int l = 0; add && l < m; l++) v[l] += dx[at + l];
    memcpy(dx + at, v, (size_t)m * sizeof *dx);
}
static void k_center_grad(int64_t rows, int64_t C, const Centering *n, const real *x, const real *g, bool add, real *dx)
{
    for (int64_t r = 0; r < rows; r++) {
        int64_t c = 0;
        for (; c + LANES <= C; c += LANES) center_grad_block(LANES, r * C + c, c, n, x, g, add, dx);
        if (c + HALF <= C) center_grad_block(HALF, r * C + c, c, n, x, g, add, dx), c += HALF;
        if (c < C) center_grad_block((int)(C - c), r * C + c, c, n, x, g, add, dx);
    }
}

/* ---- the taps of a max pool ------------------------------------------------------------------------------------------- */
INLINE void maximum_block(int m, const Taps *t, int64_t c, real *y, uint16_t *taken)
{
    real     v[LANES];
    uint16_t from[LANES] = { 0 };

    for (int l = 0; l < m; l++) v[l] = t->x[0][c + l];
    for (int k = 1; k < t->count; k++) {
        const real *x = t->x[k] + c;

        for (int l = 0; l < m; l++) {
            bool larger = x[l] > v[l];
            v[l] = larger ? x[l] : v[l];
            from[l] = larger ? (uint16_t)k : from[l];
        }
    }
    memcpy(y + c, v, (size_t)m * sizeof *y);
    if (taken) memcpy(taken + c, from, (size_t)m * sizeof *taken);
}
static void k_maximum(const Taps *t, real *y, uint16_t *taken)
{
    int64_t c = 0;
    for (; c + LANES <= t->C; c += LANES) maximum_block(LANES, t, c, y, taken);
    if (c + HALF <= t->C) maximum_block(HALF, t, c, y, taken), c += HALF;
    if (c < t->C) maximum_block((int)(t->C - c), t, c, y, taken);
}

INLINE void maximum_grad_block(int m, const Taps *t, int64_t c, const uint16_t *taken, const real *dy, real *const *dx)
{
    for (int k = 0; k < t->count; k++) {
        real to[LANES];

        for (int l = 0; l < m; l++) to[l] = dx[k][c + l] + (taken[c + l] == k ? dy[c + l] : 0);
        memcpy(dx[k] + c, to, (size_t)m * sizeof *to);
    }
}
static void k_maximum_grad(const Taps *t, const uint16_t *taken, const real *dy, real *const *dx)
{
    int64_t c = 0;
    for (; c + LANES <= t->C; c += LANES) maximum_grad_block(LANES, t, c, taken, dy, dx);
    if (c + HALF <= t->C) maximum_grad_block(HALF, t, c, taken, dy, dx), c += HALF;
    if (c < t->C) maximum_grad_block((int)(t->C - c), t, c, taken, dy, dx);
}

#endif
