/* meteor_paraphrases.c - phrases as numbers; for each the list of its paraphrases, as they stand in the table. */
#include "experiments/metrics/meteor_paraphrases.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/metrics/meteor_align.h"
#include "text/vocab.h"

enum { LONGEST = 16, FILTER_BITS = 27, BLOCK = 1 << 16, NONE = -1 };

typedef struct Pair { int32_t from, to; } Pair;

struct MeteorParaphrases {
    uint8_t *filter;                             /* a bit a hash: some run of words in the captions has it            */
    Vocab   *phrases;                            /* a phrase is the bytes of its words' numbers                       */
    Buffer   pairs;                              /* Pair: as in the table                                             */
    int32_t *first, *to;                         /* of phrase p: to[first[p]] … to[first[p + 1] - 1]                  */
    int32_t  longest;
};

MeteorParaphrases *meteor_paraphrases_new(void)
{
    MeteorParaphrases *p = calloc(1, sizeof *p);
    REQUIRE(p, "out of memory");
    p->filter = buffer_zeros(1 << (FILTER_BITS - 3), 1);
    p->phrases = vocab_new();
    return p;
}

void meteor_paraphrases_free(MeteorParaphrases *p)
{
    if (!p) return;
    free(p->filter);
    vocab_free(p->phrases);
    free(p->pairs.p);
    free(p->first);
    free(p->to);
    free(p);
}

/* ---- what is in the captions ------------------------------------------------------------------------------------------- */
static uint64_t extend(uint64_t hash, int32_t word) { return (hash ^ (uint64_t)(word + 1)) * 0x9e3779b97f4a7c15u; }

static uint64_t bit_of(uint64_t hash) { return hash >> (64 - FILTER_BITS); }

void meteor_paraphrases_expect(MeteorParaphrases *p, MeteorWordList caption)
{
    for (int32_t i = 0; i < caption.count; i++) {
        uint64_t hash = 0;
        for (int32_t k = i; k < caption.count && k < i + LONGEST; k++) {
            hash = extend(hash, caption.word[k]);
            p->filter[bit_of(hash) / 8] |= (uint8_t)(1 << bit_of(hash) % 8);
        }
    }
}

/* The number of a phrase that may be in the captions, or NONE. */
static int32_t phrase_number(MeteorParaphrases *p, const MeteorLexicon *x, const char *text, size_t bytes)
{
    int32_t     word[LONGEST], count = 0;
    uint64_t    hash = 0;
    const char *end = text + bytes;

    while (text < end) {
        const char *blank = memchr(text, ' ', (size_t)(end - text)), *stop = blank ? blank : end;
        if (stop > text) {
            if (count == LONGEST) return NONE;
            word[count] = meteor_lexicon_find(x, text, (size_t)(stop - text));
            if (word[count] < 0) return NONE;
            hash = extend(hash, word[count++]);
            if (!(p->filter[bit_of(hash) / 8] >> bit_of(hash) % 8 & 1)) return NONE;
        }
        text = stop + 1;
    }
    if (!count) return NONE;
    if (count > p->longest) p->longest = count;
    return vocab_add(p->phrases, (const char *)word, (size_t)count * sizeof *word);
}

/* ---- the table --------------------------------------------------------------------------------------------------------- */
typedef struct Table { MeteorParaphrases *p; const MeteorLexicon *x; int64_t lines; int32_t from; const char *path; } Table;

static bool take_line(Table *t, const char *line, size_t bytes, Err *err)
{
    char  *end;
    int    which = (int)(t->lines++ % 3);

    if (which == 0) {
        if (!bytes || (strtod(line, &end), end == line))
            return fail(err, "%s:%lld: a probability is wanted; METEOR's table has three lines a paraphrase: a number and two phrases", t->path,
                        (long long)t->lines);
    } else if (which == 1) t->from = phrase_number(t->p, t->x, line, bytes);
    else if (t->from != NONE) {
        Pair pair = { t->from, phrase_number(t->p, t->x, line, bytes) };
        if (pair.to != NONE) buffer_add(&t->p->pairs, &pair, sizeof pair);
    }
    return true;
}

/* Takes the whole lines out of the buffer, and leaves what is behind them. */
static bool take_lines(Table *t, Buffer *b, Err *err)
{
    char *at = b->p, *end = b->p + b->used, *line;

    for (; (line = memchr(at, '\n', (size_t)(end - at))) != NULL; at = line + 1) {
        *line = '\0';
        TRY(take_line(t, at, (size_t)(line - at), err));
    }
    b->used = (size_t)(end - at);
    memmove(b->p, at, b->used);
    return true;
}

