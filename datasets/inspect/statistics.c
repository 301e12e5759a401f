/* statistics.c - counting, and sorting for percentiles. */
#include "datasets/inspect/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "text/tokenizer.h"

/* ---- values ---------------------------------------------------------------------------------------------------------------- */
typedef struct Values { Buffer b; } Values;      /* double                                                              */

static void note(Values *v, double x) { buffer_add(&v->b, &x, sizeof x); }

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *x, int64_t n, double share)
{
    double  at = share * (double)(n - 1);
    int64_t i = (int64_t)at;
    return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

/* Frees the values. */
static Spread spread(Values *v)
{
    double *x = (double *)(void *)v->b.p, sum = 0;
    int64_t n = (int64_t)(v->b.used / sizeof *x);
    Spread  s = { .count = n };

    if (n) {
        qsort(x, (size_t)n, sizeof *x, by_value);
        for (int64_t i = 0; i < n; i++) sum += x[i];
        s = (Spread){ n, sum / (double)n, x[0], percentile(x, n, 0.05), percentile(x, n, 0.5), percentile(x, n, 0.95), x[n - 1] };
    }
    free(v->b.p);
    *v = (Values){ 0 };
    return s;
}

/* ---- whole numbers: how many there are of each ------------------------------------------------------------------------------- */
typedef struct Tally { int64_t *of, room, count; } Tally;

static void tally(Tally *t, int64_t value)
{
    if (value >= t->room) {
        int64_t room = 2 * value + 64;
        t->of = realloc(t->of, (size_t)room * sizeof *t->of);
        REQUIRE(t->of, "out of memory");
        memset(t->of + t->room, 0, (size_t)(room - t->room) * sizeof *t->of);
        t->room = room;
    }
    t->of[value]++;
    t->count++;
}

/* The value at place `rank` when all are sorted. */
static int64_t ranked(const Tally *t, int64_t rank)
{
    int64_t value = 0;
    while (rank >= t->of[value]) rank -= t->of[value++];
    return value;
}

static double tally_percentile(const Tally *t, double share)
{
    double  at = share * (double)(t->count - 1);
    int64_t i = (int64_t)at, x = ranked(t, i), next = i + 1 < t->count ? ranked(t, i + 1) : x;
    return (double)x + (at - (double)i) * (double)(next - x);
}

/* `counts` may be NULL. Frees the tally. */
static Spread tally_spread(Tally *t, Counts *counts)
{
    Spread s = { .count = t->count };
    double sum = 0;

    if (t->count) {
        for (int64_t v = 0; v < t->room; v++) {
            sum += (double)v * (double)t->of[v];
            if (counts) counts->of[v < COUNTS_MOST ? v : COUNTS_MOST] += t->of[v];
        }
        s = (Spread){ t->count, sum / (double)t->count, (double)ranked(t, 0), tally_percentile(t, 0.05), tally_percentile(t, 0.5),
                      tally_percentile(t, 0.95), (double)ranked(t, t->count - 1) };
    }
    free(t->of);
    *t = (Tally){ 0 };
    return s;
}

/* Now and then, on the way through a large store. */
static void let_go(const Store *s, int64_t i)
{
    if (i % 8192 == 8191) store_let_go(s);
}

int text_words(const char *text)
{
    int n = 0;
    for (; *text; text++) n += *text != ' ' && (text[1] == ' ' || !text[1]);
    return n;
}

/* ---- captions -------------------------------------------------------------------------------------------------------------- */
typedef struct Lengths { Tally words, tokens, captions; } Lengths;

static void add_picture(CaptionStatistics *c, Lengths *l, const Store *s, int64_t item)
{
    int64_t captions = store_caption_count(s, item), tokens;

    c->pictures++;
    c->captions += captions;
    c->boxes += store_box_count(s, item);
    tally(&l->captions, captions);
    for (int64_t k = 0; k < captions; k++) {
        tally(&l->words, text_words(store_caption(s, item, k)));
        if (store_tokens(s, item, k, &tokens)) tally(&l->tokens, tokens);
    }
}

static void add_lengths(CaptionStatistics *c, Lengths *l)
{
    c->words = tally_spread(&l->words, &c->lengths);
    c->tokens = tally_spread(&l->tokens, NULL);
    tally_spread(&l->captions, &c->a_picture);
}

static void captions(const Store *s, Statistics *t)
{
    Lengths all = { 0 };

    for (int k = 0; k < t->splits; k++) {
        int64_t pictures;
        const int64_t *items = store_split_items(s, k, &pictures);
        Lengths own = { 0 };
        for (int64_t i = 0; i < pictures; i++) add_picture(&t->split[k], &own, s, items[i]), let_go(s, i);
        add_lengths(&t->split[k], &own);
    }
    for (int64_t i = 0; i < store_count(s); i++) add_picture(&t->all, &all, s, i), let_go(s, i);
    add_lengths(&t->all, &all);
}

/* ---- pictures -------------------------------------------------------------------------------------------------------------- */
static Sizes sizes(const Store *s, void (*size)(const Store *, int64_t, int *, int *))
{
    Values w = { 0 }, h = { 0 }, aspect = { 0 };

    for (int64_t i = 0; i < store_count(s); i++) {
        int width, height;
        size(s, i, &width, &height);
        note(&w, width), note(&h, height);
        if (height > 0) note(&aspect, (double)width / height);
    }
    return (Sizes){ spread(&w), spread(&h), spread(&aspect) };
}

static void pictures(const Store *s, Statistics *t)
{
    t->original = sizes(s, store_original_size);
    t->stored = sizes(s, store_stored_size);
    for (int64_t i = 0; i < store_count(s); i++) {
        t->source_bytes += store_source_bytes(s, i);
        t->masks += store_mask_count(s, i);
    }
}

/* ---- the vocabulary -------------------------------------------------------------------------------------------------------- */
typedef struct Cover { const Tokenizer *k; WordCounts *words; Coverage *c; Buffer ids; } Cover;

static void cover_text(Cover *v, const char *text)
{
    int64_t most = (int64_t)(v->ids.room / sizeof(int32_t)), n = tokenizer_encode(v->k, text, (int32_t *)(void *)v->ids.p, most);
    if (n > most) {
        buffer_room(&v->ids, (size_t)n * sizeof(int32_t));
        n = tokenizer_encode(v->k, text, (int32_t *)(void *)v->ids.p, n);
    }
    const int32_t *id = (const int32_t *)(const void *)v->ids.p;
    bool touched = false;
    for (int64_t i = 0; i < n && !touched; i++) touched = id[i] == tokenizer_unk(v->k);
    word_counts_add(v->words, text);
    v->c->texts++;
    v->c->touched += touched;
}

static void cover_items(Cover *v, const Store *s, const int64_t *items, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < store_caption_count(s, items[i]); k++) cover_text(v, store_caption(s, items[i], k));
        for (int64_t k = 0; k < store_box_count(s, items[i]); k++) {
            StoreBox b = store_box(s, items[i], k);
            if (b.caption < 0 && b.phrase) cover_text(v, b.phrase);
        }
        let_go(s, i);
    }
}

