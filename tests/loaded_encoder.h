/* loaded_encoder.h - an encoder from a fixture's folder, the pictures that the reference files were made from, and how far off it is. */
#ifndef LIMN_TESTS_LOADED_ENCODER_H
#define LIMN_TESTS_LOADED_ENCODER_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>

#include "vision/encoder.h"

typedef struct Loaded { Params *params; Encoder *encoder; Tape *tape; Team *team; } Loaded;

static inline Loaded load_as(const EncoderConfig *c, const char *folder, const Backend *backend)
{
    Err    err = { 0 };
    Loaded l = { .params = params_new(1), .team = team_new(1) };
    l.encoder = encoder_new(scope(params_root(l.params), "encoder"), c);
    cr_assert(encoder_load(l.params, "encoder.", l.encoder, folder, &err), "%s", err.text);
    l.tape = tape_new(backend, l.team, 1);
    l.tape->recording = false;
    return l;
}

/* image 0: of the size that the folder says */
static inline EncoderConfig config_in(const char *folder, int64_t image)
{
    Err           err = { 0 };
    EncoderConfig c;
    cr_assert(encoder_config_read(folder, &c, &err), "%s", err.text);
    if (image) c.image = image;
    return c;
}

static inline Loaded load(const char *folder, const Backend *backend, int64_t image)
{
    EncoderConfig c = config_in(folder, image);
    return load_as(&c, folder, backend);
}

static inline void unload(Loaded *l)
{
    tape_free(l->tape);
    params_free(l->params);
    team_free(l->team);
}

/* x[i] = 0.5 sin(0.01 i) + 0.5 cos(0.00137 i), as in the reference files. */
static inline Tensor *formula(Arena *a, int64_t batch, int64_t side)
{
    Tensor *x = tensor_new(a, SHAPE(batch, 3, side, side));
    for (int64_t i = 0; i < shape_count(x->shape); i++) {
        real v = (real)(0.5 * sin(0.01 * (double)i) + 0.5 * cos(0.00137 * (double)i));
        tensor_write(x, i, &v, 1);
    }
    return x;
}

/* Largest |y - expected| of the values from `from` on, relative to the largest |expected|. */
static inline double difference(const Tensor *y, int64_t from, const json_t *expected)
{
    double worst = 0, scale = 0;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        double want = json_number_value(json_array_get(expected, i));
        real   got;
        tensor_read(y, from + (int64_t)i, &got, 1);
        worst = fmax(worst, fabs((double)got - want));
        scale = fmax(scale, fabs(want));
    }
    return worst / scale;
}

#endif
