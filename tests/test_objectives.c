/* test_objectives.c - training's objectives as a person runs them: beginning with another run's weights, scheduled sampling, self-critical
 * training; and validation by the metrics of captions. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shell.h"

static void train(const char *run, const char *options)
{
    Shell s = shell("limn train @/tiny.yaml --run @/%s -q %s", run, options);
    cr_assert_eq(s.status, 0, "%s: %s", run, s.err);
}

static void expect_the_same_run(const char *one, const char *other)
{
    Shell s = shell("cd @ && cmp %s/model/model.safetensors %s/model/model.safetensors && cmp %s/log.jsonl %s/log.jsonl", one, other, one, other);
    cr_assert_eq(s.status, 0, "%s %s", s.out, s.err);
}

static void expect_another_run(const char *one, const char *other)
{
    cr_assert_neq(shell("cmp -s @/%s/model/model.safetensors @/%s/model/model.safetensors", one, other).status, 0, "%s, %s", one, other);
}

/* ---- train.init ------------------------------------------------------------------------------------------------------- */

Test(objectives, a_run_begins_with_anothers_weights)
{
    tiny_experiment();
    train("first", "train.steps=4");
    train("second", "train.steps=1 train.rate=0 train.init=@/first");
    train("third", "train.steps=1 train.rate=0 train.init=@/first/model seed=9");
    Shell s = shell("cmp @/first/model/model.safetensors @/second/model/model.safetensors && "
                    "cmp @/first/model/model.safetensors @/third/model/model.safetensors");
    cr_assert_eq(s.status, 0, "%s", s.out);
    cr_assert_eq(shell("rm -rf @/first && limn train @/second -q").status, 0, "what it began with is needed no more");
}

Test(objectives, a_training_that_makes_its_first_weights_worse_keeps_them)
{
    tiny_experiment();
    train("first", "train.epochs=4 train.rate=1e-2");
    train("worse", "train.init=@/first train.steps=4 train.rate=1 train.warmup=0 train.clip=0 train.explode=1e9");
    Shell s = shell("cmp @/first/model/model.safetensors @/worse/model/model.safetensors && grep -c validation @/worse/log.jsonl && "
                    "head -n 1 @/worse/log.jsonl | grep -q '\"event\":\"validation\",\"step\":0,.*\"best\":true'");
    cr_assert_eq(s.status, 0, "%s %s", s.out, s.err);
    cr_assert_eq(atoi(s.out), 2, "%s", s.out);
}

Test(objectives, weights_of_another_model_or_vocabulary_are_refused)
{
    static const struct { const char *options, *said; } WRONG[] = {
        { "train.init=@/first decoder.width=24 decoder.depth=2", "is (16,16), the config's model wants (24,24)" },
        { "train.init=@/first decoder.depth=2", "has no decoder.transformer.h.1.ln_1.weight" },
        { "train.init=@/first encoder.depth=2", "has no encoder.encoder.layer.1" },
        { "train.init=@/nowhere", "no such folder" },
        { "train.init=@/first data.store=@/other.h5", "same vocabulary" },
    };

    tiny_experiment();
    train("first", "train.steps=1");
    cr_assert_eq(shell("limn prepare scenes --preset quick --count 24 --seed 5 --out @/other.h5").status, 0);
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        Shell s = shell("limn train @/tiny.yaml --run @/wrong-%zu -q %s", i, WRONG[i].options);
        cr_expect_neq(s.status, 0, "%s", WRONG[i].options);
        cr_expect(says(&s, WRONG[i].said), "%s: %s", WRONG[i].options, s.err);
    }
}

/* ---- scheduled sampling ----------------------------------------------------------------------------------------------- */

/* With a probability next to none the first pass is computed, and nothing is replaced: it must leave no trace. */
Test(objectives, scheduled_sampling_of_nothing_is_plain_training)
{
    tiny_experiment();
    train("plain", "scheduled_sampling.probability=0");
    train("two-passes", "scheduled_sampling.probability=1e-12");
    expect_the_same_run("plain", "two-passes");
    train("late", "scheduled_sampling.probability=1 scheduled_sampling.start=0.99");
    expect_another_run("plain", "late");
}

Test(objectives, scheduled_sampling_resumes_to_the_same_weights_on_any_number_of_threads)
{
    static const char *const CHOICES[] = { "argmax", "sample" };

    tiny_experiment();
    for (int i = 0; i < 2; i++) {
        char options[160];
        snprintf(options, sizeof options, "scheduled_sampling.probability=0.5 scheduled_sampling.choice=%s", CHOICES[i]);
        Shell s = shell("limn train @/tiny.yaml --run @/whole-%d -q threads=2 %s", i, options);
        cr_assert_eq(s.status, 0, "%s", s.err);
        cr_assert_neq(shell("LIMN_FAULT=kill:1500000 limn train @/tiny.yaml --run @/k-%d -q threads=1 %s", i, options).status, 0);
        s = shell("limn train @/k-%d -q", i);
        cr_assert_eq(s.status, 0, "%s", s.err);
        char whole[16], k[16];
        snprintf(whole, sizeof whole, "whole-%d", i);
        snprintf(k, sizeof k, "k-%d", i);
        expect_the_same_run(whole, k);
    }
    expect_another_run("whole-0", "whole-1");
}

/* ---- self-critical training ------------------------------------------------------------------------------------------- */
#define SCST "train.objective=scst train.init=@/start train.rate=1e-3 train.epochs=1 validate.measure=cider"

