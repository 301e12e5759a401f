/* record.c - records: numbers as they lie in memory (a journal does not leave its machine), texts with their length and a NUL. */
#include "datasets/store/record.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/store/xxh64.h"

static const uint64_t MAGIC = 0x4c494d4e52454331;        /* "LIMNREC1" */

bool record_head_fits(const RecordHead *h)
{
    const uint64_t most = (uint64_t)1 << 40;
    return h->magic == MAGIC && h->meta < most && h->picture < most && h->masks < most;
}

/* ---- putting together -------------------------------------------------------------------------------------------------- */
/* The numbers of an item, of a box and of a problem: one struct each, whose bytes are the format. */
typedef struct ItemNumbers {
    uint64_t stored, picture_sum, phash;
    int64_t  source_bytes;
    uint8_t  source_sha256[32];
    int32_t  width, height, stored_width, stored_height, captions, boxes, masks, problems;
} ItemNumbers;
typedef struct BoxNumbers { int64_t entity; float x0, y0, x1, y1; int32_t caption, from, to, kind; } BoxNumbers;
typedef struct ProblemNumbers { int64_t line, kind; } ProblemNumbers;

static void put_text(Buffer *b, const char *text)
{
    int64_t bytes = text ? (int64_t)strlen(text) + 1 : 0;        /* 0: none */
    buffer_add(b, &bytes, sizeof bytes);
    buffer_add(b, text, (size_t)bytes);
}

static void put_box(Buffer *b, const StoreBox *x)
{
    BoxNumbers n = { x->entity, x->x0, x->y0, x->x1, x->y1, x->caption, x->from, x->to, x->kind };
    buffer_add(b, &n, sizeof n);
    put_text(b, x->phrase);
}

static void put_problem(Buffer *b, const Problem *p)
{
    ProblemNumbers n = { p->line, p->kind };
    buffer_add(b, &n, sizeof n);
    put_text(b, p->name);
    put_text(b, p->file);
    put_text(b, p->reason);
}

static void put_item(Buffer *b, const StoreItem *item, size_t mask_bytes)
{
    for (int i = 0; i < item->mask_objects; i++) {
        uint64_t sum = xxh64(item->mask + (size_t)i * mask_bytes, mask_bytes);
        buffer_add(b, &sum, sizeof sum);
    }
    put_text(b, item->name);
    put_text(b, item->split);
    put_text(b, item->truth);
    for (int i = 0; i < item->caption_count; i++) put_text(b, item->captions[i]);
    for (int i = 0; i < item->box_count; i++) {
        int32_t caption = item->boxes[i].caption;
        REQUIRE(caption >= -1 && caption < item->caption_count, "store: a box of caption %d of %d", caption, item->caption_count);
        put_box(b, &item->boxes[i]);
    }
}

static ItemNumbers numbers_of(const StoreItem *i, const void *picture, size_t bytes)
{
    ItemNumbers n = { .stored = 1, .picture_sum = xxh64(picture, bytes), .phash = i->phash, .source_bytes = i->source_bytes,
                      .width = i->width, .height = i->height, .stored_width = i->stored_width, .stored_height = i->stored_height,
                      .captions = i->caption_count, .boxes = i->box_count, .masks = i->mask_objects };
    memcpy(n.source_sha256, i->source_sha256, sizeof n.source_sha256);
    return n;
}

StoreRecord *store_record(const StoreItem *item, const Problem *problems, int count)
{
    StoreRecord *r = calloc(1, sizeof *r);
    REQUIRE(r, "out of memory");
    RecordHead  head = { .magic = MAGIC };
    ItemNumbers n = { 0 };
    const void *picture = NULL;
    Buffer     *b = &r->bytes;

    if (item) {
        REQUIRE(item->name && item->split && *item->split, "store: a picture without a name or a split");
        REQUIRE(item->stored_width > 0 && item->stored_height > 0, "store: %s has no size", item->name);
        REQUIRE(!item->mask_objects || item->mask, "store: %s has no mask", item->name);
        picture = item->pixels ? item->pixels : item->file;
        head.picture = item->pixels ? (uint64_t)item->stored_width * (uint64_t)item->stored_height * 3 : item->file_bytes;
        head.masks = (uint64_t)item->mask_objects * store_mask_bytes(item->stored_width, item->stored_height);
        n = numbers_of(item, picture, head.picture);
    }
    n.problems = count;
    buffer_add(b, &head, sizeof head);
    buffer_add(b, &n, sizeof n);
    if (item) put_item(b, item, store_mask_bytes(item->stored_width, item->stored_height));
    for (int i = 0; i < count; i++) put_problem(b, &problems[i]);

    head.meta = b->used - sizeof head;
    head.sum = xxh64(b->p + sizeof head, head.meta);
    memcpy(b->p, &head, sizeof head);
    buffer_add(b, picture, head.picture);
    if (item) buffer_add(b, item->mask, head.masks);
    return r;
}

