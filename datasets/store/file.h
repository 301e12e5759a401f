/* file.h - the file around the HDF5 data, private to this folder: its table of parts, checksums, and HDF5 in memory.
 *
 * A store is [user block][parts…]: HDF5 skips a user block, whose size is a power of two. Ours is readable text:
 *     limn store, layout 2
 *     at 16384 bytes 32768 sha256 6f1c… structure                 what HDF5 needs to find the rest
 *     at 49152 bytes 32368 sha256 03ba… items/name_bytes          an array, with the zeros that fill up to the next
 *     at 8125504 bytes 1214545920 checked by item images/pixels   pictures: images/xxh64 holds a checksum of each
 *     sha256 90ab…                                                of the text above: the hash of the store
 * padded with zeros. Parts follow each other without a gap up to the end of the file, so that every byte is covered by a hash, and so
 * that what is damaged can be named, and what is not can still be checked, without HDF5.
 *
 * HDF5 1.10 crashes or hangs on damaged files and can report success on a full disk. So it never touches the disk here: it works on
 * memory through a small file driver of ours, and bytes of a file only reach it after their SHA-256 has been checked. */
#ifndef LIMN_STORE_FILE_H
#define LIMN_STORE_FILE_H

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

#include "datasets/store/xxh64.h"
#include "tensor/base/err.h"

enum { STORE_USER_BLOCK = 16384, STORE_MAX_PARTS = 64 };

typedef struct Part { int64_t at, bytes; bool by_item; char sha256[65], name[32]; } Part;
typedef struct Parts { int count; Part part[STORE_MAX_PARTS]; char hash[65]; } Parts;

/* Writes the user block; sets parts->hash. */
void parts_write(Parts *parts, char block[STORE_USER_BLOCK]);
/* Reads and checks it; `path` is for messages, `file_bytes` what the file really has. */
bool parts_read(const char block[STORE_USER_BLOCK], const char *path, int64_t file_bytes, Parts *out, Err *err);
/* What can still be read of a table that may be damaged: the parts whose lines make sense, in ascending order, none over another.
 * false: not a store, or one of another layout. *intact: the table matches its hash and has no gap; *end is then the file's size. */
bool parts_salvage(const char block[STORE_USER_BLOCK], const char *path, Parts *out, bool *intact, int64_t *end, Err *err);

/* Bytes [at, at + bytes) of a file: how many of them there are, -1: none could be read, and errno says why. */
int64_t file_read_at(int fd, int64_t at, void *to, int64_t bytes);

/* ---- HDF5 in memory: `capacity` bytes of address space, of which only the touched pages cost memory ------------------ */
typedef struct Sparse { uint8_t *p; size_t capacity, end; bool writable; } Sparse;   /* end: of the file */

bool  sparse_new(Sparse *m, size_t capacity, Err *err);
bool  sparse_map(Sparse *m, int fd, size_t bytes, const char *path, Err *err);   /* a file instead, to be read          */
void  sparse_let_go(const Sparse *m);            /* of a mapped file: what was looked at need not stay in memory         */
void  sparse_free(Sparse *m);
/* Opens (or creates, when writable) the HDF5 file in m; negative on failure. m must outlive it. */
hid_t sparse_open(Sparse *m);

/* HDF5 is used by one thread at a time, and silently. */
void hdf5_enter(void);
void hdf5_leave(void);

#endif
