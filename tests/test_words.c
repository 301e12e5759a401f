/* test_words.c - CHAIR, diversity, mutual BLEU and novelty against fixtures/make_words.py, and their rules one by one. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/metrics/caption_files.h"
#include "experiments/metrics/metric.h"
#include "experiments/metrics/objects.h"
#include "tensor/base/file.h"

static char *fixture(const char *name) { return path_join(getenv("LIMN_FIXTURES"), name); }

static bool candidate(const FileCaption *c, void *set, Err *err)
{
    (void)err;
    caption_set_candidate(set, caption_set_image(set, c->image), c->text);
    return true;
}

static bool reference(const FileCaption *c, void *set, Err *err)
{
    (void)err;
    caption_set_reference(set, caption_set_image(set, c->image), c->text);
    return true;
}

static void read_captions(CaptionSet *s, const char *name, CaptionEach *each)
{
    Err   err = { 0 };
    char *path = fixture(name);
    cr_assert(captions_each(path, each, s, &err), "%s", err.text);
    free(path);
}

/* With several: the images' further candidates, too. */
static CaptionSet *read_set(bool several)
{
    CaptionSet *s = caption_set_new();

    read_captions(s, "words/references.json", reference);
    if (several) read_captions(s, "words/others.json", candidate);
    read_captions(s, "words/results.json", candidate);
    return s;
}

static double expected(const char *key, const char *inner)
{
    char   *path = fixture("words/expected.json");
    json_t *all = json_load_file(path, 0, NULL), *value = json_object_get(all, key);
    double  v = json_number_value(inner ? json_object_get(value, inner) : value);

    cr_assert(v > 0, "no %s in %s", key, path);
    json_decref(all);
    free(path);
    return v;
}

static Scored score(const char *metric, const CaptionSet *s, const MetricOptions *o)
{
    Err    err = { 0 };
    Scored out;
    cr_assert(metric_measure(metric_find(metric), s, o, &out, &err), "%s", err.text);
    return out;
}

static void equal(double found, double wanted, const char *what)
{
    cr_expect(fabs(found - wanted) < 1e-9, "%s is %.12g, not %.12g", what, found, wanted);
}

/* ---- objects ------------------------------------------------------------------------------------------------------------- */

static void names(const char *caption, const char *wanted)
{
    Err     err = { 0 };
    char   *path = fixture("words/synonyms.txt"), found[256] = "";
    Objects *o = objects_read(path, &err);
    CaptionSet *s = caption_set_new();
    int32_t out[32];

    cr_assert(o, "%s", err.text);
    caption_set_candidate(s, caption_set_image(s, 1), caption);
    int32_t n = objects_named(o, s, &caption_set_at(s, 0)->candidate, out);
    for (int32_t i = 0; i < n; i++) strcat(strcat(found, i ? ", " : ""), objects_name(o, out[i]));
    cr_expect_str_eq(found, wanted, "'%s' names %s, not %s", caption, found, wanted);
    objects_free(o);
    caption_set_free(s);
    free(path);
}

Test(objects, are_found_by_synonym_and_in_the_plural)
{
    names("Two puppies and a dog chase PONIES", "dog, dog, horse");
    names("policemen, knives, couches, geese, calves and buses", "person, knife, couch, bird, cow, bus");
    names("men and people and skis and scissors", "person, person, skis, scissors");
    names("The dog's bicycles.", "dog, bicycle");
    names("a dogs' grass, a hors, a bu, manes under the skies", "dog");
}

Test(objects, of_two_words_are_not_the_objects_of_either)
{
    names("hot dogs", "hot dog");
    names("a hot, tired dog", "dog");
    names("motor bikes and teddy bears and a cell phone", "motorcycle, teddy bear, cell phone");
    names("baby elephants with a baby and an adult bear", "elephant, person, bear");
    names("passengers of a passenger train on the train tracks", "person, train");
    names("a train behind home plate with wine glasses and glasses", "train, wine glass");
    names("a bow tie and a bow", "tie, tie");
}

Test(objects, a_seat_beside_a_toilet_is_no_chair)
{
    names("the seat of the toilet by a stool", "toilet, chair");
    names("a toilet seat", "toilet");
    names("a seat", "chair");
}

Test(objects, a_list_without_objects_is_an_error)
{
    Err  err = { 0 };
    char path[] = "/tmp/limn-test-words-XXXXXX";
    int  fd = mkstemp(path);

    cr_assert(write(fd, " , ,\n\n", 6) == 6);
    cr_expect_null(objects_read(path, &err));
    cr_expect(strstr(err.text, path) && strstr(err.text, "no objects"), "%s", err.text);
    close(fd);
    unlink(path);
}

