/* load.c - a store's arrays where they lie in its mapped file, and the checks that what points into another one fits it. */
#include <inttypes.h>
#include <string.h>

#include "datasets/store/tables.h"

int64_t tables_rows(const Tables *t, ArrayId a)
{
    int64_t rows = (int64_t)(t->array[a].used / array_row_bytes(a));
    return array_is_offsets(a) && rows > 0 ? rows - 1 : rows;
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

/* Only what a SHA-256 covers is pointed to, and only where numbers are aligned. */
static bool is_covered(const Parts *parts, Placed p)
{
    for (int i = 0; i < parts->count; i++) {
        const Part *part = &parts->part[i];
        if (!part->by_item && p.at >= part->at && p.bytes <= part->bytes && p.at - part->at <= part->bytes - p.bytes) return p.at % 8 == 0;
    }
    return false;
}

static bool find_array(Table *t, ArrayId a, hid_t set, const Sparse *m, const Parts *parts)
{
    const ArraySpec *s = &ARRAYS[a];
    hsize_t dims[2] = { 0, 1 };
    Placed  where;

    hid_t space = H5Dget_space(set);
    int   rank = H5Sget_simple_extent_ndims(space);
    bool  ok = rank == (s->columns > 1 ? 2 : 1) && H5Sget_simple_extent_dims(space, dims, NULL) == rank
            && dims[1] == (hsize_t)s->columns && dims[0] < (hsize_t)1 << 40;
    H5Sclose(space);
    if (!ok || !dataset_find(set, array_type(s->type), &where)) return false;
    if ((hsize_t)where.bytes != dims[0] * array_row_bytes(a) || (where.bytes && !is_covered(parts, where))) return false;
    *t = (Table){ (const char *)m->p + where.at, (size_t)where.bytes };
    return true;
}

static bool check_offsets(const Tables *t, ArrayId a)
{
    ArrayId into = ARRAYS[a].into;
    const int64_t *at = tables_i64(t, a);
    int64_t rows = tables_rows(t, a);

    if (t->array[a].used == 0) return false;
    if (at[0] != 0 || at[rows] != tables_rows(t, into)) return false;
    for (int64_t i = 0; i < rows; i++)
        if (at[i] > at[i + 1] || at[i] < 0) return false;
    if (ARRAYS[into].type == TYPE_TEXT)          /* each ends with its only NUL */
        for (int64_t i = 0; i < rows; i++) {
            const char *text = t->array[into].p + at[i];
            if (at[i] < at[i + 1] && memchr(text, 0, (size_t)(at[i + 1] - at[i])) != t->array[into].p + at[i + 1] - 1) return false;
        }
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
    for (int64_t i = 0; i < tables_rows(t, A_PROBLEM_KIND); i++)
        if (tables_i32(t, A_PROBLEM_KIND)[i] < 0) return false;
    return true;
}

/* Every text of these is there, if only an empty one. */
static bool check_texts(const Tables *t)
{
    static const ArrayId NEEDED[] = { A_NAME_OFFSETS, A_SPLIT_NAME_OFFSETS, A_CAPTION_OFFSETS };

    for (size_t k = 0; k < sizeof NEEDED / sizeof *NEEDED; k++)
        for (int64_t i = 0; i < tables_rows(t, NEEDED[k]); i++)
            if (!tables_text(t, NEEDED[k], i)) return false;
    return true;
}

/* A span lies in a caption of its own item. */
static bool check_spans(const Tables *t)
{
    const int64_t *captions = tables_i64(t, A_CAPTION_ITEM_OFFSETS), *boxes = tables_i64(t, A_BOX_ITEM_OFFSETS),
                  *text = tables_i64(t, A_CAPTION_OFFSETS);

    for (int64_t i = 0; i < tables_rows(t, A_SPLIT); i++)
        for (int64_t b = boxes[i]; b < boxes[i + 1]; b++) {
            const int32_t *span = tables_i32(t, A_SPANS) + 3 * b;
            if (span[0] < 0) continue;
            int64_t caption = captions[i] + span[0];
            if (caption >= captions[i + 1] || span[1] < 0 || span[1] > span[2] || span[2] >= text[caption + 1] - text[caption]) return false;
        }
    return true;
}

bool tables_load(Tables *t, hid_t file, const Sparse *m, const Parts *parts, const char *path, Err *err)
{
    for (int a = 0; a < ARRAY_COUNT; a++) {
        hid_t set = H5Dopen2(file, ARRAYS[a].name, H5P_DEFAULT);
        if (set < 0 && ARRAYS[a].optional) continue;
        bool ok = set >= 0 && find_array(&t->array[a], a, set, m, parts);
        if (set >= 0) H5Dclose(set);
        if (!ok) return fail(err, "%s: the store's /%s is missing or of the wrong shape", path, ARRAYS[a].name);
    }
    for (int a = 0; a < ARRAY_COUNT; a++) {
        ArrayId as = ARRAYS[a].rows_as;
        bool absent = ARRAYS[a].optional && t->array[a].used == 0;
        if ((as != ARRAY_NONE && !absent && tables_rows(t, a) != tables_rows(t, as))
            || (ARRAYS[a].into != ARRAY_NONE && !absent && !check_offsets(t, a)))
            return fail(err, "%s: the store's /%s does not fit the rest", path, ARRAYS[a].name);
        sparse_let_go(m);
    }
    if (!check_texts(t)) return fail(err, "%s: a name or a caption of the store is missing", path);
    if (!check_spans(t)) return fail(err, "%s: a phrase of the store lies outside its caption", path);
    sparse_let_go(m);
    return check_indices(t) || fail(err, "%s: the store's splits name items that it has not", path);
}
