/* inspect.h - what `limn inspect` tells of a store: as text of at most 100 columns, or as JSON.
 *
 * The text shows examples; the JSON lists groups and pairs up to INSPECT_LISTED of a kind and INSPECT_MEMBERS of a group, beside counts
 * of all. Groups of captions are those in more than one split: within one they are as common as they are harmless. A SPREAD is
 * {mean, min, p5, median, p95, max}, or null when there is nothing to measure; COUNTS are {"value": how many}.
 *
 *     store, hash, layout
 *     splits         [{split, pictures, captions, boxes}]
 *     pictures       {count, format (raw, jpeg, original), size, stored, original: {width, height, aspect: SPREAD}, captions_a_picture: COUNTS,
 *                    source_bytes, masks}
 *     captions       {all, splits: {NAME: …}}, each {count, words, tokens: SPREAD, words_histogram: COUNTS}
 *     vocabulary     {kind, size, special, used, all, splits: {NAME: …}, missing: [{word, count}]}, or null; all and each split {words,
 *                    unknown, unknown_rate, types, missing, texts, texts_with_unknown}: of captions, and of phrases that stand in none
 *     boxes          {KIND: {count, phrases, in_captions, share_of_picture: SPREAD, original_area, stored_area: {small, medium, large},
 *                    phrase_words: SPREAD}}
 *     duplicates     {pictures, near_pictures, captions}, each with leaks: [{of, in, count, the_other_way}] (so many of split `of` are in
 *                    split `in` as well) and within: {NAME: how many have another in their split}
 *       pictures, captions   count, distinct, repeated, groups_in_all, groups: [{count, across_splits, pictures: [{name, split}], caption}]
 *       near_pictures        bits, complete, pictures, pairs_in_all, pairs_by_distance: COUNTS, pairs: [{distance, a, b: {name, split}}]
 *     rejected       {count, kinds: {KIND: how many}, list: [{kind, name, file, line, reason}]}
 *     provenance     as `limn prepare` wrote it */
#ifndef LIMN_INSPECT_H
#define LIMN_INSPECT_H

#include "datasets/inspect/duplicates.h"
#include "datasets/inspect/statistics.h"

enum { INSPECT_LISTED = 10000, INSPECT_MEMBERS = 100 };

typedef struct Inspection {
    const char *path;
    Store      *store;
    Statistics *statistics;
    Duplicates *duplicates;
} Inspection;

bool    inspect_open(Inspection *i, const char *path, int near_bits, Err *err);
void    inspect_close(Inspection *i);
void    inspect_print(const Inspection *i);      /* to stdout                                                           */
json_t *inspect_json(const Inspection *i);

/* Splits a and b share something: those of `of` are also in `in`; `of` is the smaller split. Calls each pair once. */
typedef struct Leak { int of, in; int64_t count, the_other; } Leak;
bool inspect_next_leak(const Inspection *i, const Shared *shared, int *at, Leak *out);

/* raw, jpeg or original: how pictures are kept. */
const char *inspect_format(const Inspection *i);

#endif
