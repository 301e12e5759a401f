/* metric_options.c - the options, and the help that lists the table of metrics. */
#include "experiments/commands/metric_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "experiments/commands/command.h"

enum { KEY_METRICS = METRIC_KEYS, KEY_NO_BREVITY, KEY_DF, KEY_WORDNET, KEY_PARAPHRASES, KEY_SYNONYMS, KEY_INSTANCES, KEY_TRAINING, KEY_SAMPLES,
       KEY_SEED, KEY_NO_INTERVALS, KEY_THREADS };

static const struct argp_option OPTIONS[] = {
    { 0, 0, 0, 0, "Metrics", 1 },
    { "metrics", KEY_METRICS, "LIST", 0, "These metrics, commas between (default: all that need nothing that was not given)", 0 },
    { "no-brevity", KEY_NO_BREVITY, 0, 0, "BLEU without its brevity penalty as well", 0 },
    { "df", KEY_DF, "FILE", 0, "CIDEr-D's idf from the captions of FILE: an annotation file, or a store as FILE.h5[:SPLIT] (default: from the "
                               "references that are scored)", 0 },
    { "wordnet", KEY_WORDNET, "FOLDER", 0, "WordNet's database, for METEOR's synonyms and --errors (default: where Debian's wordnet-base has it)", 0 },
    { "paraphrases", KEY_PARAPHRASES, "FILE", 0, "METEOR's paraphrase table", 0 },
    { "synonyms", KEY_SYNONYMS, "FILE", 0, "COCO's objects and their synonyms, for CHAIR", 0 },
    { "instances", KEY_INSTANCES, "FILE", 0, "COCO's instances_*.json, for CHAIR", 0 },
    { "training", KEY_TRAINING, "FILE", 0, "Captions that the model was trained on, in any form that --df takes, for novelty and --errors", 0 },
    { 0, 0, 0, 0, "Confidence intervals", 3 },
    { "samples", KEY_SAMPLES, "N", 0, "Resamples of the images (default: 1000; limn compare: 10000)", 0 },
    { "seed", KEY_SEED, "N", 0, "Of the resampling (default: 1)", 0 },
    { "no-intervals", KEY_NO_INTERVALS, 0, 0, "None: the scores alone", 0 },
    { 0, 0, 0, 0, "Other", 4 },
    { "threads", KEY_THREADS, "N", 0, "0: all cores (default); no score depends on it", 0 },
    { 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    MetricArguments *a = state->input;

    switch (key) {
    case KEY_METRICS: a->metrics = arg; break;
    case KEY_NO_BREVITY: a->no_brevity = true; break;
    case KEY_DF: a->options.document_frequency = arg; break;
    case KEY_WORDNET: a->options.wordnet = arg; break;
    case KEY_PARAPHRASES: a->options.meteor_paraphrases = arg; break;
    case KEY_SYNONYMS: a->options.chair_synonyms = arg; break;
    case KEY_INSTANCES: a->options.chair_objects = arg; break;
    case KEY_TRAINING: a->options.training_captions = arg; break;
    case KEY_SAMPLES: a->samples = (int)option_number(state, "--samples", arg, 2, 10000000); break;
    case KEY_SEED: a->seed = (uint64_t)option_number(state, "--seed", arg, 0, INT64_MAX); break;
    case KEY_NO_INTERVALS: a->samples = 0; break;
    case KEY_THREADS: a->threads = (int)option_number(state, "--threads", arg, 0, 1024); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* The text behind the options: the metrics themselves. argp frees it. */
static char *help(int key, const char *text, void *input)
{
    char  *out = NULL;
    size_t bytes = 0;
    (void)input;

    if (key != ARGP_KEY_HELP_POST_DOC) return (char *)text;
    FILE *f = open_memstream(&out, &bytes);
    REQUIRE(f, "out of memory");
    fputs("Metrics, in the order of the table; those in brackets only when asked for, or given what they need:\n", f);
    for (const Metric *const *m = METRICS; *m; m++)
        fprintf(f, (*m)->by_default ? "  [%s]\n      %s\n" : "  %s\n      %s\n", (*m)->name, (*m)->help);
    fclose(f);
    return out;
}

const struct argp METRIC_ARGP = { OPTIONS, parse, 0, 0, 0, help, 0 };

bool metric_arguments_choose(const MetricArguments *a, MetricChoice *out, Err *err)
{
    const Metric *extra = metric_find("bleu-no-brevity");

    TRY(metrics_choose(a->metrics, &a->options, out, err));
    for (int i = 0; a->no_brevity && i < out->count; i++)
        if (out->metric[i] == extra) return true;
    if (a->no_brevity) out->metric[out->count++] = extra;
    return true;
}
