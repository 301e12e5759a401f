/* test_tokenizer.c - the word tokenizer against Hugging Face's `tokenizers` library (fixtures/make_tokenizer.py) and bad files. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

static const char *fixture(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/tokenizer/%s", getenv("LIMN_FIXTURES"), name);
    return path;
}

static json_t *fixture_json(const char *name)
{
    json_error_t e;
    json_t *j = json_load_file(fixture(name), 0, &e);
    cr_assert(j, "%s: %s", fixture(name), e.text);
    return j;
}

static Tokenizer *built(int64_t min_count, int64_t max_size)
{
    json_t *texts = fixture_json("texts.json");
    size_t  count = json_array_size(texts);
    const char **text = malloc(count * sizeof *text);
    for (size_t i = 0; i < count; i++)
        text[i] = json_string_value(json_array_get(texts, i));
    Tokenizer *k = tokenizer_build_word(text, (int64_t)count, min_count, max_size);
    free(text);
    json_decref(texts);
    return k;
}

static Tokenizer *read_fixture(void)
{
    Err err = { 0 };
    Tokenizer *k = tokenizer_read(fixture("tokenizer.json"), &err);
    cr_assert(k, "%s", err.text);
    return k;
}

Test(tokenizer, built_from_texts_is_the_file_that_hugging_face_writes)
{
    json_error_t e;
    Tokenizer *k = built(1, 0);
    char   *text = tokenizer_to_json(k);
    json_t *ours = json_loads(text, 0, &e), *theirs = fixture_json("tokenizer.json");
    cr_assert(ours, "%s", e.text);
    cr_assert(json_equal(ours, theirs), "%s", text);
    json_decref(ours);
    json_decref(theirs);
    free(text);
    tokenizer_free(k);
}

Test(tokenizer, gives_the_ids_and_texts_of_the_tokenizers_library)
{
    Tokenizer *k = read_fixture();
    json_t *cases = fixture_json("cases.json"), *c;
    size_t  at;
    cr_assert_gt(json_array_size(cases), 50);
    json_array_foreach(cases, at, c) {
        enum { MAX = 8192 };
        static int32_t ids[MAX];
        const char *text = json_string_value(json_object_get(c, "text"));
        json_t *want = json_object_get(c, "ids");
        int64_t n = tokenizer_encode(k, text, ids, MAX);
        cr_assert_eq(n, (int64_t)json_array_size(want), "case %zu '%.80s': %ld ids, not %zu", at, text, (long)n, json_array_size(want));
        for (int64_t i = 0; i < n; i++)
            cr_assert_eq(ids[i], json_integer_value(json_array_get(want, (size_t)i)), "case %zu '%.80s', token %ld", at, text, (long)i);
        char *decoded = tokenizer_decode(k, ids, n);
        cr_assert_str_eq(decoded, json_string_value(json_object_get(c, "decoded")), "case %zu", at);
        free(decoded);
    }
    json_decref(cases);
    tokenizer_free(k);
}

Test(tokenizer, reads_back_what_it_writes_byte_for_byte)
{
    Err   err = { 0 };
    Tokenizer *k = built(1, 0);
    char *once = tokenizer_to_json(k);
    Tokenizer *again = tokenizer_from_json(once, strlen(once), "here", &err);
    cr_assert(again, "%s", err.text);
    char *twice = tokenizer_to_json(again);
    cr_assert_str_eq(once, twice);
    cr_assert_str_eq(tokenizer_kind(again), "word");
    free(once);
    free(twice);
    tokenizer_free(k);
    tokenizer_free(again);
}

Test(tokenizer, orders_words_by_count_then_bytes_after_the_special_ones)
{
    const char *texts[] = { "b b a", "C a d" };
    Tokenizer *k = tokenizer_build_word(texts, 2, 1, 0);
    const char *want[] = { "<pad>", "<bos>", "<eos>", "<unk>", "a", "b", "c", "d" };
    cr_assert_eq(tokenizer_size(k), 8);
    for (int i = 0; i < 8; i++)
        cr_assert_str_eq(tokenizer_token(k, i), want[i]);
    cr_assert(tokenizer_pad(k) == 0 && tokenizer_bos(k) == 1 && tokenizer_eos(k) == 2 && tokenizer_unk(k) == 3);
    cr_assert_eq(tokenizer_id(k, "b"), 5);
    cr_assert_eq(tokenizer_id(k, "zebra"), 3);
    tokenizer_free(k);
}

Test(tokenizer, keeps_only_frequent_words_and_no_more_than_asked)
{
    const char *texts[] = { "b b a", "c a d d d" };
    Tokenizer *frequent = tokenizer_build_word(texts, 2, 2, 0), *few = tokenizer_build_word(texts, 2, 1, 5);
    cr_assert_eq(tokenizer_size(frequent), 4 + 3);
    cr_assert_eq(tokenizer_id(frequent, "c"), 3);
    cr_assert_eq(tokenizer_size(few), 5);
    cr_assert_str_eq(tokenizer_token(few, 4), "d");
    tokenizer_free(frequent);
    tokenizer_free(few);
}

Test(tokenizer, counts_more_ids_than_it_may_write)
{
    const char *texts[] = { "a dog" };
    Tokenizer *k = tokenizer_build_word(texts, 1, 1, 0);
    int32_t ids[3] = { -7, -7, -7 };
    cr_assert_eq(tokenizer_encode(k, "a dog a dog", ids, 2), 4);
    cr_assert(ids[0] == 4 && ids[1] == 5 && ids[2] == -7);
    cr_assert_eq(tokenizer_encode(k, "a dog", NULL, 0), 2);
    tokenizer_free(k);
}

Test(tokenizer, takes_invalid_utf8_for_something_between_words)
{
    const char *texts[] = { "a dog" };
    const char *broken[] = { "a\xff" "dog", "a\xc3 dog", "a\xe2\x82 dog", "a\xed\xa0\x80" "dog", "a\xf5\x80\x80\x80" "dog", "a \xc0\xaf dog\xf0\x9f" };
    Tokenizer *k = tokenizer_build_word(texts, 1, 1, 0);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        int32_t ids[8];
        cr_assert_eq(tokenizer_encode(k, broken[i], ids, 8), 2, "text %zu", i);
        cr_assert(ids[0] == 4 && ids[1] == 5, "text %zu", i);
    }
    tokenizer_free(k);
}

static void refuses(const char *json, const char *because)
{
    Err err = { 0 };
    cr_assert_null(tokenizer_from_json(json, strlen(json), "bad.json", &err), "%s", json);
    cr_assert(strstr(err.text, "bad.json") && strstr(err.text, because), "got: %s", err.text);
}

/* The file of a good tokenizer with `from` replaced by `to`. */
static void refuses_edited(const char *from, const char *to, const char *because)
{
    Tokenizer *k = built(3, 0);
    char *good = tokenizer_to_json(k), *at = strstr(good, from), *bad = malloc(strlen(good) + strlen(to) + 1);
    cr_assert(at, "%s", from);
    sprintf(bad, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    refuses(bad, because);
    free(bad);
    free(good);
    tokenizer_free(k);
}

Test(tokenizer, refuses_files_that_it_would_misread)
{
    Err err = { 0 };
    refuses("{", "bad.json:1");
    refuses("[]", "model.type");
    refuses("{\"model\": {\"type\": \"BPE\"}}", "BPE");
    refuses("{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"<unk>\": 0}, \"unk_token\": \"<unk>\"}}", "other rules");
    refuses_edited("Lowercase", "NFD", "other rules");
    refuses_edited("\"unk_token\": \"<unk>\"", "\"unk_token\": \"?\"", "unk_token");
    refuses_edited("\"<pad>\": 0", "\"<pad>\": 1", "id of its own");
    refuses_edited("\"<pad>\": 0", "\"<pad>\": 99", "id of its own");
    refuses_edited("\"<pad>\": 0", "\"<pad>\": \"0\"", "id of its own");
    refuses_edited("\"content\": \"<pad>\"", "\"content\": \"[PAD]\"", "[PAD]");
    refuses_edited("\"id\": 1", "\"id\": 2", "<bos>");
    cr_assert_null(tokenizer_read(fixture("absent.json"), &err));
    cr_assert(strstr(err.text, "absent.json"), "%s", err.text);
}
