/* METEOR against its own program, meteor-1.5.jar: captions, and scores for each set of stages (fixtures/meteor, by make_meteor.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/metrics/meteor_words.h"
#include "experiments/metrics/metric.h"
#include "experiments/metrics/wordnet.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/base/team.h"

static const struct { const char *metric, *stages; } SETS[] = {
    { "meteor-exact", "exact" }, { "meteor-stem", "exact stem" }, { "meteor-synonym", "exact stem synonym" },
    { "meteor", "exact stem synonym paraphrase" },
};
enum { SET_COUNT = sizeof SETS / sizeof *SETS };

static json_t *fixture(CaptionSet *s)
{
    char  *path = path_join(getenv("LIMN_FIXTURES"), "meteor/expected.json");
    Err    err = { 0 };
    json_t *expected = json_read_file(path, &err), *image, *reference;
    size_t i, r;

    cr_assert(expected, "%s", err.text);
    json_array_foreach(json_object_get(expected, "images"), i, image) {
        int64_t at = caption_set_image(s, (int64_t)i);
        caption_set_candidate(s, at, json_string_value(json_object_get(image, "candidate")));
        json_array_foreach(json_object_get(image, "references"), r, reference) caption_set_reference(s, at, json_string_value(reference));
    }
    free(path);
    return expected;
}

Test(meteor, of_each_set_of_stages_is_its_own_programs_for_images_and_corpus)
{
    CaptionSet *s = caption_set_new();
    json_t     *expected = fixture(s), *images = json_object_get(expected, "images");
    char         *table = path_join(getenv("LIMN_FIXTURES"), "meteor/paraphrases.gz");
    MetricOptions o = { .meteor_paraphrases = table };

    cr_assert_gt(caption_set_images(s), 200);
    for (int k = 0; k < SET_COUNT; k++) {
        Scored m;
        Err    err = { 0 };
        cr_assert(metric_measure(metric_find(SETS[k].metric), s, &o, &m, &err), "%s", err.text);
        double wanted = json_number_value(json_object_get(json_object_get(expected, "corpus"), SETS[k].stages));
        cr_expect_float_eq(m.scores[0], wanted, 1e-12, "%s: %.17g, not %.17g", SETS[k].stages, m.scores[0], wanted);
        for (int64_t i = 0; i < m.images; i++) {
            wanted = json_number_value(json_object_get(json_object_get(json_array_get(images, (size_t)i), "scores"), SETS[k].stages));
            cr_expect_float_eq(m.each[i], wanted, 1e-12, "%s: image %lld is %.17g, not %.17g", SETS[k].stages, (long long)i, m.each[i], wanted);
        }
        scored_free(&m);
    }
    free(table);
    json_decref(expected);
    caption_set_free(s);
}

Test(meteor, does_not_depend_on_threads)
{
    CaptionSet *s = caption_set_new();
    json_t     *expected = fixture(s);
    Scored      one, three;
    Err         err = { 0 };
    MetricOptions alone = { 0 }, together = { .team = team_new(3) };

    cr_assert(metric_measure(metric_find("meteor-synonym"), s, &alone, &one, &err), "%s", err.text);
    cr_assert(metric_measure(metric_find("meteor-synonym"), s, &together, &three, &err), "%s", err.text);
    cr_expect_arr_eq(one.each, three.each, (size_t)one.images * sizeof *one.each);
    cr_expect_arr_eq(one.statistics, three.statistics, (size_t)one.images * (size_t)one.metric->statistics * sizeof *one.statistics);
    scored_free(&one);
    scored_free(&three);
    team_free(together.team);
    json_decref(expected);
    caption_set_free(s);
}

Test(meteor, without_wordnet_says_what_to_install)
{
    CaptionSet *s = caption_set_new();
    Scored      m;
    Err         err = { 0 };
    MetricOptions o = { .wordnet = "/nonexistent" };

    caption_set_candidate(s, caption_set_image(s, 1), "a dog");
    caption_set_reference(s, 0, "a dog");
    cr_expect_not(metric_measure(metric_find("meteor-synonym"), s, &o, &m, &err));
    cr_expect(strstr(err.text, "wordnet-base"), "%s", err.text);
    cr_expect(metric_find("meteor-stem")->by_default && metric_find("meteor-stem")->by_default(&(MetricOptions){ 0 }) == false);
    caption_set_free(s);
}

/* ---- words ------------------------------------------------------------------------------------------------------------- */
static void join(void *context, const char *word, size_t bytes)
{
    buffer_add(context, word, bytes);
    buffer_add(context, " ", 1);
}

