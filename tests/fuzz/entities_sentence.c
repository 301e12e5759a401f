/* entities_sentence.c - any text as a marked sentence of Flickr30k Entities (datasets/sources/entities_sentence.c). */
#include "datasets/sources/entities_sentence.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Sentence s = { 0 };
    Catalog *c = fuzz_catalog();
    char    *text = strndup((const char *)data, size);

    sentence_parse(&s, c, "1.jpg", &(Line){ text, strlen(text), { "1.txt", 1 } });
    REQUIRE(!s.text.used || (s.text.p[0] != ' ' && s.text.p[s.text.used - 1] != ' '), "a text with blanks at its ends");
    REQUIRE(strlen(s.text.p) == s.text.used, "a text that does not end where it should");
    for (int64_t i = 0; i < sentence_phrases(&s); i++) {
        Phrase p = sentence_phrase(&s, i);
        REQUIRE(p.entity >= 0 && p.from >= 0 && p.from < p.to && (size_t)p.to <= s.text.used, "a phrase that is not in its text");
    }
    sentence_free(&s);
    free(text);
    fuzz_catalog_end(c);
    return 0;
}
