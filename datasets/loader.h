/* loader.h - batches for training: seeded order, augmentation, prefetch by worker threads.
 *
 * Batches are image-major: `pictures` pictures with up to `captions` of their captions each. The order of an epoch is a function of
 * (seed, epoch); the contents of batch k of an epoch of (seed, epoch, k), whatever the number of workers. A picture is mirrored only
 * when none of its captions in the batch names a side (left/right). A caption that is too long loses its end, <eos> included.
 *
 * By length: batches of captions of like length, for less padding. The full batches of the shuffled order are taken LOADER_WINDOW at a
 * time, their pictures sorted by the longest caption chosen for this epoch, and all full batches shuffled; what is left over makes the
 * last batch.                                                                                                          */
#ifndef LIMN_LOADER_H
#define LIMN_LOADER_H

#include "datasets/features.h"
#include "datasets/store.h"
#include "text/tokenizer.h"
#include "vision/preprocess.h"

typedef struct LoaderOptions {
    const char *split;
    int         pictures, captions;              /* a batch; captions 0: all of a picture                               */
    int         max_length;                      /* tokens with <bos>/<eos>; longer captions are cut                    */
    bool        shuffle, flip, by_length;        /* by_length only with shuffle                                         */
    double      crop, jitter;                    /* vision/augment.h; crop 0 or 1: whole pictures; jitter 0: none; not with features */
    uint64_t    seed;
    double      fraction;                        /* of the split's pictures, the same ones for a seed; 1: all           */
    int64_t     first;                           /* only the split's first so many pictures; 0: all                     */
    int         workers, prefetch;
} LoaderOptions;

enum { LOADER_IGNORE = -1 };                     /* target of padding */
enum { LOADER_WINDOW = 64 };                     /* batches sorted together by length */

/* I pictures, B captions, T positions of the longest. */
typedef struct Batch {
    Tensor        *pixels;                       /* (I,3,S,S); NULL when features are given                             */
    Tensor        *features;                     /* (I,N,C): the frozen encoder's cached output                         */
    Ids            tokens, targets;              /* [B,T]: <bos> words … and words … <eos>; targets padded by -1        */
    const int32_t *image_of;                     /* [B] row -> picture                                                  */
    const int64_t *items;                        /* [I] picture -> item of the store                                    */
    int64_t        pictures, captions, target_count;
} Batch;

typedef struct Loader Loader;
/* features NULL: pixels are given. With features of one view nothing is mirrored. What was handed in must outlive the loader, but for k
 * and p. Pictures without a caption are left out. workers 0: batches are made by the caller. */
Loader *loader_new(Store *s, const Tokenizer *k, const Preprocess *p, Features *features, LoaderOptions o, Err *err);
void    loader_free(Loader *l);
int64_t loader_pictures(const Loader *l);
int64_t loader_batches(const Loader *l);         /* in an epoch; the last may be smaller */
/* Batch `at` of `epoch`; asking in order is fast (prefetched), any other begins anew there. Lives until the next call. A picture that
 * cannot be read is an error here. */
bool    loader_get(Loader *l, int64_t epoch, int64_t at, Batch *out, Err *err);

#endif
