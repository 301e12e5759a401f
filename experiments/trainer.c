/* trainer.c - opening a training run: config, run folder, data, model, cached features, optimizer, state; and closing it. */
#include "experiments/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/json.h"

static char *default_run_folder(const char *config)
{
    const char *name = strrchr(config, '/') ? strrchr(config, '/') + 1 : config;
    char *folder = path_join("runs", name), *dot = strrchr(folder, '.');

    if (dot && dot > strrchr(folder, '/')) *dot = 0;
    return folder;
}

/* Compares the config that a run was begun with and today's; the first line that differs goes into the message. What no result
 * depends on (threads, workers, recomputation, where store, vectors and cache are, how often to save) may change: the hashes of store
 * and vectors are checked later. */
static bool same_config(const char *saved, const Experiment *now, const char *folder, Err *err)
{
    Experiment before;

    TRY(experiment_load(saved, NULL, 0, &before, err));
    before.threads = now->threads;
    before.data.workers = now->data.workers;
    memcpy(before.data.store, now->data.store, sizeof before.data.store);
    memcpy(before.data.cache, now->data.cache, sizeof before.data.cache);
    if (before.encoder.vectors[0] && now->encoder.vectors[0])
        memcpy(before.encoder.vectors, now->encoder.vectors, sizeof before.encoder.vectors);
    before.train.checkpoint_every = now->train.checkpoint_every;
    before.encoder.recompute = now->encoder.recompute;

    char *was = config_dump(EXPERIMENT_FIELDS, &before), *is = config_dump(EXPERIMENT_FIELDS, now);
    const char *w = was, *i = is;
    size_t n, m;
    while (*w && (n = strcspn(w, "\n")) == (m = strcspn(i, "\n")) && !memcmp(w, i, n)) {
        w += n + (w[n] == '\n');
        i += m + (i[m] == '\n');
    }
    if (*w || *i)
        fail_usage(err, "%s was begun with another config: it says '%.*s', now it is '%.*s'; go on with `limn train %s`, or choose "
                   "another --run", folder, (int)strcspn(w, "\n"), w, (int)strcspn(i, "\n"), i, folder);
    free(was);
    free(is);
    return err->status == 0;
}

static bool open_config(Trainer *r, Err *err)
{
    const TrainOptions *o = r->options;
    bool from_run = folder_exists(o->config);
    char *file = from_run ? path_join(o->config, "config.yaml") : strdup(o->config);
    char *folder = from_run ? strdup(o->config) : o->run ? strdup(o->run) : default_run_folder(o->config);

    if (!file_exists(file) && from_run) fail_usage(err, "%s is a folder, but no run: it has no config.yaml", o->config);
    else if (from_run && o->run) fail_usage(err, "%s is a run and goes on in its own folder: leave --run out", o->config);
    else if (experiment_load(file, o->overrides, o->override_count, &r->x, err) && run_lock(&r->run, folder, err)) {
        char *saved = path_join(folder, "config.yaml"), *text = config_dump(EXPERIMENT_FIELDS, &r->x);
        bool begun = run_has_checkpoint(&r->run);
        if (begun && !o->resume && !from_run)
            fail_usage(err, "%s holds a run already; go on with it by `limn train %s`, or choose another --run", folder, folder);
        else if (!begun || same_config(saved, &r->x, folder, err)) file_put(saved, text, strlen(text), err);
        free(saved);
        free(text);
    }
    free(folder);
    free(file);
    return err->status == 0;
}

/* Mean and deviation are those the loaded encoder was trained with; how pictures were resized is the store's to say. */
static bool preprocess_like(const char *folder, Preprocess *p, Err *err)
{
    char *path = path_join(folder, "preprocessor_config.json");
    bool ok = true;

    if (file_exists(path)) {
        Preprocess theirs;
        json_t *j = json_read_file(path, err);
        if ((ok = j && preprocess_from_json(j, path, &theirs, err))) {
            memcpy(p->mean, theirs.mean, sizeof p->mean);
            memcpy(p->std, theirs.std, sizeof p->std);
        }
        json_decref(j);
    }
    free(path);
    return ok;
}

