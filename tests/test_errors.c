/* test_errors.c - kinds of words over a database of a few words, and omitted and invented concepts counted by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/metrics/errors.h"

static Lexicon *tiny_wordnet(void)
{
    char path[512];
    Err  err = { 0 };
    snprintf(path, sizeof path, "%s/wordnet-tiny", getenv("LIMN_FIXTURES"));
    Lexicon *l = lexicon_read(path, &err);
    cr_assert(l, "%s", err.text);
    return l;
}

/* "dog/n red/c" of a sentence of words between blanks. */
static const char *terms(Lexicon *l, const char *sentence)
{
    static char out[512];
    char copy[256], *rest = copy;
    const char *words[64];
    Term term[64];
    int count = 0;

    snprintf(copy, sizeof copy, "%s", sentence);
    for (char *word; (word = strsep(&rest, " ")); ) words[count++] = word;
    count = lexicon_terms(l, words, count, term);
    out[0] = 0;
    for (int i = 0; i < count; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s/%c", i ? " " : "", lexicon_text(l, term[i].concept), "ncsa#"[term[i].kind]);
    return out;
}

/* ---- the lexicon ---------------------------------------------------------------------------------------------------------- */

Test(lexicon, words_have_their_base_form_and_usual_kind)
{
    Lexicon *l = tiny_wordnet();
    static const char *const SAYS[][2] = {
        { "two dogs and three children run slowly", "two/# dog/n three/# child/n" },
        { "people on a big beach", "person/n large/s beach/n" },
        { "a grey dog , a golden dog", "gray/c dog/n gold/c dog/n" },
        { "a couple in front of the older men", "two/# old/a man/n" },
        { "a wooden building", "wooden/a building/n" },
        { "men surfing", "man/n" },                  /* as rare as a noun as it is as a verb */
        { "holding hands", "hand/n" },              /* not the rare noun "hands", not the verb */
        { "one dog with 2 frisbees", "dog/n two/# frisbee/n" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof SAYS / sizeof *SAYS; i++) cr_expect_str_eq(terms(l, SAYS[i][0]), SAYS[i][1], "%s: %s", SAYS[i][0], terms(l, SAYS[i][0]));
    lexicon_free(l);
}

/* train and ride are verbs more often, building is a form of build. */
Test(lexicon, a_noun_is_known_by_what_stands_before)
{
    Lexicon *l = tiny_wordnet();
    static const char *const SAYS[][2] = {
        { "a train", "train/n" }, { "people train", "person/n" }, { "the passenger train", "passenger/n train/n" },
        { "the red train station", "red/c train/n station/n" }, { "an old train", "old/a train/n" }, { "men building", "man/n" },
        { "inside a building that is old", "building/n old/a" }, { "a running dog", "dog/n" }, { "the man rides a bike", "man/n bike/n" },
        { "a dog enjoys a ride", "dog/n ride/n" },
        { "men on rides", "man/n ride/n" }, { "men for building", "man/n" }, { "a running train", "train/n" }, { "a surfing dog", "dog/n" },
    };
    for (size_t i = 0; i < sizeof SAYS / sizeof *SAYS; i++) cr_expect_str_eq(terms(l, SAYS[i][0]), SAYS[i][1], "%s: %s", SAYS[i][0], terms(l, SAYS[i][0]));
    lexicon_free(l);
}

static Term term_of(Lexicon *l, const char *word)
{
    Term t[1] = { { 0 } };
    cr_assert_eq(lexicon_terms(l, &word, 1, t), 1, "%s", word);
    return *t;
}

Test(lexicon, synonyms_share_a_synset)
{
    Lexicon *l = tiny_wordnet();
    cr_expect(lexicon_same(l, term_of(l, "dog"), term_of(l, "hounds")));
    cr_expect(lexicon_same(l, term_of(l, "bike"), term_of(l, "bicycle")));
    cr_expect(lexicon_same(l, term_of(l, "furry"), term_of(l, "hairy")));
    cr_expect(lexicon_same(l, term_of(l, "big"), term_of(l, "large")));
    cr_expect_not(lexicon_same(l, term_of(l, "man"), term_of(l, "person")));
    cr_expect_not(lexicon_same(l, term_of(l, "two"), term_of(l, "three")));
    cr_expect_not(lexicon_same(l, term_of(l, "big"), term_of(l, "huge")));
    cr_expect_not(lexicon_same(l, term_of(l, "person"), term_of(l, "old")));     /* "the old" are persons, "an old house" is none */
    lexicon_free(l);
}

Test(lexicon, without_wordnet_there_are_colours_sizes_and_numbers)
{
    Err err = { 0 };
    Lexicon *l = lexicon_read(NULL, &err);
    cr_expect_not(lexicon_has_nouns(l));
    cr_expect_str_eq(terms(l, "two big dogs on a wooden red train"), "two/# large/s red/c");
    lexicon_free(l);
}

Test(lexicon, what_is_no_database_is_an_error_that_names_file_and_line)
{
    Err err = { 0 };
    char folder[] = "/tmp/limn-lexicon-XXXXXX", path[64];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/index.noun", folder);
    cr_expect_null(lexicon_read(folder, &err));
    cr_expect(strstr(err.text, "index.noun"), "%s", err.text);
    static const char *const BAD[] = { "  1 licence\ndog n 1 1 @ 1 1 00000001\nno such line\n", "dog n 2 1 @ 2 1 00000001\n", "dog n 1 9 @ 1 1 00000001\n",
                                       "dog n -1 0 0 0\n", "dog n 1\n" };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        FILE *f = fopen(path, "w");
        fputs(BAD[i], f);
        fclose(f);
        err.status = 0;
        cr_expect_null(lexicon_read(folder, &err));
        cr_expect(strstr(err.text, i ? "index.noun:1" : "index.noun:3"), "%zu: %s", i, err.text);
    }
    remove(path);
    remove(folder);
}

/* ---- errors --------------------------------------------------------------------------------------------------------------- */

static void add_image(CaptionSet *s, const char *candidate, const char *const *references)
{
    int64_t i = caption_set_image(s, caption_set_images(s));
    caption_set_candidate(s, i, candidate);
    for (; *references; references++) caption_set_reference(s, i, *references);
}
#define REFERENCES(...) (const char *const []){ __VA_ARGS__, NULL }

static void expect(const Tally *t, int agreed, int omitted, int said, int invented)
{
    cr_expect(t->agreed == agreed && t->omitted == omitted && t->said == said && t->invented == invented, "%lld %lld %lld %lld, expected %d %d %d %d",
              (long long)t->agreed, (long long)t->omitted, (long long)t->said, (long long)t->invented, agreed, omitted, said, invented);
}

Test(errors, half_of_the_references_agree_and_one_is_enough_for_no_invention)
{
    ErrorAnalysis a = { 0 };
    Err err = { 0 };
    char path[512];
    CaptionSet *s = caption_set_new();
    snprintf(path, sizeof path, "%s/wordnet-tiny", getenv("LIMN_FIXTURES"));
    /* dog: 4 of 4, as hound in one; beach: 2 of 4; frisbee and man: 1 of 4; two: 2; three: 1. */
    add_image(s, "A man and three red hounds on a train.",
              REFERENCES("Two dogs on the beach.", "A dog, a dog and a hound with a frisbee.", "two hounds on a beach", "three dogs and a man"));
    CaptionErrors e = { 0 };
    cr_assert(error_analysis_open(&a, &(MetricOptions){ .wordnet = path }, s, &err), "%s", err.text);
    errors_add(&a, s, &e);
    expect(&e.all[TERM_NOUN], 2, 1, 3, 1);       /* dog, beach; man, hound, train */
    expect(&e.all[TERM_NUMBER], 1, 1, 1, 0);     /* two; three                    */
    expect(&e.all[TERM_COLOUR], 0, 0, 1, 1);
    expect(&e.all[TERM_ATTRIBUTE], 0, 0, 0, 0);
    expect(&e.by_length[2][TERM_NOUN], 2, 1, 3, 1);              /* 9 words */
    expect(&e.by_frequency[0][TERM_NOUN], 2, 1, 2, 0);           /* 1 of 4 captions and more */
    expect(&e.by_frequency[3][TERM_NOUN], 0, 0, 1, 1);           /* train: none */
    errors_free(&e);
    caption_set_free(s);
    error_analysis_close(&a);
}

Test(errors, fall_into_classes_of_length_and_frequency_and_add_up)
{
    Lexicon *l = tiny_wordnet();
    CaptionSet *s = caption_set_new();
    add_image(s, "dog dog dog dog dog dog", REFERENCES("a dog"));
    add_image(s, "dog dog dog dog dog dog dog", REFERENCES("a dog"));
    add_image(s, "dog dog dog dog dog dog dog dog dog dog dog dog", REFERENCES("a man"));
    add_image(s, "dog dog dog dog dog dog dog dog dog dog dog dog dog", REFERENCES("a man"));
    add_image(s, "", REFERENCES("a bike"));
    int64_t times[1000] = { 0 };
    times[term_of(l, "man").concept] = 10;
    times[term_of(l, "dog").concept] = 100;
    ErrorAnalysis a = { l, { times, 3000, 1000 }, NULL };
    CaptionErrors e = { 0 };
    errors_add(&a, s, &e);
    expect(&e.by_length[0][TERM_NOUN], 2, 1, 1, 0);
    expect(&e.by_length[1][TERM_NOUN], 1, 0, 1, 0);
    expect(&e.by_length[3][TERM_NOUN], 1, 1, 1, 1);
    expect(&e.by_length[4][TERM_NOUN], 1, 1, 1, 1);
    expect(&e.by_frequency[0][TERM_NOUN], 2, 0, 4, 2);
    expect(&e.by_frequency[1][TERM_NOUN], 2, 2, 0, 0);
    expect(&e.by_frequency[3][TERM_NOUN], 1, 1, 0, 0);
    expect(&e.all[TERM_NOUN], 5, 3, 4, 2);

    errors_add(&a, s, &e);            /* a second run that says the same */
    expect(&e.all[TERM_NOUN], 10, 6, 8, 4);
    expect(&e.concepts[term_of(l, "man").concept].tally, 4, 4, 0, 0);
    errors_free(&e);
    caption_set_free(s);
    lexicon_free(l);
}
