/* lexicon.c - WordNet's index, base forms, and the part of speech of a word in its caption (the rules are in lexicon.h). */
#include "experiments/metrics/lexicon.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "tensor/base/file.h"
#include "text/vocab.h"

typedef enum Part { NOUN, VERB, ADJECTIVE, ADVERB, PARTS } Part;
static const char *const PART_NAMES[] = { "noun", "verb", "adj", "adv" };

typedef struct Entry {                           /* what WordNet knows of a spelling */
    bool    is[PARTS];
    int32_t count[PARTS];                        /* how often it was tagged so                          */
    int32_t base[PARTS];                         /* of irregular forms: the base form's number + 1; 0: regular */
    int32_t first[PARTS], synsets[PARTS];        /* in `synsets`                                        */
} Entry;

typedef enum Listing { OPEN, FUNCTION, PREPOSITION, ARTICLE, LISTED } Listing;

typedef struct Reading {                         /* of a spelling, before its neighbours are looked at */
    Listing  listing;
    Term     listed;
    int32_t  base[PARTS];                        /* -1: cannot be one */
    Part     usual;                              /* PARTS: WordNet does not have it */
    bool     singular;                           /* as a noun */
    bool     verbal;                             /* a form in -ing or -ed */
} Reading;

struct Lexicon {
    Vocab  *lemmas;  Buffer entries;             /* Entry of each    */
    Buffer  synsets;                             /* int32_t offsets  */
    Vocab  *seen;    Buffer readings;            /* Reading of each  */
    bool    nouns;
};

/* ---- closed lists -------------------------------------------------------------------------------------------------------- */

static const char ARTICLES[] = "a an the this that these those his her its their my your our some another each every no";

static const char PREPOSITIONS[] = "of in on at with by for from into onto over under above below near beside between behind through across around "
                                   "along against about like";

/* Pronouns, auxiliaries, conjunctions, particles; and nouns that name a place beside something, or an amount of it. */
static const char FUNCTIONS[] =
    "to up down out off besides as and or but while when where who which what whose that than then there here not n't 's is are was were be been "
    "being am has have having had do does doing did can will would may he she it they them him we us i you one ones someone something other "
    "others all both many several few more most very too so just also together only while it's 'll 're 've "
    "outside inside outdoors indoors away front top back side sides bottom middle background foreground left right next edge center group bunch lot lots number kind sort type part piece way";

/* Each: the concept, then its other spellings. */
static const char *const NUMBERS[] = { "two 2 couple pair", "three 3", "four 4", "five 5", "six 6", "seven 7", "eight 8", "nine 9", "ten 10",
                                       "eleven 11", "twelve 12 dozen", NULL };
static const char *const COLOURS[] = { "red", "orange", "yellow", "green", "blue", "purple", "violet", "pink", "brown", "black", "white", "gray grey",
                                       "gold golden", "silver", "tan", "beige", "turquoise", "maroon", "teal", NULL };
static const char *const SIZES[] = { "large big", "huge giant enormous massive gigantic", "small little", "tiny miniature", "tall", "short", "long",
                                     "wide", "narrow", "thick", "thin", NULL };

/* Whether the word is one of the blank-separated ones; the first word's length into *first. */
static bool among(const char *list, const char *word, size_t *first)
{
    size_t n = strlen(word);

    *first = strcspn(list, " ");
    for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == n && !strncmp(p, word, n)) return true;
    return false;
}

static int32_t lemma_add(Lexicon *l, const char *text, size_t bytes)
{
    int32_t id = vocab_add(l->lemmas, text, bytes);
    if ((size_t)id * sizeof(Entry) == l->entries.used) buffer_add(&l->entries, &(Entry){ 0 }, sizeof(Entry));
    return id;
}

static bool read_list(Lexicon *l, const char *const *lists, TermKind kind, const char *word, Reading *r)
{
    size_t first;

    for (; *lists; lists++)
        if (among(*lists, word, &first)) {
            r->listing = LISTED;
            r->listed = (Term){ kind, lemma_add(l, *lists, first) };
            return true;
        }
    return false;
}

