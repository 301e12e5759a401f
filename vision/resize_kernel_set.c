/* resize_kernel_set.c - the passes of a resize for one instruction set (compiled several times: see vision/meson.build).
 *
 * Sums are kept in vectors of LANES. Along the columns the lanes are neighbouring bytes of a row. Along the rows they are LANES rows:
 * the rows are transposed first, so that the bytes of one column stand together, and the results are transposed back.   */
#include "vision/resize_kernels.h"

#include <string.h>

enum { LANES = RESIZE_ROWS, HALF = 1 << (PRECISION_BITS - 1) };

typedef uint8_t Bytes __attribute__((vector_size(LANES)));
typedef int32_t Sums  __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

extern const ResizeKernels KERNEL_SET;

INLINE void load(const uint8_t *p, Sums *s)
{
    Bytes b;
    memcpy(&b, p, sizeof b);
    *s = __builtin_convertvector(b, Sums);
}

INLINE uint8_t to_byte(int32_t sum)
{
    int32_t v = sum >> PRECISION_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

INLINE void store(const Sums *s, uint8_t *q)
{
    int32_t sum[LANES];
    uint8_t byte[LANES];
    memcpy(sum, s, sizeof sum);
    for (int l = 0; l < LANES; l++) byte[l] = to_byte(sum[l]);
    memcpy(q, byte, sizeof byte);
}

/* Four times, each vector of the first half is interleaved with its fellow of the second. */
INLINE void transpose(Bytes v[LANES])
{
    for (int round = 0; round < 4; round++) {
        Bytes u[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            Bytes a = v[i], b = v[i + LANES / 2];
            u[2 * i]     = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            u[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(v, u, sizeof u);
    }
}

/* Of `rows` rows: byte i of every row at columns + i * LANES. */
static void to_columns(const uint8_t *in, int64_t bytes, int rows, uint8_t *columns)
{
    for (int64_t at = 0; at < bytes; at += LANES) {
        Bytes v[LANES] = { 0 };
        if (rows == LANES && at + LANES <= bytes)
            for (int r = 0; r < LANES; r++) memcpy(&v[r], in + r * bytes + at, LANES);
        else
            for (int r = 0; r < rows; r++) memcpy(&v[r], in + r * bytes + at, (size_t)(bytes - at < LANES ? bytes - at : LANES));
        transpose(v);
        memcpy(columns + at * LANES, v, sizeof v);
    }
}

static void to_rows(const uint8_t *columns, int64_t bytes, int rows, uint8_t *out)
{
    for (int64_t at = 0; at < bytes; at += LANES) {
        Bytes v[LANES];
        memcpy(v, columns + at * LANES, sizeof v);
        transpose(v);
        if (rows == LANES && at + LANES <= bytes)
            for (int r = 0; r < LANES; r++) memcpy(out + r * bytes + at, &v[r], LANES);
        else
            for (int r = 0; r < rows; r++) memcpy(out + r * bytes + at, &v[r], (size_t)(bytes - at < LANES ? bytes - at : LANES));
    }
}

/* `channels` is a constant at every call, so that the sums stay in registers. */
INLINE void sum_columns(const uint8_t *in, uint8_t *out, const Weights *t, const int channels)
{
    for (int x = 0; x < t->length; x++) {
        const uint8_t *p = in + (int64_t)t->from[x] * channels * LANES;
        const int32_t *w = t->w + (int64_t)x * t->stride;
        Sums sum[4], v;
        for (int c = 0; c < channels; c++) sum[c] = (Sums){ 0 } + HALF;
        for (int j = 0; j < t->count[x]; j++)
            for (int c = 0; c < channels; c++, p += LANES) {
                load(p, &v);
                sum[c] += v * w[j];
            }
        for (int c = 0; c < channels; c++, out += LANES) store(&sum[c], out);
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

/* `width` bytes of a row. */
INLINE void sum_rows(const uint8_t *in, int64_t bytes, int count, const int32_t *w, uint8_t *out, const int width)
{
    Sums sum[4], v;
    for (int i = 0; i < width / LANES; i++) sum[i] = (Sums){ 0 } + HALF;
    for (int j = 0; j < count; j++, in += bytes)
        for (int i = 0; i < width / LANES; i++) {
            load(in + i * LANES, &v);
            sum[i] += v * w[j];
        }
    for (int i = 0; i < width / LANES; i++) store(&sum[i], out + i * LANES);
}

static void along_columns(const uint8_t *in, int64_t bytes, int count, const int32_t *w, uint8_t *out)
{
    int64_t at = 0;
    for (; at + 4 * LANES <= bytes; at += 4 * LANES) sum_rows(in + at, bytes, count, w, out + at, 4 * LANES);
    for (; at + LANES <= bytes; at += LANES) sum_rows(in + at, bytes, count, w, out + at, LANES);
    for (; at < bytes; at++) {
        int32_t sum = HALF;
        for (int j = 0; j < count; j++) sum += in[j * bytes + at] * w[j];
        out[at] = to_byte(sum);
    }
}

const ResizeKernels KERNEL_SET = { KERNEL_NAME, along_rows, along_columns };
