/* safetensors.h - the format of Hugging Face's safetensors library: 8 bytes little-endian header length, a JSON header
 *     { "NAME": { "dtype": "F32", "shape": [2,3], "data_offsets": [0,24] }, …, "__metadata__": { "key": "text" } }
 * and the data. Reading maps the file. Hostile files (overlapping, overflowing or out-of-range offsets, giant headers,
 * duplicate keys, invalid UTF-8) are rejected with the offset. F32, F64, F16 and BF16 are converted to `real`.
 * Writing is deterministic: tensors in the order given, keys sorted, no dates; through file.h (write aside, fsync, rename). */
#ifndef LIMN_SAFETENSORS_H
#define LIMN_SAFETENSORS_H

#include "tensor/base/file.h"
#include "tensor/params.h"

typedef struct SafeTensors SafeTensors;
typedef struct SafeEntry {
    const char *name, *dtype;                    /* "F32", "BF16", "I64", …                                    */
    Shape       shape;                           /* n may be 0: a scalar                                       */
    const void *data;                            /* in the mapped file, at any alignment                       */
    size_t      bytes;
    const char *path;                            /* of the file, for messages                                  */
} SafeEntry;

SafeTensors *safetensors_open(const char *path, Err *err);           /* NULL on failure */
void         safetensors_close(SafeTensors *f);
int          safetensors_count(const SafeTensors *f);
const char  *safetensors_path(const SafeTensors *f);
const SafeEntry *safetensors_at(const SafeTensors *f, int i);
const SafeEntry *safetensors_find(const SafeTensors *f, const char *name);
const char  *safetensors_metadata(const SafeTensors *f, const char *key);           /* NULL when absent */
bool         safetensors_read(const SafeEntry *e, real *to, int64_t count, Err *err);   /* with conversion */

typedef struct SafeItem { const char *name; Shape shape; const real *data; } SafeItem;
typedef struct SafeNote { const char *key, *value; } SafeNote;
/* dtype F32 (F64 in limn-double). A note "format": "pt" is added, which transformers asks for. */
bool safetensors_write(const char *path, const SafeItem *items, int count, const SafeNote *notes, int note_count, Err *err);
/* The header only (item data may be NULL): the caller writes the data of every item in order, then file_commit. NULL on failure. */
FileWriter *safetensors_begin(const char *path, const SafeItem *items, int count, const SafeNote *notes, int note_count, Err *err);

/* Fills parameters from a file: file name = file_prefix + (parameter name without param_prefix), for every parameter whose name
 * starts with param_prefix. All missing, extra and misshapen tensors are reported together, and then nothing is changed.
 * Extra are names that start with file_prefix and match none of the patterns `ignore` (fnmatch; ends with NULL, may be NULL). */
bool params_load(Params *p, const char *param_prefix, const SafeTensors *f, const char *file_prefix, const char *const *ignore, Err *err);
bool params_save(Params *p, const char *path, const SafeNote *notes, int note_count, Err *err);

#endif
