/* test_model.c - model folders: what is written is read back the same, and damaged folders are refused with all that is wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fusion/search.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/safetensors.h"
#include "tests/tiny_captioner.h"

static const char *const FILES[] = { "config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
                                     "generation_config.json" };
enum { FILE_COUNT = sizeof FILES / sizeof *FILES };

/* A folder of its own under the temporary folder, and its end. */
typedef struct Place { char path[1024]; } Place;

static Place place(void)
{
    Place p;
    const char *tmp = getenv("TMPDIR");
    snprintf(p.path, sizeof p.path, "%s/limn-model-XXXXXX", tmp ? tmp : "/tmp");
    cr_assert(mkdtemp(p.path), "%s", p.path);
    return p;
}

static void clear(const char *folder)
{
    for (int i = 0; i < FILE_COUNT; i++) {
        char *path = path_join(folder, FILES[i]);
        unlink(path);
        free(path);
    }
    rmdir(folder);
}

static Model *fixture_model(void)
{
    Err  err = { 0 };
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/captioner", getenv("LIMN_FIXTURES"));
    Model *m = model_read(folder, &err);
    cr_assert(m, "%s", err.text);
    return m;
}

static void write_to(const char *folder, Model *m)
{
    Err err = { 0 };
    cr_assert(model_write_description(folder, m, &err) && model_write_weights(folder, m, &err), "%s", err.text);
}

static Model *reread(const char *folder)
{
    Err err = { 0 };
    Model *m = model_read(folder, &err);
    cr_assert(m, "%s", err.text);
    return m;
}

static void same_logits(const Model *x, const Model *y)
{
    static const int32_t tokens[4] = { 1, 4, 5, 6 }, image_of[1] = { 0 };
    const Model *models[2] = { x, y };
    Arena  *a = arena_new(1 << 16);
    Tape   *t = tape_new(&backend_reference, NULL, 0);
    Tensor *logits[2], *pixels = tiny_pixels(a, 1, x->captioner->config.encoder.image);
    for (int i = 0; i < 2; i++) {
        Tensor **memory = captioner_memory(t, models[i]->captioner, captioner_encode(t, models[i]->captioner, pixels));
        logits[i] = captioner_logits(t, models[i]->captioner, (Ids){ SHAPE(1, 4), tokens }, memory, image_of, NULL, NULL);
    }
    for (int64_t i = 0; i < shape_count(logits[0]->shape); i++)
        cr_assert_eq(tiny_at(logits[0], i), tiny_at(logits[1], i));
    tape_free(t);
    arena_free(a);
}

Test(model, written_and_read_again_has_the_same_logits_and_settings)
{
    Place  p = place();
    Model *m = fixture_model();
    m->max_length = 7, m->beam = 3, m->average = false;
    m->preprocess.mean[1] = 0.25;
    write_to(p.path, m);
    Model *again = reread(p.path);
    same_logits(m, again);
    cr_assert(again->max_length == 7 && again->beam == 3 && !again->average);
    cr_assert_eq(again->preprocess.mean[1], 0.25);
    cr_assert_eq(tokenizer_size(again->tokenizer), tokenizer_size(m->tokenizer));
    const DecoderConfig *x = &m->captioner->config.decoder, *y = &again->captioner->config.decoder;
    cr_assert(x->vocab == y->vocab && x->length == y->length && x->width == y->width && x->depth == y->depth && x->heads == y->heads &&
              x->hidden == y->hidden && x->activation == y->activation && x->eps == y->eps && x->tied == y->tied);
    model_free(m);
    model_free(again);
    clear(p.path);
}

static Model *new_model(bool tied, bool post_norm, double dropout)
{
    Model *m = calloc(1, sizeof *m);
    const char *texts[] = { "a dog and a cat run" };
    m->tokenizer = tokenizer_build_word(texts, 1, 1, 0);
    CaptionerConfig c = tiny_captioner_config(tokenizer_size(m->tokenizer));
    c.decoder.tied = tied;
    c.decoder.post_norm = post_norm;
    c.decoder.residual_dropout = c.decoder.embedding_dropout = dropout;
    m->params     = params_new(4);
    m->captioner  = captioner_new(m->params, &c);
    m->preprocess = preprocess_default(16);
    m->max_length = 9, m->beam = 2, m->average = true;
    tiny_enliven(m->params, 0.3, 2);
    return m;
}

