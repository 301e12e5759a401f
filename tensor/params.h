/* params.h - named, trainable tensors. The names and shapes are those of the model's Hugging Face checkpoint.
 *
 * A model's constructor walks its structure with scopes:
 *     Scope b = scope(s, "h.%d", i);
 *     Tensor *w = param(b, "ln_1.weight", SHAPE(C), INIT_ONES, 0);
 * Random initial values depend on (seed, name) alone, never on the order of creation.
 *
 * A buffer is a parameter that no gradient reaches: batch norm's running statistics. It is saved and loaded like the others.  */
#ifndef LIMN_PARAMS_H
#define LIMN_PARAMS_H

#include "tensor/tensor.h"

typedef enum Init {
    INIT_ZEROS, INIT_ONES,
    INIT_CONSTANT,                               /* spread itself */
    INIT_NORMAL,                                 /* N(0, spread^2), truncated at 2 spreads */
    INIT_HE,                                     /* N(0, 2 / (rows x receptive field)): He et al. 2015, fan-out, for filters */
    INIT_XAVIER                                  /* U(-a, a), a = sqrt(6 / (rows + columns)) */
} Init;

typedef struct Param {
    Tensor   *tensor;                            /* its name is the full name; grad comes with params_zero_grad unless frozen */
    bool      decay;                             /* weight decay applies: matrices yes, biases, norms and positions no */
    double    lr_scale;                          /* learning rate of its part / base; 0: frozen                      */
    bool      buffer;                            /* never learns: not a parameter of the model's count               */
    int       layer;                             /* of its part, from the input on: for rates that fall with depth   */
    uint64_t  version;                           /* grows when the values change: a backend may keep a packed copy   */
} Param;

typedef struct Params Params;
typedef struct Scope { Params *params; int layer; char path[256]; } Scope;

Params *params_new(uint64_t seed);
Params *params_blank(void);                      /* for a model about to be loaded: nothing is drawn, all values are 0 */
void    params_free(Params *p);
Arena  *params_arena(Params *p);                 /* model structures live there too */
Scope   params_root(Params *p);
Scope   scope(Scope s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
Scope   scope_layer(Scope s, int layer);         /* the same place; what is made there belongs to that layer */
Tensor *param(Scope s, const char *name, Shape shape, Init init, double spread);
Tensor *param_buffer(Scope s, const char *name, Shape shape, Init init);

int     params_count(const Params *p);
Param  *params_at(Params *p, int i);
Param  *params_find(Params *p, const char *name);                    /* NULL when absent */
int64_t params_elements(const Params *p);                            /* of all but the buffers */
void    params_touch(Params *p);                                     /* all versions + 1 */
void    params_zero_grad(Params *p);
const char *params_largest_grad(Params *p);      /* name of the parameter with the largest (or a non-finite) gradient */
/* Every parameter whose name starts with prefix gets this learning-rate scale; 0 freezes (no gradient is computed). Buffers stay. */
int     params_scale(Params *p, const char *prefix, double lr_scale);

#endif
