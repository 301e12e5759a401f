/* reward.c - references by picture, once; then the worth of any caption. */
#include "experiments/reward.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/bleu.h"
#include "experiments/metrics/cider.h"

struct Reward {
    RewardOptions    o;
    const Tokenizer *tokenizer;
    CaptionSet      *captions;                   /* images by item of the store                                       */
    Sentence        *references;                 /* of all images, one behind the other                               */
    int64_t         *first;                      /* [images + 1] where an image's begin                               */
    CiderScorer     *cider;
};

/* The words, and <eos> behind them; malloc'd. Its number, `end`, is that of no word. */
static Sentence sentence(const int32_t *words, int32_t count, bool eos, int32_t end)
{
    int32_t *pieces = buffer_zeros(count + 1, sizeof *pieces);

    if (count) memcpy(pieces, words, (size_t)count * sizeof *pieces);
    pieces[count] = end;
    return (Sentence){ .words = pieces, .pieces = pieces, .count = count + eos, .piece_count = count + eos };
}

static void take_references(Reward *r, const Store *s, int split)
{
    int64_t count, sentences = 0;
    const int64_t *items = store_split_items(s, split, &count);

    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < store_caption_count(s, items[i]); k++, sentences++)
            caption_set_reference(r->captions, caption_set_image(r->captions, items[i]), store_caption(s, items[i], k));
    r->references = buffer_zeros(sentences, sizeof *r->references);
    r->first = buffer_zeros(caption_set_images(r->captions) + 1, sizeof *r->first);
    for (int64_t i = 0; i < caption_set_images(r->captions); i++) {
        const Judged *j = caption_set_at(r->captions, i);
        Sentence *to = r->references + r->first[i];
        for (int32_t k = 0; k < j->reference_count; k++)
            to[k] = sentence(j->references[k].pieces, j->references[k].piece_count, r->o.eos, caption_set_words(r->captions));
        r->first[i + 1] = r->first[i] + j->reference_count;
        cider_document(r->cider, to, j->reference_count);
        cider_image(r->cider, to, j->reference_count);
    }
}

Reward *reward_new(const Store *s, int split, const Tokenizer *k, RewardOptions o, Team *team)
{
    Reward *r = buffer_zeros(1, sizeof *r);

    *r = (Reward){ .o = o, .tokenizer = k, .captions = caption_set_new(), .cider = cider_new() };
    take_references(r, s, split);
    cider_prepare(r->cider, team);
    return r;
}

void reward_free(Reward *r)
{
    if (!r) return;
    for (int64_t i = 0; i < r->first[caption_set_images(r->captions)]; i++) free((void *)r->references[i].pieces);
    cider_free(r->cider);
    caption_set_free(r->captions);
    free(r->references);
    free(r->first);
    free(r);
}

/* ---- a caption's worth ------------------------------------------------------------------------------------------------- */
typedef struct Job { const Reward *reward; const Drawn *captions; double *rewards; } Job;

static void reward_one(void *context, int64_t at, int member)
{
    const Job    *job = context;
    const Reward *r = job->reward;
    const Drawn  *c = &job->captions[at];
    int64_t image = caption_set_find(r->captions, c->item);
    char   *text = tokenizer_decode(r->tokenizer, c->ids, c->count);
    (void)member;

    REQUIRE(image >= 0, "reward: picture %lld has no references", (long long)c->item);
    int32_t *words, count = caption_set_look_up(r->captions, text, &words);
    Sentence s = sentence(words, count, r->o.eos && c->ended, caption_set_words(r->captions));
    job->rewards[at] = r->o.cider * cider_score(r->cider, image, &s);
    if (r->o.bleu > 0) {
        BleuCounts counts = bleu_count(&s, r->references + r->first[image], (int32_t)(r->first[image + 1] - r->first[image]));
        double scores[BLEU_ORDERS];
        bleu_scores(&counts, true, scores);
        job->rewards[at] += r->o.bleu * scores[3];
    }
    free((void *)s.pieces);
    free(words);
    free(text);
}

void reward_of(const Reward *r, Team *team, const Drawn *captions, int64_t count, double *rewards)
{
    team_run(team, count, reward_one, &(Job){ r, captions, rewards });
}
