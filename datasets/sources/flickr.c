/* flickr.c - pictures, lists and numbered captions of the Flickr data sets. */
#include "datasets/sources/flickr.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/sources/text_lines.h"
#include "tensor/base/file.h"

typedef struct Known { const char *split; uint64_t captions; } Known;            /* a bit for each number               */

enum { CAPTION_NUMBERS = 64 };

static Known *known_at(const Flickr *f, int64_t picture) { return (Known *)(void *)f->known.p + picture; }

/* ---- the input folder -------------------------------------------------------------------------------------------------- */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static char *copy(const char *text)
{
    char *c = strdup(text);
    REQUIRE(c, "out of memory");
    return c;
}

static bool find_images(Flickr *f, const PrepareOptions *o, const char *const *folders, Err *err)
{
    if (o->images) {
        f->images = copy(o->images);
        f->shown = copy(last_part(o->images));
        return folder_exists(f->images) || fail(err, "%s: there is no such folder of pictures", o->images);
    }
    for (const char *const *name = folders; *name; name++) {
        char *path = path_join(f->folder, *name);
        if (folder_exists(path)) {
            f->images = path;
            f->shown = copy(*name);
            return true;
        }
        free(path);
    }
    fail(err, "%s: there is no folder of pictures; looked for:", f->folder);
    for (const char *const *name = folders; *name; name++) fail_also(err, ERR_FAILED, "    %s", *name);
    return fail_also(err, ERR_FAILED, "name another one by --images");
}

bool flickr_begin(Flickr *f, Catalog *c, const PrepareOptions *o, const char *const *image_folders, Err *err)
{
    *f = (Flickr){ .c = c };
    if (o->input_count != 1)
        return fail_usage(err, "this source wants one input, the folder of the data set; there are %d", o->input_count);
    f->folder = o->inputs[0];
    if (file_exists(f->folder) && !folder_exists(f->folder))
        return fail_usage(err, "%s is a file; this source wants the folder of the data set", f->folder);
    if (!folder_exists(f->folder)) return fail(err, "%s: there is no such folder", f->folder);
    return find_images(f, o, image_folders, err) && catalog_folder(c, f->images, f->shown, false, err);
}

void flickr_end(Flickr *f)
{
    free(f->images);
    free(f->shown);
    free(f->known.p);
}

const char *flickr_find(const Flickr *f, const char *const *names)
{
    const char *found = NULL;

    for (; *names && !found; names++) {
        char *path = path_join(f->folder, *names);
        if (file_exists(path) && !folder_exists(path)) found = *names;
        free(path);
    }
    return found;
}

char *flickr_input(const Flickr *f, const char *name, Err *err)
{
    char *path = path_join(f->folder, name);
    if (catalog_input(f->c, path, name, err)) return path;
    free(path);
    return NULL;
}

/* ---- pictures ---------------------------------------------------------------------------------------------------------- */
int64_t flickr_picture(Flickr *f, const char *name, Place at)
{
    if (!path_stays_inside(name)) {
        catalog_problem(f->c, PROBLEM_BAD_PATH, name, at, "leads out of the folder of pictures");
        return -1;
    }
    bool    is_new;
    char   *path = path_join(f->images, name);
    int64_t picture = catalog_picture(f->c, name, path, NULL, at, &is_new);
    free(path);
    if (is_new) buffer_add(&f->known, &(Known){ 0 }, sizeof(Known));
    return picture;
}

const char *flickr_split(const Flickr *f, int64_t picture) { return known_at(f, picture)->split; }

void flickr_set_split(Flickr *f, const char *name, const char *split, Place at)
{
    int64_t picture = flickr_picture(f, name, at);
    if (picture < 0) return;

    Known *k = known_at(f, picture);
    if (k->split && strcmp(k->split, split) == 0)
        catalog_problem(f->c, PROBLEM_DUPLICATE, name, at, "is in the list of %s twice", split);
    else catalog_split(f->c, picture, split, at);                               /* lists a second, different one */
    if (!k->split) k->split = split;
}

/* ---- captions ---------------------------------------------------------------------------------------------------------- */
/* -1: it is no number of a caption. */
static int caption_number(const char *text)
{
    char *end;
    long  k = strtol(text, &end, 10);

    end += strspn(end, " \t");
    return end == text || *end || k < 0 || k >= CAPTION_NUMBERS ? -1 : (int)k;
}

bool flickr_caption(Flickr *f, const char *name, const char *number, const char *text, size_t bytes, Place at, Err *err)
{
    int k = number ? caption_number(number) : 0;

    if (k < 0) {
        catalog_problem(f->c, PROBLEM_BAD_RECORD, name, at, "'%.40s' is no number of a caption (0 to %d)", number, CAPTION_NUMBERS - 1);
        return true;
    }
    int64_t picture = flickr_picture(f, name, at);
    if (picture < 0) return true;

    Known *known = known_at(f, picture);
    if (number && known->captions >> k & 1) {
        catalog_problem(f->c, PROBLEM_DUPLICATE, name, at, "has a caption %d already; this one is left out", k);
        return true;
    }
    known->captions |= (uint64_t)1 << k;
    return catalog_caption(f->c, picture, text, bytes, at, NULL, err);
}

/* "NAME#K<tab>caption" */
static bool take_token(Flickr *f, const Line *line, Err *err)
{
    char *tab = memchr(line->text, '\t', line->bytes), *hash = NULL;

    if (tab) {
        *tab = 0;
        hash = strrchr(line->text, '#');
    }
    if (!hash) {
        catalog_problem(f->c, PROBLEM_BAD_RECORD, NULL, line->at, "is not \"NAME#K<tab>caption\"");
        return true;
    }
    *hash = 0;
    return flickr_caption(f, line->text, hash + 1, tab + 1, line->bytes - (size_t)(tab + 1 - line->text), line->at, err);
}

bool flickr_tokens(Flickr *f, const char *file, Err *err)
{
    char  *path = flickr_input(f, file, err);
    Lines *l = path ? lines_open(f->c, path, file, err) : NULL;
    bool   ok = l != NULL;

    free(path);
    if (!l) return false;
    for (Line line; ok && lines_next(l, &line);)
        if (line.bytes) ok = take_token(f, &line, err);
    return lines_close(l, err) && ok;
}

/* ---- lists ------------------------------------------------------------------------------------------------------------- */
static void take_name(Flickr *f, Line *line, const char *split, const char *suffix)
{
    size_t bytes = line->bytes, tail = strlen(suffix);
    Buffer name = { 0 };

    while (bytes && strchr(" \t", line->text[bytes - 1])) bytes--;
    if (!bytes) return;
    buffer_add(&name, line->text, bytes);
    if (tail && (bytes < tail || memcmp(line->text + bytes - tail, suffix, tail) != 0)) buffer_add(&name, suffix, tail);
    buffer_add(&name, "", 1);
    flickr_set_split(f, name.p, split, line->at);
    free(name.p);
}

bool flickr_list(Flickr *f, const char *file, const char *split, const char *suffix, Err *err)
{
    char  *path = flickr_input(f, file, err);
    Lines *l = path ? lines_open(f->c, path, file, err) : NULL;

    free(path);
    if (!l) return false;
    for (Line line; lines_next(l, &line);) take_name(f, &line, split, suffix);
    return lines_close(l, err);
}
