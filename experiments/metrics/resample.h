/* resample.h - how sure a corpus score is, and a difference of two: bootstrap and permutation over images.
 *
 * Every corpus score is total(sum of per-image statistics) (metric.h), so a resample of the images costs one weighted sum:
 *     score* = total(sum over images of w_i statistics_i, N)         w_i: how often image i was drawn, sum w_i = N
 * What a metric took from the whole set before it looked at single images stays as it is: CIDEr-D's idf is not computed anew, the
 * interval is that of the images, not of the idf.
 *
 * Numbers come from Philox, keyed by the seed and the number of the resample: any number of threads gives the same bits, and all metrics
 * and all systems see the same draws.                                                                                      */
#ifndef LIMN_RESAMPLE_H
#define LIMN_RESAMPLE_H

#include "experiments/metrics/metric.h"
#include "tensor/base/team.h"

typedef struct Resampling {
    int      resamples;                          /* N below                                                            */
    double   confidence;                         /* of intervals: 0.95                                                 */
    uint64_t seed;
    Team    *team;                               /* NULL: on the caller                                                */
    bool     paired_runs;                        /* the i-th run of A belongs to the i-th of B: they are drawn as pairs */
} Resampling;

typedef struct Interval {                        /* NaN where a resample has no finite score, and for metrics of the whole set */
    double low, high;                            /* the (1 - confidence) / 2 and (1 + confidence) / 2 quantiles of the resamples' scores */
    double deviation;                            /* their standard deviation: the score's standard error               */
} Interval;

/* Percentile bootstrap (Efron 1979; Efron & Tibshirani 1993, ch. 13) of every score of these metrics, measured on the same images.
 * Quantiles are interpolated linearly, as numpy.percentile does. out [count][METRIC_SCORES]                                */
void bootstrap_scores(const Scored *const *metrics, int count, const Resampling *o, Interval *out);

/* ---- two systems on the same images -------------------------------------------------------------------------------------- */

typedef struct RunGroup { const Scored *const *runs; int count; } RunGroup;      /* one run, or the same experiment with several seeds */

typedef struct Difference {
    double   a, b, difference;                   /* means over the runs; b - a                                         */
    double   deviation_a, deviation_b;           /* over the runs, with n - 1; 0 for one                               */
    Interval interval;                           /* of the difference                                                  */
    double   greater;                            /* share of resamples where b > a, halves for ties (Koehn 2004 asks for 0.95 of it) */
    double   p;                                  /* two-sided                                                          */
} Difference;

/* Paired bootstrap (Koehn 2004). Images are drawn once and serve all runs. In groups the runs are drawn first, with replacement, each
 * group's own or as pairs (hierarchical data: Davison & Hinkley 1997, section 3.8; as each image is captioned by each run, the two are
 * crossed and drawn independently: Owen 2007, "The pigeonhole bootstrap"). A group's score is the mean over its drawn runs:
 *     D*_r = mean over drawn runs of score*(B) - mean over drawn runs of score*(A)
 * The distribution of D* is centred on its mean M to stand for "no difference" (Riezler & Maxwell 2005, fig. 2):
 *     p = (1 + #{r: |D*_r - M| >= |D|}) / (1 + N)
 * A group of one run says nothing of other seeds, and one of three says little: its spread is too small by sqrt(2/3).
 * out [scores]. */
void bootstrap_difference(RunGroup a, RunGroup b, const Resampling *o, Difference *out);

/* Paired approximate randomisation (Noreen 1989; Riezler & Maxwell 2005, fig. 1): were the systems alike, which of them said a caption
 * would be the toss of a coin. With D*_r the difference after swapping the statistics of every image whose coin says so,
 *     p = (1 + #{r: |D*_r| >= |D|}) / (1 + N)
 * Where there are no more than N ways to swap, all 2^images are taken once and p is exact: # / 2^images. p [scores]. */
void permutation_difference(const Scored *a, const Scored *b, const Resampling *o, double *p);

/* Holm 1979: p-values of n tests such that the chance of one false alarm among them all stays below the level.
 *     adjusted_(i) = max over j <= i of min(1, (n - j + 1) p_(j))         p_(1) <= p_(2) <= …                           */
void holm_correct(const double *p, int n, double *adjusted);

#endif
