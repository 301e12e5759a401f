/* lower.c - lower case as Java's String.toLowerCase makes it: one character for one, but for the capital I with a dot, and for the capital
 * sigma, which at the end of a word becomes a final one.                                                                 */
#include <string.h>

#include <utf8proc.h>

#include "text/ptb/scan.h"

/* Upper, lower or title case. */
static bool is_cased(Unit c)
{
    static const Unit others[][2] = {
        { 0x2B0, 0x2B8 }, { 0x2C0, 0x2C1 }, { 0x2E0, 0x2E4 }, { 0x345, 0x345 }, { 0x37A, 0x37A }, { 0x1D2C, 0x1D61 }, { 0x2160, 0x217F },
        { 0x24B6, 0x24E9 },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (between(c, others[i][0], others[i][1]))
            return true;
    utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

/* Does a word go on at u[at]? Ideographs, kana, and the scripts of south-east Asia, which have no spaces, are words by themselves. */
static bool goes_on(const Unit *u, size_t at, size_t count)
{
    Unit c = u[at];
    if (between(c, 0xE00, 0xEFF) || between(c, 0x3040, 0x30FF) || between(c, 0x3400, 0x9FFF) || between(c, 0xF900, 0xFAFF))
        return false;
    if (c == '.' || c == '\'' || is(c, HYPHEN))
        return at > 0 && at + 1 < count && is(u[at - 1], LETTER) && is(u[at + 1], LETTER);
    return is(c, LETTERISH | DIGIT);
}

static bool sigma_is_final(const Unit *u, size_t at, size_t count)
{
    size_t i = at;
    while (i > 0 && goes_on(u, i - 1, count) && !is_cased(u[i - 1]))
        i--;
    if (i == 0 || !goes_on(u, i - 1, count))
        return false;                            /* no cased letter before it */
    for (i = at + 1; i < count && goes_on(u, i, count); i++)
        if (is_cased(u[i]))
            return false;
    return true;
}

size_t ptb_lower(const Unit *u, size_t count, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (u[i] < 0x80) {
            to[n++] = (char)ascii_lower(u[i]);
            continue;
        }
        utf8proc_int32_t c = u[i];
        if (c == 0x130) {                        /* I with a dot above: i and a combining dot above */
            memcpy(to + n, "i\xCC\x87", 3);
            n += 3;
            continue;
        }
        if (between(u[i], 0xD800, 0xDBFF) && i + 1 < count)
            c = 0x10000 + ((c & 0x3FF) << 10) + (u[++i] & 0x3FF);
        else if (u[i] == NONCHARACTER)
            c = 0xFFFF;
        c = c == 0x3A3 && sigma_is_final(u, i, count) ? 0x3C2 : utf8proc_tolower(c);
        n += (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)to + n);
    }
    return n;
}
