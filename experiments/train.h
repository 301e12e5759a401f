/* train.h - training a captioner from a config into a run folder; resumable to the last bit. */
#ifndef LIMN_TRAIN_H
#define LIMN_TRAIN_H

#include "tensor/base/err.h"

typedef struct TrainOptions {
    const char  *config;                         /* a config file, or a run folder to go on with                       */
    char *const *overrides; int override_count;  /* "section.key=value"                                                */
    const char  *run;                            /* run folder; NULL: runs/ + the config's name                        */
    bool         resume;                         /* go on where the run folder stopped, if it ever began               */
    bool         quiet, json;
    int          argc; char **argv;              /* for provenance                                                     */
} TrainOptions;

/* SIGINT and SIGTERM end the update at hand, write a checkpoint and fail with how to go on. */
bool train(const TrainOptions *o, Err *err);

#endif
