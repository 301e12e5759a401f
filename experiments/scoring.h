/* scoring.h - an evaluation's captions scored against the store's references, and the record that a run keeps of it.
 *
 *     RUN/scorings.jsonl       a line each time that a split was scored: {"time", "split", "data", "model", "pictures", "search", "scores"}
 *
 * data: the store's hash; model: the start of the SHA-256 of its weights; search: whatever the captions depend on besides these. The
 * record is there so that a number on a test split can be trusted: what was chosen by looking at a split is not measured by it.        */
#ifndef LIMN_SCORING_H
#define LIMN_SCORING_H

#include "experiments/evaluate.h"
#include "experiments/metrics/scores.h"

/* The pictures that have captions in the store, in the evaluation's order: `captions` [e->pictures] of them (NULL: the evaluation's own)
 * against all references. image_id is the picture's index in the store. */
CaptionSet *scoring_set(const Store *s, const Evaluation *e, const char *const *captions);

typedef struct ScoringsBefore { int64_t count, otherwise; } ScoringsBefore;      /* otherwise: with another search or model */

/* Of that split of that data; a run without a record has none. `line` as below. */
bool scorings_before(const char *folder, const json_t *line, ScoringsBefore *out, Err *err);
/* The line but for its scores. weights: the model's file. */
json_t *scoring_line(const Store *s, const char *split, const Evaluation *e, const char *weights, json_t *search, Err *err);   /* takes `search` */
bool scorings_add(const char *folder, const json_t *line, Err *err);

#endif
