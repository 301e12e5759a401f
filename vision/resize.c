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

#include "tensor/backends/kernels/kernels.h"
#include "vision/image.h"
#include "vision/resize_kernels.h"

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

static void *need(size_t count, size_t bytes)
{
    void *m = calloc(count, bytes);
    REQUIRE(m, "resize: no memory for %zu items of %zu bytes", count, bytes);
    return m;
}

static Weights weights_new(int in, int out, Filter f)
{
    double scale   = (double)in / out;
    double stretch = scale < 1 ? 1 : scale;
    double support = FILTERS[f].support * stretch;
    Weights t = { .length = out, .stride = (int)ceil(support) * 2 + 1 };
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

static void weights_free(Weights *t)
{
    free(t->from);
    free(t->count);
    free(t->w);
}

/* ---- the two passes ---------------------------------------------------------------------------------------------- */

static const ResizeKernels *kernel_set(void)
{
    static const ResizeKernels *const SETS[] = {
#ifdef __x86_64__
        &resize_avx2, &resize_avx512,
#endif
        &resize_baseline };
    enum { COUNT = sizeof SETS / sizeof *SETS };
    int i = 0;
    while (i + 1 < COUNT && strcmp(SETS[i]->name, kernels()->name) != 0) i++;
    return SETS[i];
}

/* Rows from .. from+rows-1 of `im`, each t->length pixels wide. */
static Image horizontal(const Image *im, int from, int rows, const Weights *t)
{
    const ResizeKernels *k = kernel_set();
    Image   out = image_new(t->length, rows, im->channels);
    int64_t in_bytes = (int64_t)im->width * im->channels, out_bytes = (int64_t)out.width * im->channels;
    uint8_t *scratch = malloc((size_t)(resize_columns(in_bytes) + resize_columns(out_bytes)));
    REQUIRE(scratch, "resize: no memory for rows of %lld bytes", (long long)in_bytes);
    for (int y = 0; y < rows; y += RESIZE_ROWS)
        k->along_rows(im->pixels + (from + y) * in_bytes, rows - y < RESIZE_ROWS ? rows - y : RESIZE_ROWS, im->width, im->channels,
                      t, scratch, out.pixels + y * out_bytes);
    free(scratch);
    return out;
}

/* Row `first` of the picture that the weights speak of is row 0 of `im`. */
static Image vertical(const Image *im, int first, const Weights *t)
{
    const ResizeKernels *k = kernel_set();
    Image   out   = image_new(im->width, t->length, im->channels);
    int64_t bytes = (int64_t)im->width * im->channels;
    for (int y = 0; y < t->length; y++)
        k->along_columns(im->pixels + (t->from[y] - first) * bytes, bytes, t->count[y], t->w + (int64_t)y * t->stride,
                         out.pixels + y * bytes);
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
    Weights  v = weights_new(im->height, height, f);
    int   first = v.from[0], rows = v.from[height - 1] + v.count[height - 1] - first;
    Image wide = { 0 };
    if (width != im->width) {
        bool    alike = im->width == im->height && width == height;
        Weights h = alike ? v : weights_new(im->width, width, f);
        if (height == im->height) { first = 0; rows = height; }
        wide = horizontal(im, first, rows, &h);
        if (!alike) weights_free(&h);
    }
    Image out = wide;
    if (height != im->height) {
        out = vertical(wide.pixels ? &wide : im, wide.pixels ? first : 0, &v);
        image_free(&wide);
    }
    weights_free(&v);
    return out;
}
