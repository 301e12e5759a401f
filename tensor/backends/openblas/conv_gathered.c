/* conv_gathered.c - y and dx as products of matrices: gathered patches times filters, tile by tile. Only a tile's rows are gathered
 * at a time, into the tile's own scratch, and nothing is kept. Filters of 1 x 1 that read every row need no gathering.   */
#include "tensor/backends/openblas/conv.h"

#include <string.h>

/* ---- patches times filters, tile by tile ------------------------------------------------------------------------------ */
typedef struct Product {
    Patches     patches;
    Gemm        g;                               /* of one group; a NULL: each tile gathers its rows                  */
    Grid        grid;
    int64_t     groups, columns;                 /* columns of all groups together                                    */
    const real *b;
    Activation  activation;
    real       *y;                               /* finished rows; NULL: nothing follows                              */
    real       *rows, *tiles;                    /* every member's gathered rows; its tile, where a result's rows lie apart */
    real       *dx;                              /* where they go from there                                          */
    int64_t     height, width;                   /* of dx                                                             */
    bool        add;
} Product;

/* Row n of a phase lies in dx between those of the other phases. */
static void spread(const Product *p, const Tile *tile, const real *from)
{
    const Axis *row = &p->patches.row, *column = &p->patches.column;

    for (int64_t r = 0; r < tile->rows; r++, from += p->columns) {
        int64_t n = tile->row + r, j = n % column->count, i = n / column->count % row->count, b = n / column->count / row->count;
        int64_t at = (b * p->height + row->to + i * row->to_step) * p->width + column->to + j * column->to_step;
        real   *to = p->dx + at * p->columns + tile->column;

        if (p->add) kernels()->add(tile->columns, to, from + tile->column, to);
        else memcpy(to, from + tile->column, (size_t)tile->columns * sizeof *to);
    }
}

static void tile_item(void *context, int64_t item, int member)
{
    const Product *p = context;
    Tile     tile = gemm_tile(&p->grid, &p->g, item);
    Patches  patches = p->patches;
    Gemm     g = p->g;
    real    *rows = p->g.a ? NULL : p->rows + member * p->grid.rows * g.k;
    real    *c = p->tiles ? p->tiles + member * p->grid.rows * p->columns : p->g.c + tile.row * p->columns;

    g.m = tile.rows, g.a = p->g.a ? p->g.a + tile.row * g.k : rows;
    for (int64_t group = 0; group < p->groups; group++) {
        patches.channel = group * patches.width;
        if (rows) patches_gather(&patches, tile.row, tile.rows, rows);
        g.b = p->g.b + group * g.n * g.k, g.c = c + group * g.n, g.ldc = p->columns;
        gemm_run_tile(&g, &(Tile){ 0, tile.column, tile.rows, tile.columns });
    }
    if (p->groups > 1) tile.columns = p->columns;
    if (p->tiles) spread(p, &tile, c);
    for (int64_t r = 0; p->y && r < tile.rows; r++) {
        int64_t at = r * p->columns + tile.column;
        kernels()->finish(p->activation, tile.columns, c + at, p->b ? p->b + tile.column : NULL, NULL,
                          p->y + tile.row * p->columns + at);
    }
}

static void gather_item(void *context, int64_t item, int member)
{
    const Product *p = context;
    int64_t from = item * ROWS_A_CHUNK;

    (void)member;
    patches_gather(&p->patches, from, chunk_end(item, p->g.m, ROWS_A_CHUNK) - from, p->rows + from * p->g.k);
}

/* Where a product is cut across its columns, too, its rows are few, and are gathered once for all. They are cut no more than it
 * takes to share them out: each tile packs its rows anew.                                                            */
