/* resnet.c - residual networks (He et al. 2016) in the form called v1.5: a bottleneck halves the picture in its 3 x 3 filter, not in the
 * 1 x 1 before it (Goyal et al. 2017). Names, eps and initial values as transformers' ResNetModel.
 *
 *     x_0     = relu(maxpool_3/2(bn(pixels * W_7/2)))
 *     x_{l+1} = relu(F(x_l) + S(x_l))                       S: the identity, or bn(x * W_1) where width or size change
 *     F       = bn(W_3 relu(bn(W_3 x)))                     basic: ResNet-18, -34
 *     F       = bn(W_1 relu(bn(W_3 relu(bn(W_1 x)))))       bottleneck, a quarter as wide within: ResNet-50, -101
 *
 * Each stage but the first halves the picture (rounding up): 224 pixels become a grid of 7 x 7.                      */
#include <string.h>

#include "tensor/base/json.h"
#include "vision/encoders/stages.h"

enum { REDUCTION = 4, LAYERS = 3 };

static const double EPS = 1e-5;                  /* PyTorch's; config.json has no word for it */

typedef struct Block {
    const EncoderConfig *config;
    double   drop_path;
    int      layers;
    bool     projects;
    ConvUnit layer[LAYERS], shortcut;
} Block;

typedef struct ResNet {
    EncoderConfig config;
    ConvUnit stem;
    int64_t  blocks;
    Block   *block;
} ResNet;

static Conv filter(int64_t kernel, int64_t stride)
{
    return (Conv){ .kernel = kernel, .stride = stride, .padding = kernel / 2 };
}

static Block block_new(Scope s, int64_t in, int64_t out, int64_t stride, const EncoderConfig *c)
{
    int64_t inner = c->bottleneck ? out / REDUCTION : out;
    Block   b     = { .config = c, .layers = c->bottleneck ? 3 : 2, .projects = in != out || stride != 1 };
    if (c->bottleneck) {
        b.layer[0] = conv_unit_new(scope(s, "layer.0"), in, inner, filter(1, 1), c);
        b.layer[1] = conv_unit_new(scope(s, "layer.1"), inner, inner, filter(3, stride), c);
        b.layer[2] = conv_unit_new(scope(s, "layer.2"), inner, out, filter(1, 1), c);
    } else {
        b.layer[0] = conv_unit_new(scope(s, "layer.0"), in, out, filter(3, stride), c);
        b.layer[1] = conv_unit_new(scope(s, "layer.1"), out, out, filter(3, 1), c);
    }
    if (b.projects)
        b.shortcut = conv_unit_new(scope(s, "shortcut"), in, out, filter(1, stride), c);
    return b;
}

static int64_t stride_of(const EncoderConfig *c, int stage) { return stage > 0 || c->downsample_first ? 2 : 1; }

static void *build(Scope s, const EncoderConfig *c)
{
    Arena  *a  = params_arena(s.params);
    ResNet *m  = arena_zeros(a, sizeof *m);
    int64_t in = c->stem, n = 0;
    m->config  = *c;
    m->blocks  = stages_blocks(c);
    m->block   = arena_zeros(a, (size_t)m->blocks * sizeof *m->block);
    m->stem    = conv_unit_new(scope(s, "embedder.embedder"), 3, c->stem, filter(7, 2), c);
    for (int i = 0; i < c->stages; i++)
        for (int j = 0; j < c->stage_depth[i]; j++, n++) {
            Scope here = scope_layer(scope(s, "encoder.stages.%d.layers.%d", i, j), (int)n + 1);
            m->block[n] = block_new(here, in, c->stage_width[i], j == 0 ? stride_of(c, i) : 1, &m->config);
            m->block[n].drop_path = encoder_drop_path(c->drop_path, n, m->blocks);
            in = c->stage_width[i];
        }
    return m;
}

/* ---- the forward pass -------------------------------------------------------------------------------------------- */

/* The paper has relu, then pool; an activation that never falls may as well come after the maximum, where a quarter is left. */
static Tensor *stem(Tape *t, const void *context, Tensor *pixels)
{
    const ResNet    *m    = context;
    const Activation act  = m->config.activation;
    const bool       last = act == ACT_RELU || act == ACT_RELU6;
    const PoolOptions half = { .kind = POOL_MAX, .size = 3, .window = { .stride = 2, .top = 1, .left = 1, .bottom = 1, .right = 1 } };
    Tensor *x = conv_unit(t, &m->stem, op_channels_last(t, pixels), last ? ACT_NONE : act, NULL);
    x = op_pool(t, x, half);
    return last ? op_activation(t, x, act) : x;
}

static Tensor *block(Tape *t, const void *context, Tensor *x)
{
    const Block    *b    = context;
    const ConvUnit *last = &b->layer[b->layers - 1];
    Activation      act  = b->config->activation;
    Tensor         *skip = b->projects ? conv_unit(t, &b->shortcut, x, ACT_NONE, NULL) : x, *h = x;
    for (int i = 0; i < b->layers - 1; i++)
        h = conv_unit(t, &b->layer[i], h, act, NULL);
    if (!t->training || b->drop_path == 0)
        return conv_unit(t, last, h, act, skip);
    h = op_drop_path(t, conv_unit(t, last, h, ACT_NONE, NULL), b->drop_path);
    return op_activation(t, op_add(t, h, skip), act);
}

