/* errors.c - omitted and invented concepts: an image's captions as sets of terms, compared. */
#include "experiments/metrics/errors.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/captions.h"
#include "experiments/metrics/wordnet.h"
#include "tensor/base/file.h"

/* ---- sentences as sets of concepts ---------------------------------------------------------------------------------------- */

typedef struct TermSet { Term *p; int count; } TermSet;

static bool names(const Lexicon *l, const TermSet *s, Term t)
{
    for (int i = 0; i < s->count; i++) if (lexicon_same(l, s->p[i], t)) return true;
    return false;
}

/* free(p) */
static TermSet terms_of(const CaptionSet *s, Lexicon *l, const Sentence *sentence)
{
    const char **words = buffer_zeros(sentence->count, sizeof *words);
    TermSet out = { buffer_zeros(sentence->count, sizeof(Term)), 0 };

    for (int i = 0; i < sentence->count; i++) words[i] = caption_set_word(s, sentence->words[i]);
    int terms = lexicon_terms(l, words, sentence->count, out.p);
    for (int i = 0; i < terms; i++) if (!names(l, &out, out.p[i])) out.p[out.count++] = out.p[i];
    free(words);
    return out;
}

/* ---- frequency ------------------------------------------------------------------------------------------------------------ */

static void count_concept(ConceptCounts *c, int32_t concept)
{
    if (concept >= c->concepts) {
        int32_t more = 2 * concept + 1;
        c->of = realloc(c->of, (size_t)more * sizeof *c->of);
        REQUIRE(c->of, "out of memory");
        memset(c->of + c->concepts, 0, (size_t)(more - c->concepts) * sizeof *c->of);
        c->concepts = more;
    }
    c->of[concept]++;
}

static void count_references(const CaptionSet *s, Lexicon *l, ConceptCounts *out)
{
    for (int64_t i = 0; i < caption_set_images(s); i++) {
        const Judged *image = caption_set_at(s, i);
        out->captions += image->reference_count;
        for (int r = 0; r < image->reference_count; r++) {
            TermSet t = terms_of(s, l, &image->references[r]);
            for (int k = 0; k < t.count; k++) count_concept(out, t.p[k].concept);
            free(t.p);
        }
    }
}

static bool count_file(const char *path, Lexicon *l, ConceptCounts *out, Err *err)
{
    CaptionSet *s = caption_set_new();
    bool ok = captions_read_references(path, s, err);
    if (ok) count_references(s, l, out);
    caption_set_free(s);
    return ok;
}

bool error_analysis_open(ErrorAnalysis *a, const MetricOptions *o, const CaptionSet *references, Err *err)
{
    const char *folder = o->wordnet ? o->wordnet : folder_exists(WORDNET_FOLDER) ? WORDNET_FOLDER : NULL;

    *a = (ErrorAnalysis){ .lexicon = lexicon_read(folder, err) };
    if (!a->lexicon) return false;
    const char *file = o->training_captions;
    REQUIRE(asprintf(&a->counted, "the %s%s", file ? "captions of " : "references", file ? file : "") > 0, "out of memory");
    if (o->training_captions) return count_file(o->training_captions, a->lexicon, &a->frequency, err);
    count_references(references, a->lexicon, &a->frequency);
    return true;
}

void error_analysis_close(ErrorAnalysis *a)
{
    lexicon_free(a->lexicon);
    free(a->frequency.of);
    free(a->counted);
}

static int frequency_class(const ConceptCounts *c, int32_t concept)
{
    int64_t times = concept < c->concepts ? c->of[concept] : 0, one_of = 30;
    int     class = 0;
    for (; class < FREQUENCIES - 1 && times * one_of < c->captions; class++) one_of *= 10;
    return class;
}

static int length_class(int32_t words) { return words <= 6 ? 0 : words >= 13 ? LENGTHS - 1 : (words - 5) / 2; }

/* ---- tallies -------------------------------------------------------------------------------------------------------------- */

typedef struct Tallying {
    const ErrorAnalysis *by;
    CaptionErrors *errors;
    int            length;                       /* class of the caption at hand */
} Tallying;

static void tally_add(Tally *t, Tally one)
{
    t->agreed += one.agreed, t->omitted += one.omitted, t->said += one.said, t->invented += one.invented;
}

static Tally *tally_of_concept(CaptionErrors *e, Term t)
{
    if (t.concept >= e->count) {                 /* concepts are numbered from 0, most of those that WordNet has are never met */
        int32_t more = 2 * t.concept + 1;
        e->concepts = realloc(e->concepts, (size_t)more * sizeof *e->concepts);
        REQUIRE(e->concepts, "out of memory");
        memset(e->concepts + e->count, 0, (size_t)(more - e->count) * sizeof *e->concepts);
        e->count = more;
    }
    e->concepts[t.concept].term = t;
    return &e->concepts[t.concept].tally;
}

static void tally(const Tallying *a, Term t, Tally one)
{
    CaptionErrors *e = a->errors;
    tally_add(&e->all[t.kind], one);
    tally_add(&e->by_length[a->length][t.kind], one);
    tally_add(&e->by_frequency[frequency_class(&a->by->frequency, t.concept)][t.kind], one);
    tally_add(tally_of_concept(e, t), one);
}

static int named_by(const Lexicon *l, const TermSet *references, int count, Term t)
{
    int times = 0;
    for (int r = 0; r < count; r++) times += names(l, &references[r], t);
    return times;
}

static void compare_image(const Tallying *a, const TermSet *candidate, const TermSet *references, int count)
{
    const Lexicon *l = a->by->lexicon;

    for (int r = 0; r < count; r++)
        for (int k = 0; k < references[r].count; k++) {
            Term t = references[r].p[k];
            if (named_by(l, references, r, t) || 2 * named_by(l, references, count, t) < count) continue;
            tally(a, t, (Tally){ .agreed = 1, .omitted = !names(l, candidate, t) });
        }
    for (int k = 0; k < candidate->count; k++)
        tally(a, candidate->p[k], (Tally){ .said = 1, .invented = !named_by(l, references, count, candidate->p[k]) });
}

void errors_add(const ErrorAnalysis *a, const CaptionSet *s, CaptionErrors *out)
{
    for (int64_t i = 0; i < caption_set_images(s); i++) {
        const Judged *image = caption_set_at(s, i);
        Tallying tallying = { a, out, length_class(image->candidate.count) };
        TermSet  candidate = terms_of(s, a->lexicon, &image->candidate), *references = buffer_zeros(image->reference_count, sizeof *references);
        for (int r = 0; r < image->reference_count; r++) references[r] = terms_of(s, a->lexicon, &image->references[r]);
        compare_image(&tallying, &candidate, references, image->reference_count);
        for (int r = 0; r < image->reference_count; r++) free(references[r].p);
        free(references);
        free(candidate.p);
    }
}

void errors_free(CaptionErrors *e) { free(e->concepts); }
