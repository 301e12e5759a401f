/* test_prepare.c - a data set into one store: what is kept, in which form and split, and that neither workers nor a stop change a byte. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "tests/prepare_case.h"

enum { PHOTOS = 24 };

static void append(const char *name, const char *text)
{
    FILE *f = fopen(in_folder(name), "a");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Photographs 0 … 23, 12 in train, 6 in val, 6 in test; then some trouble. */
static void begin(void)
{
    Err    err = { 0 };
    size_t bytes;

    source_begin();
    put_flickr8k(PHOTOS);
    append("data/Flickr8k.token.txt", "absent.jpg.1#0\tNo such file.\np01.jpg#2\t\nno tab here\np01.jpg#3\tbad \xff byte\n"
                                      "damaged.jpg#0\tx\ncut.jpg#0\tx\nempty.jpg#0\tx\nunlisted.jpg#0\tx");
    append("data/Flickr_8k.trainImages.txt", "p90.jpg\ndamaged.jpg\ncut.jpg\nempty.jpg\n");
    append("data/Flickr_8k.testImages.txt", "p00.jpg");                         /* a list may end without a line's end */
    put_striped("data/images/p90.jpg", 90, 60, 60);
    put("data/images/damaged.jpg", "this is not a picture");
    put("data/images/empty.jpg", "");
    put("data/images/unlisted.jpg", "never read");
    put("data/images/mute.jpg", "never read");
    char *whole = file_read(in_folder("data/images/p03.jpg"), &bytes, &err);
    put_bytes("data/images/cut.jpg", whole, bytes * 2 / 3);
    free(whole);
}

TestSuite(prepare, .init = begin, .fini = source_end);

static Store *open_store(const char *name)
{
    Err    err = { 0 };
    Store *s = store_open(in_folder(name), &err);
    cr_assert(s, "%s", err.text);
    return s;
}

Test(prepare, stores_every_good_picture_with_its_captions_and_split)
{
    PrepareOptions o = case_options("a.h5");
    PrepareSummary sum;
    Err err;
    cr_assert(prepare_data("flickr8k", &o, &sum, &err), "%s", err.text);
    cr_assert(sum.pictures == PHOTOS && sum.captions == 2 * PHOTOS && sum.splits == 3);
    cr_assert_str_eq(sum.split[0].name, "train");
    cr_assert_str_eq(sum.split[1].name, "val");
    cr_assert_str_eq(sum.split[2].name, "test");
    cr_assert(sum.split[0].pictures == 12 && sum.split[1].pictures == 6 && sum.split[2].pictures == 6);
    cr_assert_eq(sum.words, 4 + 4, "<pad> <bos> <eos> <unk> a dog number runs, got %d", (int)sum.words);
    cr_assert(!file_exists(in_folder("a.h5.journal")));

    Store *s = open_store("a.h5");
    int width, height;
    store_original_size(s, 7, &width, &height);
    cr_assert(width == 57 && height == 83);
    cr_assert_str_eq(store_item_name(s, 7), "p07.jpg");
    cr_assert_str_eq(store_caption(s, 7, 0), "A dog number 7 .");
    cr_assert_str_eq(store_caption(s, 7, 1), "A Dog runs.");
    store_close(s);
}

Test(prepare, lists_what_it_rejects_and_why)
{
    static const char CAPTIONS[] = "Flickr8k.token.txt", TRAIN[] = "Flickr_8k.trainImages.txt";
    PrepareOptions o = case_options("a.h5");
    prepare_well("flickr8k", &o);
    cr_assert_eq(report_lines("a.h5.report.jsonl"), 11);
    expect_same_lists("a.h5", "a.h5.report.jsonl");

    static const char REPORT[] = "a.h5.report.jsonl";
    cr_expect(report_has(REPORT, "duplicate", "p00.jpg", "Flickr_8k.testImages.txt", 7, "stays in train"));
    cr_expect(report_has(REPORT, "empty-text", "p01.jpg", CAPTIONS, 50, "empty"));
    cr_expect(report_has(REPORT, "bad-record", "", CAPTIONS, 51, "NAME#K"));
    cr_expect(report_has(REPORT, "invalid-text", "p01.jpg", CAPTIONS, 52, "UTF-8"));
    cr_expect(report_has(REPORT, "no-split", "absent.jpg.1", CAPTIONS, 49, "none of the lists"));
    cr_expect(report_has(REPORT, "no-split", "unlisted.jpg", CAPTIONS, 56, "none of the lists"));
    cr_expect(report_has(REPORT, "no-caption", "mute.jpg", "images/mute.jpg", 0, "nothing is said"));
    cr_expect(report_has(REPORT, "no-caption", "p90.jpg", TRAIN, 13, "nothing is said"));
    cr_expect(report_has(REPORT, "damaged-image", "damaged.jpg", TRAIN, 14, "neither"));
    cr_expect(report_has(REPORT, "damaged-image", "cut.jpg", TRAIN, 15, ""));
    cr_expect(report_has(REPORT, "damaged-image", "empty.jpg", TRAIN, 16, "empty"));
}

