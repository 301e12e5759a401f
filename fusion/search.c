/* search.c - batched beam search on the key/value cache; the rules are in search.h.
 *
 * All unfinished hypotheses of all pictures are the rows of one decoder call; rows of a picture stand together, read that picture's
 * memory (image_of), and vanish when it is done. A hypothesis is a chain of tokens, each pointing to the one before it, so
 * that hypotheses share their beginnings.                                                                             */
#include "fusion/search.h"

#include <math.h>
#include <string.h>

typedef struct Word Word;
struct Word {
    const Word   *before;                        /* NULL: <bos> stands before                                          */
    int32_t       token;
    int           count;                         /* tokens so far                                                      */
    double        log_prob, sum;                 /* of this token; of all                                              */
    const double *attention;                     /* (N) or NULL                                                        */
};

typedef struct Finished { const Word *last; bool ended; double score; } Finished;
typedef struct Picture  { Finished *kept; int kept_count; } Picture;      /* kept: best first                                  */

/* One extension of a row by a token. */
typedef struct Candidate { double sum, log_prob; int32_t token; int64_t row; } Candidate;

typedef struct Rows { int64_t count; const Word **last; int32_t *image_of, *from; } Rows;   /* from: its row one step before */

typedef struct Search {
    Tape            *t;
    const Captioner *m;
    SearchOptions    o;
    Arena           *work;
    int64_t          pictures, tokens, vocab;    /* I, N, V */
    int              max_length;
    Tensor         **memory;
    KvCache         *cache;                      /* NULL: everything is computed again at each step                    */
    Picture         *picture;
    Rows             now, next;
    Candidate       *best;                       /* 2 beam: at most half of them end                                   */
    real            *log_probs;                  /* (V) of one row                                                     */
} Search;

/* ---- the decoder ---------------------------------------------------------------------------------------------------- */

