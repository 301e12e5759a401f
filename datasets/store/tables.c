/* tables.c - the list of a store's arrays; filling them, and laying them out for HDF5. */
#include "datasets/store/tables.h"

#include <inttypes.h>
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
    [A_PICTURE_OFFSETS]      = { "images/offsets",         TYPE_I64,  1, true,  A_SPLIT,               NONE },
    [A_PICTURE_XXH64]        = { "images/xxh64",           TYPE_U64,  1, false, A_SPLIT,               NONE },
    [A_SIZE]                 = { "images/size",            TYPE_I32,  2, false, A_SPLIT,               NONE },
    [A_ORIGINAL_SIZE]        = { "images/original_size",   TYPE_I32,  2, false, A_SPLIT,               NONE },
    [A_PHASH]                = { "images/phash",           TYPE_U64,  1, false, A_SPLIT,               NONE },
    [A_SOURCE_SHA256]        = { "images/source_sha256",   TYPE_TEXT, 32, false, A_SPLIT,              NONE },
    [A_SOURCE_BYTES]         = { "images/source_bytes",    TYPE_I64,  1, false, A_SPLIT,               NONE },
    [A_CAPTIONS]             = { "captions/bytes",         TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_CAPTION_OFFSETS]      = { "captions/offsets",       TYPE_I64,  1, false, NONE,                  A_CAPTIONS },
    [A_CAPTION_ITEM_OFFSETS] = { "captions/item_offsets",  TYPE_I64,  1, false, A_SPLIT,               A_CAPTION_OFFSETS },
    [A_TOKENS]               = { "captions/token_ids",     TYPE_I32,  1, true,  NONE,                  NONE },
    [A_TOKEN_OFFSETS]        = { "captions/token_offsets", TYPE_I64,  1, true,  A_CAPTION_OFFSETS,     A_TOKENS },
    [A_CORNERS]              = { "boxes/corners",          TYPE_F32,  4, false, NONE,                  NONE },
    [A_SPANS]                = { "boxes/spans",            TYPE_I32,  3, false, A_CORNERS,             NONE },
    [A_BOX_KIND]             = { "boxes/kind",             TYPE_I32,  1, false, A_CORNERS,             NONE },
    [A_ENTITY]               = { "boxes/entity",           TYPE_I64,  1, false, A_CORNERS,             NONE },
    [A_PHRASES]              = { "boxes/phrase_bytes",     TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_PHRASE_OFFSETS]       = { "boxes/phrase_offsets",   TYPE_I64,  1, false, A_CORNERS,             A_PHRASES },
    [A_BOX_ITEM_OFFSETS]     = { "boxes/item_offsets",     TYPE_I64,  1, false, A_SPLIT,               A_CORNERS },
    [A_TRUTHS]               = { "truth/bytes",            TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_TRUTH_OFFSETS]        = { "truth/offsets",          TYPE_I64,  1, false, A_SPLIT,               A_TRUTHS },
    [A_MASK_XXH64]           = { "masks/xxh64",            TYPE_U64,  1, true,  NONE,                  NONE },
    [A_MASK_ITEM_OFFSETS]    = { "masks/item_offsets",     TYPE_I64,  1, true,  A_SPLIT,               A_MASK_XXH64 },
    [A_PROBLEM_KIND]         = { "rejected/kind",          TYPE_I32,  1, false, NONE,                  NONE },
    [A_PROBLEM_LINE]         = { "rejected/line",          TYPE_I64,  1, false, A_PROBLEM_KIND,        NONE },
    [A_PROBLEM_NAMES]        = { "rejected/name_bytes",    TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_PROBLEM_NAME_OFFSETS] = { "rejected/name_offsets",  TYPE_I64,  1, false, A_PROBLEM_KIND,        A_PROBLEM_NAMES },
    [A_PROBLEM_FILES]        = { "rejected/file_bytes",    TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_PROBLEM_FILE_OFFSETS] = { "rejected/file_offsets",  TYPE_I64,  1, false, A_PROBLEM_KIND,        A_PROBLEM_FILES },
    [A_REASONS]              = { "rejected/reason_bytes",  TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_REASON_OFFSETS]       = { "rejected/reason_offsets", TYPE_I64, 1, false, A_PROBLEM_KIND,        A_REASONS },
    [A_TOKENIZER]            = { "tokenizer",              TYPE_TEXT, 1, true,  NONE,                  NONE },
    [A_PREPROCESS]           = { "preprocess",             TYPE_TEXT, 1, false, NONE,                  NONE },
    [A_PROVENANCE]           = { "provenance",             TYPE_TEXT, 1, false, NONE,                  NONE },
};
#undef NONE

