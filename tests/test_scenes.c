/* test_scenes.c - composed pictures: what is said of them is so, and cannot be guessed. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/scenes.h"
#include "datasets/scenes/judge.h"
#include "datasets/scenes/paint.h"
#include "datasets/scenes/sample.h"
#include "datasets/store.h"
#include "tensor/base/file.h"
#include "text/tokenizer.h"

enum { SOME = 1500 };
static const char *const PRESET[] = { "standard", "quick" };

static void sample(Scene *s, const char *preset, Split split, int64_t i, Caption captions[CAPTIONS])
{
    Rng r = scene_stream(7, split, i);
    scene_sample(s, preset_find(preset), split, &r);
    for (int k = 0; captions && k < CAPTIONS; k++) caption_write(&captions[k], s, preset_find(preset), k, &r);
}

static void need_artwork(void)
{
    if (access(ARTWORK_FONT, R_OK) || access(ARTWORK_NAMES, R_OK)) cr_skip_test("fonts-noto-color-emoji or unicode-data is not installed");
}

/* One picture for the judge: a large red cat at the left, a small blue dog at the right, another small blue dog below the first. */
static Scene cat_and_dogs(void)
{
    bool plural = false;
    int  cat = noun_find("cat", &plural), dog = noun_find("dog", &plural);
    return (Scene){ .count = 3, .object = { { .noun = cat, .colour = 0, .large = 1, .side = 30, .x = 20, .y = 24 },
                                            { .noun = dog, .colour = 4, .large = 0, .side = 16, .x = 75, .y = 24 },
                                            { .noun = dog, .colour = 4, .large = 0, .side = 16, .x = 71, .y = 75 } } };
}

/* ---- captions ------------------------------------------------------------------------------------------------------ */
Test(scenes, every_caption_is_parsed_wholly_true_and_names_every_object)
{
    for (int p = 0; p < 2; p++)
        for (int split = 0; split < SPLITS; split++)
            for (int i = 0; i < SOME / 3; i++) {
                Scene s;
                Caption c[CAPTIONS];
                sample(&s, PRESET[p], (Split)split, i, c);
                for (int k = 0; k < CAPTIONS; k++) {
                    SceneScore score = scene_judge(&s, c[k].text);
                    cr_assert(score.parsed, "'%s' is not parsed", c[k].text);
                    cr_assert_eq(score.true_clauses, score.clauses, "'%s'", c[k].text);
                    cr_assert_eq(score.named, s.count, "'%s' names %d of %d", c[k].text, score.named, s.count);
                    cr_assert_eq(score.invented, 0, "'%s'", c[k].text);
                    cr_assert_eq(score.right_attributes, score.attributes, "'%s'", c[k].text);
                }
            }
}

Test(scenes, captions_say_how_many_where_and_how_large_in_at_most_28_words)
{
    int exact = 0, sides = 0, sizes = 0;
    for (int i = 0; i < SOME; i++) {
        Scene s;
        Caption c[CAPTIONS];
        Claims claims;
        sample(&s, "standard", SPLIT_TRAIN, i, c);
        for (int k = 0; k < CAPTIONS; k++) {
            int words = 1;
            for (const char *at = c[k].text; *at; at++) words += *at == ' ';
            cr_assert_leq(words, MAX_WORDS, "'%s'", c[k].text);
            cr_assert(caption_parse(c[k].text, &claims));
            for (int j = 0; j < claims.count; j++) {
                exact += claims.clause[j].a.exactly;
                sides += claims.clause[j].kind == CLAUSE_RELATION && claims.clause[j].relation < LARGER;
                sizes += claims.clause[j].kind == CLAUSE_RELATION && claims.clause[j].relation >= LARGER;
            }
        }
    }
    cr_assert(exact > SOME / 5 && sides > SOME / 5 && sizes > SOME / 10, "%d %d %d", exact, sides, sizes);
}

Test(scenes, mentions_are_the_words_about_an_object)
{
    for (int i = 0; i < 200; i++) {
        Scene s;
        Caption c[CAPTIONS];
        sample(&s, "standard", SPLIT_TRAIN, i, c);
        for (int k = 0; k < CAPTIONS; k++) {
            cr_assert_geq(c[k].mentions, s.count);
            for (int m = 0; m < c[k].mentions; m++) {
                const Mention *at = &c[k].mention[m];
                const Noun    *n = &NOUNS[s.object[at->object].noun];
                char phrase[CAPTION_BYTES];
                snprintf(phrase, sizeof phrase, "%.*s", at->to - at->from, c[k].text + at->from);
                const char *last = strrchr(phrase, ' ') + 1;
                cr_assert(!strcmp(last, n->name) || !strcmp(last, n->plural), "'%s' of '%s' is not about a %s", phrase, c[k].text, n->name);
            }
        }
    }
}

