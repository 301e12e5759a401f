/* Captions as the metrics see them: words as numbers, images in order, n-grams. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "experiments/metrics/caption_set.h"
#include "experiments/metrics/ngrams.h"

static void expect_words(const CaptionSet *s, const int32_t *words, int32_t count, const char *expected)
{
    char text[256] = "";
    for (int32_t i = 0; i < count; i++) strcat(strcat(text, i ? " " : ""), caption_set_word(s, words[i]));
    cr_expect_str_eq(text, expected);
}

Test(caption_set, gives_the_same_word_the_same_number_in_candidates_and_references)
{
    CaptionSet *s = caption_set_new();
    int64_t     i = caption_set_image(s, 17);

    caption_set_candidate(s, i, "A dog.");
    caption_set_reference(s, i, "the Dog is a dog!");
    const Judged *j = caption_set_at(s, i);
    cr_expect_eq(j->id, 17);
    cr_expect_str_eq(j->candidate.text, "A dog.");
    expect_words(s, j->candidate.words, j->candidate.count, "a dog");
    expect_words(s, j->references[0].words, j->references[0].count, "the dog is a dog");
    cr_expect_eq(j->candidate.words[1], j->references[0].words[4]);
    cr_expect_eq(caption_set_words(s), 4);
    cr_expect_eq(caption_set_find_word(s, "dog", 3), j->candidate.words[1]);
    cr_expect_eq(caption_set_find_word(s, "cat", 3), -1);
    caption_set_free(s);
}

Test(caption_set, keeps_many_images_and_references_apart)
{
    CaptionSet *s = caption_set_new();
    char        text[32];

    for (int64_t k = 0; k < 3000; k++) {
        snprintf(text, sizeof text, "w%d", (int)k);
        caption_set_reference(s, caption_set_image(s, k % 1000 * -7), text);
    }
    cr_expect_eq(caption_set_images(s), 1000);
    for (int64_t k = 0; k < 3000; k++) {
        const Judged *j = caption_set_at(s, caption_set_find(s, k % 1000 * -7));
        snprintf(text, sizeof text, "w%d", (int)k);
        cr_assert_eq(j->reference_count, 3);
        cr_assert_str_eq(j->references[k / 1000].text, text);
        cr_assert_str_eq(caption_set_word(s, j->references[k / 1000].words[0]), text);
    }
    cr_expect_eq(caption_set_find(s, 1), -1);
    caption_set_free(s);
}

Test(caption_set, has_one_candidate_an_image_the_last_one_set)
{
    CaptionSet *s = caption_set_new();
    int64_t     i = caption_set_image(s, 1);

    caption_set_candidate(s, i, "a dog");
    caption_set_candidate(s, i, "two cats sit");
    cr_expect_str_eq(caption_set_at(s, i)->candidate.text, "two cats sit");
    cr_expect_eq(caption_set_at(s, i)->candidate.count, 3);
    caption_set_free(s);
}

Test(caption_set, drops_images_that_lack_a_candidate_or_references)
{
    CaptionSet *s = caption_set_new();

    for (int64_t id = 10; id < 14; id++) {
        int64_t i = caption_set_image(s, id);
        if (id != 11) caption_set_candidate(s, i, "a dog");
        if (id != 12) caption_set_reference(s, i, "a cat");
    }
    cr_expect_eq(caption_set_drop_incomplete(s), 2);
    cr_expect_eq(caption_set_images(s), 2);
    cr_expect_eq(caption_set_at(s, 0)->id, 10);
    cr_expect_eq(caption_set_at(s, 1)->id, 13);
    cr_expect_eq(caption_set_find(s, 13), 1);
    cr_expect_eq(caption_set_find(s, 11), -1);
    caption_set_free(s);
}

Test(caption_set, an_empty_caption_has_no_words)
{
    CaptionSet *s = caption_set_new();
    int64_t     i = caption_set_image(s, 1);

    caption_set_candidate(s, i, "");
    caption_set_reference(s, i, " . ");
    cr_expect_eq(caption_set_at(s, i)->candidate.count, 0);
    cr_expect_str_eq(caption_set_at(s, i)->candidate.text, "");
    cr_expect_eq(caption_set_at(s, i)->references[0].count, 0);
    caption_set_free(s);
}

Test(ngrams, of_a_sentence_are_counted_by_order)
{
    const int32_t WORDS[] = { 5, 6, 5, 6, 5 };   /* 2 words, 2 pairs, 2 triples, 2 of four */
    Ngrams g = { 0 };

    ngrams_count(&g, WORDS, 5);
    cr_expect_eq(g.count, 8);
    int32_t five = ngrams_find(&g, NGRAM_ROOT, 5), pair = ngrams_find(&g, five, 6), triple = ngrams_find(&g, pair, 5);
    cr_expect_eq(g.list[five].count, 3);
    cr_expect_eq(g.list[pair].count, 2);
    cr_expect_eq(g.list[triple].count, 2);
    cr_expect_eq(g.list[triple].order, 2);
    cr_expect_eq(ngrams_find(&g, five, 5), -1);
    ngrams_free(&g);
}

