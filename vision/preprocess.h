/* preprocess.h - from a picture to what an encoder sees, exactly as recorded with the model.
 *
 * The record travels with the store and the model, so that `limn caption` sees the very pixels that training saw. As JSON it is
 * Hugging Face's preprocessor_config.json (ViTImageProcessor: do_resize, size, resample, do_center_crop, crop_size, do_rescale,
 * rescale_factor, do_normalize, image_mean, image_std), plus "limn_resize" for modes that it cannot say.             */
#ifndef LIMN_PREPROCESS_H
#define LIMN_PREPROCESS_H

#include <jansson.h>

#include "tensor/tensor.h"
#include "vision/image.h"

typedef enum ResizeMode {
    RESIZE_SQUASH,                               /* to size x size, proportions not kept                              */
    RESIZE_CROP,                                 /* the shorter side to size, then the centre                         */
    RESIZE_PAD,                                  /* the longer side to size, then a frame of the mean colour          */
    RESIZE_KEEP                                  /* only when larger: the longer side to size; no two need be alike   */
} ResizeMode;

typedef struct Preprocess {
    ResizeMode mode;
    int        size;                             /* pixels a side                                                     */
    int        edge;                             /* what the picture is resized to before a centre crop to `size`; 0: size */
    Filter     filter;
    double     mean[3], std[3];                  /* of values in 0..1                                                 */
} Preprocess;

Preprocess preprocess_default(int size);         /* squash, bicubic, mean = std = 0.5                                 */
bool    preprocess_from_json(const json_t *j, const char *where, Preprocess *out, Err *err);
json_t *preprocess_to_json(const Preprocess *p);
/* The `side` for image_decode_draft: a draft keeps twice the pixels a side that the resize asks for, so that its antialiasing still
 * decides: over photographs it differs from the full path by less than a level of 255 on average.                        */
int     preprocess_draft_side(const Preprocess *p);
Image   preprocess_resize(const Preprocess *p, const Image *im);                 /* (size,size,3) bytes; keep: its own size */

/* Where the resize puts a picture of width x height: it becomes at.width x at.height pixels at (left, top) of a frame of out_width x
 * out_height, and x' = x * scale_x + left, y' = y * scale_y + top. */
typedef struct Placement { double scale_x, scale_y; int width, height, left, top, out_width, out_height; } Placement;
Placement preprocess_placement(const Preprocess *p, int width, int height);
/* A box (x0 y0 x1 y1, edges of pixels) follows, cut at the frame; gives the share of its area that is still to be seen, 0: nothing. */
double  placement_box(const Placement *p, const double box[4], float out[4]);
/* bytes (size,size,3) -> reals (3,size,size): (v/255 - mean) / std; mirrored left-right when flip.                    */
void    preprocess_normalize(const Preprocess *p, const uint8_t *rgb, bool flip, real *out);
/* A batch: bytes (count,size,size,3) -> tensor (count,3,size,size) in the arena; flip, [count], may be NULL: none.    */
Tensor *preprocess_batch(const Preprocess *p, Arena *a, const uint8_t *rgb, const bool *flip, int64_t count);

#endif
