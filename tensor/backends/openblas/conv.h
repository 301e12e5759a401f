/* conv.h - the ways to convolve, of which conv2d.c picks one a layer.
 *
 * The gradient of x is a convolution of dz, too: an input position takes part in the outputs that some tap connects it to, and
 * positions of equal remainder modulo the stride (a phase) share their taps. So the forward and each phase of the backward are
 * the same walk over two axes, and no sum is ever scattered.                                                          */
#ifndef LIMN_OPENBLAS_CONV_H
#define LIMN_OPENBLAS_CONV_H

#include "tensor/backends/openblas/openblas.h"

/* One axis of a convolution: output i reads source at + i step + k tap for tap k, where that is in [0, size); it multiplies by
 * filter row filter + k filter_step; and it lies at row to + i to_step of the result.                                */
typedef struct Axis {
    int64_t count, size, at, step, taps, tap, filter, filter_step, to, to_step;
} Axis;

/* Of an axis of `size` inputs and `outputs` outputs, `before` rows of padding and `taps` filter rows. */
typedef struct AxisSizes { int64_t size, outputs, before, taps, stride, dilation; } AxisSizes;
AxisSizes conv_rows(const ConvAttr *a);
AxisSizes conv_columns_of(const ConvAttr *a);
Axis axis_forward(AxisSizes s);
Axis axis_backward(AxisSizes s, int64_t phase);  /* phase in [0, stride): inputs phase, phase + stride, … */

static inline int64_t axis_source(const Axis *x, int64_t i, int64_t k) { return x->at + i * x->step + k * x->tap; }
static inline bool    axis_inside(const Axis *x, int64_t at) { return at >= 0 && at < x->size; }
/* The outputs from *from to *to - 1 have all their taps inside. */
void axis_interior(const Axis *x, int64_t *from, int64_t *to);

/* Rows (b, i, j) with columns (k, l, c): tap k of the rows' axis, l of the columns', `width` channels from `channel` on. */
typedef struct Patches {
    const real *x;                               /* (B, row.size, column.size, C)                                     */
    Axis        row, column;
    int64_t     C, channel, width;
} Patches;
bool patches_are_rows(const Patches *p);         /* of x, as they are                                                 */
void patches_gather(const Patches *p, int64_t from, int64_t count, real *to);

/* Filters (O, I / groups, R, S) as a row of taps and channels for each channel of y (or, `input`, of x), in scratch memory. */
typedef struct Filters {
    const ConvAttr *a;
    const real     *w;
    Axis            row, column;
    bool            input;
    real           *to;
} Filters;
const real *filters_turned(Tape *t, Filters *f);

/* z = x * w, y = act(z + b), b and the activation as in ops.h; dx (+)= …; dw += …. */
typedef struct ConvWay {
    void (*forward)(Tape *t, const ConvAttr *a, const real *x, const real *w, const real *b, real *z, real *y);
    void (*grad_input)(Tape *t, const ConvAttr *a, const real *dz, const real *w, bool add, real *dx);
    void (*grad_filters)(Tape *t, const ConvAttr *a, const real *dz, const real *x, real *dw);
} ConvWay;
extern const ConvWay conv_depthwise,             /* groups = I = O: no products of matrices                          */
                     conv_gathered;              /* everything else: rows of patches times filters                   */
void gathered_grad_filters(Tape *t, const ConvAttr *a, const real *dz, const real *x, real *dw);

#endif
