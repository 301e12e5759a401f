/* batch_norm.c - y = act((x - mean) / sqrt(var + eps) * w + b + residual) over chunks of rows (formula: tensor/ops/batch_norm.c).
 *
 * Mean and variance: both of each chunk while it is in the cache, then of all chunks by the update of Chan, Golub & LeVeque 1979,
 * in double and in order. Saved for backward: mean and 1 / deviation of every channel; what the activation's slope needs is
 * read from y or computed from x again. dx takes the place of x where it may.                                       */
#include "tensor/backends/openblas/openblas.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 12, CHANNELS_AN_ITEM = 64 };                 /* elements that stay in the first cache between two kernels */

typedef struct Work {
    const BatchNormAttr *a;
    int64_t     C, rows, rows_a_chunk, chunks;
    const real *x, *y, *residual, *w;
    real       *to, *g, *dresidual;              /* y or dx; dy, which becomes the gradient before the activation     */
    bool        fresh, residual_fresh;
    real       *spare;                           /* a piece for every member                                          */
    real       *first, *second;                  /* of every chunk: mean and squares, or the sums of g and g (x - mean) */
    real       *mean, *rstd, *scale, *shift, *slope;
    real       *running_mean, *running_var, *dw, *db;
    Centering   forward, backward;
} Work;

static int64_t rows_a_piece(int64_t C) { return PIECE / C > 0 ? PIECE / C : 1; }

static Work new_work(Tape *t, Node *n)
{
    const BatchNormAttr *a = n->attr;
    int64_t C = a->channels, rows = ELEMENTS_A_CHUNK / C;
    Work    w = { .a = a, .C = C, .rows = a->rows, .rows_a_chunk = rows < ROWS_A_CHUNK ? ROWS_A_CHUNK : rows, .x = n->in[0]->data,
                  .w = n->in[1]->data, .y = n->out[0]->data, .residual = n->in[5] ? n->in[5]->data : NULL };

    w.chunks = chunks_of(w.rows, w.rows_a_chunk);
    w.first = tape_scratch(t, (size_t)(2 * w.chunks * C) * sizeof(real));
    w.second = w.first + w.chunks * C;
    w.scale = tape_scratch(t, (size_t)(4 * C) * sizeof(real));
    w.shift = w.scale + C, w.slope = w.shift + C;
    return w;
}

/* What makes the normed x of x: in forward, and again in backward where a slope needs it. */
static Centering norm_of(const Work *w, const real *b)
{
    for (int64_t c = 0; c < w->C; c++) w->scale[c] = w->w[c] * w->rstd[c];
    return (Centering){ .mean = w->mean, .scale = w->scale, .shift = b };
}

/* ---- forward --------------------------------------------------------------------------------------------------------- */
static void moments_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t from = item * w->rows_a_chunk, to = chunk_end(item, w->rows, w->rows_a_chunk);

    (void)member;
    kernels()->moments(to - from, w->C, w->x + from * w->C, w->first + item * w->C, w->second + item * w->C);
}

static void join_moments_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t from = item * CHANNELS_AN_ITEM, m = chunk_end(item, w->C, CHANNELS_AN_ITEM) - from;
    double  mean[CHANNELS_AN_ITEM] = { 0 }, squares[CHANNELS_AN_ITEM] = { 0 };

    (void)member;
    for (int64_t k = 0; k < w->chunks; k++) {
        const real *first = w->first + k * w->C + from, *second = w->second + k * w->C + from;
        double before = (double)(k * w->rows_a_chunk), count = (double)chunk_end(k, w->rows, w->rows_a_chunk) - before;
        double share = count / (before + count);

        for (int64_t c = 0; c < m; c++) {
            double d = (double)first[c] - mean[c];
            mean[c] += d * share;
            squares[c] += (double)second[c] + d * d * (before * share);
        }
    }
    for (int64_t c = 0; c < m; c++) {
        w->mean[from + c] = (real)mean[c];
        w->rstd[from + c] = (real)(1 / sqrt(squares[c] / (double)w->rows + w->a->eps));
        if (!w->running_mean) continue;
        double keep = 1 - w->a->momentum, unbiased = squares[c] / (double)(w->rows > 1 ? w->rows - 1 : 1);
        w->running_mean[from + c] = (real)(keep * (double)w->running_mean[from + c] + w->a->momentum * mean[c]);
        w->running_var[from + c] = (real)(keep * (double)w->running_var[from + c] + w->a->momentum * unbiased);
    }
}

static void norm_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t C = w->C, end = chunk_end(item, w->rows, w->rows_a_chunk), step = rows_a_piece(C);

    (void)member;
    for (int64_t r = item * w->rows_a_chunk; r < end; r += step) {
        int64_t rows = end - r < step ? end - r : step, at = r * C;
        kernels()->center(rows, C, &w->forward, w->x + at, w->residual ? w->residual + at : NULL, w->to + at);
        if (w->a->activation != ACT_NONE) kernels()->act(w->a->activation, rows * C, w->to + at, w->to + at);
    }
}

