/* bleu.h - BLEU (Papineni et al. 2002) as coco-caption computes it.
 *
 *     BLEU-n = BP * (prod_{k<=n} p_k)^(1/n)        p_k = matches_k / guesses_k,  BP = min(1, e^(1 - r/c))
 *
 * matches_k: k-grams of the candidate, each counted at most as often as in the reference that has it most often; c: the candidate's
 * length; r: that of the reference whose length is closest, the shorter of two. For a corpus all of these are summed over images first.
 * Nothing is smoothed, but 0 is avoided: 1e-15 is added to what is divided, 1e-9 to what it is divided by.                    */
#ifndef LIMN_BLEU_H
#define LIMN_BLEU_H

#include <stdbool.h>

#include "experiments/metrics/caption_set.h"

enum { BLEU_ORDERS = 4 };

typedef struct BleuCounts { double matches[BLEU_ORDERS], guesses[BLEU_ORDERS], length, reference_length; } BleuCounts;

/* Of one candidate; safe from any thread. Reads the sentences' pieces. */
BleuCounts bleu_count(const Sentence *candidate, const Sentence *references, int32_t reference_count);

/* BLEU-1 … BLEU-4 of counts of one image or of sums of them. */
void bleu_scores(const BleuCounts *c, bool brevity_penalty, double scores[BLEU_ORDERS]);

#endif
