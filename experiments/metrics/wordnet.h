/* wordnet.h - the synsets of a word in WordNet 3.0 (Fellbaum 1998), by METEOR 1.5's rules.
 *
 * Synsets of a word are those of the index (index.noun, .verb, .adj, .adv) under the word itself, and
 *     under every base form that the lists of exceptions (*.exc) name for it: geese -> goose, ran -> run; or, when they do not have it,
 *     under the first form that exists after an ending is replaced: boxes -> box, flies -> fly. Words of two letters and words
 *     in -ss are left as they are.
 * A synset is its offset in the data file, whatever its part of speech: where a noun's and a verb's offset happen to be equal, METEOR takes
 * them for one. Two words are synonyms when they have a synset in common.
 *
 * Nothing is loaded but the index, some 6 MB of text, in which words are looked up by bisection.                    */
#ifndef LIMN_WORDNET_H
#define LIMN_WORDNET_H

#include "datasets/buffer.h"
#include "tensor/base/err.h"

#define WORDNET_FOLDER "/usr/share/wordnet"      /* where Debian's wordnet-base has it */

typedef struct WordNet WordNet;

WordNet *wordnet_open(const char *folder, Err *err);     /* NULL on failure; safe to read from any thread */
void     wordnet_free(WordNet *w);                       /* NULL is allowed */

/* Appends int32_t offsets, in no order, some perhaps twice. The word is in lower case. */
void wordnet_synsets(const WordNet *w, const char *word, Buffer *out);

#endif
