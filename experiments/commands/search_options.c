/* search_options.c - the options, what contradicts what, and words into tokens. */
#include "experiments/commands/search_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/commands/command.h"
#include "tensor/base/edit_distance.h"
#include "tensor/base/json.h"

enum { KEY_BEAM = 'b', KEY_BEST = SEARCH_KEYS, KEY_LENGTH, KEY_ALPHA, KEY_GROUPS, KEY_DIVERSITY, KEY_SAMPLES, KEY_TEMPERATURE, KEY_TOP_K, KEY_TOP_P,
       KEY_TYPICAL, KEY_SEED, KEY_MIN, KEY_MAX, KEY_NO_REPEAT, KEY_REPETITION, KEY_FORBID, KEY_REQUIRE, KEY_ENSEMBLE };

static const double GNMT_ALPHA = 0.6, DIVERSITY = 0.5;       /* where --alpha and --diversity do not say */

static const struct argp_option OPTIONS[] = {
    { 0, 0, 0, 0, "Search", 2 },
    { "beam", KEY_BEAM, "N", 0, "Width of the beam search; 1: greedy (default: the model's)", 0 },
    { "best", KEY_BEST, "N", 0, "So many captions a picture, best first (at most the beam, which is widened to it)", 0 },
    { "length", KEY_LENGTH, "none|average|gnmt", 0, "Length penalty: rank by the sum of log-probabilities, by their mean, or by the sum over "
      "((5 + tokens) / 6)^alpha (default: the model's)", 0 },
    { "alpha", KEY_ALPHA, "X", 0, "Of --length gnmt (0.6)", 0 },
    { "groups", KEY_GROUPS, "N", 0, "Diverse beam search: the beam in N groups, each kept from saying what those before it say", 0 },
    { "diversity", KEY_DIVERSITY, "X", 0, "Of --groups: how strongly (0.5)", 0 },
    { "ensemble", KEY_ENSEMBLE, "RUN[,RUN...]", 0, "These models decide too, by the mean of all probabilities", 0 },
    { 0, 0, 0, 0, "Sampling", 3 },
    { "samples", KEY_SAMPLES, "N", 0, "Draw N captions a picture instead of searching", 0 },
    { "temperature", KEY_TEMPERATURE, "X", 0, "Below 1: nearer to greedy; above: nearer to chance (1)", 0 },
    { "top-k", KEY_TOP_K, "N", 0, "Only from the N most probable tokens", 0 },
    { "top-p", KEY_TOP_P, "X", 0, "Only from the nucleus: the fewest most probable tokens that have probability X together", 0 },
    { "typical", KEY_TYPICAL, "X", 0, "Only from the tokens of probability X together that are nearest to the expected surprise", 0 },
    { "seed", KEY_SEED, "N", 0, "Of the draws (1)", 0 },
    { 0, 0, 0, 0, "What may be said", 4 },
    { "min-length", KEY_MIN, "N", 0, "Fewest words of a caption", 0 },
    { "max-length", KEY_MAX, "N", 0, "Most tokens of a caption, its end included (default: the model's)", 0 },
    { "no-repeat", KEY_NO_REPEAT, "N", 0, "No N words in a row twice in a caption", 0 },
    { "repetition-penalty", KEY_REPETITION, "X", 0, "Log-probabilities of words that were said are multiplied by X: above 1 against repetition", 0 },
    { "forbid", KEY_FORBID, "WORDS", 0, "Words or phrases that are never said, commas between; \"<unk>\" is one, too", 0 },
    { "require", KEY_REQUIRE, "WORDS", 0, "Words or phrases that every caption says, commas between; \"dog|dogs\": one of them", 0 },
    { 0 }
};

static double option_real(const struct argp_state *state, const char *option, const char *text, double above, double most)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end || !(v > above && v <= most))
        argp_error(state, "%s wants a number above %g, at most %g, got '%s'", option, above, most, text);
    return v;
}

static int option_length(const struct argp_state *state, const char *text)
{
    for (int i = 0; i < LENGTH_PENALTIES; i++)
        if (!strcmp(text, LENGTH_NAMES[i])) return i;
    argp_error(state, "--length is none, average or gnmt, not '%s'", text);
    return 0;
}

