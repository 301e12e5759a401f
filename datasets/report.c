/* report.c - counting problems and writing them down. */
#include "datasets/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/json.h"

bool report_begin(Report *r, const char *path, Err *err)
{
    *r = (Report){ .path = path };
    return !path || (r->file = file_begin(path, err)) != NULL;
}

static void tell(Report *r, const Problem *p)
{
    json_t *j = json_pack("{s:s, s:o, s:o}", "kind", problem_name(p->kind), "name", json_text(p->name), "file", json_text(p->file));
    if (p->line) json_object_set_new(j, "line", json_integer(p->line));
    json_object_set_new(j, "reason", json_text(p->reason));
    char *text = json_dumps(j, JSON_COMPACT);
    r->failed = !file_write(r->file, text, strlen(text), &r->why) || !file_write(r->file, "\n", 1, &r->why);
    free(text);
    json_decref(j);
}

void report_add(Report *r, const Problem *p)
{
    r->kinds[p->kind]++;
    r->all++;
    if (problem_is_fault(p->kind) && !r->faults++) {
        char line[32] = "";
        if (p->line) snprintf(line, sizeof line, ":%lld", (long long)p->line);
        snprintf(r->first_fault, sizeof r->first_fault, "%s%s: %s%s%s", p->file, line, p->name, *p->name ? ": " : "", p->reason);
    }
    if (r->file && !r->failed) tell(r, p);
}

bool report_end(Report *r, bool keep, Err *err)
{
    FileWriter *f = r->file;
    r->file = NULL;
    if (f && keep && !r->failed) return file_commit(f, err);
    file_abandon(f);
    return !(r->failed && keep) || fail(err, "%s", r->why.text);
}
