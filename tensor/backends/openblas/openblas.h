/* openblas.h - what the files of this backend share. */
#ifndef LIMN_OPENBLAS_H
#define LIMN_OPENBLAS_H

#include "tensor/backends/kernels/kernels.h"
#include "tensor/ops/attrs.h"

/* How C (m,n) is cut into tiles: a function of the sizes alone, never of the number of threads. */
typedef struct Grid { int64_t rows, columns, down, across; } Grid;               /* size of a tile, number of tiles   */
typedef struct Tile { int64_t row, column, rows, columns; } Tile;

Grid gemm_grid(int64_t m, int64_t n, int64_t k);
Tile gemm_tile(const Grid *grid, const Gemm *g, int64_t item);                   /* item in [0, down * across)        */
void gemm_run_tile(const Gemm *g, const Tile *tile);                             /* on this thread                    */
void gemm_whole(const Gemm *g);                                                  /* all of C on this thread           */
void openblas_gemm(Team *team, const Gemm *g);
bool openblas_start(Err *err);
const char *openblas_describe(void);

/* Rows are shared out in chunks of a fixed number; sums over rows are made chunk by chunk and added up in order. */
enum { ROWS_A_CHUNK = 64, ELEMENTS_A_CHUNK = 1 << 14 };
static inline int64_t chunks_of(int64_t count, int64_t size) { return (count + size - 1) / size; }
static inline int64_t chunk_end(int64_t item, int64_t count, int64_t size)
{
    return (item + 1) * size < count ? (item + 1) * size : count;
}
void add_partials(Team *team, const real *partial, int64_t chunks, int64_t n, real *sum);  /* sum += each partial (n) */

/* Backward of the end of a layer, y = act(z) + residual, z = … + b: dz, which comes in as dy, becomes dy act'(z);
 * dresidual (+)= dy; db += sum of dz over rows. What is not there is NULL.                                           */
typedef struct FinishGrad {
    Activation  activation;
    const real *z;                               /* or y where slope_from_output                                      */
    int64_t     rows, columns;
    real       *dz, *dresidual;
    bool        residual_fresh;
} FinishGrad;
void finish_grad(Tape *t, const FinishGrad *f, real *db);
/* Is act'(z) = act'(act(z)), so that z need not be kept? */
bool slope_from_output(Activation a);

/* The factors, 0 or 1/(1-p), of n elements of a random op, from element `at` on: dropout_factor of attrs.h, many at a time. */
void dropout_mask(const Tape *t, uint64_t draw, double p, int64_t at, int64_t n, real *mask);

extern const Op openblas_linear, openblas_attention, openblas_layer_norm, openblas_activation, openblas_add,
                openblas_dropout, openblas_cross_entropy, openblas_conv2d, openblas_batch_norm, openblas_pool, openblas_scale,
                openblas_channels_last;

#endif
