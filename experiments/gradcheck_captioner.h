/* gradcheck_captioner.h - a whole captioner under the gradient check: the model that a config describes, in miniature.
 *
 * Every kind of part stays (encoder kind, activations, norms, tied head, projection between widths); sizes shrink so that every
 * parameter tensor can be probed in a minute: at most 2 blocks (or 2 in the first stage), 2 heads of 3 and 4 features, a 2 x 2 grid,
 * 13 tokens. It is in training, so that batch norm goes by the batch's statistics unless it is told to keep its own; nothing is dropped. */
#ifndef LIMN_GRADCHECK_CAPTIONER_H
#define LIMN_GRADCHECK_CAPTIONER_H

#include "fusion/captioner.h"
#include "tensor/gradcheck.h"

CaptionerConfig captioner_miniature(const CaptionerConfig *c);
GradReport      gradcheck_captioner(const CaptionerConfig *c, const Backend *backend, int per_tensor);

#endif
