/* file.h - the one seam for files: whole reads, write-aside-then-rename, append, folders, locks.
 *
 * A FileWriter writes PATH.part-PID, and file_commit flushes, fsyncs, renames over PATH and fsyncs the folder, so that
 * PATH is always either the old file or the whole new one. A failed write (full disk, quota, closed pipe) is one error
 * that names the path and the cause; nothing under PATH is lost.
 *
 * Fault injection for tests: the environment variable LIMN_FAULT, "write:N:ENOSPC" (the N-th byte written through this seam
 * and all later ones fail with that errno name: ENOSPC, EIO, EDQUOT), "kill:N" (SIGKILL on oneself after N bytes) or "fsync:EIO". */
#ifndef LIMN_FILE_H
#define LIMN_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef struct FileWriter FileWriter;

FileWriter *file_begin(const char *path, Err *err);                          /* NULL on failure                */
bool file_write(FileWriter *w, const void *data, size_t bytes, Err *err);
bool file_printf(FileWriter *w, Err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool file_commit(FileWriter *w, Err *err);                                   /* frees w either way             */
/* Removes the parts that killed writers of PATH left. For who knows that nobody else is writing it. */
void file_forget_parts(const char *path);
void file_abandon(FileWriter *w);                                            /* removes the part; NULL allowed */
bool file_put(const char *path, const void *data, size_t bytes, Err *err);   /* begin + write + commit         */
/* The same for one of many files in a folder, which is not searched each time for what a killed writer left: do that once. */
bool file_put_among(const char *path, const void *data, size_t bytes, Err *err);
void folder_forget_parts(const char *folder);    /* the parts of dead processes in it                          */

char *file_read(const char *path, size_t *bytes, Err *err);                  /* malloc'd, NUL-terminated; NULL on failure */
bool  file_exists(const char *path);
bool  file_bytes(const char *path, int64_t *bytes, Err *err);                /* its size; an error: no plain file */
bool  folder_exists(const char *path);
bool  folder_make(const char *path, Err *err);                               /* with its parents; fine if there */

/* path_join(a, "b/c") -> malloc'd "a/b/c". */
char *path_join(const char *folder, const char *name);
/* Whether a relative path stays in its folder: not absolute, no ".." that leads out. */
bool  path_stays_inside(const char *path);

/* Append-only files (log.jsonl): open or create, cut to `bytes` when >= 0, append whole lines. */
typedef struct FileLog FileLog;
FileLog *filelog_open(const char *path, int64_t cut_to, Err *err);
bool     filelog_append(FileLog *l, const void *data, size_t bytes, Err *err);
int64_t  filelog_size(const FileLog *l);
bool     filelog_sync(FileLog *l, Err *err);                                 /* fsync: what is there survives a power cut */
bool     filelog_close(FileLog *l, Err *err);                                /* flush + fsync                  */

/* An exclusive lock on a folder (flock on FOLDER/.lock), released at exit or death; fails at once when held. */
typedef struct FolderLock FolderLock;
FolderLock *folder_lock(const char *folder, Err *err);
void        folder_unlock(FolderLock *l);
bool        folder_in_use(const char *folder);   /* somebody holds its lock */

/* SHA-256 of a file or of bytes as 64 hex digits (data hashes, provenance). */
bool file_sha256(const char *path, char hex[65], Err *err);
void sha256_hex(const void *data, size_t bytes, char hex[65]);
/* Piece by piece. */
typedef struct Sha256 { uint32_t h[8]; uint64_t bytes; unsigned char block[64]; } Sha256;
void sha256_begin(Sha256 *s);
void sha256_add(Sha256 *s, const void *data, size_t bytes);
void sha256_end(Sha256 *s, char hex[65]);

#endif
