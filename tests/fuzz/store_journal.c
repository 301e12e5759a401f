/* store_journal.c - a journal as a killed writer or a bad disk left it: what of it can be used makes a store that is whole, or it is an
 * error.
 *
 * The lowest 2 bits of the first byte say which kind of store; edits of the journal behind its head follow. With its highest bit all
 * checksums are put right afterwards, as if a writer with a bug had made it.                                                */
#include "datasets/store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/store/xxh64.h"
#include "tensor/base/file.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/stores.h"

/* The whole journal of each kind, made once; *begin: of its records. */
static const Buffer *whole(int kind, size_t *begin)
{
    static Buffer made[STORE_KINDS];
    static size_t begins[STORE_KINDS];
    Err err = { 0 };

    if (!made[kind].p) {
        StoreOptions o = stores_options(kind, true);
        StoreWriter *w = store_create(fuzz_path("a.h5"), &o, &err);
        REQUIRE(w, "%s", err.text);
        stores_fill(w, kind);
        begins[kind] = (size_t)w->journal.begin;
        store_abandon(w);
        made[kind].p = file_read(fuzz_path("a.h5.journal"), &made[kind].used, &err);
        REQUIRE(made[kind].p, "%s", err.text);
        remove(fuzz_path("a.h5.journal"));
        stores_options_free(&o);
    }
    *begin = begins[kind];
    return &made[kind];
}

/* A record is RecordHead, meta, picture, masks (store/record.h). The sums of masks stand behind the numbers of an item, and the sum of the
 * picture is its second number. */
static void mend(char *at, char *end)
{
    enum { NUMBERS = 3 * 8 + 8 + 32 + 8 * 4, MASKS = NUMBERS - 8 };
    static const uint64_t MAGIC = 0x4c494d4e52454331;
    RecordHead h;

    while ((size_t)(end - at) >= sizeof h + NUMBERS) {
        memcpy(&h, at, sizeof h);
        h.magic = MAGIC;
        size_t rest = (size_t)(end - at) - sizeof h;
        char  *meta = at + sizeof h;
        int32_t masks;
        if (h.meta < NUMBERS || h.meta > rest || h.picture > rest - h.meta || h.masks > rest - h.meta - h.picture) return;
        memcpy(meta + 8, &(uint64_t){ xxh64(meta + h.meta, (size_t)h.picture) }, 8);
        memcpy(&masks, meta + MASKS, sizeof masks);
        for (int32_t i = 0; i < masks && NUMBERS + 8 * ((size_t)i + 1) <= h.meta; i++) {
            uint64_t each = h.masks / (uint64_t)masks;
            memcpy(meta + NUMBERS + 8 * (size_t)i, &(uint64_t){ xxh64(meta + h.meta + h.picture + (uint64_t)i * each, (size_t)each) }, 8);
        }
        h.sum = xxh64(meta, (size_t)h.meta);
        memcpy(at, &h, sizeof h);
        at = meta + h.meta + h.picture + h.masks;
    }
}

static void see(const Problem *p, void *context)
{
    REQUIRE(p->name && p->file && p->reason && p->kind >= 0 && p->kind < PROBLEM_KINDS, "a problem that says nothing");
    ++*(int64_t *)context;
}

/* Goes on with what is there; the number of records. */
static int64_t go_on(int kind, bool mended)
{
    Err     err = { 0 };
    int64_t problems = 0;
    StoreOptions o = stores_options(kind, true);
    StoreWriter *w = store_create(fuzz_path("b.h5"), &o, &err);
    stores_options_free(&o);
    REQUIRE(w, "%s", err.text);
    int64_t records = store_resumed(w);
    REQUIRE(store_resumed_problems(w, see, &problems, &err), "%s", err.text);
    store_build_tokenizer(w, "train", 1, 0, NULL);
    if (!store_finish(w, &err)) {
        REQUIRE(*err.text, "refused without a word");
        remove(fuzz_path("b.h5.journal"));
        return records;
    }
    Store  *s = store_open(fuzz_path("b.h5"), &err);
    REQUIRE(s && stores_prove(fuzz_path("b.h5")), "what was made of it is damaged: %s", err.text);
    int64_t damaged = stores_read(s);
    REQUIRE(mended || (!damaged && problems == records), "what was made of it is damaged");
    store_close(s);
    return records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Buffer b;
    size_t begin;
    Edit   e;

    if (!size) return 0;
    int  kind = (data[0] & 3) % STORE_KINDS;
    bool mended = data[0] & 0x80;
    const Buffer *w = whole(kind, &begin);
    Buffer records = { 0 };
    buffer_add(&records, w->p + begin, w->used - begin);
    data++, size--;
    while (fuzz_edit(&data, &size, &e)) fuzz_apply(&records, &e, e.where | (uint32_t)e.which << 16);
    if (mended) mend(records.p, records.p + records.used);

    b.used = 0;
    buffer_add(&b, w->p, begin);
    buffer_add(&b, records.p, records.used);
    fuzz_file("b.h5.journal", b.p, b.used);
    int64_t found = go_on(kind, mended);
    if (b.used == w->used && memcmp(b.p, w->p, b.used) == 0) REQUIRE(found == STORE_ITEMS, "a whole journal is not gone on with");
    free(records.p);
    return 0;
}