/* ---- WordNet's files ------------------------------------------------------------------------------------------------------ */

static Entry *entry(const Lexicon *l, int32_t id) { return (Entry *)l->entries.p + id; }

typedef bool LineRead(Lexicon *l, Part part, char *line);

/* Lines that begin with a blank are the licence. */
static bool read_lines(Lexicon *l, const char *folder, const char *name, Part part, LineRead *take, Err *err)
{
    char  *path = path_join(folder, name);
    size_t bytes;
    char  *text = file_read(path, &bytes, err), *rest = text;
    bool   ok = text != NULL;

    for (int number = 1; ok && rest && *rest; number++) {
        char *line = strsep(&rest, "\n");
        if (*line == ' ' || !*line) continue;
        ok = take(l, part, line) || fail(err, "%s:%d: not a line of WordNet's database, version 3: '%.60s'", path, number, line);
    }
    free(text);
    free(path);
    return ok;
}

/* lemma pos synsets p_cnt [pointer…] senses tagged offset [offset…]: the offsets are the last `synsets` fields. */
static bool take_index(Lexicon *l, Part part, char *line)
{
    size_t length = strcspn(line, " ");
    int    synsets, pointers, used;

    if (memchr(line, '_', length)) return true;  /* of several words */
    if (sscanf(line + length, " %*c %d %d%n", &synsets, &pointers, &used) != 2 || synsets < 1 || pointers < 0) return false;
    Entry *e = entry(l, lemma_add(l, line, length));
    char  *p = line + length + used, *end;
    for (int i = 0; i < pointers + 2; i++) p += strspn(p, " "), p += strcspn(p, " ");
    e->is[part] = true;
    e->first[part] = (int32_t)(l->synsets.used / sizeof(int32_t));
    e->synsets[part] = synsets;
    for (int i = 0; i < synsets; i++, p = end) {
        int32_t offset = (int32_t)strtol(p, &end, 10);
        if (end == p) return false;
        buffer_add(&l->synsets, &offset, sizeof offset);
    }
    return true;
}

/* irregular base [base…] */
static bool take_exception(Lexicon *l, Part part, char *line)
{
    size_t length = strcspn(line, " ");
    const char *base = line + length + strspn(line + length, " ");
    size_t base_length = strcspn(base, " ");

    if (!base_length) return false;
    int32_t to = lemma_add(l, base, base_length), from = lemma_add(l, line, length);
    entry(l, from)->base[part] = to + 1;
    return true;
}

/* lemma%type:… sense count */
static bool take_count(Lexicon *l, Part unused, char *line)
{
    static const Part OF_TYPE[] = { [1] = NOUN, [2] = VERB, [3] = ADJECTIVE, [4] = ADVERB, [5] = ADJECTIVE };
    size_t length = strcspn(line, "%");
    int    type, count;

    (void)unused;
    if (line[length] != '%' || sscanf(line + length, "%%%d:%*s %*d %d", &type, &count) != 2 || type < 1 || type > 5) return false;
    int32_t id = vocab_find(l->lemmas, line, length);
    if (id >= 0) entry(l, id)->count[OF_TYPE[type]] += count;
    return true;
}

static bool read_wordnet(Lexicon *l, const char *folder, Err *err)
{
    char name[16];

    for (Part part = NOUN; part < PARTS; part++) {
        snprintf(name, sizeof name, "index.%s", PART_NAMES[part]);
        TRY(read_lines(l, folder, name, part, take_index, err));
        snprintf(name, sizeof name, "%s.exc", PART_NAMES[part]);
        TRY(read_lines(l, folder, name, part, take_exception, err));
    }
    return read_lines(l, folder, "cntlist.rev", NOUN, take_count, err);
}

Lexicon *lexicon_read(const char *folder, Err *err)
{
    Lexicon *l = buffer_zeros(1, sizeof *l);

    l->lemmas = vocab_new();
    l->seen = vocab_new();
    l->nouns = folder != NULL;
    if (!folder || read_wordnet(l, folder, err)) return l;
    lexicon_free(l);
    return NULL;
}

