/* test_train_encoders.c - the training contract holds for every kind of encoder: one seed, one hash, through a kill, on any number of
 * threads, with activations kept or computed again; and the trained model captions. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shell.h"

static const struct { const char *name, *options; } KINDS[] = {
    { "resnet",       "encoder.kind=resnet encoder.depth=18 encoder.width=4 encoder.drop_path=0.2" },
    { "bottlenecks",  "encoder.kind=resnet encoder.depth=50 encoder.width=4 encoder.statistics=running" },
    { "mobilenet_v1", "encoder.kind=mobilenet_v1 encoder.multiplier=0.1" },
    { "convnext",     "encoder.kind=convnext encoder.depth=12 encoder.width=4 encoder.patch=4 encoder.drop_path=0.2" },
    { "deit",         "encoder.kind=deit encoder.drop_path=0.2 encoder.dropout=0.1" },
};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

static void expect_same_weights(const char *one, const char *other)
{
    Shell s = shell("cmp @/%s/model/model.safetensors @/%s/model/model.safetensors", one, other);
    cr_assert_eq(s.status, 0, "%s: %s %s", one, s.out, s.err);
}

Test(train_encoders, killed_and_resumed_with_recomputation_they_end_with_the_same_weights, .timeout = 600)
{
    tiny_experiment();
    for (int i = 0; i < KIND_COUNT; i++) {
        const char *options = KINDS[i].options;
        Shell s = shell("limn train @/tiny.yaml --run @/whole -q threads=2 %s", options);
        cr_assert_eq(s.status, 0, "%s: %s", KINDS[i].name, s.err);
        cr_assert_neq(shell("LIMN_FAULT=kill:1000000 limn train @/tiny.yaml --run @/k -q threads=1 encoder.recompute=true %s",
                            options).status, 0, "%s was killed", KINDS[i].name);
        s = shell("limn train @/tiny.yaml --run @/k -q --resume threads=1 encoder.recompute=true %s", options);
        cr_assert_eq(s.status, 0, "%s: %s", KINDS[i].name, s.err);
        expect_same_weights("whole", "k");
        s = shell("limn caption @/k --from @/tiny.h5 --split val --count 2 --attention @/sheet.png");
        cr_expect_eq(s.status, 0, "%s: %s", KINDS[i].name, s.err);
        cr_expect_eq(lines(s.out), 2);
        s = shell("limn evaluate @/k --split val --pictures 4 -q");
        cr_expect_eq(s.status, 0, "%s: %s", KINDS[i].name, s.err);
        shell("rm -rf @/whole @/k");
    }
}

Test(train_encoders, sizes_that_no_encoder_has_are_refused)
{
    static const struct { const char *options, *said; } WRONG[] = {
        { "encoder.kind=resnet encoder.depth=19", "18, 34, 50" },
        { "encoder.kind=resnet encoder.depth=50 encoder.width=5 encoder.rate=-1", "encoder.rate" },
        { "encoder.kind=resnet encoder.depth=18 encoder.dropout=0.1", "dropout is 0.1" },
        { "encoder.kind=mobilenet_v1 encoder.dropout=0.1", "dropout is 0.1" },
        { "encoder.kind=alexnet", "there is no image encoder 'alexnet'" },
        { "encoder.kind=features", "encoder.vectors" },
        { "encoder.vectors=./x.npy", "encoder.kind: features" },
        { "encoder.kind=features encoder.vectors=./none.npy", "none.npy" },
        { "encoder.kind=resnet encoder.weights=$LIMN_ROOT/tests/fixtures/vit", "holds a vit" },
        { "encoder.rate=0 encoder.cache=true encoder.drop_path=0.1", "encoder.drop_path" },
        { "train.keep_last=1", "mean of one" },
    };

    tiny_experiment();
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        Shell s = shell("limn train @/tiny.yaml --run @/wrong -q %s", WRONG[i].options);
        cr_expect_neq(s.status, 0, "%s", WRONG[i].options);
        cr_expect(says(&s, WRONG[i].said), "%s: %s", WRONG[i].options, s.err);
        cr_expect(lines(s.err) <= 2, "%s: %s", WRONG[i].options, s.err);
        shell("rm -rf @/wrong");
    }
}

/* ---- vectors instead of an encoder ------------------------------------------------------------------------------------ */

