/* train.c - the training loop.
 *
 * Update k uses batches k*A … k*A+A-1 (A = accumulate) of an endless sequence in which epoch e is batches e*E … e*E+E-1.
 * Order, augmentation and dropout are functions of (seed, batch), so a run that was killed and resumed from its last
 * checkpoint computes what it would have computed anyway.                                                            */
#include "experiments/train.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/loader.h"
#include "experiments/evaluate.h"
#include "experiments/run.h"
#include "tensor/base/json.h"

typedef struct Trainer {
    const TrainOptions *options;
    Experiment  x;
    Run         run;
    RunState    state;
    Store      *store;
    Model       model;
    Features   *features;
    Loader     *loader;
    Team       *team;
    Tape       *tape;
    AdamW      *adamw;
    Schedule    schedule;
    Progress    progress;
    int64_t     epoch_batches, validate_updates;
    double      began;                           /* seconds_now() when this process started training */
} Trainer;

static volatile sig_atomic_t interrupted;
static void interrupt(int signal_number) { (void)signal_number; interrupted = 1; }

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static char *default_run_folder(const char *config)
{
    const char *name = strrchr(config, '/') ? strrchr(config, '/') + 1 : config;
    char *folder = path_join("runs", name), *dot = strrchr(folder, '.');

    if (dot && dot > strrchr(folder, '/')) *dot = 0;
    return folder;
}

/* The first line in which two YAML texts differ, for the message. */
static bool same_config(const char *was, const char *is, const char *folder, Err *err)
{
    while (*was && *is) {
        size_t n = strcspn(was, "\n"), m = strcspn(is, "\n");
        if (n != m || memcmp(was, is, n))
            return fail_usage(err, "%s was begun with another config: it says '%.*s', now it is '%.*s'; go on with "
                              "`limn train %s`, or choose another --run", folder, (int)n, was, (int)m, is, folder);
        was += n + (was[n] == '\n');
        is += m + (is[m] == '\n');
    }
    return true;
}

static bool open_config(Trainer *r, Err *err)
{
    const TrainOptions *o = r->options;
    bool from_run = folder_exists(o->config);
    char *file = from_run ? path_join(o->config, "config.yaml") : strdup(o->config);
    char *folder = from_run ? strdup(o->config) : o->run ? strdup(o->run) : default_run_folder(o->config);
    char *saved = NULL;

    if (!file_exists(file) && from_run) fail_usage(err, "%s is a folder, but no run: it has no config.yaml", o->config);
    else if (experiment_load(file, o->overrides, o->override_count, &r->x, err) && run_lock(&r->run, folder, err)) {
        char *was_path = path_join(folder, "config.yaml"), *is = config_dump(EXPERIMENT_FIELDS, &r->x);
        bool begun = run_has_checkpoint(&r->run);
        if (begun && !o->resume && !from_run)
            fail_usage(err, "%s holds a run already; go on with it by `limn train %s`, or choose another --run", folder, folder);
        else if (begun) {
            saved = file_read(was_path, NULL, err);
            if (saved) same_config(saved, is, folder, err);
        } else file_put(was_path, is, strlen(is), err);
        free(was_path);
        free(is);
    }
    free(saved);
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
    if (config.encoder.image != store_size(r->store))
        return fail_usage(err, "%s holds pictures of %d px, but the encoder takes %lld px (encoder.image); prepare the data "
                          "with --size %lld", r->x.data.store, store_size(r->store), (long long)config.encoder.image,
                          (long long)config.encoder.image);
    m->params = params_new((uint64_t)r->x.seed);
    m->captioner = captioner_new(m->params, &config);
    m->max_length = (int)r->x.generate.max_length;
    m->beam = (int)r->x.generate.beam;
    if (r->x.encoder.weights[0]) {
        TRY(encoder_load(m->params, "encoder.", m->captioner->encoder, r->x.encoder.weights, err));
        TRY(preprocess_like(r->x.encoder.weights, &m->preprocess, err));
    }
    experiment_apply_rates(&r->x, m->params);
    return true;
}

