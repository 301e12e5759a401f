/* jpeg.c - JPEG in, by libjpeg-turbo with its defaults (accurate integer DCT, smooth chroma upsampling), which are Pillow's.
 *
 * Gray comes out as three equal channels. CMYK (and YCCK) is taken as Adobe writes it, inverted, and converted as Pillow does:
 *     R = max(0, K' - C K'),  K' = 1 - K                in bytes, rounded
 * Damage is an error: a file that ends early, as in Pillow, and data that the decoder could only guess at, where Pillow
 * would show gray stripes. Harmless oddities (bytes between markers, unknown versions) pass.
 *
 * libjpeg reports errors by a call that may not return: everything that it can leave behind hangs on a Reader, and the
 * function that calls setjmp changes no local of its own.                                                            */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "vision/codec.h"

typedef struct Reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr         errors;
    struct jpeg_source_mgr        source;
    jmp_buf     jump;
    char        cause[JMSG_LENGTH_MAX + 16];
    const char *name;
    Bytes       in;
    Decoded    *result;
    Image      *out;                             /* NULL: the size is enough */
    uint8_t    *line;                            /* a row of CMYK */
    bool        failed;                          /* `err` is written already */
    Err        *err;
} Reader;

_Noreturn static void stop(j_common_ptr jpeg)
{
    Reader *r = jpeg->client_data;
    if (!r->cause[0])
        jpeg->err->format_message(jpeg, r->cause);
    longjmp(r->jump, 1);
}

/* Warnings that mean missing or invented pixels. */
static bool is_damage(int code)
{
    return code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC || code == JWRN_ARITH_BAD_CODE ||
           code == JWRN_JPEG_EOF || code == JWRN_BOGUS_PROGRESSION;
}

static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && is_damage(jpeg->err->msg_code))
        stop(jpeg);
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }
static void on_source(j_decompress_ptr jpeg) { (void)jpeg; }

/* All bytes were there from the start: asking for more means that the file ends early. */
static boolean on_end(j_decompress_ptr jpeg)
{
    Reader *r = jpeg->client_data;
    snprintf(r->cause, sizeof r->cause, "the file is truncated");
    stop((j_common_ptr)jpeg);
}

static void on_skip(j_decompress_ptr jpeg, long bytes)
{
    if (bytes <= 0) return;
    if ((size_t)bytes > jpeg->src->bytes_in_buffer)
        on_end(jpeg);
    jpeg->src->next_input_byte += bytes;
    jpeg->src->bytes_in_buffer -= (size_t)bytes;
}

static void begin(Reader *r)
{
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit     = stop;
    r->errors.emit_message   = on_message;
    r->errors.output_message = on_output;
    jpeg_create_decompress(&r->jpeg);
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = r->in.data, .bytes_in_buffer = r->in.size, .init_source = on_source, .fill_input_buffer = on_end,
        .skip_input_data = on_skip, .resync_to_restart = jpeg_resync_to_restart, .term_source = on_source };
    r->jpeg.src = &r->source;
    jpeg_save_markers(&r->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&r->jpeg, TRUE);
}

static int orientation(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
        if (m->data_length > 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
            return exif_orientation(m->data + 6, m->data_length - 6);
    return 1;
}

/* `cmyk` holds 255 - C, 255 - M, 255 - Y, 255 - K, as Adobe's programs write it. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++) {
            int k = cmyk[4 * i + 3], product = (255 - cmyk[4 * i + c]) * k + 128;
            int v = k - ((product + (product >> 8)) >> 8);
            rgb[3 * i + c] = (uint8_t)(v < 0 ? 0 : v);
        }
}

static void read_pixels(Reader *r)
{
    bool cmyk = r->jpeg.num_components == 4;
    r->jpeg.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&r->jpeg);
    if (cmyk)
        r->line = (*r->jpeg.mem->alloc_large)((j_common_ptr)&r->jpeg, JPOOL_IMAGE, (size_t)r->jpeg.output_width * 4);
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        uint8_t *row = r->out->pixels + (size_t)r->jpeg.output_scanline * r->jpeg.output_width * 3;
        uint8_t *to  = cmyk ? r->line : row;
        jpeg_read_scanlines(&r->jpeg, &to, 1);
        if (cmyk)
            cmyk_to_rgb(r->line, row, r->jpeg.output_width);
    }
    jpeg_finish_decompress(&r->jpeg);            /* wants the end marker: without it the file is truncated */
}

static bool decode(Reader *r)
{
    if (setjmp(r->jump))
        return false;
    begin(r);
    int width = (int)r->jpeg.image_width, height = (int)r->jpeg.image_height;
    *r->result = (Decoded){ width, height, orientation(&r->jpeg) };
    r->failed = !image_size_check(width, height, r->name, r->err);
    if (r->failed || !r->out)
        return !r->failed;
    r->failed = !image_try_new(width, height, 3, r->name, r->out, r->err);
    if (r->failed)
        return false;
    read_pixels(r);
    return true;
}

bool jpeg_decode(Bytes in, const char *name, Decoded *d, Image *out, Err *err)
{
    Reader *r = calloc(1, sizeof *r);
    if (!r) return fail(err, "%s: no memory to read a JPEG", name);
    r->name = name;
    r->in = in;
    r->result = d;
    r->out = out;
    r->err = err;
    bool ok = decode(r);
    if (!ok && !r->failed)
        fail(err, "%s: cannot read this JPEG: %s", name, r->cause);
    if (!ok && out)
        image_free(out);
    jpeg_destroy_decompress(&r->jpeg);
    free(r);
    return ok;
}
