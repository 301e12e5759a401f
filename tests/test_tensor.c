/* test_tensor.c - shapes, and reading and writing blocks of reals. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "tensor/tensor.h"

Test(tensor, shapes_count_rows_and_last)
{
    Shape s = SHAPE(2, 3, 4);

    cr_expect_eq(shape_count(s), 24);
    cr_expect_eq(shape_rows(s), 6);
    cr_expect_eq(shape_last(s), 4);
    cr_expect_eq(shape_count(SHAPE(3, 0, 2)), 0);
    cr_expect_eq(shape_rows(SHAPE(5)), 1);
}

Test(tensor, shapes_are_equal_only_in_every_dimension)
{
    cr_expect(shape_equal(SHAPE(2, 3), SHAPE(2, 3)));
    cr_expect(!shape_equal(SHAPE(2, 3), SHAPE(3, 2)));
    cr_expect(!shape_equal(SHAPE(2, 3), SHAPE(2, 3, 1)));
}

Test(tensor, shape_text_reads_as_in_a_paper)
{
    cr_expect_str_eq(shape_text(SHAPE(2, 197, 192)).s, "(2,197,192)");
    cr_expect_str_eq(shape_text(SHAPE(7)).s, "(7)");
    int64_t huge = INT64_MAX;
    ShapeText cut = shape_text(SHAPE(huge, huge, huge, huge, huge));
    cr_expect_eq(strlen(cut.s), sizeof cut - 1, "too long a text is cut");
    cr_expect_eq(cut.s[sizeof cut - 2], ')');
}

Test(tensor, what_is_written_is_read_back_in_place)
{
    Arena  *a = arena_new(1 << 12);
    Tensor *x = tensor_zeros(a, SHAPE(2, 3));
    real    read[6];

    tensor_write(x, 2, (real[]){ 5, 7 }, 2);
    tensor_read(x, 0, read, 6);
    cr_expect_arr_eq(read, ((real[]){ 0, 0, 5, 7, 0, 0 }), sizeof read);
    arena_free(a);
}

Test(tensor, a_reshape_is_the_same_block)
{
    Arena  *a = arena_new(1 << 12);
    Tensor *x = tensor_zeros(a, SHAPE(2, 3)), *y = tensor_reshape(a, x, SHAPE(3, 2)), *z = tensor_reshape(a, y, SHAPE(6));
    real    seven = 7, read;

    tensor_write(z, 5, &seven, 1);
    tensor_read(x, 5, &read, 1);
    cr_expect_eq(read, 7);
    cr_expect(z->base == x, "an alias of an alias has the first tensor as its base");
    cr_expect(shape_equal(y->shape, SHAPE(3, 2)));
    arena_free(a);
}

Test(tensor, a_reshape_to_another_count_is_a_bug, .signal = SIGABRT)
{
    Arena *a = arena_new(1 << 12);
    tensor_reshape(a, tensor_zeros(a, SHAPE(2, 3)), SHAPE(4, 2));
}

Test(tensor, writing_past_the_end_is_a_bug, .signal = SIGABRT)
{
    Arena *a = arena_new(1 << 12);
    tensor_write(tensor_zeros(a, SHAPE(2, 3)), 5, (real[]){ 1, 2 }, 2);
}