/* The next tokens of all rows; without a cache, all tokens. */
static Ids row_tokens(Search *s, int step)
{
    int64_t  T = s->cache ? 1 : step + 1;
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

/* Cross-attention of the last position, averaged over layers and heads: rows x (N). probs[layer] is (rows,H,T,N). */
static double *mean_attention(Search *s, Tensor *const *probs)
{
    int64_t R = s->now.count, H = probs[0]->shape.d[1], T = probs[0]->shape.d[2], N = s->tokens, depth = s->m->config.decoder.depth;
    double *mean = arena_zeros(s->work, (size_t)(R * N) * sizeof *mean);
    real   *p = arena_alloc(s->t->arena, (size_t)N * sizeof *p);
    for (int64_t layer = 0; layer < depth; layer++)
        for (int64_t i = 0; i < R * H; i++) {
            tensor_read(probs[layer], (i * T + T - 1) * N, p, N);
            for (int64_t n = 0; n < N; n++)
                mean[i / H * N + n] += (double)p[n] / (double)(H * depth);
        }
    return mean;
}

/* log p(next token) of all rows, (rows,V); `attention` receives rows x (N), or NULL. In the tape's arena. */
static Tensor *next_log_probs(Search *s, int step, double **attention)
{
    Tape    *t = s->t;
    Tensor **probs = s->o.attention ? arena_zeros(t->arena, (size_t)s->m->config.decoder.depth * sizeof *probs) : NULL;
    Tensor  *logits = captioner_logits(t, s->m, row_tokens(s, step), s->memory, s->now.image_of, s->cache, probs);
    *attention = probs ? mean_attention(s, probs) : NULL;
    int64_t T = logits->shape.d[1];
    logits = tensor_reshape(t->arena, T > 1 ? op_slice(t, logits, 1, T - 1, T) : logits, SHAPE(s->now.count, s->vocab));
    rows_log_softmax(t, logits);
    return logits;
}

/* ---- one picture's step --------------------------------------------------------------------------------------------- */

static bool better(const Candidate *a, const Candidate *b)
{
    if (a->sum != b->sum)
        return a->sum > b->sum;
    return a->token != b->token ? a->token < b->token : a->row < b->row;
}

/* The best extensions of rows [from, to), in order, in s->best; returns how many. */
static int best_candidates(Search *s, const Tensor *log_probs, int64_t from, int64_t to)
{
    int count = 0, room = 2 * s->o.beam;
    for (int64_t row = from; row < to; row++) {
        double sum = s->now.last[row] ? s->now.last[row]->sum : 0;
        tensor_read(log_probs, row * s->vocab, s->log_probs, s->vocab);
        for (int32_t v = 0; v < s->vocab; v++) {
            /* A model that has gone wrong (NaN) still ends its captions. */
            double    p = isnan(s->log_probs[v]) ? -INFINITY : (double)s->log_probs[v];
            Candidate c = { sum + p, p, v, row };
            if (v == s->o.pad || v == s->o.bos || (count == room && !better(&c, &s->best[count - 1])))
                continue;
            int at = count < room ? count++ : count - 1;
            for (; at > 0 && better(&c, &s->best[at - 1]); at--)
                s->best[at] = s->best[at - 1];
            s->best[at] = c;
        }
    }
    return count;
}

static double score(const Search *s, double sum, int count) { return s->o.length == LENGTH_AVERAGE ? sum / count : sum; }

static void put_aside(const Search *s, Picture *p, const Word *last, bool ended)
{
    Finished f = { last, ended, score(s, last->sum, last->count) };
    if (p->kept_count == s->o.beam && !(f.score > p->kept[p->kept_count - 1].score))
        return;
    int at = p->kept_count < s->o.beam ? p->kept_count++ : p->kept_count - 1;
    for (; at > 0 && f.score > p->kept[at - 1].score; at--)
        p->kept[at] = p->kept[at - 1];
    p->kept[at] = f;
}

static const Word *extended(Search *s, const Candidate *c, const double *attention)
{
    const Word *before = s->now.last[c->row];
    Word *w = arena_alloc(s->work, sizeof *w);
    *w = (Word){ before, c->token, before ? before->count + 1 : 1, c->log_prob, c->sum, attention ? attention + c->row * s->tokens : NULL };
    return w;
}

/* Extends the picture of rows [from, to); the hypotheses that go on are appended to s->next. */
static void step_picture(Search *s, const Tensor *log_probs, const double *attention, int64_t from, int64_t to)
{
    int32_t  image = s->now.image_of[from];
    Picture *p = &s->picture[image];
    int64_t  first = s->next.count;
    int      count = best_candidates(s, log_probs, from, to), length = s->now.last[from] ? s->now.last[from]->count + 1 : 1;
    for (int i = 0; i < count && s->next.count < first + s->o.beam; i++) {
        const Candidate *c = &s->best[i];
        bool ended = c->token == s->o.eos, cut = !ended && length == s->max_length;
        if ((ended || cut) && i < s->o.beam)
            put_aside(s, p, extended(s, c, attention), ended);
        if (ended || cut)
            continue;
        s->next.last[s->next.count] = extended(s, c, attention);
        s->next.from[s->next.count] = (int32_t)c->row;
        s->next.image_of[s->next.count++] = image;
    }
    bool live = s->next.count > first;
    if (!live || (p->kept_count == s->o.beam && score(s, s->next.last[first]->sum, length) <= p->kept[s->o.beam - 1].score))
        s->next.count = first;
}

/* Every picture whose rows are in s->now takes a step; the rows that go on become s->now. */
static void step_pictures(Search *s, const Tensor *log_probs, const double *attention)
{
    s->next.count = 0;
    for (int64_t from = 0, to; from < s->now.count; from = to) {
        for (to = from; to < s->now.count && s->now.image_of[to] == s->now.image_of[from]; )
            to++;
        step_picture(s, log_probs, attention, from, to);
    }
    if (s->cache && s->next.count > 0)
        kv_cache_reorder(s->t, s->cache, s->next.from, s->next.count);
    Rows was = s->now;
    s->now  = s->next;
    s->next = was;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static Rows rows_new(Arena *a, int64_t capacity)
{
    size_t n = (size_t)capacity;
    return (Rows){ 0, arena_zeros(a, n * sizeof(Word *)), arena_zeros(a, n * sizeof(int32_t)), arena_zeros(a, n * sizeof(int32_t)) };
}

static void search_start(Search *s, Tensor *features)
{
    int64_t capacity = s->pictures * s->o.beam;
    s->memory    = captioner_memory(s->t, s->m, features);
    s->cache     = s->o.uncached ? NULL : kv_cache_new(s->t->arena, s->m->decoder, capacity, s->max_length);
    s->picture   = arena_zeros(s->work, (size_t)s->pictures * sizeof *s->picture);
    s->best      = arena_alloc(s->work, (size_t)(2 * s->o.beam) * sizeof *s->best);
    s->log_probs = arena_alloc(s->work, (size_t)s->vocab * sizeof *s->log_probs);
    s->now       = rows_new(s->work, capacity);
    s->next      = rows_new(s->work, capacity);
    for (int64_t i = 0; i < s->pictures; i++) {
        s->picture[i].kept = arena_alloc(s->work, (size_t)s->o.beam * sizeof(Finished));
        s->now.image_of[s->now.count++] = (int32_t)i;
    }
}

static Hypothesis hypothesis(const Search *s, const Finished *f, Arena *keep)
{
    const Word *w = f->last;
    Hypothesis  h = { .count = w->count - f->ended, .ended = f->ended, .log_prob = w->sum, .score = f->score };
    h.ids            = arena_zeros(keep, (size_t)w->count * sizeof *h.ids);
    h.token_log_prob = arena_zeros(keep, (size_t)w->count * sizeof *h.token_log_prob);
    if (s->o.attention)
        h.attention = arena_zeros(keep, (size_t)(w->count * s->tokens) * sizeof *h.attention);
    for (; w; w = w->before) {
        int at = w->count - 1;
        h.token_log_prob[at] = w->log_prob;
        if (at >= h.count)
            continue;
        h.ids[at] = w->token;
        if (s->o.attention)
            memcpy(h.attention + at * s->tokens, w->attention, (size_t)s->tokens * sizeof *h.attention);
    }
    return h;
}

SearchOptions search_defaults(const Model *m)
{
    return (SearchOptions){ .beam = m->beam, .best = 1, .max_length = m->max_length,
                            .length = m->average ? LENGTH_AVERAGE : LENGTH_NONE, .bos = tokenizer_bos(m->tokenizer),
                            .eos = tokenizer_eos(m->tokenizer), .pad = tokenizer_pad(m->tokenizer) };
}

Hypothesis *search_captions(Tape *t, const Captioner *m, Tensor *features, SearchOptions o, Arena *keep)
{
    int best = o.best ? o.best : 1, longest = (int)m->config.decoder.length;
    REQUIRE(o.beam >= 1 && best >= 1 && best <= o.beam && o.max_length >= 1, "search: beam %d, best %d, max_length %d",
            o.beam, best, o.max_length);
    REQUIRE(keep != t->arena, "search: the results must outlive the tape's step");
    bool recording = t->recording, training = t->training;
    t->recording = t->training = false;
    ArenaMark begin = tape_mark(t);
    Search s = { .t = t, .m = m, .o = o, .work = arena_new(1 << 20), .pictures = features->shape.d[0], .tokens = features->shape.d[1],
                 .vocab = m->config.decoder.vocab, .max_length = o.max_length < longest ? o.max_length : longest };
    search_start(&s, features);
    for (int step = 0; s.now.count > 0; step++) {
        ArenaMark mark = tape_mark(t);
        double *attention;
        Tensor *log_probs = next_log_probs(&s, step, &attention);
        step_pictures(&s, log_probs, attention);
        arena_release(t->arena, mark);
    }
    Hypothesis *results = arena_zeros(keep, (size_t)(s.pictures * best) * sizeof *results);
    for (int64_t i = 0; i < s.pictures; i++)
        for (int j = 0; j < best; j++)
            results[i * best + j] = j < s.picture[i].kept_count ? hypothesis(&s, &s.picture[i].kept[j], keep)
                                                                : (Hypothesis){ .log_prob = -INFINITY, .score = -INFINITY };
    arena_free(s.work);
    arena_release(t->arena, begin);
    t->recording = recording;
    t->training  = training;
    return results;
}
