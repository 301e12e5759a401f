/* damaged_pictures.c - from whole JPEG and PNG files by cutting and changing, and JPEGs of nothing but headers, written by hand. */
#include "damaged_pictures.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tests/prepare_case.h"
#include "vision/image.h"

enum { WIDTH = 64, HEIGHT = 48 };

static uint8_t *jpeg, *png;
static size_t   jpeg_bytes, png_bytes;

static void put_data(const char *name, const void *data, size_t bytes)
{
    char path[128];
    snprintf(path, sizeof path, "data/%s", name);
    put_bytes(path, data, bytes);
}

static void make_whole(void)
{
    Image im = image_new(WIDTH, HEIGHT, 3);
    Err   err = { 0 };
    for (int k = 0; k < WIDTH * HEIGHT * 3; k++) im.pixels[k] = (uint8_t)(k * k / 97 + k % 3 * 40);
    cr_assert(image_encode_jpeg(&im, 90, &jpeg, &jpeg_bytes, &err) && image_encode_png(&im, &png, &png_bytes, &err), "%s", err.text);
    image_free(&im);
}

/* ---- JPEG -------------------------------------------------------------------------------------------------------------- */
/* Where the scan's data begins: behind the header of SOS. */
static size_t scan_of(void)
{
    size_t at = 2;
    while (jpeg[at + 1] != 0xda) at += 2 + (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);
    return at + 2 + (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);
}

static void put_cut_jpegs(void)
{
    static const uint8_t tail[] = "\0\1\2 and then something else, \xff\xd8\xff\xee not a picture";
    size_t   scan = scan_of();
    uint8_t *more = malloc(jpeg_bytes + sizeof tail);

    put_data("empty.jpg", "", 0);
    put_data("cut-magic.jpg", jpeg, 2);
    put_data("cut-header.jpg", jpeg, 30);
    put_data("cut-before-scan.jpg", jpeg, scan);
    put_data("cut-in-scan.jpg", jpeg, scan + (jpeg_bytes - scan) / 2);
    put_data("cut-at-end.jpg", jpeg, jpeg_bytes - 12);
    put_data("no-end.jpg", jpeg, jpeg_bytes - 2);
    memcpy(more, jpeg, jpeg_bytes);
    memcpy(more + jpeg_bytes, tail, sizeof tail);
    put_data("tail.jpg", more, jpeg_bytes + sizeof tail);
    memset(more + scan + 20, 0, 200);            /* zeros in the scan */
    memset(more + scan + 60, 0xff, 2);
    more[scan + 61] = 0xc4;                      /* a marker of tables where there may be none */
    put_data("noise-in-scan.jpg", more, jpeg_bytes);
    free(more);
}

/* A baseline JPEG whose every block is one middle gray: two codes, one bit each. */
typedef struct Plain { int precision, height, width, components; bool quantization, huffman; size_t cut; } Plain;

static void put_plain_jpeg(const char *name, Plain p)
{
    uint8_t b[512] = { 0xff, 0xd8 };
    size_t  n = 2;

    if (p.quantization) {
        const uint8_t head[] = { 0xff, 0xdb, 0, 67, 0 };
        memcpy(b + n, head, sizeof head);
        memset(b + n + 5, 1, 64);
        n += 69;
    }
    const uint8_t frame[] = { 0xff, 0xc0, 0, (uint8_t)(8 + 3 * p.components), (uint8_t)p.precision, (uint8_t)(p.height >> 8), (uint8_t)p.height,
                              (uint8_t)(p.width >> 8), (uint8_t)p.width, (uint8_t)p.components };
    memcpy(b + n, frame, sizeof frame);
    n += sizeof frame;
    for (int c = 0; c < p.components; c++) b[n++] = (uint8_t)(c + 1), b[n++] = 0x11, b[n++] = 0;
    for (int ac = 0; ac < 2 && p.huffman; ac++) {
        const uint8_t table[] = { 0xff, 0xc4, 0, 20, (uint8_t)(ac << 4), 1 };
        memcpy(b + n, table, sizeof table);
        n += 22;                                 /* one code of one bit, for 0 */
    }
    const uint8_t scan[] = { 0xff, 0xda, 0, (uint8_t)(6 + 2 * p.components), (uint8_t)p.components };
    memcpy(b + n, scan, sizeof scan);
    n += sizeof scan;
    for (int c = 0; c < p.components; c++) b[n++] = (uint8_t)(c + 1), b[n++] = 0;
    b[n++] = 0, b[n++] = 63, b[n++] = 0;
    n += (size_t)(p.components * 2 * ((p.width + 7) / 8) * ((p.height + 7) / 8) + 7) / 8 % 64;    /* blocks: zeros */
    b[n++] = 0xff, b[n++] = 0xd9;
    put_data(name, b, p.cut ? p.cut : n);
}

