/* json_files.h - which annotation files (or shards) and picture folders the inputs mean, for data sets that come as JSON files or tars. */
#ifndef LIMN_JSON_FILES_H
#define LIMN_JSON_FILES_H

#include "datasets/prepare.h"

typedef struct JsonFile { char *path, *shown; } JsonFile;            /* shown: as seen from the input folder            */
typedef struct JsonFiles { JsonFile *file; int64_t count, room; const char *folder; } JsonFiles;    /* folder: the input folder, or NULL */

/* Inputs that are files are taken as they are, in their order; of a folder, what matches one of `patterns` (fnmatch; ends with NULL) in
 * DIR/annotations or else DIR, by name. None at all is an error that names the patterns. */
bool json_files_find(JsonFiles *f, const PrepareOptions *o, const char *const *patterns, Err *err);
/* As above, but of a folder and all folders below it. */
bool json_files_below(JsonFiles *f, const PrepareOptions *o, const char *const *patterns, Err *err);
void json_files_free(JsonFiles *f);
/* The folder of the pictures of a part ("train2017"): below --images or the input folder: PART, images/PART, images, or --images itself.
 * malloc'd; NULL: there is none, and err says where it was looked for. */
char *json_files_images(const JsonFiles *f, const PrepareOptions *o, const char *part, Err *err);

#endif
