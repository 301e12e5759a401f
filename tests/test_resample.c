/* test_resample.c - bootstrap and permutation against what can be computed exactly, and over many simulated experiments. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/metrics/resample.h"
#include "tensor/base/rng.h"

/* Two metrics: a mean with its double, and a ratio of two sums as BLEU's precisions are. */
static void mean_total(const double *sum, double images, double *scores)
{
    scores[0] = sum[0] / images;
    scores[1] = 2 * sum[0] / images;
}
static void ratio_total(const double *sum, double images, double *scores)
{
    (void)images;
    scores[0] = sum[0] / sum[1];
}
static const Metric MEAN  = { .name = "mean", .scores = { "Mean", "Twice" }, .statistics = 1, .total = mean_total };
static const Metric RATIO = { .name = "ratio", .scores = { "Ratio" }, .statistics = 2, .total = ratio_total };

static Scored scored_new(const Metric *m, int64_t images)
{
    return (Scored){ .metric = m, .images = images, .statistics = calloc((size_t)(images * m->statistics), sizeof(double)) };
}

static void set_scores(Scored *s)
{
    double sum[METRIC_STATISTICS] = { 0 };
    for (int64_t i = 0; i < s->images; i++)
        for (int k = 0; k < s->metric->statistics; k++) sum[k] += s->statistics[i * s->metric->statistics + k];
    s->metric->total(sum, (double)s->images, s->scores);
}

static Scored of_values(const double *v, int64_t n)
{
    Scored s = scored_new(&MEAN, n);
    memcpy(s.statistics, v, (size_t)n * sizeof *v);
    set_scores(&s);
    return s;
}

static Scored of_normals(int64_t n, double mean, uint64_t step)
{
    Scored s = scored_new(&MEAN, n);
    Rng r = rng_stream(17, RNG_TEST, step);
    for (int64_t i = 0; i < n; i++) s.statistics[i] = mean + rng_normal(&r);
    set_scores(&s);
    return s;
}

static Difference difference(const Scored *a, const Scored *b, const Resampling *o)
{
    Difference out[METRIC_SCORES];
    bootstrap_difference((RunGroup){ &a, 1 }, (RunGroup){ &b, 1 }, o, out);
    return out[0];
}

static double permutation(const Scored *a, const Scored *b, const Resampling *o)
{
    double p[METRIC_SCORES];
    permutation_difference(a, b, o, p);
    return p[0];
}

static void intervals(const Scored *s, Resampling o, Interval *out) { bootstrap_scores(&s, 1, &o, out); }

/* ---- one system ---------------------------------------------------------------------------------------------------------- */

Test(resample, deviation_of_a_mean_is_that_of_the_data_over_root_n)
{
    double v[] = { 1, 2, 4, 8, 16, 3, 7 }, mean = 41 / 7.0, squares = 0;
    for (int i = 0; i < 7; i++) squares += (v[i] - mean) * (v[i] - mean);
    Scored s = of_values(v, 7);
    Interval out[METRIC_SCORES];
    intervals(&s, (Resampling){ .resamples = 200000, .confidence = 0.95, .seed = 1 }, out);

    /* The bootstrap's own variance of a mean is m2 / n; 200,000 resamples know its root to 0.2 %. */
    cr_expect_float_eq(out[0].deviation, sqrt(squares / 7 / 7), 0.01, "%g", out[0].deviation);
    cr_expect_float_eq(out[1].deviation, 2 * out[0].deviation, 1e-9);
    cr_expect_float_eq(out[1].low, 2 * out[0].low, 1e-9);
    free(s.statistics);
}

/* Three images: 27 equally likely resamples of a ratio, all written down. */
Test(resample, quantiles_of_a_ratio_are_those_of_all_its_resamples)
{
    static const double V[3][2] = { { 1, 4 }, { 3, 5 }, { 2, 2 } };
    double all[27];
    Scored s = scored_new(&RATIO, 3);
    memcpy(s.statistics, V, sizeof V);
    for (int i = 0; i < 27; i++) {
        int a = i % 3, b = i / 3 % 3, c = i / 9;
        all[i] = (V[a][0] + V[b][0] + V[c][0]) / (V[a][1] + V[b][1] + V[c][1]);
    }
    Interval out[METRIC_SCORES];
    for (double confidence = 0.05; confidence < 1; confidence += 0.1) {
        intervals(&s, (Resampling){ .resamples = 100000, .confidence = confidence, .seed = 3 }, out);
        int below = 0, above = 0, at_most = 0, at_least = 0;
        for (int i = 0; i < 27; i++) {
            below += all[i] < out->low - 1e-9;
            at_most += all[i] < out->low + 1e-9;
            above += all[i] > out->high + 1e-9;
            at_least += all[i] > out->high - 1e-9;
        }
        double tail = (1 - confidence) / 2 * 27;
        cr_expect(below <= tail + 0.2 && tail <= at_most + 0.2, "low %g at %g: %d %d", out->low, confidence, below, at_most);
        cr_expect(above <= tail + 0.2 && tail <= at_least + 0.2, "high %g at %g: %d %d", out->high, confidence, above, at_least);
    }
    free(s.statistics);
}