Test(scenes, no_word_of_the_grammar_is_missing_from_its_vocabulary)
{
    for (int p = 0; p < 2; p++) {
        char *words = grammar_words(preset_find(PRESET[p]));
        const char *texts[] = { words };
        Tokenizer *t = tokenizer_build_word(texts, 1, 1, 0);
        for (int i = 0; i < SOME; i++) {
            Scene s;
            Caption c[CAPTIONS];
            int32_t ids[64];
            sample(&s, PRESET[p], SPLIT_TRAIN, i, c);
            for (int k = 0; k < CAPTIONS; k++)
                for (int64_t n = tokenizer_encode(t, c[k].text, ids, 64); n-- > 0;) cr_assert_neq(ids[n], tokenizer_unk(t), "'%s'", c[k].text);
        }
        tokenizer_free(t);
        free(words);
    }
}

/* ---- the judge ----------------------------------------------------------------------------------------------------- */
Test(scenes, judge_tells_true_from_false)
{
    static const struct { const char *caption; int clauses, true_clauses, named, invented, attributes, right; } CASE[] = {
        { "a red cat and two blue dogs",                          2, 2, 3, 0, 3, 3 },
        { "A large red cat, and two small blue dogs.",            2, 2, 3, 0, 6, 6 },
        { "a green cat and two blue dogs",                        2, 1, 3, 0, 3, 2 },
        { "a small cat and two dogs",                             2, 1, 3, 0, 1, 0 },
        { "a red cat and a blue dog",                             2, 2, 2, 0, 2, 2 },
        { "a red cat and a blue dog and a blue dog",              3, 3, 3, 0, 3, 3 },
        { "a cat and a cat and two dogs",                         3, 2, 3, 1, 0, 0 },
        { "a cat and three dogs",                                 2, 1, 3, 1, 0, 0 },
        { "a cat and one dog",                                    2, 1, 2, 0, 0, 0 },
        { "an umbrella and two dogs",                             2, 1, 2, 1, 0, 0 },
        { "there are three objects a cat and two dogs",           3, 3, 3, 0, 0, 0 },
        { "there are four objects a cat and two dogs",            3, 2, 3, 0, 0, 0 },
        { "a red cat is left of a blue dog",                      3, 3, 2, 0, 2, 2 },
        { "a red cat is to the right of a blue dog",              3, 2, 2, 0, 2, 2 },
        { "a cat and two dogs and the cat is larger than the dog", 3, 3, 3, 0, 0, 0 },
        { "a cat and two dogs and the cat is smaller than the dog", 3, 2, 3, 0, 0, 0 },
        { "a cat and two dogs and the cat is above the dog",      3, 2, 3, 0, 0, 0 },      /* (51, 51) apart: neither */
    };
    Scene s = cat_and_dogs();
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        SceneScore r = scene_judge(&s, CASE[i].caption);
        cr_assert(r.parsed, "'%s'", CASE[i].caption);
        cr_assert(r.clauses == CASE[i].clauses && r.true_clauses == CASE[i].true_clauses && r.named == CASE[i].named
                  && r.invented == CASE[i].invented && r.attributes == CASE[i].attributes && r.right_attributes == CASE[i].right,
                  "'%s': %d of %d true, %d named, %d invented, %d of %d attributes", CASE[i].caption, r.true_clauses, r.clauses, r.named,
                  r.invented, r.right_attributes, r.attributes);
        cr_assert_eq(r.objects, 3);
    }
}

Test(scenes, judge_accepts_nothing_but_the_grammar)
{
    static const char *const BAD[] = { "", "a", "cat", "a cat and", "a cat and a", "two cat", "a cats", "a blue red cat", "red a cat", "a cat is",
                                       "a cat is left", "a cat is left of", "a cat is left of dog", "the cat is left of the dog", "a unicorn",
                                       "a cat the dog", "a cat and the cat is left of the dog and a dog", "there are", "there are three objects",
                                       "a cat is left of a dog and a cat", "seven cats", "and and and", "\xff\xfe" };
    char endless[5000];
    Scene s = cat_and_dogs();

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) cr_assert_not(scene_judge(&s, BAD[i]).parsed, "'%s' is parsed", BAD[i]);
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = 0;
    cr_assert_not(scene_judge(&s, endless).parsed);
    for (size_t i = 1; i < 400; i += 2) endless[i] = ' ', endless[i + 1] = 'a';
    endless[400] = 0;
    cr_assert_not(scene_judge(&s, endless).parsed);
    SceneScore cut = scene_judge(&s, "a red cat and two blue dogs and a");
    cr_assert(!cut.parsed && cut.clauses == 2 && cut.true_clauses == 2 && cut.named == 3, "what comes before the break counts");
}

