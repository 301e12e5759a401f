/* `limn compare` as a person runs it: two runs, groups, folders and files; what must be the same and is not; errors of captions. */
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

#define FIXTURES "$LIMN_ROOT/tests/fixtures/metrics"
static const char REFERENCES[] =
    "{\"images\": [{\"id\": 1, \"file_name\": \"one.jpg\"}, {\"id\": 2, \"file_name\": \"two.jpg\"}, {\"id\": 3, \"file_name\": \"three.jpg\"}],\n"
    " \"annotations\": [{\"image_id\": 1, \"id\": 1, \"caption\": \"A dog runs on the beach.\"}, {\"image_id\": 1, \"id\": 2, \"caption\": \"two dogs\"},\n"
    " {\"image_id\": 2, \"id\": 3, \"caption\": \"A red train at a station.\"}, {\"image_id\": 3, \"id\": 4, \"caption\": \"Children hold hands.\"}]}";
static const char POOR[] = "[{\"image_id\": 1, \"caption\": \"a man\"}, {\"image_id\": 2, \"caption\": \"a red train\"}, {\"image_id\": 3, \"caption\": \"a man\"}]";
static const char GOOD[] = "[{\"image_id\": 3, \"caption\": \"children hold hands\"}, {\"image_id\": 2, \"caption\": \"a train\"},"
                           " {\"image_id\": 1, \"caption\": \"a dog runs on the beach\"}]";

/* A folder as `limn evaluate` leaves it, but for what the test leaves out. */
static void put_run(const char *name, const char *captions, const char *references, const char *hash)
{
    char path[64], text[128];
    shell("mkdir -p @/%s", name);
    snprintf(path, sizeof path, "%s/captions-test.json", name);
    put(path, captions);
    snprintf(path, sizeof path, "%s/references-test.json", name);
    put(path, references);
    snprintf(path, sizeof path, "%s/metrics-test.json", name);
    snprintf(text, sizeof text, "{\"split\": \"test\", \"data_hash\": \"%s\"}", hash);
    put(path, text);
}

static void put_runs(void)
{
    put_run("poor", POOR, REFERENCES, "aaaa");
    put_run("good", GOOD, REFERENCES, "aaaa");
}

static void refused(const char *command, int status, const char *naming)
{
    Shell s = shell("%s", command);
    cr_expect_eq(s.status, status, "%s: status %d: %s", command, s.status, s.err);
    cr_expect(says(&s, naming), "%s: '%s' is not in: %s", command, naming, s.err);
    cr_expect_str_empty(s.out);
}

/* ---- two runs ------------------------------------------------------------------------------------------------------------- */

Test(compare, two_runs_image_by_image_in_whatever_order_they_stand)
{
    put_runs();
    Shell s = shell("limn compare @/poor @/good --metrics rouge,length --samples 200");
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(says(&s, "3 images only"), "%s", s.err);
    const char *all = "3 images, 4 references\n\n"
                      "                 A         B     B - A  95 % interval       bootstrap  permutation     Holm\n";
    cr_expect(strstr(s.out, all), "%s", s.out);
    /* Words differ by 4, -1 and 1: of the 8 ways to give them signs, 6 make 4 or more. */
    const char *length = strstr(s.out, "\nLength ");
    cr_expect(length && strstr(length, "       0.7500 "), "%s", s.out);
    const char *rose = strstr(s.out, "ROUGE_L rose most\n"), *three = strstr(s.out, "  three.jpg (3)  +1.0000\n    A  0.0000  a man\n    B  1.0000  children hold hands\n");
    const char *fell = strstr(s.out, "ROUGE_L fell most\n"), *two = strstr(s.out, "  two.jpg (2)  -");
    cr_expect(rose && three && fell && two && rose < three && three < fell && fell < two, "%s", s.out);
}

Test(compare, scores_are_those_of_limn_score)
{
    Shell s = shell("limn score -r " FIXTURES "/references.json -c " FIXTURES "/candidates.json --json --no-intervals | grep -o '\"CIDEr\": .*,' && "
                    "sed 's/\"caption\": \"/&x /' " FIXTURES "/candidates.json >@/other.json && "
                    "limn compare @/other.json " FIXTURES "/candidates.json -r " FIXTURES "/references.json --samples 50 --json >@/out.json && "
                    "sed -n '/^    \"CIDEr\"/,/}/p' @/out.json | grep -o '\"b\": .*,'");
    cr_expect_eq(s.status, 0, "%s", s.err);
    const char *score = strstr(s.out, "\"CIDEr\": "), *compared = strstr(s.out, "\"b\": ");
    cr_assert(score && compared, "%s", s.out);
    cr_expect_eq(strncmp(score + 9, compared + 5, 18), 0, "%s", s.out);
}

