/* inspect_json.c - `limn inspect --json`. */
#include "experiments/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/base/json.h"

static json_t *whole(int64_t n) { return json_integer((json_int_t)n); }

static json_t *split_name(const Inspection *i, int k) { return json_text(store_split_name(i->store, k)); }

static json_t *spread(Spread s)
{
    if (!s.count) return json_null();
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "mean", s.mean, "min", s.least, "p5", s.p5, "median", s.median, "p95", s.p95, "max", s.most);
}

/* {"3": 120, "4": 17, "128+": 1} */
static json_t *counts(const Counts *c)
{
    json_t *j = json_object();
    for (int n = 0; n <= COUNTS_MOST; n++) {
        char key[16];
        snprintf(key, sizeof key, n < COUNTS_MOST ? "%d" : "%d+", n);
        if (c->of[n]) json_object_set_new(j, key, whole(c->of[n]));
    }
    return j;
}

static json_t *sizes(const Sizes *s)
{
    return json_pack("{s:o, s:o, s:o}", "width", spread(s->width), "height", spread(s->height), "aspect", spread(s->aspect));
}

static json_t *pictures(const Inspection *i)
{
    const Statistics *t = i->statistics;
    return json_pack("{s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "count", whole(t->all.pictures), "format", inspect_format(i), "size",
                     store_size(i->store), "stored", sizes(&t->stored), "original", sizes(&t->original), "captions_a_picture",
                     counts(&t->all.a_picture), "source_bytes", whole(t->source_bytes), "masks", whole(t->masks));
}

static json_t *split(const char *name, const CaptionStatistics *c)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "split", json_text(name), "pictures", whole(c->pictures), "captions",
                     whole(c->captions), "boxes", whole(c->boxes));
}

static json_t *caption_lengths(const CaptionStatistics *c)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "count", whole(c->captions), "words", spread(c->words), "tokens", spread(c->tokens),
                     "words_histogram", counts(&c->lengths));
}

static json_t *by_split(const Inspection *i, json_t *of(const Inspection *, int))
{
    json_t *j = json_object();
    for (int k = 0; k < store_splits(i->store); k++) json_object_set_new(j, store_split_name(i->store, k), of(i, k));
    return j;
}

static json_t *split_lengths(const Inspection *i, int k) { return caption_lengths(&i->statistics->split[k]); }

static json_t *captions(const Inspection *i)
{
    return json_pack("{s:o, s:o}", "all", caption_lengths(&i->statistics->all), "splits", by_split(i, split_lengths));
}

static json_t *coverage(const Coverage *c)
{
    return json_pack("{s:o, s:o, s:f, s:o, s:o, s:o, s:o}", "words", whole(c->words), "unknown", whole(c->unknown), "unknown_rate",
                     c->words ? (double)c->unknown / (double)c->words : 0.0, "types", whole(c->types), "missing", whole(c->missing), "texts",
                     whole(c->texts), "texts_with_unknown", whole(c->touched));
}

static json_t *split_coverage(const Inspection *i, int k) { return coverage(&i->statistics->vocabulary.splits[k]); }

static json_t *vocabulary(const Inspection *i)
{
    const VocabularyStatistics *v = &i->statistics->vocabulary;
    json_t *missing = json_array();

    if (!v->size) return json_null();
    json_t *j = json_pack("{s:s, s:o, s:o}", "kind", v->kind, "size", whole(v->size), "special", whole(v->special));
    for (int64_t k = 0; k < v->missing_count; k++)
        json_array_append_new(missing, json_pack("{s:o, s:o}", "word", json_text(v->missing[k].word), "count", whole(v->missing[k].count)));
    if (v->splits) {
        json_object_set_new(j, "used", whole(v->used));
        json_object_set_new(j, "all", coverage(&v->all));
        json_object_set_new(j, "splits", by_split(i, split_coverage));
        json_object_set_new(j, "missing", json_incref(missing));
    }
    json_decref(missing);
    return j;
}

static json_t *areas(AreaCounts a)
{
    return json_pack("{s:o, s:o, s:o}", "small", whole(a.small), "medium", whole(a.medium), "large", whole(a.large));
}

static json_t *boxes(const Inspection *i)
{
    json_t *j = json_object();
    for (int k = 0; k < BOX_KINDS; k++) {
        const BoxStatistics *b = &i->statistics->boxes[k];
        if (!b->boxes) continue;
        json_object_set_new(j, box_kind_name(k),
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count", whole(b->boxes), "phrases", whole(b->phrases), "in_captions",
                      whole(b->in_captions), "share_of_picture", spread(b->share), "original_area", areas(b->original), "stored_area",
                      areas(b->stored), "phrase_words", spread(b->words)));
    }
    return j;
}

/* ---- duplicates -------------------------------------------------------------------------------------------------------------- */
static json_t *leaks(const Inspection *i, const Shared *shared)
{
    json_t *list = json_array();
    Leak    l;
    for (int at = 0; inspect_next_leak(i, shared, &at, &l);)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "of", split_name(i, l.of), "in", split_name(i, l.in),
                                              "count", whole(l.count), "the_other_way", whole(l.the_other)));
    return list;
}

