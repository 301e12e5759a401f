/* json_files.c - finding annotation files and folders of pictures. */
#include "datasets/sources/json_files.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"

static bool add(JsonFiles *f, char *path, const char *shown, Err *err)
{
    if (f->count == (int)(sizeof f->file / sizeof *f->file)) {
        free(path);
        return fail(err, "more than %d annotation files", f->count);
    }
    f->file[f->count] = (JsonFile){ path, strdup(shown) };
    REQUIRE(path && f->file[f->count].shown, "out of memory");
    f->count++;
    return true;
}

static bool matches(const char *name, const char *const *patterns)
{
    for (; *patterns; patterns++)
        if (fnmatch(*patterns, name, 0) == 0) return true;
    return false;
}

/* `below`: "annotations/" or "". */
static bool list(JsonFiles *f, const char *folder, const char *below, const char *const *patterns, Err *err)
{
    char *path = path_join(folder, *below ? below : ".");
    struct dirent **entry;
    int   n = folder_exists(path) ? scandir(path, &entry, NULL, alphasort) : 0;
    bool  ok = n >= 0 || fail(err, "%s: %s", path, strerror(errno));

    for (int i = 0; i < n; i++) {
        if (ok && matches(entry[i]->d_name, patterns)) {
            char shown[512];
            snprintf(shown, sizeof shown, "%s%s", below, entry[i]->d_name);
            ok = add(f, path_join(folder, shown), shown, err);
        }
        free(entry[i]);
    }
    if (n > 0) free(entry);
    free(path);
    return ok;
}

static bool take_input(JsonFiles *f, const char *input, const char *const *patterns, Err *err)
{
    const char *name = strrchr(input, '/');

    if (!folder_exists(input)) {
        if (!file_exists(input)) return fail(err, "%s: there is no such file or folder", input);
        return add(f, strdup(input), name ? name + 1 : input, err);
    }
    if (f->folder) return fail_usage(err, "one folder, please; '%s' is too much", input);
    f->folder = input;
    int before = f->count;
    TRY(list(f, input, "annotations/", patterns, err));
    return f->count > before || list(f, input, "", patterns, err);
}

bool json_files_find(JsonFiles *f, const PrepareOptions *o, const char *const *patterns, Err *err)
{
    *f = (JsonFiles){ 0 };
    for (int i = 0; i < o->input_count; i++) TRY(take_input(f, o->inputs[i], patterns, err));
    if (f->count) return true;
    return fail(err, "%s: there is no %s%s%s here, nor in annotations/", o->inputs[0], patterns[0], patterns[1] ? " or " : "",
                patterns[1] ? patterns[1] : "");
}

void json_files_free(JsonFiles *f)
{
    for (int i = 0; i < f->count; i++) {
        free(f->file[i].path);
        free(f->file[i].shown);
    }
    f->count = 0;
}

static char *folder_below(const char *root, const char *first, const char *second)
{
    char below[512];
    snprintf(below, sizeof below, "%s%s", first, second);
    char *path = path_join(root, below);
    if (folder_exists(path)) return path;
    free(path);
    return NULL;
}

char *json_files_images(const JsonFiles *f, const PrepareOptions *o, const char *part)
{
    const char *root = o->images ? o->images : f->folder;
    char *found = NULL;

    if (root && *part) found = folder_below(root, part, "");
    if (root && *part && !found) found = folder_below(root, "images/", part);
    if (root && !found) found = folder_below(root, "images", "");
    return found || !o->images || !folder_exists(root) ? found : strdup(root);
}
