/* ops.h - every operation: its formula, its shapes, its source.
 *
 * Ops are coarse: `linear` with bias, activation and residual is one. Each lives in tensor/ops/NAME.c with its backward
 * directly under its forward. A new op is one file there, one declaration here, and one row in bench/op_cases.c (an op without a
 * case fails the suite).
 * Letters: B batch, T queries, S keys, C width, H heads, V vocabulary, N rows (all leading dimensions together).      */
#ifndef LIMN_OPS_H
#define LIMN_OPS_H

#include "tensor/tape.h"

extern const Op op_linear_op, op_layer_norm_op, op_activation_op, op_attention_op, op_embedding_op, op_patches_op, op_add_op,
                op_dropout_op, op_concat_op, op_slice_op, op_cross_entropy_op, op_channels_last_op, op_conv2d_op,
                op_batch_norm_op, op_pool_op, op_scale_op;
extern const Op *const op_list[];                /* all of them, ends with NULL */

/* ---- linear: y = act(x W' + b) + residual ------------------------------------------------------------------------ */
typedef enum Activation {
    ACT_NONE,
    ACT_GELU,                                    /* x Phi(x), erf (Hendrycks & Gimpel 2016)                          */
    ACT_GELU_TANH,                               /* its tanh form: GPT-2's gelu_new                                  */
    ACT_GELU_QUICK,                              /* x sigmoid(1.702 x): CLIP                                         */
    ACT_RELU,
    ACT_RELU6,                                   /* min(max(x, 0), 6): MobileNet                                     */
    ACT_SILU,                                    /* x sigmoid(x) (Hendrycks & Gimpel 2016), also called swish        */
    ACT_HARD_SWISH,                              /* x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019)                 */
    ACT_SIGMOID,
    ACT_HARD_SIGMOID                             /* min(max(x + 3, 0), 6) / 6                                        */
} Activation;
bool        activation_find(const char *hf_name, Activation *out);   /* "gelu", "gelu_new", "quick_gelu", "relu", … */
const char *activation_name(Activation a);

typedef struct LinearOptions {
    bool       transposed;                       /* weight is (I,O), as GPT-2's Conv1D writes it, not (O,I)          */
    Activation activation;
    Tensor    *residual;                         /* (..,O), added last; NULL: none                                   */
} LinearOptions;
/* x (..,I), w (O,I) or (O, anything of I elements), b (O) or NULL -> (..,O) */
Tensor *op_linear(Tape *t, Tensor *x, Tensor *w, Tensor *b, LinearOptions o);

/* ---- elementwise ------------------------------------------------------------------------------------------------- */
Tensor *op_activation(Tape *t, Tensor *x, Activation a);
/* y's shape ends x's, and y repeats over x's leading dimensions; leading dimensions of 1 in y do not count.           */
Tensor *op_add(Tape *t, Tensor *x, Tensor *y);
/* Inverted dropout (Srivastava et al. 2014): keeps with probability 1-p and scales by 1/(1-p). The identity (x itself) when
 * the tape is not training or p = 0. Masks come from Philox and are drawn again in backward, not stored.              */
Tensor *op_dropout(Tape *t, Tensor *x, double p);
/* Stochastic depth (Huang et al. 2016): dropout that keeps or drops each x[i] of the first dimension as a whole. Put on what a
 * block adds to its input. The same op as dropout, by another run length.                                            */
Tensor *op_drop_path(Tape *t, Tensor *x, double p);
/* z = x y per channel: x (B,..,C); y (C) serves every row (layer scale), y (B,1,..,C) all rows of its picture (squeeze-excite). */
Tensor *op_scale(Tape *t, Tensor *x, Tensor *y);

/* y = (x - mean) / sqrt(var + eps) * w + b over the last dimension (Ba et al. 2016); biased variance. w, b (C). */
Tensor *op_layer_norm(Tape *t, Tensor *x, Tensor *w, Tensor *b, double eps);

