/* baselines.c - the captions of each baseline, and their scores. */
#include "experiments/baselines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/cider.h"
#include "experiments/neighbours.h"
#include "experiments/scoring.h"
#include "tensor/base/json.h"
#include "text/vocab.h"

const char *const BASELINE_NAMES[BASELINES] = { "human", "nearest", "generic", "shuffled" };
enum { HUMAN, NEAREST, GENERIC_ROW, SHUFFLED };

typedef struct Work {
    const Subject       *s;
    const Evaluation    *e;
    const MetricChoice  *choice;
    const MetricOptions *metric;
    const int64_t       *train;                  /* items                                                               */
    int64_t              train_count;
    CaptionSet          *said;                   /* the training split: an image an item, in its order                  */
    CiderScorer         *cider;                  /* over it                                                             */
} Work;

static bool score_captions(const Work *w, const char *const *captions, Scores *out, Err *err)
{
    CaptionSet *set = scoring_set(w->s->store, w->e, captions);
    bool ok = scores_measure(w->choice, set, w->metric, out, err);
    caption_set_free(set);
    return ok;
}

/* ---- human --------------------------------------------------------------------------------------------------------------- */

/* Of every picture with several captions the turn-th against the others. */
static CaptionSet *human_turn(const Work *w, int64_t turn)
{
    CaptionSet *set = caption_set_new();

    for (int64_t i = 0; i < w->e->pictures; i++) {
        int64_t item = w->e->results[i].item, count = store_caption_count(w->s->store, item);
        if (count < 2) continue;
        int64_t image = caption_set_image(set, item);
        for (int64_t k = 0; k < count; k++)
            (k == turn % count ? caption_set_candidate : caption_set_reference)(set, image, store_caption(w->s->store, item, k));
    }
    return set;
}

static void add_scores(Scores *sum, Scores *turn, double weight)
{
    for (int m = 0; m < turn->count; m++)
        for (int k = 0; k < METRIC_SCORES; k++) sum->list[m].scores[k] += weight * turn->list[m].scores[k];
    scores_free(turn);
}

static bool score_people(const Work *w, Scores *out, Err *err)
{
    int64_t turns = 0;

    for (int64_t i = 0; i < w->e->pictures; i++) {
        int64_t count = store_caption_count(w->s->store, w->e->results[i].item);
        turns = count > turns ? count : turns;
    }
    if (turns < 2) return fail(err, "no picture of the split has two captions: people cannot be scored against each other");
    for (int64_t turn = 0; turn < turns; turn++) {
        CaptionSet *set = human_turn(w, turn);
        Scores one = { 0 };
        bool ok = scores_measure(w->choice, set, w->metric, turn ? &one : out, err);
        caption_set_free(set);
        TRY(ok);
        if (turn) add_scores(out, &one, 1);
    }
    for (int m = 0; m < out->count; m++)
        for (int k = 0; k < METRIC_SCORES; k++) out->list[m].scores[k] /= (double)turns;
    return true;
}

/* ---- what the training split says ---------------------------------------------------------------------------------------- */

static void read_training(Work *w)
{
    w->said = caption_set_new();
    for (int64_t i = 0; i < w->train_count; i++) {
        int64_t image = caption_set_image(w->said, w->train[i]);
        for (int64_t k = 0; k < store_caption_count(w->s->store, w->train[i]); k++)
            caption_set_reference(w->said, image, store_caption(w->s->store, w->train[i], k));
    }
    w->cider = cider_new();
    for (int64_t i = 0; i < w->train_count; i++) {
        const Judged *j = caption_set_at(w->said, i);
        cider_document(w->cider, j->references, j->reference_count);
        cider_image(w->cider, j->references, j->reference_count);
    }
    cider_prepare(w->cider, w->metric->team);
}

/* The caption of a training picture that is most like all of them; NULL: it has none. */
static const char *consensus(const Work *w, int64_t image)
{
    const Judged *j = caption_set_at(w->said, image);
    const char *best = NULL;
    double most = -1;

    for (int32_t k = 0; k < j->reference_count; k++) {
        double likeness = cider_score(w->cider, image, &j->references[k]);
        if (likeness > most) most = likeness, best = j->references[k].text;
    }
    return best;
}

/* ---- nearest ------------------------------------------------------------------------------------------------------------- */

static bool score_nearest(const Work *w, Progress *progress, Scores *out, Err *err)
{
    int64_t *nearest = buffer_zeros(w->e->pictures, sizeof *nearest), *items = buffer_zeros(w->e->pictures, sizeof *items);
    const char **captions = buffer_zeros(w->e->pictures, sizeof *captions);

    for (int64_t i = 0; i < w->e->pictures; i++) items[i] = w->e->results[i].item;
    bool ok = neighbours_find(w->s, (Items){ items, w->e->pictures }, (Items){ w->train, w->train_count }, w->metric->team, progress, nearest, err);
    for (int64_t i = 0; ok && i < w->e->pictures; i++) {
        captions[i] = consensus(w, nearest[i]);
        if (!captions[i]) captions[i] = "";
    }
    ok = ok && score_captions(w, captions, out, err);
    free(captions);
    free(items);
    free(nearest);
    return ok;
}

