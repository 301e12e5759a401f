/* layers.h - the layers that encoders and decoders share: parameters, and a forward that reads like its equation. */
#ifndef LIMN_LAYERS_H
#define LIMN_LAYERS_H

#include "tensor/ops.h"
#include "tensor/params.h"

typedef struct Linear { Tensor *weight, *bias; bool transposed; } Linear;
typedef struct Norm   { Tensor *weight, *bias; double eps; } Norm;

Linear linear_new(Scope s, int64_t in, int64_t out, double spread);   /* NAME.weight (out,in), NAME.bias (out) */
Linear conv1d_new(Scope s, int64_t in, int64_t out, double spread);   /* GPT-2's: NAME.weight (in,out)         */
Norm   norm_new(Scope s, int64_t width, double eps);

Tensor *linear(Tape *t, const Linear *l, Tensor *x);
Tensor *linear_act(Tape *t, const Linear *l, Tensor *x, Activation a);
Tensor *linear_add(Tape *t, const Linear *l, Tensor *x, Tensor *residual);
Tensor *norm(Tape *t, const Norm *l, Tensor *x);

#endif
