/* encoder.h - an image encoder: pixels (B,3,S,S) -> tokens (B,N,C). Each kind is a file and a row in encoder.c.
 *
 * N = prefix (class tokens) + rows x columns (the grid, row-major). Parameters carry the names of the kind's Hugging Face model
 * under the scope that is given ("encoder." in a captioner).                                                         */
#ifndef LIMN_ENCODER_H
#define LIMN_ENCODER_H

#include <jansson.h>

#include "tensor/layers.h"

typedef struct EncoderConfig {
    char       kind[16];                         /* "vit"                                                             */
    int64_t    image, patch;                     /* pixels a side                                                     */
    int64_t    width, depth, heads, hidden;
    Activation activation;
    double     eps, dropout;                     /* dropout: after the embeddings and each sublayer's projection      */
    bool       qkv_bias;
} EncoderConfig;

typedef struct Encoder Encoder;
typedef struct EncoderKind {
    const char *name;                            /* = "model_type" in config.json                                     */
    const char *help;
    int         prefix;                          /* class tokens before the grid                                      */
    bool      (*from_json)(const json_t *config, const char *where, EncoderConfig *out, Err *err);
    json_t   *(*to_json)(const EncoderConfig *c);
    void     *(*build)(Scope s, const EncoderConfig *c);                         /* lives in the params' arena        */
    Tensor   *(*forward)(Tape *t, const void *model, Tensor *pixels);
} EncoderKind;

struct Encoder {
    const EncoderKind *kind;
    EncoderConfig      config;
    int64_t            prefix, rows, columns, tokens, width;                     /* of the output                     */
    void              *model;
};

extern const EncoderKind encoder_vit;

const EncoderKind *encoder_find(const char *name, Err *err);
bool     encoder_config_check(const EncoderConfig *c, Err *err);     /* patch divides image, heads divide width, …    */
Encoder *encoder_new(Scope s, const EncoderConfig *c);
Tensor  *encoder_forward(Tape *t, const Encoder *e, Tensor *pixels);
/* Reads FOLDER/config.json. */
bool     encoder_config_read(const char *folder, EncoderConfig *out, Err *err);
/* Fills the encoder's parameters (those under param_prefix, "encoder.") from FOLDER/model.safetensors, with or without a "vit." prefix
 * there, ignoring its classifier and pooler; position embeddings of another grid are interpolated (bicubic, as transformers). */
bool     encoder_load(Params *p, const char *param_prefix, const Encoder *e, const char *folder, Err *err);
/* A grid of n x n feature rows (n*n, width) to m x m: bicubic (a = -3/4) with pixel centres aligned and edges repeated, as torch's
 * interpolate(mode="bicubic", align_corners=False).                                                                  */
void     encoder_regrid(const real *from, int64_t n, real *to, int64_t m, int64_t width);

#endif
