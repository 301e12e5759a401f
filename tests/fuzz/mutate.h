/* mutate.h - the n-th mutation of a corpus: a pure function of n and the files, so that any of them can be made again. */
#ifndef LIMN_FUZZ_MUTATE_H
#define LIMN_FUZZ_MUTATE_H

#include <stdint.h>

#include "datasets/buffer.h"

typedef struct Corpus { Buffer *input; char **name; int count; } Corpus;

enum { MUTATION_LARGEST = 1 << 16 };             /* bytes */

/* Begins from input n modulo their number and damages it 1 to 4 times: bits, bytes, numbers that are often a limit, pieces that are cut off,
 * taken out, doubled, or taken over from another input. `out` is overwritten. */
void mutate(const Corpus *c, uint64_t n, Buffer *out);

#endif
