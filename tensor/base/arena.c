/* arena.c - blocks in a chain, pieces bumped from the last block or taken from a free list.
 *
 *     block:  [Block][Piece|payload][Piece|payload] … free space …        piece sizes are multiples of 64
 *
 * Free pieces form a list sorted by address, so that joining neighbours looks only at the two beside; the best fit is
 * the smallest that is big enough. A free piece at the end of the last block goes back to the free space.
 * A round (until arena_reset) that needed several blocks is followed by one block, larger than all of them together.
 *
 * Under AddressSanitizer everything but the requested bytes is poisoned, except the fields of Piece, which have 24
 * poisoned bytes on either side.                                                                                     */
#include "tensor/base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tensor/base/err.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMN_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define LIMN_ASAN 1
#endif

#ifdef LIMN_ASAN
#include <sanitizer/asan_interface.h>
static void hide(const void *p, size_t bytes) { __asan_poison_memory_region(p, bytes); }
static void show(const void *p, size_t bytes) { __asan_unpoison_memory_region(p, bytes); }
#else
static void hide(const void *p, size_t bytes) { (void)p, (void)bytes; }
static void show(const void *p, size_t bytes) { (void)p, (void)bytes; }
#endif

enum { ALIGN = 64 };
static const size_t HUGE_PAGE = (size_t)2 << 20;

typedef struct Piece Piece;
struct Piece {                                   /* 64 bytes, in front of the payload           */
    char   red_before[24];
    size_t size;                                 /* with this header                            */
    Piece *next;                                 /* while free: the next free piece by address  */
    char   red_after[ALIGN - 24 - sizeof(size_t) - sizeof(Piece *)];
};

typedef struct Block Block;
struct Block {                                   /* followed by its pieces, at 64 bytes         */
    Block *next;
    size_t size, used, top;                      /* bytes of pieces: room, now, at most in this round */
};

struct Arena {
    Block *first, *current;                      /* blocks behind `current` are empty           */
    Piece *free;
    size_t block_bytes;                          /* smallest block                              */
    size_t live, peak;
};

