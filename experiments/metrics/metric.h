/* metric.h - a metric is what it counts of each image, and how the scores follow from the sums of these counts.
 *
 *     sum_k  = sum over images of statistics[image][k]
 *     scores = total(sum, images)
 *
 * BLEU counts matching n-grams and lengths, CIDEr-D sums its per-image values, METEOR its matches and chunks. Because the scores of any
 * collection of images follow from sums, bootstrap and permutation tests (resample.h) are written once for all of them.
 * A few scores are of the captions together and follow from no sums (distinct-n, the size of the vocabulary): `whole` gives these; they
 * have no values by image and no intervals.
 * Adding one: a file in this folder with a Metric, its name in metrics.h, a row in metric.c.          */
#ifndef LIMN_METRIC_H
#define LIMN_METRIC_H

#include "experiments/metrics/caption_set.h"
#include "tensor/base/err.h"

enum { METRIC_SCORES = 4, METRIC_STATISTICS = 32, METRIC_NOTE = 256 };      /* at most */

typedef struct MetricOptions {                   /* what metrics need from outside; members may be NULL */
    const char *document_frequency;              /* --df: a file of captions that CIDEr-D's idf is taken from          */
    const char *wordnet;                         /* folder of WordNet's database                                       */
    const char *meteor_paraphrases;              /* METEOR's paraphrase table                                          */
    const char *chair_synonyms;                  /* COCO's objects and their synonyms                                  */
    const char *chair_objects;                   /* COCO instances: which objects are in which image                   */
    const char *training_captions;               /* novelty is measured against them                                   */
    const char *spice, *clipscore;               /* results of these tools (outside.h) …                               */
    const char *references;                      /* … and where the names of the pictures stand                        */
    struct Team *team;                           /* NULL: the caller's thread; scores do not depend on it              */
} MetricOptions;

typedef struct Metric {
    const char *name;                            /* what --metrics takes: "bleu"                                       */
    const char *help;                            /* one line, with its source                                          */
    const char *scores[METRIC_SCORES + 1];       /* keys as the reference names them, ends with NULL                   */
    int         statistics;                      /* doubles an image                                                   */
    bool        lower_is_better;
    bool      (*by_default)(const MetricOptions *o);         /* also when it is not asked for by its name? NULL: always    */
    /* Fills statistics [images][statistics] and each [images][scores], the image's own scores. `note` (of METRIC_NOTE bytes) receives what must
     * be said with the numbers (which stages ran, where the idf comes from); it begins empty. */
    bool      (*measure)(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err);
    void      (*total)(const double *sum, double images, double *scores);
    /* Instead of measure and total, which are NULL then, and with statistics 0: the scores of the whole set at once. */
    bool      (*whole)(const CaptionSet *s, const MetricOptions *o, double *scores, char *note, Err *err);
} Metric;

extern const Metric *const METRICS[];            /* ends with NULL; the order of the table that people see */

typedef struct Scored {                          /* one metric on one set */
    const Metric *metric;
    int64_t       images;
    double       *statistics, *each;             /* malloc'd; NULL where the metric is of the whole set */
    double        scores[METRIC_SCORES];
    char          note[METRIC_NOTE];
} Scored;

const Metric *metric_find(const char *name);     /* NULL: there is none */
int  metric_scores(const Metric *m);             /* how many            */
bool metric_measure(const Metric *m, const CaptionSet *s, const MetricOptions *o, Scored *out, Err *err);
void scored_free(Scored *s);

#endif
