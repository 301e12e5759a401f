/* text_lines.h - lines of a text file with their numbers, and rows of CSV (RFC 4180) and TSV with a header, of any length of file.
 *
 * Lines end with LF or CRLF; with a lone CR when there is no LF in the first 64 KiB; the last one may lack its end. A byte order mark
 * (UTF-8) is passed over. What no reader could use is listed in the catalog here and passed over: a line longer than LINES_LONGEST
 * (PROBLEM_BAD_RECORD), a line with a NUL in it (PROBLEM_BAD_TEXT), a row of another number of fields than the header, text behind a
 * closing quote, a quote that is never closed (all PROBLEM_BAD_RECORD; reading goes on at the next line, so that one stray quote does
 * not swallow the rest of the file). UTF-8 is the catalog's to judge.
 *
 *     Lines *l = lines_open(c, path, "list.txt", err);                 Rows *r = rows_open(c, path, "captions.csv", ',', err);
 *     if (!l) return false;                                            if (!r) return false;
 *     for (Line line; lines_next(l, &line);) …                         int image = rows_column(r, "image");
 *     return lines_close(l, err);                                      for (Row row; rows_next(r, &row);) … row.field[image] …
 *                                                                      return rows_close(r, err);                            */
#ifndef LIMN_TEXT_LINES_H
#define LIMN_TEXT_LINES_H

#include "datasets/catalog.h"

enum { LINES_LONGEST = 4 << 20, ROWS_FIELDS = 1024, ROWS_LINES = 256 };     /* bytes a line, fields and lines a row */

typedef struct Lines Lines;
typedef struct Line { char *text; size_t bytes; Place at; } Line;           /* without its end, NUL-terminated; until the next one */

/* `name`: as in Place; copied. The file is not entered as an input: call catalog_input first. NULL: it cannot be opened. */
Lines *lines_open(Catalog *c, const char *path, const char *name, Err *err);
bool   lines_next(Lines *l, Line *out);          /* false: the end, or the disk failed (lines_close says so)            */
bool   lines_close(Lines *l, Err *err);          /* frees it either way                                                 */
char  *text_trim(char *text);                    /* without blanks (space, tab, CR, LF) at both ends; in place          */

typedef struct Rows Rows;
typedef struct Row {
    char  **field;                               /* as many as the header has; NUL-terminated; until the next row       */
    size_t *bytes;
    Place   at;                                  /* of the row's first line                                             */
} Row;

/* Reads the header. Fields stand between delimiters as they are, blanks included; with '\t' there are no quotes (TSV), with any other
 * delimiter a field that begins with '"' ends at the next single '"' and may hold delimiters, line ends (as LF) and '""' for '"'.
 * Empty lines are passed over. NULL: it cannot be opened, or has no header. */
Rows *rows_open(Catalog *c, const char *path, const char *name, char delimiter, Err *err);
int   rows_column(const Rows *r, const char *name);                         /* blanks around header names do not count; -1: none */
bool  rows_next(Rows *r, Row *out);
bool  rows_close(Rows *r, Err *err);

#endif
