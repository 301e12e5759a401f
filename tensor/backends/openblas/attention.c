/* attention.c - Y = (softmax(Q K' / sqrt(D) + mask) m) V, one product a row and head (formula: tensor/ops/attention.c).
 *
 * Forward shares (row, head) pairs over the team, backward (memory, head) pairs: whoever owns a memory's head adds to its dK and
 * dV alone, for all rows that read it. Keys that no query of a row sees are left out of the products.
 * Saved for backward: P as (B,H,T,S), unless it is an output.                                                       */
#include "tensor/backends/openblas/openblas.h"

#include <string.h>

typedef struct Work {
    const Tape *t;
    const AttentionAttr *a;
    const real *q, *k, *v, *dy, *dprobs;
    real   *y, *p;                               /* p: all probabilities, or NULL: a (T,S) block of `spare` instead   */
    real   *dq, *dk, *dv;
    real   *spare;                               /* two (T,S) blocks for every member                                 */
    int32_t *first, *rows;                       /* rows[first[m] .. first[m+1]) read memory m                        */
} Work;

/* Where row b's head h lies, its queries T and keys S, and how many of these its last query, which sees most, sees. */
typedef struct Head { int64_t q, k, v, y, p, T, S, seen; } Head;

static Head head_at(const AttentionAttr *a, int64_t b, int64_t h)
{
    RowSpan q = attention_queries(a, b), k = attention_keys(a, b);

    return (Head){ .q = q.first * a->ldq + a->o.q_at + h * a->D, .k = k.first * a->ldk + a->o.k_at + h * a->D,
                   .v = k.first * a->ldv + a->o.v_at + h * a->D, .y = q.first * a->C + h * a->D,
                   .p = attention_probs_at(a, b, h), .T = q.count, .S = k.count,
                   .seen = q.count > 0 ? attention_sees(a, b, q.count - 1) : 0 };
}

static real *spare_block(const Work *w, int member, int which)
{
    return w->spare + (2 * member + which) * w->a->T * w->a->S;
}

/* ---- forward ------------------------------------------------------------------------------------------------------ */
/* A few queries, as in decoding: a product of so few rows would spend its time on packing the keys. */
static void few_scores(const Work *w, const Head *z, real *p)
{
    const AttentionAttr *a = w->a;

    for (int64_t i = 0; i < z->T; i++)
        for (int64_t j = 0; j < z->seen; j++)
            p[i * z->S + j] = kernels()->dot(a->D, w->q + z->q + i * a->ldq, w->k + z->k + j * a->ldk);
}
static void few_sums(const Work *w, const Head *z, const real *p)
{
    const AttentionAttr *a = w->a;

    for (int64_t i = 0; i < z->T; i++) {
        real *y = w->y + z->y + i * a->C;
        memset(y, 0, (size_t)a->D * sizeof *y);
        for (int64_t j = 0; j < z->seen; j++) kernels()->axpy(a->D, p[i * z->S + j], w->v + z->v + j * a->ldv, y);
    }
}

static void forward_item(void *context, int64_t item, int member)
{
    enum { FEW = 2 };
    const Work *w = context;
    const AttentionAttr *a = w->a;
    int64_t b = item / a->H;
    Head    z = head_at(a, b, item % a->H);
    real   *p = w->p ? w->p + z.p : spare_block(w, member, 0);

    if (z.T <= FEW) few_scores(w, &z, p);
    else gemm_whole(&(Gemm){ .tb = true, .m = z.T, .n = z.seen, .k = a->D, .alpha = 1, .a = w->q + z.q, .lda = a->ldq,
                             .b = w->k + z.k, .ldb = a->ldk, .c = p, .ldc = z.S });
    for (int64_t i = 0; i < z.T; i++) {
        int64_t sees = attention_sees(a, b, i);

        if (sees > 0) kernels()->softmax(sees, (real)a->scale, p + i * z.S);
        memset(p + i * z.S + sees, 0, (size_t)(z.S - sees) * sizeof *p);
    }
    if (a->dropout > 0) {
        real *dropped = spare_block(w, member, 1);
        dropout_mask(w->t, a->draw, a->dropout, z.p, z.T * z.S, dropped);
        kernels()->multiply(z.T * z.S, dropped, p, dropped);
        p = dropped;
    }
    if (z.T <= FEW || z.seen == 0) few_sums(w, &z, p);
    else gemm_whole(&(Gemm){ .m = z.T, .n = a->D, .k = z.seen, .alpha = 1, .a = p, .lda = z.S, .b = w->v + z.v,
                             .ldb = a->ldv, .c = w->y + z.y, .ldc = a->C });
}

static real *spare_blocks(Tape *t, const AttentionAttr *a)
{
    return tape_scratch(t, (size_t)(2 * team_size(t->team) * a->T * a->S) * sizeof(real));
}

