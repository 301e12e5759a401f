/* gradcheck.c - analytic gradients against central differences, and an op that is wrong on purpose. */
#include "tensor/gradcheck.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLOSER_LOOKS = 3 };
static const double SUSPECT = 1e-6, PLAINLY_WRONG = 1e-3;

typedef Tensor *LossFunction(Tape *t, void *context);

static double value_of(Tape *t, LossFunction *loss, void *context)
{
    double value = tape_scalar(loss(t, context));

    tape_reset(t);
    return value;
}

/* (f(w+h) - f(w-h)) / 2h, divided by the step that w really took. */
static double slope_of(Tape *t, Params *p, Tensor *w, int64_t at, double h, LossFunction *loss, void *context)
{
    real   middle, up, down;
    double above, below;

    tensor_read(w, at, &middle, 1);
    up = middle + (real)h;
    down = middle - (real)h;
    tensor_write(w, at, &up, 1);
    params_touch(p);
    above = value_of(t, loss, context);
    tensor_write(w, at, &down, 1);
    params_touch(p);
    below = value_of(t, loss, context);
    tensor_write(w, at, &middle, 1);
    params_touch(p);
    return (above - below) / ((double)up - (double)down);
}

static double error_of(double analytic, double numeric)
{
    double error = fabs(analytic - numeric) / fmax(1e-3, fabs(analytic) + fabs(numeric));

    return isnan(error) ? INFINITY : error;      /* a NaN is the worst there is, and compares as nothing */
}

/* Where they differ, a kink (ReLU, a maximum) may lie within the step: the closer one looks, the rarer that is, while a wrong gradient
 * stays wrong at every step.                                                                                        */
static double error_at(Tape *t, Params *p, Tensor *w, int64_t at, double h, int looks, LossFunction *loss, void *context)
{
    double best = INFINITY;

    for (int i = 0; i <= looks && best > SUSPECT; i++, h /= 10)
        best = fmin(best, error_of((double)w->grad[at], slope_of(t, p, w, at, h, loss, context)));
    return best;
}

static void note(GradReport *report, const char *name, int64_t at, double error)
{
    report->checked++;
    if (error < report->worst || (error == 0 && report->where[0])) return;
    report->worst = error;
    snprintf(report->where, sizeof report->where, "%s[%" PRId64 "]", name, at);
}

GradReport gradcheck(Params *p, const Backend *backend, LossFunction *loss, void *context, double step, int per_tensor)
{
    GradReport report = { 0 };
    Tape      *t = tape_new(backend, NULL, 1);

    params_zero_grad(p);
    tape_backward(t, loss(t, context));
    tape_reset(t);
    for (int i = 0; i < params_count(p); i++) {
        Tensor *w = params_at(p, i)->tensor;
        int64_t count = shape_count(w->shape), probes = per_tensor > 0 && per_tensor < count ? per_tensor : count;

        if (!w->wants_grad) continue;
        for (int64_t j = 0; j < probes; j++) {
            int64_t at = (2 * j + 1) * count / (2 * probes);
            int     looks = report.worst > PLAINLY_WRONG ? 0 : CLOSER_LOOKS;     /* it has failed already: lose no more time */
            note(&report, w->name, at, error_at(t, p, w, at, step, looks, loss, context));
        }
    }
    tape_free(t);
    return report;
}

/* ---- sabotage ---------------------------------------------------------------------------------------------------- */
enum { MAX_OVERRIDES = 64 };

static struct {
    const Op  *honest;
    double     factor;
    Op         op;
    OpOverride overrides[MAX_OVERRIDES];
    Backend    backend;
} sabotage;

static Tensor *first_wanting(const Node *n)
{
    for (int i = 0; i < OP_MAX_IN; i++) {
        Tensor *x = n->in[i] && n->in[i]->base ? n->in[i]->base : n->in[i];
        if (x && x->wants_grad) return x;
    }
    return NULL;
}

/* Takes aside what other ops added before, so that only this op's share is scaled. */
static void backward(Tape *t, Node *n)
{
    Tensor *x = first_wanting(n);
    int64_t count = shape_count(x->shape);
    size_t  bytes = (size_t)count * sizeof(real);
    real   *before = NULL;

    if (x->grad) {
        before = memcpy(tape_scratch(t, bytes), x->grad, bytes);
        memset(x->grad, 0, bytes);
    }
    sabotage.honest->backward(t, n);
    for (int64_t i = 0; x->grad && i < count; i++)
        x->grad[i] = (real)((double)x->grad[i] * sabotage.factor) + (before ? before[i] : 0);
}

const Backend *backend_sabotaged(const Backend *base, const Op *op, double factor)
{
    int count = 0;

    sabotage.honest = op;
    sabotage.factor = factor;
    for (const OpOverride *o = base->overrides; o && o->op; o++) {
        REQUIRE(count < MAX_OVERRIDES - 2, "backend %s overrides more than %d ops", base->name, MAX_OVERRIDES - 2);
        if (o->op == op) sabotage.honest = o->with;
        else sabotage.overrides[count++] = *o;
    }
    sabotage.op = (Op){ sabotage.honest->name, sabotage.honest->forward, backward };
    sabotage.overrides[count++] = (OpOverride){ op, &sabotage.op };
    sabotage.overrides[count] = (OpOverride){ NULL, NULL };
    sabotage.backend = *base;
    sabotage.backend.overrides = sabotage.overrides;
    return &sabotage.backend;
}