/* ---- convolution: pictures are channels last, (B,H,W,C), so that a grid is a row of tokens and 1 x 1 filters are `linear` --- */
Tensor *op_channels_last(Tape *t, Tensor *x);                        /* (B,C,H,W) -> (B,H,W,C)                        */

typedef struct Window {                          /* of a filter or a pool                                            */
    int64_t stride, dilation;                    /* 0: 1                                                             */
    int64_t top, left, bottom, right;            /* rows and columns of padding                                      */
} Window;
/* The padding of TensorFlow's "SAME": output ceil(size / stride), the odd pixel at the bottom and the right.           */
Window window_same(int64_t height, int64_t width, int64_t kernel, int64_t stride, int64_t dilation);
/* Rows (or columns) of the output for `size` ones in. */
int64_t window_count(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after);

typedef struct ConvOptions {
    Window     window;                           /* padded by zeros                                                  */
    int64_t    groups;                           /* 0: 1; I: depthwise                                               */
    Activation activation;
} ConvOptions;
/* y = act(x * w + b), cross-correlation as PyTorch: x (B,H,W,I), w (O,I/groups,kh,kw), b (O) or NULL -> (B,H',W',O). */
Tensor *op_conv2d(Tape *t, Tensor *x, Tensor *w, Tensor *b, ConvOptions o);

/* Batch norm (Ioffe & Szegedy 2015) over all but the last dimension, then residual, then activation:
 *     y = act((x - mean) / sqrt(var + eps) * w + b + residual)
 * `running`: mean and var are the running statistics, constants to the gradient. Otherwise they are those of this batch (biased
 * variance), and while the tape is training the running ones move towards them (unbiased variance) by `momentum`; not when a
 * segment is computed again.                                                                                          */
typedef struct BatchNormOptions {
    double     eps, momentum;                    /* PyTorch's momentum: new = (1 - momentum) old + momentum batch    */
    bool       running;
    Activation activation;
    Tensor    *residual;                         /* x's shape; NULL: none                                            */
} BatchNormOptions;
/* x (..,C); w, b, mean, var (C), of which mean and var are buffers */
Tensor *op_batch_norm(Tape *t, Tensor *x, Tensor *w, Tensor *b, Tensor *mean, Tensor *var, BatchNormOptions o);

typedef enum PoolKind { POOL_AVERAGE, POOL_MAX } PoolKind;
typedef struct PoolOptions {
    PoolKind kind;
    int64_t  size;                               /* of a square window; 0: the whole picture (global pooling)        */
    Window   window;
    bool     count_padding;                      /* average: divide by size^2 at the border, too (PyTorch's default) */
} PoolOptions;
Tensor *op_pool(Tape *t, Tensor *x, PoolOptions o);                  /* (B,H,W,C) -> (B,H',W',C); padding never wins  */

/* ---- shapes ------------------------------------------------------------------------------------------------------ */
Tensor *op_concat(Tape *t, Tensor *x, Tensor *y, int axis);          /* equal but along axis                          */
/* Along axis 1 and later a part with leading dimension 1 repeats over the other's batch (a class token):
 * (1,1,C) + (B,N,C) -> (B,1+N,C).                                                                                    */
Tensor *op_slice(Tape *t, Tensor *x, int axis, int64_t from, int64_t to);
Tensor *op_patches(Tape *t, Tensor *pixels, int size);               /* (B,C,H,W) -> (B, H/s*W/s, C*s*s), channel first */
Tensor *op_embedding(Tape *t, Tensor *table, Ids ids);               /* (V,C)[..] -> (..,C)                           */

