/* meteor_align.c - the beam, word by word of the reference. */
#include "experiments/metrics/meteor_align.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BEAM = 40, NONE = -1 };

typedef struct Path {                            /* a partial alignment */
    int32_t matched, chunks;                     /* what it is ranked by … */
    int64_t distance;
    int32_t open;                                /* where in the candidate the open chunk would go on, or NONE */
    int32_t until;                               /* words of the reference before this one are decided         */
    int32_t history;                             /* the last match taken, or NONE                              */
    int32_t slot;                                /* of the bits of the words that are used in the candidate    */
} Path;

typedef struct Step { int32_t before, match; } Step;

typedef struct Beam { Path *path; uint64_t *used; int count; } Beam;         /* best first */

typedef struct Search {
    MeteorAligner *a;
    const MeteorMatch *matches;                  /* by word of the reference */
    const int32_t *first;                        /* of a word's matches; and one behind the last */
    int32_t candidate_words, reference_words, bits;
    int     beam;
    Beam    now, next;
} Search;

/* ---- bits -------------------------------------------------------------------------------------------------------------- */
static bool is_free(const uint64_t *used, const MeteorMatch *m)
{
    for (int32_t i = m->candidate; i < m->candidate + m->candidate_words; i++)
        if (used[i / 64] >> (i % 64) & 1) return false;
    return true;
}

static void use(uint64_t *used, const MeteorMatch *m)
{
    for (int32_t i = m->candidate; i < m->candidate + m->candidate_words; i++) used[i / 64] |= (uint64_t)1 << (i % 64);
}

/* ---- the beam ---------------------------------------------------------------------------------------------------------- */
static bool is_better(const Path *a, const Path *b)
{
    if (a->matched != b->matched) return a->matched > b->matched;
    if (a->chunks != b->chunks) return a->chunks < b->chunks;
    return a->distance < b->distance;
}

/* Among the next, behind its equals; -> its bits, or NULL when the beam is full of others. */
static uint64_t *offer(Search *s, const Path *p, const uint64_t *used)
{
    Beam *b = &s->next;
    int   at = b->count;

    while (at > 0 && is_better(p, &b->path[at - 1])) at--;
    if (at == s->beam) return NULL;
    int32_t slot = b->count < s->beam ? b->count++ : b->path[s->beam - 1].slot;
    memmove(b->path + at + 1, b->path + at, (size_t)(b->count - 1 - at) * sizeof *b->path);
    b->path[at] = *p;
    b->path[at].slot = slot;
    uint64_t *bits = b->used + (size_t)slot * (size_t)s->bits;
    memcpy(bits, used, (size_t)s->bits * sizeof *bits);
    return bits;
}

static void offer_match(Search *s, Path p, const uint64_t *used, int32_t match)
{
    const MeteorMatch *m = &s->matches[match];
    Buffer *history = &s->a->history;
    Step    step = { p.history, match };

    p.chunks += p.open != NONE && p.open != m->candidate;
    p.open = m->candidate + m->candidate_words;
    p.until = m->reference + m->reference_words;
    p.matched += m->stage == 0 ? 2 : m->candidate_words / 2 + m->reference_words / 2;
    p.history = (int32_t)(history->used / sizeof step);
    uint64_t *bits = offer(s, &p, used);
    if (!bits) return;
    use(bits, m);
    buffer_add(history, &step, sizeof step);
}

static void close_chunk(Path *p)
{
    p->chunks += p->open != NONE;
    p->open = NONE;
}

/* A match that is the only one of all words that it covers. */
static bool is_certain(const Search *s, int32_t word, const int32_t *covered)
{
    const MeteorMatch *m = &s->matches[s->first[word]];

    if (s->first[word + 1] - s->first[word] != 1) return false;
    for (int32_t i = 0; i < m->candidate_words; i++)
        if (covered[m->candidate + i] != 1) return false;
    for (int32_t i = 0; i < m->reference_words; i++)
        if (covered[s->candidate_words + word + i] != 1) return false;
    return true;
}

