/* op_cases.c - makes a case's inputs, applies its op, and compares. */
#include "bench/op_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/rng.h"

/* ---- two ops that only the cases use, so that no op of op_list is needed around the one under test --------------- */
/* probe: the scalar sum of r_i x_i over all elements of its inputs, with fixed random r. */
static double probe_weight(const Node *n, int input, int64_t at)
{
    int salt = *(const int *)n->attr;
    return (double)rng_at(7, RNG_TEST, (uint64_t)(salt + input), (uint64_t)at) / 2147483648.0 - 1;
}

static void probe_forward(Tape *t, Node *n)
{
    double sum = 0;

    (void)t;
    for (int k = 0; k < OP_MAX_IN; k++)
        for (int64_t i = 0, end = n->in[k] ? shape_count(n->in[k]->shape) : 0; i < end; i++)
            sum += probe_weight(n, k, i) * (double)n->in[k]->data[i];
    n->out[0]->data[0] = (real)sum;
}

static void probe_backward(Tape *t, Node *n)
{
    for (int k = 0; k < OP_MAX_IN; k++) {
        real *dx = tape_grad(t, n->in[k]);
        for (int64_t i = 0, end = dx ? shape_count(n->in[k]->shape) : 0; i < end; i++)
            dx[i] += (real)(probe_weight(n, k, i) * (double)n->out[0]->grad[0]);
    }
}

static const Op probe_op = { "probe", probe_forward, probe_backward };

static void copy_forward(Tape *t, Node *n)
{
    (void)t;
    memcpy(n->out[0]->data, n->in[0]->data, (size_t)shape_count(n->in[0]->shape) * sizeof(real));
}

static void copy_backward(Tape *t, Node *n)
{
    real *dx = tape_grad(t, n->in[0]);
    for (int64_t i = 0, end = shape_count(n->in[0]->shape); i < end; i++) dx[i] += n->out[0]->grad[i];
}

static const Op copy_op = { "copy", copy_forward, copy_backward };

static Tensor *probe(Tape *t, Tensor *const x[], int count, int salt)
{
    Apply a = { &probe_op, { NULL }, { SHAPE(1) }, &salt, sizeof salt };

    for (int i = 0; i < count; i++) a.in[i] = x[i];
    return tape_apply(t, &a)->out[0];
}

static Tensor *copy(Tape *t, Tensor *x)
{
    return tape_apply(t, &(Apply){ &copy_op, { x }, { x->shape }, NULL, 0 })->out[0];
}

/* ---- inputs ------------------------------------------------------------------------------------------------------ */
int op_case_count(void)
{
    int count = 0;
    while (op_cases[count].op) count++;
    return count;
}

void op_case_name(const OpCase *c, char name[static 160])
{
    snprintf(name, 160, c->detail ? "%s (%s)" : "%s%s", c->op->name, c->detail ? c->detail : "");
}

static Shape ids_shape(const OpRun *r)
{
    return r->real_size ? r->what->real_ids : r->what->ids;
}

static int64_t attention_rows(const OpRun *r)
{
    const OpCase *c = r->what;
    if (c->attention.rows) return r->real_size ? c->real_rows : c->attention.rows;
    return (r->real_size ? c->real_size : c->in)[0].d[0];
}

/* At real size: rows share memories in runs, as captions share pictures; a few memories are a little shorter; packed rows differ by one. */
static void make_ids(OpRun *r)
{
    const AttentionOptions *o = &r->what->attention;
    const Shape *in = r->real_size ? r->what->real_size : r->what->in;
    int64_t count = ids_shape(r).n ? shape_count(ids_shape(r)) : 0, rows = attention_rows(r);
    int64_t memories = in[1].n ? in[1].d[0] : rows, keys = in[1].n ? in[1].d[1] : in[0].d[1];

    r->ids = calloc((size_t)count + 1, sizeof *r->ids);
    r->memory_of = calloc((size_t)rows + 1, sizeof *r->memory_of);
    r->key_lengths = calloc((size_t)memories + 1, sizeof *r->key_lengths);
    r->row_first = calloc((size_t)rows + 1, sizeof *r->row_first);
    REQUIRE(r->ids && r->memory_of && r->key_lengths && r->row_first, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        int64_t bound = r->what->op == &op_cross_entropy_op ? shape_last(in[0]) : in[0].d[0];
        r->ids[i] = r->what->id_values && !r->real_size ? r->what->id_values[i] : (int32_t)(i * 7919 % bound);
    }
    for (int64_t b = 0; b < rows; b++)
        r->memory_of[b] = o->memory_of && !r->real_size ? o->memory_of[b] : (int32_t)(b * memories / rows);
    for (int64_t m = 0; m < memories; m++)
        r->key_lengths[m] = o->key_lengths && !r->real_size ? o->key_lengths[m] : (int32_t)(keys - m % 4);
    for (int64_t b = 0; o->rows && b <= rows; b++)
        r->row_first[b] = r->real_size ? (int32_t)(in[0].d[1] * b / rows) : o->row_first[b];
}

static bool is_buffer(const OpCase *c, int input)
{
    return c->op == &op_batch_norm_op && (input == 3 || input == 4);
}

