/* run.h - a run folder: everything that one training leaves behind.
 *
 *     config.yaml              resolved; itself a valid config
 *     provenance.json          version, build, machine, seed, data hash, command line; the same of every process that resumed
 *     log.jsonl                a line an update, a line a validation
 *     events.out.tfevents.limn the same for TensorBoard
 *     checkpoints/last.safetensors   all that decides the future
 *     checkpoints/weights-STEP.safetensors   of the last validations, for their mean (train.keep_last)
 *     model/                   the best checkpoint as a Hugging Face folder: what `limn caption` reads
 *     captions-SPLIT.json, references-SPLIT.json, metrics-SPLIT.json, scorings.jsonl   from `limn evaluate`
 *
 * A checkpoint holds weights ("…"), what the optimizer remembers ("optimizer.m.…", "optimizer.v.…": see its slots), the moving average
 * ("average.…", where there is one) and, as metadata, the state below; no dates, hosts or paths. It is written aside and renamed, so
 * that it is always whole. On resume log.jsonl and the event file are cut back to it, so that the logs of an interrupted run read
 * like those of one that was not.                                                                                    */
#ifndef LIMN_RUN_H
#define LIMN_RUN_H

#include <jansson.h>

#include "experiments/events.h"
#include "experiments/experiment.h"
#include "tensor/average.h"
#include "tensor/base/file.h"
#include "tensor/optim.h"

typedef struct Run {
    char       *folder;
    FolderLock *lock;
    FileLog    *log;
    Events     *events;
} Run;

/* What a checkpoint knows besides tensors. Batches and random numbers are functions of (seed, step): step is the position. */
typedef struct RunState {
    int64_t step;                                /* updates done                                        */
    double  best;                                /* of the chosen measure                               */
    int64_t best_step, bad;                      /* -1: none yet; validations since the best            */
    int64_t best_mean;                           /* the best is the mean of so many saved weights; 0: it is not */
    double  seconds;                             /* spent training before now                           */
    int64_t log_bytes, event_bytes;
    bool    finished;
    char    data_hash[96], kernels[256];         /* must match on resume                                */
} RunState;

/* Makes the folder, takes its lock. Fails when another process holds it. */
bool run_lock(Run *r, const char *folder, Err *err);
bool run_open_logs(Run *r, const RunState *s, Err *err);             /* cut back to the state's sizes   */
bool run_close(Run *r, Err *err);
char *run_path(const Run *r, const char *name);                      /* malloc'd                        */
bool run_has_checkpoint(const Run *r);

char *run_weights_path(const Run *r, int64_t step);                  /* malloc'd                        */

/* average: NULL where the run has none. */
bool run_save(Run *r, RunState *s, Params *p, const Optimizer *o, const Average *average, Err *err);
bool run_load(Run *r, RunState *s, Params *p, Optimizer *o, Average *average, Err *err);   /* every mismatch reported together */
/* How far the run in a folder is, without its tensors; step 0 where it has no checkpoint yet. */
bool run_read_state(const char *folder, RunState *s, Err *err);

/* One line of log.jsonl; takes the object. */
bool run_log(Run *r, json_t *line, Err *err);
/* step > 0: this process goes on from there, and is added to what is known of those before. */
bool run_write_provenance(Run *r, const Experiment *x, const Backend *b, int threads, const char *data_hash, int64_t step,
                          int argc, char **argv, Err *err);
const char *build_version(void);                 /* "0.1.0 (commit)" */

#endif
