/* features.h - what a decoder attends to, without an encoder at work: a block (N,C) an item of the store.
 *
 * 1. The output of a frozen encoder, computed once and cached on disk as f16: FOLDER/features-KEY.bin, where KEY is the SHA-256 of all
 * that the numbers depend on: the store's hash, the encoder's configuration and weights, the preprocessing record, the views, the
 * backend and its kernels. So a stale cache is never used.
 *     512 bytes: "limn features 1", the key and the sizes as text, padded with zeros
 *     for each item of the store: (views, N, C) f16, little-endian, and the XXH64 of these bytes        view 0: as it is, 1: mirrored
 * Every record is checked at opening. What is there up to the first bad record is kept and the rest is computed: that is how an
 * interrupted computation goes on, and how a damaged cache heals. The bytes do not depend on interruptions.
 * The file is then mapped. Readers share it; while a process computes, others wait for it.
 *
 * 2. A researcher's own vectors, (rows, N, C), or (rows, C) for N = 1, as 16-, 32- or 64-bit floats:
 *     NAME.npy           numpy's format (datasets/features/vectors_npy.c)
 *     NAME.h5[:/SET]     a data set of an HDF5 file (datasets/features/vectors_hdf5.c); it need not be named when only one fits
 * Rows are items in the store's order, unless NAME.names.txt (a line a row) or the data set /names (strings) names the rows: then they
 * are found by the items' names, and rows of other pictures are passed over. All values are read and checked at opening.     */
#ifndef LIMN_FEATURES_H
#define LIMN_FEATURES_H

#include "datasets/store.h"
#include "vision/encoder.h"
#include "vision/preprocess.h"

typedef struct Features Features;

/* Opens FOLDER/features-KEY.bin, or computes it (progress(done, total, context) now and then, done = -1: another process computes and is
 * waited for; returns false to stop: resumable). `weights`: the key covers all of them but a decoder's ("decoder.…",
 * "enc_to_dec_proj.…"). The tape is used for inference, from where it is; its state is as before afterwards.             */
Features *features_open(const char *folder, Store *s, const Encoder *e, Params *weights, const Preprocess *p, Tape *t, int views,
                        bool (*progress)(int64_t done, int64_t total, void *context), void *context, Err *err);
/* Opens a researcher's vectors for the items of a store; NULL, with all missing pictures in one message. */
Features *features_import(const char *path, const Store *s, Err *err);
/* How many tokens an item has in such a file, and how wide they are, without reading them. */
bool      features_shape(const char *path, int64_t *tokens, int64_t *width, Err *err);

void        features_close(Features *f);         /* NULL is allowed */
int64_t     features_tokens(const Features *f);
int64_t     features_width(const Features *f);
int         features_views(const Features *f);
const char *features_hash(const Features *f);    /* imported: 16 hex digits, XXH64 of the items' values in the store's order; cached: "" */
void        features_get(const Features *f, int64_t item, int view, real *out);   /* (N,C); safe from several threads */

#endif
