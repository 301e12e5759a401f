/* net.c - addresses of the net, e-mail, @names and #tags, SGML tags, names of files. */
#include "text/ptb/scan.h"

/* What no path holds, and no other part of an address. (Line separators but \n, \r and \f do stand inside.) */
static bool ends_path(Unit c) { return is(c, END) || any_of(c, " \t\n\f\r\"<>|()"); }
static bool ends_address(Unit c) { return ends_path(c) || c == '{' || c == '}'; }

/* From p, in [p, end), the longest that does not end in a mark; of two units or more. */
static const Unit *without_last_marks(const Unit *p, const Unit *end)
{
    while (end > p && any_of(end[-1], ".!?,-{}"))
        end--;
    return end >= p + 2 ? end : NULL;
}

/* http://… */
static Match full_address(const Unit *p)
{
    const Unit *from = literal(p, "https://") ? literal(p, "https://") : literal(p, "http://"), *q = from;
    while (q && !ends_address(*q))
        q++;
    return upto(from ? without_last_marks(from, q) : NULL);
}

/* The path behind a host, if there is one. */
static const Unit *with_path(const Unit *host_end)
{
    const Unit *q = host_end + 1;
    if (*host_end != '/')
        return host_end;
    while (!ends_path(*q))
        q++;
    q = without_last_marks(host_end + 1, q);
    return q ? q : host_end;
}

static bool in_www_label(Unit c) { return !ends_address(c) && !any_of(c, ".!?,"); }

/* www.…: labels, the last one of two to four letters. */
static Match www_address(const Unit *p)
{
    const Unit *q = literal(p, "www."), *end = NULL;
    for (int labels = 0; q; labels++) {
        if (labels > 0) {
            const Unit *top = q;
            while (top < q + 4 && is(*top, LATIN))
                top++;
            if (top >= q + 2)
                end = later(end, with_path(top));
        }
        const Unit *from = q;
        while (in_www_label(*q))
            q++;
        q = q > from && *q == '.' ? q + 1 : NULL;
    }
    return upto(end);
}

/* Neither digits nor capitals: a range "," to "_" stands in the original's set. */
static bool in_label(Unit c) { return !ends_address(c) && !between(c, ',', '_') && !any_of(c, "`'!$"); }

/* site.org: labels, the last one com, net, org or edu. */
static Match likely_address(const Unit *p)
{
    static const char *const tops[] = { "com", "net", "org", "edu" };
    const Unit *end = NULL;
    for (const Unit *q = p; q; ) {
        for (int i = 0; q > p && i < 4; i++)
            if (literal(q, tops[i]))
                end = later(end, with_path(literal(q, tops[i])));
        const Unit *from = q;
        while (in_label(*q))
            q++;
        q = q > from && *q == '.' ? q + 1 : NULL;
    }
    return upto(end);
}

static bool in_mail(Unit c) { return !ends_address(c) && c != 0xA0; }
static bool in_mail_host(Unit c) { return !ends_address(c) && c != 0xA0 && c != '.'; }

/* name@host; < and > may stand around it. */
static Match mail(const Unit *p)
{
    const Unit *q = *p == '<' ? p + 1 : literal(p, "&lt;") ? literal(p, "&lt;") : p;
    if (!is(*q, LATIN | ARABIC))
        return none();
    const Unit *at = NULL;
    for (q++; in_mail(*q); q++)
        if (*q == '@' && in_mail_host(q[1]))
            at = q;
    if (!at)
        return none();
    const Unit *end = at + 1;
    for (q = at + 1; in_mail_host(*q); q++) {
        while (in_mail_host(*q))
            q++;
        end = q;
        if (*q != '.')
            break;
    }
    return upto(*end == '>' ? end + 1 : end);
}

static Match at_name(const Unit *p)
{
    if (*p != '@' || !(is(p[1], LATIN) || p[1] == '_'))
        return none();
    for (p++; is(*p, LATIN | ARABIC) || *p == '_'; )
        p++;
    return upto(p);
}

static Match hash_tag(const Unit *p)
{
    const Unit *end = NULL;
    for (const Unit *q = *p == '#' ? ptb_letter(p + 1) : NULL; q; q = ptb_letter(q))
        end = q;
    return upto(end);
}