Test(model, of_every_shape_survives_the_way_through_its_folder)
{
    for (int i = 0; i < 4; i++) {
        Place  p = place();
        Model *m = new_model(i & 1, i & 2, 0.1 * i);
        write_to(p.path, m);
        Model *again = reread(p.path);
        same_logits(m, again);
        cr_assert(again->average && again->captioner->config.decoder.post_norm == !!(i & 2));
        cr_assert_float_eq(again->captioner->config.decoder.residual_dropout, 0.1 * i, 1e-12);
        cr_assert_eq(params_find(again->params, "decoder.lm_head.weight") != NULL, !(i & 1));
        model_free(m);
        model_free(again);
        clear(p.path);
    }
}

Test(model, twice_written_is_the_same_in_every_byte)
{
    Place  p = place(), q = place();
    Model *m = new_model(true, false, 0), *n = new_model(true, false, 0);
    write_to(p.path, m);
    write_to(q.path, n);
    for (int i = 0; i < FILE_COUNT; i++) {
        Err   err = { 0 };
        char  x[65], y[65], *a = path_join(p.path, FILES[i]), *b = path_join(q.path, FILES[i]);
        cr_assert(file_sha256(a, x, &err) && file_sha256(b, y, &err), "%s", err.text);
        cr_assert_str_eq(x, y, "%s", FILES[i]);
        free(a);
        free(b);
    }
    model_free(m);
    model_free(n);
    clear(p.path);
    clear(q.path);
}

Test(model, is_found_in_a_run_folder)
{
    Place  p = place();
    char  *sub = path_join(p.path, "model");
    Model *m = new_model(true, false, 0);
    write_to(sub, m);
    Model *again = reread(p.path);
    same_logits(m, again);
    model_free(m);
    model_free(again);
    clear(sub);
    clear(p.path);
    free(sub);
}

/* ---- damage ------------------------------------------------------------------------------------------------------------ */

static void refused(const char *folder, const char *const *words)
{
    Err err = { 0 };
    Model *m = model_read(folder, &err);
    cr_assert_null(m);
    cr_assert_eq(err.status, ERR_FAILED, "%d: %s", err.status, err.text);
    for (; *words; words++)
        cr_assert(strstr(err.text, *words), "wanted '%s' in: %s", *words, err.text);
}
#define REFUSED(folder, ...) refused(folder, (const char *const[]){ __VA_ARGS__, NULL })

Test(model, that_is_not_there_is_one_clear_error)
{
    Place p = place();
    REFUSED("/no/such/folder", "/no/such/folder", "no such folder");
    REFUSED(p.path, p.path, "config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json");
    clear(p.path);
}

static const char *put(const char *folder, const char *name, const char *text)
{
    Err   err = { 0 };
    char *path = path_join(folder, name);
    cr_assert(file_put(path, text, strlen(text), &err), "%s", err.text);
    free(path);
    return folder;
}

/* NAME in a good folder with one member of its (sub)object set to a JSON value. */
static const char *edited(const char *folder, Model *m, const char *name, const char *object, const char *key, const char *value)
{
    Err     err = { 0 };
    json_error_t e;
    write_to(folder, m);
    char   *path = path_join(folder, name);
    json_t *j = json_read_file(path, &err), *o = object ? json_object_get(j, object) : j;
    cr_assert(o, "%s", err.text);
    json_object_set_new(o, key, json_loads(value, JSON_DECODE_ANY, &e));
    cr_assert(json_write_file(path, j, &err), "%s", err.text);
    json_decref(j);
    free(path);
    return folder;
}

