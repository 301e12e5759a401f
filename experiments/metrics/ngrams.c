/* ngrams.c - open addressing, linear probing, at most half full. */
#include "experiments/metrics/ngrams.h"

#include <stdbool.h>
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

/* The last steps of MurmurHash3 (Appleby): prefixes and words are small numbers, of which one product alone makes long chains. */
static uint32_t hash(uint64_t key)
{
    key = (key ^ key >> 33) * 0xFF51AFD7ED558CCDu;
    key = (key ^ key >> 33) * 0xC4CEB9FE1A85EC53u;
    return (uint32_t)(key >> 32);
}

/* The slot that holds the key, or the free one where it belongs. */
static int32_t *slot_of(const Ngrams *g, uint64_t key)
{
    for (uint32_t i = hash(key);; i++) {
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

static int32_t add(Ngrams *g, uint64_t key, int32_t order)
{
    if (g->count == g->room) grow(g);
    int32_t *s = slot_of(g, key);

    if (!*s) {
        g->list[g->count] = (Ngram){ .key = key, .order = order };
        *s = ++g->count;
    }
    return *s - 1;
}

int32_t ngrams_add(Ngrams *g, int32_t prefix, int32_t word)
{
    return add(g, key_of(prefix, word), prefix == NGRAM_ROOT ? 0 : g->list[prefix].order + 1);
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

/* ---- many at once ------------------------------------------------------------------------------------------------------ */
/* The key in the table of an n-gram of g whose prefix has been found; false: that is absent, and so is this. */
static bool key_in_table(const Ngrams *g, int32_t i, const int32_t *number, uint64_t *key)
{
    int32_t prefix = (int32_t)(g->list[i].key >> 32) - 1;

    if (prefix != NGRAM_ROOT) prefix = number[prefix];
    *key = key_of(prefix, (int32_t)(uint32_t)g->list[i].key);
    return prefix >= 0 || g->list[i].order == 0;
}

/* What stands in the first slot of each n-gram of one order, 0 where nothing can: these loads, and those of the entries behind them, do not
 * wait for each other. */
static void look_up_order(const Ngrams *table, const Ngrams *g, int32_t order, int32_t *number)
{
    uint64_t key;

    for (int32_t i = 0; i < g->count; i++)
        if (g->list[i].order == order)
            number[i] = table->slots && key_in_table(g, i, number, &key) ? table->slot[hash(key) & (table->slots - 1)] : 0;
}

void ngrams_find_all(const Ngrams *table, const Ngrams *g, int32_t *number)
{
    uint64_t key;

    for (int32_t order = 0; order < NGRAM_MOST; order++) {
        look_up_order(table, g, order, number);
        for (int32_t i = 0; i < g->count; i++) {
            if (g->list[i].order != order) continue;
            if (!key_in_table(g, i, number, &key) || !number[i]) number[i] = -1;
            else number[i] = (table->list[number[i] - 1].key == key ? number[i] : *slot_of(table, key)) - 1;
        }
    }
}

void ngrams_add_all(Ngrams *table, const Ngrams *g, int32_t *number)
{
    for (int32_t order = 0; order < NGRAM_MOST; order++) {
        look_up_order(table, g, order, number);
        for (int32_t i = 0; i < g->count; i++) {
            uint64_t key;
            if (g->list[i].order != order) continue;
            key_in_table(g, i, number, &key);
            number[i] = number[i] && table->list[number[i] - 1].key == key ? number[i] - 1 : add(table, key, order);
        }
    }
}
