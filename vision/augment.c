/* augment.c - crop and colour jitter: torchvision's transforms, with the arithmetic of Pillow's Blend.c and Convert.c. */
#include "vision/augment.h"

#include <math.h>

/* ---- geometry ---------------------------------------------------------------------------------------------------- */

static const double LEAST_RATIO = 3.0 / 4, MOST_RATIO = 4.0 / 3;     /* width / height */

static double between(double low, double high, Rng *r) { return low + (high - low) * rng_uniform(r); }

/* rint rounds halves to even, as Python's round does. */
static Crop centre(int width, int height)
{
    double ratio = (double)width / height;
    int    w = ratio > MOST_RATIO ? (int)rint(height * MOST_RATIO) : width, h = ratio < LEAST_RATIO ? (int)rint(width / LEAST_RATIO) : height;
    return (Crop){ (width - w) / 2, (height - h) / 2, w, h };
}

Crop augment_draw_crop(double least, int width, int height, Rng *r)
{
    for (int i = 0; i < 10; i++) {
        double area  = between(least, 1, r) * width * height;
        double ratio = exp(between(log(LEAST_RATIO), log(MOST_RATIO), r));
        int    w = (int)rint(sqrt(area * ratio)), h = (int)rint(sqrt(area / ratio));
        if (w < 1 || w > width || h < 1 || h > height)
            continue;
        int    y = (int)rng_below(r, height - h + 1), x = (int)rng_below(r, width - w + 1);
        return (Crop){ x, y, w, h };
    }
    return centre(width, height);
}

Image augment_crop(const Image *im, Crop c, int width, int height, Filter f)
{
    Image part = image_crop(im, c.x, c.y, c.width, c.height), out = image_resize(&part, width, height, f);
    image_free(&part);
    return out;
}

/* From pixels of the picture to pixels of the result, cut at its edges. */
static float carry(float at, int from, int length, int size)
{
    return (float)fmin(fmax(((double)at - from) * size / length, 0), size);
}

double augment_box(Crop c, int width, int height, bool mirrored, const float box[4], float out[4])
{
    float  x0 = carry(box[0], c.x, c.width, width), x1 = carry(box[2], c.x, c.width, width);
    double before = ((double)box[2] - box[0]) * ((double)box[3] - box[1]) * width / c.width * height / c.height;

    out[0] = mirrored ? (float)width - x1 : x0;
    out[2] = mirrored ? (float)width - x0 : x1;
    out[1] = carry(box[1], c.y, c.height, height);
    out[3] = carry(box[3], c.y, c.height, height);
    double after = ((double)out[2] - out[0]) * ((double)out[3] - out[1]);
    return before > 0 ? fmin(after / before, 1) : 0;
}

/* ---- colour ------------------------------------------------------------------------------------------------------ */

static size_t pixels_of(const Image *im)
{
    REQUIRE(im->channels == 3, "augment: %d channels", im->channels);
    return (size_t)im->width * (size_t)im->height;
}

/* Pillow's Image.blend: in single precision, cut off rather than rounded; outside 0..255 only when alpha is above one. */
static uint8_t blend(int from, int to, float alpha)
{
    float v = (float)from + alpha * (float)(to - from);
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

/* ITU-R 601-2 luma in 16-bit fixed point. */
static int gray(const uint8_t *rgb) { return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16; }

static void blend_with(Image *im, int with, double factor)
{
    uint8_t to[256];
    size_t  n = 3 * pixels_of(im);

    for (int v = 0; v < 256; v++) to[v] = blend(with, v, (float)factor);
    for (size_t i = 0; i < n; i++) im->pixels[i] = to[im->pixels[i]];
}

void augment_brightness(Image *im, double factor) { blend_with(im, 0, factor); }

void augment_contrast(Image *im, double factor)
{
    size_t   n = pixels_of(im);
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) sum += (uint64_t)gray(im->pixels + 3 * i);
    blend_with(im, (int)((double)sum / (double)n + 0.5), factor);
}

void augment_saturation(Image *im, double factor)
{
    uint8_t *p = im->pixels;

    for (size_t i = 0, n = pixels_of(im); i < n; i++, p += 3) {
        int without = gray(p);
        for (int c = 0; c < 3; c++) p[c] = blend(without, p[c], (float)factor);
    }
}

static uint8_t clip(int v) { return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v; }

/* Pillow's rgb2hsv_row and hsv2rgb: the formulas of Python's colorsys, mostly in single precision. */
static void to_hsv(const uint8_t rgb[3], uint8_t hsv[3])
{
    int r = rgb[0], g = rgb[1], b = rgb[2], most = r > g ? r : g, least = r < g ? r : g;
    if (b > most) most = b;
    if (b < least) least = b;

    hsv[0] = hsv[1] = 0;
    hsv[2] = (uint8_t)most;
    if (most == least)
        return;
    float range = (float)(most - least);
    float rc = (float)(most - r) / range, gc = (float)(most - g) / range, bc = (float)(most - b) / range;
    float h = r == most ? bc - gc : g == most ? (float)(2.0 + (double)rc - (double)bc) : (float)(4.0 + (double)gc - (double)rc);
    h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
    hsv[0] = clip((int)((double)h * 255.0));
    hsv[1] = clip((int)((double)(range / (float)most) * 255.0));
}

static void to_rgb(const uint8_t hsv[3], uint8_t rgb[3])
{
    int     sector = (int)floor((double)(float)hsv[0] * 6.0 / 255.0);
    float   f = (float)((double)(float)hsv[0] * 6.0 / 255.0 - sector), fs = (float)(hsv[1] / 255.0);
    double  value = hsv[2];
    uint8_t v = hsv[2], p = clip((int)round(value * (1.0 - (double)fs))), q = clip((int)round(value * (1.0 - (double)(fs * f)))),
            t = clip((int)round(value * (1.0 - (double)fs * (1.0 - (double)f))));
    const uint8_t colours[6][3] = { { v, t, p }, { q, v, p }, { p, v, t }, { p, q, v }, { t, p, v }, { v, p, q } };
    for (int c = 0; c < 3; c++) rgb[c] = hsv[1] == 0 ? v : colours[sector % 6][c];
}

void augment_hue(Image *im, double turn)
{
    uint8_t *p = im->pixels, hsv[3], by = (uint8_t)(int)(turn * 255);    /* wraps around, as the circle does */

    for (size_t i = 0, n = pixels_of(im); i < n; i++, p += 3) {
        to_hsv(p, hsv);
        hsv[0] = (uint8_t)(hsv[0] + by);
        to_rgb(hsv, p);
    }
}

static void (*const CHANGE[JITTER_COUNT])(Image *im, double amount) = {
    [JITTER_BRIGHTNESS] = augment_brightness, [JITTER_CONTRAST] = augment_contrast,
    [JITTER_SATURATION] = augment_saturation, [JITTER_HUE] = augment_hue };

Jitter augment_draw_jitter(double strength, Rng *r)
{
    Jitter j = { .order = { JITTER_BRIGHTNESS, JITTER_CONTRAST, JITTER_SATURATION, JITTER_HUE } };

    rng_shuffle(r, j.order, JITTER_COUNT);
    for (int i = 0; i < JITTER_HUE; i++) j.amount[i] = between(fmax(0, 1 - strength), 1 + strength, r);
    j.amount[JITTER_HUE] = between(-strength / 4, strength / 4, r);
    return j;
}

void augment_jitter(Image *im, const Jitter *j)
{
    for (int i = 0; i < JITTER_COUNT; i++) CHANGE[j->order[i]](im, j->amount[j->order[i]]);
}
