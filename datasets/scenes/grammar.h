/* grammar.h - captions, and what they claim.
 *
 *     caption   = [opening] list ["and" the "is" relation the]  |  phrase "is" relation phrase
 *     opening   = "there is" | "there are" | "there are" number "objects" | "a picture of" | "we see" | "you can see"
 *     list      = phrase {"and" phrase}
 *     phrase    = ("a" | "an" | number) [size] [colour] noun
 *     the       = "the" [size] [colour] noun
 *     relation  = "left of" | "to the left of" | … | "larger than" | "bigger than" | "smaller than"
 * Every caption names every object. Lists go from left to right, except where a relation follows: an order would give it away.
 * There are no commas: captions come back from a tokenizer that drops them. */
#ifndef LIMN_SCENES_GRAMMAR_H
#define LIMN_SCENES_GRAMMAR_H

#include "datasets/scenes/world.h"
#include "tensor/base/rng.h"

enum { CAPTIONS = 3, CAPTION_BYTES = 384, MAX_WORDS = 28, MAX_CLAUSES = 24 };

/* What a phrase asks for; ANY (-1) where it does not say. noun ANY: "objects". */
typedef struct Phrase { int count, large, colour, noun; bool exactly; } Phrase;
bool phrase_fits(const Phrase *p, const Object *o);
int  phrase_matches(const Phrase *p, const Scene *s);            /* how many objects fit                                 */

typedef struct Mention { int object, from, to; } Mention;        /* bytes [from,to) of the caption are about the object  */
typedef struct Caption { char text[CAPTION_BYTES]; int mentions; Mention mention[2 * MAX_OBJECTS + 2]; } Caption;

/* Caption k (of CAPTIONS) of a scene. */
void caption_write(Caption *c, const Scene *s, const Preset *p, int k, Rng *r);

/* ---- the way back -------------------------------------------------------------------------------------------------- */
typedef enum ClauseKind { CLAUSE_EXISTS, CLAUSE_RELATION } ClauseKind;
typedef struct Clause { ClauseKind kind; Relation relation; bool definite; Phrase a, b; } Clause;   /* b: of a relation  */
typedef struct Claims { int count; Clause clause[MAX_CLAUSES]; } Claims;

/* False when the grammar does not accept the whole caption; the clauses of the longest beginning that it does accept are there anyway. */
bool caption_parse(const char *text, Claims *out);

/* Words that the grammar may use, separated by spaces: a vocabulary without gaps. malloc'd. */
char *grammar_words(const Preset *p);

/* The lexicon, shared by writer and parser. */
extern const char *const NUMBER[7];                              /* NUMBER[2] = "two"                                    */
typedef struct Wording { const char *text; int means; } Wording; /* first of a meaning: the one without paraphrases      */
extern const Wording RELATION_WORDING[], OPENING_WORDING[];      /* text NULL ends                                       */
enum { OPENING_NONE, OPENING_IS, OPENING_COUNT, OPENING_SEE };

#endif
