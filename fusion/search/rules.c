/* rules.c - what changes the log-probabilities of the next token before one is chosen, in the order of transformers' list of
 * LogitsProcessors; it is told in docs/decoding.md.                                                                    */
#include "fusion/search/engine.h"

#include <math.h>
#include <string.h>

/* Diverse beam search (Vijayakumar et al. 2018, eq. 5, Hamming): the groups of a picture choose one after the other, and a token that
 * those before took `n` times in this step loses strength times n. */
static void diversity(double strength, const int32_t *taken, int64_t vocab, double *scores)
{
    for (int64_t v = 0; v < vocab; v++)
        scores[v] -= strength * taken[v];
}

/* Keskar et al. 2019, section 4.1, on log-probabilities, which are never positive: each token that was there is multiplied, once. */
static void repetition(double penalty, RowState row, double *scores)
{
    for (int i = 0; i < row.count; i++) {
        int first = 0;
        while (row.ids[first] != row.ids[i])
            first++;
        if (first == i)
            scores[row.ids[i]] *= penalty;
    }
}

/* No token that would make an n-gram that is there already. */
static void no_repeat(int n, RowState row, double *scores)
{
    const int32_t *tail = row.ids + row.count - (n - 1);
    for (int i = 0; i + n <= row.count; i++)
        if (memcmp(row.ids + i, tail, (size_t)(n - 1) * sizeof *tail) == 0)
            scores[row.ids[i + n - 1]] = -INFINITY;
}

/* No last token of a phrase whose other tokens have just been. */
static void forbid(const Phrase *p, RowState row, double *scores)
{
    int before = p->count - 1;
    if (row.count >= before && memcmp(row.ids + row.count - before, p->ids, (size_t)before * sizeof *p->ids) == 0)
        scores[p->ids[before]] = -INFINITY;
}

static void never(int32_t token, int64_t vocab, double *scores)
{
    if (token >= 0 && token < vocab)
        scores[token] = -INFINITY;
}

void rules_apply(const SearchOptions *o, RowState row, int64_t vocab, double *scores)
{
    if (row.taken)
        diversity(o->diversity, row.taken, vocab, scores);
    if (o->repetition > 0)
        repetition(o->repetition, row, scores);
    if (o->no_repeat > 0)
        no_repeat(o->no_repeat, row, scores);
    for (int i = 0; i < o->forbidden_count; i++)
        forbid(&o->forbidden[i], row, scores);
    if (row.count < o->min_length)
        never(o->eos, vocab, scores);
    never(o->pad, vocab, scores);
    never(o->bos, vocab, scores);
}
