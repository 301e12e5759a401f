/* evaluate.c - `limn evaluate`: a run on a split, into captions-SPLIT.json, references-SPLIT.json and metrics-SPLIT.json; what it scored is
 * recorded in scorings.jsonl (experiments/scoring.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/baselines.h"
#include "experiments/commands/command.h"
#include "experiments/commands/metric_options.h"
#include "experiments/commands/search_options.h"
#include "experiments/evaluate.h"
#include "experiments/experiment.h"
#include "experiments/run.h"
#include "experiments/scoring.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"

enum { KEY_SPLIT = 's', KEY_PICTURES = 'n', KEY_QUIET = 'q', KEY_STORE = 256, KEY_JSON, KEY_BACKEND, KEY_THREADS,
       KEY_DETAILS, KEY_WORD_ATTENTION, KEY_OUT, KEY_METRICS, KEY_PARAPHRASES, KEY_NO_BREVITY, KEY_BASELINES };
enum { RESAMPLES = 1000 };

static const struct argp_option OPTIONS[] = {
    { "split", KEY_SPLIT, "NAME[,NAME...]", 0, "Splits to measure (default: test, or every test-* split)", 0 },
    { "pictures", KEY_PICTURES, "N", 0, "Only the first N pictures", 0 },
    { "store", KEY_STORE, "FILE", 0, "Data to measure on (default: the run's)", 0 },
    { "out", KEY_OUT, "FOLDER", 0, "Where the files go (default: the run)", 0 },
    { "metrics", KEY_METRICS, "LIST", 0, "These metrics of the captions, commas between (default: all; `limn score --help` lists them)", 0 },
    { "no-brevity", KEY_NO_BREVITY, 0, 0, "BLEU without its brevity penalty as well", 0 },
    { "paraphrases", KEY_PARAPHRASES, "FILE", 0, "METEOR's paraphrase table", 0 },
    { "baselines", KEY_BASELINES, 0, 0, "Also score people, the nearest training picture's caption, one caption for all, and the model's captions of "
                                        "other pictures", 0 },
    { "backend", KEY_BACKEND, "NAME", 0, "reference or openblas (default)", 0 },
    { "threads", KEY_THREADS, "N", 0, "0: all cores (default)", 0 },
    { "details", KEY_DETAILS, 0, 0, "Into captions-SPLIT.json also scores, each token's log-probability, and all captions of --best or --samples", 0 },
    { "word-attention", KEY_WORD_ATTENTION, 0, 0, "With --details: also where each word looked, as a grid of weights over the picture", 0 },
    { "json", KEY_JSON, 0, 0, "Print the figures as JSON", 0 },
    { "quiet", KEY_QUIET, 0, 0, "No progress", 0 },
    { 0 }
};

typedef struct Arguments {
    const char *run, *splits, *store, *out, *backend;
    const char *train;                           /* split                                                    */
    MetricArguments metric;
    MetricChoice    choice;
    Features       *cache;                       /* of the encoder's output, for the baselines; NULL: none  */
    SearchArguments search;
    OtherModels     others;
    const Model    *model;
    int threads;
    int64_t pictures;
    bool json, quiet, baselines, details, word_attention;
} Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->search; break;
    case KEY_SPLIT: a->splits = arg; break;
    case KEY_PICTURES: a->pictures = option_number(state, "--pictures", arg, 1, INT64_MAX); break;
    case KEY_STORE: a->store = arg; break;
    case KEY_OUT: a->out = arg; break;
    case KEY_METRICS: a->metric.metrics = arg; break;
    case KEY_NO_BREVITY: a->metric.no_brevity = true; break;
    case KEY_BASELINES: a->baselines = true; break;
    case KEY_PARAPHRASES: a->metric.options.meteor_paraphrases = arg; break;
    case KEY_BACKEND: a->backend = arg; break;
    case KEY_THREADS: a->threads = (int)option_number(state, "--threads", arg, 0, 1024); break;
    case KEY_JSON: a->json = true; break;
    case KEY_DETAILS: a->details = true; break;
    case KEY_WORD_ATTENTION: a->word_attention = true; break;
    case KEY_QUIET: a->quiet = true; break;
    case ARGP_KEY_ARG:
        if (a->run) argp_error(state, "one RUN, please; '%s' is too much", arg);
        a->run = arg;
        break;
    case ARGP_KEY_END:
        if (!a->run) argp_error(state, "which RUN?");
        if (a->word_attention && !a->details) argp_error(state, "--word-attention is a part of --details");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- the files ----------------------------------------------------------------------------------------------------- */

