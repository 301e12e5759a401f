/* vocab.h - byte strings to consecutive ids and back: an open-addressing hash table (linear probing, FNV-1a). */
#ifndef LIMN_VOCAB_H
#define LIMN_VOCAB_H

#include <stddef.h>
#include <stdint.h>

typedef struct Vocab Vocab;

Vocab      *vocab_new(void);
void        vocab_free(Vocab *v);                                    /* NULL is allowed                     */
int32_t     vocab_size(const Vocab *v);
int32_t     vocab_add(Vocab *v, const char *text, size_t bytes);     /* its id; the next free one when new  */
int32_t     vocab_find(const Vocab *v, const char *text, size_t bytes);          /* -1 when absent          */
const char *vocab_text(const Vocab *v, int32_t id);                  /* NUL-terminated, owned by v; until the next vocab_add */

#endif
