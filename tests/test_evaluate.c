/* test_evaluate.c - loss and captions in one pass are those of two passes, for pictures with captions and without. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/evaluate.h"
#include "tests/tiny_captioner.h"

enum { SIZE = 16, ITEMS = 7, PICTURE = SIZE * SIZE * 3 };

/* Pictures 0, 3 and 6 have no captions, the others one or two. */
static Store *make_store(const char *path, const Preprocess *preprocess)
{
    static const char *const CAPTIONS[] = { "a red cat on a big mat", "the dog" };
    Err err = { 0 };
    StoreOptions o = { .size = SIZE, .preprocess = preprocess_to_json(preprocess), .provenance = json_object() };
    StoreWriter *w = store_create(path, &o, &err);

    cr_assert(w, "%s", err.text);
    for (int i = 0; i < ITEMS; i++) {
        uint8_t pixels[PICTURE];
        char name[16];
        for (int k = 0; k < PICTURE; k++) pixels[k] = (uint8_t)(37 * i + (5 + i) * k);
        snprintf(name, sizeof name, "%d.jpg", i);
        StoreItem item = { .name = name, .split = "val", .width = SIZE, .height = SIZE, .stored_width = SIZE, .stored_height = SIZE, 
                           .pixels = pixels, .captions = CAPTIONS,
                           .caption_count = i % 3 };
        cr_assert(store_add(w, &item, &err), "%s", err.text);
    }
    store_build_tokenizer(w, "val", 1, 0, NULL);
    cr_assert(store_finish(w, &err), "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
    Store *s = store_open(path, &err);
    cr_assert(s, "%s", err.text);
    return s;
}

static Evaluation measure(const Subject *s, bool loss, bool captions)
{
    EvaluateOptions o = { .split = "val", .batch = 2, .loss = loss, .captions = captions,
                          .search = { .beam = 2, .max_length = 6, .bos = tokenizer_bos(s->tokenizer), .eos = tokenizer_eos(s->tokenizer),
                                      .pad = tokenizer_pad(s->tokenizer) } };
    Evaluation e;
    Err err = { 0 };
    cr_assert(evaluate(s, &o, &e, &err), "%s", err.text);
    return e;
}

Test(evaluate, one_pass_measures_what_two_passes_measure)
{
    char path[64];
    Err err = { 0 };
    Preprocess preprocess = preprocess_default(SIZE);
    snprintf(path, sizeof path, "/tmp/limn-test-evaluate-%d.h5", (int)getpid());
    Store *store = make_store(path, &preprocess);
    Tokenizer *words = tokenizer_from_json(store_tokenizer(store), strlen(store_tokenizer(store)), path, &err);
    CaptionerConfig c = tiny_captioner_config(tokenizer_size(words));
    Params *p = params_new(1);
    Captioner *m = captioner_new(p, &c);
    tiny_enliven(p, 0.5, 3);
    Tape *t = tape_new(backend_find("reference", &err), NULL, 1);
    Subject s = { t, m, words, &preprocess, store, NULL };

    Evaluation both = measure(&s, true, true), loss = measure(&s, true, false), captions = measure(&s, false, true);
    cr_expect_eq(both.pictures, ITEMS);
    cr_expect_eq(both.captions, 6);
    cr_expect(both.loss > 0 && both.loss == loss.loss && both.tokens == loss.tokens, "%.17g and %.17g", both.loss, loss.loss);
    cr_expect_null(loss.results);
    for (int i = 0, differing = 0; i < ITEMS; i++) {
        const Captioned *one = &both.results[i], *other = &captions.results[i];
        cr_expect_eq(one->item, i, "results stand in the split's order, pictures without captions among them");
        cr_expect_str_eq(one->text, other->text, "picture %d", i);
        cr_expect_eq(one->log_prob, other->log_prob, "picture %d: %.17g, not %.17g", i, one->log_prob, other->log_prob);
        differing += i && strcmp(one->text, both.results[0].text) != 0;
        if (i == ITEMS - 1) cr_expect_gt(differing, 0, "a model that says the same of all pictures shows nothing");
    }
    evaluation_free(&both), evaluation_free(&loss), evaluation_free(&captions);
    tape_free(t), params_free(p), tokenizer_free(words), store_close(store);
    unlink(path);
}
