/* resample.c - bootstrap and permutation as weighted sums of per-image statistics (resample.h has the formulas). */
#include "experiments/metrics/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/rng.h"

/* ---- weighted sums ------------------------------------------------------------------------------------------------------- */

/* sum[k] = sum over images of weight[i] statistics[i][k]. Four images at a time, so that an addition need not wait for the last. */
static void weighted_sum(const double *statistics, const int32_t *weight, int64_t images, int width, double *sum)
{
    int64_t i = 0;

    memset(sum, 0, (size_t)width * sizeof *sum);
    for (; i + 4 <= images; i += 4) {
        const double *s = statistics + i * width;
        double w0 = weight[i], w1 = weight[i + 1], w2 = weight[i + 2], w3 = weight[i + 3];
        for (int k = 0; k < width; k++)
            sum[k] += (w0 * s[k] + w1 * s[width + k]) + (w2 * s[2 * width + k] + w3 * s[3 * width + k]);
    }
    for (; i < images; i++)
        for (int k = 0; k < width; k++) sum[k] += weight[i] * statistics[i * width + k];
}

/* images draws with replacement, counted. A word times n falls into [0, n) 2^32; what is below the surplus is drawn again, so that
 * every image has an equal share (Lemire 2019). */
static void draw_images(uint64_t seed, int64_t resample, int64_t images, int32_t *weight)
{
    Rng      r = rng_stream(seed, RNG_BOOTSTRAP, (uint64_t)resample);
    uint32_t n = (uint32_t)images, surplus = (0 - n) % n;

    memset(weight, 0, (size_t)images * sizeof *weight);
    for (int64_t i = 0; i < images; i++) {
        uint64_t product;
        do product = (uint64_t)rng_u32(&r) * n; while ((uint32_t)product < surplus);
        weight[product >> 32]++;
    }
}

/* ---- resampled scores ---------------------------------------------------------------------------------------------------- */

typedef struct Draws {                           /* scores on the same resamples */
    const Scored *const *of;                     /* [count]: metrics of one run, or one metric of several              */
    int      count;
    bool     sums;                               /* some score follows from sums                                       */
    int64_t  images;
    uint64_t seed;
    int32_t *weights;                            /* [member][images]                                                   */
    double  *values;                             /* [resample][count][METRIC_SCORES]                                   */
} Draws;

static void *need(size_t count, size_t size)
{
    void *p = calloc(count, size);
    REQUIRE(p, "out of memory");
    return p;
}

static void draw(void *context, int64_t resample, int member)
{
    Draws   *d = context;
    int32_t *weight = d->weights + member * d->images;

    if (d->sums) draw_images(d->seed, resample, d->images, weight);
    for (int i = 0; i < d->count; i++) {
        const Scored *s = d->of[i];
        double sum[METRIC_STATISTICS], *scores = d->values + (resample * d->count + i) * METRIC_SCORES;
        if (!s->metric->total) {                 /* of the whole set: there is nothing to draw from */
            for (int k = 0; k < METRIC_SCORES; k++) scores[k] = NAN;
            continue;
        }
        weighted_sum(s->statistics, weight, d->images, s->metric->statistics, sum);
        s->metric->total(sum, (double)d->images, scores);
    }
}

/* -> [resamples][count][METRIC_SCORES], malloc'd */
static double *draw_scores(const Scored *const *of, int count, const Resampling *o)
{
    Draws d = { .of = of, .count = count, .images = of[0]->images, .seed = o->seed };

    REQUIRE(d.images > 0 && d.images <= INT32_MAX && o->resamples > 0, "%d resamples of %lld images", o->resamples, (long long)d.images);
    for (int i = 0; i < count; i++) {
        REQUIRE(of[i]->images == d.images, "%lld images and %lld", (long long)of[i]->images, (long long)d.images);
        d.sums = d.sums || of[i]->metric->total;
    }
    d.weights = need((size_t)(team_size(o->team) * d.images), sizeof *d.weights);
    d.values = need((size_t)o->resamples * (size_t)count * METRIC_SCORES, sizeof *d.values);
    team_run(o->team, o->resamples, draw, &d);
    free(d.weights);
    return d.values;
}

/* ---- what is read off them ----------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of n ordered values, as numpy.percentile has it: at place q (n - 1), between two of them in proportion. */
static double quantile(const double *ordered, int n, double q)
{
    double place = q * (n - 1);
    int    below = (int)place, above = below + 1 < n ? below + 1 : below;
    return ordered[below] + (place - below) * (ordered[above] - ordered[below]);
}

static double mean_of(const double *v, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += v[i];
    return sum / n;
}

