/* test_ops.c - the values of the reference ops: against PyTorch in double (fixtures/ops, by make_ops.py), and against
 * what each option promises. Gradients are test_gradients' affair. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "tensor/base/rng.h"
#include "tensor/ops.h"

static const double TOLERANCE = sizeof(real) == 4 ? 2e-6 : 1e-13;

static Tape   *t;
static json_t *fixtures;

static void set_up(void)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/ops/values.json", getenv("LIMN_FIXTURES"));
    fixtures = json_load_file(path, 0, NULL);
    cr_assert_not_null(fixtures, "%s does not load", path);
    t = tape_new(&backend_reference, NULL, 5);
    t->recording = false;
}

static void tear_down(void)
{
    json_decref(fixtures);
    tape_free(t);
}

TestSuite(ops, .init = set_up, .fini = tear_down);

static Tensor *fixture(const char *group, const char *name)
{
    json_t *entry = json_object_get(json_object_get(fixtures, group), name), *dims = json_object_get(entry, "shape");
    json_t *data = json_object_get(entry, "data");
    int64_t d[TENSOR_MAX_DIM];

    cr_assert_not_null(entry, "no fixture %s.%s", group, name);
    for (size_t i = 0; i < json_array_size(dims); i++) d[i] = json_integer_value(json_array_get(dims, i));
    Tensor *x = tensor_new(t->arena, shape_of((int)json_array_size(dims), d));
    for (size_t i = 0; i < json_array_size(data); i++)
        tensor_write(x, (int64_t)i, &(real){ (real)json_number_value(json_array_get(data, i)) }, 1);
    return x;
}

static real at(const Tensor *x, int64_t i)
{
    real v;
    tensor_read(x, i, &v, 1);
    return v;
}

static void expect_equal(const Tensor *x, const Tensor *y, const char *what)
{
    cr_assert_eq(shape_count(x->shape), shape_count(y->shape), "%s: %s and %s", what, shape_text(x->shape).s, shape_text(y->shape).s);
    for (int64_t i = 0; i < shape_count(y->shape); i++)
        cr_expect_leq(fabs((double)at(x, i) - (double)at(y, i)), TOLERANCE * (1 + fabs((double)at(y, i))), "%s[%d]: %.17g, not %.17g",
                      what, (int)i, (double)at(x, i), (double)at(y, i));
}

static Tensor *made(Shape s)
{
    Tensor *x = tensor_new(t->arena, s);
    Rng     rng = rng_stream(11, RNG_TEST, (uint64_t)shape_count(s));

    for (int64_t i = 0; i < shape_count(s); i++) tensor_write(x, i, &(real){ (real)rng_normal(&rng) }, 1);
    return x;
}

/* ---- linear ------------------------------------------------------------------------------------------------------ */
Test(ops, linear_equals_pytorch)
{
    Tensor *x = fixture("linear", "x"), *w = fixture("linear", "w"), *b = fixture("linear", "b"), *r = fixture("linear", "r");
    struct { const char *name; LinearOptions o; bool bias; } rows[] = {
        { "no_bias", { 0 }, false },
        { "bias", { 0 }, true },
        { "gelu", { .activation = ACT_GELU }, true },
        { "gelu_tanh", { .activation = ACT_GELU_TANH }, true },
        { "gelu_quick", { .activation = ACT_GELU_QUICK }, true },
        { "relu", { .activation = ACT_RELU }, true },
        { "residual", { .residual = r }, true },
        { "gelu_residual", { .activation = ACT_GELU, .residual = r }, true },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        LinearOptions transposed = rows[i].o;
        transposed.transposed = true;
        expect_equal(op_linear(t, x, w, rows[i].bias ? b : NULL, rows[i].o), fixture("linear", rows[i].name), rows[i].name);
        expect_equal(op_linear(t, x, fixture("linear", "wt"), rows[i].bias ? b : NULL, transposed),
                     fixture("linear", rows[i].name), rows[i].name);
    }
}

Test(ops, linear_of_patches_is_a_convolution)
{
    Tensor *p = op_patches(t, fixture("patches", "x"), 2);

    expect_equal(op_linear(t, p, fixture("patches", "w"), fixture("patches", "b"), (LinearOptions){ 0 }), fixture("patches", "y"), "y");
}

