/* `limn score` as a person runs it: tables, JSON, files, warnings, errors. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shell.h"

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", shell_folder(), name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0);
    fclose(f);
}

#define REFERENCES "{\"annotations\": [{\"image_id\": 1, \"id\": 1, \"caption\": \"A dog runs on the beach.\"},\n" \
                   " {\"image_id\": 2, \"id\": 2, \"caption\": \"Two cats sleep.\"}, {\"image_id\": 1, \"id\": 3, \"caption\": \"a brown dog\"}]}"
#define CANDIDATES "[{\"image_id\": 1, \"caption\": \"a dog on the beach\"}, {\"image_id\": 2, \"caption\": \"a cat\"}]"

static void put_both(void)
{
    put("r.json", REFERENCES);
    put("c.json", CANDIDATES);
}

static const char *const FIXTURES = "$LIMN_ROOT/tests/fixtures/metrics";

Test(score, prints_a_table_with_intervals_and_notes)
{
    Shell s = shell("limn score --references %s/references.json --candidates %s/candidates.json", FIXTURES, FIXTURES);
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(strstr(s.out, "Bleu_4") && strstr(s.out, "ROUGE_L") && strstr(s.out, "CIDEr") && strstr(s.out, "["), "%s", s.out);
    cr_expect(strstr(s.out, "idf from the references of the 63 scored images"), "%s", s.out);
    cr_expect_not(strstr(s.out, "no_brevity"));
}

Test(score, says_as_json_what_pycocoevalcap_says)
{
    Shell s = shell("limn score -r %s/references.json -c %s/candidates.json --metrics bleu,ROUGE_L,CIDEr --json --no-intervals >@/out.json && "
                    "grep -o '\"[A-Za-z_0-9]*\": [0-9.]\\{10\\}' @/out.json | sort >@/got; "
                    "sed '/images/q' %s/expected.json | grep -o '\"[A-Za-z_0-9]*\": [0-9.]\\{10\\}' | sort | diff - @/got", FIXTURES, FIXTURES,
                    FIXTURES);
    cr_expect_eq(s.status, 0, "%s%s", s.out, s.err);
    s = shell("wc -l <@/got");
    cr_expect_eq(atoi(s.out), 6);
}

Test(score, does_not_depend_on_threads)
{
    Shell s = shell("limn score -r %s/references.json -c %s/candidates.json --json --threads 1 >@/one && "
                    "limn score -r %s/references.json -c %s/candidates.json --json --threads 3 >@/three && cmp @/one @/three", FIXTURES, FIXTURES,
                    FIXTURES, FIXTURES);
    cr_expect_eq(s.status, 0, "%s%s", s.out, s.err);
}

Test(score, writes_the_scores_of_every_image_as_lines_that_it_reads_again)
{
    put_both();
    Shell s = shell("limn score -r @/r.json -c @/c.json --per-image @/each.jsonl && cat @/each.jsonl");
    cr_expect_eq(s.status, 0, "%s", s.err);
    s = shell("cat @/each.jsonl");
    cr_expect_eq(lines(s.out), 2);
    cr_expect(strstr(s.out, "{\"image_id\":1,\"caption\":\"a dog on the beach\",\"Bleu_1\":"), "%s", s.out);
    s = shell("limn score -r @/r.json -c @/c.json >@/a 2>&1; limn score -r @/r.json -c @/each.jsonl >@/b 2>&1; sed -i 's/each.jsonl/c.json/' @/b; "
              "diff @/a @/b");
    cr_expect_eq(s.status, 0, "%s", s.out);
}

Test(score, of_several_files_is_a_table_that_marks_the_best)
{
    put_both();
    put("d.json", "[{\"image_id\": 1, \"caption\": \"a dog runs on the beach\"}, {\"image_id\": 2, \"caption\": \"two cats sleep\"}]");
    Shell s = shell("limn score --metrics ROUGE_L -r @/r.json @/c.json @/d.json");
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(strstr(s.out, "d.json         2   *1.0000") && strstr(s.out, "c.json         2    0."), "%s", s.out);
    cr_expect_not(strstr(s.out, "Bleu"));
    s = shell("limn score -r @/r.json -c @/c.json -c @/d.json --json");
    cr_expect(s.out[0] == '[' && !says(&s, "different images"), "%s%s", s.out, s.err);
    put("d.json", "[{\"image_id\": 1, \"caption\": \"a dog runs on the beach\"}]");
    s = shell("limn score --metrics bleu -r @/r.json @/c.json @/d.json");
    cr_expect(s.status == 0 && says(&s, "are of different images"), "%s", s.err);
}

Test(score, takes_bleu_without_brevity_on_request)
{
    put_both();
    Shell s = shell("limn score -r @/r.json -c @/c.json --metrics bleu --no-brevity --no-intervals");
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(strstr(s.out, "Bleu_1_no_brevity") && !strstr(s.out, "CIDEr"), "%s", s.out);
}

Test(score, takes_the_idf_from_another_file)
{
    put_both();
    Shell s = shell("limn score -r @/r.json -c @/c.json --metrics cider --df %s/references.json", FIXTURES);
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(strstr(s.out, "idf from 63 images of") && !says(&s, "idf comes from"), "%s%s", s.out, s.err);
    s = shell("limn score -r @/r.json -c @/c.json --metrics cider --df @/r.json --no-intervals | sed '$d' >@/own; "
              "limn score -r @/r.json -c @/c.json --metrics cider --no-intervals | sed '$d' | diff - @/own");
    cr_expect_eq(s.status, 0, "the idf of the same file is another one: %s", s.out);
}

Test(score, takes_the_idf_from_a_split_of_a_store)
{
    put_both();
    tiny_experiment();
    Shell s = shell("limn score -r @/r.json -c @/c.json --metrics cider --df @/tiny.h5");
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(strstr(s.out, "images of") && strstr(s.out, "tiny.h5"), "%s", s.out);
    s = shell("limn score -r @/tiny.h5:train -c @/tiny.h5:train --metrics bleu 2>&1 | grep 'Bleu_4 *1.0000'");
    cr_expect_eq(s.status, 0, "a caption against itself: %s", s.out);
    s = shell("limn score -r @/r.json -c @/c.json --metrics cider --df @/tiny.h5:nosplit");
    cr_expect(s.status == 2 && says(&s, "has no split 'nosplit'"), "%s", s.err);
}

Test(score, leaves_the_old_file_on_a_full_disk)
{
    put_both();
    put("each.jsonl", "old\n");
    Shell s = shell("LIMN_FAULT=write:40:ENOSPC limn score -r @/r.json -c @/c.json --per-image @/each.jsonl");
    cr_expect_eq(s.status, 1);
    cr_expect(says(&s, "each.jsonl"), "%s", s.err);
    s = shell("cat @/each.jsonl");
    cr_expect_str_eq(s.out, "old\n");
}

#define NAMED "{\"images\": [{\"id\": 1, \"file_name\": \"val/dog.v2.jpg\"}, {\"id\": 2, \"file_name\": \"cat.png\"}],\n" \
              " \"annotations\": [{\"image_id\": 1, \"caption\": \"A dog.\"}, {\"image_id\": 2, \"caption\": \"Two cats sleep.\"},\n" \
              "  {\"image_id\": 1, \"caption\": \"a brown dog\"}]}"

Test(score, writes_what_spice_and_clipscore_read)
{
    put("r.json", NAMED);
    put("c.json", CANDIDATES);
    Shell s = shell("limn score -r @/r.json -c @/c.json --spice-input @/spice.json --clipscore-input @/clip && cat @/spice.json");
    cr_expect_eq(s.status, 0, "%s", s.err);
    s = shell("cat @/spice.json @/clip/candidates.json @/clip/references.json");
    cr_expect_str_eq(s.out, "[{\"image_id\":1,\"test\":\"a dog on the beach\",\"refs\":[\"a dog\",\"a brown dog\"]},\n"
                            "{\"image_id\":2,\"test\":\"a cat\",\"refs\":[\"two cats sleep\"]}]\n"
                            "{\"dog.v2\": \"a dog on the beach\",\n\"cat\": \"a cat\"}\n"
                            "{\"dog.v2\": [\"A dog.\",\"a brown dog\"],\n\"cat\": [\"Two cats sleep.\"]}\n");
}

Test(score, takes_the_results_of_spice_and_clipscore_into_the_table)
{
    put("r.json", NAMED);
    put("c.json", CANDIDATES);
    put("spice.json", "[{\"image_id\": 2, \"scores\": {\"All\": {\"f\": 0.25}}}, {\"image_id\": 1, \"scores\": {\"All\": {\"f\": 0.5}}}, "
                      "{\"image_id\": 7, \"scores\": {\"All\": {\"f\": 1}}}]");
    put("clip.json", "{\"dog.v2\": {\"CLIPScore\": 0.75}, \"cat\": {\"CLIPScore\": 0.25}}");
    Shell s = shell("limn score -r @/r.json -c @/c.json --spice @/spice.json --clipscore @/clip.json --metrics spice,clipscore --per-image @/each.jsonl");
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(strstr(s.out, "SPICE           0.3750   [0.2500, 0.5000]") && strstr(s.out, "\nCLIPScore       0.5000") && strstr(s.out, "\nRefCLIPScore         -\n"),
              "%s", s.out);
    s = shell("cat @/each.jsonl");
    cr_expect(strstr(s.out, "\"SPICE\":0.5,\"CLIPScore\":0.75,\"RefCLIPScore\":null"), "%s", s.out);
}

Test(score, refuses_results_of_other_captions)
{
    put("r.json", NAMED);
    put("c.json", CANDIDATES);
    put("spice.json", "[{\"image_id\": 1, \"scores\": {\"All\": {\"f\": 0.5}}}]");
    Shell s = shell("limn score -r @/r.json -c @/c.json --spice @/spice.json");
    cr_expect(s.status == 1 && says(&s, "has no score of image 2"), "%s", s.err);
    s = shell("limn score -r @/r.json -c @/c.json --spice @/c.json");
    cr_expect(s.status == 1 && says(&s, "c.json:1: no result of SPICE"), "%s", s.err);
    s = shell("limn score -r @/r.json -c @/c.json --metrics clipscore");
    cr_expect(s.status == 2 && says(&s, "--clipscore FILE"), "%s", s.err);
    put("r.json", REFERENCES);
    s = shell("limn score -r @/r.json -c @/c.json --clipscore-input @/clip2");
    cr_expect(s.status == 1 && says(&s, "has no \"file_name\""), "%s", s.err);
}

/* What is said of files that can be scored, but where a number would mislead. */
typedef struct Warned { const char *references, *candidates, *said; } Warned;

