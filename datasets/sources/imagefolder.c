/* imagefolder.c - a folder of pictures with metadata beside them, as Hugging Face's `imagefolder` has it.
 *
 *     metadata.jsonl     {"file_name": "0001.png", "text": "A dog runs.",
 *                         "objects": {"bbox": [[302.0, 109.0, 73.0, 52.0]], "categories": ["dog"]}}            an object a line
 *     metadata.csv       file_name,text              with a header; metadata.tsv the same, with tabs
 *
 * Metadata may lie in the folder and in folders below it (train/, validation/, test/); file_name is seen from there. The caption is `text`,
 * or else `caption`, `captions` or `prompt`; in JSON it may be a list. A picture that one file names several times has the captions of all
 * these rows; one that a second file names is left out there. `split`, or else a folder's name, says the split.
 *
 * objects are boxes as COCO has them, [x, y, width, height] in pixels; the phrase is the category (`categories` or `category`, a name or a
 * number), the entity `id`. A list of objects, {"bbox": […], "category": …} each, is read alike.                            */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_files.h"
#include "datasets/sources/json_lines.h"
#include "datasets/sources/source.h"
#include "datasets/sources/split_names.h"
#include "datasets/sources/text_lines.h"
#include "tensor/base/file.h"

static const char *const TEXTS[] = { "text", "caption", "captions", "prompt", NULL };

typedef struct Folder {
    Catalog    *c;
    const char *images, *shown;                  /* where pictures are; the metadata file at hand                       */
    char       *below, *name;                    /* its folder, seen from the input ("", "train"); the picture at hand  */
    int32_t     number;                          /* of that file                                                        */
    bool        says;                            /* it has captions or objects                                          */
    Buffer      first;                           /* int32_t: of each picture, the file that named it first              */
} Folder;

static bool refuse(Folder *f, ProblemKind kind, const char *name, Place at, const char *why)
{
    catalog_problem(f->c, kind, name, at, "%s", why);
    return true;
}

/* ---- pictures ---------------------------------------------------------------------------------------------------------- */
/* "a//./b/../c" -> "a/c", so that a picture has one name. For paths that stay inside. */
static void tidy(char *path)
{
    const char *end = path + strlen(path);
    char *to = path;

    for (const char *part = path; part < end;) {
        size_t bytes = strcspn(part, "/");
        bool   up = bytes == 2 && memcmp(part, "..", 2) == 0, none = !bytes || (bytes == 1 && *part == '.');
        if (up) {
            do to--;
            while (to > path && to[-1] != '/');
        } else if (!none) {
            memmove(to, part, bytes);
            to += bytes;
            *to++ = '/';
        }
        part += bytes + 1;
    }
    if (to > path) to--;
    *to = 0;
}

/* The name of a picture in the store: its path below the input. malloc'd; NULL, and listed: there is none, or it leads out. */
static char *name_of(Folder *f, const char *file_name, Place at)
{
    char *name = path_join(f->below, file_name);

    for (char *p = name; *p; p++)
        if (*p == '\\') *p = '/';                /* as Windows writes it */
    if (!*file_name) {
        free(name);
        return refuse(f, PROBLEM_BAD_RECORD, NULL, at, "has no \"file_name\""), NULL;
    }
    if (*file_name != '/' && *file_name != '\\' && path_stays_inside(name)) return tidy(name), name;
    free(name);
    refuse(f, PROBLEM_BAD_PATH, file_name, at, "leads out of the folder of the pictures");
    return NULL;
}

