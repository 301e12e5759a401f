/* scheduled_sampling.h - teacher forcing whose inputs are partly the model's own words (Bengio et al. 2015), in two passes, as a
 * transformer needs it (Mihaylova & Martins 2019):
 *
 *     first pass    y_t ~ p(. | the given words before t), or the likeliest      all positions at once, without gradient and dropout
 *     second pass   the input behind position t is y_t with probability p, else the given word; the targets stay what they were
 *
 * At the beginning of training a model's own words are noise: p rises linearly over the run. A word that ends a caption
 * (<eos>, and what is no word at all) never takes a word's place.                                                     */
#ifndef LIMN_SCHEDULED_SAMPLING_H
#define LIMN_SCHEDULED_SAMPLING_H

#include "experiments/experiment.h"
#include "fusion/captioner.h"

typedef struct ScheduledSampling {
    double  probability;
    bool    draw;                                /* from the model's distribution; else its likeliest word             */
    int32_t bos, eos, pad;
} ScheduledSampling;

/* p at update `step` of `total`: 0 up to scheduled_sampling.start of them, then linear to scheduled_sampling.probability at the last. */
double scheduled_probability(const Experiment *x, int64_t step, int64_t total);

/* tokens [B,T] with some of the words replaced; in the tape's arena. Which and by what depends on the tape's seed and step, the row and
 * the position alone. */
Ids scheduled_tokens(Tape *t, const Captioner *m, Tensor *features, Ids tokens, Ids targets, const int32_t *image_of, ScheduledSampling s);

#endif
