/* buffer.c - bytes that grow by doubling. */
#include "datasets/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/base/err.h"

void buffer_room(Buffer *b, size_t bytes)
{
    if (b->used + bytes <= b->room) return;
    size_t room = b->room ? b->room : 256;
    while (room < b->used + bytes) room *= 2;
    b->p = realloc(b->p, room);
    REQUIRE(b->p, "out of memory (%zu bytes)", room);
    b->room = room;
}

void buffer_add(Buffer *b, const void *data, size_t bytes)
{
    buffer_room(b, bytes);
    if (bytes) memcpy(b->p + b->used, data, bytes);
    b->used += bytes;
}

void *buffer_zeros(int64_t count, size_t bytes)
{
    void *p = calloc((size_t)count + 1, bytes);
    REQUIRE(p, "out of memory (%zu bytes)", (size_t)count * bytes);
    return p;
}
