/* conv_filters.c - the filters' gradient dw = dz' patches.
 *
 * Small filters have few tiles to share out, so that the rows are cut into strips, whose sums are added up in order; the sum of
 * large filters is made tile by tile, of slabs of rows that the team gathers together.                              */
#include "tensor/backends/openblas/conv.h"

#include <string.h>

enum { ROWS_AT_ONCE = 256, MOST_STRIPS = 16, SLAB_ELEMENTS = 1 << 21, SMALL_FILTERS = 1 << 17 };

typedef struct Sums {
    const ConvAttr *a;
    Patches     patches;
    const real *dz;
    int64_t     rows, K, strip;                  /* strip: rows of one                                                */
    int64_t     slab, slab_rows;                 /* the slab's first row                                              */
    bool        direct;                          /* the patches are the rows of x                                     */
    real       *gathered, *partial, *sum, *dw;   /* sum and each partial: (O, R, S, I / groups)                       */
} Sums;

/* What `count` rows add to a group's part of `sum`; beta = 0: it is written. */
static Gemm group_sum(const Sums *s, int64_t from, int64_t count, const real *rows, int64_t group, real beta, real *sum)
{
    int64_t O = s->a->O / s->a->groups;

    return (Gemm){ .ta = true, .m = O, .n = s->K, .k = count, .alpha = 1, .beta = beta, .a = s->dz + from * s->a->O + group * O,
                   .lda = s->a->O, .b = rows, .c = sum + group * O * s->K };
}

/* ---- strips ------------------------------------------------------------------------------------------------------------- */
static void strip_item(void *context, int64_t item, int member)
{
    const Sums *s = context;
    Patches  patches = s->patches;
    int64_t  first = item * s->strip, end = chunk_end(item, s->rows, s->strip), step = s->direct ? s->strip : ROWS_AT_ONCE;
    real    *gathered = s->gathered + member * ROWS_AT_ONCE * s->K, *sum = s->partial + item * s->a->O * s->K;

    for (int64_t from = first; from < end; from += step) {
        int64_t count = end - from < step ? end - from : step;
        for (int64_t group = 0; group < s->a->groups; group++) {
            patches.channel = group * patches.width;
            if (!s->direct) patches_gather(&patches, from, count, gathered);
            Gemm g = group_sum(s, from, count, s->direct ? patches.x + from * s->K : gathered, group, from > first, sum);
            gemm_whole(&g);
        }
    }
}

static void sum_strips(Tape *t, Sums *s)
{
    int64_t strips = chunks_of(s->rows, ROWS_AT_ONCE), count = s->a->O * s->K;

    if (strips > MOST_STRIPS) strips = MOST_STRIPS;
    s->strip = chunks_of(s->rows, strips);
    strips = chunks_of(s->rows, s->strip);
    s->partial = tape_scratch(t, (size_t)(strips * count) * sizeof(real));
    if (!s->direct) s->gathered = tape_scratch(t, (size_t)(team_size(t->team) * ROWS_AT_ONCE * s->K) * sizeof(real));
    team_run(t->team, strips, strip_item, s);
    add_partials(t->team, s->partial, strips, count, s->sum);
}

/* ---- slabs -------------------------------------------------------------------------------------------------------------- */
static void slab_item(void *context, int64_t item, int member)
{
    const Sums *s = context;
    int64_t from = item * ROWS_A_CHUNK;

    (void)member;
    patches_gather(&s->patches, s->slab + from, chunk_end(item, s->slab_rows, ROWS_A_CHUNK) - from, s->gathered + from * s->K);
}

static void sum_slabs(Tape *t, Sums *s)
{
    int64_t most = SLAB_ELEMENTS / s->K > ROWS_AT_ONCE ? SLAB_ELEMENTS / s->K : ROWS_AT_ONCE, groups = s->a->groups;

    if (most > s->rows || s->direct) most = s->rows;
    if (!s->direct) s->gathered = tape_scratch(t, (size_t)(most * s->K) * sizeof(real));
    for (s->slab = 0; s->slab < s->rows; s->slab += most) {
        s->slab_rows = s->rows - s->slab < most ? s->rows - s->slab : most;
        for (int64_t group = 0; group < groups; group++) {
            s->patches.channel = group * s->patches.width;
            if (!s->direct) team_run(t->team, chunks_of(s->slab_rows, ROWS_A_CHUNK), slab_item, s);
            Gemm g = group_sum(s, s->slab, s->slab_rows, s->direct ? s->patches.x : s->gathered, group, 1, s->sum);
            openblas_gemm(t->team, &g);
        }
    }
}

/* ---- both --------------------------------------------------------------------------------------------------------------- */
/* dw += sum, from (R, S, I / groups) back to (I / groups, R, S). */
static void turn_back_item(void *context, int64_t o, int member)
{
    const Sums *s = context;
    int64_t taps = s->a->R * s->a->S, I = s->a->I / s->a->groups;
    const real *from = s->sum + o * s->K;
    real       *to = s->dw + o * s->K;

    (void)member;
    for (int64_t i = 0; i < I; i++)
        for (int64_t k = 0; k < taps; k++) to[i * taps + k] += from[k * I + i];
}

void gathered_grad_filters(Tape *t, const ConvAttr *a, const real *dz, const real *x, real *dw)
{
    Sums s = { .a = a, .dz = dz, .dw = dw, .rows = a->B * a->P * a->Q,
               .patches = { .x = x, .row = axis_forward(conv_rows(a)), .column = axis_forward(conv_columns_of(a)), .C = a->I,
                            .width = a->I / a->groups } };
    bool in_order = a->R * a->S == 1;

    s.K = a->R * a->S * s.patches.width;
    s.direct = patches_are_rows(&s.patches);
    s.sum = in_order ? dw : tape_scratch(t, (size_t)(a->O * s.K) * sizeof(real));
    if (!in_order) memset(s.sum, 0, (size_t)(a->O * s.K) * sizeof(real));
    if (s.rows == 0) return;
    if (a->O * s.K <= SMALL_FILTERS) sum_strips(t, &s);
    else sum_slabs(t, &s);
    if (!in_order) team_run(t->team, a->O, turn_back_item, &s);
}
