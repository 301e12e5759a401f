/* split.c - lists and shares. */
#include "datasets/prepare/split.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "text/vocab.h"

typedef struct Rule { const SplitRule *said; Vocab *names; char sha256[65]; } Rule;
struct Splits { int count; Rule rule[PREPARE_SPLIT_RULES]; };

static bool read_list(Rule *r, Err *err)
{
    size_t bytes;
    char  *text = file_read(r->said->list, &bytes, err);
    if (!text) return false;

    sha256_hex(text, bytes, r->sha256);
    r->names = vocab_new();
    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
        line += strspn(line, " \t");
        size_t n = strlen(line);
        while (n && strchr(" \t", line[n - 1])) n--;
        if (n) vocab_add(r->names, line, n);
    }
    free(text);
    return vocab_size(r->names) > 0 || fail(err, "%s: the list of %s names no picture", r->said->list, r->said->split);
}

Splits *splits_open(const SplitRule *rules, int count, Err *err)
{
    Splits *s = calloc(1, sizeof *s);
    bool    ok = true;
    double  all = 0;
    REQUIRE(s && count <= PREPARE_SPLIT_RULES, "prepare: %d rules of splits", count);

    for (int i = 0; i < count && ok; i++, s->count++) {
        s->rule[i].said = &rules[i];
        all += rules[i].list ? 0 : rules[i].share;
        ok = !rules[i].list || read_list(&s->rule[i], err);
    }
    if (ok && all > 1 + 1e-9) ok = fail_usage(err, "the shares of --split add up to %g, more than 1", all);
    if (ok) return s;
    splits_close(s);
    return NULL;
}

void splits_close(Splits *s)
{
    for (int i = 0; s && i < s->count; i++) vocab_free(s->rule[i].names);
    free(s);
}

/* Which name of the list it is, with or without its extension; -1: none. */
static int32_t listed_as(const Vocab *names, const char *name)
{
    const char *dot = strrchr(name, '.');
    int32_t     at = vocab_find(names, name, strlen(name));
    return at >= 0 || !dot ? at : vocab_find(names, name, (size_t)(dot - name));
}

const char *splits_choose(const Splits *s, const char *name, const char sha256[65])
{
    char   head[14];
    double at, share = 0;

    for (int i = 0; i < s->count; i++)
        if (s->rule[i].names && listed_as(s->rule[i].names, name) >= 0) return s->rule[i].said->split;
    memcpy(head, sha256, 13);                    /* 52 bits: exact in a double */
    head[13] = 0;
    at = (double)strtoull(head, NULL, 16) / 4503599627370496.0;
    for (int i = 0; i < s->count; i++) {
        if (s->rule[i].names) continue;
        share += s->rule[i].said->share;
        if (at < share) return s->rule[i].said->split;
    }
    return "train";
}

/* ---- what the rules did not do ------------------------------------------------------------------------------------------ */
void summary_note(PrepareSummary *out, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (out->notes < PREPARE_NOTES) vsnprintf(out->note[out->notes++], sizeof *out->note, format, ap);
    va_end(ap);
}

bool summary_has_split(const PrepareSummary *s, const char *name)
{
    for (int k = 0; k < s->splits; k++)
        if (strcmp(s->split[k].name, name) == 0) return true;
    return false;
}

/* Names of the list that no picture without a split of its own has. */
static void note_list(const Rule *r, const Catalog *c, PrepareSummary *out)
{
    int64_t names = vocab_size(r->names), missing = 0, first = -1;
    bool   *found = calloc((size_t)names, sizeof *found);
    REQUIRE(found, "out of memory");

    for (int64_t i = 0; i < catalog_count(c); i++) {
        int32_t at = catalog_has_split(c, i) ? -1 : listed_as(r->names, catalog_name(c, i));
        if (at >= 0) found[at] = true;
    }
    for (int64_t k = names; k-- > 0;)
        if (!found[k]) missing++, first = k;
    if (missing)
        summary_note(out, "%lld of the %lld names in %s are of no picture that --split %s could take; the first is '%.80s'", (long long)missing,
                 (long long)names, r->said->list, r->said->split, vocab_text(r->names, (int32_t)first));
    free(found);
}

void splits_note(const Splits *s, const Catalog *c, PrepareSummary *out)
{
    int64_t own = 0;

    for (int64_t i = 0; i < catalog_count(c); i++) own += catalog_has_split(c, i);
    if (s->count && own == catalog_count(c)) {
        summary_note(out, "--split does nothing here: all pictures have a split of their own");
        return;
    }
    for (int i = 0; i < s->count; i++)
        if (s->rule[i].names) note_list(&s->rule[i], c, out);
}

void splits_note_empty(const Splits *s, PrepareSummary *out)
{
    for (int i = 0; i < s->count; i++)
        if (!summary_has_split(out, s->rule[i].said->split)) summary_note(out, "no picture is in %s, of which --split speaks", s->rule[i].said->split);
}

json_t *splits_record(const Splits *s)
{
    json_t *all = json_array();
    for (int i = 0; i < s->count; i++) {
        const Rule *r = &s->rule[i];
        json_array_append_new(all, r->names ? json_pack("{s:s, s:s}", "split", r->said->split, "list_sha256", r->sha256)
                                            : json_pack("{s:s, s:f}", "split", r->said->split, "share", r->said->share));
    }
    return all;
}
