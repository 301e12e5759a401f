/* linear.c - y = act(x W' + b) + residual, the end of the layer fused onto each tile of the product while it is in the cache.
 * Saved for backward: z, the sum before the activation (only where there is one).                                  */
#include "tensor/backends/openblas/openblas.h"

typedef struct Forward { const LinearAttr *a; Gemm g; Grid grid; const real *b, *residual; real *y; } Forward;

static void forward_item(void *context, int64_t item, int member)
{
    const Forward *f = context;
    int64_t O = f->a->out;
    Tile    tile = gemm_tile(&f->grid, &f->g, item);

    (void)member;
    gemm_run_tile(&f->g, &tile);
    if (!f->b && !f->residual && f->a->activation == ACT_NONE) return;
    for (int64_t r = tile.row; r < tile.row + tile.rows; r++) {
        int64_t at = r * O + tile.column;
        kernels()->finish(f->a->activation, tile.columns, f->g.c + at, f->b ? f->b + tile.column : NULL,
                          f->residual ? f->residual + at : NULL, f->y + at);
    }
}

static void forward(Tape *t, Node *n)
{
    const LinearAttr *a = n->attr;
    real *y = n->out[0]->data, *z = y;

    if (n->recorded && a->activation != ACT_NONE) z = tape_save(t, n, 0, (size_t)(a->rows * a->out) * sizeof *z);
    Forward f = { .a = a, .g = { .tb = !a->transposed, .m = a->rows, .n = a->out, .k = a->in, .alpha = 1,
                                 .a = n->in[0]->data, .b = n->in[1]->data, .c = z },
                  .grid = gemm_grid(a->rows, a->out, a->in), .b = n->in[2] ? n->in[2]->data : NULL,
                  .residual = n->in[3] ? n->in[3]->data : NULL, .y = y };
    if (a->rows > 0) team_run(t->team, f.grid.down * f.grid.across, forward_item, &f);
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */
/* With dz = dy act'(z):   dx = dz W,   dW = dz' x (transposed: x' dz),   db = sum of dz over rows,   dresidual = dy. */
static void backward(Tape *t, Node *n)
{
    const LinearAttr *a = n->attr;
    Tensor *x = n->in[0], *w = n->in[1];
    bool    residual_fresh, x_fresh;
    real   *dw = tape_grad(t, w), *db = tape_grad(t, n->in[2]), *dz = n->out[0]->grad;
    real   *dresidual = tape_grad_first(t, n->in[3], &residual_fresh), *dx = tape_grad_first(t, x, &x_fresh);

    finish_grad(t, &(FinishGrad){ .activation = a->activation, .z = n->saved[0], .rows = a->rows, .columns = a->out, .dz = dz,
                                  .dresidual = dresidual, .residual_fresh = residual_fresh }, db);
    if (dx) openblas_gemm(t->team, &(Gemm){ .tb = a->transposed, .m = a->rows, .n = a->in, .k = a->out, .alpha = 1,
                                            .beta = x_fresh ? 0 : 1, .a = dz, .b = w->data, .c = dx });
    if (dw && !a->transposed)
        openblas_gemm(t->team, &(Gemm){ .ta = true, .m = a->out, .n = a->in, .k = a->rows, .alpha = 1, .beta = 1,
                                        .a = dz, .b = x->data, .c = dw });
    if (dw && a->transposed)
        openblas_gemm(t->team, &(Gemm){ .ta = true, .m = a->in, .n = a->out, .k = a->rows, .alpha = 1, .beta = 1,
                                        .a = x->data, .b = dz, .c = dw });
}

const Op openblas_linear = { "linear", forward, backward };
