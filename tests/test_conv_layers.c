/* test_conv_layers.c - convolutional layers: folding changes nothing, statistics move when they should, gradients in double. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tensor/base/rng.h"
#include "tensor/conv_layers.h"
#include "tensor/gradcheck.h"

static const double TOLERANCE = sizeof(real) == 4 ? 1e-5 : 1e-12;

static Tape   *t;
static Params *params;

static void set_up(void)
{
    t = tape_new(&backend_reference, NULL, 5);
    params = params_new(3);
}

static void tear_down(void)
{
    tape_free(t);
    params_free(params);
}

TestSuite(conv_layers, .init = set_up, .fini = tear_down);

static void fill(Tensor *x, uint64_t seed, double from, double to)
{
    Rng rng = rng_stream(seed, RNG_TEST, 1);

    for (int64_t i = 0; i < shape_count(x->shape); i++)
        tensor_write(x, i, &(real){ (real)(from + (to - from) * rng_uniform(&rng)) }, 1);
}

static Tensor *made(Shape s, uint64_t seed)
{
    Tensor *x = tensor_new(params_arena(params), s);
    fill(x, seed, -1, 1);
    return x;
}

/* One that has seen batches: nothing in it is 0 or 1. */
static BatchNorm trained_norm(int64_t width, bool running)
{
    BatchNorm n = batch_norm_new(scope(params_root(params), "norm%d", params_count(params)), width, 1e-3, 0.1, running);

    fill(n.weight, 1, 0.5, 1.5);
    fill(n.bias, 2, -1, 1);
    fill(n.mean, 3, -1, 1);
    fill(n.var, 4, 0.3, 2);
    return n;
}

static Conv conv_made(int64_t in, int64_t out, bool bias, Conv like)
{
    Conv c = conv_new(scope(params_root(params), "conv%d", params_count(params)), in, out, bias, like);

    if (c.bias) fill(c.bias, 5, -1, 1);
    return c;
}

static real at(const Tensor *x, int64_t i)
{
    real v;
    tensor_read(x, i, &v, 1);
    return v;
}

static double difference(const Tensor *x, const Tensor *y)
{
    double worst = 0;

    cr_assert(shape_equal(x->shape, y->shape), "%s and %s", shape_text(x->shape).s, shape_text(y->shape).s);
    for (int64_t i = 0; i < shape_count(x->shape); i++) worst = fmax(worst, fabs((double)at(x, i) - (double)at(y, i)));
    return worst;
}

