/* test_train.c - the training contract: one seed, one hash; a kill at any moment and a resume change nothing. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/shell.h"

static void weights_hash(const char *run, char hash[65])
{
    Shell s = shell("sha256sum <@/%s/model/model.safetensors | cut -c 1-64", run);
    snprintf(hash, 65, "%.64s", s.out);
}

Test(train, two_runs_with_one_seed_give_the_same_weights_on_any_number_of_threads)
{
    char first[65], second[65], other[65];

    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/a -q threads=1").status, 0);
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/b -q threads=2 data.workers=2").status, 0);
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/c -q seed=2").status, 0);
    weights_hash("a", first);
    weights_hash("b", second);
    weights_hash("c", other);
    cr_assert_str_eq(first, second);
    cr_assert_str_neq(first, other);
}

static double elapsed(struct timespec since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since.tv_sec) + 1e-9 * (double)(now.tv_nsec - since.tv_nsec);
}

/* Kills at times spread over the length of an undisturbed run, then resumes: the weights and the log's losses are those of the
 * undisturbed run, and every checkpoint left behind loads (a resume that could not would fail).                           */
Test(train, killed_at_any_moment_and_resumed_it_ends_with_the_same_weights, .timeout = 500)
{
    enum { KILLS = 20 };
    char whole[65], resumed[65];
    struct timespec start;

    tiny_experiment();
    clock_gettime(CLOCK_MONOTONIC, &start);
    Shell s = shell("limn train @/tiny.yaml --run @/whole -q");
    cr_assert_eq(s.status, 0, "%s", s.err);
    double length = elapsed(start);
    weights_hash("whole", whole);
    srand(7);
    for (int i = 0; i < KILLS; i++) {
        double moment = length * (i + rand() / (RAND_MAX + 1.0)) / KILLS;
        int pid = shell_start("limn train @/tiny.yaml --run @/killed-%d -q --resume", i), status;
        nanosleep(&(struct timespec){ (time_t)moment, (long)(1e9 * (moment - (double)(time_t)moment)) }, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        s = shell("limn train @/tiny.yaml --run @/killed-%d -q --resume", i);
        cr_assert_eq(s.status, 0, "after a kill at %.3f s: %s", moment, s.err);
        char name[32];
        snprintf(name, sizeof name, "killed-%d", i);
        weights_hash(name, resumed);
        cr_assert_str_eq(resumed, whole, "killed at %.3f s of %.3f s", moment, length);
        cr_assert_eq(shell("cmp @/whole/log.jsonl @/killed-%d/log.jsonl", i).status, 0, "the log reads like the undisturbed one");
        shell("rm -rf @/killed-%d", i);
    }
}

/* The same at exact bytes written, so that kills fall inside checkpoint, log and model writes: a checkpoint has 465 kB, the model
 * 155 kB, and the whole run writes nine and four of them.                                                                */
Test(train, killed_inside_a_write_and_resumed_it_ends_with_the_same_weights, .timeout = 500)
{
    static const int BYTES[] = { 500, 5000, 200000, 480000, 600000, 800000, 1500000, 2600000, 4600000 };
    char whole[65], resumed[65];

    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/whole -q").status, 0);
    weights_hash("whole", whole);
    for (size_t i = 0; i < sizeof BYTES / sizeof *BYTES; i++) {
        shell("LIMN_FAULT=kill:%d limn train @/tiny.yaml --run @/k -q --resume", BYTES[i]);
        Shell s = shell("limn train @/tiny.yaml --run @/k -q --resume");
        cr_assert_eq(s.status, 0, "killed after %d bytes: %s", BYTES[i], s.err);
        weights_hash("k", resumed);
        cr_assert_str_eq(resumed, whole, "killed after %d bytes", BYTES[i]);
        if (BYTES[i] > 600000) cr_assert_eq(shell("grep -q '\"resumed\"' @/k/provenance.json").status, 0, "who went on is on record");
        shell("rm -rf @/k");
    }
}

/* With a frozen encoder whose output is cached, killed while the cache (947 kB) is written, and while training. */
Test(train, on_cached_features_it_ends_with_the_same_weights_too)
{
    static const char FROZEN[] = "encoder.rate=0 encoder.cache=true data.flip=true";
    static const int BYTES[] = { 300000, 2000000 };
    char whole[65], resumed[65];

    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/whole -q %s data.cache=@/whole-cache", FROZEN).status, 0);
    weights_hash("whole", whole);
    for (size_t i = 0; i < sizeof BYTES / sizeof *BYTES; i++) {
        cr_assert_neq(shell("LIMN_FAULT=kill:%d limn train @/tiny.yaml --run @/k -q %s data.cache=@/cache", BYTES[i], FROZEN).status, 0);
        Shell s = shell("limn train @/tiny.yaml --run @/k -q --resume %s data.cache=@/cache", FROZEN);
        cr_assert_eq(s.status, 0, "killed after %d bytes: %s", BYTES[i], s.err);
        cr_assert_eq(shell("cmp @/whole-cache/features-* @/cache/features-*").status, 0, "the caches are the same");
        weights_hash("k", resumed);
        cr_assert_str_eq(resumed, whole, "killed after %d bytes", BYTES[i]);
        shell("rm -rf @/k @/cache");
    }
    Shell s = shell("limn evaluate @/whole --split test-iid --pictures 4 -q");
    cr_assert_eq(s.status, 0, "%s", s.err);
}

/* ---- other ways to optimize ------------------------------------------------------------------------------------------- */
#define NOISY "train.optimizer=sgd train.rate=0.5 train.schedule=constant train.epochs=4 train.keep_last=4"

static void expect_the_same_run(const char *one, const char *other)
{
    Shell s = shell("cd @ && cmp %s/model/model.safetensors %s/model/model.safetensors && cmp %s/log.jsonl %s/log.jsonl && "
                    "ls %s/checkpoints >.list && ls %s/checkpoints | cmp - .list", one, other, one, other, one, other);
    cr_assert_eq(s.status, 0, "%s %s", s.out, s.err);
}

/* The run of the first row writes 5.4 MB, its last 0.47 behind the mean; that of the second 7.6 MB, its last 0.31 behind the mean's model. */
Test(train, sgd_averages_and_layer_decay_resume_to_the_same_weights_too, .timeout = 300)
{
    static const struct { const char *options; int bytes[4]; } RUNS[] = {
        { "train.optimizer=sgd train.rate=0.05 train.nesterov=true train.ema=0.9 train.keep_last=2 encoder.layer_decay=0.7",
          { 1000000, 2600000, 4400000, 5200000 } },
        { NOISY, { 2000000, 6400000, 7200000, 7400000 } },
    };

    tiny_experiment();
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) {
        Shell s = shell("rm -rf @/whole && limn train @/tiny.yaml --run @/whole -q %s", RUNS[i].options);
        cr_assert_eq(s.status, 0, "%s", s.err);
        for (int k = 0; k < 4; k++) {
            s = shell("rm -rf @/k && LIMN_FAULT=kill:%d limn train @/tiny.yaml --run @/k -q %s", RUNS[i].bytes[k], RUNS[i].options);
            cr_assert_neq(s.status, 0, "killed after %d bytes", RUNS[i].bytes[k]);
            if (k == 3) cr_assert_eq(shell("grep -q '\"mean\"' @/k/log.jsonl").status, 0, "killed behind the mean");
            s = shell("limn train @/k -q");
            cr_assert_eq(s.status, 0, "killed after %d bytes: %s", RUNS[i].bytes[k], s.err);
            expect_the_same_run("whole", "k");
        }
    }
}

