/* test_tape.c - recording, walking back, and giving memory back. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "tensor/ops.h"

enum { DEPTH = 8, ROWS = 256, WIDTH = 64, CLASSES = 100 };

static Tensor *leaf(Arena *a, Shape s, bool wants_grad)
{
    Tensor *x = tensor_new(a, s);

    for (int64_t i = 0; i < shape_count(s); i++) {
        real v = (real)sin((double)i * 1.7 + (double)s.d[0]);
        tensor_write(x, i, &v, 1);
    }
    x->wants_grad = wants_grad;
    if (wants_grad) x->grad = arena_zeros(a, (size_t)shape_count(s) * sizeof(real));
    return x;
}

static real at(const Tensor *x, int64_t i)
{
    real v;
    tensor_read(x, i, &v, 1);
    return v;
}

/* A tape, and weights that outlive it. */
static Tape   *t;
static Arena  *weights;
static Tensor *x0, *w[DEPTH], *head;
static int32_t targets[ROWS];

static void set_up(void)
{
    t = tape_new(&backend_reference, NULL, 3);
    weights = arena_new(1 << 16);
    x0 = leaf(weights, SHAPE(ROWS, WIDTH), false);
    for (int i = 0; i < DEPTH; i++) {
        w[i] = leaf(weights, SHAPE(WIDTH, WIDTH), true);
        w[i]->name = "w";
    }
    head = leaf(weights, SHAPE(CLASSES, WIDTH), true);
    for (int i = 0; i < ROWS; i++) targets[i] = i % CLASSES;
}

static void tear_down(void)
{
    tape_free(t);
    arena_free(weights);
}

TestSuite(tape, .init = set_up, .fini = tear_down);

static Tensor *deep_loss(void)
{
    Tensor *x = x0;

    for (int i = 0; i < DEPTH; i++) x = op_linear(t, x, w[i], NULL, (LinearOptions){ .activation = ACT_GELU, .residual = x });
    x = op_linear(t, x, head, NULL, (LinearOptions){ 0 });
    return op_cross_entropy(t, x, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 });
}

Test(tape, peak_memory_of_training_is_that_of_the_forward)
{
    Tensor *loss = deep_loss();
    size_t  forward = arena_live(t->arena);

    tape_backward(t, loss);
    cr_expect_leq((double)arena_peak(t->arena), 1.3 * (double)forward, "%zu bytes of forward, but %zu at the peak", forward,
                  arena_peak(t->arena));
}

Test(tape, backward_gives_everything_back)
{
    tape_backward(t, deep_loss());
    cr_expect_eq(arena_live(t->arena), 0, "%zu bytes are still alive", arena_live(t->arena));
}

Test(tape, the_next_step_needs_no_more_memory)
{
    tape_backward(t, deep_loss());
    size_t peak = arena_peak(t->arena);
    tape_reset(t);
    tape_backward(t, deep_loss());
    cr_expect_eq(arena_peak(t->arena), peak);
}

Test(tape, cross_entropy_holds_the_logits_once)
{
    Tensor *logits = op_linear(t, x0, head, NULL, (LinearOptions){ 0 });
    size_t  before = arena_live(t->arena);

    tape_backward(t, op_cross_entropy(t, logits, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 }));
    cr_expect_leq(arena_peak(t->arena) - before, ROWS * CLASSES * sizeof(real) / 10);
}

Test(tape, cross_entropy_leaves_a_leaf_alone)
{
    Tensor *logits = leaf(weights, SHAPE(2, 3), true);
    real    before[6], after[6];

    tensor_read(logits, 0, before, 6);
    tape_backward(t, op_cross_entropy(t, logits, (Ids){ SHAPE(2), targets }, (CrossEntropyOptions){ .ignore = -1 }));
    tensor_read(logits, 0, after, 6);
    cr_expect_arr_eq(before, after, sizeof before);
    cr_expect_neq(logits->grad[0], 0);
}

Test(tape, cross_entropy_leaves_kept_logits_alone)
{
    Tensor *logits = op_linear(t, x0, head, NULL, (LinearOptions){ 0 });
    real    before = at(logits, 7);

    logits->keep = true;
    tape_backward(t, op_cross_entropy(t, logits, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 }));
    cr_expect_eq(at(logits, 7), before);
}

/* Its loss reads y after another op did, whose backward needs y's values. */
static real gradient_beside(const Backend *backend, bool kept, Tensor *(*last)(Tensor *y))
{
    Tape *of = t;

    t = tape_new(backend, NULL, 3);
    w[0]->grad[9] = 0;
    Tensor *y = op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 }), *z = op_activation(t, y, ACT_GELU);
    y->keep = kept;
    z = op_linear(t, op_add(t, z, last(y)), head, NULL, (LinearOptions){ 0 });
    tape_backward(t, op_cross_entropy(t, z, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 }));
    tape_free(t);
    t = of;
    return w[0]->grad[9];
}

