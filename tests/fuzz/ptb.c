/* ptb.c - any bytes as a caption (text/ptb.c): tokens are UTF-8, none is empty, and they are the same every time. */
#include "text/ptb.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "tests/fuzz/input.h"

typedef struct Tokens { char *text; size_t bytes, room; int64_t count; } Tokens;

static void keep(void *context, const char *token, size_t bytes)
{
    Tokens *t = context;
    REQUIRE(bytes > 0, "an empty token");
    for (size_t i = 0; i < bytes; ) {
        utf8proc_int32_t c;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)token + i, (utf8proc_ssize_t)(bytes - i), &c);
        REQUIRE(used > 0, "a token that is no UTF-8");
        i += (size_t)used;
    }
    REQUIRE(t->bytes + bytes + 1 <= t->room, "%zu bytes of tokens from %zu", t->bytes + bytes + 1, t->room);
    memcpy(t->text + t->bytes, token, bytes);
    t->bytes += bytes;
    t->text[t->bytes++] = '\n';
    t->count++;
}

static Tokens tokens_of(const char *text, size_t bytes)
{
    Tokens t = { .room = 8 * bytes + 64 };       /* a bracket, one byte, becomes -lrb- and a new line */
    t.text = malloc(t.room);
    REQUIRE(t.text, "no memory");
    ptb_tokenize(text, bytes, keep, &t);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Tokens once = tokens_of((const char *)data, size), again = tokens_of((const char *)data, size);
    REQUIRE(once.bytes == again.bytes && memcmp(once.text, again.text, once.bytes) == 0, "other tokens the second time");
    free(again.text);

    char *whole = strndup((const char *)data, size), *joined = ptb_text(whole);
    Tokens first = tokens_of(whole, strlen(whole));
    REQUIRE(strlen(joined) == (first.count ? first.bytes - 1 : 0), "ptb_text gives other tokens");
    ptb_splits_lines(whole);
    free(joined);
    free(whole);
    free(first.text);
    free(once.text);
    return 0;
}