Test(resample, intervals_cover_the_truth_as_often_as_they_say)
{
    enum { EXPERIMENTS = 1000 };
    int covered = 0;
    for (int e = 0; e < EXPERIMENTS; e++) {
        Scored s = of_normals(100, 5, (uint64_t)e);
        Interval out[METRIC_SCORES];
        intervals(&s, (Resampling){ .resamples = 400, .confidence = 0.9, .seed = (uint64_t)e }, out);
        covered += out->low <= 5 && 5 <= out->high;
        free(s.statistics);
    }
    /* 900 expected, less some 0.7 % for the percentile bootstrap at n = 100; a binomial's deviation is 9.5. */
    cr_expect(covered > 865 && covered < 925, "%d of %d intervals of 90 %% hold the mean", covered, EXPERIMENTS);
}

Test(resample, metrics_that_are_resampled_together_have_the_intervals_that_each_has_alone)
{
    Scored mean = of_normals(120, 3, 0), ratio = scored_new(&RATIO, 120);
    for (int i = 0; i < 240; i++) ratio.statistics[i] = 1 + i % 7;
    const Scored *both[] = { &mean, &ratio };
    Resampling o = { .resamples = 300, .confidence = 0.95, .seed = 5 };
    Interval together[2 * METRIC_SCORES], alone[METRIC_SCORES];
    bootstrap_scores(both, 2, &o, together);
    intervals(&ratio, o, alone);
    cr_expect_eq(memcmp(together + METRIC_SCORES, alone, sizeof *alone), 0);
    intervals(&mean, o, alone);
    cr_expect_eq(memcmp(together, alone, 2 * sizeof *alone), 0);
    free(mean.statistics);
    free(ratio.statistics);
}

Test(resample, one_image_or_equal_images_have_no_spread)
{
    double v[50];
    for (int i = 0; i < 50; i++) v[i] = 0.1;
    for (int n = 1; n <= 50; n += 49) {
        Scored s = of_values(v, n);
        Interval out[METRIC_SCORES];
        intervals(&s, (Resampling){ .resamples = 100, .confidence = 0.95 }, out);
        cr_expect_float_eq(out->low, 0.1, 1e-12);
        cr_expect_float_eq(out->high, 0.1, 1e-12);
        cr_expect_float_eq(out->deviation, 0, 1e-12);
        free(s.statistics);
    }
}

Test(resample, a_score_that_some_resamples_do_not_have_has_no_interval)
{
    Scored s = scored_new(&RATIO, 2);
    s.statistics[0] = s.statistics[1] = 1;       /* 0 / 0 where the second image is drawn twice */
    Interval out[METRIC_SCORES];
    intervals(&s, (Resampling){ .resamples = 100, .confidence = 0.95 }, out);
    cr_expect(isnan(out->low) && isnan(out->high) && isnan(out->deviation));
    free(s.statistics);
}

Test(resample, a_score_of_the_whole_set_has_none_either)
{
    static const Metric WHOLE = { .name = "whole", .scores = { "Whole" } };
    Scored a = { .metric = &WHOLE, .images = 10, .scores = { 3 } }, b = { .metric = &WHOLE, .images = 10, .scores = { 4 } };
    const Scored *runs[] = { &a, &b };
    Resampling o = { .resamples = 10, .confidence = 0.95 };
    Interval out[METRIC_SCORES];
    Difference d[METRIC_SCORES];
    double p[METRIC_SCORES];
    intervals(&a, o, out);
    bootstrap_difference((RunGroup){ runs, 1 }, (RunGroup){ runs + 1, 1 }, &o, d);
    permutation_difference(&a, &b, &o, p);
    cr_expect(isnan(out->low) && isnan(d->p) && isnan(d->interval.high) && isnan(p[0]));
    cr_expect_eq(d->difference, 1);
}

