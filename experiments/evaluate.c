/* evaluate.c - loss, captions and truth over a split, batch by batch; a picture is decoded and encoded once for all of them. */
#include "experiments/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "datasets/loader.h"
#include "datasets/scenes.h"

static int64_t at_most(int64_t n, int64_t limit) { return limit > 0 && limit < n ? limit : n; }

static Tensor *subject_pixels(const Subject *s, const int64_t *items, int64_t count, Err *err)
{
    Tape *t = s->tape;
    int64_t side = s->captioner->encoder->config.image, each = 3 * side * side;
    uint8_t *rgb = arena_alloc(t->arena, (size_t)(count * each));

    for (int64_t i = 0; i < count; i++)
        if (!store_pixels(s->store, items[i], s->preprocess, rgb + i * each, err)) return NULL;
    return preprocess_batch(s->preprocess, t->arena, rgb, NULL, count);
}

Tensor *subject_features(const Subject *s, const int64_t *items, int64_t count, Err *err)
{
    Tape *t = s->tape;

    if (s->features) {
        int64_t each = features_tokens(s->features) * features_width(s->features);
        Tensor *x = tensor_new(t->arena, SHAPE(count, features_tokens(s->features), features_width(s->features)));
        real *one = arena_alloc(t->arena, (size_t)each * sizeof *one);
        for (int64_t i = 0; i < count; i++) {
            features_get(s->features, items[i], 0, one);
            tensor_write(x, i * each, one, each);
        }
        return x;
    }
    Tensor *pixels = subject_pixels(s, items, count, err);
    return pixels ? captioner_encode(t, s->captioner, pixels) : NULL;
}

/* The model before pictures, and those that speak with it, which see `pixels`. In the tape's arena. */
static Ensemble speakers(const Subject *s, Tensor *features, Tensor *pixels)
{
    Speaker *list = arena_alloc(s->tape->arena, (size_t)(s->other_count + 1) * sizeof *list);

    list[0] = (Speaker){ s->captioner, features };
    for (int k = 0; k < s->other_count; k++) list[k + 1] = (Speaker){ s->others[k], captioner_encode(s->tape, s->others[k], pixels) };
    return (Ensemble){ list, s->other_count + 1 };
}

/* What the model says of pictures; of several captions a picture the first counts. */
static void caption(const Subject *s, const EvaluateOptions *o, Ensemble e, Captioned *const *to, int64_t count, Evaluation *out)
{
    Arena *keep = o->details ? out->keep : arena_new(1 << 16);
    uint64_t *keys = arena_alloc(s->tape->arena, (size_t)count * sizeof *keys);
    SearchOptions search = o->search;

    for (int64_t i = 0; i < count; i++) keys[i] = (uint64_t)to[i]->item;
    search.keys = keys;
    out->found_each = search_results(&search);
    Hypothesis *h = search_ensemble(s->tape, e, search, keep);
    for (int64_t i = 0; i < count; i++, h += out->found_each) {
        to[i]->text = tokenizer_decode(s->tokenizer, h->ids, h->count);
        to[i]->log_prob = h->log_prob;
        to[i]->found = o->details ? h : NULL;
    }
    if (!o->details) arena_free(keep);
}

/* The sum of -log p over a batch's captions, by an ensemble. */
static double ensemble_nll(const Subject *s, Ensemble e, const Batch *b, int64_t *tokens)
{
    int64_t T = shape_last(b->tokens.shape);
    int32_t eos = tokenizer_eos(s->tokenizer);
    Arena *keep = arena_new(1 << 16);
    Given *given = arena_alloc(keep, (size_t)b->captions * sizeof *given);
    double nll = 0;

    for (int64_t i = 0; i < b->captions; i++) {
        const int32_t *words = b->targets.v + i * T;
        int count = 0;
        while (count < T && words[count] != LOADER_IGNORE && words[count] != eos) count++;
        given[i] = (Given){ words, count, b->image_of[i] };
    }
    Hypothesis *h = captions_score(s->tape, e, given, b->captions,
                                   (SearchOptions){ .bos = tokenizer_bos(s->tokenizer), .eos = eos, .pad = tokenizer_pad(s->tokenizer) }, keep);
    for (int64_t i = 0; i < b->captions; i++) {
        nll -= h[i].log_prob;
        *tokens += h[i].count + h[i].ended;
    }
    arena_free(keep);
    return nll;
}

/* One batch: its loss and, when *next is not NULL, its captions; *next is where in the split the batch begins, and then where it ends.
 * The pictures are encoded once for both. */
static void measure_batch(const Subject *s, const EvaluateOptions *o, const Batch *b, Captioned **next, Evaluation *out, double *sum)
{
    Tape *t = s->tape;
    Tensor *features = b->features ? b->features : captioner_encode(t, s->captioner, b->pixels);
    Ensemble e = speakers(s, features, b->pixels);
    ArenaMark mark = tape_mark(t);
    double nll = 0;

    if (s->other_count) nll = ensemble_nll(s, e, b, &out->tokens);
    else {
        captioner_loss(t, s->captioner, features, b->tokens, b->targets, b->image_of, (LossOptions){ .nll = &nll });
        out->tokens += b->target_count;
    }
    arena_release(t->arena, mark);
    *sum += nll;
    out->captions += b->captions;
    if (*next) {
        Captioned **to = arena_alloc(t->arena, (size_t)b->pictures * sizeof *to);
        for (int64_t i = 0; i < b->pictures; i++) {
            while ((*next)->item != b->items[i]) ++*next;
            to[i] = (*next)++;
        }
        caption(s, o, e, to, b->pictures, out);
    }
    tape_reset(t);
}

