/* file.c - the table of parts in a store's user block. */
#include "datasets/store/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        if (p->by_item) say(block, "checked by item %s\n", p->name);
        else            say(block, "sha256 %s %s\n", p->sha256, p->name);
    }
    sha256_hex(block, strlen(block), parts->hash);
    say(block, "sha256 %s\n", parts->hash);
}

/* One line of the table: "at A bytes B sha256 H NAME" or "at A bytes B checked by item NAME". */
static bool read_part(const char *line, Part *p)
{
    int used = 0;

    *p = (Part){ 0 };
    p->by_item = sscanf(line, "at %" SCNd64 " bytes %" SCNd64 " checked by item %31[a-z0-9_/]%n", &p->at, &p->bytes, p->name, &used) == 3;
    if (!p->by_item
        && (sscanf(line, "at %" SCNd64 " bytes %" SCNd64 " sha256 %64[0-9a-f] %31[a-z0-9_/]%n", &p->at, &p->bytes, p->sha256, p->name, &used) != 4
            || strlen(p->sha256) != 64))
        return false;
    return line[used] == '\n' && p->at >= STORE_USER_BLOCK && p->bytes >= 0 && p->bytes <= INT64_MAX - p->at;
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

static const char LAST[] = "\nsha256 ";

/* The block as text, without the line of its hash; `said` receives that hash, "" when there is none. false: not a store of this layout. */
static bool read_block(const char block[STORE_USER_BLOCK], const char *path, char text[STORE_USER_BLOCK + 1], Parts *out, char said[65], Err *err)
{
    *out = (Parts){ 0 };
    *said = 0;
    memcpy(text, block, STORE_USER_BLOCK);
    text[STORE_USER_BLOCK] = 0;
    TRY(check_magic(text, path, err));
    char *last = strstr(text, LAST);
    if (!last) return true;
    sscanf(last, "\nsha256 %64[0-9a-f]", said);
    last[1] = 0;
    sha256_hex(text, strlen(text), out->hash);
    return true;
}

/* Behind the hash: a line's end, and zeros. */
static bool is_padded(const char block[STORE_USER_BLOCK], size_t text)
{
    size_t at = text + strlen(LAST) - 1 + 64;
    if (at >= STORE_USER_BLOCK || block[at] != '\n') return false;
    while (++at < STORE_USER_BLOCK)
        if (block[at]) return false;
    return true;
}

bool parts_salvage(const char block[STORE_USER_BLOCK], const char *path, Parts *out, bool *intact, int64_t *end, Err *err)
{
    char text[STORE_USER_BLOCK + 1], said[65];
    TRY(read_block(block, path, text, out, said, err));

    *intact = *said && strcmp(said, out->hash) == 0 && is_padded(block, strlen(text));
    *end = STORE_USER_BLOCK;
    for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        Part p;
        bool good = out->count < STORE_MAX_PARTS && read_part(line + 1, &p) && p.at >= *end;
        *intact &= good && p.at == *end;
        if (!good) continue;
        out->part[out->count++] = p;
        *end = p.at + p.bytes;
    }
    return true;
}

bool parts_read(const char block[STORE_USER_BLOCK], const char *path, int64_t file_bytes, Parts *out, Err *err)
{
    bool    intact;
    int64_t end;

    TRY(parts_salvage(block, path, out, &intact, &end, err));
    if (!intact) return fail(err, "%s: the store is damaged: its table of parts does not match its hash", path);
    if (end != file_bytes)
        return fail(err, "%s: the store is damaged: it has %" PRId64 " bytes and should have %" PRId64 " (was a copy cut short?)",
                    path, file_bytes, end);
    return true;
}

int64_t file_read_at(int fd, int64_t at, void *to, int64_t bytes)
{
    int64_t done = 0;
    while (done < bytes) {
        ssize_t n = pread(fd, (char *)to + done, (size_t)(bytes - done), (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        done += n;
    }
    return done;
}