void lexicon_free(Lexicon *l)
{
    if (!l) return;
    vocab_free(l->lemmas);
    vocab_free(l->seen);
    free(l->entries.p);
    free(l->synsets.p);
    free(l->readings.p);
    free(l);
}

bool lexicon_has_nouns(const Lexicon *l) { return l->nouns; }

/* ---- a word by itself ----------------------------------------------------------------------------------------------------- */

/* WordNet's rules of detachment (morphy(7WN)). */
static const struct { Part part; const char *ending, *instead; } RULES[] = {
    { NOUN, "s", "" }, { NOUN, "ses", "s" }, { NOUN, "xes", "x" }, { NOUN, "zes", "z" }, { NOUN, "ches", "ch" }, { NOUN, "shes", "sh" },
    { NOUN, "men", "man" }, { NOUN, "ies", "y" },
    { VERB, "s", "" }, { VERB, "ies", "y" }, { VERB, "es", "e" }, { VERB, "es", "" }, { VERB, "ed", "e" }, { VERB, "ed", "" },
    { VERB, "ing", "e" }, { VERB, "ing", "" },
    { ADJECTIVE, "er", "" }, { ADJECTIVE, "est", "" }, { ADJECTIVE, "er", "e" }, { ADJECTIVE, "est", "e" },
};

static bool ends_in(const char *word, const char *ending)
{
    size_t n = strlen(word), k = strlen(ending);
    return n > k && !strcmp(word + n - k, ending);
}

/* The more frequent one of two, the first when they are equal; -1 is none. */
static int32_t better(const Lexicon *l, int32_t a, int32_t b, Part part)
{
    if (a < 0 || b < 0) return a < 0 ? b : a;
    return entry(l, b)->count[part] > entry(l, a)->count[part] ? b : a;
}

static int32_t find_as(const Lexicon *l, const char *word, Part part)
{
    int32_t id = vocab_find(l->lemmas, word, strlen(word));
    return id >= 0 && entry(l, id)->is[part] ? id : -1;
}

/* The base form as that part of speech, or -1. Of several the most frequent: "hands" is a noun of its own, and "dive" a plural of "diva". */
static int32_t base_form(const Lexicon *l, const char *word, Part part)
{
    size_t  n = strlen(word);
    int32_t id = vocab_find(l->lemmas, word, n), best = find_as(l, word, part);
    char    form[64];

    if (id >= 0 && entry(l, id)->base[part]) return better(l, best, entry(l, id)->base[part] - 1, part);
    if (n + 4 > sizeof form) return best;
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        if (RULES[i].part != part || !ends_in(word, RULES[i].ending)) continue;
        snprintf(form, sizeof form, "%.*s%s", (int)(n - strlen(RULES[i].ending)), word, RULES[i].instead);
        best = better(l, best, find_as(l, form, part), part);
    }
    return best;
}

/* The most frequent part; of equal ones the first in this order. */
static Part usual_part(const Lexicon *l, const Reading *r)
{
    static const Part ORDER[] = { NOUN, ADJECTIVE, VERB, ADVERB };
    Part best = PARTS;
    int  most = -1;

    for (int i = 0; i < PARTS; i++) {
        Part part = ORDER[i];
        if (r->base[part] < 0) continue;
        int count = entry(l, r->base[part])->count[part];
        if (count > most || (count == most && part == VERB && r->verbal)) best = part, most = count;
    }
    return best;
}

