/* convnext.c - ConvNeXt (Liu et al. 2022, section 2; names and eps as transformers' ConvNextModel).
 *
 *     x_0     = LN(pixels * W_P/P)                           patches of P x P pixels
 *     x_{l+1} = x_l + gamma W_2 gelu(W_1 LN(x_l * D_7))      D: depthwise, one 7 x 7 filter a channel; W_1 widens fourfold
 *
 * Between stages LN(x) * W_2/2 halves the picture (rounding down): 224 pixels become a grid of 7 x 7. The norm that transformers has
 * behind the last stage is for its pooled output; tokens come before it, so it is not here, nor is its eps (layer_norm_eps).
 * Filters and weights start as N(0, 0.02^2) or He et al. 2015; gamma at `layer_scale`.                               */
#include <string.h>

#include "tensor/base/json.h"
#include "vision/encoders/stages.h"

enum { KERNEL = 7, WIDENING = 4 };

static const double EPS = 1e-6, SPREAD = 0.02, POOLED_EPS = 1e-12;

typedef struct Block {
    const EncoderConfig *config;
    double  drop_path;
    Conv    depthwise;
    Norm    norm;
    Linear  widen, narrow;
    Tensor *scale;                               /* (C); NULL: none */
} Block;

typedef struct Halving { Norm norm; Conv conv; } Halving;

typedef struct ConvNeXt {
    EncoderConfig config;
    Conv    patches;
    Norm    norm;
    Halving halving[ENCODER_STAGES];             /* before every stage but the first */
    Block  *block;
} ConvNeXt;

static Conv tiles(int64_t size) { return (Conv){ .kernel = size, .stride = size }; }

static Block block_new(Scope s, int64_t width, double drop_path, const EncoderConfig *c)
{
    Block b = {
        .config    = c,
        .drop_path = drop_path,
        .depthwise = conv_new(scope(s, "dwconv"), width, width, true,
                              (Conv){ .kernel = KERNEL, .stride = 1, .padding = KERNEL / 2, .groups = width }),
        .norm      = norm_new(scope(s, "layernorm"), width, c->eps),
        .widen     = linear_new(scope(s, "pwconv1"), width, WIDENING * width, SPREAD),
        .narrow    = linear_new(scope(s, "pwconv2"), WIDENING * width, width, SPREAD) };
    if (c->layer_scale > 0)
        b.scale = param(s, "layer_scale_parameter", SHAPE(width), INIT_CONSTANT, c->layer_scale);
    return b;
}

static void *build(Scope s, const EncoderConfig *c)
{
    Arena    *a = params_arena(s.params);
    ConvNeXt *m = arena_zeros(a, sizeof *m);
    int64_t   in = c->stage_width[0], n = 0, blocks = stages_blocks(c);
    m->config  = *c;
    m->block   = arena_zeros(a, (size_t)blocks * sizeof *m->block);
    m->patches = conv_new(scope(s, "embeddings.patch_embeddings"), 3, in, true, tiles(c->patch));
    m->norm    = norm_new(scope(s, "embeddings.layernorm"), in, c->eps);
    for (int i = 0; i < c->stages; i++) {
        Scope   stage = scope_layer(scope(s, "encoder.stages.%d", i), (int)n + 1);
        int64_t width = c->stage_width[i];
        if (i > 0)
            m->halving[i] = (Halving){ .norm = norm_new(scope(stage, "downsampling_layer.0"), in, c->eps),
                                       .conv = conv_new(scope(stage, "downsampling_layer.1"), in, width, true, tiles(2)) };
        for (int j = 0; j < c->stage_depth[i]; j++, n++) {
            Scope here = scope_layer(scope(stage, "layers.%d", j), (int)n + 1);
            m->block[n] = block_new(here, width, encoder_drop_path(c->drop_path, n, blocks), &m->config);
        }
        in = width;
    }
    return m;
}

/* ---- the forward pass -------------------------------------------------------------------------------------------- */

static Tensor *stem(Tape *t, const void *context, Tensor *pixels)
{
    const ConvNeXt *m = context;
    return norm(t, &m->norm, conv(t, &m->patches, op_channels_last(t, pixels), ACT_NONE));
}

static Tensor *halve(Tape *t, const void *context, Tensor *x)
{
    const Halving *h = context;
    return conv(t, &h->conv, norm(t, &h->norm, x), ACT_NONE);
}

static Tensor *block(Tape *t, const void *context, Tensor *x)
{
    const Block *b = context;
    Tensor *h = norm(t, &b->norm, conv(t, &b->depthwise, x, ACT_NONE));
    h = linear_act(t, &b->widen, h, b->config->activation);
    if (!b->scale && (!t->training || b->drop_path == 0))
        return linear_add(t, &b->narrow, h, x);
    h = linear(t, &b->narrow, h);
    if (b->scale)
        h = op_scale(t, h, b->scale);
    return op_add(t, op_drop_path(t, h, b->drop_path), x);
}

