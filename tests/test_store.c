/* test_store.c - the HDF5 store: what goes in comes out, the same bytes for the same input, and damage is an error. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datasets/store.h"
#include "datasets/store/xxh64.h"
#include "tensor/base/file.h"
#include "vision/image.h"

enum { SIZE = 12, ITEMS = 7, MASK = SIZE * 2, PICTURE = SIZE * SIZE * 3 };

static const Preprocess as_stored = { .size = SIZE };

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static void begin(void)
{
    strcpy(folder, "/tmp/limn-test-store-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = begin, .fini = end);

static uint8_t pixel_of(int item, int at) { return (uint8_t)(item * 37 + at * 11 + at / 7); }

static bool add(StoreWriter *w, int i, bool jpeg, Err *err)
{
    uint8_t pixels[PICTURE], masks[2 * MASK], *data = NULL;
    char name[32], truth[32];
    const char *captions[] = { "A dog runs .", "Ein Hund läuft .", "" };
    StoreBox boxes[] = { { 1, 2, 3.5f, 4, 0, 0, 5, "A dog", 0, 77 }, { 0, 0, 12, 12, -1, 0, 0, NULL, 1, -1 } };
    size_t bytes = 0;

    for (int k = 0; k < PICTURE; k++) pixels[k] = pixel_of(i, k);
    for (int k = 0; k < 2 * MASK; k++) masks[k] = (uint8_t)(i + k);
    snprintf(name, sizeof name, "picture-%d.jpg", i);
    snprintf(truth, sizeof truth, "{\"n\": %d}", i);
    if (jpeg) cr_assert(image_encode_jpeg(&(Image){ SIZE, SIZE, 3, pixels }, 90, &data, &bytes, err));

    StoreItem item = { .name = name, .split = i % 3 == 2 ? "val" : "train", .width = 100 + i, .height = 200 - i,
        .stored_width = SIZE, .stored_height = SIZE, .pixels = jpeg ? NULL : pixels, .file = data, .file_bytes = bytes,
        .phash = 1000u + (unsigned)i, .source_sha256 = { (uint8_t)i, 1, 2 }, .source_bytes = 500 + i, .captions = captions, .caption_count = i % 4,
        .boxes = boxes, .box_count = i % 4 ? 2 : 0, .truth = i % 2 ? truth : NULL, .mask = masks, .mask_objects = i % 3 };
    bool ok = store_add(w, &item, err);
    free(data);
    return ok;
}

static bool make(const char *path, bool jpeg, Err *err)
{
    StoreOptions o = { .size = SIZE, .files = jpeg, .preprocess = json_pack("{s:i}", "size", SIZE),
                       .provenance = json_pack("{s:s}", "source", "test") };
    StoreWriter *w = store_create(path, &o, err);
    bool ok = w != NULL;

    for (int i = 0; i < ITEMS && ok; i++) ok = add(w, i, jpeg, err);
    if (ok) {
        ok = store_problem(w, &(Problem){ PROBLEM_BAD_IMAGE, "broken.jpg", "list.txt", 7, "ends too early" }, err);
        store_build_tokenizer(w, "train", 1, 0, NULL);
        ok = ok && store_finish(w, err);
    } else {
        store_abandon(w);
    }
    json_decref(o.preprocess);
    json_decref(o.provenance);
    return ok;
}

static void check_item(Store *s, int i)
{
    char name[32];
    uint8_t pixels[PICTURE], mask[MASK];
    Err err = { 0 };
    int width, height;

    snprintf(name, sizeof name, "picture-%d.jpg", i);
    cr_assert_str_eq(store_item_name(s, i), name);
    store_original_size(s, i, &width, &height);
    cr_assert(width == 100 + i && height == 200 - i);
    store_stored_size(s, i, &width, &height);
    cr_assert(width == SIZE && height == SIZE);
    cr_assert(store_phash(s, i) == 1000u + (unsigned)i && store_source_bytes(s, i) == 500 + i && store_source_sha256(s, i)[0] == i);
    cr_assert_eq(store_caption_count(s, i), i % 4);
    if (i % 4 > 1) cr_assert_str_eq(store_caption(s, i, 1), "Ein Hund läuft .");
    if (i % 4 > 2) cr_assert_str_eq(store_caption(s, i, 2), "");
    cr_assert_eq(store_box_count(s, i), i % 4 ? 2 : 0);
    if (i % 4) {
        StoreBox b = store_box(s, i, 0);
        cr_assert(b.x0 == 1 && b.y0 == 2 && b.x1 == 3.5f && b.y1 == 4 && b.caption == 0 && b.from == 0 && b.to == 5);
        cr_assert(b.kind == 0 && b.entity == 77 && store_box(s, i, 1).kind == 1 && store_box(s, i, 1).entity == -1);
        cr_assert_str_eq(b.phrase, "A dog");
        cr_assert_null(store_box(s, i, 1).phrase);
    }
    cr_assert_eq(store_truth(s, i) != NULL, i % 2 == 1);
    cr_assert_eq(store_mask_count(s, i), i % 3);
    for (int k = 0; k < i % 3; k++) {
        cr_assert(store_mask(s, i, k, mask, &err), "%s", err.text);
        for (int b = 0; b < MASK; b++) cr_assert_eq(mask[b], (uint8_t)(i + k * MASK + b));
    }
    cr_assert(store_pixels(s, i, &as_stored, pixels, &err), "%s", err.text);
    for (int k = 0; k < PICTURE; k++) cr_assert_eq(pixels[k], pixel_of(i, k));
}

Test(store, gives_back_what_was_put_in)
{
    Err err = { 0 };
    cr_assert(make(in_folder("a.h5"), false, &err), "%s", err.text);
    Store *s = store_open(in_folder("a.h5"), &err);
    cr_assert(s, "%s", err.text);

    cr_assert_eq(store_count(s), ITEMS);
    cr_assert_eq(store_size(s), SIZE);
    cr_assert_eq(strlen(store_hash(s)), 64);
    cr_assert_eq(json_integer_value(json_object_get(store_preprocess(s), "size")), SIZE);
    cr_assert_str_eq(json_string_value(json_object_get(store_provenance(s), "source")), "test");
    cr_assert(strstr(store_tokenizer(s), "hund"));
    cr_assert_eq(store_splits(s), 2);
    cr_assert_eq(store_find_split(s, "test"), -1);
    int64_t count;
    const int64_t *items = store_split_items(s, store_find_split(s, "val"), &count);
    cr_assert(count == 2 && items[0] == 2 && items[1] == 5);
    cr_assert_eq(store_rejected(s), 1);
    Problem p = store_rejected_at(s, 0);
    cr_assert(p.kind == PROBLEM_BAD_IMAGE && p.line == 7);
    cr_assert_str_eq(p.name, "broken.jpg");
    cr_assert_str_eq(p.file, "list.txt");
    cr_assert_str_eq(p.reason, "ends too early");
    for (int i = 0; i < ITEMS; i++) check_item(s, i);
    store_close(s);
    cr_assert(!file_exists(in_folder("a.h5.journal")), "the journal is removed");
}

Test(store, keeps_pictures_as_jpeg)
{
    Err err = { 0 };
    uint8_t rgb[PICTURE];
    cr_assert(make(in_folder("a.h5"), true, &err), "%s", err.text);
    Store *s = store_open(in_folder("a.h5"), &err);
    cr_assert(s, "%s", err.text);
    for (int i = 0; i < ITEMS; i++) cr_assert(store_pixels(s, i, &as_stored, rgb, &err), "%s", err.text);
    store_close(s);
}

Test(store, is_the_same_bytes_for_the_same_input)
{
    Err err = { 0 };
    char a[65], b[65];
    cr_assert(make(in_folder("a.h5"), false, &err), "%s", err.text);
    sleep(1);                                    /* a date in seconds would differ */
    cr_assert(make(in_folder("b.h5"), false, &err), "%s", err.text);
    cr_assert(file_sha256(in_folder("a.h5"), a, &err) && file_sha256(in_folder("b.h5"), b, &err));
    cr_assert_str_eq(a, b);
}

