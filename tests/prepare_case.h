/* prepare_case.h - for tests of whole preparations: a small data set in source_case.h's folder, options over it, and what was listed. */
#ifndef LIMN_PREPARE_CASE_H
#define LIMN_PREPARE_CASE_H

#include "datasets/prepare.h"
#include "tests/source_case.h"

enum { CASE_SIDE = 40 };

/* Of a file in the folder; one of the last eight. */
const char *in_folder(const char *name);
char        *hash_of(const char *name, char hex[65]);                /* SHA-256 of a file in the folder                 */

/* A photograph of stripes and a shade that differ by `kind`, as a JPEG or, by its name, PNG file. */
void put_striped(const char *name, int kind, int width, int height);
/* "data" in Flickr8k's layout: photographs p00.jpg … of two captions each, p00.jpg 40 x 40, half in train, a quarter each in val and test. */
void put_flickr8k(int photos);

/* Of `source` over "data", into `out` and its report beside it (both in the folder), 40 pixels a side; out NULL: a dry run, reported into
 * "dry.jsonl". */
PrepareOptions case_options(const char *out);
bool           prepare_data(const char *source, const PrepareOptions *o, PrepareSummary *out, Err *err);     /* out may be NULL */
void           prepare_well(const char *source, const PrepareOptions *o);                    /* must succeed             */

/* Of the listed problems of a report: how many lines there are, and whether there is one of that kind, name, file and line (-1: any)
 * whose reason has these words. */
int  report_lines(const char *report);
bool report_has(const char *report, const char *kind, const char *name, const char *file, int64_t line, const char *words);
/* Store and report must list the same in the same order. */
void expect_same_lists(const char *store, const char *report);

#endif
