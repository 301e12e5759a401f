/* mutual_bleu.c - mBLEU-4: how much captions repeat each other. Less is more diverse.
 *
 * Where images have several candidates each, every one of them against the others of its image, mean over these, then over images (Shetty
 * et al. 2017, "Speaking the Same Language", 4.1; Wang and Chan 2019, "Describing like Humans"). Where they have one, every caption against
 * those of all other images: self-BLEU (Zhu et al. 2018, "Texygen"). BLEU-4 is that of single captions in bleu.h.
 *
 * n captions have n - 1 references each, but all that counts of an n-gram is how often the caption has it that has it most often, and
 * the one after that; so this takes time in proportion to the words, not to their square.                              */
#include <stdio.h>
#include <stdlib.h>

#include "experiments/metrics/bleu.h"
#include "experiments/metrics/metrics.h"
#include "experiments/metrics/ngrams.h"

typedef struct Most {                            /* how often captions have an n-gram                                   */
    int32_t most, second, owner;                 /* most often; that has it so often; and the most among the others     */
    int32_t here, caption;                       /* in the caption at hand                                              */
} Most;

typedef struct Mutual {
    Ngrams   grams;
    Most    *of; int32_t room;                   /* of each n-gram                                                      */
    int32_t *lengths; int32_t longest;           /* captions by length                                                  */
} Mutual;

static Most *at(Mutual *m, int32_t gram, int32_t caption)
{
    if (gram >= m->room) {
        int32_t room = 2 * gram + 256;
        m->of = realloc(m->of, (size_t)room * sizeof *m->of);
        REQUIRE(m->of, "out of memory");
        for (; m->room < room; m->room++) m->of[m->room] = (Most){ .owner = -1, .caption = -1 };
    }
    Most *x = &m->of[gram];
    if (x->caption != caption) x->caption = caption, x->here = 0;
    x->here++;
    return x;
}

/* The n-grams of a caption enter. */
static void enter(Mutual *m, int32_t caption, const Sentence *s)
{
    for (int32_t i = 0; i < s->piece_count; i++)
        for (int32_t k = 0, gram = NGRAM_ROOT; k < BLEU_ORDERS && i + k < s->piece_count; k++) {
            gram = ngrams_add(&m->grams, gram, s->pieces[i + k]);
            Most *x = at(m, gram, caption);
            if (x->owner == caption) x->most = x->here;
            else if (x->here > x->most) x->second = x->most, x->most = x->here, x->owner = caption;
            else if (x->here > x->second) x->second = x->here;
        }
}

/* The length of another caption that is closest, the shorter of two. */
static int32_t closest(const Mutual *m, int32_t length)
{
    if (m->lengths[length] > 1) return length;
    for (int32_t d = 1; ; d++) {
        if (length - d >= 0 && m->lengths[length - d]) return length - d;
        if (length + d <= m->longest && m->lengths[length + d]) return length + d;
        REQUIRE(d <= m->longest, "mutual BLEU: there is no other caption");
    }
}

static double bleu_against_others(Mutual *m, int32_t caption, const Sentence *s)
{
    BleuCounts c = { .length = s->piece_count, .reference_length = closest(m, s->piece_count) };
    double scores[BLEU_ORDERS];

    for (int32_t i = 0; i < s->piece_count; i++)
        for (int32_t k = 0, gram = NGRAM_ROOT; k < BLEU_ORDERS && i + k < s->piece_count; k++) {
            gram = ngrams_find(&m->grams, gram, s->pieces[i + k]);
            Most *x = at(m, gram, caption);
            c.matches[k] += x->here <= (x->owner == caption ? x->second : x->most);
            c.guesses[k]++;
        }
    bleu_scores(&c, true, scores);
    return scores[BLEU_ORDERS - 1];
}

/* Mean over two captions or more. */
static double mutual_bleu(const Sentence *const *captions, int32_t count)
{
    Mutual m = { 0 };
    double sum = 0;

    for (int32_t i = 0; i < count; i++) m.longest = captions[i]->piece_count > m.longest ? captions[i]->piece_count : m.longest;
    m.lengths = calloc((size_t)m.longest + 1, sizeof *m.lengths);
    REQUIRE(m.lengths, "out of memory");
    for (int32_t i = 0; i < count; i++) {
        m.lengths[captions[i]->piece_count]++;
        enter(&m, i, captions[i]);
    }
    for (int32_t g = 0; g < m.room; g++) m.of[g].caption = -1;
    for (int32_t i = 0; i < count; i++) sum += bleu_against_others(&m, i, captions[i]);
    ngrams_free(&m.grams);
    free(m.lengths);
    free(m.of);
    return sum / count;
}

/* ---- as a metric --------------------------------------------------------------------------------------------------------- */

static int32_t list_captions(const Judged *j, const Sentence **list)
{
    for (int32_t k = 0; k < j->other_count; k++) list[k] = &j->others[k];
    list[j->other_count] = &j->candidate;
    return j->other_count + 1;
}

static bool whole(const CaptionSet *s, const MetricOptions *o, double *scores, char *note, Err *err)
{
    int64_t images = caption_set_images(s), several = 0, most = 1;
    double  sum = 0;

    (void)o, (void)err;
    for (int64_t i = 0; i < images; i++)
        if (caption_set_at(s, i)->other_count >= most) most = caption_set_at(s, i)->other_count + 1;
    const Sentence **list = malloc((size_t)(most > images ? most : images) * sizeof *list);
    REQUIRE(list, "out of memory");
    for (int64_t i = 0; i < images; i++)
        if (caption_set_at(s, i)->other_count) {
            sum += mutual_bleu(list, list_captions(caption_set_at(s, i), list));
            several++;
        }
    for (int64_t i = 0; i < images; i++) list[i] = &caption_set_at(s, i)->candidate;
    scores[0] = several ? sum / (double)several : images > 1 ? mutual_bleu(list, (int32_t)images) : 0;
    if (several) snprintf(note, 256, "mBLEU: among the candidates of an image; %lld images have several", (long long)several);
    else snprintf(note, 256, "mBLEU: each caption against those of all other images");
    free(list);
    return true;
}

const Metric metric_mutual_bleu = {
    .name = "mutual-bleu", .help = "mBLEU-4: how much captions repeat each other (Shetty et al. 2017; Zhu et al. 2018)",
    .scores = { "mBleu_4" }, .lower_is_better = true, .whole = whole
};
