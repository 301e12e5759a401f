/* features.h - the output of a frozen encoder, computed once and cached on disk as f16.
 *
 * FOLDER/features-KEY.bin, where KEY is the SHA-256 of all that the numbers depend on: the store's hash, the encoder's configuration and
 * weights, the preprocessing record, the views, the backend and its kernels. So a stale cache is never used.
 *     512 bytes: "limn features 1", the key and the sizes as text, padded with zeros
 *     for each item of the store: (views, N, C) f16, little-endian, and the XXH64 of these bytes        view 0: as it is, 1: mirrored
 * Every record is checked at opening. What is there up to the first bad record is kept and the rest is computed: that is how an
 * interrupted computation goes on, and how a damaged cache heals. The bytes do not depend on interruptions.
 * The file is then mapped. Readers share it; a process that computes keeps others out meanwhile.                          */
#ifndef LIMN_FEATURES_H
#define LIMN_FEATURES_H

#include "datasets/store.h"
#include "vision/encoder.h"
#include "vision/preprocess.h"

typedef struct Features Features;

/* Opens FOLDER/features-KEY.bin, or computes it (progress(done, total, context) now and then; returns false to stop: resumable).
 * `weights`: the key covers all of them but a decoder's ("decoder.…", "enc_to_dec_proj.…"). The tape is used for inference, from where it
 * is; its state is as before afterwards. */
Features *features_open(const char *folder, Store *s, const Encoder *e, Params *weights, const Preprocess *p, Tape *t, int views,
                        bool (*progress)(int64_t done, int64_t total, void *context), void *context, Err *err);
void    features_close(Features *f);             /* NULL is allowed */
int64_t features_tokens(const Features *f);
int64_t features_width(const Features *f);
int     features_views(const Features *f);
void    features_get(const Features *f, int64_t item, int view, real *out);   /* (N,C); safe from several threads */

#endif
