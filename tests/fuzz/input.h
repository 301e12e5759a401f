/* input.h - what the fuzz targets share: bytes as a file, a catalog read to its end, and damage done to something whole.
 *
 * A target is a file here with one function, LLVMFuzzerTestOneInput: libFuzzer calls it with inputs that it makes up (run.sh), and
 * replay.c with those that are kept in corpus/ and mutations of them. Any bytes must be read or refused with a sentence; a target
 * REQUIREs what a reader promises beyond that. What it breaks is found by the sanitizers.                               */
#ifndef LIMN_FUZZ_INPUT_H
#define LIMN_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "datasets/buffer.h"
#include "datasets/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder of this process below $TMPDIR or /tmp, made by the first call; whoever set TMPDIR removes it. */
const char *fuzz_folder(void);
/* Writes FOLDER/name (no fsync) and gives its path, which lives until the fourth call from now. */
const char *fuzz_path(const char *name);
const char *fuzz_file(const char *name, const void *data, size_t size);

Catalog *fuzz_catalog(void);
/* Reads everything that was put in, checks that captions, spans and problems are what catalog.h says, and frees it. */
void     fuzz_catalog_end(Catalog *c);

/* ---- damage: an input is a list of edits, each of 5 bytes and more ------------------------------------------------- */
typedef struct Edit {
    enum { EDIT_PUT, EDIT_INSERT, EDIT_REMOVE, EDIT_CUT } kind;      /* first byte, its lowest 2 bits                   */
    uint8_t        which;                        /* second byte                                                         */
    uint32_t       where;                        /* 2 bytes, little-endian, then 1 of how many bytes follow             */
    uint8_t        count;
    const uint8_t *bytes;                        /* PUT, INSERT: those; REMOVE has none                                 */
} Edit;
/* Takes the next edit off the input; false: it is used up. */
bool fuzz_edit(const uint8_t **data, size_t *size, Edit *e);
/* `where` counts from the beginning, and wraps around. */
void fuzz_apply(Buffer *b, const Edit *e, uint32_t where);

#endif
