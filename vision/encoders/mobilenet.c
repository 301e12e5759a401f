/* mobilenet.c - MobileNetV1 (Howard et al. 2017, table 1; names and rounding of widths as transformers' MobileNetV1Model).
 *
 *     x_0     = relu6(bn(pixels * W_3/2))
 *     x_{l+1} = relu6(bn(W_1 relu6(bn(x_l * D_3))))          D: depthwise, one 3 x 3 filter a channel; W: pointwise, 1 x 1
 *
 * 13 such blocks, from 32 to 1024 channels times a multiplier; four of them halve the picture (rounding up): 224 pixels become 7 x 7.
 * There is no residual, so stochastic depth has nothing to skip.                                                     */
#include "tensor/base/json.h"
#include "vision/encoders/stages.h"

enum { BLOCKS = 13, STEM = 32 };
static const int64_t WIDTH[BLOCKS]  = { 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024 };
static const int64_t STRIDE[BLOCKS] = { 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1 };

typedef struct Block { ConvUnit depthwise, pointwise; Activation activation; } Block;
typedef struct MobileNet { EncoderConfig config; ConvUnit stem; Block block[BLOCKS]; } MobileNet;

static int64_t scaled(const EncoderConfig *c, int64_t width)
{
    int64_t w = (int64_t)((double)width * c->multiplier);
    return w < c->min_width ? c->min_width : w;
}

static void *build(Scope s, const EncoderConfig *c)
{
    MobileNet *m  = arena_zeros(params_arena(s.params), sizeof *m);
    Conv       by = { .kernel = 3, .stride = 2, .padding = 1, .same = c->same };
    int64_t    in = scaled(c, STEM);
    m->config = *c;
    m->stem   = conv_unit_new(scope(s, "conv_stem"), 3, in, by, c);
    for (int i = 0; i < BLOCKS; i++) {
        int64_t out   = scaled(c, WIDTH[i]);
        Scope   here  = scope_layer(s, i + 1);
        Conv    depth = { .kernel = 3, .stride = STRIDE[i], .padding = 1, .same = c->same, .groups = in }, point = { .kernel = 1, .stride = 1 };
        m->block[i] = (Block){ .depthwise  = conv_unit_new(scope(here, "layer.%d", 2 * i), in, in, depth, c),
                               .pointwise  = conv_unit_new(scope(here, "layer.%d", 2 * i + 1), in, out, point, c),
                               .activation = c->activation };
        in = out;
    }
    return m;
}

/* ---- the forward pass -------------------------------------------------------------------------------------------- */

static Tensor *stem(Tape *t, const void *context, Tensor *pixels)
{
    const MobileNet *m = context;
    return conv_unit(t, &m->stem, op_channels_last(t, pixels), m->config.activation, NULL);
}

static Tensor *block(Tape *t, const void *context, Tensor *x)
{
    const Block *b = context;
    return conv_unit(t, &b->pointwise, conv_unit(t, &b->depthwise, x, b->activation, NULL), b->activation, NULL);
}

static Tensor *forward(Tape *t, const void *model, Tensor *pixels)
{
    const MobileNet *m = model;
    ArenaMark start = tape_mark(t);
    Tensor   *x = tape_keep(t, start, tape_segment(t, m->config.recompute, stem, m, pixels));
    for (int i = 0; i < BLOCKS; i++)
        x = tape_keep(t, start, tape_segment(t, m->config.recompute, block, &m->block[i], x));
    return grid_tokens(t, x);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/* Both paddings of a 3 x 3 filter give the same size: SAME's output is ceil(n / 2), that of one pixel a side floor((n - 1) / 2) + 1. */
static EncoderGrid grid(const EncoderConfig *c)
{
    int64_t side = (c->image + 1) / 2;
    for (int i = 0; i < BLOCKS; i++)
        side = (side + STRIDE[i] - 1) / STRIDE[i];
    return (EncoderGrid){ .rows = side, .columns = side, .width = c->width };
}

static bool check(const EncoderConfig *c, Err *err)
{
    if (!encoder_size_check("the least width", c->min_width, err) || !encoder_unused_check(c, "dropout", c->dropout, err))
        return false;
    if (!(c->multiplier > 0 && c->multiplier <= 64))
        return fail_also(err, ERR_USAGE, "encoder: multiplier is %g; it must be above 0 and at most 64", c->multiplier);
    return c->width == scaled(c, WIDTH[BLOCKS - 1])
        || fail_also(err, ERR_USAGE, "encoder: width is %lld, but a multiplier of %g makes it %lld", (long long)c->width, c->multiplier,
                     (long long)scaled(c, WIDTH[BLOCKS - 1]));
}

/* A grid of 2 x 2: batch norm of a single pixel a picture would leave nothing but signs. */
static EncoderConfig miniature(const EncoderConfig *c)
{
    EncoderConfig m = *c;
    m.image      = 33;
    m.multiplier = 6.0 / 1024;
    m.min_width  = 3;
    m.width      = scaled(&m, WIDTH[BLOCKS - 1]);
    return m;
}

static bool from_options(const EncoderOptions *o, EncoderConfig *out, Err *err)
{
    (void)err;
    *out = (EncoderConfig){ .kind = "mobilenet_v1", .image = o->image, .multiplier = o->multiplier > 0 ? o->multiplier : 1, .min_width = 8,
                            .same = true, .activation = ACT_RELU6, .eps = 1e-3 };
    out->width = scaled(out, WIDTH[BLOCKS - 1]);
    return true;
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static bool from_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    int64_t stride;
    *out = (EncoderConfig){ .kind = "mobilenet_v1" };
    TRY(encoder_pictures_from_json(j, "relu6", out, where, err));
    TRY(json_get_real(j, "depth_multiplier", 1, &out->multiplier, where, err));
    TRY(json_get_int(j, "min_depth", 8, &out->min_width, where, err));
    TRY(json_get_bool(j, "tf_padding", true, &out->same, where, err));
    TRY(json_get_real(j, "layer_norm_eps", 1e-3, &out->eps, where, err));
    TRY(json_get_int(j, "output_stride", 32, &stride, where, err));
    if (stride != 32)
        return fail(err, "%s: output_stride is %lld; limn knows MobileNetV1 with 32", where, (long long)stride);
    if (!(out->multiplier > 0 && out->multiplier <= 64))
        return fail(err, "%s: depth_multiplier is %g; it must be above 0 and at most 64", where, out->multiplier);
    out->width = scaled(out, WIDTH[BLOCKS - 1]);
    return true;
}

static json_t *to_json(const EncoderConfig *c)
{
    json_t *j = json_pack("{s[s] ss sI si sf sI ss sb sf}", "architectures", "MobileNetV1Model", "model_type", "mobilenet_v1",
        "image_size", (json_int_t)c->image, "num_channels", 3, "depth_multiplier", c->multiplier, "min_depth", (json_int_t)c->min_width,
        "hidden_act", activation_name(c->activation), "tf_padding", (int)c->same, "layer_norm_eps", c->eps);
    REQUIRE(j, "mobilenet: no memory");
    return j;
}

static const char *const OTHERS[] = { "*.num_batches_tracked", "classifier.*", NULL };

const EncoderKind encoder_mobilenet = {
    .name = "mobilenet_v1", .help = "MobileNetV1: depthwise and pointwise filters; multiplier of all widths", .part = "mobilenet_v1.",
    .others = OTHERS, .from_options = from_options, .from_json = from_json, .to_json = to_json, .check = check, .grid = grid,
    .miniature = miniature, .build = build, .forward = forward };
