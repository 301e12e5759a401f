/* test_experiment.c - the shipped configs, the checks between their fields, and TensorBoard's event file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/events.h"
#include "experiments/experiment.h"
#include "tensor/base/file.h"

static const char *config_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/experiments/configs/%s", getenv("LIMN_ROOT"), name);
    return path;
}

Test(experiment, shipped_configs_load)
{
    static const char *const NAMES[] = { "scenes-quick.yaml", "flickr8k-vit-tiny.yaml", "flickr8k-vit-tiny-scst.yaml" };
    for (int i = 0; i < 3; i++) {
        Experiment x;
        Err err = { 0 };
        cr_assert(experiment_load(config_path(NAMES[i]), NULL, 0, &x, &err), "%s", err.text);
    }
}

Test(experiment, a_resolved_config_is_itself_a_config)
{
    Experiment x, again;
    Err err = { 0 };
    char path[] = "/tmp/limn-config-XXXXXX";
    close(mkstemp(path));

    cr_assert(experiment_load(config_path("scenes-quick.yaml"), NULL, 0, &x, &err), "%s", err.text);
    char *text = config_dump(EXPERIMENT_FIELDS, &x);
    cr_assert(file_put(path, text, strlen(text), &err), "%s", err.text);
    cr_assert(experiment_load(path, NULL, 0, &again, &err), "%s", err.text);
    cr_assert_eq(memcmp(&x, &again, sizeof x), 0);
    free(text);
    unlink(path);
}

Test(experiment, a_cache_of_an_encoder_that_learns_is_refused)
{
    char *overrides[] = { "data.store=x.h5", "encoder.cache=true", "encoder.rate=0.1" };
    Experiment x;
    Err err = { 0 };
    cr_assert_not(experiment_load(NULL, overrides, 3, &x, &err));
    cr_assert_eq(err.status, ERR_USAGE);
    cr_assert(strstr(err.text, "encoder.cache"));
}

Test(experiment, a_cache_of_pictures_that_change_is_refused)
{
    for (int i = 0; i < 2; i++) {
        char *overrides[] = { "data.store=x.h5", "encoder.cache=true", "encoder.rate=0", i ? "data.jitter=0.4" : "data.crop=0.5" };
        Experiment x;
        Err err = { 0 };
        cr_assert(experiment_load(NULL, overrides, 3, &x, &err), "%s", err.text);
        cr_assert_not(experiment_load(NULL, overrides, 4, &x, &err));
        cr_assert_eq(err.status, ERR_USAGE);
        cr_assert(strstr(err.text, "data.crop"), "%s", err.text);
    }
}

Test(experiment, vectors_instead_of_an_encoder_go_with_little_else)
{
    static char *const ALSO[] = { "data.flip=true", "data.crop=0.5", "data.jitter=0.1", "encoder.weights=./vit", "encoder.vectors=" };
    for (int i = 0; i < 5; i++) {
        char *overrides[] = { "data.store=x.h5", "encoder.kind=features", "encoder.vectors=./x.npy", ALSO[i] };
        Experiment x;
        Err err = { 0 };
        cr_assert(experiment_load(NULL, overrides, 3, &x, &err), "%s", err.text);
        cr_assert_not(experiment_load(NULL, overrides, 4, &x, &err));
        cr_assert_eq(err.status, ERR_USAGE);
        cr_assert(strstr(err.text, "encoder.vectors"), "%s", err.text);
    }
}

Test(experiment, captions_longer_than_the_decoder_are_refused)
{
    char *overrides[] = { "data.store=x.h5", "decoder.length=10", "generate.max_length=10" };
    Experiment x;
    Err err = { 0 };
    cr_assert_not(experiment_load(NULL, overrides, 3, &x, &err));
    cr_assert(strstr(err.text, "decoder.length"));
}

Test(experiment, heads_that_do_not_divide_the_width_are_refused)
{
    char *overrides[] = { "data.store=x.h5", "decoder.heads=5" };
    Experiment x;
    CaptionerConfig c;
    Err err = { 0 };
    cr_assert(experiment_load(NULL, overrides, 2, &x, &err), "%s", err.text);
    cr_assert_not(experiment_captioner(&x, 100, &c, &err));
    cr_assert(strstr(err.text, "heads"), "%s", err.text);
}

Test(experiment, nesterov_without_momentum_is_refused)
{
    char *overrides[] = { "data.store=x.h5", "train.optimizer=sgd", "train.nesterov=true", "train.momentum=0" };
    Experiment x;
    Err err = { 0 };
    cr_assert_not(experiment_load(NULL, overrides, 4, &x, &err));
    cr_assert(strstr(err.text, "train.nesterov"), "%s", err.text);
}

/* The choice is an index of OPTIMIZERS. */
Test(experiment, optimizers_are_called_as_in_their_table)
{
    int count = 0;
    for (; OPTIMIZERS[count]; count++) {
        char choice[64], *overrides[] = { "data.store=x.h5", choice };
        Experiment x;
        Err err = { 0 };
        snprintf(choice, sizeof choice, "train.optimizer=%s", OPTIMIZERS[count]->name);
        cr_assert(experiment_load(NULL, overrides, 2, &x, &err), "%s", err.text);
        cr_expect_eq(x.train.optimizer, count, "%s", OPTIMIZERS[count]->name);
    }
    cr_expect_geq(count, 2);
}

