/* sweep.h - many runs from one file: the settings of some config keys times some seeds, trained as processes side by side.
 *
 *     base: scenes-quick.yaml             the config of every run; relative to this file
 *     method: grid                        grid: every combination; random: `count` draws; list: the settings as they are listed
 *     parameters:                         keys of a config, dotted, or below their section as in a config
 *       train.rate: [1e-3, 2e-3]          random also takes { min: 1e-4, max: 1e-2, scale: log }
 *       decoder: { depth: [2, 3] }        list: a list of mappings, "- { train.rate: 1e-3, decoder.depth: 3 }"
 *     seeds: [1, 2, 3]                    every setting with each of them; without: the base's seed
 *     jobs: 0, threads: 1, budget: 2h, out: runs/NAME, random_seed: 1      SWEEP_FIELDS says what they mean
 *
 * Every run is a run folder below `out`, trained by `limn train --resume` in a process of its own; its name says its setting. What a run has
 * reached is known by its checkpoint alone: a sweep that was killed at any moment goes on by the same command, and a longer file adds runs.
 * What a run's process says goes to messages.log in its folder; a failure is told there, too.    */
#ifndef LIMN_SWEEP_H
#define LIMN_SWEEP_H

#include "experiments/experiment.h"
#include "tensor/base/arena.h"

typedef struct SweepRun {
    const char  *name;                           /* of its folder: "train.rate=0.001,seed=2"    */
    const char **overrides;                      /* "section.key=value", in this order          */
    int          override_count;
    const char  *config;                         /* resolved: what its config.yaml has to be    */
} SweepRun;

typedef struct Sweep {
    Arena      *memory;                          /* of all texts here                           */
    const char *base, *out;
    int         jobs, threads;
    double      budget;                          /* seconds; 0: no end                          */
    SweepRun   *runs;                            /* those with the first seed first             */
    int         count;
} Sweep;

typedef struct SweepOptions {                    /* of the command line */
    char *const *overrides; int override_count;  /* for every run; over the base, below the parameters */
    const char  *out, *budget;                   /* NULL: the file's                            */
    int          jobs;                           /* -1: the file's                              */
    bool         quiet, json;                    /* json: the table at the end                  */
} SweepOptions;

extern const Field SWEEP_FIELDS[];

/* Reads the file and lists the runs. Nothing is started: the config of every run is checked, and all mistakes are told together. */
bool sweep_read(const char *path, const SweepOptions *o, Sweep *out, Err *err);
void sweep_free(Sweep *s);

/* Trains what is not yet trained, `jobs` at a time. Fails when a run failed, the budget was spent or SIGINT or SIGTERM came; what runs
 * then writes its checkpoint first. Failed runs do not stop the others. At the end, however it came, the table of `limn runs OUT` goes to
 * stdout, OUT/table.md and OUT/table.csv.                                                                             */
bool sweep_train(const Sweep *s, const SweepOptions *o, Err *err);

/* "2h", "30m", "90s" (a plain number: hours) in seconds. */
bool sweep_budget(const char *text, double *seconds);

#endif
