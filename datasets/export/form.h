/* form.h - the forms that a store can be exported in. A new form is a file and a row in export/form.c.
 *
 * The driver (export.c) names and writes the pictures and calls a form in order; a form writes the annotations.           */
#ifndef LIMN_EXPORT_FORM_H
#define LIMN_EXPORT_FORM_H

#include "datasets/buffer.h"
#include "datasets/export.h"

typedef struct ExportTask {
    const ExportOptions *o;
    Store  *store;
    bool   *wanted;                              /* of each split                                                       */
    char  **part;                                /* of each split: its name as a file name may have it, unique          */
} ExportTask;

/* What a form must know of a picture beside what the store says. */
typedef struct ExportPicture {
    int64_t     item;
    int         split;
    const char *path;                            /* of its file, below the folder of the form                           */
    int         width, height, orientation;      /* of the file's own pixels, and the EXIF orientation that turns them upright */
} ExportPicture;

typedef struct ExportForm {
    const char *name, *help, *layout;
    bool        by_split;                        /* pictures come split by split; else as the store has them            */
    char     *(*folder)(const ExportTask *t, int split);             /* of the pictures, below OUT; malloc'd            */
    /* Names the annotation files that will be written, below OUT. */
    void      (*files)(const ExportTask *t, void (*each)(const char *file, void *context), void *context);
    void     *(*begin)(const ExportTask *t, Err *err);               /* NULL on failure                                 */
    bool      (*add)(void *form, const ExportPicture *p, Err *err);
    bool      (*end)(void *form, Err *err);      /* files under their final names; frees it either way                  */
    void      (*abandon)(void *form);            /* removes what is unfinished; frees it                                */
} ExportForm;

extern const ExportForm export_jsonl, export_coco;

const ExportForm *const *export_forms(void);     /* ends with NULL                                                      */
const ExportForm *export_form(const char *name, Err *err);           /* NULL and a usage error that lists the names     */

/* ---- for forms ------------------------------------------------------------------------------------------------------- */
/* A box of the item in the pixels of the picture's file. */
void  export_box(const ExportPicture *p, const StoreBox *b, double out[4]);
/* JSON text at the end of a buffer. */
void  json_add(Buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void  json_add_text(Buffer *b, const char *text);
/* The shortest number that reads back as the same float; gives what it says. */
double json_add_float(Buffer *b, double value);
/* The shortest width that leads from x0, as it was said, to the float x1 and not beyond. */
void  json_add_width(Buffer *b, double x0, double x1);
/* , "truth": {…}, "masks": […] of a composed picture; nothing for others. A mask is COCO's run-length encoding, not compressed:
 * {"size": [height, width], "counts": […]}, column by column, zeros first. */
bool  export_add_composed(Buffer *b, Store *s, int64_t item, Err *err);

#endif
