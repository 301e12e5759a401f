/* tape.h - reverse-mode differentiation on a dynamic tape of coarse ops (Wengert 1964; Griewank & Walther 2008, ch. 3).
 *
 * An op's forward computes its outputs and may save what its backward needs. While recording, every application is a Node
 * on a list; tape_backward walks it from the loss to the leaves. As soon as a node's backward is done, the memory of its
 * outputs, gradients and savings returns to the arena for reuse, so that peak memory is that of the forward.
 *
 *     Tape *t = tape_new(backend, team, seed);
 *     Tensor *loss = op_cross_entropy(t, logits, …);
 *     double value = tape_scalar(loss);           before backward: it takes the memory of outputs back
 *     tape_backward(t, loss);
 *     … optimizer …
 *     tape_reset(t);                              everything of the step ends
 *
 * Inference: tape->recording = false, tape_mark / tape_keep release intermediates block by block.                    */
#ifndef LIMN_TAPE_H
#define LIMN_TAPE_H

#include "tensor/backend.h"

enum { OP_MAX_IN = 6, OP_MAX_OUT = 2, OP_MAX_SAVED = 3 };

typedef struct Node Node;
typedef struct Tape Tape;

struct Op {
    const char *name;
    void (*forward) (Tape *t, Node *n);
    void (*backward)(Tape *t, Node *n);          /* adds into tape_grad of every input that wants one             */
};

struct Node {
    const Op   *op;                              /* the backend's override where it has one                       */
    Node       *prev;
    Tensor     *in[OP_MAX_IN], *out[OP_MAX_OUT]; /* NULL where absent                                             */
    const void *attr;                            /* the op's options (tensor/ops/attrs.h), copied                 */
    void       *saved[OP_MAX_SAVED];
    bool        recorded;                        /* backward will come: some input wants a gradient               */
};

struct Tape {
    Arena         *arena;                        /* one step: outputs, savings, gradients                         */
    Arena         *scratch;                      /* one op: released after each forward and each backward         */
    Arena         *records;                      /* nodes and tensor headers of one step, while recording         */
    const Backend *backend;
    Team          *team;
    bool           recording;                    /* false: inference, nothing is kept for backward                */
    bool           training;                     /* false: dropout is the identity                                */
    bool           deferring, again;             /* a segment's first pass; its second, without side effects      */
    bool           wanted;                       /* in the first pass: some input wants a gradient                */
    uint64_t       seed, step;                   /* key of the random numbers of this step                        */
    uint64_t       draws;                        /* random ops so far in this step: each has its own stream       */
    Node          *last;
    const char    *watch;                        /* NULL, or the first thing that was not finite; see below       */
    bool           watching;
    char           watch_text[320];
};

Tape *tape_new(const Backend *backend, Team *team, uint64_t seed);   /* recording, not training                   */
void  tape_free(Tape *t);
void  tape_reset(Tape *t);

/* What an op's function hands in: inputs (NULL allowed), output shapes (n = 0: no such output), options.
 * Returns the node; its out[] are the results.                                                                      */
typedef struct Apply {
    const Op   *op;
    Tensor     *in[OP_MAX_IN];
    Shape       out[OP_MAX_OUT];
    const void *attr;
    size_t      attr_size;
} Apply;
Node *tape_apply(Tape *t, const Apply *a);

/* For ops.
 * tape_grad: where to add the gradient of x (zeros at first); NULL when x is NULL or wants none. The gradient of a reshape is
 * its base's: the alias's own `grad` stays NULL.
 * tape_grad_first: the same, but when *fresh comes back true the memory is not cleared and must be written whole, which
 * spares a pass over it.
 * tape_grad_in_place: x's values end and their memory becomes its gradient, to be written whole; NULL where that may not be
 * (a leaf, kept, held, read by an op before, or with a gradient already): then use tape_grad.
 * tape_grad_over: tape_grad_in_place where that may be, else tape_grad_first.
 * tape_save: memory that lives until the node's backward (if none will come: until the op is done).
 * tape_scratch: memory until the op is done.
 * In backward an op owns its outputs' gradients: nobody reads them afterwards, so it may compute in them.            */
real *tape_grad(Tape *t, Tensor *x);
real *tape_grad_first(Tape *t, Tensor *x, bool *fresh);
real *tape_grad_in_place(Tensor *x);
real *tape_grad_over(Tape *t, Tensor *x, bool *fresh);
void *tape_save(Tape *t, Node *n, int slot, size_t bytes);
void *tape_scratch(Tape *t, size_t bytes);

/* Activation recomputation (Griewank & Walther 2000; Chen et al. 2016): y = body(t, context, x), of which only x and y are kept until
 * backward, which computes the segment again. Losses and gradients are the same to the last bit: the random numbers are drawn
 * again, too. `recompute` false, or not recording: plain body(t, context, x). `context` must live until backward. The body reads no
 * computed tensor but x, which it may also give back.                                                                                            */
typedef Tensor *Segment(Tape *t, const void *context, Tensor *x);
Tensor *tape_segment(Tape *t, bool recompute, Segment *body, const void *context, Tensor *x);

/* Every parameter on the tape that wants a gradient must have memory for it: params_zero_grad first.                */
void   tape_backward(Tape *t, Tensor *scalar);
double tape_scalar(const Tensor *x);

/* Inference by blocks:  m = tape_mark(t); … x = tape_keep(t, m, x);   ends everything since the mark but x, which moves
 * down to the mark. While recording both do nothing.                                                                */
ArenaMark tape_mark(Tape *t);
Tensor   *tape_keep(Tape *t, ArenaMark m, Tensor *x);

/* To name the first op output (forward) or gradient (backward) that is not finite, rerun the step with watching = true;
 * then `watch` says it ("linear of layer_norm, h.3.mlp.c_fc.weight: output (8,12,256)") or is NULL. It stays until the
 * caller sets it to NULL: tape_reset does not touch it.                                                             */

#endif
