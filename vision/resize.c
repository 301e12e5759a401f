/* resize.c - Pillow's Image.resize, byte for byte (libImaging/Resample.c and Geometry.c of Pillow 9.4, Debian 12's).
 *
 * An output pixel is a weighted sum of the input pixels under a filter (resize_weights.c): first along the rows, rounded to bytes, then
 * along the columns; a pass whose size does not change is skipped.
 * Nearest adds its step up pixel by pixel, rounding errors included, as Pillow's affine transform does.               */
#include <stdlib.h>
#include <string.h>

#include "vision/image.h"
#include "vision/resize_kernels.h"

/* ---- the two passes ---------------------------------------------------------------------------------------------- */

/* Every byte of it will be written. */
static Image unset(int width, int height, int channels)
{
    Image im = { width, height, channels, malloc((size_t)width * (size_t)height * (size_t)channels) };
    REQUIRE(im.pixels, "resize: no memory for %d x %d pixels", width, height);
    return im;
}

/* Rows from .. from+rows-1 of `im`, each t->length pixels wide. */
static Image horizontal(const Image *im, int from, int rows, const Weights *t)
{
    Image   out = unset(t->length, rows, im->channels);
    int64_t in_bytes = (int64_t)im->width * im->channels, out_bytes = (int64_t)out.width * im->channels;
    uint8_t *scratch = malloc((size_t)(resize_columns(in_bytes) + resize_columns(out_bytes)));
    REQUIRE(scratch, "resize: no memory for rows of %lld bytes", (long long)in_bytes);
    for (int y = 0; y < rows; y += RESIZE_ROWS)
        t->kernels->along_rows(im->pixels + (from + y) * in_bytes, rows - y < RESIZE_ROWS ? rows - y : RESIZE_ROWS, im->width, im->channels,
                               t, scratch, out.pixels + y * out_bytes);
    free(scratch);
    return out;
}

/* Row `first` of the picture that the weights speak of is row 0 of `im`. */
static Image vertical(const Image *im, int first, const Weights *t)
{
    Image   out   = unset(im->width, t->length, im->channels);
    int64_t bytes = (int64_t)im->width * im->channels;
    for (int y = 0; y < t->length; y++)
        t->kernels->along_columns(im->pixels + (t->from[y] - first) * bytes, bytes, t, y, out.pixels + y * bytes);
    return out;
}

static Image nearest(const Image *im, int width, int height)
{
    Image  out = image_new(width, height, im->channels);
    int   *column = malloc((size_t)width * sizeof *column);
    REQUIRE(column, "resize: no memory for %d columns", width);
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
    Image out = unset(im->width, im->height, im->channels);
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
    const Weights *v = weights_borrow(im->height, height, f);
    int   first = v->from[0], rows = v->from[height - 1] + v->count[height - 1] - first;
    Image wide = { 0 };
    if (width != im->width) {
        const Weights *h = weights_borrow(im->width, width, f);
        if (height == im->height) { first = 0; rows = height; }
        wide = horizontal(im, first, rows, h);
        weights_return(h);
    }
    Image out = wide;
    if (height != im->height) {
        out = vertical(wide.pixels ? &wide : im, wide.pixels ? first : 0, v);
        image_free(&wide);
    }
    weights_return(v);
    return out;
}
