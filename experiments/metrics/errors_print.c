/* errors_print.c - omitted and invented concepts as a table of one or more systems, and as JSON. */
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/errors.h"
#include "tensor/base/json.h"

enum { WORST = 8 };                              /* words that are named one by one */

static const char *const KINDS[TERM_KINDS] = { "nouns", "colours", "sizes", "other attributes", "numbers" };
static const char *const KIND_KEYS[TERM_KINDS] = { "nouns", "colours", "sizes", "attributes", "numbers" };
/* Indented by two, which JSON's keys are not. */
static const char *const LENGTH_NAMES[LENGTHS] = { "  1-6", "  7-8", "  9-10", "  11-12", "  13 or more" };
static const char *const FREQUENCY_NAMES[FREQUENCIES] = { "  1 of 30 or more", "  1 of 300 or more", "  1 of 3000 or more", "  fewer" };

/* ---- the worst words ------------------------------------------------------------------------------------------------------ */

static int by_omitted(const void *a, const void *b)
{
    const ConceptTally *x = a, *y = b;
    if (x->tally.omitted != y->tally.omitted) return x->tally.omitted < y->tally.omitted ? 1 : -1;
    return x->tally.agreed != y->tally.agreed ? (x->tally.agreed > y->tally.agreed ? 1 : -1) : x->term.concept - y->term.concept;
}

static int by_invented(const void *a, const void *b)
{
    const ConceptTally *x = a, *y = b;
    if (x->tally.invented != y->tally.invented) return x->tally.invented < y->tally.invented ? 1 : -1;
    return x->tally.said != y->tally.said ? (x->tally.said > y->tally.said ? 1 : -1) : x->term.concept - y->term.concept;
}

/* Those that were met, ordered; malloc'd. */
static ConceptTally *ordered(const CaptionErrors *e, int (*order)(const void *, const void *), int32_t *count)
{
    ConceptTally *list = buffer_zeros(e->count, sizeof *list);

    *count = 0;
    for (int32_t i = 0; i < e->count; i++) if (e->concepts[i].tally.agreed || e->concepts[i].tally.said) list[(*count)++] = e->concepts[i];
    qsort(list, (size_t)*count, sizeof *list, order);
    return list;
}

/* name: of the system; NULL where it is the only one. */
static void print_worst(const CaptionErrors *e, const Lexicon *l, const char *name, bool invented, FILE *out)
{
    int32_t count;
    ConceptTally *list = ordered(e, invented ? by_invented : by_omitted, &count);

    if (name) fprintf(out, "%s ", name);
    fprintf(out, "%s most:", invented ? "invented" : "omitted");
    for (int i = 0; i < count && i < WORST; i++) {
        const Tally *t = &list[i].tally;
        int64_t wrong = invented ? t->invented : t->omitted, of = invented ? t->said : t->agreed;
        if (wrong) fprintf(out, "%s %s (%lld of %lld)", i ? "," : "", lexicon_text(l, list[i].term.concept), (long long)wrong, (long long)of);
    }
    fputs(count && (invented ? list->tally.invented : list->tally.omitted) ? "\n" : " nothing\n", out);
    free(list);
}

/* ---- the table ------------------------------------------------------------------------------------------------------------ */

/* "63.8 % of 3077", as wide as a column. */
static void share(int64_t part, int64_t whole, char text[32])
{
    if (whole) snprintf(text, 32, "%5.1f %% of %lld", 100.0 * (double)part / (double)whole, (long long)whole);
    else       strcpy(text, "    -");
}

static void print_row(const char *name, const CaptionErrors *systems, int count, size_t offset, FILE *out)
{
    fprintf(out, "%-20s", name);
    for (int i = 0; i < count; i++) {
        const Tally *t = (const Tally *)((const char *)&systems[i] + offset);
        char omitted[32], invented[32];
        share(t->omitted, t->agreed, omitted);
        share(t->invented, t->said, invented);
        fprintf(out, "  %-17s  %-*s", omitted, i + 1 < count ? 17 : 0, invented);
    }
    putc('\n', out);
}

