/* kernels.h - vector kernels: what one row of numbers goes through between two matrix products.
 *
 * One source (kernel_set.c) in plain C, compiled once per instruction set. Sums run over a fixed number of lanes and nothing is
 * contracted, so every set gives the same bits; which set runs is a matter of speed alone. kernels() picks it once for this
 * processor; the environment variable LIMN_KERNELS names another (for tests and measurements).
 *
 * n is the length of a row. Elementwise kernels allow outputs to be their inputs, kernels whose arguments say `restrict` do not.  */
#ifndef LIMN_KERNELS_H
#define LIMN_KERNELS_H

#include "tensor/ops.h"

/* m = beta1 m + rest1 g, v = beta2 v + rest2 g^2, w = keep w - rate m / (root sqrt(v) + eps);  rest = 1 - beta. */
typedef struct AdamWUpdate {
    real grad_scale, beta1, beta2, rest1, rest2, rate, root, eps, keep;
} AdamWUpdate;

/* g' = grad_scale g + decay w, b = momentum b + g', w -= by_gradient g' + by_momentum b. */
typedef struct SgdUpdate { real grad_scale, decay, momentum, by_gradient, by_momentum; } SgdUpdate;

typedef struct NormStat { real mean, rstd; } NormStat;

/* A run of outputs of a depthwise filter: output q reads x[k] + q x_step for tap k, and lies at q y_step. (A pool: one output.) */
typedef struct Taps {
    int64_t            outputs, C;
    int                count;                    /* of taps                                                          */
    const real *const *x, *const *w;             /* w[k] (C)                                                         */
    int64_t            x_step, y_step;
} Taps;

/* What batch norm does to every row; all (C). */
typedef struct Centering { const real *mean, *scale, *shift, *slope; } Centering;

typedef struct Kernels {
    const char *name;

    void (*exp) (int64_t n, const real *x, real *y);
    void (*tanh)(int64_t n, const real *x, real *y);
    void (*erf) (int64_t n, const real *x, real *y);

    void (*add)  (int64_t n, const real *x, const real *y, real *z);              /* z = x + y                          */
    void (*multiply)(int64_t n, const real *x, const real *y, real *z);           /* z = x y                            */
    void (*multiply_add)(int64_t n, const real *x, const real *y, real *z);       /* z += x y                           */
    void (*scale)(int64_t n, real a, const real *x, real *y);                     /* y = a x                            */
    void (*axpy) (int64_t n, real a, const real *x, real *y);                     /* y += a x                           */
    void (*lerp) (int64_t n, real a, const real *x, real *y);                     /* y += a (x - y)                     */
    real (*dot)  (int64_t n, const real *x, const real *y);
    double (*sum_of_squares)(int64_t n, const real *x);

    void (*act)     (Activation a, int64_t n, const real *x, real *y);            /* y = act(x)                         */
    void (*act_grad)(Activation a, int64_t n, const real *x, const real *dy, real *dx);       /* dx = dy act'(x)        */
    /* The end of a linear layer: z += b; y = act(z) + residual. b and residual may be NULL, y may be z.                  */
    void (*finish)(Activation a, int64_t n, real *z, const real *b, const real *residual, real *y);

    void (*softmax)     (int64_t n, real scale, real *x);                         /* x = softmax(scale x), n >= 1       */
    void (*softmax_grad)(int64_t n, real scale, const real *p, real *dp);         /* dp = scale p (dp - p.dp)           */
    real (*log_sum_exp) (int64_t n, const real *x);
    void (*log_softmax) (int64_t n, real *x);                                     /* x -= log sum exp x                 */
    double (*sum)       (int64_t n, const real *x);
    /* x = factor (exp(x - lse) - uniform): the gradient of cross-entropy but for the target's own term.                  */
    void (*cross_entropy_grad)(int64_t n, real lse, real factor, real uniform, real *x);

    /* Layer norm of one row, and its gradients, which are added. */
    NormStat (*norm)(int64_t n, double eps, const real *x, const real *w, const real *b, real *y);
    void (*norm_grad_input) (int64_t n, NormStat s, const real *restrict x, const real *restrict w,
                             const real *restrict dy, real *restrict dx);
    void (*norm_grad_params)(int64_t n, NormStat s, const real *restrict x, const real *restrict dy,
                             real *restrict dw, real *restrict db);

    /* Rows of C channels, dense (channels.h). */
    void (*taps)     (const Taps *t, bool add, real *y);                          /* y (+)= sum of w[k] x[k]            */
    void (*taps_grad)(const Taps *t, const real *dy, real *const *dw);            /* dw[k] += sum of dy x[k] over the run */
    /* Per channel: the mean, and the sum of (x - mean)^2. */
    void (*moments)  (int64_t rows, int64_t C, const real *x, real *mean, real *squares);
    /* Per channel: the sums of g and of g (x - mean); mean NULL: 0. */
    void (*products) (int64_t rows, int64_t C, const real *mean, const real *x, const real *g, real *sum, real *sum_x);
    /* y = (x - mean) scale + shift + residual, which may be NULL */
    void (*center)   (int64_t rows, int64_t C, const Centering *n, const real *x, const real *residual, real *y);
    /* One output of a max pool, at most 65536 taps: y = the largest of x[k], and (unless NULL) taken = the first k that has it;
     * dx[taken] += dy. */
    void (*maximum)     (const Taps *t, real *y, uint16_t *taken);
    void (*maximum_grad)(const Taps *t, const uint16_t *taken, const real *dy, real *const *dx);
    /* dx (+)= scale ((g - shift) - (x - mean) slope) */
    void (*center_grad)(int64_t rows, int64_t C, const Centering *n, const real *x, const real *g, bool add, real *dx);

    /* The Philox blocks of counter, counter + 1, … (in its first word, which must not overflow): 4 words each. See rng.h. */
    void (*philox)(int64_t blocks, const uint32_t counter[4], const uint32_t key[2], uint32_t *out);

    void (*adamw)(int64_t n, const AdamWUpdate *u, const real *restrict g, real *restrict m, real *restrict v,
                  real *restrict w);
    void (*sgd)  (int64_t n, const SgdUpdate *u, const real *restrict g, real *restrict b, real *restrict w);
} Kernels;

const Kernels *kernels(void);
const Kernels *const *kernels_list(void);        /* those that run on this processor, ends with NULL; [0] is the baseline */

#endif
