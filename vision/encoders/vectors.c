/* vectors.c - no encoder at all: tokens that a researcher computed elsewhere, a block (N,C) a picture, go to the decoder as they are.
 *
 * config.json: { "model_type": "features", "tokens": N, "hidden_size": C }. Tokens that fill a square are taken for a grid. */
#include <math.h>

#include "tensor/base/json.h"
#include "vision/encoder.h"

static bool from_options(const EncoderOptions *o, EncoderConfig *out, Err *err)
{
    *out = (EncoderConfig){ .kind = "features", .image = o->image, .width = o->width, .tokens = o->tokens, .eps = 1e-12 };
    return (o->tokens && o->width)
        || fail_usage(err, "encoder.kind: features reads its vectors from a file; name it by encoder.vectors");
}

static bool from_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    *out = (EncoderConfig){ .kind = "features", .eps = 1e-12 };
    TRY(json_get_int(j, "image_size", 224, &out->image, where, err));
    TRY(json_get_int(j, "tokens", 0, &out->tokens, where, err));
    return json_get_int(j, "hidden_size", 0, &out->width, where, err);
}

static json_t *to_json(const EncoderConfig *c)
{
    return json_pack("{ss sI sI sI}", "model_type", "features", "image_size", (json_int_t)c->image, "tokens", (json_int_t)c->tokens,
                     "hidden_size", (json_int_t)c->width);
}

static bool check(const EncoderConfig *c, Err *err)
{
    int found = !encoder_size_check("tokens", c->tokens, err);
    found += !encoder_unused_check(c, "dropout", c->dropout, err);
    found += !encoder_unused_check(c, "drop_path", c->drop_path, err);
    return found == 0;
}

static EncoderGrid grid(const EncoderConfig *c)
{
    int64_t side = (int64_t)sqrt((double)c->tokens);
    if (side * side != c->tokens)
        return (EncoderGrid){ .rows = 1, .columns = c->tokens, .width = c->width };
    return (EncoderGrid){ .rows = side, .columns = side, .width = c->width };
}

/* Nothing to differentiate: a few tokens of the pixels themselves stand for the vectors. */
static EncoderConfig miniature(const EncoderConfig *c)
{
    EncoderConfig m = *c;
    m.image  = 2;
    m.tokens = 4;
    m.width  = 3;
    return m;
}

static void *build(Scope s, const EncoderConfig *c)
{
    EncoderConfig *m = arena_zeros(params_arena(s.params), sizeof *m);
    *m = *c;
    return m;
}

/* Only its miniature sees pixels: as many tokens as pixels, as wide as their channels. */
static Tensor *forward(Tape *t, const void *model, Tensor *pixels)
{
    const EncoderConfig *c = model;
    REQUIRE(c->tokens == c->image * c->image && c->width == 3, "features: vectors are read from a file, not computed from pixels");
    return tensor_reshape(t->arena, op_channels_last(t, pixels), SHAPE(pixels->shape.d[0], c->tokens, c->width));
}

const EncoderKind encoder_features = {
    .name = "features", .help = "vectors of your own, a block a picture, from a .npy or HDF5 file", .part = "",
    .from_options = from_options, .from_json = from_json, .to_json = to_json, .check = check, .grid = grid, .miniature = miniature,
    .build = build, .forward = forward };
