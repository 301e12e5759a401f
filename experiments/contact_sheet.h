/* contact_sheet.h - one PNG of many pictures of a store, evenly spread over it: boxes with their phrases on the picture, a caption beneath.
 *
 * Of an item's captions it shows the one that most of its boxes speak of, and of the boxes those of this caption and of none; phrases of the
 * caption have the colour of their box. Boxes of one entity share a colour.                                              */
#ifndef LIMN_CONTACT_SHEET_H
#define LIMN_CONTACT_SHEET_H

#include "datasets/store.h"

enum { CONTACT_SHEET_COUNT = 12, CONTACT_SHEET_MOST = 200 };

/* `title`: the name of the store. `split` NULL: the whole store. Ends in .png or .jpg. */
bool contact_sheet_write(const char *path, Store *s, const char *title, const char *split, int count, Err *err);

#endif
