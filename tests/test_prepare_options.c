/* test_prepare_options.c - splits by lists and shares, vocabularies built and named, --strict, and inputs of which nothing can be made. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tests/prepare_case.h"

enum { PICTURES = 60 };

/* p00.png … without a split but for p59.png, which is in "test"; p40.png … p49.png are the files p00.png … p09.png again. */
static void begin(void)
{
    char  *text;
    size_t bytes;
    FILE  *f = open_memstream(&text, &bytes);

    source_begin();
    for (int i = 0; i < PICTURES; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/p%02d.png", i);
        put_striped(name, i / 10 == 4 ? i - 40 : i, 10, 8);
        fprintf(f, "{\"image\": \"p%02d.png\", \"caption\": \"Word number w%d%s\"%s}\n", i, i, i % 3 ? "." : " often.", i == 59 ? ", \"split\": \"test\"" : "");
    }
    fclose(f);
    put("data/set.jsonl", text);
    free(text);
}

TestSuite(prepare_options, .init = begin, .fini = source_end);

static Store *prepared(const PrepareOptions *o)
{
    Err    err = { 0 };
    prepare_well("jsonl", o);
    Store *s = store_open(o->out, &err);
    cr_assert(s, "%s", err.text);
    return s;
}

static void refused(const PrepareOptions *o, const char *words)
{
    Err err;
    cr_assert(!prepare_data("jsonl", o, NULL, &err) && strstr(err.text, words), "'%s' is not about '%s'", err.text, words);
}

/* ---- splits -------------------------------------------------------------------------------------------------------------- */
static int64_t item_named(const Store *s, const char *name)
{
    int64_t i = 0;
    while (i < store_count(s) && strcmp(store_item_name(s, i), name) != 0) i++;
    cr_assert_lt(i, store_count(s), "there is no %s", name);
    return i;
}

static const char *split_of(const Store *s, const char *name)
{
    int64_t item = item_named(s, name), count;
    for (int k = 0; k < store_splits(s); k++) {
        const int64_t *items = store_split_items(s, k, &count);
        for (int64_t i = 0; i < count; i++)
            if (items[i] == item) return store_split_name(s, k);
    }
    return "(none)";
}

static int64_t pictures_in(const Store *s, const char *split)
{
    int64_t count = 0;
    int     k = store_find_split(s, split);
    if (k >= 0) store_split_items(s, k, &count);
    return count;
}

Test(prepare_options, without_rules_all_is_train)
{
    PrepareOptions o = case_options("a.h5");
    Store *s = prepared(&o);
    cr_assert(pictures_in(s, "train") == PICTURES - 1 && pictures_in(s, "test") == 1);
    store_close(s);
}

/* Of 59 pictures; the bounds are five standard deviations wide, and the draw is always the same. */
Test(prepare_options, shares_are_drawn_by_the_bytes_of_a_picture)
{
    PrepareOptions o = case_options("a.h5");
    o.rule[0] = (SplitRule){ .split = "val", .share = 0.3 };
    o.rule[1] = (SplitRule){ .split = "spare", .share = 0.3 };
    o.rules = 2;
    Store *all = prepared(&o);
    int64_t val = pictures_in(all, "val"), spare = pictures_in(all, "spare");
    cr_assert(val > 3 && val < 35 && spare > 3 && spare < 35 && val + spare + pictures_in(all, "train") == PICTURES - 1, "%d, %d", (int)val, (int)spare);
    for (int i = 0; i < 10; i++) {
        char one[16], other[16];
        snprintf(one, sizeof one, "p%02d.png", i);
        snprintf(other, sizeof other, "p%02d.png", 40 + i);
        cr_assert_str_eq(split_of(all, one), split_of(all, other), "one photograph is never on two sides: %s, %s", one, other);
    }
    cr_assert_str_eq(split_of(all, "p59.png"), "test", "a split of its own stays");

    /* Half of the lines: what is left stays where it was. */
    size_t bytes;
    Err    err = { 0 };
    char  *text = file_read(in_folder("data/set.jsonl"), &bytes, &err);
    put("data/set.jsonl", strstr(text, "{\"image\": \"p30.png\""));
    free(text);
    o.out = in_folder("b.h5");
    Store *half = prepared(&o);
    cr_assert_eq(store_count(half), PICTURES / 2);
    for (int64_t i = 0; i < store_count(half); i++) {
        const char *name = store_item_name(half, i);
        cr_assert_str_eq(split_of(half, name), split_of(all, name), "%s", name);
    }
    store_close(half);
    store_close(all);
}

