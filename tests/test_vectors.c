/* test_vectors.c - a researcher's vectors: every format gives the same numbers, rows find their pictures, and what is wrong is told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/features.h"
#include "tensor/base/file.h"

enum { SIZE = 4, ITEMS = 5 };

static char   folder[64];
static Store *store;

static Store *make_store(const char *name, int items)
{
    Err err = { 0 };
    Preprocess p = preprocess_default(SIZE);
    char *path = path_join(folder, name);
    StoreOptions o = { .size = SIZE, .preprocess = preprocess_to_json(&p), .provenance = json_object() };
    StoreWriter *w = store_create(path, &o, &err);
    cr_assert(w, "%s", err.text);
    for (int i = 0; i < items; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d.jpg", i);
        StoreItem item = { .name = text, .split = "train", .stored_width = SIZE, .stored_height = SIZE, .pixels = (uint8_t[SIZE * SIZE * 3]){ 0 } };
        cr_assert(store_add(w, &item, &err), "%s", err.text);
    }
    cr_assert(store_finish(w, &err), "%s", err.text);
    Store *s = store_open(path, &err);
    cr_assert(s, "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
    free(path);
    return s;
}

static void begin(void)
{
    strcpy(folder, "/tmp/limn-test-vectors-XXXXXX");
    cr_assert(mkdtemp(folder));
    store = make_store("a.h5", ITEMS);
}

static void end(void)
{
    char command[128];
    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(vectors, .init = begin, .fini = end);

static const char *fixture(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/vectors/%s", getenv("LIMN_FIXTURES"), name);
    return path;
}

/* row_of NULL: row i is item i. */
static void assert_holds(const char *path, int tokens, const int *row_of, char hash[17])
{
    Err err = { 0 };
    int64_t N, C;
    Features *f = features_import(path, store, &err);
    cr_assert(f, "%s", err.text);
    cr_assert(features_shape(path, &N, &C, &err) && N == tokens && C == 4);
    cr_assert(features_tokens(f) == tokens && features_width(f) == 4 && features_views(f) == 1);
    for (int i = 0; i < ITEMS; i++) {
        real x[12];
        features_get(f, i, 0, x);
        for (int k = 0; k < tokens * 4; k++)
            cr_assert_eq((double)x[k], (row_of ? row_of[i] : i) + (k / 4) / 4.0 + (k % 4) / 16.0, "%s: item %d", path, i);
    }
    strcpy(hash, features_hash(f));
    features_close(f);
}

Test(vectors, are_the_same_in_every_format)
{
    static const char *const SAME[] = { "f2.npy", "f4.npy", "f8.npy", "version2.npy", "version3.npy", "all.h5:/f2", "all.h5:/f4", "all.h5:/f8",
                                        "all.h5:/big", "all.h5:/zip", "one.h5", "one.h5:/x" };
    char first[17], hash[17];
    assert_holds(fixture("f4.npy"), 3, NULL, first);
    cr_assert_eq(strlen(first), 16);
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        assert_holds(fixture(SAME[i]), 3, NULL, hash);
        cr_assert_str_eq(hash, first, "%s", SAME[i]);
    }
    assert_holds(fixture("flat.npy"), 1, NULL, first);
    assert_holds(fixture("all.h5:/group/flat"), 1, NULL, hash);
    cr_assert_str_eq(hash, first);
}

/* A copy of a fixture in the folder, malloc'd; with the names beside it, when there are some. */
static char *copy(const char *name, const char *names)
{
    Err err = { 0 };
    size_t bytes;
    char *data = file_read(fixture(name), &bytes, &err), *path = path_join(folder, "x.npy"), *beside = path_join(folder, "x.names.txt");
    cr_assert(data && file_put(path, data, bytes, &err), "%s", err.text);
    if (names) cr_assert(file_put(beside, names, strlen(names), &err), "%s", err.text);
    free(data);
    free(beside);
    return path;
}

Test(vectors, find_their_pictures_by_name)
{
    static const int ROW_OF[] = { 2, 3, 1, 4, 0 };
    char first[17], hash[17];
    assert_holds(fixture("named.h5"), 3, ROW_OF, first);
    assert_holds(fixture("named-fixed.h5"), 3, ROW_OF, hash);
    cr_assert_str_eq(hash, first);
    char *path = copy("f4.npy", "4.jpg\n2.jpg\r\n0.jpg\n1.jpg\n3.jpg");
    assert_holds(path, 3, ROW_OF, hash);
    cr_assert_str_eq(hash, first);
    free(path);
}

