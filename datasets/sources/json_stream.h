/* json_stream.h - the elements of big JSON lists, one after the other, in memory that does not grow with the file.
 *
 * A scanner of our own finds where an element begins and ends; jansson reads it. So one caption that is not UTF-8 spoils its own element
 * and no other, and members that nobody wants are passed over without being built. Only a file whose structure breaks off is an error. */
#ifndef LIMN_JSON_STREAM_H
#define LIMN_JSON_STREAM_H

#include <jansson.h>
#include <stdint.h>

#include "datasets/problem.h"
#include "tensor/base/err.h"

typedef struct JsonItem {
    const char *list;                            /* the key of the list; "" when the file is one                        */
    int64_t     index, line;                     /* within the list from 0; in the file from 1                          */
    json_t     *value;                           /* NULL: jansson refused it …                                          */
    ProblemKind kind;                            /* … and this is what it is (PROBLEM_BAD_TEXT, PROBLEM_BAD_RECORD)     */
    const char *why;
} JsonItem;
typedef bool JsonEach(const JsonItem *item, void *context, Err *err);            /* false stops                         */

/* Bytes of the largest element that is read; others have no value. jansson makes up to 75 times as many of them. */
enum { JSON_STREAM_ELEMENT = 16 << 20 };

/* Calls `each` for the elements of the lists that are members `lists` (ended by NULL) of the file's object, in the order of the file;
 * lists NULL: of the list that the file itself is; a file may be either when "" is the first of lists. `shown`: the file's name in
 * messages. A member that is missing is passed over; one that is no list is an error. */
bool json_stream(const char *path, const char *shown, const char *const *lists, JsonEach *each, void *context, Err *err);

#endif
