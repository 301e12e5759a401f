/* near.c - multi-index hashing. */
#include "datasets/inspect/near.h"

#include <stdlib.h>

#include "datasets/buffer.h"
#include "tensor/base/err.h"

enum { CHUNKS = 4, VALUES = 1 << 16 };

/* Of one chunk: which hashes have which value. Those of value v are at[first[v]] to at[end[v] - 1], ascending. */
typedef struct Index { uint32_t *at, *first, *end; } Index;

typedef struct Search {
    const uint64_t *h;
    int64_t  n, left;                            /* comparisons that are still allowed                                  */
    int      bits, reach[CHUNKS];                /* how many bits a chunk may differ in to be looked up; -1: none       */
    Index    index[CHUNKS];
    uint16_t *masks;                             /* all values, those of few bits first                                 */
    int32_t  up_to[CHUNKS + 1];                  /* how many of them have at most so many bits                          */
    void   (*found)(int64_t, int64_t, int, void *);
    void    *context;
} Search;

static unsigned chunk(uint64_t h, int c) { return (unsigned)(h >> (16 * c)) & (VALUES - 1); }

/* By counting. */
static void build(Index *x, const uint64_t *h, int64_t n, int c)
{
    *x = (Index){ buffer_zeros(n, sizeof *x->at), buffer_zeros(VALUES, sizeof *x->first), buffer_zeros(VALUES, sizeof *x->end) };
    for (int64_t i = 0; i < n; i++) x->end[chunk(h[i], c)]++;
    uint32_t sum = 0;
    for (int v = 0; v < VALUES; v++) {
        x->first[v] = sum;
        sum += x->end[v];
        x->end[v] = x->first[v];
    }
    for (int64_t i = 0; i < n; i++) x->at[x->end[chunk(h[i], c)]++] = (uint32_t)i;
}

static void list_masks(Search *s)
{
    int32_t n = 0;
    s->masks = buffer_zeros(VALUES, sizeof *s->masks);
    for (int bits = 0; bits <= CHUNKS; bits++) {
        for (unsigned v = 0; v < VALUES; v++)
            if (__builtin_popcount(v) == bits) s->masks[n++] = (uint16_t)v;
        s->up_to[bits] = n;
    }
}

/* A pair is told by the first of the chunks that leads to it. */
static bool first_at(const Search *s, uint64_t differ, int c)
{
    for (int earlier = 0; earlier < c; earlier++)
        if (__builtin_popcount(chunk(differ, earlier)) <= s->reach[earlier]) return false;
    return true;
}

static bool look_up(Search *s, int64_t a, int c)
{
    const Index *x = &s->index[c];
    unsigned own = chunk(s->h[a], c);

    for (int32_t m = 0; m < s->up_to[s->reach[c]]; m++) {
        unsigned v = own ^ s->masks[m];
        s->left -= x->end[v] - x->first[v];
        if (s->left < 0) return false;
        for (uint32_t k = x->first[v]; k < x->end[v]; k++) {
            uint64_t differ = s->h[a] ^ s->h[x->at[k]];
            int distance = __builtin_popcountll(differ);
            if (distance <= s->bits && first_at(s, differ, c)) s->found(a, x->at[k], distance, s->context);
        }
    }
    return true;
}

/* What has been searched for leaves the tables: it was the first of its value. So all that is found comes behind. */
static bool search(Search *s)
{
    for (int64_t a = 0; a < s->n; a++) {
        for (int c = 0; c < CHUNKS; c++) s->index[c].first[chunk(s->h[a], c)]++;
        for (int c = 0; c < CHUNKS; c++)
            if (s->reach[c] >= 0 && !look_up(s, a, c)) return false;
    }
    return true;
}

bool near_pairs(const uint64_t *h, int64_t n, int bits, int64_t most, void (*found)(int64_t a, int64_t b, int distance, void *context),
                void *context)
{
    Search s = { .h = h, .n = n, .left = most, .bits = bits, .found = found, .context = context };
    REQUIRE(bits >= 0 && bits <= NEAR_MOST_BITS && n >= 0 && n < UINT32_MAX, "near: %d bits, %lld hashes", bits, (long long)n);

    list_masks(&s);
    for (int c = 0; c < CHUNKS; c++) {
        s.reach[c] = c <= bits % CHUNKS ? bits / CHUNKS : bits / CHUNKS - 1;
        build(&s.index[c], h, n, c);
    }
    bool all = search(&s);
    for (int c = 0; c < CHUNKS; c++) free(s.index[c].at), free(s.index[c].first), free(s.index[c].end);
    free(s.masks);
    return all;
}