/* Damaged pictures are among them; 7 workers are more than this machine may have. */
Test(prepare, does_not_depend_on_the_number_of_workers)
{
    static const int WORKERS[] = { 1, 2, 4, 7 };
    for (int format = FORMAT_RAW; format <= FORMAT_JPEG; format++) {
        char first[2][65], hash[2][65];
        for (int i = 0; i < 4; i++) {
            PrepareOptions o = case_options("a.h5");
            o.workers = WORKERS[i];
            o.format = (StoredFormat)format;
            o.resize = format == FORMAT_JPEG ? RESIZE_PAD : RESIZE_SQUASH;
            prepare_well("flickr8k", &o);
            hash_of("a.h5", hash[0]);
            hash_of("a.h5.report.jsonl", hash[1]);
            if (i == 0) memcpy(first, hash, sizeof hash);
            cr_assert_eq(memcmp(first, hash, sizeof hash), 0, "%d workers", WORKERS[i]);
        }
    }
}

/* ---- forms ------------------------------------------------------------------------------------------------------------- */
static void pixels_of(Store *s, int64_t item, uint8_t *rgb)
{
    static const Preprocess as_stored = { .size = CASE_SIDE };
    Err err = { 0 };
    cr_assert(store_pixels(s, item, &as_stored, rgb, &err), "%s", err.text);
}

Test(prepare, keeps_a_jpeg_of_the_right_size_as_it_is)
{
    uint8_t raw[CASE_SIDE * CASE_SIDE * 3], jpeg[CASE_SIDE * CASE_SIDE * 3];
    PrepareOptions o = case_options("a.h5");
    prepare_well("flickr8k", &o);
    o = case_options("b.h5");
    o.format = FORMAT_JPEG;
    prepare_well("flickr8k", &o);
    Store *a = open_store("a.h5"), *b = open_store("b.h5");

    pixels_of(a, 0, raw);
    pixels_of(b, 0, jpeg);
    cr_assert_eq(memcmp(raw, jpeg, sizeof raw), 0);
    for (int i = 1; i < PHOTOS; i++) {           /* the others are encoded anew: near, not equal */
        int64_t apart = 0;
        pixels_of(a, i, raw);
        pixels_of(b, i, jpeg);
        for (size_t k = 0; k < sizeof raw; k++) apart += abs(raw[k] - jpeg[k]);
        cr_assert(apart > 0 && (double)apart / sizeof raw < 24.0, "picture %d: %g", i, (double)apart / sizeof raw);
    }
    store_close(a);
    store_close(b);
}

Test(prepare, keeps_original_files_byte_by_byte)
{
    PrepareOptions o = case_options("a.h5");
    o.format = FORMAT_ORIGINAL;
    o.size = 0;
    prepare_well("flickr8k", &o);
    Store *s = open_store("a.h5");
    cr_assert(store_size(s) == 0 && store_holds_files(s));
    for (int i = 0; i < PHOTOS; i++) {
        char     name[64], said[65];
        uint8_t *data;
        size_t   bytes, file_bytes;
        Err      err = { 0 };
        snprintf(name, sizeof name, "data/images/%s", store_item_name(s, i));
        char *file = file_read(in_folder(name), &file_bytes, &err);
        cr_assert(store_bytes(s, i, &data, &bytes, &err), "%s", err.text);
        cr_assert(bytes == file_bytes && memcmp(data, file, bytes) == 0 && store_source_bytes(s, i) == (int64_t)bytes);
        for (int k = 0; k < 32; k++) sprintf(said + 2 * k, "%02x", store_source_sha256(s, i)[k]);
        char hash[65];
        cr_assert_str_eq(said, hash_of(name, hash));
        free(data);
        free(file);
    }
    store_close(s);
}

/* What is stored is what reading the file and resizing it gives. */
Test(prepare, stores_what_each_resize_mode_makes_of_a_picture)
{
    static const struct { ResizeMode mode; int width, height; } MODES[] = {
        { RESIZE_SQUASH, 40, 40 }, { RESIZE_CROP, 40, 40 }, { RESIZE_PAD, 40, 40 }, { RESIZE_KEEP, 27, 40 } };
    for (int m = 0; m < 4; m++) {
        PrepareOptions o = case_options("a.h5");
        Image there, whole, wanted;
        int   width, height;
        Err   err = { 0 };
        o.resize = MODES[m].mode;
        prepare_well("flickr8k", &o);
        Store *s = open_store("a.h5");
        store_stored_size(s, 7, &width, &height);
        cr_assert(width == MODES[m].width && height == MODES[m].height, "mode %d: %d x %d", m, width, height);
        cr_assert(store_picture(s, 7, &there, &err) && image_read(in_folder("data/images/p07.jpg"), &whole, &err), "%s", err.text);
        Preprocess p = preprocess_default(CASE_SIDE);
        p.mode = MODES[m].mode;
        wanted = preprocess_resize(&p, &whole);
        cr_assert(there.width == wanted.width && there.height == wanted.height);
        cr_assert_eq(memcmp(there.pixels, wanted.pixels, (size_t)width * (size_t)height * 3), 0, "mode %d", m);
        image_free(&there), image_free(&whole), image_free(&wanted);
        store_close(s);
    }
}

