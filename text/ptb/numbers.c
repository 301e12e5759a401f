/* numbers.c - numbers, dates, fractions, telephone numbers. */
#include "text/ptb/scan.h"

/* Behind at least `least` and at most `most` units of these classes, as many as there are; or NULL. */
static const Unit *some(const Unit *p, unsigned classes, int least, int most)
{
    int n = 0;
    while (n < most && is(p[n], classes))
        n++;
    return n >= least ? p + n : NULL;
}

static bool inside_number(Unit c)
{
    return c == '.' || c == ':' || c == ',' || c == 0xAD || c == 0x066B || c == 0x066C;     /* Arabic separators */
}

static Match number(const Unit *p)
{
    const Unit *q = *p == '-' || *p == '+' ? p + 1 : p, *end = is(*q, DIGIT) ? skip(q, DIGIT) : NULL;
    for (q = end ? end : q; inside_number(*q) && is(q[1], DIGIT); )
        end = q = skip(q + 1, DIGIT);
    return upto(end);
}

/* 1/2/2003 */
static Match date(const Unit *p)
{
    for (int i = 0; i < 2; i++) {
        p = some(p, DIGIT, 1, 2);
        if (!p || (*p != '-' && *p != '/'))
            return none();
        p++;
    }
    return upto(some(p, DIGIT, 2, 4));
}

/* 12/5, 12\/5, or with a fraction slash. */
static const Unit *simple_fraction(const Unit *p)
{
    p = some(p, DIGIT, 1, 4);
    if (!p)
        return NULL;
    if (p[0] == '\\' && p[1] == '/')
        p++;
    return *p == '/' || *p == 0x2044 ? some(p + 1, DIGIT, 1, 4) : NULL;
}

/* 3/4, 1 3/4, 1-3/4 */
static Match fraction(const Unit *p)
{
    const Unit *q = some(p, DIGIT, 1, 4), *end = simple_fraction(p);
    if (q && (*q == '-' || *q == ' ' || *q == 0xA0))
        end = later(end, simple_fraction(q + 1));
    return upto(end);
}

static Match fraction_sign(const Unit *p)
{
    return upto(between(*p, 0xBC, 0xBE) || between(*p, 0x2153, 0x215E) ? p + 1 : NULL);
}

static bool superscript(Unit c) { return c == 0x2070 || c == 0xB9 || c == 0xB2 || c == 0xB3 || between(c, 0x2074, 0x2079); }

static Match raised_or_lowered(const Unit *p)
{
    const Unit *q = between(*p, 0x207A, 0x207B) || between(*p, 0x208A, 0x208B) ? p + 1 : p, *from = q;
    while (superscript(*q))
        q++;
    if (q == from)
        while (between(*q, 0x2080, 0x2089))
            q++;
    return upto(q > from ? q : NULL);
}

/* '98 at the end of a word. */
static Match year(const Unit *p)
{
    const Unit *q = ptb_apostrophe(p);
    q = q ? some(q, ARABIC, 2, 2) : NULL;
    const Unit *look = q ? ptb_space(q) : NULL;
    return upto_before(q, look);
}

/* ---- telephones --------------------------------------------------------------------------------------------------------- */

static bool joint(Unit c) { return c == '-' || c == ' ' || c == 0xA0; }

/* The last seven digits or so: 3 or 4, a joint or none, 3 to 5. */
static const Unit *subscriber(const Unit *p)
{
    const Unit *q = some(p, ARABIC, 3, 4);
    if (q && joint(*q) && some(q + 1, ARABIC, 3, 5))
        return some(q + 1, ARABIC, 3, 5);
    return some(p, ARABIC, 6, 9);
}

/* Two to four digits and a joint. */
static const Unit *group(const Unit *p)
{
    const Unit *q = p ? some(p, ARABIC, 2, 4) : NULL;
    return q && joint(*q) ? q + 1 : NULL;
}

static const Unit *plus_signs(const Unit *p)
{
    for (int i = 0; i < 2 && *p == '+'; i++)
        p++;
    return p;
}

static Match telephone(const Unit *p)
{
    const Unit *q, *end = NULL;
    if (*p == '(') {
        q = some(p + 1, ARABIC, 2, 3);
        if (!q || *q != ')')
            return none();
        q++;
        return upto(subscriber(*q == ' ' || *q == 0xA0 ? q + 1 : q));
    }
    q = group(plus_signs(p));
    if (q)
        end = subscriber(q);
    if ((q = group(q)))
        end = later(end, subscriber(q));
    return upto(end);
}

/* 650.723.0293 */
static Match dotted_telephone(const Unit *p)
{
    const Unit *groups[4], *q = plus_signs(p);
    bool signs = q > p;
    int  n = 0;
    while (n < 3 && (q = some(q, ARABIC, 2, 4)) && *q == '.')
        groups[n++] = ++q;
    /* The signs belong to a country code, so that four groups are needed after them. */
    const Unit *end = NULL;
    if (n >= 2 && !signs && is(groups[1][-2], ARABIC) && is(groups[1][-3], ARABIC) && is(groups[1][-4], ARABIC))
        end = some(groups[1], ARABIC, 3, 5);
    if (n == 3 && is(groups[2][-2], ARABIC) && is(groups[2][-3], ARABIC) && is(groups[2][-4], ARABIC))
        end = later(end, some(groups[2], ARABIC, 3, 5));
    return upto(end);
}

const Rule ptb_number_rules[] = {
    { "1/2/2003",                 DIGIT,                           date,              spell_plain },
    { "number",                   DIGIT | MARK | LETTERISH | OTHER, number,           spell_plain },
    { "superscript",              SYMBOL,                          raised_or_lowered, spell_plain },
    { "fraction",                 DIGIT,                           fraction,          spell_plain },
    { "½",                        SYMBOL | OTHER,                     fraction_sign,     spell_fraction },
    { "'98",                      APOSTROPHE | MARK,               year,              spell_plain },
    { "telephone",                ARABIC | MARK,                   telephone,         spell_brackets },
    { "650.723.0293",             ARABIC | MARK,                   dotted_telephone,  spell_plain },
    { 0 }
};
