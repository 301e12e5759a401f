/* scores.c - choosing, measuring, and the JSON of it. */
#include "experiments/metrics/scores.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"

static bool answers_to(const Metric *m, const char *name, size_t bytes)
{
    if (strlen(m->name) == bytes && strncasecmp(m->name, name, bytes) == 0) return true;
    for (int k = 0; k < metric_scores(m); k++)
        if (strlen(m->scores[k]) == bytes && strncasecmp(m->scores[k], name, bytes) == 0) return true;
    return false;
}

static bool unknown(const char *name, size_t bytes, Err *err)
{
    char all[1024] = "";

    for (const Metric *const *m = METRICS; *m; m++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", m == METRICS ? "" : ", ", (*m)->name);
    return fail_usage(err, "there is no metric '%.*s'; there are %s", (int)bytes, name, all);
}

bool metrics_choose(const char *names, const MetricOptions *o, MetricChoice *out, Err *err)
{
    bool chosen[METRICS_MOST] = { false };
    int  all = 0;

    while (METRICS[all]) all++;
    REQUIRE(all <= METRICS_MOST, "more than %d metrics", (int)METRICS_MOST);
    for (int i = 0; !names && i < all; i++) chosen[i] = !METRICS[i]->by_default || METRICS[i]->by_default(o);
    for (const char *name = names; name;) {
        size_t bytes = strcspn(name, ",");
        int    i = 0;
        while (i < all && !answers_to(METRICS[i], name, bytes)) i++;
        if (i == all) return unknown(name, bytes, err);
        chosen[i] = true;
        name = name[bytes] ? name + bytes + 1 : NULL;
    }
    out->count = 0;
    for (int i = 0; i < all; i++)
        if (chosen[i]) out->metric[out->count++] = METRICS[i];
    return true;
}

bool scores_measure(const MetricChoice *choice, const CaptionSet *s, const MetricOptions *o, Scores *out, Err *err)
{
    *out = (Scores){ .list = buffer_zeros(choice->count, sizeof *out->list) };
    for (int m = 0; m < choice->count; m++) {
        if (!metric_measure(choice->metric[m], s, o, &out->list[m], err)) {
            scores_free(out);
            return false;
        }
        out->count++;
    }
    return true;
}

void scores_bootstrap(Scores *s, const Resampling *o)
{
    const Scored **list = buffer_zeros(s->count, sizeof *list);

    s->intervals = buffer_zeros(s->count, sizeof *s->intervals);
    for (int m = 0; m < s->count; m++) list[m] = &s->list[m];
    bootstrap_scores(list, s->count, o, s->intervals[0]);
    free(list);
}

void scores_free(Scores *s)
{
    for (int m = 0; m < s->count; m++) scored_free(&s->list[m]);
    free(s->list);
    free(s->intervals);
    *s = (Scores){ 0 };
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */
json_t *scores_json(const Scores *s)
{
    json_t *j = json_object(), *intervals = json_object(), *notes = json_array();

    for (int m = 0; m < s->count; m++) {
        const Scored *d = &s->list[m];
        for (int k = 0; k < metric_scores(d->metric); k++) {
            json_object_set_new(j, d->metric->scores[k], json_number(d->scores[k]));
            if (s->intervals && d->statistics)
                json_object_set_new(intervals, d->metric->scores[k], json_pack("[o, o]", json_number(s->intervals[m][k].low),
                                                                               json_number(s->intervals[m][k].high)));
        }
        if (d->note[0]) json_array_append_new(notes, json_text(d->note));
    }
    if (s->intervals) json_object_set(j, "intervals", intervals);
    json_object_set_new(j, "notes", notes);
    json_decref(intervals);
    return j;
}

static json_t *image_json(const Scores *s, const Judged *image, int64_t i)
{
    json_t *j = json_pack("{s:I, s:s}", "image_id", (json_int_t)image->id, "caption", image->candidate.text);

    for (int m = 0; m < s->count; m++) {
        const Scored *d = &s->list[m];
        int scores = metric_scores(d->metric);
        for (int k = 0; d->each && k < scores; k++)
            json_object_set_new(j, d->metric->scores[k], json_number(d->each[i * scores + k]));
    }
    return j;
}

bool scores_write_images(const Scores *s, const CaptionSet *captions, const char *path, Err *err)
{
    FileWriter *w = file_begin(path, err);
    bool        ok = w != NULL;

    if (!w) return false;
    for (int64_t i = 0; ok && i < caption_set_images(captions); i++) ok = json_write_line(w, image_json(s, caption_set_at(captions, i), i), err);
    if (ok) return file_commit(w, err);
    file_abandon(w);
    return false;
}
