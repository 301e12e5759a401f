/* engine.c - all unfinished hypotheses of all pictures step through the decoder together; the rules are in search.h.
 *
 * They are the rows of one decoder call. Rows of a picture stand together, those of a lane within it; they read that picture's memory
 * (image_of) and vanish when their lane is done.                                                                      */
#include "fusion/search/engine.h"

#include <math.h>
#include <string.h>

/* ---- the decoder ---------------------------------------------------------------------------------------------------- */

/* The next tokens of all rows; without a cache, all tokens. */
static Ids row_tokens(Search *s)
{
    int64_t  T = s->cache ? 1 : s->step + 1;
    int32_t *v = arena_alloc(s->t->arena, (size_t)(s->now.count * T) * sizeof *v);
    for (int64_t i = 0; i < s->now.count; i++) {
        const Word *w = s->now.last[i];
        for (int64_t j = T - 1; j >= 0; j--) {
            v[i * T + j] = w ? w->token : s->o.bos;
            w = w ? w->before : NULL;
        }
    }
    return (Ids){ SHAPE(s->now.count, T), v };
}

void mean_attention(Tensor *const *probs, int depth, int64_t row, int64_t t, double *mean)
{
    int64_t H = probs[0]->shape.d[1], T = probs[0]->shape.d[2], N = probs[0]->shape.d[3];
    memset(mean, 0, (size_t)N * sizeof *mean);
    for (int layer = 0; layer < depth; layer++)
        for (int64_t h = 0; h < H; h++)
            for (int64_t n = 0; n < N; n++) {
                real p;
                tensor_read(probs[layer], ((row * H + h) * T + t) * N + n, &p, 1);
                mean[n] += (double)p / (double)(H * depth);
            }
}

/* log p(next token) of all rows by one speaker, (rows,V), in the tape's arena; the first one's attention. */
static Tensor *decode(Search *s, int k)
{
    Tape *t = s->t;
    const Captioner *m = s->e.speakers[k].captioner;
    int     depth = (int)m->config.decoder.depth;
    bool    looking = s->o.attention && k == 0;
    Tensor **probs = looking ? arena_zeros(t->arena, (size_t)depth * sizeof *probs) : NULL;
    Tensor *logits = captioner_logits(t, m, row_tokens(s), s->memory[k], s->now.image_of, s->cache ? s->cache[k] : NULL, probs);
    int64_t T = logits->shape.d[1];
    if (looking)
        s->attention = arena_alloc(s->work, (size_t)(s->now.count * s->tokens) * sizeof *s->attention);
    for (int64_t row = 0; looking && row < s->now.count; row++)
        mean_attention(probs, depth, row, T - 1, s->attention + row * s->tokens);
    logits = tensor_reshape(t->arena, T > 1 ? op_slice(t, logits, 1, T - 1, T) : logits, SHAPE(s->now.count, s->vocab));
    rows_log_softmax(t, logits);
    return logits;
}

void row_scores(const Search *s, int64_t row, const int32_t *taken, Scratch *w)
{
    int count = s->step;
    for (const Word *word = s->now.last[row]; word; word = word->before)
        w->ids[--count] = word->token;
    ensemble_mean(s->log_probs, s->e.count, row, w->read, w->log_probs);
    memcpy(w->scores, w->log_probs, (size_t)s->vocab * sizeof *w->scores);
    rules_apply(&s->o, (RowState){ w->ids, s->step, taken }, s->vocab, w->scores);
    if (s->o.required_count) {
        constraints_needed(&s->o, w->ids, s->step, s->vocab, w->needed);
        constraints_apply(&s->o, s->step, s->vocab, w->needed, w->scores);
    }
}

/* ---- a step --------------------------------------------------------------------------------------------------------- */

static void choose(void *context, int64_t picture, int member)
{
    const Search *s = context;
    (s->o.samples ? sample_choose : beam_choose)(s, picture, &s->scratch[member]);
}

static const Word *extended(Search *s, const Candidate *c)
{
    const Word *before = s->now.last[c->row];
    Word *w = arena_alloc(s->work, sizeof *w);
    *w = (Word){ before, c->token, s->step + 1, c->log_prob, c->score_sum, s->attention ? s->attention + c->row * s->tokens : NULL };
    return w;
}

double length_score(const SearchOptions *o, double sum, int count)
{
    switch (o->length) {
    case LENGTH_AVERAGE: return sum / count;
    case LENGTH_GNMT:    return sum / pow((5.0 + count) / 6, o->alpha);
    default:             return sum;
    }
}

static double score(const Search *s, const Word *w)
{
    return s->o.samples ? w->score_sum : length_score(&s->o, w->score_sum, w->count);
}

static void put_aside(const Search *s, Lane *l, const Word *last, bool ended)
{
    Finished f = { last, ended, score(s, last) };
    if (l->kept_count == s->width && !(f.score > l->kept[l->kept_count - 1].score))
        return;
    int at = l->kept_count < s->width ? l->kept_count++ : l->kept_count - 1;
    for (; at > 0 && f.score > l->kept[at - 1].score; at--)
        l->kept[at] = l->kept[at - 1];
    l->kept[at] = f;
}

/* Carries out what was chosen for a lane: hypotheses that are finished are put aside, the others become rows of s->next. */
static void extend_lane(Search *s, int32_t image, Lane *l)
{
    int64_t first = s->next.count;
    for (int i = 0; i < l->chosen_count; i++) {
        const Candidate *c = &l->chosen[i];
        const Word *w = extended(s, c);
        if (c->token == s->o.eos || w->count == s->o.max_length) {
            put_aside(s, l, w, c->token == s->o.eos);
            continue;
        }
        s->next.last[s->next.count] = w;
        s->next.from[s->next.count] = (int32_t)c->row;
        s->next.image_of[s->next.count++] = image;
    }
    double best = -INFINITY;                     /* of what goes on */
    for (int64_t row = first; row < s->next.count; row++)
        best = fmax(best, score(s, s->next.last[row]));
    if (l->kept_count == s->width && best <= l->kept[s->width - 1].score)
        s->next.count = first;
    l->from = first;
    l->to   = s->next.count;
}

void search_step(Search *s)
{
    for (int k = 0; k < s->e.count; k++)
        s->log_probs[k] = decode(s, k);
    team_run(s->t->team, s->pictures, choose, s);
    s->next.count = 0;
    for (int64_t i = 0; i < s->pictures * s->lanes; i++)
        extend_lane(s, (int32_t)(i / s->lanes), &s->lane[i]);
    for (int k = 0; s->cache && s->next.count > 0 && k < s->e.count; k++)
        kv_cache_reorder(s->t, s->cache[k], s->next.from, s->next.count);
    Rows was = s->now;
    s->now  = s->next;
    s->next = was;
    s->step++;
}
