/* conv2d.c - y = act(x * w + b), a cross-correlation over pictures (B,H,W,I) with filters (O,I/groups,R,S):
 *
 *     z[b,p,q,o] = b[o] + sum over r, s, c of x[b, p stride - top + r dilation, q stride - left + s dilation, g I/groups + c] w[o,c,r,s]
 *
 * where g is the group of o, and x is 0 in the padding.                                                             */
#include "tensor/ops/attrs.h"

#include <inttypes.h>
#include <string.h>

/* Where in a picture tap (r,s) of output (p,q) reads its channels; -1: in the padding. */
static int64_t source(const ConvAttr *a, int64_t p, int64_t q, int64_t r, int64_t s)
{
    int64_t h = p * a->window.stride - a->window.top + r * a->window.dilation;
    int64_t w = q * a->window.stride - a->window.left + s * a->window.dilation;

    return h < 0 || h >= a->H || w < 0 || w >= a->W ? -1 : (h * a->W + w) * a->I;
}

/* One output of picture x; w is its filter, whose group starts at channel `first`. */
static double correlate(const ConvAttr *a, const real *x, const real *w, int64_t first, int64_t p, int64_t q)
{
    int64_t channels = a->I / a->groups, taps = a->R * a->S;
    double  sum = 0;

    for (int64_t k = 0; k < taps; k++) {
        int64_t from = source(a, p, q, k / a->S, k % a->S);
        if (from < 0) continue;
        for (int64_t c = 0; c < channels; c++) sum += (double)x[from + first + c] * (double)w[c * taps + k];
    }
    return sum;
}

static void forward(Tape *t, Node *n)
{
    const ConvAttr *a = n->attr;
    const real *w = n->in[1]->data, *b = n->in[2] ? n->in[2]->data : NULL;
    int64_t channels = a->I / a->groups, filter = channels * a->R * a->S, outputs = a->B * a->P * a->Q;
    real   *y = n->out[0]->data, *z = NULL;

    if (n->recorded && a->activation != ACT_NONE) z = tape_save(t, n, 0, (size_t)(outputs * a->O) * sizeof *z);
    for (int64_t at = 0; at < outputs; at++) {
        const real *x = n->in[0]->data + at / (a->P * a->Q) * a->H * a->W * a->I;

        for (int64_t o = 0; o < a->O; o++) {
            int64_t first = o / (a->O / a->groups) * channels;
            double  v = correlate(a, x, w + o * filter, first, at / a->Q % a->P, at % a->Q) + (b ? (double)b[o] : 0);

            if (z) z[at * a->O + o] = (real)v;
            y[at * a->O + o] = (real)activation_value(a->activation, v);
        }
    }
}

/* What one dz adds to its picture's and its filter's gradients, either of which may be NULL. */
static void spread(const ConvAttr *a, double dz, const real *x, const real *w, int64_t first, int64_t p, int64_t q,
                   double *dx, double *dw)
{
    int64_t channels = a->I / a->groups, taps = a->R * a->S;

    for (int64_t k = 0; k < taps; k++) {
        int64_t from = source(a, p, q, k / a->S, k % a->S);
        if (from < 0) continue;
        if (dx) for (int64_t c = 0; c < channels; c++) dx[from + first + c] += dz * (double)w[c * taps + k];
        if (dw) for (int64_t c = 0; c < channels; c++) dw[c * taps + k] += dz * (double)x[from + first + c];
    }
}

static double *zeros(Tape *t, int64_t count)
{
    return memset(tape_scratch(t, (size_t)count * sizeof(double)), 0, (size_t)count * sizeof(double));
}

static void add(real *to, const double *from, int64_t count)
{
    for (int64_t i = 0; to && i < count; i++) to[i] += (real)from[i];
}

/* With dz = dy act'(z):   each dz goes back along its taps to x by w and to w by x;   db = sum of dz. */
static void backward(Tape *t, Node *n)
{
    const ConvAttr *a = n->attr;
    const real *w = n->in[1]->data, *z = n->saved[0], *dy = n->out[0]->grad;
    int64_t channels = a->I / a->groups, filter = channels * a->R * a->S, picture = a->H * a->W * a->I;
    real   *dx = tape_grad(t, n->in[0]), *dw = tape_grad(t, n->in[1]), *db = tape_grad(t, n->in[2]);
    double *sum_x = dx ? zeros(t, picture) : NULL, *sum_w = dw ? zeros(t, a->O * filter) : NULL, *sum_b = zeros(t, a->O);

    for (int64_t i = 0; i < a->B; i++) {
        const real *x = n->in[0]->data + i * picture;

        for (int64_t at = i * a->P * a->Q; at < (i + 1) * a->P * a->Q; at++)
            for (int64_t o = 0; o < a->O; o++) {
                double  dz = (double)dy[at * a->O + o] * (z ? activation_slope(a->activation, (double)z[at * a->O + o]) : 1);
                int64_t first = o / (a->O / a->groups) * channels;

                sum_b[o] += dz;
                spread(a, dz, x, w + o * filter, first, at / a->Q % a->P, at % a->Q, sum_x, sum_w ? sum_w + o * filter : NULL);
            }
        if (!dx) continue;
        add(dx + i * picture, sum_x, picture);
        memset(sum_x, 0, (size_t)picture * sizeof *sum_x);
    }
    add(dw, sum_w, a->O * filter);
    add(db, sum_b, a->O);
}

const Op op_conv2d_op = { "conv2d", forward, backward };

static ConvAttr attributes(const Tensor *x, const Tensor *w, ConvOptions o)
{
    const Shape xs = x->shape, ws = w->shape;
    const Window v = window_filled(o.window);

    REQUIRE(xs.n == 4 && ws.n == 4, "conv2d: x %s is (B,H,W,I) and %s %s is (O,I/groups,kh,kw)", shape_text(xs).s,
            w->name ? w->name : "w", shape_text(ws).s);
    return (ConvAttr){
        .window = v, .activation = o.activation, .groups = o.groups ? o.groups : 1,
        .B = xs.d[0], .H = xs.d[1], .W = xs.d[2], .I = xs.d[3], .O = ws.d[0], .R = ws.d[2], .S = ws.d[3],
        .P = window_count(xs.d[1], ws.d[2], v.stride, v.dilation, v.top, v.bottom),
        .Q = window_count(xs.d[2], ws.d[3], v.stride, v.dilation, v.left, v.right)
    };
}

Tensor *op_conv2d(Tape *t, Tensor *x, Tensor *w, Tensor *b, ConvOptions o)
{
    const ConvAttr a = attributes(x, w, o);
    const char *name = w->name ? w->name : "w";

    REQUIRE(a.groups > 0 && a.O % a.groups == 0 && w->shape.d[1] * a.groups == a.I,
            "conv2d: x is %s, but %s is %s in %" PRId64 " groups", shape_text(x->shape).s, name, shape_text(w->shape).s, a.groups);
    REQUIRE(!b || shape_count(b->shape) == a.O, "conv2d: %" PRId64 " outputs, but %s is %s", a.O, b->name ? b->name : "b",
            shape_text(b->shape).s);
    REQUIRE(a.P > 0 && a.Q > 0, "conv2d: x is %s, too small for %s %s", shape_text(x->shape).s, name, shape_text(w->shape).s);
    return tape_apply(t, &(Apply){ &op_conv2d_op, { x, w, b }, { SHAPE(a.B, a.P, a.Q, a.O) }, &a, sizeof a })->out[0];
}
