/* collect.c - from the journal's records to columns: once over the texts when a vocabulary is to be built, once over everything. */
#include <stdlib.h>
#include <string.h>

#include "datasets/catalog.h"
#include "datasets/store/writer.h"
#include "datasets/store/xxh64.h"
#include "text/tokenizer.h"

/* ---- the vocabulary ---------------------------------------------------------------------------------------------------- */
static void count_item(WordCounts *counts, const StoreItem *item)
{
    for (int i = 0; i < item->caption_count; i++) word_counts_add(counts, item->captions[i]);
    for (int i = 0; i < item->box_count; i++)
        if (item->boxes[i].caption < 0 && item->boxes[i].phrase) word_counts_add(counts, item->boxes[i].phrase);
}

static bool build_vocabulary(StoreWriter *w, Err *err)
{
    WordCounts *counts = word_counts_new();
    RecordView  v = { 0 };
    bool        ok = true;

    for (int64_t i = 0; i < journal_count(&w->journal) && ok; i++) {
        ok = journal_read(&w->journal, i, &v, NULL, err);
        if (ok && v.stored && strcmp(v.item.split, w->vocabulary.split) == 0) count_item(counts, &v.item);
    }
    if (w->vocabulary.extra) word_counts_add(counts, w->vocabulary.extra);
    Tokenizer *k = word_counts_build(counts, w->vocabulary.min_count, w->vocabulary.max_words);
    free(w->tokenizer);
    w->tokenizer = tokenizer_to_json(k);
    tokenizer_free(k);
    word_counts_free(counts);
    record_view_free(&v);
    return ok;
}

/* ---- the columns ------------------------------------------------------------------------------------------------------- */
typedef struct Collector {
    StoreWriter *w;
    Columns     *c;
    Tokenizer   *tokenizer;
    Buffer       ids;                            /* int32_t: of the caption at hand                                     */
    Buffer       splits, splits_of;              /* char *: their names; int32_t: of each item                          */
    Buffer       names;                          /* uint64_t: hashes, to find doubles                                   */
    int64_t      picture_bytes;
} Collector;

static void put_tokens(Collector *k, const char *text)
{
    int64_t n, most;
    do {
        most = (int64_t)(k->ids.room / sizeof(int32_t));
        n = tokenizer_encode(k->tokenizer, text, (int32_t *)(void *)k->ids.p, most);
        if (n > most) buffer_room(&k->ids, (size_t)n * sizeof(int32_t));
    } while (n > most);
    columns_add(k->c, A_TOKENS, k->ids.p, n);
    columns_end_group(k->c, A_TOKEN_OFFSETS);
}

static void put_boxes(Columns *c, const StoreItem *item)
{
    for (int i = 0; i < item->box_count; i++) {
        const StoreBox *b = &item->boxes[i];
        columns_add(c, A_CORNERS, (float[4]){ b->x0, b->y0, b->x1, b->y1 }, 1);
        columns_add(c, A_SPANS, (int32_t[3]){ b->caption, b->from, b->to }, 1);
        columns_add(c, A_BOX_KIND, &b->kind, 1);
        columns_add(c, A_ENTITY, &b->entity, 1);
        columns_add_text(c, A_PHRASE_OFFSETS, b->phrase);
    }
    columns_end_group(c, A_BOX_ITEM_OFFSETS);
}

static int32_t split_index(Collector *k, const char *name)
{
    int32_t splits = (int32_t)(k->splits.used / sizeof(char *));

    for (int32_t i = 0; i < splits; i++)
        if (strcmp(((char **)(void *)k->splits.p)[i], name) == 0) return i;
    char *kept = strdup(name);
    REQUIRE(kept, "out of memory");
    buffer_add(&k->splits, &kept, sizeof kept);
    columns_add_text(k->c, A_SPLIT_NAME_OFFSETS, name);
    return splits;
}

static void put_picture(Collector *k, const RecordView *v, const JournalBulk *bulk)
{
    const StoreItem *i = &v->item;

    k->picture_bytes += bulk->picture;
    if (k->w->files || k->w->size == 0) {
        columns_begin_groups(k->c, A_PICTURE_OFFSETS);
        columns_add(k->c, A_PICTURE_OFFSETS, &k->picture_bytes, 1);
    }
    columns_add(k->c, A_PICTURE_XXH64, &v->picture_sum, 1);
    columns_add(k->c, A_SIZE, (int32_t[2]){ i->stored_width, i->stored_height }, 1);
    columns_add(k->c, A_ORIGINAL_SIZE, (int32_t[2]){ i->width, i->height }, 1);
    columns_add(k->c, A_PHASH, &i->phash, 1);
    columns_add(k->c, A_SOURCE_SHA256, i->source_sha256, 1);
    columns_add(k->c, A_SOURCE_BYTES, &i->source_bytes, 1);
    columns_add(k->c, A_MASK_XXH64, v->mask_sums, i->mask_objects);
    columns_end_group(k->c, A_MASK_ITEM_OFFSETS);
}

static void put_item(Collector *k, const RecordView *v, const JournalBulk *bulk)
{
    const StoreItem *item = &v->item;
    int32_t  split = split_index(k, item->split);
    uint64_t name = xxh64(item->name, strlen(item->name));

    columns_add(k->c, A_SPLIT, &split, 1);
    buffer_add(&k->splits_of, &split, sizeof split);
    buffer_add(&k->names, &name, sizeof name);
    columns_add_text(k->c, A_NAME_OFFSETS, item->name);
    put_picture(k, v, bulk);
    for (int i = 0; i < item->caption_count; i++) {
        columns_add_text(k->c, A_CAPTION_OFFSETS, item->captions[i]);
        if (k->tokenizer) put_tokens(k, item->captions[i]);
    }
    columns_end_group(k->c, A_CAPTION_ITEM_OFFSETS);
    put_boxes(k->c, item);
    columns_add_text(k->c, A_TRUTH_OFFSETS, item->truth);
}

