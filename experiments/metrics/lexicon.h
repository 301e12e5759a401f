/* lexicon.h - which words of a caption are nouns, attributes and numbers, by WordNet's counts (Fellbaum 1998) and short closed lists.
 *
 * A caption is short and plain, so that a word's usual part of speech and its left neighbour decide well enough:
 *  1. closed lists: words of function ("a", "of", "front" in "in front of") are nothing; numbers from two on ("couple", "pair": two;
 *     "one" is mostly a pronoun); colours; sizes
 *  2. a word that may be a noun is one after an article, a possessive, a number or an adjective ("a train", though the verb is more
 *     frequent), after a preposition, and where it is singular after a singular noun ("passenger train"); but a form in -ing or -ed is not
 *     after the last two, nor where a noun follows ("a running dog")
 *  3. else its most frequent part of speech in the texts that WordNet's authors tagged; in a tie noun before adjective before verb, but
 *     forms in -ing are verbs
 * Words are in their base form (WordNet's morphy: exceptions, then endings). "people" is the plural of "person".
 * A word that WordNet does not have ("wetsuit") is nothing. Without WordNet's files there are closed lists only: no nouns, no attributes
 * but colours and sizes.
 * Of 35,896 noun phrases that people marked in Flickr8k's captions (Flickr30k Entities) the last word comes out as a noun in 93 %; two thirds of
 * the others end in a colour, a pronoun, or a word that WordNet lacks.
 *
 * A lexicon remembers the words that it has seen: one thread at a time.                                                   */
#ifndef LIMN_LEXICON_H
#define LIMN_LEXICON_H

#include <stdint.h>

#include "tensor/base/err.h"

typedef enum TermKind { TERM_NOUN, TERM_COLOUR, TERM_SIZE, TERM_ATTRIBUTE, TERM_NUMBER, TERM_KINDS } TermKind;

typedef struct Term {
    TermKind kind;
    int32_t  concept;                            /* of the base form */
} Term;

typedef struct Lexicon Lexicon;

/* folder: WordNet's database (index.noun …, noun.exc …, cntlist.rev); NULL: closed lists only. */
Lexicon    *lexicon_read(const char *folder, Err *err);
void        lexicon_free(Lexicon *l);            /* NULL is allowed */
bool        lexicon_has_nouns(const Lexicon *l);

/* The terms of a sentence of lower-case words, in its order, into out[count]; how many they are. */
int         lexicon_terms(Lexicon *l, const char *const *words, int count, Term *out);
/* Equal, or synonyms: of one kind (colours, sizes and attributes are one here) and together in a synset of WordNet. */
bool        lexicon_same(const Lexicon *l, Term a, Term b);
const char *lexicon_text(const Lexicon *l, int32_t concept);     /* until the next call of lexicon_terms */

#endif
