/* stores.c - making and reading the stores that are to be damaged. */
#include "stores.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/catalog.h"

enum { RAW, FILES, OWN };

StoreOptions stores_options(int kind, bool resume)
{
    return (StoreOptions){ .size = kind == OWN ? 0 : STORE_SIDE, .files = kind == FILES, .resume = resume,
                           .preprocess = json_pack("{s:i}", "size", STORE_SIDE), .provenance = json_pack("{s:s}", "source", "fuzz") };
}

void stores_options_free(StoreOptions *o)
{
    json_decref(o->preprocess);
    json_decref(o->provenance);
}

static void add(StoreWriter *w, int kind, int i)
{
    const char *captions[] = { "A dog .", "Ein Hund läuft ." };
    StoreBox    boxes[] = { { 0, 1, 3.5f, 4, 0, 0, 5, "A dog", BOX_PHRASE, 7 }, { 0, 0, 4, 4, -1, 0, 0, NULL, BOX_NONE, -1 } };
    char        name[] = "0.jpg";
    uint8_t     pixels[STORE_SIDE * STORE_SIDE * 3], masks[STORE_SIDE * 2] = { 0x90, 0x60, 0x60, 0x90 }, *file = NULL;
    int         width = kind == OWN ? 1 + i : STORE_SIDE;
    size_t      bytes = 0;
    Err         err = { 0 };

    name[0] = (char)(name[0] + i);
    for (size_t k = 0; k < sizeof pixels; k++) pixels[k] = (uint8_t)(k * 11 + (size_t)i);
    if (kind == FILES) REQUIRE(image_encode_jpeg(&(Image){ width, STORE_SIDE, 3, pixels }, 90, &file, &bytes, &err), "%s", err.text);

    StoreItem item = { .name = name, .split = i % 2 ? "val" : "train", .width = 10, .height = 20 + i, .stored_width = width,
        .stored_height = STORE_SIDE, .pixels = file ? NULL : pixels, .file = file, .file_bytes = bytes, .phash = 99, .source_bytes = 500,
        .captions = captions, .caption_count = i, .boxes = boxes, .box_count = i, .truth = i ? "{}" : NULL,
        .mask = masks, .mask_objects = kind == RAW ? i : 0 };
    Problem      problem = { PROBLEM_CLIPPED_BOX, name, "boxes.txt", 7, "reaches out" };
    StoreRecord *r = store_record(&item, &problem, 1);
    REQUIRE(store_append(w, r, &err), "%s", err.text);
    store_record_free(r);
    free(file);
}

void stores_fill(StoreWriter *w, int kind)
{
    for (int i = 0; i < STORE_ITEMS; i++) add(w, kind, i);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */
static volatile size_t touched;

static void touch(const char *text) { touched += text ? strlen(text) : 0; }

static void read_item(Store *s, int64_t i)
{
    int width, height;

    REQUIRE(store_item_name(s, i), "an item without a name");
    touch(store_item_name(s, i));
    touch(store_truth(s, i));
    store_original_size(s, i, &width, &height);
    store_stored_size(s, i, &width, &height);
    REQUIRE(width > 0 && height > 0, "a picture of no size");
    touched += store_phash(s, i) + (uint64_t)store_source_bytes(s, i) + store_source_sha256(s, i)[31];
    for (int64_t k = 0; k < store_caption_count(s, i); k++) {
        REQUIRE(store_caption(s, i, k), "a caption that is none");
        touch(store_caption(s, i, k));
    }
    for (int64_t k = 0; k < store_box_count(s, i); k++) {
        StoreBox b = store_box(s, i, k);
        touch(b.phrase);
        if (b.caption < 0) continue;
        REQUIRE(b.caption < store_caption_count(s, i) && b.from >= 0 && b.from <= b.to, "a box of a caption that is not there");
        REQUIRE((size_t)b.to <= strlen(store_caption(s, i, b.caption)), "a phrase that reaches out of its caption");
    }
}

/* The number of its picture and masks that are damaged. */
static int64_t read_pictures(Store *s, int64_t i)
{
    uint8_t bits[STORE_SIDE], *data;
    Err     err = { 0 };
    Image   im;
    size_t  bytes;
    int64_t damaged = !store_picture(s, i, &im, &err);

    image_free(&im);
    if (store_bytes(s, i, &data, &bytes, &err)) free(data);
    for (int64_t k = 0; k < store_mask_count(s, i); k++) damaged += !store_mask(s, i, k, bits, &err);
    REQUIRE(!damaged || *err.text, "refused without a word");
    return damaged;
}

int64_t stores_read(Store *s)
{
    int64_t items, damaged = 0;

    touch(store_hash(s));
    touch(store_tokenizer(s));
    for (int k = 0; k < store_splits(s); k++) {
        const int64_t *item = store_split_items(s, k, &items);
        REQUIRE(store_find_split(s, store_split_name(s, k)) >= 0, "a split that is not found");
        for (int64_t i = 0; i < items; i++) REQUIRE(item[i] >= 0 && item[i] < store_count(s), "a split of items that are not there");
    }
    for (int64_t i = 0; i < store_count(s); i++) {
        read_item(s, i);
        damaged += read_pictures(s, i);
    }
    for (int64_t k = 0; k < store_rejected(s); k++) {
        Problem p = store_rejected_at(s, k);
        touch(p.name), touch(p.file), touch(p.reason), touch(problem_name(p.kind));
    }
    return damaged;
}

/* ---- the proof ------------------------------------------------------------------------------------------------------- */
static void tell(const StoreDamage *d, void *context)
{
    char text[512];
    store_damage_text(d, text, sizeof text);
    REQUIRE(*text && d->from >= 0 && d->from <= d->to, "damage that is nowhere");
    ++*(int64_t *)context;
}

bool stores_prove(const char *path)
{
    int64_t    told = 0;
    StoreProof proof;
    Err        err = { 0 };

    bool ok = store_prove(path, &(ProofWatch){ .damaged = tell, .context = &told }, &proof, &err);
    REQUIRE(told == proof.damages && (!ok || !told) && (ok || *err.text), "a verdict that is not the sum of its parts");
    return ok;
}