/* Forward may move them: back to where they start, above 0 as a variance is. */
static void reset_buffers(const OpRun *r)
{
    for (int k = 0; k < OP_MAX_IN; k++)
        for (int64_t i = 0, end = is_buffer(r->what, k) ? shape_count(r->in[k]->shape) : 0; i < end; i++)
            r->in[k]->data[i] = (real)(0.5 + 0.25 * (double)((i + k) % 5));
}

OpRun *op_run_new(const OpCase *c, bool real_size)
{
    static const char *const names[OP_MAX_IN] = { "in0", "in1", "in2", "in3", "in4", "in5" };
    const Shape *in = real_size ? c->real_size : c->in;
    double       spread = c->spread > 0 ? c->spread : 1;
    OpRun       *r = calloc(1, sizeof *r);

    REQUIRE(r, "out of memory");
    r->what = c;
    r->real_size = real_size;
    r->params = params_new(1);
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (is_buffer(c, i)) r->in[i] = param_buffer(params_root(r->params), names[i], in[i], INIT_ONES);
        else if (in[i].n) r->in[i] = param(params_root(r->params), names[i], in[i], INIT_NORMAL, real_size ? 0.5 : spread);
        if (c->again[i]) r->in[i] = r->in[c->again[i] - FIRST];
    }
    params_zero_grad(r->params);
    reset_buffers(r);
    make_ids(r);
    return r;
}

void op_run_free(OpRun *r)
{
    if (!r) return;
    params_free(r->params);
    free(r->ids);
    free(r->memory_of);
    free(r->key_lengths);
    free(r->row_first);
    free(r);
}

/* ---- one builder an op ------------------------------------------------------------------------------------------- */
typedef void Builder(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[]);

static void linear(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    LinearOptions o = r->what->linear;
    o.residual = in[3];
    out[0] = op_linear(t, in[0], in[1], in[2], o);
}

static void layer_norm(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_layer_norm(t, in[0], in[1], in[2], r->what->eps);
}

static void activation(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_activation(t, in[0], r->what->activation);
}

static void attention(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    AttentionOptions o = r->what->attention;

    if (o.memory_of) o.memory_of = r->memory_of;
    if (o.key_lengths) o.key_lengths = r->key_lengths;
    if (o.rows) o.row_first = r->row_first;
    o.rows = o.rows ? attention_rows(r) : 0;
    out[0] = op_attention(t, in[0], in[1], in[2], o, r->what->wants_probs ? &out[1] : NULL);
    if (r->what->only_probs) {
        out[0] = out[1];
        out[1] = NULL;
    }
}

static void embedding(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_embedding(t, in[0], (Ids){ ids_shape(r), r->ids });
}

static void patches(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_patches(t, in[0], r->what->size);
}

static void add(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    (void)r;
    out[0] = op_add(t, in[0], in[1]);
}

static void dropout(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = r->what->whole ? op_drop_path(t, in[0], r->what->p) : op_dropout(t, in[0], r->what->p);
}

static void concat(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_concat(t, in[0], in[1], r->what->axis);
}

static void slice(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_slice(t, in[0], r->what->axis, r->what->from, r->what->to);
}

static void cross_entropy(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_cross_entropy(t, in[0], (Ids){ ids_shape(r), r->ids }, r->what->loss);
}

static void channels_last(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    (void)r;
    out[0] = op_channels_last(t, in[0]);
}

static void conv2d(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    ConvOptions o = r->what->conv;
    if (r->real_size) o.groups = r->what->real_groups;
    out[0] = op_conv2d(t, in[0], in[1], in[2], o);
}

static void batch_norm(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    BatchNormOptions o = r->what->batch_norm;
    o.residual = in[5];
    out[0] = op_batch_norm(t, in[0], in[1], in[2], in[3], in[4], o);
}

static void pool(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    out[0] = op_pool(t, in[0], r->what->pool);
}

static void scale(Tape *t, const OpRun *r, Tensor *const in[], Tensor *out[])
{
    (void)r;
    out[0] = op_scale(t, in[0], in[1]);
}

static const struct { const Op *op; Builder *build; } builders[] = {
    { &op_linear_op, linear },       { &op_layer_norm_op, layer_norm }, { &op_activation_op, activation },
    { &op_attention_op, attention }, { &op_embedding_op, embedding },   { &op_patches_op, patches },
    { &op_add_op, add },             { &op_dropout_op, dropout },       { &op_concat_op, concat },
    { &op_slice_op, slice },         { &op_cross_entropy_op, cross_entropy },
    { &op_conv2d_op, conv2d },       { &op_channels_last_op, channels_last },
    { &op_pool_op, pool },           { &op_batch_norm_op, batch_norm }, { &op_scale_op, scale },
};

