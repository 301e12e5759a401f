/* entities_boxes.c - expat's events into rows: a table says which text of which element is what. */
#include "datasets/sources/entities_boxes.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "tensor/base/file.h"

enum { LARGEST = 4 << 20, DEEPEST = 16, NAMES = 64, LONGEST_TEXT = 63 };

typedef enum Field { WIDTH, HEIGHT, XMIN, YMIN, XMAX, YMAX, NOBNDBOX, SCENE, NAME, FIELDS } Field;
static const struct { const char *parent, *element; } FIELD[FIELDS] = {
    [WIDTH] = { "size", "width" },  [HEIGHT] = { "size", "height" },
    [XMIN] = { "bndbox", "xmin" },  [YMIN] = { "bndbox", "ymin" },  [XMAX] = { "bndbox", "xmax" },  [YMAX] = { "bndbox", "ymax" },
    [NOBNDBOX] = { "object", "nobndbox" },  [SCENE] = { "object", "scene" },  [NAME] = { "object", "name" },
};

typedef struct Reading {
    EntityBoxes *out;
    Catalog     *c;
    Place        at;
    const char  *picture, *refused;              /* why the file is refused; NULL: it is not                            */
    XML_Parser   parser;
    int          depth;
    char         element[DEEPEST][16];           /* the open elements, their names cut                                  */
    Field        field;                          /* whose text is being read; FIELDS: none                              */
    char         text[LONGEST_TEXT + 1];
    size_t       bytes;
    /* the object that is being read */
    int64_t      line, name[NAMES];
    int          names;
    double       value[FIELDS];
    unsigned     seen;                           /* a bit for each Field                                                */
    const char  *wrong;
} Reading;

static bool has(const Reading *r, Field f) { return r->seen >> f & 1; }