Test(ops, activation_equals_the_one_fused_into_linear)
{
    Tensor *z = fixture("linear", "bias");

    expect_equal(op_activation(t, z, ACT_GELU), fixture("linear", "gelu"), "gelu");
    expect_equal(op_activation(t, z, ACT_GELU_TANH), fixture("linear", "gelu_tanh"), "gelu_new");
    expect_equal(op_activation(t, z, ACT_GELU_QUICK), fixture("linear", "gelu_quick"), "quick_gelu");
    expect_equal(op_activation(t, z, ACT_RELU), fixture("linear", "relu"), "relu");
    cr_expect_eq(op_activation(t, z, ACT_NONE), z);
}

Test(ops, activations_go_by_their_hugging_face_names)
{
    static const Activation all[] = { ACT_NONE, ACT_GELU, ACT_GELU_TANH, ACT_GELU_QUICK, ACT_RELU, ACT_RELU6, ACT_SILU, ACT_HARD_SWISH,
                                      ACT_SIGMOID, ACT_HARD_SIGMOID };
    Activation found;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        cr_expect(activation_find(activation_name(all[i]), &found) && found == all[i], "%s", activation_name(all[i]));
    cr_expect(activation_find("gelu_pytorch_tanh", &found) && found == ACT_GELU_TANH);
    cr_expect(activation_find("swish", &found) && found == ACT_SILU);
    cr_expect(!activation_find("mish", &found));
}

Test(ops, linear_of_the_wrong_width_is_a_bug, .signal = SIGABRT)
{
    op_linear(t, made(SHAPE(2, 3)), made(SHAPE(4, 5)), NULL, (LinearOptions){ 0 });
}

Test(ops, layer_norm_equals_pytorch)
{
    Tensor *x = fixture("layer_norm", "x"), *w = fixture("layer_norm", "w"), *b = fixture("layer_norm", "b");

    expect_equal(op_layer_norm(t, x, w, b, 1e-5), fixture("layer_norm", "eps5"), "eps 1e-5");
    expect_equal(op_layer_norm(t, x, w, b, 1e-12), fixture("layer_norm", "eps12"), "eps 1e-12");
    expect_equal(op_layer_norm(t, x, w, b, 0.5), fixture("layer_norm", "eps_large"), "eps 0.5");
}

/* ---- attention --------------------------------------------------------------------------------------------------- */
Test(ops, attention_equals_pytorch)
{
    Tensor *q = fixture("attention", "q"), *k = fixture("attention", "k"), *v = fixture("attention", "v"), *probs;
    static const int32_t lengths[] = { 4, 0, 2 };
    struct { const char *name; AttentionOptions o; } rows[] = {
        { "none", { 0 } },
        { "causal", { .mask = MASK_CAUSAL } },
        { "padding", { .key_lengths = lengths } },               /* memory 1 has no keys: zeros */
        { "prefix", { .mask = MASK_PREFIX, .prefix = 3 } },
        { "causal_padding", { .mask = MASK_CAUSAL, .key_lengths = lengths } },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i].o.heads = 2;
        expect_equal(op_attention(t, q, k, v, rows[i].o, NULL), fixture("attention", rows[i].name), rows[i].name);
    }
    op_attention(t, q, k, v, (AttentionOptions){ .heads = 2, .mask = MASK_CAUSAL }, &probs);
    expect_equal(probs, fixture("attention", "probs"), "probs");
}

Test(ops, attention_is_the_same_from_packed_columns)
{
    Tensor *q = made(SHAPE(2, 3, 4)), *k = op_activation(t, q, ACT_GELU), *v = op_activation(t, q, ACT_RELU);
    Tensor *packed = op_concat(t, op_concat(t, q, k, 2), v, 2);

    expect_equal(op_attention(t, packed, packed, packed, (AttentionOptions){ .heads = 2, .width = 4, .k_at = 4, .v_at = 8 }, NULL),
                 op_attention(t, q, k, v, (AttentionOptions){ .heads = 2 }, NULL), "packed");
}

Test(ops, attention_rows_may_share_a_memory)
{
    Tensor *q = made(SHAPE(3, 2, 4)), *k = made(SHAPE(2, 5, 4)), *v = op_activation(t, k, ACT_GELU);
    Tensor *k1 = op_slice(t, k, 0, 1, 2), *v1 = op_slice(t, v, 0, 1, 2);
    static const int32_t memory_of[] = { 1, 0, 1 };

    Tensor *shared = op_attention(t, q, k, v, (AttentionOptions){ .heads = 2, .memory_of = memory_of }, NULL);
    expect_equal(op_slice(t, shared, 0, 2, 3),
                 op_attention(t, op_slice(t, q, 0, 2, 3), k1, v1, (AttentionOptions){ .heads = 2 }, NULL), "row 2 reads memory 1");
}