/* Sets f->name. -1: it was listed, and nothing is to be said about it. */
static int64_t picture_of(Folder *f, const char *file_name, const char *split, Place at)
{
    bool is_new;

    free(f->name);
    if (!(f->name = name_of(f, file_name, at))) return -1;
    char   *path = path_join(f->images, f->name);
    int64_t picture = catalog_picture(f->c, f->name, path, NULL, at, &is_new);
    free(path);
    if (picture < 0) return -1;
    if (is_new) buffer_add(&f->first, &f->number, sizeof f->number);
    if (((const int32_t *)(const void *)f->first.p)[picture] != f->number) {
        refuse(f, PROBLEM_DUPLICATE, f->name, at, "was named by another metadata file before; this row is left out");
        return -1;
    }
    const char *known = split ? split_named(split, strlen(split)) : NULL;
    if (split && *split) catalog_split(f->c, picture, known ? known : split, at);
    else if (is_new) catalog_split(f->c, picture, split_of_folders(f->name), at);
    return picture;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------ */
static bool take_rows(Folder *f, Rows *r, Err *err)
{
    int name = rows_column(r, "file_name"), split = rows_column(r, "split"), text = -1;

    for (int k = 0; TEXTS[k] && text < 0; k++) text = rows_column(r, TEXTS[k]);
    if (name < 0 || text < 0)
        return fail(err, "%s: has no column %s", f->shown, name < 0 ? "file_name" : "text (nor caption, captions or prompt)");
    for (Row row; rows_next(r, &row);) {
        int64_t picture = picture_of(f, text_trim(row.field[name]), split < 0 ? NULL : text_trim(row.field[split]), row.at);
        if (picture >= 0) TRY(catalog_caption(f->c, picture, row.field[text], row.bytes[text], row.at, NULL, err));
    }
    return true;
}

static bool read_table(Folder *f, const char *path, char delimiter, Err *err)
{
    Rows *r = catalog_input(f->c, path, f->shown, err) ? rows_open(f->c, path, f->shown, delimiter, err) : NULL;
    bool  ok = r && take_rows(f, r, err);
    return r && rows_close(r, err) && ok;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */
static bool take_text(Folder *f, int64_t picture, const json_t *text, Place at, Err *err)
{
    if (!json_is_string(text)) return refuse(f, PROBLEM_BAD_RECORD, f->name, at, "a caption is no text");
    return catalog_caption(f->c, picture, json_string_value(text), json_string_length(text), at, NULL, err);
}

static bool take_texts(Folder *f, int64_t picture, const json_t *o, Place at, Err *err)
{
    const json_t *said = json_first(o, TEXTS);
    json_t *text;
    size_t  k;

    if (!said) return true;
    f->says = true;
    if (!json_is_array(said)) return take_text(f, picture, said, at, err);
    json_array_foreach(said, k, text) TRY(take_text(f, picture, text, at, err));
    return true;
}

/* A field of object k: of lists side by side, or of a list of objects. */
static const json_t *field(const json_t *objects, size_t k, const char *key)
{
    return json_is_array(objects) ? json_object_get(json_array_get(objects, k), key) : json_array_get(json_object_get(objects, key), k);
}

/* A name, or a number as a text. NULL: neither. */
static const char *category(const json_t *objects, size_t k, char number[32])
{
    const json_t *c = field(objects, k, "categories");
    int64_t id;

    if (!c) c = field(objects, k, "category");
    if (json_is_string(c) || !json_id(c, &id)) return json_string_value(c);
    snprintf(number, 32, "%lld", (long long)id);
    return number;
}

static bool take_object(Folder *f, int64_t picture, const json_t *objects, size_t k, Place at, Err *err)
{
    CatalogBox b = { .kind = BOX_OBJECT, .entity = -1, .caption = -1 };
    double corners[4];
    char   number[32];

    if (!json_bbox(field(objects, k, "bbox"), corners)) return refuse(f, PROBLEM_BAD_RECORD, f->name, at, "an object has no bbox of four numbers");
    b.phrase = category(objects, k, number);
    if (!b.phrase) return refuse(f, PROBLEM_BAD_RECORD, f->name, at, "an object has no category");
    json_id(field(objects, k, "id"), &b.entity);
    b.x0 = corners[0], b.y0 = corners[1], b.x1 = corners[2], b.y1 = corners[3];
    return catalog_box(f->c, picture, &b, at, err);
}

static bool take_objects(Folder *f, int64_t picture, const json_t *o, Place at, Err *err)
{
    const json_t *objects = json_object_get(o, "objects"), *list = json_is_object(objects) ? json_object_get(objects, "bbox") : objects;

    if (!objects || json_is_null(objects)) return true;
    f->says = true;
    if (!json_is_array(list)) return refuse(f, PROBLEM_BAD_RECORD, f->name, at, "\"objects\" has no list of boxes");
    for (size_t k = 0; k < json_array_size(list); k++) TRY(take_object(f, picture, objects, k, at, err));
    return true;
}

static bool take_line(const json_t *o, Place at, void *context, Err *err)
{
    Folder     *f = context;
    const char *name = json_string_value(json_object_get(o, "file_name"));
    int         width, height;

    if (!name) return refuse(f, PROBLEM_BAD_RECORD, NULL, at, "has no \"file_name\"");
    int64_t picture = picture_of(f, name, json_string_value(json_object_get(o, "split")), at);
    if (picture < 0) return true;
    if (json_size(o, &width, &height)) catalog_size(f->c, picture, width, height);
    return take_texts(f, picture, o, at, err) && take_objects(f, picture, o, at, err);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */
static bool read_file(Folder *f, const JsonFile *file, Err *err)
{
    const char *ending = strrchr(file->path, '.'), *slash = strrchr(file->shown, '/');
    int64_t     before = catalog_count(f->c);

    f->shown = file->shown;
    f->says = false;
    free(f->below);
    f->below = strndup(file->shown, slash ? (size_t)(slash - file->shown) : 0);
    REQUIRE(f->below, "out of memory");
    if (strcmp(ending, ".jsonl") != 0) return read_table(f, file->path, strcmp(ending, ".csv") == 0 ? ',' : '\t', err);
    TRY(json_lines(f->c, file->path, file->shown, take_line, f, err));
    return f->says || catalog_count(f->c) == before
        || fail(err, "%s: no line says anything about its picture: wants \"text\" (or \"caption\", \"captions\", \"prompt\") or \"objects\"",
                f->shown);
}

static bool in_one_folder(const char *a, const char *b)
{
    const char *end = strrchr(a, '/');
    size_t      bytes = end ? (size_t)(end - a) + 1 : 0;
    return strncmp(a, b, bytes) == 0 && !strchr(b + bytes, '/');
}

static bool nothing_here(const PrepareOptions *o, Err *err)
{
    static const char *const PARQUET[] = { "metadata.parquet", NULL };
    JsonFiles files;
    bool found = json_files_below(&files, o, PARQUET, err);

    json_files_free(&files);
    *err = (Err){ 0 };
    if (found) return fail(err, "%s: metadata.parquet is not read; write it as metadata.csv or metadata.jsonl", o->inputs[0]);
    return fail(err, "%s: there is no metadata.jsonl, metadata.csv or metadata.tsv here, nor in the folders below. Pictures in folders named by "
                "their class have labels, not captions; captions are read from metadata with file_name and text", o->inputs[0]);
}

static bool read_files(Folder *f, const JsonFiles *files, Err *err)
{
    for (int64_t i = 0; i + 1 < files->count; i++)
        if (in_one_folder(files->file[i].shown, files->file[i + 1].shown))
            return fail(err, "%s and %s: one of them, please", files->file[i].shown, files->file[i + 1].shown);
    for (int64_t i = 0; i < files->count; i++, f->number++) TRY(read_file(f, &files->file[i], err));
    return catalog_folder(f->c, f->images, "", true, err);
}

static bool read(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "metadata.jsonl", "metadata.csv", "metadata.tsv", NULL };
    JsonFiles files;

    if (o->input_count != 1) return fail_usage(err, "one folder, please; '%s' is too much", o->inputs[1]);
    if (!folder_exists(o->inputs[0]))
        return file_exists(o->inputs[0])
             ? fail_usage(err, "%s is a file; this source wants one input, a folder with metadata and pictures", o->inputs[0])
             : fail(err, "%s: there is no such folder", o->inputs[0]);
    bool   found = json_files_below(&files, o, PATTERNS, err);
    Folder f = { .c = c, .images = o->images ? o->images : o->inputs[0] };
    bool   ok = found ? read_files(&f, &files, err) : nothing_here(o, err);
    free(f.below);
    free(f.name);
    free(f.first.p);
    json_files_free(&files);
    return ok;
}

const Source source_imagefolder = {
    .name = "imagefolder", .help = "a folder of pictures with metadata.jsonl or metadata.csv, as Hugging Face's imagefolder",
    .layout = "DIR/metadata.jsonl, metadata.csv or metadata.tsv, and in DIR/train/, DIR/validation/, DIR/test/ or other folders\n"
              "file_name and text (or caption, captions, prompt); optional: split, width, height, and in .jsonl\n"
              "\"objects\": {\"bbox\": [[x, y, width, height]], \"categories\": [\"dog\"]}\n"
              "pictures beside the metadata or in folders below (below --images DIR when given); splits by column or folder",
    .read = read
};