static void put_plain_jpegs(void)
{
    put_plain_jpeg("cmyk.jpg", (Plain){ 8, 16, 16, 4, true, true, 0 });
    put_plain_jpeg("cmyk-cut.jpg", (Plain){ 8, 16, 16, 4, true, true, 120 });
    put_plain_jpeg("two-colours.jpg", (Plain){ 8, 16, 16, 2, true, true, 0 });
    put_plain_jpeg("no-width.jpg", (Plain){ 8, 16, 0, 3, true, true, 0 });
    put_plain_jpeg("no-height.jpg", (Plain){ 8, 0, 16, 3, true, true, 0 });
    put_plain_jpeg("huge.jpg", (Plain){ 8, 65500, 65500, 3, true, true, 0 });
    put_plain_jpeg("12-bit.jpg", (Plain){ 12, 16, 16, 3, true, true, 0 });
    put_plain_jpeg("3-bit.jpg", (Plain){ 3, 16, 16, 3, true, true, 0 });
    put_plain_jpeg("no-quantization.jpg", (Plain){ 8, 16, 16, 3, false, true, 0 });
    put_plain_jpeg("no-huffman.jpg", (Plain){ 8, 16, 16, 3, true, false, 0 });
}

/* An EXIF directory that points beyond its end: Pillow and browsers show such a picture as it is stored. */
static void put_damaged_exif(void)
{
    static const uint8_t app1[] = { 0xff, 0xe1, 0, 24, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 0xf0, 0xff, 0xff, 0xff, 9, 9, 9, 9, 9, 9, 9, 9 };
    uint8_t *b = malloc(jpeg_bytes + sizeof app1);
    memcpy(b, jpeg, 2);
    memcpy(b + 2, app1, sizeof app1);
    memcpy(b + 2 + sizeof app1, jpeg + 2, jpeg_bytes - 2);
    put_data("exif.jpg", b, jpeg_bytes + sizeof app1);
    free(b);
}

