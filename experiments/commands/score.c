/* score.c - `limn score`: captions against references by the field's metrics, as coco-caption computes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/commands/command.h"
#include "experiments/commands/metric_options.h"
#include "experiments/metrics/captions.h"
#include "experiments/metrics/errors.h"
#include "experiments/metrics/outside.h"
#include "tensor/base/json.h"
#include "tensor/base/team.h"

enum { KEY_REFERENCES = 'r', KEY_CANDIDATES = 'c', KEY_JSON = 256, KEY_PER_IMAGE, KEY_ERRORS, KEY_SPICE, KEY_SPICE_INPUT, KEY_CLIPSCORE,
       KEY_CLIPSCORE_INPUT };
enum { SYSTEMS = 256, FEW_DOCUMENTS = 100 };
static const double CONFIDENCE = 0.95;

static const struct argp_option OPTIONS[] = {
    { "references", KEY_REFERENCES, "FILE", 0, "What people said of the images", 0 },
    { "candidates", KEY_CANDIDATES, "FILE", 0, "What is to be scored; several files, each with its option or as arguments, are rows of a table", 0 },
    { "json", KEY_JSON, 0, 0, "Print the scores as JSON: an object, or a list of them for several files", 0 },
    { "per-image", KEY_PER_IMAGE, "OUT.jsonl", 0, "Write image_id, caption and scores of every image, a JSON object a line", 0 },
    { "errors", KEY_ERRORS, 0, 0, "Omitted and invented nouns, attributes and numbers as well; --training FILE: by their frequency there", 0 },
    { 0, 0, 0, 0, "Metrics of other tools", 2 },
    { "spice-input", KEY_SPICE_INPUT, "OUT.json", 0, "Write what SPICE's own tool reads", 2 },
    { "spice", KEY_SPICE, "FILE", 0, "SPICE as its tool wrote it to FILE", 2 },
    { "clipscore-input", KEY_CLIPSCORE_INPUT, "FOLDER", 0, "Write what CLIPScore's own tool reads: candidates.json, references.json", 2 },
    { "clipscore", KEY_CLIPSCORE, "FILE", 0, "CLIPScore as its tool wrote it (--save_per_instance FILE)", 2 },
    { 0 }
};

typedef struct Arguments {
    const char *references, *candidates[SYSTEMS], *per_image, *spice_input, *clipscore_input;
    int  systems;
    bool json, errors;
    MetricArguments metric;
} Arguments;

static void add_candidates(Arguments *a, const char *file, struct argp_state *state)
{
    if (a->systems == SYSTEMS) argp_error(state, "more than %d files of candidates", (int)SYSTEMS);
    a->candidates[a->systems++] = file;
}

static bool wants_one_system(const Arguments *a)
{
    return a->per_image || a->errors || a->spice_input || a->clipscore_input || a->metric.options.spice || a->metric.options.clipscore;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->metric; break;
    case KEY_REFERENCES:
        if (a->references) argp_error(state, "one file of --references, please; '%s' is too much", arg);
        a->references = a->metric.options.references = arg;
        break;
    case KEY_CANDIDATES:
    case ARGP_KEY_ARG: add_candidates(a, arg, state); break;
    case KEY_JSON: a->json = true; break;
    case KEY_PER_IMAGE: a->per_image = arg; break;
    case KEY_ERRORS: a->errors = true; break;
    case KEY_SPICE: a->metric.options.spice = arg; break;
    case KEY_SPICE_INPUT: a->spice_input = arg; break;
    case KEY_CLIPSCORE: a->metric.options.clipscore = arg; break;
    case KEY_CLIPSCORE_INPUT: a->clipscore_input = arg; break;
    case ARGP_KEY_END:
        if (!a->references) argp_error(state, "--references FILE is missing");
        if (!a->systems) argp_error(state, "--candidates FILE is missing");
        if (a->systems > 1 && wants_one_system(a))
            argp_error(state, "--per-image, --errors and the files of other tools go with one file of candidates");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- the work ------------------------------------------------------------------------------------------------------ */

