/* test_prepare_boxes.c - boxes follow the pixels: markers drawn on pictures stay in their boxes through each resize mode, EXIF orientation,
 * frame of the annotations, filter and size.
 *
 * A picture is gray with three markers, red, green and blue. Let a be the share of a marker's colour in a pixel; a > 1/2 says that the
 * pixel's centre lies in the marker, for every filter here. So these pixels must lie in the box rounded outward, and the box may reach
 * a pixel farther than they do; and nothing of the colour may be seen farther off than the filter spreads. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/source.h"
#include "tests/prepare_case.h"

enum { MARKERS = 3, GRAY = 128, ORIENTATIONS = 8 };
static const char *const COLOUR[MARKERS] = { "red", "green", "blue" };

/* ---- drawing ----------------------------------------------------------------------------------------------------------- */
typedef struct Scene { int width, height, grid; } Scene;             /* upright; markers begin and end at multiples of the grid */
typedef struct Rect { int x0, y0, x1, y1; } Rect;

/* Inside, at the upper right corner, at the lower edge. */
static Rect marker(const Scene *s, int k)
{
    static const double AT[MARKERS][4] = { { 0.1, 0.2, 0.4, 0.55 }, { 0.6, 0, 1, 0.35 }, { 0.25, 0.65, 0.8, 1 } };
    const double *f = AT[k];
    int g = s->grid, w = s->width / g, h = s->height / g;
    return (Rect){ (int)(f[0] * w + 0.5) * g, (int)(f[1] * h + 0.5) * g, (int)(f[2] * w + 0.5) * g, (int)(f[3] * h + 0.5) * g };
}

/* Where a pixel of the stored picture is to be seen upright, by the table of the EXIF standard (2.32, tag 274). */
static void upright_at(const Scene *s, int orientation, int x, int y, int *ux, int *uy)
{
    int right = s->width - 1, bottom = s->height - 1;
    switch (orientation) {
    case 1: *ux = x, *uy = y; break;
    case 2: *ux = right - x, *uy = y; break;
    case 3: *ux = right - x, *uy = bottom - y; break;
    case 4: *ux = x, *uy = bottom - y; break;
    case 5: *ux = y, *uy = x; break;
    case 6: *ux = right - y, *uy = x; break;
    case 7: *ux = right - y, *uy = bottom - x; break;
    default: *ux = y, *uy = bottom - x;
    }
}

/* The stored picture; `stored`: the box of each marker in it. */
static Image draw(const Scene *s, int orientation, Rect stored[MARKERS])
{
    bool  turned = orientation >= 5;
    Image im = image_new(turned ? s->height : s->width, turned ? s->width : s->height, 3);

    memset(im.pixels, GRAY, (size_t)im.width * (size_t)im.height * 3);
    for (int k = 0; k < MARKERS; k++) stored[k] = (Rect){ im.width, im.height, 0, 0 };
    for (int y = 0; y < im.height; y++)
        for (int x = 0; x < im.width; x++)
            for (int k = 0; k < MARKERS; k++) {
                Rect r = marker(s, k), *o = &stored[k];
                int  ux, uy;
                upright_at(s, orientation, x, y, &ux, &uy);
                if (ux < r.x0 || ux >= r.x1 || uy < r.y0 || uy >= r.y1) continue;
                for (int c = 0; c < 3; c++) im.pixels[(y * im.width + x) * 3 + c] = c == k ? 255 : 0;
                *o = (Rect){ x < o->x0 ? x : o->x0, y < o->y0 ? y : o->y0, x >= o->x1 ? x + 1 : o->x1, y >= o->y1 ? y + 1 : o->y1 };
            }
    return im;
}

