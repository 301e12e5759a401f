/* ptb.c - ptb.h for ordinary captions: words with their clitics, hyphens, numbers, common abbreviations and ASCII punctuation. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/err.h"
#include "text/ptb.h"

typedef struct Out { PtbToken each; void *context; } Out;

static const char *const DROPPED[] = { "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";" };
static const char *const DOTTED[] = { "mr", "mrs", "ms", "dr", "st", "jr", "sr", "vs", "etc", "inc", "co", "mt", "ft", "ave", "no" };
static const char *const CLITICS[] = { "'s", "'m", "'d", "'re", "'ve", "'ll" };
static const struct { const char *whole; size_t first; } SPLIT[] = {
    { "cannot", 3 }, { "gonna", 3 }, { "gotta", 3 }, { "wanna", 3 }, { "lemme", 3 }, { "gimme", 3 },
};

static void put(const Out *out, const char *text, size_t n)
{
    char lower[256];
    for (size_t i = 0; i < sizeof DROPPED / sizeof *DROPPED; i++)
        if (strlen(DROPPED[i]) == n && memcmp(DROPPED[i], text, n) == 0)
            return;
    char *heap = n > sizeof lower ? malloc(n) : NULL, *to = heap ? heap : lower;
    REQUIRE(heap || n <= sizeof lower, "out of memory");
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    out->each(out->context, to, n);
    free(heap);
}

static bool is_word(char c) { return isalnum((unsigned char)c) || (unsigned char)c >= 128; }

static bool same(const char *a, size_t n, const char *word) { return strlen(word) == n && strncasecmp(a, word, n) == 0; }

/* Bytes of the word at text, with inner hyphens, and dots between letters or digits. */
static size_t word_length(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && (is_word(text[i]) || (i > 0 && i + 1 < n && is_word(text[i + 1]) && strchr("-.", text[i])) ||
                     (i > 0 && i + 1 < n && isdigit((unsigned char)text[i - 1]) && isdigit((unsigned char)text[i + 1]) && strchr(",:/", text[i]))))
        i++;
    return i;
}

static bool keeps_dot(const char *word, size_t n)
{
    if (n == 1 || (n >= 3 && word[n - 2] == '.' && isalpha((unsigned char)word[0])))
        return isalpha((unsigned char)word[0]);
    for (size_t i = 0; i < sizeof DOTTED / sizeof *DOTTED; i++)
        if (same(word, n, DOTTED[i]))
            return true;
    return false;
}

static size_t clitic_length(const char *text, size_t n)
{
    for (size_t i = sizeof CLITICS / sizeof *CLITICS; i-- > 0; ) {
        size_t k = strlen(CLITICS[i]);
        if (n >= k && same(text, k, CLITICS[i]) && (n == k || !is_word(text[k])))
            return k;
    }
    return 0;
}

/* Writes the word at text with what hangs on it; how many bytes that was. */
static size_t put_word(const Out *out, const char *text, size_t n)
{
    size_t k = word_length(text, n);
    for (size_t i = 0; i < sizeof SPLIT / sizeof *SPLIT; i++)
        if (same(text, k, SPLIT[i].whole)) {
            put(out, text, SPLIT[i].first);
            put(out, text + SPLIT[i].first, k - SPLIT[i].first);
            return k;
        }
    if (k + 1 < n && tolower(text[k - 1]) == 'n' && same(text + k, 2, "'t") && k > 1 && (n == k + 2 || !is_word(text[k + 2]))) {
        put(out, text, k - 1);
        put(out, text + k - 1, 3);
        return k + 2;
    }
    if (k < n && text[k] == '.' && keeps_dot(text, k))
        k++;
    put(out, text, k);
    return k;
}

static size_t put_mark(const Out *out, const char *text, size_t n)
{
    size_t k = 1;
    if (strchr("!?", *text))
        while (k < n && strchr("!?", text[k]))
            k++;
    else if (strchr("-.*#_", *text))
        while (k < n && text[k] == *text)
            k++;
    else if (*text == '\'' && clitic_length(text, n))
        k = clitic_length(text, n);
    if (*text == '(' || *text == ')')
        put(out, *text == '(' ? "-lrb-" : "-rrb-", 5);
    else if (*text != '"')
        put(out, text, k);
    return k;
}

void ptb_tokenize(const char *text, size_t bytes, PtbToken each, void *context)
{
    Out out = { each, context };
    for (size_t i = 0; i < bytes; )
        if ((unsigned char)text[i] <= ' ')
            i++;
        else
            i += is_word(text[i]) ? put_word(&out, text + i, bytes - i) : put_mark(&out, text + i, bytes - i);
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
    return strpbrk(text, "\r\v\f") || strstr(text, "\xC2\x85") || strstr(text, "\xE2\x80\xA8") || strstr(text, "\xE2\x80\xA9");
}
