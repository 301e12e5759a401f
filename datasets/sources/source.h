/* source.h - the data sources that `limn prepare` knows. A new source is a file here and a row in source.c.
 *
 * A source reads annotations into a catalog (datasets/catalog.h). It reads no picture and judges none; prepare.c does the rest, alike for
 * all. One bad line, element or file never stops it: it is listed and left out. What makes the whole senseless (no input, a JSON file
 * that breaks off) is an error.                                                                                          */
#ifndef LIMN_SOURCE_H
#define LIMN_SOURCE_H

#include "datasets/catalog.h"
#include "datasets/prepare.h"

typedef struct Source {
    const char *name;                            /* "flickr8k"                                                          */
    const char *help;                            /* one line                                                            */
    const char *layout;                          /* what is expected of the inputs, a line each; NULL: no input is taken */
    bool        variants;                        /* --variant chooses among several forms                               */
    bool      (*read)(Catalog *c, const PrepareOptions *o, Err *err);
    /* Instead: a source that composes its pictures writes the store itself. */
    bool      (*compose)(const PrepareOptions *o, PrepareProgress *progress, void *context, Err *err);
} Source;

extern const Source source_coco, source_flickr30k, source_flickr30k_entities, source_flickr8k, source_imagefolder, source_jsonl,
    source_karpathy, source_phrase_boxes, source_refcoco, source_scenes, source_visual_genome, source_webdataset;

const Source *const *source_list(void);          /* ends with NULL                                                      */
const Source *source_find(const char *name, Err *err);           /* NULL and an error that lists the names               */

#endif
