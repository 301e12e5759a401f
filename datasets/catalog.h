/* catalog.h - what a source says about its pictures, before any of them is read.
 *
 * A source (sources/source.h) adds pictures in the order in which the store shall hold them, gives them captions and boxes in any
 * order, and lists what is wrong. What a picture needs (some 100 bytes and its name) stays in memory; texts and boxes are a chain for
 * each picture in a Spill, newest first, so that 5 million regions take disk, not memory.
 *
 * The catalog is the only judge of texts: a caption or phrase that is empty, not UTF-8, or holds a NUL is listed and left out here, and
 * blanks at both ends are removed. Boxes are judged later, when the picture's true size is known (prepare/picture.c).     */
#ifndef LIMN_CATALOG_H
#define LIMN_CATALOG_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "datasets/box_kind.h"
#include "datasets/buffer.h"
#include "datasets/problem.h"
#include "tensor/base/err.h"

typedef struct Catalog Catalog;

enum { CATALOG_LONGEST = 1000000, CATALOG_SPLITS = 1000 };   /* bytes of a caption or phrase; splits of a data set     */

/* `folder` takes the temporary file: that of the store. */
Catalog *catalog_new(const char *folder);
void     catalog_free(Catalog *c);

/* ---- for sources; false only when the disk fails ------------------------------------------------------------------- */
/* Where something was said: an input as seen from the input folder, and the line (0: none). In JSON that is all on one line, list and
 * element ("annotations", 7; list NULL: none) tell more: they go in front of a problem's reason. */
typedef struct Place { const char *file; int64_t line; const char *list; int64_t element; } Place;
/* "annotations[7] ", or nothing. */
typedef struct PlaceText { char text[96]; } PlaceText;
PlaceText place_text(Place at);

/* Called now and then while annotations are read; false stops: the next caption or box is refused. */
void catalog_watch(Catalog *c, bool (*step)(int64_t pictures, void *context), void *context);
/* Opens the record of an annotation file: name, size and SHA-256 go to the provenance. `name` as in Place. */
bool catalog_input(Catalog *c, const char *path, const char *name, Err *err);
/* Records many small files of one kind as one input: `name` says which ("Sentences, *.txt"), `sha256` is that of their "SHA256  NAME\n". */
void catalog_input_many(Catalog *c, const char *name, int64_t files, int64_t bytes, const char *sha256);
/* Remembers that the folder was there to be listed: what it holds and nobody mentions is listed as PROBLEM_NO_CAPTION at the end. Only
 * files that look like pictures count (.jpg .jpeg .png, any case), below `folder`, subfolders included when `deep`. `shown` as in Place. */
bool catalog_folder(Catalog *c, const char *folder, const char *shown, bool deep, Err *err);

/* The picture of that name, added when it is new. `file`: where its bytes are (a path that open() takes). `member`: its name inside
 * that file, an archive; NULL: the file itself. The first mention decides the order, file, member and place.
 * Gives its index, which stays valid; -1, and lists it, when the name is not UTF-8 or empty (PROBLEM_BAD_TEXT), or leads out of its folder
 * when it is taken as a path (PROBLEM_BAD_PATH). */
int64_t catalog_picture(Catalog *c, const char *name, const char *file, const char *member, Place at, bool *is_new);
int64_t catalog_find(const Catalog *c, const char *name);            /* -1: none                                       */
const char *catalog_file(const Catalog *c, int64_t picture);         /* where its bytes are                            */
int64_t catalog_count(const Catalog *c);
const char *catalog_name(const Catalog *c, int64_t picture);
bool    catalog_has_split(const Catalog *c, int64_t picture);
/* The first one stays; a second, different one is listed as PROBLEM_DUPLICATE. NULL or none: the options decide. */
void    catalog_split(Catalog *c, int64_t picture, const char *split, Place at);
/* Pictures without a split of their own are listed as PROBLEM_NO_SPLIT, not stored: for data sets with official lists. */
void    catalog_need_split(Catalog *c);
/* The size that the annotations speak of: boxes are in its pixels. */
void    catalog_size(Catalog *c, int64_t picture, int width, int height);
/* *index: the caption's number within the picture, -1 when it was left out; may be NULL. `bytes` of text, no NUL needed. */
bool    catalog_caption(Catalog *c, int64_t picture, const char *text, size_t bytes, Place at, int32_t *index, Err *err);

typedef struct CatalogBox {
    double      x0, y0, x1, y1;                  /* corners, edges of pixels: [0, width] x [0, height]                  */
    bool        fractions;                       /* … or all in [0, 1] of the picture                                   */
    BoxKind     kind;
    int64_t     entity;                          /* the data set's own id of the object; -1: none                       */
    int32_t     caption, from, to;               /* bytes [from,to) of that caption (as the catalog keeps it) hold the phrase; caption -1: none */
    const char *phrase;                          /* NULL: none                                                          */
} CatalogBox;
bool catalog_box(Catalog *c, int64_t picture, const CatalogBox *b, Place at, Err *err);

/* `name` may be NULL; the reason is a sentence without the names of file and picture. */
void catalog_problem(Catalog *c, ProblemKind kind, const char *name, Place at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Lists what only shows at the end: pictures that nobody mentioned or that have no split. An error: more than CATALOG_SPLITS splits. Once,
 * after the source. */
bool catalog_finish(Catalog *c, Err *err);

/* ---- for prepare ----------------------------------------------------------------------------------------------------- */
typedef struct CatalogBoxAt { CatalogBox box; Place at; } CatalogBoxAt;
typedef struct CatalogEntry {
    const char   *name, *file, *member, *split;  /* split NULL: none was given                                          */
    Place         at;                            /* of the first mention                                                */
    int           width, height;                 /* 0 x 0: not declared                                                 */
    const char  **captions;  int caption_count;
    CatalogBoxAt *boxes;     int box_count;      /* in the order they were given                                        */
    bool          left_out;                      /* listed already, not to be stored                                    */
    char         *memory;                        /* what the pointers above point into                                  */
} CatalogEntry;
/* Safe to call from several threads once reading is over. */
bool catalog_entry(const Catalog *c, int64_t picture, CatalogEntry *out, Err *err);
void catalog_entry_free(CatalogEntry *e);

int64_t catalog_problems(const Catalog *c);
Problem catalog_problem_at(const Catalog *c, int64_t k);             /* texts live as long as the catalog               */
uint64_t catalog_files_sum(const Catalog *c);                        /* of the sizes of the pictures' files, as they lie there now */
const json_t *catalog_inputs(const Catalog *c);                      /* [{name, bytes, sha256}] in the order of opening  */

#endif
