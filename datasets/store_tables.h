/* store_tables.h - the small data of a store as plain arrays in memory, private to store*.c.
 *
 * ARRAYS (store_tables.c) lists every array of the layout once: the writer fills them, assembling and loading walk the list, and
 * checking a new store is comparing them. Pictures and masks ("bulk") are not among them: they stay in the file.           */
#ifndef LIMN_STORE_TABLES_H
#define LIMN_STORE_TABLES_H

#include "datasets/buffer.h"
#include "datasets/store_file.h"

typedef enum ArrayId {
    A_NAMES, A_NAME_OFFSETS, A_SPLIT,                                            /* items    */
    A_SPLIT_NAMES, A_SPLIT_NAME_OFFSETS, A_SPLIT_ITEMS, A_SPLIT_ITEM_OFFSETS,    /* splits   */
    A_PICTURE_XXH64, A_ORIGINAL_SIZE, A_JPEG_OFFSETS,                            /* images   */
    A_CAPTIONS, A_CAPTION_OFFSETS, A_CAPTION_ITEM_OFFSETS, A_TOKENS, A_TOKEN_OFFSETS,
    A_CORNERS, A_SPANS, A_PHRASES, A_PHRASE_OFFSETS, A_BOX_ITEM_OFFSETS,         /* boxes    */
    A_TRUTHS, A_TRUTH_OFFSETS,
    A_MASK_XXH64, A_MASK_ITEM_OFFSETS,
    A_REJECTED, A_REJECTED_OFFSETS, A_REASONS, A_REASON_OFFSETS,
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

typedef struct Tables { Buffer array[ARRAY_COUNT]; } Tables;

void    tables_free(Tables *t);
int64_t tables_rows(const Tables *t, ArrayId a);            /* for offsets: one less than are stored                    */
void    tables_add(Tables *t, ArrayId a, const void *row);
void    tables_add_text(Tables *t, ArrayId offsets, const char *text);           /* NULL: none                          */
void    tables_end_group(Tables *t, ArrayId offsets);       /* the group of rows that `offsets` points into ends here   */
const char *tables_text(const Tables *t, ArrayId offsets, int64_t row);          /* NULL: none                          */
void    tables_range(const Tables *t, ArrayId offsets, int64_t row, int64_t *from, int64_t *to);

bool tables_write(const Tables *t, hid_t file, Err *err);
bool tables_load(Tables *t, hid_t file, const char *path, Err *err);             /* with every check on their structure  */
bool tables_equal(const Tables *a, const Tables *b);

static inline const int64_t  *tables_i64(const Tables *t, ArrayId a) { return (const int64_t *)(const void *)t->array[a].p; }
static inline const int32_t  *tables_i32(const Tables *t, ArrayId a) { return (const int32_t *)(const void *)t->array[a].p; }
static inline const uint64_t *tables_u64(const Tables *t, ArrayId a) { return (const uint64_t *)(const void *)t->array[a].p; }
static inline const float    *tables_f32(const Tables *t, ArrayId a) { return (const float *)(const void *)t->array[a].p; }

#endif
