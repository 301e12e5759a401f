/* encoder.c - the kinds of image encoder, making one, and what the kinds share. */
#include "vision/encoder.h"

#include <stdio.h>
#include <string.h>

static const EncoderKind *const KINDS[] = {
    &encoder_vit, &encoder_deit, &encoder_dinov2, &encoder_clip, &encoder_siglip, &encoder_resnet, &encoder_mobilenet, &encoder_convnext,
    &encoder_features, NULL };

const EncoderKind *const *encoder_list(void) { return KINDS; }

const EncoderKind *encoder_find(const char *name, Err *err)
{
    char names[512] = "";
    for (const EncoderKind *const *k = KINDS; *k; k++) {
        if (strcmp((*k)->name, name) == 0)
            return *k;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", (*k)->name);
    }
    fail_usage(err, "there is no image encoder '%s'; there is: %s", name, names);
    return NULL;
}

bool encoder_size_check(const char *field, int64_t value, Err *err)
{
    return (value >= 1 && value <= 65536)
        || fail_also(err, ERR_USAGE, "encoder: %s is %lld; it must be from 1 to 65536", field, (long long)value);
}

bool encoder_unused_check(const EncoderConfig *c, const char *field, double value, Err *err)
{
    return value == 0 || fail_also(err, ERR_USAGE, "encoder: %s is %g, but %s makes no use of it; leave it at 0", field, value, c->kind);
}

bool encoder_config_check(const EncoderConfig *c, Err *err)
{
    const EncoderKind *kind = encoder_find(c->kind, err);
    const struct { const char *name; double value; } shares[] = { { "dropout", c->dropout }, { "drop_path", c->drop_path } };
    int found = kind == NULL;
    found += !encoder_size_check("image", c->image, err);
    found += !encoder_size_check("width", c->width, err);
    bool sizes = found == 0;                     /* the kind divides by them */
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (!(shares[i].value >= 0 && shares[i].value < 1))
            found += !fail_also(err, ERR_USAGE, "encoder: %s is %g; it must be at least 0 and below 1", shares[i].name, shares[i].value);
    if (!(c->eps > 0))
        found += !fail_also(err, ERR_USAGE, "encoder: the epsilon of its norms is %g; it must be above 0", c->eps);
    return sizes && kind->check(c, err) && found == 0;
}

Encoder *encoder_new(Scope s, const EncoderConfig *c)
{
    Err      err = { 0 };
    REQUIRE(encoder_config_check(c, &err), "encoder_new: %s", err.text);
    Encoder *e = arena_zeros(params_arena(s.params), sizeof *e);
    e->kind    = encoder_find(c->kind, &err);
    e->config  = *c;
    EncoderGrid grid = e->kind->grid(c);
    e->prefix  = grid.prefix;
    e->rows    = grid.rows;
    e->columns = grid.columns;
    e->tokens  = grid.prefix + grid.rows * grid.columns;
    e->width   = grid.width;
    e->model   = e->kind->build(s, c);
    return e;
}

Tensor *encoder_forward(Tape *t, const Encoder *e, Tensor *pixels)
{
    Shape s = pixels->shape;
    REQUIRE(s.n == 4 && s.d[1] == 3 && s.d[2] == e->config.image && s.d[3] == e->config.image,
            "encoder: pixels are %s but (B,3,%lld,%lld) is wanted", shape_text(s).s, (long long)e->config.image, (long long)e->config.image);
    return e->kind->forward(t, e->model, pixels);
}

double encoder_drop_path(double p, int64_t i, int64_t n) { return n > 1 ? p * (double)i / (double)(n - 1) : p; }
