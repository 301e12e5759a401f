/* flickr8k.h - the parts of Flickr8k's layout, for sources that add to it (phrase_boxes.c). */
#ifndef LIMN_FLICKR8K_H
#define LIMN_FLICKR8K_H

#include "datasets/sources/flickr.h"

bool flickr8k_begin(Flickr *f, Catalog *c, const PrepareOptions *o, Err *err);

/* The lists, then the captions. `all`: a file that is missing is an error; otherwise what is there is read. With all three lists a picture
 * in none of them is listed, not stored. */
bool flickr8k_texts(Flickr *f, bool all, Err *err);

#endif
