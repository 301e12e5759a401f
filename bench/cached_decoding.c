/* cached_decoding.c - what the key/value cache is worth: processor time of captions of 20 words with and without it, by turns, on one thread.
 *
 *     ninja -C build cached-decoding && build/cached-decoding
 *
 * Without a cache step T computes T positions again: 210 of them for 20 words, not 20. Both give the same captions, or no time is told. The
 * model is the shape of flickr8k-vit-tiny.yaml's, with random weights; the encoder is left out.                          */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fusion/search.h"

enum { WORDS = 20, ROUNDS = 5, TOKENS = 197, VOCAB = 2541 };

static const CaptionerConfig MODEL = {
    .encoder = { .kind = "vit", .image = 224, .patch = 16, .width = 192, .depth = 1, .heads = 3, .hidden = 192, .activation = ACT_GELU,
                 .eps = 1e-12, .qkv_bias = true },
    .decoder = { .vocab = VOCAB, .length = WORDS + 2, .width = 256, .depth = 3, .heads = 4, .hidden = 1024, .activation = ACT_GELU_TANH,
                 .eps = 1e-5, .tied = true } };

static Tensor *random_features(Arena *a, int64_t pictures)
{
    Tensor *x = tensor_new(a, SHAPE(pictures, TOKENS, MODEL.encoder.width));
    for (int64_t i = 0; i < shape_count(x->shape); i++) {
        real v = (real)sin(0.37 * (double)i + 0.011 * (double)(i % 97));
        tensor_write(x, i, &v, 1);
    }
    return x;
}

static double seconds(Tape *t, const Captioner *m, Tensor *features, SearchOptions o, Arena *keep, Hypothesis **out)
{
    clock_t begin = clock();
    *out = search_captions(t, m, features, o, keep);
    return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

static bool same_captions(const Hypothesis *a, const Hypothesis *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (a[i].count != b[i].count || memcmp(a[i].ids, b[i].ids, (size_t)a[i].count * sizeof *a[i].ids)) return false;
    return true;
}

/* The least of several rounds: other work on the machine only adds. */
static bool measure(Tape *t, const Captioner *m, int64_t pictures, int beam)
{
    Arena *a = arena_new(1 << 20);
    Tensor *features = random_features(a, pictures);
    SearchOptions cached = { .beam = beam, .min_length = WORDS, .max_length = WORDS, .bos = 1, .eos = 2, .pad = 0 }, uncached = cached;
    double with = INFINITY, without = INFINITY;
    bool   same = true;

    uncached.uncached = true;
    for (int i = 0; same && i <= ROUNDS; i++) {
        Hypothesis *x, *y;
        double fast = seconds(t, m, features, cached, a, &x), slow = seconds(t, m, features, uncached, a, &y);
        same = same_captions(x, y, pictures);
        if (i == 0) continue;                    /* warming up */
        with = fmin(with, fast);
        without = fmin(without, slow);
    }
    if (same) printf("%8lld %5d %9.1f ms %9.1f ms %7.1f\n", (long long)pictures, beam, 1e3 * with, 1e3 * without, without / with);
    else fprintf(stderr, "%lld pictures, beam %d: the captions differ with and without a cache\n", (long long)pictures, beam);
    arena_free(a);
    return same;
}

int main(void)
{
    static const struct { int64_t pictures; int beam; } CASES[] = { { 1, 1 }, { 1, 5 }, { 8, 1 }, { 32, 1 }, { 32, 3 }, { 32, 5 } };
    Err  err = { 0 };
    bool ok = true;

    if (!backend_find("openblas", &err)) return fprintf(stderr, "%s\n", err.text), 1;
    Params *p = params_new(1);
    Captioner *m = captioner_new(p, &MODEL);
    Tape *t = tape_new(&backend_openblas, NULL, 0);
    printf("pictures  beam       cached     uncached   ratio\n");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) ok = measure(t, m, CASES[i].pictures, CASES[i].beam) && ok;
    tape_free(t);
    params_free(p);
    return !ok;
}
