/* import.c - a researcher's vectors as Features: which row is which item's, and whether all of it makes sense. */
#include "datasets/features/source.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/vectors.h"
#include "datasets/store/xxh64.h"
#include "tensor/base/file.h"

typedef struct Imported {
    Features base;                               /* first: others see only that */
    Vectors *vectors;
    char    *path;
    int64_t *row;                                /* [items] */
} Imported;

/* ---- the file -------------------------------------------------------------------------------------------------------- */
static const struct { const char *magic; size_t bytes; Vectors *(*open)(const char *, const char *, Err *); } FORMATS[] = {
    { "\x93NUMPY", 6, vectors_npy_open }, { "\x89HDF\r\n\x1a\n", 8, vectors_hdf5_open } };

bool vectors_shape(Vectors *v, const int64_t *dims, int rank, Err *err)
{
    static const int64_t MOST = (int64_t)1 << 28;                /* values of an item */

    if (rank != 2 && rank != 3)
        return fail(err, "%s: the array has %d dimensions; (pictures, width) or (pictures, tokens, width) is wanted", v->path, rank);
    v->count = dims[0];
    v->tokens = rank == 3 ? dims[1] : 1;
    v->width = dims[rank - 1];
    for (int i = 0; i < rank; i++)
        if (dims[i] < 1) return fail(err, "%s: the array is empty: dimension %d is %" PRId64, v->path, i + 1, dims[i]);
    if (v->width > MOST || v->tokens > MOST / v->width || v->count > INT64_MAX / 16 / (v->tokens * v->width))
        return fail(err, "%s: %" PRId64 " x %" PRId64 " x %" PRId64 " values are too many", v->path, v->count, v->tokens, v->width);
    return true;
}

static Vectors *open_format(const char *path, const char *set, Err *err)
{
    char magic[8] = "";
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(magic, 1, sizeof magic, f) : 0;

    if (f) fclose(f);
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++)
        if (n >= FORMATS[i].bytes && memcmp(magic, FORMATS[i].magic, FORMATS[i].bytes) == 0) return FORMATS[i].open(path, set, err);
    fail(err, f ? "%s: neither numpy's .npy nor HDF5: it begins with neither signature" : "%s: cannot be read (encoder.vectors)", path);
    return NULL;
}

/* PATH, or PATH:/SET. `file` receives PATH, malloc'd. */
static Vectors *open_path(const char *path, char **file, Err *err)
{
    const char *colon = strstr(path, ":/");

    *file = strdup(path);
    for (; !file_exists(path) && colon; colon = strstr(colon + 1, ":/")) {
        (*file)[colon - path] = 0;
        if (file_exists(*file)) return open_format(*file, colon + 1, err);
        (*file)[colon - path] = ':';
    }
    return open_format(*file, NULL, err);
}

static void close_vectors(Vectors *v)
{
    if (!v) return;
    for (int64_t i = 0; v->names && i < v->count; i++) free(v->names[i]);
    free(v->names);
    v->close(v);
}

bool features_shape(const char *path, int64_t *tokens, int64_t *width, Err *err)
{
    char *file;
    Vectors *v = open_path(path, &file, err);

    if (v) {
        *tokens = v->tokens;
        *width = v->width;
        close_vectors(v);
    }
    free(file);
    return v != NULL;
}

/* ---- rows and items ---------------------------------------------------------------------------------------------------- */
typedef struct Named { const char *name; int64_t row; } Named;

static int by_name(const void *a, const void *b) { return strcmp(((const Named *)a)->name, ((const Named *)b)->name); }

static bool match(const Imported *m, const Store *s, const Named *named, Err *err)
{
    const Vectors *v = m->vectors;
    int64_t missing = 0;
    char list[1024] = "";

    for (int64_t i = 0; i < m->base.items; i++) {
        const char *name = store_item_name(s, i);
        const Named *found = bsearch(&(Named){ name, 0 }, named, (size_t)v->count, sizeof *named, by_name);
        size_t used = strlen(list);
        if (found) m->row[i] = found->row;
        else if (missing++ < 8) snprintf(list + used, sizeof list - used, "%s%.100s", used ? ", " : "", name);
    }
    return missing == 0 || fail(err, "%s: %" PRId64 " of the data set's %" PRId64 " pictures are not among its %" PRId64 " names: %s%s", v->path,
                                missing, m->base.items, v->count, list, missing > 8 ? ", …" : "");
}