/* ---- two systems --------------------------------------------------------------------------------------------------------- */

Test(resample, a_system_does_not_differ_from_itself)
{
    Scored s = of_normals(200, 1, 0);
    Resampling o = { .resamples = 500, .confidence = 0.95, .seed = 2 };
    Difference d = difference(&s, &s, &o);
    cr_expect_eq(d.p, 1);
    cr_expect_eq(d.greater, 0.5);
    cr_expect_eq(d.interval.low, 0);
    cr_expect_eq(d.interval.high, 0);
    cr_expect_eq(permutation(&s, &s, &o), 1);
    free(s.statistics);
}

Test(resample, permutation_of_few_images_takes_every_swap_once)
{
    double a[] = { 0.31, 0.12, 0.77, 0.4, 0.05, 0.6, 0.21, 0.35 }, b[] = { 0.52, 0.1, 0.93, 0.61, 0.2, 0.55, 0.4, 0.35 }, observed = 0;
    int extreme = 0;
    for (int i = 0; i < 8; i++) observed += b[i] - a[i];
    for (int swaps = 0; swaps < 256; swaps++) {
        double sum = 0;
        for (int i = 0; i < 8; i++) sum += swaps >> i & 1 ? a[i] - b[i] : b[i] - a[i];
        extreme += fabs(sum) >= fabs(observed) - 1e-9;
    }
    Scored x = of_values(a, 8), y = of_values(b, 8);
    double exact = permutation(&x, &y, &(Resampling){ .resamples = 256, .seed = 4 });
    cr_expect_float_eq(exact, extreme / 256.0, 1e-15);

    /* With one fewer the swaps are drawn, and come near; another seed draws others. */
    double drawn = permutation(&x, &y, &(Resampling){ .resamples = 255, .seed = 4 });
    cr_expect_neq(drawn, exact);
    cr_expect_float_eq(drawn, exact, 0.06, "%g, exact %g", drawn, exact);
    free(x.statistics);
    free(y.statistics);
}

Test(resample, drawn_swaps_approach_the_exact_p)
{
    double a[20], b[20];
    Rng r = rng_stream(8, RNG_TEST, 0);
    for (int i = 0; i < 20; i++) {
        a[i] = rng_normal(&r);
        b[i] = a[i] + 0.4 + rng_normal(&r);
    }
    Scored x = of_values(a, 20), y = of_values(b, 20);
    double exact = permutation(&x, &y, &(Resampling){ .resamples = 1 << 20 });
    double drawn = permutation(&x, &y, &(Resampling){ .resamples = 100000, .seed = 5 });
    cr_expect_float_eq(drawn, exact, 4 * sqrt(exact * (1 - exact) / 1e5), "%g, exact %g", drawn, exact);
    free(x.statistics);
    free(y.statistics);
}

/* Under "no difference" p is uniform: of 400 experiments, 10 % are below 0.1. */
Test(resample, equal_systems_are_called_different_as_often_as_the_level_says)
{
    enum { EXPERIMENTS = 400 };
    int bootstrap = 0, swapped = 0;
    for (int e = 0; e < EXPERIMENTS; e++) {
        Scored a = of_normals(60, 1, (uint64_t)(2 * e)), b = of_normals(60, 1, (uint64_t)(2 * e + 1));
        Resampling o = { .resamples = 300, .confidence = 0.95, .seed = (uint64_t)e };
        bootstrap += difference(&a, &b, &o).p <= 0.1;
        swapped += permutation(&a, &b, &o) <= 0.1;
        free(a.statistics);
        free(b.statistics);
    }
    cr_expect(swapped > 22 && swapped < 60, "permutation: %d of %d", swapped, EXPERIMENTS);
    cr_expect(bootstrap > 22 && bootstrap < 62, "bootstrap: %d of %d", bootstrap, EXPERIMENTS);
}

