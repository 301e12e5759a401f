/* outside.c - SPICE and CLIPScore: inputs written, results read. */
#include "experiments/metrics/outside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "datasets/sources/id_map.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_stream.h"
#include "experiments/metrics/metrics.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "text/vocab.h"

/* ---- JSON, an element a line ------------------------------------------------------------------------------------------- */
/* Frees the value. */
static bool write_json(FileWriter *w, json_t *value, Err *err)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    bool  ok = file_write(w, text, strlen(text), err);

    free(text);
    json_decref(value);
    return ok;
}

static bool write_end(FileWriter *w, bool ok, const char *end, Err *err)
{
    if (ok && file_printf(w, err, "%s", end)) return file_commit(w, err);
    file_abandon(w);
    return false;
}

/* ---- SPICE ------------------------------------------------------------------------------------------------------------- */
static json_t *tokens(const CaptionSet *s, const Sentence *sentence)
{
    Buffer  b = { 0 };

    for (int32_t i = 0; i < sentence->count; i++) {
        const char *word = caption_set_word(s, sentence->words[i]);
        if (i) buffer_add(&b, " ", 1);
        buffer_add(&b, word, strlen(word));
    }
    buffer_add(&b, "", 1);
    json_t *text = json_text(b.p);
    free(b.p);
    return text;
}

bool outside_write_spice(const CaptionSet *s, const char *path, Err *err)
{
    FileWriter *w = file_begin(path, err);
    bool        ok = w != NULL;

    if (!w) return false;
    for (int64_t i = 0; ok && i < caption_set_images(s); i++) {
        const Judged *j = caption_set_at(s, i);
        json_t *references = json_array();
        for (int32_t r = 0; r < j->reference_count; r++) json_array_append_new(references, tokens(s, &j->references[r]));
        ok = file_printf(w, err, "%s", i ? ",\n" : "[")
             && write_json(w, json_pack("{s:I, s:o, s:o}", "image_id", (json_int_t)j->id, "test", tokens(s, &j->candidate), "refs", references), err);
    }
    return write_end(w, ok, "]\n", err);
}

typedef struct Results { const CaptionSet *set; const char *path; double *each; char *seen; } Results;

static bool take_spice(const JsonItem *item, void *context, Err *err)
{
    Results *r = context;
    const json_t *all = json_object_get(json_object_get(item->value, "scores"), "All"), *f = json_object_get(all, "f");
    int64_t id;

    if (!json_id(json_object_get(item->value, "image_id"), &id) || !f)
        return fail(err, "%s:%lld: no result of SPICE: it has no \"image_id\" or no \"scores\" with \"All\" with \"f\"", r->path,
                    (long long)item->line);
    int64_t i = caption_set_find(r->set, id);
    if (i < 0) return true;
    r->each[i] = json_is_number(f) ? json_number_value(f) : NAN;
    r->seen[i] = 1;
    return true;
}

static bool lacks(const char *path, int64_t id, const char *command, Err *err)
{
    return fail(err, "%s: has no score of image %lld; make it of these captions: %s", path, (long long)id, command);
}

static bool measure_spice(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    int64_t images = caption_set_images(s), missing = 0;
    Results r = { s, o->spice, each, buffer_zeros(images, 1) };

    if (!o->spice) {
        free(r.seen);
        return fail_usage(err, "SPICE is measured by its own tool: --spice-input writes its input, --spice FILE reads its result");
    }
    bool ok = json_stream(o->spice, o->spice, NULL, take_spice, &r, err);
    while (missing < images && r.seen[missing]) missing++;
    free(r.seen);
    if (!ok) return false;
    if (missing < images) return lacks(o->spice, caption_set_at(s, missing)->id, "--spice-input", err);
    memcpy(statistics, each, (size_t)images * sizeof *each);
    snprintf(note, METRIC_NOTE, "SPICE: from %.200s", o->spice);
    return true;
}

/* ---- CLIPScore --------------------------------------------------------------------------------------------------------- */
typedef struct Names { IdMap of; Vocab *names; } Names;              /* image id -> its file's name */

static void names_free(Names *n)
{
    id_map_free(&n->of);
    vocab_free(n->names);
}

static bool take_name(const JsonItem *item, void *context, Err *err)
{
    Names *n = context;
    const char *name = json_string_value(json_object_get(item->value, "file_name"));
    int64_t id;
    (void)err;

    if (!*item->list || !name || !json_id(json_object_get(item->value, "id"), &id)) return true;
    if (strrchr(name, '/')) name = strrchr(name, '/') + 1;
    id_map_put(&n->of, id, vocab_add(n->names, name, strlen(name)));
    return true;
}

static bool names_read(const char *references, Names *n, Err *err)
{
    static const char *const LISTS[] = { "", "images", NULL };

    *n = (Names){ .names = vocab_new() };
    return json_stream(references, references, LISTS, take_name, n, err);
}

