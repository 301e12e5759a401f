/* safetensors.c - any bytes as a safetensors file (tensor/safetensors.c). Its first 8 bytes, the length of the header, are made to fit when
 * they are far off, so that the header is read. */
#include "tensor/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"

static void read_entry(const SafeTensors *f, const SafeEntry *e)
{
    int64_t count = shape_count(e->shape);
    Err     err = { 0 };

    REQUIRE(safetensors_find(f, e->name), "a tensor that is not found");
    real *values = malloc((size_t)count * sizeof *values + 1);
    REQUIRE(values && (safetensors_read(e, values, count, &err) || *err.text), "refused without a word");
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t header;
    Err      err = { 0 };
    Buffer   b = { 0 };

    buffer_add(&b, data, size);
    if (size >= sizeof header) {
        memcpy(&header, data, sizeof header);
        if (header > 2 * size) header %= size;
        memcpy(b.p, &header, sizeof header);
    }
    SafeTensors *f = safetensors_open(fuzz_file("a.safetensors", b.p, b.used), &err);
    REQUIRE(f || *err.text, "refused without a word");
    for (int i = 0; f && i < safetensors_count(f); i++) read_entry(f, safetensors_at(f, i));
    if (f) safetensors_metadata(f, "format");
    safetensors_close(f);
    free(b.p);
    return 0;
}
