/* attrs.h - what each op's node holds, for the ops here and for the backends that override them.
 *
 * A node's `attr` points to the struct below; its inputs and outputs are in the order given. An override brings forward and
 * backward together, so what is in `saved` is each implementation's own affair.
 *
 *     op             in[]                              out[]            attr
 *     linear         x, w, b or NULL, residual or NULL y                LinearAttr
 *     layer_norm     x, w, b                           y                LayerNormAttr
 *     activation     x                                 y                ActivationAttr
 *     attention      q, k, v                           y, probs or NULL AttentionAttr
 *     embedding      table                             y                EmbeddingAttr
 *     patches        pixels                            y                PatchesAttr
 *     add            x, y                              z                none: y's elements repeat over x's
 *     dropout        x                                 y                DropoutAttr
 *     concat         x, y                              z                ConcatAttr
 *     slice          x                                 y                SliceAttr
 *     cross_entropy  logits                            loss             CrossEntropyAttr
 *     channels_last  x                                 y                none
 *     conv2d         x, w, b or NULL                   y                ConvAttr
 *     batch_norm     x, w, b, mean, var, residual/NULL y                BatchNormAttr
 *     pool           x                                 y                PoolAttr
 *     scale          x, y                              z                ScaleAttr                                     */
#ifndef LIMN_OPS_ATTRS_H
#define LIMN_OPS_ATTRS_H

#include "tensor/base/rng.h"
#include "tensor/ops.h"

/* rows N = all leading dimensions of x together; in I, out O. */
typedef struct LinearAttr       { bool transposed; Activation activation; int64_t rows, in, out; } LinearAttr;
typedef struct LayerNormAttr    { double eps; } LayerNormAttr;
typedef struct ActivationAttr   { Activation activation; } ActivationAttr;
typedef struct EmbeddingAttr    { Ids ids; } EmbeddingAttr;
typedef struct PatchesAttr      { int size; } PatchesAttr;
typedef struct DropoutAttr      { double p; uint64_t draw; int64_t run; } DropoutAttr;   /* elements that share a fate */
typedef struct BatchNormAttr    { double eps, momentum; bool running; Activation activation; int64_t rows, channels; } BatchNormAttr;
typedef struct CrossEntropyAttr { Ids targets; CrossEntropyOptions o; double divisor; } CrossEntropyAttr;
static inline double cross_entropy_weight(const CrossEntropyAttr *a, int64_t row) { return a->o.weights ? a->o.weights[row] : 1; }

/* Both ops move blocks: z is `outer` times (x_run elements of x, then y_run of y); a part that repeats has fewer runs. */
typedef struct ConcatAttr { int64_t outer, x_outer, y_outer, x_run, y_run; } ConcatAttr;
/* y is `outer` times `run` elements, which lie `skip` into each `stride` of x. */
typedef struct SliceAttr  { int64_t outer, stride, skip, run; } SliceAttr;

/* B rows of queries, M memories, T queries, S keys (those that are there), H heads of D, C = H D. Packed: T and S are the most of a row.
 * ldq, ldk, ldv: elements from one row of the tensor to the next; memory_keys: rows of a memory in k and v (>= S).    */
typedef struct AttentionAttr {
    AttentionOptions o;
    int64_t  B, M, T, S, H, D, C, ldq, ldk, ldv, memory_keys;
    double   scale;                              /* 1 / sqrt(D)                                                       */
    double   dropout;                            /* 0 unless training                                                */
    uint64_t draw;                               /* which random op of the step this is                              */
    const int64_t *p_first;                      /* packed, [B+1]: query-key pairs of the rows before                 */
} AttentionAttr;

/* Which positions of q row b has, and which of k and v it reads. */
typedef struct RowSpan { int64_t first, count; } RowSpan;
RowSpan attention_queries(const AttentionAttr *a, int64_t b);
RowSpan attention_keys(const AttentionAttr *a, int64_t b);
/* Where the probabilities of row b's head h begin, a query after the other; and how many there are in all. */
int64_t attention_probs_at(const AttentionAttr *a, int64_t b, int64_t h);
int64_t attention_probs_count(const AttentionAttr *a);

/* The memory that row b reads, and how many keys query i of row b sees. Every mask lets a query see keys 0 .. n-1 for
 * some n, so that one number says it all; 0: none, the output row is zeros.                                        */
int64_t attention_memory(const AttentionAttr *a, int64_t b);
int64_t attention_sees(const AttentionAttr *a, int64_t b, int64_t i);

/* x (B,H,W,I) -> y (B,P,Q,O), filters of R x S over I / groups channels. Strides and dilations are at least 1. */
typedef struct ConvAttr {
    Window     window;
    Activation activation;
    int64_t    groups, B, H, W, I, P, Q, O, R, S;
} ConvAttr;
/* x (B,H,W,C) -> y (B,P,Q,C), windows of R x S. */
typedef struct PoolAttr  { PoolKind kind; bool count_padding; Window window; int64_t B, H, W, C, P, Q, R, S; } PoolAttr;
/* x is `blocks` times `rows` rows of C; y has a row a block, or one for all (shared). */
typedef struct ScaleAttr { int64_t blocks, rows, C; bool shared; } ScaleAttr;

/* The window with its zeros for stride and dilation made 1. */
Window window_filled(Window w);

/* phi(x) and its derivative. */
double activation_value(Activation a, double x);
double activation_slope(Activation a, double x);

/* What dropout multiplies element `at` of draw `draw` by: 0 or 1/(1-p). Element numbers stay below 2^40.             */
static inline double dropout_factor(const Tape *t, uint64_t draw, double p, int64_t at)
{
    uint32_t word = rng_at(t->seed, RNG_DROPOUT, t->step, draw << 40 | (uint64_t)at);

    return word < (uint32_t)(p * 4294967296.0) ? 0 : 1 / (1 - p);
}

#endif
