/* rouge.c - ROUGE-L, by the usual table of which one row is kept. */
#include "experiments/metrics/rouge.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/metrics.h"
#include "tensor/base/team.h"

/* row [b->count + 1] is room to work in: row[j] is the length for what was read of a, and the first j words of b. */
static int32_t longest_common(const Sentence *a, const Sentence *b, int32_t *row)
{
    if (!a->count && !b->count) return 1;
    memset(row, 0, ((size_t)b->count + 1) * sizeof *row);
    for (int32_t i = 0; i < a->count; i++)
        for (int32_t j = 0, diagonal = 0; j < b->count; j++) {
            int32_t above = row[j + 1], longest = above > row[j] ? above : row[j];
            row[j + 1] = a->words[i] == b->words[j] ? diagonal + 1 : longest;
            diagonal = above;
        }
    return row[b->count];
}

static double length(const Sentence *s) { return s->count ? s->count : 1; }

double rouge_l(const Sentence *candidate, const Sentence *references, int32_t reference_count)
{
    const double BETA = 1.2;
    double   precision = 0, recall = 0;
    int32_t *row = buffer_zeros(candidate->count + 1, sizeof *row);

    for (int32_t r = 0; r < reference_count; r++) {
        double common = longest_common(&references[r], candidate, row), p = common / length(candidate), q = common / length(&references[r]);
        if (p > precision) precision = p;
        if (q > recall) recall = q;
    }
    free(row);
    return precision > 0 ? (1 + BETA * BETA) * precision * recall / (recall + BETA * BETA * precision) : 0;
}

/* ---- as a metric ------------------------------------------------------------------------------------------------------- */
typedef struct Job { const CaptionSet *set; double *statistics, *each; } Job;

static void score_image(void *context, int64_t image, int member)
{
    const Job    *job = context;
    const Judged *j = caption_set_at(job->set, image);
    (void)member;
    job->each[image] = job->statistics[image] = rouge_l(&j->candidate, j->references, j->reference_count);
}

static bool measure(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    Job job = { s, statistics, each };
    (void)note, (void)err;
    team_run(o->team, caption_set_images(s), score_image, &job);
    return true;
}

static void total(const double *sum, double images, double *scores) { scores[0] = sum[0] / images; }

const Metric metric_rouge = {
    .name = "rouge", .help = "ROUGE-L with beta = 1.2 (Lin 2004)", .scores = { "ROUGE_L" }, .statistics = 1, .measure = measure, .total = total
};
