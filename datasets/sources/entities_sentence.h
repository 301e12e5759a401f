/* entities_sentence.h - a sentence of Flickr30k Entities (Plummer et al. 2015), its phrases marked:
 *
 *     [/EN#283585/people A man] with [/EN#283588/bodyparts/clothing an orange hat] starring at [/EN#0/notvisual something] .
 *
 * becomes "A man with an orange hat starring at something ." and phrases as bytes of it. Runs of blanks become one space, none at the
 * ends, as the data set's own reader has it. A phrase inside another, without a number, without words or never closed is listed and no
 * phrase; its words stay. A bracket that opens no phrase is text.                                                         */
#ifndef LIMN_ENTITIES_SENTENCE_H
#define LIMN_ENTITIES_SENTENCE_H

#include "datasets/catalog.h"
#include "datasets/sources/text_lines.h"

typedef struct Phrase { int64_t entity; int32_t from, to; } Phrase;              /* bytes [from,to) of the text; entity 0: not visual */

typedef struct Sentence { Buffer text, phrases; } Sentence;                      /* {0} to begin; phrases: Phrase      */

/* `name`: of the picture, for what is listed. Takes the place of what was there; the text ends with a NUL that is not counted. */
void sentence_parse(Sentence *s, Catalog *c, const char *name, const Line *line);
int64_t sentence_phrases(const Sentence *s);
Phrase  sentence_phrase(const Sentence *s, int64_t i);
void sentence_free(Sentence *s);

#endif
