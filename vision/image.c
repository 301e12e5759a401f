/* image.c - pictures: reading by magic bytes, and the geometry that needs no filter. */
#include "vision/image.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "vision/codec.h"

static const int64_t MAX_SIDE = 65535, MAX_PIXELS = (int64_t)1 << 28;

Image image_new(int width, int height, int channels)
{
    REQUIRE(width > 0 && height > 0 && channels > 0, "image_new: %d x %d x %d", width, height, channels);
    Image im = { width, height, channels, calloc((size_t)width * (size_t)height, (size_t)channels) };
    REQUIRE(im.pixels, "image_new: no memory for %d x %d pixels", width, height);
    return im;
}

void image_free(Image *im)
{
    free(im->pixels);
    *im = (Image){ 0 };
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

bool decoding_refuse(Decoding *d, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(d->cause, sizeof d->cause, format, list);
    va_end(list);
    return false;
}

bool decoding_begin(Decoding *d, int64_t width, int64_t height, int orientation)
{
    if (width < 1 || height < 1)
        return decoding_refuse(d, "it has no pixels");
    if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
        return decoding_refuse(d, "%lld x %lld pixels are too many; at most %lld a side and %lld million in all", (long long)width,
                               (long long)height, (long long)MAX_SIDE, (long long)(MAX_PIXELS / 1000000));
    d->width = (int)width;
    d->height = (int)height;
    d->orientation = orientation;
    return true;
}

/* Not cleared: a decoder that does not fail has written them all. */
bool decoding_pixels(Decoding *d, int64_t width, int64_t height, int channels)
{
    d->pixels = (Image){ (int)width, (int)height, channels, malloc((size_t)width * (size_t)height * (size_t)channels) };
    return d->pixels.pixels || decoding_refuse(d, "there is no memory for %lld x %lld pixels", (long long)width, (long long)height);
}

typedef struct Format {
    const char *name, *magic;
    size_t      at, length;                      /* of the magic */
    bool      (*decode)(Decoding *d);            /* NULL: known by name only */
} Format;

static const Format FORMATS[] = {
    { "JPEG", "\xff\xd8\xff",       0, 3, jpeg_decode },
    { "PNG",  "\x89PNG\r\n\x1a\n",  0, 8, png_decode },
    { "GIF",  "GIF8",               0, 4, NULL },
    { "WebP", "WEBP",               8, 4, NULL },
    { "BMP",  "BM",                 0, 2, NULL },
    { "TIFF", "II*\0",              0, 4, NULL },
    { "TIFF", "MM\0*",              0, 4, NULL },
    { "HEIF", "ftyp",               4, 4, NULL } };

static const Format *find_format(const Decoding *d, const char *name, Err *err)
{
    if (d->size == 0) {
        fail(err, "%s: the file is empty; a JPEG or PNG picture is wanted", name);
        return NULL;
    }
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++) {
        const Format *f = &FORMATS[i];
        if (d->size < f->at + f->length || memcmp(d->data + f->at, f->magic, f->length) != 0)
            continue;
        if (!f->decode)
            fail(err, "%s: this is a %s file; limn reads JPEG and PNG, please convert it", name, f->name);
        return f->decode ? f : NULL;
    }
    fail(err, "%s: not a picture: it starts with neither a JPEG nor a PNG signature", name);
    return NULL;
}

/* Alpha over white, rounded as Pillow's Image.paste with a mask: (255 (255 - a) + v a) / 255. */
static void flatten(Image *im)
{
    if (im->channels != 4)
        return;
    size_t n = (size_t)im->width * (size_t)im->height;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            const uint8_t *p = im->pixels + 4 * i;
            unsigned a = p[3], v = 255 * (255 - a) + p[c] * a + 128;
            uint8_t  over = (uint8_t)((v + (v >> 8)) >> 8);
            im->pixels[3 * i + c] = over;        /* never ahead of what is still to be read: 3i+c <= 4i+c */
        }
    uint8_t *smaller = realloc(im->pixels, 3 * n);
    if (smaller) im->pixels = smaller;
    im->channels = 3;
}

static bool decode(Decoding *d, const char *name, Err *err)
{
    const Format *f = find_format(d, name, err);
    if (!f) return false;
    if (f->decode(d)) return true;
    image_free(&d->pixels);
    return fail(err, "%s: cannot read this %s: %s", name, f->name, d->cause);
}

bool image_decode_draft(const void *data, size_t bytes, const char *name, int side, Image *out, Err *err)
{
    Decoding d = { .data = data, .size = bytes, .side = side };
    *out = (Image){ 0 };
    TRY(decode(&d, name, err));
    flatten(&d.pixels);
    *out = exif_upright(d.pixels, d.orientation);
    return true;
}

bool image_decode(const void *data, size_t bytes, const char *name, Image *out, Err *err)
{
    return image_decode_draft(data, bytes, name, 0, out, err);
}

bool image_info(const void *data, size_t bytes, const char *name, ImageInfo *out, Err *err)
{
    Decoding d = { .data = data, .size = bytes, .size_only = true };
    bool turned;
    TRY(decode(&d, name, err));
    turned = d.orientation >= 5;
    *out = (ImageInfo){ turned ? d.height : d.width, turned ? d.width : d.height, d.orientation, find_format(&d, name, err)->name };
    return true;
}

bool image_read(const char *path, Image *out, Err *err)
{
    size_t bytes;
    *out = (Image){ 0 };
    char *data = file_read(path, &bytes, err);
    bool  ok   = data && image_decode(data, bytes, path, out, err);
    free(data);
    return ok;
}

/* ---- geometry ---------------------------------------------------------------------------------------------------- */

/* Copies the part of `im` that falls on `out` when its top left lies at (left, top). */
static void place(const Image *im, Image *out, int left, int top)
{
    size_t pixel = (size_t)im->channels;
    int    x0 = left > 0 ? left : 0, x1 = left + im->width < out->width ? left + im->width : out->width;
    for (int y = 0; y < im->height && x0 < x1; y++)
        if (top + y >= 0 && top + y < out->height)
            memcpy(out->pixels + ((size_t)(top + y) * (size_t)out->width + (size_t)x0) * pixel,
                   im->pixels + ((size_t)y * (size_t)im->width + (size_t)(x0 - left)) * pixel, (size_t)(x1 - x0) * pixel);
}

Image image_crop(const Image *im, int x, int y, int width, int height)
{
    Image out = image_new(width, height, im->channels);
    place(im, &out, -x, -y);
    return out;
}

Image image_pad(const Image *im, int left, int top, int width, int height, const uint8_t fill[4])
{
    REQUIRE(im->channels <= 4, "image_pad: %d channels", im->channels);
    Image  out = image_new(width, height, im->channels);
    size_t n = (size_t)width * (size_t)height, pixel = (size_t)im->channels;
    for (size_t i = 0; i < n; i++)
        memcpy(out.pixels + i * pixel, fill, pixel);
    place(im, &out, left, top);
    return out;
}

Image image_flip(const Image *im)
{
    Image  out = image_new(im->width, im->height, im->channels);
    size_t pixel = (size_t)im->channels, width = (size_t)im->width;
    for (size_t y = 0; y < (size_t)im->height; y++)
        for (size_t x = 0; x < width; x++)
            memcpy(out.pixels + (y * width + x) * pixel, im->pixels + (y * width + width - 1 - x) * pixel, pixel);
    return out;
}
