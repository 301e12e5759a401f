/* chair.c - CHAIR, "caption hallucination assessment with image relevance" (Rohrbach et al. 2018, section 2).
 *
 *     CHAIRs = captions that name an object which is not there / captions
 *     CHAIRi = mentions of objects which are not there / mentions of objects
 *
 * An object is there when COCO's instances have it in the image or any reference names it. Words become objects as objects.h says; each
 * mention counts. Crowds count as objects, as in the paper's code. Two differences from that code: the words are those of the PTB
 * tokenizer without punctuation (it uses NLTK's), and words get a singular only where the list has it (it uses pattern.en's).   */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/id_map.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_stream.h"
#include "experiments/metrics/metrics.h"
#include "experiments/metrics/objects.h"
#include "text/vocab.h"

enum { CAPTIONS_WRONG, MENTIONS, MENTIONS_WRONG, OBJECTS, OBJECTS_NAMED, STATISTICS };

typedef struct Truth {                           /* there[image][object] */
    const CaptionSet *set;
    const Objects    *objects;
    const char       *path;
    bool             *there;
    int32_t           objects_of;                /* objects a row                                                       */
    IdMap             categories;                /* category id -> object                                               */
    int64_t           images;                    /* of the set's, seen in the file                                      */
} Truth;

static bool *row(const Truth *t, int64_t image) { return t->there + image * t->objects_of; }

/* ---- COCO's instances ---------------------------------------------------------------------------------------------------- */

static bool read_category(Truth *t, const JsonItem *i, Err *err)
{
    const char *name = json_string_value(json_object_get(i->value, "name"));
    int64_t id;

    if (!json_id(json_object_get(i->value, "id"), &id) || !name)
        return fail(err, "%s:%lld: a category has no id or no name", t->path, (long long)i->line);
    int32_t object = objects_find(t->objects, name);
    if (object < 0) return fail(err, "%s:%lld: the category '%s' is not in the list of synonyms", t->path, (long long)i->line, name);
    id_map_put(&t->categories, id, object);
    return true;
}

static bool first_pass(const JsonItem *i, void *context, Err *err)
{
    Truth *t = context;
    int64_t id;

    if (!i->value) return fail(err, "%s:%lld: %s", t->path, (long long)i->line, i->why);
    if (!strcmp(i->list, "categories")) return read_category(t, i, err);
    t->images += json_id(json_object_get(i->value, "id"), &id) && caption_set_find(t->set, id) >= 0;
    return true;
}

static bool second_pass(const JsonItem *i, void *context, Err *err)
{
    Truth *t = context;
    int64_t id, category, image;

    if (!i->value) return fail(err, "%s:%lld: %s", t->path, (long long)i->line, i->why);
    if (!json_id(json_object_get(i->value, "image_id"), &id) || !json_id(json_object_get(i->value, "category_id"), &category))
        return fail(err, "%s:%lld: an annotation has no image_id or no category_id: are these COCO's instances?", t->path, (long long)i->line);
    if ((image = caption_set_find(t->set, id)) < 0) return true;
    int64_t object = id_map_get(&t->categories, category);
    if (object < 0) return fail(err, "%s:%lld: category %lld is not among the file's categories", t->path, (long long)i->line, (long long)category);
    row(t, image)[object] = true;
    return true;
}

static bool read_instances(Truth *t, Err *err)
{
    static const char *const FIRST[] = { "images", "categories", NULL }, *const SECOND[] = { "annotations", NULL };
    bool ok = json_stream(t->path, t->path, FIRST, first_pass, t, err) && json_stream(t->path, t->path, SECOND, second_pass, t, err);

    id_map_free(&t->categories);
    if (ok && t->images < caption_set_images(t->set))
        return fail(err, "%s has only %lld of the %lld images: is it of another split?", t->path, (long long)t->images,
                    (long long)caption_set_images(t->set));
    return ok;
}