static json_t *within(const Inspection *i, const Shared *shared)
{
    json_t *j = json_object();
    for (int k = 0; k < i->duplicates->splits; k++)
        json_object_set_new(j, store_split_name(i->store, k), whole(shared->of[k][k]));
    return j;
}

static json_t *member(const Inspection *i, int64_t item, int of)
{
    return json_pack("{s:o, s:o}", "name", json_text(store_item_name(i->store, item)), "split", split_name(i, of));
}

static json_t *group(const Inspection *i, const Same *same, const Group *g)
{
    const Occurrence *o = same->occurrences + g->from;
    json_t *members = json_array();

    for (int64_t k = 0; k < g->count && k < INSPECT_MEMBERS; k++) json_array_append_new(members, member(i, o[k].item, o[k].split));
    json_t *j = json_pack("{s:o, s:b, s:o}", "count", whole(g->count), "across_splits", g->across, "pictures", members);
    if (o->caption >= 0) {
        char *text = caption_normal(store_caption(i->store, o->item, o->caption));
        json_object_set_new(j, "caption", json_text(text));
        free(text);
    }
    return j;
}

/* Of captions only those across splits: within one, they are as common as they are harmless. */
static json_t *same(const Inspection *i, const Same *s, bool across_only)
{
    json_t *list = json_array();
    int64_t groups = 0;

    for (int64_t k = 0; k < s->group_count; k++) {
        if (across_only && !s->groups[k].across) continue;
        if (groups++ < INSPECT_LISTED) json_array_append_new(list, group(i, s, &s->groups[k]));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count", whole(s->count), "distinct", whole(s->distinct), "repeated",
                     whole(s->repeated), "leaks", leaks(i, &s->shared), "within", within(i, &s->shared), "groups_in_all", whole(groups),
                     "groups", list);
}

static json_t *twins(const Inspection *i, const Twins *t, int64_t count, json_t *list)
{
    const Duplicates *d = i->duplicates;
    for (int64_t k = 0; k < count && json_array_size(list) < INSPECT_LISTED; k++)
        json_array_append_new(list, json_pack("{s:i, s:o, s:o}", "distance", t[k].distance, "a", member(i, t[k].a, d->split[t[k].a]), "b",
                                              member(i, t[k].b, d->split[t[k].b])));
    return list;
}

static json_t *near(const Inspection *i)
{
    const Near *n = &i->duplicates->near;
    json_t *distances = json_object(), *list = json_array();
    int64_t pairs = 0;

    for (int d = 0; d <= i->duplicates->bits; d++) {
        char key[16];
        snprintf(key, sizeof key, "%d", d);
        pairs += n->pairs[d];
        if (n->pairs[d]) json_object_set_new(distances, key, whole(n->pairs[d]));
    }
    twins(i, n->across, n->across_count, list);
    twins(i, n->within, n->within_count, list);
    return json_pack("{s:i, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "bits", i->duplicates->bits, "complete", !n->cut, "pictures", whole(n->pictures),
                     "pairs_in_all", whole(pairs), "pairs_by_distance", distances, "leaks", leaks(i, &n->shared), "within",
                     within(i, &n->shared), "pairs", list);
}

/* ---- what was rejected ------------------------------------------------------------------------------------------------------- */
static json_t *problem(Problem p)
{
    return json_pack("{s:s, s:o, s:o, s:I, s:o}", "kind", problem_name(p.kind), "name", json_text(p.name), "file", json_text(p.file), "line",
                     (json_int_t)p.line, "reason", json_text(p.reason));
}

static json_t *rejected(const Inspection *i)
{
    int64_t count[PROBLEM_KINDS] = { 0 };
    json_t *kinds = json_object(), *list = json_array();

    for (int64_t k = 0; k < store_rejected(i->store); k++) {
        Problem p = store_rejected_at(i->store, k);
        count[p.kind]++;
        json_array_append_new(list, problem(p));
    }
    for (int k = 0; k < PROBLEM_KINDS; k++)
        if (count[k]) json_object_set_new(kinds, problem_name((ProblemKind)k), whole(count[k]));
    return json_pack("{s:o, s:o, s:o}", "count", whole(store_rejected(i->store)), "kinds", kinds, "list", list);
}

json_t *inspect_json(const Inspection *i)
{
    json_t *splits = json_array();
    for (int k = 0; k < store_splits(i->store); k++)
        json_array_append_new(splits, split(store_split_name(i->store, k), &i->statistics->split[k]));
    json_t *duplicates = json_pack("{s:o, s:o, s:o}", "pictures", same(i, &i->duplicates->pictures, false), "near_pictures", near(i), "captions",
                                   same(i, &i->duplicates->captions, true));
    return json_pack("{s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:O}", "store", json_text(i->path), "hash", store_hash(i->store), "layout",
                     STORE_LAYOUT, "splits", splits, "pictures", pictures(i), "captions", captions(i), "vocabulary", vocabulary(i), "boxes",
                     boxes(i), "duplicates", duplicates, "rejected", rejected(i), "provenance", (json_t *)store_provenance(i->store));
}
