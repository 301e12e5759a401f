/* finish.c - backward of what ends a layer: residual, activation and bias in one walk over the rows. */
#include "tensor/backends/openblas/openblas.h"

#include <string.h>

typedef struct Work { const FinishGrad *f; int64_t rows_an_item; real *partial; } Work;   /* partial: a sum for every item */

static void item_grad(void *context, int64_t item, int member)
{
    const Work       *w = context;
    const FinishGrad *f = w->f;
    const Kernels    *k = kernels();
    int64_t O = f->columns, from = item * w->rows_an_item, to = chunk_end(item, f->rows, w->rows_an_item);
    int64_t at = from * O, count = (to - from) * O;

    (void)member;
    if (f->dresidual && f->residual_fresh) memcpy(f->dresidual + at, f->dz + at, (size_t)count * sizeof *f->dz);
    else if (f->dresidual) k->add(count, f->dresidual + at, f->dz + at, f->dresidual + at);
    if (f->activation != ACT_NONE) k->act_grad(f->activation, count, f->z + at, f->dz + at, f->dz + at);
    if (!w->partial) return;
    real *sum = w->partial + item * O;
    memcpy(sum, f->dz + at, (size_t)O * sizeof *sum);
    for (int64_t r = from + 1; r < to; r++) k->add(O, sum, f->dz + r * O, sum);
}

void finish_grad(Tape *t, const FinishGrad *f, real *db)
{
    Work    w = { .f = f, .rows_an_item = ROWS_A_CHUNK };
    int64_t items = chunks_of(f->rows, w.rows_an_item);

    if (db) w.partial = tape_scratch(t, (size_t)(items * f->columns) * sizeof *w.partial);
    if (f->activation != ACT_NONE || db || f->dresidual) team_run(t->team, items, item_grad, &w);
    if (db) add_partials(t->team, w.partial, items, f->columns, db);
}

bool slope_from_output(Activation a)
{
    return a == ACT_NONE || a == ACT_RELU || a == ACT_RELU6;
}