/* ---- files with an orientation ----------------------------------------------------------------------------------------- */
/* A TIFF of one directory with one entry: Orientation, SHORT, 1 value. */
static size_t put_tiff(uint8_t *to, int orientation)
{
    const uint8_t tiff[26] = { 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, (uint8_t)orientation };
    memcpy(to, tiff, sizeof tiff);
    return sizeof tiff;
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = ~0u;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int b = 0; b < 8; b++) c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void put_big(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Behind a JPEG's first marker, an APP1; behind a PNG's header, an eXIf chunk. */
static void put_turned(const char *name, const Image *im, int orientation)
{
    bool     png = strstr(name, ".png") != NULL;
    uint8_t *data, extra[64] = { 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f' };
    size_t   bytes, at = png ? 33 : 2, more = 10;
    Err      err = { 0 };

    cr_assert(png ? image_encode_png(im, &data, &bytes, &err) : image_encode_jpeg(im, 100, &data, &bytes, &err), "%s", err.text);
    if (png) {
        put_big(extra, 26);
        memcpy(extra + 4, "eXIf", 4);
        more = 8 + put_tiff(extra + 8, orientation);
        put_big(extra + more, crc32_of(extra + 4, more - 4));
        more += 4;
    } else more += put_tiff(extra + more, orientation);

    char *whole = malloc(bytes + more);
    memcpy(whole, data, at);
    memcpy(whole + at, extra, more);
    memcpy(whole + at + more, data + at, bytes - at);
    put_bytes(name, whole, bytes + more);
    free(whole);
    free(data);
}

/* width 0: no size is declared. */
static void put_line(FILE *f, const char *name, int width, int height, const Rect *box)
{
    fprintf(f, "{\"image\": \"%s\", ", name);
    if (width) fprintf(f, "\"width\": %d, \"height\": %d, ", width, height);
    fputs("\"captions\": [\"Markers.\"], \"boxes\": [", f);
    for (int k = 0; k < MARKERS; k++)
        fprintf(f, "%s{\"box\": [%d, %d, %d, %d], \"phrase\": \"%s\"}", k ? ", " : "", box[k].x0, box[k].y0, box[k].x1, box[k].y1, COLOUR[k]);
    fputs("]}\n", f);
}

/* Markers of a JPEG end where its blocks do, so that they come out of it as they were drawn. */
static const struct { Scene scene; const char *kind; } SCENES[] = {
    { { 61, 43, 1 }, "png" }, { { 31, 97, 1 }, "png" }, { { 200, 40, 1 }, "png" }, { { 160, 112, 16 }, "jpg" }, { { 96, 160, 16 }, "jpg" } };
enum { SCENE_KINDS = sizeof SCENES / sizeof *SCENES };

static void begin(void)
{
    char  *text[2];
    size_t bytes[2];
    FILE  *f[2];

    source_begin();
    for (int i = 0; i < 2; i++) f[i] = open_memstream(&text[i], &bytes[i]);
    for (int k = 0; k < SCENE_KINDS; k++)
        for (int o = 1; o <= ORIENTATIONS; o++) {
            char  name[64], path[80];
            Rect  stored[MARKERS], upright[MARKERS];
            Image im = draw(&SCENES[k].scene, o, stored);
            for (int m = 0; m < MARKERS; m++) upright[m] = marker(&SCENES[k].scene, m);
            snprintf(name, sizeof name, "%d-%d.%s", k, o, SCENES[k].kind);
            snprintf(path, sizeof path, "data/%s", name);
            put_turned(path, &im, o);
            image_free(&im);
            put_line(f[0], name, 0, 0, stored);
            put_line(f[1], name, 0, 0, upright);
        }
    for (int i = 0; i < 2; i++) {
        fclose(f[i]);
        put(i ? "data/upright.jsonl" : "data/stored.jsonl", text[i]);
        free(text[i]);
    }
}

TestSuite(prepare_boxes, .init = begin, .fini = source_end);

/* ---- looking ----------------------------------------------------------------------------------------------------------- */
/* The share of a marker's colour: what its channel has more than the others. */
static double share_at(const Image *im, int x, int y, int k)
{
    const uint8_t *p = im->pixels + (y * im->width + x) * 3;
    int a = p[(k + 1) % 3], b = p[(k + 2) % 3];
    return (p[k] - (a > b ? a : b)) / 255.0;
}

/* The pixels of more than that share; x1 = 0: none. */
static Rect seen(const Image *im, int k, double share)
{
    Rect r = { im->width, im->height, 0, 0 };
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++) {
            if (share_at(im, x, y, k) <= share) continue;
            r = (Rect){ x < r.x0 ? x : r.x0, y < r.y0 ? y : r.y0, x >= r.x1 ? x + 1 : r.x1, y + 1 };
        }
    return r;
}

static const StoreBox *box_of(const StoreBox *boxes, int64_t count, const char *phrase)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(boxes[i].phrase, phrase) == 0) return &boxes[i];
    return NULL;
}

