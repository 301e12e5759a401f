/* json_stream.c - a scanner for the skeleton of a JSON file. */
#include "datasets/sources/json_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/sources/json_fields.h"

enum { BLOCK = 1 << 18 };

typedef struct Stream {
    const char *shown;
    int     fd;
    char   *buffer;
    size_t  from, at, end, room;                 /* kept from; reading at; filled to                                    */
    int64_t before, line;                        /* bytes of the file before the buffer; from 1                         */
    bool    keep, too_large;                     /* what lies behind `from` must stay; or was given up                  */
} Stream;

static bool broken(const Stream *s, Err *err, const char *wanted)
{
    return fail(err, "%s:%lld: %s at byte %lld: the file is damaged or was cut short", s->shown, (long long)s->line, wanted,
                (long long)(s->before + (int64_t)s->at));
}

/* More bytes behind `end`: 1, or 0 at the end of the file, or -1 (err). */
static int refill(Stream *s, Err *err)
{
    if (s->keep && s->end - s->from > JSON_STREAM_ELEMENT) {
        s->keep = false;
        s->too_large = true;
    }
    size_t kept = s->keep ? s->from : s->at;

    memmove(s->buffer, s->buffer + kept, s->end - kept);
    s->before += (int64_t)kept;
    s->at -= kept;
    s->end -= kept;
    s->from = 0;
    if (s->end == s->room) {
        s->room *= 2;
        s->buffer = realloc(s->buffer, s->room + 1);
        REQUIRE(s->buffer, "out of memory");
    }
    ssize_t n;
    do n = read(s->fd, s->buffer + s->end, s->room - s->end);
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail(err, "%s: %s", s->shown, strerror(errno)), -1;
    s->end += (size_t)n;
    return n > 0;
}

/* The next byte that is no blank, not taken; 0 at the end of the file (a NUL is 256), -1 (err). */
static int peek(Stream *s, Err *err)
{
    for (;; s->at++) {
        if (s->at == s->end) {
            int more = refill(s, err);
            if (more <= 0) return more;
        }
        char c = s->buffer[s->at];
        if (c == '\n') s->line++;
        else if (c != ' ' && c != '\t' && c != '\r') return c ? (unsigned char)c : 256;
    }
}

static bool expect(Stream *s, char wanted, Err *err)
{
    char text[] = "'?' is missing";
    int  c = peek(s, err);
    text[1] = wanted;
    if (c < 0) return false;
    if (c != wanted) return broken(s, err, text);
    s->at++;
    return true;
}

