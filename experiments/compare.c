/* compare.c - runs onto the same images, their scores, the differences (metrics/resample.h). */
#include "experiments/compare.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "datasets/sources/json_stream.h"
#include "experiments/metrics/captions.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"

enum { FEW_IMAGES = 30, NAMED = 5 };             /* under so few, warn; so many are named in an error */

/* ---- a run's files -------------------------------------------------------------------------------------------------------- */

static char *split_file(const char *folder, const char *kind, const char *split)
{
    char *name, *path;
    REQUIRE(asprintf(&name, "%s-%s.json", kind, split) > 0, "out of memory");
    path = path_join(folder, name);
    free(name);
    return path;
}

/* What `limn evaluate` says of the data; an older or moved folder may say nothing. */
static bool read_data_hash(ComparedRun *r, const char *split, Err *err)
{
    char *path = split_file(r->name, "metrics", split);
    const char *hash = "";
    bool ok = true;

    if (file_exists(path)) {
        json_t *j = json_read_file(path, err);
        ok = j && json_get_text(j, "data_hash", "", &hash, path, err);
        if (ok) snprintf(r->data_hash, sizeof r->data_hash, "%s", hash);
        json_decref(j);
    }
    free(path);
    return ok;
}

/* "; it has those of test-iid, val" */
static void other_splits(const char *folder, char *text, size_t size)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);

    *text = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t n = strlen(name), used = strlen(text);
        if (n > 14 && !strncmp(name, "captions-", 9) && !strcmp(name + n - 5, ".json"))
            snprintf(text + used, size - used, "%s%.*s", used ? ", " : "; it has those of ", (int)n - 14, name + 9);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
}

static bool no_captions(const char *run, const char *split, Err *err)
{
    char others[512];
    other_splits(run, others, sizeof others);
    return fail(err, "%s has no captions of the split %s; `limn evaluate %s --split %s` makes them%s", run, split, run, split, others);
}

static bool find_files(ComparedRun *r, const CompareOptions *o, Err *err)
{
    if (!folder_exists(r->name)) {
        if (!file_exists(r->name)) return fail(err, "%s: there is no such run, and no such file of captions", r->name);
        if (!o->references) return fail_usage(err, "%s is a file of captions: say --references FILE for what people said of the images", r->name);
        r->captions = strdup(r->name);
        r->references = strdup(o->references);
        return true;
    }
    r->captions = split_file(r->name, "captions", o->split);
    r->references = o->references ? strdup(o->references) : split_file(r->name, "references", o->split);
    if (!file_exists(r->captions)) return no_captions(r->name, o->split, err);
    if (!file_exists(r->references))
        return fail(err, "%s is missing; `limn evaluate %s --split %s` makes it, or say --references FILE", r->references, r->name, o->split);
    return read_data_hash(r, o->split, err);
}

/* ---- the same images ------------------------------------------------------------------------------------------------------ */

/* " 17, 23, 40 and 9 more": ids of images that `a` has and `b` has not; how many. */
static int64_t only_in(const CaptionSet *a, const CaptionSet *b, char *text, size_t size)
{
    int64_t count = 0;

    *text = 0;
    for (int64_t i = 0; i < caption_set_images(a); i++) {
        int64_t id = caption_set_at(a, i)->id;
        size_t  used = strlen(text);
        if (caption_set_find(b, id) >= 0 || count++ >= NAMED) continue;
        snprintf(text + used, size - used, "%s%lld", used ? ", " : "", (long long)id);
    }
    size_t used = strlen(text);
    if (count > NAMED) snprintf(text + used, size - used, " and %lld more", (long long)count - NAMED);
    return count;
}

static bool same_images(const ComparedRun *a, const ComparedRun *b, Err *err)
{
    char    ours[256], theirs[256];
    int64_t missing = only_in(a->set, b->set, ours, sizeof ours), more = only_in(b->set, a->set, theirs, sizeof theirs);

    if (!missing && !more) return true;
    fail(err, "%s and %s did not caption the same images, and only the same can be compared.", a->name, b->name);
    if (missing) fail_also(err, ERR_FAILED, "  only %s has: %s", a->name, ours);
    if (more)    fail_also(err, ERR_FAILED, "  only %s has: %s", b->name, theirs);
    return false;
}

