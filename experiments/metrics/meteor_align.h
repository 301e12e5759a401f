/* meteor_align.h - METEOR 1.5's alignment of a candidate with a reference (Denkowski and Lavie 2014, section 2).
 *
 * Of all matches between the two, a set is chosen in which no word is covered twice, by a beam search over the words of the reference, from
 * left to right: every partial alignment takes one of the matches that begin at the word, or none. Alignments are ranked by
 *     1. matched, the more the better                  2 of an exact match, n/2 + m/2 in whole numbers of another of n and m words, which is 0 for
 *                                                      single words. The paper says: words covered
 *     2. chunks, the fewer the better                  a chunk: matches that are neighbours, in the same order, on both sides
 *     3. distance, the less the better                 of an alignment that takes the k-th of the free matches: |start - start| of the first k - 1;
 *                                                      of one that takes none: of all of them. The paper says: of the matches taken.
 * and then in the order in which they arose. 40 are kept. A chunk counts once it is closed: by the first word of the reference behind it that
 * does not continue it. A word with one match, whose word in the candidate has no other, takes it in any case.
 * Three consequences, which are METEOR 1.5's: stems, synonyms and paraphrases of which there is a choice are taken only where they save
 * chunks or cost none; equal alignments differ in ways that look arbitrary; long captions of few different words may miss the best one. */
#ifndef LIMN_METEOR_ALIGN_H
#define LIMN_METEOR_ALIGN_H

#include <stdint.h>

#include "datasets/buffer.h"

typedef struct MeteorMatch {
    int32_t candidate, candidate_words, reference, reference_words;          /* first word and how many on each side */
    int32_t stage;                                                           /* 0: exact                             */
} MeteorMatch;

typedef struct MeteorAligner {                   /* room that is used again; {0} to begin; one a thread */
    Buffer matches;                              /* MeteorMatch: fill it; of two that begin at the same word of the reference the first comes first */
    Buffer sorted, first, covered, paths, next, history, chosen;
    int32_t chunks;
    int beam;                                    /* 0: METEOR's 40 */
} MeteorAligner;

/* -> how many matches are chosen, in a->chosen (MeteorMatch), the last one first; their chunks in a->chunks. */
int32_t meteor_align(MeteorAligner *a, int32_t candidate_words, int32_t reference_words);
void    meteor_aligner_free(MeteorAligner *a);

#endif
