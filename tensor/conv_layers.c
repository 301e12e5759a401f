/* conv_layers.c - convolution, batch norm, both at once, and squeeze-and-excite. */
#include "tensor/conv_layers.h"

Conv conv_new(Scope s, int64_t in, int64_t out, bool bias, Conv like)
{
    Conv c = like;

    if (c.groups == 0) c.groups = 1;
    c.weight = param(s, "weight", SHAPE(out, in / c.groups, c.kernel, c.kernel), INIT_HE, 0);
    c.bias = bias ? param(s, "bias", SHAPE(out), INIT_ZEROS, 0) : NULL;
    return c;
}

BatchNorm batch_norm_new(Scope s, int64_t width, double eps, double momentum, bool running)
{
    return (BatchNorm){ .weight   = param(s, "weight", SHAPE(width), INIT_ONES, 0),
                        .bias     = param(s, "bias", SHAPE(width), INIT_ZEROS, 0),
                        .mean     = param_buffer(s, "running_mean", SHAPE(width), INIT_ZEROS),
                        .var      = param_buffer(s, "running_var", SHAPE(width), INIT_ONES),
                        .eps      = eps,
                        .momentum = momentum,
                        .running  = running };
}

/* ---- convolution ------------------------------------------------------------------------------------------------- */
static Window window_on(const Conv *c, Shape picture)
{
    int64_t p = c->padding;

    if (c->same) return window_same(picture.d[1], picture.d[2], c->kernel, c->stride, 1);
    return (Window){ .stride = c->stride, .top = p, .left = p, .bottom = p, .right = p };
}

/* Filters of one pixel read each pixel by itself: a linear layer. */
static bool is_linear(const Conv *c)
{
    return c->kernel == 1 && c->stride <= 1 && c->groups <= 1 && (c->padding == 0 || c->same);
}

Tensor *conv(Tape *t, const Conv *c, Tensor *x, Activation a)
{
    if (is_linear(c)) return op_linear(t, x, c->weight, c->bias, (LinearOptions){ .activation = a });
    return op_conv2d(t, x, c->weight, c->bias,
                     (ConvOptions){ .window = window_on(c, x->shape), .groups = c->groups, .activation = a });
}

Tensor *batch_norm(Tape *t, const BatchNorm *n, Tensor *x, Activation a, Tensor *residual)
{
    return op_batch_norm(t, x, n->weight, n->bias, n->mean, n->var,
                         (BatchNormOptions){ .eps = n->eps, .momentum = n->momentum, .running = n->running || !t->training,
                                             .activation = a, .residual = residual });
}

/* The first pass over a segment must give the very bits that the second, which records, will. */
static bool at_inference(const Tape *t)
{
    return !t->recording && !t->training && !t->deferring;
}

Tensor *conv_norm(Tape *t, const Conv *c, const BatchNorm *n, Tensor *x, Activation a, Tensor *residual)
{
    if (!at_inference(t)) return batch_norm(t, n, conv(t, c, x, ACT_NONE), a, residual);

    Folded f = filters_fold(t, c->weight, c->bias, (BatchNormed){ n->weight, n->bias, n->mean, n->var, n->eps });
    Conv   folded = *c;

    folded.weight = f.weight;
    folded.bias = f.bias;
    if (!residual) return conv(t, &folded, x, a);
    return op_activation(t, op_add(t, conv(t, &folded, x, ACT_NONE), residual), a);
}

/* ---- squeeze-and-excite ------------------------------------------------------------------------------------------ */
Tensor *squeeze_excite(Tape *t, const SqueezeExcite *s, Tensor *x)
{
    Tensor *mean = op_pool(t, x, (PoolOptions){ .kind = POOL_AVERAGE });

    return op_scale(t, x, linear_act(t, &s->excite, linear_act(t, &s->squeeze, mean, s->activation), s->gate));
}
