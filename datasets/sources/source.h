/* source.h - the data sources that `limn prepare` knows. A new source is a file here and a row in source.c. */
#ifndef LIMN_SOURCE_H
#define LIMN_SOURCE_H

#include "datasets/prepare.h"

typedef struct Source {
    const char *name;                            /* "flickr8k"                                                          */
    const char *help;                            /* one line                                                            */
    const char *layout;                          /* what is expected in the input folder; NULL: no input is taken       */
    bool      (*prepare)(const PrepareOptions *o, PrepareProgress *progress, void *context, Err *err);
} Source;

extern const Source source_flickr8k, source_scenes;

const Source *const *source_list(void);          /* ends with NULL                                                      */
const Source *source_find(const char *name, Err *err);           /* NULL and an error that lists the names               */

#endif
