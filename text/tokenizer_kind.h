/* tokenizer_kind.h - what a kind of tokenizer is, for the files that implement one (word.c) and for tokenizer.c. */
#ifndef LIMN_TOKENIZER_KIND_H
#define LIMN_TOKENIZER_KIND_H

#include <jansson.h>

#include "text/tokenizer.h"
#include "text/vocab.h"

typedef struct TokenSink { int32_t *ids; int64_t max, count; } TokenSink;        /* keeps the first max ids, counts all */
void token_put(TokenSink *s, int32_t id);

typedef struct TokenizerKind {
    const char *name;                            /* "word": what limn calls it                        */
    const char *model;                           /* "WordLevel": model.type in tokenizer.json         */
    bool    (*from_json)(Tokenizer *k, const json_t *root, const char *where, Err *err);     /* vocabulary and rules */
    void    (*to_json)(const Tokenizer *k, json_t *root);            /* normalizer, pre_tokenizer, decoder, model    */
    void    (*encode)(const Tokenizer *k, const char *text, size_t bytes, TokenSink *out);   /* no special tokens in it */
    char   *(*decode)(const Tokenizer *k, const int32_t *ids, int64_t count);                /* special ones are gone   */
} TokenizerKind;

enum { SPECIAL_PAD, SPECIAL_BOS, SPECIAL_EOS, SPECIAL_UNK, SPECIAL_COUNT };

struct Tokenizer {
    const TokenizerKind *kind;
    Vocab               *vocab;
    int32_t              special[SPECIAL_COUNT]; /* -1: the kind has none                             */
};

extern const char *const SPECIAL_TEXT[SPECIAL_COUNT];
Tokenizer *tokenizer_new(const TokenizerKind *kind);                 /* an empty vocabulary, all special ids 0 */

extern const TokenizerKind tokenizer_word;

#endif
