/* slice.c - y = x[.., from:to, ..] along an axis. */
#include "tensor/ops/attrs.h"

#include <inttypes.h>
#include <string.h>

static void forward(Tape *t, Node *n)
{
    const SliceAttr *a = n->attr;
    const real *x = n->in[0]->data + a->skip;
    real *y = n->out[0]->data;

    (void)t;
    for (int64_t o = 0; o < a->outer; o++) memcpy(y + o * a->run, x + o * a->stride, (size_t)a->run * sizeof *y);
}

/* dx[.., from:to, ..] = dy */
static void backward(Tape *t, Node *n)
{
    const SliceAttr *a = n->attr;
    const real *dy = n->out[0]->grad;
    real *dx = tape_grad(t, n->in[0]) + a->skip;

    for (int64_t o = 0; o < a->outer; o++)
        for (int64_t i = 0; i < a->run; i++) dx[o * a->stride + i] += dy[o * a->run + i];
}

const Op op_slice_op = { "slice", forward, backward };

Tensor *op_slice(Tape *t, Tensor *x, int axis, int64_t from, int64_t to)
{
    Shape     y = x->shape;
    SliceAttr a = { .outer = 1 };
    int64_t   inner = 1;

    REQUIRE(axis >= 0 && axis < y.n && from >= 0 && from < to && to <= y.d[axis],
            "slice: %" PRId64 " to %" PRId64 " along axis %d of %s", from, to, axis, shape_text(y).s);
    for (int i = 0; i < axis; i++) a.outer *= y.d[i];
    for (int i = axis + 1; i < y.n; i++) inner *= y.d[i];
    a.stride = y.d[axis] * inner;
    a.skip = from * inner;
    a.run = (to - from) * inner;
    y.d[axis] = to - from;
    return tape_apply(t, &(Apply){ &op_slice_op, { x }, { y }, &a, sizeof a })->out[0];
}
