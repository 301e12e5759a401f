/* prepare/catalog_folder.c - listing pictures below a folder. */
#include "datasets/prepare/catalog_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "datasets/buffer.h"
#include "tensor/base/file.h"

enum { DEEPEST = 16 };

static bool is_picture(const char *name, const void *context)
{
    (void)context;
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".png"));
}

typedef struct Listing { const char *folder; FolderWants *wanted; const void *context; Buffer names; } Listing;

/* A folder and those that it is in. */
typedef struct Above { const struct Above *above; dev_t device; ino_t number; } Above;

/* A link to a folder that it is in itself would be listed again and again. */
static bool is_within_itself(DIR *dir, Above *here)
{
    struct stat st;
    const Above *a = here->above;

    if (fstat(dirfd(dir), &st) != 0) return false;
    here->device = st.st_dev;
    here->number = st.st_ino;
    while (a && (a->device != here->device || a->number != here->number)) a = a->above;
    return a != NULL;
}

/* `below`: "" or "deep/". */
static bool list(Listing *l, const char *below, const Above *above, int levels, Err *err)
{
    char *path = *below ? path_join(l->folder, below) : strdup(l->folder);
    DIR  *dir = opendir(path);
    bool  ok = dir || fail(err, "%s: cannot be listed: %s", path, strerror(errno));
    Above here = { .above = above };
    bool  again = dir && is_within_itself(dir, &here);

    for (struct dirent *d; ok && !again && (d = readdir(dir));) {
        if (d->d_name[0] == '.') continue;
        char *name = NULL;
        if (asprintf(&name, "%s%s", below, d->d_name) < 0) REQUIRE(false, "out of memory");
        if (l->wanted(d->d_name, l->context)) {
            buffer_add(&l->names, &name, sizeof name);
            continue;
        }
        char *whole = path_join(l->folder, name), *deeper = NULL;
        if (levels > 0 && d->d_type != DT_REG && folder_exists(whole)) {
            if (asprintf(&deeper, "%s/", name) < 0) REQUIRE(false, "out of memory");
            ok = list(l, deeper, &here, levels - 1, err);
        }
        free(deeper);
        free(whole);
        free(name);
    }
    if (dir) closedir(dir);
    free(path);
    return ok;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

bool folder_files(const char *folder, bool deep, FolderWants *wanted, const void *context, FolderList *out, Err *err)
{
    Listing l = { folder, wanted, context, { 0 } };
    bool    ok = list(&l, "", NULL, deep ? DEEPEST : 0, err);

    *out = (FolderList){ (char **)(void *)l.names.p, (int64_t)(l.names.used / sizeof(char *)) };
    if (out->count) qsort(out->name, (size_t)out->count, sizeof *out->name, by_bytes);
    if (!ok) folder_list_free(out);
    return ok;
}

bool folder_pictures(const char *folder, bool deep, FolderList *out, Err *err)
{
    return folder_files(folder, deep, is_picture, NULL, out, err);
}

void folder_list_free(FolderList *l)
{
    for (int64_t i = 0; i < l->count; i++) free(l->name[i]);
    free(l->name);
    *l = (FolderList){ 0 };
}
