/* adamw.c - AdamW (Loshchilov & Hutter 2019, algorithm 2) in PyTorch's order of operations. */
#include <math.h>

#include "tensor/backends/kernels/kernels.h"
#include "tensor/optim.h"

static void update(const Optimizer *o, const Stretch *s)
{
    const OptimizerOptions *a = &o->options;
    double t = (double)o->step, correction1 = 1 - pow(a->beta1, t), correction2 = 1 - pow(a->beta2, t);
    AdamWUpdate k = { .grad_scale = (real)s->grad_scale, .beta1 = (real)a->beta1, .beta2 = (real)a->beta2,
                      .rest1 = (real)(1 - a->beta1), .rest2 = (real)(1 - a->beta2), .rate = (real)(s->rate / correction1),
                      .root = (real)(1 / sqrt(correction2)), .eps = (real)a->eps, .keep = (real)(1 - s->rate * s->decay) };

    kernels()->adamw(s->n, &k, s->g, s->slot[0], s->slot[1], s->w);
}

const OptimizerKind optimizer_adamw = { .name = "adamw", .slots = { "m", "v" }, .update = update };