static double rate_of(Params *p, const char *name)
{
    const Param *w = params_find(p, name);
    cr_assert(w, "there is no parameter %s", name);
    return w->lr_scale;
}

Test(experiment, rates_fall_from_layer_to_layer_of_the_encoder)
{
    char *overrides[] = { "data.store=x.h5", "encoder.depth=2", "encoder.layer_decay=0.5", "encoder.rate=0.8", "decoder.rate=0.3" };
    Experiment x;
    CaptionerConfig c;
    Err err = { 0 };
    cr_assert(experiment_load(NULL, overrides, 5, &x, &err), "%s", err.text);
    cr_assert(experiment_captioner(&x, 100, &c, &err), "%s", err.text);
    Params *p = params_blank();
    captioner_new(p, &c);
    Tensor *statistics = param_buffer(params_root(p), "encoder.norm.running_mean", SHAPE(2), INIT_ZEROS);
    experiment_apply_rates(&x, p);
    cr_expect_float_eq(rate_of(p, "encoder.layernorm.weight"), 0.8, 1e-12);
    cr_expect_float_eq(rate_of(p, "encoder.encoder.layer.1.output.dense.weight"), 0.8 / 2, 1e-12);
    cr_expect_float_eq(rate_of(p, "encoder.encoder.layer.0.output.dense.weight"), 0.8 / 4, 1e-12);
    cr_expect_float_eq(rate_of(p, "encoder.embeddings.position_embeddings"), 0.8 / 8, 1e-12);
    cr_expect_float_eq(rate_of(p, "decoder.transformer.h.0.ln_1.weight"), 0.3, 1e-12);
    cr_expect_not(statistics->wants_grad);

    x.encoder.rate = 0;
    experiment_apply_rates(&x, p);
    cr_expect_eq(rate_of(p, "encoder.embeddings.position_embeddings"), 0);
    cr_expect_not(params_find(p, "encoder.embeddings.position_embeddings")->tensor->wants_grad);
    params_free(p);
}

/* RFC 3720, B.4. */
Test(events, crc32c_gives_the_published_values)
{
    uint8_t zeros[32] = { 0 };
    cr_assert_eq(crc32c("123456789", 9), 0xe3069283u);
    cr_assert_eq(crc32c(zeros, 32), 0x8a9136aau);
}

static uint32_t unmask(uint32_t v)
{
    uint32_t r = v - 0xa282ead8u;
    return r >> 17 | r << 15;
}

Test(events, records_carry_their_checksums_and_a_resumed_file_is_cut_back)
{
    char path[] = "/tmp/limn-events-XXXXXX";
    Err err = { 0 };
    size_t bytes;

    close(mkstemp(path));
    Events *e = events_open(path, 0, &err);
    cr_assert(e && events_scalar(e, "train/loss", 1, 2.5, &err), "%s", err.text);
    int64_t kept = events_size(e);
    cr_assert(events_scalar(e, "train/loss", 2, 1.5, &err) && events_close(e, &err), "%s", err.text);
    e = events_open(path, kept, &err);
    cr_assert(e && events_size(e) == kept && events_close(e, &err), "%s", err.text);

    char *data = file_read(path, &bytes, &err);
    cr_assert_eq((int64_t)bytes, kept);
    int records = 0;
    for (size_t at = 0; at < bytes; records++) {
        uint64_t n;
        uint32_t head, body;
        memcpy(&n, data + at, 8);
        memcpy(&head, data + at + 8, 4);
        memcpy(&body, data + at + 12 + n, 4);
        cr_assert_eq(unmask(head), crc32c(data + at, 8));
        cr_assert_eq(unmask(body), crc32c(data + at + 12, n));
        at += 16 + n;
    }
    cr_assert_eq(records, 2, "the file's version and one scalar");
    free(data);
    unlink(path);
}