Test(scenes, truth_survives_json)
{
    for (int i = 0; i < 300; i++) {
        Scene s, back;
        Caption c[CAPTIONS];
        sample(&s, "standard", SPLIT_IID, i, c);
        json_t *j = truth_write(&s);
        cr_assert(truth_read(j, &back));
        cr_assert(s.background == back.background && s.count == back.count);
        cr_assert_eq(memcmp(s.object, back.object, (size_t)s.count * sizeof *s.object), 0);
        cr_assert_eq(json_array_size(json_object_get(j, "objects")), (size_t)s.count);
        SceneScore score = scenes_judge(j, c[2].text);
        cr_assert(score.parsed && score.true_clauses == score.clauses);
        json_decref(j);
    }
    json_t *none = json_pack("{s:s}", "background", "plain");
    cr_assert_eq(scenes_judge(none, "a cat").objects, 0);
    json_decref(none);
}

/* ---- what may be guessed -------------------------------------------------------------------------------------------- */
Test(scenes, answers_given_blind_are_at_chance)
{
    for (int p = 0; p < 2; p++) {
        SceneBlind b;
        Err err = { 0 };
        cr_assert(scenes_blind(&(ScenesOptions){ .seed = 3, .preset = PRESET[p] }, &b, &err));
        cr_log_info("%s: shuffled %.3f true, %.3f named; best constant noun %.3f colour %.3f size %.3f side %.3f comparison %.3f count %.3f",
                    PRESET[p], b.true_clauses, b.named, b.noun, b.colour, b.size, b.side, b.comparison, b.count);
        cr_assert_float_eq(b.parsed, 1, 1e-12);
        cr_assert_lt(b.true_clauses, 0.05);
        cr_assert_lt(b.named, 0.10);
        cr_assert_lt(b.noun, 1.35 * b.noun_chance);
        cr_assert_lt(b.colour, 1.15 * b.colour_chance);
        cr_assert_lt(b.size, 1.06 * b.size_chance);
        cr_assert_lt(b.side, 1.20 * b.side_chance);
        cr_assert_lt(b.comparison, 1.12 * b.comparison_chance);
        cr_assert_lt(b.count, 1.15 * b.count_chance);
    }
}

/* Pearson's chi-square of size against noun, and of colour against size. */
Test(scenes, attributes_know_nothing_of_the_noun)
{
    enum { PICTURES = 8000 };
    static double by_noun[MAX_NOUNS][2], by_colour[COLOURS][2];
    double total = 0, large = 0, chi_noun = 0, chi_colour = 0;

    for (int i = 0; i < PICTURES; i++) {
        Scene s;
        sample(&s, "standard", SPLIT_TRAIN, i, NULL);
        const Object *o = &s.object[i % s.count];              /* one of each picture: members of a group may share a size */
        by_noun[o->noun][o->large]++, by_colour[o->colour][o->large]++;
        total++, large += o->large;
    }
    for (int l = 0; l < 2; l++) {
        double share = (l ? large : total - large) / total;
        for (int n = 0; n < noun_count(); n++) {
            double expected = share * (by_noun[n][0] + by_noun[n][1]);
            cr_assert_gt(expected, 50);
            chi_noun += pow(by_noun[n][l] - expected, 2) / expected;
        }
        for (int c = 0; c < COLOURS; c++) {
            double expected = share * (by_colour[c][0] + by_colour[c][1]);
            chi_colour += pow(by_colour[c][l] - expected, 2) / expected;
        }
    }
    cr_assert_lt(chi_noun, 73, "39 degrees of freedom: %.1f is beyond the 99.9th percentile", chi_noun);
    cr_assert_lt(chi_colour, 20.6, "5 degrees of freedom: %.1f is beyond the 99.9th percentile", chi_colour);
    cr_assert_float_eq(large / total, 0.5, 0.02);
}

