/* archive.c - tar archives by libarchive: opening, walking, and finding members in the order in which they lie. */
#include "datasets/sources/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/sources/archive_open.h"

static const int64_t LARGEST_MEMBER = (int64_t)512 << 20;

struct Archive { struct archive *a; bool in_member; };       /* in_member: what was read last is its header            */

static bool refused(struct archive *a, Err *err)
{
    const char *why = archive_error_string(a);
    return fail(err, "%s", why ? why : "it cannot be read");
}

static struct archive *new_reader(void)
{
    struct archive *a = archive_read_new();
    REQUIRE(a, "out of memory");

    archive_read_support_format_tar(a);
    archive_read_support_format_gnutar(a);
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_lz4(a);
    return a;
}

Archive *archive_begin(const char *path, Err *err)
{
    enum { BLOCK = 1 << 16 };
    Archive *a = calloc(1, sizeof *a);
    REQUIRE(a, "out of memory");

    a->a = new_reader();
    if (archive_read_open_filename(a->a, path, BLOCK) == ARCHIVE_OK) {
        if (archive_filter_count(a->a) <= 2) return a;           /* one and "none" */
        fail(err, "is compressed more than once");
    } else if (access(path, R_OK) != 0) fail(err, "%s", strerror(errno));
    else refused(a->a, err);
    archive_end(a);
    return NULL;
}

void archive_end(Archive *a)
{
    if (a) archive_read_free(a->a);
    free(a);
}

/* A few bytes can unpack to any number of them. gzip gets to 1032 times, and pictures hardly to once. */
static bool is_bomb(struct archive *a)
{
    const int64_t HARMLESS = (int64_t)256 << 20, TIMES = 1100;
    int64_t unpacked = archive_filter_bytes(a, 0), packed = archive_filter_bytes(a, -1);
    return unpacked > HARMLESS && unpacked / TIMES > packed;
}

/* To the end of a compressed member, watching; libarchive would do so unwatched. In plain archives it jumps, and shall. */
static bool pass_member(Archive *a, Err *err)
{
    const void *block;
    size_t      bytes;
    la_int64_t  at;
    int         said = ARCHIVE_OK;

    if (!a->in_member || archive_filter_count(a->a) < 2) return true;
    a->in_member = false;
    while ((said == ARCHIVE_OK || said == ARCHIVE_WARN) && !is_bomb(a->a)) said = archive_read_data_block(a->a, &block, &bytes, &at);
    if (is_bomb(a->a)) return fail(err, "unpacks to more than a thousand times its size");
    return said != ARCHIVE_FATAL || refused(a->a, err);
}

/* What libarchive warns of (an odd header, a name in another character set) it has read all the same. Names are not converted: the program
 * sets no locale. */
Member archive_next(Archive *a, const char **name, int64_t *bytes, Err *err)
{
    struct archive_entry *e;
    if (!pass_member(a, err)) return MEMBER_BROKEN;
    int said = archive_read_next_header(a->a, &e);

    a->in_member = said == ARCHIVE_OK || said == ARCHIVE_WARN;
    if (said == ARCHIVE_EOF) return MEMBER_END;
    if (said == ARCHIVE_RETRY || said == ARCHIVE_FAILED) return refused(a->a, err), MEMBER_DAMAGED;
    if (!a->in_member) return refused(a->a, err), MEMBER_BROKEN;
    *name = archive_entry_pathname(e);
    *bytes = archive_entry_size(e);
    return *name && archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e) ? MEMBER_FILE : MEMBER_OTHER;
}

char *archive_body(Archive *a, int64_t bytes, size_t *read, Err *err)
{
    if (bytes < 0 || bytes > LARGEST_MEMBER) return fail(err, "is larger than 512 MiB"), NULL;
    char *body = malloc((size_t)bytes + 1);
    REQUIRE(body, "out of memory (%lld bytes)", (long long)bytes);

    *read = 0;
    while (*read < (size_t)bytes) {
        la_ssize_t n = archive_read_data(a->a, body + *read, (size_t)bytes - *read);
        if (n == ARCHIVE_RETRY || n == ARCHIVE_WARN) continue;
        if (n <= 0) {
            if (n < 0) refused(a->a, err);
            else fail(err, "ends too early");
            free(body);
            return NULL;
        }
        *read += (size_t)n;
    }
    body[bytes] = 0;
    return body;
}

bool archive_ended(Archive *a) { return archive_filter_bytes(a->a, 0) > archive_read_header_position(a->a); }

/* ---- members by name --------------------------------------------------------------------------------------------------- */
struct MemberReader { Archive *a; char *file; };

MemberReader *member_reader_new(void)
{
    MemberReader *r = calloc(1, sizeof *r);
    REQUIRE(r, "out of memory");
    return r;
}

static void close_archive(MemberReader *r)
{
    archive_end(r->a);
    free(r->file);
    *r = (MemberReader){ 0 };
}

void member_reader_free(MemberReader *r)
{
    if (r) close_archive(r);
    free(r);
}

static bool open_archive(MemberReader *r, const char *file, Err *err)
{
    close_archive(r);
    if (!(r->a = archive_begin(file, err))) return false;
    r->file = strdup(file);
    REQUIRE(r->file, "out of memory");
    return true;
}

/* Forward from where we are. */
static Member find(MemberReader *r, const char *member, int64_t *bytes, Err *err)
{
    const char *name = NULL;
    Member      m;

    while ((m = archive_next(r->a, &name, bytes, err)) != MEMBER_END && m != MEMBER_BROKEN) {
        if (m == MEMBER_FILE && strcmp(name, member) == 0) break;
        if (m == MEMBER_DAMAGED) *err = (Err){ 0 };
    }
    return m;
}

char *member_reader_read(MemberReader *r, const char *file, const char *member, size_t *bytes, Err *err)
{
    bool    anew = !r->file || strcmp(r->file, file) != 0;
    int64_t size = 0;
    Member  m;

    *bytes = 0;
    if (anew && !open_archive(r, file, err)) return NULL;
    m = find(r, member, &size, err);
    if (m != MEMBER_FILE && !anew) {             /* it may lie before where we were */
        *err = (Err){ 0 };
        if (!open_archive(r, file, err)) return NULL;
        m = find(r, member, &size, err);
    }
    char *body = m == MEMBER_FILE ? archive_body(r->a, size, bytes, err) : NULL;
    if (m == MEMBER_END) fail(err, "the archive has no such member");
    if (!body) close_archive(r);
    return body;
}
