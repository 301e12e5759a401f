/* embedding.c - y[i] = table[ids[i]]: rows of a table (V,C) for ids of any shape. */
#include "tensor/ops/attrs.h"

#include <string.h>

static void forward(Tape *t, Node *n)
{
    const EmbeddingAttr *a = n->attr;
    const real *table = n->in[0]->data;
    real   *y = n->out[0]->data;
    int64_t C = shape_last(n->in[0]->shape);

    (void)t;
    for (int64_t i = 0, end = shape_count(a->ids.shape); i < end; i++)
        memcpy(y + i * C, table + a->ids.v[i] * C, (size_t)C * sizeof *y);
}

/* dtable[ids[i]] += dy[i] */
static void backward(Tape *t, Node *n)
{
    const EmbeddingAttr *a = n->attr;
    const real *dy = n->out[0]->grad;
    real   *dtable = tape_grad(t, n->in[0]);
    int64_t C = shape_last(n->in[0]->shape);

    for (int64_t i = 0, end = shape_count(a->ids.shape); i < end; i++)
        for (int64_t c = 0; c < C; c++) dtable[a->ids.v[i] * C + c] += dy[i * C + c];
}

const Op op_embedding_op = { "embedding", forward, backward };

Tensor *op_embedding(Tape *t, Tensor *table, Ids ids)
{
    EmbeddingAttr a = { ids };
    Shape y = ids.shape;

    REQUIRE(table->shape.n == 2, "embedding: a table is a matrix, but %s is %s", table->name, shape_text(table->shape).s);
    REQUIRE(y.n < TENSOR_MAX_DIM, "embedding: ids of shape %s", shape_text(y).s);
    for (int64_t i = 0, end = shape_count(y); i < end; i++)
        REQUIRE(ids.v[i] >= 0 && ids.v[i] < table->shape.d[0], "embedding: id %d is outside %s %s", (int)ids.v[i],
                table->name ? table->name : "the table", shape_text(table->shape).s);
    y.d[y.n++] = table->shape.d[1];
    return tape_apply(t, &(Apply){ &op_embedding_op, { table }, { y }, &a, sizeof a })->out[0];
}
