/* phash.h - the perceptual hash of a picture (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", 3.2;
 * equal to ImageHash's phash): gray (Pillow's "L"), Lanczos to 32 x 32, DCT-II along both sides, of the 8 x 8 lowest frequencies
 * a bit each, set where it is above their median. Row by row, the first bit highest. Near pictures differ in few bits.        */
#ifndef LIMN_PHASH_H
#define LIMN_PHASH_H

#include "vision/image.h"

uint64_t image_phash(const Image *im);           /* RGB                                                                */
static inline int phash_distance(uint64_t a, uint64_t b) { return __builtin_popcountll(a ^ b); }     /* 0 .. 64         */

#endif
