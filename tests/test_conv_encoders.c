/* test_conv_encoders.c - ResNet, MobileNetV1 and ConvNeXt equal transformers' (fixtures/make_conv_encoders.py), on every backend. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/safetensors.h"
#include "tests/loaded_encoder.h"

static const bool DOUBLE = sizeof(real) == sizeof(double);

static const char *fixture(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/conv_encoders/%s", getenv("LIMN_FIXTURES"), name);
    return path;
}

static const char *const FOLDERS[] = { "resnet-basic", "resnet-bottleneck", "mobilenet", "convnext", "convnext-plain" };
enum { FOLDER_COUNT = sizeof FOLDERS / sizeof *FOLDERS };

static double at(const Tensor *x, int64_t i)
{
    real v;
    tensor_read(x, i, &v, 1);
    return (double)v;
}

static void compare(const json_t *wanted, const Backend *backend)
{
    const char   *folder = json_string_value(json_object_get(wanted, "folder"));
    const json_t *values = json_object_get(wanted, "values"), *shape = json_object_get(wanted, "shape");
    int64_t       size = json_integer_value(json_object_get(wanted, "size"));
    EncoderConfig c = config_in(fixture(folder), size);
    if (json_object_get(json_object_get(wanted, "changes"), "tf_padding")) c.same = false;
    Loaded  l = load_as(&c, fixture(folder), backend);
    Tensor *y = encoder_forward(l.tape, l.encoder, formula(l.tape->arena, 2, size));
    cr_assert_eq(l.encoder->prefix, 0);
    cr_expect_eq(l.encoder->rows, json_integer_value(json_array_get(shape, 1)));
    cr_expect_eq(l.encoder->columns, json_integer_value(json_array_get(shape, 2)));
    cr_assert(shape_equal(y->shape, SHAPE(2, l.encoder->tokens, l.encoder->width)), "%s", shape_text(y->shape).s);
    cr_assert_eq((size_t)shape_count(y->shape), json_array_size(values));
    double d = difference(y, 0, values), limit = DOUBLE ? 1e-10 : 1e-5;
    cr_expect_lt(d, limit, "%s, %s at %lld px: differs by %g", backend->name, folder, (long long)size, d);
    unload(&l);
}

Test(conv_encoders, equal_transformers_at_even_and_odd_sizes)
{
    Err     err = { 0 };
    json_t *expected = json_read_file(fixture("expected.json"), &err), *cases = json_object_get(expected, "cases");
    cr_assert(expected, "%s", err.text);
    cr_assert_gt(json_array_size(cases), 5);
    for (const Backend *const *b = backend_list(); *b; b++)
        for (size_t i = 0; i < json_array_size(cases); i++)
            compare(json_array_get(cases, i), *b);
    json_decref(expected);
}

/* mean over the grid, then the classifier that the file holds beside the encoder */
static void classify(const Tensor *y, const SafeTensors *f, double *logits, int64_t count)
{
    int64_t N = y->shape.d[1], C = y->shape.d[2];
    real   *w = malloc((size_t)(count * C) * sizeof *w), *b = malloc((size_t)count * sizeof *b);
    Err     err = { 0 };
    cr_assert(safetensors_read(safetensors_find(f, "classifier.weight"), w, count * C, &err), "%s", err.text);
    cr_assert(safetensors_read(safetensors_find(f, "classifier.bias"), b, count, &err), "%s", err.text);
    for (int64_t k = 0; k < count; k++) {
        logits[k] = (double)b[k];
        for (int64_t i = 0; i < N * C; i++)
            logits[k] += (double)w[k * C + i % C] * at(y, i) / (double)N;
    }
    free(w);
    free(b);
}

