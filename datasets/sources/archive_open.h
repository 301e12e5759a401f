/* archive_open.h - a tar archive, plain or compressed, opened for one pass; private to archive.c and webdataset.c. */
#ifndef LIMN_ARCHIVE_OPEN_H
#define LIMN_ARCHIVE_OPEN_H

#include <archive.h>
#include <archive_entry.h>
#include <stddef.h>

#include "tensor/base/err.h"

/* NULL: err says why, without the path. Only tar (v7, ustar, pax, GNU) and gzip, bzip2, xz, zstd, lz4, or none. */
struct archive *archive_begin(const char *path, Err *err);
void            archive_end(struct archive *a);

typedef enum Member { MEMBER_FILE, MEMBER_OTHER, MEMBER_END, MEMBER_BROKEN } Member;
/* The next header. *name lives until the next call. BROKEN: nothing more can be read, and err says why. */
Member archive_next(struct archive *a, const char **name, int64_t *bytes, Err *err);
/* The body of the member whose header was read last; malloc'd, ended by a NUL that is not counted. */
char  *archive_body(struct archive *a, int64_t bytes, size_t *read, Err *err);

#endif
