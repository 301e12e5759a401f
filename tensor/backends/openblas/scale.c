/* scale.c - z = x y per channel, and the turn to channels last. */
#include "tensor/backends/openblas/openblas.h"

#include <string.h>

typedef struct Work {
    const ScaleAttr *a;
    int64_t     rows_an_item, items;             /* items of each block of rows                                       */
    const real *x, *y, *dz;
    real       *to, *partial;
    bool        fresh;
} Work;

typedef struct Span { int64_t from, to, block; } Span;           /* rows of x                                         */

static Work new_work(Node *n)
{
    const ScaleAttr *a = n->attr;
    int64_t rows = ELEMENTS_A_CHUNK / a->C;
    Work    w = { .a = a, .rows_an_item = rows < 1 ? 1 : rows, .x = n->in[0]->data, .y = n->in[1]->data, .dz = n->out[0]->grad };

    w.items = chunks_of(a->rows, w.rows_an_item);
    return w;
}

static Span span(const Work *w, int64_t item)
{
    int64_t block = item / w->items, part = item % w->items, first = block * w->a->rows;

    return (Span){ first + part * w->rows_an_item, first + chunk_end(part, w->a->rows, w->rows_an_item), block };
}

/* to (+)= x y, or dz y: forward and backward alike. */
static void multiply_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t C = w->a->C;
    Span    s = span(w, item);
    const real *y = w->a->shared ? w->y : w->y + s.block * C;

    (void)member;
    for (int64_t r = s.from; r < s.to; r++) {
        const real *x = (w->dz ? w->dz : w->x) + r * C;
        if (w->fresh) kernels()->multiply(C, x, y, w->to + r * C);
        else kernels()->multiply_add(C, x, y, w->to + r * C);
    }
}

static void scale_forward(Tape *t, Node *n)
{
    Work w = new_work(n);

    w.to = n->out[0]->data, w.fresh = true, w.dz = NULL;
    team_run(t->team, w.a->blocks * w.items, multiply_item, &w);
}

/* partial: the sums of dz, which nobody wants, and of dz x. */
static void sums_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t C = w->a->C, items = w->a->blocks * w->items;
    Span    s = span(w, item);

    (void)member;
    kernels()->products(s.to - s.from, C, NULL, w->x + s.from * C, w->dz + s.from * C, w->partial + (items + item) * C,
                        w->partial + item * C);
}

static void scale_backward(Tape *t, Node *n)
{
    Work    w = new_work(n);
    int64_t C = w.a->C, items = w.a->blocks * w.items;
    real   *dy = tape_grad(t, n->in[1]);

    if (dy) {
        w.partial = tape_scratch(t, (size_t)(2 * items * C) * sizeof *w.partial);
        team_run(t->team, items, sums_item, &w);
        if (w.a->shared) add_partials(t->team, w.partial, items, C, dy);
        for (int64_t b = 0; !w.a->shared && b < w.a->blocks; b++)
            add_partials(t->team, w.partial + b * w.items * C, w.items, C, dy + b * C);
    }
    w.to = tape_grad_first(t, n->in[0], &w.fresh);
    if (w.to) team_run(t->team, items, multiply_item, &w);
}

const Op openblas_scale = { "scale", scale_forward, scale_backward };

/* ---- channels_last: (B,C,H,W) -> (B,H,W,C) ------------------------------------------------------------------------------ */
enum { PIXELS_AN_ITEM = 1 << 12 };

typedef struct Turn { int64_t C, pixels, items; const real *from; real *to; bool add; } Turn;

static Turn new_turn(const Node *n)
{
    const int64_t *d = n->in[0]->shape.d;

    return (Turn){ .C = d[1], .pixels = d[2] * d[3], .items = chunks_of(d[2] * d[3], PIXELS_AN_ITEM) };
}

static void last_item(void *context, int64_t item, int member)
{
    const Turn *w = context;
    int64_t b = item / w->items, part = item % w->items, end = chunk_end(part, w->pixels, PIXELS_AN_ITEM);
    const real *from = w->from + b * w->C * w->pixels;
    real       *to = w->to + b * w->C * w->pixels;

    (void)member;
    for (int64_t i = part * PIXELS_AN_ITEM; i < end; i++)
        for (int64_t c = 0; c < w->C; c++) to[i * w->C + c] = from[c * w->pixels + i];
}

static void first_item(void *context, int64_t item, int member)
{
    const Turn *w = context;
    int64_t b = item / w->items, part = item % w->items, end = chunk_end(part, w->pixels, PIXELS_AN_ITEM);
    const real *from = w->from + b * w->C * w->pixels;
    real       *to = w->to + b * w->C * w->pixels;

    (void)member;
    for (int64_t i = part * PIXELS_AN_ITEM; i < end; i++)
        for (int64_t c = 0; c < w->C; c++) to[c * w->pixels + i] = from[i * w->C + c] + (w->add ? to[c * w->pixels + i] : 0);
}

static void last_forward(Tape *t, Node *n)
{
    Turn w = new_turn(n);

    w.from = n->in[0]->data, w.to = n->out[0]->data;
    team_run(t->team, n->in[0]->shape.d[0] * w.items, last_item, &w);
}

static void last_backward(Tape *t, Node *n)
{
    Turn w = new_turn(n);
    bool fresh;

    w.from = n->out[0]->grad, w.to = tape_grad_first(t, n->in[0], &fresh), w.add = !fresh;
    if (w.to) team_run(t->team, n->in[0]->shape.d[0] * w.items, first_item, &w);
}

const Op openblas_channels_last = { "channels_last", last_forward, last_backward };
