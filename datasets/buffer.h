/* buffer.h - bytes that grow. Out of memory stops the program. */
#ifndef LIMN_BUFFER_H
#define LIMN_BUFFER_H

#include <stddef.h>

typedef struct Buffer { char *p; size_t used, room; } Buffer;    /* {0} to begin; free(p) at the end */

void buffer_add(Buffer *b, const void *data, size_t bytes);
void buffer_room(Buffer *b, size_t bytes);       /* makes room for so many more behind `used` */

#endif
