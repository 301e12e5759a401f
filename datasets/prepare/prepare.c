/* prepare.c - from a source to a store: annotations into a catalog, then picture after picture, in order, by all cores. */
#include "datasets/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/prepare/picture.h"
#include "datasets/prepare/split.h"
#include "datasets/prepare/targets.h"
#include "datasets/prepare/report.h"
#include "datasets/sources/archive.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "text/tokenizer.h"

enum { DEFAULT_SIZE = 224, DEFAULT_KEEP = 512 };
static const int64_t LARGEST_FILE = (int64_t)1 << 30;

PrepareOptions prepare_defaults(void)
{
    return (PrepareOptions){ .resize = RESIZE_SQUASH, .filter = FILTER_BICUBIC, .quality = 95, .min_count = 5, .seed = 1 };
}

typedef struct Job {
    const PrepareOptions *o;
    const Source    *source;
    Catalog         *catalog;
    MemberReader    *members;
    Splits          *splits;
    StoreWriter     *writer;                     /* NULL: only checking                                                 */
    PictureJob       picture;
    Report           report;
    char            *tokenizer;                  /* JSON of a named vocabulary                                          */
    PrepareProgress *progress;
    void            *progress_context;
    PrepareStep      step;
    int64_t          stored;
    bool             complete;                   /* every picture was seen                                              */
} Job;

/* ---- the options, as they are kept ------------------------------------------------------------------------------------- */
static bool keeps_sizes(const PrepareOptions *o) { return o->format == FORMAT_ORIGINAL || o->resize == RESIZE_KEEP; }

static Preprocess record_of(const PrepareOptions *o)
{
    Preprocess p = preprocess_default(o->size > 0 ? o->size : o->resize == RESIZE_KEEP ? DEFAULT_KEEP : DEFAULT_SIZE);
    p.mode = o->resize;
    p.filter = o->filter;
    if (o->format == FORMAT_ORIGINAL) p.mode = RESIZE_KEEP, p.size = 65535;      /* nothing is larger */
    return p;
}

static json_t *provenance(const Job *j)
{
    static const char *const FORMAT[] = { "raw", "jpeg", "original" }, *const MODE[] = { "squash", "crop", "pad", "keep" },
                      *const FRAME[] = { "auto", "stored", "upright" };
    const PrepareOptions *o = j->o;
    char vocabulary[80] = "built";

    if (j->tokenizer) sha256_hex(j->tokenizer, strlen(j->tokenizer), stpcpy(vocabulary, "sha256 "));
    else if (o->vocabulary) strcpy(vocabulary, "none");
    json_t *options = json_pack("{s:s, s:s, s:s, s:s, s:o}", "resize", MODE[j->picture.preprocess.mode], "filter", filter_name(o->filter),
                                "format", FORMAT[o->format], "boxes", FRAME[o->frame], "splits", splits_record(j->splits));
    if (o->format != FORMAT_ORIGINAL) json_object_set_new(options, "size", json_integer(j->picture.preprocess.size));
    if (o->format == FORMAT_JPEG) json_object_set_new(options, "quality", json_integer(o->quality));
    if (o->draft) json_object_set_new(options, "draft", json_true());
    if (o->variant) json_object_set_new(options, "variant", json_string(o->variant));
    json_object_set_new(options, "vocabulary", json_string(vocabulary));
    if (!o->vocabulary) {
        json_object_set_new(options, "min_count", json_integer(o->min_count));
        if (o->max_words) json_object_set_new(options, "max_words", json_integer(o->max_words));
    }
    return json_pack("{s:s, s:[s, s], s:s, s:o, s:O}", "limn", LIMN_VERSION, "libraries", image_jpeg_library(), image_png_library(), "source",
                     j->source->name, "options", options, "inputs", (json_t *)catalog_inputs(j->catalog));
}

/* ---- the vocabulary ---------------------------------------------------------------------------------------------------- */
static char *tokenizer_of_store(const char *path, Err *err)
{
    Store *s = store_open(path, err);
    char  *json = s && store_tokenizer(s) ? strdup(store_tokenizer(s)) : NULL;
    if (s && !json) fail_usage(err, "%s: this store has no vocabulary", path);
    store_close(s);
    return json;
}