static Tensor *normed(Tensor *y)
{
    Tensor *v[4];

    for (int i = 0; i < 4; i++) v[i] = leaf(weights, SHAPE(WIDTH), i < 2);
    return op_batch_norm(t, y, v[0], v[1], v[2], v[3], (BatchNormOptions){ .eps = 1e-5 });
}

static Tensor *bent(Tensor *y) { return op_activation(t, y, ACT_SILU); }

static Tensor *pooled(Tensor *y)
{
    Tensor *largest = op_pool(t, tensor_reshape(t->arena, y, SHAPE(1, ROWS, 1, WIDTH)), (PoolOptions){ .kind = POOL_MAX });
    return tensor_reshape(t->arena, largest, SHAPE(WIDTH));
}

Test(tape, no_gradient_takes_the_place_of_values_that_another_op_still_needs)
{
    Tensor *(*const last[])(Tensor *) = { normed, bent, pooled };
    Err err = { 0 };

    for (const Backend *const *b = backend_list(); *b; b++) {
        cr_assert(backend_find((*b)->name, &err), "%s", err.text);
        for (int i = 0; i < 3; i++)
            cr_expect_eq(gradient_beside(*b, false, last[i]), gradient_beside(*b, true, last[i]), "%s, %d", (*b)->name, i);
    }
}

Test(tape, a_leaf_without_memory_for_its_gradient_is_a_bug, .signal = SIGABRT)
{
    Tensor *logits = leaf(weights, SHAPE(2, 3), true);

    logits->grad = NULL;
    tape_backward(t, op_cross_entropy(t, logits, (Ids){ SHAPE(2), targets }, (CrossEntropyOptions){ .ignore = -1 }));
}

Test(tape, gradients_add_to_those_of_the_steps_before)
{
    tape_backward(t, deep_loss());
    real once = head->grad[3], once_deep = w[0]->grad[3];
    tape_reset(t);
    tape_backward(t, deep_loss());
    cr_expect_eq(head->grad[3], 2 * once);
    cr_expect_eq(w[0]->grad[3], 2 * once_deep);
}

Test(tape, what_is_kept_survives_backward)
{
    Tensor *y = op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 });
    real    before = at(y, 5);

    y->keep = true;
    Tensor *logits = op_linear(t, y, head, NULL, (LinearOptions){ 0 });
    tape_backward(t, op_cross_entropy(t, logits, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 }));
    cr_expect_eq(at(y, 5), before);
    cr_expect_not_null(y->grad);
}

Test(tape, a_gradient_flows_through_reshapes_to_the_base)
{
    Tensor *a = leaf(weights, SHAPE(2, 6), true), *b = leaf(weights, SHAPE(1, 12), false), *twice, *y;

    twice = tensor_reshape(t->arena, tensor_reshape(t->arena, a, SHAPE(3, 4)), SHAPE(1, 12));
    y = op_linear(t, twice, b, NULL, (LinearOptions){ 0 });
    y = op_add(t, tensor_reshape(t->arena, y, SHAPE(1)), leaf(weights, SHAPE(1), false));
    tape_backward(t, y);
    for (int64_t i = 0; i < 12; i++) cr_expect_eq(a->grad[i], at(b, i));
    cr_expect_null(twice->grad, "an alias never holds a gradient of its own");
}

Test(tape, a_reshape_of_a_computed_tensor_shares_its_gradient)
{
    Tensor *a = leaf(weights, SHAPE(1, 6), true), *ones = leaf(weights, SHAPE(1, 6), false);

    for (int64_t i = 0; i < 6; i++) tensor_write(ones, i, &(real){ 1 }, 1);
    Tensor *y = op_add(t, a, ones), *alias = tensor_reshape(t->arena, y, SHAPE(2, 3));
    Tensor *z = op_add(t, tensor_reshape(t->arena, alias, SHAPE(1, 6)), y);      /* y, read twice by two shapes */
    tape_backward(t, op_linear(t, z, ones, NULL, (LinearOptions){ 0 }));
    for (int64_t i = 0; i < 6; i++) cr_expect_eq(a->grad[i], 2);
    cr_expect_null(alias->grad);
}

Test(tape, gradients_of_two_readers_add_up)
{
    Tensor *a = leaf(weights, SHAPE(1), true);

    tape_backward(t, op_add(t, op_add(t, a, a), a));
    cr_expect_eq(a->grad[0], 3);
}

