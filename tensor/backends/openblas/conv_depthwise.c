/* conv_depthwise.c - every channel under its own filter: a row of outputs is a sum of rows of x times taps, with channels side by
 * side in the vector lanes (kernels.h: Taps). Filters are turned to (R,S,C) first.                                   */
#include "tensor/backends/openblas/conv.h"

#include <string.h>

enum { ROWS_AN_ITEM = 16 };                      /* of outputs, in the filters' gradient: each item has a sum of its own */

/* The taps of one run of outputs; every member of the team has its own. */
typedef struct Slots { const real **x, **w; real **dw; } Slots;

typedef struct Work {
    const ConvAttr *a;
    const Axis  *rows, *columns;                 /* one for each phase                                                */
    int64_t      phases, height, width;          /* of each axis; the result's size                                   */
    const real  *from, *w, *b;                   /* from: the source of the walk, x or dz                             */
    real        *z, *y, *partial;                /* z: the result's rows, or dz, which the filters' gradient reads    */
    bool         add;
    const Slots *slots;
} Work;

/* Those taps of output (i, q) that lie inside. */
static int collect(const Work *w, const Axis *row, const Axis *column, int64_t i, int64_t q, const real *plane, real *dw,
                   const Slots *s)
{
    int64_t C = w->a->I;
    int     count = 0;

    for (int64_t k = 0; k < row->taps; k++) {
        int64_t h = axis_source(row, i, k);
        if (!axis_inside(row, h)) continue;
        for (int64_t l = 0; l < column->taps; l++) {
            int64_t at = axis_source(column, q, l);
            if (!axis_inside(column, at)) continue;
            int64_t tap = (row->filter + k * row->filter_step) * w->a->S + column->filter + l * column->filter_step;
            s->x[count] = plane + (h * column->size + at) * C;
            s->w[count] = w->w + tap * C;
            if (dw) s->dw[count] = dw + tap * C;
            count++;
        }
    }
    return count;
}

/* Row i, run by run of outputs that have the same taps: y (+)= their sums, or, where dw is given, dw += what `y` gives each tap. */
static void walk_row(const Work *w, const Axis *row, const Axis *column, int64_t i, const real *plane, real *y, real *dw,
                     const Slots *s)
{
    int64_t C = w->a->I, from, to, run;

    axis_interior(column, &from, &to);
    for (int64_t q = 0; q < column->count; q += run) {
        run = q >= from && q < to ? to - q : 1;
        Taps  t = { .outputs = run, .C = C, .count = collect(w, row, column, i, q, plane, dw, s), .x = s->x, .w = s->w,
                    .x_step = column->step * C, .y_step = column->to_step * C };
        real *at = y + (column->to + q * column->to_step) * C;
        if (dw) kernels()->taps_grad(&t, at, s->dw);
        else kernels()->taps(&t, w->add, at);
    }
}

static const real *turned_filters(Tape *t, const ConvAttr *a, const real *w)
{
    int64_t taps = a->R * a->S;
    real   *to = tape_scratch(t, (size_t)(taps * a->I) * sizeof *to);

    for (int64_t c = 0; c < a->I; c++)
        for (int64_t k = 0; k < taps; k++) to[k * a->I + c] = w[c * taps + k];
    return to;
}

static const Slots *new_slots(Tape *t, const ConvAttr *a)
{
    int     members = team_size(t->team);
    size_t  taps = (size_t)(a->R * a->S);
    Slots  *slots = tape_scratch(t, (size_t)members * sizeof *slots);

    for (int m = 0; m < members; m++) {
        slots[m].x = tape_scratch(t, taps * sizeof *slots[m].x);
        slots[m].w = tape_scratch(t, taps * sizeof *slots[m].w);
        slots[m].dw = tape_scratch(t, taps * sizeof *slots[m].dw);
    }
    return slots;
}

