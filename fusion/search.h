/* search.h - decoding: greedy and beam search, batched, on the key/value cache.
 *
 * Beam search keeps, for each picture, the `beam` best unfinished hypotheses by sum of log-probabilities. Each step extends them by
 * every token. Of the `beam` best extensions those that end in <eos> are put aside with their score: the sum (LENGTH_NONE) or the sum
 * over the number of tokens, <eos> included (LENGTH_AVERAGE); the best unfinished ones go on. The `beam` best put aside are kept.
 * A picture is done when as many are kept and no unfinished hypothesis beats the worst of them at its present length (exact for
 * LENGTH_NONE), or at max_length, where unfinished hypotheses are cut and compete too. This is transformers' generate() with
 * early_stopping=False, length_penalty 0 or 1 and suppress_tokens=[pad, bos].
 * Beam 1 is greedy search. Ties go to the lower token id, then to the earlier hypothesis.                             */
#ifndef LIMN_SEARCH_H
#define LIMN_SEARCH_H

#include "fusion/captioner.h"

typedef enum LengthPenalty { LENGTH_NONE, LENGTH_AVERAGE } LengthPenalty;

typedef struct SearchOptions {
    int           beam;                          /* 1: greedy                                                          */
    int           best;                          /* results a picture, at most beam; 0: 1                              */
    int           max_length;                    /* tokens without <bos>, <eos> included; at most the decoder's length */
    LengthPenalty length;
    int32_t       bos, eos, pad;                 /* bos and pad are never produced                                     */
    bool          attention;                     /* also return cross-attention, averaged over heads and layers        */
    bool          uncached;                      /* recompute everything at each step: for tests                       */
} SearchOptions;

typedef struct Hypothesis {
    int32_t *ids;  int count;                    /* without <bos> and <eos>                                            */
    bool     ended;                              /* with <eos>; otherwise cut at max_length                            */
    double   log_prob, score;                    /* sum over tokens (with <eos>); what the search ranked by            */
    double  *token_log_prob;                     /* [count + ended]                                                    */
    double  *attention;                          /* [count][N], of the step that produced the token, or NULL           */
} Hypothesis;

/* What the model's generation_config.json says: beam, longest caption, length penalty; its special tokens; one result a picture. */
SearchOptions search_defaults(const Model *m);

/* features (I,N,E) -> I x best hypotheses (in arena `keep`, which must not be the tape's), best first. Independent of what else is in the
 * batch. Where there are fewer than `best` at all, the rest have no tokens and a score of -INFINITY. The tape does not record
 * meanwhile; its memory is as before afterwards.                                                                       */
Hypothesis *search_captions(Tape *t, const Captioner *m, Tensor *features, SearchOptions o, Arena *keep);

#endif
