/* text_lines.c - a buffered reader of lines, and rows of cells made of one or more of them. */
#include "datasets/sources/text_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

struct Lines {
    Catalog *c;
    FILE    *f;
    char    *path, *name;
    char    *chunk;                              /* bytes [next, have) are yet to be read                               */
    size_t   next, have;
    int64_t  offset, number;                     /* of chunk[0] in the file; of the last line                           */
    bool     lone_cr;
    int      failed;                             /* errno of a failed read                                              */
    Buffer   text;
};

/* ---- lines ----------------------------------------------------------------------------------------------------------- */
/* Whether a byte is left; reads on when the chunk is used up. */
static bool fill(Lines *l)
{
    if (l->next < l->have) return true;
    if (l->failed) return false;
    l->offset += (int64_t)l->have;
    l->next = 0;
    l->have = fread(l->chunk, 1, CHUNK, l->f);
    if (ferror(l->f)) l->failed = errno ? errno : EIO;
    return l->have > 0;
}

Lines *lines_open(Catalog *c, const char *path, const char *name, Err *err)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail(err, "%s: cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    Lines *l = calloc(1, sizeof *l);
    REQUIRE(l, "out of memory");
    *l = (Lines){ .c = c, .f = f, .path = strdup(path), .name = strdup(name), .chunk = malloc(CHUNK) };
    REQUIRE(l->path && l->name && l->chunk, "out of memory");

    if (fill(l)) {
        l->lone_cr = !memchr(l->chunk, '\n', l->have) && memchr(l->chunk, '\r', l->have);
        if (l->have >= 3 && memcmp(l->chunk, "\xEF\xBB\xBF", 3) == 0) l->next = 3;
    }
    return l;
}

/* The CR first: to look for an LF that is nowhere near would be to pass over the whole chunk for each line. */
static const char *line_end(const Lines *l, const char *from, size_t bytes)
{
    const char *cr = l->lone_cr ? memchr(from, '\r', bytes) : NULL;
    const char *lf = memchr(from, '\n', cr ? (size_t)(cr - from) : bytes);
    return lf ? lf : cr;
}

/* The next line, whatever it is; `wrong` says why nobody can use it, NULL: fine. */
static bool read_line(Lines *l, Line *out, const char **wrong, ProblemKind *kind)
{
    bool too_long = false, ended = false;

    if (!fill(l)) return false;
    l->number++;
    l->text.used = 0;
    while (!ended && fill(l)) {
        const char *from = l->chunk + l->next, *end = line_end(l, from, l->have - l->next);
        size_t bytes = end ? (size_t)(end - from) : l->have - l->next;
        too_long = too_long || l->text.used + bytes > LINES_LONGEST;
        if (!too_long) buffer_add(&l->text, from, bytes);
        l->next += bytes + (end != NULL);
        ended = end != NULL;
        if (ended && *end == '\r' && fill(l) && l->chunk[l->next] == '\n') l->next++;
    }
    if (l->text.used && l->text.p[l->text.used - 1] == '\r') l->text.used--;
    buffer_add(&l->text, "", 1);
    *out = (Line){ l->text.p, l->text.used - 1, { l->name, l->number } };
    *wrong = too_long ? "a line longer than 4 MiB" : memchr(out->text, 0, out->bytes) ? "a line with a NUL character in it" : NULL;
    *kind = too_long ? PROBLEM_BAD_RECORD : PROBLEM_BAD_TEXT;
    return !l->failed;
}

bool lines_next(Lines *l, Line *out)
{
    const char *wrong;
    ProblemKind kind;

    while (read_line(l, out, &wrong, &kind)) {
        if (!wrong) return true;
        catalog_problem(l->c, kind, NULL, out->at, "%s", wrong);
    }
    return false;
}

bool lines_close(Lines *l, Err *err)
{
    bool ok = !l->failed
           || fail(err, "%s: cannot be read on behind line %lld: %s", l->path, (long long)l->number, strerror(l->failed));

    fclose(l->f);
    free(l->path);
    free(l->name);
    free(l->chunk);
    free(l->text.p);
    free(l);
    return ok;
}

char *text_trim(char *text)
{
    static const char BLANKS[] = " \t\r\n";

    text += strspn(text, BLANKS);
    for (size_t bytes = strlen(text); bytes && strchr(BLANKS, text[bytes - 1]); bytes--) text[bytes - 1] = 0;
    return text;
}

/* Where reading stands, to come back to. */
typedef struct Mark { int64_t offset, number; } Mark;

static Mark lines_mark(const Lines *l) { return (Mark){ l->offset + (int64_t)l->next, l->number }; }

