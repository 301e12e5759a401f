/* safetensors.c - reading: map, check everything before anything is used, convert on the way out.
 *
 * The rules are those of the reference implementation (safetensors/src/tensor.rs, SafeTensors::read_metadata): a header
 * of at most 100 MB, tensors that fill the data without holes or overlaps, sizes that follow from type and shape.    */
#include "tensor/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/base/file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors are little-endian, and so are limn's machines");

enum { LENGTH_BYTES = 8 };
static const uint64_t HEADER_MAX = 100000000;

typedef struct DType { const char *name; int64_t bytes; } DType;
static const DType DTYPES[] = {
    { "F32", 4 }, { "F16", 2 }, { "BF16", 2 }, { "F64", 8 }, { "I64", 8 }, { "I32", 4 }, { "I16", 2 }, { "I8", 1 },
    { "U64", 8 }, { "U32", 4 }, { "U16", 2 }, { "U8", 1 }, { "BOOL", 1 }, { "F8_E4M3", 1 }, { "F8_E5M2", 1 }, { "C64", 8 }
};

struct SafeTensors {
    char       *path;
    const char *map;
    size_t      size;                            /* of the file                                  */
    uint64_t    header;                          /* bytes of JSON                                */
    json_t     *json;                            /* names and metadata point into it             */
    SafeEntry  *entries;                         /* in the order of their data                   */
    int         count;
};

/* ---- checks ------------------------------------------------------------------------------------------------------ */

/* Where a name stands in the file: jansson does not keep positions, so look for it. */
static uint64_t name_offset(const SafeTensors *f, const char *name)
{
    const char *at = f->map + LENGTH_BYTES, *end = at + f->header;
    size_t length = strlen(name);

    while ((at = memmem(at, (size_t)(end - at), name, length)) != NULL) {
        if (at[-1] == '"' && at + length < end && at[length] == '"') return (uint64_t)(at - f->map) - 1;
        at++;
    }
    return LENGTH_BYTES;
}

static bool broken(const SafeTensors *f, const char *name, Err *err, const char *what)
{
    return fail(err, "%s is not a valid safetensors file: at byte %" PRIu64 ", '%.100s': %s", f->path,
                name_offset(f, name), name, what);
}

/* A whole number that is not negative, from a JSON value; false for anything else. */
static bool whole(const json_t *v, int64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0) return false;
    *out = json_integer_value(v);
    return true;
}

static bool check_shape(const SafeTensors *f, const char *name, const json_t *shape, int64_t item, SafeEntry *e,
                        int64_t *bytes, Err *err)
{
    if (!json_is_array(shape)) return broken(f, name, err, "its shape is not a list");
    if (json_array_size(shape) > TENSOR_MAX_DIM) return broken(f, name, err, "its shape has more than 5 dimensions");

    *bytes = item;
    e->shape.n = (int)json_array_size(shape);
    for (int i = 0; i < e->shape.n; i++) {
        if (!whole(json_array_get(shape, (size_t)i), &e->shape.d[i]))
            return broken(f, name, err, "its shape has something else than whole numbers from 0");
        if (__builtin_mul_overflow(*bytes, e->shape.d[i], bytes))
            return broken(f, name, err, "its shape overflows 64 bits");
    }
    return true;
}

static bool check_entry(const SafeTensors *f, const char *name, const json_t *j, SafeEntry *e, Err *err)
{
    if (!json_is_object(j)) return broken(f, name, err, "it is not an object with dtype, shape and data_offsets");

    const char *dtype = json_string_value(json_object_get(j, "dtype"));
    int64_t item = 0, bytes = 0, from, to;
    for (size_t i = 0; dtype && i < sizeof DTYPES / sizeof *DTYPES; i++)
        if (strcmp(dtype, DTYPES[i].name) == 0) item = DTYPES[i].bytes;
    if (!item) return broken(f, name, err, "its dtype is missing or unknown");

    *e = (SafeEntry){ .name = name, .dtype = dtype, .path = f->path };
    TRY(check_shape(f, name, json_object_get(j, "shape"), item, e, &bytes, err));

    const json_t *offsets = json_object_get(j, "data_offsets");
    if (json_array_size(offsets) != 2 || !whole(json_array_get(offsets, 0), &from) || !whole(json_array_get(offsets, 1), &to))
        return broken(f, name, err, "its data_offsets are not two whole numbers from 0");
    if (from > to) return broken(f, name, err, "its data end before they begin");

    size_t data = f->size - LENGTH_BYTES - f->header;
    if ((uint64_t)to > data) return broken(f, name, err, "its data lie behind the end of the file (is it truncated?)");
    if (to - from != bytes) return broken(f, name, err, "its data_offsets do not fit its dtype and shape");
    e->data  = f->map + LENGTH_BYTES + f->header + from;
    e->bytes = (size_t)bytes;
    return true;
}

