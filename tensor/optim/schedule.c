/* schedule.c - the learning rate over a training: linear warm-up, then constant, a line, or half a cosine (Loshchilov & Hutter 2017). */
#include <math.h>

#include "tensor/optim.h"

double schedule_at(const Schedule *s, int64_t step)
{
    if (step < s->warmup) return s->peak * (double)(step + 1) / (double)s->warmup;
    if (s->kind == SCHEDULE_CONSTANT) return s->peak;

    int64_t rest = s->total - s->warmup;
    double  done = rest > 0 ? (double)(step - s->warmup) / (double)rest : 1;
    if (done > 1) done = 1;
    double share = s->kind == SCHEDULE_LINEAR ? 1 - done : 0.5 * (1 + cos(3.14159265358979323846 * done));
    return s->floor + (s->peak - s->floor) * share;
}
