/* catalog_text.c - a catalog written out. */
#include "catalog_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void put_place(FILE *f, Place at)
{
    fprintf(f, " at=%s", at.file);
    if (at.line) fprintf(f, ":%" PRId64, at.line);
}

static void put_box(FILE *f, const CatalogBoxAt *b)
{
    const CatalogBox *x = &b->box;

    fprintf(f, "  box %s %g %g %g %g", box_kind_name(x->kind), x->x0, x->y0, x->x1, x->y1);
    if (x->fractions) fputs(" fractions", f);
    if (x->entity >= 0) fprintf(f, " entity=%" PRId64, x->entity);
    if (x->caption >= 0) fprintf(f, " caption=%d span=%d,%d", x->caption, x->from, x->to);
    if (x->phrase) fprintf(f, " \"%s\"", x->phrase);
    put_place(f, b->at);
    fputc('\n', f);
}

static void put_picture(FILE *f, const CatalogEntry *e)
{
    fprintf(f, "picture %s file=%s", e->name, e->file);
    if (e->member) fprintf(f, " member=%s", e->member);
    if (e->split) fprintf(f, " split=%s", e->split);
    if (e->width) fprintf(f, " size=%dx%d", e->width, e->height);
    put_place(f, e->at);
    fputs(e->left_out ? " left-out\n" : "\n", f);
    for (int k = 0; k < e->caption_count; k++) fprintf(f, "  caption \"%s\"\n", e->captions[k]);
    for (int k = 0; k < e->box_count; k++) put_box(f, &e->boxes[k]);
}

char *catalog_text(const Catalog *c)
{
    char  *text = NULL;
    size_t bytes;
    FILE  *f = open_memstream(&text, &bytes);
    CatalogEntry e;
    Err    err = { 0 };

    for (int64_t i = 0; i < catalog_count(c); i++) {
        REQUIRE(catalog_entry(c, i, &e, &err), "%s", err.text);
        put_picture(f, &e);
        catalog_entry_free(&e);
    }
    for (int64_t i = 0; i < catalog_problems(c); i++) {
        Problem p = catalog_problem_at(c, i);
        fprintf(f, "problem %s %s", problem_name(p.kind), p.name);
        put_place(f, (Place){ p.file, p.line });
        fprintf(f, " %s\n", p.reason);
    }
    fclose(f);
    return text;
}
