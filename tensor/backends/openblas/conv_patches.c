/* conv_patches.c - the patch under each output, gathered into a row of taps and channels ("im2col", Chellapilla et al. 2006), and
 * filters in the same order of taps and channels.                                                                    */
#include "tensor/backends/openblas/conv.h"

#include <string.h>

bool patches_are_rows(const Patches *p)
{
    return p->row.taps == 1 && p->column.taps == 1 && p->row.at == 0 && p->column.at == 0 &&
           p->row.step == 1 && p->column.step == 1 && p->row.count == p->row.size &&
           p->column.count == p->column.size && p->width == p->C;
}

static real *gather_line(const Patches *p, const real *line, int64_t j, bool together, real *to)
{
    size_t bytes = (size_t)p->width * sizeof *to;

    if (together) {
        int64_t run = p->column.taps * p->width;
        memcpy(to, line + axis_source(&p->column, j, 0) * p->C, (size_t)run * sizeof *to);
        return to + run;
    }
    for (int64_t l = 0; l < p->column.taps; l++, to += p->width) {
        int64_t at = axis_source(&p->column, j, l);
        if (axis_inside(&p->column, at)) memcpy(to, line + at * p->C + p->channel, bytes);
        else memset(to, 0, bytes);
    }
    return to;
}

void patches_gather(const Patches *p, int64_t from, int64_t count, real *to)
{
    int64_t first, last, line = p->column.taps * p->width;
    bool    dense = p->column.tap == 1 && p->width == p->C;      /* a row of taps lies together in x */

    axis_interior(&p->column, &first, &last);
    for (int64_t n = from; n < from + count; n++) {
        int64_t j = n % p->column.count, i = n / p->column.count % p->row.count, b = n / p->column.count / p->row.count;

        for (int64_t k = 0; k < p->row.taps; k++) {
            int64_t h = axis_source(&p->row, i, k);
            if (axis_inside(&p->row, h)) {
                to = gather_line(p, p->x + (b * p->row.size + h) * p->column.size * p->C, j, dense && j >= first && j < last, to);
            } else {
                memset(to, 0, (size_t)line * sizeof *to);
                to += line;
            }
        }
    }
}

/* ---- filters, one row of taps and channels for each channel of the result --------------------------------------------- */
static void filter_item(void *context, int64_t item, int member)
{
    const Filters  *f = context;
    const ConvAttr *a = f->a;
    int64_t I = a->I / a->groups, O = a->O / a->groups, taps = f->row.taps * f->column.taps, width = f->input ? O : I;
    real   *to = f->to + item * taps * width;

    (void)member;
    for (int64_t c = 0; c < width; c++) {
        int64_t o = f->input ? item / I * O + c : item, i = f->input ? item % I : c;
        const real *w = f->w + (o * I + i) * a->R * a->S;

        for (int64_t k = 0; k < f->row.taps; k++)
            for (int64_t l = 0; l < f->column.taps; l++)
                to[(k * f->column.taps + l) * width + c] =
                    w[(f->row.filter + k * f->row.filter_step) * a->S + f->column.filter + l * f->column.filter_step];
    }
}

const real *filters_turned(Tape *t, Filters *f)
{
    int64_t rows = f->input ? f->a->I : f->a->O, width = (f->input ? f->a->O : f->a->I) / f->a->groups;

    f->to = tape_scratch(t, (size_t)(rows * f->row.taps * f->column.taps * width) * sizeof *f->to);
    team_run(t->team, rows, filter_item, f);
    return f->to;
}
