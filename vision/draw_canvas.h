/* draw_canvas.h - what draw.c and draw_text.c share; private to vision/. */
#ifndef LIMN_DRAW_CANVAS_H
#define LIMN_DRAW_CANVAS_H

#include <cairo.h>

#include "vision/draw.h"

enum { CANVAS_FACES = 16 };
struct Canvas {
    cairo_surface_t   *surface;
    cairo_t           *cr;
    int                width, height;
    cairo_font_face_t *face[CANVAS_FACES]; int faces;            /* for characters that the system's sans-serif lacks        */
};

void canvas_color(Canvas *c, uint32_t rgb);

#endif
