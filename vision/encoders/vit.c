/* vit.c - the Vision Transformer (Dosovitskiy et al. 2021, eq. 1-4; names, eps and initial values as transformers' models).
 *
 *     z_0  = [x_class; x_1 E; …; x_N E] + E_pos           x_i: patches of P x P pixels
 *     z'_l = s1_l MSA(LN(z_{l-1})) + z_{l-1}              s: layer scale, 1 in most kinds
 *     z_l  = s2_l MLP(LN(z'_l)) + z'_l                    MLP(h) = act(h W_1) W_2
 *     y    = LN(z_L)                                      all tokens, not the class token alone
 *
 * Kinds differ in the tokens before the patches, in a norm before the first block and after the last, and in names (vit.h). */
#include "vision/encoders/vit.h"

const double VIT_SPREAD = 0.02;

typedef struct Block {
    const EncoderConfig *config;
    double  drop_path;
    Norm    norm1;
    Linear  query, key, value, out;
    Tensor *scale1;                              /* (C); NULL: none    */
    Norm    norm2;
    Linear  fc1, fc2;
    Tensor *scale2;
} Block;

typedef struct ViT {
    const VitVariant *variant;
    EncoderConfig config;
    Tensor *token[2], *positions;                /* (1,1,C), (1,P+N,C) */
    Linear  patches;                             /* weight (C,3,P,P)   */
    Norm    first;
    Block  *block;
    Norm    last;
} ViT;

int64_t vit_prefix(const VitVariant *v) { return (v->tokens[0] != NULL) + (v->tokens[1] != NULL); }

static Linear projection(Scope s, const char *name, const EncoderConfig *c)
{
    Scope here = scope(s, "%s", name);
    if (c->qkv_bias)
        return linear_new(here, c->width, c->width, VIT_SPREAD);
    return (Linear){ .weight = param(here, "weight", SHAPE(c->width, c->width), INIT_NORMAL, VIT_SPREAD) };
}

static Norm layer_norm(Scope s, const char *name, const EncoderConfig *c) { return norm_new(scope(s, "%s", name), c->width, c->eps); }

static Tensor *layer_scale(Scope s, const char *name, const EncoderConfig *c)
{
    return name ? param(s, name, SHAPE(c->width), INIT_ONES, 0) : NULL;
}

static Block block_new(Scope s, const VitBlockNames *n, const EncoderConfig *c, int i)
{
    return (Block){
        .config    = c,
        .drop_path = encoder_drop_path(c->drop_path, i, c->depth),
        .norm1     = layer_norm(s, n->norm1, c),
        .query     = projection(s, n->query, c),
        .key       = projection(s, n->key, c),
        .value     = projection(s, n->value, c),
        .out       = linear_new(scope(s, "%s", n->out), c->width, c->width, VIT_SPREAD),
        .scale1    = layer_scale(s, n->scale1, c),
        .norm2     = layer_norm(s, n->norm2, c),
        .fc1       = linear_new(scope(s, "%s", n->fc1), c->width, c->hidden, VIT_SPREAD),
        .fc2       = linear_new(scope(s, "%s", n->fc2), c->hidden, c->width, VIT_SPREAD),
        .scale2    = layer_scale(s, n->scale2, c) };
}

static void embeddings_new(ViT *m, Scope s)
{
    const VitVariant *v = m->variant;
    const EncoderConfig *c = &m->config;
    int64_t side = c->image / c->patch, tokens = vit_prefix(v) + side * side;
    Scope   patch = scope(s, "%s", v->patches);
    for (int i = 0; i < 2; i++)
        if (v->tokens[i])
            m->token[i] = param(s, v->tokens[i], v->flat ? SHAPE(c->width) : SHAPE(1, 1, c->width), INIT_NORMAL, VIT_SPREAD);
    m->positions = param(s, v->positions, v->flat ? SHAPE(tokens, c->width) : SHAPE(1, tokens, c->width), INIT_NORMAL, VIT_SPREAD);
    m->patches.weight = param(patch, "weight", SHAPE(c->width, 3, c->patch, c->patch), INIT_NORMAL, VIT_SPREAD);
    if (!v->no_patch_bias)
        m->patches.bias = param(patch, "bias", SHAPE(c->width), INIT_ZEROS, 0);
}

