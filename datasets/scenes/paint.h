/* paint.h - a scene as pixels, with the boxes and masks of what can be seen. */
#ifndef LIMN_SCENES_PAINT_H
#define LIMN_SCENES_PAINT_H

#include "datasets/scenes/artwork.h"
#include "tensor/base/rng.h"

enum { SCENE_PIXELS = SCENE_SIZE * SCENE_SIZE * 3, MASK_BYTES = SCENE_SIZE * SCENE_SIZE / 8 };

/* rgb (96,96,3); masks (objects,96,12): the visible pixels of every drawing (without its disc), a bit each, leftmost highest.
 * Sets every object's box, area and visible area. */
void scene_paint(Scene *s, const Artwork *a, Rng *r, uint8_t *rgb, uint8_t *masks);

#endif
