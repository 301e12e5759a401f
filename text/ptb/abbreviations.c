/* abbreviations.c - what keeps its full stop.
 *
 * Three lists of known ones: those after which a sentence may begin (Inc.), those after which something follows in any case (Mr.), those
 * that count only before a number (No. 5). Then initials (U.S.), and any word before a comma.                           */
#include "text/ptb/scan.h"

static const char *const MAY_END[] = {
    "al", "co", "ct", "ga", "jr", "ky", "md", "mo", "rd", "rt", "sq", "sr", "va", "vt", "ala", "apr", "aug", "bhd", "cos", "dak", "dec",
    "esq", "est", "etc", "ext", "feb", "fla", "fri", "inc", "ind", "jan", "jul", "jun", "kan", "ltd", "mar", "mon", "neb", "nev", "nov",
    "oct", "plc", "sep", "seq", "sys", "tel", "thu", "tue", "wed", "wis", "wyo", "ariz", "assn", "bldg", "blvd", "bros", "colo", "conn",
    "corp", "intl", "kans", "mich", "minn", "mont", "okla", "penn", "sept", "tenn", "tues", "univ", "wisc", "bancorp", "calif", "thurs",
};
/* States that are words, too, in lower case. */
static const char *const MAY_END_CAPITAL[] = { "az", "la", "pa", "ark", "del", "ill", "ore", "tex", "mass", "miss", "wash" };
static const char *const GOES_ON[] = {
    "cf", "dr", "ft", "lt", "mr", "ms", "mt", "ph", "st", "vs", "wm", "adj", "adm", "adv", "ave", "cie", "col", "cpl", "det", "drs", "ens",
    "gen", "gov", "hon", "jos", "maj", "mme", "mrs", "pfc", "pvt", "rep", "rev", "sen", "sfc", "sgt", "spc", "ste", "alex", "asst", "atty",
    "brig", "capt", "cmdr", "dept", "elec", "govs", "insp", "invt", "mlle", "msgr", "natl", "pres", "prof", "reps", "sens", "supt", "assoc",
    "attys", "comdr", "lieut", "messrs", "profs", "supts", "treas",
};
static const char *const BEFORE_NUMBER[] = { "ca", "no", "op", "pp", "art", "fig", "nos", "bldg", "figs", "prop" };

/* After initials these, with a capital, begin a sentence. */
static const char *const SENTENCE_STARTS[] = {
    "A", "About", "According", "Additionally", "After", "An", "As", "At", "But", "Earlier", "He", "Her", "Here", "However", "If", "In", "It",
    "Last", "Many", "More", "Mr.", "Ms.", "Now", "Once", "One", "Other", "Our", "She", "Since", "So", "Some", "Such", "That", "The",
    "Their", "Then", "There", "These", "They", "This", "We", "What", "When", "While", "Yet", "You",
};

enum { LONGEST = 7 };                            /* letters of any in these lists */
#define COUNT(list) (sizeof list / sizeof *list)

const Unit *ptb_space(const Unit *p)
{
    return p[0] == '\r' && p[1] == '\n' ? p + 2 : is(*p, SPACE | NEWLINE) ? p + 1 : NULL;
}

bool ptb_pause(Unit c) { return c == ',' || c == ';' || c == ':' || c == 0x3001; }

