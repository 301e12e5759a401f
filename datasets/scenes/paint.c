/* paint.c - background, then every object: its disc, and its drawing upon it ("source over", alpha premultiplied). */
#include "datasets/scenes/paint.h"

#include <math.h>
#include <string.h>

static uint8_t to_byte(double v) { return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5); }

/* A pale, hardly coloured tint: never near a disc's colour. */
static void sample_tint(Rng *r, double rgb[3])
{
    double value = 150 + 95 * rng_uniform(r);
    for (int c = 0; c < 3; c++) rgb[c] = value - 14 * rng_uniform(r);
}

enum { LATTICE = 12, CELLS = SCENE_SIZE / LATTICE + 1 };

/* Soft blotches (a random lattice, smoothly interpolated) and fine grain: in -1..1. */
static double noise_at(double lattice[CELLS][CELLS], int x, int y, Rng *r)
{
    int    i = y / LATTICE, j = x / LATTICE;
    double v = (y % LATTICE) / (double)LATTICE, u = (x % LATTICE) / (double)LATTICE;

    v = v * v * (3 - 2 * v), u = u * u * (3 - 2 * u);
    double top = lattice[i][j] * (1 - u) + lattice[i][j + 1] * u, bottom = lattice[i + 1][j] * (1 - u) + lattice[i + 1][j + 1] * u;
    return 0.75 * (top * (1 - v) + bottom * v) + 0.25 * ((double)rng_u32(r) * 0x1p-31 - 1);
}

static void paint_background(Background kind, Rng *r, uint8_t *rgb)
{
    double from[3], to[3], lattice[CELLS][CELLS], angle = 2 * 3.14159265358979323846 * rng_uniform(r);
    double ax = cos(angle) / SCENE_SIZE, ay = sin(angle) / SCENE_SIZE;

    sample_tint(r, from);
    sample_tint(r, to);
    for (int i = 0; i < CELLS * CELLS; i++) lattice[i / CELLS][i % CELLS] = 2 * rng_uniform(r) - 1;
    for (int y = 0; y < SCENE_SIZE; y++)
        for (int x = 0; x < SCENE_SIZE; x++) {
            double t = kind == GRADIENT ? 0.5 + 0.75 * ((x - SCENE_SIZE / 2) * ax + (y - SCENE_SIZE / 2) * ay) : 0;
            double grain = kind == NOISE ? 26 * noise_at(lattice, x, y, r) : 0;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            for (int c = 0; c < 3; c++) rgb[(y * SCENE_SIZE + x) * 3 + c] = to_byte(from[c] + t * (to[c] - from[c]) + grain);
        }
}

static void paint_disc(const Object *o, uint8_t *rgb, int8_t *owner)
{
    double radius = disc_radius(o);
    for (int y = o->y - (int)radius - 1; y <= o->y + (int)radius + 1; y++)
        for (int x = o->x - (int)radius - 1; x <= o->x + (int)radius + 1; x++) {
            if (x < 0 || y < 0 || x >= SCENE_SIZE || y >= SCENE_SIZE) continue;
            double dx = x - o->x, dy = y - o->y, cover = radius + 0.5 - sqrt(dx * dx + dy * dy);
            if (cover <= 0) continue;
            if (cover > 1) cover = 1;
            uint8_t *p = rgb + (y * SCENE_SIZE + x) * 3;
            for (int c = 0; c < 3; c++) p[c] = to_byte(p[c] + cover * (COLOUR[o->colour].rgb[c] - p[c]));
            if (cover > 0.5) owner[y * SCENE_SIZE + x] = -1;
        }
}

/* `owner` keeps, for every pixel, the object whose drawing is on top there, or -1. */
static void paint_drawing(Object *o, int index, const Image *sprite, uint8_t *rgb, int8_t *owner)
{
    o->box[0] = o->x - sprite->width / 2, o->box[1] = o->y - sprite->height / 2;
    o->box[2] = o->box[0] + sprite->width, o->box[3] = o->box[1] + sprite->height;
    for (int j = 0; j < sprite->height; j++)
        for (int i = 0; i < sprite->width; i++) {
            const uint8_t *from = sprite->pixels + (j * sprite->width + i) * 4;
            int at = (o->box[1] + j) * SCENE_SIZE + o->box[0] + i;
            for (int c = 0; c < 3; c++) rgb[at * 3 + c] = (uint8_t)(from[c] + (rgb[at * 3 + c] * (255 - from[3]) + 127) / 255);
            if (from[3] < 128) continue;
            owner[at] = (int8_t)index;
            o->area++;
        }
}

void scene_paint(Scene *s, const Artwork *a, Rng *r, uint8_t *rgb, uint8_t *masks)
{
    int8_t owner[SCENE_SIZE * SCENE_SIZE];

    memset(owner, -1, sizeof owner);
    memset(masks, 0, (size_t)s->count * MASK_BYTES);
    paint_background(s->background, r, rgb);
    for (int i = 0; i < s->count; i++) {
        Object *o = &s->object[i];
        paint_disc(o, rgb, owner);
        paint_drawing(o, i, artwork_sprite(a, o->noun, o->drawing, o->side), rgb, owner);
    }
    for (int at = 0; at < SCENE_SIZE * SCENE_SIZE; at++) {
        if (owner[at] < 0) continue;
        s->object[owner[at]].visible++;
        masks[owner[at] * MASK_BYTES + at / 8] |= (uint8_t)(0x80 >> at % 8);
    }
}
