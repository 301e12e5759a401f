/* features.h - the output of a frozen encoder, computed once and cached on disk as f16.
 *
 * Keyed by the store's hash, the encoder's weights and the preprocessing record, so that a stale cache is never used. Several views a
 * picture (0: as it is, 1: mirrored).  Layout: (items, views, N, C) f16, memory-mapped, checked by its hash; building it resumes. */
#ifndef LIMN_FEATURES_H
#define LIMN_FEATURES_H

#include "datasets/store.h"
#include "vision/encoder.h"
#include "vision/preprocess.h"

typedef struct Features Features;

/* Opens FOLDER/features-KEY.bin, or computes it (progress(done, total, context) now and then; returns false to stop: resumable). */
Features *features_open(const char *folder, Store *s, const Encoder *e, Params *weights, const Preprocess *p, Tape *t, int views,
                        bool (*progress)(int64_t done, int64_t total, void *context), void *context, Err *err);
void    features_close(Features *f);
int64_t features_tokens(const Features *f);
int64_t features_width(const Features *f);
int     features_views(const Features *f);
void    features_get(const Features *f, int64_t item, int view, real *out);   /* (N,C) */

#endif
