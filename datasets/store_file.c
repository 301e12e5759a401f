/* store_file.c - the table of parts in a store's user block, and XXH64. */
#include "datasets/store_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/store.h"
#include "tensor/base/file.h"

static const char MAGIC[] = "limn store, layout ";

static void say(char *block, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(char *block, const char *fmt, ...)
{
    size_t used = strlen(block);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(block + used, STORE_USER_BLOCK - used, fmt, ap);
    va_end(ap);
    REQUIRE(n >= 0 && used + (size_t)n < STORE_USER_BLOCK, "store: the table of parts does not fit its block");
}

void parts_write(Parts *parts, char block[STORE_USER_BLOCK])
{
    memset(block, 0, STORE_USER_BLOCK);
    say(block, "%s%d\n", MAGIC, STORE_LAYOUT);
    for (int i = 0; i < parts->count; i++) {
        const Part *p = &parts->part[i];
        say(block, "at %" PRId64 " bytes %" PRId64 " ", p->at, p->bytes);
        if (p->by_item) say(block, "checked by item\n");
        else            say(block, "sha256 %s\n", p->sha256);
    }
    sha256_hex(block, strlen(block), parts->hash);
    say(block, "sha256 %s\n", parts->hash);
}

/* One line of the table; returns where the next begins, NULL when it makes no sense. */
static const char *read_part(const char *line, Part *p)
{
    int used = 0;

    *p = (Part){ 0 };
    if (sscanf(line, "at %" SCNd64 " bytes %" SCNd64 " checked by item\n%n", &p->at, &p->bytes, &used) == 2 && used) {
        p->by_item = true;
        return line + used;
    }
    if (sscanf(line, "at %" SCNd64 " bytes %" SCNd64 " sha256 %64[0-9a-f]\n%n", &p->at, &p->bytes, p->sha256, &used) == 3
        && used && strlen(p->sha256) == 64)
        return line + used;
    return NULL;
}

static bool check_magic(const char *text, const char *path, Err *err)
{
    size_t magic = strlen(MAGIC);

    if (strncmp(text, MAGIC, magic) != 0)
        return fail(err, "%s: not a store of limn's: it does not begin with \"limn store\" (make one with `limn prepare`)", path);
    int layout = atoi(text + magic);
    if (layout != STORE_LAYOUT)
        return fail(err, "%s: a store of layout %d, and this limn reads layout %d: prepare it again", path, layout, STORE_LAYOUT);
    return true;
}

bool parts_read(const char block[STORE_USER_BLOCK], const char *path, int64_t file_bytes, Parts *out, Err *err)
{
    char text[STORE_USER_BLOCK + 1];
    *out = (Parts){ 0 };

    memcpy(text, block, STORE_USER_BLOCK);
    text[STORE_USER_BLOCK] = 0;
    TRY(check_magic(text, path, err));

    char *last = strstr(text, "\nsha256 ");
    if (!last) return fail(err, "%s: the store is damaged: its table of parts has no hash", path);
    char said[65] = "";
    sscanf(last, "\nsha256 %64[0-9a-f]", said);
    sha256_hex(text, (size_t)(last + 1 - text), out->hash);
    if (strcmp(said, out->hash) != 0) return fail(err, "%s: the store is damaged: its table of parts does not match its hash", path);

    int64_t end = STORE_USER_BLOCK;
    for (const char *line = strchr(text, '\n') + 1; line < last + 1;) {
        Part *p = &out->part[out->count];
        if (out->count == STORE_MAX_PARTS || !(line = read_part(line, p)) || p->at != end || p->bytes < 0 || p->bytes > INT64_MAX - end)
            return fail(err, "%s: the store is damaged: its table of parts makes no sense", path);
        end += p->bytes;
        out->count++;
    }
    if (end != file_bytes)
        return fail(err, "%s: the store is damaged: it has %" PRId64 " bytes and should have %" PRId64 " (was a copy cut short?)",
                    path, file_bytes, end);
    return true;
}

/* ---- XXH64 --------------------------------------------------------------------------------------------------------- */
static const uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u,
                      P4 = 0x85EBCA77C2B2AE63u, P5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static uint64_t mix(uint64_t lane, uint64_t input) { return rotate(lane + input * P2, 31) * P1; }
static uint64_t merge(uint64_t h, uint64_t lane)   { return (h ^ mix(0, lane)) * P1 + P4; }

uint64_t xxh64(const void *data, size_t bytes)
{
    const uint8_t *p = data, *end = p + bytes;
    uint64_t h = P5;

    if (bytes >= 32) {
        uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1;
        for (; end - p >= 32; p += 32) {
            a = mix(a, load64(p));
            b = mix(b, load64(p + 8));
            c = mix(c, load64(p + 16));
            d = mix(d, load64(p + 24));
        }
        h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        h = merge(merge(merge(merge(h, a), b), c), d);
    }
    h += bytes;
    for (; end - p >= 8; p += 8) h = rotate(h ^ mix(0, load64(p)), 27) * P1 + P4;
    if (end - p >= 4) {
        uint64_t word = p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
        h = rotate(h ^ word * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++) h = rotate(h ^ *p * P5, 11) * P1;

    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}