/* What was asked for must be what happens: an option that would do nothing is an error. */
static void check(const SearchArguments *a, const struct argp_state *state)
{
    const struct { const char *name; bool given; } draws[] = { { "--temperature", a->temperature }, { "--top-k", a->top_k }, { "--top-p", a->top_p },
                                                               { "--typical", a->typical }, { "--seed", a->seeded } },
        searches[] = { { "--beam", a->beam }, { "--best", a->best }, { "--length", a->length >= 0 }, { "--groups", a->groups }, { "--require", a->require } };

    for (int i = 0; i < 5; i++) {
        if (draws[i].given && !a->samples) argp_error(state, "%s is for drawn captions: say --samples N, too", draws[i].name);
        if (searches[i].given && a->samples) argp_error(state, "--samples draws captions; %s is for searching them", searches[i].name);
    }
    if (a->alpha && a->length != LENGTH_GNMT) argp_error(state, "--alpha is for --length gnmt");
    if (a->diversity && !a->groups) argp_error(state, "--diversity is between groups: say --groups N, too");
    if (a->groups && a->require) argp_error(state, "--require and --groups do not go together");
    if (a->min_length && a->max_length && a->min_length > a->max_length)
        argp_error(state, "--min-length %d is more than --max-length %d", a->min_length, a->max_length);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    SearchArguments *a = state->input;

    switch (key) {
    case KEY_BEAM: a->beam = (int)option_number(state, "--beam", arg, 1, 64); break;
    case KEY_BEST: a->best = (int)option_number(state, "--best", arg, 1, 64); break;
    case KEY_LENGTH: a->length = option_length(state, arg); break;
    case KEY_ALPHA: a->alpha = option_real(state, "--alpha", arg, 0, 10); break;
    case KEY_GROUPS: a->groups = (int)option_number(state, "--groups", arg, 2, 64); break;
    case KEY_DIVERSITY: a->diversity = option_real(state, "--diversity", arg, 0, 1000); break;
    case KEY_SAMPLES: a->samples = (int)option_number(state, "--samples", arg, 1, 1000); break;
    case KEY_TEMPERATURE: a->temperature = option_real(state, "--temperature", arg, 0, 100); break;
    case KEY_TOP_K: a->top_k = (int)option_number(state, "--top-k", arg, 1, 1 << 22); break;
    case KEY_TOP_P: a->top_p = option_real(state, "--top-p", arg, 0, 1); break;
    case KEY_TYPICAL: a->typical = option_real(state, "--typical", arg, 0, 1); break;
    case KEY_SEED: a->seed = (uint64_t)option_number(state, "--seed", arg, 0, INT64_MAX); a->seeded = true; break;
    case KEY_MIN: a->min_length = (int)option_number(state, "--min-length", arg, 1, 65535); break;
    case KEY_MAX: a->max_length = (int)option_number(state, "--max-length", arg, 1, 65536); break;
    case KEY_NO_REPEAT: a->no_repeat = (int)option_number(state, "--no-repeat", arg, 1, 65535); break;
    case KEY_REPETITION: a->repetition = option_real(state, "--repetition-penalty", arg, 0, 100); break;
    case KEY_FORBID: a->forbid = arg; break;
    case KEY_REQUIRE: a->require = arg; break;
    case KEY_ENSEMBLE: a->ensemble = arg; break;
    case ARGP_KEY_END: check(a, state); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

const struct argp SEARCH_ARGP = { OPTIONS, parse, 0, 0, 0, 0, 0 };

/* ---- words ------------------------------------------------------------------------------------------------------------- */

/* The three words of the vocabulary that are most like it. */
static bool unknown_word(const Tokenizer *k, const char *option, const char *word, Err *err)
{
    enum { NEAR = 3 };
    int32_t best[NEAR] = { -1, -1, -1 };
    int     distance[NEAR], count = 0;

    for (int32_t v = 0; v < tokenizer_size(k); v++) {
        int d = edit_distance(word, tokenizer_token(k, v)), at = count < NEAR ? count++ : NEAR;
        if (at == NEAR && d < distance[NEAR - 1]) at = NEAR - 1;
        if (at == NEAR) continue;
        for (; at > 0 && d < distance[at - 1]; at--) {
            best[at] = best[at - 1];
            distance[at] = distance[at - 1];
        }
        best[at] = v;
        distance[at] = d;
    }
    return fail_usage(err, "%s: the model has no word '%s'; the nearest it has are '%s', '%s' and '%s'", option, word, tokenizer_token(k, best[0]),
                      tokenizer_token(k, best[1]), tokenizer_token(k, best[2]));
}

static bool read_phrase(const Tokenizer *k, const char *option, char *text, Arena *keep, Phrase *out, Err *err)
{
    enum { MOST = 64 };
    int32_t *ids = arena_alloc(keep, MOST * sizeof *ids);
    int64_t  count = tokenizer_encode(k, text, ids, MOST);

    if (count < 1 || count > MOST) return fail_usage(err, "%s: '%s' is no word or phrase", option, text);
    for (char *word, *rest = text; !strstr(text, "<unk>") && (word = strsep(&rest, " ")); ) {
        int32_t id[2];
        if (*word && tokenizer_encode(k, word, id, 2) > 0 && id[0] == tokenizer_unk(k)) return unknown_word(k, option, word, err);
    }
    *out = (Phrase){ ids, (int)count };
    return true;
}

static int parts(const char *text, char separator)
{
    int n = 1;
    for (; *text; text++) n += *text == separator;
    return n;
}

/* Phrases with a separator between them. */
static bool read_phrases(const Tokenizer *k, const char *option, char *text, const char *separator, Arena *keep, const Phrase **out, int *count,
                         Err *err)
{
    Phrase *list = arena_alloc(keep, (size_t)parts(text, *separator) * sizeof *list);

    *out = list;
    for (char *one; (one = strsep(&text, separator)); ) TRY(read_phrase(k, option, one, keep, &list[(*count)++], err));
    return true;
}

static bool read_requirements(const Tokenizer *k, char *text, Arena *keep, SearchOptions *o, Err *err)
{
    Requirement *list = arena_zeros(keep, (size_t)parts(text, ',') * sizeof *list);

    o->required = list;
    for (char *one; (one = strsep(&text, ",")); ) {
        Requirement *r = &list[o->required_count++];
        TRY(read_phrases(k, "--require", one, "|", keep, &r->any, &r->count, err));
    }
    return true;
}

/* ---- options for a model ------------------------------------------------------------------------------------------------- */

/* Against the model: its longest caption, and the width of its beam. */
static bool fits(const SearchArguments *a, const Model *m, const SearchOptions *o, Err *err)
{
    int longest = (int)m->captioner->config.decoder.length, needed = search_required_tokens(o);

    if (a->max_length > longest) return fail_usage(err, "--max-length %d: the model's decoder has %d positions", a->max_length, longest);
    if (o->min_length > o->max_length)
        return fail_usage(err, "--min-length %d is more than the longest caption, %d tokens; --max-length changes it", o->min_length, o->max_length);
    if (needed > o->max_length)
        return fail_usage(err, "--require asks for %d tokens, but the longest caption has %d; --max-length changes it", needed, o->max_length);
    if (a->groups && o->beam % a->groups)
        return fail_usage(err, "--groups %d does not divide the beam of %d; --beam changes it", a->groups, o->beam);
    return true;
}

bool search_arguments_resolve(const SearchArguments *a, const Model *m, Arena *keep, SearchOptions *out, Err *err)
{
    SearchOptions o = search_defaults(m);

    if (a->beam) o.beam = a->beam;
    else if (a->groups > o.beam) o.beam = a->groups;
    if (a->best) o.best = a->best;
    if (o.best > o.beam) o.beam = o.best;
    if (a->length >= 0) o.length = (LengthPenalty)a->length;
    if (o.length == LENGTH_GNMT) o.alpha = a->alpha ? a->alpha : GNMT_ALPHA;
    o.groups = a->groups;
    if (a->groups) o.diversity = a->diversity ? a->diversity : DIVERSITY;
    o.samples = a->samples;
    o.temperature = a->temperature;
    o.top_k = a->top_k;
    o.top_p = a->top_p;
    o.typical = a->typical;
    o.seed = a->seeded ? a->seed : 1;
    o.min_length = a->min_length;
    if (a->max_length) o.max_length = a->max_length;
    o.no_repeat = a->no_repeat;
    o.repetition = a->repetition;
    if (a->forbid) TRY(read_phrases(m->tokenizer, "--forbid", arena_text(keep, a->forbid), ",", keep, &o.forbidden, &o.forbidden_count, err));
    if (a->require) TRY(read_requirements(m->tokenizer, arena_text(keep, a->require), keep, &o, err));
    *out = o;
    return fits(a, m, &o, err);
}

static void set_number(json_t *j, const char *key, double value)
{
    if (value) json_object_set_new(j, key, value == floor(value) ? json_integer((json_int_t)value) : json_real(value));
}

json_t *search_options_json(const SearchOptions *o, const SearchArguments *a)
{
    json_t *j = json_object();
    const struct { const char *key; double value; } numbers[] = {
        { "beam", o->samples ? 0 : o->beam }, { "best", o->samples || o->best < 2 ? 0 : o->best }, { "alpha", o->alpha }, { "groups", o->groups },
        { "diversity", o->diversity }, { "samples", o->samples }, { "temperature", o->temperature }, { "top_k", o->top_k }, { "top_p", o->top_p },
        { "typical", o->typical }, { "min_length", o->min_length }, { "max_length", o->max_length }, { "no_repeat", o->no_repeat },
        { "repetition_penalty", o->repetition } };
    const struct { const char *key, *text; } texts[] = { { "length", o->samples ? NULL : LENGTH_NAMES[o->length] }, { "forbid", a->forbid },
                                                         { "require", a->require }, { "ensemble", a->ensemble } };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) set_number(j, numbers[i].key, numbers[i].value);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text) json_object_set_new(j, texts[i].key, json_text(texts[i].text));
    if (o->samples) json_object_set_new(j, "seed", json_integer((json_int_t)o->seed));
    return j;
}

