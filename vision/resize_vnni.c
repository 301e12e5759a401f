/* resize_vnni.c - the passes of a resize by AVX-512's dot products of bytes (VNNI): four taps a lane and instruction.
 *
 * vpdpbusd adds to each 32-bit lane four products of an unsigned byte (a pixel) and a signed one (a weight). A weight of 22 bits after the
 * point is three signed digits, w = 65536 d2 + 256 d1 + d0, so a sum over taps is three sums, put together at the end:
 *     sum of w p = 65536 (sum of d2 p) + 256 (sum of d1 p) + (sum of d0 p)
 * exactly, since every sum is taken modulo 2^32 and the left side fits.
 *
 * Along the columns the four bytes of a lane are one byte of four rows. Along the rows they are one channel of four neighbouring
 * pixels, and the sixteen lanes are sixteen rows. Groups of four begin at multiples of four; weights outside a filter are 0. */
#include "vision/resize_kernels.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/err.h"

enum { LANES = 16, TAPS = 4, DIGITS = 3, VECTOR = 64 };

#define INLINE static inline __attribute__((always_inline))

/* ---- weights as digits ------------------------------------------------------------------------------------------------- */
/* Three signed bytes, lowest first; false: too large. */
static bool split(int32_t w, int8_t digit[DIGITS])
{
    for (int k = 0; k < DIGITS; k++) {
        digit[k] = (int8_t)(w & 255);
        w = (w - digit[k]) / 256;
    }
    return w == 0;
}

/* The digits of output i: for each group of four taps, from the one that holds the first tap on, a dword of each kind of digit. */
static bool pack_output(Weights *t, int i)
{
    int8_t *to = (int8_t *)(t->digits + (int64_t)i * t->digit_stride);
    int     before = t->from[i] % TAPS;

    for (int j = 0; j < t->count[i]; j++) {
        int8_t digit[DIGITS];
        int    at = j + before;
        if (!split(t->w[(int64_t)i * t->stride + j], digit)) return false;
        for (int k = 0; k < DIGITS; k++) to[(at / TAPS * DIGITS + k) * TAPS + at % TAPS] = digit[k];
    }
    return true;
}

static bool pack(Weights *t)
{
    t->digit_stride = (t->stride + 2 * TAPS) / TAPS * DIGITS;
    t->digits = calloc((size_t)t->length * (size_t)t->digit_stride, sizeof *t->digits);
    REQUIRE(t->digits, "resize: no memory for %d weights", t->length);
    for (int i = 0; i < t->length; i++)
        if (!pack_output(t, i)) return false;
    return true;
}

/* ---- sums -------------------------------------------------------------------------------------------------------------- */
typedef struct Sums { __m512i digit[DIGITS]; } Sums;

INLINE Sums begin(void)
{
    return (Sums){ { _mm512_set1_epi32(1 << (PRECISION_BITS - 1)), _mm512_setzero_si512(), _mm512_setzero_si512() } };
}

INLINE void add(Sums *s, __m512i pixels, const int32_t *digits)
{
    for (int k = 0; k < DIGITS; k++) s->digit[k] = _mm512_dpbusd_epi32(s->digit[k], pixels, _mm512_set1_epi32(digits[k]));
}

/* Rounded, to whole pixels in 32 bits, not yet kept within 0..255. */
INLINE __m512i end(const Sums *s)
{
    __m512i sum = _mm512_add_epi32(s->digit[0], _mm512_slli_epi32(s->digit[1], 8));
    sum = _mm512_add_epi32(sum, _mm512_slli_epi32(s->digit[2], 16));
    return _mm512_srai_epi32(sum, PRECISION_BITS);
}

/* ---- along the rows ---------------------------------------------------------------------------------------------------- */
/* 16 x 16 dwords: four times, each vector of the first half is interleaved with its fellow of the second. */
INLINE void transpose(__m512i v[LANES])
{
    const __m512i low  = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                  high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    for (int round = 0; round < 4; round++) {
        __m512i u[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            u[2 * i]     = _mm512_permutex2var_epi32(v[i], low, v[i + LANES / 2]);
            u[2 * i + 1] = _mm512_permutex2var_epi32(v[i], high, v[i + LANES / 2]);
        }
        memcpy(v, u, sizeof u);
    }
}

/* From pixels to groups: for every four pixels and each channel a vector, lane r of which holds the four bytes of row r. */
static void to_groups(const uint8_t *in, int64_t bytes, int rows, int channels, uint8_t *groups)
{
    const int units = LANES / channels * channels, step = units * TAPS;          /* dwords and bytes of a row taken at once */
    uint8_t   order[VECTOR] = { 0 };
    __m512i   v[LANES];

    for (int i = 0; i < step; i++) order[i] = (uint8_t)(i / (TAPS * channels) * TAPS * channels + i % TAPS * channels + i / TAPS % channels);
    __m512i by = _mm512_loadu_si512(order);
    for (int64_t at = 0; at < bytes; at += step, groups += units * VECTOR) {
        int64_t   there = bytes - at < step ? bytes - at : step;
        __mmask64 mask = there == VECTOR ? ~(__mmask64)0 : ((__mmask64)1 << there) - 1;
        for (int r = 0; r < LANES; r++)
            v[r] = r < rows ? _mm512_permutexvar_epi8(by, _mm512_maskz_loadu_epi8(mask, in + r * bytes + at)) : _mm512_setzero_si512();
        transpose(v);
        for (int i = 0; i < units; i++) _mm512_storeu_si512(groups + i * VECTOR, v[i]);
    }
}

