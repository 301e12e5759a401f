/* damaged_pictures.h - files that are no pictures any more, each in its own way, and some that only look so. */
#ifndef LIMN_DAMAGED_PICTURES_H
#define LIMN_DAMAGED_PICTURES_H

#include <stdbool.h>

/* kind: as in the report; NULL: it is a good picture. words: of the reason. */
typedef struct DamagedPicture { const char *name, *kind, *words; } DamagedPicture;

/* Puts them below "data/" of source_case.h's folder; ends with a NULL name. */
const DamagedPicture *put_damaged_pictures(void);

#endif
