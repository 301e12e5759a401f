/* channels_last.c - pictures with each pixel's channels side by side: y[b,h,w,c] = x[b,c,h,w]. */
#include "tensor/ops/attrs.h"

static void forward(Tape *t, Node *n)
{
    const Shape s = n->in[0]->shape;
    const int64_t C = s.d[1], pixels = s.d[2] * s.d[3];
    const real *x = n->in[0]->data;
    real *y = n->out[0]->data;

    (void)t;
    for (int64_t b = 0; b < s.d[0]; b++)
        for (int64_t c = 0; c < C; c++)
            for (int64_t i = 0; i < pixels; i++) y[(b * pixels + i) * C + c] = x[(b * C + c) * pixels + i];
}

static void backward(Tape *t, Node *n)
{
    const Shape s = n->in[0]->shape;
    const int64_t C = s.d[1], pixels = s.d[2] * s.d[3];
    const real *dy = n->out[0]->grad;
    real *dx = tape_grad(t, n->in[0]);

    for (int64_t b = 0; b < s.d[0]; b++)
        for (int64_t c = 0; c < C; c++)
            for (int64_t i = 0; i < pixels; i++) dx[(b * C + c) * pixels + i] += dy[(b * pixels + i) * C + c];
}

const Op op_channels_last_op = { "channels_last", forward, backward };

Tensor *op_channels_last(Tape *t, Tensor *x)
{
    const Shape s = x->shape;

    REQUIRE(s.n == 4, "channels_last: x is %s, not (B,C,H,W)", shape_text(s).s);
    return tape_apply(t, &(Apply){ &op_channels_last_op, { x }, { SHAPE(s.d[0], s.d[2], s.d[3], s.d[1]) }, NULL, 0 })->out[0];
}
