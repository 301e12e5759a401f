/* resize_kernel_set.c - the passes of a resize for one instruction set (compiled several times: see vision/meson.build).
 *
 * Along the columns the lanes of a vector are neighbouring bytes of a row. Along the rows they are RESIZE_ROWS rows: these are
 * transposed first, so that the bytes of one column stand together, and the results are transposed back.             */
#include "vision/resize_kernels.h"

#include <stddef.h>
#include <string.h>

/* Wider vectors than the processor's are taken apart badly. */
#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX2__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
enum { ROWS = RESIZE_ROWS, PARTS = ROWS / WIDTH };

typedef uint8_t Bytes __attribute__((vector_size(ROWS)));
typedef int32_t Sums  __attribute__((vector_size(4 * WIDTH)));

#define INLINE static inline __attribute__((always_inline))

extern const ResizeKernels KERNEL_SET;

static const int32_t HALF = 1 << (PRECISION_BITS - 1);

/* sums[..n) of vectors start at one half, for the rounding. */
INLINE void begin(Sums *sums, int n)
{
    for (int i = 0; i < n; i++) sums[i] = (Sums){ 0 } + HALF;
}

/* Adds `weight` times n vectors of bytes. */
INLINE void add(Sums *sums, int n, const uint8_t *p, int32_t weight)
{
    for (int i = 0; i < n; i++, p += WIDTH) {
        int32_t wide[WIDTH];
        Sums    v;
        for (int l = 0; l < WIDTH; l++) wide[l] = p[l];
        memcpy(&v, wide, sizeof v);
        sums[i] += v * weight;
    }
}

/* n vectors to bytes: shifted back, and kept within 0..255 by the sign bits, as C has no ?: for vectors. */
INLINE void end(const Sums *sums, int n, uint8_t *q)
{
    for (int i = 0; i < n; i += PARTS, q += ROWS) {
        int32_t kept[ROWS];
        uint8_t byte[ROWS];
        for (int part = 0; part < PARTS; part++) {
            Sums v = sums[i + part] >> PRECISION_BITS;
            v &= ~(v >> 31);
            v |= (255 - v) >> 31;
            memcpy(kept + part * WIDTH, &v, sizeof v);
        }
        for (int l = 0; l < ROWS; l++) byte[l] = (uint8_t)kept[l];
        memcpy(q, byte, sizeof byte);
    }
}

/* Four times, each vector of the first half is interleaved with its fellow of the second. */
INLINE void transpose(Bytes v[ROWS])
{
    for (int round = 0; round < 4; round++) {
        Bytes u[ROWS];
        for (int i = 0; i < ROWS / 2; i++) {
            Bytes a = v[i], b = v[i + ROWS / 2];
            u[2 * i]     = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            u[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        for (int i = 0; i < ROWS; i++) v[i] = u[i];
    }
}

/* From rows of `bytes` bytes to columns: byte i of all rows at columns + i * ROWS. Nearly all is done by the first loop. */
static void to_columns(const uint8_t *in, int64_t bytes, int rows, uint8_t *columns)
{
    int64_t at = 0;
    Bytes   v[ROWS];
    for (; rows == ROWS && at + ROWS <= bytes; at += ROWS) {
        for (int r = 0; r < ROWS; r++) memcpy(&v[r], in + r * bytes + at, ROWS);
        transpose(v);
        for (int i = 0; i < ROWS; i++) memcpy(columns + (at + i) * ROWS, &v[i], ROWS);
    }
    for (; at < bytes; at += ROWS) {
        memset(v, 0, sizeof v);
        for (int r = 0; r < rows; r++) memcpy(&v[r], in + r * bytes + at, (size_t)(bytes - at < ROWS ? bytes - at : ROWS));
        transpose(v);
        for (int i = 0; i < ROWS; i++) memcpy(columns + (at + i) * ROWS, &v[i], ROWS);
    }
}

static void to_rows(const uint8_t *columns, int64_t bytes, int rows, uint8_t *out)
{
    int64_t at = 0;
    Bytes   v[ROWS];
    for (; rows == ROWS && at + ROWS <= bytes; at += ROWS) {
        for (int i = 0; i < ROWS; i++) memcpy(&v[i], columns + (at + i) * ROWS, ROWS);
        transpose(v);
        for (int r = 0; r < ROWS; r++) memcpy(out + r * bytes + at, &v[r], ROWS);
    }
    for (; at < bytes; at += ROWS) {
        for (int i = 0; i < ROWS; i++) memcpy(&v[i], columns + (at + i) * ROWS, ROWS);
        transpose(v);
        for (int r = 0; r < rows; r++) memcpy(out + r * bytes + at, &v[r], (size_t)(bytes - at < ROWS ? bytes - at : ROWS));
    }
}

/* `channels` is a constant at every call, so that the sums stay in registers. */
INLINE void sum_columns(const uint8_t *in, uint8_t *out, const Weights *t, const int channels)
{
    for (int x = 0; x < t->length; x++, out += channels * ROWS) {
        const uint8_t *p = in + (int64_t)t->from[x] * channels * ROWS;
        const int32_t *w = t->w + (int64_t)x * t->stride;
        Sums sums[4 * PARTS];
        begin(sums, channels * PARTS);
        for (int j = 0; j < t->count[x]; j++, p += channels * ROWS) add(sums, channels * PARTS, p, w[j]);
        end(sums, channels * PARTS, out);
    }
}

static void along_rows(const uint8_t *in, int rows, int width, int channels, const Weights *t, uint8_t *scratch, uint8_t *out)
{
    uint8_t *columns = scratch, *sums = scratch + resize_columns((int64_t)width * channels);
    to_columns(in, (int64_t)width * channels, rows, columns);
    switch (channels) {
    case 1: sum_columns(columns, sums, t, 1); break;
    case 2: sum_columns(columns, sums, t, 2); break;
    case 3: sum_columns(columns, sums, t, 3); break;
    case 4: sum_columns(columns, sums, t, 4); break;
    }
    to_rows(sums, (int64_t)t->length * channels, rows, out);
}

/* n vectors of a row; a constant at every call. */
INLINE void sum_rows(const uint8_t *in, int64_t bytes, int count, const int32_t *w, uint8_t *out, const int n)
{
    Sums sums[4];
    begin(sums, n);
    for (int j = 0; j < count; j++, in += bytes) add(sums, n, in, w[j]);
    end(sums, n, out);
}

static void along_columns(const uint8_t *in, int64_t bytes, const Weights *t, int y, uint8_t *out)
{
    const int32_t *w = t->w + (int64_t)y * t->stride;
    int64_t at = 0;
    int     count = t->count[y];
    for (; at + 4 * WIDTH <= bytes; at += 4 * WIDTH) sum_rows(in + at, bytes, count, w, out + at, 4);
    for (; at + ROWS <= bytes; at += ROWS) sum_rows(in + at, bytes, count, w, out + at, PARTS);
    for (; at < bytes; at++) {
        int32_t sum = HALF;
        for (int j = 0; j < count; j++) sum += in[j * bytes + at] * w[j];
        sum >>= PRECISION_BITS;
        out[at] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

static void gray(const uint8_t *restrict rgb, int64_t pixels, uint8_t *restrict out) { gray_of(rgb, pixels, out); }

const ResizeKernels KERNEL_SET = { KERNEL_NAME, NULL, along_rows, along_columns, gray };
