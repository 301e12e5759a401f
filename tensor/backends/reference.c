/* reference.c - the definition of correct: the ops as tensor/ops writes them, and a matrix product of three loops that
 * sums in double on one thread.                                                                                     */
#include "tensor/backend.h"

static real product(const Gemm *g, int64_t i, int64_t j, int64_t lda, int64_t ldb)
{
    const real *a = g->ta ? g->a + i : g->a + i * lda, *b = g->tb ? g->b + j * ldb : g->b + j;
    int64_t     next_a = g->ta ? lda : 1, next_b = g->tb ? 1 : ldb;
    double      sum = 0;

    for (int64_t l = 0; l < g->k; l++) sum += (double)a[l * next_a] * (double)b[l * next_b];
    return (real)((double)g->alpha * sum);
}

static void gemm(Team *team, const Gemm *g)
{
    int64_t lda = g->lda ? g->lda : g->ta ? g->m : g->k, ldb = g->ldb ? g->ldb : g->tb ? g->k : g->n;
    int64_t ldc = g->ldc ? g->ldc : g->n;

    (void)team;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            real *c = g->c + i * ldc + j, ab = product(g, i, j, lda, ldb);
            *c = g->beta == 0 ? ab : ab + g->beta * *c;
        }
}

static const char *describe(void)
{
    return "reference (plain C, double accumulation, one thread)";
}

const Backend backend_reference = {
    .name = "reference",
    .help = "plain loops with double accumulation: the definition of correct, and slow",
    .gemm = gemm,
    .describe = describe,
};
