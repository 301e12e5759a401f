/* draw.c - pictures, heat maps, boxes on a cairo image surface; text is in draw_text.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/draw_canvas.h"

static void check(cairo_status_t status, const char *what)
{
    REQUIRE(status == CAIRO_STATUS_SUCCESS, "%s: %s", what, cairo_status_to_string(status));
}

void canvas_color(Canvas *c, uint32_t rgb)
{
    cairo_t *cr = c->cr;
    cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

Canvas *canvas_new(int width, int height, uint32_t rgb)
{
    Canvas *c = calloc(1, sizeof *c);
    REQUIRE(c, "canvas_new: no memory");
    c->width   = width;
    c->height  = height;
    c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    c->cr      = cairo_create(c->surface);
    check(cairo_status(c->cr), "canvas_new");
    canvas_color(c, rgb);
    cairo_paint(c->cr);
    return c;
}

void canvas_free(Canvas *c)
{
    if (!c) return;
    for (int i = 0; i < c->faces; i++) cairo_font_face_destroy(c->face[i]);
    cairo_destroy(c->cr);
    cairo_surface_destroy(c->surface);
    free(c);
}

Image canvas_image(Canvas *c)
{
    Image out = image_new(c->width, c->height, 3);
    cairo_surface_flush(c->surface);
    const uint8_t *data = cairo_image_surface_get_data(c->surface);
    int            stride = cairo_image_surface_get_stride(c->surface);
    uint8_t       *to = out.pixels;
    for (int y = 0; y < c->height; y++) {
        const uint32_t *row = (const void *)(data + (ptrdiff_t)y * stride);      /* 0xxxRRGGBB, native byte order */
        for (int x = 0; x < c->width; x++, to += 3)
            to[0] = (uint8_t)(row[x] >> 16), to[1] = (uint8_t)(row[x] >> 8), to[2] = (uint8_t)row[x];
    }
    return out;
}

/* ---- pictures and heat maps -------------------------------------------------------------------------------------- */

/* Lays `pixels` (premultiplied ARGB, 32 bits each) over the rectangle, one to one or scaled by cairo to fractions of a pixel. */
static void lay(Canvas *c, uint32_t *pixels, int w, int h, double x, double y, double width, double height)
{
    cairo_surface_t *s = cairo_image_surface_create_for_data((unsigned char *)pixels, CAIRO_FORMAT_ARGB32, w, h, 4 * w);
    check(cairo_surface_status(s), "canvas");
    cairo_save(c->cr);
    cairo_rectangle(c->cr, x, y, width, height);
    cairo_clip(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_scale(c->cr, width / w, height / h);
    cairo_set_source_surface(c->cr, s, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(c->cr), CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(c->cr), CAIRO_EXTEND_PAD);     /* no pale rim at the edges */
    cairo_paint(c->cr);
    cairo_restore(c->cr);
    cairo_surface_finish(s);
    cairo_surface_destroy(s);
}

static int whole(double side) { return side < 1 ? 1 : (int)lround(side); }

static uint32_t *pixel_block(int w, int h)
{
    uint32_t *p = malloc((size_t)w * (size_t)h * sizeof *p);
    REQUIRE(p, "canvas: no memory for %d x %d pixels", w, h);
    return p;
}

void canvas_picture(Canvas *c, const Image *im, double x, double y, double width, double height)
{
    REQUIRE(im->channels == 3 || im->channels == 1, "canvas_picture: %d channels", im->channels);
    Image     fit = image_resize(im, whole(width), whole(height), FILTER_LANCZOS);
    size_t    n = (size_t)fit.width * (size_t)fit.height, C = (size_t)fit.channels;
    uint32_t *p = pixel_block(fit.width, fit.height);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *v = fit.pixels + i * C;
        p[i] = 0xff000000u | (uint32_t)v[0] << 16 | (uint32_t)v[C == 3 ? 1 : 0] << 8 | v[C == 3 ? 2 : 0];
    }
    lay(c, p, fit.width, fit.height, x, y, width, height);
    free(p);
    image_free(&fit);
}

/* The ramp of a heat map: from a clear violet shade through red and orange to light yellow; its lightness rises evenly, so that
 * the order can be seen without colours, and the low end lets the picture through.                                    */