/* The file's name, and how many bytes of it come before its ending; NULL: the image has none. */
static const char *name_of(const Names *n, int64_t id, size_t *stem)
{
    int64_t at = id_map_get(&n->of, id);
    const char *name = at < 0 ? NULL : vocab_text(n->names, (int32_t)at), *dot = name ? strrchr(name, '.') : NULL;

    *stem = !name ? 0 : dot && dot > name ? (size_t)(dot - name) : strlen(name);
    return name;
}

static json_t *texts(const Judged *j, bool references)
{
    json_t *list = references ? json_array() : NULL;

    for (int32_t r = 0; references && r < j->reference_count; r++) json_array_append_new(list, json_text(j->references[r].text));
    return references ? list : json_text(j->candidate.text);
}

static bool write_clipscore(const CaptionSet *s, const Names *n, const char *path, bool references, Err *err)
{
    FileWriter *w = file_begin(path, err);
    bool        ok = w != NULL;

    if (!w) return false;
    for (int64_t i = 0; ok && i < caption_set_images(s); i++) {
        const Judged *j = caption_set_at(s, i);
        size_t        stem;
        const char   *name = name_of(n, j->id, &stem);
        ok = (name || fail(err, "image %lld has no \"file_name\" among the references' \"images\"; CLIPScore's tool knows pictures by these",
                           (long long)j->id))
             && file_printf(w, err, "%s", i ? ",\n" : "{") && write_json(w, json_stringn(name, stem), err) && file_printf(w, err, ": ")
             && write_json(w, texts(j, references), err);
    }
    return write_end(w, ok, "}\n", err);
}

bool outside_write_clipscore(const CaptionSet *s, const char *references, const char *folder, Err *err)
{
    char *paths[] = { path_join(folder, "candidates.json"), path_join(folder, "references.json") };
    Names n;
    bool  ok = names_read(references, &n, err) && folder_make(folder, err);

    for (int i = 0; i < 2; i++) {
        ok = ok && write_clipscore(s, &n, paths[i], i, err);
        free(paths[i]);
    }
    names_free(&n);
    return ok;
}

/* By the name without its ending, which is the tool's own key; by the whole name; by the image's id. */
static const json_t *clipscore_of(const json_t *results, const Names *n, int64_t id)
{
    char   number[24];
    size_t stem;
    const char   *name = name_of(n, id, &stem);
    const json_t *found = name ? json_object_getn(results, name, stem) : NULL;

    if (!found && name) found = json_object_get(results, name);
    snprintf(number, sizeof number, "%lld", (long long)id);
    return found ? found : json_object_get(results, number);
}

static double number_of(const json_t *scores, const char *key)
{
    const json_t *v = json_object_get(scores, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static bool measure_clipscore(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    Names n;

    if (!o->clipscore)
        return fail_usage(err, "CLIPScore is measured by its own tool: --clipscore-input writes its input, --clipscore FILE reads its result");
    json_t *results = json_read_file(o->clipscore, err);
    if (!results) return false;
    bool ok = names_read(o->references, &n, err);
    for (int64_t i = 0; ok && i < caption_set_images(s); i++) {
        const json_t *scores = clipscore_of(results, &n, caption_set_at(s, i)->id);
        each[2 * i] = number_of(scores, "CLIPScore");
        each[2 * i + 1] = number_of(scores, "RefCLIPScore");
        if (isnan(each[2 * i])) ok = lacks(o->clipscore, caption_set_at(s, i)->id, "--clipscore-input", err);
    }
    memcpy(statistics, each, 2 * (size_t)caption_set_images(s) * sizeof *each);
    names_free(&n);
    json_decref(results);
    if (ok) snprintf(note, METRIC_NOTE, "CLIPScore: from %.200s", o->clipscore);
    return ok;
}

/* ---- as metrics -------------------------------------------------------------------------------------------------------- */
static bool has_spice(const MetricOptions *o) { return o->spice; }
static bool has_clipscore(const MetricOptions *o) { return o->clipscore; }

static void total_spice(const double *sum, double images, double *scores) { scores[0] = sum[0] / images; }

static void total_clipscore(const double *sum, double images, double *scores)
{
    for (int k = 0; k < 2; k++) scores[k] = sum[k] / images;
}

const Metric metric_spice = {
    .name = "spice", .help = "from its tool's result (Anderson et al. 2016)", .scores = { "SPICE" }, .statistics = 1,
    .by_default = has_spice, .measure = measure_spice, .total = total_spice
};

const Metric metric_clipscore = {
    .name = "clipscore", .help = "CLIPScore, RefCLIPScore from their tool's result (Hessel et al. 2021)",
    .scores = { "CLIPScore", "RefCLIPScore" }, .statistics = 2, .by_default = has_clipscore, .measure = measure_clipscore,
    .total = total_clipscore
};
