/* shell.h - for tests that run the command as a person would: a temporary folder, a command line, its status and output. */
#ifndef LIMN_SHELL_H
#define LIMN_SHELL_H

#include <stdbool.h>

typedef struct Shell { int status; char out[16384], err[16384]; } Shell;

const char *shell_folder(void);                  /* a fresh folder a test process, removed at exit                          */
/* Runs `sh -c`; in the text, "@" stands for shell_folder() and "limn" at the start of a word for the binary under test.
 * status: of the command, or 128 + the signal that ended it.                                                              */
Shell shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int   shell_start(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* in the background: its pid (group)      */
bool  says(const Shell *s, const char *text);    /* in its error output */
int   lines(const char *text);

/* A tiny store of composed pictures and a config to train on it, made once a process: "@/tiny.h5", "@/tiny.yaml". */
void  tiny_experiment(void);

#endif
