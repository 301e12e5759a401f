/* export.c - pictures are read in order, written by all cores, and told to the form in order. */
#include "datasets/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/export/folder.h"
#include "datasets/export/form.h"
#include "datasets/export/name.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "text/vocab.h"

static const char LOCK[] = ".lock";

typedef struct Job {
    ExportTask        task;
    const ExportForm *form;
    void             *writing;                   /* of the form                                                         */
    int64_t           count, next;               /* pictures in all; the next item, or in the split the next one        */
    int               split;                     /* of a form by split: where it is                                     */
    IdMap            *taken;                     /* names of files: a map for each split, or one for all                */
    Vocab            *folders;                   /* made already                                                        */
    json_t           *annotations, *left_out;
    ExportSummary    *sum;
    PrepareProgress  *progress;
    void             *progress_context;
    PrepareStep       step;
} Job;

/* ---- one picture ------------------------------------------------------------------------------------------------------- */
typedef struct Picture {
    ExportPicture p;
    char    *path, *file;                        /* below the form's folder, and as open() takes it                     */
    uint8_t *data; size_t bytes;
    bool     damaged, kept;
    Err     *err;                                /* why it is damaged, or what stops the export; NULL: nothing          */
} Picture;

static Err *error_of(Picture *p)
{
    if (!p->err) p->err = calloc(1, sizeof *p->err);
    REQUIRE(p->err, "out of memory");
    return p->err;
}

static int64_t next_item(Job *j)
{
    const Store *s = j->task.store;

    if (!j->form->by_split) {
        while (!j->task.wanted[store_item_split(s, j->next)]) j->next++;
        return j->next++;
    }
    for (;; j->split++, j->next = 0) {
        int64_t count;
        const int64_t *items = store_split_items(s, j->split, &count);
        if (j->task.wanted[j->split] && j->next < count) return items[j->next++];
    }
}

/* Once each; what a killed export left there goes, too. */
static bool make_folder(Job *j, const char *file, Err *err)
{
    char *folder = strdup(file), *slash = strrchr(folder, '/');
    bool  ok = true;

    *slash = 0;
    if (vocab_find(j->folders, folder, strlen(folder)) < 0) {
        vocab_add(j->folders, folder, strlen(folder));
        ok = folder_make(folder, err);
        if (ok) folder_forget_parts(folder);
    }
    free(folder);
    return ok;
}

static void name_file(Job *j, Picture *p)
{
    bool  png = !store_holds_files(j->task.store) || (p->bytes > 4 && memcmp(p->data, "\x89PNG", 4) == 0);
    char *folder = j->form->folder(&j->task, p->p.split), *whole = path_join(j->task.o->out, folder);

    p->path = export_name(store_item_name(j->task.store, p->p.item), png ? ".png" : ".jpg", &j->taken[j->form->by_split ? p->p.split : 0]);
    p->p.path = p->path;
    p->file = path_join(whole, p->path);
    free(whole);
    free(folder);
}

/* In order, one at a time: which name is taken depends on those before. */
static void *fetch(void *context, int64_t i)
{
    Job     *j = context;
    Picture *p = calloc(1, sizeof *p);
    Err      err = { 0 };
    (void)i;
    REQUIRE(p, "out of memory");

    int64_t item = next_item(j);
    p->p = (ExportPicture){ .item = item, .split = store_item_split(j->task.store, item), .orientation = 1 };
    store_stored_size(j->task.store, item, &p->p.width, &p->p.height);
    p->damaged = !store_bytes(j->task.store, item, &p->data, &p->bytes, &err);
    if (!p->damaged) name_file(j, p);
    if (p->damaged || (!j->task.o->no_images && !make_folder(j, p->file, &err))) *error_of(p) = err;
    return p;
}

/* Of a stored file: the pixels as they are in it. */
static bool look_inside(Picture *p, const char *name, Err *err)
{
    ImageInfo info;
    TRY(image_info(p->data, p->bytes, name, &info, err));
    bool turned = info.orientation >= 5;
    p->p.width = turned ? info.height : info.width;
    p->p.height = turned ? info.width : info.height;
    p->p.orientation = info.orientation;
    return true;
}

