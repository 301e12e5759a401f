/* test_export.c - a store given back: whole through limn's own form, as COCO's tools expect it, under names that are safe, and never half. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datasets/export.h"
#include "datasets/export/name.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tests/prepare_case.h"

enum { SIDE = 12, ITEMS = 9, MASK = SIDE * 2 };

TestSuite(export, .init = source_begin, .fini = source_end);

/* ---- stores ------------------------------------------------------------------------------------------------------------ */
static const char *const CAPTIONS[] = { "Ein Hund l\xc3\xa4uft \xf0\x9f\x90\x95 .", "A \"dog\" runs\\walks\tthere", "\xe7\x8b\x97" };

/* Every kind of box, with corners that no short decimal says. */
static const StoreBox BOXES[] = {
    { 0.1f, 1.0f / 3, 7.7777777f, 11.9999f, 0, 4, 8, "Hund", BOX_PHRASE, 77 },
    { 1e-7f, 2.5f, 12, 12, 0, 0, 15, "Ein Hund l\xc3\xa4uft", BOX_PHRASE, -1 },
    { 0, 0, 12, 12, -1, 0, 0, "dog", BOX_OBJECT, 1LL << 40 },
    { 3.1415927f, 2.7182817f, 5.4365635f, 6.2831855f, -1, 0, 0, "the \"left\" one", BOX_REFERRING, 5 },
    { 4, 5, 10.0483885f, 10.6024475f, -1, 0, 0, "a region", BOX_REGION, 6 },
    { 0, 0, 0, 0, 0, 14, 20, "t \xf0\x9f\x90\x95", BOX_NONE, 9 },
    { 0.3f, 0.6f, 0.9f, 11.1f, -1, 0, 0, "cat", BOX_OBJECT, 3 },
};
enum { BOX_COUNT = sizeof BOXES / sizeof *BOXES };

