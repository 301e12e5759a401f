/* backend.h - a table of kernels that does some ops better than the reference.
 *
 * `reference` is the definition of correct: plain loops, double accumulation, one thread; its ops are those in
 * tensor/ops. Another backend names only the ops that it overrides, and its matrix product. All backends that were built
 * live in one process; `--backend NAME` picks one at run time.
 *
 * A new backend is one file (or folder) in tensor/backends and one row in backend.c.                                 */
#ifndef LIMN_BACKEND_H
#define LIMN_BACKEND_H

#include "tensor/base/team.h"
#include "tensor/tensor.h"

typedef struct Op Op;

/* C = alpha op(A) op(B) + beta C, row-major; op transposes when ta / tb.  op(A) is (m,k), op(B) is (k,n), C is (m,n).
 * A leading dimension of 0 means "dense". beta = 0 never reads C.                                                    */
typedef struct Gemm {
    bool        ta, tb;
    int64_t     m, n, k;
    real        alpha, beta;
    const real *a; int64_t lda;
    const real *b; int64_t ldb;
    real       *c; int64_t ldc;
} Gemm;

/* `with` brings forward and backward together; tensor/ops/attrs.h says what a node holds. Its name is the op's. */
typedef struct OpOverride { const Op *op, *with; } OpOverride;

typedef struct Backend {
    const char       *name;
    const char       *help;                      /* one line                                                     */
    void            (*gemm)(Team *team, const Gemm *g);   /* rows tiled over the team on a fixed grid            */
    void            (*log_softmax)(int64_t n, real *row); /* one row in place; NULL: rows_log_softmax's own      */
    const OpOverride *overrides;                 /* ends with { NULL, NULL }; may be NULL                        */
    bool            (*start)(Err *err);          /* checks its library once; may be NULL                         */
    const char     *(*describe)(void);           /* library, version, kernel set: for provenance                 */
} Backend;

extern const Backend backend_reference, backend_openblas;

const Backend *backend_find(const char *name, Err *err);   /* NULL and an error that lists the names; starts it  */
const Backend *const *backend_list(void);                  /* ends with NULL                                     */

#endif
