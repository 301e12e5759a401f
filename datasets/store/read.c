/* read.c - opening a store: check, map, let HDF5 say where everything lies, and close HDF5 again. Pictures are then read past
 * it by pread(), which any number of threads may do at once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/store.h"
#include "datasets/store/tables.h"
#include "tensor/base/file.h"

struct Store {
    char   *path;
    int     fd, size;
    bool    files;
    Parts   parts;
    Sparse  map;
    Tables  tables;
    Placed  pictures, masks;
    json_t *preprocess, *provenance;
    char   *tokenizer;
};

/* ---- opening -------------------------------------------------------------------------------------------------------- */
static bool read_at(const Store *s, int64_t at, void *to, int64_t bytes, Err *err)
{
    int64_t got = file_read_at(s->fd, at, to, bytes);
    if (got < 0) return fail(err, "%s: %s", s->path, strerror(errno));
    return got == bytes || fail(err, "%s: the store ends too early: it was cut short", s->path);
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

static bool check_part(const Store *s, const Part *p, Err *err)
{
    enum { BLOCK = 1 << 18 };
    char  *block = malloc(BLOCK), hash[65];
    Sha256 sha;
    bool   ok = true;
    REQUIRE(block, "out of memory");

    sha256_begin(&sha);
    for (int64_t done = 0; done < p->bytes && ok;) {
        int64_t now = p->bytes - done < BLOCK ? p->bytes - done : BLOCK;
        ok = read_at(s, p->at + done, block, now, err);
        if (ok) sha256_add(&sha, block, (size_t)now);
        done += now;
    }
    sha256_end(&sha, hash);
    free(block);
    if (!ok) return false;
    return strcmp(hash, p->sha256) == 0
        || fail(err, "%s: the store is damaged: %s (bytes %" PRId64 " to %" PRId64 ") does not match its SHA-256; `limn inspect --verify` "
                "tells all of it", s->path, p->name, p->at, p->at + p->bytes);
}

static bool load_number(hid_t file, const char *name, int32_t *out)
{
    hid_t at = H5Aopen(file, name, H5P_DEFAULT);
    bool ok = at >= 0 && H5Aget_storage_size(at) == sizeof *out && H5Aread(at, H5T_NATIVE_INT32, out) >= 0;
    if (at >= 0) H5Aclose(at);
    return ok;
}

/* A data set that is exactly one of the parts checked by item. */
static bool find_bulk(const Store *s, hid_t file, const char *name, Placed *out)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return false;
    bool ok = dataset_find(set, H5T_STD_U8LE, out);
    H5Dclose(set);
    for (int i = 0; i < s->parts.count && ok; i++)
        if (s->parts.part[i].by_item && s->parts.part[i].at == out->at && s->parts.part[i].bytes == out->bytes) return true;
    return false;
}

static int64_t mask_bytes(const Store *s) { return (int64_t)store_mask_bytes(s->size, s->size); }

/* Every picture's size is sane, and its bytes are where the offsets say. */
static bool check_pictures(const Store *s)
{
    const int32_t *size = tables_i32(&s->tables, A_SIZE);
    const int64_t *at = tables_i64(&s->tables, A_PICTURE_OFFSETS);
    int64_t items = store_count(s);
    bool own = s->files || s->size == 0;

    if (own != (s->tables.array[A_PICTURE_OFFSETS].used > 0)) return false;
    if (own ? at[0] != 0 || at[items] != s->pictures.bytes : s->pictures.bytes != items * s->size * s->size * 3) return false;
    for (int64_t i = 0; i < items; i++) {
        int64_t w = size[2 * i], h = size[2 * i + 1];
        if (w < 1 || h < 1 || w > 65535 || h > 65535 || (s->size && (w != s->size || h != s->size))) return false;
        if (own && (at[i] > at[i + 1] || (!s->files && at[i + 1] - at[i] != w * h * 3))) return false;
    }
    return true;
}

static bool load(Store *s, hid_t file, Err *err)
{
    int32_t layout = 0, size = 0;
    if (!load_number(file, "layout", &layout) || layout != STORE_LAYOUT || !load_number(file, "size", &size) || size < 0 || size > 1 << 15)
        return fail(err, "%s: the store's layout or size is missing", s->path);
    s->size = size;
    TRY(tables_load(&s->tables, file, &s->map, &s->parts, s->path, err));

    int64_t masks = tables_rows(&s->tables, A_MASK_XXH64);
    s->files = find_bulk(s, file, "images/files", &s->pictures);
    bool ok = (s->files || find_bulk(s, file, "images/pixels", &s->pictures)) && check_pictures(s);
    if (ok && masks)
        ok = find_bulk(s, file, "masks/bits", &s->masks) && s->size && s->masks.bytes == masks * mask_bytes(s)
          && tables_rows(&s->tables, A_MASK_ITEM_OFFSETS) == store_count(s);
    return ok || fail(err, "%s: the store's pictures do not fit the rest", s->path);
}