static bool features_progress(int64_t done, int64_t total, void *context)
{
    (void)total;
    progress_show(context, done, "", 0, "");
    return !interrupted;
}

static char *cache_folder(const Experiment *x)
{
    const char *slash = strrchr(x->data.store, '/');
    char *folder = NULL;

    if (x->data.cache[0]) return strdup(x->data.cache);
    REQUIRE(asprintf(&folder, "%.*scache", slash ? (int)(slash - x->data.store + 1) : 0, x->data.store) >= 0, "out of memory");
    return folder;
}

static bool open_features(Trainer *r, Err *err)
{
    if (!r->x.encoder.cache) return true;
    int views = r->x.data.flip ? 2 : 1;
    char *folder = cache_folder(&r->x);
    Progress p = progress_begin("encoding pictures once", store_count(r->store), 0, r->options->quiet);

    r->tape->recording = false;
    if (folder_make(folder, err))
        r->features = features_open(folder, r->store, r->model.captioner->encoder, r->model.params, &r->model.preprocess, r->tape,
                                    views, features_progress, &p, err);
    r->tape->recording = true;
    progress_end(&p);
    free(folder);
    if (!r->features && interrupted) return fail(err, "interrupted; the same command goes on with the cache where it stopped");
    return r->features != NULL;
}

