/* duplicates.c - sort, and look at neighbours; for near pictures multi-index hashing over the distinct perceptual hashes. */
#include "datasets/inspect/duplicates.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "datasets/buffer.h"
#include "datasets/store/xxh64.h"

static const int64_t MOST_COMPARISONS = 4000000000, MOST_LOOKED_AT = 20000000;

/* The split of each item. */
static int32_t *splits_of(const Store *s)
{
    int32_t *of = buffer_zeros(store_count(s), sizeof *of);
    for (int k = 0; k < store_splits(s); k++) {
        int64_t count;
        const int64_t *items = store_split_items(s, k, &count);
        for (int64_t i = 0; i < count; i++) of[items[i]] = k < DUPLICATES_SPLITS ? k : DUPLICATES_SPLITS - 1;
    }
    return of;
}

/* ---- equal ones ---------------------------------------------------------------------------------------------------------- */
static int by_key(const void *a, const void *b)
{
    const Occurrence *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    return (x->caption > y->caption) - (x->caption < y->caption);
}

static int by_weight(const void *a, const void *b)
{
    const Group *x = a, *y = b;
    if (x->across != y->across) return x->across ? -1 : 1;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

/* true: they are in more than one split. */
static bool tally(Shared *shared, const Occurrence *o, int64_t count, int splits)
{
    int64_t in[DUPLICATES_SPLITS] = { 0 };
    int     hit = 0;

    for (int64_t i = 0; i < count; i++) in[o[i].split]++;
    for (int a = 0; a < splits; a++) {
        hit += in[a] > 0;
        for (int b = 0; b < splits; b++)
            if (in[b] > (a == b)) shared->of[a][b] += in[a];
    }
    return hit > 1;
}

static void find_groups(Same *same, int splits)
{
    Buffer groups = { 0 };
    Occurrence *o = same->occurrences;

    qsort(o, (size_t)same->count, sizeof *o, by_key);
    for (int64_t from = 0, to; from < same->count; from = to) {
        for (to = from + 1; to < same->count && o[to].key == o[from].key;) to++;
        same->distinct++;
        if (to - from < 2) continue;
        same->repeated += to - from;
        Group g = { from, to - from, o[from].item, tally(&same->shared, o + from, to - from, splits) };
        buffer_add(&groups, &g, sizeof g);
    }
    same->groups = (Group *)(void *)groups.p;
    same->group_count = (int64_t)(groups.used / sizeof(Group));
    if (same->group_count) qsort(same->groups, (size_t)same->group_count, sizeof(Group), by_weight);
}

static bool is_none(const uint8_t *sha256)
{
    for (int i = 0; i < 32; i++)
        if (sha256[i]) return false;
    return true;
}

static uint64_t source_key(const Store *s, int64_t item)
{
    uint64_t key;
    memcpy(&key, store_source_sha256(s, item), sizeof key);
    return key;
}

static void same_pictures(const Store *s, Duplicates *d)
{
    Same *same = &d->pictures;
    same->occurrences = buffer_zeros(store_count(s), sizeof(Occurrence));
    for (int64_t i = 0; i < store_count(s); i++)
        if (!is_none(store_source_sha256(s, i)))
            same->occurrences[same->count++] = (Occurrence){ source_key(s, i), i, -1, d->split[i] };
    find_groups(same, d->splits);
}

/* ---- captions -------------------------------------------------------------------------------------------------------------- */
static bool is_blank(utf8proc_int32_t c) { return c == ' ' || (c >= '\t' && c <= '\r') || utf8proc_category(c) == UTF8PROC_CATEGORY_ZS; }

/* A text of at most 3 * strlen + 4 bytes in `out`; its length. */
static size_t normalize(const char *text, char *out)
{
    size_t length = strlen(text), n = 0;
    bool   gap = false;

    for (size_t i = 0; i < length;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(length - i), &c);
        if (used < 1) used = 1, c = 0xFFFD;
        i += (size_t)used;
        if (is_blank(c)) {
            gap = n > 0;
            continue;
        }
        if (gap) out[n++] = ' ';
        gap = false;
        n += (size_t)utf8proc_encode_char(utf8proc_tolower(c), (utf8proc_uint8_t *)out + n);
    }
    out[n] = 0;
    return n;
}

