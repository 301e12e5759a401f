/* config.c - config.json of a captioner, as transformers' VisionEncoderDecoderModel writes and reads it: the encoder's own config under
 * "encoder" and a GPT2Config with add_cross_attention under "decoder".
 *
 * tie_word_embeddings stands at both levels, since transformers 4 asks the outer one and transformers 5 the inner one.     */
#include <string.h>

#include "fusion/captioner.h"
#include "tensor/base/json.h"

static json_t *decoder_to_json(const DecoderConfig *c, const Tokenizer *k)
{
    json_t *j = json_pack("{s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:f, s:f, s:f, s:f, s:b, s:i, s:i, s:i}",
        "model_type", "gpt2", "add_cross_attention", 1, "is_decoder", 1,
        "vocab_size", (json_int_t)c->vocab, "n_positions", (json_int_t)c->length, "n_embd", (json_int_t)c->width,
        "n_layer", (json_int_t)c->depth, "n_head", (json_int_t)c->heads, "n_inner", (json_int_t)c->hidden,
        "activation_function", activation_name(c->activation),
        "layer_norm_epsilon", c->eps, "embd_pdrop", c->embedding_dropout, "resid_pdrop", c->residual_dropout,
        "attn_pdrop", c->attention_dropout, "tie_word_embeddings", (int)c->tied,
        "bos_token_id", (int)tokenizer_bos(k), "eos_token_id", (int)tokenizer_eos(k), "pad_token_id", (int)tokenizer_pad(k));
    if (c->post_norm)                            /* GPT2Config cannot say it */
        json_object_set_new(j, "limn_post_norm", json_true());
    return j;
}

json_t *captioner_config_to_json(const CaptionerConfig *c, const Tokenizer *k)
{
    Err err;
    const EncoderKind *kind = encoder_find(c->encoder.kind, &err);
    REQUIRE(kind, "captioner: no encoder kind '%s'", c->encoder.kind);
    json_t *encoder = kind->to_json(&c->encoder);
    json_object_set_new(encoder, "model_type", json_string(kind->name));
    return json_pack("{s:[s], s:s, s:b, s:b, s:i, s:i, s:i, s:i, s:o, s:o}",
        "architectures", "VisionEncoderDecoderModel", "model_type", "vision-encoder-decoder", "is_encoder_decoder", 1,
        "tie_word_embeddings", (int)c->decoder.tied,
        "decoder_start_token_id", (int)tokenizer_bos(k), "bos_token_id", (int)tokenizer_bos(k),
        "eos_token_id", (int)tokenizer_eos(k), "pad_token_id", (int)tokenizer_pad(k),
        "encoder", encoder, "decoder", decoder_to_json(&c->decoder, k));
}

/* What limn's decoder computes is fixed in these respects. */
static bool decoder_is_ours(const json_t *j, const char *where, Err *err)
{
    const struct { const char *key; bool fallback, wanted; } fixed[] = {
        { "add_cross_attention", false, true }, { "scale_attn_weights", true, true }, { "scale_attn_by_inverse_layer_idx", false, false } };
    const char *type;
    TRY(json_get_text(j, "model_type", "gpt2", &type, where, err));
    if (strcmp(type, "gpt2") != 0)
        return fail(err, "%s: decoder.model_type is '%s'; limn reads gpt2", where, type);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        bool value;
        TRY(json_get_bool(j, fixed[i].key, fixed[i].fallback, &value, where, err));
        if (value != fixed[i].wanted)
            return fail(err, "%s: decoder.%s is %s; limn's decoder has it %s", where, fixed[i].key,
                        value ? "true" : "false", fixed[i].wanted ? "true" : "false");
    }
    return true;
}

/* Defaults are GPT2Config's. */
static bool decoder_from_json(const json_t *j, const char *where, DecoderConfig *c, Err *err)
{
    const char *activation;
    bool inner = json_is_integer(json_object_get(j, "n_inner"));     /* null: four times the width */
    TRY(decoder_is_ours(j, where, err));
    TRY(json_get_int (j, "vocab_size", 50257, &c->vocab, where, err));
    TRY(json_get_int (j, "n_positions", 1024, &c->length, where, err));
    TRY(json_get_int (j, "n_embd", 768, &c->width, where, err));
    TRY(json_get_int (j, "n_layer", 12, &c->depth, where, err));
    TRY(json_get_int (j, "n_head", 12, &c->heads, where, err));
    c->hidden = 4 * c->width;
    if (inner)
        TRY(json_get_int(j, "n_inner", 0, &c->hidden, where, err));
    TRY(json_get_text(j, "activation_function", "gelu_new", &activation, where, err));
    TRY(json_get_real(j, "layer_norm_epsilon", 1e-5, &c->eps, where, err));
    TRY(json_get_real(j, "embd_pdrop", 0.1, &c->embedding_dropout, where, err));
    TRY(json_get_real(j, "resid_pdrop", 0.1, &c->residual_dropout, where, err));
    TRY(json_get_real(j, "attn_pdrop", 0.1, &c->attention_dropout, where, err));
    TRY(json_get_bool(j, "tie_word_embeddings", true, &c->tied, where, err));
    TRY(json_get_bool(j, "limn_post_norm", false, &c->post_norm, where, err));
    if (!activation_find(activation, &c->activation))
        return fail(err, "%s: decoder.activation_function '%s' is not one that limn knows", where, activation);
    return true;
}

bool captioner_config_from_json(const json_t *j, const char *where, CaptionerConfig *out, Err *err)
{
    const char   *type, *kind;
    const json_t *encoder = json_object_get(j, "encoder"), *decoder = json_object_get(j, "decoder");
    *out = (CaptionerConfig){ 0 };
    TRY(json_get_text(j, "model_type", "", &type, where, err));
    if (strcmp(type, "vision-encoder-decoder") != 0)
        return fail(err, "%s: model_type is '%s'; a captioner's is 'vision-encoder-decoder'", where, type);
    if (!json_is_object(encoder) || !json_is_object(decoder))
        return fail(err, "%s: no object '%s'", where, json_is_object(encoder) ? "decoder" : "encoder");
    TRY(json_get_text(encoder, "model_type", "", &kind, where, err));
    Err inner = { 0 };
    const EncoderKind *k = encoder_find(kind, &inner);
    if (!k)
        return fail(err, "%s: %s", where, inner.text);
    TRY(k->from_json(encoder, where, &out->encoder, err));
    TRY(decoder_from_json(decoder, where, &out->decoder, err));
    if (!captioner_config_check(out, &inner))
        return fail(err, "%s: %s", where, inner.text);
    return true;
}