Test(store, does_not_take_two_pictures_of_one_name_or_none_at_all)
{
    Err err = { 0 };
    StoreOptions o = { .size = SIZE, .preprocess = json_object(), .provenance = json_object() };

    StoreWriter *w = store_create(in_folder("a.h5"), &o, &err);
    cr_assert(add(w, 1, false, &err) && add(w, 1, false, &err));
    cr_assert(!store_finish(w, &err));
    cr_assert(strstr(err.text, "picture-1.jpg"), "%s", err.text);
    w = store_create(in_folder("a.h5"), &o, &err);
    cr_assert(!store_finish(w, &err));
    cr_assert(!file_exists(in_folder("a.h5")));
    json_decref(o.preprocess);
    json_decref(o.provenance);
}

Test(store, is_written_by_one_at_a_time)
{
    Err err = { 0 };
    StoreOptions o = { .size = SIZE, .preprocess = json_object(), .provenance = json_object() };

    StoreWriter *first = store_create(in_folder("a.h5"), &o, &err);
    cr_assert(first, "%s", err.text);
    cr_assert_null(store_create(in_folder("a.h5"), &o, &err));
    cr_assert(strstr(err.text, "another process"), "%s", err.text);
    store_abandon(first);
    StoreWriter *then = store_create(in_folder("a.h5"), &o, &err);
    cr_assert(then, "%s", err.text);
    store_abandon(then);
    json_decref(o.preprocess);
    json_decref(o.provenance);
}