static int by_count(const void *a, const void *b)
{
    const MissingWord *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return strcmp(x->word, y->word);
}

/* What the counted words say; `missing`, when not NULL, receives those that are not in the vocabulary (MissingWord). */
static int64_t cover_words(const Tokenizer *k, const WordCounts *words, Coverage *c, Buffer *missing)
{
    int64_t known = 0;

    for (int32_t i = 0; i < word_counts_size(words); i++) {
        int64_t n;
        const char *word = word_counts_at(words, i, &n);
        bool    unknown = tokenizer_id(k, word) == tokenizer_unk(k);
        c->types++, c->words += n;
        known += !unknown;
        if (!unknown) continue;
        c->missing++, c->unknown += n;
        MissingWord m = { (char *)word, n };
        if (missing) buffer_add(missing, &m, sizeof m);
    }
    return known;
}

static void keep_missing(VocabularyStatistics *v, Buffer *missing)
{
    int64_t all = (int64_t)(missing->used / sizeof(MissingWord));
    MissingWord *m = (MissingWord *)(void *)missing->p;

    if (all) qsort(m, (size_t)all, sizeof *m, by_count);
    v->missing_count = all < STATISTICS_MISSING ? all : STATISTICS_MISSING;
    v->missing = buffer_zeros(v->missing_count, sizeof *v->missing);
    for (int64_t i = 0; i < v->missing_count; i++) {
        v->missing[i] = (MissingWord){ strdup(m[i].word), m[i].count };
        REQUIRE(v->missing[i].word, "out of memory");
    }
    free(missing->p);
}

