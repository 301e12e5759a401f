/* write.c - making a store: records go to the journal as they come, store_finish makes the file of them. */
#include "datasets/store/writer.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/json.h"

static char *copy(const char *text)
{
    char *c = text ? strdup(text) : NULL;
    REQUIRE(c || !text, "out of memory");
    return c;
}

static char *json_text_of(const json_t *j)
{
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_SORT_KEYS);
    REQUIRE(text, "store: a record is not JSON");
    return text;
}

static void writer_free(StoreWriter *w, bool keep)
{
    journal_close(&w->journal, keep);
    columns_free(&w->columns);
    free(w->tokenizer);
    free(w->provenance);
    free(w->preprocess);
    free(w->vocabulary.split);
    free(w->vocabulary.extra);
    free(w->folder);
    free(w->path);
    free(w);
}

/* All that decides what a record holds. */
static char *head_of(const StoreWriter *w, uint64_t pictures)
{
    char *head = NULL;
    if (asprintf(&head, "{\"size\": %d, \"files\": %d, \"pictures\": %llu}\n%s\n%s\n", w->size, w->files, (unsigned long long)pictures,
                 w->preprocess, w->provenance) < 0)
        REQUIRE(false, "out of memory");
    return head;
}

StoreWriter *store_create(const char *path, const StoreOptions *o, Err *err)
{
    REQUIRE(o->size >= 0 && o->preprocess && o->provenance, "store_create: size, preprocess and provenance must be given");
    StoreWriter *w = calloc(1, sizeof *w);
    REQUIRE(w, "out of memory");

    char *parent = copy(path);
    *w = (StoreWriter){ .path = copy(path), .folder = copy(dirname(parent)), .size = o->size, .files = o->files, .keep = o->resume,
                        .preprocess = json_text_of(o->preprocess), .provenance = json_text_of(o->provenance), .journal = { .fd = -1 } };
    free(parent);
    w->columns = columns_begin(w->folder);

    /* Told now, not after an hour of work. */
    char *head = head_of(w, o->pictures);
    bool  ok = folder_exists(path) ? fail(err, "cannot write %s: it is a folder", path)
                                   : journal_open(&w->journal, path, head, o->resume, o->restart, err);
    free(head);
    if (ok) return w;
    writer_free(w, true);
    return NULL;
}

int64_t store_resumed(const StoreWriter *w) { return journal_count(&w->journal); }

int64_t store_items(const StoreWriter *w) { return w->journal.items; }

bool store_append(StoreWriter *w, const StoreRecord *r, Err *err) { return journal_append(&w->journal, r, err); }

bool store_add(StoreWriter *w, const StoreItem *item, Err *err)
{
    REQUIRE(w->files ? item->file && item->file_bytes && !item->pixels : item->pixels && !item->file,
            "store_add: %s was given in the other format", item->name);
    REQUIRE(!w->size || (item->stored_width == w->size && item->stored_height == w->size), "store_add: %s is %d x %d, not %d", item->name,
            item->stored_width, item->stored_height, w->size);
    StoreRecord *r = store_record(item, NULL, 0);
    bool ok = store_append(w, r, err);
    store_record_free(r);
    return ok;
}

/* Names of files and pieces of bad lines may be any bytes: what is not UTF-8 is written as in the report. */
static void add_text(Columns *c, ArrayId a, const char *text)
{
    json_t *clean = json_text(text);
    columns_add_text(c, a, json_string_value(clean));
    json_decref(clean);
}

static void put_problem(Columns *c, const Problem *p)
{
    columns_add(c, A_PROBLEM_KIND, &(int32_t){ p->kind }, 1);
    columns_add(c, A_PROBLEM_LINE, &p->line, 1);
    add_text(c, A_PROBLEM_NAME_OFFSETS, p->name);
    add_text(c, A_PROBLEM_FILE_OFFSETS, p->file);
    add_text(c, A_REASON_OFFSETS, p->reason);
}

static bool told(const Columns *c, Err *err) { return !c->failed || fail(err, "%s", c->why.text); }

bool store_problem(StoreWriter *w, const Problem *p, Err *err)
{
    put_problem(&w->columns, p);
    return told(&w->columns, err);
}

void store_record_problems(const StoreRecord *r, StoreProblemSeen *each, void *context)
{
    RecordView v = { 0 };
    RecordHead h;

    memcpy(&h, r->bytes.p, sizeof h);
    REQUIRE(record_view(r->bytes.p + sizeof h, (size_t)h.meta, &v), "store: a record does not read back");
    for (int i = 0; i < v.problem_count; i++) each(&v.problems[i], context);
    record_view_free(&v);
}

bool store_resumed_problems(StoreWriter *w, StoreProblemSeen *each, void *context, Err *err)
{
    RecordView v = { 0 };
    bool       ok = true;

    for (int64_t i = 0; i < journal_count(&w->journal) && ok; i++) {
        ok = journal_read(&w->journal, i, &v, NULL, err);
        for (int p = 0; ok && p < v.problem_count; p++) each(&v.problems[p], context);
    }
    record_view_free(&v);
    return ok;
}

void store_set_tokenizer(StoreWriter *w, const char *tokenizer_json)
{
    free(w->tokenizer);
    w->tokenizer = copy(tokenizer_json);
}

void store_build_tokenizer(StoreWriter *w, const char *split, int64_t min_count, int64_t max_words, const char *extra)
{
    free(w->vocabulary.split);
    free(w->vocabulary.extra);
    w->vocabulary.split = copy(split);
    w->vocabulary.extra = copy(extra);
    w->vocabulary.min_count = min_count;
    w->vocabulary.max_words = max_words;
    w->vocabulary.wanted = true;
}

bool store_finish(StoreWriter *w, Err *err)
{
    bool ok = store_collect(w, err) && store_assemble(w, err);
    writer_free(w, !ok && w->keep);
    return ok;
}

void store_abandon(StoreWriter *w)
{
    if (w) writer_free(w, w->keep && w->journal.items > 0);            /* nothing done: nothing to go on with */
}