Test(conv_encoders, mobilenet_reproduces_the_reference_of_a_real_checkpoint)
{
    enum { LABELS = 1000 };
    char folder[1024], path[1100];
    Err  err = { 0 };
    snprintf(folder, sizeof folder, "%s/../shared/data/mobilenet-v1-0.75-224", getenv("LIMN_ROOT"));
    snprintf(path, sizeof path, "%s/reference.json", folder);
    if (!file_exists(path))
        cr_skip_test("%s is not there", path);
    json_t *want = json_read_file(path, &err);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    SafeTensors *f = safetensors_open(path, &err);
    EncoderConfig c;
    cr_assert(want && f && encoder_config_read(folder, &c, &err), "%s", err.text);
    for (const Backend *const *b = backend_list(); *b; b++) {
        Loaded  l = load(folder, *b, 0);
        Tensor *y = encoder_forward(l.tape, l.encoder, formula(l.tape->arena, 1, 224));
        double  logits[LABELS], sum = 0, square = 0, worst = 0, most = json_number_value(json_object_get(want, "logits_max"));
        int     first = 0;
        double  row = difference(y, (3 * 7 + 3) * 768, json_object_get(want, "features_row3_col3_first16"));
        for (int64_t i = 0; i < shape_count(y->shape); i++) {
            sum    += at(y, i);
            square += at(y, i) * at(y, i);
        }
        double mean = fabs(sum / (49 * 768) / json_number_value(json_object_get(want, "features_mean")) - 1);
        double l2   = fabs(sqrt(square) / json_number_value(json_object_get(want, "features_l2")) - 1);
        classify(y, f, logits, LABELS);
        for (int i = 0; i < LABELS; i++)
            first = logits[i] > logits[first] ? i : first;
        for (size_t i = 0; i < 16; i++)
            worst = fmax(worst, fabs(logits[i] - json_number_value(json_array_get(json_object_get(want, "logits_first16"), i))) / most);
        cr_log_info("%s: features within %.2g, mean %.2g, norm %.2g, logits %.2g", (*b)->name, row, mean, l2, worst);
        cr_expect(row < 1e-4 && mean < 1e-4 && l2 < 1e-4 && worst < 1e-4, "%s: %g %g %g %g", (*b)->name, row, mean, l2, worst);
        cr_expect_eq(first, json_integer_value(json_object_get(want, "logits_argmax")));
        cr_expect_float_eq(logits[first], most, 1e-4 * most);
        unload(&l);
    }
    safetensors_close(f);
    json_decref(want);
}

Test(conv_encoders, encode_a_picture_alike_alone_and_in_a_batch)
{
    for (const Backend *const *b = backend_list(); *b; b++)
        for (int k = 0; k < FOLDER_COUNT; k++) {
            enum { SIDE = 45, PICTURE = 3 * SIDE * SIDE };
            Loaded  l = load(fixture(FOLDERS[k]), *b, SIDE);
            Tensor *two = formula(l.tape->arena, 2, SIDE), *one = tensor_new(l.tape->arena, SHAPE(1, 3, SIDE, SIDE));
            int64_t row = l.encoder->tokens * l.encoder->width;
            real    pixels[PICTURE];
            tensor_read(two, PICTURE, pixels, PICTURE);
            tensor_write(one, 0, pixels, PICTURE);
            Tensor *both = encoder_forward(l.tape, l.encoder, two), *alone = encoder_forward(l.tape, l.encoder, one);
            double  tolerance = strcmp((*b)->name, "reference") == 0 ? 0 : 1e-5;
            for (int64_t i = 0; i < row; i++)
                cr_assert_leq(fabs(at(both, row + i) - at(alone, i)), tolerance, "%s, %s, value %lld", (*b)->name, FOLDERS[k], (long long)i);
            unload(&l);
        }
}

/* ---- folders and configurations ---------------------------------------------------------------------------------- */

static void same_config(const EncoderConfig *a, const EncoderConfig *b)
{
    cr_expect(strcmp(a->kind, b->kind) == 0 && a->image == b->image && a->width == b->width && a->activation == b->activation && a->eps == b->eps
              && a->patch == b->patch && a->stages == b->stages && a->stem == b->stem && a->bottleneck == b->bottleneck
              && a->downsample_first == b->downsample_first && a->multiplier == b->multiplier && a->min_width == b->min_width
              && a->same == b->same && a->layer_scale == b->layer_scale, "%s", a->kind);
    for (int i = 0; i < a->stages; i++)
        cr_expect(a->stage_depth[i] == b->stage_depth[i] && a->stage_width[i] == b->stage_width[i], "%s, stage %d", a->kind, i);
}

