/* cider.c - CIDEr-D. Of a reference only the lengths of its vectors are kept: its products with a candidate's vectors need no more than the
 * n-grams that the candidate has. */
#include "experiments/metrics/cider.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/captions.h"
#include "experiments/metrics/metrics.h"
#include "experiments/metrics/ngrams.h"
#include "tensor/base/team.h"

typedef struct Vectors { double norm[NGRAM_MOST]; } Vectors;         /* of a sentence, by order                        */
typedef struct Image { const Sentence *references; int64_t first; int32_t count; } Image;    /* first: of its Vectors  */

struct CiderScorer {
    Ngrams   documents;                          /* every n-gram of them; count: the document frequency                 */
    int64_t  document_count, sentences;          /* sentences: references of all images                                 */
    Buffer   images;                             /* of Image                                                            */
    Vectors *vectors;                            /* [sentences]                                                         */
};

CiderScorer *cider_new(void) { return buffer_zeros(1, sizeof(CiderScorer)); }

void cider_free(CiderScorer *c)
{
    if (!c) return;
    ngrams_free(&c->documents);
    free(c->images.p);
    free(c->vectors);
    free(c);
}

int64_t cider_documents(const CiderScorer *c) { return c->document_count; }

void cider_document(CiderScorer *c, const Sentence *references, int32_t count)
{
    Ngrams g = { 0 };

    for (int32_t r = 0; r < count; r++) ngrams_count(&g, references[r].pieces, references[r].piece_count);
    int32_t *number = buffer_zeros(g.count, sizeof *number);
    ngrams_add_all(&c->documents, &g, number);
    for (int32_t i = 0; i < g.count; i++) c->documents.list[number[i]].count++;
    c->document_count++;
    free(number);
    ngrams_free(&g);
}

int64_t cider_image(CiderScorer *c, const Sentence *references, int32_t count)
{
    Image image = { references, c->sentences, count };
    buffer_add(&c->images, &image, sizeof image);
    c->sentences += count;
    return (int64_t)(c->images.used / sizeof image) - 1;
}

/* ---- vectors ----------------------------------------------------------------------------------------------------------- */
/* idf of each n-gram, malloc'd. */
static double *idf_of(const CiderScorer *c, const Ngrams *g)
{
    double  *idf = buffer_zeros(g->count, sizeof *idf), documents = log((double)c->document_count);
    int32_t *number = buffer_zeros(g->count, sizeof *number);

    ngrams_find_all(&c->documents, g, number);
    for (int32_t i = 0; i < g->count; i++) {
        int32_t frequency = number[i] < 0 ? 0 : c->documents.list[number[i]].count;
        idf[i] = documents - (frequency > 1 ? log(frequency) : 0);
    }
    free(number);
    return idf;
}

/* |g_n| of the sentence in which each n-gram of g occurs so often. */
static Vectors lengths(const Ngrams *g, const double *idf, const int32_t *times)
{
    Vectors v = { { 0 } };

    for (int32_t i = 0; i < g->count; i++) v.norm[g->list[i].order] += (times[i] * idf[i]) * (times[i] * idf[i]);
    for (int n = 0; n < NGRAM_MOST; n++) v.norm[n] = sqrt(v.norm[n]);
    return v;
}

/* The references of an image share most of their n-grams: they are looked up once. */
static void prepare_image(void *context, int64_t image, int member)
{
    CiderScorer *c = context;
    const Image *m = (const Image *)(void *)c->images.p + image;
    Ngrams g = { 0 };
    (void)member;

    for (int32_t r = 0; r < m->count; r++) ngrams_count(&g, m->references[r].pieces, m->references[r].piece_count);
    double  *idf = idf_of(c, &g);
    int32_t *times = buffer_zeros(g.count, sizeof *times);
    for (int32_t r = 0; r < m->count; r++) {
        ngrams_tally(&g, m->references[r].pieces, m->references[r].piece_count, times);
        c->vectors[m->first + r] = lengths(&g, idf, times);
    }
    free(times);
    free(idf);
    ngrams_free(&g);
}

void cider_prepare(CiderScorer *c, Team *team)
{
    free(c->vectors);
    c->vectors = buffer_zeros(c->sentences, sizeof *c->vectors);
    team_run(team, (int64_t)(c->images.used / sizeof(Image)), prepare_image, c);
}

/* ---- scores ------------------------------------------------------------------------------------------------------------ */
static int32_t pairs(const Sentence *s) { return s->piece_count > 1 ? s->piece_count - 1 : 0; }

