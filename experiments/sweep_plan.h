/* sweep_plan.h - what a sweep file says, before it becomes runs; private to sweep_file.c (reading) and sweep_plan.c (listing the runs). */
#ifndef LIMN_SWEEP_PLAN_H
#define LIMN_SWEEP_PLAN_H

#include "experiments/sweep.h"

typedef enum SweepMethod { SWEEP_GRID, SWEEP_LIST, SWEEP_RANDOM } SweepMethod;         /* in the order of their choices */

typedef struct Parameter {
    const char  *key;
    const char **values; int count;              /* as a resolved config writes them            */
    bool         range;                          /* random: drawn from [min, max] instead       */
    double       min, max;
    bool         log, whole;
} Parameter;

/* Parameters that are combined with each other: the whole of a grid or of a random sweep, one entry of a list. */
typedef struct Block { Parameter *parameters; int count; } Block;

typedef struct SweepFile {
    char    base[CONFIG_TEXT], out[CONFIG_TEXT], budget[CONFIG_TEXT], elsewhere[CONFIG_TEXT];
    int     method;
    int64_t count, jobs, threads, random_seed;
    Block  *blocks; int block_count;
    Parameter seeds;                             /* count 0: none given */
} SweepFile;

/* All mistakes of the file are told together; texts live in `memory`. */
bool sweep_file_read(const char *path, SweepFile *out, Arena *memory, Err *err);

#endif