static char *block_base(const Block *b) { return (char *)b + ALIGN; }

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static _Noreturn void out_of_memory(const Arena *a, size_t bytes)
{
    fprintf(stderr, "limn: out of memory: %zu bytes more are wanted, %zu are in use here; "
                    "a smaller batch or model needs less\n", bytes, a->live);
    exit(ERR_FAILED);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

static Piece *piece_at(char *at)
{
    Piece *p = (Piece *)(void *)at;
    show(&p->size, sizeof p->size + sizeof p->next);
    return p;
}

static char *piece_end(const Piece *p) { return (char *)p + p->size; }

/* Poisons the payload, and forgets that there were other pieces in it. */
static void piece_hide(Piece *p)
{
    hide(p, p->size);
    show(&p->size, sizeof p->size + sizeof p->next);
}

static void *piece_hand_out(Arena *a, Piece *p, size_t bytes)
{
    char *payload = (char *)p + sizeof(Piece);
    piece_hide(p);
    show(payload, bytes);
    a->live += p->size;
    if (a->live > a->peak) a->peak = a->live;
    return payload;
}

static Piece *take_best_fit(Arena *a, size_t size)
{
    Piece **best = NULL;

    for (Piece **link = &a->free; *link; link = &(*link)->next) {
        if ((*link)->size < size || (best && (*link)->size >= (*best)->size)) continue;
        best = link;
        if ((*link)->size == size) break;
    }
    if (!best) return NULL;

    Piece *p = *best;
    if (p->size >= size + 2 * sizeof(Piece)) {
        Piece *rest = piece_at((char *)p + size);
        rest->size = p->size - size;
        rest->next = p->next;
        *best = rest;
        p->size = size;
    } else {
        *best = p->next;
    }
    return p;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static Block *block_new(const Arena *a, size_t room)
{
    bool   huge  = room >= HUGE_PAGE;
    size_t bytes = round_up(ALIGN + room, huge ? HUGE_PAGE : ALIGN);
    Block *b     = aligned_alloc(huge ? HUGE_PAGE : ALIGN, bytes);

    if (!b) out_of_memory(a, room);
    if (huge) madvise(b, bytes, MADV_HUGEPAGE);
    *b = (Block){ .size = bytes - ALIGN };
    hide(block_base(b), b->size);
    return b;
}

static void block_free(Block *b)
{
    show(block_base(b), b->size);
    free(b);
}

static void blocks_free(Arena *a)
{
    for (Block *b = a->first, *next; b; b = next) {
        next = b->next;
        block_free(b);
    }
    a->first = a->current = NULL;
}

/* Makes `current` a block with that much room: the next empty one, or a new one in front of it. */
static void blocks_advance(Arena *a, size_t size)
{
    Block *next = a->current ? a->current->next : NULL;

    if (!next || next->size < size) {
        size_t held = 0;
        for (const Block *b = a->first; b; b = b->next) held += b->size;
        size_t room = a->block_bytes > held / 2 ? a->block_bytes : held / 2;   /* few blocks, however much is asked for */
        Block *b = block_new(a, room > size ? room : size);
        b->next = next;
        if (a->current) a->current->next = b;
        else            a->first = b;
        next = b;
    }
    a->current = next;
}

static Piece *bump(Arena *a, size_t size)
{
    if (!a->current || a->current->size - a->current->used < size) blocks_advance(a, size);

    Block *b = a->current;
    Piece *p = piece_at(block_base(b) + b->used);
    p->size = size;
    b->used += size;
    if (b->used > b->top) b->top = b->used;
    return p;
}

/* ---- the arena --------------------------------------------------------------------------------------------------- */

Arena *arena_new(size_t block_bytes)
{
    Arena *a = calloc(1, sizeof *a);
    if (!a) out_of_memory(&(Arena){ 0 }, sizeof *a);
    a->block_bytes = round_up(block_bytes + sizeof(Piece), ALIGN);
    return a;
}

void arena_free(Arena *a)
{
    if (!a) return;
    blocks_free(a);
    free(a);
}

void *arena_alloc(Arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 4) out_of_memory(a, bytes);

    size_t size = sizeof(Piece) + round_up(bytes ? bytes : 1, ALIGN);
    Piece *p    = take_best_fit(a, size);
    return piece_hand_out(a, p ? p : bump(a, size), bytes);
}

void *arena_zeros(Arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

char *arena_text(Arena *a, const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(arena_alloc(a, bytes), text, bytes);
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int length = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    REQUIRE(length >= 0, "arena_printf: bad format '%s'", fmt);
    char *text = arena_alloc(a, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return text;
}

void arena_give_back(Arena *a, void *piece)
{
    if (!piece) return;

    Piece  *p    = (Piece *)(void *)((char *)piece - sizeof(Piece));
    Piece  *prev = NULL;
    Piece **link = &a->free;
    while (*link && *link < p) {
        prev = *link;
        link = &prev->next;
    }
    REQUIRE((!prev || piece_end(prev) <= (char *)p) && (!*link || piece_end(p) <= (char *)*link),
            "arena_give_back: %p was given back already", piece);

    a->live -= p->size;
    p->next = *link;
    *link   = p;
    if (p->next && piece_end(p) == (char *)p->next) {
        p->size += p->next->size;
        p->next  = p->next->next;
    }
    if (prev && piece_end(prev) == (char *)p) {
        prev->size += p->size;
        prev->next  = p->next;
        p = prev;
    }
    piece_hide(p);

    Block *b = a->current;
    if (piece_end(p) == block_base(b) + b->used) {           /* p is the last of its block: back to the free space */
        for (link = &a->free; *link != p; link = &(*link)->next) { }
        *link    = p->next;
        b->used -= p->size;
    }
}

ArenaMark arena_mark(const Arena *a)
{
    return (ArenaMark){ .block = a->current, .used = a->current ? a->current->used : 0 };
}

/* Takes out of the free list what lies in [from, to). */
static void forget_free(Arena *a, const char *from, const char *to)
{
    for (Piece **link = &a->free; *link; ) {
        Piece *p = *link;
        if (piece_end(p) <= from || (const char *)p >= to) link = &p->next;
        else if ((const char *)p >= from)                  *link = p->next;
        else                                               p->size = (size_t)(from - (char *)p), link = &p->next;
    }
}

static void block_cut(Arena *a, Block *b, size_t used)
{
    if (used >= b->used) return;
    char *from = block_base(b) + used;
    forget_free(a, from, block_base(b) + b->used);
    hide(from, b->used - used);
    b->used = used;
}

void arena_release(Arena *a, ArenaMark m)
{
    Block *keep = m.block;

    if (keep) block_cut(a, keep, m.used);
    for (Block *b = keep ? keep->next : a->first; b; b = b->next) block_cut(a, b, 0);
    a->current = keep ? keep : a->first;

    a->live = 0;
    for (const Block *b = a->first; b; b = b->next) a->live += b->used;
    for (const Piece *p = a->free; p; p = p->next)  a->live -= p->size;
}

void arena_reset(Arena *a)
{
    size_t needed = 0, blocks = 0;
    for (const Block *b = a->first; b; b = b->next) {
        needed += b->top;
        blocks += b->top > 0;
    }
    arena_release(a, (ArenaMark){ 0 });
    for (Block *b = a->first; b; b = b->next) b->top = 0;
    if (blocks > 1) {
        blocks_free(a);
        a->first = a->current = block_new(a, needed + needed / 2);   /* memory never touched costs nothing, the next round may want more */
    }
}

size_t arena_live(const Arena *a) { return a->live; }
size_t arena_peak(const Arena *a) { return a->peak; }
