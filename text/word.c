/* word.c - the word tokenizer: Hugging Face's WordLevel with the rules in tokenizer.h.
 *
 * A text is first written out in lower case with one space for everything that is not a letter, a number, a mark, ' or -; what stands
 * between the spaces are the words. Categories and lower case come from utf8proc, character by character, as Rust's
 * char::to_lowercase does (no final sigma); the one character whose lower case is two is U+0130.                       */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "text/tokenizer_kind.h"

static const char PATTERN[] = "[^\\p{L}\\p{N}\\p{M}'-]+";

static bool belongs_to_word(utf8proc_int32_t c)
{
    if (c < 128)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || c == '-';
    utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;   /* Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No */
}

static size_t put_lower(utf8proc_int32_t c, char *to)
{
    if (c == 0x130) {                            /* I with a dot above: i and a combining dot above */
        memcpy(to, "i\xCC\x87", 3);
        return 3;
    }
    utf8proc_int32_t low = utf8proc_tolower(c);
    if (!belongs_to_word(low)) {
        *to = ' ';
        return 1;
    }
    return (size_t)utf8proc_encode_char(low, (utf8proc_uint8_t *)to);
}

/* malloc'd, of *length bytes. Invalid UTF-8 is no word character. */
static char *normalize(const char *text, size_t bytes, size_t *length)
{
    char *out = malloc(2 * bytes + 1);           /* no character more than doubles: two bytes may become three */
    REQUIRE(out, "tokenizer: no memory for a text of %zu bytes", bytes);
    size_t n = 0;
    for (size_t i = 0; i < bytes; ) {
        utf8proc_int32_t c;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(bytes - i), &c);
        if (used < 1) {
            out[n++] = ' ';
            i++;
        } else {
            n += put_lower(c, out + n);
            i += (size_t)used;
        }
    }
    out[n] = '\0';
    *length = n;
    return out;
}

/* The next word at or after *at; NULL at the end. Moves *at behind it. */
static const char *next_word(const char **at, size_t *bytes)
{
    const char *word = *at + strspn(*at, " ");
    *bytes = strcspn(word, " ");
    *at = word + *bytes;
    return *bytes ? word : NULL;
}

static void word_encode(const Tokenizer *k, const char *text, size_t bytes, TokenSink *out)
{
    size_t length, n;
    char  *lower = normalize(text, bytes, &length);
    const char *at = lower;
    for (const char *w = next_word(&at, &n); w; w = next_word(&at, &n)) {
        int32_t id = vocab_find(k->vocab, w, n);
        token_put(out, id >= 0 ? id : tokenizer_unk(k));
    }
    free(lower);
}

static char *word_decode(const Tokenizer *k, const int32_t *ids, int64_t count)
{
    size_t bytes = 1;
    for (int64_t i = 0; i < count; i++)
        bytes += strlen(vocab_text(k->vocab, ids[i])) + 1;
    char *text = malloc(bytes), *end = text;
    REQUIRE(text, "tokenizer: no memory for a text of %zu bytes", bytes);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0)
            *end++ = ' ';
        end = stpcpy(end, vocab_text(k->vocab, ids[i]));
    }
    *end = '\0';
    return text;
}

/* ---- building a vocabulary ------------------------------------------------------------------------------------------ */

struct WordCounts { Vocab *words; int64_t *of; int32_t room; };
typedef struct Counted { const char *word; int64_t count; } Counted;

WordCounts *word_counts_new(void)
{
    WordCounts *c = calloc(1, sizeof *c);
    REQUIRE(c, "tokenizer: no memory");
    c->words = vocab_new();
    return c;
}

void word_counts_free(WordCounts *c)
{
    if (!c)
        return;
    vocab_free(c->words);
    free(c->of);
    free(c);
}

static void count_word(WordCounts *c, const char *word, size_t bytes, int64_t times)
{
    int32_t id = vocab_add(c->words, word, bytes);
    if (id >= c->room) {
        int32_t room = 2 * id + 256;
        c->of = realloc(c->of, (size_t)room * sizeof *c->of);
        REQUIRE(c->of, "tokenizer: no memory for %d words", room);
        memset(c->of + c->room, 0, (size_t)(room - c->room) * sizeof *c->of);
        c->room = room;
    }
    c->of[id] += times;
}

void word_counts_add(WordCounts *c, const char *text)
{
    size_t length, n;
    char  *lower = normalize(text, strlen(text), &length);
    const char *at = lower;
    for (const char *w = next_word(&at, &n); w; w = next_word(&at, &n))
        count_word(c, w, n, 1);
    free(lower);
}

void word_counts_merge(WordCounts *c, const WordCounts *other)
{
    for (int32_t i = 0; i < vocab_size(other->words); i++) {
        const char *word = vocab_text(other->words, i);
        count_word(c, word, strlen(word), other->of[i]);
    }
}

int32_t word_counts_size(const WordCounts *c) { return vocab_size(c->words); }

const char *word_counts_at(const WordCounts *c, int32_t n, int64_t *count)
{
    *count = c->of[n];
    return vocab_text(c->words, n);
}

