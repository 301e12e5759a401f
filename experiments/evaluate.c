/* evaluate.c - loss, captions and truth over a split, batch by batch. */
#include "experiments/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "datasets/loader.h"
#include "datasets/scenes.h"

static int64_t at_most(int64_t n, int64_t limit) { return limit > 0 && limit < n ? limit : n; }

Tensor *subject_features(const Subject *s, const int64_t *items, int64_t count, Err *err)
{
    Tape *t = s->tape;
    const Encoder *e = s->captioner->encoder;

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
    int64_t side = e->config.image, each = 3 * side * side;
    uint8_t *rgb = arena_alloc(t->arena, (size_t)(count * each));
    for (int64_t i = 0; i < count; i++)
        if (!store_pixels(s->store, items[i], rgb + i * each, err)) return NULL;
    return captioner_encode(t, s->captioner, preprocess_batch(s->preprocess, t->arena, rgb, NULL, count));
}

static bool measure_loss(const Subject *s, const EvaluateOptions *o, Evaluation *out, Err *err)
{
    Tape *t = s->tape;
    LoaderOptions lo = { .split = o->split, .pictures = o->batch, .max_length = (int)s->captioner->config.decoder.length,
                         .fraction = 1, .first = out->pictures, .workers = 1, .prefetch = 2 };
    Loader *l = loader_new(s->store, s->tokenizer, s->preprocess, s->features, lo, err);
    double sum = 0;
    bool ok = l != NULL;

    for (int64_t k = 0, seen = 0; ok && k < loader_batches(l); k++) {
        Batch b;
        double nll = 0;
        if (!(ok = loader_get(l, 0, k, &b, err))) break;
        Tensor *features = b.features ? b.features : captioner_encode(t, s->captioner, b.pixels);
        captioner_loss(t, s->captioner, features, b.tokens, b.targets, b.image_of, 0, 0, &nll);
        sum += nll;
        out->tokens += b.target_count;
        out->captions += b.captions;
        seen += b.pictures;
        tape_reset(t);
        if (o->progress) progress_show(o->progress, seen, "loss", 0, "");
    }
    if (l) loader_free(l);
    if (ok && out->tokens == 0) return fail(err, "split '%s' has no captions to measure a loss on", o->split);
    out->loss = ok ? sum / (double)out->tokens : NAN;
    out->perplexity = exp(out->loss);
    return ok;
}

static bool write_captions(const Subject *s, const EvaluateOptions *o, const int64_t *items, Evaluation *out, Err *err)
{
    Arena *keep = arena_new(1 << 16);
    bool ok = true;

    out->results = calloc((size_t)(out->pictures ? out->pictures : 1), sizeof *out->results);
    REQUIRE(out->results, "out of memory");
    for (int64_t at = 0; ok && at < out->pictures; at += o->batch) {
        int64_t n = at_most(out->pictures - at, o->batch);
        Tensor *features = subject_features(s, items + at, n, err);
        if (!(ok = features != NULL)) break;
        Hypothesis *h = search_captions(s->tape, s->captioner, features, o->search, keep);
        int best = o->search.best > 0 ? o->search.best : 1;
        for (int64_t i = 0; i < n; i++)
            out->results[at + i] = (Captioned){ items[at + i], tokenizer_decode(s->tokenizer, h[i * best].ids, h[i * best].count),
                                                h[i * best].log_prob };
        arena_reset(keep);
        tape_reset(s->tape);
        if (o->progress) progress_show(o->progress, at + n, "captions", 0, "");
    }
    arena_free(keep);
    return ok;
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
    bool ok = (!o->loss || measure_loss(s, o, out, err))
              && (!o->captions || (write_captions(s, o, items, out, err) && judge_captions(s, out, err)));
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
    e->results = NULL;
}