Test(compare, a_run_and_itself_are_alike)
{
    put_runs();
    Shell s = shell("limn compare @/good @/good --json --samples 50 --metrics bleu,rouge,cider | grep -c '\"p_[a-z]*\": 1.0'");
    cr_expect_eq(atoi(s.out), 18, "%s", s.out);  /* six scores, three p each */
}

Test(compare, threads_change_nothing_and_seeds_do)
{
    Shell s = shell("sed 's/ a / /' " FIXTURES "/candidates.json >@/other.json && cd @ && for o in '--threads 1' '--threads 3' '--seed 9'; do "
                    "limn compare " FIXTURES "/candidates.json other.json -r " FIXTURES "/references.json --samples 100 --json $o >\"@/$o\" || exit; done; "
                    "cmp -- '--threads 1' '--threads 3' && ! cmp -s -- '--threads 1' '--seed 9'");
    cr_expect_eq(s.status, 0, "%s%s", s.out, s.err);
}

Test(compare, says_all_of_every_image_as_json_lines)
{
    put_runs();
    Shell s = shell("limn compare @/poor @/good --metrics length --samples 10 --images 0 --per-image @/each.jsonl >@/out && cat @/each.jsonl");
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect_str_eq(s.out, "{\"image_id\":1,\"file_name\":\"one.jpg\",\"a\":{\"captions\":[\"a man\"],\"Length\":2.0},"
                            "\"b\":{\"captions\":[\"a dog runs on the beach\"],\"Length\":6.0}}\n"
                            "{\"image_id\":2,\"file_name\":\"two.jpg\",\"a\":{\"captions\":[\"a red train\"],\"Length\":3.0},"
                            "\"b\":{\"captions\":[\"a train\"],\"Length\":2.0}}\n"
                            "{\"image_id\":3,\"file_name\":\"three.jpg\",\"a\":{\"captions\":[\"a man\"],\"Length\":2.0},"
                            "\"b\":{\"captions\":[\"children hold hands\"],\"Length\":3.0}}\n");
    s = shell("LIMN_FAULT=write:5:ENOSPC limn compare @/poor @/good --samples 10 --per-image @/each.jsonl");
    cr_expect_eq(s.status, 1);
    cr_expect(says(&s, "each.jsonl") && says(&s, "No space left"), "%s", s.err);
    cr_expect_eq(lines(shell("cat @/each.jsonl").out), 3);
}

Test(compare, reads_what_limn_evaluate_leaves)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q && limn evaluate @/run -q --split test-iid --pictures 40 --beam 1 --out @/one && "
                    "limn evaluate @/run -q --split test-iid --pictures 40 --beam 3 --length none --out @/three && "
                    "limn compare @/one @/three --split test-iid --json --samples 20 >@/out.json");
    cr_expect_eq(s.status, 0, "%s", s.err);
    s = shell("grep -o '\"Length\": [0-9.][0-9.]*' @/one/metrics-test-iid.json | sed 's/.*: /    \"a\": /' >@/a; sed -n '/^    \"Length\"/,/}/p' @/out.json | "
              "grep -o ' *\"a\": [0-9.]*' | sed 's/^ */    /' | cmp - @/a");
    cr_expect_eq(s.status, 0, "%s%s", s.out, s.err);
    cr_expect(strstr(shell("cat @/out.json").out, "\"images\": 40"));
}

/* ---- groups --------------------------------------------------------------------------------------------------------------- */

Test(compare, groups_have_deviations_over_runs_and_all_their_captions)
{
    put_runs();
    put_run("other", "[{\"image_id\": 1, \"caption\": \"two dogs\"}, {\"image_id\": 2, \"caption\": \"a train\"}, {\"image_id\": 3, \"caption\": \"hands\"}]",
            REFERENCES, "aaaa");
    Shell s = shell("limn compare @/poor @/poor vs @/good @/other --metrics length --samples 100");
    cr_expect_eq(s.status, 0, "%s", s.err);
    /* Mean words: 7/3 and 7/3; 11/3 and 5/3. */
    cr_expect(strstr(s.out, "Length      2.3333 ± 0.0000    2.6667 ± 1.4142   +0.3333  ["), "%s", s.out);
    cr_expect_not(strstr(s.out, "permutation"), "%s", s.out);
    cr_expect(strstr(s.out, "    B  4.0000  a dog runs on the beach\n    B          two dogs\n"), "%s", s.out);
    cr_expect(strstr(s.out, "    A  2.0000  a man\n    B"), "%s", s.out);
    cr_expect(strstr(shell("limn compare @/poor vs @/good @/other --metrics length --samples 100").out, "A is one run"));
    s = shell("limn compare @/poor @/poor vs @/good @/other --paired-runs --metrics length --samples 100 --json");
    cr_expect(strstr(s.out, "\"of\": \"pairs of runs, images\"") && strstr(s.out, "\"p_permutation\": null"), "%s", s.out);
}