static int by_count_then_bytes(const void *a, const void *b)
{
    const Counted *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->word, y->word);
}

Tokenizer *word_counts_build(const WordCounts *c, int64_t min_count, int64_t max_size)
{
    int32_t  n = vocab_size(c->words);
    Counted *order = malloc(((size_t)n + 1) * sizeof *order);
    REQUIRE(order, "tokenizer: no memory for %d words", n);
    for (int32_t i = 0; i < n; i++)
        order[i] = (Counted){ vocab_text(c->words, i), c->of[i] };
    qsort(order, (size_t)n, sizeof *order, by_count_then_bytes);

    Tokenizer *k = tokenizer_new(&tokenizer_word);
    for (int i = 0; i < SPECIAL_COUNT; i++)
        k->special[i] = vocab_add(k->vocab, SPECIAL_TEXT[i], strlen(SPECIAL_TEXT[i]));
    for (int32_t i = 0; i < n && order[i].count >= min_count && (max_size == 0 || vocab_size(k->vocab) < max_size); i++)
        vocab_add(k->vocab, order[i].word, strlen(order[i].word));
    free(order);
    return k;
}

Tokenizer *tokenizer_build_word(const char *const *texts, int64_t count, int64_t min_count, int64_t max_size)
{
    WordCounts *c = word_counts_new();
    for (int64_t i = 0; i < count; i++)
        word_counts_add(c, texts[i]);
    Tokenizer *k = word_counts_build(c, min_count, max_size);
    word_counts_free(c);
    return k;
}

/* ---- tokenizer.json ------------------------------------------------------------------------------------------------- */

static json_t *rules_normalizer(void)
{
    return json_pack("{s:s, s:[{s:s}, {s:s, s:{s:s}, s:s}]}", "type", "Sequence", "normalizers",
                     "type", "Lowercase", "type", "Replace", "pattern", "Regex", PATTERN, "content", " ");
}

static json_t *rules_pre_tokenizer(void) { return json_pack("{s:s}", "type", "WhitespaceSplit"); }

static void word_to_json(const Tokenizer *k, json_t *root)
{
    json_t *vocab = json_object();
    for (int32_t i = 0; i < vocab_size(k->vocab); i++)
        json_object_set_new(vocab, vocab_text(k->vocab, i), json_integer(i));
    json_object_set_new(root, "normalizer", rules_normalizer());
    json_object_set_new(root, "pre_tokenizer", rules_pre_tokenizer());
    json_object_set_new(root, "post_processor", json_null());
    json_object_set_new(root, "decoder", json_null());
    json_object_set_new(root, "model", json_pack("{s:s, s:o, s:s}", "type", "WordLevel", "vocab", vocab,
                                                 "unk_token", SPECIAL_TEXT[SPECIAL_UNK]));
}

/* Ids 0 .. n-1, each once, in any order in the file. */
static bool read_vocab(Tokenizer *k, json_t *vocab, const char *where, Err *err)
{
    size_t n = json_object_size(vocab);
    const char **token = calloc(n + 1, sizeof *token), *key;
    REQUIRE(token, "tokenizer: no memory for %zu tokens", n);
    bool good = json_is_object(vocab) || fail(err, "%s: model.vocab is missing or no object", where);
    json_t *value;
    json_object_foreach(vocab, key, value) {
        json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (good && (id < 0 || id >= (json_int_t)n || token[id]))
            good = fail(err, "%s: token '%.60s' wants an id of its own from 0 to %zu", where, key, n - 1);
        if (good)
            token[id] = key;
    }
    for (size_t i = 0; good && i < n; i++)
        vocab_add(k->vocab, token[i], strlen(token[i]));
    free(token);
    return good;
}

static bool same_rules(const json_t *found, json_t *wanted)
{
    bool same = json_equal(found, wanted) == 1;
    json_decref(wanted);
    return same;
}

static bool word_from_json(Tokenizer *k, const json_t *root, const char *where, Err *err)
{
    const json_t *model = json_object_get(root, "model");
    const char *unk = json_string_value(json_object_get(model, "unk_token"));
    if (!same_rules(json_object_get(root, "normalizer"), rules_normalizer()) ||
        !same_rules(json_object_get(root, "pre_tokenizer"), rules_pre_tokenizer()))
        return fail(err, "%s: a WordLevel tokenizer with other rules than limn's (Lowercase, Replace %s by a space, WhitespaceSplit)",
                    where, PATTERN);
    if (!unk || strcmp(unk, SPECIAL_TEXT[SPECIAL_UNK]) != 0 || !json_object_get(json_object_get(model, "vocab"), unk))
        return fail(err, "%s: model.unk_token must be %s, and in the vocabulary", where, SPECIAL_TEXT[SPECIAL_UNK]);
    return read_vocab(k, json_object_get(model, "vocab"), where, err);
}

const TokenizerKind tokenizer_word = { "word", "WordLevel", word_from_json, word_to_json, word_encode, word_decode };