static void assert_refused(const char *path, const Store *s, const char *why)
{
    Err err = { 0 };
    cr_assert_null(features_import(path, s, &err), "%s", path);
    cr_assert(strstr(err.text, why), "%s", err.text);
}

Test(vectors, that_make_no_sense_are_refused_with_a_sentence)
{
    static const struct { const char *name, *why; } CASES[] = {
        { "big-endian.npy", "'>f4'" }, { "integers.npy", "'<i4'" }, { "record.npy", "record" }, { "fortran.npy", "Fortran" },
        { "one-dimension.npy", "1 dimensions" }, { "nan.npy", "row 3 (3.jpg) holds nan at token 1, feature 2" }, { "f4.npy:/x", "no data set" },
        { "nowhere.npy", "cannot be read" }, { "all.h5", "f2, /f4, /f8" }, { "all.h5:/nothing", "no data set '/nothing'" },
        { "all.h5:/integers", "floats" }, { "all.h5:/group", "no data set" }, { "all.h5:/unwritten", "nothing of" },
        { "named-few.h5", "4 names for 5 rows" }, { "../make_vectors.py", "neither" } };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) assert_refused(fixture(CASES[i].name), store, CASES[i].why);
}

Test(vectors, that_are_missing_are_told_together)
{
    Store *more = make_store("more.h5", 17);
    assert_refused(fixture("f4.npy"), more, "5 rows, but the data set has 17 pictures");
    assert_refused(fixture("named.h5"), more, "12 of the data set's 17 pictures");
    assert_refused(fixture("named.h5"), more, "5.jpg, 6.jpg, 7.jpg");
    store_close(more);
    Store *fewer = make_store("fewer.h5", 3);
    Err err = { 0 };
    Features *f = features_import(fixture("named.h5"), fewer, &err);
    cr_assert(f, "%s", err.text);
    features_close(f);
    store_close(fewer);

    char *path = copy("f4.npy", "a\nb\nc\nd\n");
    assert_refused(path, store, "4 names for the 5 rows");
    free(path);
    path = copy("f4.npy", "0.jpg\n1.jpg\n2.jpg\n2.jpg\n4.jpg\n");
    assert_refused(path, store, "two rows are named '2.jpg'");
    free(path);
}

/* Every byte of an .npy header changed, and every length cut: refused or read, never a crash; a change of value is another hash. */
Test(vectors, of_damaged_files_are_refused)
{
    Err err = { 0 };
    size_t bytes;
    char *path = copy("f4.npy", NULL), *data = file_read(path, &bytes, &err);
    for (size_t cut = 0; cut < bytes; cut += cut < 140 ? 1 : 30) {
        cr_assert(file_put(path, data, cut, &err));
        Err e = { 0 };
        cr_assert_null(features_import(path, store, &e), "cut to %zu", cut);
        cr_assert(strstr(e.text, path), "%s", e.text);
    }
    for (size_t at = 0; at < 128; at++)
        for (int bit = 0; bit < 8; bit += 3) {
            data[at] ^= (char)(1 << bit);
            cr_assert(file_put(path, data, bytes, &err));
            Err e = { 0 };
            features_close(features_import(path, store, &e));
            data[at] ^= (char)(1 << bit);
        }
    free(data);
    free(path);
}

Test(vectors, of_hdf5_files_cut_short_are_refused)
{
    Err err = { 0 };
    size_t bytes;
    char *path = path_join(folder, "cut.h5"), *data = file_read(fixture("one.h5"), &bytes, &err);
    for (size_t cut = 8; cut < bytes; cut += 97) {
        cr_assert(file_put(path, data, cut, &err));
        assert_refused(path, store, path);
    }
    free(data);
    free(path);
}

Test(vectors, of_other_values_have_another_hash)
{
    Err err = { 0 };
    size_t bytes;
    char *path = copy("f4.npy", NULL), *data = file_read(path, &bytes, &err);
    Features *f = features_import(path, store, &err);
    data[bytes - 3] ^= 1;
    char *other = path_join(folder, "y.npy");
    cr_assert(file_put(other, data, bytes, &err));
    Features *g = features_import(other, store, &err);
    cr_assert(f && g, "%s", err.text);
    cr_assert_str_neq(features_hash(f), features_hash(g));
    features_close(f);
    features_close(g);
    free(other);
    free(data);
    free(path);
}
