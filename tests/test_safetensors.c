/* test_safetensors.c - files of the official library read here, ours are deterministic and whole, hostile ones are refused. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tensor/safetensors.h"

static char folder[64];

static void set_up(void)
{
    strcpy(folder, "/tmp/limn-test-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
}

TestSuite(safetensors, .init = set_up, .fini = tear_down);

static SafeTensors *open_fixture(const char *name)
{
    Err   err  = { 0 };
    char *path = path_join(getenv("LIMN_FIXTURES"), name);
    SafeTensors *f = safetensors_open(path, &err);
    cr_assert(f, "%s", err.text);
    free(path);
    return f;
}

static real *values_of(const SafeTensors *f, const char *name)
{
    Err err = { 0 };
    const SafeEntry *e = safetensors_find(f, name);
    cr_assert(e, "no %s", name);
    int64_t count  = shape_count(e->shape);
    real   *values = malloc((size_t)count * sizeof *values + 1);
    cr_assert(safetensors_read(e, values, count, &err), "%s", err.text);
    return values;
}

Test(safetensors, of_the_official_library_are_read_and_converted_exactly)
{
    SafeTensors *f = open_fixture("safetensors/mixed.safetensors"), *want = open_fixture("safetensors/expected.safetensors");
    cr_expect_eq(safetensors_count(f), 10);
    cr_expect_eq(safetensors_count(want), 7);
    for (int i = 0; i < safetensors_count(want); i++) {
        const SafeEntry *e = safetensors_at(want, i), *g = safetensors_find(f, e->name);
        cr_assert(g && shape_equal(e->shape, g->shape), "%s", e->name);
        real *a = values_of(f, e->name), *b = values_of(want, e->name);
        cr_expect_eq(memcmp(a, b, (size_t)shape_count(e->shape) * sizeof *a), 0, "%s", e->name);
        free(a);
        free(b);
    }
    cr_expect_eq(safetensors_find(f, "scalar")->shape.n, 0);
    cr_expect_eq(safetensors_find(f, "bf16")->shape.d[1], 20);
    cr_expect_str_eq(safetensors_find(f, "ids")->dtype, "I64");
    cr_expect_str_eq(safetensors_metadata(f, "answer"), "42");
    cr_expect_str_eq(safetensors_metadata(f, "w\xc3\xb6rd"), "\xc3\xbc");
    cr_expect_null(safetensors_metadata(f, "question"));
    cr_expect_null(safetensors_find(f, "nothing"));
    safetensors_close(f);
    safetensors_close(want);
    safetensors_close(NULL);
}

Test(safetensors, of_whole_numbers_are_listed_but_not_read_as_reals)
{
    SafeTensors *f = open_fixture("safetensors/mixed.safetensors");
    real to[16];
    Err err = { 0 }, second = { 0 };
    cr_expect_not(safetensors_read(safetensors_find(f, "ids"), to, 7, &err));
    cr_expect(strstr(err.text, "'ids' is I64; parameters are read from F32"), "%s", err.text);
    cr_expect_not(safetensors_read(safetensors_find(f, "scalar"), to, 7, &second));
    cr_expect(strstr(second.text, "'scalar' has 1 numbers, but 7 are wanted"), "%s", second.text);
    safetensors_close(f);
}

static void write_small(const char *path)
{
    static const real A[6] = { 1, 2, 3, 4, 5, 6 }, B[2] = { -1, (real)0.1 };
    SafeItem items[] = { { "z.weight", SHAPE(2, 3), A }, { "a.bias", SHAPE(2), B }, { "none", SHAPE(0, 3), A } };
    SafeNote notes[] = { { "limn", "{\"step\":3}" }, { "about", "\"quotes\" \xc3\xbc" } };
    Err err = { 0 };
    cr_assert(safetensors_write(path, items, 3, notes, 2, &err), "%s", err.text);
}

Test(safetensors, written_here_read_back_and_are_the_same_bytes_each_time)
{
    char *one = path_join(folder, "one"), *two = path_join(folder, "two"), a[65], b[65];
    Err err = { 0 };
    write_small(one);
    write_small(two);
    cr_assert(file_sha256(one, a, &err) && file_sha256(two, b, &err));
    cr_expect_str_eq(a, b);

    SafeTensors *f = safetensors_open(one, &err);
    cr_assert(f, "%s", err.text);
    real *w = values_of(f, "z.weight"), *bias = values_of(f, "a.bias");
    cr_expect(w[5] == 6 && bias[1] == (real)0.1);
    cr_expect_str_eq(safetensors_at(f, 0)->name, "z.weight", "in the order given");
    cr_expect_str_eq(safetensors_metadata(f, "format"), "pt");
    cr_expect_str_eq(safetensors_metadata(f, "limn"), "{\"step\":3}");
    cr_expect_str_eq(safetensors_metadata(f, "about"), "\"quotes\" \xc3\xbc");
    cr_expect_eq((uintptr_t)safetensors_at(f, 0)->data % 8, 0);
    safetensors_close(f);
    free(w), free(bias), free(one), free(two);
}

Test(safetensors, that_cannot_be_written_leave_the_old_file)
{
    char *path = path_join(folder, "m");
    Err err = { 0 };
    char before[65], after[65];
    write_small(path);
    cr_assert(file_sha256(path, before, &err));
    real *big = calloc(1 << 19, sizeof *big);
    SafeItem item = { "big", SHAPE(1 << 19), big };
    setenv("LIMN_FAULT", "write:1500000:ENOSPC", 1);
    cr_expect_not(safetensors_write(path, &item, 1, NULL, 0, &err));
    unsetenv("LIMN_FAULT");
    cr_expect(strstr(err.text, "No space left"), "%s", err.text);
    cr_assert(file_sha256(path, after, &err));
    cr_expect_str_eq(before, after);
    free(big);
    free(path);
}

/* ---- hostile files ----------------------------------------------------------------------------------------------- */

