/* window.c - how windows of filters and pools lie on a picture:  outputs = floor((size + padding - span) / stride) + 1,
 * where a window spans dilation (kernel - 1) + 1 pixels.                                                              */
#include "tensor/ops/attrs.h"

static int64_t span_of(int64_t kernel, int64_t dilation)
{
    return dilation * (kernel - 1) + 1;
}

Window window_filled(Window w)
{
    if (w.stride == 0) w.stride = 1;
    if (w.dilation == 0) w.dilation = 1;
    REQUIRE(w.stride > 0 && w.dilation > 0 && w.top >= 0 && w.left >= 0 && w.bottom >= 0 && w.right >= 0,
            "window: stride %d, dilation %d, padding %d, %d, %d, %d", (int)w.stride, (int)w.dilation, (int)w.top, (int)w.left,
            (int)w.bottom, (int)w.right);
    return w;
}

int64_t window_count(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after)
{
    int64_t room = size + before + after - span_of(kernel, dilation ? dilation : 1);

    return room < 0 ? 0 : room / (stride ? stride : 1) + 1;
}

/* What ceil(size / stride) windows need beyond `size`. */
static int64_t padding_of(int64_t size, int64_t kernel, int64_t stride, int64_t dilation)
{
    int64_t missing = ((size + stride - 1) / stride - 1) * stride + span_of(kernel, dilation) - size;

    return missing > 0 ? missing : 0;
}

Window window_same(int64_t height, int64_t width, int64_t kernel, int64_t stride, int64_t dilation)
{
    Window  w = window_filled((Window){ .stride = stride, .dilation = dilation });
    int64_t rows = padding_of(height, kernel, w.stride, w.dilation), columns = padding_of(width, kernel, w.stride, w.dilation);

    w.top = rows / 2;
    w.bottom = rows - w.top;
    w.left = columns / 2;
    w.right = columns - w.left;
    return w;
}
