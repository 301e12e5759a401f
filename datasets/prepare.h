/* prepare.h - a data set into one store: options, what every source shares, and worker threads whose results are taken in order.
 *
 * A source (datasets/sources/, one file each; the table is in sources/source.h) reads annotations into a catalog. Then pictures are read,
 * resized and stored by all cores, in the catalog's order. The store depends on the input and the options alone: not on the number of
 * workers, nor on being stopped and started again (store.h: the journal). What cannot be used is listed in the store and the report
 * with the reason and never stops a preparation; a full disk, a missing list or a stopped progress does.                     */
#ifndef LIMN_PREPARE_H
#define LIMN_PREPARE_H

#include <stdint.h>

#include "datasets/problem.h"
#include "datasets/store.h"
#include "vision/preprocess.h"

typedef enum StoredFormat { FORMAT_RAW, FORMAT_JPEG, FORMAT_ORIGINAL } StoredFormat;
typedef enum BoxFrame { FRAME_AUTO, FRAME_STORED, FRAME_UPRIGHT } BoxFrame;

/* "val=lists/val.txt": the names of a split, one a line. "val=0.05": a share, drawn by the SHA-256 of a picture's bytes, so that the same
 * photograph is never on two sides. */
typedef struct SplitRule { const char *split, *list; double share; } SplitRule;

enum { PREPARE_SPLIT_RULES = 16 };
typedef struct PrepareOptions {
    const char *const *inputs; int input_count;  /* folders or files, as the source wants them                          */
    const char *images;                          /* the folder of the pictures; NULL: where the source's layout has them */
    const char *out;                             /* the store to write; NULL: only check (--dry-run)                    */
    const char *report;                          /* JSON lines of all problems; NULL: none                              */
    bool        strict;                          /* a fault is an error                                                 */
    bool        restart;                         /* throw an unfinished journal away                                    */

    int         size;                            /* pixels a side (keep: of the longer one, at most); 0: the source's own */
    ResizeMode  resize;
    Filter      filter;
    bool        draft;                           /* decode JPEGs small where preprocess_draft_side allows: faster       */
    StoredFormat format;
    int         quality;                         /* of JPEG, 1 .. 100                                                   */
    BoxFrame    frame;                           /* in which boxes of pictures with an EXIF orientation are given       */

    const char *vocabulary;                      /* tokenizer.json, a folder with one, or a store; "none"; NULL: built  */
    int64_t     min_count;                       /* of a word in the training texts                                     */
    int64_t     max_words;                       /* ids in a built vocabulary; 0: no limit                              */
    SplitRule   rule[PREPARE_SPLIT_RULES]; int rules;                /* for pictures without a split of their own       */

    int         workers;                         /* 0: as many as there are processors                                  */
    int64_t     count;                           /* scenes: training pictures                                           */
    uint64_t    seed;
    const char *preset, *font;                   /* scenes; NULL: its own                                               */
    const char *variant;                         /* sources that know several forms (refcoco: unc, google, umd); NULL: the only one there */
} PrepareOptions;
PrepareOptions prepare_defaults(void);           /* squash, bicubic, pixels, quality 95, min_count 5, count 0, seed 1   */

enum { PREPARE_SPLITS = 16, PREPARE_NOTES = 2 * PREPARE_SPLIT_RULES + 2 };
typedef struct PrepareSummary {
    int64_t pictures, captions, boxes, rejected, faults, words;      /* rejected: problems of any kind; words: ids of the vocabulary */
    int     splits;
    struct { char name[32]; int64_t pictures, captions; } split[PREPARE_SPLITS];
    int64_t problems[PROBLEM_KINDS];
    int64_t bytes_read, resumed;                 /* of pictures; pictures that an earlier start had done                */
    char    hash[65];                            /* of the store; "" when none was written                              */
    int     notes;                               /* what the options did not do                                         */
    char    note[PREPARE_NOTES][256];
    bool    composed;                            /* then, in 0..1, what captions of other pictures score:               */
    double  blind_named, blind_true;             /* objects named, clauses true                                         */
} PrepareSummary;

/* On the calling thread; false stops. `total` 0: annotations are being read. */
typedef struct PrepareStep { int64_t done, total, first, bytes; const char *phase; } PrepareStep;    /* bytes: of pictures read since `first` */
typedef bool PrepareProgress(const PrepareStep *s, void *context);

struct Source;
/* The whole: reads, resizes, writes o->out and o->report (or neither). On failure the journal stays, and the next start goes on. */
bool prepare_store(const struct Source *source, const PrepareOptions *o, PrepareProgress *progress, void *context, PrepareSummary *out,
                   Err *err);

/* ---- in order, by many ----------------------------------------------------------------------------------------------
 * make(i) runs on a worker, for every i in [first, count), a little ahead of take(i), which runs on the caller, in order.
 * fetch(i), when there is one, runs before make(i), by one worker at a time and in order: reading what has no random access. */
typedef struct PrepareJob {
    int64_t first, count;
    int     workers;                             /* 0: as many as there are processors                                  */
    void   *context;
    void *(*fetch)(void *context, int64_t i);    /* optional; what make gets                                            */
    void *(*make)(void *context, int64_t i, void *fetched);          /* never NULL                                      */
    bool  (*take)(void *context, int64_t i, void *made, Err *err);               /* does not free it                    */
    void  (*drop)(void *made);                   /* frees it, taken or not                                              */
} PrepareJob;
bool prepare_run(const PrepareJob *job, Err *err);

#endif