static bool read_table(Table *t, struct archive *a, Err *err)
{
    struct archive_entry *entry;
    Buffer b = { 0 };
    bool   ok = true;
    la_ssize_t n = 0;

    if (archive_read_open_filename(a, t->path, BLOCK) != ARCHIVE_OK || archive_read_next_header(a, &entry) != ARCHIVE_OK)
        return fail(err, "%s: %s", t->path, archive_error_string(a) ? archive_error_string(a) : "it cannot be read");
    while (ok && (buffer_room(&b, BLOCK), n = archive_read_data(a, b.p + b.used, BLOCK)) > 0) {
        b.used += (size_t)n;
        ok = take_lines(t, &b, err);
    }
    if (ok && n == 0 && b.used) ok = (buffer_add(&b, "\n", 1), take_lines(t, &b, err));
    free(b.p);
    if (ok && n < 0) return fail(err, "%s: %s", t->path, archive_error_string(a) ? archive_error_string(a) : "it cannot be read to its end");
    if (ok && t->lines % 3) return fail(err, "%s: it ends within a paraphrase, after %lld lines", t->path, (long long)t->lines);
    return ok;
}

static void make_lists(MeteorParaphrases *p)
{
    const Pair *pair = (const Pair *)(const void *)p->pairs.p;
    int64_t     count = (int64_t)(p->pairs.used / sizeof *pair);
    int32_t     phrases = vocab_size(p->phrases);

    p->first = buffer_zeros(phrases + 2, sizeof *p->first);
    p->to = buffer_zeros(count, sizeof *p->to);
    for (int64_t i = 0; i < count; i++) p->first[pair[i].from + 2]++;
    for (int32_t i = 0; i < phrases; i++) p->first[i + 2] += p->first[i + 1];
    for (int64_t i = 0; i < count; i++) p->to[p->first[pair[i].from + 1]++] = pair[i].to;
}

bool meteor_paraphrases_read(MeteorParaphrases *p, const char *path, const MeteorLexicon *x, Err *err)
{
    struct archive *a = archive_read_new();
    Table           t = { .p = p, .x = x, .path = path };
    REQUIRE(a, "out of memory");

    archive_read_support_format_raw(a);
    archive_read_support_filter_gzip(a);
    bool ok = read_table(&t, a, err);
    archive_read_free(a);
    if (ok) make_lists(p);
    return ok;
}

/* ---- two captions ------------------------------------------------------------------------------------------------------ */
typedef struct Found { int32_t phrase, at, words, next; } Found;     /* next: of the same phrase, further on; NONE */

/* Every phrase of the table in a caption, by place, then by length. */
static void find_phrases(const MeteorParaphrases *p, MeteorWordList caption, Buffer *out)
{
    for (int32_t at = 0; at < caption.count; at++)
        for (int32_t words = 1; words <= p->longest && at + words <= caption.count; words++) {
            int32_t phrase = vocab_find(p->phrases, (const char *)(caption.word + at), (size_t)words * sizeof *caption.word);
            Found   f = { phrase, at, words, NONE };
            if (phrase >= 0) buffer_add(out, &f, sizeof f);
        }
}

/* For every phrase found on this side, in order, its paraphrases that were found on the other. */
static void match_side(const MeteorParaphrases *p, const Found *here, int32_t count, const Found *there, const int32_t *first, bool here_is_reference,
                       Buffer *matches)
{
    for (int32_t i = 0; i < count; i++)
        for (int32_t k = p->first[here[i].phrase]; k < p->first[here[i].phrase + 1]; k++)
            for (int32_t at = first[p->to[k]] - 1; at != NONE; at = there[at].next) {
                const Found *c = here_is_reference ? &there[at] : &here[i], *r = here_is_reference ? &here[i] : &there[at];
                MeteorMatch  m = { c->at, c->words, r->at, r->words, METEOR_PARAPHRASE };
                buffer_add(matches, &m, sizeof m);
            }
}

/* first[phrase]: 1 + its first place, 0 where it is not there. Cleared again by `set` false. */
static void mark(Found *found, int32_t count, int32_t *first, bool set)
{
    for (int32_t i = count - 1; i >= 0; i--) {
        found[i].next = set ? first[found[i].phrase] - 1 : NONE;
        first[found[i].phrase] = set ? i + 1 : 0;
    }
}

void meteor_paraphrases_match(const MeteorParaphrases *p, MeteorPhraseRoom *room, MeteorWordList candidate, MeteorWordList reference, Buffer *matches)
{
    if (!room->first) room->first = buffer_zeros(vocab_size(p->phrases), sizeof *room->first);
    room->found.used = 0;
    find_phrases(p, candidate, &room->found);
    int32_t in_candidate = (int32_t)(room->found.used / sizeof(Found));
    find_phrases(p, reference, &room->found);
    Found  *c = (Found *)(void *)room->found.p, *r = c + in_candidate;
    int32_t in_reference = (int32_t)(room->found.used / sizeof(Found)) - in_candidate;

    if (!in_candidate || !in_reference) return;
    mark(c, in_candidate, room->first, true);
    match_side(p, r, in_reference, c, room->first, true, matches);
    mark(c, in_candidate, room->first, false);
    mark(r, in_reference, room->first, true);
    match_side(p, c, in_candidate, r, room->first, false, matches);
    mark(r, in_reference, room->first, false);
}

void meteor_phrase_room_free(MeteorPhraseRoom *room)
{
    free(room->found.p);
    free(room->first);
}
