/* trainer.h - everything that a training run holds while it runs; private to trainer.c (opening and closing), initial_weights.c,
 * train.c (the loop), the objectives and validate.c (choosing the best weights). */
#ifndef LIMN_TRAINER_H
#define LIMN_TRAINER_H

#include <signal.h>

#include "datasets/features.h"
#include "datasets/loader.h"
#include "experiments/objective.h"
#include "experiments/progress.h"
#include "experiments/run.h"
#include "experiments/train.h"

typedef struct Trainer {
    const TrainOptions *options;
    Experiment  x;
    const Objective *objective;
    void       *objective_state;                 /* what it keeps from batch to batch */
    Run         run;
    RunState    state;
    Store      *store;
    Model       model;
    Features   *features;
    Loader     *loader;
    Team       *team;
    Tape       *tape;
    Optimizer  *optimizer;
    Average    *average;                         /* moving; NULL: none */
    Schedule    schedule;
    Progress    progress;
    int64_t     epoch_batches, validate_updates;
    int64_t     saved_step;                      /* of the last checkpoint; -1: none yet */
    double      began;                           /* seconds_now() when this process started training */
    volatile sig_atomic_t *interrupted;
} Trainer;

/* Config, run folder, data, model, cached features, optimizer, and the state where an earlier process stopped. */
bool trainer_open(Trainer *r, Err *err);
/* Also after a failed opening. Reports a log that could not be closed, unless there was an error before. */
void trainer_close(Trainer *r, Err *err);

/* The weights of train.init into the model, whose vocabulary and parameters must be the same; every mismatch reported together. */
bool trainer_load_initial(Trainer *r, Err *err);

/* Measures the weights, or their moving average where there is one, and writes model/ when they are the best so far. */
bool trainer_validate(Trainer *r, Err *err);
/* The same of the weights of train.init, before the first update: training may make them worse. */
bool trainer_validate_initial(Trainer *r, Err *err);
/* The same of the mean of the weights that the last train.keep_last validations left behind. */
bool trainer_validate_mean(Trainer *r, Err *err);
extern const char *const MEASURE_NAMES[];

/* Always false: `what` went wrong in an update; finds the first tensor in trouble by computing its batches [first, first + count) again
 * with every output and gradient looked at. */
bool trainer_explain(Trainer *r, int64_t first, int64_t count, const char *what, Err *err);

#endif
