/* id_map.h - the ids of a data set to our own numbers: open addressing, linear probing, 16 bytes a slot. */
#ifndef LIMN_ID_MAP_H
#define LIMN_ID_MAP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct IdMap { int64_t *slot; int64_t room, used; } IdMap;   /* pairs of key and value + 1; {0} to begin */

void    id_map_free(IdMap *m);
/* false: the id is there already, and keeps its value. */
bool    id_map_put(IdMap *m, int64_t id, int64_t value);
int64_t id_map_get(const IdMap *m, int64_t id);  /* -1: none; values are not negative */

#endif
