/* test_baselines.c - the captions that stand beside a model's, on a store whose pictures and captions are known. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/baselines.h"
#include "experiments/neighbours.h"
#include "experiments/scoring.h"
#include "tests/tiny_captioner.h"

enum { SIZE = 16, PICTURE = SIZE * SIZE * 3, TRAIN = 4, TEST = 3 };

/* Test picture i looks like training picture LIKE[i]; the last training picture looks like none. */
static const int LIKE[TEST] = { 2, 0, 1 };
static const char *const TRAIN_CAPTIONS[TRAIN][3] = {
    { "a dog runs on the green grass", "a dog runs on the grass", "the dog runs on the grass" },
    { "a man rides a red bike in town", "a man rides a red bike", "a bike" },
    { "two men play ball", "men play with a ball on sand", "two men play ball" },
    { "two men play ball", "a dog runs", "a boat" }
};
static const char *const TEST_CAPTIONS[TEST][2] = {
    { "two men play with a ball", "men play ball" }, { "a dog on the grass", "the dog runs on the grass" },
    { "a man on a bike", "somebody rides a bike in town" }
};

static void add(StoreWriter *w, const char *split, int number, int look, const char *const *captions, int count)
{
    uint8_t pixels[PICTURE];
    char name[32];
    Err err = { 0 };

    for (int k = 0; k < PICTURE; k++) pixels[k] = (uint8_t)(look * 53 + (k * (look + 2) * 7 ^ k / 3));
    snprintf(name, sizeof name, "%s%d.jpg", split, number);
    StoreItem item = { .name = name, .split = split, .width = SIZE, .height = SIZE, .stored_width = SIZE, .stored_height = SIZE,
                       .pixels = pixels, .captions = captions, .caption_count = count };
    cr_assert(store_add(w, &item, &err), "%s", err.text);
}

