/* box_kind.h - what the box of a picture stands for, and its names in files. */
#ifndef LIMN_BOX_KIND_H
#define LIMN_BOX_KIND_H

#include <stdbool.h>
#include <stdint.h>

typedef enum BoxKind {
    BOX_PHRASE,                                  /* of a phrase, of a caption when its span says so                     */
    BOX_OBJECT,                                  /* the phrase is the name of a category (COCO's instances)             */
    BOX_REGION,                                  /* the phrase describes the region (Visual Genome)                     */
    BOX_REFERRING,                               /* the phrase refers to this object and no other (RefCOCO)             */
    BOX_NONE,                                    /* a phrase that is known to have no box; corners are ignored          */
    BOX_KINDS
} BoxKind;

/* "phrase", "object", "region", "referring", "none"; a number that is none of these, as a damaged store may hold, is a phrase. */
const char *box_kind_name(int32_t kind);
bool        box_kind_find(const char *name, BoxKind *out);           /* false: there is none of that name               */

#endif
