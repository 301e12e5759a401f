/* store_file.c - the table of parts in a store's user block. */
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

    const char *tail = last + strlen("\nsha256 ") + 64;
    for (const char *c = tail; c < text + STORE_USER_BLOCK; c++)
        if (*c != (c == tail ? '\n' : 0)) return fail(err, "%s: the store is damaged: there is something behind its table of parts", path);

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
