/* image_write.c - PNG and JPEG out, by stb_image_write, through file.h so that no half-written picture is ever left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <stb_image_write.h>

#include "tensor/base/file.h"
#include "vision/image.h"

typedef struct Growing { uint8_t *data; size_t size, room; bool failed; } Growing;

static void append(void *context, void *data, int size)
{
    Growing *g = context;
    size_t   n = (size_t)size;
    if (g->failed) return;
    if (g->room - g->size < n) {
        size_t   room = 2 * g->room + n + 4096;
        uint8_t *more = realloc(g->data, room);
        if (!more) {
            g->failed = true;
            return;
        }
        g->data = more;
        g->room = room;
    }
    memcpy(g->data + g->size, data, n);
    g->size += n;
}

/* Hands the bytes over, or frees them. */
static bool finish(Growing *g, bool ok, const char *what, const Image *im, uint8_t **data, size_t *bytes, Err *err)
{
    if (!ok || g->failed) {
        free(g->data);
        return fail(err, "no memory to write a picture of %d x %d pixels as %s", im->width, im->height, what);
    }
    *data  = g->data;
    *bytes = g->size;
    return true;
}

bool image_encode_jpeg(const Image *im, int quality, uint8_t **data, size_t *bytes, Err *err)
{
    Growing g = { 0 };
    bool    ok = stbi_write_jpg_to_func(append, &g, im->width, im->height, im->channels, im->pixels, quality) != 0;
    return finish(&g, ok, "JPEG", im, data, bytes, err);
}

bool image_encode_png(const Image *im, uint8_t **data, size_t *bytes, Err *err)
{
    Growing g = { 0 };
    bool    ok = stbi_write_png_to_func(append, &g, im->width, im->height, im->channels, im->pixels, 0) != 0;
    return finish(&g, ok, "PNG", im, data, bytes, err);
}

bool image_write(const char *path, const Image *im, Err *err)
{
    enum { QUALITY = 92 };
    const char *dot = strrchr(path, '.');
    bool     png = dot && strcasecmp(dot, ".png") == 0;
    bool     jpeg = dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
    uint8_t *data;
    size_t   bytes;
    if (!png && !jpeg)
        return fail_usage(err, "%s: the name of a picture to write must end in .png, .jpg or .jpeg", path);
    TRY(png ? image_encode_png(im, &data, &bytes, err) : image_encode_jpeg(im, QUALITY, &data, &bytes, err));
    bool ok = file_put(path, data, bytes, err);
    free(data);
    return ok;
}