/* ---- metrics ------------------------------------------------------------------------------------------------------------- */

Test(chair, counts_what_the_phrases_name_and_neither_instances_nor_references_have)
{
    CaptionSet   *s = read_set(false);
    MetricOptions o = { .chair_synonyms = fixture("words/synonyms.txt"), .chair_objects = fixture("words/instances.json") };
    Scored        c = score("chair", s, &o);
    double        wrong = 0;

    equal(c.scores[0], expected("CHAIR", "CHAIRs"), "CHAIRs");
    equal(c.scores[1], expected("CHAIR", "CHAIRi"), "CHAIRi");
    for (int64_t i = 0; i < c.images; i++) wrong += c.each[2 * i];
    equal(wrong / (double)c.images, c.scores[0], "the mean of the images' CHAIRs");
    cr_expect(strstr(c.note, "instances and references"), "%s", c.note);
    scored_free(&c);

    free((char *)o.chair_objects);
    o.chair_objects = NULL;
    c = score("chair", s, &o);
    equal(c.scores[0], expected("CHAIR by references", "CHAIRs"), "CHAIRs by references");
    equal(c.scores[1], expected("CHAIR by references", "CHAIRi"), "CHAIRi by references");
    cr_expect(strstr(c.note, "references alone"), "%s", c.note);
    scored_free(&c);
    free((char *)o.chair_synonyms);
    caption_set_free(s);
}

Test(chair, instances_of_other_images_are_an_error)
{
    CaptionSet   *s = read_set(false);
    MetricOptions o = { .chair_synonyms = fixture("words/synonyms.txt"), .chair_objects = fixture("words/instances.json") };
    Err    err = { 0 };
    Scored c;

    caption_set_reference(s, caption_set_image(s, 4711), "a dog");
    cr_expect_not(metric_measure(metric_find("chair"), s, &o, &c, &err));
    cr_expect(strstr(err.text, "80 of the 81 images"), "%s", err.text);
    free((char *)o.chair_synonyms), free((char *)o.chair_objects);
    caption_set_free(s);
}

Test(diversity, distinct_words_and_pairs_are_those_of_sets)
{
    CaptionSet *s = read_set(false);
    Scored d = score("diversity", s, &(MetricOptions){ 0 }), l = score("length", s, &(MetricOptions){ 0 });

    equal(d.scores[0], expected("Distinct_1", NULL), "distinct-1");
    equal(d.scores[1], expected("Distinct_2", NULL), "distinct-2");
    equal(d.scores[2], expected("Vocabulary", NULL), "vocabulary");
    equal(l.scores[0], expected("Length", NULL), "length");
    cr_expect_null(d.statistics, "what is of the whole set has no values by image");
    scored_free(&l);
    caption_set_free(s);
}

Test(diversity, a_caption_is_novel_when_no_training_caption_has_its_words)
{
    CaptionSet   *s = read_set(false);
    MetricOptions o = { .training_captions = fixture("words/training.json") };
    Scored        n = score("novelty", s, &o);

    equal(n.scores[0], expected("Novel", NULL), "novel");
    cr_expect_eq(n.each[0], 0);
    cr_expect_eq(n.each[1], 1);
    scored_free(&n);
    free((char *)o.training_captions);
    caption_set_free(s);
}

Test(mutual_bleu, of_one_candidate_an_image_is_against_all_other_images)
{
    CaptionSet *s = read_set(false);
    equal(score("mutual-bleu", s, &(MetricOptions){ 0 }).scores[0], expected("mBleu_4", NULL), "mBLEU-4");
    caption_set_free(s);
}

Test(mutual_bleu, of_several_candidates_is_within_an_image)
{
    CaptionSet *s = read_set(true);
    equal(score("mutual-bleu", s, &(MetricOptions){ 0 }).scores[0], expected("mBleu_4 of several", NULL), "mBLEU-4");
    caption_set_free(s);
}

Test(mutual_bleu, of_equal_captions_is_one_and_of_different_ones_zero)
{
    CaptionSet *same = caption_set_new(), *other = caption_set_new();

    for (int i = 0; i < 3; i++) {
        char text[64];
        snprintf(text, sizeof text, "a%d b%d c%d d%d", i, i, i, i);
        caption_set_candidate(same, caption_set_image(same, i), "a dog runs home");
        caption_set_candidate(other, caption_set_image(other, i), text);
    }
    cr_expect_float_eq(score("mutual-bleu", same, &(MetricOptions){ 0 }).scores[0], 1, 1e-8);
    cr_expect_lt(score("mutual-bleu", other, &(MetricOptions){ 0 }).scores[0], 1e-8);
    caption_set_free(same), caption_set_free(other);
}