/* (items, tokens, width) float32, version 1.0 of the format. */
static void write_npy(const char *name, int items, int tokens, int width, double phase)
{
    char path[256], header[119];
    snprintf(path, sizeof path, "%s/%s", shell_folder(), name);
    FILE *f = fopen(path, "wb");
    cr_assert(f);
    int n = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d), }", items, tokens, width);
    memset(header + n, ' ', sizeof header - (size_t)n);
    header[sizeof header - 2] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f);
    fwrite(header, 1, sizeof header - 1, f);
    for (int i = 0; i < items * tokens * width; i++) {
        float v = (float)sin(0.1 * i + phase);
        fwrite(&v, sizeof v, 1, f);
    }
    cr_assert_eq(fclose(f), 0);
}

static int items_of_the_store(void)
{
    Shell s = shell("limn inspect @/tiny.h5 | head -n 1");
    return atoi(s.out);
}

Test(train_encoders, vectors_of_ones_own_train_resume_and_are_measured, .timeout = 300)
{
    static const char OWN[] = "encoder.kind=features encoder.vectors=@/own.npy";
    int items;

    tiny_experiment();
    items = items_of_the_store();
    write_npy("own.npy", items, 5, 12, 0);
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/whole -q threads=2 %s", OWN).status, 0);
    cr_assert_neq(shell("LIMN_FAULT=kill:500000 limn train @/tiny.yaml --run @/k -q %s", OWN).status, 0);
    Shell s = shell("limn train @/tiny.yaml --run @/k -q --resume %s", OWN);
    cr_assert_eq(s.status, 0, "%s", s.err);
    expect_same_weights("whole", "k");
    s = shell("limn evaluate @/k --split val --pictures 4 -q");
    cr_expect_eq(s.status, 0, "%s", s.err);
    s = shell("limn evaluate @/k/model --store @/tiny.h5 --split val --out @/bare -q");
    cr_expect_eq(s.status, 2, "%s", s.err);
    cr_expect(says(&s, "evaluate the run"), "%s", s.err);
    s = shell("limn caption @/k --from @/tiny.h5 --count 1");
    cr_expect_eq(s.status, 1, "%s", s.err);
    cr_expect(says(&s, "limn evaluate"), "who can caption them is said: %s", s.err);
    write_npy("own.npy", items, 5, 12, 1);
    s = shell("limn evaluate @/k --split val -q");
    cr_expect(s.status == 1 && says(&s, "other values"), "status %d: %s", s.status, s.err);
    write_npy("own.npy", items, 4, 12, 0);
    s = shell("limn evaluate @/k --split val -q");
    cr_expect(s.status == 1 && says(&s, "(4,12)"), "status %d: %s", s.status, s.err);
}

Test(train_encoders, other_vectors_do_not_go_on_with_a_run, .timeout = 300)
{
    static const char OWN[] = "encoder.kind=features encoder.vectors=@/own.npy";

    tiny_experiment();
    write_npy("own.npy", items_of_the_store(), 5, 12, 0);
    cr_assert_neq(shell("LIMN_FAULT=kill:500000 limn train @/tiny.yaml --run @/k -q %s", OWN).status, 0);
    write_npy("own.npy", items_of_the_store(), 5, 12, 1);
    Shell s = shell("limn train @/tiny.yaml --run @/k -q --resume %s", OWN);
    cr_expect_eq(s.status, 1, "%s", s.err);
    write_npy("own.npy", items_of_the_store() - 1, 5, 12, 0);
    s = shell("limn train @/tiny.yaml --run @/new -q %s", OWN);
    cr_expect_eq(s.status, 1, "%s", s.err);
    cr_expect(says(&s, "own.npy"), "%s", s.err);
}
