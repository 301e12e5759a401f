/* parse.c - captions back into clauses, by recursive descent over lower-case words (grammar.h has the grammar). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/scenes/grammar.h"

enum { PARSE_WORDS = 64, PARSE_BYTES = 1024 };

typedef struct Parser {
    char        bytes[PARSE_BYTES];
    const char *word[PARSE_WORDS + 1];           /* ends with "", so that looking one ahead is always allowed            */
    int         count, at;
    Claims     *claims;
} Parser;

/* False when the text is longer than any caption. */
static bool split_words(Parser *p, const char *text)
{
    size_t n = strlen(text);
    if (n >= sizeof p->bytes) return false;
    for (size_t i = 0; i <= n; i++) p->bytes[i] = isalpha((unsigned char)text[i]) ? (char)tolower((unsigned char)text[i]) : '\0';
    for (size_t i = 0; i < n; i++) {
        if (!p->bytes[i] || (i && p->bytes[i - 1])) continue;
        if (p->count == PARSE_WORDS) return false;
        p->word[p->count++] = &p->bytes[i];
    }
    p->word[p->count] = "";
    return true;
}

static const char *next(const Parser *p) { return p->word[p->at]; }

static bool accept(Parser *p, const char *word)
{
    if (strcmp(next(p), word) != 0) return false;
    p->at++;
    return true;
}

/* All words of a wording, or nothing. */
static bool accept_words(Parser *p, const char *words)
{
    int at = p->at;
    while (*words) {
        size_t n = strcspn(words, " ");
        if (strncmp(p->word[at], words, n) != 0 || p->word[at][n]) return false;
        if (at < p->count) at++;
        words += n + (words[n] == ' ');
    }
    p->at = at;
    return true;
}

static bool accept_wording(Parser *p, const Wording *w, int *means)
{
    for (; w->text; w++)
        if (accept_words(p, w->text)) {
            *means = w->means;
            return true;
        }
    return false;
}

static int accept_number(Parser *p)
{
    for (int i = 1; i < 7; i++)
        if (accept(p, NUMBER[i])) return i;
    return 0;
}

/* [size] [colour] noun, the noun agreeing with the count. */
static bool parse_described(Parser *p, Phrase *out)
{
    out->large = out->colour = ANY;
    for (int i = 0; i < 2; i++)
        if (out->large == ANY && accept(p, SIZE_NAME[i])) out->large = i;
    for (int i = 0; i < COLOURS; i++)
        if (out->colour == ANY && accept(p, COLOUR[i].name)) out->colour = i;

    bool plural = out->count > 1;
    out->noun = noun_find(next(p), &plural);
    if (out->noun < 0 || plural != (out->count > 1)) return false;
    p->at++;
    return true;
}

static bool parse_phrase(Parser *p, Phrase *out)
{
    *out = (Phrase){ .count = 1 };
    if (accept(p, "a") || accept(p, "an")) return parse_described(p, out);
    out->count = accept_number(p);
    out->exactly = true;
    return out->count > 0 && parse_described(p, out);
}

static bool parse_the(Parser *p, Phrase *out)
{
    *out = (Phrase){ .count = 1 };
    return accept(p, "the") && parse_described(p, out);
}

static void claim(Parser *p, Clause c)
{
    if (p->claims->count < MAX_CLAUSES) p->claims->clause[p->claims->count++] = c;
}

static void claim_exists(Parser *p, Phrase a) { claim(p, (Clause){ .kind = CLAUSE_EXISTS, .a = a }); }

/* "is left of": the rest of a relation, whose second phrase `parse` reads. */
static bool parse_relation(Parser *p, Clause *out, bool (*parse)(Parser *, Phrase *))
{
    int relation;
    if (!accept(p, "is") || !accept_wording(p, RELATION_WORDING, &relation) || !parse(p, &out->b)) return false;
    out->relation = (Relation)relation;
    return true;
}

/* "there are three objects": a count of everything. */
static void parse_opening(Parser *p, bool *there)
{
    int means;
    if (!accept_wording(p, OPENING_WORDING, &means)) return;
    *there = true;
    if (means != OPENING_IS) return;

    int at = p->at, n = accept_number(p);
    if (n && accept(p, n > 1 ? "objects" : "object")) claim_exists(p, (Phrase){ .count = n, .large = ANY, .colour = ANY, .noun = ANY, .exactly = true });
    else p->at = at;
}

static bool parse_caption(Parser *p)
{
    bool opened = false;
    Clause c = { .kind = CLAUSE_RELATION };

    parse_opening(p, &opened);
    if (!parse_phrase(p, &c.a)) return false;
    claim_exists(p, c.a);
    if (!opened && strcmp(next(p), "is") == 0) {
        if (!parse_relation(p, &c, parse_phrase)) return false;
        claim_exists(p, c.b);
        claim(p, c);
        return p->at == p->count;
    }
    while (accept(p, "and")) {
        if (strcmp(next(p), "the") == 0) {
            if (!parse_the(p, &c.a) || !parse_relation(p, &c, parse_the)) return false;
            c.definite = true;
            claim(p, c);
            break;
        }
        if (!parse_phrase(p, &c.a)) return false;
        claim_exists(p, c.a);
    }
    return p->at == p->count;
}

bool caption_parse(const char *text, Claims *out)
{
    Parser p = { .claims = out };
    *out = (Claims){ 0 };
    return split_words(&p, text) && parse_caption(&p);
}