Test(prepare_options, lists_name_pictures_with_or_without_their_ending_and_come_before_shares)
{
    PrepareOptions o = case_options("a.h5");
    char list[256];
    put("val.txt", "p03\r\n  p04.png \n\np59.png\nnobody.png\n");
    snprintf(list, sizeof list, "%s", in_folder("val.txt"));
    o.rule[0] = (SplitRule){ .split = "rest", .share = 1 };
    o.rule[1] = (SplitRule){ .split = "val", .list = list };
    o.rules = 2;
    Store *s = prepared(&o);
    cr_assert(pictures_in(s, "val") == 2 && pictures_in(s, "rest") == PICTURES - 3 && pictures_in(s, "train") == 0);
    cr_assert(!strcmp(split_of(s, "p03.png"), "val") && !strcmp(split_of(s, "p04.png"), "val") && !strcmp(split_of(s, "p59.png"), "test"));

    char  hash[65], *said = json_dumps(store_provenance(s), JSON_COMPACT);
    cr_assert(strstr(said, hash_of("val.txt", hash)) && !strstr(said, "val.txt"), "the list's hash decides, not its name: %s", said);
    free(said);
    store_close(s);
}

Test(prepare_options, lists_and_shares_that_cannot_be_are_refused)
{
    PrepareOptions o = case_options("a.h5");
    char empty[256], none[256];
    put("empty.txt", "\n \n");
    snprintf(empty, sizeof empty, "%s", in_folder("empty.txt"));
    snprintf(none, sizeof none, "%s", in_folder("none.txt"));
    o.rules = 2;
    o.rule[0] = (SplitRule){ .split = "val", .share = 0.6 };
    o.rule[1] = (SplitRule){ .split = "test", .share = 0.6 };
    refused(&o, "add up to 1.2");
    o.rule[1] = (SplitRule){ .split = "test", .list = empty };
    refused(&o, "names no picture");
    o.rule[1] = (SplitRule){ .split = "test", .list = none };
    refused(&o, "none.txt");
    cr_assert(!file_exists(o.out) && !file_exists(in_folder("a.h5.journal")));
}

/* ---- vocabularies -------------------------------------------------------------------------------------------------------- */
static bool knows(const Store *s, const char *word)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", word);
    return store_tokenizer(s) && strstr(store_tokenizer(s), quoted);
}

Test(prepare_options, a_vocabulary_is_built_of_training_texts_alone)
{
    PrepareOptions o = case_options("a.h5");
    o.min_count = 1;
    Store *s = prepared(&o);
    cr_assert(knows(s, "word") && knows(s, "often") && knows(s, "w58") && !knows(s, "w59"), "w59 is in test");
    store_close(s);
    o.min_count = 21;                            /* "often" is there 20 times */
    s = prepared(&o);
    cr_assert(knows(s, "word") && knows(s, "number") && !knows(s, "often") && !knows(s, "w1"));
    store_close(s);
    o.min_count = 1;
    o.max_words = 6;                             /* four of them are <pad>, <bos>, <eos>, <unk> */
    s = prepared(&o);
    cr_assert(knows(s, "word") && knows(s, "number") && !knows(s, "often"));
    store_close(s);
}

Test(prepare_options, a_vocabulary_may_be_named_or_left_out)
{
    PrepareOptions o = case_options("first.h5");
    char store[256], file[256], bare[256], place[256];
    Store *s = prepared(&o);
    put("words/tokenizer.json", store_tokenizer(s));
    char *wanted = strdup(store_tokenizer(s));
    store_close(s);

    snprintf(store, sizeof store, "%s", o.out);
    snprintf(file, sizeof file, "%s", in_folder("words/tokenizer.json"));
    snprintf(place, sizeof place, "%s", in_folder("words"));
    const char *const FROM[] = { store, file, place };
    o.out = in_folder("a.h5");
    o.min_count = 30;                            /* means nothing now */
    for (int i = 0; i < 3; i++) {
        o.vocabulary = FROM[i];
        s = prepared(&o);
        cr_assert_str_eq(store_tokenizer(s), wanted, "from %s", FROM[i]);
        store_close(s);
    }
    free(wanted);
    o.vocabulary = "none";
    o.out = in_folder("bare.h5");
    s = prepared(&o);
    cr_assert_null(store_tokenizer(s));
    store_close(s);

    snprintf(bare, sizeof bare, "%s", o.out);
    o.out = in_folder("b.h5");
    o.vocabulary = bare;
    refused(&o, "has no vocabulary");
    o.vocabulary = "/nowhere/tokenizer.json";
    refused(&o, "/nowhere/tokenizer.json");
}

/* ---- whole inputs -------------------------------------------------------------------------------------------------------- */
Test(prepare_options, strict_has_nothing_against_a_good_data_set)
{
    PrepareOptions o = case_options("a.h5");
    o.strict = true;
    Store *s = prepared(&o);
    cr_assert_eq(store_rejected(s), 0);
    cr_assert_eq(report_lines("a.h5.report.jsonl"), 0, "a report of nothing is empty, and there");
    store_close(s);
}

