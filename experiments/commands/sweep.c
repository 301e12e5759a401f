/* sweep.c - `limn sweep`: the command line of experiments/sweep.h. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "experiments/commands/command.h"
#include "experiments/sweep.h"
#include "tensor/base/json.h"

enum { KEY_JOBS = 'j', KEY_OUT = 'o', KEY_DRY_RUN = 'n', KEY_QUIET = 'q', KEY_BUDGET = 256, KEY_JSON, KEY_HELP_SWEEP };

static const struct argp_option OPTIONS[] = {
    { "jobs", KEY_JOBS, "N", 0, "Runs at a time; 0: as many as there are cores for (default: the file's)", 0 },
    { "budget", KEY_BUDGET, "TIME", 0, "Stop after 2h, 30m or 90s; the same command goes on (default: the file's)", 0 },
    { "out", KEY_OUT, "FOLDER", 0, "Folder of the run folders (default: the file's, or runs/ and the file's name)", 0 },
    { "dry-run", KEY_DRY_RUN, 0, 0, "Only list the runs", 0 },
    { "json", KEY_JSON, 0, 0, "Print the table, or the list of runs, as JSON", 0 },
    { "quiet", KEY_QUIET, 0, 0, "No progress", 0 },
    { "help-sweep", KEY_HELP_SWEEP, 0, 0, "List every key of a sweep file", 0 },
    { 0 }
};

typedef struct Arguments { SweepOptions o; const char *file; char *overrides[200]; bool dry_run, help; } Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;
    double seconds;

    switch (key) {
    case KEY_JOBS: a->o.jobs = (int)option_number(state, "--jobs", arg, 0, 1024); break;
    case KEY_OUT: a->o.out = arg; break;
    case KEY_DRY_RUN: a->dry_run = true; break;
    case KEY_QUIET: a->o.quiet = true; break;
    case KEY_JSON: a->o.json = true; break;
    case KEY_HELP_SWEEP: a->help = true; break;
    case KEY_BUDGET:
        if (!sweep_budget(arg, &seconds)) argp_error(state, "--budget wants a time as 2h, 30m or 90s, got '%s'", arg);
        a->o.budget = arg;
        break;
    case ARGP_KEY_ARG:
        if (!a->file && !(strchr(arg, '=') && !strchr(arg, '/'))) a->file = arg;
        else if (!strchr(arg, '=')) argp_error(state, "'%s' is no override; write section.key=value", arg);
        else if (a->o.override_count == 200) argp_error(state, "more than 200 overrides");
        else a->overrides[a->o.override_count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!a->file && !a->help) argp_error(state, "which SWEEP (a YAML file)?");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void list_runs(const Sweep *s, bool as_json)
{
    json_t *list = json_array();

    for (int i = 0; i < s->count; i++) {
        json_t *overrides = json_array();
        for (int k = 0; k < s->runs[i].override_count; k++) json_array_append_new(overrides, json_text(s->runs[i].overrides[k]));
        json_array_append_new(list, json_pack("{s:o, s:o}", "run", json_text(s->runs[i].name), "overrides", overrides));
        if (!as_json) printf("%s/%s\n", s->out, s->runs[i].name);
    }
    if (as_json) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(list);
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "SWEEP [SECTION.KEY=VALUE...]",
        "Train every setting that SWEEP lists with every seed, several runs at a time, and print a table of them."
        "\vKill it at any moment: the same command goes on, and ends with the same table. Overrides hold for every run. A longer file adds runs. "
        "`limn runs` makes other tables.", 0, 0, 0 };
    Arguments a = { .o = { .jobs = -1 } };
    Sweep sweep = { 0 };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (a.help) {
        config_help(SWEEP_FIELDS, stdout);
        return command_end("sweep", &err);
    }
    a.o.overrides = a.overrides;
    if (sweep_read(a.file, &a.o, &sweep, &err)) {
        if (a.dry_run) list_runs(&sweep, a.o.json);
        else sweep_train(&sweep, &a.o, &err);
    }
    sweep_free(&sweep);
    return command_end("sweep", &err);
}

const Command command_sweep = { "sweep", "train many settings and seeds side by side; resumes", run };