static void write_store(const char *path, const char *const *names, int count, int size, bool masks)
{
    StoreOptions o = { .size = size, .preprocess = json_pack("{s:i}", "size", SIDE), .provenance = json_pack("{s:s}", "source", "test") };
    Err err = { 0 };
    StoreWriter *w = store_create(path, &o, &err);
    cr_assert(w, "%s", err.text);

    for (int i = 0; i < count; i++) {
        int     width = size ? size : 5 + i, height = size ? size : 20 - i;
        uint8_t pixels[25 * 25 * 3], mask[3 * MASK];
        char    truth[64];
        for (int k = 0; k < width * height * 3; k++) pixels[k] = (uint8_t)(i * 37 + k * 11 + k / 7);
        for (int k = 0; k < 3 * MASK; k++) mask[k] = (uint8_t)(k % 2 ? (i + k * 31) & 0xf0 : i * 7 + k * 13);
        snprintf(truth, sizeof truth, "{\"n\": %d, \"of\": [1.5]}", i);
        StoreItem item = { .name = names[i], .split = i % 3 == 2 ? "val" : "train", .width = 100, .height = 200, .stored_width = width,
                           .stored_height = height, .pixels = pixels, .phash = 1, .captions = CAPTIONS, .caption_count = 1 + i % 3, .boxes = BOXES,
                           .box_count = !size || i % 4 == 3 ? 0 : BOX_COUNT - i % 2, .truth = masks && i % 2 ? truth : NULL, .mask = mask,
                           .mask_objects = masks ? i % 4 : 0 };
        cr_assert(store_add(w, &item, &err), "%s", err.text);
    }
    cr_assert(store_finish(w, &err), "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
}

static const char *const PLAIN[ITEMS] = { "a.jpg", "b.png", "sub/c.jpg", "sub/deep/d.png", "e", "f.JPEG", "a.png", "h.v2", "\xc3\xa9t\xc3\xa9.jpg" };

static Store *open_store(const char *name)
{
    Err    err = { 0 };
    Store *s = store_open(in_folder(name), &err);
    cr_assert(s, "%s", err.text);
    return s;
}

/* ---- exports ----------------------------------------------------------------------------------------------------------- */
static ExportSummary sum;

static bool try_export(ExportOptions o, Err *err)
{
    *err = (Err){ 0 };
    return export_store(&o, NULL, NULL, &sum, err);
}

static void export_well(ExportOptions o)
{
    Err err;
    cr_assert(try_export(o, &err), "%s", err.text);
}

#define EXPORT(...) (ExportOptions){ .store = in_folder("a.h5"), __VA_ARGS__ }

static void run_shell(const char *command)
{
    char text[1024];
    snprintf(text, sizeof text, "cd '%s' && ( %s ) >/dev/null 2>&1", folder, command);
    cr_assert_eq(system(text), 0, "%s", command);
}

static json_t *read_json(const char *name)
{
    Err     err = { 0 };
    json_t *j = json_read_file(in_folder(name), &err);
    cr_assert(j, "%s", err.text);
    return j;
}

static json_t *read_line(const char *name, int line)
{
    size_t bytes;
    Err    err = { 0 };
    char  *text = file_read(in_folder(name), &bytes, &err), *at = text;
    cr_assert(text, "%s", err.text);
    while (line--) at = strchr(at, '\n') + 1;
    json_t *j = json_loadb(at, strcspn(at, "\n"), 0, NULL);
    cr_assert(j, "%s", at);
    free(text);
    return j;
}

static void prepare_back(const char *source, const char *from, const char *to, PrepareOptions o)
{
    const char *input = in_folder(from);
    PrepareSummary summary;
    Err err = { 0 };

    o.inputs = &input;
    o.input_count = 1;
    o.out = in_folder(to);
    o.strict = true;
    o.vocabulary = "none";
    cr_assert(prepare_store(source_find(source, &err), &o, NULL, NULL, &summary, &err), "%s", err.text);
}

/* ---- comparing --------------------------------------------------------------------------------------------------------- */
static void expect_same_box(StoreBox x, StoreBox y, bool spans)
{
    cr_expect(x.x0 == y.x0 && x.y0 == y.y0 && x.x1 == y.x1 && x.y1 == y.y1, "%.9g %.9g %.9g %.9g, not %.9g %.9g %.9g %.9g", (double)y.x0,
              (double)y.y0, (double)y.x1, (double)y.y1, (double)x.x0, (double)x.y0, (double)x.x1, (double)x.y1);
    cr_expect(x.kind == y.kind && x.entity == y.entity, "kind %d, entity %lld", y.kind, (long long)y.entity);
    cr_expect(!spans || (x.caption == y.caption && (x.caption < 0 || (x.from == y.from && x.to == y.to))), "span %d %d %d", y.caption, y.from, y.to);
    cr_expect_str_eq(x.phrase, y.phrase);
}

static void expect_same_picture(Store *a, int64_t i, Store *b, int64_t k)
{
    uint8_t *x, *y;
    size_t   n, m;
    Err      err = { 0 };
    cr_assert(store_bytes(a, i, &x, &n, &err) && store_bytes(b, k, &y, &m, &err), "%s", err.text);
    cr_expect(n == m && memcmp(x, y, n) == 0, "%s: other pixels", store_item_name(a, i));
    free(x);
    free(y);
}

static void expect_same_captions(Store *a, int64_t i, Store *b, int64_t k)
{
    cr_assert_eq(store_caption_count(a, i), store_caption_count(b, k));
    for (int64_t c = 0; c < store_caption_count(a, i); c++) cr_expect_str_eq(store_caption(a, i, c), store_caption(b, k, c));
}

static void expect_same_items(Store *a, Store *b)
{
    cr_assert_eq(store_count(a), store_count(b));
    for (int64_t i = 0; i < store_count(a); i++) {
        cr_expect_str_eq(store_item_name(a, i), store_item_name(b, i));
        cr_expect_str_eq(store_split_name(a, store_item_split(a, i)), store_split_name(b, store_item_split(b, i)));
        expect_same_picture(a, i, b, i);
        expect_same_captions(a, i, b, i);
        cr_assert_eq(store_box_count(a, i), store_box_count(b, i));
        for (int64_t k = 0; k < store_box_count(a, i); k++) expect_same_box(store_box(a, i, k), store_box(b, i, k), true);
    }
    store_close(a);
    store_close(b);
}

/* ---- limn's own form --------------------------------------------------------------------------------------------------- */
Test(export, jsonl_is_read_back_whole)
{
    PrepareOptions o = prepare_defaults();
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, true);
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out")));
    cr_expect(sum.pictures == ITEMS && sum.written == ITEMS && sum.complete && strlen(sum.hash) == 64);
    o.size = SIDE;
    prepare_back("jsonl", "out", "b.h5", o);
    expect_same_items(open_store("a.h5"), open_store("b.h5"));
}

