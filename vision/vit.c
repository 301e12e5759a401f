/* vit.c - the Vision Transformer (Dosovitskiy et al. 2021, eq. 1-4; names, eps and initial values as transformers' ViTModel).
 *
 *     z_0  = [x_class; x_1 E; …; x_N E] + E_pos           x_i: patches of P x P pixels
 *     z'_l = MSA(LN(z_{l-1})) + z_{l-1}
 *     z_l  = MLP(LN(z'_l)) + z'_l                         MLP(h) = act(h W_1) W_2
 *     y    = LN(z_L)                                      all tokens, not the class token alone
 *
 * Weights start as N(0, 0.02^2), truncated; biases at zero.                                                         */
#include <stdio.h>
#include <string.h>

#include "tensor/base/json.h"
#include "vision/encoder.h"

static const double SPREAD = 0.02;

typedef struct Block {
    const EncoderConfig *config;
    double drop_path;
    Norm   before;
    Linear query, key, value, out;
    Norm   after;
    Linear intermediate, output;
} Block;

typedef struct ViT {
    EncoderConfig config;
    Tensor *class_token, *positions;             /* (1,1,C), (1,1+N,C) */
    Linear  patches;                             /* weight (C,3,P,P)   */
    Block  *block;
    Norm    norm;
} ViT;

static Linear projection(Scope s, const char *name, const EncoderConfig *c)
{
    Scope here = scope(s, "attention.attention.%s", name);
    if (c->qkv_bias)
        return linear_new(here, c->width, c->width, SPREAD);
    return (Linear){ .weight = param(here, "weight", SHAPE(c->width, c->width), INIT_NORMAL, SPREAD) };
}

static void *build(Scope s, const EncoderConfig *c)
{
    Arena  *a = params_arena(s.params);
    Scope   embeddings = scope(s, "embeddings"), patch = scope(s, "embeddings.patch_embeddings.projection");
    int64_t side = c->image / c->patch;
    ViT    *m = arena_zeros(a, sizeof *m);
    m->config      = *c;
    m->class_token = param(embeddings, "cls_token", SHAPE(1, 1, c->width), INIT_NORMAL, SPREAD);
    m->positions   = param(embeddings, "position_embeddings", SHAPE(1, 1 + side * side, c->width), INIT_NORMAL, SPREAD);
    m->patches     = (Linear){ .weight = param(patch, "weight", SHAPE(c->width, 3, c->patch, c->patch), INIT_NORMAL, SPREAD),
                               .bias   = param(patch, "bias", SHAPE(c->width), INIT_ZEROS, 0) };
    m->block       = arena_zeros(a, (size_t)c->depth * sizeof *m->block);
    for (int i = 0; i < c->depth; i++) {
        Scope b = scope_layer(scope(s, "encoder.layer.%d", i), i + 1);
        m->block[i] = (Block){
            .config       = &m->config,
            .drop_path    = encoder_drop_path(c->drop_path, i, c->depth),
            .before       = norm_new(scope(b, "layernorm_before"), c->width, c->eps),
            .query        = projection(b, "query", c),
            .key          = projection(b, "key", c),
            .value        = projection(b, "value", c),
            .out          = linear_new(scope(b, "attention.output.dense"), c->width, c->width, SPREAD),
            .after        = norm_new(scope(b, "layernorm_after"), c->width, c->eps),
            .intermediate = linear_new(scope(b, "intermediate.dense"), c->width, c->hidden, SPREAD),
            .output       = linear_new(scope(b, "output.dense"), c->hidden, c->width, SPREAD) };
    }
    m->norm = norm_new(scope_layer(scope(s, "layernorm"), (int)c->depth + 1), c->width, c->eps);
    return m;
}

/* ---- the forward pass -------------------------------------------------------------------------------------------- */

static Tensor *embed(Tape *t, const ViT *m, Tensor *pixels)
{
    Tensor *x = linear(t, &m->patches, op_patches(t, pixels, (int)m->config.patch));
    x = op_add(t, op_concat(t, m->class_token, x, 1), m->positions);
    return op_dropout(t, x, m->config.dropout);
}

/* x + drop_path(dropout(y W)), in one op where nothing is dropped. */
static Tensor *join(Tape *t, const Block *b, const Linear *l, Tensor *y, Tensor *x)
{
    if (!t->training || (b->config->dropout == 0 && b->drop_path == 0))
        return linear_add(t, l, y, x);
    return op_add(t, op_drop_path(t, op_dropout(t, linear(t, l, y), b->config->dropout), b->drop_path), x);
}

static Tensor *attend(Tape *t, const Block *b, Tensor *x)
{
    Tensor *h = norm(t, &b->before, x);
    Tensor *q = linear(t, &b->query, h), *k = linear(t, &b->key, h), *v = linear(t, &b->value, h);
    return join(t, b, &b->out, op_attention(t, q, k, v, (AttentionOptions){ .heads = (int)b->config->heads }, NULL), x);
}

static Tensor *think(Tape *t, const Block *b, Tensor *x)
{
    return join(t, b, &b->output, linear_act(t, &b->intermediate, norm(t, &b->after, x), b->config->activation), x);
}

