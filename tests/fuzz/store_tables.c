/* store_tables.c - a store whose arrays do not fit each other, with hashes that are right: as a writer with a bug would make it.
 *
 * The first byte of the input says which kind of store; each edit is one of the array `which`, before the file is made of it. HDF5's own
 * structures stay as they should be: what it does with others is not ours to see to.                                        */
#include "datasets/store/writer.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/stores.h"

static void edit_array(Columns *c, ArrayId a, const Edit *e)
{
    Buffer b = { 0 };
    Err    err = { 0 };
    size_t bytes = (size_t)c->array[a].used, row = array_row_bytes(a);

    buffer_room(&b, bytes + 1);
    REQUIRE(spill_read(&c->array[a], 0, b.p, bytes, &err), "%s", err.text);
    b.used = bytes;
    fuzz_apply(&b, e, e->where);
    columns_empty(c, a);
    columns_add(c, a, b.p, (int64_t)(b.used / row));
    free(b.p);
}

/* The pictures' space in the file is as large as these say: not what HDF5 cannot have. */
static bool is_too_large(const Columns *c)
{
    int64_t last = 0, masks = columns_rows(c, A_MASK_XXH64);
    Err     err = { 0 };
    const Spill *offsets = &c->array[A_PICTURE_OFFSETS];

    if (offsets->used) REQUIRE(spill_read(offsets, offsets->used - (int64_t)sizeof last, &last, sizeof last, &err), "%s", err.text);
    return last < 0 || last > 1 << 16 || masks > 1 << 12;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err  err = { 0 };
    Edit e;

    if (!size) return 0;
    int          kind = data[0] % STORE_KINDS;
    StoreOptions o = stores_options(kind, false);
    StoreWriter *w = store_create(fuzz_path("odd.h5"), &o, &err);
    REQUIRE(w, "%s", err.text);
    stores_fill(w, kind);
    if (data[0] & 0x80) store_build_tokenizer(w, "train", 1, 0, NULL);
    REQUIRE(store_collect(w, &err), "%s", err.text);
    data++, size--;
    while (fuzz_edit(&data, &size, &e)) edit_array(&w->columns, (ArrayId)(e.which % ARRAY_COUNT), &e);

    Store *s = !is_too_large(&w->columns) && store_assemble(w, &err) ? store_open(w->path, &err) : NULL;
    if (s) stores_read(s);
    store_close(s);
    store_abandon(w);
    stores_options_free(&o);
    return 0;
}
