/* inspect.h - what `limn inspect` tells of a store: as text of at most 100 columns, or as JSON.
 *
 * The text shows examples; the JSON lists groups and pairs up to INSPECT_LISTED of a kind and INSPECT_MEMBERS of a group, beside counts
 * that are always of all. */
#ifndef LIMN_INSPECT_H
#define LIMN_INSPECT_H

#include "datasets/duplicates.h"
#include "datasets/statistics.h"

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
