/* score.c - `limn score`: captions against references by the field's metrics, as coco-caption computes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/commands/command.h"
#include "experiments/commands/metric_options.h"
#include "experiments/metrics/captions.h"
#include "tensor/base/json.h"
#include "tensor/base/team.h"

enum { KEY_REFERENCES = 'r', KEY_CANDIDATES = 'c', KEY_JSON = 256, KEY_PER_IMAGE };
enum { SYSTEMS = 256, FEW_DOCUMENTS = 100 };
static const double CONFIDENCE = 0.95;

static const struct argp_option OPTIONS[] = {
    { "references", KEY_REFERENCES, "FILE", 0, "What people said of the images", 0 },
    { "candidates", KEY_CANDIDATES, "FILE", 0, "What is to be scored; several files, each with its option or as arguments, are rows of a table", 0 },
    { "json", KEY_JSON, 0, 0, "Print the scores as JSON: an object, or a list of them for several files", 0 },
    { "per-image", KEY_PER_IMAGE, "OUT.jsonl", 0, "Write image_id, caption and scores of every image, a JSON object a line", 0 },
    { 0 }
};

typedef struct Arguments {
    const char *references, *candidates[SYSTEMS], *per_image;
    int  systems;
    bool json;
    MetricArguments metric;
} Arguments;

static void add_candidates(Arguments *a, const char *file, struct argp_state *state)
{
    if (a->systems == SYSTEMS) argp_error(state, "more than %d files of candidates", (int)SYSTEMS);
    a->candidates[a->systems++] = file;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->metric; break;
    case KEY_REFERENCES:
        if (a->references) argp_error(state, "one file of --references, please; '%s' is too much", arg);
        a->references = arg;
        break;
    case KEY_CANDIDATES:
    case ARGP_KEY_ARG: add_candidates(a, arg, state); break;
    case KEY_JSON: a->json = true; break;
    case KEY_PER_IMAGE: a->per_image = arg; break;
    case ARGP_KEY_END:
        if (!a->references) argp_error(state, "--references FILE is missing");
        if (!a->systems) argp_error(state, "--candidates FILE is missing");
        if (a->per_image && a->systems > 1) argp_error(state, "--per-image goes with one file of candidates");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- the work ------------------------------------------------------------------------------------------------------ */


/* An idf of few images ranks words by accident. */
static void doubt_idf(const Arguments *a, const MetricChoice *choice, const char *candidates, const CaptionSet *s)
{
    if (a->metric.options.document_frequency || caption_set_images(s) >= FEW_DOCUMENTS) return;
    for (int m = 0; m < choice->count; m++)
        if (strcmp(choice->metric[m]->name, "cider") == 0)
            fprintf(stderr, "limn score: warning: %s: CIDEr's idf comes from %lld images only; scores of so few do not compare with others; --df "
                    "FILE takes it from a larger set\n", candidates, (long long)caption_set_images(s));
}

static json_t *system_json(const Arguments *a, const char *candidates, const CaptionSet *s, const CaptionDoubts *d, const Scores *scores)
{
    json_t *j = scores_json(scores);

    json_object_set_new(j, "candidates", json_text(candidates));
    json_object_set_new(j, "images", json_integer(caption_set_images(s)));
    json_object_set_new(j, "references", json_integer(d->references));
    if (a->metric.samples)
        json_object_set_new(j, "bootstrap", json_pack("{s:f, s:i, s:I}", "confidence", CONFIDENCE, "samples", a->metric.samples, "seed",
                                                      (json_int_t)a->metric.seed));
    return j;
}

static bool score_system(const Arguments *a, const MetricChoice *choice, int system, Scores *scores, json_t *all, Err *err)
{
    const char   *candidates = a->candidates[system];
    CaptionSet   *s = caption_set_new();
    CaptionDoubts d;

    bool ok = captions_read(a->references, candidates, s, &d, err);
    if (ok) {
        caption_doubts_print(&d, a->references, candidates, "score", stderr);
        doubt_idf(a, choice, candidates, s);
        ok = scores_measure(choice, s, &a->metric.options, scores, err);
    }
    if (ok && a->metric.samples) {
        Resampling r = { .resamples = a->metric.samples, .confidence = CONFIDENCE, .seed = a->metric.seed, .team = a->metric.options.team };
        scores_bootstrap(scores, &r);
    }
    if (ok) {
        json_array_append_new(all, system_json(a, candidates, s, &d, scores));
        ok = !a->per_image || scores_write_images(scores, s, a->per_image, err);
    }
    caption_set_free(s);
    return ok;
}

static void print(const Arguments *a, const Scores *scores, const json_t *all)
{
    if (a->json) {
        json_dumpf(a->systems == 1 ? json_array_get(all, 0) : all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else if (a->systems == 1) {
        const json_t *only = json_array_get(all, 0);
        printf("%lld images, %lld references\n", (long long)json_integer_value(json_object_get(only, "images")),
               (long long)json_integer_value(json_object_get(only, "references")));
        scores_print(scores, stdout);
        if (a->metric.samples) printf("Intervals: 95 %%, bootstrap of the images, %d resamples\n", a->metric.samples);
    } else scores_print_systems(scores, a->candidates, a->systems, stdout);
}

static bool score(Arguments *a, Err *err)
{
    Scores      *scores = buffer_zeros(a->systems, sizeof *scores);
    MetricChoice choice;
    json_t *all = json_array();
    Team   *team = a->metric.options.team = team_new(a->metric.threads);

    bool ok = metric_arguments_choose(&a->metric, &choice, err);
    for (int i = 0; ok && i < a->systems; i++) ok = score_system(a, &choice, i, &scores[i], all, err);
    if (ok) print(a, scores, all);
    for (int i = 0; i < a->systems; i++) scores_free(&scores[i]);
    free(scores);
    json_decref(all);
    team_free(team);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = { { &METRIC_ARGP, 0, 0, 0 }, { 0 } };
    static const struct argp ARGP = { OPTIONS, parse, "--references FILE --candidates FILE [FILE...]",
        "Score captions against references: BLEU, ROUGE-L, CIDEr-D and more, equal to coco-caption's (pycocoevalcap), without Java."
        "\vFiles are COCO's annotations or results (a list of {\"image_id\", \"caption\"}), the same as JSON lines (*.jsonl), or a store "
        "(FILE.h5[:SPLIT]). Images with a candidate are scored; captions are tokenised as coco-caption does, so give them as they were written.", CHILDREN, 0, 0 };
    Arguments a = { .metric = { .samples = SAMPLES_DEFAULT, .seed = 1 } };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    score(&a, &err);
    return command_end("score", &err);
}

const Command command_score = { "score", "captions against references: BLEU, ROUGE-L, CIDEr and more, as coco-caption computes them", run };