Test(meteor, cuts_tokens_as_its_own_program_does)
{
    static const char *const CASES[][2] = {
        { "t-shirt", "t shirt " }, { "black-and-white", "black and white " }, { "a-b-c", "a b-c " }, { "-lrb- a -rrb-", "-lrb- a -rrb- " },
        { "do n't", "do n 't " }, { "'s", "' s " }, { "1990's", "1990 's " }, { "o'c'k", "o 'c'k " }, { "1'2'a", "1 ' 2'a " },
        { "u.s. man", "us man " }, { "x a.m. 3", "x am 3 " }, { "1.2.3.", "1.2.3 . " }, { "mr. smith", "mr. smith " }, { "mr. 3", "mr . 3 " },
        { "vs. 3", "vs. 3 " }, { "st. \u00e9", "st . \u00e9 " }, { "www.google.com.", "wwwgooglecom " }, { "a..b", "a .. b " }, { "...", "... " },
        { "1,000", "1,000 " }, { "a,b,c", "a , b,c " }, { ",--,", ", - , " }, { "1/2", "1 / 2 " }, { "$5.00", "$ 5.00 " }, { "'--'", "' -' " },
        { "caf\u00e9s", "caf\u00e9s " }, { "a\u00b2", "a \u00b2 " }, { "1\u00a01/2", "1 1 / 2 " }, { "", "" },
    };
    MeteorWords *w = meteor_words_new();

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        Buffer out = { 0 };
        meteor_words(w, CASES[i][0], strlen(CASES[i][0]), join, &out);
        buffer_add(&out, "", 1);
        cr_expect_str_eq(out.p, CASES[i][1], "%s: %s", CASES[i][0], out.p);
        free(out.p);
    }
    meteor_words_free(w);
}

/* ---- WordNet ----------------------------------------------------------------------------------------------------------- */
static bool has_synset(const WordNet *w, const char *word, int32_t synset)
{
    Buffer out = { 0 };
    bool   found = false;

    wordnet_synsets(w, word, &out);
    for (size_t i = 0; i < out.used / sizeof synset; i++) found |= memcmp(out.p + i * sizeof synset, &synset, sizeof synset) == 0;
    free(out.p);
    return found;
}

/* Offsets of Princeton's WordNet 3.0. */
Test(meteor, synsets_are_of_the_word_of_its_exceptions_or_else_of_its_first_base_form)
{
    Err      err = { 0 };
    WordNet *w = wordnet_open(WORDNET_FOLDER, &err);
    cr_assert(w, "%s", err.text);

    cr_expect(has_synset(w, "dog", 2084071));
    cr_expect(has_synset(w, "dogs", 2084071));
    cr_expect(has_synset(w, "went", 1835496), "go, travel: a verb that Debian's file has 18 bytes further on");
    cr_expect(has_synset(w, "zygotic", 2882275), "an adjective that Debian's file has a byte further on");
    cr_expect(has_synset(w, "offer", 871623) && has_synset(w, "offer", 35254), "two exceptions: off and itself");
    cr_expect_not(has_synset(w, "as", 13645762), "two letters: no base form");
    cr_expect_not(has_synset(w, "xyzzy", 2084071));
    wordnet_free(w);
}
