/* engine.h - what the parts of the search share: hypotheses as chains of tokens, the rows of the decoder, and lanes.
 *
 * A lane is what chooses together: the beam of a picture, a group of it, or one of its samples. It has up to `width` rows (times banks:
 * constraints.c), each an unfinished hypothesis. At each step the engine computes the log-probabilities of all rows; a chooser (beam.c, sample.c) says for each lane
 * which extensions there are; and the engine carries that out.                                                        */
#ifndef LIMN_SEARCH_ENGINE_H
#define LIMN_SEARCH_ENGINE_H

#include "fusion/search.h"

/* A hypothesis points to its last token, and each token to the one before it, so that hypotheses share their beginnings. */
typedef struct Word Word;
struct Word {
    const Word   *before;                        /* NULL: <bos> stands before                                          */
    int32_t       token;
    int           count;                         /* tokens so far                                                      */
    double        log_prob, score_sum;           /* of this token, the model's; of all, by the rules                   */
    const double *attention;                     /* (N) or NULL                                                        */
};

/* An extension of a row by a token. */
typedef struct Candidate { double score_sum, log_prob; int32_t token; int64_t row; } Candidate;

typedef struct Finished { const Word *last; bool ended; double score; } Finished;

typedef struct Lane {
    int64_t    from, to;                         /* its rows in `now`                                                  */
    Finished  *kept;   int kept_count;           /* best first, at most width                                          */
    Candidate *chosen; int chosen_count;         /* of this step, best first in each bank, at most 2 width a bank      */
} Lane;

typedef struct Rows { int64_t count; const Word **last; int32_t *image_of, *from; } Rows;   /* from: its row one step before */

/* What one thread works in. */
typedef struct Ranked { double value; int32_t token; } Ranked;
typedef struct Scratch {
    real    *read;                               /* [V]                                                                */
    double  *log_probs, *scores;                 /* [V] the model's; what the rules make of them                       */
    Ranked  *ranked;                             /* [V]                                                                */
    int32_t *taken;                              /* [V] how often the groups before chose a token in this step         */
    int32_t *needed;                             /* [V] required tokens that are needed after it; its bank             */
    int     *filled;                             /* [banks] candidates so far                                          */
    int32_t *ids;                                /* [max_length + 1] tokens of the row                                 */
} Scratch;

typedef struct Search {
    Tape            *t;
    Ensemble         e;
    SearchOptions    o;
    Arena           *work;
    int64_t          pictures, tokens, vocab;    /* I, N of the first speaker, V                                       */
    int              lanes, width, banks;        /* lanes a picture, banks a lane, hypotheses a bank; one bank where no
                                                    word is required */
    Tensor        ***memory;                     /* a speaker's, as captioner_memory gives it                          */
    KvCache        **cache;                      /* a speaker's; NULL: everything is computed again at each step       */
    int              step;                       /* tokens that every row has                                          */
    Rows             now, next;
    Tensor         **log_probs;                  /* a speaker's (rows,V) of this step                                  */
    double          *attention;                  /* the first speaker's, rows x (N) of this step, or NULL              */
    Lane            *lane;                       /* [I][lanes]                                                         */
    Scratch         *scratch;                    /* one a thread                                                       */
} Search;

void search_step(Search *s);                     /* every lane takes a step; the rows that go on become s->now         */
/* Fills w->log_probs, w->ids and, by the rules, w->scores of a row; -INFINITY: never. taken: NULL or [V], for `diversity`. */
void row_scores(const Search *s, int64_t row, const int32_t *taken, Scratch *w);

/* Choosers: fill `chosen` of the picture's lanes. They run on all threads, a picture each. */
void beam_choose(const Search *s, int64_t picture, Scratch *w);
void sample_choose(const Search *s, int64_t picture, Scratch *w);

/* From scores [V] to the log-probabilities of the distribution to draw from: temperature, top_k, top_p, typical. ranked: [V] to work in. */
void sample_warp(const SearchOptions *o, double *scores, int64_t vocab, Ranked *ranked);

/* ids [count]: the tokens so far. Changes scores [V], log-probabilities at first. */
typedef struct RowState { const int32_t *ids; int count; const int32_t *taken; } RowState;
void rules_apply(const SearchOptions *o, RowState row, int64_t vocab, double *scores);

/* after [V]: the tokens that are needed when a token follows ids [count], which has room for one more. */
void constraints_needed(const SearchOptions *o, int32_t *ids, int count, int64_t vocab, int32_t *after);
void constraints_apply(const SearchOptions *o, int count, int64_t vocab, const int32_t *after, double *scores);

/* The mean of the speakers' probabilities in row `row`, as log-probabilities; -INFINITY where one has gone wrong (NaN). log_probs: a
 * speaker's (rows,V). read: [V] to work in. */
void ensemble_mean(Tensor *const *log_probs, int speakers, int64_t row, real *read, double *mean);
/* Cross-attention of position t of a row, averaged over layers and heads, into mean (N). probs[layer] is (rows,H,T,N). */
void mean_attention(Tensor *const *probs, int depth, int64_t row, int64_t t, double *mean);

int    ensemble_length(Ensemble e);              /* positions that all decoders have                                   */
double length_score(const SearchOptions *o, double sum, int count);

#endif