/* ---- damage ----------------------------------------------------------------------------------------------------------- */
static char *whole;
static size_t whole_bytes;

/* Everything that can be read from a store at path: right, or an error, never anything else. Counts how often it was an error. */
static int read_all(const char *path)
{
    Err err = { 0 };
    uint8_t rgb[PICTURE], mask[MASK];
    Store *s = store_open(path, &err);
    int errors = 0;

    if (!s) {
        cr_assert(strstr(err.text, path), "the error names the file: %s", err.text);
        return 1;
    }
    for (int i = 0; i < ITEMS; i++) {
        if (store_pixels(s, i, &as_stored, rgb, &err)) for (int k = 0; k < PICTURE; k++) cr_assert_eq(rgb[k], pixel_of(i, k));
        else errors++;
        for (int k = 0; k < i % 3; k++) errors += !store_mask(s, i, k, mask, &err);
    }
    store_close(s);
    return errors;
}

static void make_whole(void)
{
    Err err = { 0 };
    cr_assert(make(in_folder("a.h5"), false, &err), "%s", err.text);
    whole = file_read(in_folder("a.h5"), &whole_bytes, &err);
    cr_assert(whole);
    cr_assert_eq(read_all(in_folder("a.h5")), 0);
}

static void write_raw(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f && (!bytes || fwrite(data, 1, bytes, f) == bytes) && fclose(f) == 0);
}

Test(store, that_was_cut_short_is_an_error)
{
    make_whole();
    for (size_t n = 0; n < whole_bytes; n += 1 + n / 23) {
        write_raw(in_folder("cut.h5"), whole, n);
        cr_assert_geq(read_all(in_folder("cut.h5")), 1, "cut to %zu of %zu bytes", n, whole_bytes);
    }
    free(whole);
}

Test(store, with_any_byte_changed_is_an_error)
{
    make_whole();
    for (size_t at = 0; at < whole_bytes; at += at < 600 ? 1 : 29) {
        whole[at] ^= 0x10;
        write_raw(in_folder("flip.h5"), whole, whole_bytes);
        whole[at] ^= 0x10;
        cr_assert_geq(read_all(in_folder("flip.h5")), 1, "byte %zu of %zu changed", at, whole_bytes);
    }
    free(whole);
}

Test(store, that_is_none_is_told_so)
{
    Err err = { 0 };
    write_raw(in_folder("a.h5"), "\211HDF\r\n\032\n", 8);
    cr_assert_null(store_open(in_folder("a.h5"), &err));
    cr_assert(strstr(err.text, "not a store"), "%s", err.text);
    cr_assert_null(store_open(in_folder("none.h5"), &err));
    cr_assert(strstr(err.text, "No such file"), "%s", err.text);
    cr_assert_null(store_open(folder, &err));
}

