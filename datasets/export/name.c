/* name.c - part by part. */
#include "datasets/export/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "datasets/store/xxh64.h"
#include "tensor/base/err.h"

enum { PART = 180, PATH = 2000, HASH = 9 };      /* bytes; HASH: "-1a2b3c4d" */

static bool is_plain(unsigned char c) { return c >= 0x20 && c != 0x7f && !strchr("\\:*?\"<>|", c); }

static bool continues(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* UTF-8 as the catalog demands it; a store that something else wrote may have other names. */
static bool is_utf8(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        unsigned char c = (unsigned char)text[i++];
        int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;
        if (more < 0) return false;
        while (more--)
            if (i == bytes || !continues(text[i++])) return false;
    }
    return true;
}

/* The length without the extension, when that is a picture's. */
static size_t stem(const char *name, size_t bytes)
{
    static const char *const EXTENSIONS[] = { ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp" };
    for (size_t i = 0; i < sizeof EXTENSIONS / sizeof *EXTENSIONS; i++) {
        size_t n = strlen(EXTENSIONS[i]);
        if (bytes > n && strncasecmp(name + bytes - n, EXTENSIONS[i], n) == 0) return bytes - n;
    }
    return bytes;
}

static bool says(const char *name, size_t bytes, size_t to, const char *extension)
{
    if (strncasecmp(name + to, extension, bytes - to) == 0 && strlen(extension) == bytes - to) return true;
    return strcmp(extension, ".jpg") == 0 && bytes - to == 5 && strncasecmp(name + to, ".jpeg", 5) == 0;
}

/* Appends what is left of a part of `bytes`; `whole`: the name that it is hashed with when it must be cut. Gives the bytes appended. */
static size_t add_part(char *out, const char *part, size_t bytes, const char *whole)
{
    bool   utf8 = is_utf8(part, bytes), cut = bytes > PART;
    size_t used = 0;

    if (cut)
        for (bytes = PART - HASH; bytes && continues(part[bytes]);) bytes--;
    for (; used < bytes; used++) {
        unsigned char c = (unsigned char)part[used];
        bool odd = !is_plain(c) || (!utf8 && c >= 0x80) || (used == 0 && c == '.') || (used + 1 == bytes && (c == '.' || c == ' '));
        out[used] = odd ? '_' : (char)c;
    }
    if (cut) used += (size_t)sprintf(out + used, "-%08x", (unsigned)xxh64(whole, strlen(whole)));
    return used;
}

static bool leads_on(const char *part, size_t bytes) { return bytes > 0 && !(part[0] == '.' && (bytes == 1 || (bytes == 2 && part[1] == '.'))); }

/* Sub-folders; one that is called like a picture could be in the way of one. Gives where the last part begins. */
static const char *add_folders(char *out, size_t *used, const char *name)
{
    const char *part = name, *slash;

    for (; (slash = strchr(part, '/')); part = slash + 1) {
        size_t bytes = (size_t)(slash - part);
        if (!leads_on(part, bytes)) continue;
        *used += add_part(out + *used, part, bytes, name);
        if (stem(part, bytes) < bytes) out[(*used)++] = '_';
        out[(*used)++] = '/';
    }
    return part;
}

/* Puts a hash behind the stem until the path is the first of its kind. */
static void make_unique(char *out, size_t stem_end, const char *extension, const char *name, IdMap *taken)
{
    for (uint64_t k = 0; !id_map_put(taken, (int64_t)xxh64(out, strlen(out)), 0); k++)
        sprintf(out + stem_end, "-%08x%s", (unsigned)(xxh64(name, strlen(name)) + k), extension);
}

char *export_name(const char *name, const char *extension, IdMap *taken)
{
    char   ending[8];
    char  *out = malloc(2 * strlen(name) + PART + 64);
    size_t used = 0;
    REQUIRE(out, "out of memory");

    const char *part = add_folders(out, &used, name);
    if (used > PATH) used = 0;                   /* no path may be that long */
    size_t bytes = strlen(part), to = stem(part, bytes);
    snprintf(ending, sizeof ending, "%.7s", to < bytes && says(part, bytes, to, extension) ? part + to : extension);
    used += leads_on(part, to) ? add_part(out + used, part, to, name) : (size_t)sprintf(out + used, "picture");
    strcpy(out + used, ending);
    make_unique(out, used, ending, name, taken);
    return out;
}

char *export_part(const char *name, IdMap *taken)
{
    enum { LONGEST = 48 };                       /* `limn prepare coco` reads no more of a file's name */
    char *out = malloc(LONGEST + 64);
    size_t bytes = strlen(name);
    REQUIRE(out, "out of memory");

    bool cut = bytes > LONGEST;
    if (cut)
        for (bytes = LONGEST - HASH; bytes && continues(name[bytes]);) bytes--;
    size_t used = bytes ? add_part(out, name, bytes, name) : (size_t)sprintf(out, "split");
    for (size_t i = 0; i < used; i++)
        if (out[i] == '/' || out[i] == '.') out[i] = '-';
    out[used] = 0;
    if (cut) sprintf(out + used, "-%08x", (unsigned)xxh64(name, strlen(name)));
    make_unique(out, strlen(out), "", name, taken);
    return out;
}
