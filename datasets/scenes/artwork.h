/* artwork.h - the drawings of Noto Color Emoji (SIL OFL 1.1), cut out and scaled once for every size that a preset uses.
 *
 * The font holds one strike of colour bitmaps, 136x128 BGRA with premultiplied alpha at 109 pixels an em: FT_Select_Size opens it,
 * FT_Set_Pixel_Sizes does not.  A drawing is cut to its visible box and scaled, so that its longer side is `side` pixels. */
#ifndef LIMN_SCENES_ARTWORK_H
#define LIMN_SCENES_ARTWORK_H

#include "datasets/scenes/world.h"
#include "tensor/base/err.h"
#include "vision/image.h"

#define ARTWORK_FONT  "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
#define ARTWORK_NAMES "/usr/share/unicode/emoji/emoji-test.txt"

typedef struct Artwork Artwork;

/* font NULL: Debian's place. */
Artwork *artwork_open(const char *font, const Preset *p, Err *err);
void     artwork_close(Artwork *a);
/* RGBA with premultiplied alpha, shared, read only: safe from several threads. */
const Image *artwork_sprite(const Artwork *a, int noun, int drawing, int side);
/* "grinning cat": the name in unicode-data's emoji-test.txt; malloc'd, NULL when the file does not have it. */
char *artwork_name(const char *emoji_test, uint32_t code_point);

#endif
