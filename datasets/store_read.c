/* store_read.c - opening a store: check, load all small data, close HDF5. Pictures are then read past HDF5 by pread(), which any number
 * of threads may do at once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/store.h"
#include "datasets/store_tables.h"
#include "tensor/base/file.h"
#include "vision/image.h"

/* Where the rows of a big data set lie in the file. */
typedef struct Bulk { int64_t at, rows, row_bytes; } Bulk;

struct Store {
    char   *path;
    int     fd, size;
    bool    jpeg;
    Parts   parts;
    Tables  tables;
    Bulk    pictures, masks;
    json_t *preprocess, *provenance;
};

/* ---- opening -------------------------------------------------------------------------------------------------------- */
static bool read_at(const Store *s, int64_t at, void *to, int64_t bytes, Err *err)
{
    for (int64_t done = 0; done < bytes;) {
        ssize_t n = pread(s->fd, (char *)to + done, (size_t)(bytes - done), (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(err, "%s: %s", s->path, strerror(errno));
        if (n == 0) return fail(err, "%s: the store ends too early: it was cut short", s->path);
        done += n;
    }
    return true;
}

static bool read_parts(Store *s, int64_t *file_bytes, Err *err)
{
    char block[STORE_USER_BLOCK] = { 0 };
    struct stat st;

    if ((s->fd = open(s->path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(s->fd, &st) != 0) return fail(err, "%s: %s", s->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return fail(err, "%s: not a file", s->path);
    *file_bytes = st.st_size;
    TRY(read_at(s, 0, block, st.st_size < STORE_USER_BLOCK ? st.st_size : STORE_USER_BLOCK, err));
    return parts_read(block, s->path, st.st_size, &s->parts, err);
}

/* The parts that HDF5 will see, each checked before it does. */
static bool read_checked(const Store *s, Sparse *m, Err *err)
{
    TRY(read_at(s, 0, m->p, STORE_USER_BLOCK, err));
    for (int i = 0; i < s->parts.count; i++) {
        const Part *p = &s->parts.part[i];
        char hash[65];
        if (p->by_item) continue;
        TRY(read_at(s, p->at, m->p + p->at, p->bytes, err));
        sha256_hex(m->p + p->at, (size_t)p->bytes, hash);
        if (strcmp(hash, p->sha256) != 0)
            return fail(err, "%s: the store is damaged: bytes %" PRId64 " to %" PRId64 " do not match their SHA-256; prepare it again",
                        s->path, p->at, p->at + p->bytes);
    }
    return true;
}

static bool load_number(hid_t file, const char *name, int32_t *out)
{
    hid_t at = H5Aopen(file, name, H5P_DEFAULT);
    bool ok = at >= 0 && H5Aget_storage_size(at) == sizeof *out && H5Aread(at, H5T_NATIVE_INT32, out) >= 0;
    if (at >= 0) H5Aclose(at);
    return ok;
}

/* A data set that is exactly one of the parts checked by item. */
static bool find_bulk(const Store *s, hid_t file, const char *name, int64_t row_bytes, Bulk *out)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return false;
    int64_t at = (int64_t)H5Dget_offset(set), bytes = (int64_t)H5Dget_storage_size(set);
    H5Dclose(set);
    *out = (Bulk){ at, bytes / row_bytes, row_bytes };
    for (int i = 0; i < s->parts.count; i++)
        if (s->parts.part[i].by_item && s->parts.part[i].at == at && s->parts.part[i].bytes == bytes) return bytes % row_bytes == 0;
    return false;
}

static bool check_jpeg_offsets(const Store *s)
{
    const int64_t *at = tables_i64(&s->tables, A_JPEG_OFFSETS);
    int64_t items = store_count(s);

    if (tables_rows(&s->tables, A_JPEG_OFFSETS) != items || at[0] != 0 || at[items] != s->pictures.rows) return false;
    for (int64_t i = 0; i < items; i++)
        if (at[i] > at[i + 1]) return false;
    return true;
}

static bool load(Store *s, hid_t file, Err *err)
{
    int32_t layout = 0, size = 0;
    if (!load_number(file, "layout", &layout) || layout != STORE_LAYOUT || !load_number(file, "size", &size) || size < 1 || size > 1 << 15)
        return fail(err, "%s: the store's layout or size is missing", s->path);
    s->size = size;
    TRY(tables_load(&s->tables, file, s->path, err));

    int64_t masks = tables_rows(&s->tables, A_MASK_XXH64);
    s->jpeg = s->tables.array[A_JPEG_OFFSETS].used > 0;
    bool ok = s->jpeg ? find_bulk(s, file, "images/jpeg", 1, &s->pictures) && check_jpeg_offsets(s)
                      : find_bulk(s, file, "images/pixels", (int64_t)size * size * 3, &s->pictures) && s->pictures.rows == store_count(s);
    if (ok && masks) ok = find_bulk(s, file, "masks/bits", (int64_t)size * ((size + 7) / 8), &s->masks) && s->masks.rows == masks;
    return ok || fail(err, "%s: the store's pictures do not fit the rest", s->path);
}

static bool open_checked(Store *s, const Sparse *m, Err *err)
{
    Sparse image = *m;

    hdf5_enter();
    hid_t file = sparse_open(&image);
    bool ok = file >= 0 ? load(s, file, err) : fail(err, "%s: HDF5 cannot open the store", s->path);
    if (file >= 0) H5Fclose(file);
    hdf5_leave();
    return ok;
}

static bool parse(const Store *s, ArrayId a, json_t **out, Err *err)
{
    json_error_t why;
    *out = json_loadb(s->tables.array[a].p, s->tables.array[a].used, 0, &why);
    return *out || fail(err, "%s: the store's /%s is not JSON: %s", s->path, ARRAYS[a].name, why.text);
}

Store *store_open(const char *path, Err *err)
{
    Store *s = calloc(1, sizeof *s);
    REQUIRE(s, "out of memory");
    s->path = strdup(path);
    s->fd = -1;

    Sparse m = { 0 };
    int64_t bytes;
    bool ok = read_parts(s, &bytes, err) && sparse_new(&m, (size_t)bytes, err);
    m.end = m.capacity;
    ok = ok && read_checked(s, &m, err) && open_checked(s, &m, err) && parse(s, A_PREPROCESS, &s->preprocess, err)
      && parse(s, A_PROVENANCE, &s->provenance, err);
    sparse_free(&m);
    if (ok) return s;
    store_close(s);
    return NULL;
}

void store_close(Store *s)
{
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    json_decref(s->preprocess);
    json_decref(s->provenance);
    tables_free(&s->tables);
    free(s->path);
    free(s);
}

/* ---- what is in it --------------------------------------------------------------------------------------------------- */
const char   *store_hash(const Store *s)       { return s->parts.hash; }
int           store_size(const Store *s)       { return s->size; }
int64_t       store_count(const Store *s)      { return tables_rows(&s->tables, A_SPLIT); }
const json_t *store_preprocess(const Store *s) { return s->preprocess; }
const json_t *store_provenance(const Store *s) { return s->provenance; }
const char   *store_tokenizer(const Store *s)  { return s->tables.array[A_TOKENIZER].used ? s->tables.array[A_TOKENIZER].p : NULL; }

int         store_splits(const Store *s)                { return (int)tables_rows(&s->tables, A_SPLIT_NAME_OFFSETS); }
const char *store_split_name(const Store *s, int split) { return tables_text(&s->tables, A_SPLIT_NAME_OFFSETS, split); }

int store_find_split(const Store *s, const char *name)
{
    for (int i = 0; i < store_splits(s); i++)
        if (strcmp(store_split_name(s, i), name) == 0) return i;
    return -1;
}

const int64_t *store_split_items(const Store *s, int split, int64_t *count)
{
    int64_t from, to;
    tables_range(&s->tables, A_SPLIT_ITEM_OFFSETS, split, &from, &to);
    *count = to - from;
    return tables_i64(&s->tables, A_SPLIT_ITEMS) + from;
}

/* Row k of an item's group in the array that `offsets` points into. */
static int64_t row_of(const Store *s, ArrayId offsets, int64_t item, int64_t k)
{
    int64_t from, to;
    tables_range(&s->tables, offsets, item, &from, &to);
    REQUIRE(k >= 0 && k < to - from, "store: %s of item %" PRId64 ": %" PRId64 " of %" PRId64, ARRAYS[offsets].name, item, k, to - from);
    return from + k;
}

static int64_t rows_of(const Store *s, ArrayId offsets, int64_t item)
{
    int64_t from, to;
    tables_range(&s->tables, offsets, item, &from, &to);
    return to - from;
}

const char *store_item_name(const Store *s, int64_t item)     { return tables_text(&s->tables, A_NAME_OFFSETS, item); }
const char *store_truth(const Store *s, int64_t item)         { return tables_text(&s->tables, A_TRUTH_OFFSETS, item); }
int64_t     store_caption_count(const Store *s, int64_t item) { return rows_of(s, A_CAPTION_ITEM_OFFSETS, item); }
int64_t     store_box_count(const Store *s, int64_t item)     { return rows_of(s, A_BOX_ITEM_OFFSETS, item); }

const char *store_caption(const Store *s, int64_t item, int64_t k)
{
    return tables_text(&s->tables, A_CAPTION_OFFSETS, row_of(s, A_CAPTION_ITEM_OFFSETS, item, k));
}

StoreBox store_box(const Store *s, int64_t item, int64_t k)
{
    int64_t row = row_of(s, A_BOX_ITEM_OFFSETS, item, k);
    const float *corner = tables_f32(&s->tables, A_CORNERS) + 4 * row;
    const int32_t *span = tables_i32(&s->tables, A_SPANS) + 3 * row;
    return (StoreBox){ corner[0], corner[1], corner[2], corner[3], span[0], span[1], span[2],
                       tables_text(&s->tables, A_PHRASE_OFFSETS, row) };
}

void store_original_size(const Store *s, int64_t item, int *width, int *height)
{
    REQUIRE(item >= 0 && item < store_count(s), "store: item %" PRId64 " of %" PRId64, item, store_count(s));
    *width = tables_i32(&s->tables, A_ORIGINAL_SIZE)[2 * item];
    *height = tables_i32(&s->tables, A_ORIGINAL_SIZE)[2 * item + 1];
}

int64_t     store_rejected(const Store *s)                   { return tables_rows(&s->tables, A_REJECTED_OFFSETS); }
const char *store_rejected_name(const Store *s, int64_t k)   { return tables_text(&s->tables, A_REJECTED_OFFSETS, k); }
const char *store_rejected_reason(const Store *s, int64_t k) { return tables_text(&s->tables, A_REASON_OFFSETS, k); }

/* ---- pictures and masks ------------------------------------------------------------------------------------------------ */
static bool read_piece(const Store *s, const char *what, int64_t item, int64_t at, int64_t bytes, uint64_t sum, uint8_t *to, Err *err)
{
    TRY(read_at(s, at, to, bytes, err));
    return xxh64(to, (size_t)bytes) == sum
        || fail(err, "%s: the store is damaged: the %s of %s does not match its checksum", s->path, what, store_item_name(s, item));
}

static bool read_jpeg(const Store *s, int64_t item, uint8_t *rgb, Err *err)
{
    const int64_t *at = tables_i64(&s->tables, A_JPEG_OFFSETS) + item;
    int64_t bytes = at[1] - at[0];
    uint8_t *data = malloc((size_t)bytes + 1);
    Image im = { 0 };
    REQUIRE(data, "out of memory");

    bool ok = read_piece(s, "picture", item, s->pictures.at + at[0], bytes, tables_u64(&s->tables, A_PICTURE_XXH64)[item], data, err)
           && image_decode(data, (size_t)bytes, store_item_name(s, item), &im, err);
    free(data);
    if (ok && (im.width != s->size || im.height != s->size || im.channels != 3))
        ok = fail(err, "%s: %s is %d x %d, not %d x %d", s->path, store_item_name(s, item), im.width, im.height, s->size, s->size);
    if (ok) memcpy(rgb, im.pixels, (size_t)s->size * (size_t)s->size * 3);
    image_free(&im);
    return ok;
}

bool store_pixels(Store *s, int64_t item, uint8_t *rgb, Err *err)
{
    REQUIRE(item >= 0 && item < store_count(s), "store: item %" PRId64 " of %" PRId64, item, store_count(s));
    if (s->jpeg) return read_jpeg(s, item, rgb, err);
    return read_piece(s, "picture", item, s->pictures.at + item * s->pictures.row_bytes, s->pictures.row_bytes,
                      tables_u64(&s->tables, A_PICTURE_XXH64)[item], rgb, err);
}

int64_t store_mask_count(const Store *s, int64_t item)
{
    return s->masks.rows ? rows_of(s, A_MASK_ITEM_OFFSETS, item) : 0;
}

bool store_mask(Store *s, int64_t item, int64_t k, uint8_t *bits, Err *err)
{
    int64_t row = row_of(s, A_MASK_ITEM_OFFSETS, item, k);
    return read_piece(s, "mask", item, s->masks.at + row * s->masks.row_bytes, s->masks.row_bytes,
                      tables_u64(&s->tables, A_MASK_XXH64)[row], bits, err);
}
