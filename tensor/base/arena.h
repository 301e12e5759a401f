/* arena.h - memory with a lifetime instead of an owner.
 *
 * An arena grows by blocks. Everything in it ends together (arena_reset), or back to a mark (arena_release), or, one
 * piece at a time, by giving it back for reuse within the same arena (arena_give_back: a best-fit free list that joins
 * neighbours). Pieces are 64-byte aligned. Under AddressSanitizer they have red zones and are poisoned when given back.
 *
 * Mark/release and give-back do not mix: after a give-back, a mark taken earlier may still be released (the free list
 * forgets what lies above it).                                                                                      */
#ifndef LIMN_ARENA_H
#define LIMN_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;
typedef struct ArenaMark { void *block; size_t used; } ArenaMark;

Arena *arena_new(size_t block_bytes);            /* blocks of at least that many bytes; the first on first use */
void   arena_free(Arena *a);                     /* NULL is allowed                                            */

void  *arena_alloc(Arena *a, size_t bytes);      /* not cleared                                                */
void  *arena_zeros(Arena *a, size_t bytes);
char  *arena_text(Arena *a, const char *text);   /* a copy                                                     */
char  *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void   arena_give_back(Arena *a, void *piece);   /* NULL is allowed                                            */

ArenaMark arena_mark(const Arena *a);
void      arena_release(Arena *a, ArenaMark m);  /* everything allocated since the mark ends                   */
void      arena_reset(Arena *a);                 /* everything ends; the memory is kept for the next round     */

size_t arena_live(const Arena *a);               /* bytes in use now ...                                       */
size_t arena_peak(const Arena *a);               /* ... and at most, since arena_new                           */

#endif
