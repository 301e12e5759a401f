/* spill.c - a buffer in front of a nameless file. */
#include "datasets/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/file_seam.h"

Spill spill_begin(const char *folder) { return (Spill){ .folder = folder, .fd = -1 }; }

void spill_free(Spill *s)
{
    if (s->fd >= 0) close(s->fd);
    free(s->buffer);
    *s = (Spill){ .fd = -1 };
}

/* Where the file system has no nameless files, the name goes as soon as it is there. */
static int open_nameless(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)) return fd;

    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/.limn-XXXXXX", folder) >= sizeof path) return errno = ENAMETOOLONG, -1;
    if ((fd = mkostemp(path, O_CLOEXEC)) >= 0) unlink(path);
    return fd;
}

static bool flush(Spill *s, Err *err)
{
    if (s->fd < 0 && (s->fd = open_nameless(s->folder)) < 0)
        return fail(err, "cannot make a temporary file in %s: %s", s->folder, strerror(errno));
    if (!seam_write(s->fd, s->buffer, (size_t)(s->used - s->flushed)))
        return fail(err, "cannot write a temporary file in %s: %s", s->folder, strerror(errno));
    s->flushed = s->used;
    return true;
}

bool spill_add(Spill *s, const void *data, size_t bytes, Err *err)
{
    if (!s->buffer) {
        s->buffer = malloc(SPILL_BUFFER);
        REQUIRE(s->buffer, "out of memory");
    }
    while (bytes) {
        size_t room = SPILL_BUFFER - (size_t)(s->used - s->flushed), now = bytes < room ? bytes : room;
        memcpy(s->buffer + (s->used - s->flushed), data, now);
        s->used += (int64_t)now;
        data = (const char *)data + now;
        bytes -= now;
        if (now == room) TRY(flush(s, err));
    }
    return true;
}

bool spill_read(const Spill *s, int64_t at, void *to, size_t bytes, Err *err)
{
    REQUIRE(at >= 0 && bytes <= (size_t)s->used && at <= s->used - (int64_t)bytes, "spill: %zu bytes at %lld of %lld", bytes,
            (long long)at, (long long)s->used);
    char *out = to;

    while (bytes && at < s->flushed) {
        size_t there = (size_t)(s->flushed - at);
        ssize_t n = pread(s->fd, out, bytes < there ? bytes : there, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(err, "cannot read a temporary file in %s back: %s", s->folder, n < 0 ? strerror(errno) : "it was cut short");
        out += n;
        at += n;
        bytes -= (size_t)n;
    }
    if (bytes) memcpy(out, s->buffer + (at - s->flushed), bytes);
    return true;
}
