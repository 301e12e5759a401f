/* compounds.c - several words in one token: hyphens, slashes, & and +. */
#include "text/ptb/scan.h"

#define LD (LETTER | DIGIT)
#define LATIN_OR_ARABIC (LATIN | ARABIC)

/* Letters and digits; d' and its like may stand before two or more. */
static const Unit *part(const Unit *p)
{
    const Unit *q = any_of(*p, "dDoOlL") ? ptb_apostrophe_like(p + 1) : NULL;
    if (q && is(q[0], LD) && is(q[1], LD))
        p = q;
    return is(*p, LD) ? skip(p, LD) : NULL;
}

static Match hyphenated(const Unit *p)
{
    const Unit *end = part(p);
    for (const Unit *q = end; q && is(*q, HYPHEN); ) {
        q = part(q + 1);
        if (q)
            end = q;
    }
    return upto(end);
}

/* 10,000-man, U.S.-based: ASCII; commas and full stops before the first hyphen, initials with all their full stops behind one. */
static Match hyphenated_ascii(const Unit *p)
{
    const Unit *end = NULL, *q = p;
    while (is(*q, LATIN_OR_ARABIC) || (q > p && (*q == '.' || *q == ',' || *q == 0xAD)))
        q++;
    while (*q == '-') {
        const Unit *from = q + 1, *initials = ptb_initials(from);
        for (q = from; is(*q, LATIN_OR_ARABIC) || *q == 0xAD; )
            q++;
        if (initials && initials > from + 2)
            q = later(q, initials);
        if (q == from)
            break;
        end = q;
    }
    return upto(end);
}

/* R&D, A+B&C: runs of capitals. */
static Match with_ampersands(const Unit *p)
{
    const Unit *end = NULL, *q = p;
    for (;;) {
        const Unit *from = q;
        while (between(*q, 'A', 'Z'))
            q++;
        if (q == from)
            return upto(end);
        if (from > p)
            end = q;
        const Unit *entity = literal(q, "&amp;");
        if (entity && between(*entity, 'A', 'Z'))
            q = entity;
        else if (*q == '&' || *q == '+')
            q++;
        else
            return upto(end);
    }
}

/* Any of these keeps a full stop before a comma, semicolon or colon. */
static Match before_pause(const Unit *p)
{
    Match m = further(further(hyphenated_ascii(p), hyphenated(p)), with_ampersands(p));
    return m.look && *m.end == '.' && ptb_pause(m.end[1]) ? upto_before(m.end + 1, m.end + 2) : none();
}

/* One side of a slash: ASCII letters and digits, then at most two times a hyphen and letters. */
static const Unit *side(const Unit *p)
{
    if (!is(*p, LATIN_OR_ARABIC))
        return NULL;
    p = skip(p, LATIN_OR_ARABIC);
    for (int i = 0; i < 2 && *p == '-' && is(p[1], LATIN); i++)
        p = skip(p + 1, LATIN);
    return p;
}

/* and/or: two or three sides; \/ is a slash, too. */
static Match slashed(const Unit *p)
{
    const Unit *end = NULL, *q = side(p);
    for (int i = 0; i < 2 && q; i++) {
        if (*q == '\\')
            q++;
        q = *q == '/' ? side(q + 1) : NULL;
        if (q)
            end = q;
    }
    return upto(end);
}

static Match named(const Unit *p)
{
    static const char *const names[] = { "c++", "c#", "f#", "c.d.s", "pro-", "anti-", "s&p-500", "s&amp;p-500", "s&ls", "s&amp;ls" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (literal(p, names[i]))
            return upto(literal(p, names[i]));
    return none();
}

/* Cap'n, c'est */
static Match named_with_apostrophe(const Unit *p)
{
    const Unit *cap = literal(p, "cap"), *q = cap ? ptb_apostrophe(cap) : NULL;
    if (q && (q = literal(q, "n")))
        return upto(q);
    q = ascii_lower(*p) == 'c' ? ptb_apostrophe(p + 1) : NULL;
    return q ? upto(literal(q, "est")) : none();
}

static Match bracket_name(const Unit *p)
{
    static const char *const names[] = { "-lrb-", "-rrb-", "-lcb-", "-rcb-", "-lsb-", "-rsb-" };
    for (int i = 0; i < 6; i++)
        if (literal(p, names[i]))
            return upto(literal(p, names[i]));
    return none();
}

const Rule ptb_compound_rules[] = {
    { "pro-, S&P-500",        LATIN,           named,                  spell_plain },
    { "Cap'n",                LATIN,           named_with_apostrophe,  spell_plain },
    { "-LRB-",                MARK,            bracket_name,           spell_plain },
    { "and/or",               LATIN_OR_ARABIC, slashed,                spell_plain },
    { "U.S.-based",           LATIN_OR_ARABIC, hyphenated_ascii,       spell_plain },
    { "co-op",                LETTER | DIGIT,  hyphenated,             spell_plain },
    { "R&D",                  LATIN,           with_ampersands,        spell_plain },
    { "co-op. before a comma", LETTER | DIGIT, before_pause,           spell_plain },
    { 0 }
};