/* ---- the metric ---------------------------------------------------------------------------------------------------------- */

/* The objects that a sentence names; malloc'd. */
static int32_t *mentions(const Truth *t, const Sentence *sentence, int32_t *count)
{
    int32_t *list = malloc((size_t)(sentence->count + 1) * sizeof *list);
    REQUIRE(list, "out of memory");
    *count = objects_named(t->objects, t->set, sentence, list);
    return list;
}

/* there: of this image; named: room for a row. */
static void judge(const Truth *t, const Judged *j, bool *there, bool *named, double *statistics)
{
    int32_t n, *list;

    for (int32_t r = 0; r < j->reference_count; r++) {
        list = mentions(t, &j->references[r], &n);
        for (int32_t k = 0; k < n; k++) there[list[k]] = true;
        free(list);
    }
    memset(named, 0, (size_t)t->objects_of * sizeof *named);
    list = mentions(t, &j->candidate, &n);
    for (int32_t k = 0; k < n; k++) {
        named[list[k]] = true;
        statistics[MENTIONS]++;
        statistics[MENTIONS_WRONG] += !there[list[k]];
    }
    free(list);
    statistics[CAPTIONS_WRONG] = statistics[MENTIONS_WRONG] > 0;
    for (int32_t k = 0; k < t->objects_of; k++) {
        statistics[OBJECTS] += there[k];
        statistics[OBJECTS_NAMED] += there[k] && named[k];
    }
}

static void total(const double *sum, double images, double *scores)
{
    scores[0] = images > 0 ? sum[CAPTIONS_WRONG] / images : 0;
    scores[1] = sum[MENTIONS] > 0 ? sum[MENTIONS_WRONG] / sum[MENTIONS] : 0;
}

static void describe(const Truth *t, const double *statistics, int64_t images, char *note)
{
    double sum[STATISTICS] = { 0 };

    for (int64_t i = 0; i < images; i++)
        for (int k = 0; k < STATISTICS; k++) sum[k] += statistics[i * STATISTICS + k];
    snprintf(note, 256, "CHAIR: %.2f objects named a caption, %.1f %% of those that are there; truth from %s", images ? sum[MENTIONS] / (double)images : 0,
             sum[OBJECTS] > 0 ? 100 * sum[OBJECTS_NAMED] / sum[OBJECTS] : 0,
             t->path ? "instances and references" : "the references alone, so not to be compared with CHAIR by --instances");
}

static bool measure(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    if (!o->chair_synonyms) return fail_usage(err, "CHAIR wants the list of objects and their synonyms: --synonyms FILE");
    Objects *objects = objects_read(o->chair_synonyms, err);
    if (!objects) return false;
    int64_t images = caption_set_images(s);
    Truth t = { .set = s, .objects = objects, .path = o->chair_objects, .objects_of = objects_count(objects) };
    t.there = calloc((size_t)(images + 1) * (size_t)t.objects_of, sizeof *t.there);      /* the last row: what a caption names */
    REQUIRE(t.there, "out of memory");
    bool ok = !t.path || read_instances(&t, err);

    for (int64_t i = 0; ok && i < images; i++) {
        judge(&t, caption_set_at(s, i), row(&t, i), row(&t, images), statistics + i * STATISTICS);
        total(statistics + i * STATISTICS, 1, each + 2 * i);
    }
    if (ok) describe(&t, statistics, images, note);
    free(t.there);
    objects_free(objects);
    return ok;
}

static bool has_synonyms(const MetricOptions *o) { return o->chair_synonyms != NULL; }

const Metric metric_chair = {
    .name = "chair", .help = "objects that captions name but images lack (Rohrbach et al. 2018); wants --synonyms",
    .scores = { "CHAIRs", "CHAIRi" }, .statistics = STATISTICS, .lower_is_better = true, .by_default = has_synonyms, .measure = measure,
    .total = total
};