/* spread: how far, in pixels, the filter carries a colour. */
static void check_marker(const Image *im, const StoreBox *b, int k, double spread, const char *what)
{
    static const double EPS = 1e-3;
    Rect core = seen(im, k, 0.52), all = seen(im, k, 0.1);

    cr_assert(core.x1 > 0, "%s: %s is not to be seen, its box is %g %g %g %g", what, COLOUR[k], b->x0, b->y0, b->x1, b->y1);
    cr_assert(core.x0 >= floor(b->x0 + EPS) && core.y0 >= floor(b->y0 + EPS) && core.x1 <= ceil(b->x1 - EPS) && core.y1 <= ceil(b->y1 - EPS),
              "%s: %s is at %d %d %d %d, its box is %g %g %g %g", what, COLOUR[k], core.x0, core.y0, core.x1, core.y1, b->x0, b->y0, b->x1, b->y1);
    cr_assert(b->x0 >= core.x0 - 1 && b->y0 >= core.y0 - 1 && b->x1 <= core.x1 + 1 && b->y1 <= core.y1 + 1,
              "%s: the box %g %g %g %g is larger than %s at %d %d %d %d", what, b->x0, b->y0, b->x1, b->y1, COLOUR[k], core.x0, core.y0, core.x1, core.y1);
    cr_assert(all.x0 >= b->x0 - spread && all.y0 >= b->y0 - spread && all.x1 <= b->x1 + spread && all.y1 <= b->y1 + spread,
              "%s: %s spreads over %d %d %d %d, its box is %g %g %g %g", what, COLOUR[k], all.x0, all.y0, all.x1, all.y1, b->x0, b->y0, b->x1, b->y1);
}

/* A marker without a box must not be there, and must be listed as cut away. */
static int check_item(Store *s, int64_t i, Filter filter, const char *report, const char *what)
{
    Image    im;
    Err      err = { 0 };
    StoreBox boxes[MARKERS];
    int64_t  count = store_box_count(s, i);
    int      cut = 0, width, height;
    char     whole[128];

    cr_assert(count <= MARKERS);
    for (int64_t b = 0; b < count; b++) boxes[b] = store_box(s, i, b);
    cr_assert(store_picture(s, i, &im, &err), "%s", err.text);
    store_original_size(s, i, &width, &height);
    double shrink = fmax(1, fmin((double)width / im.width, (double)height / im.height)), grow = fmax((double)im.width / width, (double)im.height / height);
    double spread = filter == FILTER_NEAREST ? 1 : 2 * fmax(shrink, grow) + 1;
    if (strstr(store_item_name(s, i), ".jpg")) spread += 2 * grow;              /* colours have half the pixels in a JPEG */
    snprintf(whole, sizeof whole, "%s, %s", what, store_item_name(s, i));
    for (int k = 0; k < MARKERS; k++) {
        const StoreBox *b = box_of(boxes, count, COLOUR[k]);
        if (b) check_marker(&im, b, k, spread, whole);
        else {
            Rect left = seen(&im, k, 0.52);
            cut++;
            cr_assert(left.x1 == 0, "%s: %s is to be seen and has no box", whole, COLOUR[k]);
            cr_assert(report_has(report, "cut-away", store_item_name(s, i), NULL, -1, COLOUR[k]), "%s: %s is not listed", whole, COLOUR[k]);
        }
    }
    image_free(&im);
    return cut;
}

static PrepareOptions options_of(const char *input, ResizeMode mode, Filter filter, int size)
{
    static const char *inputs[1];
    PrepareOptions o = case_options("a.h5");
    inputs[0] = in_folder(input);
    o.inputs = inputs;
    o.resize = mode;
    o.filter = filter;
    o.size = size;
    o.strict = true;
    return o;
}

/* How many markers were cut away, over both frames, three filters, made smaller and larger. */
static int check_mode(ResizeMode mode, StoredFormat format)
{
    static const Filter FILTERS[] = { FILTER_NEAREST, FILTER_BILINEAR, FILTER_BICUBIC };
    static const int    SIZES[] = { 29, 120 };
    int cut = 0;

    for (int upright = 0; upright < 2; upright++)
        for (int f = 0; f < 3; f++)
            for (int z = 0; z < 2; z++) {
                Err  err = { 0 };
                char what[64];
                PrepareOptions o = options_of(upright ? "data/upright.jsonl" : "data/stored.jsonl", mode, FILTERS[f], SIZES[z]);
                o.frame = upright ? FRAME_UPRIGHT : FRAME_STORED;
                o.format = format;
                prepare_well("jsonl", &o);
                Store *s = store_open(in_folder("a.h5"), &err);
                cr_assert(s && store_count(s) == SCENE_KINDS * ORIENTATIONS, "%s", err.text);
                snprintf(what, sizeof what, "%s frame, %s, %d px", upright ? "upright" : "stored", filter_name(FILTERS[f]), SIZES[z]);
                for (int64_t i = 0; i < store_count(s); i++) cut += check_item(s, i, FILTERS[f], "a.h5.report.jsonl", what);
                cr_assert_eq(report_lines("a.h5.report.jsonl"), store_rejected(s));
                store_close(s);
            }
    return cut;
}