static void forward(Tape *t, Node *n)
{
    const BatchNormAttr *a = n->attr;
    Work w = new_work(t, n);

    w.to = n->out[0]->data;
    w.mean = tape_save(t, n, 0, (size_t)(2 * w.C) * sizeof(real));
    w.rstd = w.mean + w.C;
    n->out[0]->held = a->activation != ACT_NONE && slope_from_output(a->activation);
    if (a->running) {
        memcpy(w.mean, n->in[3]->data, (size_t)w.C * sizeof(real));
        for (int64_t c = 0; c < w.C; c++) w.rstd[c] = (real)(1 / sqrt((double)n->in[4]->data[c] + a->eps));
    } else {
        bool moves = t->training && !t->again;
        w.running_mean = moves ? n->in[3]->data : NULL, w.running_var = n->in[4]->data;
        team_run(t->team, w.chunks, moments_item, &w);
        team_run(t->team, chunks_of(w.C, CHANNELS_AN_ITEM), join_moments_item, &w);
    }
    w.forward = norm_of(&w, n->in[2]->data);
    team_run(t->team, w.chunks, norm_item, &w);
}

/* ---- backward: g = dy act'(…), h = (x - mean) rstd,  dx = w rstd (g - mean of g - h mean of g h),
 *                dw = sum of g h,  db = sum of g,  dresidual = g; where mean and var are constants, dx = w rstd g.          */
/* g in place of dy, for some rows. */
static void slope_rows(const Work *w, int64_t at, int64_t rows, real *normed)
{
    const real *z = w->y + at;

    if (!slope_from_output(w->a->activation)) {
        kernels()->center(rows, w->C, &w->forward, w->x + at, w->residual ? w->residual + at : NULL, normed);
        z = normed;
    }
    kernels()->act_grad(w->a->activation, rows * w->C, z, w->g + at, w->g + at);
}

static void sums_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t C = w->C, from = item * w->rows_a_chunk, end = chunk_end(item, w->rows, w->rows_a_chunk);
    int64_t step = rows_a_piece(C), count = (end - from) * C;
    real   *normed = w->spare + member * step * C;

    if (w->a->activation != ACT_NONE)
        for (int64_t r = from; r < end; r += step) slope_rows(w, r * C, end - r < step ? end - r : step, normed);
    kernels()->products(end - from, C, w->mean, w->x + from * C, w->g + from * C, w->first + item * C, w->second + item * C);
    if (!w->dresidual) return;
    real *dresidual = w->dresidual + from * C;
    if (w->residual_fresh) memcpy(dresidual, w->g + from * C, (size_t)count * sizeof *dresidual);
    else kernels()->add(count, dresidual, w->g + from * C, dresidual);
}

static void join_sums_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t from = item * CHANNELS_AN_ITEM, m = chunk_end(item, w->C, CHANNELS_AN_ITEM) - from;
    double  g[CHANNELS_AN_ITEM] = { 0 }, gx[CHANNELS_AN_ITEM] = { 0 };

    (void)member;
    for (int64_t k = 0; k < w->chunks; k++)
        for (int64_t c = 0; c < m; c++) {
            g[c] += (double)w->first[k * w->C + from + c];
            gx[c] += (double)w->second[k * w->C + from + c];
        }
    for (int64_t c = 0; c < m; c++) {
        double rstd = (double)w->rstd[from + c];

        if (w->dw) w->dw[from + c] += (real)(gx[c] * rstd);
        if (w->db) w->db[from + c] += (real)g[c];
        w->shift[from + c] = w->a->running ? 0 : (real)(g[c] / (double)w->rows);
        w->slope[from + c] = w->a->running ? 0 : (real)(gx[c] * rstd * rstd / (double)w->rows);
    }
}

static void dx_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t from = item * w->rows_a_chunk, rows = chunk_end(item, w->rows, w->rows_a_chunk) - from, at = from * w->C;

    (void)member;
    kernels()->center_grad(rows, w->C, &w->backward, w->x + at, w->g + at, !w->fresh, w->to + at);
}

static void backward(Tape *t, Node *n)
{
    Work w = new_work(t, n);

    w.mean = n->saved[0], w.rstd = w.mean + w.C;
    w.g = n->out[0]->grad;
    w.dw = tape_grad(t, n->in[1]), w.db = tape_grad(t, n->in[2]);
    w.dresidual = tape_grad_first(t, n->in[5], &w.residual_fresh);
    w.forward = norm_of(&w, n->in[2]->data);
    w.spare = tape_scratch(t, (size_t)(team_size(t->team) * rows_a_piece(w.C) * w.C) * sizeof(real));
    team_run(t->team, w.chunks, sums_item, &w);
    w.to = tape_grad_over(t, n->in[0], &w.fresh);                /* after dresidual is there: it may be the same tensor */
    team_run(t->team, chunks_of(w.C, CHANNELS_AN_ITEM), join_sums_item, &w);
    w.backward = (Centering){ .mean = w.mean, .scale = w.scale, .shift = w.shift, .slope = w.slope };
    if (w.to) team_run(t->team, w.chunks, dx_item, &w);
}

const Op openblas_batch_norm = { "batch_norm", forward, backward };