static void refuse(const char *bytes, size_t count, const char *piece)
{
    char *path = path_join(folder, "hostile");
    Err   err  = { 0 };
    cr_assert(file_put(path, bytes, count, &err));
    SafeTensors *f = safetensors_open(path, &err);
    cr_expect_null(f, "accepted; wanted: %s", piece);
    cr_expect(err.status == ERR_FAILED && strstr(err.text, piece) && !strchr(err.text, '\n'), "no '%s' in: %s", piece, err.text);
    safetensors_close(f);
    free(path);
}

static void refuse_header(const char *header, size_t data, const char *piece)
{
    uint64_t length = strlen(header);
    char    *bytes  = calloc(1, 8 + length + data);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    refuse(bytes, 8 + length + data, piece);
    free(bytes);
}

Test(safetensors, with_a_hostile_header_are_refused_in_one_sentence)
{
    static const struct { const char *header; size_t data; const char *piece; } CASES[] = {
        { "", 0, "at byte 8, the header is not JSON" },
        { "[1]", 0, "the header is not a JSON object" },
        { "{\"a\":", 0, "the header is not JSON" },
        { "{\"a\xff\":1}", 0, "the header is not JSON" },
        { "{\"a\":3}", 0, "at byte 9, 'a': it is not an object" },
        { "{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'a': its dtype is missing or unknown" },
        { "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'a': its dtype is missing or unknown" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":3,\"data_offsets\":[0,4]}}", 4, "'a': its shape is not a list" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "whole numbers from 0" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "whole numbers from 0" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "more than 5 dimensions" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "its shape overflows" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}", 4, "too big integer" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "its data_offsets are not two whole numbers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "its data_offsets are not two" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "its data_offsets are not two" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "its data end before they begin" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "do not fit its dtype and shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "behind the end of the file (is it truncated?)" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775803,9223372036854775807]}}", 4, "behind the end" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "there is a hole before its data" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "4 bytes follow that belong to no tensor" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"bb\":{\"dtype\":\"F32\",\"shape\":[1],"
          "\"data_offsets\":[4,8]}}", 8, "at byte 62, 'bb': its data overlap" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
          "\"data_offsets\":[0,4]}}", 4, "duplicate object key" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "'__metadata__': it holds something else than texts" },
        { "{\"__metadata__\":[]}", 0, "'__metadata__': it is not an object" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) refuse_header(CASES[i].header, CASES[i].data, CASES[i].piece);
}