void store_record_free(StoreRecord *r)
{
    if (r) free(r->bytes.p);
    free(r);
}

/* ---- taking apart ------------------------------------------------------------------------------------------------------ */
typedef struct Cursor { const char *p, *end; bool broken; } Cursor;

static const void *take(Cursor *c, size_t bytes)
{
    const char *p = c->p;
    if (c->broken || bytes > (size_t)(c->end - c->p)) return c->broken = true, NULL;
    c->p += bytes;
    return p;
}

static void take_numbers(Cursor *c, void *to, size_t bytes)
{
    const void *p = take(c, bytes);
    if (p) memcpy(to, p, bytes);
    else   memset(to, 0, bytes);
}

static const char *take_text(Cursor *c)
{
    int64_t bytes;
    take_numbers(c, &bytes, sizeof bytes);
    if (bytes <= 0) return c->broken |= bytes < 0, NULL;
    const char *text = take(c, (size_t)bytes);
    if (text && text[bytes - 1] != 0) c->broken = true;
    return c->broken ? NULL : text;
}

static StoreBox take_box(Cursor *c)
{
    BoxNumbers n;
    take_numbers(c, &n, sizeof n);
    return (StoreBox){ .x0 = n.x0, .y0 = n.y0, .x1 = n.x1, .y1 = n.y1, .caption = n.caption, .from = n.from, .to = n.to,
                       .phrase = take_text(c), .kind = n.kind, .entity = n.entity };
}

static Problem take_problem(Cursor *c)
{
    ProblemNumbers n;
    take_numbers(c, &n, sizeof n);
    const char *name = take_text(c), *file = take_text(c), *reason = take_text(c);
    if (n.kind < 0 || n.kind >= PROBLEM_KINDS || !name || !file || !reason) c->broken = true;
    return (Problem){ (ProblemKind)n.kind, name, file, n.line, reason };
}

/* Three arrays behind each other; every element takes more in the meta than here, so the meta's size bounds them. */
static bool make_arrays(RecordView *v, const ItemNumbers *n, size_t meta, const char ***captions, StoreBox **boxes, Problem **problems)
{
    if (n->captions < 0 || n->boxes < 0 || n->problems < 0 || n->masks < 0) return false;
    size_t c = (size_t)n->captions, b = (size_t)n->boxes, p = (size_t)n->problems;
    if (c > meta / 8 || b > meta / 8 || p > meta / 8) return false;

    v->memory.used = 0;
    buffer_room(&v->memory, c * sizeof **captions + b * sizeof **boxes + p * sizeof **problems + 1);
    *boxes = (StoreBox *)(void *)v->memory.p;
    *problems = (Problem *)(void *)(*boxes + b);
    *captions = (const char **)(void *)(*problems + p);
    return true;
}

bool record_view(const char *meta, size_t bytes, RecordView *v)
{
    Cursor       c = { meta, meta + bytes, false };
    ItemNumbers  n;
    const char **captions;
    StoreBox    *boxes;
    Problem     *problems;

    take_numbers(&c, &n, sizeof n);
    if (c.broken || !make_arrays(v, &n, bytes, &captions, &boxes, &problems)) return false;
    v->stored = n.stored == 1;
    v->picture_sum = n.picture_sum;
    if (v->stored) {
        v->mask_sums = take(&c, (size_t)n.masks * sizeof(uint64_t));
        v->item = (StoreItem){ .name = take_text(&c), .split = take_text(&c), .truth = take_text(&c), .width = n.width, .height = n.height,
                               .stored_width = n.stored_width, .stored_height = n.stored_height, .phash = n.phash,
                               .source_bytes = n.source_bytes, .captions = captions, .caption_count = n.captions, .boxes = boxes,
                               .box_count = n.boxes, .mask_objects = n.masks };
        memcpy(v->item.source_sha256, n.source_sha256, sizeof n.source_sha256);
        for (int i = 0; i < n.captions; i++)
            if (!(captions[i] = take_text(&c))) c.broken = true;
        for (int i = 0; i < n.boxes; i++) boxes[i] = take_box(&c);
        if (!v->item.name || !v->item.split) c.broken = true;
    }
    for (int i = 0; i < n.problems; i++) problems[i] = take_problem(&c);
    v->problems = problems;
    v->problem_count = n.problems;
    return !c.broken && c.p == c.end;
}

void record_view_free(RecordView *v)
{
    free(v->memory.p);
    *v = (RecordView){ 0 };
}
