/* webdataset.c - tar shards of samples, as WebDataset and img2dataset write them.
 *
 * Files of one key (the path up to the first dot of the last part) that stand behind each other are a sample:
 *     000000017.jpg (.jpeg, .png)     the picture
 *     000000017.txt                   its caption: the whole text
 *     000000017.json                  "captions", "caption" or "text", a text or a list; "width", "height" and "split" when they are there
 * Other endings (.cls, .seg.png) mean nothing here. A sample with both forms has the captions of the .json after that of the .txt, and what
 * both say once: img2dataset's .json repeats the .txt. The picture's name is its key with its ending; keys are unique within a shard only,
 * so where another shard had that name before it is SHARD/KEY.jpg. The split is that of the .json, else a word of the shard's name.
 *
 * Shards are plain or compressed (gzip, bzip2, xz, zstd, lz4), in the order of their names, folders below included; pictures stay in them and
 * are read from there, shard after shard. A shard that breaks off keeps what came before.                                  */
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
typedef struct Sample {
    char   key[LONGEST_NAME], member[LONGEST_NAME];                  /* member: the picture; "" until it comes          */
    char  *text, *json;
    size_t text_bytes, json_bytes;
    bool   has_split;                            /* its .json says                                                      */
} Sample;
typedef struct Shards {
    Catalog    *c;
    const char *path, *shown;                    /* the shard at hand                                                   */
    int64_t     first;                           /* pictures before it                                                  */
    Sample      sample;
    bool        damaged;                         /* and that is listed                                                  */
} Shards;

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
/* Blanks at both ends do not count: writers differ in the line's end. */
static bool is_said(const Sample *a, const char *text, size_t bytes)
{
    static const char BLANKS[] = " \t\r\n";
    const char *said = a->text;
    size_t      said_bytes = a->text_bytes;

    while (said_bytes && strchr(BLANKS, said[said_bytes - 1])) said_bytes--;
    while (said_bytes && strchr(BLANKS, *said)) said++, said_bytes--;
    while (bytes && strchr(BLANKS, text[bytes - 1])) bytes--;
    while (bytes && strchr(BLANKS, *text)) text++, bytes--;
    return a->text && bytes == said_bytes && memcmp(said, text, bytes) == 0;
}

static bool add_text(Shards *s, int64_t picture, const char *name, const json_t *text, Err *err)
{
    if (!json_is_string(text)) {
        catalog_problem(s->c, PROBLEM_BAD_RECORD, name, here(s), "a caption in the .json is no text");
        return true;
    }
    const char *said = json_string_value(text);
    size_t      bytes = json_string_length(text);
    return is_said(&s->sample, said, bytes) || catalog_caption(s->c, picture, said, bytes, here(s), NULL, err);
}

static bool add_object(Shards *s, int64_t picture, const char *name, const json_t *o, Err *err)
{
    static const char *const TEXTS[] = { "captions", "caption", "text", NULL };
    const json_t *said = json_first(o, TEXTS);
    const char   *split = json_string_value(json_object_get(o, "split"));
    int     width, height;
    size_t  k;
    json_t *text;

    if (split) {
        const char *known = split_named(split, strlen(split));
        catalog_split(s->c, picture, known ? known : split, here(s));
        s->sample.has_split = *split != 0;
    }
    if (json_size(o, &width, &height)) catalog_size(s->c, picture, width, height);
    if (said && !json_is_array(said)) return add_text(s, picture, name, said, err);
    json_array_foreach(said, k, text) TRY(add_text(s, picture, name, text, err));
    return true;
}

static bool add_json(Shards *s, int64_t picture, const char *name, Err *err)
{
    json_error_t error;
    const char  *why = "not an object";
    json_t *o = json_loadb(s->sample.json, s->sample.json_bytes, JSON_DECODE_ANY, &error);
    bool    ok = true;

    if (json_is_object(o)) ok = add_object(s, picture, name, o, err);
    else {
        ProblemKind kind = o ? PROBLEM_BAD_RECORD : json_problem(&error, &why);
        catalog_problem(s->c, kind, name, here(s), "the .json is %s%s", o ? "" : "not JSON: ", why);
    }
    json_decref(o);
    return ok;
}

/* Keys are unique within a shard: where another shard has the same, the shard's name goes before it. malloc'd. */
static char *name_of(const Shards *s)
{
    const Sample *a = &s->sample;
    const char   *key = a->key, *ending = strrchr(a->member, '.');
    char *name = NULL, *whole = NULL;

    while (strncmp(key, "./", 2) == 0) key += 2;
    if (asprintf(&name, "%s%s", key, ending) < 0) REQUIRE(false, "out of memory");
    int64_t known = catalog_find(s->c, name);
    if (known < 0 || known >= s->first) return name;
    whole = path_join(s->shown, name);
    free(name);
    return whole;
}

static bool add_sample(Shards *s, Err *err)
{
    const Sample *a = &s->sample;
    bool    is_new, ok = true;
    char   *name = name_of(s);
    int64_t picture = catalog_picture(s->c, name, s->path, a->member, here(s), &is_new);

    if (picture >= 0 && !is_new) catalog_problem(s->c, PROBLEM_DUPLICATE, name, here(s), "is a key that was there before; this sample is left out");
    if (picture >= 0 && is_new) {
        if (a->text) ok = catalog_caption(s->c, picture, a->text, a->text_bytes, here(s), NULL, err);
        if (ok && a->json) ok = add_json(s, picture, name, err);
        if (!a->has_split) catalog_split(s->c, picture, split_of_words(s->shown), here(s));
    }
    free(name);
    return ok;
}