/* Behind the full stop after a word of ASCII letters that is in the list; or NULL. */
static const Unit *listed(const Unit *p, const char *const *list, size_t count)
{
    const Unit *stop = skip(p, LATIN);
    if (*stop != '.' || stop - p > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (literal(p, list[i]) == stop)
            return stop + 1;
    return NULL;
}

/* Pty. and Pte. of companies, the y or e in lower case. */
static const Unit *proprietary(const Unit *p)
{
    const Unit *q = literal(p, "ppt") ? literal(p, "ppt") : literal(p, "pt");
    if (!q || (*q != 'y' && *q != 'e'))
        return NULL;
    q = ascii_lower(q[1]) == 's' ? q + 2 : q + 1;
    return *q == '.' ? q + 1 : NULL;
}

static const Unit *may_end(const Unit *p)
{
    const Unit *end = listed(p, MAY_END, COUNT(MAY_END));
    if (!end && between(*p, 'A', 'Z'))
        end = listed(p, MAY_END_CAPITAL, COUNT(MAY_END_CAPITAL));
    if (!end)
        end = literal(p, "ed.d.") ? literal(p, "ed.d.") : literal(p, "ph.d.");
    return end ? end : proprietary(p);
}

/* Inc. before a space and a capital, a tag or another space. */
static Match ends_sentence(const Unit *p)
{
    const Unit *end = may_end(p), *next = end ? ptb_space(end) : NULL;
    if (!next)
        return none();
    const Unit *look = ptb_space(next);
    if (!look)
        look = is(*next, UPPER) ? next + 1 : ptb_tag(next);
    return upto_before(end, look);
}

static Match within_sentence(const Unit *p)
{
    const Unit *end = may_end(p);
    return end && !is(end[0], END) && !is(end[1], END) ? upto_before(end, end + 2) : none();
}

static Match at_the_end(const Unit *p) { return upto(may_end(p)); }

/* M[ft]g. with the f or t in lower case. */
static Match goes_on(const Unit *p)
{
    const Unit *end = listed(p, GOES_ON, COUNT(GOES_ON));
    if (!end && ascii_lower(p[0]) == 'm' && (p[1] == 'f' || p[1] == 't') && ascii_lower(p[2]) == 'g' && p[3] == '.')
        end = p + 4;
    return upto(end);
}

static Match before_number(const Unit *p)
{
    const Unit *end = listed(p, BEFORE_NUMBER, COUNT(BEFORE_NUMBER));
    if (!end)
        return none();
    const Unit *q = ptb_space(end) ? ptb_space(end) : end;
    return is(*q, DIGIT) ? upto_before(end, q + 1) : none();
}

/* Pty. ltd., Co. limited */
static Match before_limited(const Unit *p)
{
    const Unit *q = literal(p, "pt"), *end = NULL;
    if (q && any_of(*q, "eyEY") && q[1] == '.')
        end = q + 2;
    else
        end = literal(p, "co.");
    if (!end || !is(*end, SPACE))
        return none();
    return upto_before(end, literal(end + 1, "ltd") ? literal(end + 1, "ltd") : literal(end + 1, "lim"));
}

/* ---- initials ----------------------------------------------------------------------------------------------------------- */

/* Sino-U.S and the like, without the last full stop. */
static const Unit *countries(const Unit *p)
{
    static const char *const names[] = {
        "canada-u.s", "sino-u.s", "korean-u.s", "eu-u.s", "japan-u.s", "non-u.s",
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (literal(p, names[i]))
            return literal(p, names[i]);
    return NULL;
}

static const Unit *two_countries(const Unit *p)
{
    return literal(p, "u.s.-u.s.s.r") ? literal(p, "u.s.-u.s.s.r") : literal(p, "u.s.-u.k");
}

const Unit *ptb_initials(const Unit *p)
{
    const Unit *q = p;
    while (is(q[0], LATIN) && q[1] == '.')
        q += 2;
    return q > p ? q : NULL;
}

static const Unit *acronym(const Unit *p)
{
    const Unit *q = two_countries(p) ? two_countries(p) : countries(p);
    return q && *q == '.' ? q + 1 : ptb_initials(p);
}

static Match initials(const Unit *p) { return upto(acronym(p)); }

/* The same without the last full stop, before a space. */
static Match initials_before_space(const Unit *p)
{
    const Unit *q = two_countries(p) ? two_countries(p) : countries(p);
    if (!q) {
        for (q = p; is(q[0], LATIN) && q[1] == '.'; )
            q += 2;
        q = is(*q, LATIN) ? q + 1 : NULL;
    }
    return q ? upto_before(q, ptb_space(q)) : none();
}

/* The word behind spaces is one that begins a sentence, or a tag, and a space is behind it. */
static const Unit *sentence_start(const Unit *p)
{
    const Unit *from = skip(p, SPACE | NEWLINE);
    if (from == p)
        return NULL;
    const Unit *end = ptb_tag(from);
    if (end)
        return ptb_space(end);
    for (size_t i = 0; i < COUNT(SENTENCE_STARTS); i++) {
        const char *word = SENTENCE_STARTS[i];
        const Unit *q = from;
        if (*q++ != (unsigned char)*word++)
            continue;
        q = literal(q, word);
        if (q && ptb_space(q))
            return ptb_space(q);
    }
    return NULL;
}

static Match initials_before_sentence(const Unit *p)
{
    const Unit *end = acronym(p);
    return end && end > p + 2 ? upto_before(end, sentence_start(end)) : none();
}

/* One letter that ends a sentence has no full stop of its own. */
static Match letter_before_sentence(const Unit *p)
{
    const Unit *end = acronym(p);
    return end == p + 2 ? upto_before(p + 1, sentence_start(end)) : none();
}

static Match word_before_pause(const Unit *p)
{
    const Unit *end = ptb_word_end(p);
    return end && *end == '.' && ptb_pause(end[1]) ? upto_before(end + 1, end + 2) : none();
}

const Rule ptb_abbreviation_rules[] = {
    { "U.S. before a sentence",     LATIN, initials_before_sentence, spell_plain, .again = true },
    { "I. before a sentence",       LATIN, letter_before_sentence,   spell_plain },
    { "No. 5",                      LATIN, before_number,            spell_plain },
    { "Pty. ltd.",                  LATIN, before_limited,           spell_plain },
    { "Inc. before a sentence",     LATIN, ends_sentence,            spell_plain, .again = true },
    { "Inc. within a sentence",     LATIN, within_sentence,          spell_plain },
    { "Inc. at the end",            LATIN, at_the_end,               spell_plain, .again = true },
    { "Mr.",                        LATIN, goes_on,                  spell_plain },
    { "U.S.",                       LATIN, initials,                 spell_plain },
    { "U.S before a space",         LATIN, initials_before_space,    spell_plain },
    { "word. before a comma",       LETTERISH | MARK, word_before_pause, spell_plain },
    { 0 }
};