/* Sum over orders of the clipped cosines, without the penalty of length. */
static double similarity(const Ngrams *g, const double *idf, const int32_t *tally, const Vectors *candidate, const Vectors *reference)
{
    double product[NGRAM_MOST] = { 0 }, sum = 0;

    for (int32_t i = 0; i < g->count; i++) {
        int32_t both = g->list[i].count < tally[i] ? g->list[i].count : tally[i];
        product[g->list[i].order] += both * idf[i] * (tally[i] * idf[i]);
    }
    for (int n = 0; n < NGRAM_MOST; n++) {
        double both = candidate->norm[n] * reference->norm[n];
        sum += both > 0 ? product[n] / both : 0;
    }
    return sum;
}

double cider_score(const CiderScorer *c, int64_t image, const Sentence *candidate)
{
    enum { SIGMA = 6 };
    const Image *m = (const Image *)(const void *)c->images.p + image;
    double sum = 0;
    Ngrams g = { 0 };

    REQUIRE(c->vectors && image >= 0 && image < (int64_t)(c->images.used / sizeof *m), "cider: no image %lld", (long long)image);
    ngrams_count(&g, candidate->pieces, candidate->piece_count);
    double  *idf = idf_of(c, &g);
    int32_t *tally = buffer_zeros(g.count, sizeof *tally);
    for (int32_t i = 0; i < g.count; i++) tally[i] = g.list[i].count;
    Vectors  own = lengths(&g, idf, tally);
    for (int32_t r = 0; r < m->count; r++) {
        const Sentence *reference = &m->references[r];
        double apart = pairs(candidate) - pairs(reference);
        ngrams_tally(&g, reference->pieces, reference->piece_count, tally);
        sum += similarity(&g, idf, tally, &own, &c->vectors[m->first + r]) * exp(-apart * apart / (2 * SIGMA * SIGMA));
    }
    free(tally);
    free(idf);
    ngrams_free(&g);
    return m->count ? 10 * sum / NGRAM_MOST / m->count : 0;
}

/* ---- as a metric ------------------------------------------------------------------------------------------------------- */
typedef struct Job { const CaptionSet *set; const CiderScorer *scorer; double *statistics, *each; } Job;

static void score_image(void *context, int64_t image, int member)
{
    const Job *job = context;
    (void)member;
    job->each[image] = job->statistics[image] = cider_score(job->scorer, image, &caption_set_at(job->set, image)->candidate);
}

/* Words of another set by the numbers of this one, -1 where it has none. In place of `pieces`, which the caller frees. */
static Sentence renumbered(const Sentence *s, const CaptionSet *theirs, const CaptionSet *ours)
{
    Sentence out = *s;
    int32_t *pieces = buffer_zeros(s->piece_count, sizeof *pieces);

    for (int32_t i = 0; i < s->piece_count; i++) {
        const char *word = caption_set_word(theirs, s->pieces[i]);
        pieces[i] = caption_set_find_word(ours, word, strlen(word));
    }
    out.pieces = pieces;
    return out;
}

static bool documents_of_file(CiderScorer *c, const CaptionSet *ours, const char *path, Err *err)
{
    CaptionSet *theirs = caption_set_new();
    bool ok = captions_read_references(path, theirs, err);

    for (int64_t i = 0; ok && i < caption_set_images(theirs); i++) {
        const Judged *j = caption_set_at(theirs, i);
        Sentence *list = buffer_zeros(j->reference_count, sizeof *list);
        for (int32_t r = 0; r < j->reference_count; r++) list[r] = renumbered(&j->references[r], theirs, ours);
        cider_document(c, list, j->reference_count);
        for (int32_t r = 0; r < j->reference_count; r++) free((void *)list[r].pieces);
        free(list);
    }
    caption_set_free(theirs);
    return ok;
}

static bool measure(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    CiderScorer *c = cider_new();
    Job          job = { s, c, statistics, each };
    bool         ok = !o->document_frequency || documents_of_file(c, s, o->document_frequency, err);

    for (int64_t i = 0; ok && i < caption_set_images(s); i++) {
        const Judged *j = caption_set_at(s, i);
        if (!o->document_frequency) cider_document(c, j->references, j->reference_count);
        cider_image(c, j->references, j->reference_count);
    }
    if (ok) {
        cider_prepare(c, o->team);
        team_run(o->team, caption_set_images(s), score_image, &job);
        if (o->document_frequency) snprintf(note, METRIC_NOTE, "CIDEr: idf from %lld images of %.150s", (long long)cider_documents(c),
                                            o->document_frequency);
        else snprintf(note, METRIC_NOTE, "CIDEr: idf from the references of the %lld scored images", (long long)cider_documents(c));
    }
    cider_free(c);
    return ok;
}

static void total(const double *sum, double images, double *scores) { scores[0] = sum[0] / images; }

const Metric metric_cider = {
    .name = "cider", .help = "CIDEr-D, idf from the scored images or --df (Vedantam et al. 2015)", .scores = { "CIDEr" }, .statistics = 1,
    .measure = measure, .total = total
};
