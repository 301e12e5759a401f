/* test_gradients.c - every op case against finite differences, and proof that the check sees a wrong op. */
#include <criterion/criterion.h>

#include "bench/op_cases.h"

static const double TOLERANCE = 1e-6;

/* Cases of one op, or of all (NULL), that are over tolerance. */
static int failures(const Backend *backend, const Op *of, bool expected)
{
    int failed = 0;

    for (const OpCase *c = op_cases; c->op; c++) {
        if (of && c->op != of) continue;
        GradReport r = op_case_gradients(c, backend);

        cr_expect_gt(r.checked, 0, "%s", r.where);
        if (r.worst <= TOLERANCE) continue;
        failed++;
        if (expected) break;                     /* one is proof */
        cr_expect_fail("error %.2g in %s", r.worst, r.where);
    }
    return failed;
}

Test(gradients, of_every_op_case_agree_with_finite_differences)
{
    cr_expect_eq(failures(&backend_reference, NULL, false), 0);
}

Test(gradients, are_checked_for_every_op)
{
    for (const Op *const *op = op_list; *op; op++) {
        int cases = 0;
        for (const OpCase *c = op_cases; c->op; c++) cases += c->op == *op;
        cr_expect_gt(cases, 0, "%s has no case in bench/op_case_rows.c", (*op)->name);
    }
}

static bool listed(const Op *op)
{
    for (const Op *const *known = op_list; *known; known++)
        if (*known == op) return true;
    return false;
}

/* So a wrong gradient has one culprit, and a wrong op is looked for in its own cases alone. */
Test(gradients, of_a_case_pass_through_no_other_op)
{
    for (const OpCase *c = op_cases; c->op; c++) {
        OpRun *r = op_run_new(c, false);
        Tape  *t = tape_new(&backend_reference, NULL, 1);
        int    own = 0;

        op_run_loss(t, r);
        for (const Node *n = t->last; n; n = n->prev) {
            cr_expect(n->op == c->op || !listed(n->op), "a case of %s has a %s", c->op->name, n->op->name);
            own += n->op == c->op;
        }
        cr_expect_eq(own, 1, "%s", c->op->name);
        tape_free(t);
        op_run_free(r);
    }
}

Test(gradients, that_are_half_a_percent_wrong_are_seen)
{
    for (const Op *const *op = op_list; *op; op++)
        cr_expect_gt(failures(backend_sabotaged(&backend_reference, *op, 1.005), *op, true), 0, "a wrong %s goes unseen", (*op)->name);
}

Test(gradients, sabotaged_by_a_factor_of_one_are_right)
{
    for (const Op *const *op = op_list; *op; op++)
        cr_expect_eq(failures(backend_sabotaged(&backend_reference, *op, 1), *op, false), 0, "%s", (*op)->name);
}
