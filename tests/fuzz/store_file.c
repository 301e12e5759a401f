/* store_file.c - a store with damaged bytes is an error, whichever bytes they are: when it is opened, or when a picture is read. The
 * proof (store_prove) sees it and says where.
 *
 * The first byte of the input says which kind of store; edits follow: of the whole file (`which` is the upper byte of `where`), or, where
 * the highest bit of `which` is set, of one part as it lies in the whole store, so that the few bytes of pictures are met as well. */
#include "tests/fuzz/input.h"
#include "tests/fuzz/stores.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/store/file.h"
#include "tensor/base/file.h"

/* Made once. */
static const Buffer *whole(int kind)
{
    static Buffer made[STORE_KINDS];
    Err err = { 0 };
    if (made[kind].p) return &made[kind];

    StoreOptions o = stores_options(kind, false);
    StoreWriter *w = store_create(fuzz_path("whole.h5"), &o, &err);
    REQUIRE(w, "%s", err.text);
    stores_fill(w, kind);
    store_build_tokenizer(w, "train", 1, 0, NULL);
    REQUIRE(store_finish(w, &err), "%s", err.text);
    made[kind].p = file_read(fuzz_path("whole.h5"), &made[kind].used, &err);
    REQUIRE(made[kind].p, "%s", err.text);
    stores_options_free(&o);
    return &made[kind];
}

/* Where an edit is. */
static uint32_t place(const Edit *e, const Buffer *w)
{
    Parts parts;
    Err   err = { 0 };

    if (!(e->which & 0x80)) return e->where | (uint32_t)e->which << 16;
    REQUIRE(parts_read(w->p, "whole.h5", (int64_t)w->used, &parts, &err), "%s", err.text);
    const Part *p = &parts.part[(e->which & 0x7f) % parts.count];
    return (uint32_t)(p->at + (p->bytes ? e->where % p->bytes : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Buffer b;
    Err   err = { 0 };
    Edit  e;

    if (!size) return 0;
    const Buffer *w = whole(data[0] % STORE_KINDS);
    b.used = 0;
    buffer_add(&b, w->p, w->used);
    data++, size--;
    while (fuzz_edit(&data, &size, &e)) fuzz_apply(&b, &e, place(&e, w));

    bool    same = b.used == w->used && memcmp(b.p, w->p, b.used) == 0;
    const char *path = fuzz_file("damaged.h5", b.p, b.used);
    REQUIRE(stores_prove(path) == same, same ? "a whole store does not prove so" : "damage that no proof sees");
    Store  *s = store_open(path, &err);
    int64_t damaged = s ? stores_read(s) : 1;
    REQUIRE(s || *err.text, "refused without a word");
    REQUIRE(same == (damaged == 0), same ? "a whole store is refused: %s" : "damage that nobody sees%s", err.text);
    store_close(s);
    return 0;
}
