/* sheet.c - layout of the attention sheet: picture at the left, caption above a row of small maps, wrapped. */
#include "experiments/sheet.h"

#include <math.h>

enum { WIDTH = 1240, MARGIN = 24, PICTURE = 232, MAP = 92, GAP = 10, WORD = 22, CAPTION = 34 };

static const uint32_t PAPER = 0xffffff, INK = 0x1b1f24, GRAY = 0x7a828c;

static int maps_a_row(void) { return (WIDTH - 3 * MARGIN - PICTURE + GAP) / (MAP + GAP); }

static int entry_height(const SheetEntry *e)
{
    int rows = (e->word_count + maps_a_row() - 1) / maps_a_row();
    int words = CAPTION + rows * (MAP + WORD + GAP), picture = PICTURE + (e->note ? WORD : 0);
    return (words > picture ? words : picture) + MARGIN;
}

static void draw_entry(Canvas *c, const SheetEntry *e, double top)
{
    double left = 2.0 * MARGIN + PICTURE;

    canvas_picture(c, &e->picture, MARGIN, top, PICTURE, PICTURE);
    if (e->note) canvas_text(c, e->note, MARGIN, top + PICTURE + 5, 12, false, GRAY, PICTURE);
    canvas_text(c, e->caption, left, top, 21, true, INK, WIDTH - left - MARGIN);
    for (int i = 0; i < e->word_count; i++) {
        double x = left + i % maps_a_row() * (MAP + GAP), y = top + CAPTION + i / maps_a_row() * (MAP + WORD + GAP);
        double wide = fmin(canvas_text_width(c, e->words[i].text, 14, false), MAP);
        canvas_picture(c, &e->picture, x, y, MAP, MAP);
        if (e->words[i].heat) canvas_heat(c, e->words[i].heat, e->rows, e->columns, x, y, MAP, MAP);
        canvas_text(c, e->words[i].text, x + (MAP - wide) / 2, y + MAP + 3, 14, false, INK, MAP);
    }
}

bool sheet_write(const char *path, const SheetEntry *entries, int count, const char *footer, Err *err)
{
    int height = MARGIN + (footer ? MARGIN : 0);

    for (int i = 0; i < count; i++) height += entry_height(&entries[i]);
    if (height > 32000) return fail(err, "%s: %d pictures do not fit on one sheet; show fewer", path, count);
    Canvas *c = canvas_new(WIDTH, height, PAPER);
    double top = MARGIN;
    for (int i = 0; i < count; i++) {
        draw_entry(c, &entries[i], top);
        top += entry_height(&entries[i]);
    }
    if (footer) canvas_text(c, footer, MARGIN, height - MARGIN, 12, false, GRAY, WIDTH - 2 * MARGIN);
    Image im = canvas_image(c);
    bool ok = image_write(path, &im, err);
    image_free(&im);
    canvas_free(c);
    return ok;
}
