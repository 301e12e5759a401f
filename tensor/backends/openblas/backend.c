/* backend.c - the table of the openblas backend: matrix products by OpenBLAS, everything between them by our vector kernels,
 * both on the thread team. */
#include "tensor/backends/openblas/openblas.h"

typedef struct Sum { const real *partial; int64_t chunks, n; real *sum; } Sum;

static void add_partials_item(void *context, int64_t item, int member)
{
    const Sum *s = context;
    int64_t from = item * ELEMENTS_A_CHUNK, to = chunk_end(item, s->n, ELEMENTS_A_CHUNK);

    (void)member;
    for (int64_t c = 0; c < s->chunks; c++)
        kernels()->add(to - from, s->sum + from, s->partial + c * s->n + from, s->sum + from);
}

void add_partials(Team *team, const real *partial, int64_t chunks, int64_t n, real *sum)
{
    Sum s = { partial, chunks, n, sum };
    team_run(team, chunks_of(n, ELEMENTS_A_CHUNK), add_partials_item, &s);
}

static void log_softmax(int64_t n, real *row)
{
    kernels()->log_softmax(n, row);
}

static const OpOverride overrides[] = {
    { &op_linear_op, &openblas_linear },         { &op_attention_op, &openblas_attention },
    { &op_layer_norm_op, &openblas_layer_norm }, { &op_activation_op, &openblas_activation },
    { &op_add_op, &openblas_add },               { &op_dropout_op, &openblas_dropout },
    { &op_cross_entropy_op, &openblas_cross_entropy }, { &op_channels_last_op, &openblas_channels_last },
    { &op_conv2d_op, &openblas_conv2d },         { &op_batch_norm_op, &openblas_batch_norm },
    { &op_pool_op, &openblas_pool },             { &op_scale_op, &openblas_scale },
    { NULL, NULL }
};

const Backend backend_openblas = {
    .name = "openblas",
    .help = "OpenBLAS matrix products and vector kernels on a team of threads",
    .gemm = openblas_gemm,
    .log_softmax = log_softmax,
    .overrides = overrides,
    .start = openblas_start,
    .describe = openblas_describe,
};