static bool write_named(const char *folder, const char *kind, const char *split, json_t *j, Err *err)
{
    char *name = NULL;
    bool ok = asprintf(&name, "%s/%s-%s.json", folder, kind, split) > 0 && json_write_file(name, j, err);
    free(name);
    json_decref(j);
    return ok;
}

/* COCO's results form; image_id is the picture's index in the store. With --details more than a scorer reads. */
static json_t *captions_json(const Store *s, const Model *m, const Evaluation *e)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < e->pictures; i++) {
        const Captioned *c = &e->results[i];
        json_t *j = json_pack("{s:I, s:s, s:s}", "image_id", (json_int_t)c->item, "caption", c->text, "file_name", store_item_name(s, c->item));
        if (c->found) {
            json_t *all = json_array();
            for (int k = 0; k < e->found_each; k++) json_array_append_new(all, hypothesis_json(m, &c->found[k]));
            json_object_set_new(j, "captions", all);
        }
        json_array_append_new(list, j);
    }
    return list;
}

/* COCO's annotation form of the same pictures, so that any scorer finds the references beside the captions. */
static json_t *references_json(const Store *s, const Evaluation *e)
{
    json_t *images = json_array(), *annotations = json_array();
    json_int_t id = 0;

    for (int64_t i = 0; i < e->pictures; i++) {
        int64_t item = e->results[i].item;
        json_array_append_new(images, json_pack("{s:I, s:s}", "id", (json_int_t)item, "file_name", store_item_name(s, item)));
        for (int64_t k = 0; k < store_caption_count(s, item); k++)
            json_array_append_new(annotations, json_pack("{s:I, s:I, s:s}", "image_id", (json_int_t)item, "id", id++, "caption",
                                                         store_caption(s, item, k)));
    }
    return json_pack("{s:o, s:o, s:s}", "images", images, "annotations", annotations, "type", "captions");
}

static json_t *metrics_json(const Store *s, const char *split, const SearchOptions *o, const Arguments *a, const Evaluation *e)
{
    json_t *j = json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:s}", "split", split, "pictures", (json_int_t)e->pictures, "captions",
                          (json_int_t)e->captions, "tokens", (json_int_t)e->tokens, "loss", e->loss, "perplexity", e->perplexity, "data_hash",
                          store_hash(s));
    json_object_set_new(j, "search", search_options_json(o, &a->search));
    if (e->composed) {
        json_object_set_new(j, "named", json_real(e->named));
        json_object_set_new(j, "true_clauses", json_real(e->true_clauses));
        json_object_set_new(j, "parsed", json_real(e->parsed));
        json_object_set_new(j, "invented", json_real(e->invented));
    }
    return j;
}

static void print_row(const char *split, const Evaluation *e)
{
    printf("%-14s %8lld %9.4f %11.2f", split, (long long)e->pictures, e->loss, e->perplexity);
    if (e->composed)
        printf(" %8.1f %% %8.1f %% %8.1f %% %9.3f", 100 * e->named, 100 * e->true_clauses, 100 * e->parsed, e->invented);
    putchar('\n');
}

/* ---- scores -------------------------------------------------------------------------------------------------------- */

static char *weights_of(const char *run)
{
    char *path = path_join(run, "model/model.safetensors");
    if (file_exists(path)) return path;
    free(path);
    return path_join(run, "model.safetensors");
}