static bool name_vocabulary(Job *j, Err *err)
{
    const char *path = j->o->vocabulary, *dot = path ? strrchr(path, '.') : NULL;
    if (!path || strcmp(path, "none") == 0) return true;

    if (dot && (!strcmp(dot, ".h5") || !strcmp(dot, ".hdf5"))) j->tokenizer = tokenizer_of_store(path, err);
    else {
        char *file = folder_exists(path) ? path_join(path, "tokenizer.json") : strdup(path);
        Tokenizer *k = tokenizer_read(file, err);
        if (k) j->tokenizer = tokenizer_to_json(k);
        tokenizer_free(k);
        free(file);
    }
    return j->tokenizer != NULL;
}

/* ---- one picture ------------------------------------------------------------------------------------------------------- */
typedef struct Fetched { CatalogEntry entry; PictureBytes read; Err *why; } Fetched;      /* why: the catalog cannot be read back */
typedef struct Made { MadePicture picture; Err *why; } Made;

/* What is left out or has nothing said about it needs no bytes. */
static bool is_wanted(const CatalogEntry *e) { return !e->left_out && (e->caption_count || e->box_count); }

static void cannot(PictureBytes *r, ProblemKind why, const char *reason)
{
    r->why = why;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
}

/* Only plain files: a pipe would wait for ever. */
static void read_file(const char *path, PictureBytes *r)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) {
        cannot(r, errno == ENOENT || errno == ENOTDIR ? PROBLEM_NO_IMAGE : PROBLEM_BAD_IMAGE,
               errno == ENOENT || errno == ENOTDIR ? "there is no such file among the pictures" : strerror(errno));
        return;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) cannot(r, PROBLEM_BAD_PATH, "is not a plain file");
    else if (st.st_size > LARGEST_FILE) cannot(r, PROBLEM_BAD_IMAGE, "the file is larger than a gigabyte");
    else {
        r->data = malloc((size_t)st.st_size + 1);
        REQUIRE(r->data, "out of memory");
        ssize_t n = 1;
        while (n > 0 && r->bytes < (size_t)st.st_size) {
            n = read(fd, r->data + r->bytes, (size_t)st.st_size - r->bytes);
            if (n < 0 && errno == EINTR) n = 1;
            else if (n > 0) r->bytes += (size_t)n;
        }
        if (n < 0) {
            cannot(r, PROBLEM_BAD_IMAGE, strerror(errno));
            free(r->data);
            r->data = NULL;
            r->bytes = 0;
        }
    }
    close(fd);
}

/* In order, one at a time: what an archive holds can only be read so. */
static void *fetch(void *context, int64_t i)
{
    Job     *j = context;
    Fetched *f = calloc(1, sizeof *f);
    Err      err = { 0 };
    REQUIRE(f, "out of memory");

    if (!catalog_entry(j->catalog, i, &f->entry, &err)) {
        f->why = malloc(sizeof err);
        REQUIRE(f->why, "out of memory");
        *f->why = err;
    } else if (f->entry.member && is_wanted(&f->entry)) {
        f->read.data = member_reader_read(j->members, f->entry.file, f->entry.member, &f->read.bytes, &err);
        if (!f->read.data) cannot(&f->read, PROBLEM_BAD_IMAGE, err.text);
    }
    return f;
}

static void *make(void *context, int64_t i, void *fetched)
{
    const Job *j = context;
    Fetched   *f = fetched;
    Made      *m = malloc(sizeof *m);
    char       sha256[65] = "";
    (void)i;
    REQUIRE(m, "out of memory");

    const CatalogEntry *e = &f->entry;
    *m = (Made){ .why = f->why };
    if (!f->why) {
        if (is_wanted(e) && !e->member) read_file(e->file, &f->read);
        if (f->read.data) sha256_hex(f->read.data, f->read.bytes, sha256);
        const char *split = e->split ? e->split : f->read.data ? splits_choose(j->splits, e->name, sha256) : "train";
        m->picture = prepare_picture(&j->picture, e, split, &f->read, sha256);
    }
    free(f->read.data);
    catalog_entry_free(&f->entry);
    free(f);
    return m;
}

static void drop(void *made)
{
    Made *m = made;
    store_record_free(m->picture.record);
    free(m->why);
    free(m);
}

static void note(const Problem *p, void *context) { report_add(&((Job *)context)->report, p); }

