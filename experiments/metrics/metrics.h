/* metrics.h - the rows of the table in metric.c, a file each. */
#ifndef LIMN_METRICS_H
#define LIMN_METRICS_H

#include "experiments/metrics/metric.h"

extern const Metric metric_bleu, metric_bleu_no_brevity, metric_rouge, metric_cider;
extern const Metric metric_meteor, metric_meteor_exact, metric_meteor_stem, metric_meteor_synonym;
extern const Metric metric_chair, metric_length, metric_diversity, metric_mutual_bleu, metric_novelty;
extern const Metric metric_spice, metric_clipscore;

#endif
