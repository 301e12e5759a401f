/* encoder_load.c - an image encoder from a Hugging Face folder: its sizes from config.json, its weights from model.safetensors.
 *
 * Weights of another grid of positions are carried over by bicubic interpolation (Keys 1981).                        */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/safetensors.h"
#include "vision/encoder.h"

/* The kind of the config and the part of it that describes the encoder: a whole CLIP's has it under "vision_config". */
static const EncoderKind *kind_of(const json_t **j, const char *path, Err *err)
{
    const char *type = NULL;
    if (!json_get_text(*j, "model_type", NULL, &type, path, err))
        return NULL;
    if (!type) {
        fail(err, "%s: there is no \"model_type\" that says what kind of encoder this is", path);
        return NULL;
    }
    for (const EncoderKind *const *k = encoder_list(); *k; k++)
        if ((*k)->whole && strcmp((*k)->whole, type) == 0) {
            *j = json_object_get(*j, "vision_config");
            if (!json_is_object(*j))
                fail(err, "%s: a model of type %s keeps its encoder under \"vision_config\", which is not there", path, type);
            return json_is_object(*j) ? *k : NULL;
        }
    return encoder_find(type, err);
}

static bool config_of(const json_t *j, const char *path, EncoderConfig *out, Err *err)
{
    const EncoderKind *kind = kind_of(&j, path, err);
    if (kind && kind->from_json(j, path, out, err) && encoder_config_check(out, err))
        return true;
    if (strncmp(err->text, path, strlen(path)) != 0) {
        Err cause = *err;
        fail(err, "%s: %.1000s", path, cause.text);
    }
    return false;
}

bool encoder_config_read(const char *folder, EncoderConfig *out, Err *err)
{
    char   *path = path_join(folder, "config.json");
    json_t *j = json_read_file(path, err);
    bool    ok = j && config_of(j, path, out, err);
    json_decref(j);
    free(path);
    return ok;
}

bool encoder_pictures_from_json(const json_t *j, const char *activation, EncoderConfig *c, const char *where, Err *err)
{
    const char *act;
    int64_t     channels;
    TRY(json_get_int(j, "image_size", 224, &c->image, where, err));
    TRY(json_get_int(j, "num_channels", 3, &channels, where, err));
    TRY(json_get_text(j, "hidden_act", activation, &act, where, err));
    if (channels != 3)
        return fail(err, "%s: num_channels is %lld; limn reads pictures of 3", where, (long long)channels);
    return activation_find(act, &c->activation) || fail(err, "%s: hidden_act '%s' is not one that limn knows", where, act);
}

/* Bicubic (Keys 1981, a = -3/4), edge values repeated: torch's interpolate(mode="bicubic", align_corners=False). */
static void cubic_weights(double x, double w[4])
{
    const double a = -0.75;
    for (int i = 0; i < 4; i++) {
        double d = i == 0 ? x + 1 : i == 1 ? x : i == 2 ? 1 - x : 2 - x;
        w[i] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

/* Where sample i of `to` lies among `from`: the first of four neighbours (clamped) and their weights. */
static void neighbours(int64_t i, int64_t from, int64_t to, int64_t at[4], double w[4])
{
    double  x = ((double)i + 0.5) * (double)from / (double)to - 0.5;
    int64_t first = (int64_t)(x + 1) - 1;        /* floor: x is above -1 */
    cubic_weights(x - (double)first, w);
    for (int64_t k = 0; k < 4; k++) {
        int64_t p = first - 1 + k;
        at[k] = p < 0 ? 0 : p >= from ? from - 1 : p;
    }
}

void encoder_regrid(const real *from, int64_t n, real *to, int64_t m, int64_t width)
{
    for (int64_t y = 0; y < m; y++)
        for (int64_t x = 0; x < m; x++) {
            int64_t row[4], column[4];
            double  v[4], h[4];
            neighbours(y, n, m, row, v);
            neighbours(x, n, m, column, h);
            for (int64_t c = 0; c < width; c++) {
                double sum = 0;
                for (int i = 0; i < 4; i++)
                    for (int j = 0; j < 4; j++)
                        sum += v[i] * h[j] * (double)from[(row[i] * n + column[j]) * width + c];
                to[(y * m + x) * width + c] = (real)sum;
            }
        }
}

/* Copies one parameter; only the kind's positions may differ in shape: their prefix stays, their grid is interpolated. */
static void copy_param(const Encoder *from, const Tensor *x, const Encoder *to, Tensor *y)
{
    int64_t nx = shape_count(x->shape), ny = shape_count(y->shape), fixed = from->prefix * from->width;
    real   *a = malloc((size_t)nx * sizeof *a), *b = malloc((size_t)ny * sizeof *b);
    REQUIRE(a && b, "encoder_load: no memory");
    tensor_read(x, 0, a, nx);
    if (shape_equal(x->shape, y->shape)) {
        tensor_write(y, 0, a, nx);
    } else {
        memcpy(b, a, (size_t)fixed * sizeof *b);
        encoder_regrid(a + fixed, from->rows, b + fixed, to->rows, to->width);
        tensor_write(y, 0, b, ny);
    }
    free(a);
    free(b);
}

/* The file holds another grid of positions: load it as it is, then carry it over. */
static bool load_other_grid(Params *p, const char *prefix, const Encoder *e, int64_t image, const SafeTensors *f,
                            const char *file_prefix, Err *err)
{
    EncoderConfig c = e->config;
    c.image = image;
    Params  *there = params_blank();
    Encoder *twin  = encoder_new(params_root(there), &c);
    bool     ok    = params_load(there, "", f, file_prefix, e->kind->others, err);
    for (int i = 0; ok && i < params_count(there); i++) {
        const Tensor *x = params_at(there, i)->tensor;
        char name[512];
        snprintf(name, sizeof name, "%s%s", prefix, x->name);
        Param *to = params_find(p, name);
        REQUIRE(to, "encoder_load: there is no parameter %s", name);
        copy_param(twin, x, e, to->tensor);
        to->version++;
    }
    params_free(there);
    return ok;
}

bool encoder_load(Params *p, const char *param_prefix, const Encoder *e, const char *folder, Err *err)
{
    EncoderConfig there;
    TRY(encoder_config_read(folder, &there, err));
    if (strcmp(there.kind, e->config.kind) != 0)
        return fail(err, "%s: holds a %s, but the encoder is a %s", folder, there.kind, e->config.kind);
    char        *path = path_join(folder, "model.safetensors");
    SafeTensors *f = safetensors_open(path, err);
    free(path);
    if (!f) return false;

    /* A whole model ("vit.embeddings…", with a classifier) or the encoder alone ("embeddings…"). */
    const char *part = e->kind->part;
    bool whole = false;
    for (int i = 0; i < safetensors_count(f); i++)
        whole = whole || strncmp(safetensors_at(f, i)->name, part, strlen(part)) == 0;
    const char *file_prefix = whole ? part : "";

    bool same = !e->kind->positions || there.image == e->config.image || there.patch != e->config.patch;
    bool ok   = same ? params_load(p, param_prefix, f, file_prefix, e->kind->others, err)
                     : load_other_grid(p, param_prefix, e, there.image, f, file_prefix, err);
    safetensors_close(f);
    return ok;
}