char *caption_normal(const char *text)
{
    char *out = buffer_zeros(3 * (int64_t)strlen(text) + 4, 1);
    normalize(text, out);
    return out;
}

static void same_captions(const Store *s, Duplicates *d)
{
    Same   *same = &d->captions;
    Buffer  text = { 0 };
    int64_t all = 0;

    for (int64_t i = 0; i < store_count(s); i++) all += store_caption_count(s, i);
    same->occurrences = buffer_zeros(all, sizeof(Occurrence));
    for (int64_t i = 0; i < store_count(s); i++)
        for (int64_t k = 0; k < store_caption_count(s, i); k++) {
            const char *caption = store_caption(s, i, k);
            buffer_room(&text, 3 * strlen(caption) + 4);
            size_t n = normalize(caption, text.p);
            if (n) same->occurrences[same->count++] = (Occurrence){ xxh64(text.p, n), i, (int32_t)k, d->split[i] };
        }
    free(text.p);
    find_groups(same, d->splits);
}

/* ---- near pictures ----------------------------------------------------------------------------------------------------------
 * A view is what was seen: all pictures of one perceptual hash, sorted by their files' keys, so that equal files lie side by side. */
typedef struct View { int64_t from, to; uint64_t splits, near; } View;           /* near: splits of pictures of other views that are near */
typedef struct Hashed { uint64_t phash, key; int64_t item; } Hashed;

typedef struct Looking {
    const int32_t *split;
    Duplicates *d;
    Hashed     *all;
    int64_t     count;
    View       *views;
    int64_t     view_count, looked_at;
    Buffer      across, within;                  /* Twins                                                               */
} Looking;