Test(model, with_a_wrong_description_is_refused)
{
    Place  p = place();
    Model *m = new_model(true, false, 0);
    const char *f = p.path;
    write_to(f, m);
    REFUSED(put(f, "config.json", "{"), f, "config.json");
    REFUSED(edited(f, m, "config.json", NULL, "model_type", "\"vit\""), f, "vision-encoder-decoder");
    REFUSED(edited(f, m, "config.json", NULL, "decoder", "3"), f, "decoder");
    REFUSED(edited(f, m, "config.json", NULL, "eos_token_id", "5"), f, "eos_token_id", "5", "2");
    REFUSED(edited(f, m, "config.json", "encoder", "model_type", "\"dinov9\""), "dinov9");
    REFUSED(edited(f, m, "config.json", "decoder", "model_type", "\"bert\""), f, "bert");
    REFUSED(edited(f, m, "config.json", "decoder", "add_cross_attention", "false"), f, "add_cross_attention");
    REFUSED(edited(f, m, "config.json", "decoder", "activation_function", "\"mish\""), f, "mish");
    REFUSED(edited(f, m, "config.json", "decoder", "n_head", "3"), f, "3 heads");
    REFUSED(edited(f, m, "config.json", "decoder", "n_layer", "-1"), f, "depth");
    REFUSED(edited(f, m, "config.json", "decoder", "n_embd", "\"wide\""), f, "n_embd");
    REFUSED(edited(f, m, "config.json", "decoder", "vocab_size", "99"), f, "99", "tokenizer.json");
    REFUSED(edited(f, m, "preprocessor_config.json", NULL, "size", "{\"height\": 32, \"width\": 32}"), f, "32 pixels");
    REFUSED(edited(f, m, "generation_config.json", NULL, "num_beams", "0"), f, "generation_config.json");
    edited(f, m, "generation_config.json", NULL, "num_beams", "2");
    REFUSED(put(f, "tokenizer.json", "[]"), "tokenizer.json");
    model_free(m);
    clear(f);
}

Test(model, with_tensors_that_do_not_fit_lists_them_all)
{
    Err    err = { 0 };
    Place  p = place();
    Model *m = new_model(true, false, 0);
    char  *path = path_join(p.path, "model.safetensors");
    const real zeros[12] = { 0 };
    SafeItem   items[256];
    int        n = 0;
    for (int i = 0; i < params_count(m->params); i++) {
        Tensor *x = params_at(m->params, i)->tensor;
        items[n] = (SafeItem){ x->name, x->shape, x->data };
        if (strcmp(x->name, "enc_to_dec_proj.bias") == 0)
            items[n] = (SafeItem){ x->name, SHAPE(3), zeros };
        n += strstr(x->name, "wte") == NULL;
    }
    items[n++] = (SafeItem){ "somebody.elses", SHAPE(2), zeros };
    items[n++] = (SafeItem){ "encoder.pooler.dense.bias", SHAPE(12), zeros };
    items[n++] = (SafeItem){ "decoder.lm_head.weight", SHAPE(12), zeros };
    write_to(p.path, m);
    cr_assert(safetensors_write(path, items, n, NULL, 0, &err), "%s", err.text);
    REFUSED(p.path, "model.safetensors", "enc_to_dec_proj.bias", "somebody.elses", "decoder.transformer.wte.weight");
    Err again = { 0 };
    cr_assert_null(model_read(p.path, &again));
    cr_assert(!strstr(again.text, "pooler") && !strstr(again.text, "lm_head"), "%s", again.text);
    put(p.path, "model.safetensors", "nonsense");
    REFUSED(p.path, "model.safetensors");
    model_free(m);
    clear(p.path);
    free(path);
}

Test(model, that_cannot_be_written_says_so)
{
    Err    err = { 0 };
    Place  p = place();
    Model *m = new_model(true, false, 0);
    put(p.path, "config.json", "a file where a folder is wanted");
    char *under = path_join(p.path, "config.json");
    cr_assert(!model_write_description(under, m, &err) && strstr(err.text, under), "%s", err.text);
    err = (Err){ 0 };
    cr_assert(!model_write_weights(under, m, &err) && strstr(err.text, under), "%s", err.text);
    free(under);
    model_free(m);
    clear(p.path);
}