Test(export, pictures_of_their_own_sizes_come_back_too)
{
    PrepareOptions o = prepare_defaults();
    write_store(in_folder("a.h5"), PLAIN, ITEMS, 0, false);
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out")));
    o.resize = RESIZE_KEEP;
    o.size = 32;
    prepare_back("jsonl", "out", "b.h5", o);
    Store *a = open_store("a.h5"), *b = open_store("b.h5");
    for (int64_t i = 0; i < ITEMS; i++) expect_same_picture(a, i, b, i);
    store_close(a);
    store_close(b);
}

/* Boxes speak of the pixels as the file has them: so they were given, and so they are given back, however EXIF turns the picture. */
Test(export, files_leave_byte_for_byte_and_boxes_speak_of_their_pixels)
{
    PrepareOptions o = prepare_defaults();
    char line[512];
    o.format = FORMAT_ORIGINAL;
    FILE *f = NULL;
    for (int turn = 1; turn <= 8; turn++) {
        size_t bytes;
        Err    err = { 0 };
        snprintf(line, sizeof line, "%s/image-zoo/exif-little-%d.jpg", getenv("LIMN_FIXTURES"), turn);
        char *data = file_read(line, &bytes, &err);
        cr_assert(data, "%s", err.text);
        snprintf(line, sizeof line, "in/%d.jpg", turn);
        put_bytes(line, data, bytes);
        free(data);
        if (!f) f = fopen(in_folder("in/data.jsonl"), "w");
        fprintf(f, "{\"image\": \"%d.jpg\", \"captions\": [\"x\"], \"boxes\": [{\"box\": [0.1, 1, 2.7, 3.3], \"kind\": \"object\", \"phrase\": \"p\"}]}\n", turn);
    }
    cr_assert(f && fclose(f) == 0);
    prepare_back("jsonl", "in", "a.h5", o);
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out")));
    export_well(EXPORT(.form = "coco", .out = in_folder("coco")));
    json_t *coco = read_json("coco/annotations/instances_train.json");
    for (int turn = 1; turn <= 8; turn++) {
        snprintf(line, sizeof line, "cmp in/%d.jpg out/images/%d.jpg && cmp in/%d.jpg coco/train/%d.jpg", turn, turn, turn, turn);
        run_shell(line);
        json_t *j = read_line("out/data.jsonl", turn - 1), *box = json_object_get(json_array_get(json_object_get(j, "boxes"), 0), "box");
        json_t *bbox = json_object_get(json_array_get(json_object_get(coco, "annotations"), (size_t)turn - 1), "bbox");
        static const double WANTED[] = { 0.1, 1, 2.7, 3.3 }, SIZES[] = { 0.1, 1, 2.6, 2.3 };
        for (size_t k = 0; k < 4; k++) {
            cr_expect_float_eq(json_number_value(json_array_get(box, k)), WANTED[k], 1e-6, "turn %d, %zu", turn, k);
            cr_expect_float_eq(json_number_value(json_array_get(bbox, k)), SIZES[k], 1e-6, "turn %d, %zu", turn, k);
        }
        json_decref(j);
    }
    json_decref(coco);
    prepare_back("jsonl", "out", "b.h5", o);
    Store *a = open_store("a.h5"), *b = open_store("b.h5");
    for (int64_t i = 0; i < 8; i++) expect_same_picture(a, i, b, i);
    store_close(a);
    store_close(b);
}

/* ---- COCO's form ------------------------------------------------------------------------------------------------------- */
static bool is_object(const StoreBox *b) { return b->kind == BOX_OBJECT; }