static void refuse(Reading *r, const char *why)
{
    r->refused = why;
    XML_StopParser(r->parser, XML_FALSE);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------- */
static Field field_of(const char *parent, const char *element)
{
    int f = 0;
    while (f < FIELDS && (strcmp(FIELD[f].parent, parent) != 0 || strcmp(FIELD[f].element, element) != 0)) f++;
    return (Field)f;
}

static bool only_blanks(const char *text) { return text[strspn(text, " \t\r\n")] == 0; }

static void take_text(Reading *r)
{
    char *end;

    if (r->wrong) return;
    r->text[r->bytes] = 0;
    errno = 0;
    if (r->field == NAME) {
        long long id = strtoll(r->text, &end, 10);
        if (end == r->text || !only_blanks(end) || errno || id < 0) r->wrong = "an object whose name is not the number of an entity";
        else if (r->names == NAMES) r->wrong = "an object with more than 64 names";
        else r->name[r->names++] = id;
        return;
    }
    r->value[r->field] = strtod(r->text, &end);
    if (end == r->text || !only_blanks(end) || !(fabs(r->value[r->field]) <= 1e6)) r->wrong = "an element whose text is not a number";
    if (has(r, r->field)) r->wrong = "an object with an element twice";
    r->seen |= 1u << r->field;
}

/* ---- objects ----------------------------------------------------------------------------------------------------------- */
static double first_edge(double pixel) { return pixel == 0 ? 0 : pixel - 1; }

static void take_object(Reading *r)
{
    const unsigned CORNERS = 1u << XMIN | 1u << YMIN | 1u << XMAX | 1u << YMAX;
    bool corners = (r->seen & CORNERS) == CORNERS;
    bool none = (has(r, NOBNDBOX) && r->value[NOBNDBOX] > 0) || (has(r, SCENE) && r->value[SCENE] > 0);

    if (!r->wrong && !r->names) r->wrong = "an object without a name";
    if (!r->wrong && !corners && (r->seen & CORNERS)) r->wrong = "an object whose box lacks a corner";
    if (!r->wrong && !corners && !none) r->wrong = "an object with neither a box nor word that there is none";
    if (r->wrong) {
        catalog_problem(r->c, PROBLEM_BAD_RECORD, r->picture, (Place){ r->at.file, r->line }, "%s", r->wrong);
        return;
    }
    EntityBox b = { .has_box = corners, .line = r->line };
    if (corners) b.x0 = first_edge(r->value[XMIN]), b.y0 = first_edge(r->value[YMIN]), b.x1 = r->value[XMAX], b.y1 = r->value[YMAX];
    for (int i = 0; i < r->names; i++) {
        b.entity = r->name[i];
        buffer_add(&r->out->rows, &b, sizeof b);
    }
}

static void take_size(Reading *r)
{
    double w = has(r, WIDTH) ? r->value[WIDTH] : 0, h = has(r, HEIGHT) ? r->value[HEIGHT] : 0;

    if (r->wrong || w < 1 || h < 1)
        catalog_problem(r->c, PROBLEM_BAD_RECORD, r->picture, (Place){ r->at.file, r->line },
                        "a size that is none; boxes are taken to be in the picture's pixels");
    else r->out->width = (int)w, r->out->height = (int)h;
}

/* ---- events ------------------------------------------------------------------------------------------------------------ */
static void on_start(void *context, const XML_Char *element, const XML_Char **attributes)
{
    Reading *r = context;
    (void)attributes;
    if (r->depth == DEEPEST) {
        refuse(r, "has elements more than 16 deep");
        return;
    }
    snprintf(r->element[r->depth], sizeof r->element[0], "%s", element);
    r->field = r->depth ? field_of(r->element[r->depth - 1], r->element[r->depth]) : FIELDS;
    r->depth++;
    r->bytes = 0;
    if (r->depth == 2) {                         /* <size>, <object> */
        r->line = (int64_t)XML_GetCurrentLineNumber(r->parser);
        r->names = 0;
        r->seen = 0;
        r->wrong = NULL;
    }
}

static void on_text(void *context, const XML_Char *text, int bytes)
{
    Reading *r = context;
    if (r->field == FIELDS) return;
    if (r->bytes + (size_t)bytes > LONGEST_TEXT) r->wrong = "an element whose text is too long";
    else {
        memcpy(r->text + r->bytes, text, (size_t)bytes);
        r->bytes += (size_t)bytes;
    }
}

static void on_end(void *context, const XML_Char *element)
{
    Reading *r = context;
    if (r->field != FIELDS) take_text(r);
    r->field = FIELDS;
    r->depth--;
    if (r->depth == 1 && strcmp(element, "object") == 0) take_object(r);
    if (r->depth == 1 && strcmp(element, "size") == 0) take_size(r);
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    refuse(context, "declares a document type, which no annotation needs");
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */
static bool parse(Reading *r, const char *data, size_t bytes)
{
    r->parser = XML_ParserCreate(NULL);
    REQUIRE(r->parser, "out of memory");
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);

    bool ok = XML_Parse(r->parser, data, (int)bytes, 1) == XML_STATUS_OK;
    if (!ok) {
        r->at.line = (int64_t)XML_GetCurrentLineNumber(r->parser);
        catalog_problem(r->c, PROBLEM_BAD_FILE, r->picture, r->at, "%s%s", r->refused ? "" : "is not well-formed XML: ",
                        r->refused ? r->refused : XML_ErrorString(XML_GetErrorCode(r->parser)));
    }
    XML_ParserFree(r->parser);
    return ok;
}

bool entity_boxes_read(EntityBoxes *b, Catalog *c, const char *path, const char *shown, const char *picture)
{
    Reading r = { .out = b, .c = c, .at = { shown, 0 }, .picture = picture, .field = FIELDS };
    int64_t size = 0;
    size_t  bytes;
    Err     err = { 0 };

    b->width = b->height = 0;
    b->rows.used = 0;
    bool  there = file_exists(path) && file_bytes(path, &size, &err);
    char *data = there && size <= LARGEST ? file_read(path, &bytes, &err) : NULL;
    if (!data)
        catalog_problem(c, PROBLEM_BAD_FILE, picture, r.at, "%s",
                        !there ? "is not there" : size > LARGEST ? "is larger than 4 MiB" : "cannot be read");

    bool ok = data && parse(&r, data, bytes);
    if (!ok) {
        b->rows.used = 0;
        b->width = b->height = 0;
    }
    free(data);
    return ok;
}

int64_t    entity_boxes_count(const EntityBoxes *b)          { return (int64_t)(b->rows.used / sizeof(EntityBox)); }
EntityBox *entity_boxes_at(const EntityBoxes *b, int64_t i)  { return (EntityBox *)(void *)b->rows.p + i; }
void       entity_boxes_free(EntityBoxes *b)                 { free(b->rows.p); }
