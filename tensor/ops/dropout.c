/* dropout.c - y = x m, where each m is 0 with probability p and 1/(1-p) otherwise (Srivastava et al. 2014, inverted).
 * The mask is a function of (seed, step, draw, element): backward draws it again. Stochastic depth (Huang et al. 2016) is
 * dropout of runs: all elements of a picture share one m.                                                            */
#include "tensor/ops/attrs.h"

static void forward(Tape *t, Node *n)
{
    const DropoutAttr *a = n->attr;
    const real *x = n->in[0]->data;
    real *y = n->out[0]->data;

    for (int64_t i = 0, end = shape_count(n->out[0]->shape); i < end; i++)
        y[i] = (real)((double)x[i] * dropout_factor(t, a->draw, a->p, i / a->run));
}

/* dx = dy m */
static void backward(Tape *t, Node *n)
{
    const DropoutAttr *a = n->attr;
    const real *dy = n->out[0]->grad;
    real *dx = tape_grad(t, n->in[0]);

    for (int64_t i = 0, end = shape_count(n->out[0]->shape); i < end; i++)
        dx[i] += (real)((double)dy[i] * dropout_factor(t, a->draw, a->p, i / a->run));
}

const Op op_dropout_op = { "dropout", forward, backward };

static Tensor *drop(Tape *t, Tensor *x, double p, int64_t run)
{
    REQUIRE(p >= 0 && p < 1, "dropout: p is %g, but it lies in [0, 1)", p);
    if (!t->training || p == 0) return x;
    DropoutAttr a = { p, t->draws++, run };
    return tape_apply(t, &(Apply){ &op_dropout_op, { x }, { x->shape }, &a, sizeof a })->out[0];
}

Tensor *op_dropout(Tape *t, Tensor *x, double p)   { return drop(t, x, p, 1); }
Tensor *op_drop_path(Tape *t, Tensor *x, double p) { return drop(t, x, p, shape_count(x->shape) / x->shape.d[0]); }
