/* png.c - PNG in, by libpng: palette, gray of 1 to 16 bits, transparency and interlace all become 8-bit RGB or RGBA.
 *
 * 16 bits keep their upper byte, as in Pillow. Gamma and colour profiles are not applied, as in Pillow. A wrong checksum, a
 * missing end and missing pixels are errors. As in jpeg.c, everything that libpng can leave behind hangs on a Reader.    */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "vision/codec.h"

typedef struct Reader {
    png_structp png;
    png_infop   info;
    jmp_buf     jump;
    char        cause[200];
    const char *name;
    Bytes       in;
    size_t      at;
    Decoded    *result;
    Image      *out;                             /* NULL: the size is enough */
    bool        failed;                          /* `err` is written already */
    Err        *err;
} Reader;

_Noreturn static void on_error(png_structp png, png_const_charp text)
{
    Reader *r = png_get_error_ptr(png);
    snprintf(r->cause, sizeof r->cause, "%s", text);
    longjmp(r->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void on_read(png_structp png, png_bytep to, size_t bytes)
{
    Reader *r = png_get_io_ptr(png);
    if (bytes > r->in.size - r->at)
        png_error(png, "the file is truncated");
    memcpy(to, r->in.data + r->at, bytes);
    r->at += bytes;
}

static int orientation(Reader *r)
{
    png_bytep   exif = NULL;
    png_uint_32 size = 0;
    return png_get_eXIf_1(r->png, r->info, &size, &exif) ? exif_orientation(exif, size) : 1;
}

static bool has_alpha(Reader *r)
{
    return (png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(r->png, r->info, PNG_INFO_tRNS);
}

static void read_pixels(Reader *r, size_t row_bytes)
{
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != row_bytes)
        png_error(r->png, "its rows are not as long as its header says");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < r->out->height; y++)
            png_read_row(r->png, r->out->pixels + (size_t)y * row_bytes, NULL);
    png_read_end(r->png, r->info);
}

static bool decode(Reader *r)
{
    if (setjmp(r->jump))
        return false;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info) {
        snprintf(r->cause, sizeof r->cause, "no memory");
        return false;
    }
    png_set_read_fn(r->png, r, on_read);
    png_read_info(r->png, r->info);
    int64_t width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
    r->failed = !image_size_check(width, height, r->name, r->err);
    if (r->failed)
        return false;
    *r->result = (Decoded){ (int)width, (int)height, orientation(r) };
    if (!r->out)
        return true;

    int channels = has_alpha(r) ? 4 : 3;
    png_set_expand(r->png);
    png_set_strip_16(r->png);
    png_set_gray_to_rgb(r->png);
    r->failed = !image_try_new((int)width, (int)height, channels, r->name, r->out, r->err);
    if (r->failed)
        return false;
    read_pixels(r, (size_t)width * (size_t)channels);
    r->result->orientation = orientation(r);     /* eXIf may also stand behind the pixels */
    return true;
}

bool png_decode(Bytes in, const char *name, Decoded *d, Image *out, Err *err)
{
    Reader *r = calloc(1, sizeof *r);
    if (!r) return fail(err, "%s: no memory to read a PNG", name);
    r->name = name;
    r->in = in;
    r->result = d;
    r->out = out;
    r->err = err;
    bool ok = decode(r);
    if (!ok && !r->failed)
        fail(err, "%s: cannot read this PNG: %s", name, r->cause);
    if (!ok && out)
        image_free(out);
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r);
    return ok;
}