typedef struct Answer {
    Scores       *scores;                        /* [systems]                                 */
    json_t       *all;                           /* an object a system                        */
    ErrorAnalysis analysis; CaptionErrors errors;            /* with --errors, of the only system */
} Answer;

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

static bool write_files(const Arguments *a, const CaptionSet *s, const Scores *scores, Err *err)
{
    return (!a->per_image || scores_write_images(scores, s, a->per_image, err))
           && (!a->spice_input || outside_write_spice(s, a->spice_input, err))
           && (!a->clipscore_input || outside_write_clipscore(s, a->references, a->clipscore_input, err));
}

static bool score_system(const Arguments *a, const MetricChoice *choice, int system, Answer *answer, Err *err)
{
    const char   *candidates = a->candidates[system];
    CaptionSet   *s = caption_set_new();
    Scores       *scores = &answer->scores[system];
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
    if (ok && a->errors && (ok = error_analysis_open(&answer->analysis, &a->metric.options, s, err)))
        errors_add(&answer->analysis, s, &answer->errors);
    if (ok) {
        json_t *j = system_json(a, candidates, s, &d, scores);
        if (a->errors) json_object_set_new(j, "errors", errors_json(&answer->analysis, &answer->errors));
        json_array_append_new(answer->all, j);
        ok = write_files(a, s, scores, err);
    }
    caption_set_free(s);
    return ok;
}

static void doubt_images(const Arguments *a, const Answer *answer)
{
    for (int i = 1; i < a->systems; i++)
        if (answer->scores[i].list[0].images != answer->scores[0].list[0].images) {
            fputs("limn score: warning: the files are of different images; their scores do not compare\n", stderr);
            return;
        }
}

static void print(const Arguments *a, const Answer *answer)
{
    const json_t *only = json_array_get(answer->all, 0);

    if (a->json) {
        json_dumpf(a->systems == 1 ? only : answer->all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else if (a->systems == 1) {
        printf("%lld images, %lld references\n", (long long)json_integer_value(json_object_get(only, "images")),
               (long long)json_integer_value(json_object_get(only, "references")));
        scores_print(answer->scores, stdout);
        if (a->metric.samples) printf("Intervals: 95 %%, bootstrap of the images, %d resamples\n", a->metric.samples);
        if (a->errors) {
            putchar('\n');
            errors_print(&answer->analysis, &answer->errors, NULL, 1, stdout);
        }
    } else scores_print_systems(answer->scores, a->candidates, a->systems, stdout);
}

static bool score(Arguments *a, Err *err)
{
    Answer       answer = { .scores = buffer_zeros(a->systems, sizeof *answer.scores), .all = json_array() };
    MetricChoice choice;
    Team   *team = a->metric.options.team = team_new(a->metric.threads);

    bool ok = metric_arguments_choose(&a->metric, &choice, err);
    for (int i = 0; ok && i < a->systems; i++) ok = score_system(a, &choice, i, &answer, err);
    if (ok) {
        doubt_images(a, &answer);
        print(a, &answer);
    }
    for (int i = 0; i < a->systems; i++) scores_free(&answer.scores[i]);
    free(answer.scores);
    json_decref(answer.all);
    errors_free(&answer.errors);
    error_analysis_close(&answer.analysis);
    team_free(team);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = { { &METRIC_ARGP, 0, 0, 0 }, { 0 } };
    static const struct argp ARGP = { OPTIONS, parse, "--references FILE --candidates FILE [FILE...]",
        "Score captions against references: BLEU, ROUGE-L, CIDEr-D and more, equal to coco-caption's (pycocoevalcap), without Java."
        "\vFiles are COCO's annotations or results (a list of {\"image_id\", \"caption\"}), the same as JSON lines (*.jsonl), or a store "
        "(FILE.h5[:SPLIT]). Images with a candidate are scored; captions are tokenised as coco-caption does, so give them as they were written.",
        CHILDREN, 0, 0 };
    Arguments a = { .metric = { .samples = SAMPLES_DEFAULT, .seed = 1 } };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    score(&a, &err);
    return command_end("score", &err);
}

const Command command_score = { "score", "captions against references: BLEU, ROUGE-L, CIDEr and more, as coco-caption computes them", run };