static bool open_loader(Trainer *r, Err *err)
{
    const Experiment *x = &r->x;
    LoaderOptions o = { .split = x->data.train, .pictures = (int)x->train.pictures, .captions = (int)x->train.captions,
                        .max_length = (int)x->decoder.length, .shuffle = true, .flip = x->data.flip, .seed = (uint64_t)x->seed,
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
    r->adamw = adamw_new(r->model.params, x->train.beta1, x->train.beta2, x->train.eps, x->train.decay);
    return true;
}

/* A run that goes on must find the data and the kernels that it began with, or its numbers would mean something else. */
static bool open_state(Trainer *r, Err *err)
{
    const Backend *b = r->tape->backend;
    RunState fresh = { .best = NAN, .best_step = -1 };

    snprintf(fresh.data_hash, sizeof fresh.data_hash, "%s", store_hash(r->store));
    snprintf(fresh.kernels, sizeof fresh.kernels, "%s", b->describe ? b->describe() : b->name);
    r->state = fresh;
    if (run_has_checkpoint(&r->run)) {
        TRY(run_load(&r->run, &r->state, r->model.params, r->adamw, err));
        if (strcmp(r->state.data_hash, fresh.data_hash))
            return fail(err, "%s began with data of hash %.16s…, but %s now has %.16s…; put the old store back or start a new run",
                        r->run.folder, r->state.data_hash, r->x.data.store, fresh.data_hash);
        if (strcmp(r->state.kernels, fresh.kernels))
            return fail(err, "%s began with the kernels '%s', but here they are '%s'; the numbers would not go on as they "
                        "began: resume on a machine like the first, or start a new run", r->run.folder, r->state.kernels, fresh.kernels);
    }
    TRY(run_open_logs(&r->run, &r->state, err));
    char *folder = run_path(&r->run, "model");
    bool ok = model_write_description(folder, &r->model, err)
              && run_write_provenance(&r->run, &r->x, b, team_size(r->team), fresh.data_hash, r->options->argc, r->options->argv, err);
    free(folder);
    return ok;
}

static bool trainer_open(Trainer *r, Err *err)
{
    TRY(open_config(r, err));
    const Backend *backend = backend_find(r->x.backend, err);
    TRY(backend != NULL);
    r->team = team_new((int)r->x.threads);
    r->tape = tape_new(backend, r->team, (uint64_t)r->x.seed);
    r->store = store_open(r->x.data.store, err);
    return r->store && open_model(r, err) && open_features(r, err) && open_loader(r, err) && open_state(r, err);
}

static void trainer_close(Trainer *r, Err *err)
{
    Err closing = { 0 };

    if (r->loader) loader_free(r->loader);
    if (r->features) features_close(r->features);
    if (r->store) store_close(r->store);
    if (r->adamw) adamw_free(r->adamw);
    if (r->tape) tape_free(r->tape);
    team_free(r->team);
    if (r->model.tokenizer) tokenizer_free(r->model.tokenizer);
    if (r->model.params) params_free(r->model.params);
    if (!run_close(&r->run, &closing) && !err->status) *err = closing;
}

/* ---- one update ---------------------------------------------------------------------------------------------------- */

typedef struct Update { double loss, norm, rate; int64_t tokens, pictures; } Update;

static bool forward(Trainer *r, int64_t batch_number, Tensor **loss, Batch *b, double *nll, Err *err)
{
    Tape *t = r->tape;

    TRY(loader_get(r->loader, batch_number / r->epoch_batches, batch_number % r->epoch_batches, b, err));
    t->step = (uint64_t)batch_number;
    Tensor *features = b->features ? b->features : captioner_encode(t, r->model.captioner, b->pixels);
    *loss = captioner_loss(t, r->model.captioner, features, b->tokens, b->targets, b->image_of, r->x.train.smoothing, 0, nll);
    return true;
}

/* Runs the batch again with every output and gradient looked at, to say where the trouble began. */
static bool explain(Trainer *r, int64_t batch_number, const char *what, Err *err)
{
    Tape *t = r->tape;
    Tensor *loss;
    Batch b;
    double nll;
    const char *culprit = NULL;

    for (int i = 0; i < params_count(r->model.params) && !culprit; i++)
        if (!tensor_finite(params_at(r->model.params, i)->tensor)) culprit = params_at(r->model.params, i)->tensor->name;
    if (!culprit) {
        tape_reset(t);
        t->watching = true;
        params_zero_grad(r->model.params);
        TRY(forward(r, batch_number, &loss, &b, &nll, err));
        if (!t->watch) tape_backward(t, loss);
        culprit = t->watch ? t->watch : params_largest_grad(r->model.params);
    }
    return fail(err, "update %lld: %s; first tensor in trouble: %s. The last good checkpoint is of update %lld or before; "
                "lower train.rate, or train.clip, and start again", (long long)r->state.step + 1, what, culprit,
                (long long)(r->state.step / r->x.train.checkpoint_every * r->x.train.checkpoint_every));
}

static bool update(Trainer *r, Update *u, Err *err)
{
    int64_t parts = r->x.train.accumulate;
    double limit = r->x.train.explode * log((double)r->model.captioner->config.decoder.vocab), nll_sum = 0;
    char what[128];

    *u = (Update){ .rate = schedule_at(&r->schedule, r->state.step) };
    params_zero_grad(r->model.params);
    for (int64_t part = 0; part < parts; part++) {
        int64_t batch_number = r->state.step * parts + part;
        Tensor *loss;
        Batch b;
        double nll = 0;
        TRY(forward(r, batch_number, &loss, &b, &nll, err));
        double value = tape_scalar(loss), mean = nll / (double)(b.target_count ? b.target_count : 1);
        if (!isfinite(value) || mean > limit) {
            snprintf(what, sizeof what, isfinite(value) ? "the loss exploded to %g" : "the loss is %g", mean);
            return explain(r, batch_number, what, err);
        }
        tape_backward(r->tape, loss);
        tape_reset(r->tape);
        nll_sum += nll;
        u->tokens += b.target_count;
        u->pictures += b.pictures;
    }
    u->loss = nll_sum / (double)(u->tokens ? u->tokens : 1);
    u->norm = params_grad_norm(r->model.params, r->team) / (double)parts;
    if (!isfinite(u->norm)) {
        snprintf(what, sizeof what, "the norm of the gradient is %g", u->norm);
        return explain(r, (r->state.step + 1) * parts - 1, what, err);
    }
    double clip = r->x.train.clip > 0 && u->norm > r->x.train.clip ? r->x.train.clip / u->norm : 1;
    adamw_step(r->adamw, r->team, u->rate, clip / (double)parts);
    return true;
}

/* ---- validation ---------------------------------------------------------------------------------------------------- */

static const char *const MEASURE_NAMES[] = { "loss", "named", "clauses" };

static bool validate(Trainer *r, Err *err)
{
    const Experiment *x = &r->x;
    bool captions = x->validate.measure != MEASURE_LOSS;
    Subject s = { r->tape, r->model.captioner, r->model.tokenizer, &r->model.preprocess, r->store, r->features };
    EvaluateOptions o = { .split = x->data.validation, .pictures = x->validate.pictures, .batch = 32, .loss = true,
                          .captions = captions, .search = experiment_search(x, r->model.tokenizer) };
    Evaluation e;

    o.search.beam = 1;                           /* greedy: validation is for choosing, not for reporting */
    TRY(evaluate(&s, &o, &e, err));
    if (captions && !e.composed) {
        evaluation_free(&e);
        return fail_usage(err, "validate.measure: %s needs composed pictures, whose truth is known; %s has none",
                          MEASURE_NAMES[x->validate.measure], x->data.store);
    }
    double value = x->validate.measure == MEASURE_LOSS ? -e.loss : x->validate.measure == MEASURE_NAMED ? e.named : e.true_clauses;
    bool better = isnan(r->state.best) || value > r->state.best;

    json_t *line = json_pack("{s:s, s:I, s:f, s:f, s:b}", "event", "validation", "step", (json_int_t)r->state.step, "loss", e.loss,
                             "perplexity", e.perplexity, "best", better);
    bool ok = events_scalar(r->run.events, "validation/loss", r->state.step, e.loss, err);
    if (captions) {
        json_object_set_new(line, "named", json_real(e.named));
        json_object_set_new(line, "clauses", json_real(e.true_clauses));
        ok = ok && events_scalar(r->run.events, "validation/named", r->state.step, e.named, err)
             && events_scalar(r->run.events, "validation/clauses", r->state.step, e.true_clauses, err);
        progress_say(&r->progress, "update %lld: validation loss %.4f, %.1f %% of objects named, %.1f %% of clauses true%s",
                     (long long)r->state.step, e.loss, 100 * e.named, 100 * e.true_clauses, better ? "  (best so far)" : "");
    } else
        progress_say(&r->progress, "update %lld: validation loss %.4f, perplexity %.2f%s", (long long)r->state.step, e.loss,
                     e.perplexity, better ? "  (best so far)" : "");
    evaluation_free(&e);
    if (!ok) {
        json_decref(line);
        return false;
    }
    TRY(run_log(&r->run, line, err));
    r->state.bad = better ? 0 : r->state.bad + 1;
    if (!better) return true;
    r->state.best = value;
    r->state.best_step = r->state.step;
    char *folder = run_path(&r->run, "model");
    ok = model_write_weights(folder, &r->model, err);
    free(folder);
    return ok;
}

/* ---- the loop ------------------------------------------------------------------------------------------------------ */

static bool log_update(Trainer *r, const Update *u, double images_a_second, Err *err)
{
    int64_t step = r->state.step;

    TRY(run_log(&r->run, json_pack("{s:I, s:f, s:f, s:f, s:f, s:I, s:I}", "step", (json_int_t)step, "epoch",
                                   (double)(step * r->x.train.accumulate) / (double)r->epoch_batches, "loss", u->loss, "rate", u->rate,
                                   "norm", u->norm, "images", (json_int_t)u->pictures, "tokens", (json_int_t)u->tokens), err));
    if (step % 10) return true;
    return events_scalar(r->run.events, "train/loss", step, u->loss, err)
           && events_scalar(r->run.events, "train/rate", step, u->rate, err)
           && events_scalar(r->run.events, "train/gradient_norm", step, u->norm, err)
           && events_scalar(r->run.events, "train/images_per_second", step, images_a_second, err);
}

static bool save(Trainer *r, Err *err)
{
    double now = seconds_now();

    r->state.seconds += now - r->began;
    r->began = now;
    return run_save(&r->run, &r->state, r->model.params, r->adamw, err);
}

static bool loop(Trainer *r, Err *err)
{
    int64_t first = r->state.step, pictures = 0;
    double started = seconds_now(), smooth = NAN, training = 0;
    char note[128];

    r->began = started;
    r->progress = progress_begin("training", r->schedule.total, first, r->options->quiet);
    r->tape->training = true;
    while (r->state.step < r->schedule.total && !interrupted) {
        Update u;
        double before = seconds_now();
        TRY(update(r, &u, err));
        r->state.step++;
        training += seconds_now() - before;
        pictures += u.pictures;
        smooth = isnan(smooth) ? u.loss : 0.95 * smooth + 0.05 * u.loss;
        snprintf(note, sizeof note, "loss %.3f  rate %.2e", smooth, u.rate);
        progress_show(&r->progress, r->state.step, note, (double)pictures / training, "images");
        TRY(log_update(r, &u, (double)pictures / training, err));
        bool last = r->state.step == r->schedule.total;
        bool validated = last || r->state.step % r->validate_updates == 0;
        if (validated) TRY(validate(r, err));
        if (validated && !last && r->x.validate.patience && r->state.bad >= r->x.validate.patience) {
            progress_say(&r->progress, "no better validation for %lld times: stopping early", (long long)r->state.bad);
            break;
        }
        if (validated || r->state.step % r->x.train.checkpoint_every == 0) TRY(save(r, err));
    }
    progress_end(&r->progress);
    r->state.finished = !interrupted || r->state.step >= r->schedule.total;
    TRY(save(r, err));
    if (!r->state.finished)
        return fail(err, "interrupted after update %lld; a checkpoint was written: go on with `limn train %s`",
                    (long long)r->state.step, r->run.folder);
    return true;
}

static void tell_result(const Trainer *r)
{
    const RunState *s = &r->state;
    bool loss = r->x.validate.measure == MEASURE_LOSS;
    double best = loss ? -s->best : s->best;

    if (r->options->json) {
        json_t *j = json_pack("{s:s, s:I, s:I, s:s, s:f, s:f, s:I}", "run", r->run.folder, "updates", (json_int_t)s->step,
                              "best_update", (json_int_t)s->best_step, "measure", MEASURE_NAMES[r->x.validate.measure], "best", best,
                              "seconds", s->seconds, "parameters", (json_int_t)params_elements(r->model.params));
        json_dumpf(j, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(j);
        return;
    }
    printf("%s: %lld updates in %s, best validation %s %.4f at update %lld\n", r->run.folder, (long long)s->step,
           time_text(s->seconds).s, MEASURE_NAMES[r->x.validate.measure], best, (long long)s->best_step);
}

bool train(const TrainOptions *o, Err *err)
{
    Trainer r = { .options = o };

    struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND }, old_int, old_term;
    interrupted = 0;
    sigaction(SIGINT, &action, &old_int);
    sigaction(SIGTERM, &action, &old_term);
    if (trainer_open(&r, err)) {
        if (!o->quiet && !r.state.finished)
            fprintf(stderr, "%s: %lld pictures, vocabulary %lld, %.2f M parameters, backend %s on %d thread%s%s\n", r.run.folder,
                    (long long)loader_pictures(r.loader), (long long)r.model.captioner->config.decoder.vocab,
                    1e-6 * (double)params_elements(r.model.params), r.tape->backend->name, team_size(r.team),
                    team_size(r.team) > 1 ? "s" : "", r.state.step ? ", resumed" : "");
        if (r.state.finished || loop(&r, err)) tell_result(&r);
    }
    trainer_close(&r, err);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    return err->status == 0;
}
