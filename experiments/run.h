/* run.h - a run folder: everything that one training leaves behind.
 *
 *     config.yaml              resolved; itself a valid config
 *     provenance.json          version, build, machine, seed, data hash, command line; the same of every process that resumed
 *     log.jsonl                a line an update, a line a validation
 *     events.out.tfevents.limn the same for TensorBoard
 *     checkpoints/last.safetensors   all that decides the future
 *     model/                   the best checkpoint as a Hugging Face folder: what `limn caption` reads
 *     captions-SPLIT.json, references-SPLIT.json, metrics-SPLIT.json   from `limn evaluate`
 *
 * A checkpoint holds weights ("…"), AdamW's moments ("optimizer.m.…", "optimizer.v.…") and, as metadata, the state below; no dates,
 * hosts or paths. It is written aside and renamed, so that it is always whole. On resume log.jsonl and the event file are cut back
 * to it, so that the logs of an interrupted run read like those of one that was not.                                  */
#ifndef LIMN_RUN_H
#define LIMN_RUN_H

#include <jansson.h>

#include "experiments/events.h"
#include "experiments/experiment.h"
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
    double  seconds;                             /* spent training before now                           */
    int64_t log_bytes, event_bytes;
    bool    finished;
    char    data_hash[80], kernels[256];         /* must match on resume                                */
} RunState;

/* Makes the folder, takes its lock. Fails when another process holds it. */
bool run_lock(Run *r, const char *folder, Err *err);
bool run_open_logs(Run *r, const RunState *s, Err *err);             /* cut back to the state's sizes   */
bool run_close(Run *r, Err *err);
char *run_path(const Run *r, const char *name);                      /* malloc'd                        */
bool run_has_checkpoint(const Run *r);

bool run_save(Run *r, RunState *s, Params *p, const AdamW *o, Err *err);
bool run_load(Run *r, RunState *s, Params *p, AdamW *o, Err *err);   /* every mismatch reported together */

/* One line of log.jsonl; takes the object. */
bool run_log(Run *r, json_t *line, Err *err);
/* step > 0: this process goes on from there, and is added to what is known of those before. */
bool run_write_provenance(Run *r, const Experiment *x, const Backend *b, int threads, const char *data_hash, int64_t step,
                          int argc, char **argv, Err *err);
const char *build_version(void);                 /* "0.1.0 (commit)" */

#endif
