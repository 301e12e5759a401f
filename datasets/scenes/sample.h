/* sample.h - a random scene. Everything is drawn evenly, and attributes know nothing of the noun. */
#ifndef LIMN_SCENES_SAMPLE_H
#define LIMN_SCENES_SAMPLE_H

#include "datasets/scenes/world.h"
#include "tensor/base/rng.h"

/* The numbers of picture `index` of a split: the same for any number of workers. */
Rng  scene_stream(uint64_t seed, Split split, int64_t index);
/* Boxes and visible areas follow when it is painted. */
void scene_sample(Scene *s, const Preset *p, Split split, Rng *r);

#endif
