/* attention.c - scaled dot-product attention (Vaswani et al. 2017, eq. 1), head by head:
 *
 *     P = softmax(Q K' / sqrt(D) + mask),    Y = (P m) V        m: dropout's mask, all ones when not training
 *
 * B rows of T queries; row b reads S keys and values of memory memory_of[b]; H heads of D lie side by side in C. P is kept for
 * backward as (B,H,T,S), with zeros for hidden keys: it is the `probs` output where one is wanted. Packed rows have a T, and with
 * keys of their own an S, each.                                                                                        */
#include "tensor/ops/attrs.h"

#include <inttypes.h>
#include <math.h>

int64_t attention_memory(const AttentionAttr *a, int64_t b)
{
    return a->o.memory_of ? a->o.memory_of[b] : b;
}

RowSpan attention_queries(const AttentionAttr *a, int64_t b)
{
    const int32_t *first = a->o.row_first;
    return first ? (RowSpan){ first[b], first[b + 1] - first[b] } : (RowSpan){ b * a->T, a->T };
}

RowSpan attention_keys(const AttentionAttr *a, int64_t b)
{
    return a->o.own_keys ? attention_queries(a, b) : (RowSpan){ attention_memory(a, b) * a->memory_keys, a->S };
}

int64_t attention_probs_at(const AttentionAttr *a, int64_t b, int64_t h)
{
    return a->p_first ? a->H * a->p_first[b] + h * (a->p_first[b + 1] - a->p_first[b]) : (b * a->H + h) * a->T * a->S;
}

int64_t attention_probs_count(const AttentionAttr *a) { return a->H * (a->p_first ? a->p_first[a->B] : a->B * a->T * a->S); }

int64_t attention_sees(const AttentionAttr *a, int64_t b, int64_t i)
{
    int64_t there = attention_keys(a, b).count, sees;

    if (a->o.key_lengths && a->o.key_lengths[attention_memory(a, b)] < there) there = a->o.key_lengths[attention_memory(a, b)];
    if (a->o.mask == MASK_NONE) return there;
    sees = a->o.query_offset + i + 1;
    if (a->o.mask == MASK_PREFIX && sees < a->o.prefix) sees = a->o.prefix;
    return sees < 0 ? 0 : sees < there ? sees : there;
}

/* One row (b, h, i) of the computation: where its query, keys, values and probabilities are. */
typedef struct Row { int64_t q, k, v, y, p, keys, sees; } Row;

static Row row_at(const AttentionAttr *a, int64_t b, int64_t h, int64_t i)
{
    int64_t q = attention_queries(a, b).first + i;
    RowSpan    s = attention_keys(a, b);

    return (Row){ .q = q * a->ldq + a->o.q_at + h * a->D, .k = s.first * a->ldk + a->o.k_at + h * a->D,
                  .v = s.first * a->ldv + a->o.v_at + h * a->D, .y = q * a->C + h * a->D,
                  .p = attention_probs_at(a, b, h) + i * s.count, .keys = s.count, .sees = attention_sees(a, b, i) };
}

