/* inspect_text.c - `limn inspect` for people: sections of at most 100 columns; those with nothing to say are left out. */
#include "experiments/inspect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES = 4, COLUMNS = 100 };

static const char *split_name(const Inspection *i, int k) { return store_split_name(i->store, k); }

/* "1 picture", "12 pictures" */
typedef struct Words { char s[64]; } Words;
static Words many(int64_t n, const char *one)
{
    Words w;
    snprintf(w.s, sizeof w.s, "%lld %s%s", (long long)n, one, n == 1 ? "" : "s");
    return w;
}

static double percent(int64_t part, int64_t of) { return of ? 100.0 * (double)part / (double)of : 0; }

/* At most `columns` characters of a text, whole ones; "…" says that it goes on. */
typedef struct Short { char s[400]; } Short;
static Short shorten(const char *text, int columns)
{
    Short  out;
    size_t n = 0;
    int    shown = 0;

    for (; text[n] && n + 8 < sizeof out.s; n++) {
        if (((unsigned char)text[n] & 0xc0) != 0x80 && shown++ == columns - 1 && text[n + 1]) break;
        out.s[n] = text[n] == '\n' || text[n] == '\r' ? ' ' : text[n];
    }
    strcpy(out.s + n, text[n] ? "…" : "");
    return out;
}

