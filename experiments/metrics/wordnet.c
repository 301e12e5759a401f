/* wordnet.c - lines of sorted files by bisection.
 *
 *     index.verb      lemma part synsets pointers [pointer…] senses tagged offset [offset…]       man wndb(5WN)
 *     verb.exc        inflected base [base…]
 * Both are sorted by their first word, byte by byte; the licence above an index begins with blanks.     */
#include "experiments/metrics/wordnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"

static const char *const PARTS[] = { "noun", "verb", "adj", "adv" };
enum { PART_COUNT = sizeof PARTS / sizeof *PARTS, LONGEST = 256 };

typedef struct Lines { char *text; size_t bytes; } Lines;

struct WordNet {
    Lines index[PART_COUNT], exceptions[PART_COUNT];
    bool  debian;
};

/* Debian's files differ from Princeton's, whose offsets METEOR has: a pointer of 18 bytes stands with "suppress" instead of "restrain", and
 * the gloss of "laid" is a byte longer. What lies behind has moved. */
static const struct Moved { const char *part; int32_t from, to, by; } MOVED[] = {
    { "verb", 613036, 2422967, -18 }, { "adj", 1681478, INT32_MAX, -1 },
};
static const char DEBIAN_WORD[] = "zygotic";     /* an adjective of one synset, whose offset tells which files these are … */
enum { DEBIAN_PART = 2, DEBIAN_OFFSET = 2882276 };       /* … as it is in Debian's                                        */

/* ---- files ------------------------------------------------------------------------------------------------------------- */
static bool read_lines(const char *folder, const char *before, const char *part, const char *after, Lines *out, Err *err)
{
    char name[32];
    snprintf(name, sizeof name, "%s%s%s", before, part, after);
    char *path = path_join(folder, name);
    out->text = file_read(path, &out->bytes, err);
    free(path);
    return out->text != NULL;
}

static int compare(const char *line, const char *word)
{
    size_t n = strcspn(line, " \n"), bytes = strlen(word);
    int    order = memcmp(line, word, n < bytes ? n : bytes);
    return order ? order : (n > bytes) - (n < bytes);
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

/* The first line of the word, or of the first word behind it. */
static const char *lower_bound(const Lines *l, const char *word)
{
    size_t from = 0, to = l->bytes;              /* both at the beginning of a line, or at the end */

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        while (middle > from && l->text[middle - 1] != '\n') middle--;
        if (compare(l->text + middle, word) >= 0) to = middle;
        else from = (size_t)(next_line(l->text + middle) - l->text);
    }
    return l->text + from;
}

static const char *skip_fields(const char *line, long count)
{
    for (long i = 0; i < count && *line && *line != '\n'; i++) line += strspn(line, " "), line += strcspn(line, " \n");
    return line;
}

/* The numbers at the end of an entry of the index: as many offsets as it says in its third field. */
static bool add_entry(const WordNet *w, int part, const char *word, Buffer *out)
{
    const char *entry = lower_bound(&w->index[part], word);
    char       *end;

    if (!*word || compare(entry, word) != 0) return false;
    entry = skip_fields(entry, 2);
    long synsets = strtol(entry, &end, 10), pointers = strtol(end, &end, 10);
    entry = skip_fields(end, pointers + 2);
    for (long i = 0; i < synsets; i++) {
        int32_t offset = (int32_t)strtol(entry, &end, 10);
        if (end == entry) break;
        for (size_t m = 0; w->debian && m < sizeof MOVED / sizeof *MOVED; m++)
            if (strcmp(MOVED[m].part, PARTS[part]) == 0 && offset >= MOVED[m].from && offset < MOVED[m].to) {
                offset += MOVED[m].by;
                break;
            }
        buffer_add(out, &offset, sizeof offset);
        entry = end;
    }
    return true;
}

static bool add_word(const WordNet *w, const char *word, Buffer *out)
{
    bool found = false;
    for (int part = 0; part < PART_COUNT; part++) found |= add_entry(w, part, word, out);
    return found;
}

WordNet *wordnet_open(const char *folder, Err *err)
{
    WordNet *w = calloc(1, sizeof *w);
    Buffer   probe = { 0 };
    bool     ok = true;
    REQUIRE(w, "out of memory");

    for (int p = 0; ok && p < PART_COUNT; p++)
        ok = read_lines(folder, "index.", PARTS[p], "", &w->index[p], err) && read_lines(folder, "", PARTS[p], ".exc", &w->exceptions[p], err);
    if (!ok) {
        fail_also(err, err->status, "WordNet's database is the folder with index.noun and the like: apt install wordnet-base, or --wordnet FOLDER");
        wordnet_free(w);
        return NULL;
    }
    w->debian = add_entry(w, DEBIAN_PART, DEBIAN_WORD, &probe) && *(int32_t *)(void *)probe.p == DEBIAN_OFFSET;
    free(probe.p);
    return w;
}

void wordnet_free(WordNet *w)
{
    if (!w) return;
    for (int p = 0; p < PART_COUNT; p++) {
        free(w->index[p].text);
        free(w->exceptions[p].text);
    }
    free(w);
}

/* ---- base forms -------------------------------------------------------------------------------------------------------- */
/* A form in the lists of exceptions counts as inflected even when none of its base forms has synsets. Some have several lines. */
static bool add_exceptions(const WordNet *w, const char *word, Buffer *out)
{
    bool found = false;

    for (int part = 0; part < PART_COUNT; part++)
        for (const char *line = lower_bound(&w->exceptions[part], word); compare(line, word) == 0; line = next_line(line)) {
            const char *at = line + strlen(word);
            found = true;
            while (*at == ' ') {
                char   base[LONGEST];
                size_t n = strcspn(++at, " \n");
                snprintf(base, sizeof base, "%.*s", (int)n, at);
                add_word(w, base, out);
                at += n;
            }
        }
    return found;
}

/* Endings of nouns, verbs and adjectives, and what stands in their place, in WordNet's order: man morphy(7WN). */
static void add_detached(const WordNet *w, const char *word, Buffer *out)
{
    static const char *const ENDINGS[][2] = {
        { "s", "" }, { "ses", "s" }, { "xes", "x" }, { "zes", "z" }, { "ches", "ch" }, { "shes", "sh" }, { "men", "man" }, { "ies", "y" },
        { "es", "e" }, { "es", "" }, { "ed", "e" }, { "ed", "" }, { "ing", "e" }, { "ing", "" },
        { "er", "" }, { "est", "" }, { "er", "e" }, { "est", "e" },
    };
    size_t bytes = strlen(word);
    char   base[LONGEST];
    bool   found = false;

    if (bytes <= 2 || bytes >= LONGEST || strcmp(word + bytes - 2, "ss") == 0) return;
    for (size_t i = 0; !found && i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t ending = strlen(ENDINGS[i][0]);
        if (ending > bytes || strcmp(word + bytes - ending, ENDINGS[i][0]) != 0) continue;
        snprintf(base, sizeof base, "%.*s%s", (int)(bytes - ending), word, ENDINGS[i][1]);
        found = add_word(w, base, out);
    }
}

void wordnet_synsets(const WordNet *w, const char *word, Buffer *out)
{
    add_word(w, word, out);
    if (!add_exceptions(w, word, out)) add_detached(w, word, out);
}
