/* test_prepare.c - Flickr8k's layout into a store: independent of the workers, and one bad picture never stops it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/sources/source.h"
#include "tensor/base/file.h"

enum { PHOTOS = 24, SIDE = 40 };

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static void put_text(const char *name, const char *text)
{
    Err err = { 0 };
    cr_assert(file_put(in_folder(name), text, strlen(text), &err), "%s", err.text);
}

static void put_photo(int i, int width, int height)
{
    Image im = image_new(width, height, 3);
    char name[64];
    uint8_t *data;
    size_t bytes;
    Err err = { 0 };

    for (int k = 0; k < width * height * 3; k++) im.pixels[k] = (uint8_t)(k / 3 % width * 5 + i * 29 + k % 3 * 60);
    cr_assert(image_encode_jpeg(&im, 92, &data, &bytes, &err), "%s", err.text);
    snprintf(name, sizeof name, "data/images/p%02d.jpg", i);
    cr_assert(file_put(in_folder(name), data, bytes, &err), "%s", err.text);
    free(data);
    image_free(&im);
}

/* Photographs 0 … 23 in the lists (12 train, 6 val, 6 test), all with two captions; then some trouble. */
static void begin(void)
{
    char captions[8192] = "", lists[3][1024] = { "", "", "" };
    Err err = { 0 };

    strcpy(folder, "/tmp/limn-test-prepare-XXXXXX");
    cr_assert(mkdtemp(folder) && folder_make(in_folder("data/images"), &err));
    for (int i = 0; i < PHOTOS; i++) {
        char *list = lists[i < 12 ? 0 : i < 18 ? 1 : 2];
        put_photo(i, i == 0 ? SIDE : 50 + i, i == 0 ? SIDE : 90 - i);
        sprintf(captions + strlen(captions), "p%02d.jpg#0\tA dog number %d .\np%02d.jpg#1\tA Dog runs.\r\n", i, i, i);
        sprintf(list + strlen(list), "p%02d.jpg\n", i);
    }
    strcat(captions, "absent.jpg.1#0\tNo such file.\np01.jpg#2\t\nno tab here\np01.jpg#3\tbad \xff byte\n");
    strcat(lists[0], "p90.jpg\ndamaged.jpg\ncut.jpg\nempty.jpg\n");              /* a list may end without a line's end */
    strcat(lists[2], "p00.jpg");
    strcat(captions, "damaged.jpg#0\tx\ncut.jpg#0\tx\nempty.jpg#0\tx\nunlisted.jpg#0\tx");
    put_photo(90, 60, 60);
    put_text("data/images/damaged.jpg", "this is not a picture");
    put_text("data/images/empty.jpg", "");
    put_text("data/images/unlisted.jpg", "never read");
    put_text("data/images/mute.jpg", "never read");

    size_t bytes;
    char *whole = file_read(in_folder("data/images/p03.jpg"), &bytes, &err);
    cr_assert(whole && file_put(in_folder("data/images/cut.jpg"), whole, bytes * 2 / 3, &err));
    free(whole);
    put_text("data/Flickr8k.token.txt", captions);
    put_text("data/Flickr_8k.trainImages.txt", lists[0]);
    put_text("data/Flickr_8k.devImages.txt", lists[1]);
    put_text("data/Flickr_8k.testImages.txt", lists[2]);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(prepare, .init = begin, .fini = end);

static bool prepare_as(const char *out, int workers, bool jpeg, PrepareProgress *progress, Err *err)
{
    PrepareOptions o = prepare_defaults();
    char input[256], path[256];

    snprintf(input, sizeof input, "%s", in_folder("data"));
    snprintf(path, sizeof path, "%s", in_folder(out));
    o.input = input;
    o.out = path;
    o.size = SIDE;
    o.min_count = 2;
    o.workers = workers;
    o.jpeg = jpeg;
    return source_find("flickr8k", err)->prepare(&o, progress, NULL, err);
}

Test(prepare, stores_every_good_picture_with_its_captions_and_split)
{
    Err err = { 0 };
    PrepareSummary sum;
    cr_assert(prepare_as("a.h5", 2, false, NULL, &err), "%s", err.text);
    cr_assert(prepare_summarize(in_folder("a.h5"), &sum, &err), "%s", err.text);
    cr_assert(sum.pictures == PHOTOS && sum.captions == 2 * PHOTOS && sum.splits == 3);
    cr_assert_str_eq(sum.split[0].name, "train");
    cr_assert_str_eq(sum.split[1].name, "val");
    cr_assert_str_eq(sum.split[2].name, "test");
    cr_assert(sum.split[0].pictures == 12 && sum.split[1].pictures == 6 && sum.split[2].pictures == 6);
    cr_assert_eq(sum.words, 4 + 4, "<pad> <bos> <eos> <unk> a dog number runs, got %d", (int)sum.words);

    Store *s = store_open(in_folder("a.h5"), &err);
    int width, height;
    store_original_size(s, 7, &width, &height);
    cr_assert(width == 57 && height == 83);
    cr_assert_str_eq(store_item_name(s, 7), "p07.jpg");
    cr_assert_str_eq(store_caption(s, 7, 0), "A dog number 7 .");
    cr_assert_str_eq(store_caption(s, 7, 1), "A Dog runs.");
    store_close(s);
}

static const char *reason_for(const Store *s, const char *name)
{
    for (int64_t i = 0; i < store_rejected(s); i++)
        if (strcmp(store_rejected_name(s, i), name) == 0) return store_rejected_reason(s, i);
    return "(not rejected)";
}

Test(prepare, lists_what_it_rejects_and_why)
{
    static const char *const WANTED[][2] = {
        { "absent.jpg.1", "no such file" }, { "p90.jpg", "no caption" }, { "mute.jpg", "no caption" }, { "unlisted.jpg", "none of the lists" },
        { "Flickr8k.token.txt:50", "caption is empty" }, { "Flickr8k.token.txt:51", "NAME#K" }, { "Flickr8k.token.txt:52", "UTF-8" },
        { "p00.jpg", "stays in train" }, { "damaged.jpg", "" }, { "cut.jpg", "" }, { "empty.jpg", "" } };
    enum { COUNT = sizeof WANTED / sizeof *WANTED };
    Err err = { 0 };
    cr_assert(prepare_as("a.h5", 2, false, NULL, &err), "%s", err.text);
    Store *s = store_open(in_folder("a.h5"), &err);

    cr_assert_eq(store_rejected(s), COUNT);
    for (int i = 0; i < COUNT; i++) {
        const char *reason = reason_for(s, WANTED[i][0]);
        cr_assert(*reason && *reason != '(' && strstr(reason, WANTED[i][1]), "%s: %s", WANTED[i][0], reason);
        cr_assert(!strstr(reason, folder), "no path: %s", reason);
    }
    store_close(s);
}

Test(prepare, does_not_depend_on_the_number_of_workers)
{
    static const int WORKERS[] = { 1, 2, 4, 0 };
    Err err = { 0 };
    char first[65] = "", hash[65];

    for (int i = 0; i < 4; i++) {
        cr_assert(prepare_as("a.h5", WORKERS[i], false, NULL, &err), "%s", err.text);
        cr_assert(file_sha256(in_folder("a.h5"), hash, &err));
        if (i == 0) strcpy(first, hash);
        cr_assert_str_eq(hash, first, "%d workers", WORKERS[i]);
    }
}

Test(prepare, keeps_a_jpeg_of_the_right_size_as_it_is)
{
    Err err = { 0 };
    uint8_t raw[SIDE * SIDE * 3], jpeg[SIDE * SIDE * 3];
    cr_assert(prepare_as("a.h5", 1, false, NULL, &err) && prepare_as("b.h5", 1, true, NULL, &err), "%s", err.text);
    Store *a = store_open(in_folder("a.h5"), &err), *b = store_open(in_folder("b.h5"), &err);

    cr_assert(a && b, "%s", err.text);
    cr_assert(store_pixels(a, 0, raw, &err) && store_pixels(b, 0, jpeg, &err), "%s", err.text);
    cr_assert_eq(memcmp(raw, jpeg, sizeof raw), 0);
    for (int i = 1; i < PHOTOS; i++) {           /* the others are encoded anew: near, not equal */
        int64_t apart = 0;
        cr_assert(store_pixels(a, i, raw, &err) && store_pixels(b, i, jpeg, &err), "%s", err.text);
        for (size_t k = 0; k < sizeof raw; k++) apart += abs(raw[k] - jpeg[k]);
        cr_assert_lt((double)apart / sizeof raw, 24.0, "picture %d: %g", i, (double)apart / sizeof raw);
    }
    store_close(a);
    store_close(b);
}

/* At 10 pixels a side, a draft of 57 x 83 is read as 29 x 42. */
Test(prepare, a_draft_is_near_and_says_so)
{
    Err err = { 0 };
    PrepareOptions o = prepare_defaults();
    uint8_t pixels[2][10 * 10 * 3];
    Store *s[2];

    for (int draft = 0; draft < 2; draft++) {
        char input[256], path[256];
        snprintf(input, sizeof input, "%s", in_folder("data"));
        snprintf(path, sizeof path, "%s", in_folder(draft ? "draft.h5" : "full.h5"));
        o.input = input, o.out = path, o.size = 10, o.draft = draft;
        cr_assert(source_find("flickr8k", &err)->prepare(&o, NULL, NULL, &err), "%s", err.text);
        s[draft] = store_open(path, &err);
        cr_assert(s[draft] && store_pixels(s[draft], 7, pixels[draft], &err), "%s", err.text);
        const json_t *said = json_object_get(json_object_get(store_provenance(s[draft]), "options"), "draft");
        cr_assert(draft ? json_is_true(said) : !said);
    }
    int64_t apart = 0, width[2], height[2];
    for (size_t k = 0; k < sizeof *pixels; k++) apart += abs(pixels[0][k] - pixels[1][k]);
    cr_assert(apart > 0 && apart < (int64_t)sizeof *pixels * 6, "%d levels over %zu bytes", (int)apart, sizeof *pixels);
    for (int i = 0; i < 2; i++) {
        int w, h;
        store_original_size(s[i], 7, &w, &h);
        width[i] = w, height[i] = h;
        store_close(s[i]);
    }
    cr_assert(width[0] == 57 && width[1] == 57 && height[0] == 83 && height[1] == 83);
}

static bool stop_at_five(int64_t done, int64_t total, void *context)
{
    (void)total, (void)context;
    return done < 5;
}

Test(prepare, stops_when_told_and_writes_nothing)
{
    Err err = { 0 };
    cr_assert(!prepare_as("a.h5", 2, false, stop_at_five, &err));
    cr_assert(strstr(err.text, "stopped after 5"), "%s", err.text);
    cr_assert(!file_exists(in_folder("a.h5")) && !file_exists(in_folder("a.h5.journal")));
}

Test(prepare, says_which_file_is_missing)
{
    Err err = { 0 };
    cr_assert_eq(unlink(in_folder("data/Flickr_8k.devImages.txt")), 0);
    cr_assert(!prepare_as("a.h5", 1, false, NULL, &err));
    cr_assert(strstr(err.text, "Flickr_8k.devImages.txt"), "%s", err.text);
    cr_assert_null(source_find("flickr9k", &err));
    cr_assert(strstr(err.text, "flickr8k") && err.status == ERR_USAGE, "%s", err.text);
}

Test(prepare, on_a_full_disk_says_so)
{
    Err err = { 0 };
    setenv("LIMN_FAULT", "write:100000:ENOSPC", 1);
    cr_assert(!prepare_as("a.h5", 2, false, NULL, &err));
    cr_assert(strstr(err.text, "No space left"), "%s", err.text);
    cr_assert(!file_exists(in_folder("a.h5")) && !file_exists(in_folder("a.h5.journal")));
}
