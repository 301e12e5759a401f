/* scores.h - several metrics on one set of captions: chosen by name, measured, with intervals; as a table, as JSON, image by image. */
#ifndef LIMN_SCORES_H
#define LIMN_SCORES_H

#include <jansson.h>
#include <stdio.h>

#include "experiments/metrics/metric.h"
#include "experiments/metrics/resample.h"

enum { METRICS_MOST = 32 };

typedef struct MetricChoice { const Metric *metric[METRICS_MOST]; int count; } MetricChoice;

/* By their names or by the names of their scores ("cider,Bleu_4": commas between, any case), in the table's order; NULL: those that measure
 * by default with these options. An unknown name is a usage error that lists them. */
bool metrics_choose(const char *names, const MetricOptions *o, MetricChoice *out, Err *err);

typedef struct Scores {
    Scored  *list;                               /* [count]                                                     */
    int      count;
    Interval (*intervals)[METRIC_SCORES];        /* [count], or NULL                                            */
} Scores;

bool scores_measure(const MetricChoice *choice, const CaptionSet *s, const MetricOptions *o, Scores *out, Err *err);
void scores_bootstrap(Scores *s, const Resampling *o);
void scores_free(Scores *s);                     /* {0} is allowed */

/* {"Bleu_1": 0.5794, …}, with intervals also "intervals": {"Bleu_1": [0.57, 0.588], …}, and "notes": […]. */
json_t *scores_json(const Scores *s);

/* A JSON object an image, a line each: image_id, caption, every score that has values by image. */
bool scores_write_images(const Scores *s, const CaptionSet *captions, const char *path, Err *err);

/* A line a score, with its interval, and the notes. */
void scores_print(const Scores *s, FILE *out);
/* A row a system, of the same metrics; the best of each column marked with a star. */
void scores_print_systems(const Scores *s, const char *const *names, int count, FILE *out);

#endif
