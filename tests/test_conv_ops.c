/* test_conv_ops.c - values and gradients of the convolutional reference ops against PyTorch in double (fixtures/conv-ops, by
 * make_conv_ops.py), and what their options promise. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "tensor/ops.h"

static const double TOLERANCE = sizeof(real) == 4 ? 1e-5 : 1e-13;

static Tape   *t;
static Arena  *leaves;
static json_t *fixtures;

static void set_up(void)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/conv-ops/values.json", getenv("LIMN_FIXTURES"));
    fixtures = json_load_file(path, 0, NULL);
    cr_assert_not_null(fixtures, "%s does not load", path);
    t = tape_new(&backend_reference, NULL, 5);
    leaves = arena_new(1 << 16);
}

static void tear_down(void)
{
    json_decref(fixtures);
    tape_free(t);
    arena_free(leaves);
}

TestSuite(conv_ops, .init = set_up, .fini = tear_down);

/* A leaf that wants a gradient where the fixture has one; NULL where there is no such tensor. */
static Tensor *fixture(const char *group, const char *name)
{
    json_t *tensors = json_object_get(fixtures, group), *entry = json_object_get(tensors, name), *dims = json_object_get(entry, "shape");
    json_t *data = json_object_get(entry, "data");
    int64_t d[TENSOR_MAX_DIM];
    char    gradient[32];

    cr_assert_not_null(tensors, "no fixture %s", group);
    if (!entry) return NULL;
    for (size_t i = 0; i < json_array_size(dims); i++) d[i] = json_integer_value(json_array_get(dims, i));
    Tensor *x = tensor_new(leaves, shape_of((int)json_array_size(dims), d));
    for (size_t i = 0; i < json_array_size(data); i++)
        tensor_write(x, (int64_t)i, &(real){ (real)json_number_value(json_array_get(data, i)) }, 1);
    snprintf(gradient, sizeof gradient, "d_%s", name);
    x->name = name;
    x->wants_grad = json_object_get(tensors, gradient) != NULL;
    if (x->wants_grad) x->grad = tensor_zeros(leaves, x->shape)->data;
    return x;
}

typedef struct Inputs { const char *group; Tensor *x, *w, *b, *r, *mean, *var; } Inputs;

static Inputs inputs(const char *group)
{
    return (Inputs){ group, fixture(group, "x"), fixture(group, "w"), fixture(group, "b"), fixture(group, "r"),
                     fixture(group, "mean"), fixture(group, "var") };
}

static void expect_equal(const real *x, const char *group, const char *name)
{
    const Tensor *want = fixture(group, name);

    cr_assert_not_null(want, "no fixture %s.%s", group, name);
    for (int64_t i = 0; i < shape_count(want->shape); i++) {
        double w = (double)want->data[i];
        cr_expect_leq(fabs((double)x[i] - w), TOLERANCE * (1 + fabs(w)), "%s.%s[%d]: %.17g, not %.17g", group, name, (int)i,
                      (double)x[i], w);
    }
}

static void expect_gradient(const Inputs *in, const Tensor *x)
{
    char name[32];

    if (!x || !x->wants_grad) return;
    snprintf(name, sizeof name, "d_%s", x->name);
    expect_equal(x->grad, in->group, name);
}

/* y, and every gradient of the sum of y dy. */
static void expect_case(const Inputs *in, Tensor *y)
{
    Tensor *want = fixture(in->group, "y"), *dy = fixture(in->group, "dy");
    Shape   row = SHAPE(1, shape_count(y->shape));

    cr_assert(shape_equal(y->shape, want->shape), "%s: %s, not %s", in->group, shape_text(y->shape).s, shape_text(want->shape).s);
    expect_equal(y->data, in->group, "y");
    tape_backward(t, op_linear(t, tensor_reshape(t->arena, y, row), tensor_reshape(leaves, dy, row), NULL, (LinearOptions){ 0 }));
    expect_gradient(in, in->x);
    expect_gradient(in, in->w);
    expect_gradient(in, in->b);
    expect_gradient(in, in->r);
    tape_reset(t);
}

static Window padded(int64_t stride, int64_t padding)
{
    return (Window){ .stride = stride, .top = padding, .left = padding, .bottom = padding, .right = padding };
}

/* ---- conv2d ------------------------------------------------------------------------------------------------------ */
static void expect_conv(const char *group, ConvOptions o)
{
    Inputs in = inputs(group);
    expect_case(&in, op_conv2d(t, in.x, in.w, in.b, o));
}

