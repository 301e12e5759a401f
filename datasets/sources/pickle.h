/* pickle.h - a strict reader of Python's pickles (PEP 307, PEP 574; CPython's Lib/pickletools.py names the opcodes): plain data alone.
 *
 * A pickle is a program for a small stack machine. The opcodes that build lists, tuples, dictionaries, texts, bytes, numbers, booleans
 * and None are carried out, of protocols 0 to 5; every other one (GLOBAL, REDUCE, INST, PERSID, sets …) is refused by name and byte
 * offset. So nothing is ever imported, called or executed, whoever wrote the file.
 *
 * The values lie in an arena of the Pickle and end with it. One that the memo hands out twice is the same pointer twice. What stands in a
 * container is never changed afterwards (a pickle that tries is refused). So no value contains itself, and how deep it is and how much it
 * spells out, with shared values counted each time, is known while it grows: PICKLE_DEPTH and PICKLE_SIZE bound what a reader may have to
 * walk through, PICKLE_MEMORY what this module takes.
 *
 * Texts are bytes, with a NUL behind them that is not counted. unicode and Python 3's str are meant to be UTF-8 and Python 2's str is often
 * ASCII, but that is for the caller to look at.                                                                          */
#ifndef LIMN_PICKLE_H
#define LIMN_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef enum PickleKind {
    PICKLE_NONE, PICKLE_BOOLEAN, PICKLE_INTEGER, PICKLE_REAL, PICKLE_TEXT, PICKLE_BYTES, PICKLE_TUPLE, PICKLE_LIST, PICKLE_DICTIONARY
} PickleKind;

typedef struct PickleValue PickleValue;
struct PickleValue {
    uint8_t  kind;                               /* PickleKind                                                          */
    uint8_t  placed;                             /* stands in a container: not to be changed any more                   */
    uint16_t depth;                              /* of containers: 1 for one of scalars                                 */
    uint32_t size;                               /* of all values below it, and itself: 1, and 1 for every 16 bytes of text */
    uint32_t count;                              /* bytes, items, or keys and values together                           */
    union {
        int64_t             integer;             /* of a boolean: 0 or 1                                                */
        double              real;
        const char         *text;
        const PickleValue **item;                /* of a dictionary: key, value, key, value … as written                */
    };
};

enum {
    PICKLE_DEPTH = 64,
    PICKLE_SIZE = 1 << 25, PICKLE_TEXT_UNIT = 16,
    PICKLE_MEMORY = 512 << 20                    /* bytes, the file's own among them                                    */
};

typedef struct Pickle Pickle;

/* `shown`: the file's name in messages. NULL: no pickle, cut short, damaged, not plain data, or too much. */
Pickle *pickle_read(const char *path, const char *shown, Err *err);
Pickle *pickle_parse(const void *data, size_t bytes, const char *shown, Err *err);
void    pickle_free(Pickle *p);                  /* NULL is allowed                                                     */
const PickleValue *pickle_root(const Pickle *p);

/* The value of a text key; of equal keys the last. NULL: there is none, or `v` is no dictionary (or NULL). */
const PickleValue *pickle_member(const PickleValue *v, const char *key);
bool pickle_is_list(const PickleValue *v);       /* or a tuple; false for NULL                                          */
bool pickle_id(const PickleValue *v, int64_t *out);              /* a whole number; false: none, or NULL                */

#endif