/* From columns, byte i of all rows at columns + 16 i, to rows. */
static void to_rows(const uint8_t *columns, int64_t bytes, int rows, uint8_t *out)
{
    uint8_t order[VECTOR];
    __m512i v[LANES];

    for (int i = 0; i < VECTOR; i++) order[i] = (uint8_t)(i % TAPS * LANES + i / TAPS);
    __m512i by = _mm512_loadu_si512(order);
    for (int64_t at = 0; at < bytes; at += VECTOR) {
        int64_t   there = bytes - at < VECTOR ? bytes - at : VECTOR;
        __mmask64 mask = there == VECTOR ? ~(__mmask64)0 : ((__mmask64)1 << there) - 1;
        for (int i = 0; i < LANES; i++) v[i] = _mm512_permutexvar_epi8(by, _mm512_loadu_si512(columns + at * LANES + i * VECTOR));
        transpose(v);
        for (int r = 0; r < rows; r++) _mm512_mask_storeu_epi8(out + r * bytes + at, mask, v[r]);
    }
}

/* One output of sixteen rows. `channels` and, mostly, `count` are constants at every call, so that the sums stay in registers. */
INLINE void sum_output(const uint8_t *p, const int32_t *digits, const int count, uint8_t *column, const int channels)
{
    Sums sums[4];

    for (int c = 0; c < channels; c++) sums[c] = begin();
    for (int g = 0; g < count; g++)
        for (int c = 0; c < channels; c++) add(&sums[c], _mm512_loadu_si512(p + (g * channels + c) * VECTOR), digits + g * DIGITS);
    for (int c = 0; c < channels; c++) {
        __m512i pixel = _mm512_max_epi32(end(&sums[c]), _mm512_setzero_si512());
        _mm_storeu_si128((__m128i *)(void *)(column + c * LANES), _mm512_cvtusepi32_epi8(pixel));
    }
}

INLINE void sum_groups(const uint8_t *groups, const Weights *t, uint8_t *columns, const int channels)
{
    for (int x = 0; x < t->length; x++, columns += channels * LANES) {
        int            first = t->from[x] / TAPS, count = (t->from[x] + t->count[x] - 1) / TAPS - first + 1;
        const uint8_t *p = groups + (int64_t)first * channels * VECTOR;
        const int32_t *digits = t->digits + (int64_t)x * t->digit_stride;

        switch (count) {
        case 2: sum_output(p, digits, 2, columns, channels); break;
        case 3: sum_output(p, digits, 3, columns, channels); break;
        case 4: sum_output(p, digits, 4, columns, channels); break;
        default: sum_output(p, digits, count, columns, channels);
        }
    }
}

static void along_rows(const uint8_t *in, int rows, int width, int channels, const Weights *t, uint8_t *scratch, uint8_t *out)
{
    uint8_t *columns = scratch + resize_columns((int64_t)width * channels);
    to_groups(in, (int64_t)width * channels, rows, channels, scratch);
    switch (channels) {
    case 1: sum_groups(scratch, t, columns, 1); break;
    case 2: sum_groups(scratch, t, columns, 2); break;
    case 3: sum_groups(scratch, t, columns, 3); break;
    case 4: sum_groups(scratch, t, columns, 4); break;
    }
    to_rows(columns, (int64_t)t->length * channels, rows, out);
}

/* ---- along the columns ------------------------------------------------------------------------------------------------- */
/* One byte of four rows to a lane; the order within 128 bits is undone by the packing at the end. */
INLINE void interleave(const __m512i row[TAPS], __m512i lanes[TAPS])
{
    __m512i low01 = _mm512_unpacklo_epi8(row[0], row[1]), high01 = _mm512_unpackhi_epi8(row[0], row[1]),
            low23 = _mm512_unpacklo_epi8(row[2], row[3]), high23 = _mm512_unpackhi_epi8(row[2], row[3]);
    lanes[0] = _mm512_unpacklo_epi16(low01, low23);
    lanes[1] = _mm512_unpackhi_epi16(low01, low23);
    lanes[2] = _mm512_unpacklo_epi16(high01, high23);
    lanes[3] = _mm512_unpackhi_epi16(high01, high23);
}

static void along_columns(const uint8_t *in, int64_t bytes, const Weights *t, int y, uint8_t *out)
{
    const int before = t->from[y] % TAPS, count = t->count[y];

    for (int64_t at = 0; at < bytes; at += VECTOR) {
        int64_t        there = bytes - at < VECTOR ? bytes - at : VECTOR;
        __mmask64      mask = there == VECTOR ? ~(__mmask64)0 : ((__mmask64)1 << there) - 1;
        const int32_t *digits = t->digits + (int64_t)y * t->digit_stride;
        Sums           sums[TAPS];
        __m512i        row[TAPS], lanes[TAPS];

        for (int i = 0; i < TAPS; i++) sums[i] = begin();
        for (int j = -before; j < count; j += TAPS, digits += DIGITS) {
            for (int i = 0; i < TAPS; i++)
                row[i] = j + i >= 0 && j + i < count ? _mm512_maskz_loadu_epi8(mask, in + (j + i) * bytes + at) : _mm512_setzero_si512();
            interleave(row, lanes);
            for (int i = 0; i < TAPS; i++) add(&sums[i], lanes[i], digits);
        }
        __m512i low = _mm512_packs_epi32(end(&sums[0]), end(&sums[1])), high = _mm512_packs_epi32(end(&sums[2]), end(&sums[3]));
        _mm512_mask_storeu_epi8(out + at, mask, _mm512_packus_epi16(low, high));
    }
}

static void gray(const uint8_t *restrict rgb, int64_t pixels, uint8_t *restrict out) { gray_of(rgb, pixels, out); }

const ResizeKernels resize_vnni = { "vnni", pack, along_rows, along_columns, gray };
