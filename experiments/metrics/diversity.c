/* diversity.c - how much a captioner has to say: its vocabulary, the length of what it says, and whether it says it of every picture.
 *
 *     Distinct_n    different n-grams / words, n = 1, 2            (Li et al. 2016, "A Diversity-Promoting Objective Function", 3.3)
 *     Vocabulary    different words
 *     Length        words a caption
 *     Novel         captions that are not, word for word, in the training set / captions
 *
 * The words are those of the PTB tokenizer. Distinct_n falls as captions are added: compare it for the same images only.     */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/metrics/caption_files.h"
#include "experiments/metrics/metrics.h"
#include "experiments/metrics/ngrams.h"
#include "text/ptb.h"
#include "text/vocab.h"

/* ---- distinct n-grams ---------------------------------------------------------------------------------------------------- */

static bool whole_diversity(const CaptionSet *s, const MetricOptions *o, double *scores, char *note, Err *err)
{
    Ngrams   pairs = { 0 };
    int64_t  words = 0;
    double   distinct[2] = { 0 };

    (void)o, (void)note, (void)err;
    for (int64_t i = 0; i < caption_set_images(s); i++) {
        const Sentence *c = &caption_set_at(s, i)->candidate;
        words += c->count;
        for (int32_t k = 0, before = NGRAM_ROOT; k < c->count; k++) {
            if (k) ngrams_add(&pairs, before, c->words[k]);
            before = ngrams_add(&pairs, NGRAM_ROOT, c->words[k]);
        }
    }
    for (int32_t k = 0; k < pairs.count; k++) distinct[pairs.list[k].order]++;
    for (int k = 0; k < 2; k++) scores[k] = words ? distinct[k] / (double)words : 0;
    scores[2] = distinct[0];
    ngrams_free(&pairs);
    return true;
}

/* ---- length -------------------------------------------------------------------------------------------------------------- */

static void mean(const double *sum, double images, double *scores) { scores[0] = images > 0 ? sum[0] / images : 0; }

static bool measure_length(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    (void)o, (void)note, (void)err;
    for (int64_t i = 0; i < caption_set_images(s); i++) each[i] = statistics[i] = caption_set_at(s, i)->candidate.count;
    return true;
}

/* ---- novelty ------------------------------------------------------------------------------------------------------------- */

typedef struct Known { Vocab *said; bool *known; int64_t captions; } Known;      /* what is said, tokenised; is it in the training set? */

static bool mark(const FileCaption *c, void *context, Err *err)
{
    Known *k = context;
    char  *text = ptb_text(c->text);
    int32_t id = vocab_find(k->said, text, strlen(text));

    (void)err;
    if (id >= 0) k->known[id] = true;
    k->captions++;
    free(text);
    return true;
}

static int32_t spoken(Vocab *said, const Sentence *candidate)
{
    char *text = ptb_text(candidate->text ? candidate->text : "");
    int32_t id = vocab_add(said, text, strlen(text));
    free(text);
    return id;
}

static bool measure_novelty(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    if (!o->training_captions) return fail_usage(err, "novelty wants the captions that the model learned from: --training FILE");
    int64_t  images = caption_set_images(s);
    int32_t *id = malloc((size_t)images * sizeof *id);
    Known    k = { .said = vocab_new() };

    REQUIRE(id, "out of memory");
    for (int64_t i = 0; i < images; i++) id[i] = spoken(k.said, &caption_set_at(s, i)->candidate);
    k.known = calloc((size_t)vocab_size(k.said), sizeof *k.known);
    REQUIRE(k.known, "out of memory");
    bool ok = captions_each(o->training_captions, mark, &k, err);
    for (int64_t i = 0; i < images; i++) each[i] = statistics[i] = !k.known[id[i]];
    snprintf(note, 256, "novelty: against %lld training captions", (long long)k.captions);
    vocab_free(k.said);
    free(k.known);
    free(id);
    return ok;
}

static bool has_training(const MetricOptions *o) { return o->training_captions != NULL; }

/* ---- as metrics ---------------------------------------------------------------------------------------------------------- */

const Metric metric_diversity = {
    .name = "diversity", .help = "different n-grams a word (Li et al. 2016), and different words",
    .scores = { "Distinct_1", "Distinct_2", "Vocabulary" }, .whole = whole_diversity
};

const Metric metric_length = {
    .name = "length", .help = "words a caption", .scores = { "Length" }, .statistics = 1, .measure = measure_length, .total = mean
};

const Metric metric_novelty = {
    .name = "novelty", .help = "share of captions that are not in the training set; wants --training", .scores = { "Novel" }, .statistics = 1,
    .by_default = has_training, .measure = measure_novelty, .total = mean
};
