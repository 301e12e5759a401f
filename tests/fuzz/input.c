/* input.c - files, catalogs and edits for the fuzz targets. */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fuzz_folder(void)
{
    static char folder[256];
    const char *parent = getenv("TMPDIR");

    if (!*folder) {
        snprintf(folder, sizeof folder, "%s/limn-fuzz-XXXXXX", parent ? parent : "/tmp");
        REQUIRE(mkdtemp(folder), "%s cannot be made", folder);
    }
    return folder;
}

const char *fuzz_path(const char *name)
{
    static char path[4][512];
    static int  at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", fuzz_folder(), name);
    return path[at];
}

const char *fuzz_file(const char *name, const void *data, size_t size)
{
    const char *path = fuzz_path(name);
    FILE *f = fopen(path, "wb");
    REQUIRE(f, "%s cannot be written", path);
    bool ok = !size || fwrite(data, 1, size, f) == size;
    REQUIRE(fclose(f) == 0 && ok, "%s cannot be written", path);
    return path;
}

/* ---- catalogs -------------------------------------------------------------------------------------------------------- */
Catalog *fuzz_catalog(void) { return catalog_new(fuzz_folder()); }

static void check_entry(const CatalogEntry *e)
{
    REQUIRE(*e->name && e->file, "a picture without a name or file");
    for (int i = 0; i < e->caption_count; i++) REQUIRE(*e->captions[i], "an empty caption");
    for (int i = 0; i < e->box_count; i++) {
        const CatalogBox *b = &e->boxes[i].box;
        REQUIRE(b->caption >= -1 && b->caption < e->caption_count, "a box of caption %d of %d", b->caption, e->caption_count);
        REQUIRE(!b->phrase || *b->phrase, "an empty phrase");
    }
}

void fuzz_catalog_end(Catalog *c)
{
    CatalogEntry e;
    Err err = { 0 };

    REQUIRE(catalog_finish(c, &err), "%s", err.text);
    for (int64_t i = 0; i < catalog_count(c); i++) {
        REQUIRE(catalog_entry(c, i, &e, &err), "%s", err.text);
        check_entry(&e);
        catalog_entry_free(&e);
    }
    for (int64_t i = 0; i < catalog_problems(c); i++) {
        Problem p = catalog_problem_at(c, i);
        REQUIRE(p.kind >= 0 && p.kind < PROBLEM_KINDS && p.name && p.file && *p.reason, "a problem that says nothing");
    }
    catalog_free(c);
}

/* ---- edits ----------------------------------------------------------------------------------------------------------- */
bool fuzz_edit(const uint8_t **data, size_t *size, Edit *e)
{
    const uint8_t *d = *data;
    size_t taken = 5;

    if (*size < taken) return false;
    *e = (Edit){ d[0] & 3, d[1], (uint32_t)d[2] | (uint32_t)d[3] << 8, d[4], d + taken };
    if (e->kind == EDIT_PUT || e->kind == EDIT_INSERT) {
        if (e->count > *size - taken) e->count = (uint8_t)(*size - taken);
        taken += e->count;
    }
    *data += taken;
    *size -= taken;
    return true;
}

void fuzz_apply(Buffer *b, const Edit *e, uint32_t where)
{
    size_t at = where % (b->used + 1), rest = b->used - at, count = e->count;

    if (e->kind == EDIT_CUT) b->used = at;
    if (e->kind == EDIT_PUT && rest) memcpy(b->p + at, e->bytes, count < rest ? count : rest);
    if (e->kind == EDIT_REMOVE && rest) {
        if (count > rest) count = rest;
        memmove(b->p + at, b->p + at + count, rest - count);
        b->used -= count;
    }
    if (e->kind == EDIT_INSERT) {
        buffer_room(b, count + 1);
        memmove(b->p + at + count, b->p + at, rest);
        memcpy(b->p + at, e->bytes, count);
        b->used += count;
    }
}
