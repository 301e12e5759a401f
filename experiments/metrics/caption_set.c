/* caption_set.c - images in an array, their words interned by a Vocab, sentences in an arena. */
#include "experiments/metrics/caption_set.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/sources/id_map.h"
#include "tensor/base/arena.h"
#include "tensor/base/err.h"
#include "text/ptb.h"
#include "text/vocab.h"

typedef struct Numbers { int32_t *p; int32_t count, room; } Numbers;
/* The sentence at hand: its words, and the number that each gets from, or only has in, a vocabulary. */
typedef struct Reader { Vocab *vocab; bool add; Numbers words, pieces; } Reader;

struct CaptionSet {
    Vocab   *vocab;
    Arena   *arena;                              /* words, pieces and texts of the sentences                */
    Judged  *image;                              /* its lists malloc'd, doubled at powers of two            */
    int64_t  images, room;
    IdMap    index;                              /* image id -> index                                       */
    Reader   reader;
};

CaptionSet *caption_set_new(void)
{
    CaptionSet *s = calloc(1, sizeof *s);
    REQUIRE(s, "out of memory");
    s->vocab = s->reader.vocab = vocab_new();
    s->reader.add = true;
    s->arena = arena_new(1 << 20);
    return s;
}

static void free_lists(const Judged *j)
{
    free((void *)j->others);
    free((void *)j->references);
}

void caption_set_free(CaptionSet *s)
{
    if (!s) return;
    for (int64_t i = 0; i < s->images; i++) free_lists(&s->image[i]);
    id_map_free(&s->index);
    vocab_free(s->vocab);
    arena_free(s->arena);
    free(s->image);
    free(s->reader.words.p);
    free(s->reader.pieces.p);
    free(s);
}

/* ---- sentences --------------------------------------------------------------------------------------------------------- */
static void push(Numbers *n, int32_t number)
{
    if (n->count == n->room) {
        n->room = n->room ? 2 * n->room : 64;
        n->p = realloc(n->p, (size_t)n->room * sizeof *n->p);
        REQUIRE(n->p, "out of memory");
    }
    n->p[n->count++] = number;
}

/* Bytes of the white space, as Python's str.split() has it, that begins here; 0: it is none. */
static size_t white_space(const char *text, const char *end)
{
    unsigned char c = (unsigned char)text[0];
    if ((c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20)) return 1;
    if (c == 0xc2 && end - text >= 2) return text[1] == '\x85' || text[1] == '\xa0' ? 2 : 0;
    if (c < 0xe1 || c > 0xe3 || end - text < 3) return 0;

    int32_t code = (c & 15) << 12 | (text[1] & 63) << 6 | (text[2] & 63);
    return code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f
           || code == 0x3000 ? 3 : 0;
}

/* Of a word that is in no caption and is not to be added: by its spelling (FNV-1a), beyond those that are and the one behind them. */
static int32_t number_of(const Reader *r, const char *word, size_t bytes)
{
    int32_t  number = r->add ? vocab_add(r->vocab, word, bytes) : vocab_find(r->vocab, word, bytes), known = vocab_size(r->vocab);
    uint32_t hash = 0x811c9dc5;

    if (number >= 0) return number;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ (unsigned char)word[i]) * 0x01000193;
    return known + 1 + (int32_t)(hash % (uint32_t)(INT32_MAX - known - 1));
}

static void take_token(void *context, const char *token, size_t bytes)
{
    Reader *r = context;
    const char *end = token + bytes, *piece = token;

    push(&r->words, number_of(r, token, bytes));
    for (const char *p = token; p < end;) {
        size_t space = white_space(p, end);
        if (space && p > piece) push(&r->pieces, number_of(r, piece, (size_t)(p - piece)));
        p += space ? space : 1;
        if (space) piece = p;
    }
    if (end > piece) push(&r->pieces, piece == token ? r->words.p[r->words.count - 1] : number_of(r, piece, (size_t)(end - piece)));
}

