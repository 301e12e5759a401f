/* evaluate.h - measuring a captioner on a split: teacher-forced loss, captions by search, and on composed pictures their truth.
 *
 *     loss        mean of -log p(token | picture, earlier tokens) over all tokens of all captions, <eos> included, in nats;
 *                 a caption longer than the decoder counts up to where it is cut; of an ensemble, p is the mean of its models'
 *     perplexity  exp(loss)
 *     named       share of the pictures' objects that the captions name (by noun, each as often as it is there)
 *     true        share of the captions' clauses that are true of their picture;  parsed: share of captions in the grammar
 *     invented    nouns a caption that are not in its picture                                                          */
#ifndef LIMN_EVALUATE_H
#define LIMN_EVALUATE_H

#include "datasets/features.h"
#include "datasets/store.h"
#include "experiments/metrics/caption_set.h"
#include "experiments/progress.h"
#include "fusion/captioner.h"
#include "fusion/search.h"

typedef struct Subject {                         /* who is measured, on what */
    Tape            *tape;
    const Captioner *captioner;
    const Tokenizer *tokenizer;
    const Preprocess *preprocess;
    Store           *store;
    Features        *features;                   /* NULL: pictures are encoded */
    const Captioner *const *others; int other_count;     /* speak with it, from the same pixels (not from features) */
} Subject;

typedef struct EvaluateOptions {
    const char   *split;
    int64_t       pictures;                      /* at most; 0: all            */
    int           batch;                         /* pictures at once           */
    bool          loss, captions;                /* what to measure            */
    bool          details;                       /* also keep what was found   */
    SearchOptions search;
    Progress     *progress;                      /* NULL: silent               */
} EvaluateOptions;

/* The first of the captions that were found for a picture; with `details`, all of them. */
typedef struct Captioned { int64_t item; char *text; double log_prob; Hypothesis *found; } Captioned;

typedef struct Evaluation {
    int64_t    pictures, captions, tokens;
    double     loss, perplexity;
    Captioned *results;                          /* [pictures], malloc'd       */
    int        found_each;                       /* of `found`                 */
    Arena     *keep;                             /* what `found` lives in      */
    bool       composed;                         /* the truth is known         */
    double     parsed, true_clauses, named, invented;
    double     seconds;
} Evaluation;

bool evaluate(const Subject *s, const EvaluateOptions *o, Evaluation *out, Err *err);
void evaluation_free(Evaluation *e);

/* Its captions and the references of their pictures, for the metrics; a picture without references is left out. caption_set_free. */
CaptionSet *evaluation_captions(const Evaluation *e, const Store *s);

/* Features of items, from the cache or the encoder; in the tape's arena. */
Tensor *subject_features(const Subject *s, const int64_t *items, int64_t count, Err *err);

#endif
