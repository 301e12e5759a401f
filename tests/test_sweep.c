/* test_sweep.c - a sweep lists the runs that its file means, tells all mistakes before it starts anything, and ends with the same table
 * whatever was killed on the way.                                                                                       */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/shell.h"

/* @/NAME with this text, in which @ is the folder. */
static void write_file(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", shell_folder(), name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static Shell plan(const char *text)
{
    tiny_experiment();
    write_file("plan.yaml", text);
    return shell("limn sweep @/plan.yaml --dry-run --out out");
}

static void planned(const char *text, const char *runs)
{
    Shell s = plan(text);
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert_str_eq(s.out, runs);
}

static void refused(const char *text, const char *naming)
{
    Shell s = plan(text);
    cr_assert_eq(s.status, 2, "status %d: %s", s.status, s.err);
    cr_assert(says(&s, naming), "'%s' is not in: %s", naming, s.err);
    cr_assert(!says(&s, "Sanitizer") && !says(&s, "limn: bug"), "%s", s.err);
}

/* ---- plans --------------------------------------------------------------------------------------------------------- */

Test(sweep, grid_is_every_combination_seed_by_seed)
{
    planned("base: tiny.yaml\nparameters:\n  train.rate: [1e-3, 0.02]\n  decoder: { depth: [1, 2], tied: false }\nseeds: [4, 5]\n",
            "out/train.rate=0.001,decoder.depth=1,decoder.tied=false,seed=4\nout/train.rate=0.001,decoder.depth=2,decoder.tied=false,seed=4\n"
            "out/train.rate=0.02,decoder.depth=1,decoder.tied=false,seed=4\nout/train.rate=0.02,decoder.depth=2,decoder.tied=false,seed=4\n"
            "out/train.rate=0.001,decoder.depth=1,decoder.tied=false,seed=5\nout/train.rate=0.001,decoder.depth=2,decoder.tied=false,seed=5\n"
            "out/train.rate=0.02,decoder.depth=1,decoder.tied=false,seed=5\nout/train.rate=0.02,decoder.depth=2,decoder.tied=false,seed=5\n");
}

Test(sweep, list_is_what_it_lists)
{
    planned("base: tiny.yaml\nmethod: list\nparameters:\n- { train.rate: 1e-3, decoder.depth: 3 }\n- train: { schedule: constant }\n- {}\n",
            "out/train.rate=0.001,decoder.depth=3\nout/train.schedule=constant\nout/run\n");
}

Test(sweep, seeds_alone_are_a_sweep)
{
    planned("base: tiny.yaml\nseeds: [1, 2]\n", "out/seed=1\nout/seed=2\n");
}

Test(sweep, names_are_safe_for_a_folder)
{
    Shell s = plan("base: tiny.yaml\nparameters:\n  data.store: [tiny.h5, '/else where/tiny.h5']\n  data.train: 'a/../b c'\n");
    char hash[16];
    cr_assert_eq(sscanf(s.out, "out/data.store=tiny.h5,data.train=b-c\nout/data.store=tiny.h5,data.train=b-c~%15[0-9a-f]\n", hash), 1, "%s%s",
                 s.out, s.err);
}

Test(sweep, random_draws_are_of_the_seed_and_in_range)
{
    static const char FILE_OF[] = "base: tiny.yaml\nmethod: random\ncount: %d\nrandom_seed: %d\nparameters:\n"
                                  "  train.rate: { min: 1e-4, max: 1e-2, scale: log }\n  decoder.depth: { min: 1, max: 3 }\n"
                                  "  train.schedule: [cosine, linear]\n";
    char text[512];
    int deep[4] = { 0 }, low = 0;

    snprintf(text, sizeof text, FILE_OF, 200, 1);
    Shell once = plan(text), again = plan(text);
    cr_assert_eq(once.status, 0, "%s", once.err);
    cr_assert_str_eq(once.out, again.out);
    cr_assert_eq(lines(once.out), 200);
    char *rest = once.out;
    for (char *line; (line = strsep(&rest, "\n")) && *line; ) {
        double rate;
        int depth;
        char schedule[64];
        cr_assert_eq(sscanf(line, "out/train.rate=%lf,decoder.depth=%d,train.schedule=%63s", &rate, &depth, schedule), 3, "%s", line);
        cr_assert(rate >= 1e-4 && rate <= 1e-2 && depth >= 1 && depth <= 3, "%s", line);
        deep[depth]++;
        low += rate < 1e-3;
    }
    cr_assert(low > 70 && low < 130, "half of the logarithms lie below the middle: %d of 200", low);
    for (int d = 1; d <= 3; d++) cr_assert(deep[d] > 40, "depth %d was drawn %d times", d, deep[d]);

    snprintf(text, sizeof text, FILE_OF, 5, 1);
    Shell few = plan(text);
    cr_assert_eq(strncmp(few.out, again.out, strlen(few.out)), 0, "a greater count adds runs and leaves those before");
    snprintf(text, sizeof text, FILE_OF, 5, 2);
    cr_assert_str_neq(plan(text).out, few.out);
}

Test(sweep, random_without_enough_settings_says_so)
{
    refused("base: tiny.yaml\nmethod: random\ncount: 3\nparameters:\n  decoder.tied: [true, false]\n", "only 2 different settings");
}

/* ---- mistakes ------------------------------------------------------------------------------------------------------ */

Test(sweep, all_mistakes_of_a_file_are_told_at_once_and_nothing_is_started)
{
    Shell s = plan("base: tiny.yaml\nmethod: gird\njbos: 2\nparameters:\n  train.rtae: [1e-3]\n  train.rate: [1e-3, fast, 1e-3, 20]\n"
                   "  seed: [1]\n  encoder: 3\n  decoder.depth: []\n  decoder.tied: { min: 0, max: 1 }\n  train.rate: 1\nseeds: [1, one]\nbudget: soon\n");
    cr_assert_eq(s.status, 2, "%s", s.err);
    static const char *const SAID[] = { "plan.yaml:2: method wants one of grid|list|random", "plan.yaml:3: unknown key jbos; the nearest known key is jobs",
        "plan.yaml:5: unknown key train.rtae; the nearest known key is train.rate", "plan.yaml:6: train.rate wants a number", "'fast'",
        "train.rate has the value 0.001 twice", "'20'", "plan.yaml:7: seed is no parameter", "plan.yaml:8: encoder is a section",
        "plan.yaml:9: decoder.depth has an empty list", "plan.yaml:10: decoder.tied has a range", "plan.yaml:11: train.rate is there twice, first on line 6",
        "plan.yaml:12: seed wants a whole number", "budget wants a time", NULL };
    for (const char *const *text = SAID; *text; text++) cr_assert(says(&s, *text), "'%s' is not in: %s", *text, s.err);
    cr_assert_neq(shell("test -e out").status, 0);
}

Test(sweep, mistakes_of_its_runs_are_told_with_their_names)
{
    Shell s = plan("base: tiny.yaml\nparameters:\n  encoder.cache: [false, true]\n  encoder.rate: [0, 1]\n  generate.max_length: [12, 40]\n");
    cr_assert_eq(s.status, 2, "%s", s.err);
    cr_assert(says(&s, "run encoder.cache=true,encoder.rate=1,generate.max_length=12:"), "%s", s.err);
    cr_assert(says(&s, "run encoder.cache=false,encoder.rate=0,generate.max_length=40 and 2 more:"), "%s", s.err);
}

Test(sweep, broken_files_are_refused)
{
    refused("", "base is missing");
    refused("- a\n- b\n", "a sweep is a mapping");
    refused("base: tiny.yaml\nparameters: [\n", "not YAML");
    refused("base: tiny.yaml\nparameters: \xff\xfe\n", "not UTF-8");
    refused("base: none.yaml\nseeds: [1]\n", "none.yaml");
    refused("base: [tiny.yaml]\n", "plan.yaml:1: base wants one value, got a list");
    refused("base: tiny.yaml\nmethod: list\nparameters: { train.rate: 1 }\n", "wants parameters as a list");
    refused("base: tiny.yaml\nmethod: list\nparameters: [3]\n", "no mapping");
    refused("base: tiny.yaml\nmethod: list\nparameters:\n- { train.rate: 1 }\n- { train.rate: 1 }\n", "there twice: train.rate=1");
    refused("base: tiny.yaml\nparameters: 3\n", "wants a mapping");
    refused("base: tiny.yaml\nparameters: &a\n  train.rate: *a\n", "an alias");
    refused("base: tiny.yaml\nmethod: random\ncount: 2\nparameters: { train.rate: { min: 1, max: 0 } }\n", "min below max");
    refused("base: tiny.yaml\nmethod: random\ncount: 2\nparameters: { train.rate: { min: 0, max: 1, scale: log } }\n", "above 0");
    refused("base: tiny.yaml\nmethod: random\ncount: 2\nparameters: { train.rate: { min: 0, max: 99 } }\n", "between 0 and 10");
    refused("base: tiny.yaml\nmethod: random\nparameters: { train.rate: 1 }\n", "wants a count");
    refused("base: tiny.yaml\nparameters: { train.steps: [1,2,3,4,5,6,7,8,9,10,11], train.epochs: [1,2,3,4,5,6,7,8,9,10,11], decoder.depth: "
            "[1,2,3,4,5,6,7,8,9,10,11], seed: 1, train.pictures: [1,2,3,4,5,6,7,8,9,10] }\n", "seed is no parameter");
    refused("base: tiny.yaml\nparameters: { train.steps: [1,2,3,4,5,6,7,8,9,10,11], train.epochs: [1,2,3,4,5,6,7,8,9,10,11], decoder.depth: "
            "[1,2,3,4,5,6,7,8,9,10,11], train.pictures: [1,2,3,4,5,6,7,8,9,10] }\n", "more than the 10000");
    cr_assert_eq(shell("limn sweep @/nowhere.yaml").status, 2);
    cr_assert_eq(shell("limn sweep @").status, 2);
    cr_assert_eq(shell("limn sweep @/plan.yaml --budget soon").status, 2);
    cr_assert_eq(shell("limn sweep").status, 2);
}

Test(sweep, an_override_cannot_fix_what_varies)
{
    tiny_experiment();
    write_file("s.yaml", "base: tiny.yaml\nparameters: { train.rate: [1e-3, 1e-2] }\n");
    Shell s = shell("limn sweep @/s.yaml -n train.rate=1");
    cr_assert_eq(s.status, 2);
    cr_assert(says(&s, "varies train.rate"), "%s", s.err);
    s = shell("limn sweep @/s.yaml -n train.epochs=none");
    cr_assert_eq(s.status, 2);
    cr_assert(says(&s, "command line: train.epochs wants"), "%s", s.err);
}

/* ---- training ------------------------------------------------------------------------------------------------------ */

static const char SIX_RUNS[] = "base: tiny.yaml\nparameters: { train.rate: [1e-3, 1e-2, 3e-2] }\nseeds: [1, 2]\n";

static void sleep_for(double seconds)
{
    nanosleep(&(struct timespec){ (time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds)) }, NULL);
}

