/* objects.c - the list of objects, and the singular, the pairs of words and the exceptions that captions are read with.
 *
 * A word is a term of the list as it is, or else as the first of these singulars that is one (so that no rule can damage a word that the
 * list does not have):
 *     irregular       men -> man, also at the end of a word; people, children, mice, geese, oxen, feet, teeth
 *     -ies -> -y      ponies;    -ves -> -f, -fe    calves, knives;    -es -> -    after s, x, z, ch, sh, o: couches, but "manes" are no men
 *     -s -> -         horses                                                                                                */
#include "experiments/metrics/objects.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "text/vocab.h"

enum { NO_OBJECT = -1, WORD = 64 };              /* no term is longer than WORD bytes */

typedef struct Pair { int32_t first, second, becomes; } Pair;        /* terms */

struct Objects {
    Vocab   *names, *terms;
    int32_t *object; int32_t object_room;        /* of each term, or NO_OBJECT                                          */
    Pair    *pairs; int32_t pair_count;
    int32_t  toilet, seat;
};

/* ---- building ------------------------------------------------------------------------------------------------------------ */

static int32_t term(Objects *o, const char *text, size_t bytes)
{
    int32_t id = vocab_add(o->terms, text, bytes);

    if (id >= o->object_room) {
        int32_t room = id * 2 + 64;
        o->object = realloc(o->object, (size_t)room * sizeof *o->object);
        REQUIRE(o->object, "out of memory");
        for (int32_t i = o->object_room; i < room; i++) o->object[i] = NO_OBJECT;
        o->object_room = room;
    }
    return id;
}

/* "first second", as one term. A pair that is there already becomes something else from now on. */
static void add_pair(Objects *o, const char *words, const char *becomes)
{
    size_t  first = strcspn(words, " ");
    Pair    p = { term(o, words, first), term(o, words + first + 1, strlen(words + first + 1)), term(o, becomes, strlen(becomes)) };
    int32_t k = 0;

    while (k < o->pair_count && (o->pairs[k].first != p.first || o->pairs[k].second != p.second)) k++;
    if (k == o->pair_count) {
        o->pairs = realloc(o->pairs, (size_t)++o->pair_count * sizeof *o->pairs);
        REQUIRE(o->pairs, "out of memory");
    }
    o->pairs[k] = p;
}

/* The rules that the paper's code has besides the list. */
static void add_rules(Objects *o)
{
    static const char *const YOUNG[] = { "baby", "adult" };
    static const char *const ANIMALS[] = { "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal", "cub" };
    static const char *const VEHICLES[] = { "jet", "train" };
    static const char *const ALONE[] = { "home plate", "train track" };      /* neither a plate nor a train */
    char words[WORD];

    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 12; k++) {
            snprintf(words, sizeof words, "%s %s", YOUNG[i], ANIMALS[k]);
            add_pair(o, words, ANIMALS[k]);
        }
    for (int k = 0; k < 2; k++) {
        snprintf(words, sizeof words, "passenger %s", VEHICLES[k]);
        add_pair(o, words, VEHICLES[k]);
        add_pair(o, ALONE[k], ALONE[k]);
    }
    add_pair(o, "bow tie", "tie");
    add_pair(o, "toilet seat", "toilet");
    o->toilet = term(o, "toilet", 6);
    o->seat = term(o, "seat", 4);
}

/* In place: lower case, single spaces, none at the ends. Its number of words. */
static int tidy(char *text)
{
    char *to = text;
    int words = 0;

    for (const char *p = text; *p; p++)
        if (isspace((unsigned char)*p)) continue;
        else {
            bool begins = p == text || isspace((unsigned char)p[-1]);
            if (begins && words++) *to++ = ' ';
            *to++ = (char)tolower((unsigned char)*p);
        }
    *to = 0;
    return words;
}

static void add_entry(Objects *o, int32_t object, char *entry)
{
    int words = tidy(entry);
    if (words == 0 || words > 2 || strlen(entry) >= WORD) return;
    int32_t id = term(o, entry, strlen(entry));
    o->object[id] = object;
    if (words == 2) add_pair(o, entry, entry);
}

