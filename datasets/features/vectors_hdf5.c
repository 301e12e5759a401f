/* vectors_hdf5.c - a data set of floats in an HDF5 file, read a row at a time through the library, one thread after the other.
 *
 * Unlike a store, such a file has no checksums that could be looked at before HDF5 does: it is opened for reading only, and what HDF5
 * tells of it is checked before any value is asked for. Any layout, byte order and 16- to 64-bit float that HDF5 can read will do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/store/file.h"
#include "datasets/vectors.h"

enum { MAX_NAME = 4096 };

typedef struct Hdf5 {
    Vectors base;                                /* first: others see only that */
    hid_t   file, set, space, memory;            /* memory: the space of one row */
    int     rank;
} Hdf5;

static hid_t float_type(void) { return sizeof(real) == sizeof(float) ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE; }

/* ---- the data set ------------------------------------------------------------------------------------------------------ */
static bool fits(hid_t set)
{
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    int rank = H5Sget_simple_extent_ndims(space);
    bool ok = type >= 0 && H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) <= 8 && (rank == 2 || rank == 3);
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return ok;
}

/* The only data set of the file's root that fits; its name is told in `name`. */
static bool find_set(const Hdf5 *h, char name[MAX_NAME], Err *err)
{
    H5G_info_t root;
    int found = 0;
    char all[512] = "", one[MAX_NAME];

    if (H5Gget_info(h->file, &root) < 0) return fail(err, "%s: its root group cannot be read: the file is damaged", h->base.path);
    for (hsize_t i = 0; i < root.nlinks; i++) {
        ssize_t length = H5Lget_name_by_idx(h->file, ".", H5_INDEX_NAME, H5_ITER_INC, i, one, sizeof one, H5P_DEFAULT);
        H5O_info_t info;
        if (length < 1 || length >= MAX_NAME || H5Oget_info_by_name2(h->file, one, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0
            || info.type != H5O_TYPE_DATASET) continue;
        hid_t set = H5Dopen2(h->file, one, H5P_DEFAULT);
        size_t used = strlen(all);
        if (set >= 0 && fits(set)) {
            snprintf(all + used, sizeof all - used, "%s/%.100s", found ? ", " : "", one);
            if (found++ == 0) memcpy(name, one, (size_t)length + 1);
        }
        if (set >= 0) H5Dclose(set);
    }
    if (found == 1) return true;
    return found == 0 ? fail(err, "%s: its root has no data set of floats with 2 or 3 dimensions; name one: %s:/GROUP/SET", h->base.path, h->base.path)
                      : fail(err, "%s: which data set? It has %s; name one: %s:/SET", h->base.path, all, h->base.path);
}

static bool open_set(Hdf5 *h, const char *name, Err *err)
{
    const char *path = h->base.path;
    hsize_t dims[H5S_MAX_RANK], row[3] = { 1 };
    int64_t sizes[3] = { 0 };
    H5D_space_status_t written;

    if ((h->set = H5Dopen2(h->file, name, H5P_DEFAULT)) < 0) return fail(err, "%s: there is no data set '%s'", path, name);
    if (!fits(h->set)) return fail(err, "%s: '%s' is no data set of 16-, 32- or 64-bit floats with 2 or 3 dimensions", path, name);
    h->space = H5Dget_space(h->set);
    h->rank = H5Sget_simple_extent_dims(h->space, dims, NULL);
    for (int i = 0; i < h->rank; i++) {
        sizes[i] = dims[i] > INT64_MAX ? INT64_MAX : (int64_t)dims[i];
        if (i) row[i] = dims[i];
    }
    TRY(vectors_shape(&h->base, sizes, h->rank, err));
    /* Compressed chunks count as partly there. */
    if (H5Dget_space_status(h->set, &written) < 0 || written == H5D_SPACE_STATUS_NOT_ALLOCATED)
        return fail(err, "%s: nothing of the data set '%s' has been written", path, name);
    h->memory = H5Screate_simple(h->rank, row, NULL);
    return h->memory >= 0 || fail(err, "%s: the data set '%s' cannot be read", path, name);
}

/* ---- names ------------------------------------------------------------------------------------------------------------- */
/* Strings of the file's own character set: HDF5 converts no other. */
static hid_t text_type(hid_t type, bool variable)
{
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, variable ? H5T_VARIABLE : H5Tget_size(type) + 1);
    H5Tset_cset(text, H5Tget_cset(type));
    return text;
}

