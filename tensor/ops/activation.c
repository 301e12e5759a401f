/* activation.c - elementwise nonlinearities y = phi(x).
 *
 *     gelu        x Phi(x) = x/2 (1 + erf(x / sqrt 2))                          (Hendrycks & Gimpel 2016)
 *     gelu_new    x/2 (1 + tanh u),  u = sqrt(2/pi) (x + 0.044715 x^3)          (its tanh form: GPT-2)
 *     quick_gelu  x sigmoid(1.702 x)                                            (its sigmoid form: CLIP)
 *     relu        max(x, 0)
 *     relu6       min(max(x, 0), 6)
 *     silu        x sigmoid(x)                                                  (Hendrycks & Gimpel 2016; "swish")
 *     hardswish   x hardsigmoid(x),  hardsigmoid(x) = min(max(x + 3, 0), 6) / 6 (Howard et al. 2019)                */
#include "tensor/ops/attrs.h"

#include <math.h>
#include <string.h>

static const double SQRT_HALF = 0.70710678118654752440, SQRT_2_OVER_PI = 0.79788456080286535588,
                    INV_SQRT_2PI = 0.39894228040143267794, CUBIC = 0.044715, QUICK = 1.702;

static double sigmoid(double x)      { return 1 / (1 + exp(-x)); }
static double hard_sigmoid(double x) { return x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6; }

double activation_value(Activation a, double x)
{
    switch (a) {
    case ACT_GELU:       return x / 2 * (1 + erf(x * SQRT_HALF));
    case ACT_GELU_TANH:  return x / 2 * (1 + tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x)));
    case ACT_GELU_QUICK: return x / (1 + exp(-QUICK * x));
    case ACT_RELU:       return x < 0 ? 0 : x;
    case ACT_RELU6:      return x < 0 ? 0 : x > 6 ? 6 : x;
    case ACT_SILU:       return x * sigmoid(x);
    case ACT_HARD_SWISH: return x * hard_sigmoid(x);
    case ACT_SIGMOID:    return sigmoid(x);
    case ACT_HARD_SIGMOID: return hard_sigmoid(x);
    case ACT_NONE:       break;
    }
    return x;
}

double activation_slope(Activation a, double x)
{
    switch (a) {
    case ACT_GELU:                               /* Phi(x) + x phi(x) */
        return (1 + erf(x * SQRT_HALF)) / 2 + x * INV_SQRT_2PI * exp(-x * x / 2);
    case ACT_GELU_TANH: {
        double th = tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x)), du = SQRT_2_OVER_PI * (1 + 3 * CUBIC * x * x);
        return (1 + th) / 2 + x / 2 * (1 - th * th) * du;
    }
    case ACT_GELU_QUICK: {
        double s = 1 / (1 + exp(-QUICK * x));
        return s + QUICK * x * s * (1 - s);
    }
    case ACT_RELU:       return x > 0;
    case ACT_RELU6:      return x > 0 && x < 6;
    case ACT_SILU:       return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case ACT_HARD_SWISH: return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
    case ACT_SIGMOID:    return sigmoid(x) * (1 - sigmoid(x));
    case ACT_HARD_SIGMOID: return x > -3 && x < 3 ? 1.0 / 6 : 0;
    case ACT_NONE:       break;
    }
    return 1;
}

static void forward(Tape *t, Node *n)
{
    const ActivationAttr *a = n->attr;
    const real *x = n->in[0]->data;
    real *y = n->out[0]->data;

    (void)t;
    for (int64_t i = 0, end = shape_count(n->out[0]->shape); i < end; i++)
        y[i] = (real)activation_value(a->activation, (double)x[i]);
}

/* dx = dy phi'(x) */
static void backward(Tape *t, Node *n)
{
    const ActivationAttr *a = n->attr;
    const real *x = n->in[0]->data, *dy = n->out[0]->grad;
    real *dx = tape_grad(t, n->in[0]);

    for (int64_t i = 0, end = shape_count(n->out[0]->shape); i < end; i++)
        dx[i] += (real)((double)dy[i] * activation_slope(a->activation, (double)x[i]));
}

const Op op_activation_op = { "activation", forward, backward };

Tensor *op_activation(Tape *t, Tensor *x, Activation a)
{
    ActivationAttr attr = { a };

    if (a == ACT_NONE) return x;
    return tape_apply(t, &(Apply){ &op_activation_op, { x }, { x->shape }, &attr, sizeof attr })->out[0];
}

/* Names as transformers writes them (ACT2FN); the first row of each is the one we write ourselves. */
static const struct { const char *name; Activation activation; } names[] = {
    { "linear", ACT_NONE },
    { "gelu", ACT_GELU },                 { "gelu_python", ACT_GELU },
    { "gelu_new", ACT_GELU_TANH },        { "gelu_pytorch_tanh", ACT_GELU_TANH },  { "gelu_fast", ACT_GELU_TANH },
    { "gelu_python_tanh", ACT_GELU_TANH },
    { "quick_gelu", ACT_GELU_QUICK },
    { "relu", ACT_RELU },                 { "relu6", ACT_RELU6 },
    { "silu", ACT_SILU },                 { "swish", ACT_SILU },
    { "hardswish", ACT_HARD_SWISH },      { "sigmoid", ACT_SIGMOID },              { "hardsigmoid", ACT_HARD_SIGMOID },
};

bool activation_find(const char *hf_name, Activation *out)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, hf_name) == 0) {
            *out = names[i].activation;
            return true;
        }
    return false;
}

const char *activation_name(Activation a)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].activation == a) return names[i].name;
    REQUIRE(false, "there is no activation %d", (int)a);
    return NULL;
}
