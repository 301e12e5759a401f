/* test_vit.c - the Vision Transformer equals transformers' (fixtures/make_vit.py), on every backend. */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/gradcheck.h"
#include "tensor/safetensors.h"
#include "tests/loaded_encoder.h"

static const char *fixture_folder(void)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/vit", getenv("LIMN_FIXTURES"));
    return path;
}

Test(vit, equals_transformers_also_on_other_grids)
{
    Err   err = { 0 };
    char *path = path_join(fixture_folder(), "expected.json");
    json_t *expected = json_read_file(path, &err);
    cr_assert(expected, "%s", err.text);
    const struct { const char *key; int64_t batch, side; } cases[] = { { "32", 2, 32 }, { "48", 1, 48 }, { "24", 1, 24 } };
    for (const Backend *const *b = backend_list(); *b; b++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const Backend *backend = backend_find((*b)->name, &err);
            cr_assert(backend, "%s", err.text);
            Loaded  l = load(fixture_folder(), backend, cases[i].side);
            Tensor *y = encoder_forward(l.tape, l.encoder, formula(l.tape->arena, cases[i].batch, cases[i].side));
            json_t *want = json_object_get(expected, cases[i].key);
            cr_assert_eq((size_t)shape_count(y->shape), json_array_size(want));
            double d = difference(y, 0, want), limit = sizeof(real) == 8 ? 1e-8 : 1e-5;
            cr_expect_lt(d, limit, "%s, %s px: differs by %g", backend->name, cases[i].key, d);
            unload(&l);
        }
    json_decref(expected);
    free(path);
}

Test(vit, reproduces_the_reference_of_a_real_checkpoint)
{
    char folder[1024], path[1100];
    Err  err = { 0 };
    snprintf(folder, sizeof folder, "%s/../shared/data/vit-tiny-patch16-224", getenv("LIMN_ROOT"));
    snprintf(path, sizeof path, "%s/reference.json", folder);
    if (!file_exists(path))
        cr_skip_test("%s is not there", path);
    json_t *want = json_read_file(path, &err);
    cr_assert(want, "%s", err.text);
    for (const Backend *const *b = backend_list(); *b; b++) {
        Loaded  l = load(folder, backend_find((*b)->name, &err), 0);
        Tensor *y = encoder_forward(l.tape, l.encoder, formula(l.tape->arena, 1, 224));
        double  first = difference(y, 0, json_object_get(want, "last_hidden_state_token0_first16"));
        double  later = difference(y, 100 * 192, json_object_get(want, "last_hidden_state_token100_first16"));
        double  square = 0, l2 = json_number_value(json_object_get(want, "last_hidden_state_l2"));
        for (int64_t i = 0; i < shape_count(y->shape); i++) {
            real v;
            tensor_read(y, i, &v, 1);
            square += (double)v * (double)v;
        }
        cr_log_info("%s: token 0 within %.2g, token 100 within %.2g, norm within %.2g", (*b)->name, first, later, fabs(sqrt(square) / l2 - 1));
        cr_expect(first < 1e-4 && later < 1e-4 && fabs(sqrt(square) / l2 - 1) < 1e-4, "%s: %g %g", (*b)->name, first, later);
        unload(&l);
    }
    json_decref(want);
}

Test(vit, a_picture_is_encoded_alike_alone_and_in_a_batch)
{
    Err     err = { 0 };
    Loaded  l = load(fixture_folder(), backend_find("reference", &err), 0);
    Tensor *two = formula(l.tape->arena, 2, 32), *one = tensor_new(l.tape->arena, SHAPE(1, 3, 32, 32));
    int64_t n = 3 * 32 * 32, m = 17 * 16;
    for (int64_t i = 0; i < n; i++) {
        real v;
        tensor_read(two, n + i, &v, 1);
        tensor_write(one, i, &v, 1);
    }
    Tensor *both = encoder_forward(l.tape, l.encoder, two), *alone = encoder_forward(l.tape, l.encoder, one);
    for (int64_t i = 0; i < m; i++) {
        real a, b;
        tensor_read(both, m + i, &a, 1);
        tensor_read(alone, i, &b, 1);
        cr_assert_eq(a, b);
    }
    unload(&l);
}

