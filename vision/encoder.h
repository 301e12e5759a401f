/* encoder.h - an image encoder: pixels (B,3,S,S) -> tokens (B,N,C). Each kind is a file in encoders/ and a row in encoder.c.
 *
 * N = prefix (class tokens) + rows x columns (the grid, row-major). Parameters carry the names of the kind's Hugging Face model
 * under the scope that is given ("encoder." in a captioner); tokens are that model's last_hidden_state, channels last.  */
#ifndef LIMN_ENCODER_H
#define LIMN_ENCODER_H

#include <jansson.h>

#include "tensor/layers.h"

enum { ENCODER_STAGES = 4 };

/* What an experiment asks for. 0: as the kind has it. */
typedef struct EncoderOptions {
    int64_t image, patch, width, depth, heads, hidden, tokens;
    double  multiplier;
} EncoderOptions;

/* Each kind uses some of these; the rest stay 0. */
typedef struct EncoderConfig {
    char       kind[24];                         /* "vit", "resnet", …                                                */
    int64_t    image;                            /* pixels a side                                                     */
    int64_t    width;                            /* C, features a token                                               */
    Activation activation;
    double     eps;                              /* of its norms                                                      */
    /* transformers: patch x patch pixels a token */
    int64_t    patch, depth, heads, hidden;
    bool       qkv_bias;
    double     dropout;                          /* after the embeddings and each sublayer's projection               */
    /* convolutional networks of stages */
    int        stages;
    int64_t    stem, stage_depth[ENCODER_STAGES], stage_width[ENCODER_STAGES];
    bool       bottleneck, downsample_first;     /* ResNet; the latter: its first stage halves the picture, too       */
    double     multiplier;                       /* MobileNet: of all widths, none of which is below min_width        */
    int64_t    min_width;
    bool       same;                             /* TensorFlow's padding                                              */
    double     layer_scale;                      /* ConvNeXt: where gamma starts; 0: no such parameters               */
    /* vectors of a researcher's own */
    int64_t    tokens;
    /* how it is trained; not part of a model folder */
    double     drop_path;                        /* stochastic depth of the last block; rises linearly from 0         */
    bool       running;                          /* batch norm keeps to its running statistics                        */
    bool       recompute;                        /* a block's activations are computed again in backward: less memory */
} EncoderConfig;

typedef struct EncoderGrid { int64_t prefix, rows, columns, width; } EncoderGrid;

typedef struct EncoderKind {
    const char *name;                            /* = "model_type" in config.json                                     */
    const char *help;
    const char *whole;                           /* "model_type" of a model with it under "vision_config"; NULL: none */
    const char *part;                            /* what its tensors' names start with in a whole model: "vit."       */
    const char *const *others;                   /* patterns (fnmatch) of tensors in such files that it does not have */
    const char *positions;                       /* the parameter with a row a token, carried over to other grids     */
    bool      (*from_options)(const EncoderOptions *o, EncoderConfig *out, Err *err);
    bool      (*from_json)(const json_t *config, const char *where, EncoderConfig *out, Err *err);
    json_t   *(*to_json)(const EncoderConfig *c);
    bool      (*check)(const EncoderConfig *c, Err *err);            /* all that is wrong, by fail_also               */
    EncoderGrid (*grid)(const EncoderConfig *c);
    EncoderConfig (*miniature)(const EncoderConfig *c);              /* the same in small: for checking every gradient */
    void     *(*build)(Scope s, const EncoderConfig *c);             /* lives in the params' arena                    */
    Tensor   *(*forward)(Tape *t, const void *model, Tensor *pixels);
} EncoderKind;

typedef struct Encoder {
    const EncoderKind *kind;
    EncoderConfig      config;
    int64_t            prefix, rows, columns, tokens, width;         /* of the output                                 */
    void              *model;
} Encoder;

/* The kinds: a row in encoder.c each. */
extern const EncoderKind encoder_vit, encoder_deit, encoder_dinov2, encoder_clip, encoder_siglip,
                         encoder_resnet, encoder_mobilenet, encoder_convnext, encoder_features;

const EncoderKind *encoder_find(const char *name, Err *err);
const EncoderKind *const *encoder_list(void);                        /* ends with NULL                                */
/* One check of a field for `check`: true when value is in [1, 65536]. */
bool     encoder_size_check(const char *field, int64_t value, Err *err);
/* Another: of a field that such an encoder has no use for. True when value is 0. */
bool     encoder_unused_check(const EncoderConfig *c, const char *field, double value, Err *err);
bool     encoder_config_check(const EncoderConfig *c, Err *err);
Encoder *encoder_new(Scope s, const EncoderConfig *c);
Tensor  *encoder_forward(Tape *t, const Encoder *e, Tensor *pixels);
/* The share of blocks to drop at block i of n, when the last one has p. */
double   encoder_drop_path(double p, int64_t i, int64_t n);

/* ---- from a folder ------------------------------------------------------------------------------------------------ */
/* Reads FOLDER/config.json. */
bool     encoder_config_read(const char *folder, EncoderConfig *out, Err *err);
/* For `from_json`: the picture's size and channels and the activation, which every kind has; `activation` is the default's name. */
bool     encoder_pictures_from_json(const json_t *j, const char *activation, EncoderConfig *c, const char *where, Err *err);
/* Fills the encoder's parameters (those under param_prefix, "encoder.") from FOLDER/model.safetensors, with or without the kind's `part`
 * before the names there; position embeddings of another grid are interpolated (bicubic, as transformers). */
bool     encoder_load(Params *p, const char *param_prefix, const Encoder *e, const char *folder, Err *err);
/* A grid of n x n feature rows (n*n, width) to m x m: bicubic (a = -3/4) with pixel centres aligned and edges repeated, as torch's
 * interpolate(mode="bicubic", align_corners=False).                                                                  */
void     encoder_regrid(const real *from, int64_t n, real *to, int64_t m, int64_t width);

#endif
