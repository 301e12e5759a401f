/* test_rng.c - Philox against its authors' known answers; streams, distributions. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tensor/base/rng.h"

Test(rng, philox_gives_the_published_known_answers)
{
    /* Random123 1.14, tests/kat_vectors, philox4x32 10. */
    static const struct { uint32_t counter[4], key[2], out[4]; } KNOWN[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        philox(KNOWN[i].counter, KNOWN[i].key, out);
        for (int k = 0; k < 4; k++) cr_expect_eq(out[k], KNOWN[i].out[k], "vector %d word %d", i, k);
    }
}

Test(rng, stream_and_position_agree)
{
    Rng r = rng_stream(0x123456789abcdef0, RNG_DROPOUT, 77);
    for (uint64_t i = 0; i < 1000; i++) cr_assert_eq(rng_u32(&r), rng_at(0x123456789abcdef0, RNG_DROPOUT, 77, i));
}

Test(rng, numbers_differ_by_seed_purpose_step_and_position)
{
    uint32_t base = rng_at(5, RNG_INIT, 9, 100);
    cr_expect_neq(base, rng_at(6, RNG_INIT, 9, 100));
    cr_expect_neq(base, rng_at(5 + (1ull << 40), RNG_INIT, 9, 100));
    cr_expect_neq(base, rng_at(5, RNG_SHUFFLE, 9, 100));
    cr_expect_neq(base, rng_at(5, RNG_INIT, 10, 100));
    cr_expect_neq(base, rng_at(5, RNG_INIT, 9 + (1ull << 40), 100));
    cr_expect_neq(base, rng_at(5, RNG_INIT, 9, 100 + (1ull << 40)));
}

Test(rng, uniform_fills_the_unit_interval_evenly)
{
    Rng r = rng_stream(1, RNG_TEST, 0);
    int bins[20] = { 0 };
    double chi = 0;
    for (int i = 0; i < 200000; i++) {
        double u = rng_uniform(&r);
        cr_assert(u >= 0 && u < 1);
        bins[(int)(20 * u)]++;
    }
    for (int i = 0; i < 20; i++) chi += (bins[i] - 1e4) * (bins[i] - 1e4) / 1e4;
    cr_expect_lt(chi, 43.8, "chi-squared %g of 19 degrees of freedom, p = 0.001", chi);
}

Test(rng, normal_has_the_moments_of_a_normal)
{
    enum { N = 400000 };
    Rng r = rng_stream(2, RNG_TEST, 0);
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    for (int i = 0; i < N; i++) {
        double z = rng_normal(&r);
        cr_assert(isfinite(z));
        m1 += z, m2 += z * z, m3 += z * z * z, m4 += z * z * z * z;
    }
    cr_expect(fabs(m1 / N) < 0.01 && fabs(m2 / N - 1) < 0.01 && fabs(m3 / N) < 0.03 && fabs(m4 / N - 3) < 0.1,
              "%g %g %g %g", m1 / N, m2 / N, m3 / N, m4 / N);
}

Test(rng, below_is_even_and_in_range)
{
    Rng r = rng_stream(3, RNG_TEST, 0);
    int bins[7] = { 0 };
    for (int i = 0; i < 70000; i++) {
        int64_t k = rng_below(&r, 7);
        cr_assert(k >= 0 && k < 7);
        bins[k]++;
    }
    for (int i = 0; i < 7; i++) cr_expect(abs(bins[i] - 10000) < 400, "%d: %d", i, bins[i]);
    cr_expect_eq(rng_below(&r, 1), 0);
    cr_expect_geq(rng_below(&r, INT64_MAX), 0);
}

Test(rng, shuffle_is_a_permutation_and_every_place_is_as_likely)
{
    Rng r = rng_stream(4, RNG_TEST, 0);
    int count[5][5] = { { 0 } };
    for (int i = 0; i < 20000; i++) {
        int32_t v[5] = { 0, 1, 2, 3, 4 };
        int seen = 0;
        rng_shuffle(&r, v, 5);
        for (int k = 0; k < 5; k++) count[k][v[k]]++, seen |= 1 << v[k];
        cr_assert_eq(seen, 31);
    }
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 5; k++) cr_expect(abs(count[i][k] - 4000) < 260, "%d at %d: %d", k, i, count[i][k]);
}

Test(rng, hash_is_fnv_1a)
{
    cr_expect_eq(rng_hash(""), 0xcbf29ce484222325);
    cr_expect_eq(rng_hash("a"), 0xaf63dc4c8601ec8c);
    cr_expect_eq(rng_hash("foobar"), 0x85944171f73967e8);
}
