/* search.c - a search from its options to its results; engine.c does the steps. */
#include "fusion/search/engine.h"

#include <math.h>
#include <string.h>

const char *const LENGTH_NAMES[LENGTH_PENALTIES] = { "none", "average", "gnmt" };

SearchOptions search_defaults(const Model *m)
{
    return (SearchOptions){ .beam = m->beam, .best = 1, .max_length = m->max_length,
                            .length = m->average ? LENGTH_AVERAGE : LENGTH_NONE, .bos = tokenizer_bos(m->tokenizer),
                            .eos = tokenizer_eos(m->tokenizer), .pad = tokenizer_pad(m->tokenizer) };
}

int search_results(const SearchOptions *o) { return o->samples ? o->samples : o->best ? o->best : 1; }

static void check(const SearchOptions *o)
{
    if (o->samples)
        REQUIRE(o->samples > 0 && o->groups <= 1 && !o->required_count, "search: %d samples in %d groups, %d words required", o->samples, o->groups,
                o->required_count);
    else
        REQUIRE(o->beam >= 1 && search_results(o) >= 1 && search_results(o) <= o->beam && (o->groups <= 1 || o->beam % o->groups == 0),
                "search: beam %d, best %d, %d groups", o->beam, o->best, o->groups);
    REQUIRE(o->max_length >= 1 && !(o->groups > 1 && o->required_count), "search: max_length %d, %d groups, %d words required", o->max_length,
            o->groups, o->required_count);
}

/* ---- before the first step -------------------------------------------------------------------------------------------- */

static Rows rows_new(Arena *a, int64_t capacity)
{
    size_t n = (size_t)capacity;
    return (Rows){ 0, arena_zeros(a, n * sizeof(Word *)), arena_zeros(a, n * sizeof(int32_t)), arena_zeros(a, n * sizeof(int32_t)) };
}

static Scratch scratch_new(const Search *s)
{
    size_t V = (size_t)s->vocab;
    return (Scratch){ .read = arena_alloc(s->work, V * sizeof(real)), .log_probs = arena_alloc(s->work, V * sizeof(double)),
                      .scores = arena_alloc(s->work, V * sizeof(double)), .ranked = arena_alloc(s->work, V * sizeof(Ranked)),
                      .taken = arena_alloc(s->work, V * sizeof(int32_t)),
                      .needed = arena_alloc(s->work, V * sizeof(int32_t)), .filled = arena_alloc(s->work, (size_t)s->banks * sizeof(int)),
                      .ids = arena_alloc(s->work, (size_t)(s->o.max_length + 1) * sizeof(int32_t)) };
}

/* Every lane begins with one row, <bos>. */
static void start(Search *s)
{
    int64_t lanes = s->pictures * s->lanes, capacity = lanes * s->width * s->banks;
    int     threads = team_size(s->t->team);
    s->memory    = arena_alloc(s->work, (size_t)s->e.count * sizeof *s->memory);
    s->log_probs = arena_alloc(s->work, (size_t)s->e.count * sizeof *s->log_probs);
    s->cache     = s->o.uncached ? NULL : arena_alloc(s->work, (size_t)s->e.count * sizeof *s->cache);
    for (int k = 0; k < s->e.count; k++) {
        const Captioner *m = s->e.speakers[k].captioner;
        s->memory[k] = captioner_memory(s->t, m, s->e.speakers[k].features);
        if (s->cache)
            s->cache[k] = kv_cache_new(s->t->arena, m->decoder, capacity, s->o.max_length);
    }
    s->now       = rows_new(s->work, capacity);
    s->next      = rows_new(s->work, capacity);
    s->scratch   = arena_alloc(s->work, (size_t)threads * sizeof *s->scratch);
    for (int i = 0; i < threads; i++)
        s->scratch[i] = scratch_new(s);
    s->lane = arena_zeros(s->work, (size_t)lanes * sizeof *s->lane);
    for (int64_t i = 0; i < lanes; i++) {
        s->lane[i] = (Lane){ .from = i, .to = i + 1, .kept = arena_alloc(s->work, (size_t)s->width * sizeof(Finished)),
                             .chosen = arena_alloc(s->work, (size_t)(2 * s->width * s->banks) * sizeof(Candidate)) };
        s->now.image_of[s->now.count++] = (int32_t)(i / s->lanes);
    }
}

/* ---- after the last step ---------------------------------------------------------------------------------------------- */

static Hypothesis hypothesis(const Search *s, const Finished *f, Arena *keep)
{
    const Word *w = f->last;
    Hypothesis  h = { .count = w->count - f->ended, .ended = f->ended, .score = f->score };
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
    for (int i = 0; i < h.count + h.ended; i++)
        h.log_prob += h.token_log_prob[i];
    return h;
}

/* The best that is left in a picture's lanes, of equals that of the earlier lane; NULL: none. taken [lanes]. */
static const Finished *next_best(const Search *s, const Lane *lanes, int *taken)
{
    int best = -1;
    for (int g = 0; g < s->lanes; g++)
        if (taken[g] < lanes[g].kept_count
            && (best < 0 || lanes[g].kept[taken[g]].score > lanes[best].kept[taken[best]].score))
            best = g;
    return best < 0 ? NULL : &lanes[best].kept[taken[best]++];
}

/* A picture's results: a sample each, or the best of all lanes. */
static void collect(const Search *s, const Lane *lanes, Hypothesis *to, Arena *keep)
{
    int *taken = arena_zeros(s->work, (size_t)s->lanes * sizeof *taken);
    for (int i = 0; i < search_results(&s->o); i++) {
        const Finished *f = s->o.samples == 0 ? next_best(s, lanes, taken) : lanes[i].kept_count ? lanes[i].kept : NULL;
        to[i] = f ? hypothesis(s, f, keep) : (Hypothesis){ .log_prob = -INFINITY, .score = -INFINITY };
    }
}

Hypothesis *search_ensemble(Tape *t, Ensemble e, SearchOptions o, Arena *keep)
{
    int longest = ensemble_length(e), groups = o.groups ? o.groups : 1, results = search_results(&o);
    const Speaker *first = &e.speakers[0];
    o.max_length = o.max_length < longest ? o.max_length : longest;
    check(&o);
    REQUIRE(keep != t->arena, "search: the results must outlive the tape's step");
    bool recording = t->recording, training = t->training;
    t->recording = t->training = false;
    ArenaMark begin = tape_mark(t);
    Search s = { .t = t, .e = e, .o = o, .work = arena_new(1 << 20), .vocab = first->captioner->config.decoder.vocab,
                 .pictures = first->features->shape.d[0], .tokens = first->features->shape.d[1],
                 .lanes = o.samples ? o.samples : groups, .width = o.samples ? 1 : o.beam / groups, .banks = 1 + search_required_tokens(&o) };
    start(&s);
    while (s.now.count > 0) {
        ArenaMark mark = tape_mark(t);
        search_step(&s);
        arena_release(t->arena, mark);
    }
    Hypothesis *h = arena_zeros(keep, (size_t)(s.pictures * results) * sizeof *h);
    for (int64_t i = 0; i < s.pictures; i++)
        collect(&s, &s.lane[i * s.lanes], &h[i * results], keep);
    arena_free(s.work);
    arena_release(t->arena, begin);
    t->recording = recording;
    t->training  = training;
    return h;
}

Hypothesis *search_captions(Tape *t, const Captioner *m, Tensor *features, SearchOptions o, Arena *keep)
{
    return search_ensemble(t, (Ensemble){ &(Speaker){ m, features }, 1 }, o, keep);
}
