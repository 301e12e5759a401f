/* runs.h - what run folders have reached, and tables of it: mean and standard deviation over seeds, the best marked.
 *
 * A run folder holds config.yaml and log.jsonl, a checkpoint or messages.log. Its figures are numbers with a name:
 *     validation.loss …   of the best validation in log.jsonl, also where that is of the mean of the last weights
 *     SPLIT.cider …       the reals in metrics-SPLIT.json, nested ones as SPLIT.a.b; whole numbers there are counts and settings
 * Nothing that depends on timing is among them, so that the table of a sweep does not tell how often it was interrupted.        */
#ifndef LIMN_RUNS_H
#define LIMN_RUNS_H

#include <stdio.h>

#include "experiments/experiment.h"
#include "tensor/base/arena.h"

typedef enum RunStatus { RUN_FINISHED, RUN_RUNNING, RUN_STOPPED, RUN_FAILED, RUN_BROKEN } RunStatus;

typedef struct Figure { const char *name; double value; } Figure;

typedef struct RunInfo {
    const char *name;                            /* below the folder that was asked for; the folder's own name where it is the run */
    Experiment *config;                          /* NULL: could not be read                              */
    RunStatus   status;
    const char *message;                         /* why it failed or is broken; else ""                  */
    int64_t     step, steps;                     /* updates done and in all; steps 0: not known          */
    Figure     *figures; int figure_count;
} RunInfo;

typedef struct RunList { Arena *memory; RunInfo *runs; int count; } RunList;    /* ordered by name */

/* All run folders in and below these folders. A damaged run is listed as broken and hides no other; only a missing folder fails. */
bool runs_read(const char *const *folders, int count, RunList *out, Err *err);
void runs_free(RunList *l);

/* The line that ends messages.log when a process failed at update `step`, and its reader: why it failed. NULL: it did not, or the run
 * went on since. */
#define RUN_MESSAGES "messages.log"
char *run_failure_line(int64_t step, int wait_status);                          /* malloc'd */
const char *run_failure(const char *folder, int64_t step, Arena *memory);

/* ---- tables -------------------------------------------------------------------------------------------------------- */

typedef enum TableFormat { TABLE_TEXT, TABLE_MARKDOWN, TABLE_CSV, TABLE_LATEX, TABLE_JSON } TableFormat;

typedef struct TableOptions {
    char *const *where; int where_count;         /* "KEY=VALUE", also != < > <= >=; all must hold        */
    const char *columns;                         /* "KEY,KEY": instead of what differs and all figures   */
    const char *over;                            /* config keys to average over; NULL: seed              */
    const char *sort;                            /* a config key, or a figure (best first); NULL: by the settings */
    bool        each;                            /* a row for every run                                  */
} TableOptions;

/* KEY is a config key, a figure, "run", "state" or "updates". */
typedef struct Column { const char *key; bool figure, lower; int decimals; } Column;    /* lower: the least is the best */
typedef struct Cell { const char *text; double mean, deviation; int n; bool best; } Cell;   /* text of settings; n 0: nothing known */
typedef struct Row { Cell *cells; bool finished; } Row;

typedef struct RunTable {
    Column *columns; int column_count;
    Row    *rows; int row_count;
    const char **notes; int note_count;          /* what is not finished, and why                        */
} RunTable;

/* Rows are settings: runs that differ in nothing but `over`. Only finished runs count in means; deviation is the sample's (n - 1). Where
 * every setting has one run, and with `each`, rows are runs. The texts live in the list's memory.                          */
bool runs_table(RunList *l, const TableOptions *o, RunTable *out, Err *err);
void runs_table_free(RunTable *t);
void runs_table_print(const RunTable *t, TableFormat format, FILE *out);
bool table_format_named(const char *name, TableFormat *out);    /* table, markdown, csv, latex, json */

#endif
