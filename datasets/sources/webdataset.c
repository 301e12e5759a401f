/* webdataset.c - tar shards of samples, as WebDataset and img2dataset write them.
 *
 * Files of one key (the path up to the first dot of the last part) that stand behind each other are a sample:
 *     000000017.jpg (.jpeg, .png)     the picture
 *     000000017.txt                   its caption: the whole text
 *     000000017.json                  or: "captions" (a list), "caption" or "text"; "width", "height" and "split" when they are there
 * Other endings mean nothing here. Shards are plain or compressed (gzip, bzip2, xz, zstd, lz4), in the order of their names; pictures stay
 * in them and are read from there. A sample with both forms has the captions of the .json after that of the .txt. Where a .json says
 * what img2dataset's does, its "caption" repeats the .txt and is kept once. A shard that breaks off keeps what came before.      */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "datasets/sources/archive_open.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_files.h"
#include "datasets/sources/source.h"
#include "datasets/sources/split_names.h"
#include "tensor/base/file.h"

enum { LARGEST_TEXT = 16 << 20, LONGEST_NAME = 1024 };

/* The sample at hand: its texts come before or after its picture. */
typedef struct Sample { char key[LONGEST_NAME], member[LONGEST_NAME]; char *text, *json; size_t text_bytes, json_bytes; } Sample;
typedef struct Shards { Catalog *c; const char *path, *shown; Sample sample; } Shards;       /* the shard at hand */

static Place here(const Shards *s) { return (Place){ s->shown, 0 }; }

static void forget(Sample *s)
{
    free(s->text);
    free(s->json);
    *s = (Sample){ 0 };
}

static bool is_picture(const char *ending)
{
    return strcasecmp(ending, "jpg") == 0 || strcasecmp(ending, "jpeg") == 0 || strcasecmp(ending, "png") == 0;
}

/* ---- what a sample says ------------------------------------------------------------------------------------------------ */
static bool add_text(Shards *s, int64_t picture, const json_t *text, Err *err)
{
    const Sample *a = &s->sample;
    if (!json_is_string(text)) {
        catalog_problem(s->c, PROBLEM_BAD_RECORD, a->key, here(s), "a caption in the .json is no text");
        return true;
    }
    if (a->text && a->text_bytes == json_string_length(text) && memcmp(a->text, json_string_value(text), a->text_bytes) == 0) return true;
    return catalog_caption(s->c, picture, json_string_value(text), json_string_length(text), here(s), NULL, err);
}

static bool add_json(Shards *s, int64_t picture, Err *err)
{
    json_error_t error;
    const char  *why = "not an object";
    json_t *o = json_loadb(s->sample.json, s->sample.json_bytes, JSON_DECODE_ANY, &error), *text;
    const json_t *list = json_object_get(o, "captions");
    int     width, height;
    size_t  k;
    bool    ok = true;

    if (!json_is_object(o)) {
        ProblemKind kind = o ? PROBLEM_BAD_RECORD : json_problem(&error, &why);
        catalog_problem(s->c, kind, s->sample.key, here(s), "the .json is %s%s", o ? "" : "not JSON: ", why);
        json_decref(o);
        return true;
    }
    catalog_split(s->c, picture, json_string_value(json_object_get(o, "split")), here(s));
    if (json_size(o, &width, &height)) catalog_size(s->c, picture, width, height);
    if (json_is_array(list)) {
        json_array_foreach(list, k, text)
            if (ok) ok = add_text(s, picture, text, err);
    } else {
        text = json_object_get(o, "caption");
        if (!json_is_string(text)) text = json_object_get(o, "text");
        if (json_is_string(text)) ok = add_text(s, picture, text, err);
    }
    json_decref(o);
    return ok;
}

static bool end_sample(Shards *s, Err *err)
{
    Sample *a = &s->sample;
    char    name[LONGEST_NAME + 8];
    bool    is_new, ok = true;

    if (*a->key && !*a->member && (a->text || a->json)) catalog_problem(s->c, PROBLEM_NO_IMAGE, a->key, here(s), "a sample has texts and no picture");
    else if (*a->member) {
        snprintf(name, sizeof name, "%s.%s", a->key, strrchr(a->member, '.') + 1);
        int64_t picture = catalog_picture(s->c, name, s->path, a->member, here(s), &is_new);
        if (picture >= 0 && !is_new) catalog_problem(s->c, PROBLEM_DUPLICATE, name, here(s), "is a key that was there before; this sample is left out");
        if (picture >= 0 && is_new) {
            if (a->text) ok = catalog_caption(s->c, picture, a->text, a->text_bytes, here(s), NULL, err);
            if (ok && a->json) ok = add_json(s, picture, err);
            catalog_split(s->c, picture, split_of_words(s->shown), here(s));
        }
    }
    forget(a);
    return ok;
}

