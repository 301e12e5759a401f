/* layer_norm.c - y = h w + b,  h = (x - mean) rstd,  rstd = 1 / sqrt(var + eps), over the last dimension
 * (Ba, Kiros & Hinton 2016), with the biased variance.                                                              */
#include "tensor/ops/attrs.h"

#include <math.h>

/* Saved for each row. */
typedef struct Moments { double mean, rstd; } Moments;

static Moments moments(const real *x, int64_t C, double eps)
{
    double mean = 0, var = 0;

    for (int64_t i = 0; i < C; i++) mean += (double)x[i];
    mean /= (double)C;
    for (int64_t i = 0; i < C; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
    return (Moments){ mean, 1 / sqrt(var / (double)C + eps) };
}

static void forward(Tape *t, Node *n)
{
    const LayerNormAttr *a = n->attr;
    const real *w = n->in[1]->data, *b = n->in[2]->data;
    int64_t  N = shape_rows(n->in[0]->shape), C = shape_last(n->in[0]->shape);
    Moments *saved = tape_save(t, n, 0, (size_t)N * sizeof *saved);

    for (int64_t r = 0; r < N; r++) {
        const real *x = n->in[0]->data + r * C;
        real       *y = n->out[0]->data + r * C;
        Moments     m = saved[r] = moments(x, C, a->eps);

        for (int64_t i = 0; i < C; i++) y[i] = (real)(((double)x[i] - m.mean) * m.rstd * (double)w[i] + (double)b[i]);
    }
}

/* With g = dy w:   dx = rstd (g - mean(g) - h mean(g h)),   dw = sum of dy h,   db = sum of dy over rows. */
static void backward(Tape *t, Node *n)
{
    const real    *w = n->in[1]->data;
    int64_t        N = shape_rows(n->in[0]->shape), C = shape_last(n->in[0]->shape);
    real          *dx = tape_grad(t, n->in[0]), *dw = tape_grad(t, n->in[1]), *db = tape_grad(t, n->in[2]);
    const Moments *saved = n->saved[0];
    double        *sum_w = tape_scratch(t, (size_t)C * sizeof *sum_w), *sum_b = tape_scratch(t, (size_t)C * sizeof *sum_b);

    for (int64_t i = 0; i < C; i++) sum_w[i] = sum_b[i] = 0;
    for (int64_t r = 0; r < N; r++) {
        const real *x = n->in[0]->data + r * C, *dy = n->out[0]->grad + r * C;
        Moments     m = saved[r];
        double      g_mean = 0, gh_mean = 0;

        for (int64_t i = 0; i < C; i++) {
            double h = ((double)x[i] - m.mean) * m.rstd, g = (double)dy[i] * (double)w[i];
            g_mean += g / (double)C;
            gh_mean += g * h / (double)C;
            sum_w[i] += (double)dy[i] * h;
            sum_b[i] += (double)dy[i];
        }
        if (dx) for (int64_t i = 0; i < C; i++) {
            double h = ((double)x[i] - m.mean) * m.rstd, g = (double)dy[i] * (double)w[i];
            dx[r * C + i] += (real)(m.rstd * (g - g_mean - h * gh_mean));
        }
    }
    if (dw) for (int64_t i = 0; i < C; i++) dw[i] += (real)sum_w[i];
    if (db) for (int64_t i = 0; i < C; i++) db[i] += (real)sum_b[i];
}

const Op op_layer_norm_op = { "layer_norm", forward, backward };

Tensor *op_layer_norm(Tape *t, Tensor *x, Tensor *w, Tensor *b, double eps)
{
    LayerNormAttr a = { eps };

    REQUIRE(shape_count(w->shape) == shape_last(x->shape) && shape_count(b->shape) == shape_last(x->shape),
            "layer_norm: x is %s, but %s is %s and its bias %s", shape_text(x->shape).s, w->name ? w->name : "w",
            shape_text(w->shape).s, shape_text(b->shape).s);
    return tape_apply(t, &(Apply){ &op_layer_norm_op, { x, w, b }, { x->shape }, &a, sizeof a })->out[0];
}