static bool open_checked(Store *s, Err *err)
{
    for (int i = 0; i < s->parts.count; i++)
        if (!s->parts.part[i].by_item) TRY(check_part(s, &s->parts.part[i], err));
    hdf5_enter();
    hid_t file = sparse_open(&s->map);
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

    int64_t bytes;
    bool ok = read_parts(s, &bytes, err) && sparse_map(&s->map, s->fd, (size_t)bytes, path, err) && open_checked(s, err)
           && parse(s, A_PREPROCESS, &s->preprocess, err) && parse(s, A_PROVENANCE, &s->provenance, err);
    if (ok && s->tables.array[A_TOKENIZER].used)
        s->tokenizer = strndup(s->tables.array[A_TOKENIZER].p, s->tables.array[A_TOKENIZER].used);
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
    sparse_free(&s->map);
    free(s->tokenizer);
    free(s->path);
    free(s);
}

void store_let_go(const Store *s) { sparse_let_go(&s->map); }

/* ---- what is in it --------------------------------------------------------------------------------------------------- */
const char   *store_hash(const Store *s)       { return s->parts.hash; }
int           store_size(const Store *s)       { return s->size; }
bool          store_fits(const Store *s, int size) { return s->size == size || s->size == 0; }
bool          store_holds_files(const Store *s) { return s->files; }
int64_t       store_count(const Store *s)      { return tables_rows(&s->tables, A_SPLIT); }
const json_t *store_preprocess(const Store *s) { return s->preprocess; }
const json_t *store_provenance(const Store *s) { return s->provenance; }
const char   *store_tokenizer(const Store *s)  { return s->tokenizer; }

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

static int64_t first_of(const Store *s, ArrayId offsets, int64_t item)
{
    int64_t from, to;
    tables_range(&s->tables, offsets, item, &from, &to);
    return from;
}

int64_t store_first_caption(const Store *s, int64_t item) { return first_of(s, A_CAPTION_ITEM_OFFSETS, item); }
int64_t store_first_box(const Store *s, int64_t item)     { return first_of(s, A_BOX_ITEM_OFFSETS, item); }

const char *store_caption(const Store *s, int64_t item, int64_t k)
{
    return tables_text(&s->tables, A_CAPTION_OFFSETS, row_of(s, A_CAPTION_ITEM_OFFSETS, item, k));
}

const int32_t *store_tokens(const Store *s, int64_t item, int64_t k, int64_t *count)
{
    int64_t from, to, row = row_of(s, A_CAPTION_ITEM_OFFSETS, item, k);
    *count = 0;
    if (!s->tables.array[A_TOKEN_OFFSETS].used) return NULL;
    tables_range(&s->tables, A_TOKEN_OFFSETS, row, &from, &to);
    *count = to - from;
    return tables_i32(&s->tables, A_TOKENS) + from;
}

StoreBox store_box(const Store *s, int64_t item, int64_t k)
{
    int64_t row = row_of(s, A_BOX_ITEM_OFFSETS, item, k);
    const float *corner = tables_f32(&s->tables, A_CORNERS) + 4 * row;
    const int32_t *span = tables_i32(&s->tables, A_SPANS) + 3 * row;
    return (StoreBox){ corner[0], corner[1], corner[2], corner[3], span[0], span[1], span[2],
                       tables_text(&s->tables, A_PHRASE_OFFSETS, row), tables_i32(&s->tables, A_BOX_KIND)[row],
                       tables_i64(&s->tables, A_ENTITY)[row] };
}

static int64_t item_of(const Store *s, int64_t item)
{
    REQUIRE(item >= 0 && item < store_count(s), "store: item %" PRId64 " of %" PRId64, item, store_count(s));
    return item;
}

int store_item_split(const Store *s, int64_t item) { return tables_i32(&s->tables, A_SPLIT)[item_of(s, item)]; }

static void size_in(const Store *s, ArrayId a, int64_t item, int *width, int *height)
{
    *width = tables_i32(&s->tables, a)[2 * item_of(s, item)];
    *height = tables_i32(&s->tables, a)[2 * item + 1];
}

void store_original_size(const Store *s, int64_t item, int *width, int *height) { size_in(s, A_ORIGINAL_SIZE, item, width, height); }
void store_stored_size(const Store *s, int64_t item, int *width, int *height)   { size_in(s, A_SIZE, item, width, height); }
uint64_t store_phash(const Store *s, int64_t item)        { return tables_u64(&s->tables, A_PHASH)[item_of(s, item)]; }
int64_t  store_source_bytes(const Store *s, int64_t item) { return tables_i64(&s->tables, A_SOURCE_BYTES)[item_of(s, item)]; }