Test(ops, attention_with_a_cache_equals_the_last_rows_without)
{
    Tensor *x = made(SHAPE(2, 6, 4)), *keys = made(SHAPE(2, 6, 4)), *full, *cached;

    full = op_attention(t, x, keys, keys, (AttentionOptions){ .heads = 2, .mask = MASK_CAUSAL }, NULL);
    cached = op_attention(t, op_slice(t, x, 1, 3, 5), keys, keys,
                          (AttentionOptions){ .heads = 2, .mask = MASK_CAUSAL, .query_offset = 3, .key_count = 5 }, NULL);
    expect_equal(cached, op_slice(t, full, 1, 3, 5), "queries 3 and 4");
}

Test(ops, attention_never_reads_a_hidden_key)
{
    Tensor *q = made(SHAPE(1, 3, 4)), *k = made(SHAPE(1, 3, 4)), *y, *z;
    AttentionOptions o = { .heads = 2, .mask = MASK_CAUSAL };

    y = op_slice(t, op_attention(t, q, k, k, o, NULL), 1, 0, 2);
    for (int64_t i = 8; i < 12; i++) tensor_write(k, i, &(real){ (real)NAN }, 1);
    z = op_slice(t, op_attention(t, q, k, k, o, NULL), 1, 0, 2);
    for (int64_t i = 0; i < 8; i++) cr_expect_eq(at(y, i), at(z, i), "a NaN in key 2 shows in an earlier row");
}

/* ---- loss -------------------------------------------------------------------------------------------------------- */
static Tensor *loss_of(CrossEntropyOptions o)
{
    static int32_t ids[5];
    Tensor *targets = fixture("cross_entropy", "ids");

    for (int64_t i = 0; i < 5; i++) ids[i] = (int32_t)at(targets, i);
    o.ignore = -1;
    return op_cross_entropy(t, fixture("cross_entropy", "x"), (Ids){ SHAPE(5), ids }, o);
}

Test(ops, cross_entropy_equals_pytorch)
{
    double nll;

    expect_equal(loss_of((CrossEntropyOptions){ 0 }), fixture("cross_entropy", "plain"), "plain");
    expect_equal(loss_of((CrossEntropyOptions){ .smoothing = 0.1, .nll = &nll }), fixture("cross_entropy", "smoothed"), "smoothed");
    expect_equal(loss_of((CrossEntropyOptions){ .normalizer = 1 }), fixture("cross_entropy", "total"), "total");
    cr_expect_float_eq(nll, (double)at(fixture("cross_entropy", "total"), 0), TOLERANCE * 10, "nll is the sum without smoothing");
}

/* The sum of weighted rows is linear in the weights; a caption that counts three times weighs three. */
Test(ops, cross_entropy_weighs_each_row)
{
    static const double all[] = { 3, -0.5, 0, 1, 2.25 };
    double sum = 0, nll, plain;

    for (int i = 0; i < 5; i++) {
        double one[5] = { 0 };
        one[i] = 1;
        sum += all[i] * tape_scalar(loss_of((CrossEntropyOptions){ .smoothing = 0.1, .normalizer = 1, .weights = one }));
    }
    double weighed = tape_scalar(loss_of((CrossEntropyOptions){ .smoothing = 0.1, .normalizer = 1, .weights = all, .nll = &nll }));
    cr_expect_float_eq(weighed, sum, 10 * TOLERANCE, "%.9g, not %.9g", weighed, sum);
    loss_of((CrossEntropyOptions){ .nll = &plain });
    cr_expect_eq(nll, plain, "nll knows of no weights");
}

Test(ops, cross_entropy_of_nothing_is_zero)
{
    static const int32_t ids[] = { -1, -1 };

    cr_expect_eq(tape_scalar(op_cross_entropy(t, made(SHAPE(2, 3)), (Ids){ SHAPE(2), ids }, (CrossEntropyOptions){ .ignore = -1 })), 0);
}

Test(ops, cross_entropy_of_large_logits_does_not_overflow)
{
    static const int32_t ids[] = { 0 };
    Tensor *x = made(SHAPE(1, 3));

    tensor_write(x, 0, (real[]){ 1000, -1000, 0 }, 3);
    cr_expect_eq(tape_scalar(op_cross_entropy(t, x, (Ids){ SHAPE(1), ids }, (CrossEntropyOptions){ .ignore = -1 })), 0);
}

