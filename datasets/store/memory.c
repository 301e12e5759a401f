/* memory.c - an HDF5 file driver whose file is a piece of sparse memory.
 *
 * When a store is laid out, the space of arrays and pictures is reserved but never written through HDF5: its pages are never touched
 * and cost nothing. When one is read, the memory is the mapped file.                                                     */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "datasets/store/file.h"

static pthread_mutex_t hdf5_lock = PTHREAD_MUTEX_INITIALIZER;

void hdf5_enter(void)
{
    pthread_mutex_lock(&hdf5_lock);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void hdf5_leave(void) { pthread_mutex_unlock(&hdf5_lock); }

bool sparse_new(Sparse *m, size_t capacity, Err *err)
{
    *m = (Sparse){ .capacity = capacity };
    m->p = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->p != MAP_FAILED) return true;
    m->p = NULL;
    return fail(err, "cannot reserve %zu bytes of address space for a store: %s", capacity, strerror(errno));
}

bool sparse_map(Sparse *m, int fd, size_t bytes, const char *path, Err *err)
{
    *m = (Sparse){ .capacity = bytes, .end = bytes };
    m->p = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (m->p != MAP_FAILED) return true;
    m->p = NULL;
    return fail(err, "%s: cannot be mapped: %s", path, strerror(errno));
}

void sparse_let_go(const Sparse *m) { madvise(m->p, m->capacity, MADV_DONTNEED); }

void sparse_free(Sparse *m)
{
    if (m->p) munmap(m->p, m->capacity);
    m->p = NULL;
}

/* ---- the driver: what HDF5 calls ------------------------------------------------------------------------------------ */
typedef struct Driver { H5FD_t pub; Sparse *m; haddr_t allocated; } Driver;      /* pub first: HDF5 sees only that */
typedef struct DriverInfo { Sparse *m; } DriverInfo;

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t max)
{
    const DriverInfo *info = H5Pget_driver_info(fapl);
    Driver *d = info ? calloc(1, sizeof *d) : NULL;
    (void)name, (void)flags, (void)max;

    if (d) d->m = info->m;
    return (H5FD_t *)d;
}

static herr_t driver_close(H5FD_t *f)
{
    free(f);
    return 0;
}

static herr_t driver_query(const H5FD_t *f, unsigned long *flags)
{
    (void)f;
    if (flags) *flags = H5FD_FEAT_AGGREGATE_METADATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *f, H5FD_mem_t type) { (void)type; return ((const Driver *)f)->allocated; }
static haddr_t driver_get_eof(const H5FD_t *f, H5FD_mem_t type) { (void)type; return ((const Driver *)f)->m->end; }

static herr_t driver_set_eoa(H5FD_t *f, H5FD_mem_t type, haddr_t at)
{
    (void)type;
    ((Driver *)f)->allocated = at;
    return 0;
}

static bool inside(const Sparse *m, haddr_t at, size_t bytes) { return at <= m->capacity && bytes <= m->capacity - at; }

static herr_t driver_read(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t bytes, void *to)
{
    Sparse *m = ((Driver *)f)->m;
    (void)type, (void)dxpl;

    if (!inside(m, at, bytes)) return -1;
    memcpy(to, m->p + at, bytes);
    return 0;
}

static herr_t driver_write(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t bytes, const void *from)
{
    Sparse *m = ((Driver *)f)->m;
    (void)type, (void)dxpl;

    if (!m->writable || !inside(m, at, bytes)) return -1;
    memcpy(m->p + at, from, bytes);
    if (at + bytes > m->end) m->end = at + bytes;
    return 0;
}

static herr_t driver_truncate(H5FD_t *f, hid_t dxpl, hbool_t closing)
{
    Driver *d = (Driver *)f;
    (void)dxpl, (void)closing;

    if (!d->m->writable) return 0;
    if (d->allocated > d->m->capacity) return -1;
    d->m->end = d->allocated;
    return 0;
}

static const H5FD_class_t DRIVER = {
    .name = "limn sparse memory", .maxaddr = INT64_MAX, .fc_degree = H5F_CLOSE_STRONG, .fapl_size = sizeof(DriverInfo),
    .open = driver_open, .close = driver_close, .query = driver_query, .get_eoa = driver_get_eoa, .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof, .read = driver_read, .write = driver_write, .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY
};

/* The oldest format that has checksummed metadata, fixed whatever the library's version; no dates anywhere. HDF5's own structures lie
 * together in one block (41 arrays take some 12 KB), so that each array is one part of the file. */
static hid_t open_with(hid_t driver, Sparse *m)
{
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS), fcpl = H5Pcreate(H5P_FILE_CREATE), file = -1;

    if (H5Pset_driver(fapl, driver, &(DriverInfo){ m }) >= 0 && H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0
        && H5Pset_alignment(fapl, 1, 8) >= 0     /* so that numbers may be read where they lie */
        && H5Pset_meta_block_size(fapl, 32768) >= 0
        && H5Pset_userblock(fcpl, STORE_USER_BLOCK) >= 0 && H5Pset_obj_track_times(fcpl, 0) >= 0)
        file = m->writable ? H5Fcreate("memory", H5F_ACC_TRUNC, fcpl, fapl) : H5Fopen("memory", H5F_ACC_RDONLY, fapl);
    H5Pclose(fcpl);
    H5Pclose(fapl);
    return file;
}

/* Registered once and for good: H5Fclose gives a driver that nobody else holds back, and then still calls its functions. */
hid_t sparse_open(Sparse *m)
{
    static hid_t driver = -1;

    if (driver < 0) driver = H5FDregister(&DRIVER);
    return driver < 0 ? -1 : open_with(driver, m);
}
