/* planted.c - what was planted, and whether it is told. */
#include "planted.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/source.h"
#include "tensor/base/file.h"

typedef struct Planted { const char *kind, *name, *file, *words; int64_t line; } Planted;
enum { MOST = 160 };
static Planted planted[MOST];
int     planted_all, planted_good;
int64_t line;

static FILE       *text;                         /* of the annotation file at hand                                      */
static char       *memory;
static size_t      memory_bytes;
static const char *file;

void plant(const char *kind, const char *name, const char *words)
{
    cr_assert_lt(planted_all, MOST);
    planted[planted_all++] = (Planted){ kind, name, file, words, line };
}

void say(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(text, format, ap);
    va_end(ap);
    fputc('\n', text);
    line++;
}

void planted_file(const char *name)
{
    file = name;
    line = 0;
    text = open_memstream(&memory, &memory_bytes);
}

void planted_file_abandon(void)
{
    fclose(text);
    free(memory);
}

void planted_file_end(void)
{
    char path[128];
    fclose(text);
    snprintf(path, sizeof path, "data/%s", file);
    put_bytes(path, memory, memory_bytes);
    free(memory);
}

/* ---- checks -------------------------------------------------------------------------------------------------------------- */
static void expect_no_path(const char *name)
{
    size_t bytes;
    Err    err = { 0 };
    char  *data = file_read(in_folder(name), &bytes, &err);
    cr_assert(data && bytes);
    cr_assert_null(memmem(data, bytes, folder + 1, strlen(folder + 1)), "%s has the path of the data in it", name);
    free(data);
}

static int entries(void)
{
    DIR *d = opendir(folder);
    int  n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void expect_planted(const char *report)
{
    for (int i = 0; i < planted_all; i++)
        cr_expect(report_has(report, planted[i].kind, planted[i].name, planted[i].file, planted[i].line, planted[i].words), "not listed: %s %s at %s:%d %s",
                  planted[i].kind, planted[i].name, planted[i].file, (int)planted[i].line, planted[i].words);
    cr_expect_eq(report_lines(report), planted_all, "%d lines, %d planted", report_lines(report), planted_all);
}

/* The first fault of the report, as --strict tells it: "FILE:LINE: NAME: REASON". */
static void first_fault(const char *report, char *out, size_t room)
{
    FILE *f = fopen(in_folder(report), "r");
    char *said = NULL;
    size_t bytes = 0;
    *out = 0;
    while (!*out && getline(&said, &bytes, f) > 0) {
        json_t *o = json_loads(said, 0, NULL);
        const char *kind = json_string_value(json_object_get(o, "kind")), *name = json_string_value(json_object_get(o, "name"));
        if (strcmp(kind, "other-size") && strcmp(kind, "cut-away")) {
            char number[24] = "";
            if (json_object_get(o, "line")) snprintf(number, sizeof number, ":%d", (int)json_integer_value(json_object_get(o, "line")));
            snprintf(out, room, "%s%s: %s%s%s", json_string_value(json_object_get(o, "file")), number, name, *name ? ": " : "",
                     json_string_value(json_object_get(o, "reason")));
        }
        json_decref(o);
    }
    free(said);
    fclose(f);
}

void expect_damage(const char *source, PrepareOptions o, const char *out)
{
    PrepareSummary sum, dry_sum;
    Err  err = { 0 };
    char report[64], there[65], dry[65], first[1024];

    cr_assert(prepare_data(source, &o, &sum, &err), "%s", err.text);
    snprintf(report, sizeof report, "%s.report.jsonl", out);
    expect_planted(report);
    expect_same_lists(out, report);
    cr_expect_eq(sum.pictures, planted_good, "%d good pictures of %d", (int)sum.pictures, planted_good);
    expect_no_path(out);
    expect_no_path(report);

    int before = entries();
    PrepareOptions check_only = o;
    check_only.out = NULL;
    check_only.report = in_folder("dry.jsonl");
    cr_assert(prepare_data(source, &check_only, &dry_sum, &err), "%s", err.text);
    cr_expect_str_eq(hash_of("dry.jsonl", dry), hash_of(report, there), "a dry run reports the same");
    cr_expect_eq(dry_sum.pictures, planted_good);
    cr_expect_eq(entries(), before + 1, "and writes nothing else");

    first_fault(report, first, sizeof first);
    check_only.strict = true;
    cr_expect(!prepare_data(source, &check_only, NULL, &err) && strstr(err.text, first), "'%s' does not name '%s'", err.text, first);
    o.strict = true;
    o.out = in_folder("strict.h5");
    cr_expect(!prepare_data(source, &o, NULL, &err) && strstr(err.text, first) && strstr(err.text, "--strict"), "'%s' does not name '%s'", err.text, first);
    cr_expect(!file_exists(in_folder("strict.h5")));
}
