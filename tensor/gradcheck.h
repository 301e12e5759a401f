/* gradcheck.h - analytic gradients against central differences, in double.
 *
 *     numeric = (f(w+h) - f(w-h)) / 2h,    error = |analytic - numeric| / max(1e-3, |analytic| + |numeric|)
 *
 * A 0.5 % error in one gradient is invisible to a float check and to overfitting a batch; here it stands out. */
#ifndef LIMN_GRADCHECK_H
#define LIMN_GRADCHECK_H

#include "tensor/params.h"
#include "tensor/tape.h"

typedef struct GradReport { double worst; char where[320]; int64_t checked; } GradReport;   /* where: "NAME[index]" */

/* loss(t, context) builds a scalar on the tape from parameters in p; called many times. At most `per_tensor` elements of each
 * parameter are probed (0: all), spread evenly. Where the two differ, ever smaller steps have a say: kinks.            */
GradReport gradcheck(Params *p, const Backend *backend, Tensor *(*loss)(Tape *t, void *context), void *context,
                     double step, int per_tensor);

/* A copy of `base` in which the first input gradient that `op`'s backward produces is scaled by `factor`: proof that the check sees
 * a wrong op. Test-only. Valid until the next call.                                                                  */
const Backend *backend_sabotaged(const Backend *base, const Op *op, double factor);

#endif
