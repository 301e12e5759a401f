/* pickle_scalars.c - the opcodes of a pickle that are numbers and texts. Those of protocol 0 are lines of ASCII, as repr() writes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "datasets/sources/pickle_machine.h"

/* ---- numbers ----------------------------------------------------------------------------------------------------------- */
static bool push_integer(Machine *m, PickleKind kind, int64_t value)
{
    PickleValue *v = pickle_new(m, kind);
    v->integer = value;
    return pickle_push(m, v);
}

/* strtoll and strtod pass over blanks, line feeds too, and stop at nothing but what is not theirs: the line is looked at first. */
bool pickle_decimal(Machine *m, int64_t *out, const char **text, size_t *rest)
{
    char *end;

    TRY(pickle_line(m, text, rest));
    const char *digit = *text + (**text == '-');
    if (*digit < '0' || *digit > '9') return pickle_wrong(m, "has no whole number");
    errno = 0;
    *out = strtoll(*text, &end, 10);
    if (errno) return pickle_wrong(m, "has a whole number beyond 64 bits");
    *rest -= (size_t)(end - *text);
    return true;
}

/* Protocol 0 writes False and True as 00 and 01. */
bool pickle_int(Machine *m, int n)
{
    const char *text;
    size_t  rest;
    int64_t v;
    (void)n;

    TRY(pickle_decimal(m, &v, &text, &rest));
    if (rest) return pickle_wrong(m, "has no whole number");
    bool boolean = text[0] == '0' && (text[1] == '0' || text[1] == '1') && text[2] == '\n';
    return push_integer(m, boolean ? PICKLE_BOOLEAN : PICKLE_INTEGER, v);
}

bool pickle_long(Machine *m, int n)
{
    const char *text;
    size_t  rest;
    int64_t v;
    (void)n;

    TRY(pickle_decimal(m, &v, &text, &rest));
    if (rest > 1 || (rest && m->at[-2] != 'L')) return pickle_wrong(m, "has no whole number");
    return push_integer(m, PICKLE_INTEGER, v);
}

bool pickle_binint(Machine *m, int n)
{
    uint64_t v;
    TRY(pickle_number(m, n, &v));
    return push_integer(m, PICKLE_INTEGER, n == 4 ? (int32_t)v : (int64_t)v);
}

/* Two's complement of so many bytes. */
bool pickle_binlong(Machine *m, int n)
{
    uint64_t bytes, v;

    TRY(pickle_number(m, n, &bytes));
    if (bytes > 8) return pickle_wrong(m, "has a whole number of %llu bytes; at most 8 are read", (unsigned long long)bytes);
    TRY(pickle_number(m, (int)bytes, &v));
    if (bytes && bytes < 8 && m->at[-1] & 0x80) v |= UINT64_MAX << 8 * bytes;
    return push_integer(m, PICKLE_INTEGER, (int64_t)v);
}

static bool push_real(Machine *m, double value)
{
    PickleValue *v = pickle_new(m, PICKLE_REAL);
    v->real = value;
    return pickle_push(m, v);
}

bool pickle_float(Machine *m, int n)
{
    static const char *const NAMES[] = { "nan\n", "inf\n", "-inf\n" };
    const char *text;
    char  *end = NULL;
    size_t bytes;
    (void)n;

    TRY(pickle_line(m, &text, &bytes));
    bool good = bytes && strspn(text, "+-.0123456789eE") == bytes;
    for (int i = 0; i < 3; i++) good |= bytes + 1 == strlen(NAMES[i]) && memcmp(text, NAMES[i], bytes + 1) == 0;
    double v = good ? strtod(text, &end) : 0;
    return end == text + bytes ? push_real(m, v) : pickle_wrong(m, "has no number");
}

/* IEEE 754, big-endian. */
bool pickle_binfloat(Machine *m, int n)
{
    const uint8_t *b;
    uint64_t bits = 0;
    double   v;

    TRY(pickle_bytes(m, (uint64_t)n, &b));
    for (int i = 0; i < n; i++) bits = bits << 8 | b[i];
    memcpy(&v, &bits, sizeof v);
    return push_real(m, v);
}

bool pickle_none(Machine *m, int n)    { return (void)n, pickle_push(m, pickle_new(m, PICKLE_NONE)); }
bool pickle_boolean(Machine *m, int n) { return push_integer(m, PICKLE_BOOLEAN, n); }

