/* tape.c - reverse-mode differentiation: recording, walking back, and giving memory back on the way.
 *
 * Data and records live apart while recording: nodes and tensor headers stay until tape_reset, and would otherwise keep
 * the pieces of data that backward gives back from joining into larger ones.                                        */
#include "tensor/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_BLOCK = 16 << 20, SCRATCH_BLOCK = 4 << 20, RECORD_BLOCK = 64 << 10 };

Tape *tape_new(const Backend *backend, Team *team, uint64_t seed)
{
    Tape *t = calloc(1, sizeof *t);

    REQUIRE(t, "out of memory");
    t->arena = arena_new(DATA_BLOCK);
    t->scratch = arena_new(SCRATCH_BLOCK);
    t->records = arena_new(RECORD_BLOCK);
    t->backend = backend;
    t->team = team;
    t->seed = seed;
    t->recording = true;
    return t;
}

void tape_free(Tape *t)
{
    if (!t) return;
    arena_free(t->arena);
    arena_free(t->scratch);
    arena_free(t->records);
    free(t);
}

void tape_reset(Tape *t)
{
    t->last = NULL;
    t->draws = 0;
    arena_reset(t->arena);
    arena_reset(t->scratch);
    arena_reset(t->records);
}

/* ---- memory for ops ---------------------------------------------------------------------------------------------- */
/* A reshape shares its base's memory, so its gradient is its base's too. */
static Tensor *holder(Tensor *x)
{
    return x->base ? x->base : x;
}

static size_t bytes_of(const Tensor *x)
{
    return (size_t)shape_count(x->shape) * sizeof(real);
}

real *tape_grad(Tape *t, Tensor *x)
{
    bool   fresh;
    real  *grad = tape_grad_first(t, x, &fresh);

    if (fresh) memset(grad, 0, bytes_of(x));
    return grad;
}

real *tape_grad_first(Tape *t, Tensor *x, bool *fresh)
{
    *fresh = false;
    if (!x) return NULL;
    x = holder(x);
    if (!x->wants_grad) return NULL;
    *fresh = !x->grad;
    REQUIRE(x->computed || x->grad, "backward: '%s' has no memory for its gradient: params_zero_grad comes first",
            x->name ? x->name : "a leaf");
    if (*fresh) x->grad = arena_alloc(t->arena, bytes_of(x));
    return x->grad;
}

/* Only what an op made may be overwritten: a leaf's values belong to somebody else. Readers that are left come after in backward. */
real *tape_grad_in_place(Tensor *x)
{
    x = holder(x);
    if (!x->wants_grad || x->grad || x->keep || x->held || x->readers || !x->computed) return NULL;
    return x->grad = x->data;
}

real *tape_grad_over(Tape *t, Tensor *x, bool *fresh)
{
    real *grad = tape_grad_in_place(x);

    *fresh = grad != NULL;
    return grad ? grad : tape_grad_first(t, x, fresh);
}

void *tape_save(Tape *t, Node *n, int slot, size_t bytes)
{
    return n->saved[slot] = arena_alloc(n->recorded ? t->arena : t->scratch, bytes);
}

void *tape_scratch(Tape *t, size_t bytes)
{
    return arena_alloc(t->scratch, bytes);
}

/* ---- watching for values that are not finite --------------------------------------------------------------------- */
static bool gradient_finite(const Tensor *x)
{
    Tensor gradient = { .shape = x->shape, .data = x->grad };

    return tensor_finite(&gradient);
}

/* "linear of layer_norm, h.0.mlp.c_fc.weight": inputs tell one linear from the next. */
static void watch_report(Tape *t, const Node *n, const char *what, const Tensor *x)
{
    char  *text = t->watch_text;
    size_t size = sizeof t->watch_text, used = (size_t)snprintf(text, size, "%s", n->op->name);

    for (int i = 0; i < OP_MAX_IN && used < size; i++)
        if (n->in[i])
            used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : " of ",
                                     n->in[i]->name ? n->in[i]->name : "an input");
    if (used < size) snprintf(text + used, size - used, ": %s %s", what, shape_text(x->shape).s);
    t->watch = text;
}