/* Split by split, and their words then once more for all together. */
static void coverage(const Store *s, const Tokenizer *k, VocabularyStatistics *v)
{
    WordCounts *all = word_counts_new();
    Buffer      missing = { 0 }, ids = { 0 };

    v->splits = buffer_zeros(store_splits(s), sizeof *v->splits);
    for (int i = 0; i < store_splits(s); i++) {
        int64_t n;
        const int64_t *items = store_split_items(s, i, &n);
        Cover own = { k, word_counts_new(), &v->splits[i], ids };
        cover_items(&own, s, items, n);
        ids = own.ids;
        cover_words(k, own.words, own.c, NULL);
        v->all.texts += own.c->texts, v->all.touched += own.c->touched;
        word_counts_merge(all, own.words);
        word_counts_free(own.words);
    }
    v->used = cover_words(k, all, &v->all, &missing);
    keep_missing(v, &missing);
    word_counts_free(all);
    free(ids.p);
}

static bool vocabulary(const Store *s, VocabularyStatistics *v, Err *err)
{
    const char *json = store_tokenizer(s);
    if (!json) return true;
    Tokenizer *k = tokenizer_from_json(json, strlen(json), "the store's tokenizer", err);
    if (!k) return false;

    snprintf(v->kind, sizeof v->kind, "%s", tokenizer_kind(k));
    v->size = tokenizer_size(k);
    v->special = (tokenizer_pad(k) >= 0) + (tokenizer_bos(k) >= 0) + (tokenizer_eos(k) >= 0) + (tokenizer_unk(k) >= 0);
    if (strcmp(v->kind, "word") == 0) coverage(s, k, v);
    tokenizer_free(k);
    return true;
}

/* ---- boxes ----------------------------------------------------------------------------------------------------------------- */
static void count_area(AreaCounts *c, double area)
{
    c->small += area < 32 * 32;
    c->large += area > 96 * 96;
    c->medium += area >= 32 * 32 && area <= 96 * 96;
}

typedef struct BoxValues { Values share; Tally words; } BoxValues;

/* `shrunk`: area in the stored picture of one pixel of the original. */
static void add_box(BoxStatistics *t, BoxValues *v, const StoreBox *b, double picture, double shrunk)
{
    double area = ((double)b->x1 - b->x0) * ((double)b->y1 - b->y0);

    t->boxes++;
    t->phrases += b->phrase != NULL;
    t->in_captions += b->caption >= 0;
    if (b->phrase) tally(&v->words, text_words(b->phrase));
    if (b->kind == BOX_NONE) return;
    note(&v->share, area / picture);
    count_area(&t->stored, area);
    count_area(&t->original, area / shrunk);
}

static bool boxes(const Store *s, Statistics *t, Err *err)
{
    BoxValues  v[BOX_KINDS] = { 0 };
    Preprocess p;
    bool       read = t->all.boxes == 0;

    for (int64_t i = 0; i < store_count(s); i++) {
        int ow, oh, sw, sh;
        store_original_size(s, i, &ow, &oh);
        store_stored_size(s, i, &sw, &sh);
        if (store_box_count(s, i) == 0 || ow < 1 || oh < 1) continue;
        if (!read) TRY(read = preprocess_from_json(store_preprocess(s), "the store's preprocessing record", &p, err));
        Placement at = preprocess_placement(&p, ow, oh);
        for (int64_t k = 0; k < store_box_count(s, i); k++) {
            StoreBox b = store_box(s, i, k);
            int kind = b.kind >= 0 && b.kind < BOX_KINDS ? b.kind : BOX_PHRASE;
            add_box(&t->boxes[kind], &v[kind], &b, (double)sw * sh, at.scale_x * at.scale_y);
        }
        let_go(s, i);
    }
    for (int k = 0; k < BOX_KINDS; k++) t->boxes[k].share = spread(&v[k].share), t->boxes[k].words = tally_spread(&v[k].words, NULL);
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */
Statistics *statistics_of(const Store *s, Err *err)
{
    Statistics *t = buffer_zeros(1, sizeof *t);

    t->splits = store_splits(s);
    t->split = buffer_zeros(t->splits, sizeof *t->split);
    captions(s, t);
    pictures(s, t);
    if (vocabulary(s, &t->vocabulary, err) && boxes(s, t, err)) return t;
    statistics_free(t);
    return NULL;
}

void statistics_free(Statistics *t)
{
    if (!t) return;
    for (int64_t i = 0; i < t->vocabulary.missing_count; i++) free(t->vocabulary.missing[i].word);
    free(t->vocabulary.missing);
    free(t->vocabulary.splits);
    free(t->split);
    free(t);
}