static char *read_there(const char *path, size_t *bytes)
{
    Err ignored = { 0 };
    return file_exists(path) ? file_read(path, bytes, &ignored) : NULL;
}

/* Is there a file of those pixels already? Decoding it takes half of the time that encoding takes. */
static bool holds_pixels(const char *path, const Image *im)
{
    Err    ignored = { 0 };
    Image  there = { 0 };
    size_t bytes;
    char  *text = read_there(path, &bytes);
    bool   same = text && image_decode(text, bytes, path, &there, &ignored) && there.width == im->width && there.height == im->height
               && memcmp(there.pixels, im->pixels, (size_t)im->width * (size_t)im->height * 3) == 0;
    image_free(&there);
    free(text);
    return same;
}

static bool holds_bytes(const char *path, const void *data, size_t bytes)
{
    size_t used;
    char  *text = read_there(path, &used);
    bool   same = text && used == bytes && memcmp(text, data, bytes) == 0;
    free(text);
    return same;
}

static bool put_pixels(Picture *p, Err *err)
{
    Image    im = { p->p.width, p->p.height, 3, p->data };
    uint8_t *png;
    size_t   bytes;

    p->kept = holds_pixels(p->file, &im);
    if (p->kept) return true;
    TRY(image_encode_png_quick(&im, &png, &bytes, err));
    bool ok = file_put_among(p->file, png, bytes, err);
    free(png);
    return ok;
}

static bool put_bytes(Picture *p, Err *err)
{
    p->kept = holds_bytes(p->file, p->data, p->bytes);
    return p->kept || file_put_among(p->file, p->data, p->bytes, err);
}

static void *make(void *context, int64_t i, void *fetched)
{
    const Job *j = context;
    Picture   *p = fetched;
    bool       pixels = !store_holds_files(j->task.store);
    Err        err = { 0 };
    (void)i;

    if (p->err) return p;
    p->damaged = !pixels && !look_inside(p, store_item_name(j->task.store, p->p.item), &err);
    if (p->damaged || (!j->task.o->no_images && !(pixels ? put_pixels(p, &err) : put_bytes(p, &err)))) *error_of(p) = err;
    free(p->data);
    p->data = NULL;
    return p;
}

static void drop(void *made)
{
    Picture *p = made;
    free(p->data);
    free(p->path);
    free(p->file);
    free(p->err);
    free(p);
}

static bool add(Job *j, const Picture *p, Err *err)
{
    TRY(j->form->add(j->writing, &p->p, err));
    j->sum->pictures++;
    j->sum->captions += store_caption_count(j->task.store, p->p.item);
    j->sum->boxes += store_box_count(j->task.store, p->p.item);
    if (p->kept) j->sum->kept++;
    else if (!j->task.o->no_images) j->sum->written++;
    return true;
}

static bool tell(Job *j, Err *err)
{
    return !j->progress || j->progress(&j->step, j->progress_context)
        || fail(err, "stopped after %lld of %lld pictures; the same command goes on from there", (long long)j->step.done, (long long)j->step.total);
}

