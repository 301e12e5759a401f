/* planted.h - for tests of damaged data sets: annotation files written line by line, with a note of what must be listed of each. */
#ifndef LIMN_PLANTED_H
#define LIMN_PLANTED_H

#include "tests/prepare_case.h"

extern int     planted_all, planted_good;        /* problems noted; pictures that must be stored (the test counts them) */
extern int64_t line;                             /* that was said last; 0: none of the file                             */

/* A file below "data/" begins, and ends; or was begun only to plant something at a line of it. */
void planted_file(const char *name);
void planted_file_end(void);
void planted_file_abandon(void);
/* A line of it. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What must be listed of the line that was said last; the texts are kept as pointers. */
void plant(const char *kind, const char *name, const char *words);
/* A line, and what must be listed of it. */
#define BAD(kind, name, words, ...) (say(__VA_ARGS__), plant(kind, name, words))

/* All that must hold of a damaged data set: store (`out`) and report list what was planted and nothing else, all good pictures are there,
 * no path is in either, --dry-run reports the same bytes and writes nothing else, --strict fails and names the first fault. */
void expect_damage(const char *source, PrepareOptions o, const char *out);

#endif
