/* test_vit_variants.c - DeiT, DINO, DINOv2, CLIP's and SigLIP's encoders equal transformers' (fixtures/make_vit_variants.py). */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/gradcheck_captioner.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/safetensors.h"
#include "tests/loaded_encoder.h"

/* folder, the kind it is read as, the sides of its pictures, of another grid and of no grid, its tokens before the patches */
static const struct { const char *folder, *kind; int64_t own, other; int prefix; } MODELS[] = {
    { "deit", "deit", 24, 40, 2 },
    { "dino", "vit", 16, 24, 1 },
    { "dinov2", "dinov2", 24, 40, 1 },
    { "clip_vision_model", "clip_vision_model", 24, 32, 1 },
    { "siglip_vision_model", "siglip_vision_model", 27, 40, 0 },
    { "clip", "clip_vision_model", 24, 16, 1 },
    { "siglip", "siglip_vision_model", 24, 16, 0 },
};
enum { MODELS_COUNT = sizeof MODELS / sizeof *MODELS };
static const char *const KINDS[] = { "vit", "deit", "dinov2", "clip_vision_model", "siglip_vision_model" };
enum { KINDS_COUNT = sizeof KINDS / sizeof *KINDS };

static const char *folder_of(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/vit-variants/%s", getenv("LIMN_FIXTURES"), name);
    return path;
}

/* Float positions on another grid are all that DINOv2 has. */
static double limit_of(const char *folder, bool other)
{
    if (sizeof(real) == 4) return 1e-5;
    return other && strcmp(folder, "dinov2") == 0 ? 1e-6 : 1e-10;
}

