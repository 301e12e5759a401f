/* marks.c - quotes, brackets, dashes, ellipses, smileys, signs of money, and every other mark. */
#include "text/ptb/scan.h"

/* As many of c as there are. */
static const Unit *run(const Unit *p, Unit c)
{
    while (*p == c)
        p++;
    return p;
}

static Match entity_dash(const Unit *p)
{
    static const char *const names[] = { "&md;", "&mdash;", "&ndash;" };
    for (int i = 0; i < 3; i++)
        if (literal(p, names[i]))
            return upto(literal(p, names[i]));
    return upto(between(*p, 0x96, 0x97) || between(*p, 0x2013, 0x2015) ? p + 1 : NULL);
}

static Match spaces(const Unit *p) { return upto(skip(p, SPACE)); }
static Match entity_space(const Unit *p) { return upto(literal(p, "&nbsp;")); }
static Match entity_ampersand(const Unit *p) { return upto(literal(p, "&amp;")); }

/* Old names of marks, and characters by number: tokens as they stand. */
static Match entity_mark(const Unit *p)
{
    static const char *const names[] = { "&ht;", "&tl;", "&ur;", "&lr;", "&qc;", "&ql;", "&qr;", "&odq;", "&cdq;" };
    for (int i = 0; i < 9; i++)
        if (literal(p, names[i]))
            return upto(literal(p, names[i]));
    const Unit *digits = literal(p, "&#"), *end = digits ? skip(digits, ARABIC) : NULL;
    return end > digits && *end == ';' ? upto(end + 1) : none();
}

static const Unit *double_quote(const Unit *p) { return *p == '"' ? p + 1 : literal(p, "&quot;"); }

static Match opening_double_quote(const Unit *p)
{
    const Unit *q = double_quote(p);
    return q && (is(*q, LATIN | ARABIC) || *q == '$') ? upto_before(q, q + 1) : none();
}

static Match closing_double_quote(const Unit *p) { return upto(double_quote(p)); }

static Match quotes(const Unit *p)
{
    if (p[0] == '\'' && p[1] == '\'')
        return upto(p + 2);
    const Unit *q = ptb_apostrophe(p);
    if (is(*p, QUOTE))
        q = is(p[1], QUOTE) ? p + 2 : p + 1;
    return upto(q);
}

/* US$, #, ¥ */
static Match money(const Unit *p)
{
    static const Unit signs[] = { 0xA2, 0xA3, 0xA4, 0xA5, 0x80, 0x20A0, 0x20AC, 0x060B, 0x0E3F, 0x20A4, 0xFFE0, 0xFFE1, 0xFFE5, 0xFFE6 };
    const Unit *q = p;
    while (between(*q, 'A', 'Z'))
        q++;
    if (*q == '$' || *p == '#')
        return upto(q + 1);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (*p == signs[i])
            return upto(p + 1);
    return none();
}

static Match less_or_greater(const Unit *p)
{
    if (p[0] == p[1] && (p[0] == '<' || p[0] == '>'))
        return upto(p + 2);
    if (*p == '<' || *p == '>')
        return upto(p + 1);
    return upto(literal(p, "&lt;") ? literal(p, "&lt;") : literal(p, "&gt;"));
}

/* >:-) and the like, before neither letter nor digit. */
static Match smiley(const Unit *p)
{
    const Unit *q = *p == '<' || *p == '>' ? p + 1 : p;
    if (!any_of(*q, ":;="))
        return none();
    q++;
    Match best = none();
    for (int nose = 0; nose < 2; nose++) {
        if (nose && !any_of(*q++, "-o*'"))
            break;
        if (any_of(*q, "()DPdpO\\{@|[]") && !is(q[1], LATIN | ARABIC | END))
            best = upto_before(q + 1, q + 2);
    }
    return best;
}

static bool eye(Unit c) { return any_of(c, "^x=~<>'"); }
static bool eye_or_dash(Unit c) { return eye(c) || c == '-'; }