Test(vit, regrid_keeps_a_constant_and_a_grid_of_the_same_size)
{
    real from[9 * 2], to[25 * 2], same[9 * 2];
    for (int i = 0; i < 9; i++) from[2 * i] = 3, from[2 * i + 1] = (real)(i * i);
    encoder_regrid(from, 3, to, 5, 2);
    encoder_regrid(from, 3, same, 3, 2);
    for (int i = 0; i < 25; i++) cr_expect_float_eq(to[2 * i], 3, 1e-6);
    for (int i = 0; i < 18; i++) cr_expect_float_eq(same[i], from[i], 1e-6);
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

typedef struct Probe { const Encoder *encoder; Tensor *pixels; } Probe;

static Tensor *probe_loss(Tape *t, void *context)
{
    static const int32_t targets[] = { 1, 3, 5, 7, 0, 2, 4, 6, 1, 3 };
    const Probe *p = context;
    Tensor *y = encoder_forward(t, p->encoder, p->pixels);
    return op_cross_entropy(t, y, (Ids){ SHAPE(2, 5), targets }, (CrossEntropyOptions){ .ignore = -1 });
}

Test(vit, gradients_equal_finite_differences)
{
    if (sizeof(real) == 4)
        cr_skip_test("gradients are checked in double");
    EncoderConfig c = { .kind = "vit", .image = 6, .patch = 3, .width = 8, .depth = 2, .heads = 2, .hidden = 12,
                        .activation = ACT_GELU, .eps = 1e-6, .qkv_bias = false };
    Params *p = params_new(3);
    Arena  *a = arena_new(1 << 16);
    Probe   probe = { encoder_new(scope(params_root(p), "encoder"), &c), formula(a, 2, 6) };
    cr_assert_null(params_find(p, "encoder.encoder.layer.0.attention.attention.query.bias"));
    Err     err = { 0 };
    GradReport r = gradcheck(p, backend_find("reference", &err), probe_loss, &probe, 3e-6, 6);
    cr_expect_gt(r.checked, 100);
    cr_expect_lt(r.worst, 1e-6, "%g at %s", r.worst, r.where);
    arena_free(a);
    params_free(p);
}

/* ---- configurations and broken folders --------------------------------------------------------------------------- */

Test(vit, config_survives_json)
{
    EncoderConfig c, back;
    Err     err = { 0 };
    cr_assert(encoder_config_read(fixture_folder(), &c, &err), "%s", err.text);
    json_t *j = encoder_find("vit", &err)->to_json(&c);
    cr_assert(encoder_find("vit", &err)->from_json(j, "test", &back, &err), "%s", err.text);
    cr_expect(back.image == c.image && back.patch == c.patch && back.width == c.width && back.depth == c.depth && back.heads == c.heads
              && back.hidden == c.hidden && back.activation == c.activation && back.eps == c.eps && back.qkv_bias == c.qkv_bias);
    json_decref(j);
}

Test(vit, mistakes_in_a_config_are_reported_together)
{
    Err           err = { 0 };
    EncoderConfig c = { .kind = "vit", .image = 30, .patch = 8, .width = 10, .depth = 1, .heads = 3, .hidden = 4, .eps = 0 };
    cr_expect_not(encoder_config_check(&c, &err));
    cr_expect(strstr(err.text, "patches") && strstr(err.text, "heads") && strstr(err.text, "epsilon"), "%s", err.text);
    err = (Err){ 0 };
    cr_expect_null(encoder_find("resnext", &err));
    cr_expect(strstr(err.text, "vit"), "%s", err.text);
}

static void put(const char *folder, const char *name, const void *data, size_t bytes)
{
    Err   err = { 0 };
    char *path = path_join(folder, name);
    cr_assert(file_put(path, data, bytes, &err), "%s", err.text);
    free(path);
}

Test(vit, a_broken_folder_is_one_error_that_names_it)
{
    char   folder[] = "/tmp/limn-vit-XXXXXX", command[64];
    Err    err = { 0 };
    cr_assert(mkdtemp(folder));
    EncoderConfig c, tiny;
    cr_assert(encoder_config_read(fixture_folder(), &tiny, &err), "%s", err.text);
    cr_expect_not(encoder_config_read(folder, &c, &err));
    cr_expect(strstr(err.text, folder), "%s", err.text);
    put(folder, "config.json", "{\"model_type\": \"alexnet\"}", 25);
    err = (Err){ 0 };
    cr_expect_not(encoder_config_read(folder, &c, &err));
    cr_expect(strstr(err.text, folder) && strstr(err.text, "alexnet"), "%s", err.text);

    /* Weights of another width: every misshapen tensor is named. */
    char   *config = path_join(fixture_folder(), "config.json"), *weights = path_join(fixture_folder(), "model.safetensors");
    size_t  n, m;
    char   *text = file_read(config, &n, &err), *data = file_read(weights, &m, &err);
    put(folder, "config.json", text, n);
    put(folder, "model.safetensors", data, m);
    tiny.width = 24;
    for (int other = 0; other < 2; other++) {
        tiny.image = other ? 48 : 32;
        Params  *p = params_new(1);
        Encoder *e = encoder_new(scope(params_root(p), "encoder"), &tiny);
        err = (Err){ 0 };
        cr_expect_not(encoder_load(p, "encoder.", e, folder, &err));
        cr_expect(strstr(err.text, "cls_token") && strstr(err.text, "layernorm"), "%s", err.text);
        params_free(p);
    }
    put(folder, "model.safetensors", data, m / 2);
    Params *p = params_new(1);
    err = (Err){ 0 };
    cr_expect_not(encoder_load(p, "encoder.", encoder_new(params_root(p), &tiny), folder, &err));
    cr_expect(strstr(err.text, folder), "%s", err.text);
    params_free(p);
    free(text), free(data), free(config), free(weights);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}
