/* stores.h - small stores of three kinds, to be damaged: pixels of one size with masks, JPEG files, pixels each of its own size. */
#ifndef LIMN_FUZZ_STORES_H
#define LIMN_FUZZ_STORES_H

#include "datasets/store.h"

enum { STORE_KINDS = 3, STORE_SIDE = 4, STORE_ITEMS = 3 };

StoreOptions stores_options(int kind, bool resume);          /* call stores_options_free */
void         stores_options_free(StoreOptions *o);
/* STORE_ITEMS pictures with captions, boxes, truths, masks and problems. */
void         stores_fill(StoreWriter *w, int kind);

/* Reads all that can be read from a store and touches every byte of it. The number of pictures and masks that are damaged. */
int64_t      stores_read(Store *s);
/* store_prove, with all that it tells. */
bool         stores_prove(const char *path);

#endif
