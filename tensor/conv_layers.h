/* conv_layers.h - the layers that convolutional encoders share. Pictures are (B,H,W,C), see ops.h.
 *
 * Parameters are named as PyTorch's Conv2d and BatchNorm2d name them: weight, bias; weight, bias, running_mean, running_var, of which
 * the last two are buffers.                                                                                          */
#ifndef LIMN_CONV_LAYERS_H
#define LIMN_CONV_LAYERS_H

#include "tensor/layers.h"

typedef struct Conv {
    Tensor *weight, *bias;                       /* (O, I/groups, k, k); (O) or NULL                                 */
    int64_t kernel, stride, groups;
    int64_t padding;                             /* on each side, unless `same`                                      */
    bool    same;                                /* TensorFlow's "SAME"                                              */
} Conv;

typedef struct BatchNorm {
    Tensor *weight, *bias, *mean, *var;
    double  eps, momentum;
    bool    running;                             /* trains with the running statistics as they are                   */
} BatchNorm;

/* kernel, stride, groups, padding, same are those of `like`; its tensors are made. Filters start as He et al. 2015 (fan-out). */
Conv      conv_new(Scope s, int64_t in, int64_t out, bool bias, Conv like);
BatchNorm batch_norm_new(Scope s, int64_t width, double eps, double momentum, bool running);

Tensor *conv(Tape *t, const Conv *c, Tensor *x, Activation a);
Tensor *batch_norm(Tape *t, const BatchNorm *n, Tensor *x, Activation a, Tensor *residual);
/* batch_norm(conv(x)). At inference the norm is folded into the filters, w' = w gamma / sqrt(var + eps), and one op does it all. */
Tensor *conv_norm(Tape *t, const Conv *c, const BatchNorm *n, Tensor *x, Activation a, Tensor *residual);

/* Squeeze-and-excite (Hu et al. 2018): x scaled per channel by gate(W2 act(W1 mean(x))). */
typedef struct SqueezeExcite { Linear squeeze, excite; Activation activation, gate; } SqueezeExcite;
Tensor *squeeze_excite(Tape *t, const SqueezeExcite *s, Tensor *x);

#endif
