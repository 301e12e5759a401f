/* tiny_captioner.h - a whole captioner of toy size: ViT of 4 patches, two decoder blocks, widths that differ. */
#ifndef LIMN_TESTS_TINY_CAPTIONER_H
#define LIMN_TESTS_TINY_CAPTIONER_H

#include "fusion/captioner.h"
#include "tests/tiny.h"

static inline CaptionerConfig tiny_captioner_config(int64_t vocab)
{
    CaptionerConfig c = { .encoder = { .kind = "vit", .image = 16, .patch = 8, .width = 12, .depth = 2, .heads = 3, .hidden = 20,
                                       .activation = ACT_GELU, .eps = 1e-12, .qkv_bias = true },
                          .decoder = tiny_decoder_config() };
    c.decoder.vocab = vocab;
    return c;
}

/* Pictures that differ, of values in -1..1. */
static inline Tensor *tiny_pixels(Arena *a, int64_t pictures, int64_t image)
{
    Tensor *x = tensor_new(a, SHAPE(pictures, 3, image, image));
    for (int64_t i = 0; i < shape_count(x->shape); i++) {
        real v = (real)sin(0.37 * (double)i + 0.011 * (double)(i % 97));
        tensor_write(x, i, &v, 1);
    }
    return x;
}

#endif