static Reading read_word(Lexicon *l, const char *word)
{
    Reading r = { .usual = PARTS };
    size_t  first;

    if (among(ARTICLES, word, &first))  return (Reading){ .listing = ARTICLE, .usual = PARTS };
    if (among(PREPOSITIONS, word, &first)) return (Reading){ .listing = PREPOSITION, .usual = PARTS };
    if (among(FUNCTIONS, word, &first)) return (Reading){ .listing = FUNCTION, .usual = PARTS };
    bool listed = read_list(l, NUMBERS, TERM_NUMBER, word, &r) || read_list(l, COLOURS, TERM_COLOUR, word, &r)
                  || read_list(l, SIZES, TERM_SIZE, word, &r);
    if (listed || !isalpha((unsigned char)*word)) return r;
    const char *spelling = strcmp(word, "people") ? word : "person";
    for (Part part = NOUN; part < PARTS; part++) r.base[part] = base_form(l, spelling, part);
    r.verbal = r.base[VERB] >= 0 && (ends_in(word, "ing") || ends_in(word, "ed"));
    r.singular = r.base[NOUN] >= 0 && !strcmp(vocab_text(l->lemmas, r.base[NOUN]), word);
    r.usual = usual_part(l, &r);
    return r;
}

static const Reading *reading(Lexicon *l, const char *word)
{
    int32_t id = vocab_add(l->seen, word, strlen(word));
    if ((size_t)id * sizeof(Reading) == l->readings.used) {
        Reading r = read_word(l, word);
        buffer_add(&l->readings, &r, sizeof r);
    }
    return (Reading *)l->readings.p + id;
}

/* ---- a word in its sentence ----------------------------------------------------------------------------------------------- */

/* What stands before: a noun is expected after some. */
typedef enum Before { BEFORE_NOTHING, BEFORE_MODIFIER, BEFORE_PREPOSITION, BEFORE_SINGULAR } Before;

static Part part_of(const Reading *r, Before before, bool noun_follows)
{
    if (r->base[NOUN] < 0 || r->usual == ADJECTIVE) return r->usual;
    bool noun = before == BEFORE_MODIFIER    ? !(r->verbal && noun_follows)
              : before == BEFORE_PREPOSITION ? !r->verbal
              : before == BEFORE_SINGULAR    ? !r->verbal && r->singular : false;
    return noun ? NOUN : r->usual;
}

int lexicon_terms(Lexicon *l, const char *const *words, int count, Term *out)
{
    Before before = BEFORE_NOTHING;
    int    terms = 0;

    for (int i = 0; i < count; i++) {
        bool noun_follows = i + 1 < count && reading(l, words[i + 1])->usual == NOUN;
        const Reading *r = reading(l, words[i]);
        if (r->listing == LISTED) out[terms++] = r->listed;
        if (r->listing != OPEN || r->usual == PARTS) {
            before = r->listing == ARTICLE || r->listing == LISTED ? BEFORE_MODIFIER : r->listing == PREPOSITION ? BEFORE_PREPOSITION
                   : BEFORE_NOTHING;
            continue;
        }
        Part part = part_of(r, before, noun_follows);
        if (part == NOUN)      out[terms++] = (Term){ TERM_NOUN, r->base[NOUN] };
        if (part == ADJECTIVE) out[terms++] = (Term){ TERM_ATTRIBUTE, r->base[ADJECTIVE] };
        bool modifies = part == ADJECTIVE || (part == VERB && before == BEFORE_MODIFIER);        /* "a running" */
        before = modifies ? BEFORE_MODIFIER : part == NOUN && r->singular ? BEFORE_SINGULAR : BEFORE_NOTHING;
    }
    return terms;
}

bool lexicon_same(const Lexicon *l, Term a, Term b)
{
    if (a.concept == b.concept) return true;
    if (a.kind == TERM_NUMBER || b.kind == TERM_NUMBER || (a.kind == TERM_NOUN) != (b.kind == TERM_NOUN)) return false;
    Part part = a.kind == TERM_NOUN ? NOUN : ADJECTIVE;
    const Entry   *x = entry(l, a.concept), *y = entry(l, b.concept);
    const int32_t *synset = (const int32_t *)l->synsets.p;
    for (int i = 0; i < x->synsets[part]; i++)
        for (int k = 0; k < y->synsets[part]; k++)
            if (synset[x->first[part] + i] == synset[y->first[part] + k]) return true;
    return false;
}

const char *lexicon_text(const Lexicon *l, int32_t concept) { return vocab_text(l->lemmas, concept); }
