/* test_runs.c - the table of runs: means and deviations by hand, the best, filters, formats; and folders that are damaged. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/shell.h"

/* A run folder made by hand, finished as far as its checkpoint says: a trained one gives the checkpoint, `best` is its validation loss. */
static void make_run(const char *name, double rate, int seed, double best)
{
    Shell s = shell("mkdir -p '@/runs/%s/checkpoints' && cp @/one/checkpoints/last.safetensors '@/runs/%s/checkpoints' && "
                    "sed -e 's/^seed: .*/seed: %d/' -e 's/^  rate: 0.001$/  rate: %g/' @/one/config.yaml >'@/runs/%s/config.yaml' && "
                    "printf '{\"step\":1,\"epoch\":0.125,\"loss\":5.5}\\n{\"event\":\"validation\",\"step\":4,\"loss\":9.0,\"best\":true}\\n"
                    "{\"event\":\"validation\",\"step\":8,\"loss\":%g,\"perplexity\":2.5,\"best\":true}\\n"
                    "{\"event\":\"validation\",\"step\":16,\"loss\":8.0,\"best\":false}\\n{\"step\":16,\"epoch\":2.0,\"loss\":1.5}\\n' "
                    ">'@/runs/%s/log.jsonl'", name, name, seed, rate, name, best, name);
    cr_assert_eq(s.status, 0, "%s", s.err);
}

/* Two settings with three and two seeds. Means 2 and 2.5; sample deviations 1 and sqrt(1/2). */
static void make_runs(void)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/one -q").status, 0);
    make_run("a,seed=1", 0.001, 1, 1.0);
    make_run("a,seed=2", 0.001, 2, 2.0);
    make_run("a,seed=10", 0.001, 10, 3.0);
    make_run("b,seed=1", 0.02, 1, 2.0);
    make_run("b,seed=2", 0.02, 2, 3.0);
    shell("printf '{\"split\":\"test\",\"pictures\":10,\"loss\":0.5,\"beam\":3,\"deep\":{\"cider\":0.25},\"seconds\":7.5}' "
          ">'@/runs/a,seed=1/metrics-test.json'");
    shell("printf '{\"deep\":{\"cider\":0.75}}' >'@/runs/b,seed=2/metrics-test.json'");
}

static void prints(const char *command, const char *expected)
{
    Shell s = shell("%s", command);
    cr_assert_eq(s.status, 0, "%s: %s", command, s.err);
    cr_assert_str_eq(s.out, expected, "%s printed:\n%s", command, s.out);
}

static void refused(const char *command, int status, const char *naming)
{
    Shell s = shell("%s", command);
    cr_assert_eq(s.status, status, "%s: status %d: %s", command, s.status, s.err);
    cr_assert(says(&s, naming), "'%s' is not in: %s", naming, s.err);
}

Test(runs, mean_and_deviation_over_seeds_in_every_format)
{
    make_runs();
    prints("limn runs @/runs",
           "train.rate  runs  validation.loss  test.loss  test.deep.cider\n"
           "0.001       3     * 2.000 ± 1.000     0.5000           0.2500\n"
           "0.02        2       2.500 ± 0.707          -         * 0.7500\n"
           "* the best of its column\n");
    prints("limn runs @/runs --format markdown",
           "| train.rate | runs | validation.loss | test.loss | test.deep.cider |\n|---|---|---:|---:|---:|\n"
           "| 0.001 | 3 | **2.000 ± 1.000** | 0.5000 | 0.2500 |\n| 0.02 | 2 | 2.500 ± 0.707 | - | **0.7500** |\n");
    prints("limn runs @/runs --format latex --columns train.rate,validation.loss",
           "\\begin{tabular}{lr}\n\\hline\ntrain.rate & validation.loss \\\\\n\\hline\n"
           "0.001 & \\textbf{2.000 $\\pm$ 1.000} \\\\\n0.02 & 2.500 $\\pm$ 0.707 \\\\\n\\hline\n\\end{tabular}\n");
    prints("limn runs @/runs --format csv",
           "train.rate,runs,validation.loss,validation.loss deviation,validation.loss best,test.loss,test.loss deviation,test.loss best,"
           "test.deep.cider,test.deep.cider deviation,test.deep.cider best\n"
           "0.001,3,2,1,1,0.5,,0,0.25,,0\n0.02,2,2.5,0.707106781,0,,,,0.75,,1\n");
    prints("limn runs @/runs --json --columns train.rate,runs,validation.loss --where train.rate=0.02",
           "{\n  \"rows\": [\n    {\n      \"train.rate\": 0.02,\n      \"runs\": 2,\n      \"validation.loss\": {\n        \"mean\": 2.5,\n"
           "        \"deviation\": 0.707106781187,\n        \"runs\": 2,\n        \"best\": false\n      }\n    }\n  ],\n  \"notes\": []\n}\n");
}

Test(runs, a_row_for_each_run_in_the_order_of_numbers)
{
    make_runs();
    prints("limn runs @/runs --each --columns seed,validation.loss",
           "run        state     updates  seed  validation.loss\n"
           "a,seed=1   finished  16       1             * 1.000\n"
           "a,seed=2   finished  16       2               2.000\n"
           "a,seed=10  finished  16       10              3.000\n"
           "b,seed=1   finished  16       1               2.000\n"
           "b,seed=2   finished  16       2               3.000\n"
           "* the best of its column\n");
    prints("limn runs '@/runs/a,seed=2' --format csv",
           "run,state,updates,validation.loss,validation.loss deviation,validation.loss best\n\"a,seed=2\",finished,16,2,,0\n");
}

