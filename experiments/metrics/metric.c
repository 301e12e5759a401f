/* metric.c - the table of metrics, and a metric's scores from its sums. */
#include "experiments/metrics/metric.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/metrics.h"

const Metric *const METRICS[] = {
    &metric_bleu, &metric_bleu_no_brevity, &metric_meteor, &metric_meteor_synonym, &metric_meteor_stem, &metric_meteor_exact,
    &metric_rouge, &metric_cider, &metric_spice, &metric_clipscore,
    &metric_chair, &metric_length, &metric_diversity, &metric_mutual_bleu, &metric_novelty,
    NULL
};

const Metric *metric_find(const char *name)
{
    const Metric *const *m = METRICS;
    while (*m && strcmp((*m)->name, name) != 0) m++;
    return *m;
}

int metric_scores(const Metric *m)
{
    int n = 0;
    while (n < METRIC_SCORES && m->scores[n]) n++;
    return n;
}

bool metric_measure(const Metric *m, const CaptionSet *s, const MetricOptions *o, Scored *out, Err *err)
{
    double sum[METRIC_STATISTICS] = { 0 };

    *out = (Scored){ .metric = m, .images = caption_set_images(s) };
    if (!out->images) return fail(err, "there is no image with a candidate and references to be scored");
    if (m->whole) return m->whole(s, o, out->scores, out->note, err);

    out->statistics = buffer_zeros(out->images * m->statistics, sizeof(double));
    out->each = buffer_zeros(out->images * metric_scores(m), sizeof(double));
    if (!m->measure(s, o, out->statistics, out->each, out->note, err)) {
        scored_free(out);
        return false;
    }
    for (int64_t i = 0; i < out->images; i++)
        for (int k = 0; k < m->statistics; k++) sum[k] += out->statistics[i * m->statistics + k];
    m->total(sum, (double)out->images, out->scores);
    return true;
}

void scored_free(Scored *s)
{
    free(s->statistics);
    free(s->each);
    s->statistics = s->each = NULL;
}
