/* tokenizer.c - what all kinds share: tokenizer.json (the format of Hugging Face's `tokenizers` library, version "1.0") and special
 * tokens. As there, a special token that stands literally in a text is that token, and the rest is encoded piece by piece. */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "text/tokenizer_kind.h"

static const TokenizerKind *const KINDS[] = { &tokenizer_word, NULL };
const char *const SPECIAL_TEXT[SPECIAL_COUNT] = { "<pad>", "<bos>", "<eos>", "<unk>" };

Tokenizer *tokenizer_new(const TokenizerKind *kind)
{
    Tokenizer *k = calloc(1, sizeof *k);
    REQUIRE(k, "tokenizer: no memory");
    k->kind  = kind;
    k->vocab = vocab_new();
    return k;
}

void tokenizer_free(Tokenizer *k)
{
    if (!k)
        return;
    vocab_free(k->vocab);
    free(k);
}

const char *tokenizer_kind(const Tokenizer *k) { return k->kind->name; }
int32_t     tokenizer_size(const Tokenizer *k) { return vocab_size(k->vocab); }
int32_t     tokenizer_pad (const Tokenizer *k) { return k->special[SPECIAL_PAD]; }
int32_t     tokenizer_bos (const Tokenizer *k) { return k->special[SPECIAL_BOS]; }
int32_t     tokenizer_eos (const Tokenizer *k) { return k->special[SPECIAL_EOS]; }
int32_t     tokenizer_unk (const Tokenizer *k) { return k->special[SPECIAL_UNK]; }

const char *tokenizer_token(const Tokenizer *k, int32_t id)
{
    REQUIRE(id >= 0 && id < tokenizer_size(k), "tokenizer: id %d of %d", id, tokenizer_size(k));
    return vocab_text(k->vocab, id);
}

int32_t tokenizer_id(const Tokenizer *k, const char *token)
{
    int32_t id = vocab_find(k->vocab, token, strlen(token));
    return id >= 0 ? id : tokenizer_unk(k);
}

/* ---- encode and decode -------------------------------------------------------------------------------------------- */

void token_put(TokenSink *s, int32_t id)
{
    if (s->count < s->max)
        s->ids[s->count] = id;
    s->count++;
}

/* The special token that stands at `text`, or -1; `bytes` receives its length. */
static int32_t special_at(const Tokenizer *k, const char *text, size_t *bytes)
{
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        *bytes = strlen(SPECIAL_TEXT[i]);
        if (k->special[i] >= 0 && strncmp(text, SPECIAL_TEXT[i], *bytes) == 0)
            return k->special[i];
    }
    return -1;
}

int64_t tokenizer_encode(const Tokenizer *k, const char *text, int32_t *ids, int64_t max)
{
    TokenSink out = { .ids = ids, .max = max };
    const char *from = text;
    for (const char *at = strchr(text, '<'); at; at = strchr(at, '<')) {
        size_t  bytes;
        int32_t id = special_at(k, at, &bytes);
        if (id < 0) {
            at++;
            continue;
        }
        k->kind->encode(k, from, (size_t)(at - from), &out);
        token_put(&out, id);
        from = at += bytes;
    }
    k->kind->encode(k, from, strlen(from), &out);
    return out.count;
}

static bool is_special(const Tokenizer *k, int32_t id)
{
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (k->special[i] == id)
            return true;
    return false;
}

char *tokenizer_decode(const Tokenizer *k, const int32_t *ids, int64_t count)
{
    int64_t  n = 0;
    int32_t *plain = malloc((size_t)(count + 1) * sizeof *plain);
    REQUIRE(plain, "tokenizer: no memory");
    for (int64_t i = 0; i < count; i++) {
        REQUIRE(ids[i] >= 0 && ids[i] < tokenizer_size(k), "tokenizer: id %d of %d", ids[i], tokenizer_size(k));
        if (!is_special(k, ids[i]))
            plain[n++] = ids[i];
    }
    char *text = k->kind->decode(k, plain, n);
    free(plain);
    return text;
}

/* ---- tokenizer.json ------------------------------------------------------------------------------------------------ */

char *tokenizer_to_json(const Tokenizer *k)
{
    json_t *added = json_array(), *root = json_object();
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (k->special[i] >= 0)
            json_array_append_new(added, json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", (int)k->special[i],
                "content", SPECIAL_TEXT[i], "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1));
    json_object_set_new(root, "version", json_string("1.0"));
    json_object_set_new(root, "truncation", json_null());
    json_object_set_new(root, "padding", json_null());
    json_object_set_new(root, "added_tokens", added);
    k->kind->to_json(k, root);
    char *text = json_dumps(root, JSON_INDENT(2));
    REQUIRE(text, "tokenizer: no memory for its JSON");
    json_decref(root);
    return text;
}

/* The special tokens are those that `added_tokens` lists; a further one would change how texts are split. */
static bool read_special(Tokenizer *k, const json_t *root, const char *where, Err *err)
{
    size_t at;
    json_t *entry;
    for (int i = 0; i < SPECIAL_COUNT; i++)
        k->special[i] = -1;
    json_array_foreach(json_object_get(root, "added_tokens"), at, entry) {
        const char *content = json_string_value(json_object_get(entry, "content"));
        int which = 0;
        while (which < SPECIAL_COUNT && (!content || strcmp(content, SPECIAL_TEXT[which]) != 0))
            which++;
        if (which == SPECIAL_COUNT)
            return fail(err, "%s: added token '%s' is not one that limn knows (<pad>, <bos>, <eos>, <unk>)", where, content ? content : "?");
        k->special[which] = vocab_find(k->vocab, content, strlen(content));
        if (k->special[which] < 0 || k->special[which] != json_integer_value(json_object_get(entry, "id")))
            return fail(err, "%s: added token '%s' does not have the id that the vocabulary gives it", where, content);
    }
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (k->special[i] < 0)
            return fail(err, "%s: no %s among the added tokens; limn needs it", where, SPECIAL_TEXT[i]);
    return true;
}

Tokenizer *tokenizer_from_json(const char *text, size_t bytes, const char *where, Err *err)
{
    json_error_t e;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        fail(err, "%s:%d: %s", where, e.line, e.text);
        return NULL;
    }
    const char *model = json_string_value(json_object_get(json_object_get(root, "model"), "type"));
    const TokenizerKind *const *kind = KINDS;
    while (*kind && (!model || strcmp((*kind)->model, model) != 0))
        kind++;
    Tokenizer *k = NULL;
    if (!*kind) {
        fail(err, "%s: model.type is '%s'; limn reads WordLevel", where, model ? model : "missing");
    } else {
        k = tokenizer_new(*kind);
        if (!k->kind->from_json(k, root, where, err) || !read_special(k, root, where, err)) {
            tokenizer_free(k);
            k = NULL;
        }
    }
    json_decref(root);
    return k;
}

Tokenizer *tokenizer_read(const char *path, Err *err)
{
    size_t bytes;
    char *text = file_read(path, &bytes, err);
    if (!text)
        return NULL;
    Tokenizer *k = tokenizer_from_json(text, bytes, path, err);
    free(text);
    return k;
}