Test(safetensors, with_a_hostile_length_are_refused)
{
    refuse("", 0, "it has 0 bytes");
    refuse("1234567", 7, "it has 7 bytes");
    refuse("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "at byte 0, a header of 18446744073709551615 bytes");
    refuse("\x01\xe1\xf5\x05\0\0\0\0{}", 10, "at most 100000000 are allowed");
    refuse("\x64\0\0\0\0\0\0\0{}", 10, "a header of 100 bytes, but the file ends after 10 (is it truncated?)");
    refuse("\x0a\0\0\0\0\0\0\0{\"\0\":null}", 18, "the header is not JSON");
    Err err = { 0 }, second = { 0 };
    cr_expect_null(safetensors_open("/no/such/file", &err));
    cr_expect_str_eq(err.text, "cannot read /no/such/file: No such file or directory");
    cr_expect_null(safetensors_open(folder, &second));
    cr_expect(strstr(second.text, "it is not a file"), "%s", second.text);
}

Test(safetensors, cut_at_any_byte_are_refused)
{
    char  *path = path_join(getenv("LIMN_FIXTURES"), "safetensors/mixed.safetensors");
    Err    err  = { 0 };
    size_t bytes;
    char  *whole = file_read(path, &bytes, &err);
    cr_assert(whole, "%s", err.text);
    char *cut = path_join(folder, "cut");
    for (size_t n = 0; n < bytes; n += n < 1200 ? 7 : 101) {
        Err trouble = { 0 };
        cr_assert(file_put(cut, whole, n, &trouble));
        cr_assert_null(safetensors_open(cut, &trouble), "%zu of %zu bytes", n, bytes);
    }
    free(whole), free(path), free(cut);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static Params *small_model(uint64_t seed)
{
    Params *p = params_new(seed);
    Scope   s = scope(params_root(p), "m");
    param(s, "z.weight", SHAPE(2, 3), INIT_NORMAL, 0.02);
    param(s, "a.bias", SHAPE(2), INIT_ZEROS, 0);
    param(scope(params_root(p), "other"), "w", SHAPE(4), INIT_ONES, 0);
    return p;
}

Test(safetensors, carry_parameters_there_and_back)
{
    char   *path = path_join(folder, "p");
    Params *a = small_model(1), *b = small_model(2);
    Err err = { 0 };
    cr_assert(params_save(a, path, NULL, 0, &err), "%s", err.text);
    SafeTensors *f = safetensors_open(path, &err);
    cr_assert(f && params_load(b, "", f, "", NULL, &err), "%s", err.text);
    for (int i = 0; i < 3; i++) {
        real x[6], y[6];
        int64_t n = shape_count(params_at(a, i)->tensor->shape);
        tensor_read(params_at(a, i)->tensor, 0, x, n);
        tensor_read(params_at(b, i)->tensor, 0, y, n);
        cr_expect_eq(memcmp(x, y, (size_t)n * sizeof *x), 0);
        cr_expect_eq(params_at(b, i)->version, 2);
    }
    safetensors_close(f);
    params_free(a), params_free(b), free(path);
}

Test(safetensors, of_another_model_are_one_error_with_everything_that_does_not_fit)
{
    char   *path = path_join(folder, "p");
    real    x[8] = { 0 };
    SafeItem items[] = { { "vit.z.weight", SHAPE(3, 2), x }, { "vit.c", SHAPE(8), x }, { "vit.pooler.w", SHAPE(1), x },
                         { "classifier", SHAPE(1), x } };
    const char *const ignore[] = { "vit.pooler.*", NULL };
    Params *p = small_model(1);
    Err err = { 0 };
    real before, after;
    cr_assert(safetensors_write(path, items, 4, NULL, 0, &err));
    SafeTensors *f = safetensors_open(path, &err);
    tensor_read(params_at(p, 0)->tensor, 0, &before, 1);
    cr_assert(f);
    cr_assert_not(params_load(p, "m.", f, "vit.", ignore, &err));
    tensor_read(params_at(p, 0)->tensor, 0, &after, 1);
    cr_expect_eq(before, after, "nothing is changed");
    const char *const PIECES[] = { "1 missing, 1 extra, 1 misshapen", "misshapen: vit.z.weight is (3,2), the model wants (2,3)",
                                   "missing: vit.a.bias (2)", "extra: vit.c (8)" };
    for (int i = 0; i < 4; i++) cr_expect(strstr(err.text, PIECES[i]), "no '%s' in: %s", PIECES[i], err.text);
    cr_expect(!strstr(err.text, "pooler") && !strstr(err.text, "classifier"), "%s", err.text);
    safetensors_close(f);
    params_free(p), free(path);
}

Test(safetensors, of_a_real_vit_are_read)
{
    Err   err  = { 0 };
    char *path = path_join(getenv("LIMN_ROOT"), "../shared/data/vit-tiny-patch16-224/model.safetensors");
    if (!file_exists(path)) cr_skip_test("no ../shared/data/vit-tiny-patch16-224 here");
    SafeTensors *f = safetensors_open(path, &err);
    cr_assert(f, "%s", err.text);
    int64_t numbers = 0;
    for (int i = 0; i < safetensors_count(f); i++) {
        real *v = values_of(f, safetensors_at(f, i)->name);
        int64_t n = shape_count(safetensors_at(f, i)->shape);
        for (int64_t k = 0; k < n; k++) cr_assert(isfinite((double)v[k]));
        numbers += n;
        free(v);
    }
    cr_expect(numbers > 5000000 && numbers < 6000000, "%" PRId64 " parameters", numbers);
    safetensors_close(f);
    free(path);
}
