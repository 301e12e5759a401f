/* baselines.h - captions that no training went into, scored as a model's are, to stand beside them:
 *
 *     human      people's captions: each of a picture's in turn against its others, mean over the turns. A turn has one reference fewer
 *                than the other rows, which lowers its scores
 *     nearest    of the training picture most like it, by the cosine of features averaged over tokens (1-nearest neighbour; Devlin et al. 2015,
 *                "Exploring Nearest Neighbor Approaches for Image Captioning"): the caption that is most like its others, by CIDEr-D
 *     generic    one for all pictures: of the GENERIC captions said most often in the training split (the earlier of two) the one with the
 *                greatest mean CIDEr-D over the training pictures
 *     shuffled   the model's own, each of the picture half the split away: what its words alone are worth, without looking
 *
 * CIDEr-D that chooses has its idf from the training split; features are those that the model's decoder sees.               */
#ifndef LIMN_BASELINES_H
#define LIMN_BASELINES_H

#include "experiments/evaluate.h"
#include "experiments/metrics/scores.h"

enum { BASELINES = 4, GENERIC = 64 };
extern const char *const BASELINE_NAMES[BASELINES];

typedef struct Baselines {
    Scores scores[BASELINES];                    /* without intervals                                                   */
    char  *generic;                              /* the caption                                                         */
} Baselines;

/* For the pictures of e, whose captions are the model's; s: the model and its data. `train`: a split. */
bool baselines_measure(const Subject *s, const Evaluation *e, const char *train, const MetricChoice *choice, const MetricOptions *o,
                       Progress *progress, Baselines *out, Err *err);
void baselines_free(Baselines *b);

json_t *baselines_json(const Baselines *b);
/* A row a score, the model's in the first column. */
void baselines_print(const Baselines *b, const Scores *model, FILE *out);

#endif
