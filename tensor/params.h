/* params.h - named, trainable tensors. The names and shapes are those of the model's Hugging Face checkpoint.
 *
 * A model's constructor walks its structure with scopes:
 *     Scope b = scope(s, "h.%d", i);
 *     Tensor *w = param(b, "ln_1.weight", SHAPE(C), INIT_ONES, 0);
 * Random initial values depend on (seed, name) alone, never on the order of creation.                               */
#ifndef LIMN_PARAMS_H
#define LIMN_PARAMS_H

#include "tensor/tensor.h"

typedef enum Init {
    INIT_ZEROS, INIT_ONES,
    INIT_NORMAL,                                 /* N(0, spread^2), truncated at 2 spreads */
    INIT_XAVIER                                  /* U(-a, a), a = sqrt(6 / (rows + columns)) */
} Init;

typedef struct Param {
    Tensor   *tensor;                            /* its name is the full name; grad comes with params_zero_grad unless frozen */
    bool      decay;                             /* weight decay applies: matrices yes, biases, norms and positions no */
    double    lr_scale;                          /* learning rate of its part / base; 0: frozen                      */
    uint64_t  version;                           /* grows when the values change: a backend may keep a packed copy   */
} Param;

typedef struct Params Params;
typedef struct Scope { Params *params; char path[256]; } Scope;

Params *params_new(uint64_t seed);
Params *params_blank(void);                      /* for a model about to be loaded: nothing is drawn, all values are 0 */
void    params_free(Params *p);
Arena  *params_arena(Params *p);                 /* model structures live there too */
Scope   params_root(Params *p);
Scope   scope(Scope s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
Tensor *param(Scope s, const char *name, Shape shape, Init init, double spread);

int     params_count(const Params *p);
Param  *params_at(Params *p, int i);
Param  *params_find(Params *p, const char *name);                    /* NULL when absent */
int64_t params_elements(const Params *p);
void    params_touch(Params *p);                                     /* all versions + 1 */
void    params_zero_grad(Params *p);
const char *params_largest_grad(Params *p);      /* name of the parameter with the largest (or a non-finite) gradient */
/* Every parameter whose name starts with prefix gets this learning-rate scale; 0 freezes (no gradient is computed). */
int     params_scale(Params *p, const char *prefix, double lr_scale);

#endif
