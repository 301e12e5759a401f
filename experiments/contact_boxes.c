/* contact_boxes.c - boxes on a picture, largest first, and their labels where they cover each other least. */
#include "experiments/contact_boxes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


/* Dark enough for white letters, and for letters on white; told apart by most eyes. */
static const uint32_t COLOURS[] = { 0xd9482b, 0x1f6fc9, 0x2a8c49, 0x9c3fb0, 0xb87503, 0x0b8793, 0xcf2e68, 0x5a4fcf };
enum { COLOUR_COUNT = sizeof COLOURS / sizeof *COLOURS };

/* ---- which ------------------------------------------------------------------------------------------------------------- */
static int64_t busiest_caption(const Store *s, int64_t item)
{
    int64_t captions = store_caption_count(s, item), best = captions ? 0 : -1, most = 0;
    int64_t *boxes = calloc((size_t)captions + 1, sizeof *boxes);
    REQUIRE(boxes, "out of memory");

    for (int64_t k = 0; k < store_box_count(s, item); k++) {
        StoreBox b = store_box(s, item, k);
        if (b.caption >= 0 && b.caption < captions && b.kind != BOX_NONE) boxes[b.caption]++;
    }
    for (int64_t i = 0; i < captions; i++)
        if (boxes[i] > most) most = boxes[best = i];
    free(boxes);
    return best;
}

static double area(const StoreBox *b) { return (double)(b->x1 - b->x0) * (double)(b->y1 - b->y0); }

/* Keeps the largest; equals stay in their order. */
static void add(ContactBoxes *b, const StoreBox *box)
{
    int at = b->count;
    while (at > 0 && area(&b->box[at - 1].box) < area(box)) at--;
    if (b->count == CONTACT_BOXES) b->hidden++;
    else b->count++;
    for (int i = b->count - 1; i > at; i--) b->box[i] = b->box[i - 1];
    if (at < b->count) b->box[at] = (ContactBox){ .box = *box };
}

static bool same_phrase(const StoreBox *a, const StoreBox *b) { return a->phrase && b->phrase && strcmp(a->phrase, b->phrase) == 0; }

/* One thing: of one entity, or of one place in the caption, or else of the same phrase, which may have several boxes. */
static bool same_thing(const StoreBox *a, const StoreBox *b)
{
    if (a->kind != b->kind || a->kind == BOX_OBJECT) return false;
    if (a->entity >= 0 && b->entity >= 0) return a->entity == b->entity;
    if (a->caption >= 0 && b->caption >= 0) return a->caption == b->caption && a->from == b->from && a->to == b->to;
    return a->kind == BOX_PHRASE && same_phrase(a, b);
}

/* Objects of a category have a colour in common, but each its label. */
static void colour(ContactBoxes *b)
{
    int used = 0;
    for (int i = 0; i < b->count; i++) {
        const StoreBox *box = &b->box[i].box;
        int like = 0;
        b->box[i].labelled = true;
        for (int k = 0; k < i; k++) b->box[i].labelled &= !same_thing(&b->box[k].box, box);
        while (like < i && !same_thing(&b->box[like].box, box) && !same_phrase(&b->box[like].box, box)) like++;
        b->box[i].rgb = like < i ? b->box[like].rgb : COLOURS[used++ % COLOUR_COUNT];
    }
}

static void mark_phrases(ContactBoxes *b)
{
    b->span = calloc(CONTACT_BOXES, sizeof *b->span);
    REQUIRE(b->span, "out of memory");
    for (int i = 0; i < b->count; i++)
        if (b->box[i].box.caption >= 0) b->span[b->spans++] = (CanvasSpan){ b->box[i].box.from, b->box[i].box.to, b->box[i].rgb };
}

ContactBoxes contact_boxes(const Store *s, int64_t item)
{
    ContactBoxes b = { .caption = busiest_caption(s, item) };

    for (int64_t k = 0; k < store_box_count(s, item); k++) {
        StoreBox box = store_box(s, item, k);
        if (box.kind != BOX_NONE && (box.caption < 0 || box.caption == b.caption)) add(&b, &box);
    }
    colour(&b);
    mark_phrases(&b);
    return b;
}

void contact_boxes_free(ContactBoxes *b) { free(b->span); }

/* ---- drawing ----------------------------------------------------------------------------------------------------------- */
enum { TEXT = 12, PAD = 4, HEIGHT = 17, LINE = 3 };

typedef struct Area { double x0, y0, x1, y1; } Area;

static double overlap(Area a, Area b)
{
    double w = fmin(a.x1, b.x1) - fmax(a.x0, b.x0), h = fmin(a.y1, b.y1) - fmax(a.y0, b.y0);
    return w > 0 && h > 0 ? w * h : 0;
}

static Area on_sheet(const StoreBox *b, const ContactFrame *f)
{
    return (Area){ f->x + (double)b->x0 * f->scale_x, f->y + (double)b->y0 * f->scale_y, f->x + (double)b->x1 * f->scale_x,
                   f->y + (double)b->y1 * f->scale_y };
}

/* Above the box, or at one of its corners within or below: the first place that covers no other label, or the one that covers least. */
static Area place(Area box, double width, const ContactFrame *f, const Area *taken, int count)
{
    const double edge = LINE / 2.0;
    double lefts[] = { box.x0 - edge, box.x1 + edge - width },
           tops[] = { box.y0 - HEIGHT - edge + 1, box.y0 - edge, box.y1 + edge - HEIGHT, box.y1 - 1 + edge };
    Area   best = { 0 };
    double least = HUGE_VAL;

    for (int i = 0; i < 8; i++) {
        double x = fmax(f->left, fmin(lefts[i / 4], f->right - width)), y = tops[i % 4], cost = 0.001 * i;
        if (y < f->top || y + HEIGHT > f->bottom) y = fmax(f->top, fmin(y, f->bottom - HEIGHT)), cost += 1;
        Area a = { x, y, x + width, y + HEIGHT };
        for (int k = 0; k < count; k++) cost += overlap(a, taken[k]);
        if (cost < least) least = cost, best = a;
    }
    return best;
}

void contact_boxes_draw(Canvas *c, const ContactBoxes *b, const ContactFrame *f)
{
    Area label[CONTACT_BOXES];
    int  labels = 0;

    for (int i = 0; i < b->count; i++) {
        Area a = on_sheet(&b->box[i].box, f);
        canvas_box(c, a.x0, a.y0, a.x1, a.y1, b->box[i].rgb, LINE);
    }
    for (int i = 0; i < b->count; i++) {
        const char *phrase = b->box[i].box.phrase;
        double room = 0.75 * (f->right - f->left) - 2 * PAD;
        if (!b->box[i].labelled || !phrase) continue;
        double width = fmin(canvas_text_width(c, phrase, TEXT, true), room) + 2 * PAD;
        Area   a = place(on_sheet(&b->box[i].box, f), width, f, label, labels);
        canvas_block(c, a.x0, a.y0, a.x1, a.y1, b->box[i].rgb, 0.9, 3);
        canvas_text(c, phrase, a.x0 + PAD, a.y0 + 1.5, TEXT, true, 0xffffff, room);
        label[labels++] = a;
    }
}
