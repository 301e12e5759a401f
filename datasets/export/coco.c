/* coco.c - COCO's form (sources/coco.c), for each split:
 *     OUT/annotations/captions_SPLIT.json       images, and a caption an annotation
 *     OUT/annotations/instances_SPLIT.json      where there are boxes of objects: the phrase is the category
 *     OUT/annotations/phrases_SPLIT.json        where there are boxes of phrases, regions and referring expressions
 *     OUT/SPLIT/                                the pictures
 *
 * COCO has no file for phrases. phrases_SPLIT.json is built as instances are, so that pycocotools loads it: the categories are "phrase",
 * "region" and "referring", and an annotation has besides
 *     phrase                     its text
 *     caption_id                 the annotation of captions_SPLIT.json that has the phrase; absent: none
 *     span                       … at these bytes [from, to) of its UTF-8
 *     tokens_positive            … at these characters [[from, to]], as in MDETR's annotations (Kamath et al. 2021)
 *     entity                     the data set's own id of the object; absent: none
 * Phrases that are known to have no box stand in a list of their own, "without_box", with the same keys and no bbox.
 *
 * Ids are positions in the store, from 1, whatever splits are exported: of the picture, of the caption among all captions, of the box among
 * all boxes. Categories of objects are numbered from 1 in the order in which the whole store has them; a box of an object without a phrase
 * is of the category "object". An instance has `entity` too, and `limn prepare coco` prefers it to the id. An image whose file is not
 * called as its item has `name`; those of composed pictures have `truth` and `masks` (export/form.h) in captions_SPLIT.json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/export/form.h"
#include "datasets/spill.h"
#include "tensor/base/file.h"
#include "text/vocab.h"

/* An annotation file in the making. Its images are written at once, the rest waits for the last of them. */
typedef struct Part { FileWriter *out; int64_t images; Spill annotations, boxless; } Part;

enum { CAPTIONS, INSTANCES, PHRASES, PARTS };
static const char *const PART[PARTS] = { "captions", "instances", "phrases" };

typedef struct Coco {
    const ExportTask *task;
    Vocab *categories;                           /* of objects: id - 1                                                  */
    int    split;                                /* whose files are open; -1: none yet                                  */
    Part   part[PARTS];                          /* out NULL: the split has no such file                                */
    Buffer text;
} Coco;

static int part_of(int32_t kind) { return kind == BOX_OBJECT ? INSTANCES : PHRASES; }

/* ---- which files ------------------------------------------------------------------------------------------------------- */
static void find_parts(const ExportTask *t, int split, bool has[PARTS])
{
    int64_t count;
    const int64_t *items = store_split_items(t->store, split, &count);

    has[CAPTIONS] = true;
    has[INSTANCES] = has[PHRASES] = false;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < store_box_count(t->store, items[i]); k++) has[part_of(store_box(t->store, items[i], k).kind)] = true;
}

static char *folder(const ExportTask *t, int split) { return strdup(t->part[split]); }

static char *file_of(const ExportTask *t, int split, int part)
{
    char *name = NULL;
    if (asprintf(&name, "annotations/%s_%s.json", PART[part], t->part[split]) < 0) REQUIRE(false, "out of memory");
    return name;
}

static void files(const ExportTask *t, void (*each)(const char *, void *), void *context)
{
    for (int split = 0; split < store_splits(t->store); split++) {
        bool has[PARTS];
        if (!t->wanted[split]) continue;
        find_parts(t, split, has);
        for (int i = 0; i < PARTS; i++) {
            char *name = file_of(t, split, i);
            if (has[i]) each(name, context);
            free(name);
        }
    }
}

/* ---- a split's files begin and end ------------------------------------------------------------------------------------- */
static const char *category_of(const StoreBox *b) { return b->phrase ? b->phrase : "object"; }

static bool begin_part(Coco *c, int i, Err *err)
{
    char *name = file_of(c->task, c->split, i), *path = path_join(c->task->o->out, name), *slash = strrchr(path, '/');

    *slash = 0;
    bool ok = folder_make(path, err);
    *slash = '/';
    c->part[i].out = ok ? file_begin(path, err) : NULL;
    free(path);
    free(name);
    return c->part[i].out && file_printf(c->part[i].out, err, "{\"info\": {\"description\": \"exported by limn %s from the store %s\"},\n"
                                         "\"licenses\": [],\n\"images\": [", LIMN_VERSION, store_hash(c->task->store));
}

static bool begin_split(Coco *c, int split, Err *err)
{
    bool has[PARTS];

    c->split = split;
    find_parts(c->task, split, has);
    for (int i = 0; i < PARTS; i++)
        if (has[i]) TRY(begin_part(c, i, err));
    return true;
}

