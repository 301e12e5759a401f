/* add.c - z = x + y, where y's shape ends x's and y repeats over x's leading dimensions (a position table). */
#include "tensor/ops/attrs.h"

static void forward(Tape *t, Node *n)
{
    const real *x = n->in[0]->data, *y = n->in[1]->data;
    real   *z = n->out[0]->data;
    int64_t end = shape_count(n->in[0]->shape), period = shape_count(n->in[1]->shape);

    (void)t;
    for (int64_t at = 0; at < end; at += period)
        for (int64_t i = 0; i < period; i++) z[at + i] = x[at + i] + y[i];
}

/* dx = dz,   dy = sum of dz over the repeats. */
static void backward(Tape *t, Node *n)
{
    const real *dz = n->out[0]->grad;
    int64_t end = shape_count(n->in[0]->shape), period = shape_count(n->in[1]->shape);
    real   *dx = tape_grad(t, n->in[0]), *dy = tape_grad(t, n->in[1]);

    if (dx) for (int64_t i = 0; i < end; i++) dx[i] += dz[i];
    if (dy) for (int64_t i = 0; i < period; i++) {
        double sum = 0;
        for (int64_t at = 0; at < end; at += period) sum += (double)dz[at + i];
        dy[i] += (real)sum;
    }
}

const Op op_add_op = { "add", forward, backward };

/* Leading dimensions of 1, as a checkpoint's (1,N,C) position table has, count as repeating. */
static bool ends(Shape x, Shape y)
{
    int skip = 0;

    while (skip < y.n - 1 && y.d[skip] == 1) skip++;
    int tail = y.n - skip;
    if (tail > x.n) return false;
    for (int i = 0; i < tail; i++)
        if (y.d[skip + i] != x.d[x.n - tail + i]) return false;
    return true;
}

Tensor *op_add(Tape *t, Tensor *x, Tensor *y)
{
    REQUIRE(ends(x->shape, y->shape), "add: %s %s does not repeat over %s %s", y->name ? y->name : "y", shape_text(y->shape).s,
            x->name ? x->name : "x", shape_text(x->shape).s);
    return tape_apply(t, &(Apply){ &op_add_op, { x, y }, { x->shape }, NULL, 0 })->out[0];
}