/* -_- (^_^) (>.<) (x-x) */
static Match asian_smiley(const Unit *p)
{
    if (eye_or_dash(p[0]) && p[1] == '_' && eye_or_dash(p[2]))
        return upto(p + 3);
    if (*p != '(' || !eye_or_dash(p[1]))
        return eye(p[0]) && *p != '\'' && p[1] == '.' ? upto(literal(p + 2, "[^x=~<>]")) : none();
    const Unit *q = p[2] == '_' || p[2] == '.' ? p + 3 : p + 2;
    if (eye_or_dash(*q) && q[1] == ')')
        return upto(q + 2);
    if (eye(p[1]) && p[2] == '-' && (eye(p[3]) || p[3] == '`') && p[4] == ')')
        return upto(p + 5);
    return none();
}

static Match bracket(const Unit *p) { return any_of(*p, "()[]{}") ? upto(p + 1) : none(); }

static Match dashes(const Unit *p) { return *p == '-' ? upto(run(p, '-')) : none(); }

static bool space_between_dots(Unit c) { return c == ' ' || c == 0xA0; }

/* Three to five dots, with single spaces between them or none. */
static Match ellipsis(const Unit *p)
{
    if (*p == 0x85 || *p == 0x2026)
        return upto(p + 1);
    int dots = 0, spaced = 1;
    while (dots < 5 && p[dots] == '.')
        dots++;
    const Unit *q = p + 1;
    while (*p == '.' && spaced < 5 && space_between_dots(q[0]) && q[1] == '.')
        q += 2, spaced++;
    return upto(dots >= 3 ? p + dots : spaced >= 3 ? q : NULL);
}

/* @@@ ### ___ *** and \*\*\* */
static Match repeated(const Unit *p)
{
    if (any_of(*p, "@#_*"))
        return upto(run(p, *p));
    const Unit *q = p;
    for (int i = 0; i < 3 && q[0] == '\\' && q[1] == '*'; i++)
        q += 2;
    return upto(q > p ? q : NULL);
}

static Match exclamation(const Unit *p)
{
    const Unit *q = p;
    while (*q == '!' || *q == '?')
        q++;
    return upto(q > p ? q : NULL);
}

static Match single(const Unit *p) { return is(*p, SYMBOL) || any_of(*p, ",;:.=/+%&~^|\\") ? upto(p + 1) : none(); }

const Rule ptb_mark_rules[] = {
    { "&mdash;",             MARK | SYMBOL | OTHER,       entity_dash,          spell_dash },
    { "spaces",              SPACE,                       spaces,               NULL },
    { "&nbsp;",              MARK,                        entity_space,         NULL },
    { "&amp;",               MARK,                        entity_ampersand,     spell_plain },
    { "&#39;",               MARK,                        entity_mark,          spell_plain },
    { "\" before a word",    MARK,                        opening_double_quote, spell_opening },
    { "\"",                  MARK,                        closing_double_quote, spell_quotes },
    { "US$",                 LATIN | MARK | SYMBOL | OTHER, money,              spell_money },
    { "< and >",             MARK,                        less_or_greater,      spell_angle },
    { ":-)",                 MARK,                        smiley,               spell_brackets },
    { "^_^",                 LATIN | MARK | APOSTROPHE,   asian_smiley,         spell_brackets },
    { "brackets",            MARK,                        bracket,              spell_bracket },
    { "dashes",              MARK,                        dashes,               spell_dashes },
    { "ellipsis",            MARK | NEWLINE | SYMBOL | OTHER, ellipsis,         spell_ellipsis },
    { "@@@",                 MARK,                        repeated,             spell_plain },
    { "!?",                  MARK,                        exclamation,          spell_plain },
    { "quotes",              MARK | APOSTROPHE | QUOTE,   quotes,               spell_quotes },
    { "single mark",         MARK | SYMBOL,               single,               spell_plain },
    { 0 }
};