/* Loss over all captions of the split, and captions of the pictures that have some. */
static bool measure(const Subject *s, const EvaluateOptions *o, Evaluation *out, Err *err)
{
    LoaderOptions lo = { .split = o->split, .pictures = o->batch, .max_length = (int)s->captioner->config.decoder.length,
                         .fraction = 1, .first = out->pictures, .workers = 1, .prefetch = 2 };
    Loader *l = loader_new(s->store, s->tokenizer, s->preprocess, s->features, lo, err);
    Captioned *next = out->results;
    double sum = 0;
    bool ok = l != NULL;

    for (int64_t k = 0, seen = 0; ok && k < loader_batches(l); k++) {
        Batch b;
        if (!(ok = loader_get(l, 0, k, &b, err))) break;
        measure_batch(s, o, &b, &next, out, &sum);
        seen += b.pictures;
        if (o->progress) progress_show(o->progress, seen, "", 0, "");
    }
    if (l) loader_free(l);
    if (ok && out->tokens == 0) return fail(err, "split '%s' has no captions to measure a loss on", o->split);
    out->loss = ok ? sum / (double)out->tokens : NAN;
    out->perplexity = exp(out->loss);
    return ok;
}

/* Pictures that have no caption to learn from are captioned all the same. */
static bool caption_rest(const Subject *s, const EvaluateOptions *o, Evaluation *out, Err *err)
{
    for (int64_t at = 0; at < out->pictures; ) {
        Captioned **to = arena_alloc(s->tape->arena, (size_t)o->batch * sizeof *to);
        int64_t *items = arena_alloc(s->tape->arena, (size_t)o->batch * sizeof *items), count = 0;

        for (; at < out->pictures && count < o->batch; at++)
            if (!out->results[at].text) {
                to[count] = &out->results[at];
                items[count++] = out->results[at].item;
            }
        Tensor *pixels = count && s->other_count ? subject_pixels(s, items, count, err) : NULL;
        Tensor *features = count && (pixels || !s->other_count) ? subject_features(s, items, count, err) : NULL;
        if (features) caption(s, o, speakers(s, features, pixels), to, count, out);
        tape_reset(s->tape);
        if (count && !features) return false;
        if (o->progress) progress_show(o->progress, at, "", 0, "");
    }
    return true;
}

static bool judge_captions(const Subject *s, Evaluation *out, Err *err)
{
    int64_t parsed = 0, clauses = 0, true_clauses = 0, objects = 0, named = 0, invented = 0;

    for (int64_t i = 0; i < out->pictures; i++) {
        const char *text = store_truth(s->store, out->results[i].item);
        if (!text) return true;
        json_t *truth = json_loads(text, 0, NULL);
        if (!truth) return fail(err, "the store's truth of picture %s is not JSON", store_item_name(s->store, out->results[i].item));
        SceneScore score = scenes_judge(truth, out->results[i].text);
        json_decref(truth);
        parsed += score.parsed;
        clauses += score.clauses;
        true_clauses += score.true_clauses;
        objects += score.objects;
        named += score.named;
        invented += score.invented;
    }
    out->composed = out->pictures > 0;
    out->parsed = (double)parsed / (double)(out->pictures ? out->pictures : 1);
    out->true_clauses = clauses ? (double)true_clauses / (double)clauses : 0;
    out->named = objects ? (double)named / (double)objects : 0;
    out->invented = (double)invented / (double)(out->pictures ? out->pictures : 1);
    return true;
}

bool evaluate(const Subject *s, const EvaluateOptions *o, Evaluation *out, Err *err)
{
    Tape *t = s->tape;
    bool recording = t->recording, training = t->training;
    double started = seconds_now();
    int split = store_find_split(s->store, o->split);
    int64_t count = 0;

    *out = (Evaluation){ .loss = NAN, .perplexity = NAN };
    if (split < 0) return fail_usage(err, "the store has no split '%s'; `limn inspect` lists them", o->split);
    const int64_t *items = store_split_items(s->store, split, &count);
    out->pictures = at_most(count, o->pictures);
    t->recording = t->training = false;
    out->keep = o->details ? arena_new(1 << 16) : NULL;
    if (o->captions) {
        out->results = calloc((size_t)(out->pictures ? out->pictures : 1), sizeof *out->results);
        REQUIRE(out->results, "out of memory");
        for (int64_t i = 0; i < out->pictures; i++) out->results[i].item = items[i];
    }
    bool ok = (!o->loss || measure(s, o, out, err))
              && (!o->captions || (caption_rest(s, o, out, err) && judge_captions(s, out, err)));
    t->recording = recording;
    t->training = training;
    out->seconds = seconds_now() - started;
    if (!ok) evaluation_free(out);
    return ok;
}

void evaluation_free(Evaluation *e)
{
    for (int64_t i = 0; e->results && i < e->pictures; i++) free(e->results[i].text);
    free(e->results);
    arena_free(e->keep);
    e->results = NULL;
    e->keep = NULL;
}

CaptionSet *evaluation_captions(const Evaluation *e, const Store *s)
{
    CaptionSet *set = caption_set_new();

    for (int64_t i = 0; e->results && i < e->pictures; i++) {
        int64_t item = e->results[i].item, references = store_caption_count(s, item);
        if (!references) continue;
        int64_t image = caption_set_image(set, item);
        caption_set_candidate(set, image, e->results[i].text);
        for (int64_t k = 0; k < references; k++) caption_set_reference(set, image, store_caption(s, item, k));
    }
    return set;
}