const uint8_t *store_source_sha256(const Store *s, int64_t item)
{
    return (const uint8_t *)s->tables.array[A_SOURCE_SHA256].p + 32 * item_of(s, item);
}

int64_t store_rejected(const Store *s) { return tables_rows(&s->tables, A_PROBLEM_KIND); }

/* A kind that this limn does not know is told as a record that it cannot read. */
Problem store_rejected_at(const Store *s, int64_t k)
{
    const Tables *t = &s->tables;
    const char *name = tables_text(t, A_PROBLEM_NAME_OFFSETS, k), *file = tables_text(t, A_PROBLEM_FILE_OFFSETS, k),
               *reason = tables_text(t, A_REASON_OFFSETS, k);
    int32_t kind = tables_i32(t, A_PROBLEM_KIND)[k];
    return (Problem){ kind < PROBLEM_KINDS ? (ProblemKind)kind : PROBLEM_BAD_RECORD, name ? name : "", file ? file : "",
                      tables_i64(t, A_PROBLEM_LINE)[k], reason ? reason : "" };
}

/* ---- pictures and masks ------------------------------------------------------------------------------------------------ */
static bool read_piece(const Store *s, const char *what, int64_t item, int64_t at, int64_t bytes, uint64_t sum, uint8_t *to, Err *err)
{
    TRY(read_at(s, at, to, bytes, err));
    return xxh64(to, (size_t)bytes) == sum
        || fail(err, "%s: the store is damaged: the %s of %s does not match its checksum", s->path, what, store_item_name(s, item));
}

static Placed picture_at(const Store *s, int64_t item)
{
    const int64_t *at = tables_i64(&s->tables, A_PICTURE_OFFSETS);
    int64_t each = (int64_t)s->size * s->size * 3;
    return at ? (Placed){ s->pictures.at + at[item], at[item + 1] - at[item] } : (Placed){ s->pictures.at + item * each, each };
}

static bool read_picture(const Store *s, int64_t item, uint8_t *to, Err *err)
{
    Placed p = picture_at(s, item);
    return read_piece(s, "picture", item, p.at, p.bytes, tables_u64(&s->tables, A_PICTURE_XXH64)[item], to, err);
}

bool store_bytes(Store *s, int64_t item, uint8_t **data, size_t *bytes, Err *err)
{
    *bytes = (size_t)picture_at(s, item_of(s, item)).bytes;
    *data = malloc(*bytes + 1);
    REQUIRE(*data, "out of memory (%zu bytes)", *bytes);
    if (read_picture(s, item, *data, err)) return true;
    free(*data);
    *data = NULL;
    return false;
}

bool store_picture(Store *s, int64_t item, Image *out, Err *err)
{
    uint8_t *data;
    size_t   bytes;
    int      width, height;

    *out = (Image){ 0 };
    TRY(store_bytes(s, item, &data, &bytes, err));
    store_stored_size(s, item, &width, &height);
    if (!s->files) {
        *out = (Image){ width, height, 3, data };
        return true;
    }
    bool ok = image_decode(data, bytes, store_item_name(s, item), out, err);
    free(data);
    if (ok && (out->width != width || out->height != height)) {
        ok = fail(err, "%s: %s is %d x %d, not %d x %d", s->path, store_item_name(s, item), out->width, out->height, width, height);
        image_free(out);
    }
    return ok;
}

bool store_pixels(Store *s, int64_t item, const Preprocess *p, uint8_t *rgb, Err *err)
{
    if (!s->files && s->size == p->size) return read_picture(s, item_of(s, item), rgb, err);

    Image im;
    TRY(store_picture(s, item, &im, err));
    if (im.width != p->size || im.height != p->size) {
        Image whole = im;
        im = preprocess_resize(p, &whole);
        image_free(&whole);
    }
    memcpy(rgb, im.pixels, (size_t)p->size * (size_t)p->size * 3);
    image_free(&im);
    return true;
}

int64_t store_mask_count(const Store *s, int64_t item)
{
    return s->masks.bytes ? rows_of(s, A_MASK_ITEM_OFFSETS, item) : 0;
}

bool store_mask(Store *s, int64_t item, int64_t k, uint8_t *bits, Err *err)
{
    int64_t row = row_of(s, A_MASK_ITEM_OFFSETS, item, k);
    return read_piece(s, "mask", item, s->masks.at + row * mask_bytes(s), mask_bytes(s), tables_u64(&s->tables, A_MASK_XXH64)[row], bits, err);
}