static const Warned WARNED[] = {
    { REFERENCES, "[{\"image_id\": 1, \"caption\": \"a dog\"}, {\"image_id\": 7, \"caption\": \"a cat\"}]", "c.json: images without references, not scored: 1, first of image 7" },
    { REFERENCES, "[{\"image_id\": 1, \"caption\": \"a dog\"}]", "r.json: images without a candidate, not scored, as in coco-caption: 1, first of image 2" },
    { REFERENCES, "[{\"image_id\": 1, \"caption\": \"a dog\"}, {\"image_id\": 1, \"caption\": \"a\"}]", "candidates of an image that had one already" },
    { REFERENCES, "[{\"image_id\": 1, \"caption\": \"...\"}]", "candidates without a word: 1, first of image 1" },
    { REFERENCES, "[{\"image_id\": 1, \"caption\": \"a dog .\"}]", "1 of 1 candidates look tokenised already" },
    { REFERENCES, "[{\"image_id\": 1, \"caption\": \"a dog that does n't run\"}]", "1 of 1 candidates look tokenised already" },
    { REFERENCES, "[{\"image_id\": 1, \"caption\": \"a dog\\rruns\"}]", "with a line separator in them" },
    { REFERENCES, CANDIDATES, "CIDEr's idf comes from 2 images only" },
    { "[{\"image_id\": 1, \"id\": 3, \"caption\": \"a\"}, {\"image_id\": 1, \"id\": 3, \"caption\": \"b\"}]", CANDIDATES, "annotations with the id of another (all count): 1, first of image 1" },
    { "[{\"image_id\": 1, \"caption\": \"a dog\"}, {\"image_id\": 1, \"caption\": \"!\"}]", CANDIDATES, "references without a word (all count): 1" },
};