/* At 10 pixels a side, a draft of 57 x 83 is read as 29 x 42. */
Test(prepare, a_draft_is_near_and_says_so)
{
    static const Preprocess ten = { .size = 10 };
    uint8_t pixels[2][10 * 10 * 3];
    Err     err = { 0 };

    for (int draft = 0; draft < 2; draft++) {
        PrepareOptions o = case_options("a.h5");
        int width, height;
        o.size = 10;
        o.draft = draft;
        prepare_well("flickr8k", &o);
        Store *s = open_store("a.h5");
        cr_assert(store_pixels(s, 7, &ten, pixels[draft], &err), "%s", err.text);
        const json_t *said = json_object_get(json_object_get(store_provenance(s), "options"), "draft");
        cr_assert(draft ? json_is_true(said) : !said);
        store_original_size(s, 7, &width, &height);
        cr_assert(width == 57 && height == 83);
        store_close(s);
    }
    int64_t apart = 0;
    for (size_t k = 0; k < sizeof *pixels; k++) apart += abs(pixels[0][k] - pixels[1][k]);
    cr_assert(apart > 0 && apart < (int64_t)sizeof *pixels * 6, "%d levels over %zu bytes", (int)apart, sizeof *pixels);
}

/* ---- stopped, and gone on with ------------------------------------------------------------------------------------------ */
/* Behind the damaged pictures, which come after p11.jpg in the list of train. */
static bool stop_at_sixteen(const PrepareStep *s, void *context)
{
    (void)context;
    return s->total == 0 || s->done < 16;
}

Test(prepare, stopped_and_started_again_it_goes_on_to_the_same_bytes)
{
    Err  err = { 0 };
    char whole[65], report[65], hash[65];
    PrepareSummary sum;
    PrepareOptions o = case_options("a.h5");
    prepare_well("flickr8k", &o);
    hash_of("a.h5", whole);
    hash_of("a.h5.report.jsonl", report);

    o = case_options("b.h5");
    cr_assert(!prepare_store(source_find("flickr8k", &err), &o, stop_at_sixteen, NULL, &sum, &err));
    cr_assert(strstr(err.text, "stopped after 16") && strstr(err.text, "goes on"), "%s", err.text);
    cr_assert(!file_exists(in_folder("b.h5")) && file_exists(in_folder("b.h5.journal")));
    o.quality = 80;                              /* means nothing for raw pixels */
    o.workers = 4;
    cr_assert(prepare_data("flickr8k", &o, &sum, &err), "%s", err.text);
    cr_assert_eq(sum.resumed, 16);
    cr_assert_str_eq(hash_of("b.h5", hash), whole);
    cr_assert_str_eq(hash_of("b.h5.report.jsonl", hash), report);
}

Test(prepare, a_full_disk_is_one_error_and_loses_nothing)
{
    Err  err = { 0 };
    char before[65], hash[65];
    PrepareOptions o = case_options("a.h5");
    prepare_well("flickr8k", &o);
    hash_of("a.h5", before);

    o.resize = RESIZE_PAD;
    setenv("LIMN_FAULT", "write:1:ENOSPC", 1);   /* what was written since the process began counts: from now on */
    cr_assert(!prepare_data("flickr8k", &o, NULL, &err));
    cr_assert(strstr(err.text, "No space left"), "%s", err.text);
    cr_assert_str_eq(hash_of("a.h5", hash), before);
    unsetenv("LIMN_FAULT");
    prepare_well("flickr8k", &o);
}

Test(prepare, says_which_file_is_missing)
{
    Err err = { 0 };
    PrepareOptions o = case_options("a.h5");
    cr_assert_eq(unlink(in_folder("data/Flickr_8k.devImages.txt")), 0);
    cr_assert(!prepare_data("flickr8k", &o, NULL, &err));
    cr_assert(strstr(err.text, "Flickr_8k.devImages.txt"), "%s", err.text);
    cr_assert_null(source_find("flickr9k", &err));
    cr_assert(strstr(err.text, "flickr8k") && err.status == ERR_USAGE, "%s", err.text);
}
