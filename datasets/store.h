/* store.h - one data set in one HDF5 file, layout version 2. Only store/ and features/vectors_hdf5.c include HDF5.
 *
 * Items are pictures, N of them: all S x S, or (S = 0) each of its own size. Captions, boxes and masks belong to items by offsets: those
 * of item i are rows [item_offsets[i], item_offsets[i+1]). Texts are bytes and offsets likewise, each text ended by a NUL, so that h5py
 * reads text i as
 *     bytes(f["captions/bytes"][o[i]:o[i+1]-1]).decode()           an empty range: no text
 * Nothing is chunked, compressed or of variable length: every data set is one block. Attributes of "/": layout = 2, size = S.
 *
 *     items/name_bytes, name_offsets (N+1)      u8, i64     names, unique
 *     items/split (N)                           i32         index of its split
 *     splits/name_bytes, name_offsets (K+1)     u8, i64     "train", "val", "test", … in the order of their first item
 *     splits/items (N), item_offsets (K+1)      i64         items of each split, ascending
 *     images/pixels (N,S,S,3)                   u8          RGB, upright, resized; when S = 0: (bytes), rows of each as images/size says; or,
 *     images/files (bytes)                      u8          instead: JPEG or PNG files
 *     images/offsets (N+1)                      i64         into files or into the pixels of pictures of their own size; else absent
 *     images/xxh64 (N)                          u64         XXH64 of each picture's bytes above, checked at every reading
 *     images/size (N,2)                         i32         width and height of the picture as it is stored, upright
 *     images/original_size (N,2)                i32         … before resizing
 *     images/phash (N)                          u64         perceptual hash of the stored picture (vision/phash.h)
 *     images/source_sha256 (N,32)               u8          of the file that it was read from; zeros: none
 *     images/source_bytes (N)                   i64         … and its size
 *     captions/bytes, offsets (C+1)             u8, i64
 *     captions/item_offsets (N+1)               i64
 *     captions/token_ids, token_offsets (C+1)   i32, i64    by the tokenizer, without <bos>, <eos>; absent without one
 *     boxes/corners (B,4)                       f32         x0 y0 x1 y1 in pixels of the stored picture, edges: [0, width] x [0, height]
 *     boxes/spans (B,3)                         i32         caption (within the item, or -1), and bytes [from,to) of the phrase in it
 *     boxes/kind (B)                            i32         0 phrase, 1 object, 2 region, 3 referring, 4 a phrase that has no box (corners 0)
 *     boxes/entity (B)                          i64         the data set's own id of the object; -1: none
 *     boxes/phrase_bytes, phrase_offsets (B+1)  u8, i64
 *     boxes/item_offsets (N+1)                  i64
 *     truth/bytes, offsets (N+1)                u8, i64     a composed picture's whole truth, as JSON
 *     masks/bits (M,S,ceil(S/8))                u8          of objects, packed by row, leftmost pixel highest bit; absent when none
 *     masks/xxh64 (M), item_offsets (N+1)       u64, i64
 *     rejected/kind (R), line (R)               i32, i64    what was left out or mended: datasets/problem.h; the line, 0: none
 *     rejected/{name,file,reason}_{bytes,offsets (R+1)}     … of which picture, in which input, and why
 *     tokenizer, preprocess, provenance         u8          JSON (no NUL): tokenizer.json (absent without one), the preprocessing
 *                                                           record, and source, options and inputs with sizes and hashes
 *
 * Reserved for later, and ignored when absent: images/group (N) for splits by scene; features/.
 *
 * No time, host, absolute path or worker count is in it: the same inputs give the same bytes.
 *
 * Trust: the file begins with a user block (text, 16384 bytes; store/file.h) that lists the parts of the file. All but the pictures
 * and masks is covered by SHA-256 and checked by store_open before HDF5 sees a byte of it; a picture is checked by its XXH64 whenever it
 * is read. So opening costs the small data only (some 20 ms for Flickr8k), and damage anywhere is an error, never a crash
 * (damage, not malice: who forges the hashes too can feed HDF5 what he likes). The hash of a store is that of the user block's text,
 * and so stands for every byte of the file. An open store is mapped: it must not be cut or changed in place meanwhile.
 *
 * Writing: PATH.journal (store/journal.h) takes one record an item, and is the lock that keeps a second writer out. A writer that may
 * resume finds there what an earlier one had done. The file is assembled from it in one deterministic pass, written aside, flushed
 * and renamed: a full disk is one error, and leaves what was at PATH as it was. Memory does not grow with the data.         */