Test(tape, what_wants_no_gradient_is_not_recorded)
{
    op_linear(t, x0, x0, NULL, (LinearOptions){ 0 });
    cr_expect_null(t->last);
    w[0]->wants_grad = false;
    tape_backward(t, deep_loss());
    cr_expect_eq(w[0]->grad[0], 0, "a frozen weight receives no gradient");
    cr_expect_neq(w[1]->grad[0], 0);
}

Test(tape, a_branch_that_does_not_reach_the_loss_is_given_back)
{
    Tensor *y = op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 });

    op_linear(t, y, w[1], NULL, (LinearOptions){ .activation = ACT_GELU });
    Tensor *z = op_linear(t, y, head, NULL, (LinearOptions){ 0 });
    tape_backward(t, op_cross_entropy(t, z, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 }));
    cr_expect_eq(w[1]->grad[0], 0);
    cr_expect_neq(w[0]->grad[0], 0);
    cr_expect_eq(arena_live(t->arena), 0);
}

Test(tape, inference_keeps_only_what_is_kept)
{
    t->recording = false;
    Tensor   *x = op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 }), *y;
    ArenaMark m = tape_mark(t);
    size_t    before = arena_live(t->arena);
    real      expected;

    y = op_linear(t, x, w[1], NULL, (LinearOptions){ .activation = ACT_GELU });
    y = op_linear(t, y, w[2], NULL, (LinearOptions){ .activation = ACT_GELU });
    expected = at(y, ROWS * WIDTH - 1);
    size_t full = arena_live(t->arena);
    y = tape_keep(t, m, y);
    cr_expect_eq(at(y, ROWS * WIDTH - 1), expected);
    cr_expect_lt(arena_live(t->arena), full);
    cr_expect_leq(arena_live(t->arena) - before, ROWS * WIDTH * sizeof(real) + 1024);
    cr_expect_null(t->last);
    cr_expect_not(y->wants_grad);
}

Test(tape, inference_by_blocks_runs_in_constant_memory)
{
    t->recording = false;
    Tensor   *x = op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 });
    size_t    live = 0;

    for (int i = 0; i < 50; i++) {
        ArenaMark m = tape_mark(t);
        Tensor   *y = tape_keep(t, m, op_linear(t, x, w[i % DEPTH], NULL, (LinearOptions){ .activation = ACT_RELU }));
        tensor_write(x, 0, y->data, ROWS * WIDTH);
        arena_release(t->arena, m);
        if (i == 0) live = arena_live(t->arena);
        cr_assert_eq(arena_live(t->arena), live);
    }
    cr_expect_eq(arena_live(t->scratch), 0);
    cr_expect_eq(arena_live(t->records), 0);
}

Test(tape, what_an_op_saves_or_borrows_ends_with_it)
{
    Tensor *x = op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 }), *b = leaf(weights, SHAPE(WIDTH), false);

    t->recording = false;
    size_t before = arena_live(t->arena);
    op_layer_norm(t, x, b, b, 1e-5);
    cr_expect_leq(arena_live(t->arena) - before, ROWS * WIDTH * sizeof(real) + 1024, "inference keeps no moments");
    cr_expect_eq(arena_live(t->scratch), 0);
    t->recording = true;
    x = tensor_reshape(t->arena, x, SHAPE(4, ROWS / 4, WIDTH));
    x = op_attention(t, x, x, x, (AttentionOptions){ .heads = 2 }, NULL);
    cr_expect_eq(arena_live(t->scratch), 0);
    tape_backward(t, op_cross_entropy(t, op_linear(t, x, head, NULL, (LinearOptions){ 0 }), (Ids){ SHAPE(ROWS), targets },
                                      (CrossEntropyOptions){ .ignore = -1 }));
    cr_expect_eq(arena_live(t->scratch), 0);
}

Test(tape, keeping_does_nothing_while_recording)
{
    ArenaMark m = tape_mark(t);
    Tensor   *y = op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 });

    cr_expect_eq(tape_keep(t, m, y), y);
}

Test(tape, watching_names_the_first_output_that_is_not_finite)
{
    t->watching = true;
    deep_loss();
    cr_expect_null(t->watch);
    tape_reset(t);
    tensor_write(w[3], 17, &(real){ (real)NAN }, 1);
    w[3]->name = "h.3.weight";
    deep_loss();
    cr_assert_not_null(t->watch);
    cr_expect_str_eq(t->watch, "linear of linear, h.3.weight, linear: output (256,64)");
}

