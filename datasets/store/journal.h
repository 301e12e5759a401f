/* journal.h - PATH.journal: what a writer has done so far, so that a killed one can be gone on with; private to this folder.
 *
 *     "limn journal, layout 2\n"    u64 bytes, u64 XXH64    a head: what decides the store, as JSON    records (store/record.h)
 *
 * It is the lock too: one writer a store. What follows the last whole record, as after a kill or a power cut, is cut off.   */
#ifndef LIMN_STORE_JOURNAL_H
#define LIMN_STORE_JOURNAL_H

#include "datasets/store/record.h"
#include "tensor/base/file.h"

typedef struct Journal {
    char    *path;
    int      fd;                                 /* holds the lock; reads back                                          */
    FileLog *log;
    int64_t  begin;                              /* of the records                                                      */
    Buffer   at;                                 /* int64_t: where each record begins                                   */
    int64_t  items;                              /* records that hold one                                               */
    Buffer   meta;                               /* of the record read last                                             */
} Journal;

/* keep: go on with the records that are there when their head is the same; another head is an error unless `restart`. */
bool journal_open(Journal *j, const char *store, const char *head, bool keep, bool restart, Err *err);
bool journal_append(Journal *j, const StoreRecord *r, Err *err);
/* keep: what was done stays for the next writer. */
void journal_close(Journal *j, bool keep);

static inline int64_t journal_count(const Journal *j) { return (int64_t)(j->at.used / sizeof(int64_t)); }
/* A record's meta taken apart, valid until the next call; *picture: where the picture begins in the journal, and its size. */
typedef struct JournalBulk { int64_t at, picture, masks; } JournalBulk;
bool journal_read(Journal *j, int64_t record, RecordView *v, JournalBulk *bulk, Err *err);
bool journal_bytes(const Journal *j, int64_t at, void *to, int64_t bytes, Err *err);

#endif
