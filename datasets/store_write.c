/* store_write.c - making a store.
 *
 * Pictures and masks go to a journal, PATH.journal, as they come; everything small stays in memory. store_finish lays the HDF5 file
 * out in memory (store_assemble.c), reads it back and compares, and writes it through file.h: aside, fsync, rename. The journal
 * is also the lock: a second process that wants to write the same store stops. What a killed process left is written over. */
#include "datasets/store_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/tokenizer.h"

static void writer_free(StoreWriter *w)
{
    Err ignored = { 0 };

    if (w->journal_fd >= 0) {                    /* emptied first: closing would flush it all to the disk */
        if (ftruncate(w->journal_fd, 0) == 0 && w->journal) filelog_close(w->journal, &ignored);
        unlink(w->journal_path);
        close(w->journal_fd);                    /* last: it holds the lock */
    }
    tables_free(&w->tables);
    free(w->pieces.p);
    free(w->journal_path);
    free(w->path);
    free(w);
}

/* Opens and locks the journal. Its owner removes it when done, so what we locked may just have ceased to be the file of that name. */
static int lock_journal(const char *path, Err *err)
{
    for (;;) {
        struct stat ours, there;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) return fail(err, "cannot write %s: %s", path, strerror(errno)), -1;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            close(fd);
            return fail(err, "%s: another process is writing this store", path), -1;
        }
        if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) return fd;
        close(fd);
    }
}

static void add_json(Buffer *b, const json_t *j)
{
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_SORT_KEYS);
    REQUIRE(text, "store: a record is not JSON");
    buffer_add(b, text, strlen(text));
    free(text);
}

static void begin_tables(Tables *t, const StoreOptions *o)
{
    static const ArrayId OFFSETS[] = { A_NAME_OFFSETS, A_SPLIT_NAME_OFFSETS, A_SPLIT_ITEM_OFFSETS, A_CAPTION_OFFSETS,
        A_CAPTION_ITEM_OFFSETS, A_PHRASE_OFFSETS, A_BOX_ITEM_OFFSETS, A_TRUTH_OFFSETS, A_MASK_ITEM_OFFSETS, A_REJECTED_OFFSETS,
        A_REASON_OFFSETS };
    int64_t zero = 0;

    for (size_t i = 0; i < sizeof OFFSETS / sizeof *OFFSETS; i++) tables_add(t, OFFSETS[i], &zero);
    if (o->jpeg) tables_add(t, A_JPEG_OFFSETS, &zero);
    add_json(&t->array[A_PREPROCESS], o->preprocess);
    add_json(&t->array[A_PROVENANCE], o->provenance);
}

StoreWriter *store_create(const char *path, const StoreOptions *o, Err *err)
{
    REQUIRE(o->size > 0 && o->preprocess && o->provenance, "store_create: size, preprocess and provenance must be given");
    StoreWriter *w = calloc(1, sizeof *w);
    REQUIRE(w, "out of memory");

    w->path = strdup(path);
    w->size = o->size;
    w->jpeg = o->jpeg;
    w->journal_path = malloc(strlen(path) + sizeof ".journal");
    REQUIRE(w->path && w->journal_path, "out of memory");
    sprintf(w->journal_path, "%s.journal", path);

    /* Told now, not after an hour of work. */
    if (folder_exists(path)) w->journal_fd = -1, fail(err, "cannot write %s: it is a folder", path);
    else w->journal_fd = lock_journal(w->journal_path, err);
    if (w->journal_fd >= 0) w->journal = filelog_open(w->journal_path, 0, err);
    if (!w->journal) {
        writer_free(w);
        return NULL;
    }
    begin_tables(&w->tables, o);
    if (o->tokenizer_json) store_set_tokenizer(w, o->tokenizer_json);
    return w;
}

void store_set_provenance(StoreWriter *w, const json_t *provenance)
{
    w->tables.array[A_PROVENANCE].used = 0;
    add_json(&w->tables.array[A_PROVENANCE], provenance);
}

