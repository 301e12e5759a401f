/* contact_boxes.h - which boxes of an item a contact sheet shows, in which colours, and where their labels go. */
#ifndef LIMN_CONTACT_BOXES_H
#define LIMN_CONTACT_BOXES_H

#include "datasets/store.h"
#include "vision/draw.h"

enum { CONTACT_BOXES = 16 };                     /* at most, the largest                                                */

typedef struct ContactBox { StoreBox box; uint32_t rgb; bool labelled; } ContactBox;
typedef struct ContactBoxes {
    int64_t    caption;                          /* the one that is shown; -1: there is none                            */
    ContactBox box[CONTACT_BOXES]; int count;    /* largest first                                                       */
    int        hidden;                           /* boxes beyond these, of this caption or of none                      */
    CanvasSpan *span; int spans;                 /* phrases in the caption                                              */
} ContactBoxes;
ContactBoxes contact_boxes(const Store *s, int64_t item);
void         contact_boxes_free(ContactBoxes *b);

/* Where the picture is drawn: its pixel (0, 0), its scales, and the room that labels have. */
typedef struct ContactFrame { double x, y, scale_x, scale_y, left, top, right, bottom; } ContactFrame;
void contact_boxes_draw(Canvas *c, const ContactBoxes *b, const ContactFrame *f);

#endif
