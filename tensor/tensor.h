/* tensor.h - what a tensor is.
 *
 * A Tensor is a dense, row-major block of reals, outermost dimension first, as the paper and the checkpoint write it.
 * There are no strides, no dtypes and no views beyond `tensor_reshape` (the same block under another shape).
 * Token ids are not tensors: see Ids.
 * Only ops and backends touch `data` and `grad`; everything else goes through tensor_read and tensor_write.           */
#ifndef LIMN_TENSOR_H
#define LIMN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/base/arena.h"
#include "tensor/base/err.h"

#ifdef REAL_IS_DOUBLE
typedef double real;                             /* limn-double: the gradient checks */
#else
typedef float real;
#endif

enum { TENSOR_MAX_DIM = 5 };

typedef struct Shape { int n; int64_t d[TENSOR_MAX_DIM]; } Shape;
#define SHAPE(...) shape_of((int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ })

Shape   shape_of(int n, const int64_t *d);
int64_t shape_count(Shape s);                    /* product of all                       */
int64_t shape_rows(Shape s);                     /* product of all but the last          */
int64_t shape_last(Shape s);
bool    shape_equal(Shape a, Shape b);
typedef struct ShapeText { char s[96]; } ShapeText;
ShapeText shape_text(Shape s);                   /* "(2,197,192)", for messages: shape_text(x).s */

typedef struct Tensor Tensor;
struct Tensor {
    Shape       shape;
    real       *data;
    real       *grad;                            /* of an op's output: NULL until something is added to it       */
    bool        wants_grad;                      /* a leaf that wants one brings its own memory for it           */
    bool        computed;                        /* an op made it: the tape gives its memory back                */
    bool        keep;                            /* backward must not take its memory back (set on the base)     */
    bool        held;                            /* its op reads it in backward: no gradient may take its place      */
    int         readers;                         /* ops that took it in, and whose backward has not begun            */
    Tensor     *base;                            /* not NULL: this is `base` under another shape                 */
    const char *name;                            /* checkpoint name, or the op that made it                      */
};

Tensor *tensor_new(Arena *a, Shape s);           /* data not cleared                                             */
Tensor *tensor_zeros(Arena *a, Shape s);
Tensor *tensor_reshape(Arena *a, Tensor *x, Shape s);   /* same count; gradients flow to x                       */

void tensor_write(Tensor *x, int64_t at, const real *from, int64_t count);       /* element offsets              */
void tensor_read(const Tensor *x, int64_t at, real *to, int64_t count);

bool tensor_finite(const Tensor *x);              /* no infinity and no NaN in its data                           */

typedef struct Ids { Shape shape; const int32_t *v; } Ids;                       /* tokens, labels, row maps     */

#endif