static void run_product(Tape *t, Product *p)
{
    enum { ENOUGH = 8 };
    const Gemm *g = &p->g;

    if (g->m == 0) return;
    p->grid = gemm_grid(g->m, g->n, g->k);
    if (!g->a && p->grid.across > ENOUGH / p->grid.down) p->grid.across = ENOUGH / p->grid.down;
    if (p->groups > 1 || p->grid.across < 1) p->grid.across = 1;
    p->grid.columns = (chunks_of(g->n, p->grid.across) + 15) / 16 * 16;
    p->grid.across = chunks_of(g->n, p->grid.columns);
    if (!g->a && p->grid.across > 1) {
        p->rows = tape_scratch(t, (size_t)(g->m * g->k) * sizeof *p->rows);
        team_run(t->team, chunks_of(g->m, ROWS_A_CHUNK), gather_item, p);
        p->g.a = p->rows;
    } else if (!g->a) {
        p->rows = tape_scratch(t, (size_t)(team_size(t->team) * p->grid.rows * g->k) * sizeof *p->rows);
    }
    if (p->dx) p->tiles = tape_scratch(t, (size_t)(team_size(t->team) * p->grid.rows * p->columns) * sizeof *p->tiles);
    team_run(t->team, p->grid.down * p->grid.across, tile_item, p);
}

static Product product_of(Tape *t, const ConvAttr *a, Patches patches, const real *w, bool input)
{
    int64_t  in = (input ? a->O : a->I) / a->groups, out = (input ? a->I : a->O) / a->groups;
    bool     pointwise = a->R * a->S == 1 && a->groups == 1;
    Product  p = { .patches = patches, .groups = a->groups, .columns = out * a->groups,
                   .g = { .tb = !(pointwise && input), .m = a->B * patches.row.count * patches.column.count, .n = out,
                          .k = patches.row.taps * patches.column.taps * in, .alpha = 1 } };

    p.patches.C = in * a->groups, p.patches.width = in;
    if (patches_are_rows(&p.patches)) p.g.a = p.patches.x;
    p.g.b = pointwise ? w : filters_turned(t, &(Filters){ .a = a, .w = w, .row = patches.row, .column = patches.column,
                                                          .input = input });
    return p;
}

static void forward(Tape *t, const ConvAttr *a, const real *x, const real *w, const real *b, real *z, real *y)
{
    Patches patches = { .x = x, .row = axis_forward(conv_rows(a)), .column = axis_forward(conv_columns_of(a)) };
    Product p = product_of(t, a, patches, w, false);

    p.g.c = z, p.b = b, p.activation = a->activation;
    p.y = b || a->activation != ACT_NONE ? y : NULL;
    run_product(t, &p);
}

/* ---- dx: a product for every phase of the stride --------------------------------------------------------------------------- */
typedef struct Phase { const ConvAttr *a; Axis row, column; real *dx; } Phase;

static void zero_item(void *context, int64_t item, int member)
{
    const Phase *p = context;
    int64_t I = p->a->I, b = item / p->row.count, h = p->row.to + item % p->row.count * p->row.to_step;

    (void)member;
    for (int64_t j = 0; j < p->column.count; j++)
        memset(p->dx + ((b * p->a->H + h) * p->a->W + p->column.to + j * p->column.to_step) * I, 0, (size_t)I * sizeof *p->dx);
}

static void grad_input(Tape *t, const ConvAttr *a, const real *dz, const real *w, bool add, real *dx)
{
    int64_t stride = a->window.stride;

    for (int64_t phase = 0; phase < stride * stride; phase++) {
        Phase q = { a, axis_backward(conv_rows(a), phase / stride), axis_backward(conv_columns_of(a), phase % stride), dx };

        if (q.row.taps == 0 || q.column.taps == 0) {
            if (!add) team_run(t->team, a->B * q.row.count, zero_item, &q);
            continue;
        }
        ArenaMark m = arena_mark(t->scratch);
        Product p = product_of(t, a, (Patches){ .x = dz, .row = q.row, .column = q.column }, w, true);
        if (stride == 1) p.g.c = dx, p.g.beta = add;
        else p.dx = dx, p.height = a->H, p.width = a->W, p.add = add;
        run_product(t, &p);
        arena_release(t->scratch, m);
    }
}

const ConvWay conv_gathered = { forward, grad_input, gathered_grad_filters };
