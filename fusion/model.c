/* model.c - a model folder, as save_pretrained of Hugging Face's transformers leaves it:
 *
 *     config.json               sizes of encoder and decoder (config.c)
 *     model.safetensors         all parameters; a tied lm_head.weight is left out, as there
 *     preprocessor_config.json  from a picture to pixels
 *     tokenizer.json            words to ids;  tokenizer_config.json says to AutoTokenizer which tokens are special
 *     generation_config.json    max_new_tokens, num_beams, length_penalty (0: none, else: average log-probability)       */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fusion/captioner.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/safetensors.h"

enum { DEFAULT_LENGTH = 30 };                    /* tokens of a caption, where nothing says how many */

static const char CONFIG[] = "config.json", WEIGHTS[] = "model.safetensors", PIXELS[] = "preprocessor_config.json",
                  WORDS[] = "tokenizer.json", WORDS_CONFIG[] = "tokenizer_config.json", GENERATION[] = "generation_config.json";

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static bool has(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = file_exists(path);
    free(path);
    return there;
}

/* The folder itself, or its subfolder `model` where it is a run; malloc'd. */
static char *find_folder(const char *folder, Err *err)
{
    static const char *const needed[] = { CONFIG, WEIGHTS, PIXELS, WORDS };
    if (!folder_exists(folder)) {
        fail(err, "%s: no such folder", folder);
        return NULL;
    }
    char *sub = path_join(folder, "model"), missing[256] = "";
    bool  run = !has(folder, CONFIG) && has(sub, CONFIG);
    const char *where = run ? sub : folder;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!has(where, needed[i]))
            snprintf(missing + strlen(missing), sizeof missing - strlen(missing), "%s%s", *missing ? ", " : "", needed[i]);
    char *found = *missing ? NULL : strdup(where);
    if (*missing)
        fail(err, "%s: not a model folder: no %s there", where, missing);
    free(sub);
    return found;
}

static json_t *read_json(const char *folder, const char *name, Err *err)
{
    char   *path = path_join(folder, name);
    json_t *j = json_read_file(path, err);
    free(path);
    return j;
}

static bool read_config(const char *folder, Model *m, CaptionerConfig *c, Err *err)
{
    json_t *j = read_json(folder, CONFIG, err);
    if (!j)
        return false;
    const struct { const char *key; int32_t mine; } ids[] = {
        { "decoder_start_token_id", tokenizer_bos(m->tokenizer) }, { "eos_token_id", tokenizer_eos(m->tokenizer) } };
    bool good = captioner_config_from_json(j, folder, c, err);
    if (good && c->decoder.vocab != tokenizer_size(m->tokenizer))
        good = fail(err, "%s: config.json has a vocabulary of %lld tokens, tokenizer.json one of %d", folder,
                    (long long)c->decoder.vocab, tokenizer_size(m->tokenizer));
    for (int i = 0; good && i < 2; i++) {
        int64_t id;
        good = json_get_int(j, ids[i].key, ids[i].mine, &id, folder, err);
        if (good && id != ids[i].mine)
            good = fail(err, "%s: %s is %lld in config.json, %d in tokenizer.json", folder, ids[i].key, (long long)id, ids[i].mine);
    }
    json_decref(j);
    return good;
}

static bool read_preprocess(const char *folder, Model *m, const CaptionerConfig *c, Err *err)
{
    json_t *j = read_json(folder, PIXELS, err);
    bool good = j && preprocess_from_json(j, folder, &m->preprocess, err);
    if (good && m->preprocess.size != c->encoder.image)
        good = fail(err, "%s: preprocessor_config.json makes pictures of %d pixels a side, the encoder wants %lld", folder,
                    m->preprocess.size, (long long)c->encoder.image);
    json_decref(j);
    return good;
}

/* max_length counts <bos> too, max_new_tokens does not. */
static bool read_generation(const char *folder, Model *m, int64_t positions, Err *err)
{
    json_t *j = has(folder, GENERATION) ? read_json(folder, GENERATION, err) : json_object();
    int64_t all, length, beam;
    double  penalty;
    bool good = j && json_get_int(j, "max_length", DEFAULT_LENGTH + 1, &all, folder, err)
                  && json_get_int(j, "max_new_tokens", all - 1, &length, folder, err)
                  && json_get_int(j, "num_beams", 1, &beam, folder, err)
                  && json_get_real(j, "length_penalty", 1, &penalty, folder, err);
    if (good && (length < 1 || beam < 1 || beam > 1024))
        good = fail(err, "%s: generation_config.json asks for %lld tokens with %lld beams; wanted: at least 1 and 1 to 1024", folder,
                    (long long)length, (long long)beam);
    if (good) {
        m->max_length = (int)(length < positions ? length : positions);
        m->beam       = (int)beam;
        m->average    = penalty != 0;
    }
    json_decref(j);
    return good;
}

