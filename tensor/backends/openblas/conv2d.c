/* conv2d.c - y = act(x * w + b): what all ways to convolve share (conv.h), and the choice between them.
 * Saved for backward: z, the sum before the activation, only where its slope cannot be told from y.                  */
#include "tensor/backends/openblas/conv.h"

/* ---- axes ---------------------------------------------------------------------------------------------------------- */
AxisSizes conv_rows(const ConvAttr *a)
{
    return (AxisSizes){ a->H, a->P, a->window.top, a->R, a->window.stride, a->window.dilation };
}
AxisSizes conv_columns_of(const ConvAttr *a)
{
    return (AxisSizes){ a->W, a->Q, a->window.left, a->S, a->window.stride, a->window.dilation };
}

Axis axis_forward(AxisSizes s)
{
    return (Axis){ .count = s.outputs, .size = s.size, .at = -s.before, .step = s.stride, .taps = s.taps, .tap = s.dilation,
                   .filter_step = 1, .to_step = 1 };
}

static int64_t divisor(int64_t a, int64_t b)
{
    return b ? divisor(b, a % b) : a;
}

/* Input h meets filter row r in output (h + before - r dilation) / stride where that is whole: in every period-th row. */
Axis axis_backward(AxisSizes s, int64_t phase)
{
    int64_t period = s.stride / divisor(s.stride, s.dilation), r = 0;
    Axis    x = { .count = chunks_of(s.size - phase, s.stride), .size = s.outputs, .step = 1, .filter_step = period,
                  .to = phase, .to_step = s.stride };

    while (r < s.taps && r < period && (phase + s.before - r * s.dilation) % s.stride != 0) r++;
    if (r == s.taps || r == period) return x;
    x.filter = r;
    x.taps = (s.taps - 1 - r) / period + 1;
    x.at = (phase + s.before - r * s.dilation) / s.stride;
    x.tap = -period * s.dilation / s.stride;
    return x;
}

void axis_interior(const Axis *x, int64_t *from, int64_t *to)
{
    int64_t first = x->tap < 0 ? (x->taps - 1) * x->tap : 0, last = x->tap < 0 ? 0 : (x->taps - 1) * x->tap;

    *from = 0, *to = x->count;
    while (*from < x->count && x->at + *from * x->step + first < 0) ++*from;
    while (*to > *from && x->at + (*to - 1) * x->step + last >= x->size) --*to;
}

/* ---- the op ---------------------------------------------------------------------------------------------------------- */
static const ConvWay *way(const ConvAttr *a)
{
    return a->groups == a->I && a->I == a->O ? &conv_depthwise : &conv_gathered;
}

static void forward(Tape *t, Node *n)
{
    const ConvAttr *a = n->attr;
    real *y = n->out[0]->data, *z = y;

    if (n->recorded && !slope_from_output(a->activation))
        z = tape_save(t, n, 0, (size_t)shape_count(n->out[0]->shape) * sizeof *z);
    n->out[0]->held = a->activation != ACT_NONE && z == y;
    way(a)->forward(t, a, n->in[0]->data, n->in[1]->data, n->in[2] ? n->in[2]->data : NULL, z, y);
}

static void backward(Tape *t, Node *n)
{
    const ConvAttr *a = n->attr;
    Tensor *y = n->out[0];
    bool    fresh;
    real   *dw = tape_grad(t, n->in[1]), *db = tape_grad(t, n->in[2]), *dx = tape_grad_first(t, n->in[0], &fresh);
    const real *z = slope_from_output(a->activation) ? y->data : n->saved[0];

    finish_grad(t, &(FinishGrad){ .activation = a->activation, .z = z, .rows = a->B * a->P * a->Q, .columns = a->O, .dz = y->grad },
                db);
    if (dx) way(a)->grad_input(t, a, y->grad, n->in[1]->data, !fresh, dx);
    if (dw) way(a)->grad_filters(t, a, y->grad, n->in[0]->data, dw);
}

const Op openblas_conv2d = { "conv2d", forward, backward };
