/* sha256.c - SHA-256 (FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2.2); some 2 GB/s where the processor knows it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tensor/base/file.h"

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void block_portable(uint32_t h[8], const unsigned char *m)
{
    uint32_t w[64], v[8];

    for (int t = 0; t < 16; t++) w[t] = big_endian(m + 4 * t);
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    memcpy(v, h, sizeof v);                      /* a b c d e f g h */
    for (int t = 0; t < 64; t++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + ch + K[t] + w[t];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t mj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + s0 + mj;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

static void blocks_portable(uint32_t h[8], const unsigned char *m, size_t blocks)
{
    for (; blocks; blocks--, m += 64) block_portable(h, m);
}

/* ---- the same by the processor's own instructions ------------------------------------------------------------------------ */
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* Two rounds an instruction, on the state as (a b e f) and (c d g h); w holds the last sixteen words of the schedule. */
__attribute__((target("sha,sse4.1,ssse3")))
static void blocks_sha_ni(uint32_t h[8], const unsigned char *m, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)h), 0xb1);            /* b a d c */
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(h + 4)), 0x1b);     /* h g f e */
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

    for (; blocks; blocks--, m += 64) {
        __m128i w[4], abef0 = abef, cdgh0 = cdgh;
        for (int i = 0; i < 4; i++) w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(m + 16 * i)), swap);
        for (int i = 0; i < 16; i++) {
            __m128i k = _mm_add_epi32(w[i % 4], _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
            if (i >= 12) continue;
            __m128i last = w[(i + 3) % 4];
            __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]), _mm_alignr_epi8(last, w[(i + 2) % 4], 4));
            w[i % 4] = _mm_sha256msg2_epu32(sum, last);
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    low = _mm_shuffle_epi32(abef, 0x1b);         /* f e b a -> a b e f */
    high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(high, low, 8));
}

static bool has_sha_ni(void)
{
    unsigned a, b, c, d;
    return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29);
}
#else
static void blocks_sha_ni(uint32_t h[8], const unsigned char *m, size_t blocks) { blocks_portable(h, m, blocks); }
static bool has_sha_ni(void) { return false; }
#endif

static void sha_blocks(uint32_t h[8], const unsigned char *m, size_t blocks)
{
    static _Atomic int known;                    /* 0: not yet, 1: portable, 2: by the processor */
    if (!known) known = has_sha_ni() ? 2 : 1;
    (known == 2 ? blocks_sha_ni : blocks_portable)(h, m, blocks);
}

/* ---- messages ------------------------------------------------------------------------------------------------------------ */
void sha256_begin(Sha256 *s)
{
    *s = (Sha256){ .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(Sha256 *s, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    while (bytes) {
        size_t used = s->bytes % 64, n = 64 - used < bytes ? 64 - used : bytes;
        if (used == 0 && bytes >= 64) {
            n = bytes / 64 * 64;
            sha_blocks(s->h, p, n / 64);
        } else {
            memcpy(s->block + used, p, n);
            if (used + n == 64) sha_blocks(s->h, s->block, 1);
        }
        s->bytes += n;
        p += n;
        bytes -= n;
    }
}

void sha256_end(Sha256 *s, char hex[65])
{
    uint64_t bits = s->bytes * 8;
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha256_add(s, "\x80", 1);
    while (s->bytes % 64 != 56) sha256_add(s, "", 1);
    sha256_add(s, length, 8);
    for (int i = 0; i < 8; i++) snprintf(hex + 8 * i, 9, "%08x", s->h[i]);
}

void sha256_hex(const void *data, size_t bytes, char hex[65])
{
    Sha256 s;
    sha256_begin(&s);
    sha256_add(&s, data, bytes);
    sha256_end(&s, hex);
}

bool file_sha256(const char *path, char hex[65], Err *err)
{
    FILE *f = fopen(path, "rbe");
    if (!f) return fail(err, "cannot read %s: %s", path, strerror(errno));

    Sha256 s;
    char   chunk[1 << 16];
    size_t n;
    sha256_begin(&s);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) sha256_add(&s, chunk, n);
    bool broken = ferror(f) != 0;
    int  cause  = errno;
    fclose(f);
    if (broken) return fail(err, "cannot read %s: %s", path, strerror(cause));
    sha256_end(&s, hex);
    return true;
}
