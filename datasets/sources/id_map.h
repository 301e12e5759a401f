/* id_map.h - the ids of a data set to our own numbers: open addressing, linear probing, 16 bytes a slot. */
#ifndef LIMN_ID_MAP_H
#define LIMN_ID_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "datasets/buffer.h"

typedef struct IdMap { int64_t *slot; int64_t room, used; } IdMap;   /* pairs of key and value + 1; {0} to begin */

void    id_map_free(IdMap *m);
/* false: the id is there already, and keeps its value. */
bool    id_map_put(IdMap *m, int64_t id, int64_t value);
int64_t id_map_get(const IdMap *m, int64_t id);  /* -1: none; values are not negative */

/* Which ids were seen: a bit each, in pages of 512, so that millions of ids that lie close together cost next to nothing. */
typedef struct IdSet { IdMap pages; Buffer bits; } IdSet;
void id_set_free(IdSet *s);
bool id_set_add(IdSet *s, int64_t id);           /* false: it was there already                                         */

#endif
