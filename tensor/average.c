/* average.c - the moving average of weights, and the mean of saved ones. */
#include "tensor/average.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/backends/kernels/kernels.h"
#include "tensor/optim/chunks.h"
#include "tensor/safetensors.h"

enum { ARENA_BLOCK = 1 << 20 };

static size_t bytes_of(const Param *p) { return (size_t)shape_count(p->tensor->shape) * sizeof(real); }

Average *average_new(Params *p)
{
    Arena   *arena = arena_new(ARENA_BLOCK);
    Average *a = arena_zeros(arena, sizeof *a);

    *a = (Average){ .params = p, .arena = arena, .value = arena_zeros(arena, (size_t)params_count(p) * sizeof *a->value) };
    for (int i = 0; i < params_count(p); i++) {
        const Param *w = params_at(p, i);
        if (!param_moves(w)) continue;
        a->value[i] = arena_alloc(arena, bytes_of(w));
        memcpy(a->value[i], w->tensor->data, bytes_of(w));
    }
    return a;
}

void average_free(Average *a)
{
    if (a) arena_free(a->arena);
}

typedef struct Move { const Average *a; const Chunk *chunks; real share; } Move;

static void move_chunk(void *context, int64_t item, int member)
{
    const Move  *m = context;
    const Chunk *c = m->chunks + item;

    (void)member;
    kernels()->lerp(c->count, m->share, c->param->tensor->data + c->from, m->a->value[c->index] + c->from);
}

void average_update(Average *a, Team *team, double decay, int64_t k)
{
    int64_t count;
    Chunk  *chunks = params_chunks(a->params, param_moves, &count);
    double  early = (1 + (double)k) / (10 + (double)k);

    team_run(team, count, move_chunk, &(Move){ a, chunks, (real)(1 - (decay < early ? decay : early)) });
    free(chunks);
}

static void swap(char *x, char *y, size_t bytes)
{
    char chunk[4096];

    for (size_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < sizeof chunk ? bytes - at : sizeof chunk;
        memcpy(chunk, x + at, n);
        memcpy(x + at, y + at, n);
        memcpy(y + at, chunk, n);
    }
}

void average_swap(Average *a)
{
    for (int i = 0; i < params_count(a->params); i++) {
        const Param *w = params_at(a->params, i);
        if (a->value[i]) swap((char *)w->tensor->data, (char *)a->value[i], bytes_of(w));
    }
    params_touch(a->params);
}

/* ---- saved weights --------------------------------------------------------------------------------------------------- */

bool weights_save(Params *p, const char *path, Err *err)
{
    SafeItem *items = calloc((size_t)params_count(p) + 1, sizeof *items);
    int count = 0;

    REQUIRE(items, "out of memory");
    for (int i = 0; i < params_count(p); i++) {
        const Tensor *x = params_at(p, i)->tensor;
        if (param_moves(params_at(p, i))) items[count++] = (SafeItem){ x->name, x->shape, x->data };
    }
    bool ok = safetensors_write(path, items, count, NULL, 0, err);
    free(items);
    return ok;
}

/* The mean of one parameter over the files, added up in double and in their order. */
static bool mean(const Tensor *x, SafeTensors *const *files, int count, real *out, Err *err)
{
    int64_t n = shape_count(x->shape);
    real   *one = malloc((size_t)n * sizeof *one + 1);
    double *sum = calloc((size_t)n + 1, sizeof *sum);
    bool ok = true;

    REQUIRE(one && sum, "out of memory");
    for (int f = 0; ok && f < count; f++) {
        const SafeEntry *e = safetensors_find(files[f], x->name);
        ok = e && shape_equal(e->shape, x->shape);
        if (!ok) fail(err, "%s has no tensor %s %s: it is of another model; remove it and start a new run", safetensors_path(files[f]),
                      x->name, shape_text(x->shape).s);
        ok = ok && safetensors_read(e, one, n, err);
        for (int64_t i = 0; ok && i < n; i++) sum[i] += (double)one[i];
    }
    for (int64_t i = 0; ok && i < n; i++) out[i] = (real)(sum[i] / count);
    free(one);
    free(sum);
    return ok;
}

Average *average_of_files(Params *p, char *const *paths, int count, Err *err)
{
    SafeTensors **files = calloc((size_t)count + 1, sizeof *files);
    Average *a = average_new(p);
    bool ok = true;

    REQUIRE(files, "out of memory");
    for (int f = 0; ok && f < count; f++) ok = (files[f] = safetensors_open(paths[f], err)) != NULL;
    for (int i = 0; ok && i < params_count(p); i++)
        if (a->value[i]) ok = mean(params_at(p, i)->tensor, files, count, a->value[i], err);
    for (int f = 0; f < count; f++)
        if (files[f]) safetensors_close(files[f]);
    free(files);
    if (ok) return a;
    average_free(a);
    return NULL;
}
