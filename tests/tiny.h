/* tiny.h - small models with lively weights, shared by the tests of decoder, captioner, search and model folder. */
#ifndef LIMN_TESTS_TINY_H
#define LIMN_TESTS_TINY_H

#include <math.h>

#include "tensor/base/rng.h"
#include "tensor/params.h"
#include "text/decoder.h"

static inline DecoderConfig tiny_decoder_config(void)
{
    return (DecoderConfig){ .vocab = 19, .length = 12, .width = 16, .depth = 2, .heads = 2, .hidden = 24,
                            .activation = ACT_GELU_TANH, .eps = 1e-5, .tied = true };
}

/* Initial weights are so small that most mistakes would not show: N(0, spread^2) everywhere, around 1 for the norms' weights. */
static inline void tiny_enliven(Params *p, double spread, uint64_t seed)
{
    for (int i = 0; i < params_count(p); i++) {
        Tensor *x = params_at(p, i)->tensor;
        Rng     r = rng_stream(seed, RNG_TEST, (uint64_t)i);
        real    was, now;
        for (int64_t j = 0; j < shape_count(x->shape); j++) {
            tensor_read(x, j, &was, 1);
            now = (real)((was == 1 ? 1 : 0) + spread * rng_normal(&r));
            tensor_write(x, j, &now, 1);
        }
    }
    params_touch(p);
}

static inline double tiny_at(const Tensor *x, int64_t at)
{
    real v;
    tensor_read(x, at, &v, 1);
    return (double)v;
}

#endif