static Tensor *forward(Tape *t, const void *model, Tensor *pixels)
{
    const ConvNeXt *m = model;
    const Block    *b = m->block;
    bool      again = m->config.recompute;
    ArenaMark start = tape_mark(t);
    Tensor   *x = tape_keep(t, start, tape_segment(t, again, stem, m, pixels));
    for (int i = 0; i < m->config.stages; i++) {
        if (i > 0)
            x = tape_keep(t, start, tape_segment(t, again, halve, &m->halving[i], x));
        for (int j = 0; j < m->config.stage_depth[i]; j++)
            x = tape_keep(t, start, tape_segment(t, again, block, b++, x));
    }
    return grid_tokens(t, x);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static EncoderGrid grid(const EncoderConfig *c)
{
    int64_t side = (c->image / c->patch) >> (c->stages - 1);
    return (EncoderGrid){ .rows = side, .columns = side, .width = c->width };
}

static bool check(const EncoderConfig *c, Err *err)
{
    int found = !encoder_size_check("patch", c->patch, err);
    found += !stages_check(c, err);
    if (found)
        return false;
    if (!(c->layer_scale >= 0))
        found += !fail_also(err, ERR_USAGE, "encoder: layer_scale is %g; it must be at least 0", c->layer_scale);
    if (grid(c).rows < 1)
        found += !fail_also(err, ERR_USAGE, "encoder: pictures of %lld pixels leave nothing after patches of %lld and %d stages",
                            (long long)c->image, (long long)c->patch, c->stages);
    return found == 0;
}

static EncoderConfig miniature(const EncoderConfig *c)
{
    EncoderConfig m = *c;
    m.patch = 2;
    m.image = (2 << c->stages) + 1;              /* a grid of 2 x 2, and a column and a row too many */
    for (int i = 0; i < c->stages; i++) {
        m.stage_width[i] = i == c->stages - 1 ? 6 : 4;
        m.stage_depth[i] = i == 0 && c->stage_depth[i] > 1 ? 2 : 1;
    }
    m.width = m.stage_width[c->stages - 1];
    return m;
}

static bool from_options(const EncoderOptions *o, EncoderConfig *out, Err *err)
{
    static const struct { int64_t blocks, depth[ENCODER_STAGES]; } DEPTHS[] = {
        { 12, { 2, 2, 6, 2 } }, { 18, { 3, 3, 9, 3 } }, { 36, { 3, 3, 27, 3 } } };
    int64_t blocks = o->depth ? o->depth : 18, width = o->width ? o->width : 96;
    for (size_t i = 0; i < sizeof DEPTHS / sizeof *DEPTHS; i++) {
        if (DEPTHS[i].blocks != blocks) continue;
        *out = (EncoderConfig){ .kind = "convnext", .image = o->image, .patch = o->patch ? o->patch : 4, .activation = ACT_GELU, .eps = EPS,
                                .stages = ENCODER_STAGES, .layer_scale = 1e-6 };
        memcpy(out->stage_depth, DEPTHS[i].depth, sizeof out->stage_depth);
        for (int stage = 0; stage < ENCODER_STAGES; stage++)
            out->stage_width[stage] = width << stage;
        out->width = out->stage_width[ENCODER_STAGES - 1];
        return true;
    }
    return fail_usage(err, "encoder.depth is %lld; a ConvNeXt has 12, 18 (Tiny) or 36 (Small) blocks", (long long)blocks);
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static bool from_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    *out = (EncoderConfig){ .kind = "convnext", .eps = EPS, .stages = ENCODER_STAGES, .stage_depth = { 3, 3, 9, 3 },
                            .stage_width = { 96, 192, 384, 768 } };
    TRY(encoder_pictures_from_json(j, "gelu", out, where, err));
    TRY(stages_from_json(j, out, where, err));
    TRY(json_get_int(j, "patch_size", 4, &out->patch, where, err));
    TRY(json_get_real(j, "layer_scale_init_value", 1e-6, &out->layer_scale, where, err));
    return true;
}

static json_t *to_json(const EncoderConfig *c)
{
    json_t *j = json_pack("{s[s] ss sI si sI si ss sf sf sf sf}", "architectures", "ConvNextModel", "model_type", "convnext",
        "image_size", (json_int_t)c->image, "num_channels", 3, "patch_size", (json_int_t)c->patch, "num_stages", c->stages,
        "hidden_act", activation_name(c->activation), "layer_norm_eps", POOLED_EPS, "layer_scale_init_value", c->layer_scale,
        "initializer_range", SPREAD, "drop_path_rate", 0.0);
    REQUIRE(j, "convnext: no memory");
    stages_to_json(j, c);
    return j;
}

static const char *const OTHERS[] = { "layernorm.*", "convnext.layernorm.*", "classifier.*", NULL };

const EncoderKind encoder_convnext = {
    .name = "convnext", .help = "ConvNeXt: depth 12, 18 (Tiny) or 36 (Small) blocks; width of the first stage", .part = "convnext.",
    .others = OTHERS, .from_options = from_options, .from_json = from_json, .to_json = to_json, .check = check, .grid = grid,
    .miniature = miniature, .build = build, .forward = forward };
