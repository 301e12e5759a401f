/* gradcheck_captioner.c - loss of two pictures with three captions, differentiated both ways. */
#include "experiments/gradcheck_captioner.h"

#include <math.h>

#include "tensor/base/rng.h"

enum { PICTURES = 2, CAPTIONS = 3, LENGTH = 5 };

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

CaptionerConfig captioner_miniature(const CaptionerConfig *c)
{
    CaptionerConfig m = *c;
    Err err = { 0 };
    const EncoderKind *kind = encoder_find(c->encoder.kind, &err);

    REQUIRE(kind, "gradcheck: %s", err.text);
    m.encoder = kind->miniature(&c->encoder);
    int64_t width = kind->grid(&m.encoder).width;
    m.decoder.width = kind->grid(&c->encoder).width == c->decoder.width ? width : width + 2;
    m.decoder.heads = m.decoder.width % 2 ? 1 : 2;
    m.decoder.hidden = 12;
    m.decoder.depth = smaller(c->decoder.depth, 2);
    m.decoder.vocab = 13;
    m.decoder.length = LENGTH + 1;
    m.decoder.embedding_dropout = m.decoder.residual_dropout = m.decoder.attention_dropout = 0;
    m.encoder.dropout = m.encoder.drop_path = 0;
    return m;
}

typedef struct Case { const Captioner *captioner; Tensor *pixels; Ids tokens, targets; const int32_t *image_of; } Case;

static Tensor *loss_of(Tape *t, void *context)
{
    const Case *c = context;
    t->training = true;                          /* batch norm by the batch's statistics, unless it keeps to its running ones */
    Tensor *features = captioner_encode(t, c->captioner, c->pixels);
    return captioner_loss(t, c->captioner, features, c->tokens, c->targets, c->image_of, (LossOptions){ .smoothing = 0.1 });
}

/* Fresh weights are near zero, where attention is uniform and errors hide: spread them. */
static void spread_weights(Params *p)
{
    for (int i = 0; i < params_count(p); i++) {
        Tensor *w = params_at(p, i)->tensor;
        Rng r = rng_stream(11, RNG_TEST, rng_hash(w->name));
        for (int64_t j = 0; j < shape_count(w->shape); j++) {
            real v;
            tensor_read(w, j, &v, 1);
            v += (real)(0.2 * rng_normal(&r));
            tensor_write(w, j, &v, 1);
        }
    }
    params_touch(p);
}

GradReport gradcheck_captioner(const CaptionerConfig *config, const Backend *backend, int per_tensor)
{
    static const int32_t TOKENS[CAPTIONS * LENGTH]  = { 1, 4, 9, 6, 7,  1, 5, 12, 0, 0,  1, 8, 8, 11, 0 };
    static const int32_t TARGETS[CAPTIONS * LENGTH] = { 4, 9, 6, 7, 2,  5, 12, 2, -1, -1,  8, 8, 11, 2, -1 };
    static const int32_t IMAGE_OF[CAPTIONS] = { 1, 0, 1 };
    CaptionerConfig mini = captioner_miniature(config);
    Params *p = params_new(3);
    Captioner *captioner = captioner_new(p, &mini);
    int64_t side = mini.encoder.image, count = PICTURES * 3 * side * side;
    Arena *arena = params_arena(p);
    Case c = { captioner, tensor_new(arena, SHAPE(PICTURES, 3, side, side)), { SHAPE(CAPTIONS, LENGTH), TOKENS },
               { SHAPE(CAPTIONS, LENGTH), TARGETS }, IMAGE_OF };

    for (int64_t i = 0; i < count; i++) {
        real v = (real)sin(0.37 * (double)i);
        tensor_write(c.pixels, i, &v, 1);
    }
    spread_weights(p);
    GradReport r = gradcheck(p, backend, loss_of, &c, 1e-4, per_tensor);
    params_free(p);
    return r;
}
