/* store_tables.c - the list of a store's arrays, and what walks it: growing, writing to HDF5, loading, checking. */
#include "datasets/store_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE ARRAY_NONE
const ArraySpec ARRAYS[ARRAY_COUNT] = {
    /*                           name                      type    columns optional  rows as                into */
    [A_NAMES]                = { "items/name_bytes",       TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_NAME_OFFSETS]         = { "items/name_offsets",     TYPE_I64,  1, false, A_SPLIT,               A_NAMES },
    [A_SPLIT]                = { "items/split",            TYPE_I32,  1, false, NONE,                  NONE },
    [A_SPLIT_NAMES]          = { "splits/name_bytes",      TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_SPLIT_NAME_OFFSETS]   = { "splits/name_offsets",    TYPE_I64,  1, false, NONE,                  A_SPLIT_NAMES },
    [A_SPLIT_ITEMS]          = { "splits/items",           TYPE_I64,  1, false, A_SPLIT,               NONE },
    [A_SPLIT_ITEM_OFFSETS]   = { "splits/item_offsets",    TYPE_I64,  1, false, A_SPLIT_NAME_OFFSETS,  A_SPLIT_ITEMS },
    [A_PICTURE_XXH64]        = { "images/xxh64",           TYPE_U64,  1, false, A_SPLIT,               NONE },
    [A_ORIGINAL_SIZE]        = { "images/original_size",   TYPE_I32,  2, false, A_SPLIT,               NONE },
    [A_JPEG_OFFSETS]         = { "images/jpeg_offsets",    TYPE_I64,  1, true,  NONE,                  NONE },
    [A_CAPTIONS]             = { "captions/bytes",         TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_CAPTION_OFFSETS]      = { "captions/offsets",       TYPE_I64,  1, false, NONE,                  A_CAPTIONS },
    [A_CAPTION_ITEM_OFFSETS] = { "captions/item_offsets",  TYPE_I64,  1, false, A_SPLIT,               A_CAPTION_OFFSETS },
    [A_TOKENS]               = { "captions/token_ids",     TYPE_I32,  1, true,  NONE,                  NONE },
    [A_TOKEN_OFFSETS]        = { "captions/token_offsets", TYPE_I64,  1, true,  A_CAPTION_OFFSETS,     A_TOKENS },
    [A_CORNERS]              = { "boxes/corners",          TYPE_F32,  4, false, NONE,                  NONE },
    [A_SPANS]                = { "boxes/spans",            TYPE_I32,  3, false, A_CORNERS,             NONE },
    [A_PHRASES]              = { "boxes/phrase_bytes",     TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_PHRASE_OFFSETS]       = { "boxes/phrase_offsets",   TYPE_I64,  1, false, A_CORNERS,             A_PHRASES },
    [A_BOX_ITEM_OFFSETS]     = { "boxes/item_offsets",     TYPE_I64,  1, false, A_SPLIT,               A_CORNERS },
    [A_TRUTHS]               = { "truth/bytes",            TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_TRUTH_OFFSETS]        = { "truth/offsets",          TYPE_I64,  1, false, A_SPLIT,               A_TRUTHS },
    [A_MASK_XXH64]           = { "masks/xxh64",            TYPE_U64,  1, true,  NONE,                  NONE },
    [A_MASK_ITEM_OFFSETS]    = { "masks/item_offsets",     TYPE_I64,  1, true,  A_SPLIT,               A_MASK_XXH64 },
    [A_REJECTED]             = { "rejected/name_bytes",    TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_REJECTED_OFFSETS]     = { "rejected/name_offsets",  TYPE_I64,  1, false, NONE,                  A_REJECTED },
    [A_REASONS]              = { "rejected/reason_bytes",  TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_REASON_OFFSETS]       = { "rejected/reason_offsets", TYPE_I64, 1, false, A_REJECTED_OFFSETS,    A_REASONS },
    [A_TOKENIZER]            = { "tokenizer",              TYPE_TEXT, 1, true,  NONE,                  NONE },
    [A_PREPROCESS]           = { "preprocess",             TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_PROVENANCE]           = { "provenance",             TYPE_TEXT, 1, false, NONE,                  NONE },
};
#undef NONE

