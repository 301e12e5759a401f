/* score.c - the log-probabilities of given captions: one pass over whole sequences, as in training. */
#include "fusion/search/engine.h"

#include <string.h>

typedef struct Scoring {
    Tape         *t;
    Ensemble      e;
    const Given  *captions;
    int64_t       count, T;
    SearchOptions o;
    real         *read;                          /* [V] to work in */
    double       *mean;                          /* [V]            */
} Scoring;

/* Tokens of a caption that the decoder has room for; its last one may be <eos>. */
static int room(const Scoring *s, int64_t i) { return s->captions[i].count < s->T ? s->captions[i].count + 1 : (int)s->T; }

/* <bos> and the words; what follows a shorter caption cannot be seen from it. */
static Ids inputs(const Scoring *s, int32_t *image_of)
{
    int32_t *v = arena_zeros(s->t->arena, (size_t)(s->count * s->T) * sizeof *v);
    for (int64_t i = 0; i < s->count; i++) {
        v[i * s->T] = s->o.bos;
        memcpy(v + i * s->T + 1, s->captions[i].ids, (size_t)(room(s, i) - 1) * sizeof *v);
        image_of[i] = s->captions[i].image;
    }
    return (Ids){ SHAPE(s->count, s->T), v };
}

/* (captions T, V) of one speaker; probs: of each layer, or NULL. */
static Tensor *log_probs_of(const Scoring *s, const Speaker *speaker, Tensor **probs)
{
    Tape    *t = s->t;
    int32_t *image_of = arena_alloc(t->arena, (size_t)s->count * sizeof *image_of);
    Ids      tokens = inputs(s, image_of);
    Tensor  *x = captioner_logits(t, speaker->captioner, tokens, captioner_memory(t, speaker->captioner, speaker->features), image_of, NULL, probs);
    x = tensor_reshape(t->arena, x, SHAPE(s->count * s->T, shape_last(x->shape)));
    rows_log_softmax(t, x);
    return x;
}

static Hypothesis given(const Scoring *s, int64_t i, Tensor *const *log_probs, Arena *keep)
{
    int  tokens = room(s, i);
    bool ended = tokens > s->captions[i].count;
    Hypothesis h = { .count = tokens - ended, .ended = ended };
    h.ids            = arena_zeros(keep, (size_t)tokens * sizeof *h.ids);
    h.token_log_prob = arena_zeros(keep, (size_t)tokens * sizeof *h.token_log_prob);
    memcpy(h.ids, s->captions[i].ids, (size_t)h.count * sizeof *h.ids);
    for (int at = 0; at < tokens; at++) {
        ensemble_mean(log_probs, s->e.count, i * s->T + at, s->read, s->mean);
        h.token_log_prob[at] = s->mean[at < h.count ? h.ids[at] : s->o.eos];
        h.log_prob += h.token_log_prob[at];
    }
    h.score = length_score(&s->o, h.log_prob, tokens);
    return h;
}

static void look(Hypothesis *h, int64_t row, Tensor *const *probs, int depth, Arena *keep)
{
    int64_t N = probs[0]->shape.d[3];
    h->attention = arena_zeros(keep, (size_t)(h->count * N + 1) * sizeof *h->attention);
    for (int at = 0; at < h->count; at++)
        mean_attention(probs, depth, row, at, h->attention + at * N);
}

Hypothesis *captions_score(Tape *t, Ensemble e, const Given *captions, int64_t count, SearchOptions o, Arena *keep)
{
    Scoring s = { .t = t, .e = e, .captions = captions, .count = count, .T = 1, .o = o };
    int  longest = ensemble_length(e), depth = (int)e.speakers[0].captioner->config.decoder.depth;
    bool recording = t->recording, training = t->training;
    size_t vocab = (size_t)e.speakers[0].captioner->config.decoder.vocab;
    REQUIRE(keep != t->arena && count > 0, "captions_score: the results must outlive the tape's step; of %lld captions", (long long)count);
    for (int64_t i = 0; i < count; i++)
        s.T = captions[i].count + 1 > s.T ? captions[i].count + 1 : s.T;
    s.T = s.T < longest ? s.T : longest;
    t->recording = t->training = false;
    ArenaMark begin = tape_mark(t);
    s.read = arena_alloc(t->arena, vocab * sizeof *s.read);
    s.mean = arena_alloc(t->arena, vocab * sizeof *s.mean);
    Tensor **probs = o.attention ? arena_zeros(t->arena, (size_t)depth * sizeof *probs) : NULL;
    Tensor **log_probs = arena_alloc(t->arena, (size_t)e.count * sizeof *log_probs);
    for (int k = 0; k < e.count; k++)
        log_probs[k] = log_probs_of(&s, &e.speakers[k], k == 0 ? probs : NULL);
    Hypothesis *h = arena_zeros(keep, (size_t)count * sizeof *h);
    for (int64_t i = 0; i < count; i++) {
        h[i] = given(&s, i, log_probs, keep);
        if (probs)
            look(&h[i], i, probs, depth, keep);
    }
    arena_release(t->arena, begin);
    t->recording = recording;
    t->training  = training;
    return h;
}
