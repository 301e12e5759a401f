/* half.c - binary16 by bits. */
#include "datasets/features/half.h"

#include <string.h>

/* Drops the lowest `by` bits of m, rounding to nearest, ties to even. */
static uint64_t round_off(uint64_t m, int by)
{
    uint64_t kept = m >> by, rest = m & ((1ull << by) - 1), half = 1ull << (by - 1);
    return kept + (rest > half || (rest == half && (kept & 1)));
}

/* From double, so that `real` is rounded once whatever it is. */
uint16_t half_from(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    uint64_t fraction = bits & ((1ull << 52) - 1);

    if (exponent == 1024 && fraction) return sign | 0x7e00;      /* not a number */
    if (exponent > 15) return sign | 0x7c00;
    /* A carry out of the fraction counts the exponent up, as it should; the last step leads to infinity. */
    if (exponent >= -14) return (uint16_t)(sign | round_off((uint64_t)(exponent + 15) << 52 | fraction, 42));
    int by = 42 + (-14 - exponent);                              /* below 2^-14: a multiple of 2^-24 */
    return by > 53 ? sign : (uint16_t)(sign | round_off(1ull << 52 | fraction, by));
}

void half_from_reals(const real *v, int64_t count, uint16_t *out)
{
    for (int64_t i = 0; i < count; i++) out[i] = half_from((double)v[i]);
}

/* The bits of a half, moved to where a float has them, are the value times 2^-112; a power of two scales exactly. */
void half_to_reals(const uint16_t *v, int64_t count, real *out)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t magnitude = (uint32_t)(v[i] & 0x7fff) << 13, sign = (uint32_t)(v[i] & 0x8000) << 16, bits;
        float f;
        memcpy(&f, &magnitude, sizeof f);
        f *= 0x1p112f;
        memcpy(&bits, &f, sizeof bits);
        bits = (magnitude >= 0x7c00u << 13 ? 0x7f800000u | magnitude : bits) | sign;     /* infinity, not a number */
        memcpy(&f, &bits, sizeof f);
        out[i] = (real)f;
    }
}
