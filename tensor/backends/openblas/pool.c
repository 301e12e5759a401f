/* pool.c - average and max pooling, a row of outputs an item forward, a picture backward. Nothing is saved: the largest of a window
 * is found again, and taken out of a copy of y, so that the first of equals gets the gradient.                       */
#include "tensor/backends/openblas/openblas.h"

#include <string.h>

typedef struct Work {
    const PoolAttr *a;
    const real *x, *dy;
    real       *y, *dx, *spare;                  /* spare: a row of channels for every member                         */
    bool        fresh;
} Work;

/* The rows (or columns) of input under output i: from the first, `count` of them, `step` apart. */
typedef struct Under { int64_t first, count, step; } Under;

static Under under(int64_t i, int64_t size, int64_t taps, int64_t before, const Window *w)
{
    int64_t at = i * w->stride - before, skip = at < 0 ? chunks_of(-at, w->dilation) : 0;
    Under   u = { at + skip * w->dilation, 0, w->dilation };

    for (int64_t k = skip; k < taps && u.first + u.count * u.step < size; k++) u.count++;
    return u;
}

static real share(const PoolAttr *a, Under rows, Under columns)
{
    int64_t count = a->count_padding ? a->R * a->S : rows.count * columns.count;

    return count > 0 ? 1 / (real)count : 0;
}

/* One output from its window, or the window's gradient from it. */
static void pool_window(const Work *w, int64_t b, Under rows, Under columns, real *y, const real *dy)
{
    const PoolAttr *a = w->a;
    const Kernels  *k = kernels();

    for (int64_t r = 0; r < rows.count; r++)
        for (int64_t s = 0; s < columns.count; s++) {
            int64_t at = ((b * a->H + rows.first + r * rows.step) * a->W + columns.first + s * columns.step) * a->C;
            bool    first = r == 0 && s == 0;

            if (dy && a->kind == POOL_MAX) k->maximum_grad(a->C, w->x + at, dy, y, w->dx + at);
            else if (dy) k->axpy(a->C, share(a, rows, columns), dy, w->dx + at);
            else if (first) memcpy(y, w->x + at, (size_t)a->C * sizeof *y);
            else if (a->kind == POOL_MAX) k->maximum(a->C, y, w->x + at, y);
            else k->add(a->C, y, w->x + at, y);
        }
    if (!dy && a->kind == POOL_AVERAGE) k->scale(a->C, share(a, rows, columns), y, y);
}

static void pool_row(const Work *w, int64_t b, int64_t p, real *spare)
{
    const PoolAttr *a = w->a;
    Under rows = under(p, a->H, a->R, a->window.top, &a->window);

    for (int64_t q = 0; q < a->Q; q++) {
        int64_t at = ((b * a->P + p) * a->Q + q) * a->C;
        Under   columns = under(q, a->W, a->S, a->window.left, &a->window);
        REQUIRE(rows.count * columns.count > 0, "pool: a window lies in the padding alone");
        if (spare) memcpy(spare, w->y + at, (size_t)a->C * sizeof *spare);
        pool_window(w, b, rows, columns, spare ? spare : w->y + at, w->dy ? w->dy + at : NULL);
    }
}

static void forward_item(void *context, int64_t item, int member)
{
    const Work *w = context;

    (void)member;
    pool_row(w, item / w->a->P, item % w->a->P, NULL);
}

static void forward(Tape *t, Node *n)
{
    const PoolAttr *a = n->attr;
    Work w = { .a = a, .x = n->in[0]->data, .y = n->out[0]->data };

    n->out[0]->held = a->kind == POOL_MAX;
    team_run(t->team, a->B * a->P, forward_item, &w);
}

static void backward_item(void *context, int64_t b, int member)
{
    const Work *w = context;
    int64_t picture = w->a->H * w->a->W * w->a->C;

    if (w->fresh) memset(w->dx + b * picture, 0, (size_t)picture * sizeof *w->dx);
    for (int64_t p = 0; p < w->a->P; p++) pool_row(w, b, p, w->spare + member * w->a->C);
}

static void backward(Tape *t, Node *n)
{
    const PoolAttr *a = n->attr;
    Work w = { .a = a, .x = n->in[0]->data, .y = n->out[0]->data, .dy = n->out[0]->grad,
               .spare = tape_scratch(t, (size_t)(team_size(t->team) * a->C) * sizeof(real)) };

    w.dx = tape_grad_first(t, n->in[0], &w.fresh);
    if (w.dx) team_run(t->team, a->B, backward_item, &w);
}

const Op openblas_pool = { "pool", forward, backward };