/* Into the run's record, before anybody sees the scores. */
static bool record(const Subject *s, const char *split, const SearchOptions *search, const Arguments *a, const Evaluation *e,
                   const json_t *scores, Err *err)
{
    char *weights = weights_of(a->run);
    json_t *line = scoring_line(s->store, split, e, weights, search_options_json(search, &a->search), err);
    ScoringsBefore before;
    bool ok = line && scorings_before(a->run, line, &before, err);

    if (ok && before.count && !strncmp(split, "test", 4))
        fprintf(stderr, "limn evaluate: note: %s was scored %lld times before, %lld of them with another model or search (%s/scorings.jsonl): "
                "what is chosen by it is not measured by it\n", split, (long long)before.count, (long long)before.otherwise, a->run);
    if (ok) json_object_set(line, "scores", (json_t *)scores);
    ok = ok && scorings_add(a->run, line, err);
    json_decref(line);
    free(weights);
    return ok;
}

/* The captions against the store's; adds the scores to `metrics`. Without references there are none. */
static bool score(const Subject *s, const char *split, const SearchOptions *search, const Arguments *a, const Evaluation *e, Scores *scores,
                  json_t *metrics, Err *err)
{
    CaptionSet *set = scoring_set(s->store, e, NULL);
    bool any = caption_set_images(set) > 0, ok = !any || scores_measure(&a->choice, set, &a->metric.options, scores, err);

    if (ok && any) {
        scores_bootstrap(scores, &(Resampling){ .resamples = RESAMPLES, .confidence = 0.95, .seed = 1, .team = a->metric.options.team });
        json_t *j = scores_json(scores);
        json_object_update(metrics, j);
        json_object_del(j, "notes");
        json_object_del(j, "intervals");
        ok = record(s, split, search, a, e, j, err);
        json_decref(j);
    }
    caption_set_free(set);
    return ok;
}

static void print_scores(const Scores *scores)
{
    scores_print(scores, stdout);
    printf("Intervals: 95 %%, bootstrap of the images, %d resamples\n", RESAMPLES);
}

/* Beside the model's scores; also into baselines-SPLIT.json and `metrics`. */
static bool score_baselines(const Subject *s, const char *split, const Arguments *a, const Evaluation *e, const Scores *scores, json_t *metrics,
                            Err *err)
{
    Progress  progress = progress_begin("encoding training pictures", 0, 0, a->quiet);
    Subject   cached = *s;
    Baselines b;

    if (a->cache) cached.features = a->cache;
    bool ok = baselines_measure(&cached, e, a->train, &a->choice, &a->metric.options, &progress, &b, err);

    progress_end(&progress);
    TRY(ok);
    json_t *j = baselines_json(&b);
    if (!a->json) baselines_print(&b, scores, stdout);
    json_object_set(metrics, "baselines", j);
    baselines_free(&b);
    return write_named(a->out, "baselines", split, j, err);
}

/* ---- the work ------------------------------------------------------------------------------------------------------ */

static bool write_files(const Subject *s, const char *split, const Arguments *a, const Evaluation *e, json_t *metrics, Err *err)
{
    return write_named(a->out, "captions", split, captions_json(s->store, a->model, e), err)
        && write_named(a->out, "references", split, references_json(s->store, e), err)
        && write_named(a->out, "metrics", split, json_incref(metrics), err);
}