static bool copy(FileWriter *w, const Spill *s, Err *err)
{
    char block[SPILL_BUFFER];
    for (int64_t at = 0; at < s->used;) {
        size_t now = s->used - at < SPILL_BUFFER ? (size_t)(s->used - at) : SPILL_BUFFER;
        TRY(spill_read(s, at, block, now, err) && file_write(w, block, now, err));
        at += (int64_t)now;
    }
    return true;
}

static bool end_part(Coco *c, int i, Err *err)
{
    Part *p = &c->part[i];
    Buffer *b = &c->text;

    TRY(file_printf(p->out, err, "],\n\"annotations\": [") && copy(p->out, &p->annotations, err));
    b->used = 0;
    if (p->boxless.used) TRY(file_printf(p->out, err, "],\n\"without_box\": [") && copy(p->out, &p->boxless, err));
    if (i == PHRASES)
        json_add(b, "],\n\"categories\": [{\"id\": 1, \"name\": \"phrase\"}, {\"id\": 2, \"name\": \"region\"}, "
                    "{\"id\": 3, \"name\": \"referring\"}");
    if (i == INSTANCES) json_add(b, "],\n\"categories\": [");
    for (int32_t k = 0; k < vocab_size(c->categories) && i == INSTANCES; k++) {
        json_add(b, "%s{\"id\": %d, \"name\": ", k ? ", " : "", k + 1);
        json_add_text(b, vocab_text(c->categories, k));
        json_add(b, "}");
    }
    json_add(b, "]}\n");
    TRY(file_write(p->out, b->p, b->used, err));
    FileWriter *out = p->out;
    p->out = NULL;
    return file_commit(out, err);
}

static Part no_part(const Coco *c)
{
    return (Part){ .annotations = spill_begin(c->task->o->out), .boxless = spill_begin(c->task->o->out) };
}

static void close_parts(Coco *c)
{
    for (int i = 0; i < PARTS; i++) {
        file_abandon(c->part[i].out);
        spill_free(&c->part[i].annotations);
        spill_free(&c->part[i].boxless);
        c->part[i] = no_part(c);
    }
}

static bool end_split(Coco *c, Err *err)
{
    for (int i = 0; i < PARTS; i++)
        if (c->part[i].out) TRY(end_part(c, i, err));
    close_parts(c);
    return true;
}

/* ---- a picture --------------------------------------------------------------------------------------------------------- */
static bool add_image(Coco *c, const ExportPicture *p, Err *err)
{
    Buffer *b = &c->text;
    const char *name = store_item_name(c->task->store, p->item);

    b->used = 0;
    json_add(b, "{\"id\": %lld, \"file_name\": ", (long long)p->item + 1);
    json_add_text(b, p->path);
    json_add(b, ", \"width\": %d, \"height\": %d", p->width, p->height);
    if (strcmp(name, p->path) != 0) {
        json_add(b, ", \"name\": ");
        json_add_text(b, name);
    }
    size_t plain = b->used;
    TRY(export_add_composed(b, c->task->store, p->item, err));
    for (int i = 0; i < PARTS; i++) {
        FileWriter *w = c->part[i].out;
        if (w) TRY(file_printf(w, err, c->part[i].images++ ? ",\n" : "\n") && file_write(w, b->p, i == CAPTIONS ? b->used : plain, err)
                   && file_write(w, "}", 1, err));
    }
    return true;
}

static bool spill_text(Spill *to, Buffer *b, Err *err)
{
    return spill_add(to, to->used ? ",\n" : "\n", to->used ? 2 : 1, err) && spill_add(to, b->p, b->used, err);
}

static bool add_captions(Coco *c, const ExportPicture *p, Err *err)
{
    Store  *s = c->task->store;
    Buffer *b = &c->text;

    for (int64_t k = 0; k < store_caption_count(s, p->item); k++) {
        b->used = 0;
        json_add(b, "{\"id\": %lld, \"image_id\": %lld, \"caption\": ", (long long)(store_first_caption(s, p->item) + k + 1), (long long)p->item + 1);
        json_add_text(b, store_caption(s, p->item, k));
        json_add(b, "}");
        TRY(spill_text(&c->part[CAPTIONS].annotations, b, err));
    }
    return true;
}