/* ---- PNG --------------------------------------------------------------------------------------------------------------- */
static void put_big(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Writes the right checksum of the chunk at `at` behind it. */
static void seal(uint8_t *b, size_t at)
{
    size_t   n = (size_t)b[at] << 24 | (size_t)b[at + 1] << 16 | (size_t)b[at + 2] << 8 | b[at + 3];
    uint32_t c = ~0u;
    for (size_t i = 0; i < n + 4; i++) {
        c ^= b[at + 4 + i];
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    put_big(b + at + 8 + n, ~c);
}

enum { HEADER = 8, HEADER_DATA = 16, AFTER_HEADER = 33 };            /* of every PNG: where IHDR, its fields and the next chunk begin */

/* The header with one field changed, its checksum right. */
static void put_header(const char *name, int at, int bytes, uint32_t value)
{
    uint8_t *b = malloc(png_bytes);
    memcpy(b, png, png_bytes);
    if (bytes == 4) put_big(b + HEADER_DATA + at, value);
    else b[HEADER_DATA + at] = (uint8_t)value;
    seal(b, HEADER);
    put_data(name, b, png_bytes);
    free(b);
}

static void put_changed(const char *name, size_t at, bool sealed)
{
    uint8_t *b = malloc(png_bytes);
    memcpy(b, png, png_bytes);
    b[at] ^= 0x5a;
    if (sealed) seal(b, AFTER_HEADER);
    put_data(name, b, png_bytes);
    free(b);
}

static void put_pngs(void)
{
    put_data("signature.png", png, 8);
    put_data("cut-in-data.png", png, AFTER_HEADER + (png_bytes - AFTER_HEADER) / 2);
    put_data("no-data.png", png, AFTER_HEADER);
    put_header("no-width.png", 0, 4, 0);
    put_header("huge.png", 0, 4, 0x7fffffff);
    put_header("large.png", 4, 4, 60000000);
    put_header("colour-type.png", 9, 1, 5);
    put_header("palette-missing.png", 9, 1, 3);
    put_header("interlace.png", 12, 1, 7);
    put_header("taller.png", 4, 4, 2 * HEIGHT);  /* than its data */
    put_changed("header-sum.png", AFTER_HEADER - 1, false);
    put_changed("data-sum.png", png_bytes - 13, false);                         /* IEND is the last 12 bytes */
    put_changed("chunk-length.png", AFTER_HEADER, false);
    put_data("no-end.png", png, png_bytes - 12);
    put_changed("data.png", AFTER_HEADER + 10, true);
}

/* ---- not pictures at all ------------------------------------------------------------------------------------------------ */
static void put_others(void)
{
    static const uint8_t gif[] = "GIF89a\1\0\1\0\200\0\0\0\0\0\377\377\377,\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
                         bmp[60] = "BM\74\0\0\0\0\0\0\0\66\0\0\0\50\0\0\0\1\0\0\0\1\0\0\0\1\0\30",
                         webp[] = "RIFF\44\0\0\0WEBPVP8 \30\0\0\0";
    uint8_t zeros[4096] = { 0 };

    put_data("html.jpg", "<!DOCTYPE html><html><body>404 Not Found</body></html>\n", 54);
    put_data("gif.jpg", gif, sizeof gif - 1);
    put_data("bmp.jpg", bmp, sizeof bmp);
    put_data("webp.jpg", webp, sizeof webp - 1);
    put_data("zeros.jpg", zeros, sizeof zeros);
    put_data("png-inside.jpg", png, png_bytes);                                 /* fine: the magic tells, not the name */
    put_data("jpeg-inside.png", jpeg, jpeg_bytes);
}

static void put_special(void)
{
    Err err = { 0 };
    cr_assert(folder_make(in_folder("data/folder.jpg"), &err) && mkfifo(in_folder("data/fifo.jpg"), 0644) == 0);
    cr_assert(symlink("loop.jpg", in_folder("data/loop.jpg")) == 0 && symlink("nowhere", in_folder("data/dangling.jpg")) == 0);
    cr_assert(symlink("/dev/zero", in_folder("data/device.jpg")) == 0);
    put_data("unreadable.jpg", jpeg, jpeg_bytes);
    cr_assert_eq(chmod(in_folder("data/unreadable.jpg"), 0), 0);
}

const DamagedPicture *put_damaged_pictures(void)
{
    static const char BAD[] = "damaged-image", PATH[] = "bad-path", CUT[] = "truncated";
    static const DamagedPicture ALL[] = {
        { "empty.jpg", BAD, "the file is empty" }, { "cut-magic.jpg", BAD, "neither" }, { "cut-header.jpg", BAD, CUT },
        { "cut-before-scan.jpg", BAD, CUT }, { "cut-in-scan.jpg", BAD, CUT }, { "cut-at-end.jpg", BAD, CUT }, { "no-end.jpg", BAD, CUT },
        { "tail.jpg", NULL, NULL }, { "noise-in-scan.jpg", BAD, "Corrupt JPEG data" },
        { "cmyk.jpg", NULL, NULL }, { "cmyk-cut.jpg", BAD, CUT }, { "two-colours.jpg", BAD, "2 components" }, { "no-width.jpg", BAD, "no pixels" },
        { "no-height.jpg", BAD, "no pixels" }, { "huge.jpg", BAD, "65500 x 65500 pixels are too many" }, { "12-bit.jpg", BAD, "12 bits" },
        { "3-bit.jpg", BAD, "3 bits" }, { "no-quantization.jpg", BAD, "Quantization table" }, { "no-huffman.jpg", BAD, "Corrupt JPEG data" },
        { "exif.jpg", NULL, NULL },
        { "signature.png", BAD, CUT }, { "cut-in-data.png", BAD, CUT }, { "no-data.png", BAD, CUT }, { "no-end.png", BAD, CUT },
        { "no-width.png", BAD, "IHDR" }, { "huge.png", BAD, "IHDR" }, { "large.png", BAD, "IHDR" }, { "colour-type.png", BAD, "IHDR" },
        { "interlace.png", BAD, "IHDR" }, { "palette-missing.png", BAD, "PLTE" }, { "taller.png", BAD, "Not enough" },
        { "header-sum.png", BAD, "CRC" }, { "data-sum.png", BAD, "CRC" }, { "chunk-length.png", BAD, CUT }, { "data.png", BAD, "IDAT" },
        { "html.jpg", BAD, "neither" }, { "gif.jpg", BAD, "GIF" }, { "bmp.jpg", BAD, "BMP" }, { "webp.jpg", BAD, "WebP" }, { "zeros.jpg", BAD, "neither" },
        { "png-inside.jpg", NULL, NULL }, { "jpeg-inside.png", NULL, NULL },
        { "folder.jpg", PATH, "plain file" }, { "fifo.jpg", PATH, "plain file" }, { "device.jpg", PATH, "plain file" },
        { "loop.jpg", BAD, "symbolic links" }, { "dangling.jpg", "no-image", "no such file" }, { "unreadable.jpg", BAD, "Permission denied" },
        { "absent.jpg", "no-image", "no such file" }, { NULL, NULL, NULL }
    };
    make_whole();
    put_cut_jpegs();
    put_plain_jpegs();
    put_damaged_exif();
    put_pngs();
    put_others();
    put_special();
    free(jpeg);
    free(png);
    return ALL;
}
