/* train.c - the training loop.
 *
 * Update k uses batches k*A … k*A+A-1 (A = accumulate) of an endless sequence in which epoch e is batches e*E … e*E+E-1.
 * Order, augmentation and dropout are functions of (seed, batch), so a run that was killed and resumed from its last
 * checkpoint computes what it would have computed anyway.                                                            */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/trainer.h"

static volatile sig_atomic_t interrupted;
static void interrupt(int signal_number) { (void)signal_number; interrupted = 1; }

/* ---- one update ---------------------------------------------------------------------------------------------------- */

typedef struct Update { double norm, rate; int64_t pictures; Outcome outcome; int scalar_count; Scalar scalars[OBJECTIVE_SCALARS]; } Update;

static bool forward(Trainer *r, int64_t batch_number, Tensor **loss, Batch *b, Outcome *o, Err *err)
{
    Tape *t = r->tape;

    TRY(loader_get(r->loader, batch_number / r->epoch_batches, batch_number % r->epoch_batches, b, err));
    t->step = (uint64_t)batch_number;
    Tensor *features = b->features ? b->features : captioner_encode(t, r->model.captioner, b->pixels);
    *loss = r->objective->loss(r, b, features, o);
    return true;
}

bool trainer_explain(Trainer *r, int64_t first, int64_t count, const char *what, Err *err)
{
    Tape *t = r->tape;
    Tensor *loss;
    Batch b;
    Outcome o = { 0 };
    char kept[64];
    const char *culprit = NULL;

    for (int i = 0; i < params_count(r->model.params) && !culprit; i++)
        if (!tensor_finite(params_at(r->model.params, i)->tensor)) culprit = params_at(r->model.params, i)->tensor->name;
    if (!culprit) {
        t->watching = true;
        params_zero_grad(r->model.params);
        for (int64_t i = 0; i < count && !t->watch; i++) {
            tape_reset(t);
            TRY(forward(r, first + i, &loss, &b, &o, err));
            if (!t->watch) tape_backward(t, loss);
        }
        culprit = t->watch ? t->watch : params_largest_grad(r->model.params);
    }
    if (r->saved_step < 0) snprintf(kept, sizeof kept, "There is no checkpoint yet");
    else snprintf(kept, sizeof kept, "The last checkpoint is of update %lld", (long long)r->saved_step);
    return fail(err, "update %lld: %s; first tensor in trouble: %s. %s; lower train.rate, or train.clip, and start a new run",
                (long long)(first / r->x.train.accumulate + 1), what, culprit, kept);
}

static bool update(Trainer *r, Update *u, Err *err)
{
    int64_t parts = r->x.train.accumulate;
    double limit = r->x.train.explode * log((double)r->model.captioner->config.decoder.vocab);
    char what[128];

    *u = (Update){ .rate = schedule_at(&r->schedule, r->state.step) };
    params_zero_grad(r->model.params);
    for (int64_t part = 0; part < parts; part++) {
        int64_t batch_number = r->state.step * parts + part;
        Tensor *loss;
        Batch b;
        TRY(forward(r, batch_number, &loss, &b, &u->outcome, err));
        double value = tape_scalar(loss), mean = outcome_surprise(&u->outcome);
        if (!isfinite(value) || mean > limit) {
            snprintf(what, sizeof what, isfinite(value) ? "the loss exploded to %g" : "the loss is %g", mean);
            return trainer_explain(r, batch_number, 1, what, err);
        }
        tape_backward(r->tape, loss);
        tape_reset(r->tape);
        u->pictures += b.pictures;
    }
    u->scalar_count = r->objective->tell(r, &u->outcome, u->scalars);
    u->norm = params_grad_norm(r->model.params, r->team) / (double)parts;
    if (!isfinite(u->norm)) {
        snprintf(what, sizeof what, "the norm of the gradient is %g", u->norm);
        return trainer_explain(r, r->state.step * parts, parts, what, err);
    }
    double clip = r->x.train.clip > 0 && u->norm > r->x.train.clip ? r->x.train.clip / u->norm : 1;
    optimizer_step(r->optimizer, r->team, u->rate, clip / (double)parts);
    if (r->average) average_update(r->average, r->team, r->x.train.ema, r->optimizer->step);
    return true;
}

/* ---- the loop ------------------------------------------------------------------------------------------------------ */

