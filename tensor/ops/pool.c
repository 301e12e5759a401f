/* pool.c - the largest, or the mean, of each window of a picture (B,H,W,C), channel by channel.
 *
 *     max        y = max of x over the pixels of the window; the padding never wins, and of equals the first does
 *     average    y = sum of x over the pixels of the window / their number (count_padding: / the window's size)     */
#include "tensor/ops/attrs.h"

#include <inttypes.h>

/* Where in a picture tap k of output (p,q) reads its channels; -1: in the padding. */
static int64_t source(const PoolAttr *a, int64_t p, int64_t q, int64_t k)
{
    int64_t h = p * a->window.stride - a->window.top + k / a->S * a->window.dilation;
    int64_t w = q * a->window.stride - a->window.left + k % a->S * a->window.dilation;

    return h < 0 || h >= a->H || w < 0 || w >= a->W ? -1 : (h * a->W + w) * a->C;
}

static int64_t pixels_of(const PoolAttr *a, int64_t p, int64_t q)
{
    int64_t count = 0;

    for (int64_t k = 0; k < a->R * a->S; k++) count += source(a, p, q, k) >= 0;
    REQUIRE(count, "pool: window (%" PRId64 ",%" PRId64 ") lies in the padding alone", p, q);
    return count;
}

static double divisor(const PoolAttr *a, int64_t p, int64_t q)
{
    int64_t pixels = pixels_of(a, p, q);

    return (double)(a->count_padding ? a->R * a->S : pixels);
}

/* Where the largest of channel c is in picture x. */
static int64_t largest(const PoolAttr *a, const real *x, int64_t p, int64_t q, int64_t c)
{
    int64_t best = -1;

    for (int64_t k = 0; k < a->R * a->S; k++) {
        int64_t from = source(a, p, q, k);
        if (from >= 0 && (best < 0 || x[from + c] > x[best])) best = from + c;
    }
    REQUIRE(best >= 0, "pool: window (%" PRId64 ",%" PRId64 ") lies in the padding alone", p, q);
    return best;
}

static double mean(const PoolAttr *a, const real *x, int64_t p, int64_t q, int64_t c)
{
    double sum = 0;

    for (int64_t k = 0; k < a->R * a->S; k++) {
        int64_t from = source(a, p, q, k);
        if (from >= 0) sum += (double)x[from + c];
    }
    return sum / divisor(a, p, q);
}

static void forward(Tape *t, Node *n)
{
    const PoolAttr *a = n->attr;
    real *y = n->out[0]->data;

    (void)t;
    for (int64_t i = 0; i < a->B * a->P * a->Q; i++) {
        const real *x = n->in[0]->data + i / (a->P * a->Q) * a->H * a->W * a->C;
        int64_t     p = i / a->Q % a->P, q = i % a->Q;

        for (int64_t c = 0; c < a->C; c++)
            y[i * a->C + c] = a->kind == POOL_MAX ? x[largest(a, x, p, q, c)] : (real)mean(a, x, p, q, c);
    }
}

/* dy of an average goes to each of its pixels in equal parts. */
static void share(const PoolAttr *a, const real *dy, int64_t p, int64_t q, real *dx)
{
    double divided_by = divisor(a, p, q);

    for (int64_t k = 0; k < a->R * a->S; k++) {
        int64_t from = source(a, p, q, k);
        if (from < 0) continue;
        for (int64_t c = 0; c < a->C; c++) dx[from + c] += (real)((double)dy[c] / divided_by);
    }
}

/* max: dx of the largest += dy;   average: dx of each pixel += dy / divisor */
static void backward(Tape *t, Node *n)
{
    const PoolAttr *a = n->attr;
    real *dx = tape_grad(t, n->in[0]);

    for (int64_t i = 0; i < a->B * a->P * a->Q; i++) {
        int64_t     picture = i / (a->P * a->Q) * a->H * a->W * a->C, p = i / a->Q % a->P, q = i % a->Q;
        const real *dy = n->out[0]->grad + i * a->C;

        if (a->kind == POOL_AVERAGE) share(a, dy, p, q, dx + picture);
        else for (int64_t c = 0; c < a->C; c++) dx[picture + largest(a, n->in[0]->data + picture, p, q, c)] += dy[c];
    }
}

const Op op_pool_op = { "pool", forward, backward };

Tensor *op_pool(Tape *t, Tensor *x, PoolOptions o)
{
    const Shape  s = x->shape;
    const Window v = window_filled(o.window);

    REQUIRE(s.n == 4, "pool: x is %s, not (B,H,W,C)", shape_text(s).s);
    PoolAttr a = { .kind = o.kind, .count_padding = o.count_padding, .window = v, .B = s.d[0], .H = s.d[1], .W = s.d[2], .C = s.d[3],
                   .R = o.size ? o.size : s.d[1], .S = o.size ? o.size : s.d[2] };
    a.P = window_count(a.H, a.R, v.stride, v.dilation, v.top, v.bottom);
    a.Q = window_count(a.W, a.S, v.stride, v.dilation, v.left, v.right);
    REQUIRE(a.P > 0 && a.Q > 0, "pool: x is %s, too small for windows of %" PRId64, shape_text(s).s, o.size);
    return tape_apply(t, &(Apply){ &op_pool_op, { x }, { SHAPE(a.B, a.P, a.Q, a.C) }, &a, sizeof a })->out[0];
}