static bool end_sample(Shards *s, Err *err)
{
    Sample *a = &s->sample;
    bool    ok = !*a->member || add_sample(s, err);

    if (!*a->member && (a->text || a->json))
        catalog_problem(s->c, PROBLEM_NO_IMAGE, a->key, here(s), "a sample has texts and no .jpg or .png");
    forget(a);
    return ok;
}

/* ---- shards ------------------------------------------------------------------------------------------------------------- */
/* Where the ending begins: behind the first dot of the last part. NULL: there is none, or the file is hidden. */
static const char *ending_of(const char *name)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name, *dot = strchr(last, '.');
    return dot && dot != last && dot[1] ? dot + 1 : NULL;
}

/* False: the archive is damaged here. */
static bool take_text(Shards *s, Archive *a, int64_t bytes, const char *ending, Err *why)
{
    bool    json = strcasecmp(ending, "json") == 0;
    char  **text = json ? &s->sample.json : &s->sample.text;
    size_t *size = json ? &s->sample.json_bytes : &s->sample.text_bytes;

    if (bytes > LARGEST_TEXT) {
        catalog_problem(s->c, PROBLEM_BAD_RECORD, s->sample.key, here(s), "a .%s of more than 16 MiB", ending);
        return true;
    }
    free(*text);
    return (*text = archive_body(a, bytes, size, why)) != NULL;
}

static void take_picture(Shards *s, const char *name)
{
    Sample *a = &s->sample;
    if (*a->member) catalog_problem(s->c, PROBLEM_DUPLICATE, a->key, here(s), "a sample has two pictures; the first stays");
    else snprintf(a->member, sizeof a->member, "%s", name);
}

static bool take_member(Shards *s, Archive *a, const char *name, int64_t bytes, Err *why, Err *err)
{
    const char *ending = ending_of(name);
    size_t      key = ending ? (size_t)(ending - 1 - name) : 0;

    if (!ending) return true;
    if (strlen(name) >= LONGEST_NAME) {
        catalog_problem(s->c, PROBLEM_BAD_RECORD, NULL, here(s), "a member's name is longer than %d bytes", LONGEST_NAME - 1);
        return true;
    }
    if (strlen(s->sample.key) != key || memcmp(s->sample.key, name, key) != 0) {
        TRY(end_sample(s, err));
        snprintf(s->sample.key, sizeof s->sample.key, "%.*s", (int)key, name);
    }
    if (is_picture(ending)) take_picture(s, name);
    else if (strcasecmp(ending, "txt") == 0 || strcasecmp(ending, "json") == 0) take_text(s, a, bytes, ending, why);
    return true;
}

/* Of a shard that is damaged in many places the first is listed. */
static void note_damage(Shards *s, const char *what, const char *why)
{
    if (!s->damaged) catalog_problem(s->c, PROBLEM_BAD_FILE, s->sample.key, here(s), "%s: %s", what, why);
    s->damaged = true;
}

/* False: err, which is not about the shard. */
static bool read_members(Shards *s, Archive *a, Err *err)
{
    const char *name = NULL;
    int64_t     bytes = 0;
    Member      m;

    do {
        Err why = { 0 };
        m = archive_next(a, &name, &bytes, &why);
        if (m == MEMBER_FILE) TRY(take_member(s, a, name, bytes, &why, err));
        if (m == MEMBER_DAMAGED) note_damage(s, "is damaged behind this sample, others may be lost", why.text);
        else if (why.status) {                   /* the sample at hand may lack something */
            note_damage(s, "cannot be read on; this sample is left out, what came before is kept", why.text);
            forget(&s->sample);
            return true;
        }
    } while (m != MEMBER_END);
    if (!archive_ended(a)) note_damage(s, "may have been cut short behind this sample", "the mark at the end of a tar is missing");
    return end_sample(s, err);
}

static bool read_shard(Catalog *c, const JsonFile *f, Err *err)
{
    Shards s = { .c = c, .path = f->path, .shown = f->shown, .first = catalog_count(c) };
    Err    why = { 0 };
    bool   ok = true;

    TRY(catalog_input(c, f->path, f->shown, err));
    Archive *a = archive_begin(f->path, &why);
    if (a) ok = read_members(&s, a, err);
    else   note_damage(&s, "is not a tar archive", why.text);
    forget(&s.sample);
    archive_end(a);
    return ok;
}

static bool read_shards(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "*.tar", "*.tar.gz", "*.tgz", "*.tar.zst", "*.tar.xz", "*.tar.bz2", "*.tar.lz4", NULL };
    JsonFiles files;
    bool ok = json_files_below(&files, o, PATTERNS, err);

    for (int64_t i = 0; i < files.count && ok; i++) ok = read_shard(c, &files.file[i], err);
    json_files_free(&files);
    return ok;
}

const Source source_webdataset = {
    .name = "webdataset", .help = "tar shards of .jpg or .png with .txt or .json, plain or compressed (WebDataset, img2dataset)",
    .layout = "DIR/*.tar, *.tar.gz, *.tgz, *.tar.zst, …, also in folders below, or the shards themselves\n"
              "KEY.jpg (.jpeg, .png) with KEY.txt (a caption) or KEY.json (caption, text or captions; width, height, split)\n"
              "splits by the shards' names or folders: train, val or validation, test; else --split",
    .read = read_shards
};
