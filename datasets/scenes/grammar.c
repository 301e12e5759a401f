/* grammar.c - the writer. */
#include "datasets/scenes/grammar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/err.h"

const char *const NUMBER[7] = { "no", "one", "two", "three", "four", "five", "six" };

const Wording RELATION_WORDING[] = {
    { "left of", LEFT },        { "to the left of", LEFT },     { "on the left of", LEFT },
    { "right of", RIGHT },      { "to the right of", RIGHT },   { "on the right of", RIGHT },
    { "above", ABOVE },         { "over", ABOVE },              { "below", BELOW },        { "under", BELOW },
    { "larger than", LARGER },  { "bigger than", LARGER },      { "smaller than", SMALLER },
    { NULL, 0 },
};

const Wording OPENING_WORDING[] = {
    { "there is", OPENING_IS }, { "there are", OPENING_IS }, { "a picture of", OPENING_SEE }, { "we see", OPENING_SEE },
    { "you can see", OPENING_SEE }, { NULL, 0 },
};

bool phrase_fits(const Phrase *p, const Object *o)
{
    return (p->noun == ANY || p->noun == o->noun) && (p->colour == ANY || p->colour == o->colour) && (p->large == ANY || p->large == o->large);
}

int phrase_matches(const Phrase *p, const Scene *s)
{
    int n = 0;
    for (int i = 0; i < s->count; i++) n += phrase_fits(p, &s->object[i]);
    return n;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */
static __attribute__((format(printf, 2, 3))) void say(Caption *c, const char *fmt, ...)
{
    size_t used = strlen(c->text);
    va_list ap;

    if (used) c->text[used++] = ' ';
    va_start(ap, fmt);
    int n = vsnprintf(c->text + used, sizeof c->text - used, fmt, ap);
    va_end(ap);
    REQUIRE(n >= 0 && (size_t)n < sizeof c->text - used, "a caption is longer than %d bytes", CAPTION_BYTES);
}

static int words(const char *text)
{
    int n = *text != 0;
    for (; *text; text++) n += *text == ' ';
    return n;
}

/* "a small red cat", "two blue dogs", "the car"; remembers whom it is about. */
static void say_phrase(Caption *c, const Phrase *p, bool definite, const Scene *s)
{
    const char *size = p->large == ANY ? "" : SIZE_NAME[p->large], *colour = p->colour == ANY ? "" : COLOUR[p->colour].name;
    const char *noun = p->count > 1 ? NOUNS[p->noun].plural : NOUNS[p->noun].name;
    const char *first = *size ? size : *colour ? colour : noun;
    const char *article = definite ? "the" : p->count > 1 ? NUMBER[p->count] : strchr("aeiou", *first) ? "an" : "a";
    int from = (int)strlen(c->text) + (*c->text != 0);

    say(c, "%s%s%s%s%s %s", article, *size ? " " : "", size, *colour ? " " : "", colour, noun);
    for (int i = 0; i < s->count; i++)
        if (phrase_fits(p, &s->object[i])) c->mention[c->mentions++] = (Mention){ i, from, (int)strlen(c->text) };
}

typedef enum Detail { DETAIL_NOUN, DETAIL_COLOUR, DETAIL_SIZE, DETAIL_BOTH, DETAILS } Detail;

static Phrase describe(const Object *o, Detail d)
{
    return (Phrase){ .count = 1, .noun = o->noun, .colour = d == DETAIL_COLOUR || d == DETAIL_BOTH ? o->colour : ANY,
                     .large = d == DETAIL_SIZE || d == DETAIL_BOTH ? o->large : ANY };
}

/* The groups of objects that one phrase covers, from left to right by their leftmost member. */
static int group(const Scene *s, Detail d, Phrase out[MAX_OBJECTS])
{
    int order[MAX_OBJECTS], n = 0;

    for (int i = 0; i < s->count; i++) {
        int k = i;
        for (; k > 0 && s->object[order[k - 1]].x > s->object[i].x; k--) order[k] = order[k - 1];
        order[k] = i;
    }
    for (int i = 0; i < s->count; i++) {
        bool told = false;
        for (int k = 0; k < n; k++) told |= phrase_fits(&out[k], &s->object[order[i]]);
        if (told) continue;
        out[n] = describe(&s->object[order[i]], d);
        out[n].count = phrase_matches(&out[n], s);
        n++;
    }
    return n;
}

static void shuffle(Phrase *p, int n, Rng *r)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)rng_below(r, i + 1);
        Phrase other = p[i];
        p[i] = p[j];
        p[j] = other;
    }
}

static void say_list(Caption *c, const Scene *s, int opening, const Phrase *p, int n)
{
    if (opening == OPENING_COUNT) say(c, "there %s %s object%s", s->count > 1 ? "are" : "is", NUMBER[s->count], s->count > 1 ? "s" : "");
    if (opening == OPENING_IS) say(c, "there %s", p[0].count > 1 ? "are" : "is");
    for (int i = 0; i < n; i++) {
        if (i) say(c, "and");
        say_phrase(c, &p[i], false, s);
    }
}

static void say_relation(Caption *c, Relation relation, bool paraphrase, Rng *r)
{
    const Wording *wording[8];
    int n = 0;
    for (const Wording *w = RELATION_WORDING; w->text; w++)
        if (w->means == (int)relation) wording[n++] = w;
    say(c, "is %s", wording[paraphrase ? rng_below(r, n) : 0]->text);
}

typedef struct Fact { const Object *a, *b; Relation relation; } Fact;

