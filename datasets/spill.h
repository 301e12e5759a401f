/* spill.h - bytes that grow without growing in memory: past a small buffer they go to a nameless temporary file.
 *
 * The file lies in the folder of the store that is being written (so that there is one disk to be full), has no name, and is gone
 * when the process is. Writes pass the seam of tensor/base/file.h: a full disk is one error.                            */
#ifndef LIMN_SPILL_H
#define LIMN_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef struct Spill {
    const char *folder;                          /* not ours */
    int         fd;                              /* -1: all is in the buffer still */
    char       *buffer;                          /* of [flushed, used) */
    int64_t     flushed, used;
} Spill;

enum { SPILL_BUFFER = 1 << 16 };

Spill spill_begin(const char *folder);           /* takes nothing yet */
void  spill_free(Spill *s);
bool  spill_add(Spill *s, const void *data, size_t bytes, Err *err);
/* Bytes [at, at + bytes), which must have been added. */
bool  spill_read(const Spill *s, int64_t at, void *to, size_t bytes, Err *err);

#endif