/* ---- shards ------------------------------------------------------------------------------------------------------------- */
/* Where the ending begins: behind the first dot of the last part. NULL: there is none. */
static const char *ending_of(const char *name)
{
    const char *last = strrchr(name, '/'), *dot = strchr(last ? last + 1 : name, '.');
    return dot && dot != name && dot[1] ? dot + 1 : NULL;
}

static bool take_text(Shards *s, struct archive *a, int64_t bytes, const char *ending, bool *fine, Err *err)
{
    bool    json = strcasecmp(ending, "json") == 0;
    char  **text = json ? &s->sample.json : &s->sample.text;
    size_t *size = json ? &s->sample.json_bytes : &s->sample.text_bytes;

    if (bytes > LARGEST_TEXT) {
        catalog_problem(s->c, PROBLEM_BAD_RECORD, s->sample.key, here(s), "a .%s of more than 16 MiB", ending);
        return true;
    }
    free(*text);
    *text = archive_body(a, bytes, size, err);
    *fine = *text != NULL;
    return true;
}

static bool take_member(Shards *s, struct archive *a, const char *name, int64_t bytes, bool *fine, Err *why, Err *err)
{
    const char *ending = ending_of(name);
    int         key = ending ? (int)(ending - 1 - name) : 0;

    if (!ending || strlen(name) >= LONGEST_NAME) return true;
    if ((int)strlen(s->sample.key) != key || strncmp(s->sample.key, name, (size_t)key) != 0) {
        TRY(end_sample(s, err));
        snprintf(s->sample.key, sizeof s->sample.key, "%.*s", key, name);
    }
    if (is_picture(ending)) {
        if (*s->sample.member) catalog_problem(s->c, PROBLEM_DUPLICATE, s->sample.key, here(s), "a sample has two pictures; the first stays");
        else snprintf(s->sample.member, sizeof s->sample.member, "%s", name);
        return true;
    }
    return (strcasecmp(ending, "txt") != 0 && strcasecmp(ending, "json") != 0) || take_text(s, a, bytes, ending, fine, why);
}

static bool read_shard(Catalog *c, const JsonFile *f, Err *err)
{
    Shards  s = { .c = c, .path = f->path, .shown = f->shown };
    Err     why = { 0 };
    TRY(catalog_input(c, f->path, f->shown, err));
    struct archive *a = archive_begin(f->path, &why);
    bool    fine = a != NULL, ok = true;
    Member  m = MEMBER_OTHER;

    while (fine && ok && m != MEMBER_END) {
        const char *name = NULL;
        int64_t bytes = 0;
        m = archive_next(a, &name, &bytes, &why);
        fine = m != MEMBER_BROKEN;
        if (m == MEMBER_FILE) ok = take_member(&s, a, name, bytes, &fine, &why, err);
    }
    if (!fine) catalog_problem(c, PROBLEM_BAD_FILE, NULL, here(&s), "cannot be read to its end: %s; what came before is kept", why.text);
    if (fine && ok) ok = end_sample(&s, err);
    forget(&s.sample);
    archive_end(a);
    return ok;
}

static bool read_shards(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "*.tar", "*.tar.*", "*.tgz", NULL };
    JsonFiles files;
    bool ok = json_files_find(&files, o, PATTERNS, err);

    for (int64_t i = 0; i < files.count && ok; i++) ok = read_shard(c, &files.file[i], err);
    json_files_free(&files);
    return ok;
}

const Source source_webdataset = {
    .name = "webdataset", .help = "tar shards of .jpg or .png with .txt or .json, plain or compressed (WebDataset, img2dataset)",
    .layout = "DIR/*.tar, *.tar.gz, *.tgz, *.tar.zst, … or the shards themselves\n"
              "KEY.jpg (.jpeg, .png) with KEY.txt (a caption) or KEY.json (caption, text or captions; width, height, split)\n"
              "splits by the shards' names or folders: train, val or validation, test; else --split",
    .read = read_shards
};
