/* image.h - pictures as bytes: JPEG (libjpeg-turbo) and PNG (libpng) in, PNG (stb_image_write, libpng) and JPEG (libjpeg-turbo) out.
 *
 * A picture that has been read is upright (EXIF orientation applied), 8-bit RGB: gray is repeated, alpha is laid over white.
 * The format is told by the magic bytes, never by the name. The pixels are, byte for byte, those of Pillow 9.4:
 *   JPEG   8 bits; baseline, extended and progressive, Huffman and arithmetic coding; gray, YCbCr, RGB, CMYK and YCCK (inverted, as
 *          Adobe writes them and Pillow takes them always); any sampling and restart interval
 *   PNG    every colour type and bit depth, interlaced, with tRNS
 * Gamma, colour profiles, XMP and the later frames of animations are ignored, as are EXIF directories that are broken.
 * Not as Pillow: 16 bits keep their upper byte everywhere (Pillow clips 16-bit gray at 255), a tRNS key is compared with the
 * samples as they are stored (Pillow scales these first), and truncated and damaged files are refused (of some, Pillow gives a part).
 * Refused with a sentence: 12-bit, lossless and hierarchical JPEG, 2 or more than 4 components, more than 500 scans, and, before
 * memory is taken, more than 65,535 pixels a side (65,500 in a JPEG) or 268 million in all. A picture of that most takes 0.8 GB
 * (with alpha 1.1), as much again while it is turned, and 1.6 GB more while it is read from a progressive JPEG.        */
#ifndef LIMN_IMAGE_H
#define LIMN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef struct Image { int width, height, channels; uint8_t *pixels; } Image;   /* (H,W,channels) row-major; malloc'd */

Image image_new(int width, int height, int channels);                /* cleared to 0 */
void  image_free(Image *im);
bool  image_read(const char *path, Image *out, Err *err);
bool  image_decode(const void *data, size_t bytes, const char *name, Image *out, Err *err);   /* name: for messages  */
/* As image_decode, but a JPEG is decoded at 1/2, 1/4 or 1/8 of its sides, the smallest that leaves both at least `side` pixels (0: full
 * size): Pillow's Image.draft, byte for byte, which is libjpeg's inverse DCT of the low frequencies.                   */
bool  image_decode_draft(const void *data, size_t bytes, const char *name, int side, Image *out, Err *err);
/* What the header says, without decoding: the size upright, the EXIF orientation (1 .. 8) that made it so, and the format. */
typedef struct ImageInfo { int width, height, orientation; const char *format; } ImageInfo;        /* "JPEG", "PNG"          */
bool  image_info(const void *data, size_t bytes, const char *name, ImageInfo *out, Err *err);
/* What turning upright makes of a box (x0 y0 x1 y1, edges of pixels) in the stored picture; width x height: upright. */
void  image_upright_box(int orientation, int width, int height, const double box[4], double out[4]);
bool  image_write(const char *path, const Image *im, Err *err);      /* .png, .jpg or .jpeg (quality 92), through file.h */
bool  image_encode_png (const Image *im, uint8_t **data, size_t *bytes, Err *err);   /* malloc'd                     */
bool  image_encode_png_quick(const Image *im, uint8_t **data, size_t *bytes, Err *err);   /* by libpng: a third of the time */
bool  image_encode_jpeg(const Image *im, int quality, uint8_t **data, size_t *bytes, Err *err);   /* malloc'd       */

/* ---- geometry; all return a new picture -------------------------------------------------------------------------- */
typedef enum Filter { FILTER_NEAREST, FILTER_BILINEAR, FILTER_BICUBIC, FILTER_LANCZOS } Filter;
bool  filter_find(const char *name, Filter *out);                    /* "nearest", "bilinear", "bicubic", "lanczos"   */
const char *filter_name(Filter f);
/* Pillow's Image.resize, byte for byte: double coefficients with antialiasing support, 22-bit fixed point, horizontal then
 * vertical pass; nearest accumulates its step. 1 to 4 channels, each on its own: equal to Pillow's for its modes L and RGB (Pillow
 * multiplies the colours of RGBA by alpha first; here nothing that was read has alpha).                                */
Image image_resize(const Image *im, int width, int height, Filter f);
Image image_crop(const Image *im, int x, int y, int width, int height);          /* outside the picture: black       */
Image image_pad(const Image *im, int left, int top, int width, int height, const uint8_t fill[4]);
Image image_flip(const Image *im);                                   /* left-right */

/* What decodes and encodes here, "libjpeg-turbo 2.1.5": other versions may give other pixels and bytes. */
const char *image_jpeg_library(void);
const char *image_png_library(void);

#endif
