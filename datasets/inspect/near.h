/* near.h - all pairs of 64-bit hashes that differ in few bits, by multi-index hashing (Norouzi, Punjani, Fleet 2012, "Fast search in
 * Hamming space with multi-index hashing", section 2.2).
 *
 * A hash is cut into 4 chunks of 16 bits. Of two hashes that differ in at most r = 4 s + a bits, 0 <= a < 4, either one of the first
 * a + 1 chunks differs in at most s bits, or one of the others in at most s - 1: else they would differ in (a + 1)(s + 1) + (3 - a) s
 * = r + 1. So each hash looks up the values that near to its own in a table a chunk, and only what it finds there is compared.
 *
 * Work: for n hashes spread evenly some n^2 L / 2^17 comparisons, L the look-ups (r = 4: 20, r = 6: 52, r = 16: 4608); never more than
 * the bound that is given. Memory: 16 bytes a hash, and 2 MB. */
#ifndef LIMN_NEAR_H
#define LIMN_NEAR_H

#include <stdbool.h>
#include <stdint.h>

enum { NEAR_MOST_BITS = 16 };

/* Calls found(a, b, distance), a < b, once for each pair of h[0..n) at most `bits` apart, a ascending. The hashes should be distinct: equal
 * ones are pairs as well, of which there may be n^2 / 2. Stops after `most` comparisons and returns false: there may be more pairs. */
bool near_pairs(const uint64_t *h, int64_t n, int bits, int64_t most, void (*found)(int64_t a, int64_t b, int distance, void *context),
                void *context);

#endif