/* ---- folding ----------------------------------------------------------------------------------------------------- */
static const struct { const char *name; int64_t in, out; bool bias; Conv like; } kinds[] = {
    { "3 x 3", 3, 5, false, { .kernel = 3, .stride = 1, .padding = 1 } },
    { "a bias", 3, 5, true, { .kernel = 3, .stride = 1, .padding = 1 } },
    { "stride 2", 3, 4, false, { .kernel = 3, .stride = 2, .padding = 1 } },
    { "same", 3, 4, false, { .kernel = 3, .stride = 2, .same = true } },
    { "depthwise", 4, 4, false, { .kernel = 3, .stride = 1, .padding = 1, .groups = 4 } },
    { "1 x 1", 3, 5, false, { .kernel = 1, .stride = 1 } },
    { "1 x 1, a bias", 3, 5, true, { .kernel = 1, .stride = 1 } },
    { "1 x 1, stride 2", 3, 5, false, { .kernel = 1, .stride = 2 } },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

Test(conv_layers, folded_batch_norm_gives_what_batch_norm_gives)
{
    for (int k = 0; k < KINDS; k++)
        for (int with = 0; with < 4; with++) {
            Conv       c = conv_made(kinds[k].in, kinds[k].out, kinds[k].bias, kinds[k].like);
            BatchNorm  n = trained_norm(kinds[k].out, false);
            Activation a = with & 1 ? ACT_HARD_SWISH : ACT_NONE;
            Tensor    *x = made(SHAPE(2, 6, 7, kinds[k].in), 7), *residual = NULL;

            t->recording = false;
            if (with & 2) residual = made(conv(t, &c, x, ACT_NONE)->shape, 8);
            Tensor *folded = conv_norm(t, &c, &n, x, a, residual);
            cr_expect_str_eq(folded->name, residual && a ? "activation" : residual ? "add" : k == 5 || k == 6 ? "linear" : "conv2d");
            double d = difference(folded, batch_norm(t, &n, conv(t, &c, x, ACT_NONE), a, residual));
            cr_expect_leq(d, TOLERANCE, "%s, %d: %g", kinds[k].name, with, d);
            tape_reset(t);
        }
}

Test(conv_layers, nothing_is_folded_while_recording_or_training)
{
    Conv      c = conv_made(3, 4, false, (Conv){ .kernel = 3, .stride = 1, .padding = 1 });
    BatchNorm n = trained_norm(4, false);
    Tensor   *x = made(SHAPE(2, 4, 4, 3), 7);

    cr_expect_str_eq(conv_norm(t, &c, &n, x, ACT_RELU, NULL)->name, "batch_norm");
    t->recording = false;
    t->training = true;
    cr_expect_str_eq(conv_norm(t, &c, &n, x, ACT_RELU, NULL)->name, "batch_norm");
}

Test(conv_layers, a_filter_of_one_pixel_is_the_same_as_a_linear_layer_and_as_conv2d)
{
    Conv    c = conv_made(3, 5, true, (Conv){ .kernel = 1, .stride = 1 });
    Tensor *x = made(SHAPE(2, 3, 4, 3), 7);
    Tensor *y = conv(t, &c, x, ACT_RELU), *z = op_conv2d(t, x, c.weight, c.bias, (ConvOptions){ .activation = ACT_RELU });

    cr_expect_str_eq(y->name, "linear");
    cr_expect_leq(difference(y, z), TOLERANCE);
}

/* ---- running statistics ------------------------------------------------------------------------------------------ */
typedef struct Unit { Conv conv; BatchNorm norm; } Unit;

static Tensor *unit(Tape *tape, const void *context, Tensor *x)
{
    const Unit *u = context;
    return conv_norm(tape, &u->conv, &u->norm, x, ACT_RELU, NULL);
}

static Unit unit_made(bool running)
{
    return (Unit){ conv_made(3, 4, false, (Conv){ .kernel = 3, .stride = 1, .padding = 1 }), trained_norm(4, running) };
}

/* The running mean after a training step, in which the segment is computed again or not; w's gradient and loss come along. */
typedef struct Step { double loss; real mean, gradient; } Step;

static Step step(const Unit *u, bool recompute)
{
    Tensor *x = made(SHAPE(2, 4, 4, 3), 7);

    fill(u->norm.mean, 3, -1, 1);
    params_zero_grad(params);
    t->training = true;
    Tensor *y = tape_segment(t, recompute, unit, u, x);
    Shape   row = SHAPE(1, shape_count(y->shape));
    Tensor *loss = op_linear(t, tensor_reshape(t->arena, y, row), made(row, 9), NULL, (LinearOptions){ 0 });
    Step    s = { .loss = tape_scalar(loss) };

    tape_backward(t, loss);
    s.mean = at(u->norm.mean, 0);
    s.gradient = u->conv.weight->grad[0];
    tape_reset(t);
    return s;
}

Test(conv_layers, computing_a_segment_again_moves_running_statistics_once_and_changes_no_bit)
{
    Unit u = unit_made(false);
    Step plain = step(&u, false), again = step(&u, true);

    cr_expect_eq(plain.loss, again.loss);
    cr_expect_eq(plain.mean, again.mean);
    cr_expect_eq(plain.gradient, again.gradient);
    cr_expect_neq(plain.gradient, 0);
}

Test(conv_layers, a_segment_that_does_not_train_is_not_folded_in_its_first_pass)
{
    Unit    u = unit_made(false);
    Tensor *x = made(SHAPE(2, 4, 4, 3), 7);
    Tensor *plain = tape_segment(t, false, unit, &u, x), *again = tape_segment(t, true, unit, &u, x);

    cr_expect_eq(difference(plain, again), 0);
}

Test(conv_layers, frozen_statistics_do_not_move)
{
    Unit u = unit_made(true), moving = unit_made(false);
    real before = at(u.norm.mean, 0);

    cr_expect_eq(step(&u, false).mean, before);
    cr_expect_neq(step(&moving, false).mean, before);
}

Test(conv_layers, parameters_are_named_as_pytorch_names_them)
{
    static const char *const names[] = { "conv.weight", "conv.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var" };
    Conv      c = conv_new(scope(params_root(params), "conv"), 6, 8, true, (Conv){ .kernel = 3, .groups = 2 });
    BatchNorm n = batch_norm_new(scope(params_root(params), "norm"), 8, 1e-5, 0.1, false);

    for (int i = 0; i < 6; i++) {
        cr_assert_not_null(params_find(params, names[i]), "%s", names[i]);
        cr_expect_eq(params_find(params, names[i])->buffer, i >= 4, "%s", names[i]);
    }
    cr_expect(shape_equal(c.weight->shape, SHAPE(8, 3, 3, 3)));
    cr_expect_eq(at(n.mean, 3), 0);
    cr_expect_eq(at(n.var, 3), 1);
    cr_expect_eq(params_elements(params), 8 * 27 + 8 + 16);
}

/* ---- gradients in double ----------------------------------------------------------------------------------------- */
typedef struct Block { Unit unit; SqueezeExcite se; Tensor *x, *r; } Block;

static Tensor *block_loss(Tape *tape, void *context)
{
    const Block *b = context;

    tape->training = true;
    Tensor *y = squeeze_excite(tape, &b->se, unit(tape, &b->unit, b->x));
    Shape   row = SHAPE(1, shape_count(y->shape));
    return op_linear(tape, tensor_reshape(tape->arena, y, row), b->r, NULL, (LinearOptions){ 0 });
}

static void expect_gradients(Activation a, Activation gate)
{
    if (sizeof(real) == 4) cr_skip_test("finite differences mean nothing in float");
    Scope s = params_root(params);
    Block b = { .unit = unit_made(false), .x = param(s, "x", SHAPE(2, 4, 4, 3), INIT_NORMAL, 1), .r = made(SHAPE(1, 128), 9),
                .se = { linear_new(scope(s, "squeeze"), 4, 2, 1), linear_new(scope(s, "excite"), 2, 4, 1), a, gate } };

    fill(b.se.squeeze.bias, 11, 0.5, 1);         /* keeps the two units alive under relu */
    GradReport g = gradcheck(params, &backend_reference, block_loss, &b, 1e-5, 0);
    cr_expect_gt(g.checked, 200);
    cr_expect_leq(g.worst, 1e-6, "%s is off by %g", g.where, g.worst);
}

Test(conv_layers, squeeze_and_excite_behind_conv_norm_has_the_right_gradient)
{
    expect_gradients(ACT_RELU, ACT_SIGMOID);
}

Test(conv_layers, squeeze_and_excite_with_hard_gates_has_the_right_gradient)
{
    expect_gradients(ACT_SILU, ACT_HARD_SIGMOID);
}

Test(conv_layers, squeeze_and_excite_is_its_equation)
{
    Scope         s = params_root(params);
    SqueezeExcite se = { linear_new(scope(s, "squeeze"), 2, 1, 1), linear_new(scope(s, "excite"), 1, 2, 1), ACT_RELU, ACT_SIGMOID };
    Tensor       *x = made(SHAPE(1, 2, 2, 2), 7);

    fill(se.squeeze.bias, 11, 0.5, 1);
    Tensor *y = squeeze_excite(t, &se, x);
    double  mean[2] = { 0 }, hidden = (double)at(se.squeeze.bias, 0);
    for (int64_t i = 0; i < 8; i++) mean[i % 2] += (double)at(x, i) / 4;
    for (int64_t c = 0; c < 2; c++) hidden += (double)at(se.squeeze.weight, c) * mean[c];
    hidden = fmax(hidden, 0);
    for (int64_t i = 0; i < 8; i++) {
        double gate = 1 / (1 + exp(-(double)at(se.excite.weight, i % 2) * hidden - (double)at(se.excite.bias, i % 2)));
        cr_expect_leq(fabs((double)at(y, i) - gate * (double)at(x, i)), TOLERANCE);
    }
}
