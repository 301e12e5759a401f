/* vectors_npy.c - numpy's .npy files (NEP 1): memory-mapped, the header read strictly.
 *
 *     "\x93NUMPY", major, minor: 1.0 has a header length of u16, 2.0 and 3.0 of u32, little-endian; then the header, a Python dictionary:
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (8000, 49, 512), }     padded with blanks, ended by a newline; then the values
 * These three keys, each once, in any order, and nothing else. Only '<f2', '<f4' and '<f8' in C order are taken, and the file must be as
 * long as its header says.                                                                                              */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/features/half.h"
#include "datasets/vectors.h"
#include "tensor/base/file.h"

enum { MAX_RANK = 8 };

typedef struct Npy {
    Vectors        base;                         /* first: others see only that */
    const uint8_t *map, *values;
    size_t         mapped;
    int64_t        item;                         /* bytes of a value: 2, 4 or 8 */
    char          *names_path;
} Npy;

/* ---- the header ------------------------------------------------------------------------------------------------------- */
typedef struct Text { const char *at, *end; } Text;
typedef struct Header { char descr[16]; bool fortran; int rank; int64_t dims[MAX_RANK]; } Header;

static void skip_blanks(Text *t)
{
    while (t->at < t->end && *t->at == ' ') t->at++;
}

static bool take(Text *t, const char *what)
{
    size_t n = strlen(what);
    skip_blanks(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, what, n) != 0) return false;
    t->at += n;
    return true;
}

/* A word in quotes, of less than `size` bytes. */
static bool take_quoted(Text *t, char *out, size_t size)
{
    const char *quote = take(t, "'") ? "'" : take(t, "\"") ? "\"" : NULL, *from = t->at;
    if (!quote) return false;
    while (t->at < t->end && *t->at != *quote) t->at++;
    size_t n = (size_t)(t->at - from);
    if (t->at == t->end || n >= size) return false;
    memcpy(out, from, n);
    out[n] = 0;
    t->at++;
    return true;
}

static bool take_number(Text *t, int64_t *out)
{
    skip_blanks(t);
    const char *from = t->at;
    for (*out = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
        if (*out > (INT64_MAX - 9) / 10) return false;
        *out = *out * 10 + (*t->at - '0');
    }
    return t->at > from;
}

/* (3, 4), (3,) or () */
static bool take_shape(Text *t, Header *h)
{
    if (!take(t, "(")) return false;
    while (!take(t, ")")) {
        if (h->rank == MAX_RANK || !take_number(t, &h->dims[h->rank++])) return false;
        if (!take(t, ",")) return h->rank > 1 && take(t, ")");
    }
    return true;
}

static bool read_header(Text t, Header *h)
{
    enum { HAS_TYPE = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };
    int seen = 0;

    if (!take(&t, "{")) return false;
    while (!take(&t, "}")) {
        char key[16];
        if (!take_quoted(&t, key, sizeof key) || !take(&t, ":")) return false;
        int is = strcmp(key, "descr") == 0 ? HAS_TYPE : strcmp(key, "fortran_order") == 0 ? HAS_ORDER
                 : strcmp(key, "shape") == 0 ? HAS_SHAPE : 0;
        if (!is || seen & is) return false;
        seen |= is;
        if (is == HAS_TYPE && !take_quoted(&t, h->descr, sizeof h->descr)) {
            strcpy(h->descr, "record or text");  /* a list of fields, or a long name: whoever looks at the type will tell */
            return true;
        }
        if (is == HAS_ORDER && !(h->fortran = take(&t, "True")) && !take(&t, "False")) return false;
        if (is == HAS_SHAPE && !take_shape(&t, h)) return false;
        if (!take(&t, ",") && !(t.at < t.end && *t.at == '}')) return false;
    }
    return seen == HAS_ALL && take(&t, "\n") && t.at == t.end;
}

static bool check_type(Npy *n, const Header *h, Err *err)
{
    static const char *const TYPES[] = { "<f2", "<f4", "<f8" };

    for (int i = 0; i < 3; i++)
        if (strcmp(h->descr, TYPES[i]) == 0) n->item = 2 << i;
    if (!n->item)
        return fail(err, "%s: its values are of type '%s'; '<f2', '<f4' or '<f8' is wanted: save it with array.astype('<f4')", n->base.path, h->descr);
    if (h->fortran)
        return fail(err, "%s: the array is in Fortran order; save it with numpy.ascontiguousarray(array)", n->base.path);
    return true;
}

