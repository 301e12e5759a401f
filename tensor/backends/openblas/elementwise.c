/* elementwise.c - activation, add and dropout, in chunks over the team. */
#include "tensor/backends/openblas/openblas.h"

#include <string.h>

typedef struct Work {
    const Tape *t;
    const Node *n;
    int64_t     count, period;                   /* period: elements of add's second input */
    const real *x, *y;
    real       *to;
    bool        fresh;
} Work;

/* to (+)= from, for one chunk of a gradient. */
static void give(const Work *w, int64_t at, int64_t count, const real *from)
{
    if (w->fresh) memcpy(w->to + at, from, (size_t)count * sizeof *from);
    else kernels()->add(count, w->to + at, from, w->to + at);
}

static void run(Tape *t, Work *w, void (*item)(void *, int64_t, int))
{
    team_run(t->team, chunks_of(w->count, ELEMENTS_A_CHUNK), item, w);
}

/* ---- activation --------------------------------------------------------------------------------------------------- */
static void activation_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    const ActivationAttr *a = w->n->attr;
    int64_t at = item * ELEMENTS_A_CHUNK, count = chunk_end(item, w->count, ELEMENTS_A_CHUNK) - at;

    (void)member;
    kernels()->act(a->activation, count, w->x + at, w->to + at);
}

static void activation_forward(Tape *t, Node *n)
{
    Work w = { .n = n, .count = shape_count(n->out[0]->shape), .x = n->in[0]->data, .to = n->out[0]->data };
    run(t, &w, activation_item);
}

static void activation_grad_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    const ActivationAttr *a = w->n->attr;
    int64_t at = item * ELEMENTS_A_CHUNK, count = chunk_end(item, w->count, ELEMENTS_A_CHUNK) - at;
    real    dx[ELEMENTS_A_CHUNK];

    (void)member;
    kernels()->act_grad(a->activation, count, w->x + at, w->y + at, dx);
    give(w, at, count, dx);
}

static void activation_backward(Tape *t, Node *n)
{
    Work w = { .n = n, .count = shape_count(n->out[0]->shape), .x = n->in[0]->data, .y = n->out[0]->grad };
    w.to = tape_grad_over(t, n->in[0], &w.fresh);
    if (w.to) run(t, &w, activation_grad_item);
}

const Op openblas_activation = { "activation", activation_forward, activation_backward };

/* ---- add: z = x + y, y repeating ------------------------------------------------------------------------------------ */
static void add_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t end = chunk_end(item, w->count, ELEMENTS_A_CHUNK);

    (void)member;
    for (int64_t at = item * ELEMENTS_A_CHUNK, count; at < end; at += count) {
        int64_t into = at % w->period;
        count = w->period - into < end - at ? w->period - into : end - at;
        kernels()->add(count, w->x + at, w->y + into, w->to + at);
    }
}

static void add_forward(Tape *t, Node *n)
{
    Work w = { .count = shape_count(n->in[0]->shape), .period = shape_count(n->in[1]->shape), .x = n->in[0]->data,
               .y = n->in[1]->data, .to = n->out[0]->data };
    run(t, &w, add_item);
}

static void pass_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t at = item * ELEMENTS_A_CHUNK;

    (void)member;
    give(w, at, chunk_end(item, w->count, ELEMENTS_A_CHUNK) - at, w->x + at);
}

/* The part of dy that the item owns: the repeats are added to it in order. */
static void repeats_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t from = item * ELEMENTS_A_CHUNK, count = chunk_end(item, w->period, ELEMENTS_A_CHUNK) - from;

    (void)member;
    for (int64_t at = from; at < w->count; at += w->period)
        kernels()->add(count, w->to + from, w->x + at, w->to + from);
}

static void add_backward(Tape *t, Node *n)
{
    Work w = { .count = shape_count(n->in[0]->shape), .period = shape_count(n->in[1]->shape), .x = n->out[0]->grad };

    w.to = tape_grad_first(t, n->in[0], &w.fresh);
    if (w.to) run(t, &w, pass_item);
    w.to = tape_grad(t, n->in[1]);
    if (w.to) team_run(t->team, chunks_of(w.period, ELEMENTS_A_CHUNK), repeats_item, &w);
}

const Op openblas_add = { "add", add_forward, add_backward };

/* ---- dropout ------------------------------------------------------------------------------------------------------- */
void dropout_mask(const Tape *t, uint64_t draw, double p, int64_t at, int64_t n, real *mask)
{
    enum { BLOCKS = 256 };
    const uint32_t key[2] = { (uint32_t)t->seed, (uint32_t)(t->seed >> 32) }, limit = (uint32_t)(p * 4294967296.0);
    const real keep = (real)(1 / (1 - p));
    uint32_t   word[4 * BLOCKS];

    for (int64_t done = 0; done < n; ) {
        uint64_t position = draw << 40 | (uint64_t)(at + done), block = position / 4;
        uint32_t counter[4] = { (uint32_t)block, (uint32_t)RNG_DROPOUT << 24 | (uint32_t)(block >> 32), (uint32_t)t->step,
                                (uint32_t)(t->step >> 32) };
        int64_t  skip = (int64_t)(position % 4), blocks = chunks_of(skip + n - done, 4);

        if (blocks > BLOCKS) blocks = BLOCKS;
        if (counter[0] > UINT32_MAX - BLOCKS) blocks = 1;         /* the kernel does not carry */
        kernels()->philox(blocks, counter, key, word);
        for (int64_t i = skip; i < 4 * blocks && done < n; i++) mask[done++] = word[i] < limit ? 0 : keep;
    }
}

/* The factors of elements that share a fate run by run. */
static void run_mask(const Tape *t, const DropoutAttr *a, int64_t at, int64_t n, real *mask)
{
    if (a->run == 1) {
        dropout_mask(t, a->draw, a->p, at, n, mask);
        return;
    }
    for (int64_t i = 0; i < n; ) {
        real    factor = (real)dropout_factor(t, a->draw, a->p, (at + i) / a->run);
        int64_t end = ((at + i) / a->run + 1) * a->run - at;
        for (end = end < n ? end : n; i < end; i++) mask[i] = factor;
    }
}

/* to = x mask, or added: forward and backward alike. */
static void dropout_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    const DropoutAttr *a = w->n->attr;
    int64_t at = item * ELEMENTS_A_CHUNK, count = chunk_end(item, w->count, ELEMENTS_A_CHUNK) - at;
    real    v[ELEMENTS_A_CHUNK];

    (void)member;
    run_mask(w->t, a, at, count, v);
    kernels()->multiply(count, v, w->x + at, v);
    give(w, at, count, v);
}

static void dropout_forward(Tape *t, Node *n)
{
    Work w = { .t = t, .n = n, .count = shape_count(n->out[0]->shape), .x = n->in[0]->data, .to = n->out[0]->data, .fresh = true };
    run(t, &w, dropout_item);
}

static void dropout_backward(Tape *t, Node *n)
{
    Work w = { .t = t, .n = n, .count = shape_count(n->out[0]->shape), .x = n->out[0]->grad };
    w.to = tape_grad_first(t, n->in[0], &w.fresh);
    if (w.to) run(t, &w, dropout_item);
}

const Op openblas_dropout = { "dropout", dropout_forward, dropout_backward };