/* Killed when a validation's weights are written and the oldest ones not yet removed: on resume it removes them. */
Test(train, keeps_the_weights_of_the_last_validations_alone)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/whole -q train.keep_last=2").status, 0);
    cr_assert_eq(shell("ls @/whole/checkpoints | tr '\n' ' ' | grep -qx 'last.safetensors weights-12.safetensors weights-16.safetensors '").status, 0);
    cr_assert_neq(shell("LIMN_FAULT=kill:2700000 limn train @/tiny.yaml --run @/k -q train.keep_last=2").status, 0);
    cr_assert_eq(shell("ls @/k/checkpoints | tr '\n' ' ' | grep -q 'weights-4.safetensors weights-8.safetensors $'").status, 0, "killed between 8 and 12");
    shell("cp @/whole/checkpoints/weights-12.safetensors @/whole/checkpoints/weights-16.safetensors @/k/checkpoints");
    cr_assert_eq(shell("limn train @/k -q").status, 0);
    expect_the_same_run("whole", "k");
}

Test(train, the_mean_of_the_last_weights_becomes_the_model_when_it_is_better)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q " NOISY);
    cr_assert(strstr(s.out, "the mean of the last 4"), "%s", s.out);
    s = shell("limn train @/run");
    cr_assert(strstr(s.out, "the mean of the last 4"), "a run that is done tells the same: %s", s.out);
    s = shell("tail -n 1 @/run/log.jsonl");
    cr_assert(strstr(s.out, "\"event\":\"mean\",\"step\":32,\"of\":[20,24,28,32]") && strstr(s.out, "\"best\":true"), "%s", s.out);
    double logged = atof(strstr(s.out, "\"loss\":") + 7);
    s = shell("limn evaluate @/run --split val --pictures 8 --json -q");
    cr_assert_float_eq(atof(strstr(s.out, "\"loss\":") + 7), logged, 1e-8, "model/ is what was measured: %s", s.out);
    cr_assert_eq(shell("cmp -s @/run/model/model.safetensors @/run/checkpoints/weights-32.safetensors").status, 1);
}