static bool open_model(Trainer *r, Err *err)
{
    Model *m = &r->model;
    CaptionerConfig config;
    const char *tokenizer = store_tokenizer(r->store);

    if (!tokenizer) return fail(err, "%s has no vocabulary; prepare it with one", r->x.data.store);
    m->tokenizer = tokenizer_from_json(tokenizer, strlen(tokenizer), r->x.data.store, err);
    TRY(m->tokenizer && preprocess_from_json(store_preprocess(r->store), r->x.data.store, &m->preprocess, err));
    TRY(experiment_captioner(&r->x, tokenizer_size(m->tokenizer), &config, err));
    if (r->x.encoder.vectors[0]) config.encoder.image = store_size(r->store);    /* pictures are not looked at */
    if (store_size(r->store) == 0) {             /* pictures of their own sizes are resized as they are read */
        m->preprocess.mode = (ResizeMode)r->x.data.resize;
        m->preprocess.size = (int)config.encoder.image;
        m->preprocess.edge = 0;
    } else if (config.encoder.image != store_size(r->store))
        return fail_usage(err, "%s holds pictures of %d px, but the encoder takes %lld px (encoder.image); prepare the data "
                          "with --size %lld", r->x.data.store, store_size(r->store), (long long)config.encoder.image,
                          (long long)config.encoder.image);
    m->params = params_new((uint64_t)r->x.seed);
    m->captioner = captioner_new(m->params, &config);
    m->max_length = (int)r->x.generate.max_length;
    m->beam = (int)r->x.generate.beam;
    m->average = r->x.generate.length == LENGTH_AVERAGE;
    if (r->x.encoder.weights[0]) {
        TRY(encoder_load(m->params, "encoder.", m->captioner->encoder, r->x.encoder.weights, err));
        TRY(preprocess_like(r->x.encoder.weights, &m->preprocess, err));
    }
    if (r->x.train.init[0] && !run_has_checkpoint(&r->run)) TRY(trainer_load_initial(r, err));
    experiment_apply_rates(&r->x, m->params);
    r->optimizer = optimizer_new(OPTIMIZERS[r->x.train.optimizer], m->params, (OptimizerOptions){
        .decay = r->x.train.decay, .beta1 = r->x.train.beta1, .beta2 = r->x.train.beta2, .eps = r->x.train.eps,
        .momentum = r->x.train.momentum, .nesterov = r->x.train.nesterov });
    if (r->x.train.ema > 0) r->average = average_new(m->params);
    return true;
}

/* A run that goes on must find the data and the kernels that it began with, or its numbers would mean something else. */
static bool open_state(Trainer *r, Err *err)
{
    const Backend *b = r->tape->backend;
    RunState fresh = { .best = NAN, .best_step = -1 };

    snprintf(fresh.data_hash, sizeof fresh.data_hash, "%s%s%s", store_hash(r->store), r->features ? "+" : "",
             r->features ? features_hash(r->features) : "");
    snprintf(fresh.kernels, sizeof fresh.kernels, "%s", b->describe ? b->describe() : b->name);
    r->state = fresh;
    r->saved_step = -1;
    if (run_has_checkpoint(&r->run)) {
        TRY(run_load(&r->run, &r->state, r->model.params, r->optimizer, r->average, err));
        if (strcmp(r->state.data_hash, fresh.data_hash))
            return fail(err, "%s began with data of hash %s, but %s now has %s; put the old store and vectors back or start a new run",
                        r->run.folder, r->state.data_hash, r->x.data.store, fresh.data_hash);
        if (strcmp(r->state.kernels, fresh.kernels))
            return fail(err, "%s began with the kernels '%s', but here they are '%s'; the numbers would not go on as they "
                        "began: resume on a machine like the first, or start a new run", r->run.folder, r->state.kernels, fresh.kernels);
        r->saved_step = r->state.step;
    }
    TRY(run_open_logs(&r->run, &r->state, err));
    if (r->state.finished) return true;          /* nothing is going to be computed */
    char *folder = run_path(&r->run, "model");
    bool ok = model_write_description(folder, &r->model, err)
              && run_write_provenance(&r->run, &r->x, b, team_size(r->team), fresh.data_hash, r->state.step, r->options->argc,
                                      r->options->argv, err);
    free(folder);
    return ok;
}

typedef struct Encoding { Progress progress; bool begun, waiting; volatile sig_atomic_t *interrupted; } Encoding;

