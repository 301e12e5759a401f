/* resize_kernels.h - the two passes of a resize, once per instruction set (see vision/meson.build); private to vision/.
 *
 * All arithmetic is whole numbers, so that every set gives the same bytes.                                            */
#ifndef LIMN_RESIZE_KERNELS_H
#define LIMN_RESIZE_KERNELS_H

#include <stdint.h>

/* 32 bits less 8 of the pixel and 2 of head room, for weights below zero and above one. */
enum { PRECISION_BITS = 32 - 8 - 2 };

/* Output i is the sum of inputs from[i] .. from[i]+count[i]-1 times w + i*stride, in units of 2^-22, rounded and kept in a byte. */
typedef struct Weights { int length, stride, *from, *count; int32_t *w; } Weights;

enum { RESIZE_ROWS = 16 };                       /* taken at once by the pass along the rows */

/* Bytes of RESIZE_ROWS rows of so many bytes, transposed. */
static inline int64_t resize_columns(int64_t row_bytes)
{
    return (row_bytes + RESIZE_ROWS - 1) / RESIZE_ROWS * RESIZE_ROWS * RESIZE_ROWS;
}

typedef struct ResizeKernels {
    const char *name;                            /* that of the tensor kernels of the same set */
    /* Along the rows: `rows` (at most RESIZE_ROWS) rows of `width` pixels, close together, to rows of t->length pixels. `scratch`
     * has room for resize_columns of the bytes of a row that comes and of one that goes.                             */
    void (*along_rows)(const uint8_t *in, int rows, int width, int channels, const Weights *t, uint8_t *scratch, uint8_t *out);
    /* Along the columns: one row of `bytes` bytes out of `count` such rows, close together. */
    void (*along_columns)(const uint8_t *in, int64_t bytes, int count, const int32_t *w, uint8_t *out);
} ResizeKernels;

extern const ResizeKernels resize_baseline;
#ifdef __x86_64__
extern const ResizeKernels resize_avx2, resize_avx512;
#endif

#endif
