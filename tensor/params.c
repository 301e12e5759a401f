/* params.c - a list of named tensors in an arena of their own.
 *
 * Gradients are memory too: they come with the first params_zero_grad, so that a model that only predicts holds none. */
#include "tensor/params.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/rng.h"

enum { ARENA_BLOCK = 1 << 20, CHUNK = 4096 };

struct Params {
    Arena   *arena;
    uint64_t seed;
    bool     blank;                              /* initial values are left 0 */
    Param  **list;                               /* each stays where it is while the list grows */
    int      count, room;
};

Params *params_new(uint64_t seed)
{
    Params *p = calloc(1, sizeof *p);
    REQUIRE(p, "params_new: out of memory");
    p->arena = arena_new(ARENA_BLOCK);
    p->seed  = seed;
    return p;
}

Params *params_blank(void)
{
    Params *p = params_new(0);
    p->blank = true;
    return p;
}

void params_free(Params *p)
{
    if (!p) return;
    arena_free(p->arena);
    free(p->list);
    free(p);
}

Arena *params_arena(Params *p) { return p->arena; }
Scope  params_root(Params *p)  { return (Scope){ .params = p }; }

/* Appends ".text" to a path (no dot at the root). */
static void path_append(char *path, size_t size, const char *text)
{
    size_t used   = strlen(path);
    int    length = snprintf(path + used, size - used, "%s%s", used ? "." : "", text);
    REQUIRE((size_t)length < size - used, "params: the name '%s…%s' is longer than %zu bytes", path, text, size - 1);
}

Scope scope(Scope s, const char *fmt, ...)
{
    char text[sizeof s.path];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    path_append(s.path, sizeof s.path, text);
    return s;
}

Scope scope_layer(Scope s, int layer)
{
    s.layer = layer;
    return s;
}

/* ---- initial values ---------------------------------------------------------------------------------------------- */

static real initial(Init init, double spread, double limit, Rng *r)
{
    switch (init) {
    case INIT_ZEROS: return 0;
    case INIT_ONES:  return 1;
    case INIT_CONSTANT: return (real)spread;
    case INIT_NORMAL: {
        double z;
        do z = rng_normal(r); while (fabs(z) > 2);
        return (real)(spread * z);
    }
    case INIT_HE: return (real)(spread * rng_normal(r));
    case INIT_XAVIER: return (real)(limit * (2 * rng_uniform(r) - 1));
    }
    return 0;
}

static void fill_initial(const Params *p, Tensor *x, Init init, double spread)
{
    int64_t count = shape_count(x->shape), rows = x->shape.d[0];
    double  limit = sqrt(6.0 / (double)(rows + count / (rows ? rows : 1)));
    if (init == INIT_HE) spread = sqrt(2.0 / (double)(count / x->shape.d[1]));
    Rng     r     = rng_stream(p->seed, RNG_INIT, rng_hash(x->name));
    real    chunk[CHUNK];

    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t n = count - at < CHUNK ? count - at : CHUNK;
        for (int64_t i = 0; i < n; i++) chunk[i] = initial(init, spread, limit, &r);
        tensor_write(x, at, chunk, n);
    }
}

/* Matrices and filters decay; what names a place (position embeddings, class and distillation tokens) does not, nor do vectors. */
static bool decays(const char *name, Shape shape)
{
    return shape.n >= 2 && !strstr(name, "position") && !strstr(name, "wpe") && !strstr(name, "_token");
}

Tensor *param(Scope s, const char *name, Shape shape, Init init, double spread)
{
    Params *p = s.params;
    path_append(s.path, sizeof s.path, name);
    REQUIRE(!params_find(p, s.path), "param: there is a parameter '%s' already", s.path);

    Tensor *x = p->blank ? tensor_zeros(p->arena, shape) : tensor_new(p->arena, shape);
    x->name       = arena_text(p->arena, s.path);
    x->keep       = true;
    x->wants_grad = true;
    if (!p->blank) fill_initial(p, x, init, spread);

    if (p->count == p->room) {
        p->room = p->room ? 2 * p->room : 64;
        p->list = realloc(p->list, (size_t)p->room * sizeof *p->list);
        REQUIRE(p->list, "param: out of memory");
    }
    Param *made = arena_zeros(p->arena, sizeof *made);
    *made = (Param){ .tensor = x, .decay = decays(x->name, shape), .lr_scale = 1, .layer = s.layer, .version = 1 };
    p->list[p->count++] = made;
    return x;
}

Tensor *param_buffer(Scope s, const char *name, Shape shape, Init init)
{
    Tensor *x    = param(s, name, shape, init, 0);
    Param  *made = s.params->list[s.params->count - 1];
    made->buffer   = true;
    made->decay    = x->wants_grad = false;
    made->lr_scale = 0;
    return x;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

int    params_count(const Params *p)    { return p->count; }
Param *params_at(Params *p, int i)      { return p->list[i]; }

Param *params_find(Params *p, const char *name)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->list[i]->tensor->name, name) == 0) return p->list[i];
    return NULL;
}

int64_t params_elements(const Params *p)
{
    int64_t sum = 0;
    for (int i = 0; i < p->count; i++)
        if (!p->list[i]->buffer) sum += shape_count(p->list[i]->tensor->shape);
    return sum;
}

void params_touch(Params *p)
{
    for (int i = 0; i < p->count; i++) p->list[i]->version++;
}

void params_zero_grad(Params *p)
{
    for (int i = 0; i < p->count; i++) {
        Tensor *x     = p->list[i]->tensor;
        size_t  bytes = (size_t)shape_count(x->shape) * sizeof(real);
        if (!x->wants_grad) continue;
        if (x->grad) memset(x->grad, 0, bytes);
        else         x->grad = arena_zeros(p->arena, bytes);
    }
}

int params_scale(Params *p, const char *prefix, double lr_scale)
{
    int matched = 0;
    for (int i = 0; i < p->count; i++) {
        Param *each = p->list[i];
        if (each->buffer || strncmp(each->tensor->name, prefix, strlen(prefix)) != 0) continue;
        each->lr_scale           = lr_scale;
        each->tensor->wants_grad = lr_scale != 0;
        if (lr_scale == 0) {
            arena_give_back(p->arena, each->tensor->grad);
            each->tensor->grad = NULL;
        }
        matched++;
    }
    return matched;
}

const char *params_largest_grad(Params *p)
{
    const char *name = "none";
    double largest = -1;

    for (int i = 0; i < p->count; i++) {
        const Tensor *x = p->list[i]->tensor;
        for (int64_t j = 0, end = x->grad ? shape_count(x->shape) : 0; j < end; j++) {
            if (!isfinite(x->grad[j])) return x->name;
            if (fabs((double)x->grad[j]) <= largest) continue;
            largest = fabs((double)x->grad[j]);
            name = x->name;
        }
    }
    return name;
}
