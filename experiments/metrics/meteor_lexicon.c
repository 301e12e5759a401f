/* meteor_lexicon.c - a vocabulary, and a row of properties for each of its words. */
#include "experiments/metrics/meteor_lexicon.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

#include "text/vocab.h"

/* English words, and parts of words as METEOR cuts them, of a relative frequency above 1/1000 (Denkowski and Lavie 2011, 3.2): those that
 * METEOR 1.5 counts, which follow from newspaper text. */
static const char *const FUNCTION_WORDS[] = {
    "\"", "$", "'", "'s", "'t", "(", ")", ",", "-", "--", "-lrb-", "-rrb-", ".", ":", "?", "a", "about", "after", "all", "also", "an", "and",
    "are", "as", "at", "be", "been", "but", "by", "can", "could", "first", "for", "from", "had", "has", "have", "he", "her", "his", "i", "if", "in",
    "into", "is", "it", "its", "last", "more", "new", "no", "not", "of", "on", "one", "or", "other", "out", "over", "people", "s", "said",
    "she", "so", "some", "than", "that", "the", "their", "there", "they", "this", "time", "to", "two", "up", "was", "we", "were", "what", "when",
    "which", "who", "will", "with", "would", "year", "years", "you", "\u2014", "\u2019", "\u201c", "\u201d",
};

typedef struct Word { int32_t stem, first_synset, synsets; bool function; } Word;

struct MeteorLexicon {
    Vocab *words, *stems;
    Word  *word;
    Buffer synsets;                              /* int32_t; each word's in order */
};

MeteorLexicon *meteor_lexicon_new(void)
{
    MeteorLexicon *x = calloc(1, sizeof *x);
    REQUIRE(x, "out of memory");
    x->words = vocab_new();
    x->stems = vocab_new();
    return x;
}

void meteor_lexicon_free(MeteorLexicon *x)
{
    if (!x) return;
    vocab_free(x->words);
    vocab_free(x->stems);
    free(x->word);
    free(x->synsets.p);
    free(x);
}

int32_t meteor_lexicon_add(MeteorLexicon *x, const char *word, size_t bytes) { return vocab_add(x->words, word, bytes); }

int32_t meteor_lexicon_find(const MeteorLexicon *x, const char *word, size_t bytes) { return vocab_find(x->words, word, bytes); }

int32_t meteor_lexicon_size(const MeteorLexicon *x) { return vocab_size(x->words); }

/* ---- properties -------------------------------------------------------------------------------------------------------- */
static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void take_synsets(MeteorLexicon *x, Word *word, const WordNet *w, const char *text)
{
    size_t before = x->synsets.used;

    wordnet_synsets(w, text, &x->synsets);
    word->first_synset = (int32_t)(before / sizeof(int32_t));
    word->synsets = (int32_t)((x->synsets.used - before) / sizeof(int32_t));
    if (word->synsets) qsort(x->synsets.p + before, (size_t)word->synsets, sizeof(int32_t), ascending);
}

void meteor_lexicon_prepare(MeteorLexicon *x, const WordNet *w)
{
    struct sb_stemmer *stemmer = sb_stemmer_new("english", "UTF_8");
    int32_t            count = vocab_size(x->words);

    REQUIRE(stemmer, "libstemmer has no English");
    free(x->word);
    x->word = buffer_zeros(count, sizeof *x->word);
    x->synsets.used = 0;
    for (int32_t i = 0; i < count; i++) {
        const char *text = vocab_text(x->words, i);
        const sb_symbol *stem = sb_stemmer_stem(stemmer, (const sb_symbol *)text, (int)strlen(text));
        REQUIRE(stem, "out of memory");
        x->word[i].stem = vocab_add(x->stems, (const char *)stem, (size_t)sb_stemmer_length(stemmer));
        if (w) take_synsets(x, &x->word[i], w, text);
    }
    for (size_t i = 0; i < sizeof FUNCTION_WORDS / sizeof *FUNCTION_WORDS; i++) {
        int32_t word = vocab_find(x->words, FUNCTION_WORDS[i], strlen(FUNCTION_WORDS[i]));
        if (word >= 0) x->word[word].function = true;
    }
    sb_stemmer_delete(stemmer);
}

/* ---- what is asked ----------------------------------------------------------------------------------------------------- */
bool meteor_lexicon_is_function(const MeteorLexicon *x, int32_t word) { return x->word[word].function; }

static bool share_a_synset(const MeteorLexicon *x, const Word *a, const Word *b)
{
    const int32_t *all = (const int32_t *)(const void *)x->synsets.p;
    for (int32_t i = 0, k = 0; i < a->synsets && k < b->synsets;) {
        int32_t p = all[a->first_synset + i], q = all[b->first_synset + k];
        if (p == q) return true;
        if (p < q) i++;
        else k++;
    }
    return false;
}

bool meteor_lexicon_match(const MeteorLexicon *x, MeteorStage stage, int32_t a, int32_t b)
{
    switch (stage) {
    case METEOR_EXACT: return a == b;
    case METEOR_STEM: return a != b && x->word[a].stem == x->word[b].stem;
    case METEOR_SYNONYM: return a != b && share_a_synset(x, &x->word[a], &x->word[b]);
    default: return false;
    }
}
