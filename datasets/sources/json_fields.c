/* json_fields.c - numbers of JSON annotations. */
#include "datasets/sources/json_fields.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

bool json_id(const json_t *value, int64_t *out)
{
    char *end;

    if (json_is_integer(value)) return *out = json_integer_value(value), true;
    if (json_is_real(value)) {
        double v = json_real_value(value);
        if (v != floor(v) || fabs(v) > 9e15) return false;
        return *out = (int64_t)v, true;
    }
    const char *text = json_string_value(value);
    if (!text || !*text) return false;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    return *end == 0 && errno == 0 && (*out = v, true);
}

bool json_bbox(const json_t *list, double corners[4])
{
    if (json_array_size(list) != 4) return false;
    for (size_t i = 0; i < 4; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_number(v)) return false;
        corners[i] = json_number_value(v);
    }
    corners[2] += corners[0];
    corners[3] += corners[1];
    return true;
}

const json_t *json_first(const json_t *object, const char *const *keys)
{
    const json_t *value = NULL;
    for (; *keys && (!value || json_is_null(value)); keys++) value = json_object_get(object, *keys);
    return json_is_null(value) ? NULL : value;
}

bool json_size(const json_t *object, int *width, int *height)
{
    enum { LARGEST = 65535 };
    int64_t w, h;

    if (!json_id(json_object_get(object, "width"), &w) || !json_id(json_object_get(object, "height"), &h)) return false;
    if (w < 1 || h < 1 || w > LARGEST || h > LARGEST) return false;
    *width = (int)w;
    *height = (int)h;
    return true;
}

ProblemKind json_problem(const json_error_t *error, const char **why)
{
    enum json_error_code code = json_error_code(error);
    bool has_nul = code == json_error_null_character || code == json_error_null_byte_in_key;

    *why = has_nul ? "a text with a NUL character in it" : error->text;
    return has_nul || code == json_error_invalid_utf8 ? PROBLEM_BAD_TEXT : PROBLEM_BAD_RECORD;
}
