/* scst.h - self-critical sequence training (Rennie et al. 2017): the captions that a model draws itself are made likelier or less likely by
 * how much better they are than what the model can be expected to say.
 *
 *     L(theta)      = -E[ r(c) ],   c ~ p_theta(. | picture)                 r: reward.h
 *     grad L        = -E[ (r(c) - b) grad log p_theta(c) ]                   b: any number that does not depend on c (Williams 1992)
 *                   ~ -1/N sum_i a_i grad log p_theta(c_i),   a_i = r(c_i) - b_i,   N = pictures x samples
 *     b_i           = r(greedy caption)                                      baseline: greedy, Rennie et al. eq. 8
 *                   = mean of r over the picture's other samples             baseline: mean, Luo 2020 eq. 3; needs no greedy search
 *     loss          = (1 - x) SCST + x cross-entropy                         x: scst.cross_entropy
 *
 * Samples are drawn without gradient on the key/value cache; then one pass of teacher forcing over them, with a_i as weights of their
 * cross-entropy, gives the gradient. log p sums over the tokens, <eos> included where the caption has it. Both happen without dropout,
 * unless scst.dropout is set: with it the gradient is that of another policy than the one that drew the captions.
 * What is drawn depends on seed, batch and picture alone.                                                              */
#ifndef LIMN_SCST_H
#define LIMN_SCST_H

#include "experiments/objective.h"
#include "fusion/search.h"

extern const Objective objective_scst;

/* a [pictures][samples] of rewards laid out alike. greedy [pictures], or NULL: the mean of the others. */
void scst_advantages(const double *rewards, const double *greedy, int64_t pictures, int samples, double *advantages);

/* -1/normalizer sum_i a_i log p(c_i) of captions drawn [pictures][samples] -> (1). */
typedef struct Lesson { const Hypothesis *drawn; const double *advantages; int64_t pictures; int samples; int32_t bos, eos, pad; } Lesson;
Tensor *scst_loss(Tape *t, const Captioner *m, Tensor *features, const Lesson *l, double normalizer);

#endif
