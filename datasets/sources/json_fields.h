/* json_fields.h - what the fields of JSON annotations have in common: ids, sizes, boxes, and what jansson refused. */
#ifndef LIMN_JSON_FIELDS_H
#define LIMN_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "datasets/problem.h"

/* Whole numbers, also written 17.0 or "17" as some files do; false: none. */
bool json_id(const json_t *value, int64_t *out);

/* COCO's [x, y, width, height] -> corners; false: not four numbers. */
bool json_bbox(const json_t *list, double corners[4]);

/* The member of the first of these keys (ended by NULL) that is there and not null; NULL: none. */
const json_t *json_first(const json_t *object, const char *const *keys);

/* "width" and "height" of an object; false: not said, or no size of a picture (1 to 65535). */
bool json_size(const json_t *object, int *width, int *height);

/* What it is that jansson refused, a text (not UTF-8, or with a NUL in it) or a record, and why: may point into `error`. */
ProblemKind json_problem(const json_error_t *error, const char **why);

#endif
