/* scenes.h - composed pictures: a diagnostic world whose whole truth is known.
 *
 * 96-pixel pictures composed of Noto Color Emoji artwork (SIL OFL; Debian's fonts-noto-color-emoji through FreeType, names from
 * unicode-data): one to six objects of some 40 nameable nouns on plain, gradient and noise backgrounds, with attributes that we
 * apply (colour of a disc behind, size), little occlusion. Captions come from a grammar with paraphrases, in text-balanced
 * proportions, so that a model that does not look scores at chance. The truth of a picture (objects, attributes, boxes, masks, relations,
 * counts) is stored as JSON.  Splits: train, val, test-iid, test-pairs, test-artwork.                                  */
#ifndef LIMN_SCENES_H
#define LIMN_SCENES_H

#include <jansson.h>
#include <stdint.h>

#include "datasets/prepare.h"
#include "tensor/base/err.h"

typedef struct ScenesOptions {
    int64_t     count;                           /* training pictures; the other splits follow in proportion             */
    uint64_t    seed;
    const char *preset;                          /* NULL: "standard"                                                     */
    const char *font;                            /* NULL: Debian's place                                                 */
    int         workers;
    bool        restart;                         /* from the beginning, also when a journal is there                     */
} ScenesOptions;

/* Writes a store. Same options, same bytes, also when it was stopped and started again in between. */
bool scenes_prepare(const char *out, const ScenesOptions *o, PrepareProgress *progress, void *context, Err *err);

/* ---- judging a caption against a picture's truth ------------------------------------------------------------------- */
typedef struct SceneScore {
    bool parsed;                                 /* the grammar accepts the whole caption                                */
    int  clauses, true_clauses;                  /* what it claims, and how much of that is so                           */
    int  objects, named;                         /* objects in the picture, and how many the caption names (by noun, with multiplicity) */
    int  invented;                               /* objects claimed beyond those that are there                          */
    int  attributes, right_attributes;           /* colours and sizes said of objects, and how many of them are so       */
} SceneScore;
/* Case and punctuation do not matter. Where the grammar stops following, the clauses before are judged. A truth that is not one gives 0. */
SceneScore scenes_judge(const json_t *truth, const char *caption);

/* ---- what one scores without looking -------------------------------------------------------------------------------
 * The captions of test-iid dealt out to other pictures, and the share of the most frequent answer to each choice (beside an even choice). */
typedef struct SceneBlind {
    double true_clauses, named, parsed;          /* of shuffled captions                                                 */
    double noun, colour, size, side, comparison, count;                  /* share of the best constant answer             */
    double noun_chance, colour_chance, size_chance, side_chance, comparison_chance, count_chance;
} SceneBlind;
bool scenes_blind(const ScenesOptions *o, SceneBlind *out, Err *err);

#endif