static bool same_references(const ComparedRun *a, const ComparedRun *b, Err *err)
{
    for (int64_t i = 0; i < caption_set_images(a->set); i++) {
        const Judged *x = caption_set_at(a->set, i), *y = caption_set_at(b->set, i);
        bool same = x->reference_count == y->reference_count;
        for (int r = 0; same && r < x->reference_count; r++) same = !strcmp(x->references[r].text, y->references[r].text);
        if (!same)
            return fail(err, "image %lld has other references in %s than in %s; give all runs the same with --references FILE", (long long)x->id,
                        b->references, a->references);
    }
    return true;
}

static bool same_data(const ComparedRun *a, const ComparedRun *b, Err *err)
{
    if (!*a->data_hash || !*b->data_hash || !strcmp(a->data_hash, b->data_hash)) return true;
    return fail(err, "%s and %s captioned different data (%.12s… and %.12s…); evaluate both on the same store: limn evaluate RUN --store FILE",
                a->name, b->name, a->data_hash, b->data_hash);
}

/* Images enter in the order of the first run, so that a place means the same image in all. */
static bool read_run(ComparedRun *r, const ComparedRun *first, const CompareOptions *o, Err *err)
{
    CaptionDoubts doubts;

    TRY(find_files(r, o, err));
    TRY(same_data(first, r, err));
    r->set = caption_set_new();
    for (int64_t i = 0; r != first && i < caption_set_images(first->set); i++) caption_set_image(r->set, caption_set_at(first->set, i)->id);
    TRY(captions_read(r->references, r->captions, r->set, &doubts, err));
    TRY(same_images(first, r, err));
    if (r != first) doubts.repeated_id = doubts.empty_reference = doubts.tokenised_reference = (Doubt){ 0 };      /* said of the first */
    caption_doubts_print(&doubts, r->references, r->captions, "compare", stderr);
    if (r != first && strcmp(r->references, first->references)) TRY(same_references(first, r, err));
    return scores_measure(o->choice, r->set, o->metric, &r->scores, err);
}

/* ---- names of the pictures ------------------------------------------------------------------------------------------------ */

static bool take_name(const JsonItem *item, void *context, Err *err)
{
    Comparison   *c = context;
    const json_t *id = json_object_get(item->value, "image_id"), *name = json_object_get(item->value, "file_name");

    (void)err;
    if (!id) id = json_object_get(item->value, "id");
    if (!json_is_integer(id) || !json_is_string(name)) return true;
    int64_t i = caption_set_find(c->runs[0].set, json_integer_value(id));
    if (i >= 0 && !c->file_names[i]) c->file_names[i] = strdup(json_string_value(name));
    return true;
}

/* From COCO's annotations ("images") and from captions that carry them; other forms have none. */
static bool read_names(Comparison *c, Err *err)
{
    static const char *const LISTS[] = { "", "images", NULL };
    const char *const files[] = { c->runs[0].captions, c->runs[0].references };

    c->file_names = buffer_zeros(c->images, sizeof *c->file_names);
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(files[i]);
        if (n > 5 && !strcmp(files[i] + n - 5, ".json")) TRY(json_stream(files[i], files[i], LISTS, take_name, c, err));
    }
    return true;
}

/* ---- differences ---------------------------------------------------------------------------------------------------------- */

static const Scored **side_of(const Comparison *c, int list, int side)
{
    const Scored **runs = buffer_zeros(c->size[side], sizeof *runs);
    for (int i = 0; i < c->size[side]; i++) runs[i] = &c->runs[c->first[side] + i].scores.list[list];
    return runs;
}

static void compare_metric(Comparison *c, int list, const Resampling *o)
{
    const Metric *m = c->runs[0].scores.list[list].metric;
    const Scored **a = side_of(c, list, 0), **b = side_of(c, list, 1);
    Difference d[METRIC_SCORES];
    double     p[METRIC_SCORES] = { NAN, NAN, NAN, NAN };

    bootstrap_difference((RunGroup){ a, c->size[0] }, (RunGroup){ b, c->size[1] }, o, d);
    if (c->count == 2) permutation_difference(a[0], b[0], o, p);
    for (int k = 0; k < metric_scores(m); k++) c->scores[c->score_count++] = (Compared){ m, list, k, d[k], p[k], NAN };
    free(a);
    free(b);
}

