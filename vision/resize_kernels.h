/* resize_kernels.h - the two passes of a resize, once per instruction set (resize_kernel_set.c, several times compiled: vision/meson.build;
 * and resize_vnni.c), and the weights that they take; private to vision/.
 *
 * All arithmetic is whole numbers, so that every set gives the same bytes. The best one for this processor runs; the environment variable
 * LIMN_KERNELS names another, as for the tensor kernels.                                                              */
#ifndef LIMN_RESIZE_KERNELS_H
#define LIMN_RESIZE_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "vision/image.h"

/* 32 bits less 8 of the pixel and 2 of head room, for weights below zero and above one. */
enum { PRECISION_BITS = 32 - 8 - 2 };

/* Output i is the sum of inputs from[i] .. from[i]+count[i]-1 times w + i*stride, in units of 2^-22, rounded and kept in a byte. */
typedef struct Weights {
    int      length, stride, *from, *count;
    int32_t *w, *digits;                         /* digits: the weights as `pack` wants them, or NULL                   */
    int      digit_stride;
    const struct ResizeKernels *kernels;         /* that take these weights                                             */
} Weights;

/* From `in` pixels to `out`, f not nearest. Kept for the next time; any thread may have them. */
const Weights *weights_borrow(int in, int out, Filter f);
void           weights_return(const Weights *t);

enum { RESIZE_ROWS = 16 };                       /* taken at once by the pass along the rows                            */

/* Bytes of RESIZE_ROWS rows of so many bytes, transposed; taken up to 64 bytes at once. */
static inline int64_t resize_columns(int64_t row_bytes) { return (row_bytes + 127) / 64 * 64 * RESIZE_ROWS; }

typedef struct ResizeKernels {
    const char *name;
    bool (*pack)(Weights *t);                    /* optional; false: these weights are too large for this set           */
    /* Along the rows: `rows` (at most RESIZE_ROWS) rows of `width` pixels, close together, to rows of t->length pixels. `scratch`
     * has room for resize_columns of the bytes of a row that comes and of one that goes.                             */
    void (*along_rows)(const uint8_t *in, int rows, int width, int channels, const Weights *t, uint8_t *scratch, uint8_t *out);
    /* Along the columns: output row y, of `bytes` bytes, out of count[y] such rows, close together, the first of which is `in`. */
    void (*along_columns)(const uint8_t *in, int64_t bytes, const Weights *t, int y, uint8_t *out);
    void (*gray)(const uint8_t *restrict rgb, int64_t pixels, uint8_t *restrict out);
} ResizeKernels;

/* Pillow's convert("L"): ITU-R 601-2 luma, rounded. For the sets, which compile it each in their way. */
static inline void gray_of(const uint8_t *restrict rgb, int64_t pixels, uint8_t *restrict out)
{
    for (int64_t i = 0; i < pixels; i++)
        out[i] = (uint8_t)((rgb[3 * i] * 19595u + rgb[3 * i + 1] * 38470u + rgb[3 * i + 2] * 7471u + 0x8000u) >> 16);
}

const ResizeKernels *resize_kernels(void);
const ResizeKernels *resize_kernels_for_any(void);       /* the best set without `pack`                                */

extern const ResizeKernels resize_baseline;
#ifdef __x86_64__
extern const ResizeKernels resize_avx2, resize_avx512, resize_vnni;
#endif

#endif