Test(export, coco_is_read_back_with_its_captions_and_objects)
{
    static const char *const NAMES[] = { "1.png", "2.png", "sub/3.png", "4.png", "5.png" };
    PrepareOptions o = prepare_defaults();
    o.size = SIDE;
    write_store(in_folder("a.h5"), NAMES, 5, SIDE, false);
    export_well(EXPORT(.form = "coco", .out = in_folder("out")));
    prepare_back("coco", "out", "b.h5", o);
    Store *a = open_store("a.h5"), *b = open_store("b.h5");
    cr_assert_eq(store_count(b), 5);
    for (int64_t i = 0; i < 5; i++) {
        int64_t k = 0, n = 0;                    /* split by split now */
        while (k < 5 && strcmp(store_item_name(b, k), NAMES[i])) k++;
        cr_assert(k < 5, "%s", NAMES[i]);
        cr_expect_str_eq(store_split_name(b, store_item_split(b, k)), i == 2 ? "val" : "train");
        expect_same_picture(a, i, b, k);
        expect_same_captions(a, i, b, k);
        for (int64_t at = 0; at < store_box_count(a, i); at++) {
            StoreBox box = store_box(a, i, at);
            if (is_object(&box)) expect_same_box(box, store_box(b, k, n++), false);
        }
        cr_assert_eq(n, store_box_count(b, k));
    }
    store_close(a);
    store_close(b);
}

static json_t *of_id(json_t *all, const char *list, int64_t id)
{
    size_t  i;
    json_t *one;
    json_array_foreach(json_object_get(all, list), i, one)
        if (json_integer_value(json_object_get(one, "id")) == id) return one;
    return NULL;
}

static int64_t number(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static int64_t element(const json_t *o, const char *key, size_t i) { return json_integer_value(json_array_get(json_object_get(o, key), i)); }

Test(export, phrases_of_coco_point_into_their_captions_by_bytes_and_by_characters)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    export_well(EXPORT(.form = "coco", .out = in_folder("out")));
    json_t *phrases = read_json("out/annotations/phrases_val.json"), *captions = read_json("out/annotations/captions_val.json");
    Store  *s = open_store("a.h5");
    int64_t row = store_first_box(s, 2);

    json_t *hund = of_id(phrases, "annotations", row + 1), *long_one = of_id(phrases, "annotations", row + 2), *none = of_id(phrases, "without_box", row + 6);
    cr_assert(hund && long_one && none);
    cr_expect(number(hund, "image_id") == 3 && number(hund, "category_id") == 1 && number(hund, "entity") == 77 && number(hund, "iscrowd") == 0);
    json_t *caption = of_id(captions, "annotations", number(hund, "caption_id"));
    cr_assert(caption && number(caption, "image_id") == 3);
    cr_expect_str_eq(json_string_value(json_object_get(caption, "caption")), CAPTIONS[0]);
    cr_expect(element(long_one, "span", 0) == 0 && element(long_one, "span", 1) == 15, "bytes");
    json_t *characters = json_array_get(json_object_get(long_one, "tokens_positive"), 0);
    cr_expect(json_integer_value(json_array_get(characters, 0)) == 0 && json_integer_value(json_array_get(characters, 1)) == 14, "characters");
    cr_expect_null(json_object_get(long_one, "entity"));
    cr_expect_null(json_object_get(none, "bbox"));
    cr_expect_str_eq(json_string_value(json_object_get(none, "phrase")), BOXES[5].phrase);
    cr_expect_eq(number(of_id(phrases, "annotations", row + 4), "category_id"), 3, "referring");
    cr_expect_eq(number(of_id(phrases, "annotations", row + 5), "category_id"), 2, "a region");
    cr_expect_null(of_id(phrases, "annotations", row + 3), "objects are instances");
    store_close(s);
    json_decref(phrases);
    json_decref(captions);
}

Test(export, ids_of_coco_stay_when_one_split_is_exported)
{
    static const char *const VAL[] = { "val" };
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    export_well(EXPORT(.form = "coco", .out = in_folder("all")));
    export_well(EXPORT(.form = "coco", .out = in_folder("val"), .splits = VAL, .split_count = 1));
    cr_expect_eq(sum.pictures, 3);
    run_shell("cmp all/annotations/captions_val.json val/annotations/captions_val.json");
    run_shell("cmp all/annotations/instances_val.json val/annotations/instances_val.json");
    run_shell("cmp all/annotations/phrases_val.json val/annotations/phrases_val.json && test ! -e val/train && test ! -e val/annotations/captions_train.json");
}