/* Pieces behind each other, with a new line before what would be too wide. */
typedef struct Line { int indent, column; } Line;
static void piece(Line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void piece(Line *l, const char *format, ...)
{
    char    text[200];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (l->column && l->column + n > COLUMNS) {
        printf("\n%*s", l->indent, "");
        l->column = l->indent;
    }
    fputs(text, stdout);
    l->column += n;
}

/* ---- sections ---------------------------------------------------------------------------------------------------------------- */
static void print_splits(const Inspection *i)
{
    printf("\n%-16s %10s %10s %10s\n", "Splits", "pictures", "captions", "boxes");
    for (int k = 0; k < i->statistics->splits; k++) {
        const CaptionStatistics *c = &i->statistics->split[k];
        printf("  %-14s %10lld %10lld %10lld\n", shorten(split_name(i, k), 14).s, (long long)c->pictures, (long long)c->captions,
               (long long)c->boxes);
    }
}

static void print_spread(const char *what, Spread s, int digits)
{
    if (s.count)
        printf("  %-16s %9.*f %9.*f %9.*f %9.*f %9.*f\n", what, digits, s.least, digits, s.p5, digits, s.median, digits, s.p95, digits,
               s.most);
}

static void print_pictures(const Inspection *i)
{
    const Statistics *t = i->statistics;
    static const char *const KEPT[] = { "raw", "raw pixels", "jpeg", "JPEG files", "original", "the original files" };
    const char *format = inspect_format(i), *kept = "";
    Line  line = { 4, 0 };

    for (size_t k = 0; k < sizeof KEPT / sizeof *KEPT; k += 2)
        if (strcmp(KEPT[k], format) == 0) kept = KEPT[k + 1];
    printf("\n%-18s %9s %9s %9s %9s %9s\n", "Pictures", "least", "5 %", "median", "95 %", "most");
    print_spread("original width", t->original.width, 0);
    print_spread("original height", t->original.height, 0);
    print_spread("width / height", t->original.aspect, 3);
    if (store_size(i->store) == 0) {
        print_spread("stored width", t->stored.width, 0);
        print_spread("stored height", t->stored.height, 0);
    }
    if (store_size(i->store)) printf("  kept as %s of %d x %d\n", kept, store_size(i->store), store_size(i->store));
    else printf("  kept as %s, each of its own size\n", kept);
    if (t->source_bytes) printf("  from files of %.1f MB in all\n", (double)t->source_bytes / 1e6);
    if (t->masks) printf("  with %s of objects\n", many(t->masks, "mask").s);
    if (t->all.captions == 0) return;
    piece(&line, "  captions a picture:");
    for (int n = 0; n <= COUNTS_MOST; n++)
        if (t->all.a_picture.of[n])
            piece(&line, " %d%s (%s)", n, n == COUNTS_MOST ? " or more" : "", many(t->all.a_picture.of[n], "picture").s);
    putchar('\n');
}

static void print_lengths(const char *name, const CaptionStatistics *c)
{
    if (!c->captions) return;
    printf("  %-14s %9lld %7.1f %7.1f %7.0f %8.0f", shorten(name, 14).s, (long long)c->captions, c->words.mean, c->words.median,
           c->words.p95, c->words.most);
    if (c->tokens.count) printf(" %10.1f %7.1f %7.0f %8.0f", c->tokens.mean, c->tokens.median, c->tokens.p95, c->tokens.most);
    putchar('\n');
}

static void print_captions(const Inspection *i)
{
    const Statistics *t = i->statistics;
    if (!t->all.captions) return;

    printf("\n%-16s %9s %31s", "Captions", "", "words of a caption");
    if (t->all.tokens.count) printf(" %35s", "tokens of a caption");
    printf("\n%-16s %9s %7s %7s %7s %8s", "", "captions", "mean", "median", "95 %", "longest");
    if (t->all.tokens.count) printf(" %10s %7s %7s %8s", "mean", "median", "95 %", "longest");
    putchar('\n');
    for (int k = 0; k < t->splits; k++) print_lengths(split_name(i, k), &t->split[k]);
    if (t->splits > 1) print_lengths("all", &t->all);
}

static void print_coverage(const char *name, const Coverage *c)
{
    if (c->texts)
        printf("  %-14s %10lld %9lld %7.2f %% %10lld %9lld %12.1f %%\n", shorten(name, 14).s, (long long)c->words, (long long)c->unknown,
               percent(c->unknown, c->words), (long long)c->types, (long long)c->missing, percent(c->touched, c->texts));
}

static void print_vocabulary(const Inspection *i)
{
    const VocabularyStatistics *v = &i->statistics->vocabulary;
    Line line = { 4, 0 };
    if (!v->size) return;

    printf("\n%-16s %10s %9s %9s %10s %9s %14s\n", "Vocabulary", "words", "<unk>", "rate", "different", "missing", "texts with one");
    if (v->splits) {
        for (int k = 0; k < i->statistics->splits; k++) print_coverage(split_name(i, k), &v->splits[k]);
        if (i->statistics->splits > 1) print_coverage("all", &v->all);
    }
    printf("  kind %s, %lld ids, %lld of them special", v->kind, (long long)v->size, (long long)v->special);
    printf(v->splits ? "; %lld of the others occur\n" : "\n", (long long)v->used);
    if (!v->missing_count) return;
    piece(&line, "  missing most often:");
    for (int64_t k = 0; k < v->missing_count && k < 20; k++)
        piece(&line, " %s (%lld)", shorten(v->missing[k].word, 40).s, (long long)v->missing[k].count);
    putchar('\n');
}

static const char *kind_name(int kind) { return kind == BOX_NONE ? "without a box" : box_kind_name(kind); }

static void print_boxes(const Inspection *i)
{
    const BoxStatistics *all = i->statistics->boxes;
    if (!i->statistics->all.boxes) return;

    printf("\n%-17s %9s %11s %26s %27s\n", "Boxes", "", "", "share of the picture", "area in the original");
    printf("%-17s %9s %11s %8s %8s %8s %9s %8s %8s\n", "", "boxes", "in captions", "5 %", "median", "95 %", "small", "medium", "large");
    for (int k = 0; k < BOX_KINDS; k++) {
        const BoxStatistics *b = &all[k];
        if (!b->boxes) continue;
        printf("  %-15s %9lld %11lld", kind_name(k), (long long)b->boxes, (long long)b->in_captions);
        if (b->share.count)
            printf(" %6.2f %% %6.2f %% %6.2f %% %9lld %8lld %8lld", 100 * b->share.p5, 100 * b->share.median, 100 * b->share.p95,
                   (long long)b->original.small, (long long)b->original.medium, (long long)b->original.large);
        putchar('\n');
    }
    printf("  small is below 32 x 32 pixels, large above 96 x 96, as in COCO\n");
    for (int k = 0; k < BOX_KINDS; k++)
        if (all[k].words.count)
            printf("  words of a phrase (%s): mean %.1f, median %.1f, 95 %% %.0f, longest %.0f\n", kind_name(k), all[k].words.mean,
                   all[k].words.median, all[k].words.p95, all[k].words.most);
}

/* ---- duplicates and leaks ------------------------------------------------------------------------------------------------------ */
static void print_pair(const Inspection *i, int64_t a, int64_t b)
{
    const int32_t *split = i->duplicates->split;
    printf("      %s (%s) and %s (%s)", shorten(store_item_name(i->store, a), 30).s, split_name(i, split[a]),
           shorten(store_item_name(i->store, b), 30).s, split_name(i, split[b]));
}

/* The item of the first occurrence in a split behind place *at of a group, which moves on; -1: none. */
static int64_t next_in(const Same *s, const Group *g, int split, int64_t *at)
{
    while (*at < g->count) {
        const Occurrence *o = &s->occurrences[g->from + (*at)++];
        if (o->split == split) return o->item;
    }
    return -1;
}

static void print_same_examples(const Inspection *i, const Same *s, int of, int in)
{
    for (int64_t k = 0, shown = 0; k < s->group_count && shown < EXAMPLES; k++) {
        int64_t at = 0, a = next_in(s, &s->groups[k], of, &at), b;
        if (of != in) at = 0;
        b = next_in(s, &s->groups[k], in, &at);
        if (a < 0 || b < 0) continue;
        print_pair(i, a, b);
        putchar('\n');
        shown++;
    }
}

static void print_same_pictures(const Inspection *i)
{
    const Same *s = &i->duplicates->pictures;
    Leak l;

    for (int at = 0; inspect_next_leak(i, &s->shared, &at, &l);) {
        printf("  ! %s of %s %s also in %s: the same file\n", many(l.count, "picture").s, split_name(i, l.of), l.count == 1 ? "is" : "are",
               split_name(i, l.in));
        print_same_examples(i, s, l.of, l.in);
    }
    for (int k = 0; k < i->duplicates->splits; k++)
        if (s->shared.of[k][k]) {
            printf("    within %s: %s %s the same file as another one\n", split_name(i, k), many(s->shared.of[k][k], "picture").s,
                   s->shared.of[k][k] == 1 ? "is" : "are");
            print_same_examples(i, s, k, k);
        }
}

static void print_twins(const Inspection *i, const Twins *t, int64_t count, int a, int b)
{
    const int32_t *split = i->duplicates->split;
    for (int64_t k = 0, shown = 0; k < count && shown < EXAMPLES; k++) {
        int x = split[t[k].a], y = split[t[k].b];
        if (!(x == a && y == b) && !(x == b && y == a)) continue;
        print_pair(i, t[k].a, t[k].b);
        printf(": %d apart\n", t[k].distance);
        shown++;
    }
}

static void print_near(const Inspection *i)
{
    const Near *n = &i->duplicates->near;
    Leak l;

    if (n->cut) printf("    too many pictures look alike: the search for near ones was stopped, there may be more\n");
    for (int at = 0; inspect_next_leak(i, &n->shared, &at, &l);) {
        printf("  ! %s of %s %s like one of %s: %d of 64 bits or fewer apart\n", many(l.count, "picture").s, split_name(i, l.of),
               l.count == 1 ? "looks" : "look", split_name(i, l.in), i->duplicates->bits);
        print_twins(i, n->across, n->across_count, l.of, l.in);
    }
    for (int k = 0; k < i->duplicates->splits; k++)
        if (n->shared.of[k][k]) {
            printf("    within %s: %s %s like another one\n", split_name(i, k), many(n->shared.of[k][k], "picture").s,
                   n->shared.of[k][k] == 1 ? "looks" : "look");
            print_twins(i, n->within, n->within_count, k, k);
        }
}

static void print_caption_examples(const Inspection *i, const Same *s, const Leak *l)
{
    for (int64_t k = 0, shown = 0; k < s->group_count && shown < EXAMPLES; k++) {
        const Occurrence *o = s->occurrences + s->groups[k].from;
        int64_t in[2] = { 0 };
        for (int64_t n = 0; n < s->groups[k].count; n++) in[0] += o[n].split == l->of, in[1] += o[n].split == l->in;
        if (!in[0] || !in[1]) continue;
        char *text = caption_normal(store_caption(i->store, o->item, o->caption));
        printf("      \"%s\": %lld in %s, %lld in %s\n", shorten(text, 50).s, (long long)in[0], split_name(i, l->of), (long long)in[1],
               split_name(i, l->in));
        free(text);
        shown++;
    }
}

static void print_same_captions(const Inspection *i)
{
    const Same *s = &i->duplicates->captions;
    Leak l;

    for (int at = 0; inspect_next_leak(i, &s->shared, &at, &l);) {
        printf("  ! %s of %s (%.1f %%) %s in %s, too, word for word\n", many(l.count, "caption").s, split_name(i, l.of),
               percent(l.count, i->statistics->split[l.of].captions), l.count == 1 ? "stands" : "stand", split_name(i, l.in));
        print_caption_examples(i, s, &l);
    }
    for (int k = 0; k < i->duplicates->splits; k++)
        if (s->shared.of[k][k])
            printf("    within %s: %lld of %lld captions stand there more than once\n", split_name(i, k), (long long)s->shared.of[k][k],
                   (long long)i->statistics->split[k].captions);
}

static void print_duplicates(const Inspection *i)
{
    const Duplicates *d = i->duplicates;
    if (!d->pictures.repeated && !d->captions.repeated && !d->near.pictures && !d->near.cut) return;

    printf("\nDuplicates and leaks\n");
    print_same_pictures(i);
    print_near(i);
    print_same_captions(i);
}

/* ---- rejected, provenance ------------------------------------------------------------------------------------------------------ */
static void print_rejected(const Inspection *i)
{
    const Store *s = i->store;
    int64_t count[PROBLEM_KINDS] = { 0 };
    if (!store_rejected(s)) return;

    printf("\nRejected: %lld\n", (long long)store_rejected(s));
    for (int64_t k = 0; k < store_rejected(s); k++) count[store_rejected_at(s, k).kind]++;
    for (int kind = 0; kind < PROBLEM_KINDS; kind++) {
        if (!count[kind]) continue;
        printf("  %lld %s: %s\n", (long long)count[kind], problem_name((ProblemKind)kind), problem_help((ProblemKind)kind));
        for (int64_t k = 0, n = 0; k < store_rejected(s) && n < EXAMPLES; k++) {
            Problem p = store_rejected_at(s, k);
            if ((int)p.kind != kind) continue;
            char line[24] = "";
            if (p.line) snprintf(line, sizeof line, ":%lld", (long long)p.line);
            printf("      %s%s(%s%s): %s\n", p.name, *p.name ? " " : "", p.file, line, p.reason);
            n++;
        }
    }
}

static void print_value(Line *l, const char *key, const json_t *value)
{
    char *text = json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text) piece(l, " %s %s;", key, shorten(text, 80).s);
    free(text);
}