static size_t element_bytes(ArrayType t)
{
    return t == TYPE_TEXT ? 1 : t == TYPE_I32 || t == TYPE_F32 ? 4 : 8;
}

static size_t row_bytes(ArrayId a) { return element_bytes(ARRAYS[a].type) * (size_t)ARRAYS[a].columns; }

static bool is_offsets(ArrayId a) { return ARRAYS[a].into != ARRAY_NONE || a == A_JPEG_OFFSETS; }

/* ---- growing ------------------------------------------------------------------------------------------------------- */
void tables_free(Tables *t)
{
    for (int a = 0; a < ARRAY_COUNT; a++) free(t->array[a].p);
    *t = (Tables){ 0 };
}

int64_t tables_rows(const Tables *t, ArrayId a)
{
    int64_t rows = (int64_t)(t->array[a].used / row_bytes(a));
    return is_offsets(a) && rows > 0 ? rows - 1 : rows;
}

void tables_add(Tables *t, ArrayId a, const void *row) { buffer_add(&t->array[a], row, row_bytes(a)); }

void tables_end_group(Tables *t, ArrayId offsets)
{
    int64_t at = tables_rows(t, ARRAYS[offsets].into);
    buffer_add(&t->array[offsets], &at, sizeof at);
}

/* Strings keep their NUL in the file, so that a loaded one is a C string where it lies. */
void tables_add_text(Tables *t, ArrayId offsets, const char *text)
{
    if (text) buffer_add(&t->array[ARRAYS[offsets].into], text, strlen(text) + 1);
    tables_end_group(t, offsets);
}

void tables_range(const Tables *t, ArrayId offsets, int64_t row, int64_t *from, int64_t *to)
{
    const int64_t *at = tables_i64(t, offsets);
    REQUIRE(row >= 0 && row < tables_rows(t, offsets), "store: row %" PRId64 " of %" PRId64 " in %s", row, tables_rows(t, offsets),
            ARRAYS[offsets].name);
    *from = at[row];
    *to = at[row + 1];
}

const char *tables_text(const Tables *t, ArrayId offsets, int64_t row)
{
    int64_t from, to;
    tables_range(t, offsets, row, &from, &to);
    return from < to ? t->array[ARRAYS[offsets].into].p + from : NULL;
}

bool tables_equal(const Tables *a, const Tables *b)
{
    for (int i = 0; i < ARRAY_COUNT; i++)
        if (a->array[i].used != b->array[i].used
            || (a->array[i].used && memcmp(a->array[i].p, b->array[i].p, a->array[i].used) != 0)) return false;
    return true;
}

/* ---- HDF5 ---------------------------------------------------------------------------------------------------------- */
static hid_t type_in_file(ArrayType t)
{
    return t == TYPE_TEXT ? H5T_STD_U8LE : t == TYPE_I32 ? H5T_STD_I32LE : t == TYPE_I64 ? H5T_STD_I64LE
         : t == TYPE_U64 ? H5T_STD_U64LE : H5T_IEEE_F32LE;
}

static hid_t type_in_memory(ArrayType t)
{
    return t == TYPE_TEXT ? H5T_NATIVE_UINT8 : t == TYPE_I32 ? H5T_NATIVE_INT32 : t == TYPE_I64 ? H5T_NATIVE_INT64
         : t == TYPE_U64 ? H5T_NATIVE_UINT64 : H5T_NATIVE_FLOAT;
}

