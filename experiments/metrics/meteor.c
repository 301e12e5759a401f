/* meteor.c - METEOR 1.5 for English (Denkowski and Lavie 2014), as pycocoevalcap runs it: -l en -norm, task "rank".
 *
 *     P = sum_s w_s (d c_s + (1 - d) f_s) / (d c + (1 - d) f)         c_s, f_s: content and function words of the candidate that stage s matches;
 *                                                                     c, f: all of them.  R: the same of the reference
 *     F = P R / (a P + (1 - a) R)       penalty = g (chunks / matched words)^b; one chunk that covers both sentences counts as none, in sums, too
 *     score = F (1 - penalty)           a = .85, b = .2, g = .6, d = .75; w = 1 exact, .6 stem, .8 synonym, .6 paraphrase
 *
 * An image has the score of its best reference; the score of a corpus follows from the sums of these references' counts. A weight belongs to
 * its stage: stages that are left out change nothing for the others, and no other parameter.
 * Words: meteor_words.h, matches: meteor_lexicon.h, which of them count: meteor_align.h.                                  */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/metrics/meteor_align.h"
#include "experiments/metrics/meteor_lexicon.h"
#include "experiments/metrics/meteor_paraphrases.h"
#include "experiments/metrics/meteor_words.h"
#include "experiments/metrics/metrics.h"
#include "tensor/base/file.h"
#include "tensor/base/team.h"

static const double ALPHA = 0.85, BETA = 0.2, GAMMA = 0.6, DELTA = 0.75, WEIGHT[METEOR_STAGES] = { 1.0, 0.6, 0.8, 0.6 };

typedef struct Counts {                          /* METEOR's statistics: nothing but doubles, that sums are made of */
    double words[2], function[2];                /* [0] of the candidate, [1] of the reference                      */
    struct { double content[2], function[2]; } stage[METEOR_STAGES];
    double chunks, matched[2];
} Counts;

enum { STATISTICS = sizeof(Counts) / sizeof(double) };
_Static_assert((int)STATISTICS <= (int)METRIC_STATISTICS, "METEOR's counts are as many as a metric may have");

/* ---- the score --------------------------------------------------------------------------------------------------------- */
static double weighted_share(const Counts *c, int side)
{
    double all = DELTA * (c->words[side] - c->function[side]) + (1 - DELTA) * c->function[side], matched = 0;

    for (int s = 0; s < METEOR_STAGES; s++)
        matched += WEIGHT[s] * (DELTA * c->stage[s].content[side] + (1 - DELTA) * c->stage[s].function[side]);
    return matched / all;
}

static double score_of(const Counts *c)
{
    if (c->matched[0] == 0 || c->matched[1] == 0) return 0;

    double p = weighted_share(c, 0), r = weighted_share(c, 1), f = 1 / ((1 - ALPHA) / p + ALPHA / r);
    return f * (1 - GAMMA * pow(c->chunks / ((c->matched[0] + c->matched[1]) / 2), BETA));
}

static void total(const double *sum, double images, double *scores)
{
    Counts c;
    (void)images;
    memcpy(&c, sum, sizeof c);
    scores[0] = score_of(&c);
}

/* ---- captions in METEOR's words ---------------------------------------------------------------------------------------- */
typedef MeteorWordList Words;

typedef struct Scorer {
    const CaptionSet *set;
    MeteorStage       last;                      /* stages up to this one */
    MeteorLexicon    *lexicon;
    MeteorParaphrases *paraphrases;              /* NULL: without                                    */
    Buffer            words;                     /* int32_t: of all captions, one behind the other … */
    int64_t          *begin;                     /* … where each begins; and one behind the last     */
    int64_t          *caption;                   /* of an image: its candidate, behind it its references */
    MeteorAligner    *aligner;                   /* a thread each … */
    MeteorPhraseRoom *room;                      /* … and one each  */
    double           *statistics, *each;
} Scorer;

static void take_word(void *context, const char *word, size_t bytes)
{
    Scorer *s = context;
    int32_t number = meteor_lexicon_add(s->lexicon, word, bytes);
    buffer_add(&s->words, &number, sizeof number);
}

typedef struct Cutter { MeteorWords *words; Buffer text; bool *plain; } Cutter;

static void cut(Scorer *s, Cutter *c, const Sentence *sentence)
{
    bool plain = true;

    for (int32_t i = 0; i < sentence->count; i++) plain &= c->plain[sentence->words[i]];
    c->text.used = 0;
    for (int32_t i = 0; i < sentence->count; i++) {
        const char *token = caption_set_word(s->set, sentence->words[i]);
        if (plain) take_word(s, token, strlen(token));
        else {
            buffer_add(&c->text, " ", i > 0);
            buffer_add(&c->text, token, strlen(token));
        }
    }
    if (!plain) meteor_words(c->words, c->text.p, c->text.used, take_word, s);
}

