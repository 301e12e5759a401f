/* assemble.c - one deterministic pass from a writer's columns and journal to the file.
 *
 * HDF5 only lays the file out: groups, arrays as listed in ARRAYS, the space of the pictures and of the masks, in an order that is always
 * the same. The arrays themselves never pass through it: they are copied to where it put them.                          */
#include "datasets/store/writer.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/store/xxh64.h"

/* Where everything lies. bulk: pictures, then masks when there are some. */
typedef struct Plan { Placed array[ARRAY_COUNT], bulk[2]; const char *bulk_name[2]; int bulks; Sparse m; Parts parts; } Plan;

/* ---- the HDF5 file in memory ----------------------------------------------------------------------------------------- */
static bool make_groups(hid_t file, bool masks)
{
    static const char *const GROUPS[] = { "items", "splits", "images", "captions", "boxes", "truth", "rejected", "masks" };
    hid_t plist = H5Pcreate(H5P_GROUP_CREATE);
    bool ok = H5Pset_obj_track_times(plist, 0) >= 0;

    for (int i = 0; i < 7 + masks && ok; i++) {
        hid_t group = H5Gcreate2(file, GROUPS[i], H5P_DEFAULT, plist, H5P_DEFAULT);
        ok = group >= 0;
        if (ok) H5Gclose(group);
    }
    H5Pclose(plist);
    return ok;
}

static bool put_number(hid_t file, const char *name, int32_t value)
{
    hid_t space = H5Screate(H5S_SCALAR), at = H5Acreate2(file, name, H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = at >= 0 && H5Awrite(at, H5T_NATIVE_INT32, &value) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space);
    return ok;
}

/* The last of the offsets; 0 where there are none. */
static bool picture_bytes(const StoreWriter *w, hsize_t *out, Err *err)
{
    const Spill *offsets = &w->columns.array[A_PICTURE_OFFSETS];
    *out = 0;
    return offsets->used == 0 || spill_read(offsets, offsets->used - (int64_t)sizeof *out, out, sizeof *out, err);
}

static bool lay_out_bulk(const StoreWriter *w, hid_t file, Plan *p, Err *err)
{
    hsize_t items = (hsize_t)columns_rows(&w->columns, A_SPLIT), masks = (hsize_t)columns_rows(&w->columns, A_MASK_XXH64);
    hsize_t s = (hsize_t)w->size, bytes;
    TRY(picture_bytes(w, &bytes, err));
    p->bulk_name[0] = w->files ? "images/files" : "images/pixels";
    p->bulk_name[1] = "masks/bits";
    bool ok = w->files || !s ? dataset_reserve(file, p->bulk_name[0], H5T_STD_U8LE, 1, &bytes, &p->bulk[0])
                             : dataset_reserve(file, p->bulk_name[0], H5T_STD_U8LE, 4, (hsize_t[]){ items, s, s, 3 }, &p->bulk[0]);
    p->bulks = 1;
    if (ok && masks) ok = dataset_reserve(file, p->bulk_name[1], H5T_STD_U8LE, 3, (hsize_t[]){ masks, s, (s + 7) / 8 }, &p->bulk[p->bulks++]);
    return ok || fail(err, "%s: HDF5 could not lay the pictures out", w->path);
}

static bool lay_out(const StoreWriter *w, hid_t file, Plan *p, Err *err)
{
    if (!make_groups(file, columns_rows(&w->columns, A_MASK_XXH64) > 0) || !put_number(file, "layout", STORE_LAYOUT)
        || !put_number(file, "size", w->size))
        return fail(err, "%s: HDF5 could not lay the store out", w->path);
    return columns_lay_out(&w->columns, file, p->array, err) && lay_out_bulk(w, file, p, err);
}

/* HDF5 must find everything again where it put it, before anything is written. */
static bool check_plan(const Plan *p, hid_t file)
{
    for (int a = 0; a < ARRAY_COUNT; a++) {
        Placed there = { 0 };
        hid_t  set = H5Dopen2(file, ARRAYS[a].name, H5P_DEFAULT);
        bool   ok = set < 0 ? ARRAYS[a].optional : dataset_find(set, array_type(ARRAYS[a].type), &there);
        if (set >= 0) H5Dclose(set);
        if (!ok || there.at != p->array[a].at || there.bytes != p->array[a].bytes) return false;
    }
    return true;
}

