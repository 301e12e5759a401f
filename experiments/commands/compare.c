/* compare.c - `limn compare`: two runs, or two groups of runs, on the same images. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/commands/command.h"
#include "experiments/commands/metric_options.h"
#include "experiments/compare.h"
#include "tensor/base/team.h"

enum { KEY_SPLIT = 's', KEY_REFERENCES = 'r', KEY_IMAGES = 'n', KEY_BY = 256, KEY_PER_IMAGE, KEY_ERRORS, KEY_PAIRED, KEY_JSON };
enum { RUNS_MOST = 256, SAMPLES_COMPARE = 10000 };

static const struct argp_option OPTIONS[] = {
    { "split", KEY_SPLIT, "NAME", 0, "Which captions of the runs: captions-NAME.json (default: test)", 0 },
    { "references", KEY_REFERENCES, "FILE", 0, "What people said of the images (default: the runs' references-NAME.json)", 0 },
    { "images", KEY_IMAGES, "N", 0, "Show the N images that gained most and the N that lost most (default: 5)", 0 },
    { "by", KEY_BY, "SCORE", 0, "The score that --images goes by (default: CIDEr, or else the first that images have)", 0 },
    { "errors", KEY_ERRORS, 0, 0, "Omitted and invented nouns, attributes and numbers as well; --training FILE: by their frequency there", 0 },
    { "paired-runs", KEY_PAIRED, 0, 0, "The i-th run of A belongs to the i-th of B (the same seed, or begun from it): resample pairs", 0 },
    { "per-image", KEY_PER_IMAGE, "OUT.jsonl", 0, "Write captions and scores of every image, a JSON object a line", 0 },
    { "json", KEY_JSON, 0, 0, "Print it as JSON", 0 },
    { 0 }
};

typedef struct Arguments {
    const char *runs[RUNS_MOST], *split, *references, *by, *per_image;
    int  count, a;                               /* of all; of A, 0 until "vs" */
    bool errors, paired, json;
    int64_t images;
    MetricArguments metric;
} Arguments;

static void take_run(Arguments *a, const char *run, struct argp_state *state)
{
    if (!strcmp(run, "vs")) {
        if (a->a) argp_error(state, "one vs, please: RUN… vs RUN…");
        if (!a->count) argp_error(state, "which RUN stands before vs?");
        a->a = a->count;
        return;
    }
    if (a->count == RUNS_MOST) argp_error(state, "more than %d runs", (int)RUNS_MOST);
    a->runs[a->count++] = run;
}

static void check(Arguments *a, struct argp_state *state)
{
    if (!a->count) argp_error(state, "which RUNs?");
    if (a->a == a->count) argp_error(state, "which RUN stands after vs?");
    if (!a->a && a->count == 1) argp_error(state, "%s is compared with what? `limn score` is for one alone", a->runs[0]);
    if (!a->a && a->count > 2) argp_error(state, "%d runs, in which groups? say RUN… vs RUN…", a->count);
    if (!a->a) a->a = 1;
    if (a->paired && 2 * a->a != a->count) argp_error(state, "--paired-runs: %d runs cannot be paired with %d", a->a, a->count - a->a);
    if (!a->metric.samples) argp_error(state, "--no-intervals leaves nothing to compare by");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->metric; break;
    case KEY_SPLIT: a->split = arg; break;
    case KEY_REFERENCES: a->references = arg; break;
    case KEY_IMAGES: a->images = option_number(state, "--images", arg, 0, INT64_MAX); break;
    case KEY_BY: a->by = arg; break;
    case KEY_ERRORS: a->errors = true; break;
    case KEY_PAIRED: a->paired = true; break;
    case KEY_PER_IMAGE: a->per_image = arg; break;
    case KEY_JSON: a->json = true; break;
    case ARGP_KEY_ARG: take_run(a, arg, state); break;
    case ARGP_KEY_END: check(a, state); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- the work ------------------------------------------------------------------------------------------------------ */

/* The score that orders the images; NULL: no score has values by image. */
static bool choose_order(const Comparison *c, const char *name, const Compared **by, Err *err)
{
    char all[512] = "";

    *by = NULL;
    for (int i = 0; i < c->score_count; i++) {
        const Compared *s = &c->scores[i];
        const char *score = s->metric->scores[s->score];
        if (!compared_has_images(c, s)) continue;
        if (!*by || !strcasecmp(score, name ? name : "CIDEr")) *by = s;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? ", " : "", score);
    }
    if (name && (!*by || strcasecmp((*by)->metric->scores[(*by)->score], name)))
        return fail_usage(err, "--by %s: no such score of single images was measured; there are: %s", name, *all ? all : "none");
    return true;
}

static bool tell(const Arguments *a, const Comparison *c, const CompareOptions *o, Err *err)
{
    const Compared *by;

    TRY(choose_order(c, a->by, &by, err));
    if (a->per_image) TRY(comparison_write_images(c, a->per_image, err));
    if (a->json) {
        json_t *j = comparison_json(c, o, by, a->images);
        json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
        json_decref(j);
    } else comparison_print(c, o, by, a->images, stdout);
    return true;
}

static bool compare(Arguments *a, Err *err)
{
    MetricChoice choice;
    Comparison   c;
    CompareOptions o = { .split = a->split, .references = a->references, .choice = &choice, .metric = &a->metric.options, .errors = a->errors };

    TRY(metric_arguments_choose(&a->metric, &choice, err));
    Team *team = a->metric.options.team = team_new(a->metric.threads);
    o.resampling = (Resampling){ a->metric.samples, 0.95, a->metric.seed, team, a->paired };
    bool ok = comparison_make(a->runs, a->a, a->count - a->a, &o, &c, err) && tell(a, &c, &o, err);
    comparison_free(&c);
    team_free(team);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = { { &METRIC_ARGP, 0, 0, 0 }, { 0 } };
    static const struct argp ARGP = { OPTIONS, parse, "RUN RUN\nRUN... vs RUN...",
        "Compare two runs, or two groups of runs (the same experiment with several seeds), on the same images: each score's difference with its "
        "interval and p-values, and the images that changed most."
        "\vA RUN is a folder with the captions of `limn evaluate`, or a file of captions, which wants --references FILE. Two runs are compared by the "
        "paired bootstrap and by random permutation; groups by a bootstrap of runs and images.", CHILDREN, 0, 0 };
    Arguments a = { .split = "test", .images = 5, .metric = { .samples = SAMPLES_COMPARE, .seed = 1 } };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    compare(&a, &err);
    return command_end("compare", &err);
}

const Command command_compare = { "compare", "two runs, or groups of them: differences of scores with their uncertainty", run };