static void cut_all(Scorer *s)
{
    int64_t images = caption_set_images(s->set), captions = 0, at = 0;
    int32_t tokens = caption_set_words(s->set);
    Cutter  c = { .words = meteor_words_new(), .plain = buffer_zeros(tokens, sizeof *c.plain) };

    for (int32_t i = 0; i < tokens; i++) c.plain[i] = meteor_words_is_plain(caption_set_word(s->set, i));
    for (int64_t i = 0; i < images; i++) captions += 1 + caption_set_at(s->set, i)->reference_count;
    s->begin = buffer_zeros(captions + 1, sizeof *s->begin);
    s->caption = buffer_zeros(images, sizeof *s->caption);
    for (int64_t i = 0; i < images; i++) {
        const Judged *j = caption_set_at(s->set, i);
        s->caption[i] = at;
        for (int32_t r = -1; r < j->reference_count; r++) {
            cut(s, &c, r < 0 ? &j->candidate : &j->references[r]);
            s->begin[++at] = (int64_t)(s->words.used / sizeof(int32_t));
        }
    }
    meteor_words_free(c.words);
    free(c.text.p);
    free(c.plain);
}

static Words caption(const Scorer *s, int64_t number)
{
    const int32_t *all = (const int32_t *)(const void *)s->words.p;
    return (Words){ all + s->begin[number], (int32_t)(s->begin[number + 1] - s->begin[number]) };
}

/* ---- two captions ------------------------------------------------------------------------------------------------------ */
static void find_matches(const Scorer *s, Words candidate, Words reference, int member)
{
    MeteorAligner *a = &s->aligner[member];

    a->matches.used = 0;
    for (int stage = METEOR_EXACT; stage <= (int)s->last && stage <= METEOR_SYNONYM; stage++)
        for (int32_t r = 0; r < reference.count; r++)
            for (int32_t c = 0; c < candidate.count; c++)
                if (meteor_lexicon_match(s->lexicon, (MeteorStage)stage, candidate.word[c], reference.word[r])) {
                    MeteorMatch m = { c, 1, r, 1, stage };
                    buffer_add(&a->matches, &m, sizeof m);
                }
    if (s->paraphrases) meteor_paraphrases_match(s->paraphrases, &s->room[member], candidate, reference, &a->matches);
}

static int32_t functions(const Scorer *s, Words w, int32_t from, int32_t count)
{
    int32_t n = 0;
    for (int32_t i = from; i < from + count; i++) n += meteor_lexicon_is_function(s->lexicon, w.word[i]);
    return n;
}

static void count_side(const Scorer *s, Words w, int32_t from, int32_t count, int stage, int side, Counts *c)
{
    int32_t function = functions(s, w, from, count);
    c->stage[stage].function[side] += function;
    c->stage[stage].content[side] += count - function;
    c->matched[side] += count;
}

static Counts compare(const Scorer *s, Words candidate, Words reference, int member)
{
    MeteorAligner *a = &s->aligner[member];

    Counts c = { .words = { candidate.count, reference.count },
                 .function = { functions(s, candidate, 0, candidate.count), functions(s, reference, 0, reference.count) } };

    find_matches(s, candidate, reference, member);
    int32_t count = meteor_align(a, candidate.count, reference.count);
    const MeteorMatch *m = (const MeteorMatch *)(const void *)a->chosen.p;
    for (int32_t i = 0; i < count; i++) {
        count_side(s, candidate, m[i].candidate, m[i].candidate_words, m[i].stage, 0, &c);
        count_side(s, reference, m[i].reference, m[i].reference_words, m[i].stage, 1, &c);
    }
    bool whole = a->chunks == 1 && c.matched[0] == c.words[0] && c.matched[1] == c.words[1];
    c.chunks = whole ? 0 : a->chunks;
    return c;
}

/* Of equal references the first. */
static void score_image(void *context, int64_t image, int member)
{
    Scorer *s = context;
    Words   candidate = caption(s, s->caption[image]);
    double  best = -1;

    for (int32_t r = 0; r < caption_set_at(s->set, image)->reference_count; r++) {
        Counts c = compare(s, candidate, caption(s, s->caption[image] + 1 + r), member);
        double score = score_of(&c);
        if (score <= best) continue;
        s->each[image] = best = score;
        memcpy(s->statistics + image * STATISTICS, &c, sizeof c);
    }
}

