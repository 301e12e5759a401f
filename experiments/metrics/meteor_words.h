/* meteor_words.h - METEOR 1.5's own tokenizer (its option -norm, English), which coco-caption lets run over captions that are tokenised already.
 *
 * It is the Moses tokenizer (Koehn et al. 2007) with hyphens split: "t-shirt" becomes two words, "n't" becomes "n" and "'t", "1/2" three words,
 * "a.m." becomes "am". Rules look across words (a dot stays when a lower-case word follows), so a caption is given whole.
 * Text comes in lower case here, so of the abbreviations that keep their dot only those in lower case matter.       */
#ifndef LIMN_METEOR_WORDS_H
#define LIMN_METEOR_WORDS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct MeteorWords MeteorWords;

MeteorWords *meteor_words_new(void);
void         meteor_words_free(MeteorWords *w);

/* Whether the tokenizer leaves this token as it is, whatever stands around it: letters a-z and digits alone. */
bool meteor_words_is_plain(const char *token);
/* Calls word(context, …) for every word of the text; for use by one thread at a time. */
void meteor_words(MeteorWords *w, const char *text, size_t bytes, void (*word)(void *context, const char *word, size_t bytes), void *context);

#endif
