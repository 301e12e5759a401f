/* compare.h - two groups of runs on the same images: how far their scores are apart, how sure that is, and on which images.
 *
 * A run is a folder in which `limn evaluate` left captions-SPLIT.json, references-SPLIT.json and metrics-SPLIT.json, or a file of captions
 * in any form of caption_files.h. All runs must have captioned the same images of the same data, with the same references. */
#ifndef LIMN_COMPARE_H
#define LIMN_COMPARE_H

#include <jansson.h>
#include <stdio.h>

#include "experiments/metrics/errors.h"
#include "experiments/metrics/scores.h"

enum { SIDES = 2 };                              /* A and B */

typedef struct CompareOptions {
    const char         *split, *references;      /* references: NULL: each folder's own     */
    const MetricChoice *choice;
    const MetricOptions *metric;
    Resampling          resampling;
    bool                errors;                  /* omitted and invented words, too         */
} CompareOptions;

typedef struct ComparedRun {
    const char *name;                            /* as it was given                         */
    char       *captions, *references;           /* paths                                   */
    char        data_hash[96];                   /* of the store; "" when nobody knows      */
    CaptionSet *set;                             /* images in the first run's order         */
    Scores      scores;
} ComparedRun;

typedef struct Compared {                        /* one score */
    const Metric *metric;
    int           list, score;                   /* its place: scores.list[list], its score */
    Difference    difference;
    double        permutation, holm;             /* NaN: not tested                         */
} Compared;

typedef struct Comparison {
    ComparedRun *runs;                           /* those of A, then those of B             */
    int          count, first[SIDES], size[SIDES];           /* the runs of a side          */
    int64_t      images, references;
    char       **file_names;                     /* [images], each NULL where not known     */
    Compared    *scores; int score_count;
    ErrorAnalysis analysis; CaptionErrors errors[SIDES];     /* lexicon NULL: not asked for */
} Comparison;

/* names: of A's runs, then of B's. Warnings go to stderr. Two runs are compared by the paired bootstrap and by permutation; with several on
 * a side runs and images are both resampled, and there is no permutation. Holm's correction is over all scores. free also after a failure. */
bool comparison_make(const char *const *names, int a, int b, const CompareOptions *o, Comparison *out, Err *err);
void comparison_free(Comparison *c);

/* An image's own score, mean over the runs of a side. The score must have values by image. */
bool   compared_has_images(const Comparison *c, const Compared *s);
double compared_image(const Comparison *c, const Compared *s, int side, int64_t image);

/* The images by how much they changed, B - A, from the largest fall to the largest rise; malloc'd. */
typedef struct ImageChange { int64_t image; double change; } ImageChange;
ImageChange *comparison_changes(const Comparison *c, const Compared *by);

/* How it is told (compare_print.c, compare_json.c). by: the score that orders images; NULL: none. */
void    comparison_print(const Comparison *c, const CompareOptions *o, const Compared *by, int64_t images, FILE *out);
json_t *comparison_json(const Comparison *c, const CompareOptions *o, const Compared *by, int64_t images);
/* A line an image: {"image_id", "file_name", "a": {"captions": […], "CIDEr": …}, "b": {…}}. */
bool    comparison_write_images(const Comparison *c, const char *path, Err *err);

#endif
