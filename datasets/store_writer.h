/* store_writer.h - a store in the making, private to store_write.c and store_assemble.c. */
#ifndef LIMN_STORE_WRITER_H
#define LIMN_STORE_WRITER_H

#include "datasets/store.h"
#include "datasets/store_tables.h"
#include "tensor/base/file.h"

/* Where an item's picture lies in the journal; its masks follow it. */
typedef struct StorePiece { int64_t at, bytes, masks; } StorePiece;

struct StoreWriter {
    char    *path, *journal_path;
    int      size;
    bool     jpeg;
    int      journal_fd;                         /* holds the lock; reads the journal back */
    FileLog *journal;
    int64_t  journal_bytes, picture_bytes;
    Buffer   pieces;                             /* StorePiece */
    Tables   tables;
};

/* Lays the file out, checks it, and writes it to w->path. */
bool store_assemble(StoreWriter *w, Err *err);

static inline int64_t store_mask_bytes(int size) { return (int64_t)size * ((size + 7) / 8); }

#endif
