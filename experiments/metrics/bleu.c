/* bleu.c - BLEU: the counts of an image, and the scores of counts. */
#include "experiments/metrics/bleu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/metrics/metrics.h"
#include "experiments/metrics/ngrams.h"
#include "tensor/base/team.h"

/* Of the references' lengths the closest, the shorter of two that are as close. */
static int32_t closest_length(int32_t length, const Sentence *references, int32_t count)
{
    int32_t best = references[0].piece_count;
    for (int32_t r = 1; r < count; r++) {
        int32_t here = references[r].piece_count, nearer = abs(here - length) - abs(best - length);
        if (nearer < 0 || (nearer == 0 && here < best)) best = here;
    }
    return best;
}

BleuCounts bleu_count(const Sentence *candidate, const Sentence *references, int32_t reference_count)
{
    REQUIRE(reference_count > 0, "bleu: no reference");
    int32_t    length = candidate->piece_count;
    BleuCounts c = { .length = length, .reference_length = closest_length(length, references, reference_count) };
    Ngrams     g = { 0 };

    ngrams_count(&g, candidate->pieces, length);
    int32_t *most = calloc(2 * (size_t)g.count + 1, sizeof *most), *tally = most + g.count;
    REQUIRE(most, "out of memory");
    for (int32_t r = 0; r < reference_count; r++) {
        ngrams_tally(&g, references[r].pieces, references[r].piece_count, tally);
        for (int32_t i = 0; i < g.count; i++)
            if (tally[i] > most[i]) most[i] = tally[i];
    }
    for (int32_t i = 0; i < g.count; i++) c.matches[g.list[i].order] += g.list[i].count < most[i] ? g.list[i].count : most[i];
    for (int32_t k = 0; k < BLEU_ORDERS; k++) c.guesses[k] = length > k ? length - k : 0;
    free(most);
    ngrams_free(&g);
    return c;
}

void bleu_scores(const BleuCounts *c, bool brevity_penalty, double scores[BLEU_ORDERS])
{
    const double TINY = 1e-15, SMALL = 1e-9;     /* the reference's */
    double product = 1, ratio = (c->length + TINY) / (c->reference_length + SMALL);

    for (int k = 0; k < BLEU_ORDERS; k++) {
        product *= (c->matches[k] + TINY) / (c->guesses[k] + SMALL);
        scores[k] = pow(product, 1.0 / (k + 1));
        if (brevity_penalty && ratio < 1) scores[k] *= exp(1 - 1 / ratio);
    }
}

/* ---- as metrics -------------------------------------------------------------------------------------------------------- */
typedef struct Job { const CaptionSet *set; bool brevity_penalty; double *statistics, *each; } Job;

enum { STATISTICS = sizeof(BleuCounts) / sizeof(double) };

static void count_image(void *context, int64_t image, int member)
{
    const Job    *job = context;
    const Judged *j = caption_set_at(job->set, image);
    BleuCounts    c = bleu_count(&j->candidate, j->references, j->reference_count);

    (void)member;
    memcpy(job->statistics + image * STATISTICS, &c, sizeof c);
    bleu_scores(&c, job->brevity_penalty, job->each + image * BLEU_ORDERS);
}

static bool measure_either(const CaptionSet *s, const MetricOptions *o, bool brevity_penalty, double *statistics, double *each)
{
    Job job = { s, brevity_penalty, statistics, each };
    team_run(o->team, caption_set_images(s), count_image, &job);
    return true;
}

static bool measure(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    (void)note, (void)err;
    return measure_either(s, o, true, statistics, each);
}

static bool measure_no_brevity(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    (void)note, (void)err;
    return measure_either(s, o, false, statistics, each);
}

static void total_either(const double *sum, bool brevity_penalty, double *scores)
{
    BleuCounts c;
    memcpy(&c, sum, sizeof c);
    bleu_scores(&c, brevity_penalty, scores);
}

static void total(const double *sum, double images, double *scores)
{
    (void)images;
    total_either(sum, true, scores);
}

static void total_no_brevity(const double *sum, double images, double *scores)
{
    (void)images;
    total_either(sum, false, scores);
}

static bool never(const MetricOptions *o) { return (void)o, false; }

const Metric metric_bleu = {
    .name = "bleu", .help = "BLEU-1 … BLEU-4, closest reference length (Papineni et al. 2002)",
    .scores = { "Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4" }, .statistics = STATISTICS, .measure = measure, .total = total
};

const Metric metric_bleu_no_brevity = {
    .name = "bleu-no-brevity", .help = "without the brevity penalty, as some papers report it",
    .scores = { "Bleu_1_no_brevity", "Bleu_2_no_brevity", "Bleu_3_no_brevity", "Bleu_4_no_brevity" }, .statistics = STATISTICS,
    .by_default = never, .measure = measure_no_brevity, .total = total_no_brevity
};
