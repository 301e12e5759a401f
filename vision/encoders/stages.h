/* stages.h - what the convolutional encoders share: a filter with its batch norm, stages of blocks, and the end that makes tokens. */
#ifndef LIMN_STAGES_H
#define LIMN_STAGES_H

#include "tensor/conv_layers.h"
#include "vision/encoder.h"

/* act(norm(x * w) + residual): NAME.convolution, without bias, and NAME.normalization, as transformers calls them. */
typedef struct ConvUnit { Conv conv; BatchNorm norm; } ConvUnit;
ConvUnit conv_unit_new(Scope s, int64_t in, int64_t out, Conv like, const EncoderConfig *c);
Tensor  *conv_unit(Tape *t, const ConvUnit *u, Tensor *x, Activation a, Tensor *residual);

/* Number of blocks in all stages. */
int64_t stages_blocks(const EncoderConfig *c);
/* Reads "hidden_sizes" and "depths"; `c` holds the defaults. The last stage's width becomes the encoder's. */
bool    stages_from_json(const json_t *j, EncoderConfig *c, const char *where, Err *err);
/* Adds both to j. */
void    stages_to_json(json_t *j, const EncoderConfig *c);
bool    stages_check(const EncoderConfig *c, Err *err);

/* (B,H,W,C) -> (B,H*W,C) */
Tensor *grid_tokens(Tape *t, Tensor *x);

#endif
