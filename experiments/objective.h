/* objective.h - what a training update lowers: a table, chosen by train.objective.
 *
 *     cross_entropy  -log p of the captions that people wrote (teacher forcing)
 *     scst           minus the expected reward of captions that the model draws itself (scst.h)
 *
 * An objective turns a batch into a loss on the tape and counts what there is to tell of it. Adding one: a file with an Objective, a row in
 * objective.c, a choice of train.objective.                                                                            */
#ifndef LIMN_OBJECTIVE_H
#define LIMN_OBJECTIVE_H

#include "datasets/loader.h"

struct Trainer;

/* Sums over the batches of an update. */
typedef struct Outcome {
    double  nll;                                 /* of the batch's captions, in nats ...                                */
    int64_t tokens;                              /* ... over that many of their tokens                                  */
    int64_t samples, sample_tokens;              /* captions that the model drew itself, their tokens with <eos>        */
    double  sample_nll, reward, baseline, advantage;     /* the last: of its square                                     */
} Outcome;

typedef struct Scalar { const char *name; double value; } Scalar;
enum { OBJECTIVE_SCALARS = 8 };

typedef struct Objective {
    const char *name;
    bool      (*begin)(struct Trainer *r, Err *err);     /* before the first update; NULL: nothing to prepare           */
    void      (*end)(struct Trainer *r);                 /* also when begin failed or was not called; may be NULL       */
    /* Adds to *o what there is to tell; features: of the batch's pictures. What the loss reads lives until the tape is reset. */
    Tensor   *(*loss)(struct Trainer *r, const Batch *b, Tensor *features, Outcome *o);
    int       (*tell)(const struct Trainer *r, const Outcome *o, Scalar out[OBJECTIVE_SCALARS]);   /* how many; one is "loss", the first is shown */
} Objective;

extern const Objective *const OBJECTIVES[];      /* in the order of train.objective's choices; ends with NULL */

/* Of a token, in nats: of the worse of the captions and the model's own samples. Beyond all bounds when training has gone wrong. */
double outcome_surprise(const Outcome *o);

/* `share` times the cross-entropy of the batch's captions, for objectives that mix it in. */
Tensor *objective_teacher_forcing(struct Trainer *r, const Batch *b, Tensor *features, double share, Outcome *o);

#endif