/* ---- attention: softmax(Q K' / sqrt(D) + mask) V per head, D = C / heads (Vaswani et al. 2017, eq. 1) ------------- */
typedef enum MaskKind {
    MASK_NONE,
    MASK_CAUSAL,                                 /* query i sees keys j <= query_offset + i                          */
    MASK_PREFIX                                  /* causal, but keys j < prefix are seen by all (GIT, T5-style prefix) */
} MaskKind;
typedef struct AttentionOptions {
    int            heads;
    MaskKind       mask;
    int64_t        prefix;
    int64_t        query_offset;                 /* position of query 0 among the keys, with a cache                 */
    int64_t        key_count;                    /* only the first key_count keys of k and v are there; 0: all S     */
    const int32_t *key_lengths;                  /* (Bk): memory m has that many keys (padding behind); NULL: all    */
    const int32_t *memory_of;                    /* (B): row b reads memory memory_of[b] of k and v; NULL: its own   */
    int64_t        rows;                         /* > 0: q is packed, see below                                      */
    const int32_t *row_first;                    /* (rows + 1): where each packed row begins, and the end            */
    bool           own_keys;                     /* packed rows read keys and values that are packed like them       */
    int64_t        width;                        /* C; 0: the last dimension of q                                    */
    int64_t        q_at, k_at, v_at;             /* first column of Q, K, V in their tensors (packed qkv: 0, C, 2C)  */
    double         dropout;                      /* on the probabilities, while training                             */
} AttentionOptions;
/* q (B,T,>=C), k and v (Bk,S,>=C) -> (B,T,C). The same tensor may serve as q, k and v. `probs`, when not NULL, receives
 * (B,heads,T,S) before dropout, through which gradients flow too; S there is key_count where that is given.
 * A row whose keys are all masked gives zeros, as PyTorch's SDPA does, and so do its probs.
 * Rows of different lengths are packed end to end, without padding: q is (1,N,>=C), row b its positions row_first[b] to row_first[b+1],
 * which may be none. With own_keys k and v are (1,N,>=C), too, and a row reads its own (self-attention); without, k and v are
 * memories as ever. Neither probs nor a cache (query_offset, key_count, key_lengths) goes with it. -> (1,N,C)
 * The id arrays must live until backward.                                                                            */
Tensor *op_attention(Tape *t, Tensor *q, Tensor *k, Tensor *v, AttentionOptions o, Tensor **probs);

/* ---- loss -------------------------------------------------------------------------------------------------------- */
typedef struct CrossEntropyOptions {
    double  smoothing;                           /* label smoothing (Szegedy et al. 2016): q = (1-e) onehot + e/V    */
    int32_t ignore;                              /* targets equal to it do not count (use -1)                        */
    double  normalizer;                          /* divides the sum; 0: the number of counted targets (at least 1)   */
    double *nll;                                 /* when not NULL: receives the unsmoothed sum of -log p(target)     */
    const double *weights;                       /* [..] of each row's term, of either sign (an advantage); NULL: 1.
                                                    nll and the number of counted targets know nothing of them       */
} CrossEntropyOptions;
/* logits (..,V), targets [..] -> (1). Targets and weights must live until backward. Holds the logits once: backward turns their memory into their gradient, so
 * `logits` must have no other reader in backward, and its values end there.                                           */
Tensor *op_cross_entropy(Tape *t, Tensor *logits, Ids targets, CrossEntropyOptions o);

/* ---- not differentiated: for inference --------------------------------------------------------------------------- */
/* Filters w (O,..) and bias b (O) or NULL that do what w, b and then batch norm with its running statistics (O) do. */
typedef struct BatchNormed { const Tensor *weight, *bias, *mean, *var; double eps; } BatchNormed;
typedef struct Folded { Tensor *weight, *bias; } Folded;
Folded filters_fold(Tape *t, const Tensor *w, const Tensor *b, BatchNormed n);
/* log-softmax of each row in place: logits (N,V). */
void rows_log_softmax(Tape *t, Tensor *logits);
/* to[b, at+i, :] = x[b, i, column:column+W] for x (B,T,X) and to (B,S,W): new keys and values into a cache.            */
void rows_write(Tape *t, Tensor *to, int64_t at, const Tensor *x, int64_t column);
/* to[i, :positions, :] = x[from[i], :positions, :] for x (B,S,W) and to (A,S,W), which is another tensor.              */
void rows_gather(Tape *t, Tensor *to, const Tensor *x, const int32_t *from, int64_t positions);

#endif
