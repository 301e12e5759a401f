/* codec.h - what image.c and the decoders share; private to vision/.
 *
 * A decoder gets a Decoding with the first part filled in and fills in the second. It hands out 8-bit pixels as they are stored, not
 * yet turned: 3 channels, or 4 where there is transparency. Its library reports errors by calls that must not return: they
 * longjmp to `jump`. What is open then belongs to the caller of the function that calls setjmp, which changes no local of its own. */
#ifndef LIMN_CODEC_H
#define LIMN_CODEC_H

#include <setjmp.h>

#include "vision/image.h"

typedef struct Decoding {
    const uint8_t *data;
    size_t         size;
    bool           size_only;                    /* no pixels wanted                                                   */
    int            side;                         /* both sides of the pixels may shrink to this many; 0: full size     */

    int            width, height, orientation;   /* of the whole stored picture                                        */
    Image          pixels;
    char           cause[240];                   /* on failure: why                                                    */
    jmp_buf        jump;
} Decoding;
bool jpeg_decode(Decoding *d);
bool png_decode (Decoding *d);

/* Both refuse what limn does not hold in memory, and say so in `cause`. */
bool  decoding_begin (Decoding *d, int64_t width, int64_t height, int orientation);
bool  decoding_pixels(Decoding *d, int64_t width, int64_t height, int channels);
bool  decoding_refuse(Decoding *d, const char *format, ...) __attribute__((format(printf, 2, 3)));      /* false */

/* EXIF (CIPA DC-008): a TIFF structure, either byte order; tag 0x0112 of its first directory, 1..8. Anything broken: 1. */
int   exif_orientation(const uint8_t *tiff, size_t size);
Image exif_upright(Image im, int orientation);   /* takes im over */

#endif