static bool log_update(Trainer *r, const Update *u, double images_a_second, Err *err)
{
    int64_t step = r->state.step;

    json_t *line = json_pack("{s:I, s:f}", "step", (json_int_t)step, "epoch",
                             (double)(step * r->x.train.accumulate) / (double)r->epoch_batches);
    for (int i = 0; i < u->scalar_count; i++) json_object_set_new(line, u->scalars[i].name, json_real(u->scalars[i].value));
    json_object_set_new(line, "rate", json_real(u->rate));
    json_object_set_new(line, "norm", json_real(u->norm));
    json_object_set_new(line, "images", json_integer(u->pictures));
    json_object_set_new(line, "tokens", json_integer(u->outcome.tokens + u->outcome.sample_tokens));
    TRY(run_log(&r->run, line, err));
    if (step % 10) return true;
    for (int i = 0; i < u->scalar_count; i++) {
        char tag[64];
        snprintf(tag, sizeof tag, "train/%s", u->scalars[i].name);
        TRY(events_scalar(r->run.events, tag, step, u->scalars[i].value, err));
    }
    return events_scalar(r->run.events, "train/rate", step, u->rate, err)
           && events_scalar(r->run.events, "train/gradient_norm", step, u->norm, err)
           && events_scalar(r->run.events, "train/images_per_second", step, images_a_second, err);
}

static bool save(Trainer *r, Err *err)
{
    double now = seconds_now();

    r->state.seconds += now - r->began;
    r->began = now;
    TRY(run_save(&r->run, &r->state, r->model.params, r->optimizer, r->average, err));
    r->saved_step = r->state.step;
    return true;
}

static bool loop(Trainer *r, Err *err)
{
    int64_t first = r->state.step, pictures = 0;
    double started = seconds_now(), smooth = NAN, training = 0;
    char note[128];
    bool enough = false;                         /* early stopping: also when Ctrl-C comes at the same moment */

    r->began = started;
    r->progress = progress_begin("training", r->schedule.total, first, r->options->quiet);
    r->tape->training = true;
    TRY(trainer_validate_initial(r, err));
    while (!enough && r->state.step < r->schedule.total && !interrupted) {
        Update u;
        double before = seconds_now();
        TRY(update(r, &u, err));
        r->state.step++;
        training += seconds_now() - before;
        pictures += u.pictures;
        smooth = isnan(smooth) ? u.scalars[0].value : 0.95 * smooth + 0.05 * u.scalars[0].value;
        snprintf(note, sizeof note, "%s %.3f  rate %.2e", u.scalars[0].name, smooth, u.rate);
        progress_show(&r->progress, r->state.step, note, (double)pictures / training, "images");
        TRY(log_update(r, &u, (double)pictures / training, err));
        bool last = r->state.step == r->schedule.total;
        bool validated = last || r->state.step % r->validate_updates == 0;
        if (validated) TRY(trainer_validate(r, err));
        enough = validated && !last && r->x.validate.patience && r->state.bad >= r->x.validate.patience;
        if (enough) progress_say(&r->progress, "no better validation for %lld times: stopping early", (long long)r->state.bad);
        else if (validated || r->state.step % r->x.train.checkpoint_every == 0) TRY(save(r, err));
    }
    r->state.finished = enough || r->state.step >= r->schedule.total;
    if (r->state.finished) TRY(trainer_validate_mean(r, err));
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
    char mean[64] = "";

    if (r->options->json) {
        json_t *j = json_pack("{s:s, s:I, s:I, s:I, s:s, s:f, s:f, s:I, s:I}", "run", r->run.folder, "updates", (json_int_t)s->step,
                              "best_update", (json_int_t)s->best_step, "best_mean", (json_int_t)s->best_mean, "measure",
                              MEASURE_NAMES[r->x.validate.measure], "best", best, "seconds", s->seconds, "parameters",
                              (json_int_t)params_elements(r->model.params), "activation_bytes", (json_int_t)arena_peak(r->tape->arena));
        json_dumpf(j, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(j);
        return;
    }
    if (s->best_mean) snprintf(mean, sizeof mean, " (the mean of the last %lld validations' weights)", (long long)s->best_mean);
    printf("%s: %lld updates in %s, best validation %s %.4f at update %lld%s\n", r->run.folder, (long long)s->step,
           time_text(s->seconds).s, MEASURE_NAMES[r->x.validate.measure], best, (long long)s->best_step, mean);
    if (!r->options->quiet)
        fprintf(stderr, "activations and their gradients took %.0f MB at most\n", 1e-6 * (double)arena_peak(r->tape->arena));
}

bool train(const TrainOptions *o, Err *err)
{
    Trainer r = { .options = o, .interrupted = &interrupted };

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
        bool done = r.state.finished || loop(&r, err);
        progress_end(&r.progress);               /* whatever is said next begins a line of its own */
        if (done) tell_result(&r);
    }
    trainer_close(&r, err);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    return err->status == 0;
}