static bool read_texts(hid_t set, hid_t type, hid_t space, int64_t count, char **names)
{
    bool variable = H5Tis_variable_str(type) > 0;
    hid_t text = text_type(type, variable);
    size_t each = H5Tget_size(text);
    char *bytes = calloc((size_t)count, each);
    REQUIRE(bytes, "out of memory");
    bool ok = H5Dread(set, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0;

    for (int64_t i = 0; ok && i < count; i++) {
        const char *one = variable ? ((char **)(void *)bytes)[i] : bytes + (size_t)i * each;
        names[i] = strdup(one ? one : "");
    }
    if (variable) H5Dvlen_reclaim(text, space, H5P_DEFAULT, bytes);
    free(bytes);
    H5Tclose(text);
    return ok;
}

static bool read_names(Hdf5 *h, Err *err)
{
    if (H5Lexists(h->file, "names", H5P_DEFAULT) <= 0) return true;
    hid_t set = H5Dopen2(h->file, "names", H5P_DEFAULT);
    if (set < 0) return fail(err, "%s: '/names' is no data set", h->base.path);

    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    int64_t count = (int64_t)H5Sget_simple_extent_npoints(space);
    bool ok = H5Tget_class(type) == H5T_STRING && (H5Tis_variable_str(type) > 0 || H5Tget_size(type) <= MAX_NAME);
    if (!ok) fail(err, "%s: '/names' holds no strings", h->base.path);
    else if (count != h->base.count)
        ok = fail(err, "%s: %" PRId64 " names for %" PRId64 " rows", h->base.path, count, h->base.count);
    if (ok) {
        h->base.names = calloc((size_t)count, sizeof *h->base.names);
        REQUIRE(h->base.names, "out of memory");
        ok = read_texts(set, type, space, count, h->base.names) || fail(err, "%s: '/names' cannot be read", h->base.path);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set);
    return ok;
}

/* ---- the file ------------------------------------------------------------------------------------------------------------ */
static bool read_row(const Vectors *v, int64_t row, real *out)
{
    const Hdf5 *h = (const Hdf5 *)v;
    hsize_t from[3] = { (hsize_t)row }, count[3] = { 1, h->rank == 3 ? (hsize_t)v->tokens : (hsize_t)v->width, (hsize_t)v->width };

    hdf5_enter();
    bool ok = H5Sselect_hyperslab(h->space, H5S_SELECT_SET, from, NULL, count, NULL) >= 0
              && H5Dread(h->set, float_type(), h->memory, h->space, H5P_DEFAULT, out) >= 0;
    hdf5_leave();
    return ok;
}

static void close_hdf5(Vectors *v)
{
    Hdf5 *h = (Hdf5 *)v;
    hdf5_enter();
    if (h->memory >= 0) H5Sclose(h->memory);
    if (h->space >= 0) H5Sclose(h->space);
    if (h->set >= 0) H5Dclose(h->set);
    if (h->file >= 0) H5Fclose(h->file);
    hdf5_leave();
    free(h);
}

static bool open_file(Hdf5 *h, const char *set, Err *err)
{
    char name[MAX_NAME];

    if ((h->file = H5Fopen(h->base.path, H5F_ACC_RDONLY, H5P_DEFAULT)) < 0)
        return fail(err, "%s: HDF5 cannot open it: the file is damaged, was cut short or is being written", h->base.path);
    if (!set) TRY(find_set(h, name, err));
    return open_set(h, set ? set : name, err) && read_names(h, err);
}

Vectors *vectors_hdf5_open(const char *path, const char *set, Err *err)
{
    Hdf5 *h = calloc(1, sizeof *h);
    REQUIRE(h, "out of memory");
    *h = (Hdf5){ .base = { .path = path, .names_hint = "a data set /names of strings", .read = read_row, .close = close_hdf5 },
                 .file = -1, .set = -1, .space = -1, .memory = -1 };

    hdf5_enter();
    bool ok = open_file(h, set, err);
    hdf5_leave();
    if (ok) return &h->base;
    for (int64_t i = 0; h->base.names && i < h->base.count; i++) free(h->base.names[i]);
    free(h->base.names);
    close_hdf5(&h->base);
    return NULL;
}