static bool parse(Npy *n, Err *err)
{
    const uint8_t *m = n->map;
    int major = n->mapped >= 12 ? m[6] : 0;
    size_t begin = major == 1 ? 10 : 12, bytes = major == 1 ? m[8] | (size_t)m[9] << 8 : 0;
    Header h = { 0 };

    if (major < 1 || major > 3 || m[7] != 0)
        return fail(err, "%s: not a .npy file of version 1, 2 or 3, or cut short", n->base.path);
    for (int i = 0; major > 1 && i < 4; i++) bytes |= (size_t)m[8 + i] << 8 * i;
    if (bytes > n->mapped - begin) return fail(err, "%s: cut short: it ends inside its header", n->base.path);
    if (!read_header((Text){ (const char *)m + begin, (const char *)m + begin + bytes }, &h))
        return fail(err, "%s: its header is not that of a .npy file: %.*s", n->base.path, (int)(bytes < 200 ? bytes : 200), (const char *)m + begin);
    TRY(check_type(n, &h, err) && vectors_shape(&n->base, h.dims, h.rank, err));
    int64_t wanted = (int64_t)(begin + bytes) + n->base.count * n->base.tokens * n->base.width * n->item;
    if ((int64_t)n->mapped != wanted)
        return fail(err, "%s: it has %zu bytes, but its header speaks of %" PRId64 ": %s", n->base.path, n->mapped, wanted,
                    (int64_t)n->mapped < wanted ? "it was cut short" : "there is something behind the array");
    n->values = m + begin + bytes;
    return true;
}

/* ---- names -------------------------------------------------------------------------------------------------------------- */
static bool read_names(Npy *n, Err *err)
{
    size_t bytes;
    int64_t lines = 0;

    if (!file_exists(n->names_path)) return true;
    char *text = file_read(n->names_path, &bytes, err);
    if (!text) return false;
    n->base.names = calloc((size_t)n->base.count, sizeof *n->base.names);
    REQUIRE(n->base.names, "out of memory");
    for (char *at = text; at < text + bytes; lines++) {
        size_t length = strcspn(at, "\n"), name = length > 0 && at[length - 1] == '\r' ? length - 1 : length;
        if (lines < n->base.count) n->base.names[lines] = strndup(at, name);
        at += length + 1;
    }
    free(text);
    return lines == n->base.count || fail(err, "%s: %" PRId64 " names for the %" PRId64 " rows of %s", n->names_path, lines, n->base.count, n->base.path);
}

/* ---- the file ------------------------------------------------------------------------------------------------------------ */
static bool read_row(const Vectors *v, int64_t row, real *out)
{
    const Npy *n = (const Npy *)v;
    int64_t values = v->tokens * v->width;
    const uint8_t *from = n->values + row * values * n->item;

    /* The header may leave the values at any address: copied before they are looked at. */
    for (int64_t i = 0; i < values; i++, from += n->item) {
        uint16_t half;
        float f;
        double d;
        if (n->item == 2) memcpy(&half, from, sizeof half), half_to_reals(&half, 1, &out[i]);
        else if (n->item == 4) memcpy(&f, from, sizeof f), out[i] = (real)f;
        else memcpy(&d, from, sizeof d), out[i] = (real)d;
    }
    return true;
}

static void close_npy(Vectors *v)
{
    Npy *n = (Npy *)v;
    if (n->map) munmap((void *)(uintptr_t)n->map, n->mapped);
    free(n->names_path);
    free(n);
}

static bool map_file(Npy *n, Err *err)
{
    struct stat st;
    int fd = open(n->base.path, O_RDONLY | O_CLOEXEC);
    void *map = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &st) == 0) map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    int cause = errno;
    if (fd >= 0) close(fd);
    if (map == MAP_FAILED) return fail(err, "%s: cannot be mapped: %s", n->base.path, strerror(cause));
    n->map = map;
    n->mapped = (size_t)st.st_size;
    return true;
}

Vectors *vectors_npy_open(const char *path, const char *set, Err *err)
{
    Npy *n = calloc(1, sizeof *n);
    size_t stem = strlen(path);
    REQUIRE(n, "out of memory");

    if (stem > 4 && strcmp(path + stem - 4, ".npy") == 0) stem -= 4;
    REQUIRE(asprintf(&n->names_path, "%.*s.names.txt", (int)stem, path) >= 0, "out of memory");
    n->base = (Vectors){ .path = path, .names_hint = n->names_path, .read = read_row, .close = close_npy };
    bool ok = !set || fail(err, "%s: a .npy file has no data set '%s'", path, set);
    if (ok && map_file(n, err) && parse(n, err) && read_names(n, err)) return &n->base;
    for (int64_t i = 0; n->base.names && i < n->base.count; i++) free(n->base.names[i]);
    free(n->base.names);
    close_npy(&n->base);
    return NULL;
}
