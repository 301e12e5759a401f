/* meteor_lexicon.h - what METEOR knows of a word: its stem, its synsets, whether it is a function word.
 *
 * Words are numbers of the lexicon's own vocabulary, since METEOR cuts captions in its own way (meteor_words.h). Two words match by
 *     exact       the same word
 *     stem        different words with the same Snowball (Porter2) stem
 *     synonym     different words with a synset in common (wordnet.h)
 * A pair may match by stem and by synonym. Fill, then meteor_lexicon_prepare, then read from any thread.        */
#ifndef LIMN_METEOR_LEXICON_H
#define LIMN_METEOR_LEXICON_H

#include <stdbool.h>
#include <stdint.h>

#include "experiments/metrics/wordnet.h"

typedef enum MeteorStage { METEOR_EXACT, METEOR_STEM, METEOR_SYNONYM, METEOR_PARAPHRASE, METEOR_STAGES } MeteorStage;

typedef struct MeteorLexicon MeteorLexicon;

MeteorLexicon *meteor_lexicon_new(void);
void           meteor_lexicon_free(MeteorLexicon *x);        /* NULL is allowed */

int32_t        meteor_lexicon_add(MeteorLexicon *x, const char *word, size_t bytes);        /* its number */
int32_t        meteor_lexicon_find(const MeteorLexicon *x, const char *word, size_t bytes); /* -1: not there */
int32_t        meteor_lexicon_size(const MeteorLexicon *x);
/* Stems and synsets of all words; without WordNet (NULL) no word has synsets. */
void           meteor_lexicon_prepare(MeteorLexicon *x, const WordNet *w);

bool           meteor_lexicon_is_function(const MeteorLexicon *x, int32_t word);
bool           meteor_lexicon_match(const MeteorLexicon *x, MeteorStage stage, int32_t a, int32_t b);

#endif