static bool features_progress(int64_t done, int64_t total, void *context)
{
    Encoding *e = context;
    if (done < 0 && !e->waiting) progress_say(&e->progress, "waiting for another process that computes these features");
    e->waiting = done < 0;
    if (e->waiting) return !*e->interrupted;
    if (!e->begun) e->progress.first = done;     /* an earlier process may have got so far */
    e->begun = true;
    e->progress.total = total;
    progress_show(&e->progress, done, "", 0, "");
    return !*e->interrupted;
}

static bool open_features(Trainer *r, Err *err)
{
    if (!r->x.encoder.cache) return true;        /* or imported, and open already */
    int views = r->x.data.flip ? 2 : 1;
    char *folder = experiment_cache_folder(&r->x);
    Encoding e = { progress_begin("encoding pictures once", store_count(r->store), 0, r->options->quiet), false, false, r->interrupted };

    r->tape->recording = false;
    if (folder_make(folder, err))
        r->features = features_open(folder, r->store, r->model.captioner->encoder, r->model.params, &r->model.preprocess, r->tape,
                                    views, features_progress, &e, err);
    r->tape->recording = true;
    progress_end(&e.progress);
    free(folder);
    if (!r->features && *r->interrupted) return fail(err, "interrupted; the same command goes on with the cache where it stopped");
    return r->features != NULL;
}

/* Before the state: what a run goes on with must be what it began with. */
static bool import_features(Trainer *r, Err *err)
{
    if (r->x.encoder.vectors[0]) r->features = features_import(r->x.encoder.vectors, r->store, err);
    return r->features || !r->x.encoder.vectors[0];
}

static bool open_loader(Trainer *r, Err *err)
{
    const Experiment *x = &r->x;
    LoaderOptions o = { .split = x->data.train, .pictures = (int)x->train.pictures, .captions = (int)x->train.captions,
                        .max_length = (int)x->decoder.length, .shuffle = true, .by_length = x->train.batches == BATCHES_LENGTH,
                        .flip = x->data.flip, .crop = x->data.crop, .jitter = x->data.jitter, .seed = (uint64_t)x->seed,
                        .fraction = x->data.fraction, .workers = (int)x->data.workers, .prefetch = 4 };

    if (store_find_split(r->store, x->data.validation) < 0)
        return fail_usage(err, "%s has no split '%s' (data.validation)", x->data.store, x->data.validation);
    r->loader = loader_new(r->store, r->model.tokenizer, &r->model.preprocess, r->features, o, err);
    TRY(r->loader != NULL);
    r->epoch_batches = loader_batches(r->loader);

    double updates = (double)r->epoch_batches / (double)x->train.accumulate;
    int64_t total = x->train.steps ? x->train.steps : (int64_t)ceil(updates * (double)x->train.epochs);
    r->validate_updates = (int64_t)fmax(1, round(updates * x->validate.every));
    r->schedule = (Schedule){ (ScheduleKind)x->train.schedule, x->train.rate, x->train.floor,
                              (int64_t)(x->train.warmup * (double)total), total };
    return true;
}

bool trainer_open(Trainer *r, Err *err)
{
    TRY(open_config(r, err));
    const Backend *backend = backend_find(r->x.backend, err);
    TRY(backend != NULL);
    r->objective = OBJECTIVES[r->x.train.objective];
    r->team = team_new((int)r->x.threads);
    r->tape = tape_new(backend, r->team, (uint64_t)r->x.seed);
    r->store = store_open(r->x.data.store, err);
    /* The state before the features: a resumed run encodes with the weights of its checkpoint, whatever became of encoder.weights. */
    return r->store && open_model(r, err) && import_features(r, err) && open_state(r, err)
           && (r->state.finished || (open_features(r, err) && open_loader(r, err) && (!r->objective->begin || r->objective->begin(r, err))));
}

void trainer_close(Trainer *r, Err *err)
{
    Err closing = { 0 };

    if (r->objective && r->objective->end) r->objective->end(r);
    if (r->loader) loader_free(r->loader);
    if (r->features) features_close(r->features);
    if (r->store) store_close(r->store);
    optimizer_free(r->optimizer);
    average_free(r->average);
    if (r->tape) tape_free(r->tape);
    team_free(r->team);
    if (r->model.tokenizer) tokenizer_free(r->model.tokenizer);
    if (r->model.params) params_free(r->model.params);
    if (!run_close(&r->run, &closing) && !err->status) *err = closing;
}
