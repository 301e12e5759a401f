/* prepare.h - what every data source shares: options, summary, and worker threads whose results are taken in order.
 *
 * A source (datasets/sources/, one file each; the table is in sources/source.h) turns something into a store. The store depends on the
 * input and the options alone, never on the number of workers. A picture that cannot be used is listed in the store with the reason
 * and never stops a preparation; a full disk, a missing list or a stopped progress does.                               */
#ifndef LIMN_PREPARE_H
#define LIMN_PREPARE_H

#include <stdint.h>

#include "datasets/store.h"
#include "vision/preprocess.h"

typedef struct PrepareOptions {
    const char *input;                           /* folder (flickr8k); NULL where the source takes none                 */
    const char *out;                             /* the store to write                                                  */
    int         size;                            /* pixels a side; 0: the source's own                                  */
    ResizeMode  resize;
    Filter      filter;
    bool        draft;                           /* decode JPEGs small where preprocess_draft_side allows: faster       */
    bool        jpeg;                            /* keep JPEG files instead of pixels: a tenth of the size, slower to read */
    int64_t     min_count;                       /* of a word in the training captions                                  */
    int         workers;                         /* 0: as many as there are processors                                  */
    int64_t     count;                           /* scenes: training pictures                                           */
    uint64_t    seed;
    const char *preset, *font;                   /* scenes; NULL: its own                                               */
} PrepareOptions;
PrepareOptions prepare_defaults(void);           /* squash, bicubic, pixels, min_count 5, count 0, seed 1               */

enum { PREPARE_SPLITS = 16 };
typedef struct PrepareSummary {
    int64_t pictures, captions, rejected, words; /* words: ids of the vocabulary                                        */
    int     splits;
    struct { char name[32]; int64_t pictures, captions; } split[PREPARE_SPLITS];
    char    hash[65];                            /* of the store                                                        */
    bool    composed;                            /* then, in 0..1, what captions of other pictures score:               */
    double  blind_named, blind_true;             /* objects named, clauses true                                         */
} PrepareSummary;

typedef bool PrepareProgress(int64_t done, int64_t total, void *context);        /* on the calling thread; false stops  */

/* Counts what a finished store holds. */
bool prepare_summarize(const char *store, PrepareSummary *out, Err *err);

/* ---- in order, by many ----------------------------------------------------------------------------------------------
 * make(i) runs on a worker, for every i in [0, count), a little ahead of take(i), which runs on the caller, in order.       */
typedef struct PrepareJob {
    int64_t count;
    int     workers;                             /* 0: as many as there are processors                                  */
    void   *context;
    void *(*make)(void *context, int64_t i);     /* never NULL                                                          */
    bool  (*take)(void *context, int64_t i, void *made, Err *err);               /* does not free it                    */
    void  (*drop)(void *made);                   /* frees it, taken or not                                              */
    PrepareProgress *progress;                   /* may be NULL                                                         */
    void            *progress_context;
} PrepareJob;
bool prepare_run(const PrepareJob *job, Err *err);

#endif
