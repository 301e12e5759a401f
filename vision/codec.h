/* codec.h - what image.c and the decoders share; private to vision/.
 *
 * A decoder hands out upright 8-bit pixels: 3 channels, or 4 where there is transparency.                            */
#ifndef LIMN_CODEC_H
#define LIMN_CODEC_H

#include "vision/image.h"

typedef struct Bytes { const uint8_t *data; size_t size; } Bytes;

/* With out = NULL only the size is read. width and height are those of the stored picture, before `orientation`. */
typedef struct Decoded { int width, height, orientation; } Decoded;
bool jpeg_decode(Bytes in, const char *name, Decoded *d, Image *out, Err *err);
bool png_decode (Bytes in, const char *name, Decoded *d, Image *out, Err *err);

/* Whether a picture of that size is one that limn holds in memory; the sentence names the limits. */
bool  image_size_check(int64_t width, int64_t height, const char *name, Err *err);
/* As image_new, but a lack of memory is an error and not the end. */
bool  image_try_new(int width, int height, int channels, const char *name, Image *out, Err *err);

/* EXIF (CIPA DC-008): a TIFF structure, either byte order; tag 0x0112 of its first directory, 1..8. Anything broken: 1. */
int   exif_orientation(const uint8_t *tiff, size_t size);
Image exif_upright(Image im, int orientation);   /* takes im over */

#endif
