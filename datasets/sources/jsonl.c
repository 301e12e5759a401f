/* jsonl.c - limn's own open form of a data set: one JSON object a line, beside its pictures. `limn export --to jsonl` writes it.
 *
 *     {"image": "images/1.jpg", "name": "1.jpg", "split": "train", "width": 640, "height": 480, "captions": ["A dog runs."],
 *      "boxes": [{"box": [10, 20, 110.5, 220], "phrase": "A dog", "kind": "phrase", "entity": 7, "caption": 0, "span": [0, 5]}]}
 *
 *     image      path of the picture, from the folder of the file (or --images)                        needed
 *     name       unique name in the store; else the path itself
 *     split      train, val, test, …; else --split decides
 *     width, height      of the picture that the boxes speak of; else the picture's own
 *     captions   texts; or `caption`, one
 *     boxes      box: x0, y0, x1, y1 in pixels, edges ([0, width] x [0, height]); kind: phrase (default), object, region, referring or
 *                none (then without box); entity: an id; caption and span: which caption (from 0) holds the phrase, and its bytes
 *     truth, masks       of composed pictures: `limn export` writes them for other readers; passed over
 *
 * A line that is not such an object is listed and passed over, and so is a key that nobody knows, once each.              */
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_files.h"
#include "datasets/sources/json_lines.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "text/vocab.h"

typedef struct Jsonl { Catalog *c; const char *root; Vocab *odd; } Jsonl;            /* odd: keys told of already        */

static bool refuse(Jsonl *l, ProblemKind kind, const char *name, Place at, const char *why)
{
    catalog_problem(l->c, kind, name, at, "%s", why);
    return true;
}

static bool in(const char *key, const char *const *keys)
{
    for (; *keys; keys++)
        if (strcmp(*keys, key) == 0) return true;
    return false;
}

static void tell_odd_keys(Jsonl *l, const json_t *object, const char *const *keys, Place at)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
        if (!in(key, keys) && vocab_find(l->odd, key, strlen(key)) < 0) {
            vocab_add(l->odd, key, strlen(key));
            catalog_problem(l->c, PROBLEM_BAD_RECORD, NULL, at, "the key '%.60s' means nothing here (told once)", key);
        }
}

static bool read_kind(const json_t *value, BoxKind *out)
{
    const char *text = json_string_value(value);

    *out = BOX_PHRASE;
    return !value || (text && box_kind_find(text, out));
}

static bool read_corners(const json_t *list, CatalogBox *b)
{
    double v[4];
    for (size_t i = 0; i < 4; i++) {
        if (!json_is_number(json_array_get(list, i))) return false;
        v[i] = json_number_value(json_array_get(list, i));
    }
    b->x0 = v[0], b->y0 = v[1], b->x1 = v[2], b->y1 = v[3];
    return json_array_size(list) == 4;
}

/* kept: for each caption of the line, its number in the catalog (-1: it was left out). */
static const char *read_span(const json_t *o, const int32_t *kept, size_t captions, CatalogBox *b)
{
    const json_t *span = json_object_get(o, "span"), *caption = json_object_get(o, "caption");
    int64_t at, from, to;

    b->caption = -1;
    if (!caption && !span) return NULL;
    if (!json_id(caption, &at) || !json_id(json_array_get(span, 0), &from) || !json_id(json_array_get(span, 1), &to) || json_array_size(span) != 2)
        return "a box has a caption without a span of two whole numbers, or a span without a caption";
    if (at < 0 || at >= (int64_t)captions || from < 0 || to > CATALOG_LONGEST || from > to) return "a box has a span outside the captions";
    if (kept[at] < 0) return NULL;
    b->caption = kept[at];
    b->from = (int32_t)from;
    b->to = (int32_t)to;
    return NULL;
}

static bool read_box(Jsonl *l, int64_t picture, const char *name, const json_t *o, const int32_t *kept, size_t captions, Place at, Err *err)
{
    static const char *const KEYS[] = { "box", "phrase", "kind", "entity", "caption", "span", NULL };
    CatalogBox b = { .entity = -1, .phrase = json_string_value(json_object_get(o, "phrase")) };
    const json_t *entity = json_object_get(o, "entity");

    if (!json_is_object(o)) return refuse(l, PROBLEM_BAD_RECORD, name, at, "a box is not an object");
    tell_odd_keys(l, o, KEYS, at);
    if (!read_kind(json_object_get(o, "kind"), &b.kind))
        return refuse(l, PROBLEM_BAD_RECORD, name, at, "a box has a kind other than phrase, object, region, referring or none");
    if (b.kind != BOX_NONE && !read_corners(json_object_get(o, "box"), &b))
        return refuse(l, PROBLEM_BAD_RECORD, name, at, "a box has no four numbers x0, y0, x1, y1");
    if (json_object_get(o, "phrase") && !b.phrase) return refuse(l, PROBLEM_BAD_RECORD, name, at, "a box has a phrase that is no text");
    if (entity && !json_id(entity, &b.entity)) return refuse(l, PROBLEM_BAD_RECORD, name, at, "a box has an entity that is no whole number");
    const char *wrong = read_span(o, kept, captions, &b);
    if (wrong) refuse(l, PROBLEM_BAD_SPAN, name, at, wrong);
    return catalog_box(l->c, picture, &b, at, err);
}

