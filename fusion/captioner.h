/* captioner.h - an image encoder and a text decoder joined by cross-attention: Hugging Face's VisionEncoderDecoderModel.
 *
 *     memory = encoder(pixels) [enc_to_dec_proj when widths differ]                   (I,N,C)
 *     x_l = MLP(Cross(Self(x_{l-1}), memory))       Cross(x) = x + Attn(LN_cross x, memory)
 *     logits = LN_f(x_L) wte'
 *
 * Parameters: "encoder.…" (ViTModel), "decoder.transformer.…" (GPT2LMHeadModel, add_cross_attention), "enc_to_dec_proj.…".
 * Batches are image-major: a picture is encoded once for all of its captions. The loss computes nothing for padding.
 * I pictures, N image tokens, B captions, T positions, C decoder width.                                               */
#ifndef LIMN_CAPTIONER_H
#define LIMN_CAPTIONER_H

#include "text/decoder.h"
#include "text/tokenizer.h"
#include "vision/encoder.h"
#include "vision/preprocess.h"

enum { IGNORE = -1 };                            /* target of padding */

typedef struct CaptionerConfig { EncoderConfig encoder; DecoderConfig decoder; } CaptionerConfig;

typedef struct CrossBlock { Norm ln_cross; Linear q_attn, c_attn, c_proj; } CrossBlock;   /* c_attn: keys | values (C,2C) */
typedef struct Captioner {
    CaptionerConfig config;
    Encoder        *encoder;
    Decoder        *decoder;
    Linear          enc_to_dec_proj;             /* weight NULL when widths agree */
    CrossBlock     *cross;
} Captioner;

bool       captioner_config_check(const CaptionerConfig *c, Err *err);
Captioner *captioner_new(Params *p, const CaptionerConfig *c);

Tensor *captioner_encode(Tape *t, const Captioner *m, Tensor *pixels);                 /* -> (I,N,E), the encoder's output */
/* Cross-attention keys and values of every layer, once a picture: memory[layer] (I,N,2C). In the tape's arena. */
Tensor **captioner_memory(Tape *t, const Captioner *m, Tensor *features);
/* probs: NULL, or depth tensors that receive (B,heads,T,N). cache NULL: whole sequences from position 0. */
Tensor *captioner_logits(Tape *t, const Captioner *m, Ids tokens, Tensor *const *memory, const int32_t *image_of,
                         KvCache *cache, Tensor **probs);
typedef struct LossOptions {
    double        smoothing;                     /* of the labels                                                      */
    double        normalizer;                    /* divides the sum; 0: the number of targets                          */
    const double *weights;                       /* [B] of each caption's terms, of either sign; NULL: 1               */
    double       *nll;                           /* when not NULL: receives the sum, neither smoothed nor weighed      */
} LossOptions;
/* Cross-entropy of teacher-forced captions -> (1). tokens [B,T]: <bos> and words; targets [B,T]: words and <eos>, IGNORE for padding;
 * image_of [B]: row -> picture. */
Tensor *captioner_loss(Tape *t, const Captioner *m, Tensor *features, Ids tokens, Ids targets, const int32_t *image_of, LossOptions o);

/* ---- a model folder: what Hugging Face's save_pretrained writes ---------------------------------------------------
 * config.json (VisionEncoderDecoderModel), model.safetensors, preprocessor_config.json, tokenizer.json, generation_config.json. */
typedef struct Model {
    Params    *params;
    Captioner *captioner;
    Tokenizer *tokenizer;
    Preprocess preprocess;
    int        max_length, beam;                 /* from generation_config.json; tokens without <bos>                  */
    bool       average;                          /* rank hypotheses by their average log-probability, not the sum      */
} Model;

json_t *captioner_config_to_json(const CaptionerConfig *c, const Tokenizer *k);
bool    captioner_config_from_json(const json_t *j, const char *where, CaptionerConfig *out, Err *err);
Model  *model_read(const char *folder, Err *err);                    /* NULL on failure; folder may be a run (RUN/model) */
bool    model_write_description(const char *folder, const Model *m, Err *err);         /* everything but the weights   */
bool    model_write_weights(const char *folder, Model *m, Err *err);
void    model_free(Model *m);

#endif