static Tensor *block(Tape *t, const void *context, Tensor *x)
{
    return think(t, context, attend(t, context, x));
}

static Tensor *forward(Tape *t, const void *model, Tensor *pixels)
{
    const ViT *m = model;
    ArenaMark  start = tape_mark(t);
    Tensor    *x = tape_keep(t, start, embed(t, m, pixels));
    for (int i = 0; i < m->config.depth; i++)
        x = tape_keep(t, start, tape_segment(t, m->config.recompute, block, &m->block[i], x));
    return tape_keep(t, start, norm(t, &m->norm, x));
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static EncoderGrid grid(const EncoderConfig *c)
{
    return (EncoderGrid){ .prefix = 1, .rows = c->image / c->patch, .columns = c->image / c->patch, .width = c->width };
}

static bool check(const EncoderConfig *c, Err *err)
{
    const struct { const char *name; int64_t value; } sizes[] = {
        { "patch", c->patch }, { "depth", c->depth }, { "heads", c->heads }, { "hidden", c->hidden } };
    int found = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        found += !encoder_size_check(sizes[i].name, sizes[i].value, err);
    if (found)
        return false;
    if (c->image % c->patch != 0)
        found += !fail_also(err, ERR_USAGE, "encoder: patches of %lld pixels do not divide pictures of %lld",
                            (long long)c->patch, (long long)c->image);
    if (c->width % c->heads != 0)
        found += !fail_also(err, ERR_USAGE, "encoder: %lld heads do not divide the width %lld", (long long)c->heads, (long long)c->width);
    return found == 0;
}

static EncoderConfig miniature(const EncoderConfig *c)
{
    EncoderConfig m = *c;
    m.patch  = c->patch < 3 ? c->patch : 3;
    m.image  = 2 * m.patch;
    m.heads  = 2;
    m.width  = 6;
    m.hidden = 10;
    m.depth  = c->depth < 2 ? c->depth : 2;
    return m;
}

static bool from_options(const EncoderOptions *o, EncoderConfig *out, Err *err)
{
    int64_t width = o->width ? o->width : 192;
    (void)err;
    *out = (EncoderConfig){
        .kind = "vit", .image = o->image, .patch = o->patch ? o->patch : 12, .width = width, .depth = o->depth ? o->depth : 4,
        .heads = o->heads ? o->heads : 3, .hidden = o->hidden ? o->hidden : 4 * width, .activation = ACT_GELU, .eps = 1e-12,
        .qkv_bias = true };
    return true;
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static bool from_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    const char *act;
    int64_t     channels;
    *out = (EncoderConfig){ .kind = "vit" };
    TRY(json_get_int(j, "image_size", 224, &out->image, where, err));
    TRY(json_get_int(j, "patch_size", 16, &out->patch, where, err));
    TRY(json_get_int(j, "num_channels", 3, &channels, where, err));
    TRY(json_get_int(j, "hidden_size", 768, &out->width, where, err));
    TRY(json_get_int(j, "num_hidden_layers", 12, &out->depth, where, err));
    TRY(json_get_int(j, "num_attention_heads", 12, &out->heads, where, err));
    TRY(json_get_int(j, "intermediate_size", 3072, &out->hidden, where, err));
    TRY(json_get_text(j, "hidden_act", "gelu", &act, where, err));
    TRY(json_get_real(j, "layer_norm_eps", 1e-12, &out->eps, where, err));
    TRY(json_get_real(j, "hidden_dropout_prob", 0, &out->dropout, where, err));
    TRY(json_get_bool(j, "qkv_bias", true, &out->qkv_bias, where, err));
    if (channels != 3)
        return fail(err, "%s: num_channels is %lld; limn reads pictures of 3", where, (long long)channels);
    return activation_find(act, &out->activation)
        || fail(err, "%s: hidden_act '%s' is not among gelu, gelu_new, quick_gelu and relu", where, act);
}

static json_t *to_json(const EncoderConfig *c)
{
    json_t *j = json_pack("{s[s] ss sI sI si sI sI sI sI ss sf sf sf sf sb}", "architectures", "ViTModel", "model_type", "vit",
        "image_size", (json_int_t)c->image, "patch_size", (json_int_t)c->patch, "num_channels", 3,
        "hidden_size", (json_int_t)c->width, "num_hidden_layers", (json_int_t)c->depth,
        "num_attention_heads", (json_int_t)c->heads, "intermediate_size", (json_int_t)c->hidden,
        "hidden_act", activation_name(c->activation), "layer_norm_eps", c->eps, "hidden_dropout_prob", c->dropout,
        "attention_probs_dropout_prob", 0.0, "initializer_range", SPREAD, "qkv_bias", (int)c->qkv_bias);
    REQUIRE(j, "vit: no memory");
    return j;
}

static const char *const OTHERS[] = { "classifier.*", "pooler.*", "vit.pooler.*", NULL };

const EncoderKind encoder_vit = {
    .name = "vit", .help = "Vision Transformer: patches, class token, pre-norm blocks", .part = "vit.", .others = OTHERS,
    .positions = "embeddings.position_embeddings", .from_options = from_options, .from_json = from_json, .to_json = to_json,
    .check = check, .grid = grid, .miniature = miniature, .build = build, .forward = forward };
