/* layers.c - linear layers (PyTorch's and GPT-2's weight layout) and layer norm, as parameters plus one op. */
#include "tensor/layers.h"

Linear linear_new(Scope s, int64_t in, int64_t out, double spread)
{
    return (Linear){ .weight = param(s, "weight", SHAPE(out, in), INIT_NORMAL, spread),
                     .bias   = param(s, "bias", SHAPE(out), INIT_ZEROS, 0) };
}

Linear conv1d_new(Scope s, int64_t in, int64_t out, double spread)
{
    return (Linear){ .weight     = param(s, "weight", SHAPE(in, out), INIT_NORMAL, spread),
                     .bias       = param(s, "bias", SHAPE(out), INIT_ZEROS, 0),
                     .transposed = true };
}

Norm norm_new(Scope s, int64_t width, double eps)
{
    return (Norm){ .weight = param(s, "weight", SHAPE(width), INIT_ONES, 0),
                   .bias   = param(s, "bias", SHAPE(width), INIT_ZEROS, 0),
                   .eps    = eps };
}

Tensor *linear(Tape *t, const Linear *l, Tensor *x)
{
    return op_linear(t, x, l->weight, l->bias, (LinearOptions){ .transposed = l->transposed });
}

Tensor *linear_act(Tape *t, const Linear *l, Tensor *x, Activation a)
{
    return op_linear(t, x, l->weight, l->bias, (LinearOptions){ .transposed = l->transposed, .activation = a });
}

Tensor *linear_add(Tape *t, const Linear *l, Tensor *x, Tensor *residual)
{
    return op_linear(t, x, l->weight, l->bias, (LinearOptions){ .transposed = l->transposed, .residual = residual });
}

Tensor *norm(Tape *t, const Norm *l, Tensor *x)
{
    return op_layer_norm(t, x, l->weight, l->bias, l->eps);
}