/* The weights that learn are put back bit for bit behind each validation. */
Test(train, a_moving_average_is_measured_and_kept_and_changes_no_update)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/plain -q train.rate=1e-2").status, 0);
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/average -q train.rate=1e-2 train.ema=0.9").status, 0);
    Shell s = shell("cd @; for run in plain average; do grep '\"epoch\"' $run/log.jsonl >$run/updates; done; cmp plain/updates average/updates");
    cr_assert_eq(s.status, 0, "%s", s.out);
    cr_assert_eq(shell("cmp -s @/plain/model/model.safetensors @/average/model/model.safetensors").status, 1);
    s = shell("grep validation @/average/log.jsonl | tail -n 1");
    double logged = atof(strstr(s.out, "\"loss\":") + 7);
    s = shell("limn evaluate @/average --split val --pictures 8 --json -q");
    cr_assert_float_eq(atof(strstr(s.out, "\"loss\":") + 7), logged, 1e-8, "model/ is what was measured: %s", s.out);
}

Test(train, on_changing_pictures_in_batches_by_length_it_ends_with_the_same_weights_too)
{
    static const char CHANGING[] = "data.crop=0.4 data.jitter=0.4 data.flip=true train.batches=length";
    char whole[65], resumed[65], plain[65];

    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/whole -q data.workers=2 %s", CHANGING).status, 0);
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/plain -q").status, 0);
    cr_assert_neq(shell("LIMN_FAULT=kill:1500000 limn train @/tiny.yaml --run @/k -q %s", CHANGING).status, 0);
    Shell s = shell("limn train @/tiny.yaml --run @/k -q --resume %s", CHANGING);
    cr_assert_eq(s.status, 0, "%s", s.err);
    weights_hash("whole", whole);
    weights_hash("plain", plain);
    weights_hash("k", resumed);
    cr_assert_str_eq(resumed, whole);
    cr_assert_str_neq(plain, whole);
}

Test(train, ctrl_c_writes_a_checkpoint_and_says_how_to_go_on)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q train.epochs=100000 validate.every=10000 & "
                    "while kill -0 $! && ! test -s @/run/log.jsonl; do sleep 0.05; done; kill -INT $!; wait $!");
    cr_assert_eq(s.status, 1, "status %d: %s", s.status, s.err);
    cr_assert(says(&s, "go on with `limn train"), "%s", s.err);
    cr_assert_eq(shell("test -s @/run/checkpoints/last.safetensors").status, 0);
}

