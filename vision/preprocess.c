/* preprocess.c - resize, crop or pad, normalise, as transformers' ViTImageProcessor and CLIPImageProcessor do. */
#include "vision/preprocess.h"

#include <math.h>
#include <string.h>

#include "tensor/base/json.h"

Preprocess preprocess_default(int size)
{
    return (Preprocess){ .mode = RESIZE_SQUASH, .size = size, .edge = size, .filter = FILTER_BICUBIC,
                         .mean = { 0.5, 0.5, 0.5 }, .std = { 0.5, 0.5, 0.5 } };
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static const Filter RESAMPLE[] = { FILTER_NEAREST, FILTER_LANCZOS, FILTER_BILINEAR, FILTER_BICUBIC };   /* Pillow's numbers */
enum { RESAMPLE_COUNT = sizeof RESAMPLE / sizeof *RESAMPLE, MAX_SIZE = 4096 };

static bool side_from(const json_t *size, const char *key, int64_t *out, const char *where, Err *err)
{
    TRY(json_get_int(size, key, 0, out, where, err));
    return (*out >= 1 && *out <= MAX_SIZE)
        || fail(err, "%s: size.%s is %lld; it must be from 1 to %d", where, key, (long long)*out, MAX_SIZE);
}

/* 224, {"height": 224, "width": 224} or {"shortest_edge": 224}; `shortest`: whether the short side is meant. */
static bool size_from(const json_t *j, const char *key, int64_t fallback, int64_t *side, bool *shortest, const char *where, Err *err)
{
    const json_t *size = json_object_get(j, key);
    int64_t width;
    if (!json_is_object(size)) {
        TRY(json_get_int(j, key, fallback, side, where, err));
        return (*side >= 1 && *side <= MAX_SIZE)
            || fail(err, "%s: %s is %lld; it must be from 1 to %d", where, key, (long long)*side, MAX_SIZE);
    }
    *shortest = json_object_get(size, "shortest_edge") != NULL;
    if (*shortest)
        return side_from(size, "shortest_edge", side, where, err);
    TRY(side_from(size, "height", side, where, err) && side_from(size, "width", &width, where, err));
    return width == *side || fail(err, "%s: %s is %lld x %lld; only squares are supported", where, key, (long long)width, (long long)*side);
}

static bool three_from(const json_t *j, const char *key, double out[3], const char *where, Err *err)
{
    const json_t *list = json_object_get(j, key);
    if (!list)
        return true;
    bool ok = json_is_array(list) && json_array_size(list) == 3;
    for (size_t i = 0; ok && i < 3; i++) {
        const json_t *v = json_array_get(list, i);
        ok = json_is_number(v);
        out[i] = json_number_value(v);
    }
    return ok || fail(err, "%s: %s wants a list of three numbers", where, key);
}

static bool normalize_from(const json_t *j, const char *where, Preprocess *out, Err *err)
{
    bool   rescale, normalize;
    double factor;
    TRY(json_get_bool(j, "do_rescale", true, &rescale, where, err));
    TRY(json_get_bool(j, "do_normalize", true, &normalize, where, err));
    TRY(json_get_real(j, "rescale_factor", 1.0 / 255, &factor, where, err));
    TRY(three_from(j, "image_mean", out->mean, where, err) && three_from(j, "image_std", out->std, where, err));
    if (!rescale || fabs(factor * 255 - 1) > 1e-6)
        return fail(err, "%s: rescale_factor must be 1/255 and do_rescale true", where);
    for (int c = 0; c < 3; c++) {
        if (!normalize) out->mean[c] = 0, out->std[c] = 1;
        if (!(out->std[c] > 0) || !isfinite(out->mean[c]))
            return fail(err, "%s: image_std must be above zero", where);
    }
    return true;
}

static bool mode_from(const json_t *j, const char *where, bool shortest, bool crop, Preprocess *out, Err *err)
{
    const char *mode;
    out->mode = shortest ? RESIZE_CROP : RESIZE_SQUASH;
    if (shortest && !crop)
        return fail(err, "%s: size.shortest_edge without do_center_crop leaves pictures of unequal shapes", where);
    TRY(json_get_text(j, "limn_resize", "", &mode, where, err));
    if (strcmp(mode, "pad") == 0)
        out->mode = RESIZE_PAD;
    else if (strcmp(mode, "keep") == 0)
        out->mode = RESIZE_KEEP;
    else if (mode[0])
        return fail(err, "%s: limn_resize is '%s'; it can be 'pad' or 'keep'", where, mode);
    return true;
}

bool preprocess_from_json(const json_t *j, const char *where, Preprocess *out, Err *err)
{
    int64_t edge, size, resample;
    bool    resize, crop, shortest = false, ignored = false;
    if (!json_is_object(j))
        return fail(err, "%s: the preprocessing record must be an object", where);
    *out = preprocess_default(224);
    TRY(json_get_bool(j, "do_resize", true, &resize, where, err));
    TRY(json_get_bool(j, "do_center_crop", false, &crop, where, err));
    if (!resize)
        return fail(err, "%s: do_resize is false, but an encoder wants pictures of one size", where);
    if (crop && json_is_integer(json_object_get(j, "size")))
        shortest = true;                         /* the older way to write it */
    TRY(size_from(j, "size", 224, &edge, &shortest, where, err));
    size = edge;
    if (crop)
        TRY(size_from(j, "crop_size", edge, &size, &ignored, where, err));
    TRY(json_get_int(j, "resample", 2, &resample, where, err));              /* ViTImageProcessor's default */
    if (resample < 0 || resample >= RESAMPLE_COUNT)
        return fail(err, "%s: resample is %lld; 0 nearest, 1 lanczos, 2 bilinear and 3 bicubic are known", where, (long long)resample);
    out->edge   = (int)edge;
    out->size   = (int)size;
    out->filter = RESAMPLE[resample];
    return mode_from(j, where, shortest, crop, out, err) && normalize_from(j, where, out, err);
}

json_t *preprocess_to_json(const Preprocess *p)
{
    int    resample = 0;
    while (RESAMPLE[resample] != p->filter) resample++;
    int    edge = p->edge ? p->edge : p->size;
    bool   crop = p->mode == RESIZE_CROP || edge != p->size;
    json_t *j = json_pack("{ss sb so si sb sb sf sb s[fff] s[fff]}",
        "image_processor_type", "ViTImageProcessor", "do_resize", 1,
        "size", p->mode == RESIZE_CROP ? json_pack("{si}", "shortest_edge", edge) : json_pack("{si si}", "height", edge, "width", edge),
        "resample", resample, "do_center_crop", crop, "do_rescale", 1, "rescale_factor", 1.0 / 255, "do_normalize", 1,
        "image_mean", p->mean[0], p->mean[1], p->mean[2], "image_std", p->std[0], p->std[1], p->std[2]);
    REQUIRE(j, "preprocess: no memory");
    if (crop)
        json_object_set_new(j, "crop_size", json_pack("{si si}", "height", p->size, "width", p->size));
    if (p->mode == RESIZE_PAD)
        json_object_set_new(j, "limn_resize", json_string("pad"));
    if (p->mode == RESIZE_KEEP)
        json_object_set_new(j, "limn_resize", json_string("keep"));
    return j;
}

/* ---- the pixels -------------------------------------------------------------------------------------------------- */

static int at_least_one(int64_t v) { return v < 1 ? 1 : (int)v; }

/* The sides when the shorter (crop) or the longer (pad, keep) becomes `edge`; the other is cut to whole pixels, as transformers does. */
static void scaled_sides(int64_t w, int64_t h, int64_t edge, bool longer, int *width, int *height)
{
    bool by_width = longer ? w >= h : w <= h;
    *width  = by_width ? (int)edge : at_least_one(edge * w / h);
    *height = by_width ? at_least_one(edge * h / w) : (int)edge;
}

/* What the resize makes of the sides, before anything is cut or framed. */
static void resized_sides(const Preprocess *p, int width, int height, int *out_width, int *out_height)
{
    int edge = p->edge ? p->edge : p->size;
    if (p->mode == RESIZE_SQUASH) *out_width = *out_height = edge;
    else if (p->mode == RESIZE_KEEP && width <= edge && height <= edge) *out_width = width, *out_height = height;
    else scaled_sides(width, height, edge, p->mode != RESIZE_CROP, out_width, out_height);
}

int preprocess_draft_side(const Preprocess *p) { return 2 * (p->edge ? p->edge : p->size); }

/* Floor division: for a picture smaller than the crop transformers pads with the extra pixel on the top and left. */
static int cut_at(int side, int size) { return (int)floor((side - size) / 2.0); }

Placement preprocess_placement(const Preprocess *p, int width, int height)
{
    Placement at;
    int w, h, edge = p->edge ? p->edge : p->size;

    resized_sides(p, width, height, &w, &h);
    at = (Placement){ .scale_x = (double)w / width, .scale_y = (double)h / height, .width = w, .height = h, .out_width = w, .out_height = h };
    if (p->mode == RESIZE_KEEP) return at;
    if (p->mode == RESIZE_PAD) {
        at.left = (edge - w) / 2;
        at.top  = (edge - h) / 2;
        w = h = edge;
    }
    at.left -= cut_at(w, p->size);
    at.top  -= cut_at(h, p->size);
    at.out_width = at.out_height = p->size;
    return at;
}

Image preprocess_resize(const Preprocess *p, const Image *im)
{
    REQUIRE(im->channels == 3, "preprocess: %d channels", im->channels);
    Placement at = preprocess_placement(p, im->width, im->height);
    uint8_t   fill[4] = { 0 };
    Image     x = image_resize(im, at.width, at.height, p->filter);

    if (x.width == at.out_width && x.height == at.out_height)
        return x;
    for (int c = 0; c < 3 && p->mode == RESIZE_PAD; c++)
        fill[c] = (uint8_t)lround(fmin(fmax(p->mean[c], 0), 1) * 255);       /* normalises to about 0 */
    Image out = image_pad(&x, at.left, at.top, at.out_width, at.out_height, fill);
    image_free(&x);
    return out;
}

static double clamp(double v, double low, double high) { return v < low ? low : v > high ? high : v; }

/* Cut where there are pixels of the picture: neither outside the frame nor in what pads it. */
double placement_box(const Placement *at, const double box[4], float out[4])
{
    double x[2], y[2], area;

    for (int i = 0; i < 2; i++) {
        x[i] = box[2 * i] * at->scale_x + at->left;
        y[i] = box[2 * i + 1] * at->scale_y + at->top;
    }
    area = (x[1] - x[0]) * (y[1] - y[0]);
    for (int i = 0; i < 2; i++) {
        x[i] = clamp(x[i], fmax(at->left, 0), fmin(at->left + at->width, at->out_width));
        y[i] = clamp(y[i], fmax(at->top, 0), fmin(at->top + at->height, at->out_height));
        out[2 * i]     = (float)x[i];
        out[2 * i + 1] = (float)y[i];
    }
    return area > 0 ? (x[1] - x[0]) * (y[1] - y[0]) / area : 0;
}

void preprocess_normalize(const Preprocess *p, const uint8_t *rgb, bool flip, real *out)
{
    int64_t S = p->size;
    for (int c = 0; c < 3; c++) {
        real value[256];
        for (int v = 0; v < 256; v++)
            value[v] = (real)((v / 255.0 - p->mean[c]) / p->std[c]);
        for (int64_t y = 0; y < S; y++) {
            const uint8_t *row = rgb + y * S * 3 + c;
            for (int64_t x = 0; x < S; x++)
                *out++ = value[row[3 * (flip ? S - 1 - x : x)]];
        }
    }
}

Tensor *preprocess_batch(const Preprocess *p, Arena *a, const uint8_t *rgb, const bool *flip, int64_t count)
{
    int64_t S = p->size, each = 3 * S * S;
    Tensor *pixels = tensor_new(a, SHAPE(count, 3, S, S));
    real   *one = arena_alloc(a, (size_t)each * sizeof *one);

    for (int64_t i = 0; i < count; i++) {
        preprocess_normalize(p, rgb + i * each, flip && flip[i], one);
        tensor_write(pixels, i * each, one, each);
    }
    arena_give_back(a, one);
    return pixels;
}
