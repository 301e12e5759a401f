/* gemm.c - OpenBLAS's matrix product on our own threads.
 *
 * C is cut into a fixed grid of tiles, and each tile is one call of the single-threaded library, so that no result depends
 * on the number of threads. Results of a row do not depend on the rows around it either where the library's kernels allow: on
 * its AVX-512 kernels a row comes out the same in every product of more than SMALL multiplications, and differs only below,
 * where OpenBLAS takes other kernels. Thin tiles are therefore padded with rows of zeros to above SMALL.
 *
 * The serial build hands out its work buffers without a lock, so that calls from two threads spoil each other's results
 * (seen in 0.3.21). Its calls to blas_memory_alloc and blas_memory_free go through the dynamic linker, which finds those below
 * first: the library's own ones under a lock.                                                                        */
#include "tensor/backends/openblas/openblas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ---- the lock that the serial build lacks ------------------------------------------------------------------------- */
void *blas_memory_alloc(int place);
void  blas_memory_free(void *buffer);

static pthread_mutex_t buffers = PTHREAD_MUTEX_INITIALIZER;
static void *(*library_alloc)(int);
static void  (*library_free)(void *);
static int64_t handed_out;

/* ISO C has no conversion from void * to a function: POSIX lets dlsym be read through a pointer of the right type. */
static void find_library_functions(void)
{
    *(void **)&library_alloc = dlsym(RTLD_NEXT, "blas_memory_alloc");
    *(void **)&library_free = dlsym(RTLD_NEXT, "blas_memory_free");
    REQUIRE(library_alloc && library_free, "OpenBLAS has no blas_memory_alloc");
}

void *blas_memory_alloc(int place)
{
    pthread_mutex_lock(&buffers);
    if (!library_alloc) find_library_functions();
    void *buffer = library_alloc(place);
    handed_out++;
    pthread_mutex_unlock(&buffers);
    return buffer;
}

void blas_memory_free(void *buffer)
{
    pthread_mutex_lock(&buffers);
    if (!library_free) find_library_functions();
    library_free(buffer);
    pthread_mutex_unlock(&buffers);
}

/* ---- one call ----------------------------------------------------------------------------------------------------- */
static int64_t lda_of(const Gemm *g) { return g->lda ? g->lda : g->ta ? g->m : g->k; }
static int64_t ldb_of(const Gemm *g) { return g->ldb ? g->ldb : g->tb ? g->k : g->n; }
static int64_t ldc_of(const Gemm *g) { return g->ldc ? g->ldc : g->n; }

static void call(const Gemm *g)
{
    CBLAS_TRANSPOSE ta = g->ta ? CblasTrans : CblasNoTrans, tb = g->tb ? CblasTrans : CblasNoTrans;
    int m = (int)g->m, n = (int)g->n, k = (int)g->k, lda = (int)lda_of(g), ldb = (int)ldb_of(g), ldc = (int)ldc_of(g);

#ifdef REAL_IS_DOUBLE
    cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, g->alpha, g->a, lda, g->b, ldb, g->beta, g->c, ldc);
#else
    cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, g->alpha, g->a, lda, g->b, ldb, g->beta, g->c, ldc);
#endif
}

void gemm_whole(const Gemm *g)
{
    if (g->m > 0 && g->n > 0) call(g);
}

/* ---- thin tiles ---------------------------------------------------------------------------------------------------- */
static const int64_t SMALL = 1000000;            /* OpenBLAS: small-matrix kernels up to 100^3 multiplications */
enum { PAD_ROWS = 128, PAD_SPACE = 32768 };

/* The number of rows that a product needs to be above SMALL; 0 where padding would cost too much (tiny weights). */
static int64_t rows_wanted(const Gemm *g)
{
    if (g->k == 0) return 0;
    int64_t rows = SMALL / (g->n * g->k) + 1;
    return rows <= PAD_ROWS && rows * (g->n + g->k) <= PAD_SPACE ? rows : 0;
}