static Sentence sentence_of(CaptionSet *s, const char *text)
{
    Reader *r = &s->reader;
    size_t  bytes = strlen(text);

    r->words.count = r->pieces.count = 0;
    ptb_tokenize(text, bytes, take_token, r);
    size_t words = (size_t)r->words.count * sizeof(int32_t), pieces = (size_t)r->pieces.count * sizeof(int32_t);
    if (words == pieces && (!words || memcmp(r->words.p, r->pieces.p, words) == 0)) pieces = 0;

    char *room = arena_alloc(s->arena, words + pieces + bytes + 1), *behind = room + words;
    if (words) memcpy(room, r->words.p, words);
    if (pieces) memcpy(behind, r->pieces.p, pieces);
    memcpy(behind + pieces, text, bytes + 1);
    return (Sentence){ .words = (int32_t *)room, .pieces = (int32_t *)(pieces ? behind : room), .text = behind + pieces,
                       .count = r->words.count, .piece_count = r->pieces.count };
}

int32_t caption_set_look_up(const CaptionSet *s, const char *text, int32_t **pieces)
{
    Reader r = { .vocab = s->vocab };

    ptb_tokenize(text, strlen(text), take_token, &r);
    free(r.words.p);
    *pieces = r.pieces.p;
    return r.pieces.count;
}

/* ---- images ------------------------------------------------------------------------------------------------------------ */
int64_t caption_set_find(const CaptionSet *s, int64_t id) { return id_map_get(&s->index, id); }

int64_t caption_set_image(CaptionSet *s, int64_t id)
{
    int64_t at = caption_set_find(s, id);

    if (at >= 0) return at;
    if (s->images == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->image = realloc(s->image, (size_t)s->room * sizeof *s->image);
        REQUIRE(s->image, "out of memory");
    }
    id_map_put(&s->index, id, s->images);
    s->image[s->images] = (Judged){ .id = id };
    return s->images++;
}

static void append(const Sentence **list, int32_t *count, Sentence sentence)
{
    int32_t   n = (*count)++;
    Sentence *to = (Sentence *)*list;

    if ((n & (n - 1)) == 0) {
        to = realloc(to, (n ? 2 * (size_t)n : 1) * sizeof *to);
        REQUIRE(to, "out of memory");
        *list = to;
    }
    to[n] = sentence;
}

void caption_set_candidate(CaptionSet *s, int64_t image, const char *text)
{
    REQUIRE(image >= 0 && image < s->images, "caption set: no image %lld", (long long)image);
    Judged *j = &s->image[image];
    if (j->candidate.text) append(&j->others, &j->other_count, j->candidate);
    j->candidate = sentence_of(s, text);
}

void caption_set_reference(CaptionSet *s, int64_t image, const char *text)
{
    REQUIRE(image >= 0 && image < s->images, "caption set: no image %lld", (long long)image);
    Judged *j = &s->image[image];
    append(&j->references, &j->reference_count, sentence_of(s, text));
}

int64_t caption_set_drop_incomplete(CaptionSet *s)
{
    int64_t kept = 0, before = s->images;

    id_map_free(&s->index);
    for (int64_t i = 0; i < before; i++) {
        Judged j = s->image[i];
        if (!j.candidate.text || !j.reference_count) {
            free_lists(&j);
            continue;
        }
        id_map_put(&s->index, j.id, kept);
        s->image[kept++] = j;
    }
    s->images = kept;
    return before - kept;
}

int64_t caption_set_images(const CaptionSet *s) { return s->images; }

const Judged *caption_set_at(const CaptionSet *s, int64_t image)
{
    REQUIRE(image >= 0 && image < s->images, "caption set: no image %lld", (long long)image);
    return &s->image[image];
}

int32_t caption_set_words(const CaptionSet *s) { return vocab_size(s->vocab); }

const char *caption_set_word(const CaptionSet *s, int32_t word) { return vocab_text(s->vocab, word); }

int32_t caption_set_find_word(const CaptionSet *s, const char *word, size_t bytes) { return vocab_find(s->vocab, word, bytes); }
