/* json_files.h - which annotation files and picture folders the inputs mean, for data sets that come as a few JSON files. */
#ifndef LIMN_JSON_FILES_H
#define LIMN_JSON_FILES_H

#include <jansson.h>

#include "datasets/prepare.h"

typedef struct JsonFile { char *path, *shown; } JsonFile;            /* shown: as seen from the input folder            */
typedef struct JsonFiles { JsonFile file[32]; int count; const char *folder; } JsonFiles;            /* folder: the input folder, or NULL */

/* Inputs that are files are taken as they are, in their order; of a folder, what matches one of `patterns` (fnmatch; ends with NULL) in
 * DIR/annotations or else DIR, by name. None at all is an error that names the patterns. */
bool json_files_find(JsonFiles *f, const PrepareOptions *o, const char *const *patterns, Err *err);
void json_files_free(JsonFiles *f);
/* The folder of the pictures of a part ("train2017"): below --images or the input folder: PART, images/PART, images, or --images itself.
 * malloc'd; NULL: there is none. */
char *json_files_images(const JsonFiles *f, const PrepareOptions *o, const char *part);

/* COCO's [x, y, width, height] -> corners; false: not four numbers. */
bool json_bbox(const json_t *list, double corners[4]);

#endif