static Tensor *forward(Tape *t, const void *model, Tensor *pixels)
{
    const ResNet *m = model;
    ArenaMark start = tape_mark(t);
    Tensor   *x = tape_keep(t, start, tape_segment(t, m->config.recompute, stem, m, pixels));
    for (int64_t i = 0; i < m->blocks; i++)
        x = tape_keep(t, start, tape_segment(t, m->config.recompute, block, &m->block[i], x));
    return grid_tokens(t, x);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static EncoderGrid grid(const EncoderConfig *c)
{
    int64_t side = window_count(window_count(c->image, 7, 2, 1, 3, 3), 3, 2, 1, 1, 1);
    for (int i = 0; i < c->stages; i++)
        side = window_count(side, 3, stride_of(c, i), 1, 1, 1);
    return (EncoderGrid){ .rows = side, .columns = side, .width = c->width };
}

static bool check(const EncoderConfig *c, Err *err)
{
    int found = !encoder_size_check("the width of the stem", c->stem, err);
    if (!stages_check(c, err))
        return false;
    for (int i = 0; i < c->stages && c->bottleneck; i++)
        if (c->stage_width[i] % REDUCTION)
            found += !fail_also(err, ERR_USAGE, "encoder: a bottleneck is a quarter as wide within, but stage %d has a width of %lld", i + 1,
                                (long long)c->stage_width[i]);
    return found == 0;
}

/* A grid of 2 x 2: batch norm of a single pixel a picture would leave nothing but signs. */
static EncoderConfig miniature(const EncoderConfig *c)
{
    EncoderConfig m = *c;
    m.stem  = 3;
    m.image = (1 << (c->stages + 1 + c->downsample_first)) + 1;
    for (int i = 0; i < c->stages; i++) {
        m.stage_width[i] = c->bottleneck ? 8 : i == c->stages - 1 ? 6 : 4;
        m.stage_depth[i] = i == 0 && c->stage_depth[i] > 1 ? 2 : 1;
    }
    m.width = m.stage_width[c->stages - 1];
    return m;
}

static bool from_options(const EncoderOptions *o, EncoderConfig *out, Err *err)
{
    static const struct { int64_t layers; bool bottleneck; int64_t depth[ENCODER_STAGES]; } DEPTHS[] = {
        { 18, false, { 2, 2, 2, 2 } }, { 34, false, { 3, 4, 6, 3 } }, { 50, true, { 3, 4, 6, 3 } }, { 101, true, { 3, 4, 23, 3 } } };
    int64_t depth = o->depth ? o->depth : 18, width = o->width ? o->width : 64;
    for (size_t i = 0; i < sizeof DEPTHS / sizeof *DEPTHS; i++) {
        if (DEPTHS[i].layers != depth) continue;
        *out = (EncoderConfig){ .kind = "resnet", .image = o->image, .activation = ACT_RELU, .eps = EPS, .stages = ENCODER_STAGES,
                                .stem = width, .bottleneck = DEPTHS[i].bottleneck };
        memcpy(out->stage_depth, DEPTHS[i].depth, sizeof out->stage_depth);
        for (int stage = 0; stage < ENCODER_STAGES; stage++)
            out->stage_width[stage] = (width << stage) * (out->bottleneck ? REDUCTION : 1);
        out->width = out->stage_width[ENCODER_STAGES - 1];
        return true;
    }
    return fail_usage(err, "encoder.depth is %lld; a ResNet has 18, 34, 50 or 101 layers", (long long)depth);
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static bool from_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    const char *type;
    bool        early;
    *out = (EncoderConfig){ .kind = "resnet", .eps = EPS, .stages = ENCODER_STAGES, .stage_depth = { 3, 4, 6, 3 },
                            .stage_width = { 256, 512, 1024, 2048 } };
    TRY(encoder_pictures_from_json(j, "relu", out, where, err));
    TRY(stages_from_json(j, out, where, err));
    TRY(json_get_int(j, "embedding_size", 64, &out->stem, where, err));
    TRY(json_get_text(j, "layer_type", "bottleneck", &type, where, err));
    TRY(json_get_bool(j, "downsample_in_first_stage", false, &out->downsample_first, where, err));
    TRY(json_get_bool(j, "downsample_in_bottleneck", false, &early, where, err));
    out->bottleneck = strcmp(type, "bottleneck") == 0;
    if (!out->bottleneck && strcmp(type, "basic") != 0)
        return fail(err, "%s: layer_type is '%s'; it must be 'basic' or 'bottleneck'", where, type);
    if (early && out->bottleneck)
        return fail(err, "%s: downsample_in_bottleneck is true, ResNet's first form; limn has v1.5, which halves the picture in the 3 x 3 "
                    "filter: take a checkpoint of that form", where);
    return true;
}

static json_t *to_json(const EncoderConfig *c)
{
    json_t *j = json_pack("{s[s] ss sI si sI ss ss sb sb}", "architectures", "ResNetModel", "model_type", "resnet",
        "image_size", (json_int_t)c->image, "num_channels", 3, "embedding_size", (json_int_t)c->stem,
        "layer_type", c->bottleneck ? "bottleneck" : "basic", "hidden_act", activation_name(c->activation),
        "downsample_in_first_stage", (int)c->downsample_first, "downsample_in_bottleneck", 0);
    REQUIRE(j, "resnet: no memory");
    stages_to_json(j, c);
    return j;
}

static const char *const OTHERS[] = { "*.num_batches_tracked", "classifier.*", NULL };

const EncoderKind encoder_resnet = {
    .name = "resnet", .help = "residual network v1.5: depth 18, 34, 50 or 101; width of the first stage", .part = "resnet.", .others = OTHERS,
    .from_options = from_options, .from_json = from_json, .to_json = to_json, .check = check, .grid = grid, .miniature = miniature,
    .build = build, .forward = forward };
