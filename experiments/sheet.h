/* sheet.h - one PNG that shows captions and where the model looked: each picture with its caption, and a small heat map a word. */
#ifndef LIMN_SHEET_H
#define LIMN_SHEET_H

#include "vision/draw.h"

typedef struct SheetWord  { const char *text; const double *heat; } SheetWord;       /* heat: rows x columns, or NULL        */
typedef struct SheetEntry {
    Image       picture;                         /* as the encoder saw it, before normalisation                             */
    const char *caption, *note;                  /* note: a gray line below (file name, credit); may be NULL                */
    const SheetWord *words; int word_count;
    int         rows, columns;                   /* of the heat maps                                                        */
} SheetEntry;

bool sheet_write(const char *path, const SheetEntry *entries, int count, const char *footer, Err *err);

#endif
