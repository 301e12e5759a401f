/* sample.c - captions drawn from the model (search.h): temperature, top-k (Fan et al. 2018), nucleus (Holtzman et al. 2020), typical
 * (Meister et al. 2023), one after the other, each on what the one before left, made to sum to 1 again.
 *
 * A step draws u in [0,1), and takes the first token, by id, at which the running sum of probabilities exceeds u.     */
#include "fusion/search/engine.h"

#include <math.h>
#include <stdlib.h>

#include "tensor/base/rng.h"

/* Log-probabilities that sum to 1 again. */
static void normalize(double *scores, int64_t vocab)
{
    double top = -INFINITY, sum = 0;
    for (int64_t v = 0; v < vocab; v++)
        top = scores[v] > top ? scores[v] : top;
    for (int64_t v = 0; v < vocab; v++)
        sum += exp(scores[v] - top);
    double log_sum = top + log(sum);
    for (int64_t v = 0; v < vocab && top > -INFINITY; v++)
        scores[v] -= log_sum;
}

/* ---- truncation: tokens in an order, of which the first ones stay ------------------------------------------------------ */

static int lower_first(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->token < y->token ? -1 : 1;
}

/* Tokens that are possible, by |offset + log p|; offset 0: the most probable first. Returns how many. */
static int64_t rank(const double *scores, int64_t vocab, double offset, Ranked *ranked)
{
    int64_t count = 0;
    for (int32_t v = 0; v < vocab; v++)
        if (scores[v] > -INFINITY)
            ranked[count++] = (Ranked){ fabs(offset + scores[v]), v };
    qsort(ranked, (size_t)count, sizeof *ranked, lower_first);
    return count;
}

/* How many of the first tokens it takes to reach that mass. */
static int64_t reach(const double *scores, const Ranked *ranked, int64_t count, double mass)
{
    double  sum = 0;
    int64_t n = 0;
    while (n < count && sum < mass)
        sum += exp(scores[ranked[n++].token]);
    return n;
}

static void drop(double *scores, int64_t vocab, const Ranked *ranked, int64_t first, int64_t count)
{
    for (int64_t i = first; i < count; i++)
        scores[ranked[i].token] = -INFINITY;
    normalize(scores, vocab);
}

static void top_k(int k, double *scores, int64_t vocab, Ranked *ranked)
{
    drop(scores, vocab, ranked, k, rank(scores, vocab, 0, ranked));
}

static void top_p(double mass, double *scores, int64_t vocab, Ranked *ranked)
{
    int64_t count = rank(scores, vocab, 0, ranked);
    drop(scores, vocab, ranked, reach(scores, ranked, count, mass), count);
}

/* Eq. 5: a token's surprise -log p should be near the entropy. */
static void typical(double mass, double *scores, int64_t vocab, Ranked *ranked)
{
    double entropy = 0;
    for (int64_t v = 0; v < vocab; v++)
        if (scores[v] > -INFINITY)
            entropy -= exp(scores[v]) * scores[v];
    int64_t count = rank(scores, vocab, entropy, ranked);
    drop(scores, vocab, ranked, reach(scores, ranked, count, mass), count);
}

void sample_warp(const SearchOptions *o, double *scores, int64_t vocab, Ranked *ranked)
{
    for (int64_t v = 0; o->temperature > 0 && v < vocab; v++)
        scores[v] /= o->temperature;
    normalize(scores, vocab);
    if (o->top_k > 0)
        top_k(o->top_k, scores, vocab, ranked);
    if (o->top_p > 0 && o->top_p < 1)
        top_p(o->top_p, scores, vocab, ranked);
    if (o->typical > 0 && o->typical < 1)
        typical(o->typical, scores, vocab, ranked);
}

/* ---- drawing ------------------------------------------------------------------------------------------------------------ */

/* Of (seed, picture, sample, position), and of nothing else. */
static double uniform(const Search *s, int64_t picture, int sample)
{
    uint64_t key = s->o.keys ? s->o.keys[picture] : (uint64_t)picture;
    return rng_uniform_at(s->o.seed, RNG_SAMPLING, key, (uint64_t)sample << 24 | (uint64_t)s->step);
}

/* -1 when no token is possible. */
static int32_t draw(const double *log_probs, int64_t vocab, double u)
{
    double  sum = 0;
    int32_t last = -1;
    for (int32_t v = 0; v < vocab; v++)
        if (log_probs[v] > -INFINITY) {
            last = v;
            if ((sum += exp(log_probs[v])) > u)
                break;
        }
    return last;                                 /* rounding may leave the sum below u < 1 */
}

void sample_choose(const Search *s, int64_t picture, Scratch *w)
{
    for (int i = 0; i < s->lanes; i++) {
        Lane *l = &s->lane[picture * s->lanes + i];
        l->chosen_count = 0;
        if (l->from == l->to)
            continue;
        row_scores(s, l->from, NULL, w);
        sample_warp(&s->o, w->scores, s->vocab, w->ranked);
        int32_t token = draw(w->scores, s->vocab, uniform(s, picture, i));
        if (token < 0)
            continue;
        const Word *last = s->now.last[l->from];
        l->chosen[l->chosen_count++] = (Candidate){ (last ? last->score_sum : 0) + w->scores[token], w->log_probs[token], token, l->from };
    }
}
