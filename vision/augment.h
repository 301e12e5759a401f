/* augment.h - random-resized crop and colour jitter on bytes, equal to torchvision's on Pillow pictures.
 *
 * Crop (Szegedy et al. 2015, "Going deeper with convolutions", section 6; torchvision's RandomResizedCrop): a part of the picture whose
 * area is a uniform share of [least, 1] and whose ratio of width to height is log-uniform in [3/4, 4/3], resized to the whole.
 * Jitter (torchvision's ColorJitter): brightness, contrast, saturation and hue, one after the other in random order.
 *
 * Drawing and doing are apart: a draw is a few numbers out of a stream (tensor/base/rng.h), and the rest are functions of them, so that
 * what happens to the pixels can happen to boxes as well.                                                              */
#ifndef LIMN_AUGMENT_H
#define LIMN_AUGMENT_H

#include "tensor/base/rng.h"
#include "vision/image.h"

/* ---- geometry ---------------------------------------------------------------------------------------------------- */
typedef struct Crop { int x, y, width, height; } Crop;               /* pixels of the picture                         */

/* Ten tries; when none fits inside width x height, the largest centred part whose ratio is allowed. */
Crop  augment_draw_crop(double least, int width, int height, Rng *r);
/* The part of `im`, resized to width x height: Pillow's crop() and resize(). */
Image augment_crop(const Image *im, Crop c, int width, int height, Filter f);
/* What the crop, its resizing to width x height, and then a mirroring make of a box (x0 y0 x1 y1, pixels): cut at the picture's edge.
 * Gives the share of the box's area that is still to be seen; 0: nothing, and `out` has no area.                       */
double augment_box(Crop c, int width, int height, bool mirrored, const float box[4], float out[4]);

/* ---- colour; in place, RGB ---------------------------------------------------------------------------------------- */
enum { JITTER_BRIGHTNESS, JITTER_CONTRAST, JITTER_SATURATION, JITTER_HUE, JITTER_COUNT };
typedef struct Jitter { int32_t order[JITTER_COUNT]; double amount[JITTER_COUNT]; } Jitter;     /* amount: by name, not by turn */

/* Factors uniform in [1 - strength, 1 + strength], not below 0; hue in [-strength/4, strength/4] of the circle; any order. */
Jitter augment_draw_jitter(double strength, Rng *r);
void   augment_jitter(Image *im, const Jitter *j);

/* Pillow's ImageEnhance: factor 0 gives black, the mean gray, the picture in gray; 1 the picture; above 1 goes beyond it. */
void augment_brightness(Image *im, double factor);
void augment_contrast  (Image *im, double factor);
void augment_saturation(Image *im, double factor);
/* Turns the hue by a share of the circle (-0.5 to 0.5), in Pillow's 8-bit HSV, as torchvision's adjust_hue. */
void augment_hue       (Image *im, double turn);

#endif
