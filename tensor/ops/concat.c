/* concat.c - z = [x, y] along an axis. Along axis 1 and later, a part whose leading dimension is 1 repeats over the other's
 * batch: a class token (1,1,C) before patches (B,N,C).                                                              */
#include "tensor/ops/attrs.h"

#include <string.h>

static void forward(Tape *t, Node *n)
{
    const ConcatAttr *a = n->attr;
    const real *x = n->in[0]->data, *y = n->in[1]->data;
    real *z = n->out[0]->data;

    (void)t;
    for (int64_t o = 0; o < a->outer; o++, z += a->x_run + a->y_run) {
        memcpy(z, x + o % a->x_outer * a->x_run, (size_t)a->x_run * sizeof *z);
        memcpy(z + a->x_run, y + o % a->y_outer * a->y_run, (size_t)a->y_run * sizeof *z);
    }
}

/* Each part of dz goes back to its source; a part that repeats receives the sum. */
static void backward(Tape *t, Node *n)
{
    const ConcatAttr *a = n->attr;
    const real *dz = n->out[0]->grad;
    real *dx = tape_grad(t, n->in[0]), *dy = tape_grad(t, n->in[1]);

    for (int64_t o = 0; o < a->outer; o++, dz += a->x_run + a->y_run) {
        real *dx_run = dx ? dx + o % a->x_outer * a->x_run : NULL, *dy_run = dy ? dy + o % a->y_outer * a->y_run : NULL;

        if (dx) for (int64_t i = 0; i < a->x_run; i++) dx_run[i] += dz[i];
        if (dy) for (int64_t i = 0; i < a->y_run; i++) dy_run[i] += dz[a->x_run + i];
    }
}

const Op op_concat_op = { "concat", forward, backward };

static int64_t product(Shape s, int from, int to)
{
    int64_t p = 1;
    for (int i = from; i < to; i++) p *= s.d[i];
    return p;
}

Tensor *op_concat(Tape *t, Tensor *x, Tensor *y, int axis)
{
    Shape z = x->shape, sx = x->shape, sy = y->shape;

    REQUIRE(sx.n == sy.n && axis >= 0 && axis < sx.n, "concat: %s and %s along axis %d", shape_text(sx).s, shape_text(sy).s, axis);
    for (int i = 0; i < sx.n; i++) {
        bool repeats = i == 0 && (sx.d[0] == 1 || sy.d[0] == 1);

        if (i == axis) z.d[i] = sx.d[i] + sy.d[i];
        else if (repeats) z.d[i] = sx.d[i] > sy.d[i] ? sx.d[i] : sy.d[i];
        else REQUIRE(sx.d[i] == sy.d[i], "concat: %s and %s along axis %d", shape_text(sx).s, shape_text(sy).s, axis);
    }
    ConcatAttr a = { product(z, 0, axis), product(sx, 0, axis), product(sy, 0, axis),
                     product(sx, axis, sx.n), product(sy, axis, sy.n) };
    return tape_apply(t, &(Apply){ &op_concat_op, { x, y }, { z }, &a, sizeof a })->out[0];
}