Test(ngrams, are_found_again_after_the_table_has_grown)
{
    Ngrams g = { 0 };
    for (int32_t w = 0; w < 5000; w++) cr_assert_eq(ngrams_add(&g, w % 2 ? w - 1 : NGRAM_ROOT, w), w);
    for (int32_t w = 0; w < 5000; w++) cr_assert_eq(ngrams_find(&g, w % 2 ? w - 1 : NGRAM_ROOT, w), w);
    ngrams_free(&g);
}

Test(ngrams, tally_counts_those_of_another_sentence)
{
    const int32_t MINE[] = { 1, 2, 3 }, OTHER[] = { 9, 1, 2, 1, 2, 3 };
    Ngrams  g = { 0 };
    int32_t tally[8];

    ngrams_count(&g, MINE, 3);                   /* 1, 12, 123, 2, 23, 3 */
    ngrams_tally(&g, OTHER, 6, tally);
    const int32_t EXPECTED[] = { 2, 2, 1, 2, 1, 1 };
    cr_expect_arr_eq(tally, EXPECTED, sizeof EXPECTED);
    ngrams_free(&g);
}

Test(ngrams, of_a_sentence_are_found_in_a_large_table_all_at_once)
{
    const int32_t SENTENCE[] = { 1, 2, 1, 7, 1, 2, 1, 9 };
    Ngrams  table = { 0 }, g = { 0 };
    int32_t found[64], added[64];

    for (int32_t w = 0; w < 3000; w++) ngrams_count(&table, (int32_t[]){ w, 1, w, 2 }, 4);
    ngrams_count(&table, (int32_t[]){ 2, 1, 7 }, 3);
    ngrams_count(&g, SENTENCE, 8);
    ngrams_find_all(&table, &g, found);
    for (int32_t i = 0; i < g.count; i++) {
        int32_t prefix = (int32_t)(g.list[i].key >> 32) - 1, before = prefix == NGRAM_ROOT ? NGRAM_ROOT : found[prefix];
        bool    absent = prefix != NGRAM_ROOT && before < 0;
        cr_expect_eq(found[i], absent ? -1 : ngrams_find(&table, before, (int32_t)g.list[i].key), "n-gram %d", i);
    }
    int32_t known = table.count;
    ngrams_add_all(&table, &g, added);
    cr_expect_gt(table.count, known);
    for (int32_t i = 0; i < g.count; i++) cr_expect(found[i] < 0 ? added[i] >= known : added[i] == found[i], "n-gram %d", i);
    ngrams_find_all(&table, &g, found);
    cr_expect_arr_eq(found, added, (size_t)g.count * sizeof *found);
    ngrams_free(&table);
    ngrams_free(&g);
}