/* ---- ensembles ----------------------------------------------------------------------------------------------------------- */

/* The pictures are prepared once, for all. */
static bool sees_the_same(const Model *first, const char *first_name, const Model *m, const char *name, Err *err)
{
    json_t *a = preprocess_to_json(&first->preprocess), *b = preprocess_to_json(&m->preprocess);
    bool same = json_equal(a, b), vectors = !strcmp(first->captioner->encoder->kind->name, "features")
                                            || !strcmp(m->captioner->encoder->kind->name, "features");

    json_decref(a);
    json_decref(b);
    if (vectors) return fail(err, "--ensemble: models of vectors from a file (encoder.vectors) have no pictures in common");
    return same || fail(err, "--ensemble: %s and %s want pictures prepared in different ways (preprocessor_config.json)", first_name, name);
}

bool other_models_open(const char *ensemble, const Model *first, const char *name, OtherModels *out, Err *err)
{
    const Model *models[ENSEMBLE_MOST + 1] = { first };
    const char  *names[ENSEMBLE_MOST + 1] = { name };
    char *list = strdup(ensemble ? ensemble : ""), *rest = ensemble ? list : NULL;
    bool  ok = true;

    REQUIRE(list, "out of memory");
    for (char *one; ok && (one = strsep(&rest, ",")); ) {
        if (out->count == ENSEMBLE_MOST) ok = fail_usage(err, "--ensemble: at most %d further models", ENSEMBLE_MOST);
        else if (!(out->model[out->count] = model_read(one, err))) ok = false;
        else {
            REQUIRE(out->name[out->count] = strdup(one), "out of memory");
            names[out->count + 1] = out->name[out->count];
            models[out->count + 1] = out->model[out->count];
            ok = sees_the_same(first, name, out->model[out->count], one, err);
            out->count++;
        }
    }
    free(list);
    return ok && ensemble_check(models, names, out->count + 1, err);
}

