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
/* One line of text, its top left at (x, y); returns its width. Cut with an ellipsis at max_width when that is > 0. */
double  canvas_text(Canvas *c, const char *utf8, double x, double y, double size, bool bold, uint32_t rgb, double max_width);
/* Text wrapped at max_width; returns the height used. */
double  canvas_paragraph(Canvas *c, const char *utf8, double x, double y, double size, uint32_t rgb, double max_width);
double  canvas_text_width(Canvas *c, const char *utf8, double size, bool bold);
Image   canvas_image(Canvas *c);                 /* a copy, RGB */

#endif