static size_t element_bytes(ArrayType t)
{
    return t == TYPE_TEXT ? 1 : t == TYPE_I32 || t == TYPE_F32 ? 4 : 8;
}

size_t array_row_bytes(ArrayId a)  { return element_bytes(ARRAYS[a].type) * (size_t)ARRAYS[a].columns; }
bool   array_is_offsets(ArrayId a) { return ARRAYS[a].into != ARRAY_NONE || a == A_PICTURE_OFFSETS; }

/* ---- filling ----------------------------------------------------------------------------------------------------------- */
Columns columns_begin(const char *folder)
{
    Columns c = { 0 };
    for (int a = 0; a < ARRAY_COUNT; a++) c.array[a] = spill_begin(folder);
    return c;
}

void columns_free(Columns *c)
{
    for (int a = 0; a < ARRAY_COUNT; a++) spill_free(&c->array[a]);
}

void columns_empty(Columns *c, ArrayId a)
{
    const char *folder = c->array[a].folder;
    spill_free(&c->array[a]);
    c->array[a] = spill_begin(folder);
}

int64_t columns_rows(const Columns *c, ArrayId a)
{
    int64_t rows = c->array[a].used / (int64_t)array_row_bytes(a);
    return array_is_offsets(a) && rows > 0 ? rows - 1 : rows;
}

void columns_add(Columns *c, ArrayId a, const void *rows, int64_t count)
{
    if (!c->failed) c->failed = !spill_add(&c->array[a], rows, array_row_bytes(a) * (size_t)count, &c->why);
}

void columns_begin_groups(Columns *c, ArrayId offsets)
{
    if (c->array[offsets].used == 0) columns_add(c, offsets, &(int64_t){ 0 }, 1);
}

void columns_end_group(Columns *c, ArrayId offsets)
{
    int64_t at = columns_rows(c, ARRAYS[offsets].into);
    columns_begin_groups(c, offsets);
    columns_add(c, offsets, &at, 1);
}

/* Strings keep their NUL in the file, so that a loaded one is a C string where it lies. */
void columns_add_text(Columns *c, ArrayId offsets, const char *text)
{
    if (text) columns_add(c, ARRAYS[offsets].into, text, (int64_t)strlen(text) + 1);
    columns_end_group(c, offsets);
}

/* ---- laying out -------------------------------------------------------------------------------------------------------- */
hid_t array_type(ArrayType t)
{
    return t == TYPE_TEXT ? H5T_STD_U8LE : t == TYPE_I32 ? H5T_STD_I32LE : t == TYPE_I64 ? H5T_STD_I64LE
         : t == TYPE_U64 ? H5T_STD_U64LE : H5T_IEEE_F32LE;
}

bool dataset_find(hid_t set, hid_t type, Placed *out)
{
    hid_t there = H5Dget_type(set), plist = H5Dget_create_plist(set);
    int64_t bytes = (int64_t)H5Dget_storage_size(set);
    bool ok = H5Tequal(there, type) > 0 && H5Pget_layout(plist) == H5D_CONTIGUOUS && H5Pget_external_count(plist) == 0;

    *out = (Placed){ bytes > 0 ? (int64_t)H5Dget_offset(set) : 0, bytes };
    H5Pclose(plist);
    H5Tclose(there);
    return ok && out->at >= 0 && out->bytes >= 0;
}

bool dataset_reserve(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims, Placed *out)
{
    hid_t space = H5Screate_simple(rank, dims, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, 0);
    H5Pset_layout(plist, H5D_CONTIGUOUS);
    H5Pset_alloc_time(plist, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bool ok = set >= 0 && dataset_find(set, type, out);
    if (set >= 0) H5Dclose(set);
    H5Pclose(plist);
    H5Sclose(space);
    return ok;
}

bool columns_lay_out(const Columns *c, hid_t file, Placed out[ARRAY_COUNT], Err *err)
{
    for (int a = 0; a < ARRAY_COUNT; a++) {
        const ArraySpec *s = &ARRAYS[a];
        hsize_t dims[2] = { (hsize_t)c->array[a].used / array_row_bytes(a), (hsize_t)s->columns };
        out[a] = (Placed){ 0 };
        if (c->array[a].used == 0 && s->optional) continue;
        if (!dataset_reserve(file, s->name, array_type(s->type), s->columns > 1 ? 2 : 1, dims, &out[a]) || out[a].bytes != c->array[a].used)
            return fail(err, "HDF5 could not lay %s out", s->name);
    }
    return true;
}