Test(export, boxes_end_within_the_picture_by_the_arithmetic_of_doubles)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    export_well(EXPORT(.form = "coco", .out = in_folder("out")));
    json_t *phrases = read_json("out/annotations/phrases_train.json"), *one;
    size_t  i;
    json_array_foreach(json_object_get(phrases, "annotations"), i, one) {
        double v[4];
        for (size_t k = 0; k < 4; k++) v[k] = json_number_value(json_array_get(json_object_get(one, "bbox"), k));
        cr_expect(v[0] >= 0 && v[1] >= 0 && v[0] + v[2] <= SIDE && v[1] + v[3] <= SIDE, "%.17g %.17g %.17g %.17g", v[0], v[1], v[2], v[3]);
    }
    json_decref(phrases);
}

/* ---- composed pictures ------------------------------------------------------------------------------------------------- */
static void expect_mask(const json_t *runs, const uint8_t *bits)
{
    int at = 0, value = 0;
    size_t  i;
    json_t *run;

    cr_expect(element(runs, "size", 0) == SIDE && element(runs, "size", 1) == SIDE);
    json_array_foreach(json_object_get(runs, "counts"), i, run) {
        for (int64_t n = json_integer_value(run); n > 0; n--, at++) {
            int x = at / SIDE, y = at % SIDE;
            cr_assert_eq(bits[y * 2 + x / 8] >> (7 - x % 8) & 1, value, "at %d %d", x, y);
        }
        value = !value;
    }
    cr_expect_eq(at, SIDE * SIDE);
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
    return x == y || json_equal(x, y);
}

Test(export, truth_and_masks_of_composed_pictures_are_written)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, true);
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out")));
    export_well(EXPORT(.form = "coco", .out = in_folder("coco")));
    json_t *coco = read_json("coco/annotations/captions_train.json");
    Store  *s = open_store("a.h5");
    for (int i = 0; i < ITEMS; i++) {
        json_t *j = read_line("out/data.jsonl", i), *image = of_id(coco, "images", i + 1);
        cr_expect_eq(json_object_get(j, "truth") != NULL, i % 2 == 1);
        if (i % 2) cr_expect_eq(number(json_object_get(j, "truth"), "n"), i);
        cr_expect_eq(json_array_size(json_object_get(j, "masks")), (size_t)(i % 4));
        for (int k = 0; k < i % 4; k++) {
            uint8_t bits[MASK];
            Err err = { 0 };
            cr_assert(store_mask(s, i, k, bits, &err));
            expect_mask(json_array_get(json_object_get(j, "masks"), (size_t)k), bits);
        }
        if (i % 3 != 2) cr_expect(same(image, j, "masks") && same(image, j, "truth"));
        json_decref(j);
    }
    store_close(s);
    json_decref(coco);
}

/* ---- names ------------------------------------------------------------------------------------------------------------- */
Test(export, names_of_files_are_safe)
{
    static const char *const CASES[][3] = {
        { "a.jpg", ".jpg", "a.jpg" }, { "a.JPEG", ".jpg", "a.JPEG" }, { "a.jpg", ".png", "a.png" }, { "scene-01", ".png", "scene-01.png" },
        { "x.v2", ".png", "x.v2.png" }, { "a/b.png", ".png", "a/b.png" }, { "../x", ".png", "x.png" }, { "/etc/passwd", ".png", "etc/passwd.png" },
        { "a/../../b", ".png", "a/b.png" }, { "a//b/./c.jpg", ".jpg", "a/b/c.jpg" }, { ".hidden.jpg", ".jpg", "_hidden.jpg" },
        { "..", ".png", "picture.png" }, { "a/", ".png", "a/picture.png" }, { ".jpg", ".png", "_jpg.png" }, { "a\nb:c*?.jpg", ".jpg", "a_b_c__.jpg" },
        { "a\\b", ".png", "a_b.png" }, { "a.jpg/b.jpg", ".jpg", "a.jpg_/b.jpg" }, { "\xe7\x8b\x97.png", ".png", "\xe7\x8b\x97.png" },
        { "bad\xff.png", ".png", "bad_.png" }, { "dot. /x", ".png", "dot._/x.png" }, { "a.webp", ".jpg", "a.jpg" } };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        IdMap taken = { 0 };
        char *name = export_name(CASES[i][0], CASES[i][1], &taken);
        cr_expect_str_eq(name, CASES[i][2], "'%s' became '%s'", CASES[i][0], name);
        free(name);
        id_map_free(&taken);
    }
}