/* With n - 1; 0 for one value. */
static double deviation_of(const double *v, int n)
{
    double mean = mean_of(v, n), squares = 0;
    for (int i = 0; i < n; i++) squares += (v[i] - mean) * (v[i] - mean);
    return n > 1 ? sqrt(squares / (n - 1)) : 0;
}

/* Orders the values. */
static Interval interval_of(double *v, int n, double confidence)
{
    for (int i = 0; i < n; i++) if (!isfinite(v[i])) return (Interval){ NAN, NAN, NAN };
    double deviation = deviation_of(v, n);
    qsort(v, (size_t)n, sizeof *v, by_value);
    return (Interval){ quantile(v, n, (1 - confidence) / 2), quantile(v, n, (1 + confidence) / 2), deviation };
}

void bootstrap_scores(const Scored *const *metrics, int count, const Resampling *o, Interval *out)
{
    double *values = draw_scores(metrics, count, o), *column = need((size_t)o->resamples, sizeof *column);

    for (int i = 0; i < count; i++)
        for (int k = 0; metrics[i]->metric->scores[k]; k++) {
            for (int r = 0; r < o->resamples; r++) column[r] = values[((int64_t)r * count + i) * METRIC_SCORES + k];
            out[i * METRIC_SCORES + k] = interval_of(column, o->resamples, o->confidence);
        }
    free(column);
    free(values);
}

/* ---- differences --------------------------------------------------------------------------------------------------------- */

/* Differences that are equal on paper differ by rounding: this much counts as equal. */
static double rounding(double a, double b) { return 1e-12 * (fabs(a) + fabs(b)); }

/* How often each run is drawn in this resample: [a->count], then [b->count]. */
static void draw_runs(RunGroup a, RunGroup b, const Resampling *o, int resample, int *times)
{
    Rng r = rng_stream(o->seed, RNG_BOOTSTRAP_RUNS, (uint64_t)resample);

    memset(times, 0, (size_t)(a.count + b.count) * sizeof *times);
    for (int i = 0; i < a.count; i++) times[rng_below(&r, a.count)]++;
    if (o->paired_runs) memcpy(times + a.count, times, (size_t)a.count * sizeof *times);
    else for (int i = 0; i < b.count; i++) times[a.count + rng_below(&r, b.count)]++;
}

static double group_mean(const double *values, const int *times, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) sum += times[i] * values[i * METRIC_SCORES];
    return sum / count;
}

static void describe_group(RunGroup g, int score, double *mean, double *deviation)
{
    double *v = need((size_t)g.count, sizeof *v);
    for (int i = 0; i < g.count; i++) v[i] = g.runs[i]->scores[score];
    *mean = mean_of(v, g.count);
    *deviation = deviation_of(v, g.count);
    free(v);
}

/* From the resamples' differences; orders them. */
static void judge(double *d, const Resampling *o, Difference *out)
{
    int n = o->resamples, extreme = 0;
    double centre = mean_of(d, n), greater = 0, slack = rounding(out->a, out->b);

    for (int r = 0; r < n; r++) {
        extreme += fabs(d[r] - centre) >= fabs(out->difference) - slack;
        greater += d[r] > slack ? 1 : d[r] >= -slack ? 0.5 : 0;
    }
    out->greater = greater / n;
    out->p = (1.0 + extreme) / (1.0 + n);
    out->interval = interval_of(d, n, o->confidence);
    if (isnan(out->interval.low)) out->p = out->greater = NAN;
}

void bootstrap_difference(RunGroup a, RunGroup b, const Resampling *o, Difference *out)
{
    int runs = a.count + b.count, scores = metric_scores(a.runs[0]->metric);
    REQUIRE(!o->paired_runs || a.count == b.count, "%d runs cannot be paired with %d", a.count, b.count);
    const Scored **all = need((size_t)runs, sizeof *all);
    for (int i = 0; i < runs; i++) {
        all[i] = i < a.count ? a.runs[i] : b.runs[i - a.count];
        REQUIRE(all[i]->metric == all[0]->metric, "%s is not %s", all[i]->metric->name, all[0]->metric->name);
    }
    double *values = draw_scores(all, runs, o), *d = need((size_t)o->resamples * (size_t)scores, sizeof *d);
    int *times = need((size_t)runs, sizeof *times);

    for (int r = 0; r < o->resamples; r++) {
        const double *v = values + (int64_t)r * runs * METRIC_SCORES;
        draw_runs(a, b, o, r, times);
        for (int k = 0; k < scores; k++)
            d[k * o->resamples + r] = group_mean(v + a.count * METRIC_SCORES + k, times + a.count, b.count) - group_mean(v + k, times, a.count);
    }
    for (int k = 0; k < scores; k++) {
        Difference *x = &out[k];
        describe_group(a, k, &x->a, &x->deviation_a);
        describe_group(b, k, &x->b, &x->deviation_b);
        x->difference = x->b - x->a;
        judge(d + k * o->resamples, o, x);
    }
    free(times);
    free(d);
    free(values);
    free(all);
}

