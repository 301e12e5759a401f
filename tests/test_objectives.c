/* test_objectives.c - training's objectives as a person runs them: beginning with another run's weights, scheduled sampling. */
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