Test(export, names_that_collide_or_are_too_long_get_a_hash)
{
    IdMap taken = { 0 };
    char  long_name[3][320], *name[5];
    for (int i = 0; i < 3; i++) {
        memset(long_name[i], 'x', 300);
        for (int k = 1; k < 300; k += 2) memcpy(long_name[i] + k - 1, "\xc3\xa9", 2);
        snprintf(long_name[i] + 300, 20, "%d.jpg", i);
    }
    name[0] = export_name("a.jpg", ".png", &taken);
    name[1] = export_name("a.png", ".png", &taken);
    for (int i = 0; i < 3; i++) name[2 + i] = export_name(long_name[i], ".jpg", &taken);
    for (int i = 0; i < 5; i++) {
        cr_expect(strlen(name[i]) < 200, "%s", name[i]);
        for (int k = 0; k < i; k++) cr_expect_str_neq(name[i], name[k]);
        json_t *utf8 = json_string(name[i]);
        cr_expect(utf8, "cut within a character");
        json_decref(utf8);
    }
    cr_expect(strncmp(name[1], "a-", 2) == 0 && strlen(name[1]) == strlen("a-12345678.png"), "%s", name[1]);
    for (int i = 0; i < 5; i++) free(name[i]);
    id_map_free(&taken);
}

Test(export, strange_names_stay_inside_and_come_back)
{
    static char long_one[400], longer_one[400];
    memset(long_one, 'n', 300), memset(longer_one, 'n', 301);
    const char *names[] = { "x", "a/b.jpg", "a/b.png", "a.png/inside", "a.png", long_one, longer_one, "new\nline", "quote\"\\", "../x", "/x.png", ".." };
    enum { COUNT = sizeof names / sizeof *names, WITHIN = COUNT - 3 };
    PrepareOptions o = prepare_defaults();
    o.size = SIDE;
    write_store(in_folder("a.h5"), names, COUNT, SIDE, false);
    export_well(EXPORT(.form = "jsonl", .out = in_folder("all")));
    run_shell("test $(find all/images -type f | wc -l) = 12 && test $(find . -type f | grep -vc '/all/') = 1");
    export_well(EXPORT(.form = "coco", .out = in_folder("coco")));
    run_shell("test $(find coco/train coco/val -type f | wc -l) = 12");

    write_store(in_folder("a.h5"), names, WITHIN, SIDE, false);     /* no data set brings the others: they lead out of it */
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out")));
    prepare_back("jsonl", "out", "b.h5", o);
    expect_same_items(open_store("a.h5"), open_store("b.h5"));
}

Test(export, names_of_splits_are_safe_and_apart)
{
    static const char *const CASES[][2] = { { "train", "train" }, { "../up", "_--up" }, { "v1.0", "v1-0" }, { "a/b", "a-b" } };
    IdMap taken = { 0 };
    free(export_part("annotations", &taken));
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *part = export_part(CASES[i][0], &taken);
        cr_expect_str_eq(part, CASES[i][1], "%s", part);
        free(part);
    }
    char *again = export_part("a.b", &taken), *reserved = export_part("annotations", &taken);
    cr_expect(strncmp(again, "a-b-", 4) == 0 && strncmp(reserved, "annotations-", 12) == 0, "%s %s", again, reserved);
    free(again);
    free(reserved);
    id_map_free(&taken);
}

/* ---- the folder -------------------------------------------------------------------------------------------------------- */
static void refused(ExportOptions o, const char *words)
{
    Err err;
    cr_assert(!try_export(o, &err), "not refused: %s", words);
    cr_expect(strstr(err.text, words), "'%s' is not in: %s", words, err.text);
}

Test(export, a_folder_that_holds_something_else_is_refused)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    put("out/mine.txt", "mine");
    refused(EXPORT(.form = "jsonl", .out = in_folder("out")), "mine.txt is there");
    run_shell("test ! -e out/images && test ! -e out/.lock && test ! -e out/export.json");
    refused(EXPORT(.form = "jsonl", .out = in_folder("out/mine.txt")), "mine.txt");
    refused(EXPORT(.form = "huggingface", .out = in_folder("new")), "coco or jsonl");
    static const char *const NONE[] = { "dev" };
    refused(EXPORT(.form = "jsonl", .out = in_folder("new"), .splits = NONE, .split_count = 1), "it has train, val");
    run_shell("test ! -e new");
}

