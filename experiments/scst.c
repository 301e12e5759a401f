/* scst.c - self-critical training: drawing, judging, and the pass whose gradient is the policy's. */
#include "experiments/scst.h"

#include <math.h>
#include <stdlib.h>

#include "datasets/buffer.h"
#include "experiments/reward.h"
#include "experiments/trainer.h"

typedef struct Scst { Reward *reward; Arena *work; } Scst;           /* work: of one batch */

void scst_advantages(const double *rewards, const double *greedy, int64_t pictures, int samples, double *advantages)
{
    REQUIRE(greedy || samples > 1, "scst: the mean of the other samples needs two of them");
    for (int64_t i = 0; i < pictures; i++) {
        const double *r = rewards + i * samples;
        double sum = 0;
        for (int k = 0; k < samples; k++) sum += r[k];
        for (int k = 0; k < samples; k++) advantages[i * samples + k] = r[k] - (greedy ? greedy[i] : (sum - r[k]) / (samples - 1));
    }
}

Tensor *scst_loss(Tape *t, const Captioner *m, Tensor *features, const Lesson *l, double normalizer)
{
    int64_t N = l->pictures * l->samples, T = 1;

    for (int64_t i = 0; i < N; i++) T = l->drawn[i].count + l->drawn[i].ended > T ? l->drawn[i].count + l->drawn[i].ended : T;
    int32_t *tokens = arena_alloc(t->arena, (size_t)(N * T) * sizeof *tokens), *targets = arena_alloc(t->arena, (size_t)(N * T) * sizeof *targets);
    int32_t *image_of = arena_alloc(t->arena, (size_t)N * sizeof *image_of);
    for (int64_t i = 0; i < N; i++) {
        const Hypothesis *h = &l->drawn[i];
        image_of[i] = (int32_t)(i / l->samples);
        for (int64_t at = 0; at < T; at++) {
            tokens[i * T + at] = at == 0 ? l->bos : at <= h->count ? h->ids[at - 1] : l->pad;
            targets[i * T + at] = at < h->count ? h->ids[at] : at == h->count && h->ended ? l->eos : IGNORE;
        }
    }
    return captioner_loss(t, m, features, (Ids){ SHAPE(N, T), tokens }, (Ids){ SHAPE(N, T), targets }, image_of,
                          (LossOptions){ .normalizer = normalizer, .weights = l->advantages });
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------ */

static double *rewards_of(const Trainer *r, const Batch *b, const Hypothesis *h, int each)
{
    const Scst *s = r->objective_state;
    int64_t N = b->pictures * each;
    Drawn  *captions = arena_alloc(s->work, (size_t)N * sizeof *captions);
    double *rewards = arena_alloc(s->work, (size_t)N * sizeof *rewards);

    for (int64_t i = 0; i < N; i++) captions[i] = (Drawn){ b->items[i / each], h[i].ids, h[i].count, h[i].ended };
    reward_of(s->reward, r->team, captions, N, rewards);
    return rewards;
}

/* A picture draws other captions each time that it comes, and the same ones in whatever batch. */
static SearchOptions drawing(const Trainer *r, const Batch *b)
{
    const Scst *s = r->objective_state;
    SearchOptions o = search_defaults(&r->model);
    uint64_t *keys = arena_alloc(s->work, (size_t)b->pictures * sizeof *keys);

    for (int64_t i = 0; i < b->pictures; i++) keys[i] = r->tape->step << 32 | (uint64_t)b->items[i];
    o.samples = (int)r->x.scst.samples;
    o.temperature = r->x.scst.temperature;
    o.seed = (uint64_t)r->x.seed;
    o.keys = keys;
    return o;
}

static double *greedy_rewards(const Trainer *r, const Batch *b, Tensor *features)
{
    const Scst *s = r->objective_state;
    SearchOptions o = search_defaults(&r->model);

    o.beam = o.best = 1;
    return rewards_of(r, b, search_captions(r->tape, r->model.captioner, features, o, s->work), 1);
}

static void count(Outcome *o, const Lesson *l, const double *rewards)
{
    for (int64_t i = 0; i < l->pictures * l->samples; i++) {
        o->samples++;
        o->sample_tokens += l->drawn[i].count + l->drawn[i].ended;
        o->sample_nll -= l->drawn[i].log_prob;
        o->reward += rewards[i];
        o->baseline += rewards[i] - l->advantages[i];
        o->advantage += l->advantages[i] * l->advantages[i];
    }
}

static Tensor *self_critical(Trainer *r, const Batch *b, Tensor *features, Outcome *o)
{
    Scst *s = r->objective_state;
    Tape *t = r->tape;
    bool  training = t->training;

    arena_reset(s->work);
    SearchOptions how = drawing(r, b);
    int64_t N = b->pictures * how.samples;
    Hypothesis *drawn = search_captions(t, r->model.captioner, features, how, s->work);
    double *rewards = rewards_of(r, b, drawn, how.samples), *advantages = arena_alloc(s->work, (size_t)N * sizeof *advantages);
    double *greedy = r->x.scst.baseline == BASELINE_GREEDY ? greedy_rewards(r, b, features) : NULL;
    scst_advantages(rewards, greedy, b->pictures, how.samples, advantages);
    Lesson l = { drawn, advantages, b->pictures, how.samples, how.bos, how.eos, how.pad };
    count(o, &l, rewards);
    t->training = training && r->x.scst.dropout;
    Tensor *loss = scst_loss(t, r->model.captioner, features, &l, (double)N / (1 - r->x.scst.cross_entropy));
    t->training = training;
    return loss;
}

static Tensor *loss_of(Trainer *r, const Batch *b, Tensor *features, Outcome *o)
{
    double share = r->x.scst.cross_entropy;
    Tensor *captions = share > 0 ? objective_teacher_forcing(r, b, features, share, o) : NULL;

    if (share == 1) return captions;
    Tensor *samples = self_critical(r, b, features, o);
    return captions ? op_add(r->tape, samples, captions) : samples;
}

/* ---- the objective ------------------------------------------------------------------------------------------------------ */

static int tell(const Trainer *r, const Outcome *o, Scalar out[OBJECTIVE_SCALARS])
{
    double N = (double)o->samples, share = r->x.scst.cross_entropy, captions = o->tokens ? o->nll / (double)o->tokens : 0;
    int n = 0;

    if (o->samples) {
        out[n++] = (Scalar){ "reward", o->reward / N };
        out[n++] = (Scalar){ "baseline", o->baseline / N };
        out[n++] = (Scalar){ "advantage", sqrt(o->advantage / N) };
        out[n++] = (Scalar){ "length", (double)o->sample_tokens / N };
        out[n++] = (Scalar){ "entropy", o->sample_nll / (double)o->sample_tokens };
    }
    out[n++] = (Scalar){ "loss", share * captions - (o->samples ? (1 - share) * o->reward / N : 0) };
    if (o->tokens) out[n++] = (Scalar){ "cross_entropy", captions };
    return n;
}

static bool begin(Trainer *r, Err *err)
{
    const Experiment *x = &r->x;
    Scst *s = r->objective_state = buffer_zeros(1, sizeof *s);
    (void)err;

    s->work = arena_new(1 << 20);
    s->reward = reward_new(r->store, store_find_split(r->store, x->data.train), r->model.tokenizer,
                           (RewardOptions){ x->scst.cider, x->scst.bleu, x->scst.eos }, r->team);
    return true;
}

static void end(Trainer *r)
{
    Scst *s = r->objective_state;

    if (!s) return;
    reward_free(s->reward);
    arena_free(s->work);
    free(s);
    r->objective_state = NULL;
}

const Objective objective_scst = { "scst", begin, end, loss_of, tell };
