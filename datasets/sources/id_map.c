/* id_map.c - a hash table of whole numbers, doubled when it is half full. */
#include "datasets/sources/id_map.h"

#include <stdlib.h>

#include "tensor/base/err.h"

void id_map_free(IdMap *m)
{
    free(m->slot);
    *m = (IdMap){ 0 };
}

/* The slot of an id, or the free one where it would be (Fibonacci hashing). */
static int64_t *find(const IdMap *m, int64_t id)
{
    uint64_t at = (uint64_t)id * 0x9E3779B97F4A7C15u >> 20 & (uint64_t)(m->room - 1);
    while (m->slot[2 * at + 1] && m->slot[2 * at] != id) at = (at + 1) & (uint64_t)(m->room - 1);
    return m->slot + 2 * at;
}

static void grow(IdMap *m)
{
    IdMap bigger = { .room = m->room ? 2 * m->room : 1024, .used = m->used };
    bigger.slot = calloc((size_t)bigger.room, 2 * sizeof *bigger.slot);
    REQUIRE(bigger.slot, "out of memory");
    for (int64_t i = 0; i < m->room; i++) {
        if (!m->slot[2 * i + 1]) continue;
        int64_t *to = find(&bigger, m->slot[2 * i]);
        to[0] = m->slot[2 * i];
        to[1] = m->slot[2 * i + 1];
    }
    free(m->slot);
    *m = bigger;
}

bool id_map_put(IdMap *m, int64_t id, int64_t value)
{
    REQUIRE(value >= 0 && value < INT64_MAX, "id_map: a value below 0");
    if (2 * m->used >= m->room) grow(m);
    int64_t *slot = find(m, id);
    if (slot[1]) return false;
    slot[0] = id;
    slot[1] = value + 1;
    m->used++;
    return true;
}

int64_t id_map_get(const IdMap *m, int64_t id) { return m->room ? find(m, id)[1] - 1 : -1; }

/* ---- sets -------------------------------------------------------------------------------------------------------------- */
enum { PAGE = 512 };

void id_set_free(IdSet *s)
{
    id_map_free(&s->pages);
    free(s->bits.p);
    *s = (IdSet){ 0 };
}

bool id_set_add(IdSet *s, int64_t id)
{
    static const char EMPTY[PAGE / 8];
    int64_t number = id / PAGE - (id % PAGE < 0), page = id_map_get(&s->pages, number);      /* rounded down */
    int64_t bit = id - number * PAGE;

    if (page < 0) {
        page = (int64_t)(s->bits.used / sizeof EMPTY);
        id_map_put(&s->pages, number, page);
        buffer_add(&s->bits, EMPTY, sizeof EMPTY);
    }
    char *byte = s->bits.p + page * (int64_t)sizeof EMPTY + bit / 8, mask = (char)(1 << bit % 8);
    bool  is_new = !(*byte & mask);
    *byte = (char)(*byte | mask);
    return is_new;
}
