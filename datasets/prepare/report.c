/* report.c - counting problems and writing them down. */
#include "datasets/prepare/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"

Report report_begin(const char *folder) { return (Report){ .lines = spill_begin(folder) }; }
void   report_end(Report *r)            { spill_free(&r->lines); }

static void tell(Report *r, const Problem *p)
{
    json_t *j = json_pack("{s:s, s:o, s:o}", "kind", problem_name(p->kind), "name", json_text(p->name), "file", json_text(p->file));
    if (p->line) json_object_set_new(j, "line", json_integer(p->line));
    json_object_set_new(j, "reason", json_text(p->reason));
    char *text = json_dumps(j, JSON_COMPACT);
    r->failed = !spill_add(&r->lines, text, strlen(text), &r->why) || !spill_add(&r->lines, "\n", 1, &r->why);
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
    if (!r->failed) tell(r, p);
}

static bool copy(const Spill *lines, FileWriter *f, Err *err)
{
    char block[1 << 14];
    for (int64_t at = 0; at < lines->used;) {
        size_t now = lines->used - at < (int64_t)sizeof block ? (size_t)(lines->used - at) : sizeof block;
        TRY(spill_read(lines, at, block, now, err) && file_write(f, block, now, err));
        at += (int64_t)now;
    }
    return true;
}

bool report_write(Report *r, const char *path, Err *err)
{
    if (r->failed) return fail(err, "%s", r->why.text);
    file_forget_parts(path);
    FileWriter *f = file_begin(path, err);
    if (!f) return false;
    if (copy(&r->lines, f, err)) return file_commit(f, err);
    file_abandon(f);
    return false;
}