Test(ops, log_softmax_equals_pytorch)
{
    Tensor *x = fixture("cross_entropy", "x");

    rows_log_softmax(t, x);
    expect_equal(x, fixture("cross_entropy", "log_softmax"), "log_softmax");
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */
Test(ops, concat_puts_a_class_token_before_every_sequence)
{
    Tensor *token = made(SHAPE(1, 1, 2)), *x = made(SHAPE(3, 2, 2)), *z = op_concat(t, token, x, 1);

    cr_assert(shape_equal(z->shape, SHAPE(3, 3, 2)), "%s", shape_text(z->shape).s);
    for (int64_t b = 0; b < 3; b++) {
        cr_expect_eq(at(z, b * 6 + 1), at(token, 1));
        cr_expect_eq(at(z, b * 6 + 5), at(x, b * 4 + 3));
    }
}

Test(ops, slice_undoes_concat_along_every_axis)
{
    for (int axis = 0; axis < 3; axis++) {
        Tensor *x = made(SHAPE(2, 3, 4)), *y = op_activation(t, x, ACT_RELU), *z = op_concat(t, x, y, axis);

        expect_equal(op_slice(t, z, axis, 0, x->shape.d[axis]), x, "first part");
        expect_equal(op_slice(t, z, axis, x->shape.d[axis], z->shape.d[axis]), y, "second part");
    }
}

Test(ops, add_repeats_a_table_over_the_batch)
{
    Tensor *x = made(SHAPE(2, 3, 4)), *y = made(SHAPE(1, 3, 4)), *z = op_add(t, x, y);

    for (int64_t i = 0; i < 24; i++) cr_expect_eq(at(z, i), at(x, i) + at(y, i % 12));
}

Test(ops, embedding_picks_rows)
{
    static const int32_t ids[] = { 2, 0, 2, 1 };
    Tensor *table = made(SHAPE(3, 5)), *y = op_embedding(t, table, (Ids){ SHAPE(2, 2), ids });

    cr_expect(shape_equal(y->shape, SHAPE(2, 2, 5)));
    for (int64_t i = 0; i < 20; i++) cr_expect_eq(at(y, i), at(table, ids[i / 5] * 5 + i % 5));
}

Test(ops, embedding_outside_the_table_is_a_bug, .signal = SIGABRT)
{
    static const int32_t ids[] = { 3 };
    op_embedding(t, made(SHAPE(3, 5)), (Ids){ SHAPE(1), ids });
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */
static Tensor *dropped(uint64_t step, double p, int64_t count)
{
    Tensor *x = tensor_new(t->arena, SHAPE(count));

    for (int64_t i = 0; i < count; i++) tensor_write(x, i, &(real){ 1 }, 1);
    t->step = step;
    t->training = true;
    return op_dropout(t, x, p);
}

Test(ops, dropout_is_x_itself_when_not_training)
{
    Tensor *x = made(SHAPE(3));

    cr_expect_eq(op_dropout(t, x, 0.5), x);
    t->training = true;
    cr_expect_eq(op_dropout(t, x, 0), x);
}

Test(ops, dropout_keeps_the_promised_share_and_scales_it)
{
    Tensor *y = dropped(0, 0.3, 20000);
    int     kept = 0;

    for (int64_t i = 0; i < 20000; i++) {
        cr_assert(at(y, i) == 0 || at(y, i) == (real)(1 / 0.7));
        kept += at(y, i) != 0;
    }
    cr_expect_float_eq(kept / 20000.0, 0.7, 0.01);
}

static int differences(const Tensor *x, const Tensor *y)
{
    int count = 0;
    for (int64_t i = 0; i < shape_count(x->shape); i++) count += at(x, i) != at(y, i);
    return count;
}

Test(ops, dropout_differs_by_step_and_draw_and_repeats_with_them)
{
    Tensor *first = dropped(4, 0.5, 1000), *second = dropped(4, 0.5, 1000);

    t->draws = 0;
    cr_expect_eq(differences(first, dropped(4, 0.5, 1000)), 0, "the same draw of the same step");
    cr_expect_gt(differences(first, second), 400, "two draws of one step");
    t->draws = 0;
    cr_expect_gt(differences(first, dropped(5, 0.5, 1000)), 400, "two steps");
}
