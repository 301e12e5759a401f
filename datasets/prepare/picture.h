/* picture.h - one picture of a catalog, from the bytes of its file to the record that the store takes.
 *
 * Decode, turn upright, resize, encode, hash; boxes follow the pixels through all of it. What is wrong becomes problems of the record,
 * never an error. A pure function of its arguments: any number of threads may run it.                                   */
#ifndef LIMN_PREPARE_PICTURE_H
#define LIMN_PREPARE_PICTURE_H

#include "datasets/catalog.h"
#include "datasets/prepare.h"

/* The options that matter to every picture. */
typedef struct PictureJob {
    const PrepareOptions *o;
    Preprocess            preprocess;            /* mode, size and filter of the options                                */
} PictureJob;

/* What was read: bytes, or why not (then data is NULL). */
typedef struct PictureBytes { char *data; size_t bytes; ProblemKind why; char reason[512]; } PictureBytes;

typedef struct MadePicture {
    StoreRecord *record;
    int64_t      bytes;                          /* read                                                                */
    bool         stored;
} MadePicture;

/* `split`: of the entry, or by the options' rules (prepare_split). */
MadePicture prepare_picture(const PictureJob *job, const CatalogEntry *e, const char *split, const PictureBytes *read, const char sha256[65]);

#endif
