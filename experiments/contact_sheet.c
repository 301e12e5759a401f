/* contact_sheet.c - a grid of tiles: a picture on a pale mat, its boxes, its caption, and a gray line with split and name. */
#include "experiments/contact_sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/contact_boxes.h"
#include "vision/draw.h"

enum { COLUMNS = 4, TILE = 340, MARGIN = 28, GAP = 24, HEADER = 34, UNDER = 9, CAPTION = 15, LINES = 4, NOTE = 12, LARGEST_SCALE = 6 };

static const uint32_t PAPER = 0xffffff, MAT = 0xf1f2f4, INK = 0x1b1f24, GRAY = 0x7a828c;

typedef struct Sheet {
    Store   *store;
    Canvas  *canvas;
    int64_t *item; int count;
    int      columns;
} Sheet;

/* ---- which items ------------------------------------------------------------------------------------------------------- */
static bool choose(Sheet *s, const char *split, int count, Err *err)
{
    int which = split ? store_find_split(s->store, split) : -1;
    int64_t all = store_count(s->store);
    const int64_t *items = NULL;

    if (split && which < 0) return fail_usage(err, "there is no split '%s' in this store", split);
    if (split) items = store_split_items(s->store, which, &all);
    s->count = (int)(all < count ? all : count);
    if (s->count < 1) return fail(err, "there is no picture to show");
    s->columns = s->count < COLUMNS ? s->count : COLUMNS;
    s->item = calloc((size_t)s->count, sizeof *s->item);
    REQUIRE(s->item, "out of memory");
    for (int i = 0; i < s->count; i++) {
        int64_t at = (2 * i + 1) * all / (2 * s->count);
        s->item[i] = items ? items[at] : at;
    }
    return true;
}

/* ---- a tile ------------------------------------------------------------------------------------------------------------ */
static double scale_of(const Sheet *s, int64_t item)
{
    int w, h;
    store_stored_size(s->store, item, &w, &h);
    return fmin(LARGEST_SCALE, fmin((double)TILE / w, (double)TILE / h));
}

static CanvasText caption_of(const Sheet *s, int64_t item, const ContactBoxes *b)
{
    const char *text = b->caption >= 0 ? store_caption(s->store, item, b->caption) : "";
    return (CanvasText){ .utf8 = text ? text : "", .size = CAPTION, .max_width = TILE, .rgb = INK, .max_lines = LINES, .spans = b->span,
                         .span_count = b->spans };
}

static void describe(const Sheet *s, int64_t item, const ContactBoxes *b, char *out, size_t size)
{
    int64_t captions = store_caption_count(s->store, item);
    int     used = snprintf(out, size, "%s \xc2\xb7 %.200s", store_split_name(s->store, store_item_split(s->store, item)),
                            store_item_name(s->store, item));

    if (captions > 1 && used > 0 && (size_t)used < size)
        used += snprintf(out + used, size - (size_t)used, " \xc2\xb7 1 of %lld captions", (long long)captions);
    if (b->hidden && used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used, " \xc2\xb7 %d of %d boxes", b->count, b->count + b->hidden);
}

static void draw_picture(const Sheet *s, int64_t item, double left, double top, double height)
{
    Canvas *c = s->canvas;
    Image   im;
    Err     why = { 0 };

    canvas_block(c, left, top, left + TILE, top + height, MAT, 1, 4);
    if (!store_picture(s->store, item, &im, &why)) {
        canvas_paragraph(c, "This picture is damaged in the store.", left + 12, top + 12, CAPTION, GRAY, TILE - 24);
        return;
    }
    double k = scale_of(s, item), w = fmax(im.width * k, 1), h = fmax(im.height * k, 1);
    double x = left + floor((TILE - w) / 2), y = top + floor((height - h) / 2);
    ContactFrame frame = { x, y, w / im.width, h / im.height, left, top, left + TILE, top + height };
    ContactBoxes b = contact_boxes(s->store, item);
    canvas_picture(c, &im, x, y, w, h);
    contact_boxes_draw(c, &b, &frame);
    contact_boxes_free(&b);
    image_free(&im);
}

static double text_height(const Sheet *s, int64_t item)
{
    ContactBoxes b = contact_boxes(s->store, item);
    CanvasText   t = caption_of(s, item, &b);
    double height = canvas_wrapped_height(s->canvas, &t);
    contact_boxes_free(&b);
    return height;
}

static void draw_text(const Sheet *s, int64_t item, double left, double top)
{
    ContactBoxes b = contact_boxes(s->store, item);
    CanvasText   t = caption_of(s, item, &b);
    char         note[600];

    describe(s, item, &b, note, sizeof note);
    double used = canvas_wrapped(s->canvas, &t, left, top);
    canvas_text(s->canvas, note, left, top + used + (used > 0 ? 4 : 0), NOTE, false, GRAY, TILE);
    contact_boxes_free(&b);
}

/* ---- the grid ---------------------------------------------------------------------------------------------------------- */
typedef struct Row { double pictures, texts; } Row;                  /* heights */

static Row measure(const Sheet *s, int first)
{
    Row r = { 60, 0 };
    for (int i = first; i < s->count && i < first + s->columns; i++) {
        int w, h;
        store_stored_size(s->store, s->item[i], &w, &h);
        r.pictures = fmax(r.pictures, ceil(h * scale_of(s, s->item[i])));
        r.texts = fmax(r.texts, text_height(s, s->item[i]));
    }
    r.texts += NOTE * 1.3 + 4;
    return r;
}

static double row_height(Row r) { return ceil(r.pictures + UNDER + r.texts + GAP); }

static void draw_header(const Sheet *s, const char *title, const char *split)
{
    char text[300];
    const char *name = strrchr(title, '/');
    double at = MARGIN + canvas_text(s->canvas, name ? name + 1 : title, MARGIN, MARGIN - 6, 19, true, INK, TILE);

    snprintf(text, sizeof text, "%d of %lld pictures%s%.100s%s", s->count, (long long)store_count(s->store), split ? ", from " : "",
             split ? split : "", store_size(s->store) ? "" : ", each of its own size");
    canvas_text(s->canvas, text, at + 12, MARGIN, 14, false, GRAY, s->columns > 1 ? 0 : TILE + MARGIN - at);
}

static void draw(const Sheet *s, const char *title, const char *split)
{
    double top = MARGIN + HEADER;

    draw_header(s, title, split);
    for (int first = 0; first < s->count; first += s->columns) {
        Row row = measure(s, first);
        for (int i = first; i < s->count && i < first + s->columns; i++) {
            double left = MARGIN + (i - first) * (TILE + GAP);
            draw_picture(s, s->item[i], left, top, row.pictures);
            draw_text(s, s->item[i], left, top + row.pictures + UNDER);
        }
        top += row_height(row);
    }
}

bool contact_sheet_write(const char *path, Store *store, const char *title, const char *split, int count, Err *err)
{
    Sheet s = { .store = store };
    TRY(choose(&s, split, count, err));

    double height = 2 * MARGIN + HEADER - GAP;
    s.canvas = canvas_new(1, 1, PAPER);          /* to measure texts */
    for (int first = 0; first < s.count; first += s.columns) height += row_height(measure(&s, first));
    canvas_free(s.canvas);
    s.canvas = canvas_new(2 * MARGIN + s.columns * (TILE + GAP) - GAP, (int)ceil(height), PAPER);
    draw(&s, title, split);
    Image im = canvas_image(s.canvas);
    bool  ok = image_write(path, &im, err);
    image_free(&im);
    canvas_free(s.canvas);
    free(s.item);
    return ok;
}
