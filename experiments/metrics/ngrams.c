/* ngrams.c - open addressing, linear probing, at most half full. */
#include "experiments/metrics/ngrams.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/base/err.h"

void ngrams_free(Ngrams *g)
{
    free(g->list);
    free(g->slot);
    *g = (Ngrams){ 0 };
}

static uint64_t key_of(int32_t prefix, int32_t word) { return (uint64_t)(uint32_t)(prefix + 1) << 32 | (uint32_t)word; }

/* The slot that holds the key, or the free one where it belongs. */
static int32_t *slot_of(const Ngrams *g, uint64_t key)
{
    uint64_t h = (key ^ key >> 32) * 0x9E3779B97F4A7C15u;
    for (uint32_t i = (uint32_t)(h >> 32);; i++) {
        int32_t *s = &g->slot[i & (g->slots - 1)];
        if (!*s || g->list[*s - 1].key == key) return s;
    }
}

static void grow(Ngrams *g)
{
    REQUIRE(g->room < 1 << 29, "ngrams: more than %d of them", g->room);
    g->room = g->room ? 2 * g->room : 128;
    g->slots = 2 * (uint32_t)g->room;
    g->list = realloc(g->list, (size_t)g->room * sizeof *g->list);
    free(g->slot);
    g->slot = calloc(g->slots, sizeof *g->slot);
    REQUIRE(g->list && g->slot, "out of memory");
    for (int32_t i = 0; i < g->count; i++) *slot_of(g, g->list[i].key) = i + 1;
}

int32_t ngrams_add(Ngrams *g, int32_t prefix, int32_t word)
{
    if (g->count == g->room) grow(g);
    uint64_t key = key_of(prefix, word);
    int32_t *s = slot_of(g, key);

    if (!*s) {
        g->list[g->count] = (Ngram){ .key = key, .order = prefix == NGRAM_ROOT ? 0 : g->list[prefix].order + 1 };
        *s = ++g->count;
    }
    return *s - 1;
}

int32_t ngrams_find(const Ngrams *g, int32_t prefix, int32_t word)
{
    return g->slots ? *slot_of(g, key_of(prefix, word)) - 1 : -1;
}

void ngrams_count(Ngrams *g, const int32_t *words, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        for (int32_t n = 0, gram = NGRAM_ROOT; n < NGRAM_MOST && i + n < count; n++) {
            gram = ngrams_add(g, gram, words[i + n]);
            g->list[gram].count++;
        }
}

void ngrams_tally(const Ngrams *g, const int32_t *words, int32_t count, int32_t *tally)
{
    if (g->count) memset(tally, 0, (size_t)g->count * sizeof *tally);
    for (int32_t i = 0; i < count; i++)
        for (int32_t n = 0, gram = NGRAM_ROOT; n < NGRAM_MOST && i + n < count; n++) {
            gram = ngrams_find(g, gram, words[i + n]);
            if (gram < 0) break;                 /* a longer one that begins here is absent, too */
            tally[gram]++;
        }
}
