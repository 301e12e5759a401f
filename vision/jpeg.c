/* jpeg.c - JPEG in, by libjpeg-turbo with its defaults (accurate integer DCT, smooth chroma upsampling), which are Pillow's.
 *
 * Gray comes out as three equal channels. CMYK (and YCCK) is taken as Adobe writes it, inverted, and converted as Pillow does:
 *     R = max(0, K' - C K'),  K' = 1 - K                in bytes, rounded
 * Damage is an error: a file that ends early, as in Pillow, and data that the decoder could only guess at, where Pillow
 * would show gray stripes. Harmless oddities (bytes between markers, unknown versions) pass.
 *
 * Where less is enough (Decoding.side), the inverse DCT itself gives 1/2, 1/4 or 1/8 of the sides from the low frequencies of
 * each 8 x 8 block.                                                                                                  */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "vision/codec.h"

/* A progressive file of a few bytes a scan would otherwise keep the decoder busy for hours. Cameras write some ten. */
enum { MAX_SCANS = 500 };

typedef struct Reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr         errors;
    struct jpeg_source_mgr        source;
    struct jpeg_progress_mgr      progress;
    Decoding                     *d;
} Reader;

_Noreturn static void stop(Reader *r) { longjmp(r->d->jump, 1); }

static bool is_lossless(int sof) { return (sof & 3) == 3; }

/* What libjpeg says only to those who know the standard. */
_Noreturn static void on_error(j_common_ptr jpeg)
{
    Reader    *r = jpeg->client_data;
    const int *number = jpeg->err->msg_parm.i;
    switch (jpeg->err->msg_code) {
    case JERR_BAD_PRECISION:
        decoding_refuse(r->d, "it has %d bits a sample; limn reads 8, please convert it", number[0]);
        break;
    case JERR_SOF_UNSUPPORTED:
        decoding_refuse(r->d, "it is of the %s kind; limn reads baseline and progressive ones, please convert it",
                        is_lossless(number[0]) ? "lossless" : "hierarchical");
        break;
    case JERR_UNKNOWN_MARKER:
        if (number[0] == 0xde) decoding_refuse(r->d, "it is of the hierarchical kind; please convert it");
        else                   decoding_refuse(r->d, "it holds the unknown marker 0x%02x", (unsigned)number[0]);
        break;
    case JERR_EMPTY_IMAGE:
        decoding_refuse(r->d, "it has no pixels, or tells its height only behind them (a DNL marker); please convert it");
        break;
    default:
        jpeg->err->format_message(jpeg, r->d->cause);
    }
    stop(r);
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
        on_error(jpeg);
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }
static void on_source(j_decompress_ptr jpeg) { (void)jpeg; }

/* All bytes were there from the start: asking for more means that the file ends early. */
static boolean on_end(j_decompress_ptr jpeg)
{
    Reader *r = jpeg->client_data;
    decoding_refuse(r->d, "the file is truncated");
    stop(r);
}

static void on_skip(j_decompress_ptr jpeg, long bytes)
{
    if (bytes <= 0) return;
    if ((size_t)bytes > jpeg->src->bytes_in_buffer)
        on_end(jpeg);
    jpeg->src->next_input_byte += bytes;
    jpeg->src->bytes_in_buffer -= (size_t)bytes;
}

static void on_progress(j_common_ptr jpeg)
{
    Reader *r = jpeg->client_data;
    if (r->jpeg.input_scan_number <= MAX_SCANS) return;
    decoding_refuse(r->d, "it has more than %d scans", MAX_SCANS);
    stop(r);
}

static void begin(Reader *r)
{
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit     = on_error;
    r->errors.emit_message   = on_message;
    r->errors.output_message = on_output;
    jpeg_create_decompress(&r->jpeg);
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = r->d->data, .bytes_in_buffer = r->d->size, .init_source = on_source, .fill_input_buffer = on_end,
        .skip_input_data = on_skip, .resync_to_restart = jpeg_resync_to_restart, .term_source = on_source };
    r->jpeg.src = &r->source;
    r->progress.progress_monitor = on_progress;
    r->jpeg.progress = &r->progress;
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

/* The smallest of 1/8, 1/4, 1/2 and 1 that keeps both sides at least as long as asked. */
static unsigned shrink(const Decoding *d)
{
    int      shorter = d->width < d->height ? d->width : d->height;
    unsigned by = 1;
    while (d->side > 0 && by < 8 && shorter / (int)(2 * by) >= d->side) by *= 2;
    return by;
}

static void read_pixels(Reader *r)
{
    bool     cmyk = r->jpeg.num_components == 4;
    uint8_t *line = NULL;
    size_t   width = r->jpeg.output_width;
    jpeg_start_decompress(&r->jpeg);
    if (cmyk)
        line = (*r->jpeg.mem->alloc_large)((j_common_ptr)&r->jpeg, JPOOL_IMAGE, width * 4);
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        uint8_t *row = r->d->pixels.pixels + (size_t)r->jpeg.output_scanline * width * 3;
        uint8_t *to  = cmyk ? line : row;
        jpeg_read_scanlines(&r->jpeg, &to, 1);
        if (cmyk)
            cmyk_to_rgb(line, row, width);
    }
    jpeg_finish_decompress(&r->jpeg);            /* wants the end marker: without it the file is truncated */
}

static bool decode(Reader *r)
{
    if (setjmp(r->d->jump))
        return false;
    begin(r);
    int components = r->jpeg.num_components;
    TRY(decoding_begin(r->d, r->jpeg.image_width, r->jpeg.image_height, orientation(&r->jpeg)));
    if (components != 1 && components != 3 && components != 4)
        return decoding_refuse(r->d, "it has %d components; limn reads 1 (gray), 3 (colour) and 4 (CMYK)", components);
    if (r->d->size_only)
        return true;
    r->jpeg.out_color_space = components == 4 ? JCS_CMYK : JCS_RGB;
    r->jpeg.scale_denom = shrink(r->d);
    jpeg_calc_output_dimensions(&r->jpeg);
    TRY(decoding_pixels(r->d, r->jpeg.output_width, r->jpeg.output_height, 3));
    read_pixels(r);
    return true;
}

bool jpeg_decode(Decoding *d)
{
    Reader r = { .d = d };
    bool   ok = decode(&r);
    jpeg_destroy_decompress(&r.jpeg);
    return ok;
}

#define TEXT_OF(x) #x
#define VERSION_OF(x) TEXT_OF(x)
const char *image_jpeg_library(void) { return "libjpeg-turbo " VERSION_OF(LIBJPEG_TURBO_VERSION); }
