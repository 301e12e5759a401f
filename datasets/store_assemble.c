/* store_assemble.c - one deterministic pass from a writer's tables and journal to the file.
 *
 * The order of everything is fixed: groups, arrays as listed in ARRAYS, then the space of the pictures and of the masks.  */
#include "datasets/store_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Space that is laid out now and written later, past HDF5: contiguous, never filled. */
static bool reserve(hid_t file, const char *name, int rank, const hsize_t *dims, Part *out)
{
    hid_t space = H5Screate_simple(rank, dims, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, 0);
    H5Pset_layout(plist, H5D_CONTIGUOUS);
    H5Pset_alloc_time(plist, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
    hid_t set = H5Dcreate2(file, name, H5T_STD_U8LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    if (set >= 0) {
        *out = (Part){ .at = (int64_t)H5Dget_offset(set), .bytes = (int64_t)H5Dget_storage_size(set), .by_item = true };
        H5Dclose(set);
    }
    H5Pclose(plist);
    H5Sclose(space);
    return set >= 0 && out->at >= STORE_USER_BLOCK;
}

static bool lay_out(const StoreWriter *w, hid_t file, Part bulk[2], int *bulks, Err *err)
{
    hsize_t items = (hsize_t)tables_rows(&w->tables, A_SPLIT), masks = (hsize_t)tables_rows(&w->tables, A_MASK_XXH64);
    hsize_t s = (hsize_t)w->size;

    if (!make_groups(file, masks > 0) || !put_number(file, "layout", STORE_LAYOUT) || !put_number(file, "size", w->size))
        return fail(err, "%s: HDF5 could not lay the store out", w->path);
    TRY(tables_write(&w->tables, file, err));
    bool ok = w->jpeg ? reserve(file, "images/jpeg", 1, (hsize_t[]){ (hsize_t)w->picture_bytes }, &bulk[0])
                      : reserve(file, "images/pixels", 4, (hsize_t[]){ items, s, s, 3 }, &bulk[0]);
    *bulks = 1;
    if (ok && masks) ok = reserve(file, "masks/bits", 3, (hsize_t[]){ masks, s, (s + 7) / 8 }, &bulk[(*bulks)++]);
    return ok || fail(err, "%s: HDF5 could not lay the pictures out", w->path);
}

/* HDF5 must read back what was put in, before anything is written. */
static bool build_image(const StoreWriter *w, Sparse *m, Part bulk[2], int *bulks, Err *err)
{
    Tables back = { 0 };

    hdf5_enter();
    m->writable = true;
    hid_t file = sparse_open(m);
    bool ok = file >= 0 ? lay_out(w, file, bulk, bulks, err) : fail(err, "%s: HDF5 could not begin the store", w->path);
    if (file >= 0 && H5Fclose(file) < 0 && ok) ok = fail(err, "%s: HDF5 could not end the store", w->path);

    m->writable = false;
    file = ok ? sparse_open(m) : -1;
    if (ok && file < 0) ok = fail(err, "%s: HDF5 cannot open what it made", w->path);
    if (ok) ok = tables_load(&back, file, w->path, err);
    if (ok && !tables_equal(&w->tables, &back)) ok = fail(err, "%s: HDF5 does not read back what was written", w->path);
    if (file >= 0) H5Fclose(file);
    hdf5_leave();
    tables_free(&back);
    return ok;
}

/* Everything that is not bulk becomes a part with a hash. */
static void list_parts(const Sparse *m, const Part *bulk, int bulks, Parts *out)
{
    int64_t at = STORE_USER_BLOCK, end = (int64_t)m->end;

    *out = (Parts){ 0 };
    while (at < end) {
        const Part *next = NULL;
        for (int i = 0; i < bulks; i++)
            if (bulk[i].at >= at && (!next || bulk[i].at < next->at)) next = &bulk[i];
        int64_t until = next ? next->at : end;
        if (until > at) {
            Part *p = &out->part[out->count++];
            *p = (Part){ .at = at, .bytes = until - at };
            sha256_hex(m->p + at, (size_t)p->bytes, p->sha256);
        }
        if (next) out->part[out->count++] = *next;
        at = next ? next->at + next->bytes : end;
    }
}

/* ---- the file on the disk --------------------------------------------------------------------------------------------- */
static bool read_journal(const StoreWriter *w, int64_t at, int64_t bytes, uint8_t *to, Err *err)
{
    for (int64_t done = 0; done < bytes;) {
        ssize_t n = pread(w->journal_fd, to + done, (size_t)(bytes - done), (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(err, "%s: cannot be read back: %s", w->journal_path, n < 0 ? strerror(errno) : "it was cut short");
        done += n;
    }
    return true;
}

static bool copy_piece(const StoreWriter *w, FileWriter *f, int64_t at, int64_t bytes, uint64_t sum, Buffer *room, Err *err)
{
    while (room->room < (size_t)bytes) buffer_add(room, "", 1), room->used = room->room;
    TRY(read_journal(w, at, bytes, (uint8_t *)room->p, err));
    if (xxh64(room->p, (size_t)bytes) != sum) return fail(err, "%s: does not read back as it was written", w->journal_path);
    return file_write(f, room->p, (size_t)bytes, err);
}

static bool copy_pictures(const StoreWriter *w, FileWriter *f, bool masks, Err *err)
{
    const StorePiece *piece = (const StorePiece *)(const void *)w->pieces.p;
    int64_t items = tables_rows(&w->tables, A_SPLIT), mask = store_mask_bytes(w->size), at = 0;
    Buffer room = { 0 };
    bool ok = true;

    for (int64_t i = 0; i < items && ok; i++) {
        if (!masks) ok = copy_piece(w, f, piece[i].at, piece[i].bytes, tables_u64(&w->tables, A_PICTURE_XXH64)[i], &room, err);
        for (int64_t k = 0; k < piece[i].masks && masks && ok; k++, at++)
            ok = copy_piece(w, f, piece[i].at + piece[i].bytes + k * mask, mask, tables_u64(&w->tables, A_MASK_XXH64)[at], &room, err);
    }
    free(room.p);
    return ok;
}

static bool write_file(const StoreWriter *w, const Sparse *m, Parts *parts, int64_t pictures_at, Err *err)
{
    char block[STORE_USER_BLOCK];
    FileWriter *f = file_begin(w->path, err);
    if (!f) return false;

    parts_write(parts, block);
    bool ok = file_write(f, block, sizeof block, err);
    for (int i = 0; i < parts->count && ok; i++) {
        const Part *p = &parts->part[i];
        ok = p->by_item ? copy_pictures(w, f, p->at != pictures_at, err) : file_write(f, m->p + p->at, (size_t)p->bytes, err);
    }
    if (ok) return file_commit(f, err);
    file_abandon(f);
    return false;
}

bool store_assemble(StoreWriter *w, Err *err)
{
    size_t small = 0;
    for (int a = 0; a < ARRAY_COUNT; a++) small += w->tables.array[a].used;

    Sparse m;
    Part bulk[2];
    Parts parts;
    int bulks = 0;
    TRY(sparse_new(&m, small + (size_t)w->journal_bytes + (64u << 20), err));
    bool ok = build_image(w, &m, bulk, &bulks, err);
    if (ok) {
        list_parts(&m, bulk, bulks, &parts);
        ok = write_file(w, &m, &parts, bulk[0].at, err);
    }
    sparse_free(&m);
    return ok;
}