/* The shortest description that fits this object alone; false when none does. Never its size: "the small cat is smaller" can be told blind. */
static bool single_out(const Scene *s, const Object *o, Phrase *out)
{
    *out = describe(o, DETAIL_NOUN);
    if (phrase_matches(out, s) == 1) return true;
    *out = describe(o, DETAIL_COLOUR);
    return phrase_matches(out, s) == 1;
}

/* A clear relation between two objects that can be told apart: first which kind (side, height, size), then which pair, then from whose
 * point of view, so that the words of a kind are equally frequent. */
static bool pick_fact(const Scene *s, Rng *r, Fact *out)
{
    int kinds[3] = { 0, 1, 2 };
    rng_shuffle(r, kinds, 3);
    for (int k = 0; k < 3; k++) {
        Fact fact[MAX_OBJECTS * MAX_OBJECTS];
        int  n = 0;
        for (int i = 0; i < s->count; i++)
            for (int j = 0; j < s->count; j++) {
                Phrase unused;
                Fact f = { &s->object[i], &s->object[j], (Relation)(2 * kinds[k]) };
                if (i != j && relation_margin(f.a, f.relation, f.b) >= 0 && single_out(s, f.a, &unused) && single_out(s, f.b, &unused)) fact[n++] = f;
            }
        if (!n) continue;
        *out = fact[rng_below(r, n)];
        if (rng_below(r, 2)) *out = (Fact){ out->b, out->a, relation_converse(out->relation) };
        return true;
    }
    return false;
}

/* "a red cat is left of a blue dog": both, and so the whole of a picture of two. */
static void write_pair(Caption *c, const Scene *s, const Fact *f, Detail d, bool paraphrase, Rng *r)
{
    Phrase a = describe(f->a, d), b = describe(f->b, d);
    say_phrase(c, &a, false, s);
    say_relation(c, f->relation, paraphrase, r);
    say_phrase(c, &b, false, s);
}

static bool write_related(Caption *c, const Scene *s, const Preset *p, Rng *r)
{
    Fact   f;
    Phrase a, b, list[MAX_OBJECTS];
    bool   told_apart_by_noun = s->count == 2 && s->object[0].noun != s->object[1].noun;

    if (!pick_fact(s, r, &f)) return false;
    if (told_apart_by_noun && rng_below(r, 2)) {
        write_pair(c, s, &f, f.relation >= LARGER ? DETAIL_COLOUR : rng_below(r, 2) ? DETAIL_COLOUR : DETAIL_BOTH, p->paraphrase, r);
        return true;
    }
    single_out(s, f.a, &a);
    single_out(s, f.b, &b);
    int n = group(s, DETAIL_COLOUR, list);
    shuffle(list, n, r);
    say_list(c, s, OPENING_NONE, list, n);
    say(c, "and");
    say_phrase(c, &a, true, s);
    say_relation(c, f.relation, p->paraphrase, r);
    say_phrase(c, &b, true, s);
    if (words(c->text) <= MAX_WORDS) return true;
    *c = (Caption){ 0 };
    return false;
}

static void write_list(Caption *c, const Scene *s, Detail d, int opening, Rng *r)
{
    static const char *const SEE[] = { "a picture of", "we see", "you can see" };
    Phrase list[MAX_OBJECTS];
    if (opening == OPENING_SEE) say(c, "%s", SEE[rng_below(r, 3)]);
    say_list(c, s, opening, list, group(s, d, list));
}

void caption_write(Caption *c, const Scene *s, const Preset *p, int k, Rng *r)
{
    *c = (Caption){ 0 };
    if (k == 2 && write_related(c, s, p, r)) return;

    Detail d = k == 0 ? DETAIL_COLOUR : !p->paraphrase ? (k == 1 ? DETAIL_BOTH : DETAIL_NOUN) : (Detail)rng_below(r, DETAILS);
    int opening = !p->paraphrase ? (k == 2 ? OPENING_IS : OPENING_NONE) : (int)rng_below(r, OPENING_SEE + 1);
    write_list(c, s, d, opening, r);
    if (words(c->text) <= MAX_WORDS) return;
    *c = (Caption){ 0 };
    write_list(c, s, DETAIL_COLOUR, OPENING_NONE, r);
}

/* The first wording of a meaning is the one that presets without paraphrases use. */
static void print_wordings(FILE *f, const Wording *w, const Preset *p)
{
    for (int last = -1; w->text; last = w->means, w++)
        if (p->paraphrase || w->means != last) fprintf(f, " %s", w->text);
}

char *grammar_words(const Preset *p)
{
    char  *text;
    size_t bytes;
    FILE  *f = open_memstream(&text, &bytes);

    REQUIRE(f, "out of memory");
    fprintf(f, "a an the and there is are%s", p->paraphrase ? " one object objects" : "");
    for (int i = 2; i <= p->max_objects; i++) fprintf(f, " %s", NUMBER[i]);
    for (int i = 0; i < COLOURS; i++) fprintf(f, " %s", COLOUR[i].name);
    for (int i = 0; i < 2; i++) fprintf(f, " %s", SIZE_NAME[i]);
    for (int i = 0; i < noun_count(); i++)
        if (preset_has(p, i)) fprintf(f, " %s %s", NOUNS[i].name, NOUNS[i].plural);
    print_wordings(f, RELATION_WORDING, p);
    if (p->paraphrase) print_wordings(f, OPENING_WORDING, p);
    fclose(f);
    return text;
}