/* ---- generic ------------------------------------------------------------------------------------------------------------- */

typedef struct Said { int64_t times, first; const Sentence *sentence; } Said;
typedef struct Generic { const Work *w; const Said *said; double mean[GENERIC]; } Generic;

static int by_times(const void *a, const void *b)
{
    const Said *x = a, *y = b;
    return x->times != y->times ? (x->times < y->times) - (x->times > y->times) : (x->first > y->first) - (x->first < y->first);
}

static void mean_cider(void *context, int64_t k, int member)
{
    Generic *g = context;
    double sum = 0;

    (void)member;
    for (int64_t i = 0; i < g->w->train_count; i++) sum += cider_score(g->w->cider, i, g->said[k].sentence);
    g->mean[k] = sum / (double)g->w->train_count;
}

/* All different captions of the training split with how often they are said; malloc'd. */
static Said *count_captions(const Work *w, int64_t *count)
{
    Vocab  *different = vocab_new();
    Buffer  list = { 0 };
    int64_t captions = 0;

    for (int64_t i = 0; i < w->train_count; i++) {
        const Judged *j = caption_set_at(w->said, i);
        for (int32_t k = 0; k < j->reference_count; k++, captions++) {
            const Sentence *c = &j->references[k];
            int32_t id = vocab_add(different, (const char *)c->words, (size_t)c->count * sizeof *c->words);
            if ((size_t)id == list.used / sizeof(Said)) buffer_add(&list, &(Said){ 0, captions, c }, sizeof(Said));
            ((Said *)list.p)[id].times++;
        }
    }
    *count = vocab_size(different);
    vocab_free(different);
    return (Said *)list.p;
}

static bool score_generic(const Work *w, char **caption, Scores *out, Err *err)
{
    int64_t count;
    Generic g = { .w = w, .said = count_captions(w, &count) };
    const char **captions = buffer_zeros(w->e->pictures, sizeof *captions);
    int best = 0;

    if (count) qsort((Said *)g.said, (size_t)count, sizeof *g.said, by_times);
    count = count < GENERIC ? count : GENERIC;
    team_run(w->metric->team, count, mean_cider, &g);
    for (int k = 1; k < count; k++)
        if (g.mean[k] > g.mean[best]) best = k;
    *caption = strdup(count ? g.said[best].sentence->text : "");
    for (int64_t i = 0; i < w->e->pictures; i++) captions[i] = *caption;
    bool ok = score_captions(w, captions, out, err);
    free(captions);
    free((Said *)g.said);
    return ok;
}

/* ---- shuffled ------------------------------------------------------------------------------------------------------------ */

static bool score_shuffled(const Work *w, Scores *out, Err *err)
{
    const char **captions = buffer_zeros(w->e->pictures, sizeof *captions);
    for (int64_t i = 0; i < w->e->pictures; i++) captions[i] = w->e->results[(i + w->e->pictures / 2) % w->e->pictures].text;
    bool ok = score_captions(w, captions, out, err);
    free(captions);
    return ok;
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

bool baselines_measure(const Subject *s, const Evaluation *e, const char *train, const MetricChoice *choice, const MetricOptions *o,
                       Progress *progress, Baselines *out, Err *err)
{
    Work w = { .s = s, .e = e, .choice = choice, .metric = o };
    int split = store_find_split(s->store, train);

    *out = (Baselines){ 0 };
    if (split < 0) return fail_usage(err, "the baselines need training captions, but the store has no split '%s'", train);
    w.train = store_split_items(s->store, split, &w.train_count);
    read_training(&w);
    bool ok = score_people(&w, &out->scores[HUMAN], err) && score_nearest(&w, progress, &out->scores[NEAREST], err)
              && score_generic(&w, &out->generic, &out->scores[GENERIC_ROW], err) && score_shuffled(&w, &out->scores[SHUFFLED], err);
    cider_free(w.cider);
    caption_set_free(w.said);
    if (!ok) baselines_free(out);
    return ok;
}

void baselines_free(Baselines *b)
{
    for (int i = 0; i < BASELINES; i++) scores_free(&b->scores[i]);
    free(b->generic);
    b->generic = NULL;
}

json_t *baselines_json(const Baselines *b)
{
    json_t *j = json_object();

    for (int i = 0; i < BASELINES; i++) json_object_set_new(j, BASELINE_NAMES[i], scores_json(&b->scores[i]));
    json_object_set_new(json_object_get(j, "generic"), "caption", json_text(b->generic));
    return j;
}

void baselines_print(const Baselines *b, const Scores *model, FILE *out)
{
    fprintf(out, "%-18s %9s", "", "model");
    for (int i = 0; i < BASELINES; i++) fprintf(out, " %9s", BASELINE_NAMES[i]);
    for (int m = 0; m < model->count; m++)
        for (int k = 0; k < metric_scores(model->list[m].metric); k++) {
            fprintf(out, "\n%-18s %9.4f", model->list[m].metric->scores[k], model->list[m].scores[k]);
            for (int i = 0; i < BASELINES; i++) fprintf(out, " %9.4f", b->scores[i].list[m].scores[k]);
        }
    fprintf(out, "\nhuman: a caption against the others, one reference fewer; generic: \"%s\"\n", b->generic);
}
