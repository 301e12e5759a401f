/* average.h - averages of weights, which often predict better than any of the weights they are made of.
 *
 *     moving (Polyak & Juditsky 1992):  y = d y + (1-d) w after update k,  d = min(decay, (1+k)/(10+k))       k counts from 1
 *     of saved weights (Vaswani et al. 2017, section 6.1):  y = (w_1 + … + w_n) / n
 * The warm-up of d forgets the initial weights soon (TensorFlow's num_updates). An average holds a value for whatever training may
 * change, buffers included, and changes places with the weights:
 *     average_swap(a);  … validate, write the model …  average_swap(a);         the weights are bit for bit as before   */
#ifndef LIMN_AVERAGE_H
#define LIMN_AVERAGE_H

#include "tensor/base/team.h"
#include "tensor/params.h"

typedef struct Average {
    Params *params;
    real  **value;                               /* of each parameter; NULL for frozen ones */
    Arena  *arena;
} Average;

Average *average_new(Params *p);                 /* begins as a copy of the weights */
void     average_free(Average *a);               /* NULL is allowed */
void     average_update(Average *a, Team *team, double decay, int64_t k);
void     average_swap(Average *a);

/* Weights for a mean: all that training may change, as safetensors; written aside and renamed. */
bool     weights_save(Params *p, const char *path, Err *err);
/* The mean of such files; NULL on failure. */
Average *average_of_files(Params *p, char *const *paths, int count, Err *err);

#endif