/* ---- items --------------------------------------------------------------------------------------------------------- */
static int32_t split_index(Tables *t, const char *name)
{
    int64_t splits = tables_rows(t, A_SPLIT_NAME_OFFSETS);

    for (int64_t i = 0; i < splits; i++)
        if (strcmp(tables_text(t, A_SPLIT_NAME_OFFSETS, i), name) == 0) return (int32_t)i;
    tables_add_text(t, A_SPLIT_NAME_OFFSETS, name);
    return (int32_t)splits;
}

static void add_boxes(Tables *t, const StoreItem *item)
{
    for (int i = 0; i < item->box_count; i++) {
        const StoreBox *b = &item->boxes[i];
        REQUIRE(b->caption >= -1 && b->caption < item->caption_count, "store_add: a box of caption %d of %d", b->caption, item->caption_count);
        tables_add(t, A_CORNERS, (float[4]){ b->x0, b->y0, b->x1, b->y1 });
        tables_add(t, A_SPANS, (int32_t[3]){ b->caption, b->from, b->to });
        tables_add_text(t, A_PHRASE_OFFSETS, b->phrase);
    }
    tables_end_group(t, A_BOX_ITEM_OFFSETS);
}

static bool add_piece(StoreWriter *w, const void *data, size_t bytes, ArrayId checksum, Err *err)
{
    uint64_t sum = xxh64(data, bytes);
    tables_add(&w->tables, checksum, &sum);
    return filelog_append(w->journal, data, bytes, err);
}

static bool add_picture(StoreWriter *w, const StoreItem *item, Err *err)
{
    StorePiece piece = { w->journal_bytes, item->pixels ? (int64_t)w->size * w->size * 3 : (int64_t)item->jpeg_bytes, item->mask_objects };
    int64_t mask = store_mask_bytes(w->size);

    TRY(add_piece(w, item->pixels ? item->pixels : item->jpeg, (size_t)piece.bytes, A_PICTURE_XXH64, err));
    for (int i = 0; i < item->mask_objects; i++) TRY(add_piece(w, item->mask + i * mask, (size_t)mask, A_MASK_XXH64, err));
    buffer_add(&w->pieces, &piece, sizeof piece);
    w->journal_bytes += piece.bytes + piece.masks * mask;
    w->picture_bytes += piece.bytes;
    if (w->jpeg) tables_add(&w->tables, A_JPEG_OFFSETS, &w->picture_bytes);
    tables_end_group(&w->tables, A_MASK_ITEM_OFFSETS);
    return true;
}

bool store_add(StoreWriter *w, const StoreItem *item, Err *err)
{
    Tables *t = &w->tables;
    REQUIRE(item->name && item->split && *item->split, "store_add: a picture without a name or a split");
    REQUIRE(w->jpeg ? item->jpeg && item->jpeg_bytes && !item->pixels : item->pixels && !item->jpeg,
            "store_add: %s was given in the other format", item->name);
    REQUIRE(!item->mask_objects || item->mask, "store_add: %s has no mask", item->name);

    if (!add_picture(w, item, err)) return false;
    tables_add(t, A_SPLIT, &(int32_t){ split_index(t, item->split) });
    tables_add_text(t, A_NAME_OFFSETS, item->name);
    tables_add(t, A_ORIGINAL_SIZE, (int32_t[2]){ item->width, item->height });
    for (int i = 0; i < item->caption_count; i++) tables_add_text(t, A_CAPTION_OFFSETS, item->captions[i]);
    tables_end_group(t, A_CAPTION_ITEM_OFFSETS);
    add_boxes(t, item);
    tables_add_text(t, A_TRUTH_OFFSETS, item->truth);
    return true;
}

bool store_reject(StoreWriter *w, const char *name, const char *reason, Err *err)
{
    (void)err;
    tables_add_text(&w->tables, A_REJECTED_OFFSETS, name);
    tables_add_text(&w->tables, A_REASON_OFFSETS, reason);
    return true;
}

/* ---- the vocabulary ------------------------------------------------------------------------------------------------- */
void store_set_tokenizer(StoreWriter *w, const char *tokenizer_json)
{
    Buffer *b = &w->tables.array[A_TOKENIZER];
    b->used = 0;
    buffer_add(b, tokenizer_json, strlen(tokenizer_json));
}

