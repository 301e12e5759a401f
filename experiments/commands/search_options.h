/* search_options.h - options of every command that lets a model speak: how it searches or draws (fusion/search.h; docs/decoding.md). */
#ifndef LIMN_SEARCH_OPTIONS_H
#define LIMN_SEARCH_OPTIONS_H

#include <argp.h>
#include <jansson.h>

#include "fusion/search.h"

typedef struct SearchArguments {                 /* 0 or NULL: not given */
    int         beam, best, length, groups, samples, top_k, min_length, max_length, no_repeat;        /* length: -1, or LengthPenalty */
    double      alpha, diversity, temperature, top_p, typical, repetition;
    uint64_t    seed;
    bool        seeded;
    const char *forbid, *require, *ensemble;     /* "a,b c"; "dog|dogs,ball"; "RUN,RUN" */
} SearchArguments;

/* A child of a command's argp, whose child_input is SearchArguments with the default { .length = -1 }. Options that contradict each other
 * are a usage error. Its keys are SEARCH_KEYS and above, and 'b'. */
enum { SEARCH_KEYS = 2048 };
extern const struct argp SEARCH_ARGP;

/* The model's own settings, and what the arguments say otherwise; words looked up in its vocabulary. In arena `keep`. */
bool    search_arguments_resolve(const SearchArguments *a, const Model *m, Arena *keep, SearchOptions *out, Err *err);
/* What was resolved, all that is not off, and the ensemble. */
json_t *search_options_json(const SearchOptions *o, const SearchArguments *a);

/* The other models of --ensemble. They must have the vocabulary of the first, and see pictures as it does. */
enum { ENSEMBLE_MOST = 15 };
typedef struct OtherModels { Model *model[ENSEMBLE_MOST]; char *name[ENSEMBLE_MOST]; int count; } OtherModels;
bool other_models_open(const char *ensemble, const Model *first, const char *name, OtherModels *out, Err *err);   /* NULL: none */
void other_models_close(OtherModels *o);

/* A hypothesis as JSON: caption, log_prob, score, ended, and tokens with their log_prob; where the search returned attention, each word's
 * as rows of the encoder's grid. */
json_t *hypothesis_json(const Model *m, const Hypothesis *h);

#endif
