/* duplicates.h - what stands in a store more than once: within a split a waste, in two splits a leak, for what one asks the other has shown.
 *
 *   the same picture   equal SHA-256 of the source files (pictures without one, as composed ones, are none of them)
 *   near pictures      other files whose perceptual hashes (vision/phash.h) differ in at most so many of their 64 bits
 *   the same caption   equal after lower-casing, blanks at the ends left out and several made one
 *
 * The default of 6 bits was chosen on Flickr8k, 8,000 photographs, 32 million pairs: none but the one true duplicate is at most 6 bits
 * apart; the one pair at 8 and the 22 at 10 show different things (of the 187 at 12, 36 were looked at). Of 400 photographs changed
 * on purpose, at most 6 bits away are: all that were saved at JPEG quality 20, halved or made gray; 99 % of those 20 % brighter; all cut
 * by 1 % a side, 74 % by 2.5 %, 18 % by 5 %. (Distances are even, nearly always: half of the bits are set.)
 *
 * Memory: some 110 bytes a picture and 24 a caption. Equal hashes (a thousand white pages) are one hash with many pictures and cost nothing
 * more; for different hashes that crowd together the search has a bound, and says when it met it. Equality of files and captions
 * is that of 64 bits of a hash: among a million, one false pair in 40 million stores. */
#ifndef LIMN_DUPLICATES_H
#define LIMN_DUPLICATES_H

#include "datasets/inspect/near.h"
#include "datasets/store.h"

enum { DUPLICATES_NEAR = 6,                      /* bits                                                                */
       DUPLICATES_SPLITS = 64,                   /* later ones are taken together with the 64th                         */
       DUPLICATES_LISTED = 100000 };             /* pairs, across splits and within                                     */

/* In split a, how many have an equal (or near) one in split b; a == b: have another one in the same split. */
typedef struct Shared { int64_t of[DUPLICATES_SPLITS][DUPLICATES_SPLITS]; } Shared;

/* One occurrence of a picture or a caption. */
typedef struct Occurrence { uint64_t key; int64_t item; int32_t caption, split; } Occurrence;

/* Occurrences [from, from + count) are equal; count > 1. */
typedef struct Group { int64_t from, count, first; bool across; } Group;         /* first: its first item; across: in more than one split */

typedef struct Same {
    Occurrence *occurrences; int64_t count;      /* all, equal ones side by side                                        */
    Group      *groups; int64_t group_count;     /* across splits first, then larger first, then in store order         */
    int64_t     distinct, repeated;              /* repeated: occurrences that have an equal one                        */
    Shared      shared;
} Same;

typedef struct Twins { int64_t a, b; int distance; } Twins;                      /* items, a < b                        */

typedef struct Near {
    int64_t pairs[NEAR_MOST_BITS + 1];           /* of pictures, by distance                                            */
    int64_t pictures;                            /* that have a near one                                                */
    Shared  shared;
    Twins  *across, *within;                     /* by distance, then store order; at most DUPLICATES_LISTED each       */
    int64_t across_count, within_count;
    bool    cut;                                 /* the search met its bound: there may be more                         */
} Near;

typedef struct Duplicates {
    int      splits, bits;
    int32_t *split;                              /* of each item                                                        */
    Same     pictures, captions;
    Near     near;
} Duplicates;

/* bits: 0 to NEAR_MOST_BITS. */
Duplicates *duplicates_find(const Store *s, int bits);
void        duplicates_free(Duplicates *d);

/* "a dog  Runs" -> "a dog runs"; malloc'd. */
char *caption_normal(const char *text);

#endif