/* ---- splits and geometry -------------------------------------------------------------------------------------------- */
Test(scenes, held_out_pairs_and_drawings_are_never_seen_in_training)
{
    for (int p = 0; p < 2; p++)
        for (int split = 0; split < SPLITS; split++)
            for (int i = 0; i < SOME; i++) {
                Scene s;
                sample(&s, PRESET[p], (Split)split, i, NULL);
                for (int k = 0; k < s.count; k++) {
                    const Object *o = &s.object[k];
                    bool pair = o->colour == noun_held_out_colour(o->noun);
                    bool drawing = noun_has_held_out_drawing(o->noun) && o->drawing == noun_drawings(o->noun) - 1;
                    cr_assert_eq(pair, split == SPLIT_PAIRS);
                    cr_assert_eq(drawing, split == SPLIT_ARTWORK);
                }
            }
}

Test(scenes, held_out_colours_are_equally_many)
{
    for (int p = 0; p < 2; p++) {
        int held[COLOURS] = { 0 };
        for (int n = 0; n < noun_count(); n++)
            if (preset_has(preset_find(PRESET[p]), n)) held[noun_held_out_colour(n)]++;
        for (int a = 0; a < COLOURS; a++)
            for (int b = 0; b < COLOURS; b++) cr_assert_leq(abs(held[a] - held[b]), 1);
    }
}

Test(scenes, large_is_at_least_1_6_times_small)
{
    for (int p = 0; p < 2; p++) {
        const Preset *preset = preset_find(PRESET[p]);
        cr_assert_geq((double)preset->side[1][0] / preset->side[0][1], 1.6);
        for (int i = 0; i < SOME; i++) {
            Scene s;
            sample(&s, PRESET[p], SPLIT_TRAIN, i, NULL);
            cr_assert(s.count >= 1 && s.count <= preset->max_objects);
            for (int k = 0; k < s.count; k++) {
                const int *range = preset->side[s.object[k].large];
                cr_assert(s.object[k].side >= range[0] && s.object[k].side <= range[1]);
            }
        }
    }
}

Test(scenes, drawings_lie_in_the_picture_and_hardly_cover_each_other)
{
    need_artwork();
    for (int p = 0; p < 2; p++) {
        Err err = { 0 };
        Artwork *a = artwork_open(NULL, preset_find(PRESET[p]), &err);
        cr_assert(a, "%s", err.text);
        double least = 1;
        for (int i = 0; i < 400; i++) {
            Scene s;
            uint8_t rgb[SCENE_PIXELS], masks[MAX_OBJECTS * MASK_BYTES];
            Rng r = scene_stream(7, SPLIT_TRAIN, i);
            scene_sample(&s, preset_find(PRESET[p]), SPLIT_TRAIN, &r);
            scene_paint(&s, a, &r, rgb, masks);
            for (int k = 0; k < s.count; k++) {
                const Object *o = &s.object[k];
                int longer = o->box[2] - o->box[0] > o->box[3] - o->box[1] ? o->box[2] - o->box[0] : o->box[3] - o->box[1], bits = 0;
                cr_assert_eq(longer, o->side);
                cr_assert(o->box[0] >= 0 && o->box[1] >= 0 && o->box[2] <= SCENE_SIZE && o->box[3] <= SCENE_SIZE);
                for (int b = 0; b < MASK_BYTES; b++) bits += __builtin_popcount(masks[k * MASK_BYTES + b]);
                cr_assert_eq(bits, o->visible);
                if ((double)o->visible / o->area < least) least = (double)o->visible / o->area;
            }
        }
        artwork_close(a);
        cr_log_info("%s: at least %.3f of every drawing is visible", PRESET[p], least);
        cr_assert_geq(least, 0.9);
    }
}

Test(scenes, a_ring_of_the_disc_shows_its_colour)
{
    need_artwork();
    Err err = { 0 };
    Artwork *a = artwork_open(NULL, preset_find("standard"), &err);
    cr_assert(a, "%s", err.text);
    for (int n = 0; n < noun_count(); n++)
        for (int d = 0; d < noun_drawings(n); d++) {
            Scene s = { .count = 1, .object = { { .noun = n, .drawing = d, .colour = n % COLOURS, .side = 15, .x = 48, .y = 48 } } };
            uint8_t rgb[SCENE_PIXELS], masks[MASK_BYTES];
            Rng r = scene_stream(1, SPLIT_TRAIN, n);
            int pure = 0;
            scene_paint(&s, a, &r, rgb, masks);
            for (int i = 0; i < SCENE_SIZE * SCENE_SIZE; i++) pure += memcmp(rgb + 3 * i, COLOUR[n % COLOURS].rgb, 3) == 0;
            cr_assert_gt(pure, 60, "%s %d shows %d pixels of its disc", NOUNS[n].name, d, pure);
        }
    artwork_close(a);
}

