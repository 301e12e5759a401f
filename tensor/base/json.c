/* json.c - jansson with errors that name the file, and files that are whole or absent. */
#include "tensor/base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"

json_t *json_read_file(const char *path, Err *err)
{
    size_t bytes;
    char  *text = file_read(path, &bytes, err);
    if (!text) return NULL;

    json_error_t error;
    json_t *j = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!j) fail(err, "%s:%d: not JSON: %s", path, error.line, bytes ? error.text : "the file is empty");
    free(text);
    return j;
}

bool json_write_file(const char *path, const json_t *j, Err *err)
{
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (!text) return fail(err, "cannot write %s: its JSON is not valid (a text is not UTF-8, or a number not finite)", path);

    FileWriter *w = file_begin(path, err);
    bool fine = w && file_write(w, text, strlen(text), err) && file_write(w, "\n", 1, err);
    if (fine)   fine = file_commit(w, err);
    else if (w) file_abandon(w);
    free(text);
    return fine;
}

bool json_write_line(FileWriter *w, json_t *j, Err *err)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    bool  fine = text ? file_printf(w, err, "%s\n", text)
                      : fail(err, "cannot write a line of JSON: it is not valid (a text is not UTF-8, or a number not finite)");
    free(text);
    json_decref(j);
    return fine;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

json_t *json_text(const char *bytes)
{
    json_t *j = json_string(bytes);
    if (j) return j;

    char *ascii = strdup(bytes);
    REQUIRE(ascii, "json_text: out of memory");
    for (char *c = ascii; *c; c++) if (*c & 0x80) *c = '?';
    j = json_string(ascii);
    free(ascii);
    return j;
}

json_t *json_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/* ---- members ----------------------------------------------------------------------------------------------------- */

/* The member, or NULL where it is absent or null: the default holds then. */
static json_t *member(const json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);
    return json_is_null(v) ? NULL : v;
}

static bool wrong_type(const json_t *v, const char *key, const char *wanted, const char *where, Err *err)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    fail(err, "%s: %s wants %s, got %.80s", where, key, wanted, text ? text : "something else");
    free(text);
    return false;
}

bool json_get_int(const json_t *o, const char *key, int64_t fallback, int64_t *out, const char *where, Err *err)
{
    json_t *v = member(o, key);
    if (v && !json_is_integer(v)) return wrong_type(v, key, "a whole number", where, err);
    *out = v ? json_integer_value(v) : fallback;
    return true;
}

bool json_get_real(const json_t *o, const char *key, double fallback, double *out, const char *where, Err *err)
{
    json_t *v = member(o, key);
    if (v && !json_is_number(v)) return wrong_type(v, key, "a number", where, err);
    *out = v ? json_number_value(v) : fallback;
    return true;
}

bool json_get_bool(const json_t *o, const char *key, bool fallback, bool *out, const char *where, Err *err)
{
    json_t *v = member(o, key);
    if (v && !json_is_boolean(v)) return wrong_type(v, key, "true or false", where, err);
    *out = v ? json_is_true(v) : fallback;
    return true;
}

bool json_get_text(const json_t *o, const char *key, const char *fallback, const char **out, const char *where, Err *err)
{
    json_t *v = member(o, key);
    if (v && !json_is_string(v)) return wrong_type(v, key, "a text", where, err);
    *out = v ? json_string_value(v) : fallback;
    return true;
}
