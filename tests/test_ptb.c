/* test_ptb.c - the PTB tokenizer against Stanford's PTBTokenizer 3.4.1 (fixtures/make_ptb.py), and texts that no Java string holds. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/ptb.h"

static void tokens_are(const char *text, const char *expected)
{
    char *found = ptb_text(text);
    cr_expect_str_eq(found, expected, "[%s] gives [%s], not [%s]", text, found, expected);
    free(found);
}

/* A JSON string at *at; moves behind it. */
static json_t *next_string(const char **at)
{
    json_error_t e;
    json_t *j = json_loads(*at, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &e);
    cr_assert(json_is_string(j), "%s", e.text);
    *at += e.position;
    return j;
}

Test(ptb, equals_stanfords_tokenizer_on_every_vector)
{
    char    path[4096], *line = NULL;
    size_t  room = 0;
    int     count = 0;
    snprintf(path, sizeof path, "%s/ptb/vectors.tsv", getenv("LIMN_FIXTURES"));
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s", path);
    while (getline(&line, &room, f) > 0) {
        const char *at = line;
        json_t *text = next_string(&at), *tokens = next_string(&at);
        tokens_are(json_string_value(text), json_string_value(tokens));
        json_decref(text);
        json_decref(tokens);
        count++;
    }
    free(line);
    fclose(f);
    cr_assert_geq(count, 1463);
}

Test(ptb, a_caption_without_tokens_is_empty)
{
    tokens_are("", "");
    tokens_are(" \t\n ", "");
    tokens_are("... \" ! 👍", "");
}

Test(ptb, line_separators_are_white_space)
{
    tokens_are("a dog\nand\r\na cat\r!", "a dog and a cat");
    tokens_are("a\v\fb\xE2\x80\xA8" "c\xE2\x80\xA9" "d", "a b c d");
    cr_expect(ptb_splits_lines("a dog\rand"));
    cr_expect(ptb_splits_lines("a dog\xE2\x80\xA8" "and"));
    cr_expect_not(ptb_splits_lines("a dog\nand"), "the reference makes a space of it");
    cr_expect_not(ptb_splits_lines("a dog and a cat ."));
}

Test(ptb, invalid_utf8_is_no_token_but_in_an_address)
{
    tokens_are("a\xFF" "b \xC3", "a b");
    tokens_are("http://a\xFF" "b", "http://a\xEF\xBF\xBD" "b");
    tokens_are("dog\xED\xA0\x80s", "dog s");
}

static void gather(void *context, const char *token, size_t bytes)
{
    char *out = context;
    size_t n = strlen(out);
    snprintf(out + n, 64 - n, "<%.*s>", (int)bytes, token);
}

Test(ptb, a_nul_is_no_token)
{
    char out[64] = "";
    ptb_tokenize("a\0b don't\0", 10, gather, out);
    cr_assert_str_eq(out, "<a><b><do><n't>");
}

/* Longer than what the tokenizer keeps on its stack, and made of what grows most when it is written. */
Test(ptb, long_texts_are_tokenised_like_short_ones)
{
    enum { COUNT = 5000 };
    static char text[4 * COUNT + 8];
    for (int i = 0; i < COUNT; i++)
        memcpy(text + 4 * i, "(a! ", 4);
    char *found = ptb_text(text);
    cr_assert_eq(strlen(found), COUNT * strlen("-lrb- a ") - 1);
    free(found);

    memset(text, 'x', sizeof text - 1);
    found = ptb_text(text);
    cr_assert_str_eq(found, text);
    free(found);
}
