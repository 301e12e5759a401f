/* visual_genome.c - the region descriptions of Visual Genome (Krishna et al. 2016).
 *
 *     region_descriptions.json   [{"id": image, "regions": [{"region_id", "image_id", "x", "y", "width", "height", "phrase"}]}], 700 MB
 *     image_data.json            [{"image_id", "width", "height", "url"}]; optional: sizes, and which folder a picture is in
 *
 * A region becomes a box with its phrase. There is no official split. Elements are streamed, a picture with its regions at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/id_map.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_files.h"
#include "datasets/sources/json_stream.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"

static const char *const FOLDERS[] = { "VG_100K", "VG_100K_2", "images", "" };
enum { FOLDER_COUNT = 4 };

typedef struct Genome {
    Catalog    *c;
    const char *root, *shown;
    bool        there[FOLDER_COUNT];
    IdMap       sizes;                           /* image -> its number in facts                                        */
    Buffer      facts;                           /* Fact                                                                */
    IdSet       regions;                         /* ids seen                                                            */
} Genome;

typedef struct Fact { int width, height, folder; } Fact;         /* folder: -1: not said                            */

static Place here(const Genome *g, const JsonItem *i) { return (Place){ g->shown, i->line, "", i->index }; }

static bool refuse(Genome *g, const JsonItem *i, ProblemKind kind, const char *name, const char *why)
{
    catalog_problem(g->c, kind, name, here(g, i), "%s", why);
    return true;
}

static bool image_of(const json_t *o, int64_t *id)
{
    return json_id(json_object_get(o, "image_id"), id) || json_id(json_object_get(o, "id"), id);
}

/* "https://…/VG_100K_2/1.jpg" */
static int folder_in(const char *url)
{
    return !url ? -1 : strstr(url, "/VG_100K_2/") ? 1 : strstr(url, "/VG_100K/") ? 0 : -1;
}

static bool read_fact(const JsonItem *i, void *context, Err *err)
{
    Genome *g = context;
    int64_t id;
    (void)err;

    if (!i->value) return refuse(g, i, i->kind, NULL, i->why);
    if (!image_of(i->value, &id)) return refuse(g, i, PROBLEM_BAD_RECORD, NULL, "has no image_id");
    Fact f = { .folder = folder_in(json_string_value(json_object_get(i->value, "url"))) };
    json_size(i->value, &f.width, &f.height);
    if (!id_map_put(&g->sizes, id, (int64_t)(g->facts.used / sizeof f)))
        return refuse(g, i, PROBLEM_DUPLICATE, NULL, "has an image_id that another has");
    buffer_add(&g->facts, &f, sizeof f);
    return true;
}

/* Where the picture is: as its URL says, or the first folder that has it. */
static char *picture_path(const Genome *g, const char *name, int said)
{
    char *path = NULL, below[96];
    for (int k = said < 0 ? 0 : -1; k < FOLDER_COUNT; k++) {
        int f = k < 0 ? said : k;
        if (!g->there[f]) continue;
        snprintf(below, sizeof below, "%s%s%s", FOLDERS[f], *FOLDERS[f] ? "/" : "", name);
        free(path);
        path = path_join(g->root, below);
        if (file_exists(path)) return path;
    }
    return path ? path : path_join(g->root, name);
}

static bool read_region(Genome *g, const JsonItem *i, int64_t picture, const char *name, const json_t *region, Err *err)
{
    static const char *const SIDES[] = { "x", "y", "width", "height" };
    CatalogBox b = { .kind = BOX_REGION, .entity = -1, .caption = -1, .phrase = json_string_value(json_object_get(region, "phrase")) };
    double side[4];

    for (int k = 0; k < 4; k++) {
        const json_t *v = json_object_get(region, SIDES[k]);
        if (!json_is_number(v)) return refuse(g, i, PROBLEM_BAD_RECORD, name, "has a region without x, y, width and height");
        side[k] = json_number_value(v);
    }
    if (!b.phrase) return refuse(g, i, PROBLEM_BAD_RECORD, name, "has a region without a phrase");
    if (json_id(json_object_get(region, "region_id"), &b.entity) && !id_set_add(&g->regions, b.entity))
        return refuse(g, i, PROBLEM_DUPLICATE, name, "has a region with an id that another has");
    b.x0 = side[0], b.y0 = side[1], b.x1 = side[0] + side[2], b.y1 = side[1] + side[3];
    return catalog_box(g->c, picture, &b, here(g, i), err);
}

static bool read_image(const JsonItem *i, void *context, Err *err)
{
    Genome *g = context;
    const json_t *regions = json_object_get(i->value, "regions");
    int64_t id, at;
    size_t  k;
    json_t *region;
    char    name[32];
    bool    is_new;

    if (!i->value) return refuse(g, i, i->kind, NULL, i->why);
    if (!image_of(i->value, &id) || !json_is_array(regions)) return refuse(g, i, PROBLEM_BAD_RECORD, NULL, "has no id or no list of regions");
    snprintf(name, sizeof name, "%lld.jpg", (long long)id);
    at = id_map_get(&g->sizes, id);
    Fact f = at >= 0 ? ((const Fact *)(const void *)g->facts.p)[at] : (Fact){ .folder = -1 };
    char *path = picture_path(g, name, f.folder);
    int64_t picture = catalog_picture(g->c, name, path, NULL, here(g, i), &is_new);
    free(path);
    if (!is_new) return refuse(g, i, PROBLEM_DUPLICATE, name, "has an id that another has");
    catalog_size(g->c, picture, f.width, f.height);
    json_array_foreach(regions, k, region) TRY(read_region(g, i, picture, name, region, err));
    return true;
}

static bool read_files(Genome *g, const JsonFiles *files, Err *err)
{
    bool found = false;
    for (int facts = 1; facts >= 0; facts--)
        for (int64_t i = 0; i < files->count; i++) {
            const JsonFile *f = &files->file[i];
            if (facts != (strstr(f->shown, "image_data") != NULL)) continue;
            g->shown = f->shown;
            found |= !facts;
            TRY(catalog_input(g->c, f->path, f->shown, err) && json_stream(f->path, f->shown, NULL, facts ? read_fact : read_image, g, err));
        }
    return found || fail(err, "there is no region_descriptions.json among the inputs");
}

static bool read(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "region_descriptions*.json", "image_data*.json", NULL };
    JsonFiles files;
    bool ok = json_files_find(&files, o, PATTERNS, err);
    Genome g = { .c = c, .root = o->images ? o->images : files.folder };

    if (ok && !g.root) ok = fail_usage(err, "where are the pictures? --images DIR");
    for (int i = 0; i < FOLDER_COUNT && ok; i++) {
        char *path = *FOLDERS[i] ? path_join(g.root, FOLDERS[i]) : strdup(g.root);
        g.there[i] = folder_exists(path);
        free(path);
    }
    ok = ok && read_files(&g, &files, err);
    id_map_free(&g.sizes);
    id_set_free(&g.regions);
    free(g.facts.p);
    json_files_free(&files);
    return ok;
}

const Source source_visual_genome = {
    .name = "visual-genome", .help = "Visual Genome's region descriptions: 108,000 pictures, 5.4 million boxes with phrases",
    .layout = "DIR/region_descriptions.json\n"
              "DIR/image_data.json (optional: sizes, and which folder a picture is in)\n"
              "DIR/VG_100K/, DIR/VG_100K_2/ (or DIR/images/; below --images DIR when given)\n"
              "no official split: --split",
    .read = read
};
