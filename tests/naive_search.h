/* naive_search.h - decoding as one writes it down first: one picture, one hypothesis at a time, everything computed again at each step,
 * plain loops over all tokens. What the search is tested against.                                                     */
#ifndef LIMN_TESTS_NAIVE_SEARCH_H
#define LIMN_TESTS_NAIVE_SEARCH_H

#include <stdlib.h>

#include "tests/toy_search.h"

enum { NAIVE_V = 19, NAIVE_L = 12, NAIVE_WIDTH = 1024 };

typedef struct Naive { Toy *f; Tensor *features; SearchOptions o; uint64_t key; const struct Naive *with; } Naive;
/* features: of one picture; with: another model that decides too, or NULL */
typedef struct NaiveWords { int32_t ids[NAIVE_L]; int count; double log_prob, score; bool ended; } NaiveWords;

static inline void naive_log_probs(const Naive *n, const NaiveWords *h, double *log_probs)
{
    Tape     *t = n->f->t;
    ArenaMark mark = tape_mark(t);
    int32_t   tokens[NAIVE_L + 1] = { n->o.bos }, image = 0;
    int64_t   V = n->f->m->config.decoder.vocab;
    real      row[NAIVE_V];
    double    other[NAIVE_V];
    memcpy(tokens + 1, h->ids, (size_t)h->count * sizeof *tokens);
    Tensor *x = captioner_logits(t, n->f->m, (Ids){ SHAPE(1, h->count + 1), tokens }, captioner_memory(t, n->f->m, n->features), &image, NULL, NULL);
    x = tensor_reshape(t->arena, x, SHAPE(h->count + 1, V));
    rows_log_softmax(t, x);
    tensor_read(x, h->count * V, row, V);
    if (n->with)
        naive_log_probs(n->with, h, other);
    for (int64_t v = 0; v < V; v++)
        log_probs[v] = n->with ? log((exp((double)row[v]) + exp(other[v])) / 2) : (double)row[v];
    arena_release(t->arena, mark);
}

/* ---- rules: may token v follow, and at which score ----------------------------------------------------------------------- */

static inline bool naive_has(const NaiveWords *h, int at, const int32_t *ids, int count)
{
    for (int i = 0; i < count; i++)
        if (at + i < 0 || at + i >= h->count || h->ids[at + i] != ids[i])
            return false;
    return true;
}

static inline bool naive_may(const Naive *n, const NaiveWords *h, int32_t v)
{
    NaiveWords with = *h;
    int repeat = n->o.no_repeat;
    if (v == n->o.bos || v == n->o.pad || (v == n->o.eos && h->count < n->o.min_length))
        return false;
    if (v == n->o.eos)
        return true;
    with.ids[with.count++] = v;
    for (int at = 0; repeat && at < with.count - repeat; at++)
        if (naive_has(&with, at, with.ids + with.count - repeat, repeat))
            return false;
    for (int i = 0; i < n->o.forbidden_count; i++)
        if (naive_has(&with, with.count - n->o.forbidden[i].count, n->o.forbidden[i].ids, n->o.forbidden[i].count))
            return false;
    return true;
}

/* ---- required words ------------------------------------------------------------------------------------------------------ */

/* Tokens that h still needs, as search/constraints.c has it. */
static inline int naive_needed(const Naive *n, const NaiveWords *h)
{
    int sum = 0, most = 0;
    for (int i = 0; i < n->o.required_count; i++) {
        const Requirement *r = &n->o.required[i];
        bool met = false;
        int  least = NAIVE_L, begun_least = NAIVE_L;
        for (int a = 0; a < r->count; a++) {
            const Phrase *p = &r->any[a];
            least = p->count < least ? p->count : least;
            for (int at = 0; at < h->count; at++)
                met = met || naive_has(h, at, p->ids, p->count);
            for (int k = 0; k < p->count; k++)
                if (naive_has(h, h->count - k, p->ids, k) && p->count - k < begun_least)
                    begun_least = p->count - k;
        }
        if (!met) {
            sum += least;
            most = least - begun_least > most ? least - begun_least : most;
        }
    }
    return sum - most;
}

/* Does what is needed still fit, when nothing is changed but the length. */
static inline bool naive_fits(const Naive *n, const NaiveWords *h) { return naive_needed(n, h) <= (h->ended ? 0 : n->o.max_length - h->count); }