Test(conv_ops, conv2d_equals_pytorch)
{
    Window dilated = padded(2, 2);

    dilated.dilation = 2;
    expect_conv("conv2d_padded", (ConvOptions){ .window = padded(1, 1) });
    expect_conv("conv2d_stride", (ConvOptions){ .window = padded(2, 1) });
    expect_conv("conv2d_dilation", (ConvOptions){ .window = dilated });
    expect_conv("conv2d_groups", (ConvOptions){ .window = padded(1, 1), .groups = 2 });
    expect_conv("conv2d_depthwise", (ConvOptions){ .window = padded(1, 1), .groups = 3 });
    expect_conv("conv2d_silu", (ConvOptions){ .activation = ACT_SILU });
    expect_conv("conv2d_hardswish", (ConvOptions){ .activation = ACT_HARD_SWISH });
    expect_conv("conv2d_relu6", (ConvOptions){ .activation = ACT_RELU6 });
}

Test(conv_ops, conv2d_padded_as_tensorflow_same_equals_pytorch_on_padded_pictures)
{
    expect_conv("conv2d_same", (ConvOptions){ .window = window_same(6, 7, 3, 2, 1) });
}

Test(conv_ops, window_same_gives_the_size_divided_by_the_stride_rounded_up)
{
    for (int64_t size = 1; size < 12; size++)
        for (int64_t kernel = 1; kernel < 6; kernel++)
            for (int64_t stride = 1; stride < 4; stride++)
                for (int64_t dilation = 1; dilation < 3; dilation++) {
                    Window  w = window_same(size, size + 1, kernel, stride, dilation);
                    int64_t rows = window_count(size, kernel, stride, dilation, w.top, w.bottom);
                    int64_t columns = window_count(size + 1, kernel, stride, dilation, w.left, w.right);

                    /* Where the stride is wider than the filter, there may be pixels left over but no padding. */
                    cr_expect_eq(rows, (size + stride - 1) / stride);
                    cr_expect_eq(columns, (size + stride) / stride);
                    cr_expect(w.bottom - w.top == 0 || w.bottom - w.top == 1);
                    cr_expect(w.right - w.left == 0 || w.right - w.left == 1);
                }
}

Test(conv_ops, a_window_larger_than_the_padded_picture_has_no_output)
{
    cr_expect_eq(window_count(3, 5, 2, 1, 0, 1), 0);
    cr_expect_eq(window_count(3, 5, 2, 1, 1, 1), 1);
    cr_expect_eq(window_count(224, 7, 2, 1, 3, 3), 112);
}

Test(conv_ops, conv2d_refuses_a_filter_of_other_channels, .signal = SIGABRT)
{
    op_conv2d(t, tensor_zeros(leaves, SHAPE(1, 4, 4, 3)), tensor_zeros(leaves, SHAPE(2, 2, 3, 3)), NULL, (ConvOptions){ 0 });
}

Test(conv_ops, conv2d_refuses_a_picture_smaller_than_its_filter, .signal = SIGABRT)
{
    op_conv2d(t, tensor_zeros(leaves, SHAPE(1, 2, 4, 3)), tensor_zeros(leaves, SHAPE(2, 3, 3, 3)), NULL, (ConvOptions){ 0 });
}

/* ---- activations ------------------------------------------------------------------------------------------------- */
Test(conv_ops, activations_equal_pytorch)
{
    static const char *const names[] = { "silu", "hardswish", "relu6", "hardsigmoid", "sigmoid" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Inputs     in = inputs(names[i]);
        Activation a;

        cr_assert(activation_find(names[i], &a), "%s", names[i]);
        expect_case(&in, op_activation(t, in.x, a));
    }
}

/* ---- batch norm -------------------------------------------------------------------------------------------------- */
static void expect_norm(const char *group, bool training, BatchNormOptions o)
{
    Inputs in = inputs(group);

    o.residual = in.r;
    o.running = !training;
    t->training = training;
    Tensor *y = op_batch_norm(t, in.x, in.w, in.b, in.mean, in.var, o);
    expect_equal(in.mean->data, group, "mean_after");
    expect_equal(in.var->data, group, "var_after");
    expect_case(&in, y);
}

Test(conv_ops, batch_norm_equals_pytorch_and_moves_its_running_statistics)
{
    expect_norm("batch_norm_training", true, (BatchNormOptions){ .eps = 1e-5, .momentum = 0.1 });
    expect_norm("batch_norm_training_residual", true, (BatchNormOptions){ .eps = 1e-3, .momentum = 0.3, .activation = ACT_RELU });
}