Test(score, warns_where_a_number_would_mislead)
{
    for (size_t i = 0; i < sizeof WARNED / sizeof *WARNED; i++) {
        put("r.json", WARNED[i].references);
        put("c.json", WARNED[i].candidates);
        Shell s = shell("limn score -r @/r.json -c @/c.json");
        cr_expect_eq(s.status, 0, "%s", s.err);
        cr_expect(says(&s, WARNED[i].said), "'%s' is not in: %s", WARNED[i].said, s.err);
        cr_expect(says(&s, "limn score: warning: "), "%s", s.err);
    }
}

Test(score, of_cocos_own_text_warns_of_nothing)
{
    Shell s = shell("limn score -r %s/references.json -c %s/candidates.json --metrics bleu", FIXTURES, FIXTURES);
    cr_expect_not(says(&s, "tokenised"), "%s", s.err);
    cr_expect_not(says(&s, "line separator"), "%s", s.err);
}

/* Files that cannot be scored: where the fault is, and what it is. */
typedef struct Refused { const char *candidates, *said; } Refused;

static const Refused REFUSED[] = {
    { "", "c.json: the file is empty" },
    { "[]", "c.json: there is no caption in it" },
    { "{\"images\": []}", "c.json: there is no caption in it" },
    { "17", "c.json: the file is neither a JSON list nor an object" },
    { "[{\"image_id\": 1, \"caption\": \"a\"},\n {\"caption\": \"a\"}]", "c.json:2: [1] has no \"image_id\"" },
    { "{\"annotations\": [{\"image_id\": 1}]}", "c.json:1: annotations[0] has no \"caption\"" },
    { "[{\"image_id\": \"dog.jpg\", \"caption\": \"a\"}]", "\"image_id\" is \"dog.jpg\"; number the images" },
    { "[{\"image_id\": 1.5, \"caption\": \"a\"}]", "\"image_id\" is a number; a whole number is wanted" },
    { "[{\"image_id\": 1, \"caption\": null}]", "\"caption\" is null" },
    { "[{\"image_id\": 1, \"caption\": [\"a\"]}]", "\"caption\" is a list; a text is wanted" },
    { "[[1, \"a\"]]", "is a list; {\"image_id\": …, \"caption\": …} is wanted" },
    { "[{\"image_id\": 1, \"caption\": \"a\"}", "the file is damaged or was cut short" },
    { "[{\"image_id\": 99, \"caption\": \"a\"}]", "are both of the same data set?" },
};

