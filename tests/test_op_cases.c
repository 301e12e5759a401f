/* test_op_cases.c - every backend gives what the reference gives, in every op case, for one thread and for two. */
#include <criterion/criterion.h>
#include <math.h>

#include "bench/op_cases.h"

static const double TOLERANCE = sizeof(real) == 4 ? 2e-5 : 1e-12;

static void agrees(const Backend *backend, int threads)
{
    Team *team = team_new(threads);

    for (const OpCase *c = op_cases; c->op; c++) {
        OpDifference d = op_case_difference(c, backend, &backend_reference, team);
        cr_expect_leq(d.worst, TOLERANCE, "%s with %d threads: %.2g in %s", backend->name, threads, d.worst, d.where);
    }
    team_free(team);
}

Test(op_cases, agree_with_the_reference_on_every_backend)
{
    Err err = { 0 };

    for (const Backend *const *b = backend_list(); *b; b++) {
        cr_assert_not_null(backend_find((*b)->name, &err), "%s", err.text);
        agrees(*b, 1);
        agrees(*b, 2);
    }
}

Test(op_cases, give_finite_values_on_the_reference)
{
    for (const OpCase *c = op_cases; c->op; c++) {
        OpRun *r = op_run_new(c, false);
        Tape  *t = tape_new(&backend_reference, NULL, 1);
        char   name[160];

        op_case_name(c, name);
        t->watching = true;
        Tensor *loss = op_run_loss(t, r);
        cr_expect(isfinite(tape_scalar(loss)), "%s", name);
        tape_backward(t, loss);
        cr_expect_null(t->watch, "%s: %s", name, t->watch);
        tape_free(t);
        op_run_free(r);
    }
}

Test(op_cases, an_unknown_backend_is_an_error_that_lists_the_known)
{
    Err err = { 0 };

    cr_expect_null(backend_find("abacus", &err));
    cr_expect_str_eq(err.text, "there is no backend 'abacus': this build has reference, openblas");
    cr_expect_eq(err.status, ERR_USAGE);
}