/* ---- as metrics -------------------------------------------------------------------------------------------------------- */
static bool read_paraphrases(Scorer *s, const char *path, Err *err)
{
    if (!path) return fail(err, "METEOR's paraphrases are missing: --paraphrases FILE, which is paraphrase-en.gz of METEOR 1.5 (pycocoevalcap brings it, in "
                           "meteor/data); without them there are meteor-exact, meteor-stem and meteor-synonym");
    int64_t last = caption_set_images(s->set) - 1, captions = s->caption[last] + 1 + caption_set_at(s->set, last)->reference_count;

    s->paraphrases = meteor_paraphrases_new();
    for (int64_t i = 0; i < captions; i++) meteor_paraphrases_expect(s->paraphrases, caption(s, i));
    return meteor_paraphrases_read(s->paraphrases, path, s->lexicon, err);
}

static void scorer_free(Scorer *s, int members)
{
    for (int i = 0; i < members; i++) {
        meteor_aligner_free(&s->aligner[i]);
        meteor_phrase_room_free(&s->room[i]);
    }
    meteor_lexicon_free(s->lexicon);
    meteor_paraphrases_free(s->paraphrases);
    free(s->words.p);
    free(s->begin);
    free(s->caption);
    free(s->aligner);
    free(s->room);
}

static bool measure(MeteorStage last, const CaptionSet *set, const MetricOptions *o, double *statistics, double *each, Err *err)
{
    int      members = team_size(o->team);
    WordNet *wordnet = last >= METEOR_SYNONYM ? wordnet_open(o->wordnet ? o->wordnet : WORDNET_FOLDER, err) : NULL;

    if (last >= METEOR_SYNONYM && !wordnet) return false;
    Scorer s = { .set = set, .last = last, .lexicon = meteor_lexicon_new(), .aligner = buffer_zeros(members, sizeof *s.aligner),
                 .room = buffer_zeros(members, sizeof *s.room), .statistics = statistics, .each = each };
    cut_all(&s);
    meteor_lexicon_prepare(s.lexicon, wordnet);
    wordnet_free(wordnet);

    bool ok = last < METEOR_PARAPHRASE || read_paraphrases(&s, o->meteor_paraphrases, err);
    if (ok) team_run(o->team, caption_set_images(set), score_image, &s);
    scorer_free(&s, members);
    return ok;
}

static bool measure_all(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    (void)note;
    return measure(METEOR_PARAPHRASE, s, o, statistics, each, err);
}

static bool measure_exact(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    (void)note;
    return measure(METEOR_EXACT, s, o, statistics, each, err);
}

static bool measure_stem(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    snprintf(note, METRIC_NOTE, "METEOR: exact words and stems only, which nobody reports; synonyms need WordNet: apt install wordnet-base, or --wordnet "
             "FOLDER; paraphrases need --paraphrases FILE");
    return measure(METEOR_STEM, s, o, statistics, each, err);
}

static bool measure_synonym(const CaptionSet *s, const MetricOptions *o, double *statistics, double *each, char *note, Err *err)
{
    snprintf(note, METRIC_NOTE, "METEOR: exact words, stems and synonyms; what papers report as METEOR has paraphrases as well, which need METEOR's table: "
             "--paraphrases paraphrase-en.gz");
    return measure(METEOR_SYNONYM, s, o, statistics, each, err);
}

static bool has_wordnet(const MetricOptions *o) { return o->wordnet || folder_exists(WORDNET_FOLDER); }

static bool never(const MetricOptions *o) { (void)o; return false; }
static bool with_paraphrases(const MetricOptions *o) { return o->meteor_paraphrases != NULL; }
static bool without_wordnet(const MetricOptions *o) { return !o->meteor_paraphrases && !has_wordnet(o); }
static bool with_wordnet(const MetricOptions *o) { return !o->meteor_paraphrases && has_wordnet(o); }

const Metric metric_meteor_exact = {
    .name = "meteor-exact", .help = "METEOR 1.5, exact words alone", .scores = { "METEOR_exact" }, .statistics = STATISTICS,
    .by_default = never, .measure = measure_exact, .total = total
};
const Metric metric_meteor_stem = {
    .name = "meteor-stem", .help = "METEOR 1.5, exact words and stems; where WordNet is missing", .scores = { "METEOR_exact_stem" },
    .statistics = STATISTICS, .by_default = without_wordnet, .measure = measure_stem, .total = total
};
const Metric metric_meteor_synonym = {
    .name = "meteor-synonym", .help = "METEOR 1.5 without paraphrases: exact words, stems, WordNet's synonyms",
    .scores = { "METEOR_exact_stem_synonym" }, .statistics = STATISTICS, .by_default = with_wordnet, .measure = measure_synonym, .total = total
};
const Metric metric_meteor = {
    .name = "meteor", .help = "METEOR 1.5 with all its stages; needs --paraphrases (Denkowski and Lavie 2014)", .scores = { "METEOR" },
    .statistics = STATISTICS, .by_default = with_paraphrases, .measure = measure_all, .total = total
};
