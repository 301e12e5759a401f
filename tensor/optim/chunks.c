/* chunks.c - parameters cut into chunks of fixed length. */
#include "tensor/optim/chunks.h"

#include <stdlib.h>

enum { CHUNK = 1 << 14 };

bool param_learns(const Param *p) { return p->tensor->wants_grad; }
bool param_moves(const Param *p)  { return p->buffer || param_learns(p); }

static int64_t chunk_count(const Param *p) { return (shape_count(p->tensor->shape) + CHUNK - 1) / CHUNK; }

Chunk *params_chunks(Params *p, bool (*wanted)(const Param *p), int64_t *count)
{
    int64_t total = 0;

    for (int i = 0; i < params_count(p); i++) total += wanted(params_at(p, i)) ? chunk_count(params_at(p, i)) : 0;
    Chunk *chunks = malloc((size_t)(total + 1) * sizeof *chunks);
    REQUIRE(chunks, "out of memory");
    *count = 0;
    for (int i = 0; i < params_count(p); i++) {
        const Param *w = params_at(p, i);
        int64_t elements = wanted(w) ? shape_count(w->tensor->shape) : 0;

        for (int64_t at = 0; at < elements; at += CHUNK)
            chunks[(*count)++] = (Chunk){ w, i, at, elements - at < CHUNK ? elements - at : CHUNK };
    }
    return chunks;
}
