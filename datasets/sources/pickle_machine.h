/* pickle_machine.h - the parts of the stack machine that reads pickles (pickle.h): what its opcodes work on.
 *
 * pickle.c has the table of opcodes and the stack, memo and containers, pickle_scalars.c numbers and texts. An opcode is one function,
 * whose `n` is the row's own number: bytes of its argument, a kind, a count. false: refused, with an Err.                  */
#ifndef LIMN_PICKLE_MACHINE_H
#define LIMN_PICKLE_MACHINE_H

#include "datasets/buffer.h"
#include "datasets/sources/pickle.h"

typedef struct Machine Machine;
typedef bool PickleOp(Machine *m, int n);
typedef struct Opcode { const char *name; PickleOp *run; int n; } Opcode;    /* name NULL: there is none; run NULL: refused */

struct Machine {
    const uint8_t *data, *at, *end;              /* of the file: all, from the next opcode or argument                  */
    const char    *shown;
    Pickle        *p;
    Buffer         stack, marks, memo;           /* PickleValue *; heights of the stack; PickleValue *, NULL: none      */
    Buffer         scratch;                      /* a text without its escapes                                          */
    size_t         base, memoized;               /* what lies below the last mark is out of reach; entries of the memo  */
    const Opcode  *op;                           /* the one at work, and where it is                                    */
    const uint8_t *op_at;
    bool           stopped;
    Err           *err;
};

/* Refuses: "FILE: opcode NAME at byte N " and then what it does wrong. */
bool pickle_wrong(const Machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From the file: so many bytes; an unsigned little-endian number of 0 to 8 bytes; a line, whose line feed is text[bytes]. */
bool pickle_bytes(Machine *m, uint64_t bytes, const uint8_t **out);
bool pickle_number(Machine *m, int bytes, uint64_t *out);
bool pickle_line(Machine *m, const char **text, size_t *bytes);
/* A line that begins with a whole number: what is behind the number is *rest bytes, the last ones of the line. */
bool pickle_decimal(Machine *m, int64_t *out, const char **text, size_t *rest);

/* A new value in the arena; so many bytes there, of 8-byte alignment. */
PickleValue *pickle_new(Machine *m, PickleKind kind);
void        *pickle_take(Pickle *p, size_t bytes);
bool         pickle_push(Machine *m, PickleValue *v);                /* always true                                     */

PickleOp pickle_none, pickle_boolean, pickle_int, pickle_binint, pickle_long, pickle_binlong, pickle_float, pickle_binfloat,
    pickle_string, pickle_unicode, pickle_bintext, pickle_binbytes;

#endif