Test(export, overwriting_keeps_what_is_not_its_own_and_leaves_no_old_annotation)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    write_store(in_folder("c.h5"), PLAIN + 1, 1, SIDE, false);
    put("out/mine.txt", "mine");
    put("out/annotations/mine.json", "{}");
    export_well(EXPORT(.form = "coco", .out = in_folder("out"), .overwrite = true));
    run_shell("test -e out/annotations/captions_val.json");
    ExportOptions other = EXPORT(.form = "coco", .out = in_folder("out"));
    other.store = in_folder("c.h5");
    refused(other, "another store or with other options");
    other.overwrite = true;
    export_well(other);
    run_shell("test ! -e out/annotations/captions_val.json && test -e out/annotations/captions_train.json && test -e out/mine.txt && "
              "test -e out/annotations/mine.json");
}

Test(export, a_record_that_lies_makes_nobody_remove_other_files)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    put("precious.txt", "mine");
    put("out/export.json", "{\"annotations\": [\"../precious.txt\", \"annotations/../../precious.txt\", \"mine.txt\", 7]}");
    put("out/mine.txt", "mine");
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out"), .overwrite = true));
    run_shell("test -e precious.txt && test -e out/mine.txt");
}

Test(export, the_same_again_keeps_what_is_right_and_mends_what_is_not)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out")));
    run_shell("cp -r out first && rm out/images/h.v2.png && echo >out/images/e.png && cp out/images/f.png out/images/b.png");
    export_well(EXPORT(.form = "jsonl", .out = in_folder("out")));
    cr_expect(sum.kept == ITEMS - 3 && sum.written == 3, "%lld kept, %lld written", (long long)sum.kept, (long long)sum.written);
    run_shell("diff -r out first && test ! -e out/.lock");
}

Test(export, without_images_the_annotations_are_the_same)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    export_well(EXPORT(.form = "coco", .out = in_folder("all")));
    export_well(EXPORT(.form = "coco", .out = in_folder("bare"), .no_images = true));
    cr_expect(sum.pictures == ITEMS && sum.written == 0);
    run_shell("diff -r all/annotations bare/annotations && test $(find bare -type f | wc -l) = 7");
}

Test(export, one_worker_and_five_write_the_same_files)
{
    write_store(in_folder("a.h5"), PLAIN, ITEMS, 0, false);
    export_well(EXPORT(.form = "coco", .out = in_folder("one"), .workers = 1));
    export_well(EXPORT(.form = "coco", .out = in_folder("five"), .workers = 5));
    run_shell("diff -r one five");
}

/* ---- trouble ----------------------------------------------------------------------------------------------------------- */
/* Turns one byte of item k's pixels round. */
static void damage(const char *store, int k)
{
    uint8_t *pixels, *whole;
    size_t   bytes, all;
    Err      err = { 0 };
    Store   *s = open_store(store);
    cr_assert(store_bytes(s, k, &pixels, &bytes, &err));
    store_close(s);
    whole = (uint8_t *)file_read(in_folder(store), &all, &err);
    uint8_t *at = memmem(whole, all, pixels, bytes);
    cr_assert(at);
    at[bytes / 2] ^= 0x40;
    FILE *f = fopen(in_folder(store), "w");
    cr_assert(f && fwrite(whole, 1, all, f) == all && fclose(f) == 0);
    free(whole);
    free(pixels);
}

Test(export, a_damaged_picture_is_left_out_named_and_the_export_fails_at_its_end)
{
    PrepareOptions o = prepare_defaults();
    Err err;
    o.size = SIDE;
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    damage("a.h5", 4);
    cr_assert(!try_export(EXPORT(.form = "jsonl", .out = in_folder("out")), &err));
    cr_expect(strstr(err.text, "1 damaged") && strstr(err.text, "export.json") && strstr(err.text, "picture of e"), "%s", err.text);
    cr_expect(sum.complete && sum.left_out == 1 && sum.pictures == ITEMS - 1);
    json_t *record = read_json("out/export.json"), *left_out = json_object_get(record, "left_out");
    cr_assert(json_array_size(left_out) == 1 && json_is_true(json_object_get(record, "complete")));
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(left_out, 0), "name")), "e");
    json_decref(record);
    run_shell("test ! -e out/images/e.png && test $(wc -l <out/data.jsonl) = 8");
    prepare_back("jsonl", "out", "b.h5", o);
}

