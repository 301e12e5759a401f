/* optim.h - AdamW (Loshchilov & Hutter 2019), schedules, gradient clipping.
 *
 *     m = b1 m + (1-b1) g,  v = b2 v + (1-b2) g^2
 *     w = w - lr (m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps) + decay w)                     (PyTorch's order: decay first)  */
#ifndef LIMN_OPTIM_H
#define LIMN_OPTIM_H

#include "tensor/base/team.h"
#include "tensor/params.h"

typedef enum ScheduleKind { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE } ScheduleKind;   /* in the config's order */

typedef struct Schedule { ScheduleKind kind; double peak, floor; int64_t warmup, total; } Schedule;
double schedule_at(const Schedule *s, int64_t step);                 /* step counts from 0; linear warm-up to peak */

typedef struct AdamW {
    double beta1, beta2, eps, decay;
    int64_t step;                                /* updates done */
    real **m, **v;                               /* one a parameter; NULL for frozen ones */
    Params *params;
    Arena  *arena;
} AdamW;
AdamW *adamw_new(Params *p, double beta1, double beta2, double eps, double decay);
void   adamw_free(AdamW *o);
void   adamw_step(AdamW *o, Team *team, double lr, double grad_scale);   /* gradients are multiplied by grad_scale first */

/* Euclidean norm of all gradients together; summed in a fixed order. */
double params_grad_norm(Params *p, Team *team);

#endif