static int characters(const char *text, int32_t bytes)
{
    int n = 0;
    for (int32_t i = 0; i < bytes; i++) n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

static void describe_phrase(Buffer *b, Store *s, int64_t item, const StoreBox *box)
{
    if (box->phrase && box->kind != BOX_OBJECT) {
        json_add(b, ", \"phrase\": ");
        json_add_text(b, box->phrase);
    }
    if (box->caption < 0 || box->caption >= store_caption_count(s, item)) return;
    const char *caption = store_caption(s, item, box->caption);
    if (box->from < 0 || box->from > box->to || (size_t)box->to > strlen(caption)) return;
    json_add(b, ", \"caption_id\": %lld, \"span\": [%d, %d], \"tokens_positive\": [[%d, %d]]",
             (long long)(store_first_caption(s, item) + box->caption + 1), box->from, box->to, characters(caption, box->from),
             characters(caption, box->to));
}

static void describe_corners(Buffer *b, const ExportPicture *p, const StoreBox *box)
{
    double corner[4];

    export_box(p, box, corner);
    json_add(b, ", \"bbox\": [");
    double left = json_add_float(b, corner[0]);
    json_add(b, ", ");
    double top = json_add_float(b, corner[1]);
    json_add(b, ", ");
    json_add_width(b, left, corner[2]);
    json_add(b, ", ");
    json_add_width(b, top, corner[3]);
    json_add(b, "], \"area\": ");
    json_add_float(b, (corner[2] - corner[0]) * (corner[3] - corner[1]));
    json_add(b, ", \"iscrowd\": 0, \"segmentation\": []");
}

static bool add_box(Coco *c, const ExportPicture *p, int64_t k, Err *err)
{
    Store   *s = c->task->store;
    StoreBox box = store_box(s, p->item, k);
    Buffer  *b = &c->text;
    bool     object = box.kind == BOX_OBJECT;
    Part    *part = &c->part[part_of(box.kind)];

    b->used = 0;
    json_add(b, "{\"id\": %lld, \"image_id\": %lld", (long long)(store_first_box(s, p->item) + k + 1), (long long)p->item + 1);
    if (box.kind != BOX_NONE) {
        int category = object ? vocab_find(c->categories, category_of(&box), strlen(category_of(&box))) + 1
                     : box.kind == BOX_REGION ? 2 : box.kind == BOX_REFERRING ? 3 : 1;
        json_add(b, ", \"category_id\": %d", category);
        describe_corners(b, p, &box);
    }
    describe_phrase(b, s, p->item, &box);
    if (box.entity != -1) json_add(b, ", \"entity\": %lld", (long long)box.entity);
    json_add(b, "}");
    return spill_text(box.kind == BOX_NONE ? &part->boxless : &part->annotations, b, err);
}

static bool add(void *form, const ExportPicture *p, Err *err)
{
    Coco *c = form;

    if (p->split != c->split) TRY((c->split < 0 || end_split(c, err)) && begin_split(c, p->split, err));
    TRY(add_image(c, p, err) && add_captions(c, p, err));
    for (int64_t k = 0; k < store_box_count(c->task->store, p->item); k++) TRY(add_box(c, p, k, err));
    return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */
static void *begin(const ExportTask *t, Err *err)
{
    Coco *c = calloc(1, sizeof *c);
    (void)err;
    REQUIRE(c, "out of memory");

    *c = (Coco){ .task = t, .categories = vocab_new(), .split = -1 };
    for (int i = 0; i < PARTS; i++) c->part[i] = no_part(c);
    for (int64_t i = 0; i < store_count(t->store); i++)
        for (int64_t k = 0; k < store_box_count(t->store, i); k++) {
            StoreBox box = store_box(t->store, i, k);
            if (box.kind == BOX_OBJECT) vocab_add(c->categories, category_of(&box), strlen(category_of(&box)));
        }
    return c;
}

static void abandon(void *form)
{
    Coco *c = form;
    close_parts(c);
    vocab_free(c->categories);
    free(c->text.p);
    free(c);
}

static bool end(void *form, Err *err)
{
    bool ok = ((Coco *)form)->split < 0 || end_split(form, err);
    abandon(form);
    return ok;
}

const ExportForm export_coco = {
    .name = "coco", .help = "COCO captions, with instances and phrases where there are boxes; pycocotools loads them",
    .layout = "OUT/annotations/captions_SPLIT.json    images and captions; ids are positions in the store\n"
              "OUT/annotations/instances_SPLIT.json   boxes of objects, with categories\n"
              "OUT/annotations/phrases_SPLIT.json     boxes of phrases, regions and referring expressions, built as instances are, with\n"
              "                                       phrase, caption_id, span (bytes), tokens_positive (characters) and entity;\n"
              "                                       without_box lists phrases that have none\n"
              "OUT/SPLIT/                             the pictures",
    .by_split = true, .folder = folder, .files = files, .begin = begin, .add = add, .end = end, .abandon = abandon
};
