/* test_reward.c - the reward of self-critical training is pyciderevalcap's CIDEr-D and pycocoevalcap's BLEU-4 (fixtures/make_reward.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/reward.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "vision/preprocess.h"

enum { SIZE = 4, MOST = 32 };

static json_t *fixture(const char *name)
{
    Err   err = { 0 };
    char   *path = path_join(getenv("LIMN_FIXTURES"), name);
    json_t *j = json_read_file(path, &err);
    cr_assert(j, "%s", err.text);
    free(path);
    return j;
}

typedef struct Fixture { json_t *rows; Store *store; Tokenizer *words; Team *team; char path[64]; } Fixture;

/* A picture of the split "train" for each row, with the references of its image; and one of "val" whose captions must count nowhere. */
static Fixture setup(void)
{
    Fixture f = { .rows = fixture("reward.json"), .team = team_new(2) };
    json_t *row, *caption;
    static const uint8_t pixels[SIZE * SIZE * 3];
    static char model_words[1 << 16];
    size_t i, k;
    Preprocess p = preprocess_default(SIZE);
    StoreOptions o = { .size = SIZE, .preprocess = preprocess_to_json(&p), .provenance = json_object() };
    Err err = { 0 };

    snprintf(f.path, sizeof f.path, "/tmp/limn-test-reward-%d.h5", (int)getpid());
    StoreWriter *w = store_create(f.path, &o, &err);
    cr_assert(w, "%s", err.text);
    StoreItem other = { .name = "other.jpg", .split = "val", .width = SIZE, .height = SIZE, .stored_width = SIZE, .stored_height = SIZE,
                        .pixels = pixels, .captions = (const char *const[]){ "a dog sits on a beach." }, .caption_count = 1 };
    cr_assert(store_add(w, &other, &err), "%s", err.text);
    json_array_foreach(f.rows, i, row) {
        const char *captions[MOST];
        char name[32];
        int count = 0;
        json_array_foreach(json_object_get(row, "references"), k, caption) captions[count++] = json_string_value(caption);
        snprintf(name, sizeof name, "%zu.jpg", i);
        StoreItem item = { .name = name, .split = "train", .width = SIZE, .height = SIZE, .stored_width = SIZE, .stored_height = SIZE,
                           .pixels = pixels, .captions = captions, .caption_count = count };
        cr_assert(store_add(w, &item, &err), "%s", err.text);
        strcat(strcat(model_words, json_string_value(json_object_get(row, "says"))), " ");
    }
    store_build_tokenizer(w, "train", 1, 0, model_words);            /* with words that stand in no reference */
    cr_assert(store_finish(w, &err), "%s", err.text);
    json_decref(o.preprocess), json_decref(o.provenance);
    f.store = store_open(f.path, &err);
    cr_assert(f.store, "%s", err.text);
    f.words = tokenizer_from_json(store_tokenizer(f.store), strlen(store_tokenizer(f.store)), f.path, &err);
    return f;
}

static void end(Fixture f)
{
    json_decref(f.rows), store_close(f.store), tokenizer_free(f.words), team_free(f.team);
    unlink(f.path);
}

/* Rewards of all rows; row i is item i + 1. Those of even images ended. */
static void rewards_of(const Fixture *f, RewardOptions o, Team *team, double *to)
{
    Reward *r = reward_new(f->store, store_find_split(f->store, "train"), f->words, o, f->team);
    size_t i, n = json_array_size(f->rows);
    Drawn *drawn = calloc(n, sizeof *drawn);
    int32_t (*ids)[MOST] = calloc(n, sizeof *ids);
    json_t *row;

    json_array_foreach(f->rows, i, row)
        drawn[i] = (Drawn){ .item = (int64_t)i + 1, .ids = ids[i], .ended = json_integer_value(json_object_get(row, "image")) % 2 == 0,
                            .count = (int)tokenizer_encode(f->words, json_string_value(json_object_get(row, "says")), ids[i], MOST) };
    reward_of(r, team, drawn, (int64_t)n, to);
    free(ids);
    free(drawn);
    reward_free(r);
}

Test(reward, equals_pyciderevalcap_and_pycocoevalcap)
{
    static const struct { RewardOptions o; const char *cider, *bleu; } CASES[] = {
        { { 1, 0, false }, "cider", "bleu" },         { { 1, 0, true }, "cider_eos", "bleu_eos" },   { { 0, 1, false }, "cider", "bleu" },
        { { 0.7, 0.5, true }, "cider_eos", "bleu_eos" },
    };
    Fixture f = setup();
    size_t i, n = json_array_size(f.rows);
    double *got = calloc(n, sizeof *got);
    json_t *row;

    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        rewards_of(&f, CASES[c].o, f.team, got);
        json_array_foreach(f.rows, i, row) {
            double wanted = CASES[c].o.cider * json_number_value(json_object_get(row, CASES[c].cider))
                            + CASES[c].o.bleu * json_number_value(json_object_get(row, CASES[c].bleu));
            cr_expect(fabs(got[i] - wanted) <= 1e-12 * (1 + wanted), "case %zu, '%s': %.17g, not %.17g", c,
                      json_string_value(json_object_get(row, "says")), got[i], wanted);
        }
    }
    free(got);
    end(f);
}

Test(reward, does_not_depend_on_threads)
{
    Fixture f = setup();
    size_t n = json_array_size(f.rows);
    double *one = calloc(n, sizeof *one), *two = calloc(n, sizeof *two);

    rewards_of(&f, (RewardOptions){ 1, 0.5, true }, NULL, one);
    rewards_of(&f, (RewardOptions){ 1, 0.5, true }, f.team, two);
    cr_expect_eq(memcmp(one, two, n * sizeof *one), 0);
    free(one), free(two);
    end(f);
}