Test(vit_variants, equal_transformers_also_on_other_grids)
{
    Err err = { 0 };
    for (int m = 0; m < MODELS_COUNT; m++) {
        const char *folder = folder_of(MODELS[m].folder);
        char   *path = path_join(folder, "expected.json");
        json_t *expected = json_read_file(path, &err);
        cr_assert(expected, "%s", err.text);
        for (int i = 0; i < 2; i++)
            for (const Backend *const *b = backend_list(); *b; b++) {
                int64_t side = i ? MODELS[m].other : MODELS[m].own;
                char    key[8];
                snprintf(key, sizeof key, "%lld", (long long)side);
                Loaded l = load(folder, backend_find((*b)->name, &err), side);
                cr_expect_str_eq(l.encoder->kind->name, MODELS[m].kind);
                cr_expect_eq(l.encoder->prefix, MODELS[m].prefix);
                Tensor *y = encoder_forward(l.tape, l.encoder, formula(l.tape->arena, i ? 1 : 2, side));
                cr_expect_eq(y->shape.d[1], l.encoder->tokens);
                cr_assert_eq((size_t)shape_count(y->shape), json_array_size(json_object_get(expected, key)), "%s", key);
                double d = difference(y, 0, json_object_get(expected, key));
                cr_log_info("%s, %s, %s px: within %.2g", (*b)->name, MODELS[m].folder, key, d);
                cr_expect_lt(d, limit_of(MODELS[m].folder, i), "%s, %s, %s px: differs by %g", (*b)->name, MODELS[m].folder, key, d);
                unload(&l);
            }
        json_decref(expected);
        free(path);
    }
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

static EncoderConfig of_options(const char *kind, const EncoderOptions *o)
{
    Err           err = { 0 };
    EncoderConfig c;
    cr_assert(encoder_find(kind, &err)->from_options(o, &c, &err), "%s", err.text);
    cr_assert_str_eq(c.kind, kind);
    cr_assert(encoder_config_check(&c, &err), "%s: %s", kind, err.text);
    return c;
}

Test(vit_variants, gradients_of_a_captioner_equal_finite_differences)
{
    if (sizeof(real) == 4)
        cr_skip_test("gradients are checked in double");
    Err err = { 0 };
    for (int k = 0; k < KINDS_COUNT; k++) {
        CaptionerConfig c = { .encoder = of_options(KINDS[k], &(EncoderOptions){ .image = 96 }),
                              .decoder = { .vocab = 50, .length = 20, .width = 128, .depth = 2, .heads = 4, .hidden = 256,
                                           .activation = ACT_GELU_TANH, .eps = 1e-5, .tied = true } };
        GradReport r = gradcheck_captioner(&c, backend_find("reference", &err), 4);
        cr_log_info("%s: %lld gradients within %.2g", KINDS[k], (long long)r.checked, r.worst);
        cr_expect_gt(r.checked, 100);
        cr_expect_lt(r.worst, 1e-6, "%s: %g at %s", KINDS[k], r.worst, r.where);
    }
}

typedef struct Step { double loss; size_t peak; int count; uint64_t hash; } Step;

static uint64_t hash_more(uint64_t h, const real *x, int64_t n)
{
    for (int64_t i = 0; i < n * (int64_t)sizeof *x; i++)
        h = (h ^ ((const unsigned char *)x)[i]) * 1099511628211u;
    return h;
}

/* One step of training, dropout and stochastic depth on. */
static Step step_of(const char *kind, const Backend *backend, bool recompute)
{
    EncoderConfig c = of_options(kind, &(EncoderOptions){ .image = 24, .patch = 4, .width = 24, .depth = 6 });
    c.dropout = 0.1;
    c.drop_path = 0.3;
    c.recompute = recompute;
    Params  *p = params_new(5);
    Encoder *e = encoder_new(scope(params_root(p), "encoder"), &c);
    Team    *team = team_new(2);
    Tape    *t = tape_new(backend, team, 7);
    int64_t  rows = 4 * e->tokens;
    int32_t *targets = arena_alloc(params_arena(p), (size_t)rows * sizeof *targets);
    for (int64_t i = 0; i < rows; i++) targets[i] = (int32_t)(i % e->width);
    t->training = true;
    params_zero_grad(p);
    Tensor *y = encoder_forward(t, e, formula(params_arena(p), 4, 24));
    Tensor *loss = op_cross_entropy(t, y, (Ids){ SHAPE(4, e->tokens), targets }, (CrossEntropyOptions){ .ignore = -1 });
    Step    s = { .loss = tape_scalar(loss), .hash = 1469598103934665603u, .count = params_count(p) };
    tape_backward(t, loss);
    s.peak = arena_peak(t->arena);
    for (int i = 0; i < params_count(p); i++) {
        const Tensor *x = params_at(p, i)->tensor;
        s.hash = hash_more(s.hash, x->grad, shape_count(x->shape));
    }
    tape_free(t);
    team_free(team);
    params_free(p);
    return s;
}

Test(vit_variants, recomputation_changes_no_bit_and_halves_the_memory)
{
    Err err = { 0 };
    for (const Backend *const *b = backend_list(); *b; b++)
        for (int k = 0; k < KINDS_COUNT; k++) {
            const Backend *backend = backend_find((*b)->name, &err);
            Step kept = step_of(KINDS[k], backend, false), again = step_of(KINDS[k], backend, true);
            cr_expect(isfinite(kept.loss) && kept.loss == again.loss, "%s, %s: the loss is %.17g, recomputed %.17g", (*b)->name, KINDS[k],
                      kept.loss, again.loss);
            cr_expect_eq(kept.hash, again.hash, "%s, %s: gradients differ", (*b)->name, KINDS[k]);
            cr_expect_lt(2 * again.peak, kept.peak, "%s, %s: %zu bytes, recomputed %zu", (*b)->name, KINDS[k], kept.peak, again.peak);
        }
}

Test(vit_variants, layers_rise_from_the_patches_to_the_last_norm)
{
    for (int k = 0; k < KINDS_COUNT; k++) {
        EncoderConfig c = of_options(KINDS[k], &(EncoderOptions){ .image = 24, .depth = 3 });
        Params *p = params_new(5);
        encoder_new(scope(params_root(p), "encoder"), &c);
        for (int i = 0; i < params_count(p); i++) {
            const Param *x = params_at(p, i);
            const char  *name = x->tensor->name, *at = strstr(name, ".layer");
            int expected = at && strchr("s.", at[6]) ? atoi(strchr(at + 1, '.') + 1) + 1
                         : strstr(name, "embedding") || strstr(name, "pre_layrnorm") ? 0 : 4;
            cr_expect_eq(x->layer, expected, "%s is of layer %d", name, x->layer);
            cr_expect_eq(x->decay, x->tensor->shape.n >= 2 && !strstr(name, "_token") && !strstr(name, "position"), "%s", name);
        }
        params_free(p);
    }
}

/* ---- config.json and folders ------------------------------------------------------------------------------------- */

Test(vit_variants, config_survives_json)
{
    Err err = { 0 };
    for (int m = 0; m < MODELS_COUNT; m++) {
        EncoderConfig c, back;
        cr_assert(encoder_config_read(folder_of(MODELS[m].folder), &c, &err), "%s", err.text);
        c.qkv_bias = strcmp(c.kind, "deit") != 0;            /* CLIP's and SigLIP's config.json cannot say it */
        const EncoderKind *kind = encoder_find(c.kind, &err);
        json_t *j = kind->to_json(&c);
        cr_assert(kind->from_json(j, "test", &back, &err), "%s", err.text);
        cr_expect(strcmp(back.kind, c.kind) == 0 && back.image == c.image && back.patch == c.patch && back.width == c.width
                  && back.depth == c.depth && back.heads == c.heads && back.hidden == c.hidden && back.activation == c.activation
                  && back.eps == c.eps && back.qkv_bias == c.qkv_bias, "%s", c.kind);
        json_decref(j);
    }
}

static void put_text(const char *folder, const char *name, const char *text)
{
    Err   err = { 0 };
    char *path = path_join(folder, name);
    cr_assert(file_put(path, text, strlen(text), &err), "%s", err.text);
    free(path);
}

static void expect_refused(const char *folder, const char *config, const char *say)
{
    Err           err = { 0 };
    EncoderConfig c;
    put_text(folder, "config.json", config);
    cr_expect_not(encoder_config_read(folder, &c, &err), "%s", config);
    cr_expect(strstr(err.text, "config.json") && strstr(err.text, say), "'%s' is not in: %s", say, err.text);
    cr_expect_null(strchr(err.text, '\n'), "%s", err.text);
}

Test(vit_variants, a_config_that_limn_cannot_follow_is_one_sentence)
{
    char folder[] = "/tmp/limn-variants-XXXXXX", command[64];
    cr_assert(mkdtemp(folder));
    expect_refused(folder, "{\"model_type\": \"dinov2\", \"use_swiglu_ffn\": true}", "use_swiglu_ffn");
    expect_refused(folder, "{\"model_type\": \"dinov2\", \"mlp_ratio\": 0}", "mlp_ratio");
    expect_refused(folder, "{\"model_type\": \"dinov2\", \"hidden_size\": 9223372036854775807}", "width");
    expect_refused(folder, "{\"model_type\": \"clip\"}", "vision_config");
    expect_refused(folder, "{\"model_type\": \"siglip\", \"vision_config\": []}", "vision_config");
    expect_refused(folder, "{\"model_type\": \"clip_text_model\"}", "clip_text_model");
    expect_refused(folder, "{\"model_type\": \"clip_vision_model\", \"image_size\": 225}", "patches");
    expect_refused(folder, "{\"model_type\": \"siglip_vision_model\", \"image_size\": 15}", "patches");
    expect_refused(folder, "{\"model_type\": \"deit\", \"num_channels\": 1}", "num_channels");
    expect_refused(folder, "{\"model_type\": \"deit\", \"hidden_act\": \"mish\"}", "mish");
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

/* The weights of one folder under the config of another. */
static void expect_unloadable(const char *config_of, const char *weights_of, const char *kind, const char *say)
{
    char          folder[] = "/tmp/limn-variants-XXXXXX", command[4096];
    Err           err = { 0 };
    EncoderConfig c;
    cr_assert(mkdtemp(folder));
    snprintf(command, sizeof command, "cp %s/config.json %s", folder_of(config_of), folder);
    cr_assert_eq(system(command), 0);
    snprintf(command, sizeof command, "cp %s/model.safetensors %s", folder_of(weights_of), folder);
    cr_assert_eq(system(command), 0);
    cr_assert(encoder_config_read(folder, &c, &err), "%s", err.text);
    if (kind)
        snprintf(c.kind, sizeof c.kind, "%s", kind);
    Params  *p = params_new(1);
    Encoder *e = encoder_new(scope(params_root(p), "encoder"), &c);
    cr_expect_not(encoder_load(p, "encoder.", e, folder, &err));
    cr_expect(strstr(err.text, folder) && strstr(err.text, say), "'%s' is not in: %s", say, err.text);
    params_free(p);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

Test(vit_variants, weights_of_another_kind_are_an_error_that_names_it)
{
    expect_unloadable("deit", "deit", "vit", "holds a deit, but the encoder is a vit");
    expect_unloadable("deit", "dinov2", NULL, "distillation_token");
    expect_unloadable("clip_vision_model", "siglip_vision_model", NULL, "class_embedding");
    expect_unloadable("siglip_vision_model", "clip_vision_model", NULL, "patch_embedding.bias");
    expect_unloadable("dinov2", "dino", NULL, "layer_scale1.lambda1");
}

/* transformers saves a whole CLIP tower, post_layernorm included, in a captioner. */
Test(vit_variants, a_captioner_loads_beside_what_its_tokens_do_not_need)
{
    char   folder[] = "/tmp/limn-variants-XXXXXX", captioner[1024], command[64];
    Err    err = { 0 };
    cr_assert(mkdtemp(folder));
    snprintf(captioner, sizeof captioner, "%s/captioner", getenv("LIMN_FIXTURES"));
    Model *tiny = model_read(captioner, &err);
    cr_assert(tiny, "%s", err.text);
    CaptionerConfig c = tiny->captioner->config;
    c.encoder = of_options("clip_vision_model", &(EncoderOptions){ .image = 16, .patch = 8, .width = 12, .depth = 1 });
    Model m = *tiny;
    m.params = params_new(3);
    m.captioner = captioner_new(m.params, &c);
    param(scope(params_root(m.params), "encoder.post_layernorm"), "weight", SHAPE(12), INIT_ONES, 0);
    cr_assert(model_write_description(folder, &m, &err) && model_write_weights(folder, &m, &err), "%s", err.text);
    Model *back = model_read(folder, &err);
    cr_assert(back, "%s", err.text);
    cr_expect_str_eq(back->captioner->config.encoder.kind, "clip_vision_model");
    cr_expect_null(params_find(back->params, "encoder.post_layernorm.weight"));
    model_free(back);
    params_free(m.params);
    model_free(tiny);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}