static void add_line(Objects *o, char *line)
{
    int32_t object = NO_OBJECT;

    for (char *entry; (entry = strsep(&line, ",")); ) {
        char *name = entry + strspn(entry, " \t\r");
        if (object == NO_OBJECT && *name) {
            tidy(name);
            object = vocab_add(o->names, name, strlen(name));
        }
        if (*name) add_entry(o, object, name);
    }
}

Objects *objects_read(const char *path, Err *err)
{
    size_t bytes;
    char *text = file_read(path, &bytes, err), *rest = text;

    if (!text) return NULL;
    Objects *o = calloc(1, sizeof *o);
    REQUIRE(o, "out of memory");
    o->names = vocab_new();
    o->terms = vocab_new();
    for (char *line; (line = strsep(&rest, "\n")); ) add_line(o, line);
    add_rules(o);
    free(text);
    if (objects_count(o)) return o;
    fail(err, "%s: no objects in it; a line an object is wanted: its name, then its synonyms, between commas", path);
    objects_free(o);
    return NULL;
}

void objects_free(Objects *o)
{
    if (!o) return;
    vocab_free(o->names);
    vocab_free(o->terms);
    free(o->object);
    free(o->pairs);
    free(o);
}

int32_t     objects_count(const Objects *o)                { return vocab_size(o->names); }
const char *objects_name(const Objects *o, int32_t object) { return vocab_text(o->names, object); }

int32_t objects_find(const Objects *o, const char *name)
{
    int32_t id = vocab_find(o->terms, name, strlen(name));
    return id < 0 ? NO_OBJECT : o->object[id];
}

/* ---- reading captions ---------------------------------------------------------------------------------------------------- */

/* The term that is `word` with its last `cut` bytes replaced by `end`; -1: none. */
static int32_t instead(const Objects *o, const char *word, size_t bytes, size_t cut, const char *end)
{
    char singular[2 * WORD];
    int n = snprintf(singular, sizeof singular, "%.*s%s", (int)(bytes - cut), word, end);
    return vocab_find(o->terms, singular, (size_t)n);
}

static int32_t singular_term(const Objects *o, const char *word)
{
    static const struct { const char *end, *instead; bool whole; } RULES[] = {
        { "men", "man", false }, { "people", "person", true }, { "children", "child", true }, { "mice", "mouse", true },
        { "geese", "goose", true }, { "oxen", "ox", true }, { "feet", "foot", true }, { "teeth", "tooth", true },
        { "ies", "y", false }, { "ves", "f", false }, { "ves", "fe", false }, { "ses", "s", false }, { "xes", "x", false }, { "zes", "z", false },
        { "ches", "ch", false }, { "shes", "sh", false }, { "oes", "o", false }, { "s", "", false },
    };
    size_t bytes = strlen(word);
    int32_t id = bytes < WORD ? vocab_find(o->terms, word, bytes) : -1;

    for (size_t k = 0; id < 0 && bytes < WORD && k < sizeof RULES / sizeof *RULES; k++) {
        size_t end = strlen(RULES[k].end);
        if (RULES[k].whole ? bytes == end : bytes >= end)
            if (!strcmp(word + bytes - end, RULES[k].end)) id = instead(o, word, bytes, end, RULES[k].instead);
    }
    return id;
}

static int32_t pair_term(const Objects *o, int32_t first, int32_t second)
{
    if (first >= 0 && second >= 0)
        for (int32_t k = 0; k < o->pair_count; k++)
            if (o->pairs[k].first == first && o->pairs[k].second == second) return o->pairs[k].becomes;
    return -1;
}

int32_t objects_named(const Objects *o, const CaptionSet *s, const Sentence *sentence, int32_t *out)
{
    int32_t n = 0, kept = 0;
    bool toilet = false;

    for (int32_t i = 0, next; i < sentence->count; i += 1 + (next >= 0)) {
        int32_t here = singular_term(o, caption_set_word(s, sentence->words[i]));
        next = i + 1 < sentence->count ? pair_term(o, here, singular_term(o, caption_set_word(s, sentence->words[i + 1]))) : -1;
        out[n] = next >= 0 ? next : here;
        toilet = toilet || out[n] == o->toilet;
        n++;
    }
    /* "the seat of the toilet" is no chair. */
    for (int32_t i = 0; i < n; i++)
        if (out[i] >= 0 && o->object[out[i]] != NO_OBJECT && !(toilet && out[i] == o->seat)) out[kept++] = o->object[out[i]];
    return kept;
}