Test(conv_ops, batch_norm_with_running_statistics_equals_pytorch_and_leaves_them)
{
    expect_norm("batch_norm_running", false, (BatchNormOptions){ .eps = 1e-5, .momentum = 0.1 });
    expect_norm("batch_norm_running_residual", false, (BatchNormOptions){ .eps = 1e-5, .activation = ACT_HARD_SWISH });
}

/* The running mean after one batch norm of this batch. */
static real mean_after(bool training, bool again, bool running)
{
    Inputs in = inputs("batch_norm_training");

    t->training = training;
    t->again = again;
    op_batch_norm(t, in.x, in.w, in.b, in.mean, in.var, (BatchNormOptions){ .eps = 1e-5, .momentum = 0.1, .running = running });
    t->again = false;
    return in.mean->data[0];
}

Test(conv_ops, running_statistics_stay_unless_a_batch_trains_for_the_first_time)
{
    real before = fixture("batch_norm_training", "mean")->data[0];

    cr_expect_neq(mean_after(true, false, false), before);
    cr_expect_eq(mean_after(false, false, false), before);
    cr_expect_eq(mean_after(true, true, false), before);
    cr_expect_eq(mean_after(true, false, true), before);
}

/* ---- pools ------------------------------------------------------------------------------------------------------- */
static void expect_pool(const char *group, PoolOptions o)
{
    Inputs in = inputs(group);
    expect_case(&in, op_pool(t, in.x, o));
}

Test(conv_ops, pools_equal_pytorch)
{
    Window w = padded(2, 1);

    expect_pool("pool_max", (PoolOptions){ .kind = POOL_MAX, .size = 3, .window = w });
    expect_pool("pool_average", (PoolOptions){ .size = 3, .window = w });
    expect_pool("pool_average_padding_counts", (PoolOptions){ .size = 3, .window = w, .count_padding = true });
    expect_pool("pool_global", (PoolOptions){ .kind = POOL_AVERAGE });
}

Test(conv_ops, padding_never_wins_a_max)
{
    Tensor *x = tensor_new(leaves, SHAPE(1, 1, 1, 1));

    x->data[0] = -7;
    Tensor *y = op_pool(t, x, (PoolOptions){ .kind = POOL_MAX, .size = 3, .window = padded(1, 1) });
    cr_expect_eq(y->data[0], -7);
}

/* ---- scale, stochastic depth, channels last ---------------------------------------------------------------------- */
static Tensor *counted(Shape s)
{
    Tensor *x = tensor_new(leaves, s);
    for (int64_t i = 0; i < shape_count(s); i++) x->data[i] = (real)(i + 1);
    return x;
}

Test(conv_ops, scale_is_per_channel_and_per_picture_where_y_is)
{
    Tensor *x = counted(SHAPE(2, 3, 2));
    Tensor *all = op_scale(t, x, counted(SHAPE(2))), *each = op_scale(t, x, counted(SHAPE(2, 1, 2)));

    for (int64_t i = 0; i < 12; i++) {
        cr_expect_eq(all->data[i], (real)((i + 1) * (i % 2 + 1)));
        cr_expect_eq(each->data[i], (real)((i + 1) * (i / 6 * 2 + i % 2 + 1)));
    }
}

Test(conv_ops, stochastic_depth_drops_or_scales_whole_pictures)
{
    enum { PICTURES = 1000, EACH = 6 };
    Tensor *x = counted(SHAPE(PICTURES, 2, 3));
    int     dropped = 0;

    t->training = true;
    const real *y = op_drop_path(t, x, 0.25)->data;
    for (int64_t i = 0; i < PICTURES * EACH; i++) {
        bool gone = y[i / EACH * EACH] == 0;
        dropped += gone && i % EACH == 0;
        cr_assert_float_eq(y[i], gone ? 0 : x->data[i] / (real)0.75, 1e-6 * (double)x->data[i]);
    }
    cr_expect(dropped > 200 && dropped < 300, "%d of %d", dropped, PICTURES);
    t->training = false;
    cr_expect_eq(op_drop_path(t, x, 0.25), x);
}

Test(conv_ops, channels_last_moves_every_channel_behind_its_pixel)
{
    Tensor *y = op_channels_last(t, counted(SHAPE(2, 3, 2, 2)));

    cr_expect(shape_equal(y->shape, SHAPE(2, 2, 2, 3)));
    for (int64_t b = 0; b < 2; b++)
        for (int64_t i = 0; i < 4; i++)
            for (int64_t c = 0; c < 3; c++) cr_expect_eq(y->data[(b * 4 + i) * 3 + c], (real)((b * 3 + c) * 4 + i + 1));
}