/* Every 997th byte written, through the journal and the file, is where the disk becomes full. */
Test(store, on_a_full_disk_is_one_error_and_loses_nothing)
{
    Err err = { 0 };
    char before[65], after[65], fault[64];
    int failures = 0;
    make_whole();
    cr_assert(file_sha256(in_folder("a.h5"), before, &err));

    for (int step = 1;; step++) {
        pid_t child = fork();
        if (child == 0) {                        /* the count of bytes begins anew in each process */
            snprintf(fault, sizeof fault, "write:%zu:ENOSPC", whole_bytes + (size_t)step * 997);
            setenv("LIMN_FAULT", fault, 1);
            Err e = { 0 };
            _exit(make(in_folder("a.h5"), false, &e) ? 0 : strstr(e.text, "No space left") ? 1 : 2);
        }
        int status;
        cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
        cr_assert(file_sha256(in_folder("a.h5"), after, &err));
        cr_assert_str_eq(before, after);
        if (WEXITSTATUS(status) == 0) break;
        cr_assert_eq(WEXITSTATUS(status), 1, "the error names the cause");
        failures++;
    }
    cr_assert_gt(failures, 10);
    free(whole);
}

/* ---- and by others ------------------------------------------------------------------------------------------------------- */
Test(store, is_readable_with_h5py)
{
    if (system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) cr_skip_test("no h5py for /usr/bin/python3");
    Err err = { 0 };
    char command[2048];
    cr_assert(make(in_folder("a.h5"), false, &err), "%s", err.text);
    snprintf(command, sizeof command, "/usr/bin/python3 - %s <<'END'\n"
        "import h5py, json, sys\n"
        "f = h5py.File(sys.argv[1], 'r')\n"
        "text = lambda g, b, o, i: bytes(f[g][b][f[g][o][i]:f[g][o][i + 1] - 1]).decode()\n"
        "assert f.attrs['layout'] == 2 and f.attrs['size'] == 12\n"
        "assert f['images/pixels'].shape == (7, 12, 12, 3)\n"
        "assert all(f['images/pixels'][i].ravel()[k] == (i * 37 + k * 11 + k // 7) %% 256 for i in range(7) for k in range(432))\n"
        "assert text('items', 'name_bytes', 'name_offsets', 3) == 'picture-3.jpg'\n"
        "assert text('captions', 'bytes', 'offsets', f['captions/item_offsets'][3] + 1) == 'Ein Hund l\\u00e4uft .'\n"
        "assert list(f['splits/items'][:]) == [0, 1, 3, 4, 6, 2, 5]\n"
        "v = json.loads(bytes(f['tokenizer'][:]))['model']['vocab']\n"
        "o = f['captions/token_offsets']\n"
        "assert list(f['captions/token_ids'][o[0]:o[1]]) == [v[w] for w in 'a dog runs'.split()]\n"
        "assert f['masks/bits'][0, 0, 0] == 1 and len(f['masks/bits']) == 6\n"
        "assert f['images/source_sha256'].shape == (7, 32) and f['images/phash'][3] == 1003 and f['images/size'][0].tolist() == [12, 12]\n"
        "assert text('rejected', 'file_bytes', 'file_offsets', 0) == 'list.txt' and f['rejected/line'][0] == 7\n"
        "assert json.loads(bytes(f['provenance'][:])) == {'source': 'test'}\n"
        "END\n", in_folder("a.h5"));
    cr_assert_eq(system(command), 0);
}

Test(store, hashes_as_xxhash_does)
{
    uint8_t ramp[101];
    for (int i = 0; i < 101; i++) ramp[i] = (uint8_t)(i * 7);
    cr_assert_eq(xxh64("", 0), 0xEF46DB3751D8E999u);
    cr_assert_eq(xxh64("abc", 3), 0x44BC2CF5AD770999u);
    cr_assert_eq(xxh64(ramp, 101), 0x42312F4D55D9BD17u);
}
