/* scale.c - z = x y per channel: one y for all rows (layer scale, Touvron et al. 2021), or one a picture (squeeze-excite, Hu et al.
 * 2018).                                                                                                            */
#include "tensor/ops/attrs.h"

#include <string.h>

static void forward(Tape *t, Node *n)
{
    const ScaleAttr *a = n->attr;
    const real *x = n->in[0]->data;
    real *z = n->out[0]->data;

    (void)t;
    for (int64_t r = 0; r < a->blocks * a->rows; r++) {
        const real *y = n->in[1]->data + (a->shared ? 0 : r / a->rows * a->C);
        for (int64_t c = 0; c < a->C; c++) z[r * a->C + c] = x[r * a->C + c] * y[c];
    }
}

/* dx = dz y,   dy = sum of dz x over the rows that y serves */
static void backward(Tape *t, Node *n)
{
    const ScaleAttr *a = n->attr;
    const real *dz = n->out[0]->grad, *x = n->in[0]->data;
    real   *dx = tape_grad(t, n->in[0]), *dy = tape_grad(t, n->in[1]);
    int64_t count = shape_count(n->in[1]->shape);
    double *sum = memset(tape_scratch(t, (size_t)count * sizeof *sum), 0, (size_t)count * sizeof *sum);

    for (int64_t r = 0; r < a->blocks * a->rows; r++) {
        int64_t of = a->shared ? 0 : r / a->rows * a->C;

        for (int64_t c = 0; c < a->C; c++) {
            int64_t i = r * a->C + c;
            sum[of + c] += (double)dz[i] * (double)x[i];
            if (dx) dx[i] += dz[i] * n->in[1]->data[of + c];
        }
    }
    if (dy) for (int64_t i = 0; i < count; i++) dy[i] += (real)sum[i];
}

const Op op_scale_op = { "scale", forward, backward };

Tensor *op_scale(Tape *t, Tensor *x, Tensor *y)
{
    int64_t   C = shape_last(x->shape), blocks = x->shape.d[0];
    ScaleAttr a = { blocks, shape_rows(x->shape) / blocks, C, shape_count(y->shape) == C };

    REQUIRE(shape_last(y->shape) == C && (a.shared || (y->shape.d[0] == blocks && shape_count(y->shape) == blocks * C)),
            "scale: x is %s, but y is %s", shape_text(x->shape).s, shape_text(y->shape).s);
    return tape_apply(t, &(Apply){ &op_scale_op, { x, y }, { x->shape }, &a, sizeof a })->out[0];
}
