/* pool.c - average and max pooling, a row of outputs an item forward, a picture backward.
 *
 * Saved for backward: which pixel of its window (counted without the padding) each output of a max pool took. So dx may take
 * the place of x.                                                                                                    */
#include "tensor/backends/openblas/openblas.h"

#include <inttypes.h>
#include <string.h>

typedef struct Work {
    const PoolAttr *a;
    const real *x, *dy;
    real       *y, *dx;
    uint16_t   *taken;                           /* NULL: nobody will ask                                             */
    bool        fresh;
    const real **from;                           /* the pixels of a window, for every member ...                      */
    real       **to;                             /* ... and their gradients                                           */
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

static real share(const PoolAttr *a, int count)
{
    return 1 / (real)(a->count_padding ? a->R * a->S : count);
}

/* The pixels of a window, in order, and with dx their gradients. */
static int collect(const Work *w, int64_t b, Under rows, Under columns, const real **from, real **to)
{
    const PoolAttr *a = w->a;
    int count = 0;

    for (int64_t r = 0; r < rows.count; r++)
        for (int64_t s = 0; s < columns.count; s++) {
            int64_t at = ((b * a->H + rows.first + r * rows.step) * a->W + columns.first + s * columns.step) * a->C;
            from[count] = w->x + at;
            if (w->dx) to[count] = w->dx + at;
            count++;
        }
    REQUIRE(count > 0, "pool: a window lies in the padding alone");
    return count;
}

static void average(int64_t C, real share, int count, const real *const *from, real *y)
{
    memcpy(y, from[0], (size_t)C * sizeof *y);
    for (int k = 1; k < count; k++) kernels()->add(C, y, from[k], y);
    kernels()->scale(C, share, y, y);
}

static void pool_window(const Work *w, int count, const real *const *from, int64_t at)
{
    const PoolAttr *a = w->a;

    if (a->kind == POOL_AVERAGE) average(a->C, share(a, count), count, from, w->y + at);
    else kernels()->maximum(&(Taps){ .outputs = 1, .C = a->C, .count = count, .x = from }, w->y + at, w->taken ? w->taken + at : NULL);
}

static void pool_window_grad(const Work *w, int count, real *const *to, int64_t at)
{
    const PoolAttr *a = w->a;

    if (a->kind == POOL_MAX) kernels()->maximum_grad(&(Taps){ .outputs = 1, .C = a->C, .count = count }, w->taken + at, w->dy + at, to);
    else for (int k = 0; k < count; k++) kernels()->axpy(a->C, share(a, count), w->dy + at, to[k]);
}

static void pool_row(const Work *w, int64_t b, int64_t p, int member)
{
    const PoolAttr *a = w->a;
    const real **from = w->from + member * a->R * a->S;
    real       **to = w->to + member * a->R * a->S;
    Under rows = under(p, a->H, a->R, a->window.top, &a->window);

    for (int64_t q = 0; q < a->Q; q++) {
        int64_t at = ((b * a->P + p) * a->Q + q) * a->C;
        int     count = collect(w, b, rows, under(q, a->W, a->S, a->window.left, &a->window), from, to);

        if (w->dx) pool_window_grad(w, count, to, at);
        else pool_window(w, count, from, at);
    }
}

static Work new_work(Tape *t, Node *n)
{
    const PoolAttr *a = n->attr;
    size_t slots = (size_t)(team_size(t->team) * a->R * a->S);

    return (Work){ .a = a, .x = n->in[0]->data, .y = n->out[0]->data, .from = tape_scratch(t, slots * sizeof(real *)),
                   .to = tape_scratch(t, slots * sizeof(real *)) };
}

static void forward_item(void *context, int64_t item, int member)
{
    const Work *w = context;

    pool_row(w, item / w->a->P, item % w->a->P, member);
}

static void forward(Tape *t, Node *n)
{
    const PoolAttr *a = n->attr;
    Work w = new_work(t, n);

    REQUIRE(a->R * a->S <= UINT16_MAX + 1, "pool: a window of %" PRId64 " x %" PRId64 " pixels is too large", a->R, a->S);
    if (n->recorded && a->kind == POOL_MAX)
        w.taken = tape_save(t, n, 0, (size_t)shape_count(n->out[0]->shape) * sizeof *w.taken);
    team_run(t->team, a->B * a->P, forward_item, &w);
}

static void backward_item(void *context, int64_t b, int member)
{
    const Work *w = context;
    int64_t picture = w->a->H * w->a->W * w->a->C;

    if (w->fresh) memset(w->dx + b * picture, 0, (size_t)picture * sizeof *w->dx);
    for (int64_t p = 0; p < w->a->P; p++) pool_row(w, b, p, member);
}

static void backward(Tape *t, Node *n)
{
    const PoolAttr *a = n->attr;
    Work w = new_work(t, n);

    w.dy = n->out[0]->grad;
    w.taken = n->saved[0];
    w.dx = tape_grad_over(t, n->in[0], &w.fresh);
    if (w.dx) team_run(t->team, a->B, backward_item, &w);
}

const Op openblas_pool = { "pool", forward, backward };
