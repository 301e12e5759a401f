/* rng.c - Philox 4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011, section 3.3).
 *
 * The 128-bit counter of a number:   [ block 0..31 | block 32..55, purpose << 24 | step 0..31 | step 32..63 ]
 * and the 64-bit key is the seed, so that no two (seed, purpose, step, block) share a counter and key.               */
#include "tensor/base/rng.h"

#include <math.h>

#include "tensor/base/err.h"

enum { ROUNDS = 10 };
static const uint32_t MULTIPLIER_0 = 0xD2511F53, MULTIPLIER_1 = 0xCD9E8D57;      /* the paper's table 2           */
static const uint32_t WEYL_0 = 0x9E3779B9, WEYL_1 = 0xBB67AE85;                  /* golden ratio, sqrt(3) - 1     */

void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0;
        uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

Rng rng_stream(uint64_t seed, RngPurpose purpose, uint64_t step)
{
    return (Rng){ .key = { (uint32_t)seed, (uint32_t)(seed >> 32) },
                  .counter = { 0, (uint32_t)purpose << 24, (uint32_t)step, (uint32_t)(step >> 32) } };
}

uint32_t rng_u32(Rng *r)
{
    if (r->left == 0) {
        philox(r->counter, r->key, r->block);
        if (++r->counter[0] == 0) r->counter[1]++;
        r->left = 4;
    }
    return r->block[4 - r->left--];
}

static uint64_t rng_u64(Rng *r)
{
    uint64_t low = rng_u32(r);
    return low | (uint64_t)rng_u32(r) << 32;
}

double rng_uniform(Rng *r) { return (double)(rng_u64(r) >> 11) * 0x1p-53; }

double rng_normal(Rng *r)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(r)));      /* 1 - u is in (0, 1]: the logarithm is finite */
    return radius * cos(2 * 3.14159265358979323846 * rng_uniform(r));
}

int64_t rng_below(Rng *r, int64_t n)
{
    REQUIRE(n > 0, "rng_below: n is %lld", (long long)n);

    /* 2^64 mod n values at the bottom are one too many for an equal share: draw again. */
    uint64_t range = (uint64_t)n, surplus = (0 - range) % range, x;
    do x = rng_u64(r); while (x < surplus);
    return (int64_t)(x % range);
}

void rng_shuffle(Rng *r, int32_t *v, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = rng_below(r, i + 1);
        int32_t other = v[j];
        v[j] = v[i];
        v[i] = other;
    }
}

uint32_t rng_at(uint64_t seed, RngPurpose purpose, uint64_t step, uint64_t position)
{
    Rng      r     = rng_stream(seed, purpose, step);
    uint64_t block = position / 4;
    uint32_t out[4];

    r.counter[0] = (uint32_t)block;
    r.counter[1] |= (uint32_t)(block >> 32);
    philox(r.counter, r.key, out);
    return out[position % 4];
}

double rng_uniform_at(uint64_t seed, RngPurpose purpose, uint64_t step, uint64_t position)
{
    Rng r = rng_stream(seed, purpose, step);

    r.counter[0] = (uint32_t)position;
    r.counter[1] |= (uint32_t)(position >> 32);
    return rng_uniform(&r);
}

uint64_t rng_hash(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) hash = (hash ^ *c) * 0x100000001B3;
    return hash;
}
