/* captions.h - references and candidates into a caption set, and what about them may mislead. */
#ifndef LIMN_CAPTIONS_H
#define LIMN_CAPTIONS_H

#include <stdio.h>

#include "experiments/metrics/caption_set.h"
#include "tensor/base/err.h"

typedef struct Doubt { int64_t count, image; } Doubt;            /* how often, and in which image first                        */

typedef struct CaptionDoubts {
    int64_t candidates, references;              /* captions read; references of images without a candidate not counted        */
    Doubt no_references, no_candidate;           /* images that are not scored                                                 */
    Doubt repeated_candidate;                    /* of an image that had one: the last one counts                              */
    Doubt repeated_id;                           /* annotations with the id of another: both count                             */
    Doubt empty_candidate, empty_reference;      /* without a word                                                             */
    Doubt tokenised_candidate, tokenised_reference;              /* look as if a tokenizer had been at them                    */
    Doubt splits_lines;                          /* coco-caption would take it for several captions (text/ptb.h)               */
} CaptionDoubts;

/* From files of any form of caption_files.h: the images that have a candidate and references, in the candidates' order. As in coco-caption
 * other images are not scored; it is an error when none is left. */
bool captions_read(const char *references, const char *candidates, CaptionSet *s, CaptionDoubts *d, Err *err);

/* References alone, of any images: what idf or novelty is measured against. */
bool captions_read_references(const char *path, CaptionSet *s, Err *err);

/* A line for each thing that may mislead: "limn COMMAND: warning: …". */
void caption_doubts_print(const CaptionDoubts *d, const char *references, const char *candidates, const char *command, FILE *out);

#endif
