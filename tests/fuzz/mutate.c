/* mutate.c - damage by numbers of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"). */
#include "mutate.h"

#include <stdbool.h>
#include <string.h>

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* 0 … n-1; n 0: 0. */
static size_t below(uint64_t *state, size_t n) { return n ? (size_t)(next(state) % n) : 0; }

/* A piece's length: mostly short. */
static size_t length(uint64_t *state, size_t most)
{
    size_t n = 1 + below(state, below(state, 4) ? 8 : most);
    return n < most ? n : most;
}

static void insert(Buffer *b, size_t at, const char *piece, size_t bytes)
{
    if (b->used + bytes > MUTATION_LARGEST) return;
    buffer_room(b, bytes + 1);
    memmove(b->p + at + bytes, b->p + at, b->used - at);
    memcpy(b->p + at, piece, bytes);
    b->used += bytes;
}

static void put_number(Buffer *b, uint64_t *state)
{
    static const uint64_t LIMITS[] = { 0, 1, 7, 8, 16, 32, 64, 100, 127, 128, 255, 256, 512, 1000, 1024, 4096, 32767, 32768, 65535, 65536,
                                       0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff };
    size_t   bytes = (size_t)1 << below(state, 4);
    uint64_t v = LIMITS[below(state, sizeof LIMITS / sizeof *LIMITS)];
    bool     big = below(state, 2);

    if (b->used < bytes) return;
    size_t at = below(state, b->used - bytes + 1);
    for (size_t i = 0; i < bytes; i++) b->p[at + i] = (char)(v >> 8 * (big ? bytes - 1 - i : i));
}

/* Digits of a text become other ones, or many. */
static void put_digits(Buffer *b, uint64_t *state)
{
    static const char *const NUMBERS[] = { "0", "-1", "1e999", "99999999999999999999", "2147483648",
                                         "-9223372036854775809", "0.5", "NaN", "00", "65536" };
    const char *n = NUMBERS[below(state, sizeof NUMBERS / sizeof *NUMBERS)];
    size_t from = below(state, b->used), to;

    while (from < b->used && (b->p[from] < '0' || b->p[from] > '9')) from++;
    for (to = from; to < b->used && b->p[to] >= '0' && b->p[to] <= '9'; to++) ;
    if (from == to) return;
    memmove(b->p + from, b->p + to, b->used - to);
    b->used -= to - from;
    insert(b, from, n, strlen(n));
}

static void damage(Buffer *b, const Corpus *c, uint64_t *state)
{
    const Buffer *other = &c->input[below(state, (size_t)c->count)];
    size_t at = below(state, b->used), bytes = length(state, b->used - at), from = below(state, other->used);

    switch (below(state, 9)) {
    case 0: if (b->used) b->p[at] ^= (char)(1 << below(state, 8)); break;
    case 1: if (b->used) b->p[at] = (char)next(state); break;
    case 2: put_number(b, state); break;
    case 3: put_digits(b, state); break;
    case 4: b->used = at; break;
    case 5:
        memmove(b->p + at, b->p + at + bytes, b->used - at - bytes);
        b->used -= bytes;
        break;
    case 6: {
        char piece[512];
        if (bytes > sizeof piece) bytes = sizeof piece;
        memcpy(piece, b->p + at, bytes);
        for (size_t times = 1 + below(state, 8); times; times--) insert(b, at, piece, bytes);
        break;
    }
    case 7: insert(b, at, other->p + from, length(state, other->used - from)); break;
    default:                                     /* its tail is that of another */
        b->used = at;
        insert(b, at, other->p + from, other->used - from);
    }
}

void mutate(const Corpus *c, uint64_t n, Buffer *out)
{
    const Buffer *from = &c->input[n % (uint64_t)c->count];
    uint64_t state = n * 0x2545f4914f6cdd1d + 1;

    out->used = 0;
    buffer_add(out, from->p, from->used);
    buffer_room(out, 1);
    for (size_t times = 1 + below(&state, 4); times; times--) damage(out, c, &state);
}
