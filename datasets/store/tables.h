/* tables.h - the list of a store's arrays, and they themselves: spilled to disk while a store is made (Columns), mapped
 * from its file when it is read (Tables). Private to this folder.
 *
 * ARRAYS (store/tables.c) lists every array of the layout once: filling, laying out, loading and checking all walk the list. Pictures
 * and masks ("bulk") are not among them.                                                                                 */
#ifndef LIMN_STORE_TABLES_H
#define LIMN_STORE_TABLES_H

#include "datasets/spill.h"
#include "datasets/store/file.h"

typedef enum ArrayId {
    A_NAMES, A_NAME_OFFSETS, A_SPLIT,                                            /* items    */
    A_SPLIT_NAMES, A_SPLIT_NAME_OFFSETS, A_SPLIT_ITEMS, A_SPLIT_ITEM_OFFSETS,    /* splits   */
    A_PICTURE_OFFSETS, A_PICTURE_XXH64, A_SIZE, A_ORIGINAL_SIZE, A_PHASH, A_SOURCE_SHA256, A_SOURCE_BYTES,       /* images */
    A_CAPTIONS, A_CAPTION_OFFSETS, A_CAPTION_ITEM_OFFSETS, A_TOKENS, A_TOKEN_OFFSETS,
    A_CORNERS, A_SPANS, A_BOX_KIND, A_ENTITY, A_PHRASES, A_PHRASE_OFFSETS, A_BOX_ITEM_OFFSETS,                   /* boxes  */
    A_TRUTHS, A_TRUTH_OFFSETS,
    A_MASK_XXH64, A_MASK_ITEM_OFFSETS,
    A_PROBLEM_KIND, A_PROBLEM_LINE, A_PROBLEM_NAMES, A_PROBLEM_NAME_OFFSETS, A_PROBLEM_FILES, A_PROBLEM_FILE_OFFSETS,   /* rejected */
    A_REASONS, A_REASON_OFFSETS,
    A_TOKENIZER, A_PREPROCESS, A_PROVENANCE,
    ARRAY_COUNT, ARRAY_NONE = -1
} ArrayId;

typedef enum ArrayType { TYPE_TEXT, TYPE_I32, TYPE_I64, TYPE_U64, TYPE_F32 } ArrayType;   /* TEXT: bytes */

typedef struct ArraySpec {
    const char *name;                            /* "captions/offsets"                                                  */
    ArrayType   type;
    int         columns;                         /* of a row                                                            */
    bool        optional;                        /* not written when empty                                              */
    ArrayId     rows_as;                         /* has a row for each row of that one (offsets: one more); or ARRAY_NONE */
    ArrayId     into;                            /* not ARRAY_NONE: offsets into that one                               */
} ArraySpec;

extern const ArraySpec ARRAYS[ARRAY_COUNT];

size_t array_row_bytes(ArrayId a);
bool   array_is_offsets(ArrayId a);

/* ---- being made: the first failure stays, and is told at the end ------------------------------------------------------- */
typedef struct Columns { Spill array[ARRAY_COUNT]; bool failed; Err why; } Columns;

Columns columns_begin(const char *folder);
void    columns_free(Columns *c);
int64_t columns_rows(const Columns *c, ArrayId a);          /* for offsets: one less than are stored                    */
void    columns_add(Columns *c, ArrayId a, const void *rows, int64_t count);
void    columns_add_text(Columns *c, ArrayId offsets, const char *text);         /* NULL: none                          */
void    columns_begin_groups(Columns *c, ArrayId offsets);  /* the 0 that offsets begin with, when it is not there yet   */
void    columns_end_group(Columns *c, ArrayId offsets);     /* the group of rows that `offsets` points into ends here   */
void    columns_empty(Columns *c, ArrayId a);

/* Where each array lies in the file; bytes 0: it is empty or absent. */
typedef struct Placed { int64_t at, bytes; } Placed;
bool columns_lay_out(const Columns *c, hid_t file, Placed out[ARRAY_COUNT], Err *err);

/* ---- being read --------------------------------------------------------------------------------------------------------- */
typedef struct Table { const char *p; size_t used; } Table;
typedef struct Tables { Table array[ARRAY_COUNT]; } Tables;

/* With every check on their structure. The tables point into `m`, which must outlive them. */
bool tables_load(Tables *t, hid_t file, const Sparse *m, const Parts *parts, const char *path, Err *err);

int64_t tables_rows(const Tables *t, ArrayId a);            /* for offsets: one less than are stored                    */
const char *tables_text(const Tables *t, ArrayId offsets, int64_t row);          /* NULL: none                          */
void    tables_range(const Tables *t, ArrayId offsets, int64_t row, int64_t *from, int64_t *to);

static inline const int64_t  *tables_i64(const Tables *t, ArrayId a) { return (const int64_t *)(const void *)t->array[a].p; }
static inline const int32_t  *tables_i32(const Tables *t, ArrayId a) { return (const int32_t *)(const void *)t->array[a].p; }
static inline const uint64_t *tables_u64(const Tables *t, ArrayId a) { return (const uint64_t *)(const void *)t->array[a].p; }
static inline const float    *tables_f32(const Tables *t, ArrayId a) { return (const float *)(const void *)t->array[a].p; }

/* The type of an array's elements in the file; and a data set of it, laid out now and written past HDF5: one block, never filled.
 * out->at is where it begins. */
hid_t array_type(ArrayType t);
bool  dataset_reserve(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims, Placed *out);
/* Where an open data set of that element type lies; false when it is not one block of it. */
bool  dataset_find(hid_t set, hid_t type, Placed *out);

#endif