Test(tape, watching_names_the_first_gradient_that_is_not_finite)
{
    /* The gradient that a receives was not finite before its op added to it. */
    Tensor *a = leaf(weights, SHAPE(1, 2), true), *big = leaf(weights, SHAPE(1, 2), true);

    a->name = "a";
    big->name = "big";
    tensor_write(a, 0, (real[]){ 0, 0 }, 2);
    tensor_write(big, 0, (real[]){ (real)1e30, (real)1e30 }, 2);
    t->watching = true;
    Tensor *y = op_linear(t, a, big, NULL, (LinearOptions){ 0 });
    y = op_linear(t, y, leaf(weights, SHAPE(1, 1), false), NULL, (LinearOptions){ 0 });
    a->grad[0] = (real)INFINITY;
    tape_backward(t, y);
    cr_assert_not_null(t->watch);
    cr_expect_str_eq(t->watch, "linear of a, big: gradient of a (1,2)");
}

Test(tape, backward_from_many_numbers_is_a_bug, .signal = SIGABRT)
{
    tape_backward(t, op_linear(t, x0, w[0], NULL, (LinearOptions){ 0 }));
}

Test(tape, reading_the_loss_after_backward_is_a_bug, .signal = SIGABRT)
{
    Tensor *loss = deep_loss();
    tape_backward(t, loss);
    tape_scalar(loss);
}

/* ---- segments: activations computed again ------------------------------------------------------------------------ */

typedef struct Piece { int from, to; double dropout; bool nested; } Piece;

/* x + dropout(gelu(x w')) for some of the weights. */
static Tensor *piece(Tape *tape, const void *context, Tensor *x)
{
    static Piece inner[DEPTH];                   /* they must live until backward */
    const Piece *p = context;

    for (int i = p->from; i < p->to; i++)
        if (p->nested) {
            inner[i] = (Piece){ i, i + 1, p->dropout, false };
            x = tape_segment(tape, true, piece, &inner[i], x);
        } else {
            Tensor *y = op_linear(tape, x, w[i], NULL, (LinearOptions){ .activation = ACT_GELU });
            x = op_add(tape, op_dropout(tape, y, p->dropout), x);
        }
    return x;
}

typedef struct Outcome { double loss; size_t peak; real grads[DEPTH][WIDTH * WIDTH], head[CLASSES * WIDTH]; } Outcome;

/* One step of two segments in a row, from cleared gradients. */
static void step(bool recompute, double dropout, bool nested, Outcome *o)
{
    static Piece pieces[2];
    Tape *before = t;

    t = tape_new(&backend_reference, NULL, 3);
    t->training = true;
    Tensor *x = op_add(t, x0, leaf(weights, SHAPE(WIDTH), false));
    for (int i = 0; i < 2; i++) {
        pieces[i] = (Piece){ i * DEPTH / 2, (i + 1) * DEPTH / 2, dropout, nested };
        x = tape_segment(t, recompute, piece, &pieces[i], x);
    }
    x = op_linear(t, op_dropout(t, x, dropout), head, NULL, (LinearOptions){ 0 });
    x = op_cross_entropy(t, x, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 });
    o->loss = tape_scalar(x);
    for (int i = 0; i < DEPTH; i++) memset(w[i]->grad, 0, sizeof o->grads[i]);
    memset(head->grad, 0, sizeof o->head);
    tape_backward(t, x);
    o->peak = arena_peak(t->arena);
    for (int i = 0; i < DEPTH; i++) memcpy(o->grads[i], w[i]->grad, sizeof o->grads[i]);
    memcpy(o->head, head->grad, sizeof o->head);
    cr_expect_eq(arena_live(t->scratch), 0);
    tape_free(t);
    t = before;
}

static void expect_same(const Outcome *a, const Outcome *b)
{
    cr_expect_eq(a->loss, b->loss);
    cr_expect_arr_eq(a->grads, b->grads, sizeof a->grads);
    cr_expect_arr_eq(a->head, b->head, sizeof a->head);
    cr_expect_neq(b->grads[DEPTH - 1][3], 0);
}

static Outcome kept, again;

Test(tape, a_segment_computed_again_has_the_same_loss_and_gradients)
{
    step(false, 0, false, &kept);
    step(true, 0, false, &again);
    expect_same(&kept, &again);
}

Test(tape, a_segment_computed_again_drops_the_same)
{
    step(false, 0.3, false, &kept);
    step(true, 0.3, false, &again);
    expect_same(&kept, &again);
    step(true, 0, false, &kept);
    cr_expect_neq(kept.loss, again.loss);
}

Test(tape, a_segment_within_a_segment_changes_nothing)
{
    step(false, 0.3, true, &kept);
    step(true, 0.3, true, &again);
    expect_same(&kept, &again);
}

