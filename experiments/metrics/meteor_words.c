/* meteor_words.c - the rules as regular expressions, one after the other, over the whole text; then the dots at the ends of words.
 *
 * A match takes the characters that it looks at, so that of "a-b-c" only the first hyphen is split and of ",,," two commas stay together:
 * METEOR does the same.                                                                                                  */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "experiments/metrics/meteor_words.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "tensor/base/err.h"

/* METEOR's letters: these blocks, whatever is in them; every other character beyond ASCII is a word of its own. */
#define L "a-zA-Z\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{17e}\\x{400}-\\x{527}\\x{1d00}-\\x{1d7f}\\x{a640}-\\x{a66e}\\x{a67e}-\\x{a697}"
#define N "0-9"

static const struct Rule { const char *needs, *pattern, *replacement; } RULES[] = {
    { NULL, "[\\s\\x{a0}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}]", " " },
    { NULL, "[`\\x{2018}\\x{2019}]", "'" },
    { NULL, "''|[\\x{201c}\\x{201d}]", " \" " },
    { NULL, "\\x{2013}", " - " },
    { NULL, "[^" L N " .',-]", " $0 " },
    { ".", "\\.{2,}", " $0 " },
    { ",", "([^" N "]),([^" N "])", "$1 , $2" },
    { ",", "([" N "]),([^" N "])", "$1 , $2" },
    { ",", "([^" N "]),([" N "])", "$1 , $2" },
    { "-", "--", "-" },
    { "-", "([" L N ".])-([" L N "])", "$1 $2" },
    { "'", "([^" L "])'([^" L "])", "$1 ' $2" },
    { "'", "([^" L N "])'([" L "])", "$1 ' $2" },
    { "'", "([" L "])'([^" L "])", "$1 ' $2" },
    { "'", "([" L "])'([" L "])", "$1 '$2" },
    { "'", "([" N "])'(s)", "$1 '$2" },
};
enum { RULE_COUNT = sizeof RULES / sizeof *RULES };

struct MeteorWords {
    pcre2_code       *rule[RULE_COUNT], *letter;
    pcre2_match_data *match;
    Buffer            text, next;
};

static pcre2_code *compile(const char *pattern)
{
    int        error;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &error, &at, NULL);
    REQUIRE(code, "METEOR's rule %s: error %d at %zu", pattern, error, at);
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    return code;
}

MeteorWords *meteor_words_new(void)
{
    MeteorWords *w = calloc(1, sizeof *w);
    REQUIRE(w, "out of memory");
    for (int i = 0; i < RULE_COUNT; i++) w->rule[i] = compile(RULES[i].pattern);
    w->letter = compile("[" L "]");
    w->match = pcre2_match_data_create(4, NULL);
    REQUIRE(w->match, "out of memory");
    return w;
}

void meteor_words_free(MeteorWords *w)
{
    if (!w) return;
    for (int i = 0; i < RULE_COUNT; i++) pcre2_code_free(w->rule[i]);
    pcre2_code_free(w->letter);
    pcre2_match_data_free(w->match);
    free(w->text.p);
    free(w->next.p);
    free(w);
}

bool meteor_words_is_plain(const char *token) { return token[strspn(token, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0'; }

/* ---- rules ------------------------------------------------------------------------------------------------------------- */
/* text = the text after the rule. */
static void apply(MeteorWords *w, int rule)
{
    PCRE2_SIZE bytes;
    int        status;

    for (size_t room = w->text.used + 64;; room = bytes + 1) {
        w->next.used = 0;
        buffer_room(&w->next, room);
        bytes = w->next.room;
        status = pcre2_substitute(w->rule[rule], (PCRE2_SPTR)w->text.p, w->text.used, 0,
                                  PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH, w->match, NULL,
                                  (PCRE2_SPTR)RULES[rule].replacement, PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)w->next.p, &bytes);
        if (status != PCRE2_ERROR_NOMEMORY) break;
    }
    REQUIRE(status >= 0, "METEOR's rule %s: error %d", RULES[rule].pattern, status);
    if (status == 0) return;
    w->next.used = bytes;
    Buffer swap = w->text;
    w->text = w->next;
    w->next = swap;
}

/* ---- dots at the ends of words ----------------------------------------------------------------------------------------- */
typedef struct Sink { void (*word)(void *context, const char *word, size_t bytes); void *context; } Sink;

static bool has_letter(const MeteorWords *w, const char *word, size_t bytes)
{
    return pcre2_match(w->letter, (PCRE2_SPTR)word, bytes, 0, 0, w->match, NULL) > 0;
}

static bool keeps_dot(const char *stem, size_t bytes)
{
    static const char *const ABBREVIATIONS[] = { "v", "vs", "rev" };
    for (size_t i = 0; i < sizeof ABBREVIATIONS / sizeof *ABBREVIATIONS; i++)
        if (strlen(ABBREVIATIONS[i]) == bytes && memcmp(stem, ABBREVIATIONS[i], bytes) == 0) return true;
    return false;
}

/* `follows`: the first character of the next word, or NUL. */
static void give(const MeteorWords *w, char *word, size_t bytes, char follows, Sink out)
{
    size_t stem = bytes - 1, kept = 0;           /* without its last character */

    if (bytes < 2 || word[stem] != '.' || word[stem - 1] == '.') out.word(out.context, word, bytes);
    else if (memchr(word, '.', stem) && has_letter(w, word, stem)) {         /* a.m. -> am */
        for (size_t i = 0; i < bytes; i++)
            if (word[i] != '.') word[kept++] = word[i];
        out.word(out.context, word, kept);
    } else if (keeps_dot(word, stem) || (follows >= 'a' && follows <= 'z')) out.word(out.context, word, bytes);
    else {
        out.word(out.context, word, stem);
        out.word(out.context, ".", 1);
    }
}

void meteor_words(MeteorWords *w, const char *text, size_t bytes, void (*word)(void *context, const char *word, size_t bytes), void *context)
{
    w->text.used = 0;
    buffer_add(&w->text, " ", 1);
    buffer_add(&w->text, text, bytes);
    buffer_add(&w->text, " ", 1);
    for (int i = 0; i < RULE_COUNT; i++)
        if (!RULES[i].needs || memchr(w->text.p, RULES[i].needs[0], w->text.used)) apply(w, i);

    char *p = w->text.p, *end = p + w->text.used;
    while (p < end && *p == ' ') p++;
    while (p < end) {
        char *from = p;
        while (p < end && *p != ' ') p++;
        size_t length = (size_t)(p - from);
        while (p < end && *p == ' ') p++;
        give(w, from, length, p < end ? *p : '\0', (Sink){ word, context });
    }
}
