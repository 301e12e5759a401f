/* pickle.c - the stack machine: values, marks, and a memo of values that are wanted again, driven by a table of opcodes. */
#include "datasets/sources/pickle_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"

enum { SMALLEST_BLOCK = 1 << 12, LARGEST_BLOCK = 1 << 20, NEWEST_PROTOCOL = 5 };

typedef struct Block { struct Block *before; size_t used, room; } Block;         /* its bytes lie behind it */

struct Pickle { Block *block; size_t bytes; const PickleValue *root; };

bool pickle_wrong(const Machine *m, const char *format, ...)
{
    char    what[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    return fail(m->err, "%s: opcode %s at byte %lld %s", m->shown, m->op->name, (long long)(m->op_at - m->data), what);
}

/* At each opcode no more than PICKLE_MEMORY. */
static size_t taken(const Machine *m)
{
    return m->p->bytes + m->stack.room + m->marks.room + m->memo.room + (size_t)(m->end - m->data);
}

static bool too_much(const Machine *m) { return pickle_wrong(m, "comes after %d MiB of memory were taken", PICKLE_MEMORY >> 20); }

/* ---- the arena --------------------------------------------------------------------------------------------------------- */
void *pickle_take(Pickle *p, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if (!p->block || p->block->room - p->block->used < bytes) {
        size_t room = p->bytes < SMALLEST_BLOCK ? SMALLEST_BLOCK : p->bytes > LARGEST_BLOCK ? LARGEST_BLOCK : p->bytes;
        if (room < bytes) room = bytes;
        Block *b = malloc(sizeof *b + room);
        REQUIRE(b, "out of memory (%zu bytes)", room);
        *b = (Block){ p->block, 0, room };
        p->block = b;
        p->bytes += room;
    }
    void *piece = (char *)(p->block + 1) + p->block->used;
    p->block->used += bytes;
    return piece;
}

PickleValue *pickle_new(Machine *m, PickleKind kind)
{
    PickleValue *v = pickle_take(m->p, sizeof *v);
    *v = (PickleValue){ .kind = (uint8_t)kind, .depth = kind >= PICKLE_TUPLE, .size = 1 };
    return v;
}

void pickle_free(Pickle *p)
{
    for (Block *b = p ? p->block : NULL, *before; b; b = before) {
        before = b->before;
        free(b);
    }
    free(p);
}

/* ---- the file ---------------------------------------------------------------------------------------------------------- */
bool pickle_bytes(Machine *m, uint64_t n, const uint8_t **out)
{
    if (n > (uint64_t)(m->end - m->at)) return pickle_wrong(m, "reaches beyond the end: the file is damaged or was cut short");
    *out = m->at;
    m->at += n;
    return true;
}

bool pickle_number(Machine *m, int bytes, uint64_t *out)
{
    const uint8_t *b;

    TRY(pickle_bytes(m, (uint64_t)bytes, &b));
    *out = 0;
    for (int i = 0; i < bytes; i++) *out |= (uint64_t)b[i] << 8 * i;
    return true;
}

bool pickle_line(Machine *m, const char **text, size_t *bytes)
{
    const uint8_t *first = m->at, *end = memchr(m->at, '\n', (size_t)(m->end - m->at));

    if (!end) return pickle_wrong(m, "has a line that does not end: the file is damaged or was cut short");
    *text = (const char *)first;
    *bytes = (size_t)(end - first);
    m->at = end + 1;
    return true;
}

/* ---- the stack --------------------------------------------------------------------------------------------------------- */
static size_t        height(const Machine *m) { return m->stack.used / sizeof(PickleValue *); }
static PickleValue **slots(const Machine *m)  { return (PickleValue **)(void *)m->stack.p; }

bool pickle_push(Machine *m, PickleValue *v)
{
    buffer_add(&m->stack, &v, sizeof v);
    return true;
}

/* The newest value; NULL: there is none within reach. */
static PickleValue *top(Machine *m)
{
    if (height(m) > m->base) return slots(m)[height(m) - 1];
    pickle_wrong(m, "wants a value that is not there");
    return NULL;
}

static PickleValue *pop(Machine *m)
{
    PickleValue *v = top(m);
    if (v) m->stack.used -= sizeof v;
    return v;
}

static size_t last_mark(const Machine *m) { return ((const size_t *)(const void *)(m->marks.p + m->marks.used))[-1]; }

/* Takes the last mark away; what was pushed since is slots [from, height). */
static bool pop_mark(Machine *m, size_t *from)
{
    if (!m->marks.used) return pickle_wrong(m, "wants a MARK that is not there");
    *from = last_mark(m);
    m->marks.used -= sizeof *from;
    m->base = m->marks.used ? last_mark(m) : 0;
    return true;
}

static bool op_mark(Machine *m, int n)
{
    (void)n;
    m->base = height(m);
    buffer_add(&m->marks, &m->base, sizeof m->base);
    return true;
}

static bool op_pop(Machine *m, int n)
{
    size_t from;
    (void)n;
    return height(m) == m->base && m->marks.used ? pop_mark(m, &from) : pop(m) != NULL;
}

static bool op_pop_mark(Machine *m, int n)
{
    size_t from = 0;
    (void)n;
    TRY(pop_mark(m, &from));
    m->stack.used = from * sizeof(PickleValue *);
    return true;
}

static bool op_dup(Machine *m, int n)
{
    PickleValue *v = top(m);
    (void)n;
    return v && pickle_push(m, v);
}

static bool op_stop(Machine *m, int n)
{
    PickleValue *v = pop(m);
    (void)n;
    if (!v) return false;
    if (height(m) || m->marks.used) return pickle_wrong(m, "leaves values over");
    if (m->at < m->end) return pickle_wrong(m, "is not the end: there is something behind it");
    m->p->root = v;
    return m->stopped = true;
}

static bool op_proto(Machine *m, int n)
{
    uint64_t version;
    TRY(pickle_number(m, n, &version));
    return version <= NEWEST_PROTOCOL || pickle_wrong(m, "says protocol %d; up to %d are known", (int)version, NEWEST_PROTOCOL);
}

/* Frames only help to read ahead. */
static bool op_frame(Machine *m, int n)
{
    uint64_t bytes;
    TRY(pickle_number(m, n, &bytes));
    return bytes <= (uint64_t)(m->end - m->at) || pickle_wrong(m, "reaches beyond the end: the file is damaged or was cut short");
}

/* ---- the memo ---------------------------------------------------------------------------------------------------------- */
static size_t        memo_room(const Machine *m) { return m->memo.used / sizeof(PickleValue *); }
static PickleValue **memo(const Machine *m)      { return (PickleValue **)(void *)m->memo.p; }

static bool keep(Machine *m, uint64_t number)
{
    PickleValue *v = top(m);

    if (!v) return false;
    /* Writers count from 0 or 1, so that a file has more bytes than numbers. */
    if (number > (uint64_t)(m->end - m->data))
        return pickle_wrong(m, "wants number %llu of the memo, in so small a file", (unsigned long long)number);
    if (number >= memo_room(m)) {
        if ((number + 1) * sizeof v > PICKLE_MEMORY - taken(m)) return too_much(m);
        size_t bytes = (size_t)(number + 1) * sizeof v - m->memo.used;
        buffer_room(&m->memo, bytes);
        memset(m->memo.p + m->memo.used, 0, bytes);
        m->memo.used += bytes;
    }
    m->memoized += !memo(m)[number];
    memo(m)[number] = v;
    return true;
}

static bool recall(Machine *m, uint64_t number)
{
    if (number >= memo_room(m) || !memo(m)[number])
        return pickle_wrong(m, "wants number %llu of the memo, which is empty", (unsigned long long)number);
    return pickle_push(m, memo(m)[number]);
}

/* The number of a memo's entry: of so many bytes, or 0: a line. */
static bool memo_number(Machine *m, int bytes, uint64_t *out)
{
    const char *text;
    size_t  rest;
    int64_t decimal;

    if (bytes) return pickle_number(m, bytes, out);
    TRY(pickle_decimal(m, &decimal, &text, &rest));
    *out = (uint64_t)decimal;
    return (!rest && decimal >= 0) || pickle_wrong(m, "has no number of the memo");
}

static bool op_put(Machine *m, int n)
{
    uint64_t number;
    return memo_number(m, n, &number) && keep(m, number);
}

static bool op_get(Machine *m, int n)
{
    uint64_t number;
    return memo_number(m, n, &number) && recall(m, number);
}

static bool op_memoize(Machine *m, int n) { return (void)n, keep(m, m->memoized); }

/* ---- containers -------------------------------------------------------------------------------------------------------- */
/* Room for `count` items, as it was taken: the next power of two. */
static size_t room_of(size_t count)
{
    size_t room = count > 0;
    while (room < count) room *= 2;
    return room;
}

/* Puts values into a container. They cannot change any more: one that changes, or is put into itself, stands somewhere already. */
static bool place(Machine *m, PickleValue *into, PickleValue *const *v, size_t n)
{
    uint64_t size = into->size;
    unsigned depth = into->depth;

    for (size_t i = 0; i < n; i++) {
        v[i]->placed = v[i]->kind >= PICKLE_TUPLE;
        size += v[i]->size;
        if (v[i]->depth + 1u > depth) depth = v[i]->depth + 1u;
    }
    if (into->placed) return pickle_wrong(m, "changes a value that stands in another: does it contain itself?");
    if (depth > PICKLE_DEPTH) return pickle_wrong(m, "makes a value more than %d levels deep", PICKLE_DEPTH);
    if (size > PICKLE_SIZE)
        return pickle_wrong(m, "makes a value of more than %d values or, of texts, %d times as many bytes", PICKLE_SIZE, PICKLE_TEXT_UNIT);

    size_t room = room_of(into->count + n);
    if (room > room_of(into->count)) {
        const PickleValue **item = pickle_take(m->p, room * sizeof *item);
        if (into->count) memcpy(item, into->item, into->count * sizeof *item);
        into->item = item;
    }
    for (size_t i = 0; i < n; i++) into->item[into->count++] = v[i];
    into->size = (uint32_t)size;
    into->depth = (uint16_t)depth;
    return true;
}

/* Puts slots [from, height) into a container, and takes them from the stack. */
static bool place_since(Machine *m, PickleValue *into, size_t from)
{
    PickleValue **v = slots(m) + from;
    size_t n = height(m) - from;

    if (into->kind == PICKLE_DICTIONARY) {
        if (n % 2) return pickle_wrong(m, "has a key without a value");
        for (size_t i = 0; i < n; i += 2)
            if (v[i]->kind >= PICKLE_TUPLE) return pickle_wrong(m, "has a container as a key");
    }
    TRY(n == 0 || place(m, into, v, n));
    m->stack.used = from * sizeof *v;
    return true;
}

static bool op_empty(Machine *m, int n) { return pickle_push(m, pickle_new(m, (PickleKind)n)); }

/* Of what lies above the last mark. */
static bool op_since_mark(Machine *m, int n)
{
    PickleValue *v = pickle_new(m, (PickleKind)n);
    size_t from = 0;
    return pop_mark(m, &from) && place_since(m, v, from) && pickle_push(m, v);
}

static bool op_tuple(Machine *m, int n)
{
    PickleValue *v = pickle_new(m, PICKLE_TUPLE);
    if (height(m) < m->base + (size_t)n) return pickle_wrong(m, "wants a value that is not there");
    return place_since(m, v, height(m) - (size_t)n) && pickle_push(m, v);
}

/* Adds slots [from, height) to the container just below. */
static bool add_to(Machine *m, PickleKind kind, size_t from)
{
    if (from <= m->base) return pickle_wrong(m, "wants a value that is not there");
    PickleValue *into = slots(m)[from - 1];
    if (into->kind != kind) return pickle_wrong(m, "wants a %s to add to", kind == PICKLE_LIST ? "list" : "dictionary");
    return place_since(m, into, from);
}

static bool op_add_since_mark(Machine *m, int n)
{
    size_t from = 0;
    return pop_mark(m, &from) && add_to(m, (PickleKind)n, from);
}

/* The last one or, with its key, two values. */
static bool op_add(Machine *m, int n)
{
    size_t count = n == PICKLE_LIST ? 1 : 2;
    if (height(m) < m->base + count) return pickle_wrong(m, "wants a value that is not there");
    return add_to(m, (PickleKind)n, height(m) - count);
}

/* ---- the table --------------------------------------------------------------------------------------------------------- */
static const Opcode OPCODES[256] = {
    [0x80] = { "PROTO", op_proto, 1 }, [0x95] = { "FRAME", op_frame, 8 }, ['.'] = { "STOP", op_stop, 0 },
    ['('] = { "MARK", op_mark, 0 }, ['0'] = { "POP", op_pop, 0 }, ['1'] = { "POP_MARK", op_pop_mark, 0 }, ['2'] = { "DUP", op_dup, 0 },

    ['p'] = { "PUT", op_put, 0 }, ['q'] = { "BINPUT", op_put, 1 }, ['r'] = { "LONG_BINPUT", op_put, 4 }, [0x94] = { "MEMOIZE", op_memoize, 0 },
    ['g'] = { "GET", op_get, 0 }, ['h'] = { "BINGET", op_get, 1 }, ['j'] = { "LONG_BINGET", op_get, 4 },

    ['N'] = { "NONE", pickle_none, 0 }, [0x88] = { "NEWTRUE", pickle_boolean, 1 }, [0x89] = { "NEWFALSE", pickle_boolean, 0 },
    ['I'] = { "INT", pickle_int, 0 }, ['J'] = { "BININT", pickle_binint, 4 }, ['K'] = { "BININT1", pickle_binint, 1 },
    ['M'] = { "BININT2", pickle_binint, 2 },
    ['L'] = { "LONG", pickle_long, 0 }, [0x8a] = { "LONG1", pickle_binlong, 1 }, [0x8b] = { "LONG4", pickle_binlong, 4 },
    ['F'] = { "FLOAT", pickle_float, 0 }, ['G'] = { "BINFLOAT", pickle_binfloat, 8 },

    ['S'] = { "STRING", pickle_string, 0 }, ['T'] = { "BINSTRING", pickle_bintext, 4 }, ['U'] = { "SHORT_BINSTRING", pickle_bintext, 1 },
    ['V'] = { "UNICODE", pickle_unicode, 0 }, ['X'] = { "BINUNICODE", pickle_bintext, 4 }, [0x8c] = { "SHORT_BINUNICODE", pickle_bintext, 1 },
    [0x8d] = { "BINUNICODE8", pickle_bintext, 8 },
    ['B'] = { "BINBYTES", pickle_binbytes, 4 }, ['C'] = { "SHORT_BINBYTES", pickle_binbytes, 1 }, [0x8e] = { "BINBYTES8", pickle_binbytes, 8 },

    [']'] = { "EMPTY_LIST", op_empty, PICKLE_LIST }, [')'] = { "EMPTY_TUPLE", op_empty, PICKLE_TUPLE },
    ['}'] = { "EMPTY_DICT", op_empty, PICKLE_DICTIONARY },
    ['l'] = { "LIST", op_since_mark, PICKLE_LIST }, ['t'] = { "TUPLE", op_since_mark, PICKLE_TUPLE },
    ['d'] = { "DICT", op_since_mark, PICKLE_DICTIONARY },
    [0x85] = { "TUPLE1", op_tuple, 1 }, [0x86] = { "TUPLE2", op_tuple, 2 }, [0x87] = { "TUPLE3", op_tuple, 3 },
    ['a'] = { "APPEND", op_add, PICKLE_LIST }, ['e'] = { "APPENDS", op_add_since_mark, PICKLE_LIST },
    ['s'] = { "SETITEM", op_add, PICKLE_DICTIONARY }, ['u'] = { "SETITEMS", op_add_since_mark, PICKLE_DICTIONARY },

    ['c'] = { .name = "GLOBAL" }, [0x93] = { .name = "STACK_GLOBAL" }, ['R'] = { .name = "REDUCE" }, ['b'] = { .name = "BUILD" },
    ['i'] = { .name = "INST" }, ['o'] = { .name = "OBJ" }, [0x81] = { .name = "NEWOBJ" }, [0x92] = { .name = "NEWOBJ_EX" },
    ['P'] = { .name = "PERSID" }, ['Q'] = { .name = "BINPERSID" },
    [0x82] = { .name = "EXT1" }, [0x83] = { .name = "EXT2" }, [0x84] = { .name = "EXT4" },
    [0x8f] = { .name = "EMPTY_SET" }, [0x90] = { .name = "ADDITEMS" }, [0x91] = { .name = "FROZENSET" },
    [0x96] = { .name = "BYTEARRAY8" }, [0x97] = { .name = "NEXT_BUFFER" }, [0x98] = { .name = "READONLY_BUFFER" },
};

static bool step(Machine *m)
{
    long long at = m->at - m->data;

    if (m->at == m->end) return fail(m->err, "%s: ends at byte %lld without STOP: the file is damaged or was cut short", m->shown, at);
    m->op_at = m->at;
    m->op = &OPCODES[*m->at++];
    if (!m->op->name)
        return fail(m->err, "%s: 0x%02x at byte %lld is no opcode: the file is no pickle, or damaged", m->shown, *m->op_at, at);
    if (!m->op->run)
        return pickle_wrong(m, "is refused: of a pickle, only plain lists, tuples, dictionaries, texts and numbers are read, "
                               "nothing is imported or executed");
    return taken(m) > PICKLE_MEMORY ? too_much(m) : m->op->run(m, m->op->n);
}

Pickle *pickle_parse(const void *data, size_t bytes, const char *shown, Err *err)
{
    const uint8_t *first = bytes ? data : (const void *)"";
    Machine m = { .data = first, .at = first, .end = first + bytes, .shown = shown, .p = calloc(1, sizeof *m.p), .err = err };
    bool    ok = true;

    REQUIRE(m.p, "out of memory");
    buffer_room(&m.stack, 1);                    /* so that slots() is never NULL */
    while (ok && !m.stopped) ok = step(&m);
    free(m.stack.p);
    free(m.marks.p);
    free(m.memo.p);
    free(m.scratch.p);
    if (ok) return m.p;
    pickle_free(m.p);
    return NULL;
}

Pickle *pickle_read(const char *path, const char *shown, Err *err)
{
    int64_t there;
    size_t  bytes;

    if (!file_bytes(path, &there, err)) return NULL;
    if (there > PICKLE_MEMORY) {
        fail(err, "%s: a pickle of more than %d MiB", shown, PICKLE_MEMORY >> 20);
        return NULL;
    }
    char   *data = file_read(path, &bytes, err);
    Pickle *p = data ? pickle_parse(data, bytes, shown, err) : NULL;
    free(data);
    return p;
}

/* ---- reading values ---------------------------------------------------------------------------------------------------- */
const PickleValue *pickle_root(const Pickle *p) { return p->root; }

const PickleValue *pickle_member(const PickleValue *v, const char *key)
{
    if (!v || v->kind != PICKLE_DICTIONARY) return NULL;
    size_t bytes = strlen(key);
    for (uint32_t i = v->count; i; i -= 2) {
        const PickleValue *k = v->item[i - 2];
        if (k->kind == PICKLE_TEXT && k->count == bytes && memcmp(k->text, key, bytes) == 0) return v->item[i - 1];
    }
    return NULL;
}

bool pickle_is_list(const PickleValue *v) { return v && (v->kind == PICKLE_LIST || v->kind == PICKLE_TUPLE); }

bool pickle_id(const PickleValue *v, int64_t *out) { return v && v->kind == PICKLE_INTEGER && (*out = v->integer, true); }
