/* rouge.h - ROUGE-L (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3) as coco-caption computes it.
 *
 *     P = max_r LCS(c, r) / |c|,  R = max_r LCS(c, r) / |r|,  ROUGE-L = (1 + beta^2) P R / (R + beta^2 P),  beta = 1.2
 *
 * LCS: length of the longest common subsequence of words. The maxima over references r are taken separately: P and R may be of different
 * ones. An empty sentence counts as one word that only another empty sentence has, as it does there.                           */
#ifndef LIMN_ROUGE_H
#define LIMN_ROUGE_H

#include "experiments/metrics/caption_set.h"

/* Of one candidate, 0 to 1; safe from any thread. Reads the sentences' words. */
double rouge_l(const Sentence *candidate, const Sentence *references, int32_t reference_count);

#endif
