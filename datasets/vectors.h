/* vectors.h - blocks of numbers, with or without names, in a file that a researcher made; private to features/import.c and the
 * formats. A format is a file and a row in features/import.c.                                                           */
#ifndef LIMN_VECTORS_H
#define LIMN_VECTORS_H

#include "tensor/tensor.h"

typedef struct Vectors Vectors;
struct Vectors {
    const char *path;                            /* for messages; whoever opens keeps it alive */
    int64_t     count, tokens, width;            /* count: rows */
    char      **names;                           /* [count] strings, malloc'd; NULL: rows are in the store's order */
    const char *names_hint;                      /* where names would have been looked for */
    bool      (*read)(const Vectors *v, int64_t row, real *out);     /* (tokens,width); safe from several threads */
    void      (*close)(Vectors *v);              /* all but names; frees v */
};

/* `set`: a data set inside the file, or NULL. NULL on failure. */
Vectors *vectors_npy_open(const char *path, const char *set, Err *err);
Vectors *vectors_hdf5_open(const char *path, const char *set, Err *err);

/* From the dimensions of an array to rows, tokens and width; false and a sentence when it is not (rows,width) or (rows,tokens,width). */
bool vectors_shape(Vectors *v, const int64_t *dims, int rank, Err *err);

#endif