static void forward(Tape *t, Node *n)
{
    const AttentionAttr *a = n->attr;
    Work w = { .t = t, .a = a, .q = n->in[0]->data, .k = n->in[1]->data, .v = n->in[2]->data, .y = n->out[0]->data,
               .p = n->out[1] ? n->out[1]->data : NULL, .spare = spare_blocks(t, a) };

    if (w.p) n->out[1]->held = true;
    if (!w.p && n->recorded) w.p = tape_save(t, n, 0, (size_t)attention_probs_count(a) * sizeof(real));
    team_run(t->team, a->B * a->H, forward_item, &w);
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */
/* dS, which starts as dP = dY V' m + dprobs. */
static void score_gradients(const Work *w, const Head *z, const real *mask, real *ds)
{
    const AttentionAttr *a = w->a;

    if (w->dy) {
        gemm_whole(&(Gemm){ .tb = true, .m = z->T, .n = z->seen, .k = a->D, .alpha = 1, .a = w->dy + z->y, .lda = a->C,
                            .b = w->v + z->v, .ldb = a->ldv, .c = ds, .ldc = z->S });
    } else {
        memset(ds, 0, (size_t)(z->T * z->S) * sizeof *ds);
    }
    for (int64_t i = 0; i < z->T; i++) {
        real *row = ds + i * z->S;

        if (mask && w->dy) kernels()->multiply(z->seen, row, mask + i * z->S, row);
        if (w->dprobs) kernels()->add(z->seen, row, w->dprobs + z->p + i * z->S, row);
        kernels()->softmax_grad(z->seen, (real)a->scale, w->p + z->p + i * z->S, row);   /* P is 0 where hidden */
    }
}

static void backward_row(const Work *w, int64_t b, int64_t h, int member)
{
    const AttentionAttr *a = w->a;
    Head  z = head_at(a, b, h);
    real *ds = spare_block(w, member, 0), *mask = a->dropout > 0 ? spare_block(w, member, 1) : NULL;

    if (z.seen == 0) return;
    if (mask) dropout_mask(w->t, a->draw, a->dropout, z.p, z.T * z.S, mask);
    score_gradients(w, &z, mask, ds);
    if (w->dq) gemm_whole(&(Gemm){ .m = z.T, .n = a->D, .k = z.seen, .alpha = 1, .beta = 1, .a = ds, .lda = z.S,
                                   .b = w->k + z.k, .ldb = a->ldk, .c = w->dq + z.q, .ldc = a->ldq });
    if (w->dk) gemm_whole(&(Gemm){ .ta = true, .m = z.seen, .n = a->D, .k = z.T, .alpha = 1, .beta = 1, .a = ds, .lda = z.S,
                                   .b = w->q + z.q, .ldb = a->ldq, .c = w->dk + z.k, .ldc = a->ldk });
    if (!w->dv || !w->dy) return;
    if (mask) kernels()->multiply(z.T * z.S, mask, w->p + z.p, mask);
    gemm_whole(&(Gemm){ .ta = true, .m = z.seen, .n = a->D, .k = z.T, .alpha = 1, .beta = 1, .a = mask ? mask : w->p + z.p,
                        .lda = z.S, .b = w->dy + z.y, .ldb = a->C, .c = w->dv + z.v, .ldc = a->ldv });
}

static void backward_item(void *context, int64_t item, int member)
{
    const Work *w = context;
    int64_t m = item / w->a->H;

    for (int32_t i = w->first[m]; i < w->first[m + 1]; i++) backward_row(w, w->rows[i], item % w->a->H, member);
}

/* The rows of every memory, in order: a counting sort. */
static void group_rows(Tape *t, Work *w)
{
    const AttentionAttr *a = w->a;
    int32_t *first = tape_scratch(t, (size_t)(a->M + 2) * sizeof *first);

    memset(first, 0, (size_t)(a->M + 2) * sizeof *first);
    w->rows = tape_scratch(t, (size_t)a->B * sizeof *w->rows);
    for (int64_t b = 0; b < a->B; b++) first[attention_memory(a, b) + 2]++;
    for (int64_t m = 0; m < a->M; m++) first[m + 2] += first[m + 1];
    for (int64_t b = 0; b < a->B; b++) w->rows[first[attention_memory(a, b) + 1]++] = (int32_t)b;
    w->first = first;
}

/* Do columns x .. x+C of one gradient and y .. y+C of another share memory? */
static bool overlap(const real *dx, int64_t x, const real *dy, int64_t y, int64_t C)
{
    return dx && dx == dy && x < y + C && y < x + C;
}

static void backward(Tape *t, Node *n)
{
    const AttentionAttr *a = n->attr;
    const AttentionOptions *o = &a->o;
    Work w = { .t = t, .a = a, .q = n->in[0]->data, .k = n->in[1]->data, .v = n->in[2]->data, .dy = n->out[0]->grad,
               .p = n->out[1] ? n->out[1]->data : n->saved[0], .dprobs = n->out[1] ? n->out[1]->grad : NULL,
               .dq = tape_grad(t, n->in[0]), .dk = tape_grad(t, n->in[1]), .dv = tape_grad(t, n->in[2]),
               .spare = spare_blocks(t, a) };

    group_rows(t, &w);
    /* Columns that serve as two of Q, K and V at once would be added to by several members. */
    bool alone = overlap(w.dq, o->q_at, w.dk, o->k_at, a->C) || overlap(w.dq, o->q_at, w.dv, o->v_at, a->C) ||
                 overlap(w.dk, o->k_at, w.dv, o->v_at, a->C);
    team_run(alone ? NULL : t->team, a->M * a->H, backward_item, &w);
}

const Op openblas_attention = { "attention", forward, backward };
