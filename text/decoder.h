/* decoder.h - the GPT-2 decoder (Radford et al. 2019) as sublayers, so that cross-attention can stand between them (fusion/).
 *
 *     x = wte[token] + wpe[position]
 *     x = x + Attn(LN_1 x);  [cross-attention here];  x = x + MLP(LN_2 x)          a block   (pre-norm)
 *     logits = LN_f(x) wte'                                                          tied head
 *
 * With post_norm: x = LN_1(x + Attn x), x = LN_2(x + MLP x), and no LN_f.
 * Names and shapes are GPT2LMHeadModel's ("transformer.h.0.attn.c_attn.weight", Conv1D (in,out)).
 * Position of the norms, activation and eps are fields, so that other families are settings and not copies.
 * B rows, T positions, C width, V vocabulary.                                                                        */
#ifndef LIMN_DECODER_H
#define LIMN_DECODER_H

#include "tensor/layers.h"

typedef struct DecoderConfig {
    int64_t    vocab, length, width, depth, heads, hidden;           /* length: positions                              */
    Activation activation;
    double     eps;
    bool       post_norm;                                            /* false: GPT-2's pre-norm                        */
    bool       tied;                                                 /* logits use wte; otherwise lm_head.weight       */
    double     embedding_dropout, residual_dropout, attention_dropout;
} DecoderConfig;

typedef struct DecoderBlock { Norm ln_1, ln_2; Linear c_attn, attn_proj, fc, mlp_proj; } DecoderBlock;
typedef struct Decoder {
    DecoderConfig config;
    Tensor       *wte, *wpe, *head;                                  /* head == wte when tied                          */
    DecoderBlock *block;                                             /* depth of them                                  */
    Norm          ln_f;
} Decoder;

/* Keys and values of the positions already decoded, for the `rows` hypotheses that are alive (at most `capacity`); packed k|v a
 * layer (rows, length, 2C). The first call decides rows; kv_cache_reorder changes it. Whoever runs the layers adds T to `filled`
 * when all of them are done (captioner_logits does).                                                                  */
typedef struct KvCache { int64_t capacity, rows, length, filled; int depth; Tensor **kv, *spare; } KvCache;

/* Captions of different lengths end to end, without padding: caption b is the tokens first[b] .. first[b+1] of (1,N). */
typedef struct Packing { int64_t captions; const int32_t *first, *position; } Packing;   /* [captions + 1]; [N]: in its caption */

bool     decoder_config_check(const DecoderConfig *c, Err *err);
Decoder *decoder_new(Scope s, const DecoderConfig *c);               /* scope: "decoder" of a captioner                 */

KvCache *kv_cache_new(Arena *a, const Decoder *d, int64_t capacity, int64_t length);
/* There are `rows` rows from now on, and row i continues what row from[i] was (beam search; pictures that are done). */
void     kv_cache_reorder(Tape *t, KvCache *c, const int32_t *from, int64_t rows);

/* Either whole captions (both NULL), captions packed, or the positions behind those in the cache. */
typedef struct Reading { KvCache *cache; const Packing *packing; } Reading;

Tensor *decoder_embed(Tape *t, const Decoder *d, Ids tokens, Reading r);            /* [B,T] -> (B,T,C), packed [1,N] -> (1,N,C) */
Tensor *decoder_self(Tape *t, const Decoder *d, int layer, Tensor *x, Reading r);
Tensor *decoder_mlp(Tape *t, const Decoder *d, int layer, Tensor *x);
Tensor *decoder_logits(Tape *t, const Decoder *d, Tensor *x);        /* (B,T,C) -> (B,T,V)                              */

/* How every sublayer begins and ends, cross-attention too: f(LN x) with x + … behind it, or (post_norm) f(x) with LN(x + …). */
Tensor *decoder_enter(Tape *t, const Decoder *d, const Norm *n, Tensor *x);
/* x + dropout(l(y)), then the norm when it stands behind. */
Tensor *decoder_leave(Tape *t, const Decoder *d, const Norm *n, const Linear *l, Tensor *y, Tensor *x);
double  decoder_residual_spread(const DecoderConfig *c);            /* of the weights that write into x: 0.02 / sqrt(2 depth) */

#endif