Test(tape, a_segment_computed_again_needs_less_memory)
{
    step(false, 0.1, false, &kept);
    step(true, 0.1, false, &again);
    cr_expect_lt((double)again.peak, 0.6 * (double)kept.peak, "%zu bytes, recomputed %zu", kept.peak, again.peak);
}

Test(tape, a_segment_with_frozen_weights_passes_gradients_on)
{
    w[5]->wants_grad = w[6]->wants_grad = false;
    step(false, 0.2, false, &kept);
    step(true, 0.2, false, &again);
    expect_same(&kept, &again);
    cr_expect_eq(again.grads[5][0], 0);
    cr_expect_neq(again.grads[0][0], 0);
}

Test(tape, a_segment_that_wants_no_gradient_is_not_recorded)
{
    static const Piece all = { 0, 2, 0, false };

    w[0]->wants_grad = w[1]->wants_grad = false;
    Tensor *y = tape_segment(t, true, piece, &all, x0);
    cr_expect_null(t->last);
    cr_expect_not(y->wants_grad);
    w[1]->wants_grad = true;
    cr_expect(tape_segment(t, true, piece, &all, x0)->wants_grad);
    cr_expect_not_null(t->last);
}

static Tensor *nothing(Tape *tape, const void *context, Tensor *x)
{
    (void)tape, (void)context;
    return x;
}

/* y is read by the segment and beside it: the segment's gradient adds to what is there. */
Test(tape, a_segment_may_give_back_its_input)
{
    Tensor *ones = leaf(weights, SHAPE(1, WIDTH), false), *a = leaf(weights, SHAPE(1, WIDTH), true);

    for (int64_t i = 0; i < WIDTH; i++) tensor_write(ones, i, &(real){ 1 }, 1);
    Tensor *y = op_add(t, a, ones);
    Tensor *z = op_add(t, tape_segment(t, true, nothing, NULL, y), y);
    tape_backward(t, op_linear(t, z, ones, NULL, (LinearOptions){ 0 }));
    for (int64_t i = 0; i < WIDTH; i++) cr_expect_eq(a->grad[i], 2);
    cr_expect_lt(arena_live(t->arena), 1024, "%zu bytes are still alive", arena_live(t->arena));
}

Test(tape, a_segment_may_give_back_a_leaf)
{
    Tensor *ones = leaf(weights, SHAPE(1, WIDTH), false), *a = leaf(weights, SHAPE(1, WIDTH), true);
    real   *memory = a->grad;

    for (int64_t i = 0; i < WIDTH; i++) tensor_write(ones, i, &(real){ 1 }, 1);
    for (int times = 1; times < 3; times++) {
        tape_backward(t, op_linear(t, tape_segment(t, true, nothing, NULL, a), ones, NULL, (LinearOptions){ 0 }));
        tape_reset(t);
        cr_expect_eq(a->grad, memory, "the gradient of a leaf stays where it is");
        for (int64_t i = 0; i < WIDTH; i++) cr_expect_eq(memory[i], times);
    }
}

Test(tape, what_a_segment_made_may_be_kept)
{
    static const Piece all = { 0, 2, 0, false };
    Tensor *y = tape_segment(t, true, piece, &all, x0);
    real    before = at(y, 7);

    y->keep = true;
    Tensor *logits = op_linear(t, y, head, NULL, (LinearOptions){ 0 });
    tape_backward(t, op_cross_entropy(t, logits, (Ids){ SHAPE(ROWS), targets }, (CrossEntropyOptions){ .ignore = -1 }));
    cr_assert_not_null(y->data);
    cr_assert_not_null(y->grad);
    cr_expect_eq(at(y, 7), before);
    cr_expect_neq(w[0]->grad[0], 0);
}

Test(tape, a_segment_is_its_body_in_inference)
{
    static const Piece all = { 0, 3, 0.5, false };
    Tensor *y = piece(t, &all, x0);

    t->recording = false;
    Tensor *z = tape_segment(t, true, piece, &all, x0);
    cr_expect_arr_eq(y->data, z->data, ROWS * WIDTH * sizeof(real));
    cr_expect_not(t->deferring);
}

Test(tape, watching_names_what_is_not_finite_inside_a_segment)
{
    static const Piece all = { 0, 3, 0, false };

    t->watching = true;
    tensor_write(w[1], 17, &(real){ (real)NAN }, 1);
    tape_segment(t, true, piece, &all, x0);
    cr_assert_not_null(t->watch);
    cr_expect(strstr(t->watch, "linear"), "%s", t->watch);
}