Test(scenes, every_picture_has_numbers_of_its_own)
{
    Rng a = scene_stream(5, SPLIT_TRAIN, 0), others[] = { scene_stream(6, SPLIT_TRAIN, 0), scene_stream(5, SPLIT_VAL, 0), scene_stream(5, SPLIT_TRAIN, 1) };
    uint32_t first = rng_u32(&a);
    for (int i = 0; i < 3; i++) cr_assert_neq(first, rng_u32(&others[i]));
}

/* ---- into a store --------------------------------------------------------------------------------------------------- */
Test(scenes, same_seed_gives_the_same_store_for_any_number_of_workers)
{
    need_artwork();
    char folder[] = "/tmp/limn-scenes-XXXXXX", path[3][64], hash[3][65];
    cr_assert(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        Err err = { 0 };
        snprintf(path[i], sizeof path[i], "%s/%d.h5", folder, i);
        ScenesOptions o = { .count = 60, .seed = i < 2 ? 5 : 6, .preset = "quick", .workers = i ? 3 : 1 };
        cr_assert(scenes_prepare(path[i], &o, NULL, NULL, &err), "%s", err.text);
        cr_assert(file_sha256(path[i], hash[i], &err));
    }
    cr_assert_str_eq(hash[0], hash[1]);
    cr_assert_str_neq(hash[0], hash[2]);
    for (int i = 0; i < 3; i++) unlink(path[i]);
    rmdir(folder);
}

Test(scenes, store_holds_pictures_captions_boxes_masks_and_truth)
{
    need_artwork();
    char folder[] = "/tmp/limn-scenes-XXXXXX", path[64];
    Err err = { 0 };
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.h5", folder);
    cr_assert(scenes_prepare(path, &(ScenesOptions){ .count = 40, .seed = 1 }, NULL, NULL, &err), "%s", err.text);
    Store *s = store_open(path, &err);
    cr_assert(s, "%s", err.text);
    cr_assert_eq(store_count(s), 40 + 4 * 200);
    cr_assert_eq(store_splits(s), SPLITS);
    for (int64_t i = 0; i < store_count(s); i += 7) {
        json_t *truth = json_loads(store_truth(s, i), 0, NULL);
        cr_assert_eq(store_caption_count(s, i), CAPTIONS);
        cr_assert_eq(store_mask_count(s, i), (int64_t)json_array_size(json_object_get(truth, "objects")));
        cr_assert_geq(store_box_count(s, i), CAPTIONS);
        for (int64_t k = 0; k < CAPTIONS; k++) {
            SceneScore score = scenes_judge(truth, store_caption(s, i, k));
            cr_assert(score.parsed && score.true_clauses == score.clauses && score.named == score.objects, "'%s'", store_caption(s, i, k));
        }
        json_decref(truth);
    }
    const json_t *blind = json_object_get(store_provenance(s), "blind");
    cr_assert(json_object_get(json_object_get(blind, "shuffled"), "true_clauses"));
    const char *name = json_string_value(json_array_get(json_object_get(json_object_get(store_provenance(s), "artwork"), "cat"), 0));
    cr_assert_str_eq(name, "cat face");
    store_close(s);
    unlink(path);
    rmdir(folder);
}

Test(scenes, wrong_options_are_one_clear_error)
{
    Err err = { 0 };
    cr_assert_not(scenes_prepare("/tmp/limn-never.h5", &(ScenesOptions){ .count = 10, .preset = "giant" }, NULL, NULL, &err));
    cr_assert(strstr(err.text, "giant") && strstr(err.text, "standard, quick") && err.status == ERR_USAGE);
    err = (Err){ 0 };
    cr_assert_not(scenes_prepare("/tmp/limn-never.h5", &(ScenesOptions){ .count = 10, .font = "/nowhere/font.ttf" }, NULL, NULL, &err));
    cr_assert(strstr(err.text, "/nowhere/font.ttf") && strstr(err.text, "fonts-noto-color-emoji"));
    err = (Err){ 0 };
    cr_assert_not(scenes_prepare("/tmp/limn-never.h5", &(ScenesOptions){ .count = 0 }, NULL, NULL, &err));
    cr_assert_eq(err.status, ERR_USAGE);
    cr_assert_neq(access("/tmp/limn-never.h5", F_OK), 0);
}
