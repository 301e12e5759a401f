/* json_lines.c - lines by text_lines, objects by jansson. */
#include "datasets/sources/json_lines.h"

#include <string.h>

#include "datasets/sources/json_fields.h"
#include "datasets/sources/text_lines.h"

static bool read_line(Catalog *c, const Line *line, JsonLine *each, void *context, Err *err)
{
    json_error_t error;
    const char  *why;
    bool ok = true;

    if (line->text[strspn(line->text, " \t")] == 0) return true;
    json_t *o = json_loadb(line->text, line->bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!o) {
        ProblemKind kind = json_problem(&error, &why);
        catalog_problem(c, kind, NULL, line->at, "is not JSON: %s", why);
    } else if (!json_is_object(o)) catalog_problem(c, PROBLEM_BAD_RECORD, NULL, line->at, "is not a JSON object");
    else ok = each(o, line->at, context, err);
    json_decref(o);
    return ok;
}

bool json_lines(Catalog *c, const char *path, const char *shown, JsonLine *each, void *context, Err *err)
{
    Lines *lines = catalog_input(c, path, shown, err) ? lines_open(c, path, shown, err) : NULL;
    bool   ok = lines != NULL;

    if (!lines) return false;
    for (Line line; ok && lines_next(lines, &line);) ok = read_line(c, &line, each, context, err);
    return lines_close(lines, err) && ok;
}