Test(prepare_boxes, hold_their_markers_in_files_kept_as_they_are) { cr_assert_eq(check_mode(RESIZE_SQUASH, FORMAT_ORIGINAL), 0); }
Test(prepare_boxes, hold_their_markers_when_pictures_are_squashed) { cr_assert_eq(check_mode(RESIZE_SQUASH, FORMAT_RAW), 0); }
Test(prepare_boxes, hold_their_markers_when_pictures_are_padded)   { cr_assert_eq(check_mode(RESIZE_PAD, FORMAT_RAW), 0); }
Test(prepare_boxes, hold_their_markers_when_pictures_keep_their_proportions) { cr_assert_eq(check_mode(RESIZE_KEEP, FORMAT_RAW), 0); }
Test(prepare_boxes, hold_their_markers_when_pictures_are_cropped_or_are_listed_as_cut_away) { cr_assert_gt(check_mode(RESIZE_CROP, FORMAT_RAW), 0); }

/* ---- what annotations say of sizes -------------------------------------------------------------------------------------- */
/* One line about scene 0 (61 x 43) in that orientation, its boxes divided by `shrink`, into a.h5 with the frame left to be guessed. */
static Store *prepare_one(int orientation, bool upright, int width, int height, int shrink)
{
    char   name[32], *text;
    size_t bytes;
    Rect   box[MARKERS];
    Err    err = { 0 };
    FILE  *f = open_memstream(&text, &bytes);
    Image  im = draw(&SCENES[0].scene, orientation, box);

    image_free(&im);
    for (int k = 0; k < MARKERS; k++) {
        if (upright) box[k] = marker(&SCENES[0].scene, k);
        box[k] = (Rect){ box[k].x0 / shrink, box[k].y0 / shrink, box[k].x1 / shrink, box[k].y1 / shrink };
    }
    snprintf(name, sizeof name, "0-%d.png", orientation);
    put_line(f, name, width, height, box);
    fclose(f);
    put("data/one.jsonl", text);
    free(text);
    PrepareOptions o = options_of("data/one.jsonl", RESIZE_SQUASH, FILTER_NEAREST, 120);
    prepare_well("jsonl", &o);
    Store *s = store_open(in_folder("a.h5"), &err);
    cr_assert(s && store_box_count(s, 0) == MARKERS, "%s", err.text);
    return s;
}

/* A marker at x0 .. x1 of 61 pixels is at x0 * 120 / 61 .. of 120. */
static void expect_at(Store *s, double within)
{
    for (int k = 0; k < MARKERS; k++) {
        Rect     r = marker(&SCENES[0].scene, k);
        StoreBox b = store_box(s, 0, k);
        cr_expect(fabs(b.x0 - r.x0 * 120.0 / 61) < within && fabs(b.x1 - r.x1 * 120.0 / 61) < within && fabs(b.y0 - r.y0 * 120.0 / 43) < within
                  && fabs(b.y1 - r.y1 * 120.0 / 43) < within, "%s: %g %g %g %g", COLOUR[k], b.x0, b.y0, b.x1, b.y1);
    }
    store_close(s);
}

Test(prepare_boxes, are_where_the_formula_says)           { expect_at(prepare_one(1, false, 0, 0, 1), 1e-4); }
Test(prepare_boxes, are_upright_where_the_size_says_so)   { expect_at(prepare_one(6, true, 61, 43, 1), 1e-4); }
Test(prepare_boxes, are_as_stored_where_the_size_says_so) { expect_at(prepare_one(6, false, 43, 61, 1), 1e-4); }
Test(prepare_boxes, are_as_stored_where_nothing_is_said)  { expect_at(prepare_one(8, false, 0, 0, 1), 1e-4); }

/* Of a half turn no size tells; nor does the size of a quarter turn that nobody states. */
Test(prepare_boxes, of_a_picture_whose_turn_is_not_known_are_noted)
{
    static const struct { int orientation, width, height; bool noted; } CASES[] = {
        { 1, 0, 0, false }, { 3, 61, 43, true }, { 3, 0, 0, true }, { 6, 0, 0, true }, { 6, 61, 43, false }, { 6, 43, 61, false } };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char name[16];
        store_close(prepare_one(CASES[i].orientation, CASES[i].width == 61, CASES[i].width, CASES[i].height, 1));
        snprintf(name, sizeof name, "0-%d.png", CASES[i].orientation);
        cr_expect_eq(report_has("a.h5.report.jsonl", "unknown-turn", name, "one.jsonl", 1, "orientation"), CASES[i].noted, "case %zu", i);
    }
}

/* Boxes of a picture of half the size, whose corners were rounded down: within two pixels of the whole. */
Test(prepare_boxes, of_another_size_are_scaled_and_it_is_noted)
{
    expect_at(prepare_one(7, false, 21, 30, 2), 120.0 / 43 * 2);
    cr_assert_eq(report_lines("a.h5.report.jsonl"), 1);
    cr_assert(report_has("a.h5.report.jsonl", "other-size", "0-7.png", "one.jsonl", 1, "43 x 61"));
}
