/* test_gradients.c - every op case against finite differences, and proof that the check sees a wrong op. */
#include <criterion/criterion.h>
#include <string.h>

#include "bench/op_cases.h"

static const double TOLERANCE = 1e-6;

/* Cases over tolerance, of one op or of all (NULL); every one of them must blame `blamed`. */
static int failures(const Backend *backend, const Op *of, const Op *blamed)
{
    int failed = 0;

    for (const OpCase *c = op_cases; c->op; c++) {
        if (of && c->op != of) continue;
        GradReport r = op_case_gradients(c, backend);

        if (r.worst <= TOLERANCE) continue;
        failed++;
        cr_expect(blamed && strncmp(r.where, blamed->name, strlen(blamed->name)) == 0, "error %.2g in %s", r.worst, r.where);
    }
    return failed;
}

Test(gradients, of_every_op_case_agree_with_finite_differences)
{
    cr_expect_eq(failures(&backend_reference, NULL, NULL), 0);
}

Test(gradients, are_checked_for_every_op)
{
    for (const Op *const *op = op_list; *op; op++) {
        int cases = 0;
        for (const OpCase *c = op_cases; c->op; c++) cases += c->op == *op;
        cr_expect_gt(cases, 0, "%s has no case in bench/op_case_rows.c", (*op)->name);
    }
}

Test(gradients, check_something_in_every_case)
{
    for (const OpCase *c = op_cases; c->op; c++) {
        GradReport r = op_case_gradients(c, &backend_reference);
        cr_expect_gt(r.checked, 0, "%s", r.where);
    }
}

Test(gradients, that_are_half_a_percent_wrong_name_their_op)
{
    for (const Op *const *op = op_list; *op; op++)
        cr_expect_gt(failures(backend_sabotaged(&backend_reference, *op, 1.005), NULL, *op), 0, "a wrong %s goes unseen", (*op)->name);
}

Test(gradients, sabotaged_by_a_factor_of_one_are_right)
{
    for (const Op *const *op = op_list; *op; op++)
        cr_expect_eq(failures(backend_sabotaged(&backend_reference, *op, 1), *op, NULL), 0, "%s", (*op)->name);
}
