/* cache.c - copies of rows for decoding with a key/value cache; nothing here is differentiated or recorded.
 *
 *     rows_write    to[b, at+i, :] = x[b, i, column : column+W]
 *     rows_gather   to[i, 0:S, :]  = x[from[i], 0:S, :]                                                                */
#include "tensor/ops.h"

#include <string.h>

typedef struct Copy {
    Tensor        *to;
    const Tensor  *x;
    const int32_t *from;
    int64_t        at, column, positions;
} Copy;

static void write_row(void *context, int64_t b, int member)
{
    const Copy *c = context;
    int64_t S = c->to->shape.d[1], W = c->to->shape.d[2], T = c->x->shape.d[1], X = c->x->shape.d[2];
    (void)member;
    for (int64_t i = 0; i < T; i++)
        memcpy(c->to->data + (b * S + c->at + i) * W, c->x->data + (b * T + i) * X + c->column, (size_t)W * sizeof(real));
}

void rows_write(Tape *t, Tensor *to, int64_t at, const Tensor *x, int64_t column)
{
    const Shape a = to->shape, b = x->shape;
    REQUIRE(a.n == 3 && b.n == 3 && a.d[0] == b.d[0] && at + b.d[1] <= a.d[1] && column + a.d[2] <= b.d[2],
            "rows_write: %s at position %lld from column %lld does not fit into %s", shape_text(b).s, (long long)at,
            (long long)column, shape_text(a).s);
    Copy c = { .to = to, .x = x, .at = at, .column = column };
    team_run(t->team, b.d[0], write_row, &c);
}

static void gather_row(void *context, int64_t i, int member)
{
    const Copy *c = context;
    int64_t S = c->x->shape.d[1], W = c->x->shape.d[2];
    (void)member;
    memcpy(c->to->data + i * S * W, c->x->data + c->from[i] * S * W, (size_t)(c->positions * W) * sizeof(real));
}

void rows_gather(Tape *t, Tensor *to, const Tensor *x, const int32_t *from, int64_t positions)
{
    const Shape a = to->shape, b = x->shape;
    REQUIRE(a.n == 3 && b.n == 3 && a.d[1] == b.d[1] && a.d[2] == b.d[2] && positions <= b.d[1],
            "rows_gather: %lld positions of %s do not fit into %s", (long long)positions, shape_text(b).s, shape_text(a).s);
    for (int64_t i = 0; i < a.d[0]; i++)
        REQUIRE(from[i] >= 0 && from[i] < b.d[0], "rows_gather: row %d of %s", from[i], shape_text(b).s);
    Copy c = { .to = to, .x = x, .from = from, .positions = positions };
    team_run(t->team, a.d[0], gather_row, &c);
}
