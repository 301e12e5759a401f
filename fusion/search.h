/* search.h - decoding: what a captioner, or several together, says of pictures. Greedy and beam search, diverse beam search, sampling;
 * scoring of given captions; all batched, on the key/value cache. docs/decoding.md tells each option with its formula, paper and ties.
 *
 * Beam search keeps, for each picture, the `beam` best unfinished hypotheses by sum of scores. Each step extends them by every token.
 * Of the `beam` best extensions those that end in <eos> are put aside with their score: the sum (LENGTH_NONE), the sum over the number
 * of tokens, <eos> included (LENGTH_AVERAGE), or over ((5 + tokens) / 6)^alpha (LENGTH_GNMT; Wu et al. 2016, eq. 14); the best unfinished
 * ones go on. The `beam` best put aside are kept. A picture is done when as many are kept and no unfinished hypothesis beats the worst
 * of them at its present length (exact for LENGTH_NONE), or at max_length, where unfinished hypotheses are cut and compete too. This is
 * transformers' generate() with early_stopping=False, length_penalty 0 or 1 and suppress_tokens=[pad, bos].
 * Beam 1 is greedy search. Ties go to the lower token id, then to the earlier hypothesis.
 *
 * With `required`, there is a beam for each number of tokens that is still needed, as in grid beam search (Hokamp & Liu 2017); a caption
 * ends where nothing is. See search/constraints.c.
 *
 * With `samples`, captions are drawn from the model instead, token by token. The random number of a token is a function of seed,
 * picture key, sample and position, so that a sample is the same in any batch and on any number of threads.
 *
 * A token's score is its log-probability unless a rule changes it. The rules stand in this order, that of transformers' processors:
 *     diversity, repetition, no_repeat, forbidden, min_length, <pad> and <bos>, required;  when sampling, then: temperature, top_k, top_p, typical   */
#ifndef LIMN_SEARCH_H
#define LIMN_SEARCH_H

#include "fusion/captioner.h"

typedef enum LengthPenalty { LENGTH_NONE, LENGTH_AVERAGE, LENGTH_GNMT, LENGTH_PENALTIES } LengthPenalty;
extern const char *const LENGTH_NAMES[LENGTH_PENALTIES];             /* none, average, gnmt */

typedef struct Phrase { const int32_t *ids; int count; } Phrase;

/* One of these phrases must be in the caption. */
typedef struct Requirement { const Phrase *any; int count; } Requirement;

/* Whatever is 0 or NULL is off, where nothing else is said. */
typedef struct SearchOptions {
    int           beam;                          /* 1: greedy; not looked at when sampling                             */
    int           best;                          /* results a picture, at most beam; 0: 1                              */
    LengthPenalty length;
    double        alpha;                         /* of LENGTH_GNMT                                                     */
    int           groups;                        /* diverse beam search: the beam in so many groups (a divisor); 0: 1  */
    double        diversity;                     /* its strength: off a token's score for each time the groups before took it */

    int           samples;                       /* captions drawn a picture, which are its results; 0: search         */
    double        temperature;                   /* log-probabilities are divided by it; 0: 1                          */
    int           top_k;                         /* only the k most probable tokens                                    */
    double        top_p;                         /* nucleus: the fewest, most probable tokens of that mass             */
    double        typical;                       /* the fewest tokens of that mass whose surprise is nearest to entropy */
    uint64_t      seed;
    const uint64_t *keys;                        /* [I] names of the pictures for the random numbers; NULL: 0, 1, …    */

    int           min_length;                    /* tokens without <bos> and <eos>                                     */
    int           max_length;                    /* tokens without <bos>, <eos> included; at most the decoder's length */
    int           no_repeat;                     /* no n-gram of that length comes twice                               */
    double        repetition;                    /* penalty: log-probabilities of tokens that were there are multiplied */
    const Phrase *forbidden;                     /* never in a caption                                                 */
    int           forbidden_count;
    const Requirement *required;                 /* all of them in every caption; of beam search in one group          */
    int           required_count;

    int32_t       bos, eos, pad;                 /* bos and pad are never produced                                     */
    bool          attention;                     /* also return cross-attention, averaged over heads and layers        */
    bool          uncached;                      /* recompute everything at each step: for tests                       */
} SearchOptions;

typedef struct Hypothesis {
    int32_t *ids;  int count;                    /* without <bos> and <eos>                                            */
    bool     ended;                              /* with <eos>; otherwise cut at max_length                            */
    double   log_prob;                           /* sum over tokens, with <eos>, as the model has them                 */
    double   score;                              /* what the search ranked by; of a sample the log-probability of drawing it */
    double  *token_log_prob;                     /* [count + ended], the model's                                       */
    double  *attention;                          /* [count][N], of the step that produced the token, or NULL           */
} Hypothesis;

/* What the model's generation_config.json says: beam, longest caption, length penalty; its special tokens; one result a picture. */
SearchOptions search_defaults(const Model *m);
int           search_results(const SearchOptions *o);               /* results a picture: samples, or best             */

/* Tokens that a caption needs at least to have all that is required. */
int           search_required_tokens(const SearchOptions *o);

/* features (I,N,E) -> I x results hypotheses (in arena `keep`, which must not be the tape's), best first; samples in the order in which
 * they were drawn. Independent of what else is in the batch. Where there are fewer at all, the rest have no tokens and a score of
 * -INFINITY: a hypothesis that the rules let no token follow is none. The tape does not record meanwhile; its memory is as before
 * afterwards.                                                                                                          */
Hypothesis *search_captions(Tape *t, const Captioner *m, Tensor *features, SearchOptions o, Arena *keep);

/* ---- several models together: the mean of their probabilities --------------------------------------------------------- */

typedef struct Speaker  { const Captioner *captioner; Tensor *features; } Speaker;    /* features (I,N,E): N and E may differ */
typedef struct Ensemble { const Speaker *speakers; int count; } Ensemble;

/* As search_captions. Captions are at most as long as every decoder allows; attention is the first one's. */
Hypothesis *search_ensemble(Tape *t, Ensemble e, SearchOptions o, Arena *keep);
/* Do all models have the vocabulary of the first? Otherwise the error names the first token that differs. names: for the error. */
bool        ensemble_check(const Model *const *models, const char *const *names, int count, Err *err);

/* ---- given captions ------------------------------------------------------------------------------------------------------ */

typedef struct Given { const int32_t *ids; int count; int32_t image; } Given;         /* without <bos> and <eos>            */

/* What log-probabilities the tokens of given captions, and <eos> behind them, have when each follows the ones before (teacher forcing).
 * Of the options only length, alpha, attention and the special tokens are looked at. A caption that is longer than the decoder is cut,
 * and then has not ended. Results in arena `keep`, which must not be the tape's, in the order of `captions`.            */
Hypothesis *captions_score(Tape *t, Ensemble e, const Given *captions, int64_t count, SearchOptions o, Arena *keep);

#endif
