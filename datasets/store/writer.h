/* writer.h - a store in the making, private to this folder. */
#ifndef LIMN_STORE_WRITER_H
#define LIMN_STORE_WRITER_H

#include "datasets/store/journal.h"
#include "datasets/store/tables.h"

struct StoreWriter {
    char    *path, *folder;
    int      size;
    bool     files, keep;                        /* keep: the journal, when the store is not finished                   */
    Journal  journal;
    Columns  columns;
    char    *tokenizer, *provenance, *preprocess;                    /* JSON                                            */
    struct { char *split, *extra; int64_t min_count, max_words; bool wanted; } vocabulary;       /* to be built at the end */
};

/* Everything that is small, from the journal's records to w->columns. */
bool store_collect(StoreWriter *w, Err *err);
/* Lays the file out, checks it, and writes it to w->path. */
bool store_assemble(StoreWriter *w, Err *err);

#endif
