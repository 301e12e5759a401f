/* tokenizer.c - any text as a tokenizer.json, and what stands behind its first NUL as a text for it (text/tokenizer.c). */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"

static void use(const Tokenizer *k, const char *text)
{
    enum { MOST = 1 << 12 };
    static int32_t ids[MOST], again[MOST];
    Err     err = { 0 };
    int64_t n = tokenizer_encode(k, text, ids, MOST);

    REQUIRE(n >= 0 && tokenizer_size(k) > 0, "a count that is none");
    if (n > MOST) n = MOST;
    for (int64_t i = 0; i < n; i++) REQUIRE(ids[i] >= 0 && ids[i] < tokenizer_size(k), "id %d of %d", ids[i], tokenizer_size(k));
    free(tokenizer_decode(k, ids, n));

    char      *json = tokenizer_to_json(k);
    Tokenizer *same = tokenizer_from_json(json, strlen(json), "again", &err);
    REQUIRE(same, "%s", err.text);
    int64_t m = tokenizer_encode(same, text, again, MOST);
    REQUIRE((m < MOST ? m : MOST) == n && memcmp(ids, again, (size_t)n * sizeof *ids) == 0, "another tokenizer when it is written and read");
    tokenizer_free(same);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = memchr(data, 0, size);
    size_t     bytes = cut ? (size_t)(cut - data) : size;
    char      *text = cut ? strndup((const char *)cut + 1, size - bytes - 1) : strdup("A dog, läuft .");
    Err        err = { 0 };
    Tokenizer *k = tokenizer_from_json((const char *)data, bytes, "tokenizer.json", &err);

    REQUIRE(k || *err.text, "refused without a word");
    if (k) use(k, text);
    tokenizer_free(k);
    free(text);
    return 0;
}