static bool write_array(const Tables *t, ArrayId a, hid_t file)
{
    const ArraySpec *s = &ARRAYS[a];
    const Buffer *b = &t->array[a];
    hsize_t dims[2] = { b->used / row_bytes(a), (hsize_t)s->columns };

    hid_t space = H5Screate_simple(s->columns > 1 ? 2 : 1, dims, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, 0);
    hid_t set = H5Dcreate2(file, s->name, type_in_file(s->type), space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bool ok = set >= 0 && (!b->used || H5Dwrite(set, type_in_memory(s->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, b->p) >= 0);
    if (set >= 0) H5Dclose(set);
    H5Pclose(plist);
    H5Sclose(space);
    return ok;
}

bool tables_write(const Tables *t, hid_t file, Err *err)
{
    for (int a = 0; a < ARRAY_COUNT; a++)
        if ((t->array[a].used || !ARRAYS[a].optional) && !write_array(t, a, file))
            return fail(err, "HDF5 could not write %s (out of memory?)", ARRAYS[a].name);
    return true;
}

/* Reads an open data set whole, when its shape is what the list says. */
static bool load_array(Buffer *b, ArrayId a, hid_t set)
{
    hid_t space = H5Dget_space(set);
    hsize_t dims[2] = { 0, 1 };
    int rank = H5Sget_simple_extent_ndims(space);
    bool ok = rank == (ARRAYS[a].columns > 1 ? 2 : 1) && H5Sget_simple_extent_dims(space, dims, NULL) == rank
           && dims[1] == (hsize_t)ARRAYS[a].columns && dims[0] < (hsize_t)1 << 40;
    H5Sclose(space);

    size_t bytes = ok ? (size_t)dims[0] * row_bytes(a) : 0;
    if (bytes > H5Dget_storage_size(set)) return false;          /* before trusting it with an allocation */
    b->p = malloc(bytes + 1);
    REQUIRE(b->p, "out of memory (%zu bytes)", bytes);
    b->p[bytes] = 0;                                             /* so that JSON texts are C strings */
    b->used = b->room = bytes;
    return ok && (!bytes || H5Dread(set, type_in_memory(ARRAYS[a].type), H5S_ALL, H5S_ALL, H5P_DEFAULT, b->p) >= 0);
}

static bool check_offsets(const Tables *t, ArrayId a)
{
    ArrayId into = ARRAYS[a].into;
    const int64_t *at = tables_i64(t, a);
    int64_t rows = tables_rows(t, a);

    if (t->array[a].used == 0) return ARRAYS[a].optional;
    if (at[0] != 0 || at[rows] != tables_rows(t, into)) return false;
    for (int64_t i = 0; i < rows; i++)
        if (at[i] > at[i + 1] || at[i] < 0) return false;
    if (ARRAYS[into].type == TYPE_TEXT)
        for (int64_t i = 0; i < rows; i++)
            if (at[i] < at[i + 1] && t->array[into].p[at[i + 1] - 1] != 0) return false;
    return true;
}

static bool check_indices(const Tables *t)
{
    int64_t items = tables_rows(t, A_SPLIT), splits = tables_rows(t, A_SPLIT_NAME_OFFSETS);

    for (int64_t i = 0; i < items; i++) {
        int64_t item = tables_i64(t, A_SPLIT_ITEMS)[i];
        int32_t split = tables_i32(t, A_SPLIT)[i];
        if (item < 0 || item >= items || split < 0 || split >= splits) return false;
    }
    return true;
}

bool tables_load(Tables *t, hid_t file, const char *path, Err *err)
{
    for (int a = 0; a < ARRAY_COUNT; a++) {
        hid_t set = H5Dopen2(file, ARRAYS[a].name, H5P_DEFAULT);
        if (set < 0 && ARRAYS[a].optional) continue;
        bool ok = set >= 0 && load_array(&t->array[a], a, set);
        if (set >= 0) H5Dclose(set);
        if (!ok) return fail(err, "%s: the store's /%s is missing or of the wrong shape", path, ARRAYS[a].name);
    }
    for (int a = 0; a < ARRAY_COUNT; a++) {
        ArrayId as = ARRAYS[a].rows_as;
        bool absent = ARRAYS[a].optional && t->array[a].used == 0;
        if ((as != ARRAY_NONE && !absent && tables_rows(t, a) != tables_rows(t, as))
            || (ARRAYS[a].into != ARRAY_NONE && !check_offsets(t, a)))
            return fail(err, "%s: the store's /%s does not fit the rest", path, ARRAYS[a].name);
    }
    return check_indices(t) || fail(err, "%s: the store's splits name items that it has not", path);
}
