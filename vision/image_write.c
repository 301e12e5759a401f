/* image_write.c - PNG by stb_image_write and JPEG by libjpeg-turbo, through file.h so that no half-written picture is ever left.
 *
 * JPEG is baseline, with libjpeg's defaults: the tables of the standard (ITU-T T.81, annex K) scaled by the quality, chroma at half
 * the sides, the accurate integer DCT. These are Pillow's: save(quality=q) gives the same bytes from the same libjpeg.    */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jpeglib.h>
#include <stb_image_write.h>

#include "tensor/base/file.h"
#include "vision/image.h"

typedef struct Growing { uint8_t *data; size_t size, room; bool failed; } Growing;

static bool make_room(Growing *g, size_t n)
{
    if (g->room - g->size >= n) return true;
    size_t   room = 2 * g->room + n + 4096;
    uint8_t *more = realloc(g->data, room);
    if (!more) return false;
    g->data = more;
    g->room = room;
    return true;
}

static void append(void *context, void *data, int size)
{
    Growing *g = context;
    size_t   n = (size_t)size;
    g->failed = g->failed || !make_room(g, n);
    if (g->failed) return;
    memcpy(g->data + g->size, data, n);
    g->size += n;
}

/* ---- JPEG -------------------------------------------------------------------------------------------------------- */

typedef struct Writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr       errors;
    struct jpeg_destination_mgr destination;
    Growing                    *g;
    jmp_buf                     jump;
    char                        cause[JMSG_LENGTH_MAX];
} Writer;

_Noreturn static void on_error(j_common_ptr jpeg)
{
    Writer *w = jpeg->client_data;
    jpeg->err->format_message(jpeg, w->cause);
    longjmp(w->jump, 1);
}

static void on_message(j_common_ptr jpeg, int level) { (void)jpeg, (void)level; }

/* libjpeg writes right into the growing bytes: g->size of them are sure, the rest is the room it was given. */
static void give_room(Writer *w)
{
    if (!make_room(w->g, (size_t)w->jpeg.image_width * w->jpeg.image_height / 2 + 4096)) {
        snprintf(w->cause, sizeof w->cause, "there is no memory");
        longjmp(w->jump, 1);
    }
    w->destination.next_output_byte = w->g->data + w->g->size;
    w->destination.free_in_buffer   = w->g->room - w->g->size;
}

static void on_start(j_compress_ptr jpeg) { give_room(jpeg->client_data); }

/* Called when all of the room is used, whatever free_in_buffer says. */
static boolean on_full(j_compress_ptr jpeg)
{
    Writer *w = jpeg->client_data;
    w->g->size = w->g->room;
    give_room(w);
    return TRUE;
}

static void on_finish(j_compress_ptr jpeg)
{
    Writer *w = jpeg->client_data;
    w->g->size = w->g->room - w->destination.free_in_buffer;
}

static bool encode_jpeg(Writer *w, const Image *im, int quality)
{
    static const J_COLOR_SPACE KINDS[] = { [1] = JCS_GRAYSCALE, [3] = JCS_RGB };
    if (setjmp(w->jump))
        return false;
    w->jpeg.err = jpeg_std_error(&w->errors);
    w->jpeg.client_data = w;
    w->errors.error_exit   = on_error;
    w->errors.emit_message = on_message;
    jpeg_create_compress(&w->jpeg);
    w->destination = (struct jpeg_destination_mgr){
        .init_destination = on_start, .empty_output_buffer = on_full, .term_destination = on_finish };
    w->jpeg.dest = &w->destination;
    w->jpeg.image_width      = (JDIMENSION)im->width;
    w->jpeg.image_height     = (JDIMENSION)im->height;
    w->jpeg.input_components = im->channels;
    w->jpeg.in_color_space   = KINDS[im->channels];
    jpeg_set_defaults(&w->jpeg);
    jpeg_set_quality(&w->jpeg, quality, TRUE);
    jpeg_start_compress(&w->jpeg, TRUE);
    while (w->jpeg.next_scanline < w->jpeg.image_height) {
        JSAMPROW row = im->pixels + (size_t)w->jpeg.next_scanline * (size_t)im->width * (size_t)im->channels;
        jpeg_write_scanlines(&w->jpeg, &row, 1);
    }
    jpeg_finish_compress(&w->jpeg);
    return true;
}

bool image_encode_jpeg(const Image *im, int quality, uint8_t **data, size_t *bytes, Err *err)
{
    Growing g = { 0 };
    Writer  w = { .g = &g };
    REQUIRE(im->channels == 1 || im->channels == 3, "image_encode_jpeg: %d channels", im->channels);
    bool ok = encode_jpeg(&w, im, quality);
    jpeg_destroy_compress(&w.jpeg);
    if (!ok) {
        free(g.data);
        return fail(err, "cannot write a picture of %d x %d pixels as JPEG: %s", im->width, im->height, w.cause);
    }
    *data  = g.data;
    *bytes = g.size;
    return true;
}

/* ---- PNG --------------------------------------------------------------------------------------------------------- */

bool image_encode_png(const Image *im, uint8_t **data, size_t *bytes, Err *err)
{
    Growing g = { 0 };
    bool    ok = stbi_write_png_to_func(append, &g, im->width, im->height, im->channels, im->pixels, 0) != 0;
    if (!ok || g.failed) {
        free(g.data);
        return fail(err, "no memory to write a picture of %d x %d pixels as PNG", im->width, im->height);
    }
    *data  = g.data;
    *bytes = g.size;
    return true;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

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