/* What transformers saves beside the parameters: masks (its older versions), and what the encoder's tokens do not pass through. */
static bool read_weights(const char *folder, Model *m, Err *err)
{
    enum { FIXED = 6, MOST = 24 };
    const char *ignore[MOST] = { "*.num_batches_tracked", "decoder.transformer.h.*attn.bias",
                                 "decoder.transformer.h.*attn.masked_bias", "decoder.transformer.h.*crossattention.bias",
                                 "decoder.transformer.h.*crossattention.masked_bias", "encoder.pooler.*" };
    const char *const *others = m->captioner->encoder->kind->others;
    char text[MOST][64];
    int  count = FIXED;
    for (; others && *others && count < MOST - 2; others++, count++) {
        snprintf(text[count], sizeof text[count], "encoder.%s", *others);
        ignore[count] = text[count];
    }
    if (m->captioner->config.decoder.tied)
        ignore[count++] = "decoder.lm_head.weight";
    char *path = path_join(folder, WEIGHTS);
    SafeTensors *f = safetensors_open(path, err);
    bool good = f && params_load(m->params, "", f, "", ignore, err);
    safetensors_close(f);
    free(path);
    return good;
}

static bool read_all(const char *folder, Model *m, Err *err)
{
    CaptionerConfig c;
    char *words = path_join(folder, WORDS);
    m->tokenizer = tokenizer_read(words, err);
    free(words);
    if (!m->tokenizer)
        return false;
    TRY(read_config(folder, m, &c, err));
    TRY(read_preprocess(folder, m, &c, err));
    TRY(read_generation(folder, m, c.decoder.length, err));
    m->params    = params_blank();
    m->captioner = captioner_new(m->params, &c);
    return read_weights(folder, m, err);
}

Model *model_read(const char *folder, Err *err)
{
    char *found = find_folder(folder, err);
    if (!found)
        return NULL;
    Model *m = calloc(1, sizeof *m);
    REQUIRE(m, "model: no memory");
    if (!read_all(found, m, err)) {
        model_free(m);
        m = NULL;
    }
    free(found);
    return m;
}

void model_free(Model *m)
{
    if (!m)
        return;
    params_free(m->params);
    tokenizer_free(m->tokenizer);
    free(m);
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static json_t *generation_to_json(const Model *m)
{
    int bos = tokenizer_bos(m->tokenizer), eos = tokenizer_eos(m->tokenizer), pad = tokenizer_pad(m->tokenizer);
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:b, s:[i,i]}", "decoder_start_token_id", bos, "bos_token_id", bos,
        "eos_token_id", eos, "pad_token_id", pad, "max_new_tokens", m->max_length, "num_beams", m->beam,
        "length_penalty", m->average ? 1.0 : 0.0, "early_stopping", 0, "suppress_tokens", pad, bos);
}

static json_t *tokenizer_config(const Model *m)
{
    const Tokenizer *k = m->tokenizer;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b}", "tokenizer_class", "PreTrainedTokenizerFast",
        "bos_token", tokenizer_token(k, tokenizer_bos(k)), "eos_token", tokenizer_token(k, tokenizer_eos(k)),
        "unk_token", tokenizer_token(k, tokenizer_unk(k)), "pad_token", tokenizer_token(k, tokenizer_pad(k)),
        "model_max_length", (json_int_t)m->captioner->config.decoder.length, "clean_up_tokenization_spaces", 0);
}

/* Ends j. */
static bool write_json(const char *folder, const char *name, json_t *j, Err *err)
{
    char *path = path_join(folder, name);
    REQUIRE(j, "model: %s could not be built", name);
    bool  good = json_write_file(path, j, err);
    json_decref(j);
    free(path);
    return good;
}

bool model_write_description(const char *folder, const Model *m, Err *err)
{
    TRY(folder_make(folder, err));
    char *words = tokenizer_to_json(m->tokenizer), *path = path_join(folder, WORDS);
    bool  good = file_put(path, words, strlen(words), err);
    free(words);
    free(path);
    return good && write_json(folder, CONFIG, captioner_config_to_json(&m->captioner->config, m->tokenizer), err)
                && write_json(folder, PIXELS, preprocess_to_json(&m->preprocess), err)
                && write_json(folder, WORDS_CONFIG, tokenizer_config(m), err)
                && write_json(folder, GENERATION, generation_to_json(m), err);
}

bool model_write_weights(const char *folder, Model *m, Err *err)
{
    const SafeNote format = { "format", "pt" };  /* transformers wants to be told */
    char *path = path_join(folder, WEIGHTS);
    bool  good = params_save(m->params, path, &format, 1, err);
    free(path);
    return good;
}
