/* train.c - `limn train`: the command line of experiments/train.h. */
#include <stdio.h>
#include <string.h>

#include "experiments/commands/command.h"
#include "experiments/experiment.h"
#include "experiments/train.h"

enum { KEY_RUN = 'r', KEY_QUIET = 'q', KEY_RESUME = 256, KEY_JSON, KEY_HELP_CONFIG };

static const struct argp_option OPTIONS[] = {
    { "run", KEY_RUN, "FOLDER", 0, "Run folder (default: runs/ and the config's name)", 0 },
    { "resume", KEY_RESUME, 0, 0, "Go on where the run stopped; begin it if it has not begun", 0 },
    { "json", KEY_JSON, 0, 0, "Print the result as JSON", 0 },
    { "quiet", KEY_QUIET, 0, 0, "No progress", 0 },
    { "help-config", KEY_HELP_CONFIG, 0, 0, "List every config key with its default, range and meaning", 0 },
    { 0 }
};

typedef struct Arguments { TrainOptions o; char *overrides[256]; bool help_config; } Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_RUN: a->o.run = arg; break;
    case KEY_RESUME: a->o.resume = true; break;
    case KEY_JSON: a->o.json = true; break;
    case KEY_QUIET: a->o.quiet = true; break;
    case KEY_HELP_CONFIG: a->help_config = true; break;
    case ARGP_KEY_ARG:
        if (!a->o.config && !(strchr(arg, '=') && !strchr(arg, '/'))) a->o.config = arg;
        else if (!strchr(arg, '=')) argp_error(state, "'%s' is no override; write section.key=value", arg);
        else if (a->o.override_count == 256) argp_error(state, "more than 256 overrides");
        else a->overrides[a->o.override_count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!a->o.config && !a->help_config) argp_error(state, "which CONFIG (a YAML file) or RUN (a folder to go on with)?");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "CONFIG [SECTION.KEY=VALUE...]\nRUN",
        "Train a captioner as CONFIG says, into a run folder; or go on with an interrupted RUN."
        "\vCtrl-C writes a checkpoint and says how to go on. What was computed before an interruption, a kill or a power cut "
        "is never computed differently afterwards: the resumed run ends with the very same weights.", 0, 0, 0 };
    Arguments a = { .o = { .argc = argc, .argv = argv } };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (a.help_config) {
        config_help(EXPERIMENT_FIELDS, stdout);
        return command_end("train", &err);
    }
    a.o.overrides = a.overrides;
    train(&a.o, &err);
    return command_end("train", &err);
}

const Command command_train = { "train", "train a captioner from a config file into a run folder; resumes", run };