/* ---- texts ------------------------------------------------------------------------------------------------------------- */
static bool push_text(Machine *m, PickleKind kind, const void *data, size_t bytes)
{
    if (bytes >= UINT32_MAX) return pickle_wrong(m, "has a text of %zu bytes", bytes);
    PickleValue *v = pickle_new(m, kind);
    char *text = pickle_take(m->p, bytes + 1);
    if (bytes) memcpy(text, data, bytes);
    text[bytes] = 0;
    v->text = text;
    v->count = (uint32_t)bytes;
    v->size += (uint32_t)(bytes / PICKLE_TEXT_UNIT);
    return pickle_push(m, v);
}

static bool push_counted(Machine *m, PickleKind kind, int n)
{
    uint64_t bytes;
    const uint8_t *text;
    return pickle_number(m, n, &bytes) && pickle_bytes(m, bytes, &text) && push_text(m, kind, text, (size_t)bytes);
}

bool pickle_bintext(Machine *m, int n)  { return push_counted(m, PICKLE_TEXT, n); }
bool pickle_binbytes(Machine *m, int n) { return push_counted(m, PICKLE_BYTES, n); }

/* So many digits of a base at *text; false: they are fewer. */
static bool digits(const char **text, const char *end, int count, uint32_t *out)
{
    *out = 0;
    for (; count; count--, ++*text) {
        char c = *text < end ? *text[0] : 0;
        int  v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (v < 0) return false;
        *out = *out << 4 | (uint32_t)v;
    }
    return true;
}

/* What stands behind a backslash in Python 2's repr() of a str. */
static bool unescape(Machine *m, const char **text, const char *end)
{
    static const char NAMED[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    uint32_t code = 0;
    char     c = *(*text)++, out[2] = { '\\', c };

    for (const char *k = NAMED; *k; k += 2)
        if (c == *k) return buffer_add(&m->scratch, k + 1, 1), true;
    if (c == 'x') {
        if (!digits(text, end, 2, &code)) return pickle_wrong(m, "has a \\x without two digits");
    } else if (c >= '0' && c <= '7') {
        code = (uint32_t)(c - '0');
        for (int k = 0; k < 2 && *text < end && **text >= '0' && **text <= '7'; k++) code = code << 3 | (uint32_t)(*(*text)++ - '0');
    } else return buffer_add(&m->scratch, out, 2), true;
    out[0] = (char)code;
    return buffer_add(&m->scratch, out, 1), true;
}

/* Python 2's repr() of a str. */
bool pickle_string(Machine *m, int n)
{
    const char *text;
    size_t bytes;
    (void)n;

    TRY(pickle_line(m, &text, &bytes));
    if (bytes < 2 || (*text != '\'' && *text != '"') || text[bytes - 1] != *text) return pickle_wrong(m, "has a text without quotes");
    const char *end = text + bytes - 1;
    m->scratch.used = 0;
    for (text++; text < end;) {
        const char *slash = memchr(text, '\\', (size_t)(end - text)), *plain = slash ? slash : end;
        buffer_add(&m->scratch, text, (size_t)(plain - text));
        text = plain;
        if (!slash) break;
        if (++text == end) return pickle_wrong(m, "has a text that ends in a backslash");
        TRY(unescape(m, &text, end));
    }
    return push_text(m, PICKLE_TEXT, m->scratch.p, m->scratch.used);
}

static void add_point(Buffer *b, uint32_t code)
{
    utf8proc_uint8_t utf8[4];
    buffer_add(b, utf8, (size_t)utf8proc_encode_char((utf8proc_int32_t)code, utf8));
}

/* Python's raw-unicode-escape: Latin-1, of whose escapes only \uXXXX and \UXXXXXXXX mean something. */
bool pickle_unicode(Machine *m, int n)
{
    const char *text, *end;
    size_t bytes;
    (void)n;

    TRY(pickle_line(m, &text, &bytes));
    end = text + bytes;
    m->scratch.used = 0;
    while (text < end) {
        uint32_t code = (uint8_t)*text++;
        char     next = code == '\\' && text < end ? *text : 0;
        if (next == 'u' || next == 'U') {
            text++;
            if (!digits(&text, end, next == 'u' ? 4 : 8, &code)) return pickle_wrong(m, "has a \\%c without all its digits", next);
            if (code > 0x10FFFF) return pickle_wrong(m, "has a character beyond U+10FFFF");
        } else if (next) {
            buffer_add(&m->scratch, "\\", 1);
            code = (uint8_t)*text++;
        }
        add_point(&m->scratch, code);
    }
    return push_text(m, PICKLE_TEXT, m->scratch.p, m->scratch.used);
}

