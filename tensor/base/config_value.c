/* config_value.c - one field: its text into its place and back. */
#include "tensor/base/config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/file.h"

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static char *working_folder(void)
{
    char *folder = getcwd(NULL, 0);
    return folder ? folder : strdup(".");
}

char *path_resolve(const char *path, const char *folder)
{
    if (path[0] == '/') return strdup(path);

    const char *home = getenv("HOME");
    if (home && *home && path[0] == '~' && (path[1] == '/' || path[1] == '\0'))
        return path[1] == '\0' || path[2] == '\0' ? strdup(home) : path_join(home, path + 2);

    bool here = strncmp(path, "./", 2) == 0 || strcmp(path, ".") == 0;
    if (here) path += path[1] ? 2 : 1;
    char *base   = here || !folder ? working_folder() : strdup(folder);
    char *joined = *path ? path_join(base, path) : strdup(base);
    free(base);
    return joined;
}

/* ---- text into a field ------------------------------------------------------------------------------------------- */

void value_wanted(const Field *f, char *text, size_t size)
{
    switch (f->type) {
    case FIELD_IS_INT:    snprintf(text, size, "a whole number from %.16g to %.16g", f->min, f->max); break;
    case FIELD_IS_REAL:   snprintf(text, size, "a number from %.16g to %.16g", f->min, f->max);       break;
    case FIELD_IS_BOOL:   snprintf(text, size, "true or false");                                      break;
    case FIELD_IS_TEXT:   snprintf(text, size, "a text of at most %d bytes", CONFIG_TEXT - 1);        break;
    case FIELD_IS_PATH:   snprintf(text, size, "a path of at most %d bytes", CONFIG_TEXT - 1);        break;
    case FIELD_IS_CHOICE: snprintf(text, size, "one of %s", f->choices);                              break;
    }
}

static bool read_int(const Field *f, const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    *out = n;
    return end != text && !*end && text[0] != ' ' && errno == 0 && (double)n >= f->min && (double)n <= f->max;
}

static bool read_real(const Field *f, const char *text, double *out)
{
    char *end;
    if (strspn(text, "+-.0123456789eE") != strlen(text)) return false;       /* no "nan", "inf" or hexadecimal */
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out) && *out >= f->min && *out <= f->max;
}

static bool read_choice(const char *choices, const char *text, int *out)
{
    size_t length = strlen(text);
    *out = 0;
    for (const char *c = choices; c; c = strchr(c, '|'), c += c != NULL, ++*out)
        if (strncmp(c, text, length) == 0 && (c[length] == '|' || c[length] == '\0')) return length > 0;
    return false;
}

static bool is_utf8(const char *text)
{
    json_t *j = json_string(text);               /* NULL for anything else */
    json_decref(j);
    return j != NULL;
}

static bool read_text(const char *text, char *out)
{
    size_t length = strlen(text);
    if (length >= CONFIG_TEXT || !is_utf8(text)) return false;
    memcpy(out, text, length + 1);
    return true;
}

static bool read_path(const char *text, const char *folder, char *out)
{
    if (!*text) return read_text("", out);
    char *path = path_resolve(text, folder);
    bool  fine = read_text(path, out);
    free(path);
    return fine;
}

bool value_set(const Field *f, void *into, const char *text, const char *folder, char *why, size_t size)
{
    char *at = (char *)into + f->offset;
    bool  fine = false, yes = strcmp(text, "true") == 0;
    int64_t n; double x; int k;

    switch (f->type) {
    case FIELD_IS_INT:    if ((fine = read_int(f, text, &n)))             memcpy(at, &n, sizeof n);     break;
    case FIELD_IS_REAL:   if ((fine = read_real(f, text, &x)))            memcpy(at, &x, sizeof x);     break;
    case FIELD_IS_BOOL:   if ((fine = yes || !strcmp(text, "false")))     memcpy(at, &yes, sizeof yes); break;
    case FIELD_IS_CHOICE: if ((fine = read_choice(f->choices, text, &k))) memcpy(at, &k, sizeof k);     break;
    case FIELD_IS_TEXT:   fine = read_text(text, at);                                                   break;
    case FIELD_IS_PATH:   fine = read_path(text, folder, at);                                           break;
    }
    if (fine) return true;

    char wanted[256];
    value_wanted(f, wanted, sizeof wanted);
    snprintf(why, size, is_utf8(text) ? "wants %s, got '%.100s'" : "wants %s, got something that is not UTF-8", wanted, text);
    return false;
}

/* ---- a field into text ------------------------------------------------------------------------------------------- */

/* The shortest decimal that reads back to the same number. */
static void real_text(double x, char *text, size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, x);
        if (strtod(text, NULL) == x) return;
    }
}

static char *choice_text(const char *choices, int index)
{
    for (; index > 0; index--) {
        choices = strchr(choices, '|');
        REQUIRE(choices, "config: a choice beyond its list");
        choices++;
    }
    return strndup(choices, strcspn(choices, "|"));
}

char *value_text(const Field *f, const void *from)
{
    const char *at = (const char *)from + f->offset;
    char    text[64];
    int64_t n; double x; bool yes; int k;

    switch (f->type) {
    case FIELD_IS_INT:    memcpy(&n, at, sizeof n); snprintf(text, sizeof text, "%" PRId64, n); return strdup(text);
    case FIELD_IS_REAL:   memcpy(&x, at, sizeof x); real_text(x, text, sizeof text);            return strdup(text);
    case FIELD_IS_BOOL:   memcpy(&yes, at, sizeof yes);                                         return strdup(yes ? "true" : "false");
    case FIELD_IS_CHOICE: memcpy(&k, at, sizeof k);                                             return choice_text(f->choices, k);
    default:                                                                                    return strdup(at);
    }
}
