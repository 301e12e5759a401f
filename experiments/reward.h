/* reward.h - what a caption of a training picture is worth: the reward of self-critical training.
 *
 *     r(c) = cider CIDEr-D(c, R) + bleu BLEU-4(c, R)          R: what people wrote of the picture (metrics/cider.h, metrics/bleu.h)
 *
 * Both see what the evaluation sees: the caption as text, in PTB tokens (text/ptb.h), whatever the model's own tokens are; idf comes from R
 * of all pictures of the training split. CIDEr-D is that of pyciderevalcap (0 to 10), BLEU-4 an image's own.
 *
 * With `eos` the end is a word like any other, behind every reference and behind a caption that ended, as Rennie et al.'s and Luo et al.'s
 * code has it. Without it a caption that breaks off ("a dog with a") is worth more than one that is whole, and that is what training
 * then teaches (Hu, Cavicchioli & Capotondi 2023). The evaluation's CIDEr-D knows no such word: r differs from it by that alone. */
#ifndef LIMN_REWARD_H
#define LIMN_REWARD_H

#include "datasets/store.h"
#include "tensor/base/team.h"
#include "text/tokenizer.h"

typedef struct RewardOptions { double cider, bleu; bool eos; } RewardOptions;

/* A caption of a picture: ids without <bos> and <eos>; ended: <eos> stood behind them. */
typedef struct Drawn { int64_t item; const int32_t *ids; int count; bool ended; } Drawn;

typedef struct Reward Reward;
/* References are those of the pictures of `split`. The tokenizer must outlive it. */
Reward *reward_new(const Store *s, int split, const Tokenizer *k, RewardOptions o, Team *team);
void    reward_free(Reward *r);                  /* NULL is allowed */
/* -> rewards [count]; each depends on its caption alone. */
void    reward_of(const Reward *r, Team *team, const Drawn *captions, int64_t count, double *rewards);

#endif
