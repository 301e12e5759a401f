/* caption_set.h - what the metrics look at: images, each with one candidate caption and its references, tokenised as coco-caption does
 * (text/ptb.h).
 *
 * A word is a number: the same spelling has the same number throughout the set, so that metrics count and compare integers.
 * Images stand in the order in which they were added. A set is filled, then read by any number of threads.              */
#ifndef LIMN_CAPTION_SET_H
#define LIMN_CAPTION_SET_H

#include <stddef.h>
#include <stdint.h>

typedef struct Sentence {
    const int32_t *words;                        /* [count], each below caption_set_words                              */
    /* The same, but for tokens with white space in them ("1 1/2" with a no-break space): coco-caption's BLEU and CIDEr-D split tokenised
     * captions at any white space of Unicode, its ROUGE-L and METEOR at the blanks between tokens. */
    const int32_t *pieces;                       /* [piece_count]                                                      */
    const char    *text;                         /* as it was given                                                    */
    int32_t        count, piece_count;
} Sentence;

typedef struct Judged {                          /* an image and what is said of it */
    int64_t         id;                          /* COCO's image_id                                                    */
    Sentence        candidate;                   /* text NULL while there is none                                      */
    const Sentence *others;                      /* candidates that were set before this one; only mutual BLEU sees them */
    const Sentence *references;
    int32_t         other_count, reference_count;
} Judged;

typedef struct CaptionSet CaptionSet;

CaptionSet *caption_set_new(void);
void        caption_set_free(CaptionSet *s);     /* NULL is allowed */

/* The image's index; added at the end when it is new. */
int64_t     caption_set_image(CaptionSet *s, int64_t id);
/* The index, or -1. */
int64_t     caption_set_find(const CaptionSet *s, int64_t id);
/* Tokenise and keep. An image has one candidate: the last one set. */
void        caption_set_candidate(CaptionSet *s, int64_t image, const char *text);
void        caption_set_reference(CaptionSet *s, int64_t image, const char *text);
/* The pieces of a text that is not kept -> malloc'd, or NULL where there are none; how many. A word that is in no caption gets a number above
 * caption_set_words, which follows from its spelling. Safe from any thread once the set is filled. */
int32_t     caption_set_look_up(const CaptionSet *s, const char *text, int32_t **pieces);
/* Drops the images that lack a candidate or references; how many. Those that stay keep their order. */
int64_t     caption_set_drop_incomplete(CaptionSet *s);

int64_t       caption_set_images(const CaptionSet *s);
const Judged *caption_set_at(const CaptionSet *s, int64_t image);     /* until the next addition */
int32_t       caption_set_words(const CaptionSet *s);
const char   *caption_set_word(const CaptionSet *s, int32_t word);    /* until the next addition */
int32_t       caption_set_find_word(const CaptionSet *s, const char *word, size_t bytes);   /* -1: in no caption */

#endif
