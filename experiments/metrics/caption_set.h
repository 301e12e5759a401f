/* caption_set.h - what the metrics look at: images, each with one candidate caption and its references, tokenised as coco-caption does
 * (text/ptb.h).
 *
 * A word is a number: the same spelling has the same number throughout the set, so that metrics count and compare integers.
 * Images stand in the order in which they were added. A set is filled, then read by any number of threads.              */
#ifndef LIMN_CAPTION_SET_H
#define LIMN_CAPTION_SET_H

#include <stdint.h>

typedef struct Sentence {
    const int32_t *words;                        /* [count], each below caption_set_words                              */
    int32_t        count;
    const char    *text;                         /* as it was given                                                    */
} Sentence;

typedef struct Judged {                          /* an image and what is said of it */
    int64_t         id;                          /* COCO's image_id                                                    */
    Sentence        candidate;                   /* text NULL while there is none                                      */
    const Sentence *references;
    int32_t         reference_count;
} Judged;

typedef struct CaptionSet CaptionSet;

CaptionSet *caption_set_new(void);
void        caption_set_free(CaptionSet *s);

/* The image's index; added at the end when it is new. */
int64_t     caption_set_image(CaptionSet *s, int64_t id);
/* The index, or -1. */
int64_t     caption_set_find(const CaptionSet *s, int64_t id);
/* Tokenise and keep. An image has one candidate: the last one set. */
void        caption_set_candidate(CaptionSet *s, int64_t image, const char *text);
void        caption_set_reference(CaptionSet *s, int64_t image, const char *text);

int64_t       caption_set_images(const CaptionSet *s);
const Judged *caption_set_at(const CaptionSet *s, int64_t image);     /* until the next addition */
int32_t       caption_set_words(const CaptionSet *s);
const char   *caption_set_word(const CaptionSet *s, int32_t word);

#endif
