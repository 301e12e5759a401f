/* constraints.c - required words and phrases, with alternatives: constrained beam search.
 *
 * Hypotheses that differ in what they have do not compete: one that has said the required word, though that was unlikely, would lose to
 * those that have not. Anderson et al. (2017) keep a beam for each subset of what is required; here, as in grid beam search (Hokamp & Liu
 * 2017) and Post & Vilar's banks (2018), there is one for each number of tokens still needed:
 *     needed(h) = sum over requirements not in h of the tokens of their shortest phrase  -  the most that a phrase begun at h's end saves
 * From any hypothesis some token lowers it by one. So a token is possible only where what is needed after it still fits into max_length,
 * and <eos> where nothing is; every caption then has all that is required. (Where phrases overlap, "a red" and "red ball", fewer tokens
 * would do, which matters only at max_length.)                                                                        */
#include "fusion/search/engine.h"

#include <math.h>
#include <string.h>

static bool stands_at(const Phrase *p, const int32_t *ids) { return memcmp(ids, p->ids, (size_t)p->count * sizeof *ids) == 0; }

static bool met(const Requirement *r, const int32_t *ids, int count)
{
    for (int a = 0; a < r->count; a++)
        for (int at = 0; at + r->any[a].count <= count; at++)
            if (stands_at(&r->any[a], ids + at))
                return true;
    return false;
}

/* How many of the phrase's tokens, but not all, are the last ones. */
static int begun(const Phrase *p, const int32_t *ids, int count)
{
    for (int k = p->count - 1; k > 0; k--)
        if (k <= count && stands_at(&(Phrase){ p->ids, k }, ids + count - k))
            return k;
    return 0;
}

static int shortest(const Requirement *r)
{
    int least = r->any[0].count;
    for (int a = 1; a < r->count; a++)
        least = r->any[a].count < least ? r->any[a].count : least;
    return least;
}

static int needed(const SearchOptions *o, const int32_t *ids, int count)
{
    int sum = 0, most = 0;
    for (int i = 0; i < o->required_count; i++) {
        const Requirement *r = &o->required[i];
        if (met(r, ids, count))
            continue;
        sum += shortest(r);
        for (int a = 0; a < r->count; a++) {
            int saved = shortest(r) - (r->any[a].count - begun(&r->any[a], ids, count));
            most = saved > most ? saved : most;
        }
    }
    return sum - most;
}

int search_required_tokens(const SearchOptions *o) { return needed(o, NULL, 0); }

void constraints_needed(const SearchOptions *o, int32_t *ids, int count, int64_t vocab, int32_t *after)
{
    ids[count] = -1;                             /* a token of no phrase */
    int other = needed(o, ids, count + 1);
    for (int64_t v = 0; v < vocab; v++)
        after[v] = other;
    for (int i = 0; i < o->required_count; i++)
        for (int a = 0; a < o->required[i].count; a++)
            for (int k = 0; k < o->required[i].any[a].count; k++) {
                int32_t v = ids[count] = o->required[i].any[a].ids[k];
                after[v] = needed(o, ids, count + 1);
            }
}

void constraints_apply(const SearchOptions *o, int count, int64_t vocab, const int32_t *after, double *scores)
{
    for (int64_t v = 0; v < vocab; v++)
        if (after[v] > (v == o->eos ? 0 : o->max_length - count - 1))
            scores[v] = -INFINITY;
}