/* The fixtures hold encoders with a classifier around them, too: what is written is the encoder alone. */
Test(conv_encoders, survive_being_saved_and_loaded)
{
    for (int k = 0; k < FOLDER_COUNT; k++) {
        char          folder[] = "/tmp/limn-conv-XXXXXX", command[64];
        Err           err = { 0 };
        EncoderConfig c = config_in(fixture(FOLDERS[k]), 33), back;
        Params       *p = params_new(1);
        cr_assert(mkdtemp(folder));
        Encoder *e = encoder_new(params_root(p), &c);
        cr_assert(encoder_load(p, "", e, fixture(FOLDERS[k]), &err), "%s", err.text);
        char   *config = path_join(folder, "config.json"), *weights = path_join(folder, "model.safetensors");
        json_t *j = e->kind->to_json(&c);
        cr_assert(json_write_file(config, j, &err) && params_save(p, weights, NULL, 0, &err), "%s", err.text);
        cr_assert(encoder_config_read(folder, &back, &err), "%s", err.text);
        same_config(&c, &back);
        Loaded  l = load(folder, &backend_reference, 33), was = load(fixture(FOLDERS[k]), &backend_reference, 33);
        Tensor *x = encoder_forward(was.tape, was.encoder, formula(was.tape->arena, 1, 33));
        Tensor *y = encoder_forward(l.tape, l.encoder, formula(l.tape->arena, 1, 33));
        for (int64_t i = 0; i < shape_count(x->shape); i++)
            cr_assert_eq(at(x, i), at(y, i), "%s", FOLDERS[k]);
        unload(&l), unload(&was);
        json_decref(j), free(config), free(weights), params_free(p);
        snprintf(command, sizeof command, "rm -r %s", folder);
        cr_expect_eq(system(command), 0);
    }
}

static EncoderConfig asked(const char *kind, EncoderOptions o)
{
    Err err = { 0 };
    EncoderConfig c;
    cr_assert(encoder_find(kind, &err) && encoder_find(kind, &err)->from_options(&o, &c, &err), "%s", err.text);
    cr_assert(encoder_config_check(&c, &err), "%s", err.text);
    return c;
}

static int64_t elements(const EncoderConfig *c)
{
    Params *p = params_blank();
    encoder_new(params_root(p), c);
    int64_t n = params_elements(p);
    params_free(p);
    return n;
}

