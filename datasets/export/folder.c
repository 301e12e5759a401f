/* folder.c - looking at the folder of an export, and writing its record. */
#include "datasets/export/folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"

static const char LOCK[] = ".lock", RECORD[] = EXPORT_RECORD;

static json_t *splits_of(const ExportOptions *o)
{
    json_t *all = o->split_count ? json_array() : json_null();
    for (int i = 0; i < o->split_count; i++) json_array_append_new(all, json_text(o->splits[i]));
    return all;
}

static json_t *what_stays(const Store *s)
{
    json_t *all = json_pack("[s]", "original sizes, hashes and sizes of the source files, perceptual hashes");
    if (store_tokenizer(s)) json_array_append_new(all, json_string("the vocabulary and token ids"));
    if (store_rejected(s)) json_array_append_new(all, json_sprintf("the list of what was rejected (%lld)", (long long)store_rejected(s)));
    return all;
}

/* The first entry that counts, malloc'd; NULL: the folder is empty, or not there. */
static char *first_entry(const char *folder)
{
    DIR  *dir = opendir(folder);
    char *found = NULL;

    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        bool ours = strcmp(e->d_name, LOCK) == 0 || (strncmp(e->d_name, RECORD, strlen(RECORD)) == 0 && e->d_name[strlen(RECORD)] == '.');
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && !ours) found = strdup(e->d_name);
    }
    if (dir) closedir(dir);
    return found;
}

/* The record of an earlier export; NULL: none that can be read. */
static json_t *old_record(const char *folder)
{
    Err     ignored = { 0 };
    char   *path = path_join(folder, RECORD);
    json_t *r = file_exists(path) ? json_read_file(path, &ignored) : NULL;
    free(path);
    return r;
}

/* An export of this store in this form with these options may be gone on with. */
static bool goes_on(const ExportTask *t, const json_t *record)
{
    json_t *splits = splits_of(t->o);
    const char *store = json_string_value(json_object_get(record, "store")), *to = json_string_value(json_object_get(record, "to"));
    const json_t *images = json_object_get(record, "images");
    bool same = store && to && strcmp(store, store_hash(t->store)) == 0 && strcmp(to, t->o->form) == 0 && json_is_boolean(images)
             && json_is_true(images) == !t->o->no_images && json_equal(json_object_get(record, "splits"), splits);
    json_decref(splits);
    return same;
}

/* Only what an export may have written there. */
static void remove_annotations(const char *folder, const json_t *record)
{
    size_t  i;
    json_t *name;

    json_array_foreach(json_object_get(record, "annotations"), i, name) {
        const char *text = json_string_value(name);
        if (!text || !path_stays_inside(text) || (strcmp(text, "data.jsonl") != 0 && strncmp(text, "annotations/", 12) != 0)) continue;
        char *path = path_join(folder, text);
        unlink(path);
        free(path);
    }
}

bool export_folder_check(const ExportTask *t, Err *err)
{
    const char *out = t->o->out;
    char   *found = first_entry(out);
    json_t *record = found ? old_record(out) : NULL;
    bool    ok = !found || t->o->overwrite || goes_on(t, record);

    if (!ok && record)
        fail(err, "%s holds the export of another store or with other options (%s says which); choose another folder, or --overwrite", out, RECORD);
    else if (!ok) fail(err, "%s is not empty (%s is there); choose another folder, or --overwrite", out, found);
    json_decref(record);
    free(found);
    return ok;
}

void export_folder_clear(const ExportTask *t)
{
    json_t *record = old_record(t->o->out);
    if (record && !goes_on(t, record)) remove_annotations(t->o->out, record);
    json_decref(record);
}

bool export_folder_record(const ExportTask *t, json_t *annotations, const ExportSummary *sum, json_t *left_out, Err *err)
{
    const ExportOptions *o = t->o;
    char   *path = path_join(o->out, RECORD);
    json_t *r = json_pack("{s:s, s:s, s:s, s:o, s:b, s:b, s:O}", "limn", LIMN_VERSION, "to", o->form, "store", store_hash(t->store),
                          "splits", splits_of(o), "images", !o->no_images, "complete", sum != NULL, "annotations", annotations);
    if (sum) {
        json_t *more = json_pack("{s:I, s:I, s:I, s:O, s:o, s:O, s:O}", "pictures", (json_int_t)sum->pictures, "captions",
                                 (json_int_t)sum->captions, "boxes", (json_int_t)sum->boxes, "left_out", left_out, "stays_in_the_store",
                                 what_stays(t->store), "preprocess", (json_t *)store_preprocess(t->store), "provenance",
                                 (json_t *)store_provenance(t->store));
        json_object_update(r, more);
        json_decref(more);
    }
    bool ok = json_write_file(path, r, err);
    json_decref(r);
    free(path);
    return ok;
}
