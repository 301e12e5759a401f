/* vit_kinds.c - the kinds of Vision Transformer, their sizes and their config.json, as transformers writes and defaults them.
 *
 *     vit                 Dosovitskiy et al. 2021; DINO (Caron et al. 2021) is one
 *     deit                Touvron et al. 2021: a second token, taught by distillation
 *     dinov2              Oquab et al. 2023: layer scale
 *     clip_vision_model   Radford et al. 2021: patches without bias, a norm before the blocks. The norm behind them serves CLIP's
 *                         pooled output alone, so that tokens go without
 *     siglip_vision_model Zhai et al. 2023: no class token; its attention pooling is not part of the tokens */
#include <string.h>

#include "tensor/base/json.h"
#include "vision/encoders/vit.h"

static const VitBlockNames VIT_BLOCK = {
    .blocks = "encoder.layer", .norm1 = "layernorm_before", .query = "attention.attention.query", .key = "attention.attention.key",
    .value = "attention.attention.value", .out = "attention.output.dense", .norm2 = "layernorm_after", .fc1 = "intermediate.dense",
    .fc2 = "output.dense" };
static const VitBlockNames DINOV2_BLOCK = {
    .blocks = "encoder.layer", .norm1 = "norm1", .query = "attention.attention.query", .key = "attention.attention.key",
    .value = "attention.attention.value", .out = "attention.output.dense", .scale1 = "layer_scale1.lambda1",
    .norm2 = "norm2", .fc1 = "mlp.fc1", .fc2 = "mlp.fc2", .scale2 = "layer_scale2.lambda1" };
static const VitBlockNames CLIP_BLOCK = {
    .blocks = "encoder.layers", .norm1 = "layer_norm1", .query = "self_attn.q_proj", .key = "self_attn.k_proj",
    .value = "self_attn.v_proj", .out = "self_attn.out_proj", .norm2 = "layer_norm2", .fc1 = "mlp.fc1", .fc2 = "mlp.fc2" };

static const VitVariant VARIANTS[] = {
    { .kind = "vit", .architecture = "ViTModel", .block = &VIT_BLOCK, .tokens = { "embeddings.cls_token" },
      .positions = "embeddings.position_embeddings", .patches = "embeddings.patch_embeddings.projection",
      .norm_last = "layernorm", .hidden_dropout = true, .qkv_option = true, .patch = 16, .activation = ACT_GELU, .eps = 1e-12 },
    { .kind = "deit", .architecture = "DeiTModel", .block = &VIT_BLOCK,
      .tokens = { "embeddings.cls_token", "embeddings.distillation_token" },
      .positions = "embeddings.position_embeddings", .patches = "embeddings.patch_embeddings.projection",
      .norm_last = "layernorm", .hidden_dropout = true, .qkv_option = true, .patch = 16, .activation = ACT_GELU, .eps = 1e-12 },
    { .kind = "dinov2", .architecture = "Dinov2Model", .block = &DINOV2_BLOCK, .tokens = { "embeddings.cls_token" },
      .positions = "embeddings.position_embeddings", .patches = "embeddings.patch_embeddings.projection",
      .norm_last = "layernorm", .hidden_dropout = true, .qkv_option = true, .ratio = true, .patch = 14, .activation = ACT_GELU,
      .eps = 1e-6 },
    { .kind = "clip_vision_model", .architecture = "CLIPVisionModel", .block = &CLIP_BLOCK, .tokens = { "embeddings.class_embedding" },
      .positions = "embeddings.position_embedding.weight", .patches = "embeddings.patch_embedding", .flat = true,
      .no_patch_bias = true, .norm_first = "pre_layrnorm", .patch = 32, .activation = ACT_GELU_QUICK, .eps = 1e-5 },
    { .kind = "siglip_vision_model", .architecture = "SiglipVisionModel", .block = &CLIP_BLOCK, .crop = true,
      .positions = "embeddings.position_embedding.weight", .patches = "embeddings.patch_embedding", .flat = true,
      .norm_last = "post_layernorm", .patch = 16, .activation = ACT_GELU_TANH, .eps = 1e-6 },
};

static const VitVariant *variant_of(const char *kind)
{
    for (size_t i = 0; i < sizeof VARIANTS / sizeof *VARIANTS; i++)
        if (strcmp(VARIANTS[i].kind, kind) == 0)
            return &VARIANTS[i];
    REQUIRE(false, "vit: there is no variant '%s'", kind);
    return NULL;
}

const VitVariant *vit_variant(const EncoderConfig *c) { return variant_of(c->kind); }

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static EncoderGrid grid(const EncoderConfig *c)
{
    int64_t side = c->image / c->patch;
    return (EncoderGrid){ .prefix = vit_prefix(vit_variant(c)), .rows = side, .columns = side, .width = c->width };
}

