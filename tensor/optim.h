/* optim.h - optimizers: what becomes of a gradient. A kind is a file in optim/ and a row of OPTIMIZERS. Also schedules of the learning rate, and
 * the norm by which gradients are clipped.
 *
 *     adamw (Loshchilov & Hutter 2019, algorithm 2)           PyTorch's order: decay first
 *         m = b1 m + (1-b1) g,  v = b2 v + (1-b2) g^2
 *         w = w - lr (m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps) + decay w)
 *     sgd with momentum (Polyak 1964; Sutskever et al. 2013)  PyTorch's form: the decay is part of the gradient
 *         g = g + decay w,  b = momentum b + g
 *         w = w - lr b                                        nesterov: w = w - lr (g + momentum b)               */
#ifndef LIMN_OPTIM_H
#define LIMN_OPTIM_H

#include "tensor/base/team.h"
#include "tensor/params.h"

typedef enum ScheduleKind { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE } ScheduleKind;   /* in the config's order */

typedef struct Schedule { ScheduleKind kind; double peak, floor; int64_t warmup, total; } Schedule;
double schedule_at(const Schedule *s, int64_t step);                 /* step counts from 0; linear warm-up to peak */

/* Each kind reads its own. */
typedef struct OptimizerOptions {
    double decay;                                /* of weights; for parameters whose `decay` says so */
    double beta1, beta2, eps;                    /* adamw */
    double momentum;                             /* sgd   */
    bool   nesterov;
} OptimizerOptions;

enum { OPTIMIZER_SLOTS = 2 };
typedef struct Optimizer Optimizer;

/* Consecutive elements of one parameter, on their way through a step. */
typedef struct Stretch {
    int64_t     n;
    const real *g;
    real       *w, *slot[OPTIMIZER_SLOTS];
    double      rate, decay, grad_scale;         /* this parameter's; gradients are multiplied by grad_scale first */
} Stretch;

typedef struct OptimizerKind {
    const char *name, *slots[OPTIMIZER_SLOTS];   /* slots: names of what it remembers of each element, NULL where unused */
    void (*update)(const Optimizer *o, const Stretch *s);
} OptimizerKind;

extern const OptimizerKind optimizer_adamw, optimizer_sgd;
extern const OptimizerKind *const OPTIMIZERS[];  /* in the order of train.optimizer's choices; ends with NULL */

struct Optimizer {
    const OptimizerKind *kind;
    OptimizerOptions     options;
    int64_t step;                                /* updates done, this one included while one is under way */
    real  **slot[OPTIMIZER_SLOTS];               /* slot[k][i]: of parameter i; NULL for what does not learn; begins at 0 */
    Params *params;
    Arena  *arena;
};
Optimizer *optimizer_new(const OptimizerKind *kind, Params *p, OptimizerOptions options);
void       optimizer_free(Optimizer *o);         /* NULL is allowed */
void       optimizer_step(Optimizer *o, Team *team, double lr, double grad_scale);

/* Euclidean norm of all gradients together; summed in a fixed order. */
double params_grad_norm(Params *p, Team *team);

#endif