static void print_heading(const char *const *names, int count, FILE *out)
{
    if (count > 1) {
        fprintf(out, "%20s", "");
        for (int i = 0; i < count; i++) fprintf(out, "  %-*s", i + 1 < count ? 36 : 0, names[i]);
        putc('\n', out);
    }
    fprintf(out, "%20s", "");
    for (int i = 0; i < count; i++) fprintf(out, "  %-17s  %-*s", "omitted", i + 1 < count ? 17 : 0, "invented");
    putc('\n', out);
}

void errors_print(const ErrorAnalysis *a, const CaptionErrors *systems, const char *const *names, int count, FILE *out)
{
    bool nouns = lexicon_has_nouns(a->lexicon);
    TermKind most = nouns ? TERM_NOUN : TERM_COLOUR;             /* the most frequent kind, whose errors are told in detail */

    print_heading(names, count, out);
    for (int kind = most; kind < TERM_KINDS; kind++)
        if (nouns || kind != TERM_ATTRIBUTE) print_row(KINDS[kind], systems, count, offsetof(CaptionErrors, all[kind]), out);
    fprintf(out, "%s by words in the caption\n", KINDS[most]);
    for (int i = 0; i < LENGTHS; i++) print_row(LENGTH_NAMES[i], systems, count, offsetof(CaptionErrors, by_length[i][most]), out);
    fprintf(out, "%s by how many of %s name them\n", KINDS[most], a->counted);
    for (int i = 0; i < FREQUENCIES; i++) print_row(FREQUENCY_NAMES[i], systems, count, offsetof(CaptionErrors, by_frequency[i][most]), out);
    for (int i = 0; i < count; i++)
        for (int invented = 0; invented < 2; invented++) print_worst(&systems[i], a->lexicon, count > 1 ? names[i] : NULL, invented, out);
    fputs("omitted: of what at least half of an image's references name; invented: of what the captions name, in none of the references\n", out);
    if (!nouns) fputs("No nouns, no other attributes: WordNet's database is not here (Debian: wordnet-base; elsewhere --wordnet FOLDER).\n", out);
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------------- */

static json_t *tally_json(const Tally *t)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "agreed", (json_int_t)t->agreed, "omitted", (json_int_t)t->omitted, "said", (json_int_t)t->said,
                     "invented", (json_int_t)t->invented);
}

static json_t *kinds_json(const Tally *kinds, const Lexicon *l)
{
    json_t *j = json_object();
    for (int kind = 0; kind < TERM_KINDS; kind++)
        if (lexicon_has_nouns(l) || (kind != TERM_NOUN && kind != TERM_ATTRIBUTE)) json_object_set_new(j, KIND_KEYS[kind], tally_json(&kinds[kind]));
    return j;
}

json_t *errors_json(const ErrorAnalysis *a, const CaptionErrors *e)
{
    const Lexicon *l = a->lexicon;
    json_t *lengths = json_object(), *frequencies = json_object(), *words = json_array();
    int32_t count;
    ConceptTally *list = ordered(e, by_omitted, &count);

    for (int i = 0; i < LENGTHS; i++)     json_object_set_new(lengths, LENGTH_NAMES[i] + 2, kinds_json(e->by_length[i], l));
    for (int i = 0; i < FREQUENCIES; i++) json_object_set_new(frequencies, FREQUENCY_NAMES[i] + 2, kinds_json(e->by_frequency[i], l));
    for (int32_t i = 0; i < count; i++) {
        json_t *word = tally_json(&list[i].tally);
        json_object_set_new(word, "word", json_text(lexicon_text(l, list[i].term.concept)));
        json_object_set_new(word, "kind", json_string(KIND_KEYS[list[i].term.kind]));
        json_array_append_new(words, word);
    }
    free(list);
    return json_pack("{s:o, s:o, s:o, s:o}", "kinds", kinds_json(e->all, l), "by_length", lengths, "by_frequency", frequencies, "words", words);
}
