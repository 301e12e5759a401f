/* functions.h - exp, tanh, erf and the activations for one number, written so that a compiler turns a loop over them into vector
 * code: no branches, no tables, no library calls (in double they are the C library's; that build checks gradients).
 *
 * Error bounds, measured over the floats against double (tests/test_kernels.c checks them):
 *     exp 1 ulp, results below 2^-126 included      tanh 1.5 ulp      erf 1.5 ulp
 * Coefficients: weighted minimax fits of our own (Lawson's iteration on Chebyshev nodes), rounded to float one by one. */
#ifndef LIMN_KERNEL_FUNCTIONS_H
#define LIMN_KERNEL_FUNCTIONS_H

#include <math.h>
#include <string.h>

#include "tensor/ops.h"

#ifdef REAL_IS_DOUBLE

static inline real real_exp(real x)  { return exp(x); }
static inline real real_tanh(real x) { return tanh(x); }
static inline real real_erf(real x)  { return erf(x); }
static inline real real_sqrt(real x) { return sqrt(x); }
static inline real real_abs(real x)  { return fabs(x); }

#else

static inline float   float_of_bits(int32_t i) { float f; memcpy(&f, &i, sizeof f); return f; }
static inline int32_t bits_of_float(float f)   { int32_t i; memcpy(&i, &f, sizeof i); return i; }

static inline real real_sqrt(real x) { return sqrtf(x); }
static inline real real_abs(real x)  { return fabsf(x); }

/* exp x = 2^k exp r, |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits; ln 2 is
 * subtracted in two parts, the first of so few bits that k times it is exact. 2^k is multiplied in two halves, so that
 * results below 2^-126 come out right.                                                                                */
static inline real real_exp(real x)
{
    const float round = 12582912.0f;
    float c = x < -104.0f ? -104.0f : x;
    c = c > 89.0f ? 89.0f : c;
    float shifted = c * 1.44269504f + round, n = shifted - round;
    float r = (c - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.95780568e-4f;
    p = p * r + 1.39357720e-3f;
    p = p * r + 8.33388697e-3f;
    p = p * r + 4.16664556e-2f;
    p = p * r + 1.66666642e-1f;
    p = p * r + 0.5f;
    p = (p * (r * r) + r) + 1.0f;
    int32_t k = bits_of_float(shifted) - bits_of_float(round), half = k >> 1;
    return p * float_of_bits((int32_t)((uint32_t)(half + 127) << 23)) *
               float_of_bits((int32_t)((uint32_t)(k - half + 127) << 23));
}

/* tanh x = x + x^3 P(x^2) near 0, else 1 - 2 / (exp 2x + 1). */
static inline real real_tanh(real x)
{
    float a = fabsf(x), z = x * x;
    float p = -5.89796668e-3f;
    p = p * z + 2.07986254e-2f;
    p = p * z - 5.37847169e-2f;
    p = p * z + 1.33319363e-1f;
    p = p * z - 3.33332986e-1f;
    float near = x + x * (z * p);
    float far = copysignf(1.0f - 2.0f / (real_exp(a + a) + 1.0f), x);
    return a < 0.6f ? near : far;
}

/* erf x = x + x P(x^2) near 0, else 1 - exp(-(a + a Q(a))), a = |x|: the logarithm of erfc is smooth. */
static inline real real_erf(real x)
{
    float a = fabsf(x), z = x * x;
    float p = 8.39226850e-5f;
    p = p * z - 8.14415806e-4f;
    p = p * z + 5.20072179e-3f;
    p = p * z - 2.68590227e-2f;
    p = p * z + 1.12836815e-1f;
    p = p * z - 3.76126319e-1f;
    p = p * z + 1.28379166e-1f;
    float near = x + x * p;
    float t = a > 4.0f ? 4.0f : a;                /* erf is 1 there already */
    float q = -2.15108157e-4f;
    q = q * t + 3.22417589e-3f;
    q = q * t - 2.29193959e-2f;
    q = q * t + 1.05307519e-1f;
    q = q * t + 6.35683835e-1f;
    q = q * t + 1.28524497e-1f;
    float far = copysignf(1.0f - real_exp(-(t + t * q)), x);
    return a < 0.9f ? near : far;
}

#endif

/* ---- activations and their derivatives (formulas: ops.h) ---------------------------------------------------------- */
static inline real act_gelu(real x) { return (real)0.5 * x * (1 + real_erf(x * (real)0.70710678118654752440)); }
static inline real slope_gelu(real x)
{
    real phi = (real)0.39894228040143267794 * real_exp((real)-0.5 * x * x);      /* the normal density */
    return (real)0.5 * (1 + real_erf(x * (real)0.70710678118654752440)) + x * phi;
}

static inline real gelu_inner(real x) { return (real)0.79788456080286535588 * (x + (real)0.044715 * (x * x * x)); }
static inline real act_gelu_tanh(real x) { return (real)0.5 * x * (1 + real_tanh(gelu_inner(x))); }
static inline real slope_gelu_tanh(real x)
{
    real t = real_tanh(gelu_inner(x)), inner = (real)0.79788456080286535588 * (1 + (real)0.134145 * (x * x));
    return (real)0.5 * (1 + t) + (real)0.5 * x * ((1 - t * t) * inner);
}

static inline real sigmoid(real x) { return 1 / (1 + real_exp(-x)); }
static inline real act_gelu_quick(real x) { return x * sigmoid((real)1.702 * x); }
static inline real slope_gelu_quick(real x)
{
    real s = sigmoid((real)1.702 * x);
    return s + (real)1.702 * x * (s * (1 - s));
}

static inline real act_relu(real x)   { return x > 0 ? x : 0; }
static inline real slope_relu(real x) { return x > 0 ? 1 : 0; }
static inline real act_relu6(real x)   { return x > 0 ? (x < 6 ? x : 6) : 0; }
static inline real slope_relu6(real x) { return x > 0 && x < 6 ? 1 : 0; }

static inline real act_sigmoid(real x)   { return sigmoid(x); }
static inline real slope_sigmoid(real x) { real s = sigmoid(x); return s * (1 - s); }
static inline real act_silu(real x)      { return x * sigmoid(x); }
static inline real slope_silu(real x)    { real s = sigmoid(x); return s * (1 + x * (1 - s)); }

static inline real act_hard_sigmoid(real x)   { return x > -3 ? (x < 3 ? (x + 3) / 6 : 1) : 0; }
static inline real slope_hard_sigmoid(real x) { return x > -3 && x < 3 ? (real)1 / 6 : 0; }
static inline real act_hard_swish(real x)     { return x * act_hard_sigmoid(x); }
static inline real slope_hard_swish(real x)   { return x > -3 ? (x < 3 ? (2 * x + 3) / 6 : 1) : 0; }
static inline real act_none(real x)   { return x; }
static inline real slope_none(real x) { (void)x; return 1; }

#endif