void store_build_tokenizer(StoreWriter *w, const char *split, int64_t min_count)
{
    const Tables *t = &w->tables;
    Buffer texts = { 0 };
    int64_t items = tables_rows(t, A_SPLIT);
    int32_t wanted = split_index(&w->tables, split);

    for (int64_t i = 0; i < items; i++) {
        int64_t from, to;
        tables_range(t, A_CAPTION_ITEM_OFFSETS, i, &from, &to);
        for (int64_t k = from; k < to && tables_i32(t, A_SPLIT)[i] == wanted; k++) {
            const char *text = tables_text(t, A_CAPTION_OFFSETS, k);
            buffer_add(&texts, &text, sizeof text);
        }
    }
    Tokenizer *k = tokenizer_build_word((const char *const *)(void *)texts.p, (int64_t)(texts.used / sizeof(char *)), min_count, 0);
    char *json = tokenizer_to_json(k);
    store_set_tokenizer(w, json);
    free(json);
    tokenizer_free(k);
    free(texts.p);
}

static bool encode_captions(Tables *t, const char *path, Err *err)
{
    if (t->array[A_TOKENIZER].used == 0) return true;
    Tokenizer *k = tokenizer_from_json(t->array[A_TOKENIZER].p, t->array[A_TOKENIZER].used, path, err);
    if (!k) return false;

    Buffer ids = { 0 };
    tables_add(t, A_TOKEN_OFFSETS, &(int64_t){ 0 });
    for (int64_t i = 0; i < tables_rows(t, A_CAPTION_OFFSETS); i++) {
        const char *text = tables_text(t, A_CAPTION_OFFSETS, i);
        int64_t most = (int64_t)(ids.room / sizeof(int32_t)), n;
        while ((n = tokenizer_encode(k, text, (int32_t *)(void *)ids.p, most)) > most) {
            ids.used = 0;
            for (int64_t j = 0; j < n; j++) buffer_add(&ids, &(int32_t){ 0 }, sizeof(int32_t));
            most = n;
        }
        buffer_add(&t->array[A_TOKENS], ids.p, (size_t)n * sizeof(int32_t));
        tables_end_group(t, A_TOKEN_OFFSETS);
    }
    free(ids.p);
    tokenizer_free(k);
    return true;
}

/* ---- the end -------------------------------------------------------------------------------------------------------- */
static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool check_names(const Tables *t, const char *path, Err *err)
{
    int64_t items = tables_rows(t, A_SPLIT);
    if (items == 0) return fail(err, "%s: there is not one picture to store", path);

    const char **names = malloc((size_t)items * sizeof *names), *same = NULL;
    REQUIRE(names, "out of memory");
    for (int64_t i = 0; i < items; i++) names[i] = tables_text(t, A_NAME_OFFSETS, i);
    qsort(names, (size_t)items, sizeof *names, by_text);
    for (int64_t i = 1; i < items && !same; i++)
        if (strcmp(names[i - 1], names[i]) == 0) same = names[i];
    free(names);
    return !same || fail(err, "%s: two pictures are named %s", path, same);
}

static void list_splits(Tables *t)
{
    for (int64_t s = 0; s < tables_rows(t, A_SPLIT_NAME_OFFSETS); s++) {
        for (int64_t i = 0; i < tables_rows(t, A_SPLIT); i++)
            if (tables_i32(t, A_SPLIT)[i] == s) tables_add(t, A_SPLIT_ITEMS, &i);
        tables_end_group(t, A_SPLIT_ITEM_OFFSETS);
    }
}

bool store_finish(StoreWriter *w, Err *err)
{
    if (tables_rows(&w->tables, A_MASK_XXH64) == 0) w->tables.array[A_MASK_ITEM_OFFSETS].used = 0;
    list_splits(&w->tables);
    bool ok = check_names(&w->tables, w->path, err) && encode_captions(&w->tables, w->path, err) && store_assemble(w, err);
    writer_free(w);
    return ok;
}

void store_abandon(StoreWriter *w)
{
    if (w) writer_free(w);
}
