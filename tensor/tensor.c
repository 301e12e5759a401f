/* tensor.c - shapes, and dense row-major blocks of reals in an arena. */
#include "tensor/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- shapes ------------------------------------------------------------------------------------------------------ */
Shape shape_of(int n, const int64_t *d)
{
    Shape s = { .n = n };

    REQUIRE(n >= 1 && n <= TENSOR_MAX_DIM, "shape: %d dimensions, but a tensor has 1 to %d", n, TENSOR_MAX_DIM);
    for (int i = 0; i < n; i++) {
        REQUIRE(d[i] >= 0, "shape: dimension %d is %" PRId64, i, d[i]);
        s.d[i] = d[i];
    }
    return s;
}

int64_t shape_count(Shape s)
{
    int64_t count = 1;
    for (int i = 0; i < s.n; i++) count *= s.d[i];
    return count;
}

int64_t shape_rows(Shape s)
{
    int64_t rows = 1;
    for (int i = 0; i + 1 < s.n; i++) rows *= s.d[i];
    return rows;
}

int64_t shape_last(Shape s)
{
    return s.n > 0 ? s.d[s.n - 1] : 1;
}

bool shape_equal(Shape a, Shape b)
{
    if (a.n != b.n) return false;
    for (int i = 0; i < a.n; i++)
        if (a.d[i] != b.d[i]) return false;
    return true;
}

ShapeText shape_text(Shape s)
{
    ShapeText text = { "(" };
    size_t used = 1;

    for (int i = 0; i < s.n && used < sizeof text.s - 2; i++)
        used += (size_t)snprintf(text.s + used, sizeof text.s - used, i ? ",%" PRId64 : "%" PRId64, s.d[i]);
    if (used > sizeof text.s - 2) used = sizeof text.s - 2;
    text.s[used] = ')';
    return text;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */
Tensor *tensor_new(Arena *a, Shape s)
{
    Tensor *x = arena_zeros(a, sizeof *x);

    x->shape = s;
    x->data = arena_alloc(a, (size_t)shape_count(s) * sizeof *x->data);
    return x;
}

Tensor *tensor_zeros(Arena *a, Shape s)
{
    Tensor *x = tensor_new(a, s);

    memset(x->data, 0, (size_t)shape_count(s) * sizeof *x->data);
    return x;
}

Tensor *tensor_reshape(Arena *a, Tensor *x, Shape s)
{
    REQUIRE(shape_count(x->shape) == shape_count(s), "reshape: %s does not hold as many elements as %s",
            shape_text(x->shape).s, shape_text(s).s);
    Tensor *alias = arena_alloc(a, sizeof *alias);
    *alias = *x;
    alias->shape = s;
    alias->grad = NULL;                          /* the base holds the gradient: a copy of its pointer would go stale */
    alias->base = x->base ? x->base : x;
    return alias;
}

void tensor_write(Tensor *x, int64_t at, const real *from, int64_t count)
{
    REQUIRE(at >= 0 && count >= 0 && at + count <= shape_count(x->shape), "write: %" PRId64 " elements at %" PRId64 " of %s",
            count, at, shape_text(x->shape).s);
    if (count) memcpy(x->data + at, from, (size_t)count * sizeof *from);
}

void tensor_read(const Tensor *x, int64_t at, real *to, int64_t count)
{
    REQUIRE(at >= 0 && count >= 0 && at + count <= shape_count(x->shape), "read: %" PRId64 " elements at %" PRId64 " of %s",
            count, at, shape_text(x->shape).s);
    if (count) memcpy(to, x->data + at, (size_t)count * sizeof *to);
}

bool tensor_finite(const Tensor *x)
{
    for (int64_t i = 0, end = shape_count(x->shape); i < end; i++)
        if (!isfinite(x->data[i])) return false;
    return true;
}
