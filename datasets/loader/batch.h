/* batch.h - what is in a batch, without threads: private to the loader.
 *
 * A Corpus is a split ready for training: its pictures, their captions as token ids, and which captions name a side. It never changes
 * after corpus_new, so that any number of threads may make batches from it.                                            */
#ifndef LIMN_LOADER_BATCH_H
#define LIMN_LOADER_BATCH_H

#include "datasets/loader.h"

typedef struct Corpus {
    Store        *store;
    Features     *features;
    Preprocess    preprocess;
    LoaderOptions o;
    int32_t       pad;
    int64_t       pictures, batches;
    int64_t      *item;                          /* [pictures]                                                          */
    int64_t      *caption;                       /* [pictures + 1]: captions of picture p are [caption[p], caption[p+1]) */
    int64_t      *token;                         /* [captions + 1]: so are the ids of a caption, <bos> … <eos>, cut      */
    int32_t      *ids;
    bool         *sided;                         /* [captions]: names left or right                                     */
    int64_t       most_captions;                 /* of a picture                                                        */
} Corpus;

bool corpus_new(Corpus *c, Store *s, const Tokenizer *k, const Preprocess *p, Features *features, LoaderOptions o, Err *err);
void corpus_free(Corpus *c);

/* The order of an epoch: a permutation of [0, pictures). */
void corpus_order(const Corpus *c, int64_t epoch, int32_t *order);
/* Batch `at` of that epoch, everything in the arena. */
bool corpus_batch(const Corpus *c, const int32_t *order, int64_t epoch, int64_t at, Arena *a, Batch *out, Err *err);

/* Does a caption name a side: a word that begins with left or right ("right-hand", not "upright")? */
bool caption_names_side(const char *text);

#endif
