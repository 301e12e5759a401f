/* tokenizer.h - text to token ids and back. Each kind is a file and a row in tokenizer.c; files are Hugging Face's tokenizer.json.
 *
 * The word tokenizer ("word") lower-cases, turns everything but letters, digits, ' and - into spaces and splits at white space: exactly
 * what the WordLevel tokenizer.json it writes does in the `tokenizers` library. (Lower case is Unicode's, character by character.)
 *     normalizer  Lowercase, Replace [^\p{L}\p{N}\p{M}'-]+ by " "     pre_tokenizer  WhitespaceSplit
 *     model       WordLevel, unk_token "<unk>"                  ids  <pad> 0, <bos> 1, <eos> 2, <unk> 3, then words by count, then by bytes */
#ifndef LIMN_TOKENIZER_H
#define LIMN_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef struct Tokenizer Tokenizer;

/* A vocabulary from texts: words seen at least min_count times, at most max_size ids in all, the four special ones included
 * (0: no limit).                                                                                                        */
Tokenizer *tokenizer_build_word(const char *const *texts, int64_t count, int64_t min_count, int64_t max_size);
/* The same from texts that come one by one. */
typedef struct WordCounts WordCounts;
WordCounts *word_counts_new(void);
void        word_counts_add(WordCounts *c, const char *text);
Tokenizer  *word_counts_build(const WordCounts *c, int64_t min_count, int64_t max_size);
/* The words so far, in the order in which they first came, and how often each did. */
int32_t     word_counts_size(const WordCounts *c);
const char *word_counts_at(const WordCounts *c, int32_t n, int64_t *count);
void        word_counts_merge(WordCounts *c, const WordCounts *other);
void        word_counts_free(WordCounts *c);

Tokenizer *tokenizer_from_json(const char *text, size_t bytes, const char *where, Err *err);
Tokenizer *tokenizer_read(const char *path, Err *err);
char      *tokenizer_to_json(const Tokenizer *k);                    /* malloc'd, deterministic */
void       tokenizer_free(Tokenizer *k);

const char *tokenizer_kind(const Tokenizer *k);
int32_t     tokenizer_size(const Tokenizer *k);
int32_t     tokenizer_pad(const Tokenizer *k);
int32_t     tokenizer_bos(const Tokenizer *k);
int32_t     tokenizer_eos(const Tokenizer *k);
int32_t     tokenizer_unk(const Tokenizer *k);                       /* -1 when the kind has none */
const char *tokenizer_token(const Tokenizer *k, int32_t id);         /* "dog"                     */
int32_t     tokenizer_id(const Tokenizer *k, const char *token);     /* unk when absent           */

/* Writes at most max ids (no bos or eos is added) and returns how many there are. Invalid UTF-8 becomes U+FFFD. A special token that
 * stands literally in the text ("<eos>") is that token, as in `tokenizers`.                                             */
int64_t tokenizer_encode(const Tokenizer *k, const char *text, int32_t *ids, int64_t max);
/* Text of ids without special tokens; malloc'd. */
char   *tokenizer_decode(const Tokenizer *k, const int32_t *ids, int64_t count);

#endif
