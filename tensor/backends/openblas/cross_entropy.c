/* cross_entropy.c - softmax cross-entropy over the team (formula: tensor/ops/cross_entropy.c). Saved for backward: log sum exp
 * of every row; backward turns the logits into their gradient where they lie.                                       */
#include "tensor/backends/openblas/openblas.h"

#include <string.h>

typedef struct RowLoss { double loss, nll; } RowLoss;

typedef struct Work {
    const CrossEntropyAttr *a;
    int64_t  V;
    real    *x, *dx, *lse;
    RowLoss *row;
    double   factor;
    bool     in_place;
    real    *spare;                              /* a row for every member of the team, unless in place */
} Work;

static void forward_item(void *context, int64_t r, int member)
{
    const Work *w = context;
    const real *x = w->x + r * w->V;
    int32_t     target = w->a->targets.v[r];
    double      e = w->a->o.smoothing;

    (void)member;
    w->row[r] = (RowLoss){ 0, 0 };
    if (target == w->a->o.ignore) return;
    w->lse[r] = kernels()->log_sum_exp(w->V, x);
    double lse = (double)w->lse[r], mean = e > 0 ? kernels()->sum(w->V, x) / (double)w->V : 0;
    w->row[r].loss = cross_entropy_weight(w->a, r) * (lse - (1 - e) * (double)x[target] - e * mean);
    w->row[r].nll = lse - (double)x[target];
}

static void forward(Tape *t, Node *n)
{
    const CrossEntropyAttr *a = n->attr;
    int64_t rows = shape_rows(n->in[0]->shape);
    Work    w = { .a = a, .V = shape_last(n->in[0]->shape), .x = n->in[0]->data, .lse = tape_save(t, n, 0, (size_t)rows * sizeof(real)),
                  .row = tape_scratch(t, (size_t)rows * sizeof(RowLoss)) };
    RowLoss sum = { 0, 0 };

    team_run(t->team, rows, forward_item, &w);
    for (int64_t r = 0; r < rows; r++) sum.loss += w.row[r].loss, sum.nll += w.row[r].nll;
    n->out[0]->data[0] = (real)(sum.loss / a->divisor);
    if (a->o.nll) *a->o.nll = sum.nll;
}

/* dx = factor w (p - q) in counted rows, 0 in the others. */
static void backward_item(void *context, int64_t r, int member)
{
    const Work *w = context;
    const Kernels *k = kernels();
    int32_t target = w->a->targets.v[r];
    real   *g = w->in_place ? w->dx + r * w->V : w->spare + member * w->V;
    double  e = w->a->o.smoothing, factor = w->factor * cross_entropy_weight(w->a, r);

    if (target == w->a->o.ignore) {
        if (w->in_place) memset(g, 0, (size_t)w->V * sizeof *g);
        return;
    }
    if (!w->in_place) k->scale(w->V, 1, w->x + r * w->V, g);
    k->cross_entropy_grad(w->V, w->lse[r], (real)factor, (real)(e / (double)w->V), g);
    g[target] -= (real)(factor * (1 - e));
    if (!w->in_place) k->add(w->V, w->dx + r * w->V, g, w->dx + r * w->V);
}

static void backward(Tape *t, Node *n)
{
    const CrossEntropyAttr *a = n->attr;
    Tensor *x = n->in[0];
    Work    w = { .a = a, .V = shape_last(x->shape), .x = x->data, .lse = n->saved[0],
                  .factor = (double)n->out[0]->grad[0] / a->divisor };

    w.dx = tape_grad_in_place(x);
    w.in_place = w.dx != NULL;
    if (!w.in_place) {
        w.dx = tape_grad(t, x);
        w.spare = tape_scratch(t, (size_t)(team_size(t->team) * w.V) * sizeof(real));
    }
    if (w.dx) team_run(t->team, shape_rows(x->shape), backward_item, &w);
}

const Op openblas_cross_entropy = { "cross_entropy", forward, backward };
