/* vectors_npy.c - any bytes as a .npy file with its list of names (datasets/features/vectors_npy.c). The names stand before a NUL. */
#include "datasets/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = memchr(data, 0, size);
    if (!cut) return 0;
    fuzz_file("a.names.txt", data, (size_t)(cut - data));
    Err         err = { 0 };
    const char *path = fuzz_file("a.npy", cut + 1, size - (size_t)(cut + 1 - data));
    Vectors    *v = vectors_npy_open(path, NULL, &err);

    if (!v) {
        REQUIRE(*err.text, "refused without a word");
        return 0;
    }
    REQUIRE(v->count > 0 && v->tokens > 0 && v->width > 0, "an empty array");
    real *row = malloc((size_t)(v->tokens * v->width) * sizeof *row);
    for (int64_t i = 0; i < v->count; i++) {
        REQUIRE(v->read(v, i, row), "a row that cannot be read");
        if (v->names) REQUIRE(v->names[i], "a row without a name");
    }
    free(row);
    for (int64_t i = 0; v->names && i < v->count; i++) free(v->names[i]);
    free(v->names);
    v->close(v);
    return 0;
}
