/* scheduled_sampling.c - replacing given words by those that the model would have said. */
#include "experiments/scheduled_sampling.h"

#include <math.h>
#include <string.h>

#include "tensor/base/rng.h"

double scheduled_probability(const Experiment *x, int64_t step, int64_t total)
{
    double start = x->scheduled.start, done = (double)step / (double)(total > 1 ? total - 1 : 1);

    return done <= start ? 0 : x->scheduled.probability * (done - start) / (1 - start);
}

/* The likeliest word, or one drawn by u from [0, 1). */
static int32_t choose(const real *logits, int64_t vocab, bool draw, double u)
{
    int32_t best = 0, v = 0;
    double sum = 0;

    for (int32_t i = 1; i < vocab; i++) if (logits[i] > logits[best]) best = i;
    if (!draw) return best;
    double max = (double)logits[best];
    for (int64_t i = 0; i < vocab; i++) sum += exp((double)logits[i] - max);
    double left = u * sum;
    for (; v < vocab - 1; v++)
        if ((left -= exp((double)logits[v] - max)) < 0) break;
    return v;
}

static double uniform_at(const Tape *t, int64_t at) { return rng_at(t->seed, RNG_SCHEDULED, t->step, (uint64_t)at) * 0x1p-32; }

Ids scheduled_tokens(Tape *t, const Captioner *m, Tensor *features, Ids tokens, Ids targets, const int32_t *image_of, ScheduledSampling s)
{
    int64_t rows = tokens.shape.d[0], T = tokens.shape.d[1], V = m->config.decoder.vocab;
    int32_t *mixed = arena_alloc(t->arena, (size_t)(rows * T) * sizeof *mixed);
    bool recording = t->recording, training = t->training;

    memcpy(mixed, tokens.v, (size_t)(rows * T) * sizeof *mixed);
    t->recording = t->training = false;
    ArenaMark mark = tape_mark(t);
    Tensor *logits = captioner_logits(t, m, tokens, captioner_memory(t, m, features), image_of, NULL, NULL);
    real *row = arena_alloc(t->arena, (size_t)V * sizeof *row);
    for (int64_t i = 0; i < rows * T; i++) {
        /* Word i+1 is what is said behind position i; behind a caption's last word there is none. */
        if (i % T == T - 1 || targets.v[i + 1] == IGNORE || !(uniform_at(t, 2 * i) < s.probability)) continue;
        tensor_read(logits, i * V, row, V);
        int32_t word = choose(row, V, s.draw, uniform_at(t, 2 * i + 1));
        if (word != s.eos && word != s.bos && word != s.pad) mixed[i + 1] = word;
    }
    arena_release(t->arena, mark);
    t->recording = recording;
    t->training = training;
    return (Ids){ tokens.shape, mixed };
}