static bool check(const EncoderConfig *c, Err *err)
{
    const VitVariant *v = vit_variant(c);
    const struct { const char *name; int64_t value; } sizes[] = {
        { "patch", c->patch }, { "depth", c->depth }, { "heads", c->heads }, { "hidden", c->hidden } };
    int found = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        found += !encoder_size_check(sizes[i].name, sizes[i].value, err);
    if (found)
        return false;
    if (c->image < c->patch || (c->image % c->patch != 0 && !v->crop))
        found += !fail_also(err, ERR_USAGE, "encoder: patches of %lld pixels do not divide pictures of %lld",
                            (long long)c->patch, (long long)c->image);
    if (c->width % c->heads != 0)
        found += !fail_also(err, ERR_USAGE, "encoder: %lld heads do not divide the width %lld", (long long)c->heads, (long long)c->width);
    if (v->ratio && c->hidden % c->width != 0)
        found += !fail_also(err, ERR_USAGE, "encoder: a %s's hidden width is a multiple of its width, but %lld is none of %lld", v->kind,
                            (long long)c->hidden, (long long)c->width);
    return found == 0;
}

static EncoderConfig miniature(const EncoderConfig *c)
{
    EncoderConfig m = *c;
    m.patch  = c->patch < 3 ? c->patch : 3;
    m.image  = 2 * m.patch;
    m.heads  = 2;
    m.width  = 6;
    m.hidden = vit_variant(c)->ratio ? 12 : 10;
    m.depth  = c->depth < 2 ? c->depth : 2;
    return m;
}

/* Small enough to learn from scratch on a few thousand pictures. */
static bool from_options(const char *kind, const EncoderOptions *o, EncoderConfig *out)
{
    const VitVariant *v = variant_of(kind);
    int64_t width = o->width ? o->width : 192;
    *out = (EncoderConfig){
        .image = o->image, .patch = o->patch ? o->patch : 12, .width = width, .depth = o->depth ? o->depth : 4,
        .heads = o->heads ? o->heads : 3, .hidden = o->hidden ? o->hidden : 4 * width, .activation = v->activation, .eps = v->eps,
        .qkv_bias = true };
    strcpy(out->kind, kind);
    return true;
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

/* The hidden width, as it is or as a ratio. */
static bool hidden_from_json(const VitVariant *v, const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    int64_t ratio;
    bool    swiglu;
    if (!v->ratio)
        return json_get_int(j, "intermediate_size", 3072, &out->hidden, where, err);
    TRY(json_get_int(j, "mlp_ratio", 4, &ratio, where, err));
    TRY(json_get_bool(j, "use_swiglu_ffn", false, &swiglu, where, err));
    if (swiglu)
        return fail(err, "%s: use_swiglu_ffn is true (DINOv2's giant); limn has %s with the plain MLP only: take small, base or large",
                    where, v->kind);
    if (ratio < 1 || ratio > 65536)
        return fail(err, "%s: mlp_ratio is %lld; it must be from 1 to 65536", where, (long long)ratio);
    out->hidden = out->width >= 1 && out->width <= 65536 ? ratio * out->width : 1;     /* another width is refused by the check */
    return true;
}

static bool from_json(const char *kind, const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    const VitVariant *v = variant_of(kind);
    *out = (EncoderConfig){ .qkv_bias = true };
    strcpy(out->kind, kind);
    TRY(encoder_pictures_from_json(j, activation_name(v->activation), out, where, err));
    TRY(json_get_int(j, "patch_size", v->patch, &out->patch, where, err));
    TRY(json_get_int(j, "hidden_size", 768, &out->width, where, err));
    TRY(json_get_int(j, "num_hidden_layers", 12, &out->depth, where, err));
    TRY(json_get_int(j, "num_attention_heads", 12, &out->heads, where, err));
    TRY(hidden_from_json(v, j, where, out, err));
    TRY(json_get_real(j, "layer_norm_eps", v->eps, &out->eps, where, err));
    if (v->hidden_dropout)
        TRY(json_get_real(j, "hidden_dropout_prob", 0, &out->dropout, where, err));
    if (v->qkv_option)
        TRY(json_get_bool(j, "qkv_bias", true, &out->qkv_bias, where, err));
    return true;
}

/* Without the parts that limn leaves out: SigLIP's pooling head, DINOv2's mask token. */
static json_t *to_json(const EncoderConfig *c)
{
    const VitVariant *v = vit_variant(c);
    json_t *j = json_pack("{s[s] ss sI sI si sI sI sI}", "architectures", v->architecture, "model_type", v->kind,
        "image_size", (json_int_t)c->image, "patch_size", (json_int_t)c->patch, "num_channels", 3,
        "hidden_size", (json_int_t)c->width, "num_hidden_layers", (json_int_t)c->depth, "num_attention_heads", (json_int_t)c->heads);
    json_t *mlp   = v->ratio ? json_pack("{sI sb sb sf}", "mlp_ratio", (json_int_t)(c->hidden / c->width), "use_swiglu_ffn", 0,
                                         "use_mask_token", 0, "layerscale_value", 1.0)
                             : json_pack("{sI}", "intermediate_size", (json_int_t)c->hidden);
    json_t *norms = json_pack("{ss sf}", "hidden_act", activation_name(c->activation), "layer_norm_eps", c->eps);
    json_t *drops = v->hidden_dropout ? json_pack("{sf sf}", "hidden_dropout_prob", c->dropout, "attention_probs_dropout_prob", 0.0)
                                      : json_pack("{sf}", "attention_dropout", 0.0);
    json_t *rest  = json_pack("{sf}", "initializer_range", VIT_SPREAD);
    REQUIRE(j && mlp && norms && drops && rest, "vit: no memory");
    if (v->qkv_option)
        json_object_set_new(rest, "qkv_bias", json_boolean(c->qkv_bias));
    if (v->tokens[0] == NULL)
        json_object_set_new(rest, "vision_use_head", json_false());
    json_t *parts[] = { mlp, norms, drops, rest };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_object_update(j, parts[i]);
        json_decref(parts[i]);
    }
    return j;
}

