/* search.h - decoding: greedy and beam search, batched, on the key/value cache.
 *
 * Beam search keeps, for each picture, the `beam` best unfinished hypotheses by sum of log-probabilities; a hypothesis that ends in
 * <eos> is put aside with its score: the sum (LENGTH_NONE) or the sum over the number of tokens, <eos> included (LENGTH_AVERAGE).
 * A picture is done when no unfinished hypothesis can beat the worst kept finished one (exact for LENGTH_NONE) or at max_length.
 * Beam 1 is greedy search. Ties go to the lower token id, then to the earlier hypothesis.                             */
#ifndef LIMN_SEARCH_H
#define LIMN_SEARCH_H

#include "fusion/captioner.h"

typedef enum LengthPenalty { LENGTH_NONE, LENGTH_AVERAGE } LengthPenalty;

typedef struct SearchOptions {
    int           beam;                          /* 1: greedy                                                          */
    int           best;                          /* results a picture, at most beam; 0: 1                              */
    int           max_length;                    /* tokens without <bos>, <eos> included                               */
    LengthPenalty length;
    int32_t       bos, eos, pad;
    bool          attention;                     /* also return cross-attention, averaged over heads and layers        */
    bool          uncached;                      /* recompute everything at each step: for tests                       */
} SearchOptions;

typedef struct Hypothesis {
    int32_t *ids;  int count;                    /* without <bos> and <eos>                                            */
    bool     ended;                              /* with <eos>, or cut at max_length                                   */
    double   log_prob, score;                    /* sum over tokens (with <eos>); what the search ranked by            */
    double  *token_log_prob;                     /* [count + ended]                                                    */
    double  *attention;                          /* [count][N] or NULL                                                 */
} Hypothesis;

/* features (I,N,E) -> I x best hypotheses in `results` (arena `keep`), best first. Independent of what else is in the batch. */
Hypothesis *search_captions(Tape *t, const Captioner *m, Tensor *features, SearchOptions o, Arena *keep);

#endif