#ifndef LIMN_STORE_H
#define LIMN_STORE_H

#include <jansson.h>
#include <stdint.h>

#include "datasets/box_kind.h"
#include "datasets/problem.h"
#include "tensor/base/err.h"
#include "vision/image.h"
#include "vision/preprocess.h"

enum { STORE_LAYOUT = 2 };

/* ---- writing ------------------------------------------------------------------------------------------------------ */
typedef struct StoreBox {
    float       x0, y0, x1, y1;                  /* pixels of the stored picture                                        */
    int32_t     caption, from, to;               /* span [from,to) bytes in caption (index in the item), or -1          */
    const char *phrase;
    int32_t     kind;                            /* BoxKind                                                             */
    int64_t     entity;
} StoreBox;

typedef struct StoreItem {
    const char    *name;                         /* "1000268201_693b08cb0e.jpg", unique                                 */
    const char    *split;                        /* "train", "val", "test", "test-pairs", …                             */
    int            width, height;                /* original, upright                                                   */
    int            stored_width, stored_height;  /* of the picture below                                                */
    const uint8_t *pixels;                       /* (stored_height,stored_width,3)                                      */
    const uint8_t *file; size_t file_bytes;      /* or the bytes of a JPEG or PNG of that size (pixels NULL)            */
    uint64_t       phash;
    uint8_t        source_sha256[32]; int64_t source_bytes;
    const char *const *captions; int caption_count;
    const StoreBox *boxes; int box_count;
    const char    *truth;                        /* JSON text: a composed picture's whole truth; NULL: none             */
    const uint8_t *mask; int mask_objects;       /* (mask_objects,size,ceil(size/8)): bits packed by row, leftmost pixel highest; or NULL */
} StoreItem;

typedef struct StoreOptions {
    int         size;                            /* pixels a side; 0: each of its own                                   */
    bool        files;                           /* JPEG or PNG files instead of pixels                                 */
    bool        resume, restart;                 /* resume: keep the journal on failure, and go on with one that is there; restart: not with that */
    json_t     *preprocess;                      /* the record (vision/preprocess.h as JSON)                            */
    json_t     *provenance;                      /* source name, options, inputs with sizes and hashes; decides what may be resumed */
    uint64_t    pictures;                        /* decides too, and is in the journal alone: catalog_files_sum         */
} StoreOptions;

/* Of one object's mask of a picture of that size: rows of whole bytes. */
static inline size_t store_mask_bytes(int width, int height) { return (size_t)height * (size_t)((width + 7) / 8); }

typedef struct StoreWriter StoreWriter;
/* A journal of other options or inputs is an error that says so, unless `restart`. */
StoreWriter *store_create(const char *path, const StoreOptions *o, Err *err);
int64_t store_resumed(const StoreWriter *w);     /* records that are there already                                      */
int64_t store_items(const StoreWriter *w);       /* items in the records so far                                         */
/* One record: an item (NULL: it was left out) and what was wrong with it. Built by any thread, appended by one. */
typedef struct StoreRecord StoreRecord;
StoreRecord *store_record(const StoreItem *item, const Problem *problems, int count);
void         store_record_free(StoreRecord *r);
bool store_append(StoreWriter *w, const StoreRecord *r, Err *err);
bool store_add(StoreWriter *w, const StoreItem *item, Err *err);                 /* both in one, no problems            */
typedef void StoreProblemSeen(const Problem *p, void *context);
void store_record_problems(const StoreRecord *r, StoreProblemSeen *each, void *context);
bool store_resumed_problems(StoreWriter *w, StoreProblemSeen *each, void *context, Err *err);     /* of the records that were there already */
/* Before all records' problems: those of the annotations. Not in the journal: to be told at each start. */
bool store_problem(StoreWriter *w, const Problem *p, Err *err);
void store_set_tokenizer(StoreWriter *w, const char *tokenizer_json);            /* text is copied                      */
/* Or: a word vocabulary of the captions, and phrases that stand in no caption, of a split, built at the end. `extra`: a text more, or NULL. */
void store_build_tokenizer(StoreWriter *w, const char *split, int64_t min_count, int64_t max_words, const char *extra);
bool store_finish(StoreWriter *w, Err *err);     /* assembles, verifies, renames; frees w either way                    */
void store_abandon(StoreWriter *w);

/* ---- reading ------------------------------------------------------------------------------------------------------ */
typedef struct Store Store;

