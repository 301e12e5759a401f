/* split.h - the split of pictures that have none of their own, by the rules of --split. */
#ifndef LIMN_PREPARE_SPLIT_H
#define LIMN_PREPARE_SPLIT_H

#include <jansson.h>

#include "datasets/catalog.h"
#include "datasets/prepare.h"

typedef struct Splits Splits;
/* Reads the lists. */
Splits *splits_open(const SplitRule *rules, int count, Err *err);
void    splits_close(Splits *s);
/* The first list that names the picture, with or without its extension; else by the SHA-256 of its bytes, taken as a number in [0,1), which
 * falls into the shares one after the other; else "train". */
const char *splits_choose(const Splits *s, const char *name, const char sha256[65]);
void    summary_note(PrepareSummary *out, const char *format, ...) __attribute__((format(printf, 2, 3)));       /* to out->note */
bool    summary_has_split(const PrepareSummary *s, const char *name);
/* What the rules did not do, as sentences to `out` (see PrepareSummary): pictures all have splits of their own, names in lists are no
 * pictures' … `c`: read. */
void    splits_note(const Splits *s, const Catalog *c, PrepareSummary *out);
/* … and splits have no picture. out->split says who has. */
void    splits_note_empty(const Splits *s, PrepareSummary *out);
/* What decides, for the provenance: [{split, share} or {split, sha256 of the list}]. */
json_t *splits_record(const Splits *s);

#endif