static void watch_outputs(Tape *t, const Node *n)
{
    for (int i = 0; i < OP_MAX_OUT && !t->watch; i++)
        if (n->out[i] && !tensor_finite(n->out[i]))
            watch_report(t, n, "output", n->out[i]);
}

static void watch_gradients(Tape *t, const Node *n)
{
    for (int i = 0; i < OP_MAX_IN && !t->watch; i++) {
        Tensor *x = n->in[i] ? holder(n->in[i]) : NULL;
        char    what[160];

        if (!x || !x->grad || gradient_finite(x)) continue;
        snprintf(what, sizeof what, "gradient of %s", x->name ? x->name : "an input");
        watch_report(t, n, what, x);
    }
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */
static const Op *override(const Backend *backend, const Op *op)
{
    for (const OpOverride *o = backend->overrides; o && o->op; o++)
        if (o->op == op) return o->with;
    return op;
}

/* The header among the records, the values among the data. */
static Tensor *new_output(Tape *t, Arena *records, Shape s, const char *name, bool wants_grad)
{
    Tensor *x = arena_zeros(records, sizeof *x);

    x->shape = s;
    x->data = arena_alloc(t->arena, bytes_of(x));
    x->name = name;
    x->wants_grad = wants_grad;
    x->computed = true;
    return x;
}

/* Leaves may be on several tapes at once, and are never overwritten: nobody counts for them. */
static void count_readers(Node *n, int change)
{
    for (int i = 0; i < OP_MAX_IN; i++)
        if (n->in[i] && holder(n->in[i])->computed) holder(n->in[i])->readers += change;
}

static void record(Tape *t, Node *n)
{
    count_readers(n, 1);
    n->prev = t->last;
    t->last = n;
}

Node *tape_apply(Tape *t, const Apply *a)
{
    /* In inference a mark must end the records as well. */
    Arena *records = t->recording ? t->records : t->arena;
    Node  *n = arena_zeros(records, sizeof *n);

    n->op = override(t->backend, a->op);
    for (int i = 0; i < OP_MAX_IN; i++) {
        n->in[i] = a->in[i];
        if (!n->in[i] || !holder(n->in[i])->wants_grad) continue;
        if (t->recording) n->recorded = true;
        t->wanted = true;
    }
    for (int i = 0; i < OP_MAX_OUT; i++)
        if (a->out[i].n > 0) n->out[i] = new_output(t, records, a->out[i], a->op->name, n->recorded);
    if (a->attr_size) n->attr = memcpy(arena_alloc(records, a->attr_size), a->attr, a->attr_size);

    ArenaMark m = arena_mark(t->scratch);
    n->op->forward(t, n);
    arena_release(t->scratch, m);

    if (t->watching) watch_outputs(t, n);
    if (n->recorded) record(t, n);
    return n;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */
static void give_back(Tape *t, Node *n)
{
    for (int i = 0; i < OP_MAX_OUT; i++) {
        Tensor *x = n->out[i];

        if (!x || x->keep) continue;
        if (x->grad != x->data) arena_give_back(t->arena, x->grad);
        arena_give_back(t->arena, x->data);
        x->data = x->grad = NULL;
    }
    for (int i = 0; i < OP_MAX_SAVED; i++) {
        arena_give_back(t->arena, n->saved[i]);
        n->saved[i] = NULL;
    }
}

static bool reached(const Node *n)
{
    for (int i = 0; i < OP_MAX_OUT; i++)
        if (n->out[i] && n->out[i]->grad) return true;
    return false;
}

static void walk_back(Tape *t)
{
    for (Node *n = t->last, *before; n; n = before) {
        before = n->prev;                        /* a segment's backward records nodes of its own */
        count_readers(n, -1);
        if (reached(n)) {
            ArenaMark m = arena_mark(t->scratch);
            n->op->backward(t, n);
            arena_release(t->scratch, m);
            if (t->watching) watch_gradients(t, n);
        }
        give_back(t, n);
    }
    t->last = NULL;
}

void tape_backward(Tape *t, Tensor *scalar)
{
    REQUIRE(shape_count(scalar->shape) == 1, "backward starts from one number, not from %s", shape_text(scalar->shape).s);
    real *seed = tape_grad(t, scalar);

    if (seed) *seed = 1;
    walk_back(t);
}

/* ---- segments ---------------------------------------------------------------------------------------------------- */
typedef struct SegmentAttr { Segment *body; const void *context; uint64_t draws; } SegmentAttr;

/* Ends the values of a first output and takes its gradient along, unless somebody keeps them. */
static real *take_gradient(Tape *t, Tensor *out)
{
    real *grad = out->grad;

    if (out->keep) return memcpy(arena_alloc(t->arena, bytes_of(out)), grad, bytes_of(out));
    if (grad != out->data) arena_give_back(t->arena, out->data);
    out->data = out->grad = NULL;
    return grad;
}

/* A body may hand out its input or a leaf, which have gradients of their own. */
static void put_gradient(Tape *t, Tensor *x, real *grad)
{
    x = holder(x);
    if (x->wants_grad && x->computed && !x->grad) {
        x->grad = grad;
        return;
    }
    real *to = tape_grad(t, x);
    if (to) for (int64_t i = 0; i < shape_count(x->shape); i++) to[i] += grad[i];
    arena_give_back(t->arena, grad);
}

/* Runs the body once more, recording, from the input that is still there, and walks back through it. Nobody reads the first
 * output any more; its gradient passes to the second.                                                                */
static void segment_backward(Tape *t, Node *n)
{
    const SegmentAttr *a = n->attr;
    uint64_t draws = t->draws;
    real    *grad = take_gradient(t, n->out[0]);

    t->draws = a->draws;
    t->last = NULL;
    t->again = true;
    put_gradient(t, a->body(t, a->context, n->in[0]), grad);
    t->again = false;
    t->draws = draws;
    walk_back(t);
}

static const Op segment_op = { "segment", NULL, segment_backward };

/* Computes the body and forgets all but its output. */
static Tensor *first_pass(Tape *t, Segment *body, const void *context, Tensor *x)
{
    ArenaMark m = arena_mark(t->arena);

    t->recording = false;
    t->deferring = true;
    t->wanted = holder(x)->wants_grad;
    Tensor *y = tape_keep(t, m, body(t, context, x));
    t->recording = true;
    t->deferring = false;
    return y;
}

Tensor *tape_segment(Tape *t, bool recompute, Segment *body, const void *context, Tensor *x)
{
    if (!recompute || !t->recording || t->again) return body(t, context, x);   /* one inside another is not worth it */

    SegmentAttr a = { body, context, t->draws };
    Tensor *y = first_pass(t, body, context, x);
    Node   *n = arena_zeros(t->records, sizeof *n);
    Tensor *out = arena_zeros(t->records, sizeof *out);

    *out = (Tensor){ .shape = y->shape, .data = y->data, .name = y->name, .wants_grad = t->wanted, .computed = true };
    if (!t->wanted) return out;
    *n = (Node){ .op = &segment_op, .in = { x }, .out = { out }, .recorded = true,
                 .attr = memcpy(arena_alloc(t->records, sizeof a), &a, sizeof a) };
    record(t, n);
    return out;
}

double tape_scalar(const Tensor *x)
{
    REQUIRE(shape_count(x->shape) == 1, "one number is wanted, not %s", shape_text(x->shape).s);
    REQUIRE(x->data, "the value of %s has ended: read it before backward", x->name ? x->name : "a tensor");
    return (double)x->data[0];
}

/* ---- inference by blocks ----------------------------------------------------------------------------------------- */
ArenaMark tape_mark(Tape *t)
{
    return arena_mark(t->arena);
}

Tensor *tape_keep(Tape *t, ArenaMark m, Tensor *x)
{
    if (t->recording) return x;

    /* By way of the scratch arena: x's memory ends with the release, and may overlap the place it moves to. */
    Tensor    header = *x;
    size_t    bytes = bytes_of(x);
    ArenaMark s = arena_mark(t->scratch);
    real     *aside = arena_alloc(t->scratch, bytes);

    memcpy(aside, x->data, bytes);
    arena_release(t->arena, m);
    Tensor *kept = tensor_new(t->arena, header.shape);
    kept->name = header.name;
    memcpy(kept->data, aside, bytes);
    arena_release(t->scratch, s);
    return kept;
}