void *vit_build(Scope s, const EncoderConfig *c)
{
    Arena *a = params_arena(s.params);
    ViT   *m = arena_zeros(a, sizeof *m);
    m->variant = vit_variant(c);
    m->config  = *c;
    m->block   = arena_zeros(a, (size_t)c->depth * sizeof *m->block);
    embeddings_new(m, s);
    if (m->variant->norm_first)
        m->first = layer_norm(s, m->variant->norm_first, c);
    for (int i = 0; i < c->depth; i++)
        m->block[i] = block_new(scope_layer(scope(s, "%s.%d", m->variant->block->blocks, i), i + 1), m->variant->block, &m->config, i);
    if (m->variant->norm_last)
        m->last = layer_norm(scope_layer(s, (int)c->depth + 1), m->variant->norm_last, c);
    return m;
}

/* ---- the forward pass -------------------------------------------------------------------------------------------- */

/* The whole patches of the picture. */
static Tensor *crop(Tape *t, const EncoderConfig *c, Tensor *pixels)
{
    int64_t side = c->image / c->patch * c->patch;
    return side == c->image ? pixels : op_slice(t, op_slice(t, pixels, 2, 0, side), 3, 0, side);
}

static Tensor *embed(Tape *t, const ViT *m, Tensor *pixels)
{
    Tensor *x = linear(t, &m->patches, op_patches(t, crop(t, &m->config, pixels), (int)m->config.patch));
    for (int i = 1; i >= 0; i--)
        if (m->token[i])
            x = op_concat(t, tensor_reshape(t->arena, m->token[i], SHAPE(1, 1, m->config.width)), x, 1);
    x = op_dropout(t, op_add(t, x, m->positions), m->config.dropout);
    return m->variant->norm_first ? norm(t, &m->first, x) : x;
}

/* x + drop_path(scale dropout(y W)), in one op where nothing is dropped or scaled. */
static Tensor *join(Tape *t, const Block *b, const Linear *l, Tensor *scale, Tensor *y, Tensor *x)
{
    bool drops = t->training && (b->config->dropout > 0 || b->drop_path > 0);
    if (!drops && !scale)
        return linear_add(t, l, y, x);
    y = op_dropout(t, linear(t, l, y), b->config->dropout);
    if (scale)
        y = op_scale(t, y, scale);
    return op_add(t, op_drop_path(t, y, b->drop_path), x);
}

static Tensor *attend(Tape *t, const Block *b, Tensor *x)
{
    Tensor *h = norm(t, &b->norm1, x);
    Tensor *q = linear(t, &b->query, h), *k = linear(t, &b->key, h), *v = linear(t, &b->value, h);
    Tensor *y = op_attention(t, q, k, v, (AttentionOptions){ .heads = (int)b->config->heads }, NULL);
    return join(t, b, &b->out, b->scale1, y, x);
}

static Tensor *think(Tape *t, const Block *b, Tensor *x)
{
    return join(t, b, &b->fc2, b->scale2, linear_act(t, &b->fc1, norm(t, &b->norm2, x), b->config->activation), x);
}

static Tensor *block(Tape *t, const void *context, Tensor *x)
{
    return think(t, context, attend(t, context, x));
}

Tensor *vit_forward(Tape *t, const void *model, Tensor *pixels)
{
    const ViT *m = model;
    ArenaMark  start = tape_mark(t);
    Tensor    *x = tape_keep(t, start, embed(t, m, pixels));
    for (int i = 0; i < m->config.depth; i++)
        x = tape_keep(t, start, tape_segment(t, m->config.recompute, block, &m->block[i], x));
    return m->variant->norm_last ? tape_keep(t, start, norm(t, &m->last, x)) : x;
}
