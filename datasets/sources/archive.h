/* archive.h - members of tar archives, plain or compressed (libarchive).
 *
 * An archive has no random access. A MemberReader goes forward through one archive at a time, so that members asked for in the order in
 * which they lie there cost one pass; another file, or a member that lies before, opens it anew.                         */
#ifndef LIMN_ARCHIVE_H
#define LIMN_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef struct MemberReader MemberReader;
MemberReader *member_reader_new(void);
void          member_reader_free(MemberReader *r);
/* The bytes of `member` of the archive `file`, malloc'd; NULL when it is not there or damaged: the error has no path in it. */
char         *member_reader_read(MemberReader *r, const char *file, const char *member, size_t *bytes, Err *err);

#endif