static void call_padded(const Gemm *g, int64_t rows)
{
    _Alignas(64) real space[PAD_SPACE];
    real   *a = space, *c = space + rows * g->k;
    int64_t lda = lda_of(g), ldc = ldc_of(g);
    Gemm    padded = *g;

    memset(a, 0, (size_t)(rows * g->k) * sizeof *a);
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t l = 0; l < g->k; l++) a[i * g->k + l] = g->ta ? g->a[l * lda + i] : g->a[i * lda + l];
    memset(c, 0, (size_t)(rows * g->n) * sizeof *c);
    for (int64_t i = 0; i < g->m && g->beta != 0; i++) memcpy(c + i * g->n, g->c + i * ldc, (size_t)g->n * sizeof *c);

    padded.ta = false, padded.m = rows, padded.a = a, padded.lda = g->k, padded.c = c, padded.ldc = g->n;
    call(&padded);
    for (int64_t i = 0; i < g->m; i++) memcpy(g->c + i * ldc, c + i * g->n, (size_t)g->n * sizeof *c);
}

/* ---- tiles --------------------------------------------------------------------------------------------------------- */
static int64_t ceil_to(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

/* Tall tiles, since every call packs all of B anew; an even number of them, since many machines have an even number of
 * cores; and cuts across the columns where the rows alone give too few.                                            */
Grid gemm_grid(int64_t m, int64_t n, int64_t k)
{
    enum { TALL = 256, NARROW = 64, MANY = 32 };
    const int64_t worth = 4000000;               /* multiplications that are worth handing to another thread    */
    int64_t down = m <= TALL ? 1 : ceil_to(chunks_of(m, TALL), 2);
    int64_t wanted = (m + 32) * n * k / worth, across;

    if (wanted > MANY) wanted = MANY;
    across = wanted / down;
    if (across > n / NARROW) across = n / NARROW;
    if (across > 1) across -= down == 1 ? across % 2 : 0;
    if (across < 1) across = 1;

    Grid grid = { .rows = ceil_to(chunks_of(m, down), 8), .columns = ceil_to(chunks_of(n, across), 16) };
    grid.down = chunks_of(m, grid.rows), grid.across = chunks_of(n, grid.columns);
    return grid;
}

Tile gemm_tile(const Grid *grid, const Gemm *g, int64_t item)
{
    int64_t i = item / grid->across, j = item % grid->across, row = i * grid->rows, column = j * grid->columns;

    return (Tile){ row, column, chunk_end(i, g->m, grid->rows) - row, chunk_end(j, g->n, grid->columns) - column };
}

void gemm_run_tile(const Gemm *g, const Tile *tile)
{
    Gemm    part = *g;
    int64_t lda = lda_of(g), ldb = ldb_of(g), ldc = ldc_of(g);

    part.m = tile->rows, part.n = tile->columns;
    part.a += g->ta ? tile->row : tile->row * lda, part.lda = lda;
    part.b += g->tb ? tile->column * ldb : tile->column, part.ldb = ldb;
    part.c += tile->row * ldc + tile->column, part.ldc = ldc;
    int64_t rows = rows_wanted(&part);
    if (part.m < rows) call_padded(&part, rows);
    else call(&part);
}

typedef struct Product { const Gemm *g; Grid grid; } Product;

static void product_item(void *context, int64_t item, int member)
{
    const Product *p = context;
    Tile tile = gemm_tile(&p->grid, p->g, item);

    (void)member;
    gemm_run_tile(p->g, &tile);
}

void openblas_gemm(Team *team, const Gemm *g)
{
    if (g->m == 0 || g->n == 0) return;
    Product p = { g, gemm_grid(g->m, g->n, g->k) };
    team_run(team, p.grid.down * p.grid.across, product_item, &p);
}

/* ---- the library ---------------------------------------------------------------------------------------------------- */
bool openblas_start(Err *err)
{
    enum { SIDE = 128 };                         /* above SMALL: such a product takes a work buffer */
    static real a[SIDE * SIDE], c[SIDE * SIDE];

    if (openblas_get_parallel() != 0)
        return fail(err, "this OpenBLAS starts threads of its own (%s), but limn runs it on its own team: link the serial "
                    "build (Debian's libopenblas0-serial)", openblas_get_config());
    int64_t before = handed_out;
    call(&(Gemm){ .m = SIDE, .n = SIDE, .k = SIDE, .alpha = 1, .a = a, .b = a, .c = c });
    if (handed_out == before)
        return fail(err, "this OpenBLAS (%s) does not let limn guard its work buffers, and without that it may not be "
                    "called from several threads: use Debian's libopenblas0-serial", openblas_get_config());
    return true;
}

const char *openblas_describe(void)
{
    static char text[256];

    snprintf(text, sizeof text, "%s, kernels %s; row kernels %s", openblas_get_config(), openblas_get_corename(), kernels()->name);
    return text;
}