static double seconds_of_sweep(const char *out)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    Shell s = shell("limn sweep @/six.yaml -q --out @/%s", out);
    clock_gettime(CLOCK_MONOTONIC, &b);
    cr_assert_eq(s.status, 0, "%s", s.err);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}

static void same_tables(const char *out, const char *when)
{
    cr_assert_eq(shell("cmp @/whole/table.md @/%s/table.md && cmp @/whole/table.csv @/%s/table.csv", out, out).status, 0, "%s", when);
    cr_assert_eq(shell("for r in @/whole/*/; do cmp $r/model/model.safetensors @/%s/$(basename $r)/model/model.safetensors || exit 1; done",
                       out).status, 0, "%s", when);
}

/* Twice at random moments, by turns the sweep alone and with all its runs; then it is let go on. */
Test(sweep, of_six_runs_killed_twice_ends_with_the_same_table, .timeout = 500)
{
    tiny_experiment();
    write_file("six.yaml", SIX_RUNS);
    double length = seconds_of_sweep("whole");
    srand(11);
    for (int trial = 0; trial < 4; trial++) {
        char when[128] = "killed at";
        for (int k = 0; k < 2; k++) {
            double moment = 0.6 * length * rand() / (RAND_MAX + 1.0);
            int pid = shell_start("limn sweep @/six.yaml -q --out @/killed"), status;
            sleep_for(moment);
            kill((trial + k) % 2 ? pid : -pid, SIGKILL);
            waitpid(pid, &status, 0);
            snprintf(when + strlen(when), sizeof when - strlen(when), " %.3f s%s", moment, (trial + k) % 2 ? " alone" : "");
        }
        Shell s = shell("limn sweep @/six.yaml -q --out @/killed");
        cr_assert_eq(s.status, 0, "%s: %s", when, s.err);
        same_tables("killed", when);
        shell("rm -rf @/killed");
    }
}

