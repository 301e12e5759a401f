/* archive.c - tar archives by libarchive: opening, walking, and finding members in the order in which they lie. */
#include "datasets/sources/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/sources/archive_open.h"

static const int64_t LARGEST_MEMBER = (int64_t)512 << 20;

static bool refused(struct archive *a, Err *err)
{
    const char *why = archive_error_string(a);
    return fail(err, "%s", why ? why : "it cannot be read");
}

struct archive *archive_begin(const char *path, Err *err)
{
    enum { BLOCK = 1 << 16 };
    struct archive *a = archive_read_new();
    REQUIRE(a, "out of memory");

    archive_read_support_format_tar(a);
    archive_read_support_format_gnutar(a);
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_lz4(a);
    if (archive_read_open_filename(a, path, BLOCK) == ARCHIVE_OK) return a;
    if (access(path, R_OK) != 0) fail(err, "%s", strerror(errno));
    else refused(a, err);
    archive_read_free(a);
    return NULL;
}

void archive_end(struct archive *a)
{
    if (a) archive_read_free(a);
}

/* What libarchive warns of (an odd header, a name in another character set) it has read all the same. Names are not converted: the program
 * sets no locale. */
Member archive_next(struct archive *a, const char **name, int64_t *bytes, Err *err)
{
    struct archive_entry *e;
    int said = archive_read_next_header(a, &e);

    if (said == ARCHIVE_EOF) return MEMBER_END;
    if (said == ARCHIVE_RETRY || said == ARCHIVE_FAILED) return refused(a, err), MEMBER_DAMAGED;
    if (said != ARCHIVE_OK && said != ARCHIVE_WARN) return refused(a, err), MEMBER_BROKEN;
    *name = archive_entry_pathname(e);
    *bytes = archive_entry_size(e);
    return *name && archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e) ? MEMBER_FILE : MEMBER_OTHER;
}

char *archive_body(struct archive *a, int64_t bytes, size_t *read, Err *err)
{
    if (bytes < 0 || bytes > LARGEST_MEMBER) return fail(err, "is larger than 512 MiB"), NULL;
    char *body = malloc((size_t)bytes + 1);
    REQUIRE(body, "out of memory (%lld bytes)", (long long)bytes);

    *read = 0;
    while (*read < (size_t)bytes) {
        la_ssize_t n = archive_read_data(a, body + *read, (size_t)bytes - *read);
        if (n == ARCHIVE_RETRY || n == ARCHIVE_WARN) continue;
        if (n <= 0) {
            if (n < 0) refused(a, err);
            else fail(err, "ends too early");
            free(body);
            return NULL;
        }
        *read += (size_t)n;
    }
    body[bytes] = 0;
    return body;
}

bool archive_ended(struct archive *a) { return archive_filter_bytes(a, 0) > archive_read_header_position(a); }

/* ---- members by name --------------------------------------------------------------------------------------------------- */
struct MemberReader { struct archive *a; char *file; };

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