static bool take(void *context, int64_t i, void *made, Err *err)
{
    Job *j = context;
    const Picture *p = made;

    if (p->damaged) {
        j->sum->left_out++;
        json_array_append_new(j->left_out, json_pack("{s:o, s:o}", "name", json_text(store_item_name(j->task.store, p->p.item)), "reason",
                                                     json_text(p->err->text)));
    } else if (p->err) return fail(err, "%s; the same command goes on from here", p->err->text);
    else TRY(add(j, p, err));
    j->step.done = i + 1;
    j->step.bytes += (int64_t)p->bytes;
    return tell(j, err);
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */
static bool choose_splits(Job *j, Err *err)
{
    ExportTask *t = &j->task;
    int  splits = store_splits(t->store);
    char all[256] = "";

    for (int k = 0; k < splits; k++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", k ? ", " : "", store_split_name(t->store, k));
    for (int i = 0; i < t->o->split_count; i++) {
        int k = store_find_split(t->store, t->o->splits[i]);
        if (k < 0) return fail_usage(err, "%s has no split '%s'; it has %s", t->o->store, t->o->splits[i], all);
        t->wanted[k] = true;
    }
    for (int k = 0; k < splits; k++) {
        int64_t count;
        if (!t->o->split_count) t->wanted[k] = true;
        store_split_items(t->store, k, &count);
        if (t->wanted[k]) j->count += count;
    }
    return true;
}

static void name_parts(ExportTask *t)
{
    IdMap taken = { 0 };
    free(export_part("annotations", &taken));    /* a folder of COCO's form */
    for (int k = 0; k < store_splits(t->store); k++) t->part[k] = export_part(store_split_name(t->store, k), &taken);
    id_map_free(&taken);
}

static void add_annotation(const char *file, void *context) { json_array_append_new(((Job *)context)->annotations, json_string(file)); }

static bool write_all(Job *j, Err *err)
{
    PrepareJob job = { .count = j->count, .workers = j->task.o->workers, .context = j, .fetch = fetch, .make = make, .take = take, .drop = drop };

    j->form->files(&j->task, add_annotation, j);
    j->step = (PrepareStep){ .total = j->count, .phase = "exporting" };
    TRY(export_folder_record(&j->task, j->annotations, NULL, NULL, err));
    TRY(j->writing = j->form->begin(&j->task, err));
    if (!prepare_run(&job, err)) {
        j->form->abandon(j->writing);
        return false;
    }
    TRY(j->form->end(j->writing, err) && export_folder_record(&j->task, j->annotations, j->sum, j->left_out, err));
    j->sum->complete = true;
    if (!j->sum->left_out) return true;
    const json_t *first = json_array_get(j->left_out, 0);
    return fail(err, "%lld damaged pictures were left out (%s/%s lists them), the first: %s", (long long)j->sum->left_out, j->task.o->out, EXPORT_RECORD,
                json_string_value(json_object_get(first, "reason")));
}

/* The folder is looked at before it is locked, so that one with other things in it stays as it is, and again when it is: another export may
 * have written there meanwhile. */
static bool write_locked(Job *j, Err *err)
{
    TRY(export_folder_check(&j->task, err) && folder_make(j->task.o->out, err));
    FolderLock *lock = folder_lock(j->task.o->out, err);
    if (!lock) return false;
    bool ok = export_folder_check(&j->task, err);
    if (ok) {
        export_folder_clear(&j->task);
        ok = write_all(j, err);
    }
    char *path = path_join(j->task.o->out, LOCK);
    unlink(path);
    free(path);
    folder_unlock(lock);
    return ok;
}

static bool export_open(Job *j, Err *err)
{
    int splits = store_splits(j->task.store);

    j->task.wanted = buffer_zeros(splits, sizeof *j->task.wanted);
    j->task.part = buffer_zeros(splits, sizeof *j->task.part);
    j->taken = buffer_zeros(splits, sizeof *j->taken);
    j->folders = vocab_new();
    j->annotations = json_array();
    j->left_out = json_array();
    name_parts(&j->task);
    bool ok = choose_splits(j, err) && write_locked(j, err);

    for (int k = 0; k < splits; k++) {
        free(j->task.part[k]);
        id_map_free(&j->taken[k]);
    }
    free(j->task.wanted);
    free(j->task.part);
    free(j->taken);
    vocab_free(j->folders);
    json_decref(j->annotations);
    json_decref(j->left_out);
    return ok;
}

bool export_store(const ExportOptions *o, PrepareProgress *progress, void *context, ExportSummary *out, Err *err)
{
    *out = (ExportSummary){ 0 };
    const ExportForm *form = export_form(o->form, err);
    Store *s = form ? store_open(o->store, err) : NULL;
    if (!s) return false;

    Job j = { .task = { .o = o, .store = s }, .form = form, .sum = out, .progress = progress, .progress_context = context };
    strcpy(out->hash, store_hash(s));
    bool ok = export_open(&j, err);
    store_close(s);
    return ok;
}