Test(runs, a_mean_of_weights_that_is_the_best_is_what_counts)
{
    make_runs();
    shell("printf '{\"event\":\"mean\",\"step\":16,\"of\":[8,16],\"loss\":0.5,\"best\":true}\\n' >>'@/runs/a,seed=1/log.jsonl';"
          "printf '{\"event\":\"mean\",\"step\":16,\"of\":[8,16],\"loss\":4.0,\"best\":false}\\n' >>'@/runs/a,seed=2/log.jsonl'");
    prints("limn runs @/runs --each --columns validation.loss --format csv --where train.rate=0.001 --where 'seed<10'",
           "run,state,updates,validation.loss,validation.loss deviation,validation.loss best\n"
           "\"a,seed=1\",finished,16,0.5,,1\n\"a,seed=2\",finished,16,2,,0\n");
}

Test(runs, filters_sorting_and_averages_over_other_keys)
{
    make_runs();
    prints("limn runs @/runs --each --columns validation.loss --format csv --where 'seed>=2' --where 'seed<10' --where run!=b,seed=2",
           "run,state,updates,validation.loss,validation.loss deviation,validation.loss best\n\"a,seed=2\",finished,16,2,,0\n");
    prints("limn runs @/runs --columns train.rate,test.deep.cider --sort test.deep.cider --format csv",
           "train.rate,test.deep.cider,test.deep.cider deviation,test.deep.cider best\n0.02,0.75,,1\n0.001,0.25,,0\n");
    prints("limn runs @/runs --over train.rate --columns seed,runs,validation.loss --format csv",
           "seed,runs,validation.loss,validation.loss deviation,validation.loss best\n1,2,1.5,0.707106781,1\n2,2,2.5,0.707106781,0\n10,1,3,,0\n");
    prints("limn runs @/runs --over seed,train.rate --columns runs,validation.loss --format csv",
           "runs,validation.loss,validation.loss deviation,validation.loss best\n5,2.2,0.836660027,0\n");
}

Test(runs, wrong_keys_and_folders_are_told)
{
    make_runs();
    refused("limn runs @/nowhere", 1, "no such folder");
    refused("mkdir @/empty; limn runs @/empty", 1, "no run in it");
    refused("limn runs @/runs --where train.rtae=1", 2, "train.rtae");
    refused("limn runs @/runs --where train.rate", 2, "KEY=VALUE");
    refused("limn runs @/runs --columns train.rate,losss", 2, "losss");
    refused("limn runs @/runs --over losss", 2, "losss");
    refused("limn runs @/runs --sort validation.perplexity", 2, "no column");
    refused("limn runs @/runs --format word", 2, "word");
}

/* Each damaged run says what is wrong with it; the others are listed as if it was not there. */
Test(runs, damaged_runs_hide_no_others)
{
    make_runs();
    shell("cd @/runs; printf '{\"event\":\"validation\",\"step\":20,\"loss\":0.1,\"be' >>a,seed=1/log.jsonl");
    prints("limn runs @/runs --where 'train.rate<0.01' --columns runs,validation.loss --format csv",
           "runs,validation.loss,validation.loss deviation,validation.loss best\n3,2,1,0\n");

    make_run("cut", 0.5, 1, 0.1);
    make_run("noise", 0.5, 2, 0.1);
    make_run("yaml", 0.5, 3, 0.1);
    make_run("log", 0.5, 4, 0.1);
    make_run("json", 0.5, 5, 0.1);
    shell("cd @/runs; head -c 100 cut/checkpoints/last.safetensors >x; mv x cut/checkpoints/last.safetensors; "
          "head -c 3000 /dev/urandom >noise/checkpoints/last.safetensors; echo 'a: [' >yaml/config.yaml; "
          "sed -i 's/\"event\":\"validation\",\"step\":8/\"event\":/' log/log.jsonl; echo '[' >json/metrics-test.json; "
          "mkdir -p no/config.yaml no/checkpoints; ln -s .. loop");
    Shell s = shell("limn runs @/runs --columns runs,validation.loss --format csv");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(strstr(s.out, "\n3,2,1,1\n2,2.5,0.707106781,0\n"), "%s", s.out);
    s = shell("limn runs @/runs");
    static const char *const SAID[] = { "cut: ", "noise: ", "yaml/config.yaml:", "log/log.jsonl:3: not JSON", "json/metrics-test.json:", NULL };
    for (const char *const *text = SAID; *text; text++) cr_assert(strstr(s.out, *text), "'%s' is not in: %s", *text, s.out);
    cr_assert(!strstr(s.err, "Sanitizer") && !strstr(s.err, "bug"), "%s", s.err);
}

Test(runs, running_and_stopped_runs_count_in_no_mean)
{
    make_runs();
    Shell s = shell("limn train @/tiny.yaml --run '@/runs/a,seed=3' -q seed=3 train.epochs=100000 & p=$!; "
                    "while kill -0 $p && ! test -s '@/runs/a,seed=3/checkpoints/last.safetensors'; do sleep 0.05; done; "
                    "limn runs @/runs --each --where seed=3; kill $p; wait $p; limn runs @/runs --each --where seed=3");
    cr_assert(strstr(s.out, "running  ") && strstr(s.out, "stopped  ") && strstr(s.out, " of 800000"), "%s%s", s.out, s.err);
    s = shell("limn runs @/runs --where 'train.rate<0.01' --over seed,train.epochs --columns runs,validation.loss --format csv");
    cr_assert(strstr(s.out, "\n3,2,1,0\n"), "%s%s", s.out, s.err);
    s = shell("limn runs @/runs --where 'train.rate<0.01' --over seed,train.epochs --columns runs,validation.loss");
    cr_assert(strstr(s.out, "a,seed=3: stopped at update "), "%s", s.out);
}
