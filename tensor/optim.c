/* optim.c - AdamW (Loshchilov & Hutter 2019, algorithm 2) in PyTorch's order of operations, schedules, and the gradient norm.
 *
 * Parameters are cut into fixed chunks that the team shares; the norm adds up its chunks in order, in double.        */
#include "tensor/optim.h"

#include <math.h>
#include <stdlib.h>

#include "tensor/backends/kernels/kernels.h"

enum { CHUNK = 1 << 14, ARENA_BLOCK = 1 << 20 };

double schedule_at(const Schedule *s, int64_t step)
{
    if (step < s->warmup) return s->peak * (double)(step + 1) / (double)s->warmup;
    if (s->kind == SCHEDULE_CONSTANT) return s->peak;

    int64_t rest = s->total - s->warmup;
    double  done = rest > 0 ? (double)(step - s->warmup) / (double)rest : 1;
    if (done > 1) done = 1;
    double share = s->kind == SCHEDULE_LINEAR ? 1 - done : 0.5 * (1 + cos(3.14159265358979323846 * done));
    return s->floor + (s->peak - s->floor) * share;
}

AdamW *adamw_new(Params *p, double beta1, double beta2, double eps, double decay)
{
    Arena *arena = arena_new(ARENA_BLOCK);
    AdamW *o = arena_zeros(arena, sizeof *o);

    *o = (AdamW){ .beta1 = beta1, .beta2 = beta2, .eps = eps, .decay = decay, .params = p, .arena = arena };
    o->m = arena_zeros(arena, (size_t)params_count(p) * sizeof *o->m);
    o->v = arena_zeros(arena, (size_t)params_count(p) * sizeof *o->v);
    for (int i = 0; i < params_count(p); i++) {
        const Param *w = params_at(p, i);
        size_t bytes = (size_t)shape_count(w->tensor->shape) * sizeof(real);

        if (w->lr_scale == 0) continue;
        o->m[i] = arena_zeros(arena, bytes);
        o->v[i] = arena_zeros(arena, bytes);
    }
    return o;
}

void adamw_free(AdamW *o)
{
    if (o) arena_free(o->arena);
}

/* ---- chunks of all parameters ------------------------------------------------------------------------------------- */
typedef struct Chunk { const Param *param; int index; int64_t from, count; } Chunk;

static int64_t chunk_count(const Param *p)
{
    return (shape_count(p->tensor->shape) + CHUNK - 1) / CHUNK;
}

static bool trained(const Param *p)
{
    return p->lr_scale != 0 && p->tensor->grad;
}

/* All chunks of the trained parameters, in order; the caller frees them. */
static Chunk *all_chunks(Params *p, int64_t *count)
{
    int64_t total = 0;

    for (int i = 0; i < params_count(p); i++) total += trained(params_at(p, i)) ? chunk_count(params_at(p, i)) : 0;
    Chunk *chunks = malloc((size_t)(total + 1) * sizeof *chunks);
    REQUIRE(chunks, "out of memory");
    *count = 0;
    for (int i = 0; i < params_count(p); i++) {
        const Param *w = params_at(p, i);
        int64_t elements = shape_count(w->tensor->shape);

        for (int64_t at = 0; trained(w) && at < elements; at += CHUNK)
            chunks[(*count)++] = (Chunk){ w, i, at, elements - at < CHUNK ? elements - at : CHUNK };
    }
    return chunks;
}

/* ---- the update --------------------------------------------------------------------------------------------------- */
typedef struct Update { const AdamW *o; const Chunk *chunks; double lr, grad_scale; } Update;

static void update_chunk(void *context, int64_t item, int member)
{
    const Update *u = context;
    const Chunk  *c = u->chunks + item;
    const AdamW  *o = u->o;
    Tensor *w = c->param->tensor;
    double  lr = u->lr * c->param->lr_scale, t = (double)o->step;
    double  correction1 = 1 - pow(o->beta1, t), correction2 = 1 - pow(o->beta2, t);
    AdamWUpdate k = { .grad_scale = (real)u->grad_scale, .beta1 = (real)o->beta1, .beta2 = (real)o->beta2,
                      .rest1 = (real)(1 - o->beta1), .rest2 = (real)(1 - o->beta2), .rate = (real)(lr / correction1),
                      .root = (real)(1 / sqrt(correction2)), .eps = (real)o->eps,
                      .keep = (real)(1 - (c->param->decay ? lr * o->decay : 0)) };

    (void)member;
    kernels()->adamw(c->count, &k, w->grad + c->from, o->m[c->index] + c->from, o->v[c->index] + c->from, w->data + c->from);
}

void adamw_step(AdamW *o, Team *team, double lr, double grad_scale)
{
    int64_t count;
    Chunk  *chunks = all_chunks(o->params, &count);
    Update  u = { o, chunks, lr, grad_scale };

    for (int64_t i = 0; i < count; i++)
        REQUIRE(o->m[chunks[i].index], "adamw: %s was frozen when the optimizer was made", chunks[i].param->tensor->name);
    o->step++;
    team_run(team, count, update_chunk, &u);
    params_touch(o->params);
    free(chunks);
}

/* ---- the norm ------------------------------------------------------------------------------------------------------ */
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
    Chunk  *chunks = all_chunks(p, &count);
    double *sum = calloc((size_t)count + 1, sizeof *sum), total = 0;

    REQUIRE(sum, "out of memory");
    team_run(team, count, square_chunk, &(Norm2){ chunks, sum });
    for (int64_t i = 0; i < count; i++) total += sum[i];
    free(chunks);
    free(sum);
    return sqrt(total);
}