static void lines_return(Lines *l, Mark m)
{
    if (fseeko(l->f, (off_t)m.offset, SEEK_SET) != 0) l->failed = errno;
    l->offset = m.offset;
    l->next = l->have = 0;
    l->number = m.number;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */
struct Rows {
    Lines  *l;
    char    delimiter;
    bool    quotes, open;                        /* inside a quoted field                                               */
    Buffer  cells, starts;                       /* fields, each with a NUL behind; size_t: where they start            */
    char   *field[ROWS_FIELDS];
    size_t  bytes[ROWS_FIELDS];
    int     columns;                             /* of the header; 0: not read yet                                      */
    char   *header[ROWS_FIELDS];                 /* trimmed                                                             */
    char    wrong[96];
};

static int field_count(const Rows *r) { return (int)(r->starts.used / sizeof(size_t)); }

static bool broken(Rows *r, const char *why)
{
    snprintf(r->wrong, sizeof r->wrong, "a row %s", why);
    return false;
}

/* Continues the row by one more line. False: r->wrong says why it is none. */
static bool take_line(Rows *r, const char *p, size_t bytes)
{
    const char *end = p + bytes, *stop;

    for (;; p++) {                               /* behind a delimiter */
        if (!r->open) {
            if (field_count(r) == ROWS_FIELDS) return broken(r, "of more than 1024 fields");
            buffer_add(&r->starts, &r->cells.used, sizeof r->cells.used);
            r->open = r->quotes && p < end && *p == '"';
            if (r->open) p++;
            else {
                stop = memchr(p, r->delimiter, (size_t)(end - p));
                if (!stop) stop = end;
                buffer_add(&r->cells, p, (size_t)(stop - p));
                p = stop;
            }
        }
        while (r->open) {
            stop = memchr(p, '"', (size_t)(end - p));
            buffer_add(&r->cells, p, (size_t)((stop ? stop : end) - p));
            if (!stop) return buffer_add(&r->cells, "\n", 1), true;
            p = stop + 1;
            r->open = p < end && *p == '"';
            if (r->open) buffer_add(&r->cells, p++, 1);
            else if (p < end && *p != r->delimiter) return broken(r, "with text behind a closing quote");
        }
        buffer_add(&r->cells, "", 1);
        if (p == end) return true;
    }
}

static bool take_row(Rows *r, const Line *first, int *lines)
{
    Line        line = *first;
    const char *wrong;
    ProblemKind kind;

    r->cells.used = r->starts.used = 0;
    r->open = false;
    TRY(take_line(r, line.text, line.bytes));
    for (*lines = 1; r->open; ++*lines) {
        bool ends = *lines < ROWS_LINES && r->cells.used <= LINES_LONGEST && read_line(r->l, &line, &wrong, &kind);
        if (!ends) return broken(r, "with a quote that is never closed");
        if (wrong) return broken(r, "with a line in it that is too long or has a NUL character");
        TRY(take_line(r, line.text, line.bytes));
    }
    if (r->columns && field_count(r) != r->columns) {
        snprintf(r->wrong, sizeof r->wrong, "a row of %d fields; the header has %d", field_count(r), r->columns);
        return false;
    }
    const size_t *start = (const size_t *)(const void *)r->starts.p;
    for (int i = 0; i < field_count(r); i++) {
        size_t from = start[i], to = i + 1 < field_count(r) ? start[i + 1] : r->cells.used;
        r->field[i] = r->cells.p + from;
        r->bytes[i] = to - from - 1;
    }
    return true;
}

bool rows_next(Rows *r, Row *out)
{
    Line line;
    int  lines = 1;

    while (lines_next(r->l, &line)) {
        Mark second = lines_mark(r->l);
        if (!line.bytes) continue;
        if (take_row(r, &line, &lines)) {
            *out = (Row){ r->field, r->bytes, line.at };
            return true;
        }
        if (!r->columns) return false;           /* a header that is none is told by rows_open */
        catalog_problem(r->l->c, PROBLEM_BAD_RECORD, NULL, line.at, "%s", r->wrong);
        if (lines > 1) lines_return(r->l, second);
    }
    return false;
}

Rows *rows_open(Catalog *c, const char *path, const char *name, char delimiter, Err *err)
{
    Lines *l = lines_open(c, path, name, err);
    if (!l) return NULL;
    Rows *r = calloc(1, sizeof *r);
    Row header;
    REQUIRE(r, "out of memory");
    r->l = l;
    r->delimiter = delimiter;
    r->quotes = delimiter != '\t';

    if (rows_next(r, &header)) {
        for (int i = 0; i < field_count(r); i++) {
            r->header[i] = strdup(text_trim(header.field[i]));
            REQUIRE(r->header[i], "out of memory");
        }
        r->columns = field_count(r);
        return r;
    }
    Err why = { 0 };
    if (rows_close(r, &why)) fail(err, "%s: has no header: its first line must name the columns", path);
    else                     *err = why;
    return NULL;
}

int rows_column(const Rows *r, const char *name)
{
    for (int i = 0; i < r->columns; i++)
        if (strcmp(r->header[i], name) == 0) return i;
    return -1;
}

bool rows_close(Rows *r, Err *err)
{
    bool ok = lines_close(r->l, err);

    for (int i = 0; i < r->columns; i++) free(r->header[i]);
    free(r->cells.p);
    free(r->starts.p);
    free(r);
    return ok;
}
