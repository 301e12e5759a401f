/* flickr.h - what the data sets of photographs from Flickr share: a folder of pictures, lists that name the pictures of a split, and
 * captions with a number.
 *
 *     NAME.jpg#K <tab> caption                  a token file: Flickr8k (Hodosh, Young, Hockenmaier 2013), Flickr30k (Young et al. 2014)
 *
 * Pictures come in the order of the lists, then in that of the captions. Every name that is mentioned is in the catalog or listed. */
#ifndef LIMN_FLICKR_H
#define LIMN_FLICKR_H

#include "datasets/sources/source.h"

typedef struct Flickr {
    Catalog    *c;
    const char *folder;                          /* the one input; not ours                                             */
    char       *images, *shown;                  /* the folder of the pictures, and as seen from the input              */
    Buffer      known;                           /* of every picture: its split and which captions it has               */
} Flickr;

/* `image_folders` (ends with NULL): where the layout has the pictures; options.images comes first. Tells the catalog of the folder. */
bool flickr_begin(Flickr *f, Catalog *c, const PrepareOptions *o, const char *const *image_folders, Err *err);
void flickr_end(Flickr *f);

/* The first of these names (ends with NULL) that is a file in the input folder; NULL: none. */
const char *flickr_find(const Flickr *f, const char *const *names);
/* Enters a file as an input and gives its path, malloc'd; NULL: it cannot be read. */
char *flickr_input(const Flickr *f, const char *name, Err *err);

/* A file with a name a line; `suffix` (".jpg", "") is put behind names that lack it. */
bool flickr_list(Flickr *f, const char *file, const char *split, const char *suffix, Err *err);
bool flickr_tokens(Flickr *f, const char *file, Err *err);

/* All of these add the picture when it is new; a name that is none is listed. The index, or -1. */
int64_t flickr_picture(Flickr *f, const char *name, Place at);
/* Once: a second split is listed (PROBLEM_DUPLICATE), and the first stays. `split` is kept as a pointer. */
void    flickr_set_split(Flickr *f, const char *name, const char *split, Place at);
/* `number`: of the caption, 0 … 63; the second one of a number is listed and left out. NULL: captions have no numbers. */
bool    flickr_caption(Flickr *f, const char *name, const char *number, const char *text, size_t bytes, Place at, Err *err);
const char *flickr_split(const Flickr *f, int64_t picture);      /* NULL: none                                          */

#endif
