/* validate.c - choosing the best weights of a training: those of an update, their moving average, or the mean of the last ones.
 *
 * Validations stand at multiples of validate_updates and behind the last update. With train.keep_last K each leaves its weights in the
 * run folder, and removes those of the K-th before. Which these are follows from the update's number: a run that was killed in
 * between and resumed writes and removes them again.                                                                   */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "experiments/evaluate.h"
#include "experiments/trainer.h"

const char *const MEASURE_NAMES[] = { "loss", "named", "clauses" };

static bool measure(Trainer *r, Evaluation *e, Err *err)
{
    const Experiment *x = &r->x;
    Subject s = { r->tape, r->model.captioner, r->model.tokenizer, &r->model.preprocess, r->store, r->features };
    EvaluateOptions o = { .split = x->data.validation, .pictures = x->validate.pictures, .batch = 32, .loss = true,
                          .captions = x->validate.measure != MEASURE_LOSS, .search = search_defaults(&r->model) };

    o.search.beam = 1;                           /* greedy: validation is for choosing, not for reporting */
    TRY(evaluate(&s, &o, e, err));
    if (isfinite(e->perplexity) && (!o.captions || e->composed)) return true;
    if (isfinite(e->perplexity))
        fail_usage(err, "validate.measure: %s needs composed pictures, whose truth is known; %s has none",
                   MEASURE_NAMES[x->validate.measure], x->data.store);
    else {
        char what[64];
        snprintf(what, sizeof what, "afterwards the validation loss is %g", e->loss);
        trainer_explain(r, (r->state.step - 1) * x->train.accumulate, x->train.accumulate, what, err);
    }
    evaluation_free(e);
    return false;
}

/* Into log, event file and on the screen. `event` is "validation" or "mean"; `what` is the same for people. Takes the line. */
static bool tell(Trainer *r, const char *event, const char *what, const Evaluation *e, bool better, json_t *line, Err *err)
{
    const struct { const char *name; double value; } scalars[] = { { "loss", e->loss }, { "named", e->named }, { "clauses", e->true_clauses } };
    bool captions = r->x.validate.measure != MEASURE_LOSS, ok = true;
    const char *best = better ? "  (best so far)" : "";

    for (int i = 0; ok && i < (captions ? 3 : 1); i++) {
        char tag[64];
        snprintf(tag, sizeof tag, "%s/%s", event, scalars[i].name);
        ok = events_scalar(r->run.events, tag, r->state.step, scalars[i].value, err);
        if (i) json_object_set_new(line, scalars[i].name, json_real(scalars[i].value));
    }
    if (captions)
        progress_say(&r->progress, "update %lld: %s loss %.4f, %.1f %% of objects named, %.1f %% of clauses true%s",
                     (long long)r->state.step, what, e->loss, 100 * e->named, 100 * e->true_clauses, best);
    else
        progress_say(&r->progress, "update %lld: %s loss %.4f, perplexity %.2f%s", (long long)r->state.step, what, e->loss,
                     e->perplexity, best);
    if (ok) return run_log(&r->run, line, err);
    json_decref(line);
    return false;
}

/* Measures the weights as they are now, and writes model/ when they are the best so far. `of`: the updates that they are a mean of, taken
 * over, or NULL. */
static bool judge(Trainer *r, const char *event, const char *what, json_t *of, bool *better, Err *err)
{
    const int chosen = r->x.validate.measure;
    Evaluation e;

    if (!measure(r, &e, err)) {
        json_decref(of);
        return false;
    }
    double value = chosen == MEASURE_LOSS ? -e.loss : chosen == MEASURE_NAMED ? e.named : e.true_clauses;
    *better = isnan(r->state.best) || value > r->state.best;
    json_t *line = json_pack("{s:s, s:I, s:o*, s:f, s:f, s:b}", "event", event, "step", (json_int_t)r->state.step, "of", of, "loss",
                             e.loss, "perplexity", e.perplexity, "best", *better);
    bool ok = tell(r, event, what, &e, *better, line, err);
    evaluation_free(&e);
    if (!ok || !*better) return ok;
    r->state.best = value;
    r->state.best_step = r->state.step;
    char *folder = run_path(&r->run, "model");
    ok = model_write_weights(folder, &r->model, err);
    free(folder);
    return ok;
}

/* ---- the weights of the last validations ------------------------------------------------------------------------------ */

/* The update of the validation before that of `step`; 0: there is none. */
static int64_t validation_before(const Trainer *r, int64_t step) { return (step - 1) / r->validate_updates * r->validate_updates; }

static bool keep_weights(Trainer *r, Err *err)
{
    int64_t old = r->state.step;
    char *path = run_weights_path(&r->run, old);
    bool ok = weights_save(r->model.params, path, err);

    free(path);
    for (int64_t k = 0; k < r->x.train.keep_last && old > 0; k++) old = validation_before(r, old);
    path = run_weights_path(&r->run, old);
    if (ok && old > 0) remove(path);             /* gone already when this validation is done a second time */
    free(path);
    return ok;
}

bool trainer_validate(Trainer *r, Err *err)
{
    bool better = false;

    if (r->average) average_swap(r->average);
    bool ok = judge(r, "validation", "validation", NULL, &better, err) && (!r->x.train.keep_last || keep_weights(r, err));
    if (r->average) average_swap(r->average);
    r->state.bad = better ? 0 : r->state.bad + 1;
    return ok;
}

bool trainer_validate_mean(Trainer *r, Err *err)
{
    char **paths = calloc((size_t)r->x.train.keep_last + 1, sizeof *paths), what[64];
    json_t *steps = json_array();
    bool better = false, ok = true;
    int count = 0;

    REQUIRE(paths, "out of memory");
    for (int64_t at = r->state.step; at > 0 && count < r->x.train.keep_last; at = validation_before(r, at)) {
        paths[count++] = run_weights_path(&r->run, at);
        json_array_insert_new(steps, 0, json_integer(at));
    }
    if (count > 1) {
        Average *mean = average_of_files(r->model.params, paths, count, err);
        snprintf(what, sizeof what, "mean of the last %d: validation", count);
        if ((ok = mean != NULL)) {
            average_swap(mean);
            ok = judge(r, "mean", what, json_incref(steps), &better, err);
            average_swap(mean);
        }
        if (better) r->state.best_mean = count;
        average_free(mean);
    }
    for (int i = 0; i < count; i++) free(paths[i]);
    free(paths);
    json_decref(steps);
    return ok;
}