static bool measure(const Subject *s, const char *split, const SearchOptions *search, const Arguments *a, json_t *all, Err *err)
{
    Progress progress = progress_begin(split, 0, 0, a->quiet);
    EvaluateOptions o = { .split = split, .pictures = a->pictures, .batch = 32, .loss = true, .captions = true, .search = *search,
                          .details = a->details, .progress = &progress };
    Evaluation e;
    int64_t count = 0;
    int found = store_find_split(s->store, split);

    if (found >= 0) store_split_items(s->store, found, &count);
    progress.total = a->pictures && a->pictures < count ? a->pictures : count;
    bool ok = evaluate(s, &o, &e, err);
    progress_end(&progress);
    TRY(ok);
    Scores scores = { 0 };
    json_t *metrics = metrics_json(s->store, split, search, a, &e);
    ok = score(s, split, search, a, &e, &scores, metrics, err) && write_files(s, split, a, &e, metrics, err);
    /* Of composed pictures the truth is known, which says more than likeness to captions. */
    bool say_scores = scores.count && (!e.composed || a->baselines);
    if (ok && !a->json) {
        if (json_array_size(all) == 0 || say_scores)
            printf("%-14s %8s %9s %11s%s\n", "split", "pictures", "loss", "perplexity",
                   e.composed ? "      named       true     parsed  invented" : "");
        print_row(split, &e);
        if (say_scores) print_scores(&scores);
    }
    if (ok && a->baselines && scores.count) ok = score_baselines(s, split, a, &e, &scores, metrics, err);
    json_array_append_new(all, metrics);
    scores_free(&scores);
    evaluation_free(&e);
    return ok;
}

static bool measure_splits(const Subject *s, const SearchOptions *search, const Arguments *a, json_t *all, Err *err)
{
    if (a->splits) {
        char *names = strdup(a->splits), *rest = names;
        bool ok = true;
        for (char *name; ok && (name = strsep(&rest, ",")); ) ok = measure(s, name, search, a, all, err);
        free(names);
        return ok;
    }
    for (int i = 0; i < store_splits(s->store); i++)
        if (!strncmp(store_split_name(s->store, i), "test", 4)) TRY(measure(s, store_split_name(s->store, i), search, a, all, err));
    if (json_array_size(all) == 0) return fail_usage(err, "the store has no test split; choose one with --split");
    return true;
}

/* A run knows its store; a bare model folder must be told. */
static bool from_run(Arguments *a, Experiment *x, Err *err)
{
    char *config = path_join(a->run, "config.yaml");
    bool is_run = file_exists(config), ok = folder_exists(a->run) || fail(err, "%s: no such run or model folder", a->run);

    if (ok && is_run) ok = experiment_load(config, NULL, 0, x, err);
    free(config);
    TRY(ok);
    if (!a->store && !is_run) return fail_usage(err, "%s has no config.yaml that names the data: say --store FILE", a->run);
    if (!a->store) a->store = x->data.store;
    if (!a->out) a->out = a->run;
    a->train = is_run ? x->data.train : "train";
    return true;
}

/* A model of vectors sees nothing else, and on the store that it learned from they must be those that it learned from. */
static bool vectors_fit(const Model *m, const Features *v, const Store *s, const char *run, Err *err)
{
    const Encoder *e = m->captioner->encoder;
    RunState state;
    size_t n = strlen(store_hash(s));

    if (!v)
        return strcmp(e->kind->name, "features") != 0
            || fail_usage(err, "%s was trained on vectors from a file, which only its run's config.yaml names: evaluate the run", run);
    if (features_tokens(v) != e->tokens || features_width(v) != e->width)
        return fail(err, "encoder.vectors holds (%lld,%lld) values a picture, but %s was trained on (%lld,%lld)",
                    (long long)features_tokens(v), (long long)features_width(v), run, (long long)e->tokens, (long long)e->width);
    TRY(run_read_state(run, &state, err));
    bool changed = !strncmp(state.data_hash, store_hash(s), n) && state.data_hash[n] == '+'
                   && strcmp(state.data_hash + n + 1, features_hash(v));
    return !changed || fail(err, "encoder.vectors has other values now than when %s was trained; put the old file back", run);
}

static bool show_encoding(int64_t done, int64_t total, void *progress)
{
    Progress *p = progress;
    p->total = total;
    if (done >= 0) progress_show(p, done, "", 0, "");
    return true;
}

/* What the baselines take features from, where the run trained on a cache of them: the same one. */
static bool open_cache(Arguments *a, const Experiment *x, const Subject *s, const Model *m, Err *err)
{
    if (!a->baselines || !x->encoder.cache || s->features || strcmp(a->store, x->data.store)) return true;
    Progress progress = progress_begin("encoding pictures once", 0, 0, a->quiet);
    char *folder = experiment_cache_folder(x);
    if (folder_make(folder, err))
        a->cache = features_open(folder, s->store, m->captioner->encoder, m->params, s->preprocess, s->tape, x->data.flip ? 2 : 1, show_encoding,
                                 &progress, err);
    progress_end(&progress);
    free(folder);
    return a->cache != NULL;
}

