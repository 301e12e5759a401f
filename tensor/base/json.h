/* json.h - small conveniences over jansson, so that every reader of a JSON file gives the same kind of error. */
#ifndef LIMN_JSON_H
#define LIMN_JSON_H

#include <jansson.h>

#include "tensor/base/file.h"

json_t *json_read_file(const char *path, Err *err);                          /* NULL on failure: file, line, cause */
bool    json_write_file(const char *path, const json_t *j, Err *err);        /* through file.h; indented           */
bool    json_write_line(FileWriter *w, json_t *j, Err *err);                 /* a line of JSON lines; takes j      */

/* Any bytes as a JSON text: json_string() refuses what is not UTF-8, as file names may be; here such bytes become '?'. */
json_t *json_text(const char *bytes);
/* A number, or null where it is not finite, which JSON cannot say. */
json_t *json_number(double value);

/* Members with a default; a member of the wrong type is an error that names `where` (a file) and the key. */
bool json_get_int (const json_t *o, const char *key, int64_t fallback, int64_t *out, const char *where, Err *err);
bool json_get_real(const json_t *o, const char *key, double fallback, double *out, const char *where, Err *err);
bool json_get_bool(const json_t *o, const char *key, bool fallback, bool *out, const char *where, Err *err);
bool json_get_text(const json_t *o, const char *key, const char *fallback, const char **out, const char *where, Err *err);

#endif