/* The first fault is in the middle: what came before stays in the journal, and goes on without --strict. */
Test(prepare_options, strict_stops_at_the_first_fault_and_what_was_done_is_kept)
{
    PrepareOptions o = case_options("a.h5");
    PrepareSummary sum;
    Err err;
    put("data/p31.png", "damaged");
    put("data/p40.png", "damaged");
    o.strict = true;
    refused(&o, "set.jsonl:32: p31.png: ");
    refused(&o, "set.jsonl:32: p31.png: ");
    o.strict = false;
    cr_assert(prepare_data("jsonl", &o, &sum, &err), "%s", err.text);
    cr_assert(sum.resumed == 31 && sum.pictures == PICTURES - 2 && sum.faults == 2, "%d resumed", (int)sum.resumed);
}

Test(prepare_options, where_no_picture_is_good_the_report_says_why)
{
    PrepareOptions o = case_options("a.h5");
    for (int i = 0; i < PICTURES; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/p%02d.png", i);
        put(name, "damaged");
    }
    refused(&o, "not one picture");
    cr_assert_eq(report_lines("a.h5.report.jsonl"), PICTURES);
    cr_assert(!file_exists(o.out));
    put("data/set.jsonl", "\n");
    refused(&o, "no picture is mentioned");
}

Test(prepare_options, a_store_that_cannot_be_written_is_told_at_once)
{
    PrepareOptions o = case_options("nowhere/a.h5");
    refused(&o, "nowhere");
    o.out = folder;
    refused(&o, "is a folder");
}

/* ---- what the options did not do, and what must stay ------------------------------------------------------------------ */
static void noted(const PrepareOptions *o, const char *words)
{
    PrepareSummary sum;
    Err  err;
    bool found = false;

    cr_assert(prepare_data("jsonl", o, &sum, &err), "%s", err.text);
    for (int i = 0; i < sum.notes; i++) found |= strstr(sum.note[i], words) != NULL;
    cr_expect(found, "no note of %d is about '%s'", sum.notes, words);
}

Test(prepare_options, splits_that_come_to_nothing_are_noted)
{
    PrepareOptions o = case_options("a.h5");
    PrepareSummary sum;
    Err err;

    put("val.txt", "p03\nq04.png\np59.png\nq05\n");         /* p59.png is in test by itself */
    o.rule[o.rules++] = (SplitRule){ "val", in_folder("val.txt"), 0 };
    noted(&o, "3 of the 4 names in ");
    noted(&o, "the first is 'q04.png'");
    o.rule[0] = (SplitRule){ "tiny", NULL, 1e-9 };
    noted(&o, "no picture is in tiny");
    o.rule[0] = (SplitRule){ "all", NULL, 1 };
    noted(&o, "no picture is in train");
    o.vocabulary = "none";
    cr_assert(prepare_data("jsonl", &o, &sum, &err) && sum.notes == 0, "%d notes", sum.notes);
    put("data/set.jsonl", "{\"image\": \"p01.png\", \"caption\": \"x\", \"split\": \"train\"}\n");
    noted(&o, "--split does nothing here");
}

Test(prepare_options, nothing_that_is_not_limns_own_is_written_over)
{
    static const char *const OTHERS[] = { "a.h5", "a.h5.report.jsonl" };
    PrepareOptions o = case_options("a.h5");
    char hash[65], *path;
    Err  err = { 0 };

    for (int i = 0; i < 2; i++) {
        put(OTHERS[i], "somebody's own");
        refused(&o, "it stays");
        cr_assert(file_sha256(in_folder(OTHERS[i]), hash, &err) && unlink(in_folder(OTHERS[i])) == 0);
        cr_assert_str_eq(hash, "4c71565ff5d4e6e173e711b69061fa945e46ece524ff56937a03888e6e03e32f");
        cr_assert(!file_exists(in_folder("a.h5.journal")));
    }
    put("a.h5.journal", "somebody's own");
    refused(&o, "no journal of limn's");
    cr_assert_eq(unlink(in_folder("a.h5.journal")), 0);
    put("a.h5", "");
    prepare_well("jsonl", &o);
    prepare_well("jsonl", &o);                   /* its own, again */
    path = strdup(in_folder("data/set.jsonl"));
    o.report = path, o.out = NULL;
    refused(&o, "it stays");
    o.out = "/dev/null", o.report = NULL;
    refused(&o, "not a plain file");
    o.out = path, o.report = path;
    refused(&o, "both the store and the report");
    o.out = in_folder("b.h5"), o.report = "/nowhere/at/all.jsonl";
    refused(&o, "no folder");
    free(path);
}

Test(prepare_options, a_column_that_is_no_split_is_not_taken_for_one)
{
    PrepareOptions o = case_options("a.h5");
    char  *text;
    size_t bytes;
    FILE  *f = open_memstream(&text, &bytes);

    for (int i = 0; i <= CATALOG_SPLITS; i++) fprintf(f, "{\"image\": \"p%d.png\", \"caption\": \"x\", \"split\": \"s%d\"}\n", i, i);
    fclose(f);
    put("data/set.jsonl", text);
    free(text);
    refused(&o, "more than 1000 splits, such as 's1000'");
}