static void print_provenance(const Inspection *i)
{
    enum { INPUTS = 20 };
    json_t *p = (json_t *)store_provenance(i->store), *inputs = json_object_get(p, "inputs"), *value;
    const char *source = json_string_value(json_object_get(p, "source")), *version = json_string_value(json_object_get(p, "limn")), *key;
    Line line = { 4, 0 };
    size_t k;

    printf("\nProvenance\n  source %s%s%s", source ? source : "unknown", version ? ", by limn " : "", version ? version : "");
    json_array_foreach(json_object_get(p, "libraries"), k, value) printf("%s%s", k ? ", " : " with ", json_string_value(value));
    putchar('\n');
    if (json_object_size(json_object_get(p, "options"))) {
        piece(&line, "  options:");
        json_object_foreach(json_object_get(p, "options"), key, value) print_value(&line, key, value);
        putchar('\n');
    }
    json_array_foreach(inputs, k, value) {
        if (k == INPUTS) break;
        const char *name = json_string_value(json_object_get(value, "name")), *sha256 = json_string_value(json_object_get(value, "sha256"));
        printf("  %-40s %14lld bytes  sha256 %.16s…\n", shorten(name ? name : "", 40).s,
               (long long)json_integer_value(json_object_get(value, "bytes")), sha256 ? sha256 : "");
    }
    if (json_array_size(inputs) > INPUTS) printf("  and %zu further inputs\n", json_array_size(inputs) - INPUTS);
}

void inspect_print(const Inspection *i)
{
    const CaptionStatistics *all = &i->statistics->all;
    printf("%s, %s, %s in %s\nhash %s\n", many(all->pictures, "picture").s, many(all->captions, "caption").s,
           many(all->boxes, all->boxes == 1 ? "box" : "boxe").s, i->path, store_hash(i->store));
    print_splits(i);
    print_pictures(i);
    print_captions(i);
    print_vocabulary(i);
    print_boxes(i);
    print_duplicates(i);
    print_rejected(i);
    print_provenance(i);
}
