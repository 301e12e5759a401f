/* neighbours.c - features averaged over tokens, scaled to length 1; then every product, exactly. */
#include "experiments/neighbours.h"

#include <math.h>
#include <stdlib.h>

#include "datasets/buffer.h"

enum { AT_ONCE = 32 };

/* (N,C) -> (C) of length 1. */
static void average(const real *tokens, int64_t count, int64_t width, double *out)
{
    double square = 0;

    for (int64_t c = 0; c < width; c++) out[c] = 0;
    for (int64_t n = 0; n < count; n++)
        for (int64_t c = 0; c < width; c++) out[c] += (double)tokens[n * width + c];
    for (int64_t c = 0; c < width; c++) square += out[c] * out[c];
    for (int64_t c = 0; c < width; c++) out[c] /= square > 0 ? sqrt(square) : 1;
}

/* (count, width), malloc'd; NULL: a picture could not be read. */
static double *averages(const Subject *s, Items items, int64_t *width, Progress *progress, Err *err)
{
    double *all = NULL;

    for (int64_t at = 0; at < items.count; at += AT_ONCE) {
        int64_t n = items.count - at < AT_ONCE ? items.count - at : AT_ONCE;
        Tensor *x = subject_features(s, items.list + at, n, err);
        if (!x) {
            free(all);
            return NULL;
        }
        int64_t tokens = x->shape.d[1], each = tokens * x->shape.d[2];
        *width = x->shape.d[2];
        real *one = arena_alloc(s->tape->arena, (size_t)each * sizeof *one);
        if (!all) all = buffer_zeros(items.count * *width, sizeof *all);
        for (int64_t i = 0; i < n; i++) {
            tensor_read(x, i * each, one, each);
            average(one, tokens, *width, all + (at + i) * *width);
        }
        tape_reset(s->tape);
        if (progress) progress_show(progress, at + n, "", 0, "");
    }
    return all ? all : buffer_zeros(1, sizeof *all);
}

typedef struct Search { const double *of, *among; int64_t count, width, *nearest; } Search;

static void find(void *context, int64_t i, int member)
{
    const Search *s = context;
    double best = -INFINITY;

    (void)member;
    for (int64_t k = 0; k < s->count; k++) {
        const double *a = s->of + i * s->width, *b = s->among + k * s->width;
        double dot = 0;
        for (int64_t c = 0; c < s->width; c++) dot += a[c] * b[c];
        if (dot > best) best = dot, s->nearest[i] = k;
    }
}

bool neighbours_find(const Subject *s, Items of, Items among, Team *team, Progress *progress, int64_t *nearest, Err *err)
{
    int64_t width = 0;
    Search  search = { .count = among.count, .nearest = nearest };

    if (progress) progress->total = among.count;
    double *theirs = averages(s, among, &width, progress, err), *ours = theirs ? averages(s, of, &width, NULL, err) : NULL;
    bool    ok = ours != NULL;
    if (ok) {
        search.of = ours, search.among = theirs, search.width = width;
        team_run(team, of.count, find, &search);
    }
    free(theirs);
    free(ours);
    return ok;
}