Test(resample, a_clear_difference_is_found_and_has_a_sign)
{
    Scored a = of_normals(300, 1, 0), b = of_normals(300, 1.5, 1);
    Resampling o = { .resamples = 999, .confidence = 0.95, .seed = 2 };
    Difference up = difference(&a, &b, &o), down = difference(&b, &a, &o);
    cr_expect_eq(up.p, 0.001);
    cr_expect_eq(permutation(&a, &b, &o), 0.001);
    cr_expect_eq(up.greater, 1);
    cr_expect_eq(down.greater, 0);
    cr_expect(up.interval.low > 0 && up.interval.low < up.difference && up.difference < up.interval.high);
    cr_expect_float_eq(down.interval.low, -up.interval.high, 1e-12);
    cr_expect_float_eq(up.difference, b.scores[0] - a.scores[0], 1e-15);
    free(a.statistics);
    free(b.statistics);
}

/* Images differ by much, systems by little everywhere: only images drawn for both at once can tell. */
Test(resample, pairing_by_image_removes_what_the_images_share)
{
    Scored a = of_normals(100, 0, 0), b = of_values(a.statistics, 100);
    for (int i = 0; i < 100; i++) b.statistics[i] += 0.01 + 0.001 * (i % 2);
    set_scores(&b);
    Difference d = difference(&a, &b, &(Resampling){ .resamples = 200, .confidence = 0.95, .seed = 1 });
    cr_expect(d.interval.low > 0.01 && d.interval.high < 0.011, "[%g, %g]", d.interval.low, d.interval.high);
    free(a.statistics);
    free(b.statistics);
}

/* ---- groups -------------------------------------------------------------------------------------------------------------- */

/* Runs whose images are all equal: the images add no spread, what is left is that of three runs drawn from three. */
Test(resample, spread_over_runs_is_that_of_drawing_runs)
{
    static const double LEVEL[6] = { 1, 2, 4, 3, 3, 9 };
    Scored s[6];
    const Scored *runs[6];
    for (int i = 0; i < 6; i++) {
        double v[5];
        for (int k = 0; k < 5; k++) v[k] = LEVEL[i];
        s[i] = of_values(v, 5);
        runs[i] = &s[i];
    }
    Difference d[METRIC_SCORES];
    Resampling o = { .resamples = 100000, .confidence = 0.95, .seed = 6 };
    bootstrap_difference((RunGroup){ runs, 3 }, (RunGroup){ runs + 3, 3 }, &o, d);
    double m2_a = 14.0 / 9, m2_b = 8;            /* sums of squares 14/3 and 24 over 3 */
    cr_expect_float_eq(d->difference, 5 - 7 / 3.0, 1e-12);
    cr_expect_float_eq(d->deviation_a, sqrt(14 / 3.0 / 2), 1e-12);
    cr_expect_float_eq(d->deviation_b, sqrt(12), 1e-12);
    cr_expect_float_eq(d->interval.deviation, sqrt((m2_a + m2_b) / 3), 0.02, "%g", d->interval.deviation);

    o.paired_runs = true;                        /* pairs differ by 2, 1, 5: variance 26/9 */
    bootstrap_difference((RunGroup){ runs, 3 }, (RunGroup){ runs + 3, 3 }, &o, d);
    cr_expect_float_eq(d->interval.deviation, sqrt(26 / 9.0 / 3), 0.01, "%g", d->interval.deviation);
    for (int i = 0; i < 6; i++) free(s[i].statistics);
}

/* run + image + noise: the variance of a difference of means is the sum of the parts. */
Test(resample, runs_and_images_both_count)
{
    enum { RUNS = 8, IMAGES = 400 };
    Scored s[2 * RUNS];
    const Scored *runs[2 * RUNS];
    Rng r = rng_stream(9, RNG_TEST, 0);
    double image[2][IMAGES];                     /* what an image is to a group */
    for (int g = 0; g < 2; g++) for (int i = 0; i < IMAGES; i++) image[g][i] = rng_normal(&r);
    for (int j = 0; j < 2 * RUNS; j++) {
        double level = 0.1 * rng_normal(&r), v[IMAGES];
        for (int i = 0; i < IMAGES; i++) v[i] = level + image[j / RUNS][i];
        s[j] = of_values(v, IMAGES);
        runs[j] = &s[j];
    }
    Difference d[METRIC_SCORES];
    bootstrap_difference((RunGroup){ runs, RUNS }, (RunGroup){ runs + RUNS, RUNS },
                         &(Resampling){ .resamples = 20000, .confidence = 0.95, .seed = 6 }, d);
    double squares = 0, mean = 0;
    for (int i = 0; i < IMAGES; i++) mean += (image[1][i] - image[0][i]) / IMAGES;
    for (int i = 0; i < IMAGES; i++) squares += pow(image[1][i] - image[0][i] - mean, 2);
    double by_runs = (pow(d->deviation_a, 2) + pow(d->deviation_b, 2)) * (RUNS - 1) / RUNS / RUNS;
    double expected = sqrt(squares / IMAGES / IMAGES + by_runs);
    cr_expect_float_eq(d->interval.deviation, expected, 0.03 * expected, "%g, expected %g", d->interval.deviation, expected);
    for (int j = 0; j < 2 * RUNS; j++) free(s[j].statistics);
}