/* Published sizes, less the classifier of 1000 labels. */
Test(conv_encoders, of_options_have_the_published_sizes_and_grids)
{
    const struct { const char *kind; EncoderOptions o; int64_t width, rows, elements; } cases[] = {
        { "resnet", { .image = 224 }, 512, 7, 11689512 - 513000 },
        { "resnet", { .image = 224, .depth = 34 }, 512, 7, 21797672 - 513000 },
        { "resnet", { .image = 224, .depth = 50 }, 2048, 7, 25557032 - 2049000 },
        { "resnet", { .image = 225, .depth = 101 }, 2048, 8, 44549160 - 2049000 },
        { "resnet", { .image = 96, .width = 16 }, 128, 3, 702096 },
        { "mobilenet_v1", { .image = 224 }, 1024, 7, 4231976 - 1025000 },
        { "mobilenet_v1", { .image = 96, .multiplier = 0.25 }, 256, 3, 470072 - 257000 },
        { "convnext", { .image = 224 }, 768, 7, 28589128 - 769000 - 2 * 768 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EncoderConfig c = asked(cases[i].kind, cases[i].o);
        Err           err = { 0 };
        EncoderGrid   g = encoder_find(c.kind, &err)->grid(&c);
        cr_expect(g.rows == cases[i].rows && g.columns == g.rows && g.prefix == 0, "%s, case %zu: %lld rows", c.kind, i, (long long)g.rows);
        cr_expect(g.width == cases[i].width && c.width == g.width, "%s, case %zu: width %lld", c.kind, i, (long long)g.width);
        cr_expect_eq(elements(&c), cases[i].elements, "%s, case %zu: %lld parameters", c.kind, i, (long long)elements(&c));
    }
}

Test(conv_encoders, number_their_layers_from_the_pixels_on)
{
    const struct { const char *kind, *first, *last; int layer; } cases[] = {
        { "resnet", "embedder.embedder.convolution.weight", "encoder.stages.3.layers.1.layer.1.normalization.bias", 8 },
        { "mobilenet_v1", "conv_stem.normalization.weight", "layer.25.convolution.weight", 13 },
        { "convnext", "embeddings.patch_embeddings.bias", "encoder.stages.3.layers.2.layer_scale_parameter", 18 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EncoderConfig c = asked(cases[i].kind, (EncoderOptions){ .image = 64, .width = 8, .multiplier = 0.1 });
        Params       *p = params_blank();
        encoder_new(params_root(p), &c);
        cr_assert(params_find(p, cases[i].first) && params_find(p, cases[i].last), "%s", c.kind);
        cr_expect_eq(params_find(p, cases[i].first)->layer, 0);
        cr_expect_eq(params_find(p, cases[i].last)->layer, cases[i].layer, "%s: %d", c.kind, params_find(p, cases[i].last)->layer);
        params_free(p);
    }
}

Test(conv_encoders, name_what_is_wrong_in_a_config)
{
    const struct { const char *text, *says; } cases[] = {
        { "{\"model_type\": \"resnet\", \"downsample_in_bottleneck\": true}", "v1.5" },
        { "{\"model_type\": \"resnet\", \"layer_type\": \"wide\"}", "'wide'" },
        { "{\"model_type\": \"resnet\", \"depths\": [1, 2]}", "hidden_sizes has 4 stages, but depths has 2" },
        { "{\"model_type\": \"resnet\", \"depths\": [1, 1, 1, 1, 1]}", "depths must be a list" },
        { "{\"model_type\": \"resnet\", \"depths\": [1, 1, 1, \"x\"]}", "depths[3]" },
        { "{\"model_type\": \"resnet\", \"depths\": [1, 1, 0, 1]}", "the depth of a stage is 0" },
        { "{\"model_type\": \"resnet\", \"hidden_sizes\": [8, 8, 10, 16]}", "stage 3" },
        { "{\"model_type\": \"resnet\", \"num_channels\": 1}", "num_channels" },
        { "{\"model_type\": \"mobilenet_v1\", \"output_stride\": 16}", "output_stride" },
        { "{\"model_type\": \"mobilenet_v1\", \"depth_multiplier\": -1}", "depth_multiplier" },
        { "{\"model_type\": \"mobilenet_v1\", \"hidden_act\": \"mish\"}", "'mish'" },
        { "{\"model_type\": \"convnext\", \"image_size\": 31}", "leave nothing" },
        { "{\"model_type\": \"convnext\", \"patch_size\": 0}", "patch is 0" } };
    char folder[] = "/tmp/limn-conv-XXXXXX", command[64];
    cr_assert(mkdtemp(folder));
    char *path = path_join(folder, "config.json");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Err err = { 0 };
        EncoderConfig c;
        cr_assert(file_put(path, cases[i].text, strlen(cases[i].text), &err), "%s", err.text);
        cr_expect_not(encoder_config_read(folder, &c, &err), "%s", cases[i].text);
        cr_expect(strstr(err.text, path) && strstr(err.text, cases[i].says), "%s: %s", cases[i].text, err.text);
    }
    Err err = { 0 };
    EncoderConfig c;
    cr_expect_not(encoder_find("resnet", &err)->from_options(&(EncoderOptions){ .image = 64, .depth = 20 }, &c, &err));
    cr_expect(strstr(err.text, "18, 34, 50 or 101"), "%s", err.text);
    free(path);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}
