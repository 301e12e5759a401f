/* objective.c - the objectives that there are, and the first of them: cross-entropy, with scheduled sampling where it is asked for. */
#include "experiments/objective.h"

#include <math.h>

#include "experiments/scheduled_sampling.h"
#include "experiments/scst.h"
#include "experiments/trainer.h"

Tensor *objective_teacher_forcing(Trainer *r, const Batch *b, Tensor *features, double share, Outcome *o)
{
    const Captioner *m = r->model.captioner;
    double p = scheduled_probability(&r->x, r->state.step, r->schedule.total), nll = 0;
    Ids tokens = b->tokens;

    if (p > 0) {
        ScheduledSampling s = { .probability = p, .draw = r->x.scheduled.choice == CHOICE_SAMPLE, .eos = tokenizer_eos(r->model.tokenizer),
                                .bos = tokenizer_bos(r->model.tokenizer), .pad = tokenizer_pad(r->model.tokenizer) };
        tokens = scheduled_tokens(r->tape, m, features, b->tokens, b->targets, b->image_of, s);
    }
    Tensor *loss = captioner_loss(r->tape, m, features, tokens, b->targets, b->image_of,
                                  (LossOptions){ .smoothing = r->x.train.smoothing, .normalizer = (double)b->target_count / share, .nll = &nll });
    o->nll += nll;
    o->tokens += b->target_count;
    return loss;
}

static Tensor *loss_of_captions(Trainer *r, const Batch *b, Tensor *features, Outcome *o)
{
    return objective_teacher_forcing(r, b, features, 1, o);
}

static int tell_cross_entropy(const Trainer *r, const Outcome *o, Scalar out[OBJECTIVE_SCALARS])
{
    (void)r;
    out[0] = (Scalar){ "loss", o->nll / (double)(o->tokens ? o->tokens : 1) };
    return 1;
}

static const Objective cross_entropy = { "cross_entropy", NULL, NULL, loss_of_captions, tell_cross_entropy };

const Objective *const OBJECTIVES[] = { &cross_entropy, &objective_scst, NULL };

double outcome_surprise(const Outcome *o)
{
    double captions = o->tokens ? o->nll / (double)o->tokens : 0;
    double samples = o->sample_tokens ? o->sample_nll / (double)o->sample_tokens : 0;
    return fmax(captions, samples);
}