Test(sweep, whose_runs_are_killed_calls_them_failed_and_trains_them_the_next_time)
{
    tiny_experiment();
    write_file("six.yaml", SIX_RUNS);
    seconds_of_sweep("whole");
    Shell s = shell("LIMN_FAULT=kill:700000 limn sweep @/six.yaml -q --out @/killed");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "6 of 6 runs failed"), "%s", s.err);
    cr_assert(strstr(s.out, "ended by signal 9"), "%s", s.out);
    cr_assert_eq(shell("limn sweep @/six.yaml -q --out @/killed").status, 0);
    same_tables("killed", "runs killed");
}

Test(sweep, stops_at_its_budget_and_goes_on)
{
    tiny_experiment();
    write_file("six.yaml", SIX_RUNS);
    seconds_of_sweep("whole");
    Shell s = shell("limn sweep @/six.yaml -q --out @/short --budget 0.4s");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "the budget is spent") && says(&s, "of 6 runs are finished"), "%s", s.err);
    cr_assert_eq(shell("limn sweep @/six.yaml -q --out @/short").status, 0);
    same_tables("short", "after a budget");
}

Test(sweep, ctrl_c_lets_its_runs_write_checkpoints)
{
    tiny_experiment();
    write_file("six.yaml", SIX_RUNS);
    Shell s = shell("limn sweep @/six.yaml -q --out @/long train.epochs=100000 validate.every=10000 train.checkpoint_every=100000 & "
                    "while kill -0 $! && ! test -s '@/long/train.rate=0.01,seed=1/log.jsonl'; do sleep 0.05; done; kill -INT $!; wait $!");
    cr_assert_eq(s.status, 1, "status %d: %s", s.status, s.err);
    cr_assert(says(&s, "interrupted: 0 of 6 runs are finished"), "%s", s.err);
    cr_assert(strstr(s.out, "stopped"), "%s", s.out);
    cr_assert_eq(shell("test -s '@/long/train.rate=0.01,seed=1/checkpoints/last.safetensors'").status, 0);
}

