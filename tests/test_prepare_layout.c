/* test_prepare_layout.c - stores of every form, opened with h5py, are what datasets/store.h says (fixtures/store_layout.py). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/prepare_case.h"

/* a.png is 32 x 20; c.png has a box and no caption; absent.jpg does not exist. */
static void begin(void)
{
    source_begin();
    put_striped("data/a.png", 1, 32, 20);
    put_striped("data/b.jpg", 2, 40, 24);
    put_striped("data/c.png", 3, 10, 16);
    put("data/set.jsonl",
        "{\"image\": \"a.png\", \"split\": \"val\", \"captions\": [\"First.\", \"A gr\\u00fcn dog, a dog!\"], \"boxes\": ["
        "{\"box\": [4, 5, 12, 15], \"phrase\": \"gr\\u00fcn dog\", \"entity\": 7, \"caption\": 1, \"span\": [2, 11]}, "
        "{\"box\": [0, 0, 32, 20], \"kind\": \"object\"}, {\"kind\": \"none\", \"phrase\": \"A\", \"caption\": 1, \"span\": [0, 1]}, "
        "{\"box\": [4, 5, 12, 15], \"kind\": \"referring\", \"phrase\": \"the one dog\"}]}\n"
        "{\"image\": \"absent.jpg\", \"caption\": \"A ghost.\"}\n"
        "{\"image\": \"b.jpg\", \"caption\": \"A dog and a cat.\"}\n"
        "{\"image\": \"c.png\", \"split\": \"val\", \"boxes\": [{\"box\": [0, 0, 5, 4], \"kind\": \"region\", \"phrase\": \"upper left\"}]}\n");
}

TestSuite(prepare_layout, .init = begin, .fini = source_end);

static void check_layout(const char *store, const char *wanted)
{
    char command[2048];
    if (system("/usr/bin/python3 -c 'import h5py, numpy' 2>/dev/null") != 0) cr_skip_test("no h5py for /usr/bin/python3");
    put("wanted.json", wanted);
    snprintf(command, sizeof command, "/usr/bin/python3 %s/store_layout.py %s %s %s 2>&1", getenv("LIMN_FIXTURES"), in_folder(store), in_folder("data"),
             in_folder("wanted.json"));
    FILE  *f = popen(command, "r");
    char   said[4096];
    size_t n = fread(said, 1, sizeof said - 1, f);
    said[n] = 0;
    cr_assert_eq(pclose(f), 0, "%s", said);
}

/* corners: of the box of a.png, of its whole, and of the box of c.png. */
static void check_form(const char *form, int size, const char *box, const char *whole, const char *region)
{
    char wanted[2048];
    snprintf(wanted, sizeof wanted,
             "{\"form\": \"%s\", \"size\": %d, \"captions\": {\"a.png\": [\"First.\", \"A gr\\u00fcn dog, a dog!\"], \"b.jpg\": [\"A dog and a cat.\"], "
             "\"c.png\": []}, \"splits\": {\"a.png\": \"val\", \"b.jpg\": \"train\", \"c.png\": \"val\"}, \"boxes\": {\"a.png\": ["
             "[\"phrase\", 7, \"gr\\u00fcn dog\", 1, %s], [\"object\", -1, null, -1, %s], [\"none\", -1, \"A\", 1, 0, 0, 0, 0], "
             "[\"referring\", -1, \"the one dog\", -1, %s]], \"c.png\": [[\"region\", -1, \"upper left\", -1, %s]]}, "
             "\"rejected\": [[%d, \"absent.jpg\", \"set.jsonl\", 2]], \"inputs\": [\"set.jsonl\"]}", form, size, box, whole, box, region, PROBLEM_NO_IMAGE);
    check_layout("a.h5", wanted);
}

Test(prepare_layout, of_pixels_of_one_size)
{
    PrepareOptions o = case_options("a.h5");
    o.size = 16;
    prepare_well("jsonl", &o);
    check_form("pixels", 16, "2, 4, 6, 12", "0, 0, 16, 16", "0, 0, 8, 4");
}

Test(prepare_layout, of_pixels_of_their_own_sizes)
{
    PrepareOptions o = case_options("a.h5");
    o.size = 16;
    o.resize = RESIZE_KEEP;
    prepare_well("jsonl", &o);
    check_form("own", 0, "2, 2.5, 6, 7.5", "0, 0, 16, 10", "0, 0, 5, 4");
}

Test(prepare_layout, of_jpeg_files)
{
    PrepareOptions o = case_options("a.h5");
    o.size = 16;
    o.format = FORMAT_JPEG;
    o.resize = RESIZE_PAD;
    prepare_well("jsonl", &o);
    check_form("files", 16, "2, 5.5, 6, 10.5", "0, 3, 16, 13", "3, 0, 8, 4");
}

Test(prepare_layout, of_original_files)
{
    PrepareOptions o = case_options("a.h5");
    o.format = FORMAT_ORIGINAL;
    prepare_well("jsonl", &o);
    check_form("files", 0, "4, 5, 12, 15", "0, 0, 32, 20", "0, 0, 5, 4");
}

/* As composed pictures have them: two masks of 3 x 3, one byte a row, and a truth. */
Test(prepare_layout, of_masks_and_truths)
{
    static const uint8_t pixels[27] = { 1, 2, 3 }, masks[6] = { 0x80, 0x40, 0x20, 0xe0, 0, 0xa0 };
    static const char *const caption = "A dot.";
    Err err = { 0 };
    Preprocess p = preprocess_default(3);
    StoreOptions o = { .size = 3, .preprocess = preprocess_to_json(&p), .provenance = json_pack("{s:s}", "source", "test") };
    StoreItem item = { .name = "with", .split = "train", .width = 3, .height = 3, .stored_width = 3, .stored_height = 3, .pixels = pixels,
                       .captions = &caption, .caption_count = 1, .truth = "{\"dots\": 1}", .mask = masks, .mask_objects = 2 };
    StoreItem bare = { .name = "without", .split = "train", .width = 3, .height = 3, .stored_width = 3, .stored_height = 3, .pixels = pixels };

    put("data/here", "");
    StoreWriter *w = store_create(in_folder("a.h5"), &o, &err);
    cr_assert(w && store_add(w, &bare, &err) && store_add(w, &item, &err) && store_finish(w, &err), "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
    check_layout("a.h5", "{\"form\": \"pixels\", \"size\": 3, \"tokens\": false, \"captions\": {\"with\": [\"A dot.\"], \"without\": []}, "
                 "\"splits\": {\"with\": \"train\", \"without\": \"train\"}, \"boxes\": {}, \"rejected\": [], \"inputs\": [], "
                 "\"masks\": {\"with\": [\"804020\", \"e000a0\"]}, \"truth\": {\"with\": \"{\\\"dots\\\": 1}\"}}");
}