Test(train, goes_on_only_with_the_kernels_that_began_it)
{
    Shell here = shell("limn --version"), plain = shell("LIMN_KERNELS=baseline limn --version");
    if (!strcmp(here.out, plain.out)) cr_skip_test("this processor has the baseline kernels only");
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/run -q train.steps=2").status, 0);
    Shell s = shell("LIMN_KERNELS=baseline limn train @/run -q");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "began with the kernels"), "%s", s.err);
}

Test(train, an_exploding_loss_stops_the_run_and_names_a_tensor)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q train.rate=10 train.warmup=0 train.clip=0 train.epochs=50 train.explode=1.05");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "first tensor in trouble"), "%s", s.err);
}

/* An update that throws the weights away is first seen by the validation behind it. */
Test(train, a_validation_beyond_all_bounds_stops_the_run_and_names_a_tensor)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q train.rate=10 train.warmup=0 train.clip=0 train.explode=1e9 validate.every=0.05");
    cr_assert_eq(s.status, 1, "%s", s.err);
    cr_assert(says(&s, "validation loss") && says(&s, "first tensor in trouble"), "%s", s.err);
}

Test(train, early_stopping_stops)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run train.rate=0 train.epochs=50 validate.patience=2");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(says(&s, "stopping early"), "%s", s.err);
}

/* Loss and gradient norm of the first update, from its line in the log. */
static void first_update(const char *run, double *loss, double *norm)
{
    Shell s = shell("grep -m 1 '\"step\":1,' @/%s/log.jsonl", run);
    const char *l = strstr(s.out, "\"loss\":"), *n = strstr(s.out, "\"norm\":");
    cr_assert(l && n, "%s", s.out);
    *loss = atof(l + 7);
    *norm = atof(n + 7);
}

/* The same eight pictures with all their captions, as one batch and as two of four. The halves need not have equally many words, and each
 * is an average of its own: the gradients agree nearly. A sum instead of an average would be twice as long.                  */
Test(train, accumulation_over_batches_is_an_average_and_resumes)
{
    static const char SAME[] = "train.epochs=1 train.captions=0 decoder.dropout=0";
    double loss, norm, loss_of_parts, norm_of_parts;
    char whole[65], resumed[65];

    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/once -q %s", SAME).status, 0);
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/parts -q %s train.accumulate=2 train.pictures=4", SAME).status, 0);
    first_update("once", &loss, &norm);
    first_update("parts", &loss_of_parts, &norm_of_parts);
    cr_assert_float_eq(loss, loss_of_parts, 1e-5);
    cr_assert_float_eq(norm / norm_of_parts, 1, 0.05, "norm %g, in parts %g", norm, norm_of_parts);

    shell("LIMN_FAULT=kill:1000000 limn train @/tiny.yaml --run @/killed -q %s train.accumulate=2 train.pictures=4", SAME);
    cr_assert_eq(shell("test -f @/killed/checkpoints/last.safetensors").status, 0, "killed in the middle");
    cr_assert_eq(shell("limn train @/killed -q").status, 0);
    weights_hash("parts", whole);
    weights_hash("killed", resumed);
    cr_assert_str_eq(resumed, whole);
}

Test(train, evaluation_writes_coco_results_and_judges_composed_pictures)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/run -q validate.measure=named").status, 0);
    Shell s = shell("limn evaluate @/run --split test-iid --pictures 10 --json -q && test -s @/run/captions-test-iid.json && "
                    "test -s @/run/references-test-iid.json && test -s @/run/metrics-test-iid.json");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(strstr(s.out, "perplexity") && strstr(s.out, "named"), "%s", s.out);
    cr_assert(strstr(s.out, "\"captions\": 30"), "the loss is of the same ten pictures: %s", s.out);
    s = shell("limn evaluate @/run --split nowhere");
    cr_assert_eq(s.status, 2);
}
