/* test_preprocess.c - what an encoder sees equals what transformers' image processors make (fixtures/make_preprocess.py). */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "vision/preprocess.h"

/* The picture of make_resize.py. */
static Image picture(int width, int height)
{
    Image im = image_new(width, height, 3);
    for (uint32_t i = 0; i < (uint32_t)(width * height * 3); i++) {
        uint32_t h = i * 2654435761u + 12345u;
        h ^= h >> 15;
        h *= 2246822519u;
        uint8_t v = (uint8_t)(h >> 24);
        im.pixels[i] = i >> 4 & 3 ? v : v & 128 ? 255 : 0;
    }
    return im;
}

static int integer(const json_t *o, const char *key) { return (int)json_integer_value(json_object_get(o, key)); }

static void check_case(const json_t *c)
{
    Err        err = { 0 };
    Preprocess p;
    cr_assert(preprocess_from_json(json_object_get(c, "record"), "case", &p, &err), "%s", err.text);
    Image  im = picture(integer(c, "width"), integer(c, "height")), small = preprocess_resize(&p, &im);
    cr_assert(small.width == p.size && small.height == p.size && small.channels == 3);
    size_t n = (size_t)p.size * (size_t)p.size * 3, i;
    real  *x = malloc(n * sizeof *x);
    preprocess_normalize(&p, small.pixels, false, x);

    double sum = 0, square = 0;
    for (i = 0; i < n; i++) sum += (double)x[i], square += (double)x[i] * (double)x[i];
    cr_expect_float_eq(sum / (double)n, json_number_value(json_object_get(c, "mean")), 1e-5);
    cr_expect_float_eq(sqrt(square) / json_number_value(json_object_get(c, "l2")), 1, 1e-6);
    json_t *probe;
    json_array_foreach(json_object_get(c, "probes"), i, probe) {
        size_t at = (size_t)json_integer_value(json_array_get(probe, 0));
        cr_expect_float_eq((double)x[at], json_number_value(json_array_get(probe, 1)), 2e-6, "size %d, mode %d, value %zu: %g", p.size, p.mode, at, (double)x[at]);
    }
    free(x);
    image_free(&im);
    image_free(&small);
}

Test(preprocess, equals_transformers)
{
    Err   err = { 0 };
    char *path = path_join(getenv("LIMN_FIXTURES"), "preprocess/cases.json");
    json_t *all = json_read_file(path, &err), *c;
    cr_assert(all, "%s", err.text);
    size_t i;
    json_array_foreach(json_object_get(all, "cases"), i, c)
        check_case(c);
    cr_assert_geq(i, 12);
    json_decref(all);
    free(path);
}

Test(preprocess, flip_mirrors_left_and_right)
{
    Preprocess p = preprocess_default(5);
    Image im = picture(5, 5), mirrored = image_flip(&im);
    real  a[75], b[75];
    preprocess_normalize(&p, im.pixels, true, a);
    preprocess_normalize(&p, mirrored.pixels, false, b);
    cr_expect_arr_eq(a, b, sizeof a);
    cr_expect_float_eq(a[25], (im.pixels[4 * 3 + 1] / 255.0 - 0.5) / 0.5, 1e-6);
    image_free(&im);
    image_free(&mirrored);
}

Test(preprocess, a_batch_is_its_pictures_one_after_the_other)
{
    enum { EACH = 75 };
    Preprocess p = preprocess_default(5);
    Image  im = picture(5, 15);                  /* three pictures of 5 x 5 */
    Arena *a = arena_new(1 << 16);
    bool   flip[3] = { false, true, false };
    real   want[EACH], got[EACH];
    for (int plain = 0; plain < 2; plain++) {
        Tensor *x = preprocess_batch(&p, a, im.pixels, plain ? NULL : flip, 3);
        cr_assert(shape_equal(x->shape, SHAPE(3, 3, 5, 5)));
        for (int i = 0; i < 3; i++) {
            preprocess_normalize(&p, im.pixels + i * EACH, !plain && flip[i], want);
            tensor_read(x, i * EACH, got, EACH);
            cr_expect_arr_eq(got, want, sizeof want);
        }
    }
    arena_free(a);
    image_free(&im);
}

Test(preprocess, pad_keeps_proportions_and_frames_with_the_mean)
{
    Preprocess p = preprocess_default(16);
    p.mode = RESIZE_PAD;
    Image im = picture(64, 32), out = preprocess_resize(&p, &im), inner = image_resize(&im, 16, 8, FILTER_BICUBIC);
    cr_expect_arr_eq(out.pixels, ((uint8_t[]){ 128, 128, 128 }), 3);
    cr_expect_arr_eq(out.pixels + 4 * 16 * 3, inner.pixels, 16 * 8 * 3);
    cr_expect_eq(out.pixels[12 * 16 * 3], 128);
    image_free(&im), image_free(&out), image_free(&inner);
}

Test(preprocess, record_survives_json)
{
    Preprocess list[] = { preprocess_default(224), preprocess_default(96), preprocess_default(56), preprocess_default(32) }, back;
    list[1].mode = RESIZE_CROP;
    list[1].filter = FILTER_LANCZOS;
    list[2].edge = 64;
    list[2].mean[1] = 0.25;
    list[3].mode = RESIZE_PAD;
    list[3].filter = FILTER_NEAREST;
    for (int i = 0; i < 4; i++) {
        Err     err = { 0 };
        json_t *j = preprocess_to_json(&list[i]);
        char   *text = json_dumps(j, JSON_INDENT(1));
        json_t *again = json_loads(text, 0, NULL);
        cr_assert(preprocess_from_json(again, "record", &back, &err), "%s", err.text);
        cr_expect(back.mode == list[i].mode && back.size == list[i].size && back.edge == list[i].edge && back.filter == list[i].filter, "%s", text);
        for (int c = 0; c < 3; c++) cr_expect(back.mean[c] == list[i].mean[c] && back.std[c] == list[i].std[c]);
        json_decref(j);
        json_decref(again);
        free(text);
    }
}

Test(preprocess, what_cannot_be_followed_is_refused)
{
    const struct { const char *json, *words; } cases[] = {
        { "[1]", "object" }, { "{\"size\": \"large\"}", "size" }, { "{\"size\": {\"height\": 224, \"width\": 112}}", "squares" },
        { "{\"do_resize\": false}", "do_resize" }, { "{\"resample\": 9}", "resample" }, { "{\"size\": 0}", "size" },
        { "{\"size\": {\"shortest_edge\": 9}}", "do_center_crop" }, { "{\"image_std\": [0, 1, 1]}", "image_std" },
        { "{\"image_mean\": [0.5]}", "image_mean" }, { "{\"rescale_factor\": 1}", "rescale_factor" }, { "{\"limn_resize\": \"fold\"}", "fold" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Err        err = { 0 };
        Preprocess p;
        json_t    *j = json_loads(cases[i].json, 0, NULL);
        cr_assert(j);
        cr_expect_not(preprocess_from_json(j, "folder/preprocessor_config.json", &p, &err), "%s", cases[i].json);
        cr_expect(strstr(err.text, cases[i].words) && strstr(err.text, "folder/"), "%s -> %s", cases[i].json, err.text);
        json_decref(j);
    }
}