static int by_phash(const void *a, const void *b)
{
    const Hashed *x = a, *y = b;
    if (x->phash != y->phash) return x->phash < y->phash ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static uint64_t split_bit(const Looking *l, int64_t k) { return (uint64_t)1 << l->split[l->all[k].item]; }

/* Pictures without a source file are each a file of their own: their item stands for it. */
static void list_views(Looking *l, const Store *s)
{
    l->count = store_count(s);
    l->all = buffer_zeros(l->count, sizeof *l->all);
    for (int64_t i = 0; i < l->count; i++)
        l->all[i] = (Hashed){ store_phash(s, i), is_none(store_source_sha256(s, i)) ? (uint64_t)i : source_key(s, i), i };
    qsort(l->all, (size_t)l->count, sizeof *l->all, by_phash);

    l->views = buffer_zeros(l->count, sizeof *l->views);
    for (int64_t from = 0, to; from < l->count; from = to) {
        View v = { .from = from };
        for (to = from; to < l->count && l->all[to].phash == l->all[from].phash; to++) v.splits |= split_bit(l, to);
        v.to = to;
        l->views[l->view_count++] = v;
    }
}

/* Examples only: what is not listed has been counted. */
static void list_pair(Looking *l, int64_t a, int64_t b, int distance)
{
    int64_t x = l->all[a].item, y = l->all[b].item;
    Buffer *list = l->split[x] == l->split[y] ? &l->within : &l->across;
    if (list->used < DUPLICATES_LISTED * sizeof(Twins))
        buffer_add(list, &(Twins){ x < y ? x : y, x < y ? y : x, distance }, sizeof(Twins));
}

static void list_pairs(Looking *l, const View *u, const View *v, int distance)
{
    for (int64_t a = u->from; a < u->to; a++)
        for (int64_t b = u == v ? a + 1 : v->from; b < v->to; b++) {
            if (++l->looked_at > MOST_LOOKED_AT) return;
            if (u != v || l->all[a].key != l->all[b].key) list_pair(l, a, b, distance);
        }
}

static void found(int64_t a, int64_t b, int distance, void *context)
{
    Looking *l = context;
    View    *u = &l->views[a], *v = &l->views[b];

    l->d->near.pairs[distance] += (u->to - u->from) * (v->to - v->from);
    u->near |= v->splits;
    v->near |= u->splits;
    list_pairs(l, u, v, distance);
}

static void count_near(Looking *l, int64_t from, int64_t to, uint64_t near)
{
    Near *n = &l->d->near;
    for (int64_t k = from; k < to && near; k++) {
        n->pictures++;
        for (int b = 0; b < l->d->splits; b++) n->shared.of[l->split[l->all[k].item]][b] += near >> b & 1;
    }
}

/* Splits of one file's pictures, which are all[from .. *to). */
static uint64_t file_splits(const Looking *l, const View *v, int64_t from, int64_t *to)
{
    uint64_t splits = 0;
    for (*to = from; *to < v->to && l->all[*to].key == l->all[from].key; ++*to) splits |= split_bit(l, *to);
    return splits;
}

/* Within a view, the others are the pictures of other files: a split is among them when two files are in it, or one that is not this. */
static void count_view(Looking *l, View *v)
{
    uint64_t once = 0, twice = 0;
    int64_t  size = v->to - v->from, pairs = size * (size - 1) / 2, to;

    for (int64_t from = v->from; from < v->to; from = to) {
        uint64_t splits = file_splits(l, v, from, &to);
        twice |= once & splits;
        once |= splits;
        pairs -= (to - from) * (to - from - 1) / 2;
    }
    l->d->near.pairs[0] += pairs;
    for (int64_t from = v->from; from < v->to; from = to) {
        uint64_t own = file_splits(l, v, from, &to);
        count_near(l, from, to, v->near | twice | (once & ~own));
    }
}

static int by_distance(const void *a, const void *b)
{
    const Twins *x = a, *y = b;
    if (x->distance != y->distance) return x->distance - y->distance;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static Twins *sorted(Buffer *list, int64_t *count)
{
    *count = (int64_t)(list->used / sizeof(Twins));
    if (*count) qsort(list->p, (size_t)*count, sizeof(Twins), by_distance);
    return (Twins *)(void *)list->p;
}

static void near_pictures(const Store *s, Duplicates *d)
{
    Looking l = { .split = d->split, .d = d };
    list_views(&l, s);
    uint64_t *h = buffer_zeros(l.view_count, sizeof *h);
    for (int64_t k = 0; k < l.view_count; k++) {
        h[k] = l.all[l.views[k].from].phash;
        list_pairs(&l, &l.views[k], &l.views[k], 0);
    }
    d->near.cut = !near_pairs(h, l.view_count, d->bits, MOST_COMPARISONS, found, &l);
    for (int64_t k = 0; k < l.view_count; k++) count_view(&l, &l.views[k]);
    d->near.across = sorted(&l.across, &d->near.across_count);
    d->near.within = sorted(&l.within, &d->near.within_count);
    free(h);
    free(l.all);
    free(l.views);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */
Duplicates *duplicates_find(const Store *s, int bits)
{
    Duplicates *d = buffer_zeros(1, sizeof *d);

    d->split = splits_of(s);
    d->splits = store_splits(s) < DUPLICATES_SPLITS ? store_splits(s) : DUPLICATES_SPLITS;
    d->bits = bits;
    same_pictures(s, d);
    same_captions(s, d);
    near_pictures(s, d);
    return d;
}

void duplicates_free(Duplicates *d)
{
    if (!d) return;
    free(d->pictures.occurrences), free(d->pictures.groups);
    free(d->captions.occurrences), free(d->captions.groups);
    free(d->near.across), free(d->near.within);
    free(d->split);
    free(d);
}
