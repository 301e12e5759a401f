/* validate.c - choosing the best weights of a training: those of an update, their moving average, or the mean of the last ones.
 *
 * Validations stand at multiples of validate_updates and behind the last update. With train.keep_last K each leaves its weights in the
 * run folder, and removes those of the K-th before. Which these are follows from the update's number: a run that was killed in
 * between and resumed writes and removes them again.                                                                   */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "experiments/evaluate.h"
#include "experiments/metrics/metric.h"
#include "experiments/trainer.h"

/* What one validation found: by the measure's number, in the order of the enum. `value`: the higher the better. */
enum { MEASURES = MEASURE_BLEU + 1 };
typedef struct Found { bool there[MEASURES]; double value[MEASURES], loss, perplexity; } Found;

const char *const MEASURE_NAMES[MEASURES] = { "loss", "named", "clauses", "cider", "bleu" };

/* Captions against the pictures' references, as `limn score` has it: idf is these references'. */
static bool score(const Trainer *r, const Evaluation *e, Found *out, Err *err)
{
    static const struct { Measure measure; const char *metric; int score; } SCORES[] = { { MEASURE_CIDER, "cider", 0 }, { MEASURE_BLEU, "bleu", 3 } };
    CaptionSet *set = evaluation_captions(e, r->store);
    bool ok = true;

    for (int i = 0; ok && i < 2; i++) {
        Scored scored;
        if (!(ok = metric_measure(metric_find(SCORES[i].metric), set, &(MetricOptions){ .team = r->team }, &scored, err))) break;
        out->value[SCORES[i].measure] = scored.scores[SCORES[i].score];
        out->there[SCORES[i].measure] = true;
        scored_free(&scored);
    }
    caption_set_free(set);
    return ok;
}

static bool measure(Trainer *r, Found *out, Err *err)
{
    const Experiment *x = &r->x;
    const int chosen = x->validate.measure;
    Subject s = { r->tape, r->model.captioner, r->model.tokenizer, &r->model.preprocess, r->store, r->features };
    EvaluateOptions o = { .split = x->data.validation, .pictures = x->validate.pictures, .batch = 32, .loss = true,
                          .captions = chosen != MEASURE_LOSS, .search = search_defaults(&r->model) };
    Evaluation e;

    o.search.beam = (int)x->validate.beam;       /* not the final search: validation is for choosing, not for reporting */
    TRY(evaluate(&s, &o, &e, err));
    *out = (Found){ .there = { true, e.composed, e.composed }, .value = { -e.loss, e.named, e.true_clauses }, .loss = e.loss,
                    .perplexity = e.perplexity };
    bool ok = true;
    if (!isfinite(e.perplexity) && r->state.step == 0)
        ok = fail(err, "train.init: the validation loss of %s is %g", x->train.init, e.loss);
    else if (!isfinite(e.perplexity)) {
        char what[64];
        snprintf(what, sizeof what, "afterwards the validation loss is %g", e.loss);
        ok = trainer_explain(r, (r->state.step - 1) * x->train.accumulate, x->train.accumulate, what, err);
    } else if ((chosen == MEASURE_NAMED || chosen == MEASURE_CLAUSES) && !e.composed)
        ok = fail_usage(err, "validate.measure: %s needs composed pictures, whose truth is known; %s has none", MEASURE_NAMES[chosen],
                        x->data.store);
    else if (chosen == MEASURE_CIDER || chosen == MEASURE_BLEU)
        ok = score(r, &e, out, err);
    evaluation_free(&e);
    return ok;
}

/* "32.1 % of objects named, 40.0 % of clauses true" */
static const char *figures(const Found *f, char text[160])
{
    static const struct { const char *format; double factor; } TEXTS[MEASURES] = {
        { "", 0 }, { ", %.1f %% of objects named", 100 }, { ", %.1f %% of clauses true", 100 }, { ", CIDEr %.4f", 1 }, { ", BLEU-4 %.4f", 1 } };
    size_t used = 0;

    text[0] = 0;
    for (int i = 1; i < MEASURES; i++)
        if (f->there[i]) used += (size_t)snprintf(text + used, 160 - used, TEXTS[i].format, TEXTS[i].factor * f->value[i]);
    return text;
}

/* Into log, event file and on the screen. `event` is "validation" or "mean"; `what` is the same for people. Takes the line. */
static bool tell(Trainer *r, const char *event, const char *what, const Found *f, bool better, json_t *line, Err *err)
{
    char text[160];
    bool ok = true;

    for (int i = 0; ok && i < MEASURES; i++) {
        char tag[64];
        if (!f->there[i]) continue;
        snprintf(tag, sizeof tag, "%s/%s", event, MEASURE_NAMES[i]);
        ok = events_scalar(r->run.events, tag, r->state.step, i == MEASURE_LOSS ? f->loss : f->value[i], err);
        if (i != MEASURE_LOSS) json_object_set_new(line, MEASURE_NAMES[i], json_real(f->value[i]));
    }
    figures(f, text);
    if (!*text) snprintf(text, sizeof text, ", perplexity %.2f", f->perplexity);
    progress_say(&r->progress, "update %lld: %s loss %.4f%s%s", (long long)r->state.step, what, f->loss, text, better ? "  (best so far)" : "");
    if (ok) return run_log(&r->run, line, err);
    json_decref(line);
    return false;
}

/* Measures the weights as they are now, and writes model/ when they are the best so far. `of`: the updates that they are a mean of, taken
 * over, or NULL. */
static bool judge(Trainer *r, const char *event, const char *what, json_t *of, bool *better, Err *err)
{
    Found found;

    if (!measure(r, &found, err)) {
        json_decref(of);
        return false;
    }
    double value = found.value[r->x.validate.measure];
    *better = isnan(r->state.best) || value > r->state.best;
    json_t *line = json_pack("{s:s, s:I, s:o*, s:f, s:f, s:b}", "event", event, "step", (json_int_t)r->state.step, "of", of, "loss",
                             found.loss, "perplexity", found.perplexity, "best", *better);
    bool ok = tell(r, event, what, &found, *better, line, err);
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

bool trainer_validate_initial(Trainer *r, Err *err)
{
    bool better;
    return r->state.step > 0 || !r->x.train.init[0] || judge(r, "validation", "train.init: validation", NULL, &better, err);
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