/* ---- y and dx: one row of the result an item ------------------------------------------------------------------------- */
static void row_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t C = w->a->I, b = item / w->height, h = item % w->height, line = item * w->width * C;
    const Axis *row = &w->rows[h % w->phases];
    const real *plane = w->from + b * row->size * w->columns->size * C;

    for (int64_t phase = 0; phase < w->phases; phase++)
        walk_row(w, row, &w->columns[phase], h / w->phases, plane, w->z + line, NULL, &w->slots[member]);
    if (!w->y || (!w->b && w->a->activation == ACT_NONE)) return;
    for (int64_t q = 0; q < w->width; q++)
        kernels()->finish(w->a->activation, C, w->z + line + q * C, w->b, NULL, w->y + line + q * C);
}

static void forward(Tape *t, const ConvAttr *a, const real *x, const real *w, const real *b, real *z, real *y)
{
    Axis rows = axis_forward(conv_rows(a)), columns = axis_forward(conv_columns_of(a));
    Work work = { .a = a, .rows = &rows, .columns = &columns, .phases = 1, .height = a->P, .width = a->Q, .from = x,
                  .w = turned_filters(t, a, w), .b = b, .z = z, .y = y, .slots = new_slots(t, a) };

    team_run(t->team, a->B * a->P, row_item, &work);
}

static void grad_input(Tape *t, const ConvAttr *a, const real *dz, const real *w, bool add, real *dx)
{
    int64_t stride = a->window.stride;
    Axis   *rows = tape_scratch(t, (size_t)(2 * stride) * sizeof *rows), *columns = rows + stride;
    Work    work = { .a = a, .rows = rows, .columns = columns, .phases = stride, .height = a->H, .width = a->W, .from = dz,
                     .w = turned_filters(t, a, w), .z = dx, .add = add, .slots = new_slots(t, a) };

    for (int64_t phase = 0; phase < stride; phase++) {
        rows[phase] = axis_backward(conv_rows(a), phase);
        columns[phase] = axis_backward(conv_columns_of(a), phase);
    }
    team_run(t->team, a->B * a->H, row_item, &work);
}

/* ---- dw: sums of a few rows an item, added up in order ------------------------------------------------------------------ */
static void filters_item(void *context, int64_t item, int member)
{
    const Work     *w = context;
    const ConvAttr *a = w->a;
    int64_t C = a->I, count = a->R * a->S * C;
    real   *dw = w->partial + item * count;

    memset(dw, 0, (size_t)count * sizeof *dw);
    for (int64_t r = item * ROWS_AN_ITEM, end = chunk_end(item, a->B * a->P, ROWS_AN_ITEM); r < end; r++)
        walk_row(w, w->rows, w->columns, r % a->P, w->from + r / a->P * a->H * a->W * C, w->z + r * a->Q * C, dw,
                 &w->slots[member]);
}

static void grad_filters(Tape *t, const ConvAttr *a, const real *dz, const real *x, real *dw)
{
    Axis    rows = axis_forward(conv_rows(a)), columns = axis_forward(conv_columns_of(a));
    int64_t items = chunks_of(a->B * a->P, ROWS_AN_ITEM), taps = a->R * a->S, count = taps * a->I;
    real   *sum = tape_scratch(t, (size_t)(count * (items + 1)) * sizeof *sum);
    Work    work = { .a = a, .rows = &rows, .columns = &columns, .phases = 1, .from = x, .w = sum, .z = (real *)dz,
                     .partial = sum + count, .slots = new_slots(t, a) };

    memset(sum, 0, (size_t)count * sizeof *sum);
    team_run(t->team, items, filters_item, &work);
    add_partials(t->team, work.partial, items, count, sum);
    for (int64_t c = 0; c < a->I; c++)
        for (int64_t k = 0; k < taps; k++) dw[c * taps + k] += sum[k * a->I + c];
}

const ConvWay conv_depthwise = { forward, grad_input, grad_filters };
