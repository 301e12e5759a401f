/* caption_files.c - four forms of files with captions. */
#include "experiments/metrics/caption_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/catalog.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_stream.h"
#include "datasets/store.h"

typedef struct Reading {
    const char  *path;
    CaptionEach *each;
    void        *context;
    int64_t      captions;
} Reading;

/* ---- objects of JSON --------------------------------------------------------------------------------------------------- */
static const char *kind_of(const json_t *v)
{
    static const char *const NAMES[] = { [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_STRING] = "a text",
        [JSON_INTEGER] = "a whole number", [JSON_REAL] = "a number", [JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null" };
    return NAMES[json_typeof(v)];
}

/* "FILE:LINE: annotations[7] " and what is wrong there. */
__attribute__((format(printf, 3, 4))) static bool wrong(Place at, Err *err, const char *fmt, ...)
{
    char    text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fail(err, "%s:%lld: %s%s", at.file, (long long)at.line, place_text(at).text, text);
}

static bool wrong_image(const json_t *image, Place at, Err *err)
{
    if (!image) return wrong(at, err, "has no \"image_id\"");
    if (json_is_string(image))
        return wrong(at, err, "\"image_id\" is \"%.60s\"; number the images, alike in references and candidates", json_string_value(image));
    return wrong(at, err, "\"image_id\" is %s; a whole number is wanted", kind_of(image));
}

static bool wrong_caption(const json_t *caption, Place at, Err *err)
{
    if (!caption) return wrong(at, err, "has no \"caption\"; COCO's captions_*.json have, its instances_*.json have not");
    if (json_is_null(caption)) return wrong(at, err, "\"caption\" is null; \"\" says that nothing was said");
    return wrong(at, err, "\"caption\" is %s; a text is wanted", kind_of(caption));
}

static bool take_object(Reading *r, const json_t *o, Place at, Err *err)
{
    const json_t *image = json_object_get(o, "image_id"), *caption = json_object_get(o, "caption");
    FileCaption   c = { .id = -1, .text = json_string_value(caption) };

    if (!json_is_object(o)) return wrong(at, err, "is %s; {\"image_id\": …, \"caption\": …} is wanted", kind_of(o));
    if (!json_id(image, &c.image)) return wrong_image(image, at, err);
    if (!c.text) return wrong_caption(caption, at, err);
    json_id(json_object_get(o, "id"), &c.id);
    r->captions++;
    return r->each(&c, r->context, err);
}

static bool take_item(const JsonItem *i, void *context, Err *err)
{
    Reading *r = context;
    Place    at = { r->path, i->line, i->list, i->index };

    if (!i->value) return wrong(at, err, "%s", i->why);
    return take_object(r, i->value, at, err);
}

static bool read_lines(Reading *r, Err *err)
{
    FILE  *f = fopen(r->path, "re");
    char  *line = NULL;
    size_t room = 0;
    bool   ok = f != NULL;

    if (!f) return fail(err, "%s: %s", r->path, strerror(errno));
    Place at = { .file = r->path, .line = 1 };
    for (ssize_t n; ok && (n = getline(&line, &room, f)) > 0; at.line++) {
        json_error_t error;
        const char  *why;
        if (strspn(line, " \t\r\n") == (size_t)n) continue;
        json_t *o = json_loadb(line, (size_t)n, JSON_DECODE_ANY, &error);
        if (!o) json_problem(&error, &why), ok = wrong(at, err, "is not JSON: %s", why);
        else ok = take_object(r, o, at, err);
        json_decref(o);
    }
    if (ok && ferror(f)) ok = fail(err, "%s: %s", r->path, strerror(errno));
    free(line);
    fclose(f);
    return ok;
}

/* ---- stores ------------------------------------------------------------------------------------------------------------ */
static bool read_items(Reading *r, const Store *s, const char *split, Err *err)
{
    int64_t count = 0;
    int     which = store_find_split(s, split);

    if (which < 0) return fail_usage(err, "%s has no split '%s'; `limn inspect` lists them, FILE.h5:SPLIT chooses one", r->path, split);
    const int64_t *items = store_split_items(s, which, &count);
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < store_caption_count(s, items[i]); k++, r->captions++) {
            FileCaption c = { .image = items[i], .id = -1, .text = store_caption(s, items[i], k) };
            TRY(r->each(&c, r->context, err));
        }
    return true;
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

/* The path before ":SPLIT" of a store, malloc'd, and the split; NULL: the path names no store. */
static char *store_path(const char *path, const char **split)
{
    const char *colon = strstr(path, ".h5:");

    *split = colon ? colon + 4 : "train";
    return colon ? strndup(path, (size_t)(colon + 3 - path)) : ends_in(path, ".h5") ? strdup(path) : NULL;
}

static bool read_store(Reading *r, const char *path, const char *split, Err *err)
{
    Store *s = store_open(path, err);
    bool   ok = s && read_items(r, s, split, err);

    if (s) store_close(s);
    return ok;
}

bool captions_each(const char *path, CaptionEach *each, void *context, Err *err)
{
    static const char *const LISTS[] = { "", "annotations", NULL };
    Reading     r = { path, each, context, 0 };
    const char *split;
    char       *store = store_path(path, &split);

    bool ok = store ? read_store(&r, store, split, err)
              : ends_in(path, ".jsonl") ? read_lines(&r, err) : json_stream(path, path, LISTS, take_item, &r, err);
    free(store);
    if (!ok) return false;
    return r.captions > 0 || fail(err, "%s: there is no caption in it; a list of {\"image_id\", \"caption\"} is wanted, or an object with one as "
                                       "its member \"annotations\"", path);
}