/* Moves behind the value that begins here: brackets are counted, strings passed over. Kept, it is [from, at) of the buffer. */
static bool pass_value(Stream *s, bool keep, Err *err)
{
    bool    string = false, scalar = false;
    int64_t depth = 0;
    int     c = peek(s, err);

    if (c < 0) return false;
    s->from = s->at;
    s->keep = keep;
    s->too_large = false;
    for (;; s->at++) {
        if (s->at == s->end) {
            int more = refill(s, err);
            if (more < 0) return false;
            if (more == 0) return broken(s, err, "a value does not end");
        }
        c = s->buffer[s->at];
        if (c == '\n' && (string || depth)) s->line++;               /* else peek counts it */
        if (string) {
            if (c == '\\') {
                if (s->at + 1 == s->end) {
                    int more = refill(s, err);
                    if (more <= 0) return more == 0 && broken(s, err, "a string does not end");
                }
                s->at++;
            } else if (c == '"') string = false;
            if (string || depth) continue;
            s->at++;
            break;
        }
        if (c == '"') string = true;
        else if (c == '{' || c == '[') depth++;
        else if (c == '}' || c == ']') {
            if (depth == 0) break;               /* of what the value stands in: it was a scalar */
            if (--depth == 0) {
                s->at++;
                break;
            }
        } else if (depth == 0 && (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) break;
        else if (depth == 0) scalar = true;
    }
    s->too_large = s->too_large || (s->keep && s->at - s->from > JSON_STREAM_ELEMENT);
    s->keep = false;
    return s->at > s->from || scalar || broken(s, err, "a value is missing");
}

/* ---- elements ---------------------------------------------------------------------------------------------------------- */
static bool give(Stream *s, const char *list, int64_t index, JsonEach *each, void *context, Err *err)
{
    json_error_t error;
    if (peek(s, err) < 0) return false;
    JsonItem item = { .list = list, .index = index, .line = s->line };

    TRY(pass_value(s, true, err));
    if (s->too_large) item.kind = PROBLEM_BAD_RECORD, item.why = "is larger than 16 MiB";
    else {
        item.value = json_loadb(s->buffer + s->from, s->at - s->from, JSON_DECODE_ANY, &error);
        if (!item.value) item.kind = json_problem(&error, &item.why);
    }
    bool ok = each(&item, context, err);
    json_decref(item.value);
    return ok;
}

static bool give_list(Stream *s, const char *list, JsonEach *each, void *context, Err *err)
{
    TRY(expect(s, '[', err));
    int c = peek(s, err);
    if (c == ']') return s->at++, true;
    for (int64_t index = 0; c > 0; index++) {
        TRY(give(s, list, index, each, context, err));
        c = peek(s, err);
        if (c == ']') return s->at++, true;
        if (c != ',') break;
        s->at++;
    }
    return c >= 0 && broken(s, err, "',' or ']' is missing");
}

/* Which of the lists the key that was passed over names; NULL: none. */
static const char *wanted(const Stream *s, const char *const *lists)
{
    json_t     *key = s->too_large ? NULL : json_loadb(s->buffer + s->from, s->at - s->from, JSON_DECODE_ANY, NULL);
    const char *text = json_string_value(key), *found = NULL;

    for (; text && *lists && !found; lists++)
        if (strcmp(*lists, text) == 0) found = *lists;
    json_decref(key);
    return found;
}

static bool give_member(Stream *s, const char *const *lists, JsonEach *each, void *context, Err *err)
{
    if (peek(s, err) != '"') return broken(s, err, "a key is missing");
    TRY(pass_value(s, true, err));
    const char *list = wanted(s, lists);
    TRY(expect(s, ':', err));
    if (!list) return pass_value(s, false, err);
    int c = peek(s, err);
    if (c >= 0 && c != '[') return fail(err, "%s:%lld: \"%s\" is not a list", s->shown, (long long)s->line, list);
    return give_list(s, list, each, context, err);
}

static bool give_object(Stream *s, const char *const *lists, JsonEach *each, void *context, Err *err)
{
    int c = peek(s, err);
    if (c != '{') return c >= 0 && fail(err, "%s: the file is not a JSON object with lists such as \"%s\"", s->shown, lists[0]);
    s->at++;
    if ((c = peek(s, err)) == '}') return s->at++, true;
    while (c > 0) {
        TRY(give_member(s, lists, each, context, err));
        c = peek(s, err);
        if (c == '}') return s->at++, true;
        if (c != ',') break;
        s->at++;
        c = peek(s, err);
    }
    return c >= 0 && broken(s, err, "',' or '}' is missing");
}

/* As give_object, of a file that is a list. */
static bool give_whole(Stream *s, const char *const *lists, JsonEach *each, void *context, Err *err)
{
    int c = peek(s, err);
    (void)lists;
    if (c != '[') return c >= 0 && fail(err, "%s: the file is not a JSON list", s->shown);
    return give_list(s, "", each, context, err);
}

/* As either, where lists begin with "". */
static bool give_either(Stream *s, const char *const *lists, JsonEach *each, void *context, Err *err)
{
    int c = peek(s, err);
    if (c != '[' && c != '{')
        return c >= 0 && fail(err, "%s: the file is %s", s->shown, c ? "neither a JSON list nor an object with one" : "empty");
    return c == '[' ? give_list(s, "", each, context, err) : give_object(s, lists + 1, each, context, err);
}

static bool pass_mark(Stream *s, Err *err)
{
    if (refill(s, err) < 0) return false;
    if (s->end >= 3 && memcmp(s->buffer, "\xef\xbb\xbf", 3) == 0) s->at = 3;
    return true;
}

bool json_stream(const char *path, const char *shown, const char *const *lists, JsonEach *each, void *context, Err *err)
{
    Stream s = { .shown = shown, .fd = open(path, O_RDONLY | O_CLOEXEC), .buffer = malloc(BLOCK + 1), .room = BLOCK, .line = 1 };
    REQUIRE(s.buffer, "out of memory");

    bool ok = s.fd >= 0 || fail(err, "%s: %s", path, strerror(errno));
    ok = ok && pass_mark(&s, err) && (!lists ? give_whole : **lists ? give_object : give_either)(&s, lists, each, context, err);
    if (ok) {
        int c = peek(&s, err);
        ok = c == 0 || (c > 0 && broken(&s, err, "there is something behind the end"));
    }
    if (s.fd >= 0) close(s.fd);
    free(s.buffer);
    return ok;
}