Store      *store_open(const char *path, Err *err);                  /* NULL on failure                                 */
void        store_close(Store *s);
void        store_let_go(const Store *s);                            /* what was looked at need not stay in memory: it is in the file */
const char *store_hash(const Store *s);                              /* 64 hex digits of the content                    */
int         store_size(const Store *s);                              /* pixels a side; 0: each picture of its own       */
bool        store_fits(const Store *s, int size);                    /* pictures of that size can be had from it        */
bool        store_holds_files(const Store *s);                       /* JPEG or PNG, not pixels                         */
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
int         store_item_split(const Store *s, int64_t item);
int64_t     store_caption_count(const Store *s, int64_t item);
int64_t     store_first_caption(const Store *s, int64_t item);       /* its row among all captions: a number that stays */
const char *store_caption(const Store *s, int64_t item, int64_t k);
const int32_t *store_tokens(const Store *s, int64_t item, int64_t k, int64_t *count);            /* of that caption; NULL: no tokenizer */
const char *store_truth(const Store *s, int64_t item);               /* NULL when none                                  */
int64_t     store_box_count(const Store *s, int64_t item);
int64_t     store_first_box(const Store *s, int64_t item);
StoreBox    store_box(const Store *s, int64_t item, int64_t k);
void        store_original_size(const Store *s, int64_t item, int *width, int *height);
void        store_stored_size(const Store *s, int64_t item, int *width, int *height);
uint64_t    store_phash(const Store *s, int64_t item);
const uint8_t *store_source_sha256(const Store *s, int64_t item);    /* 32 bytes                                        */
int64_t     store_source_bytes(const Store *s, int64_t item);
/* The picture as it is stored: RGB, upright. These three are safe to call from several threads. */
bool        store_picture(Store *s, int64_t item, Image *out, Err *err);
/* (p->size,p->size,3) bytes: as it is when the store holds pictures of that size, or else resized by the record. */
bool        store_pixels(Store *s, int64_t item, const Preprocess *p, uint8_t *rgb, Err *err);
/* The stored bytes themselves, checked; malloc'd. */
bool        store_bytes(Store *s, int64_t item, uint8_t **data, size_t *bytes, Err *err);
/* Masks of an item's objects: (size, ceil(size/8)) bytes, packed by row, leftmost pixel highest bit. */
int64_t     store_mask_count(const Store *s, int64_t item);
bool        store_mask(Store *s, int64_t item, int64_t k, uint8_t *bits, Err *err);
int64_t     store_rejected(const Store *s);
Problem     store_rejected_at(const Store *s, int64_t k);

/* ---- the proof ------------------------------------------------------------------------------------------------------ */
typedef enum DamageKind {
    DAMAGE_TABLE,                                /* the table of parts: the rest is checked by what can still be read of it */
    DAMAGE_LENGTH,                               /* bytes [from,to) are missing, or too many                            */
    DAMAGE_PART,                                 /* does not match its SHA-256, or is cut off                           */
    DAMAGE_PICTURE, DAMAGE_MASK,                 /* does not match its XXH64, or is cut off                             */
    DAMAGE_UNCHECKED                             /* pictures or masks whose checksums or places are damaged themselves  */
} DamageKind;
typedef struct StoreDamage {
    DamageKind  kind;
    int64_t     from, to;                        /* bytes of the file                                                   */
    bool        missing;                         /* … that are not there                                                */
    const char *part;                            /* "captions/bytes"; NULL for the table and the length                 */
    int64_t     item, mask;                      /* -1: none                                                            */
    const char *name;                            /* of the item; NULL when that is damaged, too; UNCHECKED: the part that lacks */
} StoreDamage;
/* What was checked, and how much of it is damaged. */
typedef struct StoreProof {
    char    hash[65];
    int64_t bytes, parts, pictures, masks, bad_parts, bad_pictures, bad_masks, damages;
} StoreProof;
typedef struct ProofWatch {                      /* both may be NULL                                                    */
    void (*damaged)(const StoreDamage *d, void *context);
    bool (*step)(int64_t done, int64_t total, void *context);        /* bytes; false stops                              */
    void  *context;
} ProofWatch;
/* Checks every byte of the file: true when it is intact and opens. Else err says why not, and all that is damaged was told. HDF5 sees
 * nothing before all of it has been checked. */
bool store_prove(const char *path, const ProofWatch *w, StoreProof *out, Err *err);
/* "picture 17, dog.jpg (bytes 5850256 to 6000784), does not match its checksum" */
void store_damage_text(const StoreDamage *d, char *text, size_t bytes);

#endif