static bool plan(const StoreWriter *w, Plan *p, Err *err)
{
    hdf5_enter();
    p->m.writable = true;
    hid_t file = sparse_open(&p->m);
    bool ok = file >= 0 ? lay_out(w, file, p, err) : fail(err, "%s: HDF5 could not begin the store", w->path);
    if (file >= 0 && H5Fclose(file) < 0 && ok) ok = fail(err, "%s: HDF5 could not end the store", w->path);

    p->m.writable = false;
    file = ok ? sparse_open(&p->m) : -1;
    if (ok && (file < 0 || !check_plan(p, file))) ok = fail(err, "%s: HDF5 does not find what it laid out", w->path);
    if (file >= 0) H5Fclose(file);
    hdf5_leave();
    return ok;
}

/* ---- the bytes of the file ---------------------------------------------------------------------------------------------- */
typedef struct Sink { Sha256 *sha; FileWriter *file; } Sink;         /* one of them */

static bool put(const Sink *s, const void *data, int64_t bytes, Err *err)
{
    if (s->sha) return sha256_add(s->sha, data, (size_t)bytes), true;
    return file_write(s->file, data, (size_t)bytes, err);
}

static bool put_column(const Sink *s, const Spill *column, Err *err)
{
    char block[1 << 15];
    for (int64_t at = 0; at < column->used;) {
        int64_t now = column->used - at < (int64_t)sizeof block ? column->used - at : (int64_t)sizeof block;
        TRY(spill_read(column, at, block, (size_t)now, err) && put(s, block, now, err));
        at += now;
    }
    return true;
}

/* Bytes [at, end): what HDF5 wrote, and the columns where it left room for them. */
static bool put_small(const StoreWriter *w, const Plan *p, const Sink *s, int64_t at, int64_t end, Err *err)
{
    while (at < end) {
        int next = -1;
        for (int a = 0; a < ARRAY_COUNT; a++)
            if (p->array[a].bytes && p->array[a].at >= at && p->array[a].at < end && (next < 0 || p->array[a].at < p->array[next].at)) next = a;
        int64_t until = next < 0 ? end : p->array[next].at;
        TRY(put(s, p->m.p + at, until - at, err));
        if (next >= 0) TRY(put_column(s, &w->columns.array[next], err));
        at = next < 0 ? end : until + p->array[next].bytes;
    }
    return true;
}

/* The array or pictures that begin first at or behind `at`; bytes 0: none do. */
static Placed next_placed(const Plan *p, int64_t at, const char **name, bool *by_item)
{
    Placed next = { INT64_MAX, 0 };

    for (int a = 0; a < ARRAY_COUNT; a++)
        if (p->array[a].bytes && p->array[a].at >= at && p->array[a].at < next.at) next = p->array[a], *name = ARRAYS[a].name, *by_item = false;
    for (int i = 0; i < p->bulks; i++)
        if (p->bulk[i].bytes && p->bulk[i].at >= at && p->bulk[i].at < next.at) next = p->bulk[i], *name = p->bulk_name[i], *by_item = true;
    return next;
}

static bool add_part(const StoreWriter *w, Plan *p, const char *name, int64_t at, int64_t end, bool by_item, Err *err)
{
    REQUIRE(p->parts.count < STORE_MAX_PARTS, "store: more than %d parts", STORE_MAX_PARTS);
    Part  *part = &p->parts.part[p->parts.count++];
    Sha256 sha;

    *part = (Part){ .at = at, .bytes = end - at, .by_item = by_item };
    strcpy(part->name, name);
    if (by_item) return true;
    sha256_begin(&sha);
    TRY(put_small(w, p, &(Sink){ .sha = &sha }, at, end, err));
    sha256_end(&sha, part->sha256);
    return true;
}

