/* meteor_paraphrases.h - METEOR's table of paraphrases (paraphrase-en.gz): three lines each, a probability and two phrases, either of which
 * may stand in the candidate. METEOR 1.5 makes no use of the probability.
 *
 * The table has millions; those are kept whose phrases may be in the captions, by a hash of all runs of words there (a Bloom filter with one
 * function: some are kept for nothing, none is lost).                                                               */
#ifndef LIMN_METEOR_PARAPHRASES_H
#define LIMN_METEOR_PARAPHRASES_H

#include "experiments/metrics/meteor_lexicon.h"

typedef struct MeteorWordList { const int32_t *word; int32_t count; } MeteorWordList;        /* a caption, by numbers of a lexicon */

typedef struct MeteorParaphrases MeteorParaphrases;
typedef struct MeteorPhraseRoom { Buffer found; int32_t *first; } MeteorPhraseRoom;         /* {0} to begin; one a thread        */

MeteorParaphrases *meteor_paraphrases_new(void);
void meteor_paraphrases_free(MeteorParaphrases *p);          /* NULL is allowed */
void meteor_paraphrases_expect(MeteorParaphrases *p, MeteorWordList caption);              /* first every caption … */
bool meteor_paraphrases_read(MeteorParaphrases *p, const char *path, const MeteorLexicon *x, Err *err);     /* … then the table */

/* Appends MeteorMatch'es in METEOR's order for every word of the reference: paraphrases whose first phrase stands in the reference, by its
 * length, then as in the table, then by place in the candidate; then those whose first phrase stands in the candidate, by its place, then
 * its length, then as in the table. */
void meteor_paraphrases_match(const MeteorParaphrases *p, MeteorPhraseRoom *room, MeteorWordList candidate, MeteorWordList reference, Buffer *matches);
void meteor_phrase_room_free(MeteorPhraseRoom *room);

#endif
