/* linear.c - y = act(x W' + b) + residual, with W as (O,I), or as (I,O) when transposed. */
#include "tensor/ops/attrs.h"

#include <inttypes.h>
#include <string.h>

static void forward(Tape *t, Node *n)
{
    const LinearAttr *a = n->attr;
    const real *b = n->in[2] ? n->in[2]->data : NULL, *residual = n->in[3] ? n->in[3]->data : NULL;
    real *y = n->out[0]->data, *z = NULL;

    if (n->recorded && a->activation != ACT_NONE) z = tape_save(t, n, 0, (size_t)(a->rows * a->out) * sizeof *z);
    t->backend->gemm(t->team, &(Gemm){ .tb = !a->transposed, .m = a->rows, .n = a->out, .k = a->in, .alpha = 1,
                                       .a = n->in[0]->data, .b = n->in[1]->data, .c = y });
    for (int64_t r = 0; r < a->rows; r++)
        for (int64_t o = 0; o < a->out; o++) {
            int64_t i = r * a->out + o;
            double  v = (double)y[i] + (b ? (double)b[o] : 0);

            if (z) z[i] = (real)v;
            y[i] = (real)(activation_value(a->activation, v) + (residual ? (double)residual[i] : 0));
        }
}

/* With dz = dy act'(z):   dx = dz W,   dW = dz' x (transposed: x' dz),   db = sum of dz over rows,   dresidual = dy. */
static void backward(Tape *t, Node *n)
{
    const LinearAttr *a = n->attr;
    Tensor *x = n->in[0], *w = n->in[1];
    int64_t count = a->rows * a->out;
    real   *dy = n->out[0]->grad, *dx = tape_grad(t, x), *dw = tape_grad(t, w), *db = tape_grad(t, n->in[2]);
    real   *dresidual = tape_grad(t, n->in[3]), *dz = dy;

    if (dresidual) for (int64_t i = 0; i < count; i++) dresidual[i] += dy[i];
    if (a->activation != ACT_NONE) {
        const real *z = n->saved[0];
        for (int64_t i = 0; i < count; i++) dz[i] = (real)((double)dy[i] * activation_slope(a->activation, (double)z[i]));
    }
    if (dx) t->backend->gemm(t->team, &(Gemm){ .tb = a->transposed, .m = a->rows, .n = a->in, .k = a->out, .alpha = 1,
                                               .beta = 1, .a = dz, .b = w->data, .c = dx });
    if (dw && !a->transposed)
        t->backend->gemm(t->team, &(Gemm){ .ta = true, .m = a->out, .n = a->in, .k = a->rows, .alpha = 1, .beta = 1,
                                           .a = dz, .b = x->data, .c = dw });
    if (dw && a->transposed)
        t->backend->gemm(t->team, &(Gemm){ .ta = true, .m = a->in, .n = a->out, .k = a->rows, .alpha = 1, .beta = 1,
                                           .a = x->data, .b = dz, .c = dw });
    if (db)
        for (int64_t o = 0; o < a->out; o++) {
            double sum = 0;
            for (int64_t r = 0; r < a->rows; r++) sum += (double)dz[r * a->out + o];
            db[o] += (real)sum;
        }
}

const Op op_linear_op = { "linear", forward, backward };

Tensor *op_linear(Tape *t, Tensor *x, Tensor *w, Tensor *b, LinearOptions o)
{
    LinearAttr a = { o.transposed, o.activation, shape_rows(x->shape), shape_last(x->shape), 0 };
    Shape      y = x->shape;

    REQUIRE(!o.transposed || w->shape.n == 2, "linear: a transposed weight is a matrix, not %s %s", w->name, shape_text(w->shape).s);
    a.out = o.transposed ? w->shape.d[1] : w->shape.d[0];
    REQUIRE(shape_count(w->shape) == a.in * a.out, "linear: x is %s, but %s is %s%s", shape_text(x->shape).s,
            w->name ? w->name : "w", shape_text(w->shape).s, o.transposed ? " (transposed)" : "");
    REQUIRE(!b || shape_count(b->shape) == a.out, "linear: %" PRId64 " outputs, but %s is %s", a.out,
            b->name ? b->name : "b", shape_text(b->shape).s);
    y.d[y.n - 1] = a.out;
    REQUIRE(!o.residual || shape_count(o.residual->shape) == shape_count(y), "linear: y is %s, but the residual is %s",
            shape_text(y).s, shape_text(o.residual->shape).s);
    return tape_apply(t, &(Apply){ &op_linear_op, { x, w, b, o.residual }, { y }, &a, sizeof a })->out[0];
}