/* Five runs against five whose seeds spread a mean as much as the images do. */
Test(resample, intervals_of_groups_cover_the_truth_nearly_as_often_as_they_say)
{
    enum { RUNS = 5, IMAGES = 100, EXPERIMENTS = 200 };
    int covered = 0;
    for (int e = 0; e < EXPERIMENTS; e++) {
        Rng r = rng_stream(21, RNG_TEST, (uint64_t)e);
        double image[2][IMAGES], v[IMAGES];
        Scored s[2 * RUNS];
        const Scored *runs[2 * RUNS];
        for (int g = 0; g < 2; g++) for (int i = 0; i < IMAGES; i++) image[g][i] = rng_normal(&r);
        for (int j = 0; j < 2 * RUNS; j++) {
            double level = 0.1 * rng_normal(&r);
            for (int i = 0; i < IMAGES; i++) v[i] = level + image[j / RUNS][i] + 0.5 * rng_normal(&r);
            s[j] = of_values(v, IMAGES);
            runs[j] = &s[j];
        }
        Difference d[METRIC_SCORES];
        bootstrap_difference((RunGroup){ runs, RUNS }, (RunGroup){ runs + RUNS, RUNS },
                             &(Resampling){ .resamples = 200, .confidence = 0.9, .seed = (uint64_t)e }, d);
        covered += d->interval.low <= 0 && 0 <= d->interval.high;
        for (int j = 0; j < 2 * RUNS; j++) free(s[j].statistics);
    }
    /* 180 less a little for five runs; a binomial's deviation is 4.2. */
    cr_expect(covered > 160 && covered < 193, "%d of %d intervals of 90 %% hold zero", covered, EXPERIMENTS);
}

/* ---- any number of threads ----------------------------------------------------------------------------------------------- */

Test(resample, threads_change_no_bit_and_seeds_do)
{
    Scored a = of_normals(1003, 1, 0), b = of_normals(1003, 1.02, 1);
    Team *team = team_new(5);
    Resampling alone = { .resamples = 200, .confidence = 0.95, .seed = 77 }, many = alone, other = alone;
    many.team = team;
    other.seed = 78;
    Interval x[METRIC_SCORES] = { 0 }, y[METRIC_SCORES] = { 0 }, z[METRIC_SCORES];
    intervals(&a, alone, x);
    intervals(&a, many, y);
    intervals(&a, other, z);
    cr_expect_eq(memcmp(x, y, sizeof x), 0);
    cr_expect_neq(x->low, z->low);
    Difference d = difference(&a, &b, &alone), e = difference(&a, &b, &many);
    cr_expect_eq(memcmp(&d, &e, sizeof d), 0);
    cr_expect_eq(permutation(&a, &b, &alone), permutation(&a, &b, &many));
    cr_expect_neq(permutation(&a, &b, &alone), permutation(&a, &b, &other));
    team_free(team);
    free(a.statistics);
    free(b.statistics);
}

/* ---- many tests ---------------------------------------------------------------------------------------------------------- */

/* R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.6), "holm") */
Test(resample, holm_is_what_r_computes)
{
    double p[] = { 0.01, 0.04, 0.03, 0.005, 0.6 }, expected[] = { 0.04, 0.09, 0.09, 0.025, 0.6 }, out[5];
    holm_correct(p, 5, out);
    for (int i = 0; i < 5; i++) cr_expect_float_eq(out[i], expected[i], 1e-12, "%d: %g", i, out[i]);
    double absent[] = { NAN, 0.02, 0.8, 0.7 }, fewer[] = { NAN, 0.06, 1, 1 };
    holm_correct(absent, 4, out);
    cr_expect(isnan(out[0]));
    for (int i = 1; i < 4; i++) cr_expect_float_eq(out[i], fewer[i], 1e-12, "%d: %g", i, out[i]);
}