static bool read_caption(Jsonl *l, int64_t picture, const char *name, const json_t *text, int32_t *index, Place at, Err *err)
{
    *index = -1;
    if (!json_is_string(text)) return refuse(l, PROBLEM_BAD_RECORD, name, at, "a caption is no text");
    return catalog_caption(l->c, picture, json_string_value(text), json_string_length(text), at, index, err);
}

static bool read_texts(Jsonl *l, int64_t picture, const char *name, const json_t *o, Place at, Err *err)
{
    const json_t *captions = json_object_get(o, "captions"), *one = json_object_get(o, "caption"), *boxes = json_object_get(o, "boxes");
    size_t   count = captions ? json_array_size(captions) : one != NULL, k;
    int32_t *kept = calloc(count + 1, sizeof *kept);
    json_t  *box;
    bool     ok = true;
    REQUIRE(kept, "out of memory");

    if (captions && !json_is_array(captions)) refuse(l, PROBLEM_BAD_RECORD, name, at, "\"captions\" is not a list");
    for (k = 0; k < count && ok; k++) ok = read_caption(l, picture, name, captions ? json_array_get(captions, k) : one, &kept[k], at, err);
    if (boxes && !json_is_array(boxes)) refuse(l, PROBLEM_BAD_RECORD, name, at, "\"boxes\" is not a list");
    json_array_foreach(boxes, k, box)
        if (ok) ok = read_box(l, picture, name, box, kept, count, at, err);
    free(kept);
    return ok;
}

static bool read_object(const json_t *o, Place at, void *context, Err *err)
{
    static const char *const KEYS[] = { "image", "name", "split", "width", "height", "captions", "caption", "boxes", "truth", "masks", NULL };
    const char *image = json_string_value(json_object_get(o, "image")), *name = json_string_value(json_object_get(o, "name"));
    const json_t *split = json_object_get(o, "split");
    Jsonl *l = context;
    int    width, height;
    bool   is_new;

    tell_odd_keys(l, o, KEYS, at);
    if (!image || !*image) return refuse(l, PROBLEM_BAD_RECORD, name, at, "has no \"image\"");
    if (!path_stays_inside(image)) return refuse(l, PROBLEM_BAD_PATH, image, at, "leads out of the folder of the pictures");
    if (!name) name = image;
    if (split && !json_is_string(split)) refuse(l, PROBLEM_BAD_RECORD, name, at, "\"split\" is no text");

    char   *path = path_join(l->root, image);
    int64_t picture = catalog_picture(l->c, name, path, NULL, at, &is_new);
    free(path);
    if (picture < 0) return true;
    if (!is_new) return refuse(l, PROBLEM_DUPLICATE, name, at, "is a name that was there before; this line is left out");
    catalog_split(l->c, picture, json_string_value(split), at);
    if (json_size(o, &width, &height)) catalog_size(l->c, picture, width, height);
    return read_texts(l, picture, name, o, at, err);
}

static bool read_file(Catalog *c, const PrepareOptions *o, const JsonFile *f, Err *err)
{
    char *folder = strdup(f->path), *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    Jsonl l = { c, o->images ? o->images : slash ? folder : ".", vocab_new() };
    bool  ok = json_lines(c, f->path, f->shown, read_object, &l, err);

    vocab_free(l.odd);
    free(folder);
    return ok;
}

static bool read(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "*.jsonl", NULL };
    JsonFiles files;
    bool ok = json_files_find(&files, o, PATTERNS, err);

    for (int64_t i = 0; i < files.count && ok; i++) ok = read_file(c, o, &files.file[i], err);
    json_files_free(&files);
    return ok;
}

const Source source_jsonl = {
    .name = "jsonl", .help = "limn's own open form: a JSON object a line, with captions, boxes and splits",
    .layout = "DIR/*.jsonl, or the files themselves; paths of pictures are seen from the file (or --images DIR)\n"
              "{\"image\": \"a.jpg\", \"captions\": [\"A dog runs.\"], \"split\": \"train\", \"width\": 640, \"height\": 480,\n"
              " \"boxes\": [{\"box\": [x0, y0, x1, y1], \"phrase\": \"A dog\", \"caption\": 0, \"span\": [0, 5]}]}",
    .read = read
};
