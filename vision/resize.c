/* resize.c - Pillow's Image.resize, byte for byte (libImaging/Resample.c and Geometry.c of Pillow 9.4, Debian 12's).
 *
 * An output pixel is a weighted sum of the input pixels under a filter that is stretched when shrinking (antialiasing):
 *     scale = in/out,  stretch = max(scale, 1),  centre = (x + 1/2) scale
 *     w_j   = f((j - centre + 1/2) / stretch),   normalised to sum 1, rounded to 22-bit fixed point
 * First along the rows, rounded to bytes, then along the columns; a pass whose size does not change is skipped.
 * Nearest adds its step up pixel by pixel, rounding errors included, as Pillow's affine transform does.               */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/image.h"

/* 32 bits less 8 of the pixel and 2 of head room, for weights below zero and above one. */
enum { PRECISION_BITS = 32 - 8 - 2 };

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double cubic(double x)                    /* Keys 1981, a = -1/2 */
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static double sinc(double x)
{
    if (x == 0) return 1;
    x *= M_PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct { const char *name; double (*weight)(double); double support; } FILTERS[] = {
    [FILTER_NEAREST]  = { "nearest",  NULL,     0 },
    [FILTER_BILINEAR] = { "bilinear", triangle, 1 },
    [FILTER_BICUBIC]  = { "bicubic",  cubic,    2 },
    [FILTER_LANCZOS]  = { "lanczos",  lanczos,  3 } };

enum { FILTER_COUNT = sizeof FILTERS / sizeof *FILTERS };

bool filter_find(const char *name, Filter *out)
{
    for (int i = 0; i < FILTER_COUNT; i++)
        if (strcmp(name, FILTERS[i].name) == 0) {
            *out = (Filter)i;
            return true;
        }
    return false;
}

const char *filter_name(Filter f) { return FILTERS[f].name; }

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* Output pixel i reads input pixels from[i] .. from[i]+count[i]-1 with weights w + i*stride. */
typedef struct Taps { int stride, *from, *count; int32_t *w; } Taps;

static void *need(size_t count, size_t bytes)
{
    void *m = calloc(count, bytes);
    REQUIRE(m, "resize: no memory for %zu items of %zu bytes", count, bytes);
    return m;
}

static Taps taps_new(int in, int out, Filter f)
{
    double scale   = (double)in / out;
    double stretch = scale < 1 ? 1 : scale;
    double support = FILTERS[f].support * stretch;
    Taps   t = { .stride = (int)ceil(support) * 2 + 1 };
    t.from  = need((size_t)out, sizeof *t.from);
    t.count = need((size_t)out, sizeof *t.count);
    t.w     = need((size_t)out * (size_t)t.stride, sizeof *t.w);
    double *w = need((size_t)t.stride, sizeof *w);

    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * scale, sum = 0;
        int    from = (int)(centre - support + 0.5), to = (int)(centre + support + 0.5);
        if (from < 0) from = 0;
        if (to > in) to = in;
        for (int j = 0; j < to - from; j++)
            sum += w[j] = FILTERS[f].weight((j + from - centre + 0.5) * (1 / stretch));
        for (int j = 0; j < to - from; j++) {
            double v = (sum != 0 ? w[j] / sum : w[j]) * (1 << PRECISION_BITS);
            t.w[(size_t)i * (size_t)t.stride + (size_t)j] = (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
        }
        t.from[i]  = from;
        t.count[i] = to - from;
    }
    free(w);
    return t;
}

static void taps_free(Taps *t)
{
    free(t->from);
    free(t->count);
    free(t->w);
}

/* ---- the two passes ---------------------------------------------------------------------------------------------- */

static const int32_t HALF = 1 << (PRECISION_BITS - 1);

static inline uint8_t to_byte(int32_t sum)
{
    int32_t v = sum >> PRECISION_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* `channels` is a constant at every call, so that the inner loops have no branches. */
static inline void row_pass(const uint8_t *in, uint8_t *out, int width, const Taps *t, const int channels)
{
    for (int x = 0; x < width; x++) {
        const uint8_t *p = in + (size_t)t->from[x] * (size_t)channels;
        const int32_t *w = t->w + (size_t)x * (size_t)t->stride;
        int32_t sum[4] = { HALF, HALF, HALF, HALF };
        for (int j = 0; j < t->count[x]; j++)
            for (int c = 0; c < channels; c++)
                sum[c] += p[j * channels + c] * w[j];
        for (int c = 0; c < channels; c++)
            out[x * channels + c] = to_byte(sum[c]);
    }
}

/* Rows from .. from+rows-1 of `im`, each `width` pixels wide. */
static Image horizontal(const Image *im, int from, int rows, int width, const Taps *t)
{
    Image out = image_new(width, rows, im->channels);
    for (int y = 0; y < rows; y++) {
        const uint8_t *p = im->pixels + (size_t)(from + y) * (size_t)im->width * (size_t)im->channels;
        uint8_t       *q = out.pixels + (size_t)y * (size_t)width * (size_t)im->channels;
        switch (im->channels) {
        case 1: row_pass(p, q, width, t, 1); break;
        case 2: row_pass(p, q, width, t, 2); break;
        case 3: row_pass(p, q, width, t, 3); break;
        case 4: row_pass(p, q, width, t, 4); break;
        }
    }
    return out;
}

/* Row `first` of the picture that the weights speak of is row 0 of `im`. A row is summed in strips that stay in the cache. */
static Image vertical(const Image *im, int first, int height, const Taps *t)
{
    enum { STRIP = 1024 };
    Image  out   = image_new(im->width, height, im->channels);
    size_t bytes = (size_t)im->width * (size_t)im->channels;
    for (int y = 0; y < height; y++) {
        const uint8_t *top = im->pixels + (size_t)(t->from[y] - first) * bytes;
        const int32_t *w   = t->w + (size_t)y * (size_t)t->stride;
        for (size_t at = 0; at < bytes; at += STRIP) {
            int32_t sum[STRIP];
            size_t  n = bytes - at < STRIP ? bytes - at : STRIP;
            for (size_t i = 0; i < n; i++) sum[i] = HALF;
            for (int j = 0; j < t->count[y]; j++) {
                const uint8_t *p = top + (size_t)j * bytes + at;
                for (size_t i = 0; i < n; i++) sum[i] += p[i] * w[j];
            }
            uint8_t *q = out.pixels + (size_t)y * bytes + at;
            for (size_t i = 0; i < n; i++) q[i] = to_byte(sum[i]);
        }
    }
    return out;
}

static Image nearest(const Image *im, int width, int height)
{
    Image  out = image_new(width, height, im->channels);
    int   *column = need((size_t)width, sizeof *column);
    size_t pixel = (size_t)im->channels;
    double step = (double)im->width / width, x = step * 0.5;
    for (int i = 0; i < width; i++, x += step)
        column[i] = (int)x;
    step = (double)im->height / height;
    double y = step * 0.5;
    for (int i = 0; i < height; i++, y += step)
        for (int j = 0; j < width; j++)
            if ((int)y < im->height && column[j] < im->width)      /* beyond: black, as there */
                memcpy(out.pixels + ((size_t)i * (size_t)width + (size_t)j) * pixel,
                       im->pixels + ((size_t)(int)y * (size_t)im->width + (size_t)column[j]) * pixel, pixel);
    free(column);
    return out;
}

static Image copy(const Image *im)
{
    Image out = image_new(im->width, im->height, im->channels);
    memcpy(out.pixels, im->pixels, (size_t)im->width * (size_t)im->height * (size_t)im->channels);
    return out;
}

Image image_resize(const Image *im, int width, int height, Filter f)
{
    REQUIRE(width > 0 && height > 0, "image_resize: to %d x %d", width, height);
    REQUIRE(im->channels <= 4, "image_resize: %d channels", im->channels);
    if (width == im->width && height == im->height)
        return copy(im);
    if (f == FILTER_NEAREST)
        return nearest(im, width, height);

    /* Only the rows that the second pass will read go through the first. */
    Taps  v = taps_new(im->height, height, f);
    int   first = v.from[0], rows = v.from[height - 1] + v.count[height - 1] - first;
    Image wide = { 0 };
    if (width != im->width) {
        Taps h = taps_new(im->width, width, f);
        if (height == im->height) { first = 0; rows = height; }
        wide = horizontal(im, first, rows, width, &h);
        taps_free(&h);
    }
    Image out = wide;
    if (height != im->height) {
        out = vertical(wide.pixels ? &wide : im, wide.pixels ? first : 0, height, &v);
        image_free(&wide);
    }
    taps_free(&v);
    return out;
}