static void decide(Search *s, int32_t word, const int32_t *covered)
{
    bool certain = is_certain(s, word, covered);

    for (int k = 0; k < s->now.count; k++) {
        Path            p = s->now.path[k];
        const uint64_t *used = s->now.used + (size_t)p.slot * (size_t)s->bits;
        if (p.until <= word) {
            for (int32_t m = s->first[word]; m < s->first[word + 1]; m++) {
                if (!is_free(used, &s->matches[m])) continue;
                offer_match(s, p, used, m);
                p.distance += llabs((long long)s->matches[m].reference - s->matches[m].candidate);
            }
            if (certain) continue;
            close_chunk(&p);
        }
        offer(s, &p, used);
    }
}

/* ---- before and behind ------------------------------------------------------------------------------------------------- */
static void *room(Buffer *b, size_t bytes)
{
    b->used = 0;
    buffer_room(b, bytes);
    memset(b->p, 0, bytes);
    return b->p;
}

static Beam new_beam(Buffer *b, int beam, int32_t bits)
{
    Path *path = room(b, (size_t)beam * (sizeof(Path) + (size_t)bits * sizeof(uint64_t)));
    return (Beam){ .path = path, .used = (uint64_t *)(void *)(path + beam) };
}

/* How many matches cover each word: of the candidate, then of the reference. */
static int32_t *count_covered(Search *s, int32_t count)
{
    int32_t *covered = room(&s->a->covered, ((size_t)s->candidate_words + (size_t)s->reference_words + 1) * sizeof *covered);

    for (int32_t i = 0; i < count; i++) {
        const MeteorMatch *m = &s->matches[i];
        for (int32_t k = 0; k < m->candidate_words; k++) covered[m->candidate + k]++;
        for (int32_t k = 0; k < m->reference_words; k++) covered[s->candidate_words + m->reference + k]++;
    }
    return covered;
}

/* Those of a word stay in their order. */
static void sort_by_reference(Search *s, int32_t count)
{
    const MeteorMatch *given = (const MeteorMatch *)(const void *)s->a->matches.p;
    MeteorMatch *sorted = room(&s->a->sorted, ((size_t)count + 1) * sizeof *sorted);
    int32_t     *first = room(&s->a->first, ((size_t)s->reference_words + 2) * sizeof *first);

    for (int32_t i = 0; i < count; i++) first[given[i].reference + 2]++;
    for (int32_t word = 0; word < s->reference_words; word++) first[word + 2] += first[word + 1];
    for (int32_t i = 0; i < count; i++) sorted[first[given[i].reference + 1]++] = given[i];
    s->matches = sorted;
    s->first = first;
}

static void advance(Search *s)
{
    Beam swap = s->now;
    s->now = s->next;
    s->next = swap;
    s->next.count = 0;
}

int32_t meteor_align(MeteorAligner *a, int32_t candidate_words, int32_t reference_words)
{
    int32_t count = (int32_t)(a->matches.used / sizeof(MeteorMatch)), bits = candidate_words / 64 + 1;
    int     beam = a->beam ? a->beam : BEAM;
    Search  s = { .a = a, .candidate_words = candidate_words, .reference_words = reference_words, .bits = bits, .beam = beam,
                  .now = new_beam(&a->paths, beam, bits), .next = new_beam(&a->next, beam, bits) };

    sort_by_reference(&s, count);
    const int32_t *covered = count_covered(&s, count);
    a->history.used = a->chosen.used = 0;
    s.now.path[0] = (Path){ .open = NONE, .history = NONE };
    s.now.count = 1;
    for (int32_t word = 0; word < reference_words; word++, advance(&s)) decide(&s, word, covered);
    for (int k = 0; k < s.now.count; k++) {      /* the chunks that are still open may change the order */
        close_chunk(&s.now.path[k]);
        offer(&s, &s.now.path[k], s.now.used + (size_t)s.now.path[k].slot * (size_t)bits);
    }

    const Step *history = (const Step *)(const void *)a->history.p;
    for (int32_t at = s.next.path[0].history; at != NONE; at = history[at].before)
        buffer_add(&a->chosen, &s.matches[history[at].match], sizeof *s.matches);
    a->chunks = s.next.path[0].chunks;
    return (int32_t)(a->chosen.used / sizeof(MeteorMatch));
}

void meteor_aligner_free(MeteorAligner *a)
{
    free(a->matches.p);
    free(a->sorted.p);
    free(a->first.p);
    free(a->covered.p);
    free(a->paths.p);
    free(a->next.p);
    free(a->history.p);
    free(a->chosen.p);
}
