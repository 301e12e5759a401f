/* source_case.h - for tests of data sources: a temporary folder, files in it, and what a source makes of them.
 *
 * Call source_begin and source_end as a suite's .init and .fini. Names of files are seen from the folder. */
#ifndef LIMN_SOURCE_CASE_H
#define LIMN_SOURCE_CASE_H

#include "datasets/catalog.h"
#include "datasets/prepare.h"

extern char     folder[64];                      /* the temporary folder                                                */
extern Catalog *catalog;

void source_begin(void);
void source_end(void);

void put_bytes(const char *name, const char *data, size_t bytes);
void put(const char *name, const char *text);
void put_photo(const char *name, int width, int height);             /* a JPEG file                                     */

/* Compares and frees `got`; shows the first line that differs. */
void expect(char *got, const char *wanted);

/* What the source makes of the folder (or of `inputs`, seen from the folder, ended by NULL; `images` may be NULL): its catalog written out
 * (catalog_text.h), with "DIR" for the folder. malloc'd. */
char *read_by(const char *source);
char *read_inputs(const char *source, const char *const *inputs, const char *images);
/* The catalog as it is, written out likewise: for tests that call a source themselves. */
char *seen_from_folder(void);
/* The error holds these words. */
void  expect_failure(const char *source, const char *words);
void  expect_inputs_failure(const char *source, const char *const *inputs, const char *images, const char *words);

/* The folder into DIR/out.h5, 32 pixels a side. */
PrepareSummary store_by(const char *source);

#endif
