/* main.c - the `limn` command: a table, and the way into it. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "experiments/commands/command.h"
#include "experiments/run.h"

static const Command *const COMMANDS[] = {
    &command_prepare, &command_inspect, &command_export, &command_train, &command_sweep, &command_runs, &command_evaluate, &command_caption,
    &command_score, &command_compare, &command_tokenize, &command_gradcheck, NULL
};

static void print_help(FILE *out)
{
    fputs("limn - puts pictures into words, and shows where it looked.\n\nUsage: limn COMMAND [OPTION...]\n\n", out);
    for (const Command *const *c = COMMANDS; *c; c++) fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->summary);
    fputs("\n`limn COMMAND --help` says everything about one of them; `limn --version` names the build and its libraries.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage or config. Results go to stdout, progress and messages to stderr.\n", out);
}

static void print_version(void)
{
    Err err = { 0 };

    printf("limn %s\n", build_version());
    for (const Backend *const *b = backend_list(); *b; b++) {
        backend_find((*b)->name, &err);
        printf("  backend %-10s %s\n", (*b)->name, (*b)->describe ? (*b)->describe() : (*b)->help);
    }
}

int main(int argc, char **argv)
{
    char name[64];

    argp_err_exit_status = 2;
    signal(SIGPIPE, SIG_IGN);                    /* a closed pipe is a failed write, not a death */
    if (argc < 2) {
        print_help(stderr);
        return ERR_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) return print_help(stdout), 0;
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) return print_version(), 0;
    for (const Command *const *c = COMMANDS; *c; c++)
        if (!strcmp(argv[1], (*c)->name)) {
            snprintf(name, sizeof name, "limn %s", (*c)->name);
            argv[1] = name;
            return (*c)->run(argc - 1, argv + 1);
        }
    fprintf(stderr, "limn: there is no command '%s'; `limn --help` lists them\n", argv[1]);
    return ERR_USAGE;
}
