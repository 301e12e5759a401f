/* layer_norm.c - rows over the team. Saved for backward: mean and 1 / deviation of every row. */
#include "tensor/backends/openblas/openblas.h"

#include <string.h>

typedef struct Work {
    int64_t rows, C;
    double  eps;
    const real *x, *w, *b, *dy;
    real     *y, *dx, *partial;                  /* partial: (dw, db) of each chunk of rows */
    NormStat *stat;
    bool      fresh;
} Work;

static void forward_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t C = w->C, to = chunk_end(item, w->rows, ROWS_A_CHUNK);

    (void)member;
    for (int64_t r = item * ROWS_A_CHUNK; r < to; r++)
        w->stat[r] = kernels()->norm(C, w->eps, w->x + r * C, w->w, w->b, w->y + r * C);
}

static void forward(Tape *t, Node *n)
{
    const LayerNormAttr *a = n->attr;
    int64_t rows = shape_rows(n->in[0]->shape);
    Work    w = { .rows = rows, .C = shape_last(n->in[0]->shape), .eps = a->eps, .x = n->in[0]->data, .w = n->in[1]->data,
                  .b = n->in[2]->data, .y = n->out[0]->data, .stat = tape_save(t, n, 0, (size_t)rows * sizeof(NormStat)) };

    team_run(t->team, chunks_of(rows, ROWS_A_CHUNK), forward_item, &w);
}

static void backward_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t C = w->C, from = item * ROWS_A_CHUNK, to = chunk_end(item, w->rows, ROWS_A_CHUNK);
    real   *dw = w->partial + item * 2 * C, *db = dw + C;

    (void)member;
    if (w->fresh) memset(w->dx + from * C, 0, (size_t)((to - from) * C) * sizeof *w->dx);
    memset(dw, 0, (size_t)(2 * C) * sizeof *dw);
    for (int64_t r = from; r < to; r++) {
        if (w->dx) kernels()->norm_grad_input(C, w->stat[r], w->x + r * C, w->w, w->dy + r * C, w->dx + r * C);
        kernels()->norm_grad_params(C, w->stat[r], w->x + r * C, w->dy + r * C, dw, db);
    }
}

static void backward(Tape *t, Node *n)
{
    int64_t rows = shape_rows(n->in[0]->shape), C = shape_last(n->in[0]->shape), chunks = chunks_of(rows, ROWS_A_CHUNK);
    real   *dw = tape_grad(t, n->in[1]), *db = tape_grad(t, n->in[2]);
    Work    w = { .rows = rows, .C = C, .x = n->in[0]->data, .w = n->in[1]->data, .dy = n->out[0]->grad, .stat = n->saved[0],
                  .partial = tape_scratch(t, (size_t)(chunks * 2 * C) * sizeof(real)) };

    w.dx = tape_grad_first(t, n->in[0], &w.fresh);
    team_run(t->team, chunks, backward_item, &w);
    for (int64_t c = 0; c < chunks; c++) {
        if (dw) kernels()->add(C, dw, w.partial + c * 2 * C, dw);
        if (db) kernels()->add(C, db, w.partial + c * 2 * C + C, db);
    }
}

const Op openblas_layer_norm = { "layer_norm", forward, backward };
