/* exif.c - which way up: the orientation tag of EXIF (CIPA DC-008, section 4.6.4; the container is TIFF 6.0, section 2).
 *
 *     1 upright   2 mirrored   3 turned by 180   4 upside down mirrored
 *     5 transposed   6 to be turned clockwise   7 transposed the other way   8 to be turned counter-clockwise            */
#include <string.h>

#include "vision/codec.h"

typedef struct Tiff { const uint8_t *data; size_t size; bool big; } Tiff;

/* 0 beyond the end: a broken directory then ends or holds no orientation. */
static uint32_t number(const Tiff *t, size_t at, int bytes)
{
    uint32_t v = 0;
    if (at > t->size || t->size - at < (size_t)bytes)
        return 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | t->data[at + (size_t)(t->big ? i : bytes - 1 - i)];
    return v;
}

/* An entry is tag, type, count and, where it fits into four bytes, the value itself; otherwise 1. */
static uint32_t value_of(const Tiff *t, size_t entry)
{
    enum { SHORT = 3, LONG = 4, SIGNED_SHORT = 8, SIGNED_LONG = 9 };
    uint32_t type  = number(t, entry + 2, 2), count = number(t, entry + 4, 4);
    int      bytes = type == SHORT || type == SIGNED_SHORT ? 2 : type == LONG || type == SIGNED_LONG ? 4 : 0;
    return bytes && count >= 1 && count <= 4u / (unsigned)bytes ? number(t, entry + 8, bytes) : 1;
}

/* Of a tag that stands there twice, the last counts, as in Pillow. */
int exif_orientation(const uint8_t *tiff, size_t size)
{
    enum { ORIENTATION = 0x0112, ENTRY = 12 };
    Tiff     t = { tiff, size, false };
    uint32_t found = 1;
    if (size < 8) return 1;
    if (memcmp(tiff, "MM\0*", 4) == 0) t.big = true;
    else if (memcmp(tiff, "II*\0", 4) != 0) return 1;

    size_t   directory = number(&t, 4, 4);
    uint32_t entries   = number(&t, directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + (size_t)i * ENTRY;
        if (entry + ENTRY <= size && number(&t, entry, 2) == ORIENTATION)
            found = value_of(&t, entry);
    }
    return found >= 1 && found <= 8 ? (int)found : 1;
}

/* Where a stored corner (x, y) comes to lie: the inverse of the loop below. W x H: of the stored picture. */
static void upright_point(int orientation, double W, double H, double x, double y, double out[2])
{
    if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) y = H - y;
    if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) x = W - x;
    out[0] = orientation >= 5 ? y : x;
    out[1] = orientation >= 5 ? x : y;
}

void image_upright_box(int orientation, int width, int height, const double box[4], double out[4])
{
    double W = orientation >= 5 ? height : width, H = orientation >= 5 ? width : height, a[2], b[2];

    upright_point(orientation, W, H, box[0], box[1], a);
    upright_point(orientation, W, H, box[2], box[3], b);
    for (int i = 0; i < 2; i++) {
        out[i]     = a[i] < b[i] ? a[i] : b[i];
        out[i + 2] = a[i] < b[i] ? b[i] : a[i];
    }
}

Image exif_upright(Image im, int orientation)
{
    if (orientation < 2 || orientation > 8)
        return im;
    bool   turned = orientation >= 5;
    size_t W = (size_t)im.width, H = (size_t)im.height, C = (size_t)im.channels;
    Image  out = image_new(turned ? im.height : im.width, turned ? im.width : im.height, im.channels);
    uint8_t *to = out.pixels;
    for (size_t y = 0; y < (size_t)out.height; y++)
        for (size_t x = 0; x < (size_t)out.width; x++, to += C) {
            size_t row = turned ? x : y, column = turned ? y : x;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) row = H - 1 - row;
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) column = W - 1 - column;
            memcpy(to, im.pixels + (row * W + column) * C, C);
        }
    image_free(&im);
    return out;
}