void other_models_close(OtherModels *o)
{
    for (int i = 0; i < o->count; i++) {
        model_free(o->model[i]);
        free(o->name[i]);
    }
    o->count = 0;
}

/* ---- results ------------------------------------------------------------------------------------------------------------- */

/* rows x columns of the encoder's grid; what stands before the grid (class tokens) is left out. */
static json_t *attention_json(const Encoder *e, const double *attention)
{
    json_t *grid = json_array();

    for (int64_t y = 0; y < e->rows; y++) {
        json_t *row = json_array();
        for (int64_t x = 0; x < e->columns; x++) json_array_append_new(row, json_number(attention[e->prefix + y * e->columns + x]));
        json_array_append_new(grid, row);
    }
    return grid;
}

json_t *hypothesis_json(const Model *m, const Hypothesis *h)
{
    const Encoder *e = m->captioner->encoder;
    const Tokenizer *k = m->tokenizer;
    json_t *tokens = json_array();
    char *text = tokenizer_decode(k, h->ids, h->count);

    for (int i = 0; i < h->count + h->ended; i++) {
        json_t *token = json_pack("{s:s, s:o}", "token", tokenizer_token(k, i < h->count ? h->ids[i] : tokenizer_eos(k)), "log_prob",
                                  json_number(h->token_log_prob[i]));
        if (h->attention && i < h->count) json_object_set_new(token, "attention", attention_json(e, h->attention + i * e->tokens));
        json_array_append_new(tokens, token);
    }
    json_t *j = json_pack("{s:s, s:o, s:o, s:b, s:o}", "caption", text, "log_prob", json_number(h->log_prob), "score", json_number(h->score), "ended",
                          h->ended, "tokens", tokens);
    free(text);
    return j;
}
