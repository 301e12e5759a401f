/* png.c - PNG in, by libpng: palette, gray of 1 to 16 bits, transparency and interlace all become 8-bit RGB or RGBA.
 *
 * 16 bits keep their upper byte, as in Pillow. Gamma and colour profiles are not applied, as in Pillow. A wrong checksum, a
 * missing end and missing pixels are errors.                                                                         */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "vision/codec.h"

typedef struct Reader {
    png_structp png;
    png_infop   info;
    size_t      at;
    Decoding   *d;
} Reader;

_Noreturn static void on_error(png_structp png, png_const_charp text)
{
    Reader *r = png_get_error_ptr(png);
    decoding_refuse(r->d, "%s", text);
    longjmp(r->d->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void on_read(png_structp png, png_bytep to, size_t bytes)
{
    Reader *r = png_get_io_ptr(png);
    if (bytes > r->d->size - r->at)
        png_error(png, "the file is truncated");
    memcpy(to, r->d->data + r->at, bytes);
    r->at += bytes;
}

/* Straight from the chunks: eXIf may also stand behind the pixels, where libpng gets to only by decoding them. */
static int orientation(const Decoding *d)
{
    enum { SIGNATURE = 8, AROUND = 12 };         /* bytes of a chunk beside its data: length, name, checksum */
    size_t length;
    for (size_t at = SIGNATURE; d->size - at >= AROUND; at += AROUND + length) {
        length = png_get_uint_32(d->data + at);
        if (length > d->size - at - AROUND) break;
        if (memcmp(d->data + at + 4, "eXIf", 4) == 0) return exif_orientation(d->data + at + 8, length);
    }
    return 1;
}

static bool has_alpha(Reader *r)
{
    return (png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(r->png, r->info, PNG_INFO_tRNS);
}

static void read_pixels(Reader *r)
{
    const Image *im = &r->d->pixels;
    size_t row_bytes = (size_t)im->width * (size_t)im->channels;
    int    passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != row_bytes)
        png_error(r->png, "its rows are not as long as its header says");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < im->height; y++)
            png_read_row(r->png, im->pixels + (size_t)y * row_bytes, NULL);
    png_read_end(r->png, NULL);
}

static bool decode(Reader *r)
{
    if (setjmp(r->d->jump))
        return false;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return decoding_refuse(r->d, "there is no memory");
    png_set_read_fn(r->png, r, on_read);
    /* Only IHDR, PLTE, tRNS, IDAT and IEND: libpng would unpack up to 1000 compressed texts of 8 MB each. */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    png_uint_32 width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
    TRY(decoding_begin(r->d, width, height, orientation(r->d)));
    if (r->d->size_only)
        return true;
    png_set_expand(r->png);
    png_set_strip_16(r->png);
    png_set_gray_to_rgb(r->png);
    TRY(decoding_pixels(r->d, width, height, has_alpha(r) ? 4 : 3));
    read_pixels(r);
    return true;
}

bool png_decode(Decoding *d)
{
    Reader r = { .d = d };
    bool   ok = decode(&r);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return ok;
}

const char *image_png_library(void) { return "libpng " PNG_LIBPNG_VER_STRING; }
