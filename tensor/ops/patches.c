/* patches.c - a picture (B,C,H,W) as a row of its square patches (B, H/s W/s, C s s): a patch's elements are channel
 * first, as a convolution's weight (O,C,s,s) has them, so that `linear` with that weight is the convolution with
 * stride s (Dosovitskiy et al. 2021, eq. 1).                                                                        */
#include "tensor/ops/attrs.h"

#include <string.h>

/* Visits every run of s neighbouring pixels: `at` in the picture, `i` in the patches. */
static void walk(const Node *n, const real *from, real *to, bool back)
{
    Shape   p = n->in[0]->shape;
    int64_t s = ((const PatchesAttr *)n->attr)->size, C = p.d[1], H = p.d[2], W = p.d[3], across = W / s, down = H / s, i = 0;

    for (int64_t b = 0; b < p.d[0]; b++)
        for (int64_t patch = 0; patch < down * across; patch++)
            for (int64_t c = 0; c < C; c++)
                for (int64_t y = 0; y < s; y++, i += s) {
                    int64_t at = ((b * C + c) * H + patch / across * s + y) * W + patch % across * s;

                    if (!back) memcpy(to + i, from + at, (size_t)s * sizeof *to);
                    else for (int64_t x = 0; x < s; x++) to[at + x] += from[i + x];
                }
}

static void forward(Tape *t, Node *n)
{
    (void)t;
    walk(n, n->in[0]->data, n->out[0]->data, false);
}

/* Every pixel is in one patch: the gradient goes back where the value came from. */
static void backward(Tape *t, Node *n)
{
    walk(n, n->out[0]->grad, tape_grad(t, n->in[0]), true);
}

const Op op_patches_op = { "patches", forward, backward };

Tensor *op_patches(Tape *t, Tensor *pixels, int size)
{
    PatchesAttr a = { size };
    Shape       p = pixels->shape;

    REQUIRE(size > 0 && p.n == 4 && p.d[2] % size == 0 && p.d[3] % size == 0, "patches: %s does not divide into squares of %d",
            shape_text(p).s, size);
    Shape y = SHAPE(p.d[0], p.d[2] / size * (p.d[3] / size), p.d[1] * size * size);
    return tape_apply(t, &(Apply){ &op_patches_op, { pixels }, { y }, &a, sizeof a })->out[0];
}