static void heat_color(double v, double out[4])
{
    static const double RAMP[][4] = {            /* red, green, blue, alpha */
        { 0.16, 0.04, 0.33, 0.30 }, { 0.42, 0.07, 0.43, 0.42 }, { 0.71, 0.16, 0.38, 0.55 },
        { 0.91, 0.34, 0.22, 0.66 }, { 0.98, 0.61, 0.13, 0.72 }, { 0.99, 0.93, 0.55, 0.78 } };
    enum { LAST = sizeof RAMP / sizeof *RAMP - 1 };
    double at = fmin(fmax(v, 0), 1) * LAST;
    int    i = at < LAST ? (int)at : LAST - 1;
    for (int k = 0; k < 4; k++)
        out[k] = RAMP[i][k] + (at - i) * (RAMP[i + 1][k] - RAMP[i][k]);
}

/* Cubic B-spline weights of the four samples around fraction f: smooth, never negative, so that no ring appears. */
static void spline(double f, double w[4])
{
    double g = 1 - f;
    w[0] = g * g * g / 6;
    w[1] = (4 - 6 * f * f + 3 * f * f * f) / 6;
    w[2] = (4 - 6 * g * g + 3 * g * g * g) / 6;
    w[3] = f * f * f / 6;
}

static double smooth_at(const double *values, int rows, int columns, double row, double column)
{
    double v[4], h[4], sum = 0;
    int    r = (int)floor(row), q = (int)floor(column);
    spline(row - r, v);
    spline(column - q, h);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            int y = r - 1 + i, x = q - 1 + j;
            y = y < 0 ? 0 : y >= rows ? rows - 1 : y;
            x = x < 0 ? 0 : x >= columns ? columns - 1 : x;
            double value = values[y * columns + x];
            sum += v[i] * h[j] * (isfinite(value) && value > 0 ? value : 0);
        }
    return sum;
}

static uint32_t premultiplied(const double c[4])
{
    uint32_t a = (uint32_t)lround(c[3] * 255), r = (uint32_t)lround(c[0] * c[3] * 255);
    uint32_t g = (uint32_t)lround(c[1] * c[3] * 255), b = (uint32_t)lround(c[2] * c[3] * 255);
    return a << 24 | r << 16 | g << 8 | b;
}

void canvas_heat(Canvas *c, const double *values, int rows, int columns, double x, double y, double width, double height)
{
    int       w = whole(width), h = whole(height);
    uint32_t *p = pixel_block(w, h);
    double   *v = malloc((size_t)w * (size_t)h * sizeof *v), most = 0;
    REQUIRE(v, "canvas_heat: no memory");
    for (int i = 0; i < h; i++)
        for (int j = 0; j < w; j++) {
            double value = smooth_at(values, rows, columns, (i + 0.5) * rows / h - 0.5, (j + 0.5) * columns / w - 0.5);
            v[i * w + j] = value;
            most = fmax(most, value);
        }
    for (int i = 0; i < w * h; i++) {
        double color[4];
        heat_color(most > 0 ? v[i] / most : 0, color);
        p[i] = premultiplied(color);
    }
    lay(c, p, w, h, x, y, width, height);
    free(p);
    free(v);
}

/* A dark rim below the line keeps it visible on any picture. */
void canvas_box(Canvas *c, double x0, double y0, double x1, double y1, uint32_t rgb, double line)
{
    cairo_save(c->cr);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_rectangle(c->cr, x0, y0, x1 - x0, y1 - y0);
    cairo_set_source_rgba(c->cr, 0, 0, 0, 0.55);
    cairo_set_line_width(c->cr, line + 2);
    cairo_stroke_preserve(c->cr);
    canvas_color(c, rgb);
    cairo_set_line_width(c->cr, line);
    cairo_stroke(c->cr);
    cairo_restore(c->cr);
}

void canvas_block(Canvas *c, double x0, double y0, double x1, double y1, uint32_t rgb, double alpha, double radius)
{
    double r = fmin(radius, fmin(x1 - x0, y1 - y0) / 2);

    cairo_new_sub_path(c->cr);
    cairo_arc(c->cr, x1 - r, y0 + r, r, -M_PI / 2, 0);
    cairo_arc(c->cr, x1 - r, y1 - r, r, 0, M_PI / 2);
    cairo_arc(c->cr, x0 + r, y1 - r, r, M_PI / 2, M_PI);
    cairo_arc(c->cr, x0 + r, y0 + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(c->cr);
    cairo_set_source_rgba(c->cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
    cairo_fill(c->cr);
}
