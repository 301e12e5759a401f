/* reference.c - the definition of correct: the ops as tensor/ops writes them, and a matrix product of three loops that
 * sums in double on one thread.                                                                                     */
#include "tensor/backend.h"

enum { TILE = 16 };                              /* columns at a time, only so that the processor has sums to interleave */

static void gemm(Team *team, const Gemm *g)
{
    int64_t lda = g->lda ? g->lda : g->ta ? g->m : g->k, ldb = g->ldb ? g->ldb : g->tb ? g->k : g->n;
    int64_t ldc = g->ldc ? g->ldc : g->n;
    int64_t a_row = g->ta ? 1 : lda, a_next = g->ta ? lda : 1, b_next = g->tb ? 1 : ldb, b_column = g->tb ? ldb : 1;

    (void)team;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j += TILE) {
            int64_t     width = g->n - j < TILE ? g->n - j : TILE;
            const real *a = g->a + i * a_row, *b = g->b + j * b_column;
            real       *c = g->c + i * ldc + j;
            double      sum[TILE] = { 0 };

            for (int64_t l = 0; l < g->k; l++)
                for (int64_t w = 0; w < width; w++)
                    sum[w] += (double)a[l * a_next] * (double)b[l * b_next + w * b_column];
            for (int64_t w = 0; w < width; w++) {
                real ab = (real)((double)g->alpha * sum[w]);
                c[w] = g->beta == 0 ? ab : ab + g->beta * c[w];
            }
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