static Store *make_store(const char *path, const Preprocess *preprocess)
{
    Err err = { 0 };
    StoreOptions o = { .size = SIZE, .preprocess = preprocess_to_json(preprocess), .provenance = json_object() };
    StoreWriter *w = store_create(path, &o, &err);

    cr_assert(w, "%s", err.text);
    for (int i = 0; i < TRAIN; i++) add(w, "train", i, i, TRAIN_CAPTIONS[i], 3);
    for (int i = 0; i < TEST; i++) add(w, "test", i, LIKE[i], TEST_CAPTIONS[i], 2);
    store_build_tokenizer(w, "train", 1, 0, NULL);
    cr_assert(store_finish(w, &err), "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
    Store *s = store_open(path, &err);
    cr_assert(s, "%s", err.text);
    return s;
}

typedef struct Case {
    char       path[64];
    Preprocess preprocess;
    Store     *store;
    Tokenizer *words;
    Params    *params;
    Captioner *model;
    Tape      *tape;
    Subject    subject;
    Evaluation e;
} Case;

/* An evaluation whose captions are the pictures' own first ones. */
static void begin(Case *c)
{
    Err err = { 0 };

    *c = (Case){ .preprocess = preprocess_default(SIZE), .params = params_new(1) };
    snprintf(c->path, sizeof c->path, "/tmp/limn-test-baselines-%d.h5", (int)getpid());
    c->store = make_store(c->path, &c->preprocess);
    c->words = tokenizer_from_json(store_tokenizer(c->store), strlen(store_tokenizer(c->store)), c->path, &err);
    CaptionerConfig config = tiny_captioner_config(tokenizer_size(c->words));
    c->model = captioner_new(c->params, &config);
    tiny_enliven(c->params, 0.5, 3);
    c->tape = tape_new(backend_find("reference", &err), NULL, 1);
    c->tape->recording = false;
    c->subject = (Subject){ c->tape, c->model, c->words, &c->preprocess, c->store, NULL };
    c->e = (Evaluation){ .pictures = TEST, .results = calloc(TEST, sizeof *c->e.results) };
    for (int i = 0; i < TEST; i++) c->e.results[i] = (Captioned){ .item = TRAIN + i, .text = strdup(TEST_CAPTIONS[i][0]) };
}

static void end(Case *c)
{
    evaluation_free(&c->e);
    tape_free(c->tape), params_free(c->params), tokenizer_free(c->words), store_close(c->store);
    unlink(c->path);
}

/* ROUGE-L of these captions for the test pictures. */
static double rouge(const Case *c, const char *const *captions)
{
    Scored out;
    Err    err = { 0 };
    CaptionSet *set = scoring_set(c->store, &c->e, captions);

    cr_assert(metric_measure(metric_find("rouge"), set, &(MetricOptions){ 0 }, &out, &err), "%s", err.text);
    double score = out.scores[0];
    scored_free(&out);
    caption_set_free(set);
    return score;
}

static double rouge_of_one(const char *candidate, const char *reference)
{
    CaptionSet *set = caption_set_new();
    Scored out;
    Err    err = { 0 };

    caption_set_image(set, 1);
    caption_set_candidate(set, 0, candidate);
    caption_set_reference(set, 0, reference);
    cr_assert(metric_measure(metric_find("rouge"), set, &(MetricOptions){ 0 }, &out, &err), "%s", err.text);
    double score = out.scores[0];
    scored_free(&out);
    caption_set_free(set);
    return score;
}

Test(neighbours, are_the_pictures_that_look_the_same)
{
    const int64_t TEST_ITEMS[] = { 4, 5, 6 }, TRAIN_ITEMS[] = { 0, 1, 2, 3 };
    int64_t nearest[TEST];
    Err     err = { 0 };
    Case    c;

    begin(&c);
    cr_assert(neighbours_find(&c.subject, (Items){ TEST_ITEMS, TEST }, (Items){ TRAIN_ITEMS, TRAIN }, NULL, NULL, nearest, &err), "%s", err.text);
    for (int i = 0; i < TEST; i++) cr_expect_eq(nearest[i], LIKE[i], "test picture %d: %d", i, (int)nearest[i]);
    end(&c);
}

Test(baselines, are_the_captions_that_their_definitions_name)
{
    /* Of each training picture the caption most like its other two. */
    static const char *const NEAREST[TEST] = { "two men play ball", "a dog runs on the grass", "a man rides a red bike" };
    static const char *const GENERIC_CAPTIONS[TEST] = { "two men play ball", "two men play ball", "two men play ball" };
    static const char *const SHUFFLED[TEST] = { "a dog on the grass", "a man on a bike", "two men play with a ball" };
    MetricChoice choice;
    Baselines    b;
    Err  err = { 0 };
    Case c;
    double people = 0;

    begin(&c);
    cr_assert(metrics_choose("rouge", &(MetricOptions){ 0 }, &choice, &err));
    cr_assert(baselines_measure(&c.subject, &c.e, "train", &choice, &(MetricOptions){ 0 }, NULL, &b, &err), "%s", err.text);
    for (int i = 0; i < TEST; i++)
        people += rouge_of_one(TEST_CAPTIONS[i][0], TEST_CAPTIONS[i][1]) + rouge_of_one(TEST_CAPTIONS[i][1], TEST_CAPTIONS[i][0]);
    cr_expect_float_eq(b.scores[0].list[0].scores[0], people / (2 * TEST), 1e-12);
    cr_expect_float_eq(b.scores[1].list[0].scores[0], rouge(&c, NEAREST), 1e-12);
    cr_expect_str_eq(b.generic, "two men play ball");
    cr_expect_float_eq(b.scores[2].list[0].scores[0], rouge(&c, GENERIC_CAPTIONS), 1e-12);
    cr_expect_float_eq(b.scores[3].list[0].scores[0], rouge(&c, SHUFFLED), 1e-12);
    baselines_free(&b);
    end(&c);
}

Test(baselines, without_a_training_split_are_an_error)
{
    MetricChoice choice;
    Baselines    b;
    Err  err = { 0 };
    Case c;

    begin(&c);
    cr_assert(metrics_choose("rouge", &(MetricOptions){ 0 }, &choice, &err));
    cr_expect_not(baselines_measure(&c.subject, &c.e, "nowhere", &choice, &(MetricOptions){ 0 }, NULL, &b, &err));
    cr_expect(strstr(err.text, "no split 'nowhere'"), "%s", err.text);
    end(&c);
}
