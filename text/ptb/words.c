/* words.c - words: contractions, clitics, words with apostrophes inside. */
#include "text/ptb/scan.h"



/* &eacute; and its like: a, e, i, o or u with an acute, grave or uml. */
static const Unit *accented(const Unit *p)
{
    static const char *const accents[] = { "acute;", "grave;", "uml;" };
    if (*p != '&' || !any_of(ascii_lower(p[1]), "aeiou"))
        return NULL;
    for (int i = 0; i < 3; i++)
        if (literal(p + 2, accents[i]))
            return literal(p + 2, accents[i]);
    return NULL;
}

const Unit *ptb_letter(const Unit *p) { return is(*p, LETTERISH) ? p + 1 : accented(p); }

static const Unit *letters_and_digits(const Unit *p)
{
    for (;;) {
        p = skip(p, LETTERISH | DIGIT);
        const Unit *q = accented(p);
        if (!q)
            return p;
        p = q;
    }
}

/* Letters and digits from a letter on; . ! and ? may stand before another letter. */
const Unit *ptb_word_end(const Unit *p)
{
    for (const Unit *end = NULL; ; p = end + 1) {
        const Unit *q = ptb_letter(p);
        if (!q)
            return end;
        end = letters_and_digits(q);
        if (!any_of(*end, ".!?"))
            return end;
    }
}

const Unit *ptb_apostrophe(const Unit *p)
{
    return is(*p, APOSTROPHE) ? p + 1 : *p == '&' ? literal(p, "&apos;") : NULL;
}

/* An apostrophe, or what is written for one. */
const Unit *ptb_apostrophe_like(const Unit *p)
{
    return *p == '`' || *p == 0x91 || *p == 0x2018 || *p == 0x201B ? p + 1 : ptb_apostrophe(p);
}

const Unit *ptb_clitic(const Unit *p)
{
    static const char *const clitics[] = { "re", "ve", "ll", "s", "m", "d" };
    const Unit *q = ptb_apostrophe(p);
    for (int i = 0; q && i < 6; i++)
        if (literal(q, clitics[i]))
            return literal(q, clitics[i]);
    return NULL;
}

static const Unit *not_contracted(const Unit *p)
{
    const Unit *q = ascii_lower(*p) == 'n' ? ptb_apostrophe_like(p + 1) : NULL;
    return q && ascii_lower(*q) == 't' ? q + 1 : NULL;
}

static Match word(const Unit *p) { return upto(ptb_word_end(p)); }

static Match word_before_clitic(const Unit *p)
{
    const Unit *end = ptb_word_end(p), *look = end ? ptb_clitic(end) : NULL;
    return upto_before(end, look);
}

/* do n't: ASCII letters, the last of them no n, before n't. */
static Match verb_before_not(const Unit *p)
{
    const Unit *q = p;
    while (is(*q, LATIN) || *q == 0xAD)
        q++;
    if (q - p < 2 || ascii_lower(q[-1]) != 'n')
        return none();
    const Unit *last = q - 2;
    while (last > p && *last == 0xAD)
        last--;
    if (!is(*last, LATIN) || ascii_lower(*last) == 'n')
        return none();
    return upto_before(q - 1, not_contracted(q - 1));
}

