/* command.h - the table of `limn` commands. Each is a file in this folder and a row in main.c. */
#ifndef LIMN_COMMAND_H
#define LIMN_COMMAND_H

#include <argp.h>

#include "datasets/prepare.h"
#include "fusion/captioner.h"
#include "tensor/tape.h"

typedef struct Command {
    const char *name, *summary;                  /* summary: what `limn --help` says, one line */
    int       (*run)(int argc, char **argv);     /* argv[0] is "limn NAME"; returns the exit status */
} Command;

extern const Command command_prepare, command_inspect, command_export, command_train, command_evaluate, command_caption, command_gradcheck,
                     command_sweep, command_runs, command_score, command_compare, command_tokenize;

/* Exit status of what happened: prints "limn NAME: sentence" to stderr when it was an error. */
int command_end(const char *name, const Err *err);

/* From here on Ctrl-C and SIGTERM ask the command to stop where it can; a second one ends it. */
void command_catch_interrupts(void);
bool command_interrupted(void);
/* A PrepareProgress whose context is a Progress: pictures and megabytes a second; stops when interrupted. */
bool command_show_pictures(const PrepareStep *s, void *progress);

/* A model and what runs it: shared by the commands that use a trained model. */
typedef struct Session { Model *model; Team *team; Tape *tape; } Session;
bool session_open(Session *s, const char *folder, const char *backend, int threads, Err *err);   /* inference */
void session_close(Session *s);

/* For options: a whole number in [low, high], or a usage error of argp that names the option. */
int64_t option_number(const struct argp_state *state, const char *option, const char *text, int64_t low, int64_t high);

#endif
