/* spell.c - how a token is written, where that is not as it stands. */
#include "text/ptb/scan.h"

static void put(Spelling *s, Unit c) { s->units[s->count++] = c; }

/* Does this text stand at p, in this case? */
static bool exactly(const Unit *p, const char *text)
{
    while (*text && *p == (unsigned char)*text)
        p++, text++;
    return *text == '\0';
}

static void put_ascii(Spelling *s, const char *text)
{
    while (*text)
        put(s, (unsigned char)*text++);
}

/* As it stands: a space inside as a no-break space, without the soft hyphens, and the entities of ASCII characters as these. */
void spell_plain(Spelling *s, const Unit *p, const Unit *end)
{
    for (; p < end; p++)
        if (literal(p, "&amp;") && literal(p, "&amp;") <= end) {
            put(s, '&');
            p += 4;
        } else if (*p != 0xAD) {
            put(s, *p == ' ' ? 0xA0 : *p);
        }
    if (s->count == 0)
        put(s, '-');                             /* nothing but soft hyphens */
}

void spell_whole(Spelling *s, const Unit *p, const Unit *end)
{
    for (; p < end; p++)
        put(s, *p == ' ' ? 0xA0 : *p);
}

/* < and >, which may be entities. */
void spell_angle(Spelling *s, const Unit *p, const Unit *end)
{
    if (*p == '&')
        put(s, ascii_lower(p[1]) == 'l' ? '<' : '>');
    else
        spell_whole(s, p, end);
}

static void put_bracket(Spelling *s, Unit c)
{
    static const char *const names[] = { "(", "-LRB-", ")", "-RRB-", "[", "-LSB-", "]", "-RSB-", "{", "-LCB-", "}", "-RCB-" };
    for (int i = 0; i < 12; i += 2)
        if (c == (unsigned char)*names[i])
            put_ascii(s, names[i + 1]);
}

void spell_bracket(Spelling *s, const Unit *p, const Unit *end)
{
    (void)end;
    put_bracket(s, *p);
}

/* Round brackets by their names. */
void spell_brackets(Spelling *s, const Unit *p, const Unit *end)
{
    for (; p < end; p++)
        if (*p == '(' || *p == ')')
            put_bracket(s, *p);
        else
            put(s, *p == ' ' ? 0xA0 : *p);
}

/* Curved quotes are read by their shape, straight ones as closing. */
void spell_quotes(Spelling *s, const Unit *p, const Unit *end)
{
    for (; p < end; p++)
        if (exactly(p, "&apos;")) {
            put(s, '\'');
            p += 5;
        } else if (exactly(p, "&quot;")) {
            put_ascii(s, "''");
            p += 5;
        } else if (*p == '"' || *p == 0x94 || *p == 0x201D || *p == 0xBB) {
            put_ascii(s, "''");
        } else if (*p == 0x93 || *p == 0x201C || *p == 0xAB) {
            put_ascii(s, "``");
        } else if (*p == 0x92 || *p == 0x2019 || *p == 0x203A) {
            put(s, '\'');
        } else if (*p == 0x91 || *p == 0x2018 || *p == 0x201B || *p == 0x2039) {
            put(s, '`');
        } else {
            put(s, *p);
        }
}

/* A straight quote that opens. (Entities are known in lower case only.) */
void spell_opening(Spelling *s, const Unit *p, const Unit *end)
{
    if (*p == '&' && !exactly(p, "&quot;"))
        spell_whole(s, p, end);
    else
        put_ascii(s, *p == '\'' ? "`" : "``");
}

void spell_dash(Spelling *s, const Unit *p, const Unit *end)
{
    (void)p, (void)end;
    put_ascii(s, "--");
}

void spell_dashes(Spelling *s, const Unit *p, const Unit *end)
{
    if (end - p == 3 || end - p == 4)
        put_ascii(s, "--");
    else
        spell_whole(s, p, end);
}

void spell_ellipsis(Spelling *s, const Unit *p, const Unit *end)
{
    (void)p, (void)end;
    put_ascii(s, "...");
}

/* Pounds are #, as in the Penn treebank, and euros $. */
void spell_money(Spelling *s, const Unit *p, const Unit *end)
{
    if (*p == 0xA2)
        put_ascii(s, "cents");
    else if (*p == 0xA3)
        put(s, '#');
    else if (*p == 0x80 || *p == 0xA4 || *p == 0x20A0 || *p == 0x20AC)
        put(s, '$');
    else
        spell_plain(s, p, end);
}

void spell_fraction(Spelling *s, const Unit *p, const Unit *end)
{
    switch (*p) {
    case 0xBC:   put_ascii(s, "1/4"); break;
    case 0xBD:   put_ascii(s, "1/2"); break;
    case 0xBE:   put_ascii(s, "3/4"); break;
    case 0x2153: put_ascii(s, "1/3"); break;
    case 0x2154: put_ascii(s, "2/3"); break;
    default:     spell_plain(s, p, end);
    }
}