static void compare_scores(Comparison *c, const Resampling *o)
{
    int lists = c->runs[0].scores.count;
    double *p = buffer_zeros(lists * METRIC_SCORES, sizeof *p), *adjusted = buffer_zeros(lists * METRIC_SCORES, sizeof *adjusted);

    c->scores = buffer_zeros(lists * METRIC_SCORES, sizeof *c->scores);
    for (int i = 0; i < lists; i++) compare_metric(c, i, o);
    for (int i = 0; i < c->score_count; i++) p[i] = c->count == 2 ? c->scores[i].permutation : c->scores[i].difference.p;
    holm_correct(p, c->score_count, adjusted);
    for (int i = 0; i < c->score_count; i++) c->scores[i].holm = adjusted[i];
    free(p);
    free(adjusted);
}

static bool count_errors(Comparison *c, const CompareOptions *o, Err *err)
{
    TRY(error_analysis_open(&c->analysis, o->metric, c->runs[0].set, err));
    for (int side = 0; side < SIDES; side++)
        for (int i = 0; i < c->size[side]; i++) errors_add(&c->analysis, c->runs[c->first[side] + i].set, &c->errors[side]);
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

bool comparison_make(const char *const *names, int a, int b, const CompareOptions *o, Comparison *out, Err *err)
{
    *out = (Comparison){ .count = a + b, .first = { 0, a }, .size = { a, b }, .runs = buffer_zeros(a + b, sizeof *out->runs) };
    for (int i = 0; i < out->count; i++) {
        out->runs[i].name = names[i];
        TRY(read_run(&out->runs[i], &out->runs[0], o, err));
    }
    out->images = caption_set_images(out->runs[0].set);
    for (int64_t i = 0; i < out->images; i++) out->references += caption_set_at(out->runs[0].set, i)->reference_count;
    if (out->images < FEW_IMAGES)
        fprintf(stderr, "limn compare: warning: %lld images only; intervals and p-values of so few mean little\n", (long long)out->images);
    TRY(read_names(out, err));
    compare_scores(out, &o->resampling);
    return !o->errors || count_errors(out, o, err);
}

void comparison_free(Comparison *c)
{
    for (int i = 0; i < c->count; i++) {
        free(c->runs[i].captions);
        free(c->runs[i].references);
        caption_set_free(c->runs[i].set);
        scores_free(&c->runs[i].scores);
    }
    for (int64_t i = 0; c->file_names && i < c->images; i++) free(c->file_names[i]);
    for (int side = 0; side < SIDES; side++) errors_free(&c->errors[side]);
    error_analysis_close(&c->analysis);
    free(c->file_names);
    free(c->scores);
    free(c->runs);
}

/* ---- images --------------------------------------------------------------------------------------------------------------- */

bool compared_has_images(const Comparison *c, const Compared *s) { return c->runs[0].scores.list[s->list].each != NULL; }

double compared_image(const Comparison *c, const Compared *s, int side, int64_t image)
{
    double sum = 0;
    for (int i = 0; i < c->size[side]; i++)
        sum += c->runs[c->first[side] + i].scores.list[s->list].each[image * metric_scores(s->metric) + s->score];
    return sum / c->size[side];
}

static int by_change(const void *a, const void *b)
{
    const ImageChange *x = a, *y = b;
    if (x->change != y->change) return x->change < y->change ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

ImageChange *comparison_changes(const Comparison *c, const Compared *by)
{
    ImageChange *list = buffer_zeros(c->images, sizeof *list);
    for (int64_t i = 0; i < c->images; i++) list[i] = (ImageChange){ i, compared_image(c, by, 1, i) - compared_image(c, by, 0, i) };
    qsort(list, (size_t)c->images, sizeof *list, by_change);
    return list;
}