/* taken [V]: how often earlier groups took each token, or NULL. */
static inline double naive_score(const Naive *n, const NaiveWords *h, const int *taken, int32_t v, double log_prob)
{
    double score = log_prob - (taken ? n->o.diversity * taken[v] : 0);
    for (int i = 0; i < h->count; i++)
        if (n->o.repetition > 0 && h->ids[i] == v)
            return naive_may(n, h, v) ? score * n->o.repetition : -INFINITY;
    return naive_may(n, h, v) ? score : -INFINITY;
}

/* ---- beam search ----------------------------------------------------------------------------------------------------------- */

typedef struct NaiveBeam { NaiveWords live[NAIVE_WIDTH], done[NAIVE_WIDTH]; int live_count, done_count, width; } NaiveBeam;
typedef struct NaiveStep { NaiveWords words; int32_t token; int parent; } NaiveStep;

static inline int naive_better(const void *a, const void *b)
{
    const NaiveStep *x = a, *y = b;
    if (x->words.score != y->words.score)
        return x->words.score > y->words.score ? -1 : 1;
    return x->token != y->token ? x->token - y->token : x->parent - y->parent;
}

static inline double naive_length(const Naive *n, const NaiveWords *h)
{
    int tokens = h->count + h->ended;
    return n->o.length == LENGTH_AVERAGE ? h->score / tokens : n->o.length == LENGTH_GNMT ? h->score / pow((5. + tokens) / 6, n->o.alpha) : h->score;
}

static inline void naive_done(const Naive *n, NaiveBeam *b, NaiveWords h)
{
    h.score = naive_length(n, &h);
    int at = b->done_count;
    while (at > 0 && h.score > b->done[at - 1].score)
        at--;
    if (at == b->width)
        return;
    b->done_count += b->done_count < b->width;
    memmove(&b->done[at + 1], &b->done[at], (size_t)(b->done_count - 1 - at) * sizeof h);
    b->done[at] = h;
}

static inline int naive_extensions(const Naive *n, const NaiveBeam *b, const int *taken, NaiveStep *to)
{
    int count = 0;
    for (int i = 0; i < b->live_count; i++) {
        double log_probs[NAIVE_V];
        naive_log_probs(n, &b->live[i], log_probs);
        for (int32_t v = 0; v < n->f->m->config.decoder.vocab; v++) {
            double score = naive_score(n, &b->live[i], taken, v, log_probs[v]);
            if (score == -INFINITY)
                continue;
            NaiveWords h = b->live[i];
            h.log_prob += log_probs[v];
            h.score += score;
            h.ended = v == n->o.eos;
            if (!h.ended)
                h.ids[h.count++] = v;
            if (naive_fits(n, &h))
                to[count++] = (NaiveStep){ h, v, i };
        }
    }
    qsort(to, (size_t)count, sizeof *to, naive_better);
    return count;
}

/* One step of one group, each number of needed tokens by itself; counts in `taken` what goes on. */
static inline void naive_step(const Naive *n, NaiveBeam *b, int *taken)
{
    NaiveStep *steps = malloc((size_t)(b->live_count * NAIVE_V + 1) * sizeof *steps);
    int    count = naive_extensions(n, b, taken, steps);
    double best = -INFINITY;
    b->live_count = 0;
    for (int needed = 0; needed <= NAIVE_L; needed++)
        for (int i = 0, seen = 0, going = 0; i < count; i++) {
            if (naive_needed(n, &steps[i].words) != needed)
                continue;
            if (steps[i].words.ended && seen < b->width)
                naive_done(n, b, steps[i].words);
            if (!steps[i].words.ended && going++ < b->width) {
                b->live[b->live_count++] = steps[i].words;
                best = fmax(best, naive_length(n, &steps[i].words));
                taken[steps[i].token]++;
            }
            seen++;
        }
    if (b->live_count > 0 && b->live[0].count == n->o.max_length) {
        for (int i = 0; i < b->live_count; i++)
            naive_done(n, b, b->live[i]);
        b->live_count = 0;
    }
    if (b->done_count == b->width && best <= b->done[b->width - 1].score)
        b->live_count = 0;
    free(steps);
}

