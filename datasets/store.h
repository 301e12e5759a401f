/* store.h - one data set in one HDF5 file, layout version 1. The only module (store*.c) that includes HDF5.
 *
 * Items are pictures, N of them, all S x S. Captions, boxes and masks belong to items by offsets: those of item i are rows
 * [item_offsets[i], item_offsets[i+1]). Texts are bytes and offsets likewise, each text ended by a NUL, so that h5py reads text i as
 *     bytes(f["captions/bytes"][o[i]:o[i+1]-1]).decode()           an empty range: no text
 * Nothing is chunked, compressed or of variable length: every data set is one block. Attributes of "/": layout = 1, size = S.
 *
 *     items/name_bytes, name_offsets (N+1)      u8, i64     names, unique
 *     items/split (N)                           i32         index of its split
 *     splits/name_bytes, name_offsets (K+1)     u8, i64     "train", "val", "test", … in the order of their first item
 *     splits/items (N), item_offsets (K+1)      i64         items of each split, ascending
 *     images/pixels (N,S,S,3)                   u8          RGB, upright, resized; or, when stored as JPEG:
 *     images/jpeg (bytes), jpeg_offsets (N+1)   u8, i64     JPEG files of S x S pictures
 *     images/xxh64 (N)                          u64         XXH64 of each picture's bytes above, checked at every reading
 *     images/original_size (N,2)                i32         width and height before resizing, upright
 *     captions/bytes, offsets (C+1)             u8, i64
 *     captions/item_offsets (N+1)               i64
 *     captions/token_ids, token_offsets (C+1)   i32, i64    by the tokenizer, without <bos>, <eos>; absent without one
 *     boxes/corners (B,4)                       f32         x0 y0 x1 y1 in pixels of the stored picture
 *     boxes/spans (B,3)                         i32         caption (within the item, or -1), and bytes [from,to) of the phrase in it
 *     boxes/phrase_bytes, phrase_offsets (B+1)  u8, i64
 *     boxes/item_offsets (N+1)                  i64
 *     truth/bytes, offsets (N+1)                u8, i64     a composed picture's whole truth, as JSON
 *     masks/bits (M,S,ceil(S/8))                u8          of objects, packed by row, leftmost pixel highest bit; absent when none
 *     masks/xxh64 (M), item_offsets (N+1)       u64, i64
 *     rejected/name_bytes, name_offsets (R+1)   u8, i64     what was left out …
 *     rejected/reason_bytes, reason_offsets (R+1)           … and why
 *     tokenizer, preprocess, provenance         u8          JSON (no NUL): tokenizer.json (absent without one), the preprocessing
 *                                                           record, and source, options and inputs with sizes and hashes
 *
 * Reserved for later, and ignored when absent: images/group (N) for splits by scene; features/; boxes/kind (B) for referring expressions.
 *
 * No time, host, absolute path or worker count is in it: the same inputs give the same bytes.
 *
 * Trust: the file begins with a user block (text, 2048 bytes; store_file.h) that lists the parts of the file. All but the pictures
 * and masks is covered by SHA-256 and checked by store_open before HDF5 sees a byte of it; a picture is checked by its XXH64 whenever it
 * is read. So opening costs the small data only (some 20 ms for Flickr8k), and damage anywhere is an error, never a crash
 * (damage, not malice: who forges the hashes too can feed HDF5 what he likes). The hash of a store is that of the user block's text,
 * and so stands for every byte of the file.
 *
 * Writing: PATH.journal holds the pictures meanwhile, and is the lock that keeps a second writer out. The file is written aside,
 * flushed and renamed: a full disk is one error, and leaves what was at PATH as it was.                                   */
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
    const uint8_t *mask; int mask_objects;       /* (mask_objects,size,ceil(size/8)): bits packed by row, leftmost pixel highest; or NULL */
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
/* Or: a word vocabulary from the captions of a split that have been added so far. */
void store_build_tokenizer(StoreWriter *w, const char *split, int64_t min_count);
void store_set_provenance(StoreWriter *w, const json_t *provenance);   /* instead of the one in StoreOptions: known at the end */
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
/* Masks of an item's objects: (size, ceil(size/8)) bytes, packed by row, leftmost pixel highest bit. */
int64_t     store_mask_count(const Store *s, int64_t item);
bool        store_mask(Store *s, int64_t item, int64_t k, uint8_t *bits, Err *err);
int64_t     store_rejected(const Store *s);
const char *store_rejected_name(const Store *s, int64_t k);
const char *store_rejected_reason(const Store *s, int64_t k);

#endif