static int by_data(const void *a, const void *b)
{
    const SafeEntry *x = a, *y = b;
    if (x->data != y->data)   return (const char *)x->data < (const char *)y->data ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool check_coverage(const SafeTensors *f, Err *err)
{
    const char *data = f->map + LENGTH_BYTES + f->header, *next = data, *end = f->map + f->size;

    for (int i = 0; i < f->count; i++) {
        const SafeEntry *e = &f->entries[i];
        if ((const char *)e->data < next) return broken(f, e->name, err, "its data overlap those of another tensor");
        if ((const char *)e->data > next) return broken(f, e->name, err, "there is a hole before its data");
        next = (const char *)e->data + e->bytes;
    }
    if (next != end)
        return fail(err, "%s is not a valid safetensors file: at byte %td, %td bytes follow that belong to no tensor", f->path,
                    next - f->map, end - next);
    return true;
}

static bool check_metadata(const SafeTensors *f, json_t *meta, Err *err)
{
    const char *key;
    json_t     *value;

    if (!json_is_object(meta)) return broken(f, "__metadata__", err, "it is not an object");
    json_object_foreach(meta, key, value)
        if (!json_is_string(value)) return broken(f, "__metadata__", err, "it holds something else than texts");
    return true;
}

static bool check_all(SafeTensors *f, Err *err)
{
    const char *name;
    json_t     *value;

    f->entries = calloc(json_object_size(f->json) + 1, sizeof *f->entries);
    REQUIRE(f->entries, "safetensors: out of memory");
    json_object_foreach(f->json, name, value) {
        if (strcmp(name, "__metadata__") == 0) TRY(check_metadata(f, value, err));
        else                                   TRY(check_entry(f, name, value, &f->entries[f->count++], err));
    }
    qsort(f->entries, (size_t)f->count, sizeof *f->entries, by_data);
    return check_coverage(f, err);
}

static bool check_header(SafeTensors *f, Err *err)
{
    if (f->size < LENGTH_BYTES)
        return fail(err, "%s is not a valid safetensors file: it has %zu bytes, and the header's length alone needs 8", f->path,
                    f->size);
    memcpy(&f->header, f->map, LENGTH_BYTES);
    if (f->header > HEADER_MAX)
        return fail(err, "%s is not a valid safetensors file: at byte 0, a header of %" PRIu64 " bytes, but at most %" PRIu64
                    " are allowed", f->path, f->header, HEADER_MAX);
    if (f->header > f->size - LENGTH_BYTES)
        return fail(err, "%s is not a valid safetensors file: at byte 0, a header of %" PRIu64
                    " bytes, but the file ends after %zu (is it truncated?)", f->path, f->header, f->size);

    json_error_t error;
    f->json = json_loadb(f->map + LENGTH_BYTES, (size_t)f->header, JSON_REJECT_DUPLICATES, &error);
    if (!f->json)
        return fail(err, "%s is not a valid safetensors file: at byte %d, the header is not JSON: %s", f->path,
                    LENGTH_BYTES + (error.position > 0 ? error.position : 0), error.text);
    if (!json_is_object(f->json))
        return fail(err, "%s is not a valid safetensors file: at byte 8, the header is not a JSON object", f->path);
    return check_all(f, err);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool map_file(SafeTensors *f, Err *err)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(err, "cannot read %s: %s", f->path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        fail(err, "cannot read %s: it is not a file", f->path);
    } else {
        f->size = (size_t)st.st_size;
        void *map = f->size ? mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
        if (map == MAP_FAILED) fail(err, "cannot read %s: %s", f->path, strerror(errno));
        else                   f->map = map;
    }
    if (fd >= 0) close(fd);
    return f->map || (f->size == 0 && !err->status);
}

SafeTensors *safetensors_open(const char *path, Err *err)
{
    SafeTensors *f = calloc(1, sizeof *f);
    REQUIRE(f, "safetensors: out of memory");
    f->path = strdup(path);
    if (map_file(f, err) && check_header(f, err)) return f;
    safetensors_close(f);
    return NULL;
}

void safetensors_close(SafeTensors *f)
{
    if (!f) return;
    if (f->map) munmap((void *)(uintptr_t)f->map, f->size);
    json_decref(f->json);
    free(f->entries);
    free(f->path);
    free(f);
}

int safetensors_count(const SafeTensors *f)                     { return f->count; }
const SafeEntry *safetensors_at(const SafeTensors *f, int i)    { return &f->entries[i]; }
const char *safetensors_path(const SafeTensors *f)              { return f->path; }

const SafeEntry *safetensors_find(const SafeTensors *f, const char *name)
{
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->entries[i].name, name) == 0) return &f->entries[i];
    return NULL;
}

const char *safetensors_metadata(const SafeTensors *f, const char *key)
{
    return json_string_value(json_object_get(json_object_get(f->json, "__metadata__"), key));
}

/* ---- conversion -------------------------------------------------------------------------------------------------- */

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static float float_of_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3FF;

    if (exponent == 31) return float_of_bits(sign | 0x7F800000 | fraction << 13);
    if (exponent == 0)  return (sign ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;      /* subnormal: exact in a float */
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* The data may start at any byte: memcpy, not a cast. */
static double element(const char *at, char kind)
{
    float f; double d; uint16_t h;

    switch (kind) {
    case 'f': memcpy(&f, at, sizeof f); return (double)f;
    case 'd': memcpy(&d, at, sizeof d); return d;
    case 'h': memcpy(&h, at, sizeof h); return (double)float_of_half(h);
    default:  memcpy(&h, at, sizeof h); return (double)float_of_bits((uint32_t)h << 16);
    }
}

bool safetensors_read(const SafeEntry *e, real *to, int64_t count, Err *err)
{
    static const struct { const char *dtype; char kind; size_t bytes; } READABLE[] = {
        { "F32", 'f', 4 }, { "F64", 'd', 8 }, { "F16", 'h', 2 }, { "BF16", 'b', 2 }
    };
    int64_t there = shape_count(e->shape);

    if (count != there)
        return fail(err, "%s: '%s' has %" PRId64 " numbers, but %" PRId64 " are wanted", e->path, e->name, there, count);
    for (size_t k = 0; k < sizeof READABLE / sizeof *READABLE; k++) {
        if (strcmp(e->dtype, READABLE[k].dtype) != 0) continue;
        const char *at = e->data;
        for (int64_t i = 0; i < count; i++, at += READABLE[k].bytes) to[i] = (real)element(at, READABLE[k].kind);
        return true;
    }
    return fail(err, "%s: '%s' is %s; parameters are read from F32, F64, F16 and BF16", e->path, e->name, e->dtype);
}
