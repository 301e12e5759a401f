/* test_contact_sheet.c - boxes lie where the store has them, their colours are those of the caption, and no store is too strange to be drawn. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/catalog.h"
#include "experiments/contact_boxes.h"
#include "experiments/contact_sheet.h"
#include "tensor/base/file.h"

/* Of the layout: pixels a tile, and where the first picture begins. */
enum { TILE = 340, LEFT = 28, TOP = 62, STEP = TILE + 24 };

static char folder[64];

static void begin(void)
{
    strcpy(folder, "/tmp/limn-test-sheet-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(contact_sheet, .init = begin, .fini = end);

static StoreItem gray(int width, int height, const char *name)
{
    static uint8_t pixels[2000 * 2000 * 3];
    memset(pixels, 0x90, sizeof pixels);
    return (StoreItem){ .name = name, .split = "train", .width = width, .height = height, .stored_width = width, .stored_height = height,
                        .pixels = pixels };
}

static Store *store_of(const StoreItem *items, int count)
{
    char path[128];
    Err  err = { 0 };
    StoreOptions o = { .preprocess = json_object(), .provenance = json_object() };
    snprintf(path, sizeof path, "%s/a.h5", folder);
    StoreWriter *w = store_create(path, &o, &err);
    cr_assert(w, "%s", err.text);
    for (int i = 0; i < count; i++) cr_assert(store_add(w, &items[i], &err), "%s", err.text);
    cr_assert(store_finish(w, &err), "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
    Store *s = store_open(path, &err);
    cr_assert(s, "%s", err.text);
    return s;
}

static Image sheet_of(Store *s, const char *split, int count)
{
    char  path[128];
    Image im;
    Err   err = { 0 };
    snprintf(path, sizeof path, "%s/sheet.png", folder);
    cr_assert(contact_sheet_write(path, s, "some/where/a.h5", split, count, &err), "%s", err.text);
    cr_assert(image_read(path, &im, &err), "%s", err.text);
    return im;
}

static uint32_t at(const Image *im, double x, double y)
{
    const uint8_t *p = im->pixels + ((size_t)y * (size_t)im->width + (size_t)x) * 3;
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Pixels of that very colour in a rectangle. */
static int count_of(const Image *im, uint32_t rgb, int x0, int y0, int x1, int y1)
{
    int n = 0;
    for (int y = y0; y < y1 && y < im->height; y++)
        for (int x = x0; x < x1 && x < im->width; x++) n += at(im, x, y) == rgb;
    return n;
}

Test(contact_sheet, boxes_lie_where_the_store_has_them)
{
    StoreBox    boxes[] = { { 20, 40, 60, 90, -1, 0, 0, NULL, BOX_REGION, -1 } };
    StoreItem   item = gray(170, 85 * 2, "a");
    item.boxes = boxes, item.box_count = 1;
    Store *s = store_of(&item, 1);
    Image im = sheet_of(s, NULL, 12);
    ContactBoxes b = contact_boxes(s, 0);
    uint32_t rgb = b.box[0].rgb;
    double x0 = LEFT + 2 * 20, y0 = TOP + 2 * 40, x1 = LEFT + 2 * 60, y1 = TOP + 2 * 90, xm = (x0 + x1) / 2, ym = (y0 + y1) / 2;

    cr_assert_eq(im.width, 2 * LEFT + TILE);
    cr_expect(at(&im, xm, y0) == rgb && at(&im, xm, y1) == rgb && at(&im, x0, ym) == rgb && at(&im, x1, ym) == rgb, "edges");
    cr_expect(at(&im, xm, ym) == 0x909090 && at(&im, x0 - 6, ym) == 0x909090 && at(&im, x1 + 6, ym) == 0x909090 && at(&im, xm, y0 - 6) == 0x909090
              && at(&im, xm, y1 + 6) == 0x909090, "and nothing beside them");
    contact_boxes_free(&b);
    image_free(&im);
    store_close(s);
}

Test(contact_sheet, a_picture_of_other_proportions_is_centred_with_its_boxes)
{
    StoreBox  boxes[] = { { 50, 10, 150, 60, -1, 0, 0, NULL, BOX_REGION, -1 } };
    StoreItem items[] = { gray(340, 340, "square"), gray(340, 100, "wide"), gray(40, 340, "tall") };
    items[1].boxes = boxes, items[1].box_count = 1;
    Store *s = store_of(items, 3);
    Image im = sheet_of(s, NULL, 3);
    ContactBoxes b = contact_boxes(s, 1);
    double x = LEFT + STEP, y = TOP + 120;
    cr_expect_eq(at(&im, x + 100, y + 10), b.box[0].rgb);
    cr_expect_eq(at(&im, x + 100, y + 60), b.box[0].rgb);
    cr_expect_eq(at(&im, x + 300, y + 50), 0x909090);
    cr_expect_eq(at(&im, x + 170, y - 20), 0xf1f2f4, "the mat");
    cr_expect(at(&im, x + STEP + 170, TOP + 5) == 0x909090 && at(&im, x + STEP + 145, TOP + 5) == 0xf1f2f4 && at(&im, x + STEP + 195, TOP + 5) == 0xf1f2f4);
    contact_boxes_free(&b);
    image_free(&im);
    store_close(s);
}

Test(contact_sheet, phrases_of_the_caption_have_the_colours_of_their_boxes)
{
    static const char *const CAPTIONS[] = { "nothing of this", "a brown dog chases a red ball" };
    StoreBox  boxes[] = { { 10, 10, 80, 80, 1, 0, 11, "a brown dog", BOX_PHRASE, 1 }, { 100, 100, 130, 130, 1, 19, 29, "a red ball", BOX_PHRASE, 2 },
                          { 12, 12, 70, 70, 1, 0, 11, "a brown dog", BOX_PHRASE, 1 }, { 0, 0, 5, 5, 0, 0, 7, "nothing", BOX_PHRASE, 3 } };
    StoreItem item = gray(170, 170, "a");
    item.captions = CAPTIONS, item.caption_count = 2, item.boxes = boxes, item.box_count = 4;
    Store *s = store_of(&item, 1);
    ContactBoxes b = contact_boxes(s, 0);
    cr_expect(b.caption == 1 && b.count == 3 && b.hidden == 0, "the caption that most boxes speak of, and its boxes");
    cr_expect(b.box[0].rgb == b.box[1].rgb && b.box[0].rgb != b.box[2].rgb, "an entity has one colour");
    cr_expect(b.box[0].labelled && !b.box[1].labelled && b.box[2].labelled, "and one label");
    Image im = sheet_of(s, NULL, 1);
    int below = TOP + TILE + 5;
    cr_expect_gt(count_of(&im, b.box[0].rgb, LEFT, below, LEFT + TILE, im.height), 20);
    cr_expect_gt(count_of(&im, b.box[2].rgb, LEFT, below, LEFT + TILE, im.height), 20);
    contact_boxes_free(&b);
    image_free(&im);
    store_close(s);
}

Test(contact_sheet, objects_of_a_category_share_a_colour_and_have_a_label_each)
{
    StoreBox boxes[40];
    for (int i = 0; i < 40; i++)
        boxes[i] = (StoreBox){ (float)i, (float)i, (float)(2 * i + 1), (float)(2 * i + 2), -1, 0, 0, i % 2 ? "dog" : "cat", BOX_OBJECT, i };
    StoreItem item = gray(100, 100, "a");
    item.boxes = boxes, item.box_count = 40;
    Store *s = store_of(&item, 1);
    ContactBoxes b = contact_boxes(s, 0);
    cr_assert(b.count == CONTACT_BOXES && b.hidden == 40 - CONTACT_BOXES && b.caption == -1 && b.spans == 0);
    for (int i = 0; i < b.count; i++) {
        cr_expect_eq(b.box[i].box.entity, 39 - i, "the largest come first");
        cr_expect(b.box[i].labelled && (b.box[i].rgb == b.box[0].rgb) == (i % 2 == 0));
    }
    contact_boxes_free(&b);
    Image im = sheet_of(s, NULL, 1);
    image_free(&im);
    store_close(s);
}

Test(contact_sheet, pictures_are_spread_over_the_split)
{
    StoreItem items[9];
    char      names[9][8];
    Err       err = { 0 };
    for (int i = 0; i < 9; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        items[i] = gray(i == 4 ? 340 : 34, 34, names[i]);            /* the middle one can be told */
        items[i].split = i < 6 ? "train" : "val";
    }
    Store *s = store_of(items, 9);
    Image im = sheet_of(s, NULL, 1);
    cr_expect_eq(at(&im, LEFT + 335, TOP + 30), 0x909090);
    image_free(&im);
    im = sheet_of(s, "val", 12);
    cr_expect_eq(im.width, 2 * LEFT + 2 * STEP + TILE, "three pictures, three columns");
    image_free(&im);
    im = sheet_of(s, NULL, 9);
    cr_expect_eq(im.width, 2 * LEFT + 3 * STEP + TILE);
    image_free(&im);
    cr_expect(!contact_sheet_write("x.png", s, "a", "dev", 12, &err) && strstr(err.text, "dev") && err.status == ERR_USAGE, "%s", err.text);
    err = (Err){ 0 };
    cr_expect(!contact_sheet_write("x.txt", s, "a", NULL, 12, &err) && strstr(err.text, "x.txt"), "%s", err.text);
    store_close(s);
}

Test(contact_sheet, no_store_is_too_strange_to_be_drawn)
{
    static char long_word[20001], words[20001];
    memset(long_word, 'x', 20000);
    for (int i = 0; i < 20000; i++) words[i] = i % 5 == 4 ? ' ' : 'w';
    const char *captions[][1] = { { long_word }, { words }, { "\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8b\x97 \xf0\x9f\x90\x95\xef\xb8\x8f" }, { "" }, { "\n\n a \n" }, { "   " } };
    StoreBox  boxes[] = { { 0, 0, 0.001f, 0.001f, -1, 0, 0, long_word, BOX_PHRASE, -1 }, { 0, 0, 1, 1, -1, 0, 0, "", BOX_PHRASE, -1 },
                          { 0, 0, 0, 0, -1, 0, 0, "none", BOX_NONE, -1 }, { 0.5f, 0.5f, 1, 1, -1, 0, 0, "\xe7\x8b\x97\n\t", BOX_OBJECT, 4 } };
    StoreItem items[] = { gray(1, 1, "dot"), gray(2000, 1, "line"), gray(1, 2000, "post"), gray(2000, 2000, long_word), gray(3, 2, "\xd8\xb5"), gray(7, 900, "x") };
    enum { COUNT = sizeof items / sizeof *items };
    for (int i = 0; i < COUNT; i++) items[i].captions = captions[i], items[i].caption_count = i < 5, items[i].boxes = boxes, items[i].box_count = i % 5;
    Store *s = store_of(items, COUNT);
    Image im = sheet_of(s, NULL, COUNT);
    cr_expect_eq(im.width, 2 * LEFT + 3 * STEP + TILE);
    cr_expect(im.height > 500 && im.height < 1200, "%d", im.height);
    image_free(&im);
    store_close(s);
}

Test(contact_sheet, a_damaged_picture_is_said_to_be_one)
{
    StoreItem item = gray(50, 50, "a");
    char  path[128];
    size_t bytes;
    Err   err = { 0 };
    store_close(store_of(&item, 1));
    snprintf(path, sizeof path, "%s/a.h5", folder);
    char *whole = file_read(path, &bytes, &err), pixels[600];
    memset(pixels, 0x90, sizeof pixels);
    char *found = memmem(whole, bytes, pixels, sizeof pixels);
    cr_assert(found);
    found[77] ^= 1;
    FILE *f = fopen(path, "w");
    cr_assert(f && fwrite(whole, 1, bytes, f) == bytes && fclose(f) == 0);
    free(whole);
    Store *s = store_open(path, &err);
    cr_assert(s, "%s", err.text);
    Image im = sheet_of(s, NULL, 1);
    cr_expect_eq(count_of(&im, 0x909090, LEFT, TOP, LEFT + TILE, TOP + 300), 0);
    cr_expect_gt(count_of(&im, 0x7a828c, LEFT, TOP, LEFT + TILE, TOP + 300), 50, "words instead");
    image_free(&im);
    store_close(s);
}
