/* neighbours.h - which pictures are most like others, by what the decoder sees of them: the cosine of features averaged over tokens. */
#ifndef LIMN_NEIGHBOURS_H
#define LIMN_NEIGHBOURS_H

#include "experiments/evaluate.h"

typedef struct Items { const int64_t *list; int64_t count; } Items;

/* For each item of `of` the index in `among` of the most similar one (the first of equals) -> nearest [of.count]. */
bool neighbours_find(const Subject *s, Items of, Items among, Team *team, Progress *progress, int64_t *nearest, Err *err);

#endif
