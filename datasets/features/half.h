/* half.h - IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits; the same bits on every machine (no F16C needed). */
#ifndef LIMN_HALF_H
#define LIMN_HALF_H

#include <stdint.h>

#include "tensor/tensor.h"

uint16_t half_from(double v);                    /* rounded once, to nearest, ties to even; beyond 65519: infinity      */
void     half_from_reals(const real *v, int64_t count, uint16_t *out);
void     half_to_reals(const uint16_t *v, int64_t count, real *out);     /* exact */

#endif
