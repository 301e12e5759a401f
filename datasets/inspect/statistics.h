/* statistics.h - the numbers of a store: pictures' sizes, captions' lengths, what the vocabulary covers, boxes' sizes.
 *
 * Memory: 16 bytes for each box while they are sorted for percentiles. */
#ifndef LIMN_STATISTICS_H
#define LIMN_STATISTICS_H

#include "datasets/store.h"

/* Percentiles are those of numpy.percentile: between two values, in proportion. All zero when count is 0. */
typedef struct Spread { int64_t count; double mean, least, p5, median, p95, most; } Spread;

/* counts.of[n]: how many have the value n; the last: so many or more. */
enum { COUNTS_MOST = 128 };
typedef struct Counts { int64_t of[COUNTS_MOST + 1]; } Counts;

typedef struct CaptionStatistics {
    int64_t pictures, captions, boxes;
    Spread  words, tokens;                       /* of a caption: between blanks; ids of the vocabulary                 */
    Counts  lengths, a_picture;                  /* words of a caption; captions of a picture                           */
} CaptionStatistics;

/* Of captions, and of phrases that stand in no caption. */
typedef struct Coverage {
    int64_t words, unknown;                      /* unknown: those that are not in the vocabulary and become <unk>      */
    int64_t types, missing;                      /* different words, and those of them that are not in the vocabulary   */
    int64_t texts, touched;                      /* touched: texts with an unknown word                                 */
} Coverage;

typedef struct MissingWord { char *word; int64_t count; } MissingWord;
typedef struct VocabularyStatistics {
    char        kind[32];                        /* "word"; "": the store has no vocabulary                             */
    int64_t     size, special, used;             /* ids; used: of the others, those that occur                          */
    Coverage   *splits, all;                     /* for kind "word" only                                                */
    MissingWord *missing; int64_t missing_count; /* the most frequent ones, at most STATISTICS_MISSING                  */
} VocabularyStatistics;
enum { STATISTICS_MISSING = 100 };

typedef struct Sizes { Spread width, height, aspect; } Sizes;        /* aspect: width / height                          */

/* As in COCO's evaluation: small below 32^2 pixels, large above 96^2. */
typedef struct AreaCounts { int64_t small, medium, large; } AreaCounts;
typedef struct BoxStatistics {
    int64_t    boxes, phrases, in_captions;      /* phrases: boxes that have one; in_captions: a piece of a caption     */
    Spread     share, words;                     /* of the stored picture's area; of a phrase                           */
    AreaCounts original, stored;                 /* by the area in the original's pixels, and in the stored picture's   */
} BoxStatistics;

typedef struct Statistics {
    int                  splits;
    CaptionStatistics   *split, all;
    Sizes                original, stored;
    int64_t              source_bytes, masks;
    VocabularyStatistics vocabulary;
    BoxStatistics        boxes[BOX_KINDS];
} Statistics;

/* NULL only when the store's tokenizer or preprocessing record cannot be read. */
Statistics *statistics_of(const Store *s, Err *err);
void        statistics_free(Statistics *t);

int text_words(const char *text);                /* between blanks                                                      */

#endif