static double dot(const real *x, const real *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

static double drop(const Tape *t, const AttentionAttr *a, int64_t at)
{
    return a->dropout > 0 ? dropout_factor(t, a->draw, a->dropout, at) : 1;
}

static void softmax(double *v, int64_t n)
{
    double max = -INFINITY, sum = 0;

    for (int64_t j = 0; j < n; j++) max = v[j] > max ? v[j] : max;
    for (int64_t j = 0; j < n; j++) sum += v[j] = exp(v[j] - max);
    for (int64_t j = 0; j < n; j++) v[j] /= sum;
}

static void forward(Tape *t, Node *n)
{
    const AttentionAttr *a = n->attr;
    const real *q = n->in[0]->data, *k = n->in[1]->data, *v = n->in[2]->data;
    real   *y = n->out[0]->data, *p = n->out[1] ? n->out[1]->data : NULL;
    double *row = tape_scratch(t, (size_t)a->S * sizeof *row);

    if (p) n->out[1]->held = true;
    if (!p && n->recorded) p = tape_save(t, n, 0, (size_t)attention_probs_count(a) * sizeof *p);
    for (int64_t b = 0; b < a->B; b++)
        for (int64_t h = 0; h < a->H; h++)
            for (int64_t i = 0, T = attention_queries(a, b).count; i < T; i++) {
                Row z = row_at(a, b, h, i);

                for (int64_t j = 0; j < z.sees; j++) row[j] = a->scale * dot(q + z.q, k + z.k + j * a->ldk, a->D);
                softmax(row, z.sees);
                if (p) for (int64_t j = 0; j < z.keys; j++) p[z.p + j] = j < z.sees ? (real)row[j] : 0;
                for (int64_t d = 0; d < a->D; d++) {
                    double sum = 0;
                    for (int64_t j = 0; j < z.sees; j++)
                        sum += row[j] * drop(t, a, z.p + j) * (double)v[z.v + j * a->ldv + d];
                    y[z.y + d] = (real)sum;
                }
            }
}

/* dP = dY V' m + dprobs,   dscores = P (dP - sum_j dP P),   dQ = dscores K / sqrt(D),   dK = dscores' Q / sqrt(D),
 * dV = (P m)' dY.  Several rows may read one memory: its gradient is the sum over them.                             */
static void backward(Tape *t, Node *n)
{
    const AttentionAttr *a = n->attr;
    const real *q = n->in[0]->data, *k = n->in[1]->data, *v = n->in[2]->data, *dy = n->out[0]->grad;
    const real *p = n->out[1] ? n->out[1]->data : n->saved[0], *dprobs = n->out[1] ? n->out[1]->grad : NULL;
    real   *dq = tape_grad(t, n->in[0]), *dk = tape_grad(t, n->in[1]), *dv = tape_grad(t, n->in[2]);
    double *dp = tape_scratch(t, (size_t)a->S * sizeof *dp);

    for (int64_t b = 0; b < a->B; b++)
        for (int64_t h = 0; h < a->H; h++)
            for (int64_t i = 0, T = attention_queries(a, b).count; i < T; i++) {
                Row    z = row_at(a, b, h, i);
                double sum = 0;

                for (int64_t j = 0; j < z.sees; j++) {
                    double m = drop(t, a, z.p + j), pj = (double)p[z.p + j];

                    dp[j] = dprobs ? (double)dprobs[z.p + j] : 0;
                    if (dy) dp[j] += m * dot(dy + z.y, v + z.v + j * a->ldv, a->D);
                    if (dy && dv)
                        for (int64_t d = 0; d < a->D; d++) dv[z.v + j * a->ldv + d] += (real)(pj * m * (double)dy[z.y + d]);
                    sum += dp[j] * pj;
                }
                for (int64_t j = 0; j < z.sees; j++) {
                    double ds = (double)p[z.p + j] * (dp[j] - sum) * a->scale;
                    int64_t kj = z.k + j * a->ldk;

                    if (dq) for (int64_t d = 0; d < a->D; d++) dq[z.q + d] += (real)(ds * (double)k[kj + d]);
                    if (dk) for (int64_t d = 0; d < a->D; d++) dk[kj + d] += (real)(ds * (double)q[z.q + d]);
                }
            }
}

const Op op_attention_op = { "attention", forward, backward };

static void check_keys(const AttentionAttr *a, const Tensor *q, const Tensor *k, const Tensor *v)
{
    const AttentionOptions *o = &a->o;

    REQUIRE(q->shape.n == 3 && k->shape.n == 3 && v->shape.n == 3 && k->shape.d[0] == v->shape.d[0] &&
            k->shape.d[1] == v->shape.d[1], "attention: q is %s, k %s and v %s", shape_text(q->shape).s,
            shape_text(k->shape).s, shape_text(v->shape).s);
    REQUIRE(o->heads > 0 && a->C % o->heads == 0, "attention: width %" PRId64 " over %d heads", a->C, o->heads);
    REQUIRE(o->q_at >= 0 && o->k_at >= 0 && o->v_at >= 0 && o->q_at + a->C <= a->ldq && o->k_at + a->C <= a->ldk &&
            o->v_at + a->C <= a->ldv, "attention: width %" PRId64 " does not fit q %s, k %s, v %s at columns %" PRId64
            ", %" PRId64 ", %" PRId64, a->C, shape_text(q->shape).s, shape_text(k->shape).s, shape_text(v->shape).s,
            o->q_at, o->k_at, o->v_at);
    REQUIRE(a->S <= a->memory_keys && o->key_count >= 0, "attention: %" PRId64 " keys of k %s", a->S, shape_text(k->shape).s);
    REQUIRE(o->memory_of || a->M == a->B, "attention: %" PRId64 " rows of queries and %" PRId64 " memories need memory_of",
            a->B, a->M);
    for (int64_t b = 0; o->memory_of && b < a->B; b++)
        REQUIRE(o->memory_of[b] >= 0 && o->memory_of[b] < a->M, "attention: row %" PRId64 " reads memory %d of %" PRId64,
                b, (int)o->memory_of[b], a->M);
    for (int64_t m = 0; o->key_lengths && m < a->M; m++)
        REQUIRE(o->key_lengths[m] >= 0, "attention: memory %" PRId64 " has %d keys", m, (int)o->key_lengths[m]);
}

/* Rows of their own lengths: how many, the most queries and keys of one, and where the probabilities of each lie. */
static void pack(Tape *t, AttentionAttr *a, const Tensor *q, const Tensor *k, bool probs)
{
    const AttentionOptions *o = &a->o;
    int64_t *p_first = arena_alloc(t->arena, (size_t)(o->rows + 1) * sizeof *p_first);

    REQUIRE(o->row_first && q->shape.d[0] == 1 && (!o->own_keys || (k->shape.d[0] == 1 && k->shape.d[1] == q->shape.d[1])),
            "attention: packed rows of q %s and k %s", shape_text(q->shape).s, shape_text(k->shape).s);
    REQUIRE(!probs && !o->query_offset && !o->key_count && !o->key_lengths && !(o->own_keys && o->memory_of),
            "attention: packed rows have neither probs nor a cache, and either keys of their own or a memory");
    REQUIRE(o->row_first[0] == 0 && o->row_first[o->rows] == q->shape.d[1], "attention: packed rows from %d to %d of q %s",
            (int)o->row_first[0], (int)o->row_first[o->rows], shape_text(q->shape).s);
    a->B = o->rows;
    if (o->own_keys) a->M = o->rows;
    a->T = p_first[0] = 0;
    for (int64_t b = 0; b < a->B; b++) {
        int64_t T = o->row_first[b + 1] - o->row_first[b];

        REQUIRE(T >= 0, "attention: packed row %" PRId64 " ends before it begins", b);
        p_first[b + 1] = p_first[b] + T * (o->own_keys ? T : a->S);
        if (T > a->T) a->T = T;
    }
    if (o->own_keys) a->S = a->T;
    a->p_first = p_first;
}

Tensor *op_attention(Tape *t, Tensor *q, Tensor *k, Tensor *v, AttentionOptions o, Tensor **probs)
{
    AttentionAttr a = { .o = o, .B = q->shape.d[0], .M = k->shape.d[0], .T = q->shape.d[1], .memory_keys = k->shape.d[1],
                        .ldq = shape_last(q->shape), .ldk = shape_last(k->shape), .ldv = shape_last(v->shape), .H = o.heads };

    a.S = o.key_count ? o.key_count : a.memory_keys;
    a.C = o.width ? o.width : a.ldq;
    if (o.rows) pack(t, &a, q, k, probs != NULL);
    check_keys(&a, q, k, v);
    a.D = a.C / a.H;
    a.scale = 1 / sqrt((double)a.D);
    if (t->training && o.dropout > 0) {
        a.dropout = o.dropout;
        a.draw = t->draws++;
    }
    Node *n = tape_apply(t, &(Apply){ &op_attention_op, { q, k, v },
                                      { SHAPE(q->shape.d[0], q->shape.d[1], a.C), probs ? SHAPE(a.B, a.H, a.T, a.S) : (Shape){ 0 } },
                                      &a, sizeof a });
    if (probs) *probs = n->out[1];
    return n->out[0];
}