static void start(void)
{
    tiny_experiment();
    train("start", "train.epochs=8 train.rate=1e-2");
}

/* A number of a run's log: the first (mean 0) or the mean of so many first or last (negative) updates. */
static double logged(const char *run, const char *key, int updates)
{
    Shell s = shell("grep '\"epoch\"' @/%s/log.jsonl | %s -n %d | sed 's/.*\"%s\":\\([^,}]*\\).*/\\1/'", run, updates < 0 ? "tail" : "head",
                    abs(updates), key);
    double sum = 0;
    char *at = s.out;
    cr_assert_eq(s.status, 0, "%s", s.err);
    for (int i = 0; i < abs(updates); i++) sum += strtod(at, &at);
    return sum / abs(updates);
}

Test(objectives, self_critical_training_raises_the_reward)
{
    start();
    train("run", SCST " train.rate=3e-3 train.epochs=12 train.schedule=constant validate.every=100");
    double first = logged("run", "reward", 16), last = logged("run", "reward", -32);
    cr_expect_gt(last, 1.1 * first, "from %g to %g", first, last);
    cr_expect_float_eq(logged("run", "baseline", 8), logged("run", "reward", 8), 1e-6, "the others' mean is the mean");
}

Test(objectives, self_critical_training_resumes_to_the_same_weights_on_any_number_of_threads)
{
    static const char *const OPTIONS[] = {
        SCST " scst.samples=3 scst.bleu=0.5 train.accumulate=2 train.pictures=4",
        SCST " scst.samples=2 scst.baseline=greedy scst.cross_entropy=0.3 scheduled_sampling.probability=0.5 scst.dropout=true train.ema=0.9",
    };

    start();
    for (int i = 0; i < 2; i++) {
        Shell s = shell("rm -rf @/whole @/k && limn train @/tiny.yaml --run @/whole -q threads=2 %s", OPTIONS[i]);
        cr_assert_eq(s.status, 0, "%s", s.err);
        cr_assert_neq(shell("LIMN_FAULT=kill:1000000 limn train @/tiny.yaml --run @/k -q threads=1 %s", OPTIONS[i]).status, 0);
        cr_assert_eq(shell("test -f @/k/checkpoints/last.safetensors").status, 0, "killed in the middle");
        s = shell("limn train @/k -q");
        cr_assert_eq(s.status, 0, "%s", s.err);
        expect_the_same_run("whole", "k");
    }
}

/* The weights alone: the logs also tell what the objective is called by. */
Test(objectives, self_critical_training_of_cross_entropy_alone_is_cross_entropy)
{
    start();
    train("mixed", SCST " scst.cross_entropy=1");
    train("plain", SCST " train.objective=cross_entropy");
    Shell s = shell("cmp @/mixed/model/model.safetensors @/plain/model/model.safetensors");
    cr_assert_eq(s.status, 0, "%s", s.out);
    train("half", SCST " scst.cross_entropy=0.5");
    expect_another_run("half", "plain");
}

Test(objectives, what_self_critical_training_cannot_do_is_said)
{
    static const struct { const char *options, *said; } WRONG[] = {
        { "train.init=", "train.init" },
        { "scst.samples=1", "scst.baseline: greedy" },
        { "scst.cider=0", "nothing is rewarded" },
        { "data.flip=true", "set train.captions: 0" },
        { "scheduled_sampling.probability=0.1", "scheduled_sampling goes with cross-entropy" },
    };

    start();
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        Shell s = shell("limn train @/tiny.yaml --run @/wrong -q " SCST " %s", WRONG[i].options);
        cr_expect_eq(s.status, 2, "%s: %d", WRONG[i].options, s.status);
        cr_expect(says(&s, WRONG[i].said), "%s: %s", WRONG[i].options, s.err);
    }
}

/* ---- validation --------------------------------------------------------------------------------------------------------- */

Test(objectives, the_cider_of_a_validation_is_that_of_limn_score)
{
    static const char *const MEASURES[] = { "cider", "bleu" };
    static const char *const KEYS[] = { "\"CIDEr\":", "\"Bleu_4\":" };

    start();
    for (int i = 0; i < 2; i++) {
        char options[256];
        snprintf(options, sizeof options, SCST " train.steps=3 validate.measure=%s validate.beam=%d validate.every=10 validate.pictures=30", MEASURES[i], 1 + i);
        shell("rm -rf @/run");
        train("run", options);
        Shell s = shell("grep validation @/run/log.jsonl | grep '\"best\":true' | tail -n 1");
        char key[16];
        snprintf(key, sizeof key, "\"%s\":", MEASURES[i]);
        cr_assert(strstr(s.out, key), "%s", s.out);
        double logged = atof(strstr(s.out, key) + strlen(key));
        s = shell("limn evaluate @/run --split val --pictures 30 --beam %d -q && limn score --references @/run/references-val.json "
                  "--candidates @/run/captions-val.json --json", 1 + i);
        cr_assert_eq(s.status, 0, "%s", s.err);
        cr_assert(strstr(s.out, KEYS[i]), "%s", s.out);
        cr_expect_float_eq(atof(strstr(s.out, KEYS[i]) + strlen(KEYS[i])), logged, 1e-8, "%s: %g", s.out, logged);
        cr_expect_gt(logged, 0);
    }
}