/* The best of all groups, in order, into `to`; returns how many there are. */
static inline int naive_beam(const Naive *n, NaiveWords *to)
{
    int groups = n->o.groups ? n->o.groups : 1, count = 0;
    NaiveBeam *b = calloc((size_t)groups, sizeof *b);
    for (int g = 0; g < groups; g++) {
        b[g].width = n->o.beam / groups;
        b[g].live_count = 1;
    }
    for (bool live = true; live; ) {
        int taken[NAIVE_V] = { 0 };
        live = false;
        for (int g = 0; g < groups; g++) {
            naive_step(n, &b[g], taken);
            live = live || b[g].live_count > 0;
        }
    }
    for (int g = 0; g < groups; g++)
        for (int i = 0; i < b[g].done_count; i++) {
            int at = count++;
            for (; at > 0 && b[g].done[i].score > to[at - 1].score; at--)
                to[at] = to[at - 1];
            to[at] = b[g].done[i];
        }
    free(b);
    return count;
}

/* ---- sampling --------------------------------------------------------------------------------------------------------------- */

static inline void naive_renormalize(double *p, int64_t vocab)
{
    double sum = 0;
    for (int64_t v = 0; v < vocab; v++)
        sum += p[v];
    for (int64_t v = 0; v < vocab; v++)
        p[v] /= sum;
}

/* Token v stays when what comes before it is fewer than k tokens, or less than `mass`. order: the lower comes first. */
static inline void naive_truncate(double *p, const double *order, int64_t vocab, int k, double mass)
{
    double all[NAIVE_V];
    memcpy(all, p, (size_t)vocab * sizeof *p);
    for (int64_t v = 0; v < vocab; v++) {
        double before = 0;
        int    fewer = 0;
        for (int64_t u = 0; u < vocab; u++)
            if (all[u] > 0 && (order[u] < order[v] || (order[u] == order[v] && u < v))) {
                before += all[u];
                fewer++;
            }
        if (k ? fewer >= k : before >= mass)
            p[v] = 0;
    }
    naive_renormalize(p, vocab);
}

/* The distribution to draw the next token from. */
static inline void naive_distribution(const Naive *n, const NaiveWords *h, const double *log_probs, double *p)
{
    int64_t V = n->f->m->config.decoder.vocab;
    double  order[NAIVE_V], entropy = 0;
    for (int32_t v = 0; v < V; v++)
        p[v] = exp(naive_score(n, h, NULL, v, log_probs[v]) / (n->o.temperature ? n->o.temperature : 1));
    naive_renormalize(p, V);
    for (int64_t v = 0; v < V; v++)
        order[v] = -p[v];
    if (n->o.top_k)
        naive_truncate(p, order, V, n->o.top_k, 0);
    if (n->o.top_p)
        naive_truncate(p, order, V, 0, n->o.top_p);
    for (int64_t v = 0; v < V; v++)
        entropy -= p[v] > 0 ? p[v] * log(p[v]) : 0;
    for (int64_t v = 0; v < V; v++)
        order[v] = fabs(-log(p[v]) - entropy);
    if (n->o.typical)
        naive_truncate(p, order, V, 0, n->o.typical);
}

static inline NaiveWords naive_sample(const Naive *n, int sample)
{
    NaiveWords h = { 0 };
    while (!h.ended && h.count < n->o.max_length) {
        double log_probs[NAIVE_V], p[NAIVE_V], sum = 0;
        double u = rng_uniform_at(n->o.seed, RNG_SAMPLING, n->key, (uint64_t)sample << 24 | (uint64_t)h.count);
        int32_t v = -1;
        naive_log_probs(n, &h, log_probs);
        naive_distribution(n, &h, log_probs, p);
        while (sum <= u)
            sum += p[++v];
        h.log_prob += log_probs[v];
        h.score += log(p[v]);
        h.ended = v == n->o.eos;
        if (!h.ended)
            h.ids[h.count++] = v;
    }
    return h;
}

/* ---- comparing --------------------------------------------------------------------------------------------------------------- */

static inline void naive_agrees(const NaiveWords *x, const Hypothesis *h, const char *what, long picture, int at)
{
    cr_assert(h->count == x->count && h->ended == x->ended, "%s, picture %ld, %d: %d tokens (score %g), naively %d (%g)", what, picture, at,
              h->count, h->score, x->count, x->score);
    for (int i = 0; i < h->count; i++)
        cr_assert_eq(h->ids[i], x->ids[i], "%s, picture %ld, %d, token %d: %d, naively %d", what, picture, at, i, h->ids[i], x->ids[i]);
    cr_assert_float_eq(h->log_prob, x->log_prob, 1e-4, "%s, picture %ld, %d: %g, naively %g", what, picture, at, h->log_prob, x->log_prob);
    cr_assert_float_eq(h->score, x->score, 1e-4, "%s, picture %ld, %d: score %g, naively %g", what, picture, at, h->score, x->score);
}

#endif