/* ---- what must be the same ------------------------------------------------------------------------------------------------ */

Test(compare, runs_must_have_captions_of_the_same_images_data_and_references)
{
    put_runs();
    shell("mkdir -p @/none @/bare && cp @/good/captions-test.json @/bare");
    refused("limn compare @/good @/none", 1, "/none has no captions of the split test; `limn evaluate ");
    refused("limn compare @/good @/none --split val", 1, "/good --split val` makes them; it has those of test\n");
    refused("limn compare @/good @/bare", 1, "references-test.json is missing");
    refused("limn compare @/good @/nowhere", 1, "nowhere: there is no such run");
    refused("limn compare @/good @/good/captions-test.json", 2, "say --references FILE");
    cr_expect_eq(shell("limn compare @/good @/bare --references @/good/references-test.json --samples 10").status, 0);

    put_run("hash", GOOD, REFERENCES, "bbbb");
    refused("limn compare @/good @/hash", 1, "captioned different data");
    put_run("fewer", "[{\"image_id\": 1, \"caption\": \"a dog\"}]", REFERENCES, "aaaa");
    refused("limn compare @/good @/fewer", 1, "/good has: 3, 2\n");
    refused("limn compare @/fewer @/good", 1, "/good has: 3, 2\n");
    shell("sed 's/two dogs/two cats/' @/good/references-test.json >@/r.json && mkdir @/cats && cp @/good/* @/cats && mv @/r.json @/cats/references-test.json");
    refused("limn compare @/good @/cats", 1, "image 1 has other references in ");
    put_run("damaged", "[{\"image_id\": 1, \"caption\"", REFERENCES, "aaaa");
    refused("limn compare @/good @/damaged", 1, "damaged/captions-test.json");
    put_run("damaged", GOOD, REFERENCES, "\"");
    refused("limn compare @/good @/damaged", 1, "damaged/metrics-test.json");
}

Test(compare, groups_are_told_apart_by_vs)
{
    put_runs();
    refused("limn compare", 2, "which RUNs?");
    refused("limn compare @/good", 2, "`limn score` is for one alone");
    refused("limn compare @/good @/poor @/good", 2, "say RUN… vs RUN…");
    refused("limn compare vs @/good", 2, "before vs");
    refused("limn compare @/good vs", 2, "after vs");
    refused("limn compare @/good vs @/poor vs @/good", 2, "one vs");
    refused("limn compare @/good vs @/poor @/good --paired-runs", 2, "1 runs cannot be paired with 2");
    refused("limn compare @/good vs @/poor --no-intervals", 2, "nothing to compare by");
    refused("limn compare @/good vs @/poor --by nothing", 2, "there are: Bleu_1");
    refused("limn compare @/good vs @/poor --metrics nothing", 2, "nothing");
}

/* ---- errors of captions --------------------------------------------------------------------------------------------------- */

Test(compare, errors_of_both_sides_and_of_one_alone_are_the_same)
{
    put_runs();
    const char *wordnet = "--wordnet $LIMN_ROOT/tests/fixtures/wordnet-tiny --metrics length --samples 10";
    Shell s = shell("limn compare @/poor @/good --errors %s", wordnet);
    cr_expect_eq(s.status, 0, "%s", s.err);
    /* agreed: dog, beach; train, station; child, hand. poor: man, train, man. */
    cr_expect(strstr(s.out, "\nnouns                  83.3 % of 6        66.7 % of 3        16.7 % of 6         0.0 % of 5\n"), "%s", s.out);
    cr_expect(strstr(s.out, "A invented most: man (2 of 2)\n"), "%s", s.out);
    cr_expect(strstr(s.out, "B omitted most: station (1 of 1), two (1 of 1), red (1 of 1)\nB invented most: nothing\n"), "%s", s.out);
    s = shell("limn score -r @/poor/references-test.json -c @/poor/captions-test.json --errors %s", wordnet);
    cr_expect(strstr(s.out, "\nnouns                  83.3 % of 6        66.7 % of 3\n"), "%s%s", s.out, s.err);
    s = shell("limn score -r @/poor/references-test.json -c @/poor/captions-test.json --errors --json %s | tr -d ' \\n'", wordnet);
    cr_expect(strstr(s.out, "\"errors\":{\"kinds\":{\"nouns\":{\"agreed\":6,\"omitted\":5,\"said\":3,\"invented\":2}"), "%s", s.out);

    put("training.jsonl", "{\"image_id\": 1, \"caption\": \"a man\"}\n");
    s = shell("limn compare @/poor @/good --errors --training @/training.jsonl %s", wordnet);
    cr_expect(strstr(s.out, "training.jsonl name them\n  1 of 30 or more         -              100.0 % of 2 "), "%s", s.out);
    refused("limn compare @/poor @/good --errors --wordnet @/nowhere", 1, "nowhere/index.noun");
}
