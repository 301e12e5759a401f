/* json_lines.h - a JSON object a line, as *.jsonl files have it. */
#ifndef LIMN_JSON_LINES_H
#define LIMN_JSON_LINES_H

#include <jansson.h>

#include "datasets/catalog.h"

typedef bool JsonLine(const json_t *object, Place at, void *context, Err *err);      /* false stops                  */

/* Enters the file as an input and calls `each` for its objects, in their order. Empty lines are passed over; what is no JSON object, or has
 * a key twice, is listed and passed over too. `shown`: as in Place. */
bool json_lines(Catalog *c, const char *path, const char *shown, JsonLine *each, void *context, Err *err);

#endif