static int files_like(const char *pattern)
{
    char command[256];
    int  n = -1;
    snprintf(command, sizeof command, "find '%s/out' -name '%s' 2>/dev/null | wc -l", folder, pattern);
    FILE *f = popen(command, "r");
    cr_assert(f && fscanf(f, "%d", &n) == 1 && pclose(f) == 0);
    return n;
}

/* In a process of its own: 0 done, 7 the disk was full, 9 it was killed, 1 anything else. */
static int export_in_child(const char *form, const char *fault)
{
    int   status;
    pid_t child = fork();
    if (child == 0) {
        Err err;
        setenv("LIMN_FAULT", fault, 1);
        bool ok = try_export(EXPORT(.form = form, .out = in_folder("out")), &err);
        _exit(ok ? 0 : strstr(err.text, "No space left") && strstr(err.text, "out") ? 7 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Under its final name a file is as it will be, or it is not there. */
static void expect_whole_files(const char *form)
{
    char text[256];
    snprintf(text, sizeof text, "test ! -e out || (cd out && find . -type f ! -name '*.part-*' ! -name export.json ! -name .lock -exec cmp {} "
             "../whole-%s/{} \\; >../differences 2>&1; test ! -s ../differences)", form);
    run_shell(text);
}

/* Stops an export after ever more bytes, and each time goes on; it must end as if nothing had been. */
static void stop_everywhere(const char *form, const char *fault, int wanted)
{
    enum { STEP = 701 };
    char text[128];
    int  stops = 0, midway = 0, status;

    for (int at = 1;; at += STEP, stops++) {
        snprintf(text, sizeof text, fault, at);
        if ((status = export_in_child(form, text)) == 0) break;
        cr_assert_eq(status, wanted, "%s: status %d", text, status);
        if (wanted == 7) cr_assert_eq(files_like("*.part-*"), 0, "%s", text);
        expect_whole_files(form);
        midway += files_like("*.png") > 0;
        cr_assert_eq(export_in_child(form, ""), 0);
        snprintf(text, sizeof text, "diff -r out whole-%s && rm -r out", form);
        run_shell(text);
    }
    cr_expect(stops > 10 && midway > 5, "%d stops, %d of them midway", stops, midway);
    run_shell("rm -r out");
}

/* In another process: the faults count all bytes that this one has written. */
static void write_whole_exports(void)
{
    int   status;
    pid_t child = fork();
    if (child == 0) {
        write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
        export_well(EXPORT(.form = "jsonl", .out = in_folder("whole-jsonl")));
        export_well(EXPORT(.form = "coco", .out = in_folder("whole-coco")));
        _exit(0);
    }
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(export, a_full_disk_is_one_error_and_the_same_command_goes_on)
{
    write_whole_exports();
    stop_everywhere("jsonl", "write:%d:ENOSPC", 7);
    stop_everywhere("coco", "write:%d:ENOSPC", 7);
}

Test(export, killed_at_any_byte_it_goes_on)
{
    write_whole_exports();
    stop_everywhere("jsonl", "kill:%d", SIGKILL);
    stop_everywhere("coco", "kill:%d", SIGKILL);
}

static bool stop_at_five(const PrepareStep *s, void *context)
{
    (void)context;
    return s->done < 5;
}

Test(export, a_stopped_one_says_so_and_goes_on)
{
    Err err = { 0 };
    write_store(in_folder("a.h5"), PLAIN, ITEMS, SIDE, false);
    ExportOptions o = EXPORT(.form = "jsonl", .out = in_folder("out"));
    cr_assert(!export_store(&o, stop_at_five, NULL, &sum, &err));
    cr_expect(strstr(err.text, "stopped after 5 of 9 pictures") && strstr(err.text, "goes on from there"), "%s", err.text);
    export_well(o);
    cr_expect_geq(sum.kept, 5);
}

Test(export, of_a_damaged_or_missing_store_writes_nothing)
{
    refused(EXPORT(.form = "jsonl", .out = in_folder("out")), "a.h5");
    put("a.h5", "not a store");
    refused(EXPORT(.form = "jsonl", .out = in_folder("out")), "a.h5");
    run_shell("test ! -e out");
}
