/* optim.c - the table of optimizers, a step over all parameters, and the gradient norm. */
#include "tensor/optim.h"

#include <math.h>
#include <stdlib.h>

#include "tensor/backends/kernels/kernels.h"
#include "tensor/optim/chunks.h"

enum { ARENA_BLOCK = 1 << 20 };

const OptimizerKind *const OPTIMIZERS[] = { &optimizer_adamw, &optimizer_sgd, NULL };

Optimizer *optimizer_new(const OptimizerKind *kind, Params *p, OptimizerOptions options)
{
    Arena *arena = arena_new(ARENA_BLOCK);
    Optimizer *o = arena_zeros(arena, sizeof *o);

    *o = (Optimizer){ .kind = kind, .options = options, .params = p, .arena = arena };
    for (int k = 0; k < OPTIMIZER_SLOTS && kind->slots[k]; k++) {
        o->slot[k] = arena_zeros(arena, (size_t)params_count(p) * sizeof *o->slot[k]);
        for (int i = 0; i < params_count(p); i++) {
            const Param *w = params_at(p, i);
            if (param_learns(w)) o->slot[k][i] = arena_zeros(arena, (size_t)shape_count(w->tensor->shape) * sizeof(real));
        }
    }
    return o;
}

void optimizer_free(Optimizer *o)
{
    if (o) arena_free(o->arena);
}

/* ---- a step ---------------------------------------------------------------------------------------------------------- */
static bool has_grad(const Param *p) { return param_learns(p) && p->tensor->grad; }

typedef struct Step { const Optimizer *o; const Chunk *chunks; double lr, grad_scale; } Step;

static void step_chunk(void *context, int64_t item, int member)
{
    const Step      *u = context;
    const Optimizer *o = u->o;
    const Chunk     *c = u->chunks + item;
    Stretch s = { .n = c->count, .g = c->param->tensor->grad + c->from, .w = c->param->tensor->data + c->from,
                  .rate = u->lr * c->param->lr_scale, .decay = c->param->decay ? o->options.decay : 0, .grad_scale = u->grad_scale };

    (void)member;
    for (int k = 0; k < OPTIMIZER_SLOTS && o->slot[k]; k++) s.slot[k] = o->slot[k][c->index] + c->from;
    o->kind->update(o, &s);
}

void optimizer_step(Optimizer *o, Team *team, double lr, double grad_scale)
{
    int64_t count;
    Chunk  *chunks = params_chunks(o->params, has_grad, &count);
    Step    u = { o, chunks, lr, grad_scale };

    for (int64_t i = 0; i < count; i++)
        REQUIRE(!o->slot[0] || o->slot[0][chunks[i].index], "%s: %s was frozen when the optimizer was made", o->kind->name,
                chunks[i].param->tensor->name);
    o->step++;
    team_run(team, count, step_chunk, &u);
    params_touch(o->params);
    free(chunks);
}

/* ---- the norm -------------------------------------------------------------------------------------------------------- */
typedef struct Norm2 { const Chunk *chunks; double *sum; } Norm2;

static void square_chunk(void *context, int64_t item, int member)
{
    const Norm2 *n = context;
    const Chunk *c = n->chunks + item;

    (void)member;
    n->sum[item] = kernels()->sum_of_squares(c->count, c->param->tensor->grad + c->from);
}

double params_grad_norm(Params *p, Team *team)
{
    int64_t count;
    Chunk  *chunks = params_chunks(p, has_grad, &count);
    double *sum = calloc((size_t)count + 1, sizeof *sum), total = 0;

    REQUIRE(sum, "out of memory");
    team_run(team, count, square_chunk, &(Norm2){ chunks, sum });
    for (int64_t i = 0; i < count; i++) total += sum[i];
    free(chunks);
    free(sum);
    return sqrt(total);
}
