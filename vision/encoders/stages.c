/* stages.c - the parts that ResNet, MobileNet and ConvNeXt have in common. */
#include "vision/encoders/stages.h"

#include "tensor/base/json.h"

/* PyTorch's BatchNorm2d: a tenth of each batch. Transformers gives MobileNet 0.9997, which is TensorFlow's decay and in PyTorch's meaning
 * leaves nothing but the last batch; 0.0003, what was meant, needs some ten thousand updates. Inference is the same under all three. */
static const double MOMENTUM = 0.1;

ConvUnit conv_unit_new(Scope s, int64_t in, int64_t out, Conv like, const EncoderConfig *c)
{
    return (ConvUnit){ .conv = conv_new(scope(s, "convolution"), in, out, false, like),
                       .norm = batch_norm_new(scope(s, "normalization"), out, c->eps, MOMENTUM, c->running) };
}

Tensor *conv_unit(Tape *t, const ConvUnit *u, Tensor *x, Activation a, Tensor *residual)
{
    return conv_norm(t, &u->conv, &u->norm, x, a, residual);
}

int64_t stages_blocks(const EncoderConfig *c)
{
    int64_t sum = 0;
    for (int i = 0; i < c->stages; i++)
        sum += c->stage_depth[i];
    return sum;
}

static bool read_list(const json_t *j, const char *key, int64_t *values, int *count, const char *where, Err *err)
{
    const json_t *list = json_object_get(j, key);
    if (!list) return true;
    *count = (int)json_array_size(list);
    if (*count < 1 || *count > ENCODER_STAGES)
        return fail(err, "%s: %s must be a list of 1 to %d whole numbers, one a stage", where, key, ENCODER_STAGES);
    for (int i = 0; i < *count; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        if (!json_is_integer(value))
            return fail(err, "%s: %s[%d] is not a whole number", where, key, i);
        values[i] = json_integer_value(value);
    }
    return true;
}

bool stages_from_json(const json_t *j, EncoderConfig *c, const char *where, Err *err)
{
    int widths = c->stages, depths = c->stages;
    TRY(read_list(j, "hidden_sizes", c->stage_width, &widths, where, err));
    TRY(read_list(j, "depths", c->stage_depth, &depths, where, err));
    if (widths != depths)
        return fail(err, "%s: hidden_sizes has %d stages, but depths has %d", where, widths, depths);
    c->stages = widths;
    c->width  = c->stage_width[widths - 1];
    return true;
}

void stages_to_json(json_t *j, const EncoderConfig *c)
{
    json_t *widths = json_array(), *depths = json_array();
    for (int i = 0; i < c->stages; i++) {
        json_array_append_new(widths, json_integer(c->stage_width[i]));
        json_array_append_new(depths, json_integer(c->stage_depth[i]));
    }
    json_object_set_new(j, "hidden_sizes", widths);
    json_object_set_new(j, "depths", depths);
}

bool stages_check(const EncoderConfig *c, Err *err)
{
    int found = 0;
    if (c->stages < 1 || c->stages > ENCODER_STAGES)
        return fail_also(err, ERR_USAGE, "encoder: it has %d stages; there may be 1 to %d", c->stages, ENCODER_STAGES);
    for (int i = 0; i < c->stages; i++) {
        found += !encoder_size_check("the width of a stage", c->stage_width[i], err);
        found += !encoder_size_check("the depth of a stage", c->stage_depth[i], err);
    }
    if (c->width != c->stage_width[c->stages - 1])
        found += !fail_also(err, ERR_USAGE, "encoder: width is %lld, but its last stage has %lld", (long long)c->width,
                            (long long)c->stage_width[c->stages - 1]);
    found += !encoder_unused_check(c, "dropout", c->dropout, err);
    return found == 0;
}

Tensor *grid_tokens(Tape *t, Tensor *x)
{
    Shape s = x->shape;
    return tensor_reshape(t->arena, x, SHAPE(s.d[0], s.d[1] * s.d[2], s.d[3]));
}
