/* batch_norm.c - y = act(z),  z = h w + b + residual,  h = (x - mean) rstd,  rstd = 1 / sqrt(var + eps), with one mean and
 * one variance a channel (Ioffe & Szegedy 2015): of this batch, or the running ones.                                */
#include "tensor/ops/attrs.h"

#include <math.h>

/* Saved for each channel: the running ones may have moved on before backward. */
typedef struct Moments { double mean, rstd; } Moments;

/* Mean and biased variance of column c. */
static void batch_moments(const real *x, int64_t N, int64_t C, int64_t c, double *mean, double *var)
{
    *mean = *var = 0;
    for (int64_t r = 0; r < N; r++) *mean += (double)x[r * C + c];
    *mean /= (double)N;
    for (int64_t r = 0; r < N; r++) *var += ((double)x[r * C + c] - *mean) * ((double)x[r * C + c] - *mean);
    *var /= (double)N;
}

static void move(real *running, double batch, double momentum)
{
    *running = (real)((1 - momentum) * (double)*running + momentum * batch);
}

static void forward(Tape *t, Node *n)
{
    const BatchNormAttr *a = n->attr;
    const real *x = n->in[0]->data, *w = n->in[1]->data, *b = n->in[2]->data, *residual = n->in[5] ? n->in[5]->data : NULL;
    real       *running_mean = n->in[3]->data, *running_var = n->in[4]->data, *y = n->out[0]->data, *z = NULL;
    int64_t     N = a->rows, C = a->channels;
    bool        moves = t->training && !t->again && !a->running;
    Moments    *saved = tape_save(t, n, 0, (size_t)C * sizeof *saved);

    if (n->recorded && a->activation != ACT_NONE) z = tape_save(t, n, 1, (size_t)(N * C) * sizeof *z);
    for (int64_t c = 0; c < C; c++) {
        double mean = (double)running_mean[c], var = (double)running_var[c];

        if (!a->running) batch_moments(x, N, C, c, &mean, &var);
        if (moves) {
            move(&running_mean[c], mean, a->momentum);
            move(&running_var[c], N > 1 ? var * (double)N / (double)(N - 1) : var, a->momentum);
        }
        saved[c] = (Moments){ mean, 1 / sqrt(var + a->eps) };
        for (int64_t i = c; i < N * C; i += C) {
            double v = ((double)x[i] - mean) * saved[c].rstd * (double)w[c] + (double)b[c] + (residual ? (double)residual[i] : 0);

            if (z) z[i] = (real)v;
            y[i] = (real)activation_value(a->activation, v);
        }
    }
}

/* With dz = dy act'(z):   dresidual = dz,   db = sum of dz over rows,   dw = sum of dz h,
 *     dx = w rstd (dz - db / N - h dw / N);   running statistics are constants: dx = w rstd dz.                     */
static void backward(Tape *t, Node *n)
{
    const BatchNormAttr *a = n->attr;
    const Moments *saved = n->saved[0];
    const real *x = n->in[0]->data, *w = n->in[1]->data, *z = n->saved[1];
    real       *dz = n->out[0]->grad, *dx = tape_grad(t, n->in[0]), *dw = tape_grad(t, n->in[1]), *db = tape_grad(t, n->in[2]);
    real       *dresidual = tape_grad(t, n->in[5]);
    int64_t     N = a->rows, C = a->channels;

    if (z) for (int64_t i = 0; i < N * C; i++) dz[i] = (real)((double)dz[i] * activation_slope(a->activation, (double)z[i]));
    if (dresidual) for (int64_t i = 0; i < N * C; i++) dresidual[i] += dz[i];
    for (int64_t c = 0; c < C; c++) {
        Moments m = saved[c];
        double  sum = 0, sum_h = 0;

        for (int64_t i = c; i < N * C; i += C) {
            sum += (double)dz[i];
            sum_h += (double)dz[i] * ((double)x[i] - m.mean) * m.rstd;
        }
        if (dw) dw[c] += (real)sum_h;
        if (db) db[c] += (real)sum;
        if (a->running) sum = sum_h = 0;
        if (dx) for (int64_t i = c; i < N * C; i += C) {
            double h = ((double)x[i] - m.mean) * m.rstd;
            dx[i] += (real)((double)w[c] * m.rstd * ((double)dz[i] - (sum + h * sum_h) / (double)N));
        }
    }
}

const Op op_batch_norm_op = { "batch_norm", forward, backward };

Tensor *op_batch_norm(Tape *t, Tensor *x, Tensor *w, Tensor *b, Tensor *mean, Tensor *var, BatchNormOptions o)
{
    BatchNormAttr a = { o.eps, o.momentum, o.running, o.activation, shape_rows(x->shape), shape_last(x->shape) };
    const Tensor *per_channel[] = { w, b, mean, var };

    for (size_t i = 0; i < sizeof per_channel / sizeof *per_channel; i++)
        REQUIRE(shape_count(per_channel[i]->shape) == a.channels, "batch_norm: x is %s, but %s is %s", shape_text(x->shape).s,
                per_channel[i]->name ? per_channel[i]->name : "a vector", shape_text(per_channel[i]->shape).s);
    REQUIRE(!o.residual || shape_equal(o.residual->shape, x->shape), "batch_norm: x is %s, but the residual is %s",
            shape_text(x->shape).s, shape_text(o.residual->shape).s);
    return tape_apply(t, &(Apply){ &op_batch_norm_op, { x, w, b, mean, var, o.residual }, { x->shape }, &a, sizeof a })->out[0];
}
