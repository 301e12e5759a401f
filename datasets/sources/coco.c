/* coco.c - COCO's captions and instances (Lin et al. 2014, "Microsoft COCO"; Chen et al. 2015, "Microsoft COCO Captions").
 *
 *     captions_SPLIT.json      "images": [{id, file_name, width, height}], "annotations": [{id, image_id, caption}]
 *     instances_SPLIT.json     the same images, "categories": [{id, name}], "annotations": [{id, image_id, category_id, bbox, iscrowd}]
 *
 * bbox is [x, y, width, height] in pixels. An instance becomes a box whose phrase is the name of its category; a crowd (iscrowd = 1) is no
 * one object and is left out. Files are streamed twice, images first: their order within the file does not matter. In other data sets of
 * this form the pictures of two splits may share their names: where that is so the second is SPLIT/NAME.                    */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/id_map.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_files.h"
#include "datasets/sources/json_stream.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "text/vocab.h"

typedef struct Coco {
    Catalog    *c;
    char       *folder;                          /* of this part's pictures                                             */
    const char *part, *split;                    /* "val2017"; NULL: no split                                           */
    const char *file;                            /* the annotation file as it is shown; ids are unique within it:       */
    IdMap       images, categories;              /* image id -> picture; category id -> name                            */
    IdSet       named, annotations;              /* pictures, and ids of annotations, seen in it                        */
    Vocab      *names;
} Coco;

static Place here(const Coco *k, const JsonItem *i) { return (Place){ k->file, i->line, i->list, i->index }; }

static bool refuse(Coco *k, const JsonItem *i, ProblemKind kind, const char *name, const char *why)
{
    catalog_problem(k->c, kind, name, here(k, i), "%s", why);
    return true;
}

static int64_t picture_of(Coco *k, const char *name, Place at)
{
    char   *path = path_join(k->folder, name), *whole = NULL;
    int64_t there = catalog_find(k->c, name);

    if (there >= 0 && strcmp(catalog_file(k->c, there), path) != 0) name = whole = path_join(k->part, name);
    int64_t picture = catalog_picture(k->c, name, path, NULL, at, NULL);
    free(path);
    free(whole);
    return picture;
}

static bool read_image(Coco *k, const JsonItem *i)
{
    const char *name = json_string_value(json_object_get(i->value, "file_name"));
    int     width, height;
    int64_t id;

    if (!json_id(json_object_get(i->value, "id"), &id) || !name || !*name)
        return refuse(k, i, PROBLEM_BAD_RECORD, name, "has no id or no file_name");
    if (!path_stays_inside(name)) return refuse(k, i, PROBLEM_BAD_PATH, name, "leads out of the folder of the pictures");
    if (id_map_get(&k->images, id) >= 0) return refuse(k, i, PROBLEM_DUPLICATE, name, "has an id that another image has");

    int64_t picture = picture_of(k, name, here(k, i));
    if (picture < 0) return true;
    id_map_put(&k->images, id, picture);
    if (!id_set_add(&k->named, picture))
        return refuse(k, i, PROBLEM_DUPLICATE, name, "has a file_name that another image has; what is said of both is kept");
    catalog_split(k->c, picture, k->split, here(k, i));
    if (json_size(i->value, &width, &height)) catalog_size(k->c, picture, width, height);
    return true;
}

static bool read_category(Coco *k, const JsonItem *i)
{
    const char *name = json_string_value(json_object_get(i->value, "name"));
    int64_t id;

    if (!json_id(json_object_get(i->value, "id"), &id) || !name) return refuse(k, i, PROBLEM_BAD_RECORD, name, "has no id or no name");
    if (!id_map_put(&k->categories, id, vocab_add(k->names, name, strlen(name))))
        return refuse(k, i, PROBLEM_DUPLICATE, name, "has an id that another category has");
    return true;
}

static bool first_pass(const JsonItem *i, void *context, Err *err)
{
    Coco *k = context;
    (void)err;
    if (!i->value) return refuse(k, i, i->kind, NULL, i->why);
    return strcmp(i->list, "images") == 0 ? read_image(k, i) : read_category(k, i);
}

static bool read_instance(Coco *k, const JsonItem *i, int64_t picture, int64_t id, Err *err)
{
    CatalogBox b = { .kind = BOX_OBJECT, .entity = id, .caption = -1 };
    double  corners[4];
    int64_t category, crowd = 0;

    if (json_id(json_object_get(i->value, "iscrowd"), &crowd) && crowd) return true;
    if (!json_bbox(json_object_get(i->value, "bbox"), corners))
        return refuse(k, i, PROBLEM_BAD_RECORD, NULL, "has no caption and no bbox of four numbers");
    int64_t name = json_id(json_object_get(i->value, "category_id"), &category) ? id_map_get(&k->categories, category) : -1;
    if (name < 0) return refuse(k, i, PROBLEM_BAD_RECORD, NULL, "is of a category that the file does not have");
    b.x0 = corners[0], b.y0 = corners[1], b.x1 = corners[2], b.y1 = corners[3];
    b.phrase = vocab_text(k->names, (int32_t)name);
    json_id(json_object_get(i->value, "entity"), &b.entity);         /* of an export: the id that it had before */
    return catalog_box(k->c, picture, &b, here(k, i), err);
}

