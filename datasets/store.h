/* store.h - one data set in one HDF5 file, layout version 1. The only module that includes HDF5.
 *
 * Items are pictures; captions, boxes and objects belong to items by offsets (ragged data as offsets + bytes, no variable-length types).
 * (The full layout table is documented here by its implementation.)
 * No time, host, absolute path or worker count is in it: the same inputs give the same bytes. A user block carries a hash that is
 * checked before the HDF5 library opens the file.                                                                     */
#ifndef LIMN_STORE_H
#define LIMN_STORE_H

#include <jansson.h>
#include <stdint.h>

#include "tensor/base/err.h"

enum { STORE_LAYOUT = 1 };

/* ---- writing ------------------------------------------------------------------------------------------------------ */
typedef struct StoreBox    { float x0, y0, x1, y1; int32_t caption, from, to; const char *phrase; } StoreBox;   /* pixels of the stored picture;
                                                                    phrase span [from,to) bytes in caption (index in the item) or -1 */
typedef struct StoreItem {
    const char    *name;                         /* "1000268201_693b08cb0e.jpg", unique                                 */
    const char    *split;                        /* "train", "val", "test", "test-pairs", …                             */
    int            width, height;                /* original, upright                                                   */
    const uint8_t *pixels;                       /* (size,size,3)                                                       */
    const uint8_t *jpeg; size_t jpeg_bytes;      /* or the bytes of a JPEG of that size (pixels NULL)                   */
    const char *const *captions; int caption_count;
    const StoreBox *boxes; int box_count;
    const char    *truth;                        /* JSON text: a composed picture's whole truth; NULL: none             */
    const uint8_t *mask; int mask_objects;       /* (mask_objects,size,size) bits packed by row, or NULL                */
} StoreItem;

typedef struct StoreOptions {
    int         size;                            /* pixels a side                                                       */
    bool        jpeg;
    json_t     *preprocess;                      /* the record (vision/preprocess.h as JSON)                            */
    json_t     *provenance;                      /* source name, options, inputs with sizes and hashes                  */
    const char *tokenizer_json;                  /* NULL: none yet (set before store_finish)                            */
} StoreOptions;

typedef struct StoreWriter StoreWriter;
StoreWriter *store_create(const char *path, const StoreOptions *o, Err *err);
bool store_add(StoreWriter *w, const StoreItem *item, Err *err);
bool store_reject(StoreWriter *w, const char *name, const char *reason, Err *err);     /* listed in the store            */
void store_set_tokenizer(StoreWriter *w, const char *tokenizer_json);
bool store_finish(StoreWriter *w, Err *err);     /* assembles, verifies, renames; frees w either way                    */
void store_abandon(StoreWriter *w);

/* ---- reading ------------------------------------------------------------------------------------------------------ */
typedef struct Store Store;
typedef struct CaptionRef { int64_t item; const char *text; } CaptionRef;

Store      *store_open(const char *path, Err *err);                  /* NULL on failure                                 */
void        store_close(Store *s);
const char *store_hash(const Store *s);                              /* 64 hex digits of the content                    */
int         store_size(const Store *s);                              /* pixels a side                                   */
int64_t     store_count(const Store *s);
const json_t *store_preprocess(const Store *s);
const json_t *store_provenance(const Store *s);
const char *store_tokenizer(const Store *s);                         /* tokenizer.json text; NULL when none             */
int         store_splits(const Store *s);
const char *store_split_name(const Store *s, int split);
int         store_find_split(const Store *s, const char *name);      /* -1 when absent                                  */
/* Items of a split in store order. */
const int64_t *store_split_items(const Store *s, int split, int64_t *count);

const char *store_item_name(const Store *s, int64_t item);
int64_t     store_caption_count(const Store *s, int64_t item);
const char *store_caption(const Store *s, int64_t item, int64_t k);
const char *store_truth(const Store *s, int64_t item);               /* NULL when none                                  */
int64_t     store_box_count(const Store *s, int64_t item);
StoreBox    store_box(const Store *s, int64_t item, int64_t k);
void        store_original_size(const Store *s, int64_t item, int *width, int *height);
/* (size,size,3) bytes; decodes when stored as JPEG. Safe to call from several threads. */
bool        store_pixels(Store *s, int64_t item, uint8_t *rgb, Err *err);
int64_t     store_rejected(const Store *s);
const char *store_rejected_name(const Store *s, int64_t k);
const char *store_rejected_reason(const Store *s, int64_t k);

#endif
