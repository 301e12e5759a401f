/* export.h - a store given back in an open form: pictures as files, annotations beside them. Forms: export/form.h.
 *
 * Pictures that the store has as files leave it as they are, byte for byte; pixels leave as PNG, which loses nothing. A picture's file has
 * the item's name, made safe and unique (export/name.h), sub-folders kept. Width, height and boxes speak of the pixels as the file
 * has them, before a turn that its EXIF may ask for: so do COCO's, and so `limn prepare` reads them back.
 *
 * OUT must be new or empty, or hold an unfinished or finished export of the same store with the same options: that is gone on with, and
 * files that are there with the right content are kept. With `overwrite` it may hold anything: files of the same names are replaced, the
 * annotations of an earlier export are removed, and what else is there stays. OUT/export.json says what was exported:
 *     {"limn", "to", "store": its hash, "splits": […] or null, "images": bool, "complete": bool, "annotations": ["data.jsonl"], "pictures",
 *      "captions", "boxes", "left_out": [{"name", "reason"}], "stays_in_the_store": […], "preprocess", "provenance"}
 *
 * Every file is written aside, flushed and renamed (tensor/base/file.h), annotations last, so that they name only pictures that are
 * there. A picture that is damaged in the store is left out with its annotations, listed, and makes the export fail at its end, when the
 * rest is there. Memory: some 32 bytes a picture, for the names that are taken.                                             */
#ifndef LIMN_EXPORT_H
#define LIMN_EXPORT_H

#include <jansson.h>

#include "datasets/prepare.h"

typedef struct ExportOptions {
    const char *store, *form, *out;
    const char *const *splits; int split_count;  /* 0: all                                                              */
    bool no_images;                              /* the same annotations, without the pictures                          */
    bool overwrite;
    int  workers;                                /* 0: as many as there are processors                                  */
} ExportOptions;

typedef struct ExportSummary {
    int64_t pictures, captions, boxes;           /* exported                                                            */
    int64_t written, kept;                       /* files of pictures: made now, and there already                      */
    int64_t left_out;                            /* damaged pictures                                                    */
    char    hash[65];                            /* of the store                                                        */
    bool    complete;                            /* everything was seen                                                 */
} ExportSummary;

/* *out says what was done, also when it ends in an error. */
bool export_store(const ExportOptions *o, PrepareProgress *progress, void *context, ExportSummary *out, Err *err);

#endif