static bool boxes_fit(const StoreItem *i)
{
    for (const StoreBox *b = i->boxes; b < i->boxes + i->box_count; b++)
        if (b->caption >= 0 && (b->caption >= i->caption_count || b->from < 0 || b->from > b->to
                                || (size_t)b->to > strlen(i->captions[b->caption])))
            return false;
    return true;
}

/* The record is one of this store, and whole: what is read back is looked at as if it came from elsewhere. */
static bool item_fits(const StoreWriter *w, const StoreItem *i, const JournalBulk *bulk)
{
    int64_t width = i->stored_width, height = i->stored_height;

    if (width < 1 || height < 1 || width > 65535 || height > 65535 || (w->size && (width != w->size || height != w->size))) return false;
    if (!w->files && bulk->picture != width * height * 3) return false;
    return bulk->masks == i->mask_objects * (int64_t)store_mask_bytes((int)width, (int)height) && boxes_fit(i);
}

static bool put_records(Collector *k, Err *err)
{
    Journal    *j = &k->w->journal;
    RecordView  v = { 0 };
    JournalBulk bulk;
    bool        ok = true;

    for (int64_t i = 0; i < journal_count(j) && ok; i++) {
        ok = journal_read(j, i, &v, &bulk, err);
        if (ok && v.stored && !item_fits(k->w, &v.item, &bulk)) ok = fail(err, "%s: does not read back as it was written", j->path);
        if (ok && v.stored) put_item(k, &v, &bulk);
        for (int p = 0; ok && p < v.problem_count; p++) ok = store_problem(k->w, &v.problems[p], err);
    }
    record_view_free(&v);
    return ok;
}

/* ---- what can only be said at the end --------------------------------------------------------------------------------- */
static void put_splits(Collector *k)
{
    const int32_t *of = (const int32_t *)(const void *)k->splits_of.p;
    int64_t items = (int64_t)(k->splits_of.used / sizeof *of), splits = (int64_t)(k->splits.used / sizeof(char *));

    for (int64_t s = 0; s < splits; s++) {
        for (int64_t i = 0; i < items; i++)
            if (of[i] == s) columns_add(k->c, A_SPLIT_ITEMS, &i, 1);
        columns_end_group(k->c, A_SPLIT_ITEM_OFFSETS);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool tell_double(const Collector *k, uint64_t hash, Err *err)
{
    RecordView v = { 0 };
    for (int64_t i = 0; i < journal_count(&k->w->journal) && journal_read(&k->w->journal, i, &v, NULL, err); i++) {
        if (!v.stored || xxh64(v.item.name, strlen(v.item.name)) != hash) continue;
        fail(err, "%s: two pictures are named %s", k->w->path, v.item.name);
        break;
    }
    record_view_free(&v);
    return false;
}

static bool check_names(const Collector *k, Err *err)
{
    uint64_t *name = (uint64_t *)(void *)k->names.p;
    int64_t   items = (int64_t)(k->names.used / sizeof *name);

    if (items == 0) return fail(err, "%s: there is not one picture to store", k->w->path);
    qsort(name, (size_t)items, sizeof *name, by_value);
    for (int64_t i = 1; i < items; i++)
        if (name[i - 1] == name[i]) return tell_double(k, name[i], err);
    return true;
}

static void put_json(Columns *c, ArrayId a, const char *text)
{
    if (text) columns_add(c, a, text, (int64_t)strlen(text));
}

static void complete(Collector *k)
{
    if (columns_rows(k->c, A_MASK_XXH64) == 0) columns_empty(k->c, A_MASK_ITEM_OFFSETS);
    for (int a = 0; a < ARRAY_COUNT; a++)
        if (ARRAYS[a].into != ARRAY_NONE && !ARRAYS[a].optional) columns_begin_groups(k->c, a);
    if (k->tokenizer) columns_begin_groups(k->c, A_TOKEN_OFFSETS);
    put_json(k->c, A_TOKENIZER, k->w->tokenizer);
    put_json(k->c, A_PREPROCESS, k->w->preprocess);
    put_json(k->c, A_PROVENANCE, k->w->provenance);
}

bool store_collect(StoreWriter *w, Err *err)
{
    Collector k = { .w = w, .c = &w->columns };
    bool ok = !w->vocabulary.wanted || build_vocabulary(w, err);

    if (ok && w->tokenizer) ok = (k.tokenizer = tokenizer_from_json(w->tokenizer, strlen(w->tokenizer), w->path, err)) != NULL;
    ok = ok && put_records(&k, err) && check_names(&k, err);
    if (ok) {
        put_splits(&k);
        complete(&k);
        ok = !k.c->failed || fail(err, "%s", k.c->why.text);
    }
    for (size_t i = 0; i < k.splits.used / sizeof(char *); i++) free(((char **)(void *)k.splits.p)[i]);
    free(k.splits.p);
    free(k.splits_of.p);
    free(k.names.p);
    free(k.ids.p);
    tokenizer_free(k.tokenizer);
    return ok;
}
