/* draw.h - labels, boxes and heat maps on pictures, by cairo. */
#ifndef LIMN_DRAW_H
#define LIMN_DRAW_H

#include "vision/image.h"

typedef struct Canvas Canvas;                    /* RGB picture being drawn on */

Canvas *canvas_new(int width, int height, uint32_t rgb);             /* 0xRRGGBB background */
void    canvas_free(Canvas *c);
void    canvas_picture(Canvas *c, const Image *im, double x, double y, double width, double height);   /* scaled smoothly */
/* A heat map of rows x columns values laid over the rectangle: low is transparent, high is warm (a perceptually ordered map);
 * values are scaled by their own maximum.                                                                            */
void    canvas_heat(Canvas *c, const double *values, int rows, int columns, double x, double y, double width, double height);
void    canvas_box(Canvas *c, double x0, double y0, double x1, double y1, uint32_t rgb, double line);
/* Filled, its corners rounded. */
void    canvas_block(Canvas *c, double x0, double y0, double x1, double y1, uint32_t rgb, double alpha, double radius);

/* ---- text: in the system's sans-serif; characters that it lacks (other scripts, emoji) in any font of the system that has them ---- */
/* One line of text, its top left at (x, y); returns its width. Cut with an ellipsis at max_width when that is > 0. */
double  canvas_text(Canvas *c, const char *utf8, double x, double y, double size, bool bold, uint32_t rgb, double max_width);
double  canvas_text_width(Canvas *c, const char *utf8, double size, bool bold);
/* Text wrapped at max_width; returns the height used. */
double  canvas_paragraph(Canvas *c, const char *utf8, double x, double y, double size, uint32_t rgb, double max_width);

typedef struct CanvasSpan { int from, to; uint32_t rgb; } CanvasSpan;            /* bytes [from, to), bold and of that colour */
typedef struct CanvasText {
    const char *utf8;
    double      size, max_width;
    uint32_t    rgb;
    int         max_lines;                       /* the last one is cut with an ellipsis; 0: all                            */
    const CanvasSpan *spans; int span_count;     /* the first that holds a byte counts                                      */
} CanvasText;
double  canvas_wrapped_height(Canvas *c, const CanvasText *t);
double  canvas_wrapped(Canvas *c, const CanvasText *t, double x, double y);      /* the height used                         */

Image   canvas_image(Canvas *c);                 /* a copy, RGB */

#endif