/* Words that are written together but are two tokens. */
static Match joined(const Unit *p)
{
    static const struct { const char *whole; int first; } pairs[] = {
        { "cannot", 3 }, { "gonna", 3 }, { "gotta", 3 }, { "lemme", 3 }, { "gimme", 3 }, { "wanna", 3 }, { "'tis", 2 }, { "'twas", 2 },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (literal(p, pairs[i].whole))
            return upto_before(p + pairs[i].first, literal(p, pairs[i].whole));
    return none();
}

/* ---- apostrophes inside ------------------------------------------------------------------------------------------------ */

/* 'n', 'em, '90s, 'till, 'cause */
static Match begins_with_apostrophe(const Unit *p)
{
    const Unit *q = ptb_apostrophe(p), *end = NULL;
    if (!q)
        return none();
    if (ascii_lower(*q) == 'n')
        end = ptb_apostrophe(q + 1) ? ptb_apostrophe(q + 1) : q + 1;
    else if (between(*q, '2', '9'))
        end = literal(q + 1, "0s");
    else if (literal(q, "til"))
        end = literal(q, "till") ? literal(q, "till") : literal(q, "til");
    else
        end = literal(q, "em") ? literal(q, "em") : literal(q, "cause");
    return upto(end);
}

/* l', d', j', dunkin', somethin', ol' */
static Match ends_with_apostrophe(const Unit *p)
{
    static const char *const words[] = { "l", "d", "j", "dunkin", "somethin", "ol" };
    const Unit *end = NULL;
    for (int i = 0; i < 6; i++) {
        const Unit *q = literal(p, words[i]);
        end = later(end, q ? ptb_apostrophe(q) : NULL);
    }
    return upto(end);
}

/* O'Brien, n'est: a capital (but I and Y) or n, an apostrophe, two letters or more. */
static Match initial_and_apostrophe(const Unit *p)
{
    if (*p != 'n' && (!between(*p, 'A', 'Z') || *p == 'I' || *p == 'Y'))
        return none();
    const Unit *q = ptb_apostrophe_like(p + 1);
    return q && is(q[0], LETTER) && is(q[1], LETTER) ? upto(skip(q, LETTER)) : none();
}

/* Hawai'i, ma'am: letters that end in a vowel, and more that begin with one or with a capital. */
static Match apostrophe_between_vowels(const Unit *p)
{
    const Unit *q = skip(p, LETTER);
    if (q - p < 2 || !any_of(ascii_lower(q[-1]), "aeiouy"))
        return none();
    q = ptb_apostrophe_like(q);
    return q && (any_of(*q, "aeiou") || between(*q, 'A', 'Z')) ? upto(skip(q, LETTER)) : none();
}

/* Words known with a straight apostrophe only; but o'o. */
static Match word_with_apostrophe(const Unit *p)
{
    static const char *const words[] = { "cont'd.", "cont'd", "nor'easter", "c'mon", "e'er", "s'mores", "ev'ry", "li'l", "nat'l" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (literal(p, words[i]))
            return upto(literal(p, words[i]));
    const Unit *q = ascii_lower(*p) == 'o' ? ptb_apostrophe_like(p + 1) : NULL;
    return q && ascii_lower(*q) == 'o' ? upto(q + 1) : none();
}

/* y'all: y' before a letter. */
static Match y_with_apostrophe(const Unit *p)
{
    const Unit *q = ascii_lower(*p) == 'y' ? ptb_apostrophe(p + 1) : NULL;
    return q && is(*q, LETTER) ? upto_before(q, q + 1) : none();
}

/* ---- clitics by themselves --------------------------------------------------------------------------------------------- */

static Match alone(const Unit *end)
{
    return end && !is(*end, LATIN | END) ? upto_before(end, end + 1) : none();
}
static Match clitic_alone(const Unit *p) { return alone(ptb_clitic(p)); }
static Match not_alone(const Unit *p) { return alone(not_contracted(p)); }
static Match clitic(const Unit *p) { return upto(ptb_clitic(p)); }
static Match not_at_last(const Unit *p) { return upto(not_contracted(p)); }

/* 'quoted: a letter and something more. */
static Match opening_quote(const Unit *p)
{
    bool opens = *p == '\'' && is(p[1], LATIN) && !is(p[2], END) && !any_of(p[2], " \t\n\r") && p[2] != 0xA0;
    return opens ? upto_before(p + 1, p + 3) : none();
}

#define WORD_START (LETTERISH | MARK)

const Rule ptb_word_rules[] = {
    { "can not, gon na, 't is",        LATIN | APOSTROPHE, joined,                  spell_plain },
    { "word before a clitic",          WORD_START,        word_before_clitic,       spell_plain },
    { "verb before n't",               LETTERISH,         verb_before_not,          spell_plain },
    { "word",                          WORD_START,        word,                     spell_plain },
    { "'n', 'em, '90s",                APOSTROPHE | MARK, begins_with_apostrophe,   spell_plain },
    { "l', somethin'",                 LATIN,             ends_with_apostrophe,     spell_plain },
    { "O'Brien",                       LATIN,             initial_and_apostrophe,   spell_plain },
    { "ma'am",                         LETTER,            apostrophe_between_vowels, spell_plain },
    { "c'mon",                         LATIN,             word_with_apostrophe,     spell_plain },
    { "y' before a letter",            LATIN,             y_with_apostrophe,        spell_plain },
    { "clitic",                        APOSTROPHE | MARK, clitic_alone,             spell_quotes },
    { "n't",                           LATIN,             not_alone,                spell_quotes },
    { "'quoted",                       APOSTROPHE,        opening_quote,            spell_opening },
    { "clitic before anything",        APOSTROPHE | MARK, clitic,                   spell_quotes },
    { "n't before anything",           LATIN,             not_at_last,              spell_quotes },
    { 0 }
};
