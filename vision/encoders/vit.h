/* vit.h - Vision Transformers: one model (vit.c) with differences, each a row in vit_kinds.c.
 *
 *     kind                 tokens before the patches    norm first   layer scale   norm last   MLP
 *     vit (DINO, too)      class                        -            -             yes         gelu
 *     deit                 class, distillation          -            -             yes         gelu
 *     dinov2               class                        -            yes           yes         gelu
 *     clip_vision_model    class                        yes          -             -           quick_gelu
 *     siglip_vision_model  -                            -            -             yes         gelu_pytorch_tanh */
#ifndef LIMN_VIT_H
#define LIMN_VIT_H

#include "vision/encoder.h"

/* Where the checkpoint keeps a block's parameters, under "BLOCKS.i". */
typedef struct VitBlockNames {
    const char *blocks, *norm1, *query, *key, *value, *out, *norm2, *fc1, *fc2;
    const char *scale1, *scale2;                 /* of what a sublayer adds (Touvron et al. 2021, CaiT); NULL: none */
} VitBlockNames;

typedef struct VitVariant {
    const char *kind, *architecture;             /* "model_type" and "architectures" of its config.json            */
    const VitBlockNames *block;
    const char *tokens[2];                       /* learned, before the patches; NULL: none                        */
    const char *positions, *patches;
    const char *norm_first, *norm_last;          /* around the blocks; NULL: none                                  */
    bool        flat;                            /* a token is (C) and positions (N,C), not (1,1,C) and (1,N,C)    */
    bool        no_patch_bias;
    bool        crop;                            /* pixels beyond the last whole patch are not looked at           */
    bool        hidden_dropout, qkv_option;      /* its config.json can say these                                  */
    bool        ratio;                           /* config.json says hidden / width, a whole number                */
    int64_t     patch;                           /* transformers' defaults                                         */
    Activation  activation;
    double      eps;
} VitVariant;

const VitVariant *vit_variant(const EncoderConfig *c);               /* of c->kind */
int64_t vit_prefix(const VitVariant *v);                             /* tokens before the patches */
void   *vit_build(Scope s, const EncoderConfig *c);
Tensor *vit_forward(Tape *t, const void *model, Tensor *pixels);

/* Weights start as N(0, spread^2), truncated; biases at zero. */
extern const double VIT_SPREAD;

#endif
