/* vocab.c - see vocab.h. All strings lie one after the other in `bytes`; slots hold id + 1, 0 where free. */
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/base/err.h"

struct Vocab {
    char    *bytes;
    size_t   used, room;
    size_t  *start;                              /* of each string; start[size] is the end of the last */
    int32_t  size, capacity;
    int32_t *slot;
    uint32_t mask;                               /* slots - 1, a power of two minus one                */
};

static void *grown(void *old, size_t bytes)
{
    void *p = realloc(old, bytes);
    REQUIRE(p, "vocab: no memory for %zu bytes", bytes);
    return p;
}

static uint32_t hash(const char *text, size_t bytes)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return (uint32_t)(h ^ (h >> 32));
}

/* The slot that holds the string, or the free one where it belongs. */
static int32_t *slot_of(const Vocab *v, const char *text, size_t bytes)
{
    for (uint32_t i = hash(text, bytes);; i++) {
        int32_t *s = &v->slot[i & v->mask];
        if (*s == 0)
            return s;
        size_t from = v->start[*s - 1], length = v->start[*s] - from - 1;
        if (length == bytes && memcmp(v->bytes + from, text, bytes) == 0)
            return s;
    }
}

static void rehash(Vocab *v, uint32_t slots)
{
    free(v->slot);
    v->slot = calloc(slots, sizeof *v->slot);
    REQUIRE(v->slot, "vocab: no memory for %u slots", slots);
    v->mask = slots - 1;
    for (int32_t id = 0; id < v->size; id++)
        *slot_of(v, vocab_text(v, id), v->start[id + 1] - v->start[id] - 1) = id + 1;
}

Vocab *vocab_new(void)
{
    Vocab *v = calloc(1, sizeof *v);
    REQUIRE(v, "vocab: no memory");
    v->capacity = 64;
    v->start = grown(NULL, (size_t)(v->capacity + 1) * sizeof *v->start);
    v->start[0] = 0;
    rehash(v, 256);
    return v;
}

void vocab_free(Vocab *v)
{
    if (!v)
        return;
    free(v->bytes);
    free(v->start);
    free(v->slot);
    free(v);
}

int32_t vocab_size(const Vocab *v) { return v->size; }

const char *vocab_text(const Vocab *v, int32_t id) { return v->bytes + v->start[id]; }

int32_t vocab_find(const Vocab *v, const char *text, size_t bytes) { return *slot_of(v, text, bytes) - 1; }

int32_t vocab_add(Vocab *v, const char *text, size_t bytes)
{
    int32_t *s = slot_of(v, text, bytes);
    if (*s)
        return *s - 1;
    if (v->size == v->capacity) {
        v->capacity *= 2;
        v->start = grown(v->start, (size_t)(v->capacity + 1) * sizeof *v->start);
    }
    if (v->used + bytes + 1 > v->room) {
        v->room  = 2 * (v->used + bytes + 1);
        v->bytes = grown(v->bytes, v->room);
    }
    memcpy(v->bytes + v->used, text, bytes);
    v->bytes[v->used + bytes] = '\0';
    v->used += bytes + 1;
    *s = ++v->size;
    v->start[v->size] = v->used;
    if ((uint32_t)v->size > v->mask / 2)         /* at most half full, so that probes stay short */
        rehash(v, 2 * (v->mask + 1));
    return v->size - 1;
}
