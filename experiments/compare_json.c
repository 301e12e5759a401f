/* compare_json.c - a comparison for programs, whole and image by image. */
#include <stdlib.h>

#include "experiments/compare.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"

static const char *const SIDE_KEYS[SIDES] = { "a", "b" };

static json_t *runs_json(const Comparison *c, int side)
{
    json_t *list = json_array();
    for (int i = 0; i < c->size[side]; i++) json_array_append_new(list, json_text(c->runs[c->first[side] + i].name));
    return list;
}

static json_t *score_json(const Comparison *c, const Compared *s)
{
    const Difference *d = &s->difference;
    json_t *j = json_pack("{s:o, s:o, s:o, s:[o, o], s:o, s:o, s:o, s:o, s:o}", "a", json_number(d->a), "b", json_number(d->b), "difference",
                          json_number(d->difference), "interval", json_number(d->interval.low), json_number(d->interval.high), "deviation",
                          json_number(d->interval.deviation), "b_greater", json_number(d->greater), "p_bootstrap", json_number(d->p),
                          "p_permutation", json_number(s->permutation), "p_holm", json_number(s->holm));
    if (c->count > 2) {
        json_object_set_new(j, "a_deviation", json_number(d->deviation_a));
        json_object_set_new(j, "b_deviation", json_number(d->deviation_b));
    }
    return j;
}

/* ---- images --------------------------------------------------------------------------------------------------------------- */

static json_t *captions_json(const Comparison *c, int side, int64_t image)
{
    json_t *list = json_array();
    for (int i = 0; i < c->size[side]; i++)
        json_array_append_new(list, json_text(caption_set_at(c->runs[c->first[side] + i].set, image)->candidate.text));
    return list;
}

/* With all scores, or with one. */
static json_t *image_json(const Comparison *c, int64_t image, const Compared *only)
{
    json_t *j = json_pack("{s:I}", "image_id", (json_int_t)caption_set_at(c->runs[0].set, image)->id);

    if (c->file_names[image]) json_object_set_new(j, "file_name", json_text(c->file_names[image]));
    for (int side = 0; side < SIDES; side++) {
        json_t *of_side = json_pack("{s:o}", "captions", captions_json(c, side, image));
        for (int i = 0; i < c->score_count; i++) {
            const Compared *s = &c->scores[i];
            if (compared_has_images(c, s) && (!only || only == s))
                json_object_set_new(of_side, s->metric->scores[s->score], json_number(compared_image(c, s, side, image)));
        }
        json_object_set_new(j, SIDE_KEYS[side], of_side);
    }
    return j;
}

static json_t *changes_json(const Comparison *c, const Compared *by, int64_t count)
{
    ImageChange *list = comparison_changes(c, by);
    json_t *rose = json_array(), *fell = json_array();

    for (int64_t i = 0; i < count && i < c->images; i++) {
        if (list[c->images - 1 - i].change > 0) json_array_append_new(rose, image_json(c, list[c->images - 1 - i].image, by));
        if (list[i].change < 0)                 json_array_append_new(fell, image_json(c, list[i].image, by));
    }
    free(list);
    return json_pack("{s:s, s:o, s:o}", "by", by->metric->scores[by->score], "rose", rose, "fell", fell);
}

bool comparison_write_images(const Comparison *c, const char *path, Err *err)
{
    FileWriter *w = file_begin(path, err);
    bool ok = w != NULL;

    for (int64_t i = 0; ok && i < c->images; i++) ok = json_write_line(w, image_json(c, i, NULL), err);
    if (ok) return file_commit(w, err);
    file_abandon(w);
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------ */

json_t *comparison_json(const Comparison *c, const CompareOptions *o, const Compared *by, int64_t images)
{
    json_t *scores = json_object(), *notes = json_array();

    for (int i = 0; i < c->score_count; i++)
        json_object_set_new(scores, c->scores[i].metric->scores[c->scores[i].score], score_json(c, &c->scores[i]));
    for (int i = 0; i < c->runs[0].scores.count; i++)
        if (c->runs[0].scores.list[i].note[0]) json_array_append_new(notes, json_text(c->runs[0].scores.list[i].note));
    json_t *j = json_pack("{s:o, s:o, s:I, s:I, s:{s:f, s:i, s:I, s:s}, s:o, s:o}", "a", runs_json(c, 0), "b", runs_json(c, 1), "images",
                          (json_int_t)c->images, "references", (json_int_t)c->references, "resampling", "confidence",
                          o->resampling.confidence, "samples", o->resampling.resamples, "seed", (json_int_t)o->resampling.seed, "of",
                          c->count == 2 ? "images" : o->resampling.paired_runs ? "pairs of runs, images" : "runs, images", "scores", scores,
                          "notes", notes);
    if (by && images) json_object_set_new(j, "changed", changes_json(c, by, images));
    if (c->analysis.lexicon)
        json_object_set_new(j, "errors", json_pack("{s:o, s:o}", "a", errors_json(&c->analysis, &c->errors[0]), "b",
                                                   errors_json(&c->analysis, &c->errors[1])));
    return j;
}
