/* fold.c - batch norm with running statistics as part of the filters before it; nothing here is differentiated or recorded.
 *
 *     (x * w + b - mean) g + beta  =  x * (g w) + (b - mean) g + beta,      g = gamma / sqrt(var + eps) for each filter   */
#include "tensor/ops.h"

#include <math.h>

static void expect_count(const Tensor *x, int64_t outputs)
{
    REQUIRE(!x || shape_count(x->shape) == outputs, "filters_fold: %d filters, but %s is %s", (int)outputs,
            x->name ? x->name : "a vector", shape_text(x->shape).s);
}

Folded filters_fold(Tape *t, const Tensor *w, const Tensor *b, BatchNormed n)
{
    int64_t outputs = w->shape.d[0], filter = shape_count(w->shape) / outputs;
    Folded  folded = { tensor_new(t->arena, w->shape), tensor_new(t->arena, SHAPE(outputs)) };
    const Tensor *vectors[] = { b, n.weight, n.bias, n.mean, n.var };

    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) expect_count(vectors[i], outputs);
    for (int64_t o = 0; o < outputs; o++) {
        double g = (double)n.weight->data[o] / sqrt((double)n.var->data[o] + n.eps);

        for (int64_t i = o * filter; i < (o + 1) * filter; i++) folded.weight->data[i] = (real)(g * (double)w->data[i]);
        folded.bias->data[o] = (real)(((b ? (double)b->data[o] : 0) - (double)n.mean->data[o]) * g + (double)n.bias->data[o]);
    }
    folded.weight->name = w->name;
    return folded;
}
