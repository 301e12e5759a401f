/* jsonl.c - limn's own open form (sources/jsonl.c says what each key means), which `limn prepare jsonl` reads back whole:
 *     OUT/data.jsonl        a line a picture, in the order of the store
 *     OUT/images/           the pictures
 * Besides the keys that are read back, a line of a composed picture has `truth` and `masks` (export/form.h).               */
#include <stdlib.h>
#include <string.h>

#include "datasets/export/form.h"
#include "tensor/base/file.h"

static const char FILE_NAME[] = "data.jsonl", FOLDER[] = "images";

typedef struct Jsonl { const ExportTask *task; FileWriter *out; Buffer line; } Jsonl;

static char *folder(const ExportTask *t, int split)
{
    (void)t, (void)split;
    return strdup(FOLDER);
}

static void files(const ExportTask *t, void (*each)(const char *, void *), void *context)
{
    (void)t;
    each(FILE_NAME, context);
}

static void *begin(const ExportTask *t, Err *err)
{
    Jsonl *j = calloc(1, sizeof *j);
    char  *path = path_join(t->o->out, FILE_NAME);
    REQUIRE(j, "out of memory");

    *j = (Jsonl){ .task = t, .out = file_begin(path, err) };
    free(path);
    if (j->out) return j;
    free(j);
    return NULL;
}

static void add_box(Buffer *b, const ExportPicture *p, const StoreBox *box)
{
    double corners[4];

    json_add(b, "{");
    if (box->kind != BOX_NONE) {
        export_box(p, box, corners);
        for (int i = 0; i < 4; i++) {
            json_add(b, i ? ", " : "\"box\": [");
            json_add_float(b, corners[i]);
        }
        json_add(b, "], ");
    }
    json_add(b, "\"kind\": \"%s\"", box_kind_name(box->kind));
    if (box->phrase) {
        json_add(b, ", \"phrase\": ");
        json_add_text(b, box->phrase);
    }
    if (box->entity != -1) json_add(b, ", \"entity\": %lld", (long long)box->entity);
    if (box->caption >= 0) json_add(b, ", \"caption\": %d, \"span\": [%d, %d]", box->caption, box->from, box->to);
    json_add(b, "}");
}

static bool describe(Jsonl *j, const ExportPicture *p, Err *err)
{
    Store  *s = j->task->store;
    Buffer *b = &j->line;
    char   *image = path_join(FOLDER, p->path);

    b->used = 0;
    json_add(b, "{\"image\": ");
    json_add_text(b, image);
    free(image);
    json_add(b, ", \"name\": ");
    json_add_text(b, store_item_name(s, p->item));
    json_add(b, ", \"split\": ");
    json_add_text(b, store_split_name(s, p->split));
    json_add(b, ", \"width\": %d, \"height\": %d, \"captions\": [", p->width, p->height);
    for (int64_t k = 0; k < store_caption_count(s, p->item); k++) {
        if (k) json_add(b, ", ");
        json_add_text(b, store_caption(s, p->item, k));
    }
    json_add(b, "], \"boxes\": [");
    for (int64_t k = 0; k < store_box_count(s, p->item); k++) {
        StoreBox box = store_box(s, p->item, k);
        if (k) json_add(b, ", ");
        add_box(b, p, &box);
    }
    json_add(b, "]");
    TRY(export_add_composed(b, s, p->item, err));
    json_add(b, "}\n");
    return true;
}

static bool add(void *form, const ExportPicture *p, Err *err)
{
    Jsonl *j = form;
    return describe(j, p, err) && file_write(j->out, j->line.p, j->line.used, err);
}

static bool end(void *form, Err *err)
{
    Jsonl *j = form;
    bool   ok = file_commit(j->out, err);
    free(j->line.p);
    free(j);
    return ok;
}

static void abandon(void *form)
{
    Jsonl *j = form;
    file_abandon(j->out);
    free(j->line.p);
    free(j);
}

const ExportForm export_jsonl = {
    .name = "jsonl", .help = "limn's own open form, which `limn prepare jsonl` reads back whole",
    .layout = "OUT/data.jsonl      a line a picture: image, name, split, width, height, captions, boxes (`limn prepare --list`, jsonl),\n"
              "                    and truth and masks of composed pictures\n"
              "OUT/images/         the pictures",
    .folder = folder, .files = files, .begin = begin, .add = add, .end = end, .abandon = abandon
};
