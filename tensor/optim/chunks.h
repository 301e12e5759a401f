/* chunks.h - parameters cut into chunks of fixed length, which the members of a team share.
 * The cut depends on the shapes alone: what is added up chunk by chunk, in order, is the same on any number of threads. */
#ifndef LIMN_CHUNKS_H
#define LIMN_CHUNKS_H

#include "tensor/params.h"

typedef struct Chunk { const Param *param; int index; int64_t from, count; } Chunk;   /* index: of the parameter */

bool param_learns(const Param *p);               /* it has a gradient: neither frozen nor a buffer */
bool param_moves(const Param *p);                /* it learns or is a buffer: training may change it */

/* All chunks of the wanted parameters, in order; the caller frees them. */
Chunk *params_chunks(Params *p, bool (*wanted)(const Param *p), int64_t *count);

#endif
