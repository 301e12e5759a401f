/* ngrams.h - n-grams of words as numbers, n = 1 … 4.
 *
 * An n-gram is its first n-1 words, which are an n-gram themselves, and one word more: the pair (number of the prefix, word) is a key of 64
 * bits, so that a hash table of integers counts n-grams exactly, and all n-grams that begin at a place are found in one walk.     */
#ifndef LIMN_NGRAMS_H
#define LIMN_NGRAMS_H

#include <stdint.h>

enum { NGRAM_MOST = 4, NGRAM_ROOT = -1 };        /* the longest; the prefix of single words */

typedef struct Ngram { uint64_t key; int32_t count, order; } Ngram;              /* order: n - 1 */

typedef struct Ngrams {                          /* {0} to begin */
    Ngram   *list;                               /* [count], by number                                     */
    int32_t  count, room;
    int32_t *slot;                               /* number + 1, 0 where free; a power of two of them       */
    uint32_t slots;
} Ngrams;

void    ngrams_free(Ngrams *g);
int32_t ngrams_add(Ngrams *g, int32_t prefix, int32_t word);         /* its number, the next one when new: then its count is 0 */
int32_t ngrams_find(const Ngrams *g, int32_t prefix, int32_t word);  /* -1 when absent */

/* Adds the n-grams of a sentence, all orders, and counts them. */
void    ngrams_count(Ngrams *g, const int32_t *words, int32_t count);
/* How often each n-gram of g occurs in a sentence -> tally [g->count]. */
void    ngrams_tally(const Ngrams *g, const int32_t *words, int32_t count, int32_t *tally);

/* The numbers that the n-grams of g have in a larger table -> number [g->count]; -1: none, or added with the count 0. In a table that is
 * larger than the caches this is several times faster than one n-gram after the other. */
void    ngrams_find_all(const Ngrams *table, const Ngrams *g, int32_t *number);
void    ngrams_add_all(Ngrams *table, const Ngrams *g, int32_t *number);

#endif