static bool find_rows(Imported *m, const Store *s, Err *err)
{
    const Vectors *v = m->vectors;
    bool ok = true;

    if (!v->names) {
        for (int64_t i = 0; i < m->base.items; i++) m->row[i] = i;
        return v->count == m->base.items
            || fail(err, "%s: %" PRId64 " rows, but the data set has %" PRId64 " pictures; give a row for each, in the store's order, or name "
                    "the rows in %s", v->path, v->count, m->base.items, v->names_hint);
    }
    Named *named = malloc((size_t)v->count * sizeof *named);
    REQUIRE(named, "out of memory");
    for (int64_t i = 0; i < v->count; i++) named[i] = (Named){ v->names[i], i };
    qsort(named, (size_t)v->count, sizeof *named, by_name);
    for (int64_t i = 1; ok && i < v->count; i++)
        if (strcmp(named[i].name, named[i - 1].name) == 0)
            ok = fail(err, "%s: two rows are named '%.200s'", v->path, named[i].name);
    ok = ok && match(m, s, named, err);
    free(named);
    return ok;
}

/* Everything is read once: a value that is not finite would make all later losses so. The hash is of the values in the store's order. */
static bool check_values(Imported *m, const Store *s, Err *err)
{
    const Vectors *v = m->vectors;
    int64_t values = v->tokens * v->width, items = m->base.items;
    real *one = malloc((size_t)values * sizeof *one);
    uint64_t *sum = malloc((size_t)(items + 2) * sizeof *sum);
    bool ok = true;

    REQUIRE(one && sum, "out of memory");
    for (int64_t i = 0; ok && i < items; i++) {
        if (!v->read(v, m->row[i], one)) {
            ok = fail(err, "%s: row %" PRId64 " cannot be read: the file is damaged or was cut short", v->path, m->row[i]);
            break;
        }
        for (int64_t k = 0; ok && k < values; k++)
            if (!isfinite(one[k]))
                ok = fail(err, "%s: row %" PRId64 " (%s) holds %g at token %" PRId64 ", feature %" PRId64 "; finite numbers are wanted", v->path,
                          m->row[i], store_item_name(s, i), (double)one[k], k / v->width, k % v->width);
        sum[i] = xxh64(one, (size_t)values * sizeof *one);
    }
    sum[items] = (uint64_t)v->tokens;
    sum[items + 1] = (uint64_t)v->width;
    if (ok) snprintf(m->base.hash, sizeof m->base.hash, "%016" PRIx64, xxh64(sum, (size_t)(items + 2) * sizeof *sum));
    free(one);
    free(sum);
    return ok;
}

static void get(const Features *f, int64_t item, int view, real *out)
{
    const Imported *m = (const Imported *)f;
    (void)view;
    REQUIRE(m->vectors->read(m->vectors, m->row[item], out), "%s could be read at first, and now no more", m->path);
}

static void close_imported(Features *f)
{
    Imported *m = (Imported *)f;
    close_vectors(m->vectors);
    free(m->path);
    free(m->row);
    free(m);
}

Features *features_import(const char *path, const Store *s, Err *err)
{
    Imported *m = calloc(1, sizeof *m);
    REQUIRE(m, "out of memory");
    m->vectors = open_path(path, &m->path, err);
    if (m->vectors) {
        m->base = (Features){ .items = store_count(s), .views = 1, .tokens = m->vectors->tokens, .width = m->vectors->width, .get = get,
                              .close = close_imported };
        m->row = malloc((size_t)(m->base.items + 1) * sizeof *m->row);
        REQUIRE(m->row, "out of memory");
        if (find_rows(m, s, err) && check_values(m, s, err)) return &m->base;
    }
    close_imported(&m->base);
    return NULL;
}
