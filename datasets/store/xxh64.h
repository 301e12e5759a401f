/* xxh64.h - XXH64 (Collet 2012, xxhash.com; seed 0): a checksum at some 10 GB/s, for big data that is checked at every reading.
 * It tells damage, not malice: where that matters, SHA-256 is in tensor/base/file.h.                                    */
#ifndef LIMN_XXH64_H
#define LIMN_XXH64_H

#include <stddef.h>
#include <stdint.h>

uint64_t xxh64(const void *data, size_t bytes);

#endif
