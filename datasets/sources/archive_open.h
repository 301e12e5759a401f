/* archive_open.h - a tar archive, plain or compressed, opened for one pass; private to archive.c and webdataset.c. */
#ifndef LIMN_ARCHIVE_OPEN_H
#define LIMN_ARCHIVE_OPEN_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef struct Archive Archive;
/* NULL: err says why, without the path. Only tar (v7, ustar, pax, GNU) and gzip, bzip2, xz, zstd, lz4, or none; not one in
 * another, and not what unpacks to more than a thousand times its size and 256 MiB: such an archive ends as a broken one does. */
Archive *archive_begin(const char *path, Err *err);
void     archive_end(Archive *a);

typedef enum Member {
    MEMBER_FILE,
    MEMBER_OTHER,                                /* a folder, a link, …                                                 */
    MEMBER_DAMAGED,                              /* not a header; the next call looks for one behind it                 */
    MEMBER_END,
    MEMBER_BROKEN                                /* nothing more can be read                                            */
} Member;
/* The next header. *name, bytes as they are in the archive, lives until the next call. DAMAGED, BROKEN: err says why. */
Member archive_next(Archive *a, const char **name, int64_t *bytes, Err *err);
/* The body of the member whose header was read last; malloc'd, ended by a NUL that is not counted. */
char  *archive_body(Archive *a, int64_t bytes, size_t *read, Err *err);
/* After MEMBER_END: whether the two blocks of zeros are there that end a tar. One cut between two members lacks them. */
bool   archive_ended(Archive *a);

#endif
