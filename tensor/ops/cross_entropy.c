/* cross_entropy.c - softmax cross-entropy with label smoothing (Szegedy et al. 2016, sec. 7):
 *
 *     loss = 1/divisor * sum over counted rows of -w sum_v q_v log p_v,    p = softmax(x),   q = (1-e) onehot + e/V
 *          = 1/divisor * sum of  w (lse(x) - (1-e) x_target - e mean(x))
 *
 * w is 1, or the row's weight: with the advantages of sampled captions the loss's gradient is REINFORCE's (Williams 1992).
 * Only lse(x) = log sum exp(x) is saved; backward turns the logits into their gradient where they lie.              */
#include "tensor/ops/attrs.h"

#include <inttypes.h>
#include <math.h>

static double log_sum_exp(const real *x, int64_t n)
{
    double max = -INFINITY, sum = 0;

    for (int64_t i = 0; i < n; i++) max = (double)x[i] > max ? (double)x[i] : max;
    for (int64_t i = 0; i < n; i++) sum += exp((double)x[i] - max);
    return max + log(sum);
}

static void forward(Tape *t, Node *n)
{
    const CrossEntropyAttr *a = n->attr;
    int64_t N = shape_rows(n->in[0]->shape), V = shape_last(n->in[0]->shape);
    double *lse = tape_save(t, n, 0, (size_t)N * sizeof *lse), e = a->o.smoothing, loss = 0, nll = 0;

    for (int64_t r = 0; r < N; r++) {
        const real *x = n->in[0]->data + r * V;
        double      mean = 0;

        if (a->targets.v[r] == a->o.ignore) continue;
        lse[r] = log_sum_exp(x, V);
        if (e > 0) for (int64_t i = 0; i < V; i++) mean += (double)x[i] / (double)V;
        loss += cross_entropy_weight(a, r) * (lse[r] - (1 - e) * (double)x[a->targets.v[r]] - e * mean);
        nll += lse[r] - (double)x[a->targets.v[r]];
    }
    n->out[0]->data[0] = (real)(loss / a->divisor);
    if (a->o.nll) *a->o.nll = nll;
}

/* dx = w (p - q) dloss / divisor in counted rows, 0 in the others. */
static void backward(Tape *t, Node *n)
{
    const CrossEntropyAttr *a = n->attr;
    int64_t       N = shape_rows(n->in[0]->shape), V = shape_last(n->in[0]->shape);
    const real   *x = n->in[0]->data;
    const double *lse = n->saved[0];
    double        scale = (double)n->out[0]->grad[0] / a->divisor, e = a->o.smoothing;
    real         *dx = tape_grad_in_place(n->in[0]);
    bool          in_place = dx != NULL;

    if (!in_place) dx = tape_grad(t, n->in[0]);
    for (int64_t r = 0; r < N; r++) {
        bool   counts = a->targets.v[r] != a->o.ignore;
        double factor = counts ? scale * cross_entropy_weight(a, r) : 0;

        for (int64_t i = r * V; i < (r + 1) * V; i++) {
            double q = e / (double)V + (i - r * V == a->targets.v[r] ? 1 - e : 0);
            double g = counts ? factor * (exp((double)x[i] - lse[r]) - q) : 0;
            dx[i] = (real)(in_place ? g : (double)dx[i] + g);
        }
    }
}

const Op op_cross_entropy_op = { "cross_entropy", forward, backward };

Tensor *op_cross_entropy(Tape *t, Tensor *logits, Ids targets, CrossEntropyOptions o)
{
    CrossEntropyAttr a = { targets, o, o.normalizer };
    int64_t N = shape_rows(logits->shape), V = shape_last(logits->shape), counted = 0;

    REQUIRE(N == shape_count(targets.shape), "cross_entropy: logits are %s, but targets %s", shape_text(logits->shape).s,
            shape_text(targets.shape).s);
    for (int64_t r = 0; r < N; r++) {
        if (targets.v[r] == o.ignore) continue;
        REQUIRE(targets.v[r] >= 0 && targets.v[r] < V, "cross_entropy: target %d of %" PRId64 " classes", (int)targets.v[r], V);
        counted++;
    }
    if (a.divisor == 0) a.divisor = counted ? (double)counted : 1;
    return tape_apply(t, &(Apply){ &op_cross_entropy_op, { logits }, { SHAPE(1) }, &a, sizeof a })->out[0];
}

/* ---- for decoding ------------------------------------------------------------------------------------------------ */
typedef struct Rows { const Backend *backend; Tensor *x; } Rows;

static void log_softmax_row(void *context, int64_t r, int member)
{
    const Rows *rows = context;
    int64_t V = shape_last(rows->x->shape);
    real   *row = rows->x->data + r * V;

    (void)member;
    if (rows->backend->log_softmax) {
        rows->backend->log_softmax(V, row);
        return;
    }
    double lse = log_sum_exp(row, V);
    for (int64_t i = 0; i < V; i++) row[i] = (real)((double)row[i] - lse);
}

void rows_log_softmax(Tape *t, Tensor *logits)
{
    team_run(t->team, shape_rows(logits->shape), log_softmax_row, &(Rows){ t->backend, logits });
}
