/* sgd.c - stochastic gradient descent with momentum (Polyak 1964), or Nesterov's (Sutskever et al. 2013, in PyTorch's form). */
#include "tensor/backends/kernels/kernels.h"
#include "tensor/optim.h"

static void update(const Optimizer *o, const Stretch *s)
{
    const OptimizerOptions *a = &o->options;
    SgdUpdate k = { .grad_scale = (real)s->grad_scale, .decay = (real)s->decay, .momentum = (real)a->momentum,
                    .by_gradient = a->nesterov ? (real)s->rate : 0, .by_momentum = (real)(a->nesterov ? s->rate * a->momentum : s->rate) };

    kernels()->sgd(s->n, &k, s->g, s->slot[0], s->w);
}

const OptimizerKind optimizer_sgd = { .name = "sgd", .slots = { "momentum" }, .update = update };