static bool tell(Job *j, Err *err)
{
    return !j->progress || j->progress(&j->step, j->progress_context)
        || fail(err, j->writer ? "stopped after %lld of %lld pictures; the same command goes on from there" : "stopped after %lld of %lld pictures",
                (long long)j->step.done, (long long)j->step.total);
}

static bool strict(const Job *j, Err *err)
{
    if (!j->o->strict || !j->report.faults || !j->writer) return true;
    return fail(err, "%s (--strict)", j->report.first_fault);
}

static bool take(void *context, int64_t i, void *made, Err *err)
{
    Job *j = context;
    const MadePicture *m = &((Made *)made)->picture;
    const Err *why = ((Made *)made)->why;

    if (why) return fail(err, "%s", why->text);
    store_record_problems(m->record, note, j);
    TRY(strict(j, err));
    if (j->writer) TRY(store_append(j->writer, m->record, err));
    j->stored += m->stored;
    j->step.done = i + 1;
    j->step.bytes += m->bytes;
    return tell(j, err);
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */
static bool reading(int64_t pictures, void *context)
{
    Job *j = context;
    j->step.done = pictures;
    return !j->progress || j->progress(&j->step, j->progress_context);
}

static bool read_annotations(Job *j, Err *err)
{
    j->step.phase = "reading annotations";
    catalog_watch(j->catalog, reading, j);
    TRY(tell(j, err) && j->source->read(j->catalog, j->o, err) && catalog_finish(j->catalog, err));
    for (int64_t i = 0; i < catalog_problems(j->catalog); i++) {
        Problem p = catalog_problem_at(j->catalog, i);
        report_add(&j->report, &p);
    }
    return catalog_count(j->catalog) > 0 || fail(err, "%s: no picture is mentioned in %s", j->source->name,
                                                 j->o->input_count ? j->o->inputs[0] : "the input");
}

static bool open_writer(Job *j, Err *err)
{
    json_t *record = provenance(j), *preprocess = preprocess_to_json(&j->picture.preprocess);
    StoreOptions o = { .size = keeps_sizes(j->o) ? 0 : j->picture.preprocess.size, .files = j->o->format != FORMAT_RAW, .resume = true,
                       .pictures = catalog_files_sum(j->catalog),
                       .restart = j->o->restart, .preprocess = preprocess, .provenance = record };
    j->writer = store_create(j->o->out, &o, err);
    json_decref(record);
    json_decref(preprocess);
    if (!j->writer) return false;
    for (int64_t i = 0; i < catalog_problems(j->catalog); i++) {
        Problem p = catalog_problem_at(j->catalog, i);
        TRY(store_problem(j->writer, &p, err));
    }
    return store_resumed_problems(j->writer, note, j, err) && strict(j, err);
}

static bool run(Job *j, Err *err)
{
    if (j->o->out) TRY(open_writer(j, err));
    int64_t first = j->writer ? store_resumed(j->writer) : 0;
    j->step = (PrepareStep){ .done = first, .total = catalog_count(j->catalog), .first = first, .phase = j->writer ? "preparing" : "checking" };
    PrepareJob job = { .first = first, .count = j->step.total, .workers = j->o->workers, .context = j, .fetch = fetch, .make = make,
                       .take = take, .drop = drop };
    return j->complete = prepare_run(&job, err);
}

/* Why there is nothing to make a store of. */
static bool nothing(const Job *j, Err *err)
{
    return fail(err, "not one picture of %lld could be stored: %lld faults, the first: %s%s%s", (long long)j->step.total,
                (long long)j->report.faults, j->report.first_fault, j->o->report ? "; all are listed in " : "",
                j->o->report ? j->o->report : "");
}

static bool finish(Job *j, Err *err)
{
    StoreWriter *w = j->writer;

    if (store_items(w) == 0) return nothing(j, err);
    if (j->tokenizer) store_set_tokenizer(w, j->tokenizer);
    else if (!j->o->vocabulary) store_build_tokenizer(w, "train", j->o->min_count, j->o->max_words, NULL);
    j->writer = NULL;
    return store_finish(w, err);
}

static void count_splits(const Store *s, PrepareSummary *out)
{
    out->splits = store_splits(s) < PREPARE_SPLITS ? store_splits(s) : PREPARE_SPLITS;
    for (int i = 0; i < out->splits; i++) {
        int64_t count;
        const int64_t *items = store_split_items(s, i, &count);
        snprintf(out->split[i].name, sizeof out->split[i].name, "%s", store_split_name(s, i));
        out->split[i].pictures = count;
        for (int64_t k = 0; k < count; k++) out->split[i].captions += store_caption_count(s, items[k]);
    }
}

/* Counts what a finished store holds. */
static bool summarize(const char *store, PrepareSummary *out, Err *err)
{
    Store *s = store_open(store, err);
    if (!s) return false;

    out->pictures = store_count(s);
    out->rejected = store_rejected(s);
    for (int64_t i = 0; i < out->pictures; i++) {
        out->captions += store_caption_count(s, i);
        out->boxes += store_box_count(s, i);
    }
    count_splits(s, out);
    strcpy(out->hash, store_hash(s));
    const json_t *blind = json_object_get(json_object_get(store_provenance(s), "blind"), "shuffled");
    out->composed = blind != NULL;
    out->blind_named = json_real_value(json_object_get(blind, "named"));
    out->blind_true = json_real_value(json_object_get(blind, "true_clauses"));

    const char *json = store_tokenizer(s);
    Tokenizer *k = json ? tokenizer_from_json(json, strlen(json), store, err) : NULL;
    if (k) out->words = tokenizer_size(k);
    tokenizer_free(k);
    store_close(s);
    return k || !json;
}

static bool conclude(const Job *j, PrepareSummary *out, Err *err)
{
    TRY(summarize(j->o->out, out, err));
    splits_note(j->splits, j->catalog, out);
    splits_note_empty(j->splits, out);
    if (!j->o->vocabulary && !summary_has_split(out, "train"))
        summary_note(out, "no picture is in train, so the vocabulary has no words; --vocabulary names another");
    return true;
}

static bool prepare(Job *j, PrepareSummary *out, Err *err)
{
    TRY((j->splits = splits_open(j->o->rule, j->o->rules, err)) && name_vocabulary(j, err));
    bool ok = read_annotations(j, err) && run(j, err) && (!j->writer || finish(j, err));

    for (int k = 0; k < PROBLEM_KINDS; k++) out->problems[k] = j->report.kinds[k];
    out->faults = j->report.faults;
    out->bytes_read = j->step.bytes;
    out->resumed = j->step.first;
    /* Where nothing could be stored, the report says why. */
    Err second = { 0 };
    bool told = !j->o->report || (!ok && !j->complete) || report_write(&j->report, j->o->report, ok ? err : &second);
    TRY(ok && told);
    if (j->o->out) return conclude(j, out, err);
    out->pictures = j->stored;
    splits_note(j->splits, j->catalog, out);
    out->rejected = j->report.all;
    return !j->o->strict || !out->faults
        || fail(err, "%lld faults, the first: %s (--strict)", (long long)out->faults, j->report.first_fault);
}

static char *folder_of(const char *path)
{
    char *copy = strdup(path), *folder;
    REQUIRE(copy, "out of memory");
    folder = strdup(dirname(copy));
    free(copy);
    return folder;
}

/* What a source that composes tells on its way. */
typedef struct Composing { PrepareProgress *progress; void *context; int64_t first; } Composing;

static bool composing(const PrepareStep *s, void *context)
{
    Composing *c = context;
    c->first = s->first;
    return !c->progress || c->progress(s, c->context);
}

static bool compose(const Source *source, const PrepareOptions *o, PrepareProgress *progress, void *context, PrepareSummary *out, Err *err)
{
    Composing c = { progress, context, 0 };
    TRY(source->compose(o, composing, &c, err) && summarize(o->out, out, err));
    out->resumed = c.first;
    return true;
}

bool prepare_store(const Source *source, const PrepareOptions *o, PrepareProgress *progress, void *context, PrepareSummary *out, Err *err)
{
    *out = (PrepareSummary){ 0 };
    TRY(targets_fit(o, err));
    if (source->compose) return compose(source, o, progress, context, out, err);

    char *folder = o->out ? folder_of(o->out) : strdup(getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    Job j = { .o = o, .source = source, .catalog = catalog_new(folder), .members = member_reader_new(), .picture = { o, record_of(o) },
              .report = report_begin(folder), .progress = progress, .progress_context = context };
    bool ok = prepare(&j, out, err);
    store_abandon(j.writer);
    report_end(&j.report);
    splits_close(j.splits);
    member_reader_free(j.members);
    catalog_free(j.catalog);
    free(j.tokenizer);
    free(folder);
    return ok;
}
