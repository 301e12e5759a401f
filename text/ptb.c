/* ptb.c - the tokenizer of ptb.h: decodes a text, takes one token after another (text/ptb/scan.h), writes them in lower case. */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "tensor/base/err.h"
#include "text/ptb.h"
#include "text/ptb/scan.h"

/* What coco-caption drops. Its list has -LRB- and the like, too, but lower-cased tokens never equal these. */
static const char *const DROPPED[] = { "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";" };

static const Rule *const RULES[] = {
    ptb_word_rules, ptb_net_rules, ptb_number_rules, ptb_abbreviation_rules, ptb_file_rules, ptb_compound_rules, ptb_mark_rules,
};

typedef struct Scanner {
    const char *text;
    PtbToken    each;
    void       *context;
    Unit       *units, *spelled;                 /* the text; the token at hand as it is to be written */
    char       *lower;                           /* … in lower case, UTF-8                             */
} Scanner;

/* Writes at most bytes + 2 units. A new line is put at the end: rules look at it, and the captions of coco-caption have one behind them. */
static void decode(const char *text, size_t bytes, Unit *units)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; ) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x80) {
            units[n++] = byte;
            i++;
            continue;
        }
        utf8proc_int32_t c;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(bytes - i), &c);
        if (used < 1)
            c = 0xFFFD, used = 1;
        i += (size_t)used;
        if (c >= 0x10000) {
            units[n++] = (Unit)(0xD7C0 + (c >> 10));
            c = 0xDC00 + (c & 0x3FF);
        }
        units[n++] = (Unit)(c == PAST ? NONCHARACTER : c);
    }
    units[n++] = '\n';
    units[n] = PAST;
}

/* ---- one token after another ---------------------------------------------------------------------------------------------- */

static void give(const Scanner *s, const Unit *spelled, size_t count)
{
    size_t n = ptb_lower(spelled, count, s->lower);
    for (size_t i = 0; i < sizeof DROPPED / sizeof *DROPPED; i++)
        if (strlen(DROPPED[i]) == n && memcmp(DROPPED[i], s->lower, n) == 0)
            return;
    s->each(s->context, s->lower, n);
}

/* The rule that reaches furthest; NULL where no token begins. */
static const Rule *longest(const Unit *p, Match *best)
{
    const Rule *winner = NULL;
    *best = none();
    for (size_t g = 0; g < sizeof RULES / sizeof *RULES; g++)
        for (const Rule *r = RULES[g]; r->match; r++) {
            if (!is(*p, r->first))
                continue;
            Match m = r->match(p);
            if (m.look && (!winner || m.look > best->look)) {
                winner = r;
                *best = m;
            }
        }
    return winner;
}

/* White space to Python, which coco-caption strips from the ends of lines; only addresses have it in them. */
static bool is_white(Unit c)
{
    return is(c, SPACE | NEWLINE) || between(c, 0x1C, 0x1F) || c == 0x1680 || c == 0x202F || c == 0x205F;
}

static bool token_follows(const Unit *p)
{
    while (*p != PAST) {
        Match m;
        const Rule *rule = longest(p, &m);
        if (rule && rule->spell)
            return true;
        p = rule ? m.end : p + 1;
    }
    return false;
}

/* Behind the token at p, which is given; or behind p, where there is none. */
static const Unit *take(const Scanner *s, const Unit *p)
{
    Match m;
    const Rule *rule = longest(p, &m);
    if (!rule)
        return p + 1;
    if (!rule->spell)
        return m.end;
    Spelling spelling = { s->spelled, 0 };
    rule->spell(&spelling, p, m.end);
    if (is_white(spelling.units[spelling.count - 1]) && !token_follows(m.end))
        while (is_white(spelling.units[spelling.count - 1]))
            spelling.count--;
    give(s, spelling.units, spelling.count);
    return rule->again ? m.end - 1 : m.end;
}

static bool is_gap(Unit c) { return c == ' ' || c == '\n'; }

/* Nearly all of a caption: ASCII letters before a gap, which no rule changes but the one that splits cannot and its like. */
static const Unit *plain_word(const Unit *p)
{
    const Unit *end = skip(p, LATIN);
    if (end == p || !(is_gap(*end) || (any_of(*end, ",;:!?") && is_gap(end[1]))))
        return NULL;
    return (end - p == 5 || end - p == 6) && any_of(ascii_lower(*p), "cglw") ? NULL : end;
}

/* A mark that is dropped. (A full stop before a space may begin an ellipsis.) */
static bool plain_mark(const Unit *p) { return (any_of(*p, ",;:!?") && is_gap(p[1])) || (p[0] == '.' && p[1] == '\n'); }

void ptb_tokenize(const char *text, size_t bytes, PtbToken each, void *context)
{
    ptb_classes_prepare();
    Unit few[256], few_spelled[SPELLING_ROOM(256)];
    char few_lower[3 * SPELLING_ROOM(256)];
    Unit *many = NULL;
    Scanner s = { text, each, context, few, few_spelled, few_lower };
    if (bytes + 2 > 256) {
        many = malloc((bytes + 2 + SPELLING_ROOM(bytes)) * sizeof *many + 3 * SPELLING_ROOM(bytes));
        REQUIRE(many, "out of memory");
        s.units = many;
        s.spelled = many + bytes + 2;
        s.lower = (char *)(s.spelled + SPELLING_ROOM(bytes));
    }
    decode(text, bytes, s.units);
    for (const Unit *p = s.units; *p != PAST; ) {
        const Unit *end = plain_word(p);
        if (*p == ' ')
            p = skip(p, SPACE);
        else if (end) {
            give(&s, p, (size_t)(end - p));
            p = end;
        } else
            p = plain_mark(p) ? p + 1 : take(&s, p);
    }
    free(many);
}

typedef struct Line { char *text; size_t length, room; } Line;

static void append(void *context, const char *token, size_t bytes)
{
    Line *l = context;
    if (l->length + bytes + 2 > l->room) {
        l->room = 2 * (l->length + bytes + 2);
        l->text = realloc(l->text, l->room);
        REQUIRE(l->text, "out of memory");
    }
    if (l->length > 0)
        l->text[l->length++] = ' ';
    memcpy(l->text + l->length, token, bytes);
    l->length += bytes;
}

char *ptb_text(const char *text)
{
    Line line = { malloc(64), 0, 64 };
    REQUIRE(line.text, "out of memory");
    ptb_tokenize(text, strlen(text), append, &line);
    line.text[line.length] = '\0';
    return line.text;
}

bool ptb_splits_lines(const char *text)
{
    return strpbrk(text, "\r\v\f") || strstr(text, "\xE2\x80\xA8") || strstr(text, "\xE2\x80\xA9");
}