/* ---- permutation --------------------------------------------------------------------------------------------------------- */

typedef struct Swaps {
    const Metric *metric;
    int64_t  images;
    uint64_t seed;
    bool     all;                                /* the bits of the number are the coins */
    double  *change;                             /* [images][statistics]: b - a                                        */
    double   sum_a[METRIC_STATISTICS], sum_b[METRIC_STATISTICS];
    int32_t *coins;                              /* [member][images]                                                   */
    double  *differences;                        /* [shuffle][METRIC_SCORES]                                           */
} Swaps;

static void toss(const Swaps *s, int64_t shuffle, int32_t *coins)
{
    Rng r = rng_stream(s->seed, RNG_PERMUTATION, (uint64_t)shuffle);
    uint32_t bits = 0;

    for (int64_t i = 0; i < s->images; i++) {
        if (s->all)           bits = (uint32_t)(shuffle >> i);
        else if (i % 32 == 0) bits = rng_u32(&r);
        else                  bits >>= 1;
        coins[i] = bits & 1;
    }
}

/* What swapping takes from b, it gives to a. */
static void swap(void *context, int64_t shuffle, int member)
{
    Swaps  *s = context;
    int     width = s->metric->statistics;
    int32_t *coins = s->coins + member * s->images;
    double  moved[METRIC_STATISTICS], a[METRIC_STATISTICS], b[METRIC_STATISTICS], score_a[METRIC_SCORES] = { 0 }, score_b[METRIC_SCORES] = { 0 };

    toss(s, shuffle, coins);
    weighted_sum(s->change, coins, s->images, width, moved);
    for (int k = 0; k < width; k++) {
        a[k] = s->sum_a[k] + moved[k];
        b[k] = s->sum_b[k] - moved[k];
    }
    s->metric->total(a, (double)s->images, score_a);
    s->metric->total(b, (double)s->images, score_b);
    for (int k = 0; k < METRIC_SCORES; k++) s->differences[shuffle * METRIC_SCORES + k] = score_b[k] - score_a[k];
}

void permutation_difference(const Scored *a, const Scored *b, const Resampling *o, double *p)
{
    int width = a->metric->statistics, shuffles = o->resamples, scores = metric_scores(a->metric);
    Swaps s = { .metric = a->metric, .images = a->images, .seed = o->seed };

    REQUIRE(a->metric == b->metric && a->images == b->images, "not the same metric and images");
    for (int k = 0; k < scores; k++) p[k] = NAN;
    if (!a->metric->total) return;
    s.all = a->images < 31 && 1 << a->images <= shuffles;
    if (s.all) shuffles = 1 << a->images;
    s.change = need((size_t)(a->images * width), sizeof *s.change);
    s.coins = need((size_t)(team_size(o->team) * a->images), sizeof *s.coins);
    s.differences = need((size_t)shuffles * METRIC_SCORES, sizeof *s.differences);
    for (int64_t i = 0; i < a->images; i++)
        for (int k = 0; k < width; k++) {
            int64_t at = i * width + k;
            s.change[at] = b->statistics[at] - a->statistics[at];
            s.sum_a[k] += a->statistics[at];
            s.sum_b[k] += b->statistics[at];
        }
    team_run(o->team, shuffles, swap, &s);
    for (int k = 0; k < scores; k++) {
        double limit = fabs(b->scores[k] - a->scores[k]) - rounding(a->scores[k], b->scores[k]);
        int extreme = 0;
        bool finite = true;
        for (int r = 0; r < shuffles; r++) {
            double d = s.differences[r * METRIC_SCORES + k];
            extreme += fabs(d) >= limit;
            finite = finite && isfinite(d);
        }
        p[k] = !finite ? NAN : s.all ? (double)extreme / shuffles : (1.0 + extreme) / (1.0 + shuffles);
    }
    free(s.differences);
    free(s.coins);
    free(s.change);
}

/* ---- many tests ---------------------------------------------------------------------------------------------------------- */

void holm_correct(const double *p, int n, double *adjusted)
{
    double least = 0;
    int    tests = 0;                            /* one without a p-value was none */

    for (int i = 0; i < n; i++) {
        adjusted[i] = NAN;
        tests += !isnan(p[i]);
    }
    for (int rank = 0; rank < tests; rank++) {
        int next = -1;                           /* the smallest that has no place yet */
        for (int i = 0; i < n; i++) if (isnan(adjusted[i]) && !isnan(p[i]) && (next < 0 || p[i] < p[next])) next = i;
        least = fmax(least, fmin(1, (tests - rank) * p[next]));
        adjusted[next] = least;
    }
}