static bool evaluate_subject(Subject *s, const Model *m, const Experiment *x, Arguments *a, json_t *all, Err *err)
{
    const Captioner *others[ENSEMBLE_MOST];
    SearchOptions search;
    Arena *keep = arena_new(1 << 12);
    bool ok = search_arguments_resolve(&a->search, m, keep, &search, err) && other_models_open(a->search.ensemble, m, a->run, &a->others, err);

    for (int k = 0; k < a->others.count; k++) others[k] = a->others.model[k]->captioner;
    s->others = others;
    s->other_count = a->others.count;
    a->model = m;
    search.attention = a->word_attention;
    if (ok && !store_fits(s->store, (int)m->captioner->encoder->config.image))
        ok = fail_usage(err, "%s holds pictures of %d px, the model takes %lld px", a->store, store_size(s->store),
                        (long long)m->captioner->encoder->config.image);
    ok = ok && metric_arguments_choose(&a->metric, &a->choice, err) && vectors_fit(m, s->features, s->store, a->run, err)
         && folder_make(a->out, err) && open_cache(a, x, s, m, err) && measure_splits(s, &search, a, all, err);
    arena_free(keep);
    return ok;
}

/* What novelty is measured against, as caption_files.h names it; NULL: the run does not know it. malloc'd. */
static char *training_captions(const Experiment *x)
{
    const char *end = strrchr(x->data.store, '.');
    char *file = NULL;

    if (!end || strcmp(end, ".h5") || !file_exists(x->data.store)) return NULL;
    REQUIRE(asprintf(&file, "%s:%s", x->data.store, x->data.train) > 0, "out of memory");
    return file;
}

static bool evaluate_run(Arguments a, json_t *all, Err *err)
{
    Experiment x = { 0 };                        /* stays so for a bare model folder */
    Session session = { 0 };
    bool ok = false;

    TRY(from_run(&a, &x, err));
    char  *training = training_captions(&x);
    Store *store = store_open(a.store, err);
    Features *vectors = store && x.encoder.vectors[0] ? features_import(x.encoder.vectors, store, err) : NULL;
    if (store && err->status == 0 && session_open(&session, a.run, a.backend, a.threads, err)) {
        const Model *m = session.model;
        Subject s = { session.tape, m->captioner, m->tokenizer, &m->preprocess, store, vectors };
        a.metric.options.team = session.team;
        a.metric.options.training_captions = training;
        ok = evaluate_subject(&s, m, &x, &a, all, err);
    }
    other_models_close(&a.others);
    session_close(&session);
    features_close(a.cache);
    features_close(vectors);
    if (store) store_close(store);
    free(training);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = { { &SEARCH_ARGP, 0, NULL, 0 }, { 0 } };
    static const struct argp ARGP = { OPTIONS, parse, "RUN", "Measure a trained captioner on held-out pictures: loss and perplexity, captions in "
        "COCO's results form, their scores against the references as coco-caption has them, and on composed pictures the share of objects named "
        "and of clauses that are true."
        "\vWrites captions-SPLIT.json, references-SPLIT.json (COCO's annotation form, for any scorer) and metrics-SPLIT.json into the run, and "
        "a line a scoring into its scorings.jsonl: how often a test split was looked at is told with its scores. --baselines adds "
        "baselines-SPLIT.json.",
        CHILDREN, 0, 0 };
    Arguments a = { .backend = "openblas", .search = { .length = -1 } };
    Err err = { 0 };
    json_t *all = json_array();

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (evaluate_run(a, all, &err) && a.json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
    return command_end("evaluate", &err);
}

const Command command_evaluate = { "evaluate", "measure a run on held-out pictures; captions and metrics as JSON", run };
