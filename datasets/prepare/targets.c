/* targets.c - looking at what is there already. */
#include "datasets/prepare/targets.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tensor/base/file.h"

static const char STORE_BEGINS[] = "limn store", REPORT_BEGINS[] = "{\"kind\":";

/* An empty file is nobody's. */
static bool begins_with(const char *path, const char *text, bool *same, Err *err)
{
    char  head[16] = "";
    FILE *f = fopen(path, "rb");
    if (!f) return fail(err, "%s: %s", path, strerror(errno));
    size_t bytes = fread(head, 1, strlen(text), f);
    fclose(f);
    *same = bytes == 0 || memcmp(head, text, strlen(text)) == 0;
    return true;
}

static bool folder_is_there(const char *path, Err *err)
{
    char *copy = strdup(path);
    REQUIRE(copy, "out of memory");
    bool there = folder_exists(dirname(copy)) || fail(err, "cannot write %s: there is no folder for it", path);
    free(copy);
    return there;
}

static bool may_replace(const char *path, const char *begins, const char *what, Err *err)
{
    struct stat st;
    bool same = false;

    if (!*path) return fail_usage(err, "the name of the %s is empty", what);
    if (stat(path, &st) != 0) return folder_is_there(path, err);
    if (S_ISDIR(st.st_mode)) return fail(err, "cannot write %s: it is a folder", path);
    if (!S_ISREG(st.st_mode)) return fail(err, "cannot write %s: it is not a plain file", path);
    TRY(begins_with(path, begins, &same, err));
    return same || fail(err, "%s is there and is no %s of limn's: it stays; choose another name or remove it", path, what);
}

bool targets_fit(const PrepareOptions *o, Err *err)
{
    if (o->out && o->report && strcmp(o->out, o->report) == 0) return fail_usage(err, "%s cannot be both the store and the report", o->out);
    return (!o->out || may_replace(o->out, STORE_BEGINS, "store", err)) && (!o->report || may_replace(o->report, REPORT_BEGINS, "report", err));
}
