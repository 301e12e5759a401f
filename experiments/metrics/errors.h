/* errors.h - what captions leave out and what they make up, in nouns, attributes and numbers (lexicon.h), against their references.
 *
 *     agreed    a concept that at least half of the image's references name, counted once an image
 *     omitted   an agreed concept that the caption does not name
 *     said      a concept that the caption names, counted once an image
 *     invented  a said concept that no reference of the image names
 *
 * A concept is named by a word with the same base form or a synonym of it (lexicon_same). "man" does not name "person": a more general word
 * is another concept. With five references most people missed what is in two of them: no omission; what only one of them saw is no invention.
 * Shares are omitted / agreed and invented / said, by kind, by the caption's number of words, and by how many of the training captions
 * (without them: of the references) name the concept.                                                                     */
#ifndef LIMN_ERRORS_H
#define LIMN_ERRORS_H

#include <jansson.h>
#include <stdio.h>

#include "experiments/metrics/lexicon.h"
#include "experiments/metrics/metric.h"

enum { LENGTHS = 5, FREQUENCIES = 4 };           /* 1-6, 7-8, 9-10, 11-12, 13 words; 1 of 30 captions, of 300, of 3,000, fewer */

typedef struct Tally { int64_t agreed, omitted, said, invented; } Tally;
typedef struct ConceptTally { Term term; Tally tally; } ConceptTally;

typedef struct CaptionErrors {
    Tally         all[TERM_KINDS], by_length[LENGTHS][TERM_KINDS], by_frequency[FREQUENCIES][TERM_KINDS];
    ConceptTally *concepts;                      /* of every one that was agreed on or said */
    int32_t       count;
} CaptionErrors;

/* How many captions name a concept. */
typedef struct ConceptCounts { int64_t *of, captions; int32_t concepts; } ConceptCounts;

typedef struct ErrorAnalysis {                   /* what the errors of all systems are measured by */
    Lexicon      *lexicon;
    ConceptCounts frequency;
    char         *counted;                       /* whose captions these are: "the references", "the captions of FILE" */
} ErrorAnalysis;

/* WordNet from its folder, or from where Debian's wordnet-base has it; frequencies from the training captions. Where there is no WordNet,
 * the lexicon has closed lists only; without training captions these references are counted. */
bool error_analysis_open(ErrorAnalysis *a, const MetricOptions *o, const CaptionSet *references, Err *err);
void error_analysis_close(ErrorAnalysis *a);     /* {0} is allowed */

/* Adds to `out`, which begins as {0}: errors of several runs of a group are those of all their captions. */
void errors_add(const ErrorAnalysis *a, const CaptionSet *s, CaptionErrors *out);
void errors_free(CaptionErrors *e);

/* Side by side; names NULL for one. */
void    errors_print(const ErrorAnalysis *a, const CaptionErrors *systems, const char *const *names, int count, FILE *out);
json_t *errors_json(const ErrorAnalysis *a, const CaptionErrors *e);

#endif
