/* rng.h - counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 *
 * A number is a pure function of (seed, purpose, step, position), so that it is the same on any number of threads and
 * after any resume. There is no state to save.                                                                      */
#ifndef LIMN_RNG_H
#define LIMN_RNG_H

#include <stdint.h>

/* What the numbers are for: equal positions of different purposes are independent. */
typedef enum RngPurpose {
    RNG_INIT, RNG_DROPOUT, RNG_SHUFFLE, RNG_AUGMENT, RNG_SAMPLING, RNG_SCENES, RNG_TEST, RNG_CROP_JITTER, RNG_CAPTIONS, RNG_SWEEP,
    RNG_BOOTSTRAP, RNG_BOOTSTRAP_RUNS, RNG_PERMUTATION, RNG_SCHEDULED
} RngPurpose;

typedef struct Rng { uint32_t key[2], counter[4]; uint32_t block[4]; int left; } Rng;   /* a stream of numbers */

/* The block function itself: 4 words out of a 128-bit counter and a 64-bit key. */
void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The stream of (seed, purpose, step); its n-th number depends on nothing else. */
Rng      rng_stream(uint64_t seed, RngPurpose purpose, uint64_t step);
uint32_t rng_u32(Rng *r);
double   rng_uniform(Rng *r);                               /* [0, 1), 53 bits     */
double   rng_normal(Rng *r);                                /* Box-Muller          */
int64_t  rng_below(Rng *r, int64_t n);                      /* 0 .. n-1, unbiased  */
void     rng_shuffle(Rng *r, int32_t *v, int64_t n);        /* Fisher-Yates        */

/* Uniform 32-bit word at one position, without a stream (dropout masks). */
uint32_t rng_at(uint64_t seed, RngPurpose purpose, uint64_t step, uint64_t position);
/* Uniform in [0, 1), 53 bits, at one position: a block of its own (sampling). */
double   rng_uniform_at(uint64_t seed, RngPurpose purpose, uint64_t step, uint64_t position);
uint64_t rng_hash(const char *text);                        /* FNV-1a, to turn a name into a step */

#endif