Test(score, refuses_what_it_cannot_read_and_says_where)
{
    put("r.json", REFERENCES);
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        put("c.json", REFUSED[i].candidates);
        Shell s = shell("limn score -r @/r.json -c @/c.json");
        cr_expect_eq(s.status, 1, "%s", REFUSED[i].candidates);
        cr_expect(says(&s, REFUSED[i].said), "'%s' is not in: %s", REFUSED[i].said, s.err);
        cr_expect_str_eq(s.out, "");
    }
    Shell s = shell("limn score -r @/r.json -c @/none.json");
    cr_expect_eq(s.status, 1);
    cr_expect(says(&s, "none.json: No such file"), "%s", s.err);
}

/* Larger than what the reading thread hands over at once. */
Test(score, reads_a_long_file_whole_and_finds_an_error_at_its_end)
{
    Shell s = shell("awk 'BEGIN { for (i = 0; i < 8000; i++) printf \"{\\\"image_id\\\": %%d, \\\"caption\\\": \\\"caption w%%d of a long file in which "
                    "every image has its own x%%d\\\"}\\n\", i, i, i }' >@/long.jsonl && limn score -r @/long.jsonl -c @/long.jsonl --metrics bleu,rouge");
    cr_expect(s.status == 0 && strstr(s.out, "8000 images, 8000 references") && strstr(s.out, "Bleu_4        1.0000"), "%s%s", s.out, s.err);
    s = shell("(cat @/long.jsonl; echo '{\"image_id\": 1}') >@/bad.jsonl; limn score -r @/long.jsonl -c @/bad.jsonl");
    cr_expect(s.status == 1 && says(&s, "bad.jsonl:8001: has no \"caption\""), "%s", s.err);
}

Test(score, tells_wrong_usage_with_status_two)
{
    static const char *const WRONG[] = { "", "-r @/r.json", "-c @/c.json", "-r @/r.json -c @/c.json --metrics blau", "-r @/r.json -r @/r.json -c @/c.json",
                                         "-r @/r.json @/c.json @/c.json --per-image @/x", "-r @/r.json -c @/c.json --samples 1" };
    put_both();
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) cr_expect_eq(shell("limn score %s", WRONG[i]).status, 2, "%s", WRONG[i]);
    Shell s = shell("limn score -r @/r.json -c @/c.json --metrics blau");
    cr_expect(says(&s, "there is no metric 'blau'; there are bleu, "), "%s", s.err);
}

Test(score, help_lists_the_metrics_with_their_sources)
{
    Shell s = shell("limn score --help");
    cr_expect_eq(s.status, 0);
    cr_expect(strstr(s.out, "[bleu-no-brevity]") && strstr(s.out, "Vedantam") && strstr(s.out, "--per-image"), "%s", s.out);
}