static bool second_pass(const JsonItem *i, void *context, Err *err)
{
    Coco   *k = context;
    int64_t id, image;
    char    which[32];

    if (!i->value) return refuse(k, i, i->kind, NULL, i->why);
    if (!json_id(json_object_get(i->value, "id"), &id) || !json_id(json_object_get(i->value, "image_id"), &image))
        return refuse(k, i, PROBLEM_BAD_RECORD, NULL, "has no id or no image_id");
    snprintf(which, sizeof which, "%lld", (long long)image);
    int64_t picture = id_map_get(&k->images, image);
    if (picture < 0) return refuse(k, i, PROBLEM_NO_IMAGE, which, "is of an image that the file does not have");
    if (!id_set_add(&k->annotations, id)) return refuse(k, i, PROBLEM_DUPLICATE, which, "has an id that another annotation has");
    const json_t *caption = json_object_get(i->value, "caption");
    if (json_is_string(caption))
        return catalog_caption(k->c, picture, json_string_value(caption), json_string_length(caption), here(k, i), NULL, err);
    return read_instance(k, i, picture, id, err);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */
static void forget_ids(Coco *k)
{
    id_map_free(&k->images);
    id_map_free(&k->categories);
    id_set_free(&k->named);
    id_set_free(&k->annotations);
}

static bool read_file(Coco *k, const JsonFile *f, Err *err)
{
    static const char *const FIRST[] = { "images", "categories", NULL }, *const SECOND[] = { "annotations", NULL };
    k->file = f->shown;
    forget_ids(k);
    return catalog_input(k->c, f->path, f->shown, err) && json_stream(f->path, f->shown, FIRST, first_pass, k, err)
        && json_stream(f->path, f->shown, SECOND, second_pass, k, err);
}

/* "val2017" of "captions_val2017.json"; "" when there is none. */
static void part_of(const char *path, char part[64])
{
    const char *name = strrchr(path, '/'), *line;
    name = name ? name + 1 : path;
    line = strchr(name, '_');
    snprintf(part, 64, "%.*s", line ? (int)strcspn(line + 1, ".") : 0, line ? line + 1 : "");
}

static const char *split_of(const char *part)
{
    return strncmp(part, "train", 5) == 0 ? "train" : strncmp(part, "val", 3) == 0 ? "val" : strncmp(part, "test", 4) == 0 ? "test" : NULL;
}

static bool is_captions(const char *path)
{
    const char *name = strrchr(path, '/');
    return strncmp(name ? name + 1 : path, "captions", 8) == 0;
}

/* Whether a folder is this part's own: what is in it and in no file is listed. */
static bool is_of(const char *folder, const char *part)
{
    const char *slash = strrchr(folder, '/');
    return *part && slash && strcmp(slash + 1, part) == 0;
}

/* Both files of a part: captions first, so that the pictures come in their order. */
static bool read_part(Catalog *c, const PrepareOptions *o, const JsonFiles *files, const char *part, Err *err)
{
    char *images = json_files_images(files, o, part, err);
    Coco  k = { .c = c, .folder = images, .part = part, .split = split_of(part), .names = vocab_new() };
    bool  ok = images != NULL;

    for (int captions = 1; captions >= 0 && ok; captions--)
        for (int64_t i = 0; i < files->count && ok; i++) {
            char of[64];
            part_of(files->file[i].path, of);
            if (is_captions(files->file[i].path) == captions && strcmp(of, part) == 0) ok = read_file(&k, &files->file[i], err);
        }
    if (ok && is_of(images, part)) ok = catalog_folder(c, images, part, false, err);
    forget_ids(&k);
    vocab_free(k.names);
    free(images);
    return ok;
}

static bool read(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "captions_*.json", "instances_*.json", NULL };
    JsonFiles files;
    bool ok = json_files_find(&files, o, PATTERNS, err);

    for (int64_t i = 0; i < files.count && ok; i++) {
        char part[64], before[64];
        bool done = false;
        part_of(files.file[i].path, part);
        for (int64_t k = 0; k < i && !done; k++) part_of(files.file[k].path, before), done = strcmp(before, part) == 0;
        if (!done) ok = read_part(c, o, &files, part, err);
    }
    json_files_free(&files);
    return ok;
}

const Source source_coco = {
    .name = "coco", .help = "COCO captions, with instances as boxes when they are there",
    .layout = "DIR/annotations/captions_train2017.json, captions_val2017.json, … (and instances_*.json when given)\n"
              "DIR/train2017/, DIR/val2017/, … (or DIR/images/train2017/, DIR/images/)\n"
              "or the JSON files themselves, with --images DIR\n"
              "splits: train, val, test by the files' names; crowds are left out",
    .read = read
};
