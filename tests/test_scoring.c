/* test_scoring.c - what `limn evaluate` scores, as a person sees it: equal to `limn score`, recorded in the run. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/shell.h"

static void train(void)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q");
    cr_assert_eq(s.status, 0, "%s", s.err);
}

/* Every number of `keys` in the first file is in the second, digit by digit. */
static const char SAME[] = "for k in Bleu_1 Bleu_4 ROUGE_L CIDEr Distinct_2 mBleu_4; do "
                           "a=$(grep \"\\\"$k\\\": [0-9]\" %s | cut -c1-24); b=$(grep \"\\\"$k\\\": [0-9]\" %s | cut -c1-24); "
                           "test -n \"$a\" && test \"$(echo $a)\" = \"$(echo $b)\" || echo \"$a but $b\"; done";

Test(evaluate, scores_what_limn_score_scores)
{
    train();
    Shell s = shell("limn evaluate @/run --split test-iid -q && limn score -r @/run/references-test-iid.json -c @/run/captions-test-iid.json "
                    "--json >@/scores.json");
    cr_assert_eq(s.status, 0, "%s", s.err);
    s = shell(SAME, "@/run/metrics-test-iid.json", "@/scores.json");
    cr_expect_str_eq(s.out, "");
    s = shell("limn runs @/run --columns test-iid.CIDEr,test-iid.Bleu_4");
    cr_expect(strstr(s.out, "test-iid.CIDEr  test-iid.Bleu_4"), "%s", s.out);
    s = shell("limn evaluate @/run --split test-iid -q --json --metrics ROUGE_L");
    cr_expect(strstr(s.out, "\"ROUGE_L\"") && strstr(s.out, "\"intervals\"") && !strstr(s.out, "CIDEr"), "%s", s.out);
    s = shell("limn evaluate @/run --split test-iid -q --metrics nonsense");
    cr_expect_eq(s.status, 2);
}

Test(evaluate, records_every_scoring_and_says_how_often_a_test_split_was_seen)
{
    train();
    Shell s = shell("limn evaluate @/run --split test-iid -q && limn evaluate @/run --split val -q && limn evaluate @/run --split val -q");
    cr_expect_eq(s.status, 0);
    cr_expect_str_eq(s.err, "", "nothing is to be said of a first time, and of validation splits: %s", s.err);
    s = shell("limn evaluate @/run --split test-iid -q --beam 1");
    cr_expect(says(&s, "test-iid was scored 1 times before, 1 of them with another model or search"), "%s", s.err);
    s = shell("limn evaluate @/run --split test-iid -q --beam 1 --out @/elsewhere");
    cr_expect(says(&s, "scored 2 times before, 1 of them"), "%s", s.err);
    s = shell("cat @/run/scorings.jsonl");
    cr_expect_eq(lines(s.out), 5);
    cr_expect(strstr(s.out, "\"split\":\"val\"") && strstr(s.out, "\"beam\":1") && strstr(s.out, "\"CIDEr\":"), "%s", s.out);
}

Test(evaluate, shows_no_scores_that_it_could_not_record)
{
    train();
    Shell s = shell("limn evaluate @/run --split val -q --pictures 2 && LIMN_FAULT=write:40:ENOSPC limn evaluate @/run --split val -q --pictures 2");
    cr_expect_eq(s.status, 1);
    cr_expect(says(&s, "scorings.jsonl"), "%s", s.err);
    s = shell("cat @/run/scorings.jsonl");
    cr_expect_eq(lines(s.out), 1, "no half line stays: %s", s.out);
    s = shell("echo '{broken' >>@/run/scorings.jsonl; limn evaluate @/run --split val -q --pictures 2");
    cr_expect_eq(s.status, 1);
    cr_expect(says(&s, "scorings.jsonl:2: not JSON"), "%s", s.err);
}

Test(evaluate, with_baselines_puts_rows_beside_the_model)
{
    train();
    Shell s = shell("limn evaluate @/run --split test-iid -q --baselines --metrics cider,rouge,novelty");
    cr_expect_eq(s.status, 0, "%s", s.err);
    cr_expect(strstr(s.out, "model     human   nearest   generic  shuffled\n") && strstr(s.out, "\nNovel  "), "%s", s.out);
    s = shell("grep -c '\"\\(human\\|nearest\\|generic\\|shuffled\\)\": {' @/run/baselines-test-iid.json; grep baselines @/run/metrics-test-iid.json");
    cr_expect_str_eq(s.out, "4\n", "the tables of runs are of models: %s", s.out);
    s = shell("limn evaluate @/run/model --store @/tiny.h5 --out @/bare --split val -q --baselines --json --no-brevity");
    cr_expect(strstr(s.out, "\"shuffled\"") && strstr(s.out, "Bleu_4_no_brevity"), "%s%s", s.out, s.err);
}