void op_run_forward(Tape *t, const OpRun *r, Tensor *out[OP_MAX_OUT])
{
    Tensor *in[OP_MAX_IN] = { NULL };

    for (int i = 0; i < OP_MAX_IN; i++) {
        int again = r->what->again[i];
        bool computed = r->in[i] && r->inputs == INPUTS_COMPUTED && !is_buffer(r->what, i);
        in[i] = again ? in[again - FIRST] : computed ? copy(t, r->in[i]) : r->in[i];
    }
    t->training = r->what->training;
    out[0] = out[1] = NULL;
    for (size_t i = 0; i < sizeof builders / sizeof *builders; i++)
        if (builders[i].op == r->what->op) builders[i].build(t, r, in, out);
    REQUIRE(out[0], "op case: '%s' has no builder", r->what->op->name);
}

/* Of shared inputs the second reader comes after the op, so that in backward its gradients are there first. */
static Tensor *loss_of(Tape *t, const OpRun *r, Tensor *const out[OP_MAX_OUT])
{
    Tensor *leaves[OP_MAX_IN], *second;

    for (int i = 0; i < OP_MAX_IN; i++) leaves[i] = is_buffer(r->what, i) ? NULL : r->in[i];
    second = r->inputs == INPUTS_SHARED ? probe(t, leaves, OP_MAX_IN, OP_MAX_IN) : NULL;
    return probe(t, (Tensor *[]){ out[0], out[1], second }, 3, 0);
}

Tensor *op_run_loss(Tape *t, void *run)
{
    Tensor *out[OP_MAX_OUT];

    op_run_forward(t, run, out);
    return loss_of(t, run, out);
}

/* ---- comparisons ------------------------------------------------------------------------------------------------- */
static const char *const inputs_text[] = { "", " (shared)" };

GradReport op_case_gradients(const OpCase *c, const Backend *backend)
{
    OpRun     *r = op_run_new(c, false);
    GradReport all = { 0 };
    char       name[160];

    op_case_name(c, name);
    for (r->inputs = INPUTS_COMPUTED; r->inputs <= INPUTS_SHARED; r->inputs++) {
        GradReport one = gradcheck(r->params, backend, op_run_loss, r, 1e-5, 0);

        all.checked += one.checked;
        if (all.where[0] && one.worst <= all.worst) continue;
        all.worst = one.worst;
        snprintf(all.where, sizeof all.where, "%s: gradient of %.100s%s", name, one.where, inputs_text[r->inputs]);
    }
    op_run_free(r);
    return all;
}

/* What a case computes on one backend: outputs, then the gradient of each input, or of a buffer its values. */
enum { RESULTS = OP_MAX_OUT + OP_MAX_IN };
typedef struct Results { real *v[RESULTS]; int64_t count[RESULTS]; } Results;

static void store(Results *to, int slot, const real *v, int64_t count)
{
    to->v[slot] = malloc((size_t)count * sizeof *v + 1);
    REQUIRE(to->v[slot], "out of memory");
    memcpy(to->v[slot], v, (size_t)count * sizeof *v);
    to->count[slot] = count;
}

static Results results_of(OpRun *r, const Backend *backend, Team *team)
{
    Results results = { 0 };
    Tape   *t = tape_new(backend, team, 1);
    Tensor *out[OP_MAX_OUT];

    params_zero_grad(r->params);
    reset_buffers(r);
    op_run_forward(t, r, out);
    for (int i = 0; i < OP_MAX_OUT; i++)
        if (out[i]) store(&results, i, out[i]->data, shape_count(out[i]->shape));
    tape_backward(t, loss_of(t, r, out));
    for (int i = 0; i < OP_MAX_IN; i++)
        if (r->in[i] && !r->what->again[i])
            store(&results, OP_MAX_OUT + i, is_buffer(r->what, i) ? r->in[i]->data : r->in[i]->grad, shape_count(r->in[i]->shape));
    tape_free(t);
    return results;
}

static double difference(const real *x, const real *y, int64_t count)
{
    double worst = 0, largest = 1e-6;

    for (int64_t i = 0; i < count; i++) {
        double d = fabs((double)x[i] - (double)y[i]);
        worst = isnan(d) ? INFINITY : d > worst ? d : worst;
        if (fabs((double)y[i]) > largest) largest = fabs((double)y[i]);
    }
    return worst / largest;
}

OpDifference op_case_difference(const OpCase *c, const Backend *backend, const Backend *reference, Team *team)
{
    static const char *const names[RESULTS] = { "output 0", "output 1", "gradient of in0", "gradient of in1",
                                                "gradient of in2", "gradient of in3", "gradient of in4", "gradient of in5" };
    OpRun       *r = op_run_new(c, false);
    OpDifference worst = { .worst = -1 };
    char         name[160];

    op_case_name(c, name);
    for (r->inputs = INPUTS_COMPUTED; r->inputs <= INPUTS_SHARED; r->inputs++) {
        Results here = results_of(r, backend, team), there = results_of(r, reference, NULL);

        for (int i = 0; i < RESULTS; i++) {
            double d = here.v[i] ? difference(here.v[i], there.v[i], here.count[i]) : -1;
            if (d > worst.worst) {
                worst.worst = d;
                snprintf(worst.where, sizeof worst.where, "%s: %s%s", name, names[i], inputs_text[r->inputs]);
            }
            free(here.v[i]);
            free(there.v[i]);
        }
    }
    op_run_free(r);
    return worst;
}
