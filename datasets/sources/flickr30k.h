/* flickr30k.h - the parts of Flickr30k's layout, for the source that adds to it (flickr30k_entities.c). */
#ifndef LIMN_FLICKR30K_H
#define LIMN_FLICKR30K_H

#include "datasets/sources/flickr.h"

bool flickr30k_begin(Flickr *f, Catalog *c, const PrepareOptions *o, Err *err);

/* train.txt, val.txt and test.txt, those that are there; with all three a picture in none of them is listed, not stored. */
bool flickr30k_lists(Flickr *f, Err *err);

#endif
