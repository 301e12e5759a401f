/* json_files.c - finding annotation files and folders of pictures. */
#include "datasets/sources/json_files.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/prepare/catalog_folder.h"
#include "tensor/base/file.h"

static void add(JsonFiles *f, char *path, const char *shown)
{
    if (f->count == f->room) {
        f->room = f->room ? 2 * f->room : 16;
        f->file = realloc(f->file, (size_t)f->room * sizeof *f->file);
        REQUIRE(f->file, "out of memory");
    }
    f->file[f->count] = (JsonFile){ path, strdup(shown) };
    REQUIRE(path && f->file[f->count].shown, "out of memory");
    f->count++;
}

static bool matches(const char *name, const void *patterns)
{
    for (const char *const *p = patterns; *p; p++)
        if (fnmatch(*p, name, 0) == 0) return true;
    return false;
}

/* Of the folder `below` the input folder: "annotations", or "" for itself. */
static bool list(JsonFiles *f, const char *below, bool deep, const char *const *patterns, Err *err)
{
    char      *folder = *below ? path_join(f->folder, below) : strdup(f->folder);
    FolderList found = { 0 };
    bool       ok = !folder_exists(folder) || folder_files(folder, deep, matches, patterns, &found, err);

    for (int64_t i = 0; i < found.count; i++) {
        char *shown = path_join(below, found.name[i]);
        add(f, path_join(folder, found.name[i]), shown);
        free(shown);
    }
    folder_list_free(&found);
    free(folder);
    return ok;
}

static bool take_input(JsonFiles *f, const char *input, bool deep, const char *const *patterns, Err *err)
{
    const char *name = strrchr(input, '/');

    if (!folder_exists(input)) {
        if (!file_exists(input)) return fail(err, "%s: there is no such file or folder", input);
        add(f, strdup(input), name ? name + 1 : input);
        return true;
    }
    if (f->folder) return fail_usage(err, "one folder, please; '%s' is too much", input);
    f->folder = input;
    int64_t before = f->count;
    if (!deep) TRY(list(f, "annotations", false, patterns, err));
    return f->count > before || list(f, "", deep, patterns, err);
}

static bool find(JsonFiles *f, const PrepareOptions *o, bool deep, const char *const *patterns, Err *err)
{
    *f = (JsonFiles){ 0 };
    for (int i = 0; i < o->input_count; i++) {
        for (int k = 0; k < i; k++)
            if (strcmp(o->inputs[k], o->inputs[i]) == 0) return fail_usage(err, "%s is given twice", o->inputs[i]);
        TRY(take_input(f, o->inputs[i], deep, patterns, err));
    }
    if (f->count) return true;
    return fail(err, "%s: there is no %s%s%s here, nor in %s", o->inputs[0], patterns[0], patterns[1] ? " or " : "",
                patterns[1] ? patterns[1] : "", deep ? "the folders below" : "annotations/");
}

bool json_files_find(JsonFiles *f, const PrepareOptions *o, const char *const *patterns, Err *err) { return find(f, o, false, patterns, err); }

bool json_files_below(JsonFiles *f, const PrepareOptions *o, const char *const *patterns, Err *err) { return find(f, o, true, patterns, err); }

void json_files_free(JsonFiles *f)
{
    for (int64_t i = 0; i < f->count; i++) {
        free(f->file[i].path);
        free(f->file[i].shown);
    }
    free(f->file);
    *f = (JsonFiles){ 0 };
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

char *json_files_images(const JsonFiles *f, const PrepareOptions *o, const char *part, Err *err)
{
    const char *root = o->images ? o->images : f->folder;
    char *found = NULL;

    if (root && *part) found = folder_below(root, part, "");
    if (root && *part && !found) found = folder_below(root, "images/", part);
    if (root && !found) found = folder_below(root, "images", "");
    if (!found && o->images && folder_exists(root)) found = strdup(root);
    if (!found)
        fail(err, "the pictures of %s are not found (a folder %s/, images/%s/ or images/): say where with --images", part, part, part);
    return found;
}