/* An array has the few bytes up to the next one's alignment, too; more than that is HDF5's own. */
static bool list_parts(const StoreWriter *w, Plan *p, Err *err)
{
    enum { ALIGNMENT = 8 };
    int64_t at = STORE_USER_BLOCK, all = (int64_t)p->m.end;

    p->parts = (Parts){ 0 };
    while (at < all) {
        const char *name = NULL, *ignored;
        bool    by_item = false, other;
        Placed  here = next_placed(p, at, &name, &by_item);
        int64_t end = here.at < all ? here.at : all;
        if (end > at) TRY(add_part(w, p, "structure", at, end, false, err));
        if (here.bytes) {
            Placed then = next_placed(p, here.at + here.bytes, &ignored, &other);
            end = here.at + here.bytes;
            if (!by_item && then.bytes && then.at - end < ALIGNMENT) end = then.at;
            TRY(add_part(w, p, name, here.at, end, by_item, err));
        }
        at = end;
    }
    return true;
}

/* ---- pictures and masks ------------------------------------------------------------------------------------------------- */
static bool copy_piece(const StoreWriter *w, FileWriter *f, int64_t at, int64_t bytes, uint64_t sum, Buffer *room, Err *err)
{
    room->used = 0;
    buffer_room(room, (size_t)bytes + 1);
    TRY(journal_bytes(&w->journal, at, room->p, bytes, err));
    if (xxh64(room->p, (size_t)bytes) != sum) return fail(err, "%s: does not read back as it was written", w->journal.path);
    return file_write(f, room->p, (size_t)bytes, err);
}

static bool copy_masks(const StoreWriter *w, FileWriter *f, const RecordView *v, const JournalBulk *bulk, Buffer *room, Err *err)
{
    for (int i = 0; i < v->item.mask_objects; i++) {
        int64_t  each = bulk->masks / v->item.mask_objects;
        uint64_t sum;
        memcpy(&sum, v->mask_sums + (size_t)i * sizeof sum, sizeof sum);
        TRY(copy_piece(w, f, bulk->at + bulk->picture + i * each, each, sum, room, err));
    }
    return true;
}

static bool copy_bulk(StoreWriter *w, FileWriter *f, bool masks, Err *err)
{
    RecordView  v = { 0 };
    JournalBulk bulk;
    Buffer      room = { 0 };
    bool        ok = true;

    for (int64_t i = 0; i < journal_count(&w->journal) && ok; i++) {
        ok = journal_read(&w->journal, i, &v, &bulk, err);
        if (!ok || !v.stored) continue;
        ok = masks ? copy_masks(w, f, &v, &bulk, &room, err) : copy_piece(w, f, bulk.at, bulk.picture, v.picture_sum, &room, err);
    }
    free(room.p);
    record_view_free(&v);
    return ok;
}

/* ---- the file on the disk --------------------------------------------------------------------------------------------- */
static bool write_file(StoreWriter *w, Plan *p, Err *err)
{
    char block[STORE_USER_BLOCK];
    FileWriter *f = file_begin(w->path, err);
    if (!f) return false;

    parts_write(&p->parts, block);
    bool ok = file_write(f, block, sizeof block, err);
    for (int i = 0; i < p->parts.count && ok; i++) {
        const Part *part = &p->parts.part[i];
        ok = part->by_item ? copy_bulk(w, f, part->at != p->bulk[0].at, err)
                           : put_small(w, p, &(Sink){ .file = f }, part->at, part->at + part->bytes, err);
    }
    if (ok) return file_commit(f, err);
    file_abandon(f);
    return false;
}

bool store_assemble(StoreWriter *w, Err *err)
{
    Plan   p = { 0 };
    size_t small = 0;

    for (int a = 0; a < ARRAY_COUNT; a++) small += (size_t)w->columns.array[a].used;
    TRY(sparse_new(&p.m, small + (size_t)filelog_size(w->journal.log) + (64u << 20), err));
    bool ok = plan(w, &p, err) && list_parts(w, &p, err) && write_file(w, &p, err);
    sparse_free(&p.m);
    return ok;
}