Test(sweep, goes_on_with_the_others_when_a_run_fails)
{
    tiny_experiment();
    write_file("s.yaml", "base: tiny.yaml\nmethod: list\nparameters:\n- { train.rate: 10, train.warmup: 0, train.clip: 0, train.explode: 1.05, "
                         "train.epochs: 50 }\n- { train.rate: 1e-3 }\n- { train.rate: 1e-2 }\n");
    Shell s = shell("limn sweep @/s.yaml --out @/out --jobs 1");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "failed: update ") && says(&s, "1 of 3 runs failed"), "%s", s.err);
    cr_assert_eq(shell("grep -q 'failed at update .*first tensor in trouble' @/out/table.md").status, 0);
    s = shell("limn runs @/out --where state=finished --json");
    cr_assert(strstr(s.out, "train.rate=0.001") && strstr(s.out, "train.rate=0.01"), "%s", s.out);
}

Test(sweep, of_a_changed_file_adds_runs_and_reports_those_of_another_config)
{
    tiny_experiment();
    write_file("s.yaml", "base: tiny.yaml\nseeds: [1, 2]\n");
    cr_assert_eq(shell("limn sweep @/s.yaml -q --out @/out").status, 0);
    shell("cp @/out/table.md @/before.md");
    Shell s = shell("limn sweep @/s.yaml -q --out @/out train.rate=2e-3");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "2 of 2 runs failed") && strstr(s.out, "was begun with another config"), "%s%s", s.out, s.err);
    cr_assert_eq(shell("limn sweep @/s.yaml -q --out @/out && cmp @/before.md @/out/table.md").status, 0, "nothing was lost");
    write_file("s.yaml", "base: tiny.yaml\nseeds: [1, 2, 3]\n");
    s = shell("limn sweep @/s.yaml -q --out @/out && limn runs @/out --each");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(strstr(s.out, "seed=3"), "%s", s.out);
}

Test(sweep, keeps_another_out_of_its_folder)
{
    tiny_experiment();
    write_file("six.yaml", SIX_RUNS);
    Shell s = shell("limn sweep @/six.yaml -q --out @/out train.epochs=100000 >/dev/null 2>&1 & p=$!; "
                    "while kill -0 $p && ! test -s @/out/.lock; do sleep 0.05; done; limn sweep @/six.yaml --out @/out; r=$?; kill $p; wait $p; exit $r");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "is in use by process"), "%s", s.err);
}

Test(sweep, shares_the_cache_of_features)
{
    tiny_experiment();
    write_file("s.yaml", "base: tiny.yaml\nparameters: { train.rate: [1e-3, 1e-2] }\n");
    Shell s = shell("limn sweep @/s.yaml -q --out @/out --jobs 2 encoder.rate=0 encoder.cache=true data.cache=@/cache && ls @/cache");
    cr_assert_eq(s.status, 0, "%s", s.err);
    const char *cache = strstr(s.out, "features-");
    cr_assert(cache && !strstr(cache + 1, "features-"), "one cache for both: %s", s.out);
}
