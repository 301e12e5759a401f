/* artwork.c - colour bitmaps out of a CBDT font by FreeType. */
#include "datasets/scenes/artwork.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Artwork {
    int    from[2], sizes[2];                    /* sides small from.., large from..                                     */
    Image *sprite;                               /* [noun][drawing][size]                                                */
};

static int sprite_at(const Artwork *a, int noun, int drawing, int size)
{
    return (noun * MAX_DRAWINGS + drawing) * (a->sizes[0] + a->sizes[1]) + size;
}

const Image *artwork_sprite(const Artwork *a, int noun, int drawing, int side)
{
    int large = side >= a->from[1], size = side - a->from[large] + (large ? a->sizes[0] : 0);
    REQUIRE(size >= 0 && size < a->sizes[0] + a->sizes[1], "artwork_sprite: no drawings of %d pixels here", side);
    return &a->sprite[sprite_at(a, noun, drawing, size)];
}

/* The smallest rectangle that holds every pixel more opaque than 1/16. */
static void visible_box(const Image *im, int box[4])
{
    box[0] = im->width, box[1] = im->height, box[2] = box[3] = 0;
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++) {
            if (im->pixels[((int64_t)y * im->width + x) * 4 + 3] <= 16) continue;
            if (x < box[0]) box[0] = x;
            if (y < box[1]) box[1] = y;
            if (x >= box[2]) box[2] = x + 1;
            if (y >= box[3]) box[3] = y + 1;
        }
}

static bool load_glyph(FT_Face face, uint32_t code_point, const char *font, Image *out, Err *err)
{
    FT_UInt glyph = FT_Get_Char_Index(face, code_point);
    if (!glyph || FT_Load_Glyph(face, glyph, FT_LOAD_COLOR) || face->glyph->format != FT_GLYPH_FORMAT_BITMAP
        || face->glyph->bitmap.pixel_mode != FT_PIXEL_MODE_BGRA)
        return fail(err, "%s: has no colour drawing of U+%04X; scenes need Debian's fonts-noto-color-emoji", font, code_point);

    const FT_Bitmap *b = &face->glyph->bitmap;
    Image whole = image_new((int)b->width, (int)b->rows, 4);
    for (int y = 0; y < whole.height; y++)
        for (int x = 0; x < whole.width; x++) {
            const uint8_t *bgra = b->buffer + (int64_t)y * b->pitch + 4 * x;
            uint8_t       *rgba = whole.pixels + ((int64_t)y * whole.width + x) * 4;
            rgba[0] = bgra[2], rgba[1] = bgra[1], rgba[2] = bgra[0], rgba[3] = bgra[3];
        }
    int box[4];
    visible_box(&whole, box);
    bool seen = box[0] < box[2];
    if (seen) *out = image_crop(&whole, box[0], box[1], box[2] - box[0], box[3] - box[1]);
    image_free(&whole);
    return seen || fail(err, "%s: the drawing of U+%04X is empty", font, code_point);
}

static Image scaled(const Image *im, int side)
{
    int longer = im->width > im->height ? im->width : im->height;
    int w = (im->width * side + longer / 2) / longer, h = (im->height * side + longer / 2) / longer;
    Image small = image_resize(im, w > 1 ? w : 1, h > 1 ? h : 1, FILTER_LANCZOS);

    /* Lanczos rings: a premultiplied colour above its alpha would glow. */
    for (int64_t i = 0, n = (int64_t)small.width * small.height; i < n; i++)
        for (int c = 0; c < 3; c++)
            if (small.pixels[4 * i + c] > small.pixels[4 * i + 3]) small.pixels[4 * i + c] = small.pixels[4 * i + 3];
    return small;
}

static bool load_all(Artwork *a, FT_Face face, const char *font, const Preset *p, Err *err)
{
    for (int n = 0; n < noun_count(); n++)
        for (int d = 0; preset_has(p, n) && d < noun_drawings(n); d++) {
            Image glyph;
            TRY(load_glyph(face, NOUNS[n].drawing[d], font, &glyph, err));
            for (int large = 0; large < 2; large++)
                for (int i = 0; i < a->sizes[large]; i++)
                    a->sprite[sprite_at(a, n, d, i + (large ? a->sizes[0] : 0))] = scaled(&glyph, a->from[large] + i);
            image_free(&glyph);
        }
    return true;
}

Artwork *artwork_open(const char *font, const Preset *p, Err *err)
{
    if (!font) font = ARTWORK_FONT;
    FT_Library library;
    FT_Face face;
    if (FT_Init_FreeType(&library)) {
        fail(err, "FreeType does not start");
        return NULL;
    }
    if (FT_New_Face(library, font, 0, &face)) {
        fail(err, "%s: is not there, or not a font; scenes need Debian's package fonts-noto-color-emoji (apt install it), or --font FILE", font);
        FT_Done_FreeType(library);
        return NULL;
    }
    Artwork *a = calloc(1, sizeof *a);
    for (int i = 0; i < 2; i++) a->from[i] = p->side[i][0], a->sizes[i] = p->side[i][1] - p->side[i][0] + 1;
    a->sprite = calloc((size_t)noun_count() * MAX_DRAWINGS * (size_t)(a->sizes[0] + a->sizes[1]), sizeof *a->sprite);

    bool ok = !FT_Select_Size(face, 0) ? load_all(a, face, font, p, err)
              : fail(err, "%s: has no colour bitmaps; scenes need Noto Color Emoji's bitmap edition (fonts-noto-color-emoji)", font);
    FT_Done_Face(face);
    FT_Done_FreeType(library);
    if (ok) return a;
    artwork_close(a);
    return NULL;
}

void artwork_close(Artwork *a)
{
    if (!a) return;
    for (int64_t i = 0, n = (int64_t)noun_count() * MAX_DRAWINGS * (a->sizes[0] + a->sizes[1]); i < n; i++) image_free(&a->sprite[i]);
    free(a->sprite);
    free(a);
}

/* A line is "1F63A      ; fully-qualified     # X E0.6 grinning cat"; text symbols carry a second code point, FE0F. */
char *artwork_name(const char *emoji_test, uint32_t code_point)
{
    char alone[32], dressed[32];
    int  alone_bytes = snprintf(alone, sizeof alone, "\n%04X ", code_point);
    int  dressed_bytes = snprintf(dressed, sizeof dressed, "\n%04X FE0F ", code_point);

    for (const char *at = emoji_test; (at = strchr(at, '\n')); at++) {
        int skip = strncmp(at, dressed, (size_t)dressed_bytes) == 0 ? dressed_bytes : strncmp(at, alone, (size_t)alone_bytes) == 0 ? alone_bytes : 0;
        if (!skip) continue;
        const char *name = at + skip;
        name += strspn(name, " ");
        if (strncmp(name, "; fully-qualified", 17) != 0) continue;
        size_t line = strcspn(name, "\n");
        const char *version = memchr(name, '#', line);
        if (!version || !(version = strstr(version, " E"))) continue;
        version += 2 + strcspn(version + 2, " \n");
        return strndup(version + 1, strcspn(version + 1, "\n"));
    }
    return NULL;
}
