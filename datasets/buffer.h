/* buffer.h - bytes that grow, and arrays of zeros. Out of memory stops the program. */
#ifndef LIMN_BUFFER_H
#define LIMN_BUFFER_H

#include <stddef.h>
#include <stdint.h>

typedef struct Buffer { char *p; size_t used, room; } Buffer;    /* {0} to begin; free(p) at the end */

void buffer_add(Buffer *b, const void *data, size_t bytes);
void buffer_room(Buffer *b, size_t bytes);       /* makes room for so many more behind `used` */

void *buffer_zeros(int64_t count, size_t bytes); /* so many elements of so many bytes, never NULL; free() them */

#endif