/* ---- the kinds --------------------------------------------------------------------------------------------------- */

static bool vit_options(const EncoderOptions *o, EncoderConfig *out, Err *err)    { (void)err; return from_options("vit", o, out); }
static bool deit_options(const EncoderOptions *o, EncoderConfig *out, Err *err)   { (void)err; return from_options("deit", o, out); }
static bool dinov2_options(const EncoderOptions *o, EncoderConfig *out, Err *err) { (void)err; return from_options("dinov2", o, out); }
static bool clip_options(const EncoderOptions *o, EncoderConfig *out, Err *err)
{
    (void)err;
    return from_options("clip_vision_model", o, out);
}
static bool siglip_options(const EncoderOptions *o, EncoderConfig *out, Err *err)
{
    (void)err;
    return from_options("siglip_vision_model", o, out);
}

static bool vit_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)    { return from_json("vit", j, where, out, err); }
static bool deit_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)   { return from_json("deit", j, where, out, err); }
static bool dinov2_json(const json_t *j, const char *where, EncoderConfig *out, Err *err) { return from_json("dinov2", j, where, out, err); }
static bool clip_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    return from_json("clip_vision_model", j, where, out, err);
}
static bool siglip_json(const json_t *j, const char *where, EncoderConfig *out, Err *err)
{
    return from_json("siglip_vision_model", j, where, out, err);
}

static const char *const VIT_OTHERS[] = { "classifier.*", "pooler.*", "vit.pooler.*", NULL };
static const char *const DEIT_OTHERS[] = { "classifier.*", "cls_classifier.*", "distillation_classifier.*", "pooler.*", "deit.pooler.*",
                                           "*embeddings.mask_token", NULL };
static const char *const DINOV2_OTHERS[] = { "classifier.*", "*embeddings.mask_token", NULL };
static const char *const CLIP_OTHERS[] = { "*post_layernorm.*", "visual_projection.*", "*embeddings.position_ids", NULL };
static const char *const SIGLIP_OTHERS[] = { "head.*", "vision_model.head.*", "*embeddings.position_ids", NULL };

const EncoderKind encoder_vit = {
    .name = "vit", .help = "Vision Transformer: patches, class token, pre-norm blocks", .part = "vit.", .others = VIT_OTHERS,
    .positions = "embeddings.position_embeddings", .from_options = vit_options, .from_json = vit_json, .to_json = to_json,
    .check = check, .grid = grid, .miniature = miniature, .build = vit_build, .forward = vit_forward };
const EncoderKind encoder_deit = {
    .name = "deit", .help = "ViT with a distillation token", .part = "deit.", .others = DEIT_OTHERS,
    .positions = "embeddings.position_embeddings", .from_options = deit_options, .from_json = deit_json, .to_json = to_json,
    .check = check, .grid = grid, .miniature = miniature, .build = vit_build, .forward = vit_forward };
const EncoderKind encoder_dinov2 = {
    .name = "dinov2", .help = "ViT with layer scale", .part = "dinov2.", .others = DINOV2_OTHERS,
    .positions = "embeddings.position_embeddings", .from_options = dinov2_options, .from_json = dinov2_json, .to_json = to_json,
    .check = check, .grid = grid, .miniature = miniature, .build = vit_build, .forward = vit_forward };
const EncoderKind encoder_clip = {
    .name = "clip_vision_model", .help = "CLIP's ViT: a norm before the blocks, quick GELU", .whole = "clip", .part = "vision_model.",
    .others = CLIP_OTHERS, .positions = "embeddings.position_embedding.weight", .from_options = clip_options, .from_json = clip_json,
    .to_json = to_json, .check = check, .grid = grid, .miniature = miniature, .build = vit_build, .forward = vit_forward };
const EncoderKind encoder_siglip = {
    .name = "siglip_vision_model", .help = "SigLIP's ViT: no class token", .whole = "siglip", .part = "vision_model.",
    .others = SIGLIP_OTHERS, .positions = "embeddings.position_embedding.weight", .from_options = siglip_options,
    .from_json = siglip_json, .to_json = to_json, .check = check, .grid = grid, .miniature = miniature, .build = vit_build,
    .forward = vit_forward };