/* ---- tags ---------------------------------------------------------------------------------------------------------------- */

static const Unit *skip_spaces(const Unit *p)
{
    while (*p == ' ')
        p++;
    return p;
}

/* The name of a tag or an attribute. */
static const Unit *name(const Unit *p)
{
    if (!is(*p, LATIN))
        return NULL;
    while (is(*p, LATIN | ARABIC) || any_of(*p, ":.-_"))
        p++;
    return p;
}

/* ="…" or ='…' with the spaces around the sign; or NULL. */
static const Unit *value(const Unit *p)
{
    p = skip_spaces(p);
    if (*p != '=')
        return NULL;
    p = skip_spaces(p + 1);
    Unit quote = *p;
    if (quote != '"' && quote != '\'')
        return NULL;
    for (p++; *p != quote; p++)
        if (is(*p, END) || *p == '\n' || *p == '\r')
            return NULL;
    return p + 1;
}

static const Unit *open_tag(const Unit *p)
{
    const Unit *q = name(p), *space;
    while (q && *q == ' ' && (space = skip_spaces(q), is(*space, LATIN))) {
        const Unit *attribute = name(space);
        q = value(attribute) ? value(attribute) : attribute;
    }
    q = q ? skip_spaces(q) : NULL;
    return q && *q == '/' ? skip_spaces(q + 1) : q;
}

/* <! and <?: up to the first >. */
static const Unit *declaration(const Unit *p)
{
    if (!is(*p, LATIN) && *p != '-')
        return NULL;
    for (p++; *p != '>'; p++)
        if (is(*p, END) || *p == '\n' || *p == '\r')
            return NULL;
    return p;
}

const Unit *ptb_tag(const Unit *p)
{
    if (*p != '<')
        return NULL;
    const Unit *q;
    if (p[1] == '!' || p[1] == '?')
        q = declaration(p + 2);
    else if (p[1] == '/')
        q = name(p + 2) ? skip_spaces(name(p + 2)) : NULL;
    else
        q = open_tag(p + 1);
    return q && *q == '>' ? q + 1 : NULL;
}

static Match tag(const Unit *p) { return upto(ptb_tag(p)); }

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static const char *const EXTENSIONS[] = {
    "bat", "bmp", "c", "class", "cgi", "cpp", "dll", "doc", "docx", "exe", "gif", "gz", "h", "htm", "html", "jar", "java", "jpeg", "jpg",
    "mov", "mp3", "pdf", "php", "pl", "png", "ppt", "ps", "py", "sql", "tar", "txt", "wav", "x", "xml", "zip", "wmv",
};

static const Unit *letters_or_digits(const Unit *p)
{
    const Unit *q = p;
    for (const Unit *r = p; r; r = is(*q, DIGIT) ? q + 1 : ptb_letter(q))
        q = r;
    return q > p ? q : NULL;
}

/* archive.tar.gz, before a space or a mark that ends a sentence. */
static Match file_name(const Unit *p)
{
    Match best = none();
    for (const Unit *q = letters_or_digits(p); q && *q == '.'; ) {
        for (size_t i = 0; i < sizeof EXTENSIONS / sizeof *EXTENSIONS; i++) {
            const Unit *end = literal(q + 1, EXTENSIONS[i]), *look = end ? ptb_space(end) : NULL;
            if (end && !look && any_of(*end, ".?!,"))
                look = end + 1;
            best = further(best, upto_before(end, look));
        }
        q = letters_or_digits(q + 1);
    }
    return best;
}

#define ANY (~(unsigned)END)

const Rule ptb_net_rules[] = {
    { "<tag>",          MARK,                     tag,            spell_whole },
    { "http://",        LATIN,                    full_address,   spell_whole },
    { "www.",           LATIN,                    www_address,    spell_whole },
    { "site.org",       ANY,                      likely_address, spell_whole },
    { "name@host",      LATIN | ARABIC | MARK,    mail,           spell_whole },
    { "@name",          MARK,                     at_name,        spell_whole },
    { "#tag",           MARK,                     hash_tag,       spell_whole },
    { 0 }
};

const Rule ptb_file_rules[] = {
    { "name.txt",       LETTERISH | DIGIT | MARK, file_name,      spell_whole },
    { 0 }
};
