/* batch.c - choosing pictures, captions and mirrorings by counter-based random numbers, and laying out a batch. */
#include "datasets/loader/batch.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "datasets/buffer.h"
#include "tensor/base/rng.h"
#include "vision/augment.h"

bool caption_names_side(const char *text)
{
    for (const char *at = text; *at; at++) {
        bool begins = at == text || !isalnum((unsigned char)at[-1]);
        if (begins && (strncasecmp(at, "left", 4) == 0 || strncasecmp(at, "right", 5) == 0)) return true;
    }
    return false;
}

/* ---- the corpus ------------------------------------------------------------------------------------------------------ */
static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The pictures of the split that have a caption; of these a fraction, the same for a seed whatever else changes. */
static bool choose_pictures(Corpus *c, Err *err)
{
    int64_t count, with = 0;
    int split = store_find_split(c->store, c->o.split);
    if (split < 0) return fail_usage(err, "the data set has no split '%s'; `limn inspect` lists them", c->o.split);

    const int64_t *items = store_split_items(c->store, split, &count);
    if (c->o.first > 0 && c->o.first < count) count = c->o.first;
    int32_t *kept = malloc((size_t)(count + 1) * sizeof *kept);
    REQUIRE(kept, "out of memory");
    for (int64_t i = 0; i < count; i++)
        if (store_caption_count(c->store, items[i]) > 0) kept[with++] = (int32_t)i;

    c->pictures = with;
    if (c->o.fraction > 0 && c->o.fraction < 1) {
        Rng r = rng_stream(c->o.seed, RNG_SHUFFLE, UINT64_MAX);
        rng_shuffle(&r, kept, with);
        c->pictures = (int64_t)ceil(c->o.fraction * (double)with);
        qsort(kept, (size_t)c->pictures, sizeof *kept, by_number);
    }
    c->item = malloc((size_t)(c->pictures + 1) * sizeof *c->item);
    REQUIRE(c->item, "out of memory");
    for (int64_t i = 0; i < c->pictures; i++) c->item[i] = items[kept[i]];
    free(kept);
    c->batches = (c->pictures + c->o.pictures - 1) / c->o.pictures;
    return c->pictures > 0 || fail(err, "split '%s' has no picture with a caption", c->o.split);
}

/* <bos> ids <eos>, cut to max_length: a caption that is too long loses its end, and does not learn a false one. */
static void encode(const Tokenizer *k, const char *text, int max_length, int32_t *row, Buffer *ids)
{
    int64_t n = tokenizer_encode(k, text, row + 1, max_length - 1), length = n + 2 < max_length ? n + 2 : max_length;

    row[0] = tokenizer_bos(k);
    if (n + 1 < max_length) row[n + 1] = tokenizer_eos(k);
    buffer_add(ids, row, (size_t)length * sizeof *row);
}

static void encode_captions(Corpus *c, const Tokenizer *k)
{
    Buffer token = { 0 }, ids = { 0 }, sided = { 0 };
    int64_t captions = 0, end = 0;
    int32_t *row = malloc(((size_t)c->o.max_length + 1) * sizeof *row);

    c->caption = malloc((size_t)(c->pictures + 1) * sizeof *c->caption);
    REQUIRE(row && c->caption, "out of memory");
    buffer_add(&token, &end, sizeof end);
    for (int64_t p = 0; p < c->pictures; p++) {
        c->caption[p] = captions;
        for (int64_t i = 0; i < store_caption_count(c->store, c->item[p]); i++, captions++) {
            const char *text = store_caption(c->store, c->item[p], i);
            encode(k, text, c->o.max_length, row, &ids);
            end = (int64_t)(ids.used / sizeof *row);
            buffer_add(&token, &end, sizeof end);
            buffer_add(&sided, &(bool){ caption_names_side(text) }, sizeof(bool));
        }
        if (captions - c->caption[p] > c->most_captions) c->most_captions = captions - c->caption[p];
    }
    c->caption[c->pictures] = captions;
    c->token = (int64_t *)(void *)token.p;
    c->ids = (int32_t *)(void *)ids.p;
    c->sided = (bool *)(void *)sided.p;
    free(row);
}

bool corpus_new(Corpus *c, Store *s, const Tokenizer *k, const Preprocess *p, Features *features, LoaderOptions o, Err *err)
{
    REQUIRE(o.pictures > 0 && o.captions >= 0 && o.max_length >= 2, "loader: %d pictures, %d captions, length %d", o.pictures,
            o.captions, o.max_length);
    REQUIRE(o.shuffle || !o.by_length, "loader: batches by length come from a shuffled order");
    REQUIRE(!features || ((o.crop == 0 || o.crop == 1) && o.jitter == 0), "loader: features can be neither cropped nor jittered");
    *c = (Corpus){ .store = s, .features = features, .preprocess = *p, .o = o };
    c->pad = tokenizer_pad(k) >= 0 ? tokenizer_pad(k) : tokenizer_eos(k);
    if (!features && !store_fits(s, p->size))
        return fail(err, "the data set holds pictures of %d px, and the model's preprocessing wants %d px: prepare it with --size %d",
                    store_size(s), p->size, p->size);
    TRY(choose_pictures(c, err));
    encode_captions(c, k);
    return true;
}

void corpus_free(Corpus *c)
{
    free(c->item);
    free(c->caption);
    free(c->token);
    free(c->ids);
    free(c->sided);
}

/* ---- random choices ---------------------------------------------------------------------------------------------------- */
/* A stream of a picture's own in an epoch, whatever batch it is in. */
static Rng picture_stream(const Corpus *c, RngPurpose purpose, int64_t epoch, int64_t p)
{
    return rng_stream(c->o.seed, purpose, (uint64_t)epoch << 32 | (uint64_t)c->item[p]);
}

/* Some captions of picture p, at most o.captions; all when that is 0. Returns how many. */
static int64_t choose_captions(const Corpus *c, int64_t p, Rng *r, int64_t *chosen)
{
    int64_t n = c->caption[p + 1] - c->caption[p], wanted = c->o.captions > 0 && c->o.captions < n ? c->o.captions : n;

    for (int64_t i = 0; i < n; i++) chosen[i] = c->caption[p] + i;
    for (int64_t i = 0; i < wanted && wanted < n; i++) {
        int64_t with = i + rng_below(r, n - i), was = chosen[i];
        chosen[i] = chosen[with];
        chosen[with] = was;
    }
    return wanted;
}

/* By length, captions are chosen before batches are made: for each picture out of its own stream. */
static int64_t choose_own_captions(const Corpus *c, int64_t epoch, int64_t p, int64_t *chosen)
{
    Rng own = picture_stream(c, RNG_CAPTIONS, epoch, p);
    return choose_captions(c, p, &own, chosen);
}

typedef struct Placed { int64_t length; int32_t place, picture; } Placed;    /* place: in the shuffled order */

static int by_longest_caption(const void *a, const void *b)
{
    const Placed *x = a, *y = b;
    return x->length != y->length ? (x->length > y->length) - (x->length < y->length) : (x->place > y->place) - (x->place < y->place);
}

static int64_t longest_chosen(const Corpus *c, int64_t epoch, int64_t p, int64_t *chosen)
{
    int64_t n = choose_own_captions(c, epoch, p, chosen), longest = 0;

    for (int64_t i = 0; i < n; i++) {
        int64_t length = c->token[chosen[i] + 1] - c->token[chosen[i]];
        if (length > longest) longest = length;
    }
    return longest;
}

/* Sorts the full batches of the shuffled order by length, window by window, and then shuffles them as wholes. */
static void order_by_length(const Corpus *c, int64_t epoch, Rng *r, int32_t *order)
{
    int64_t full = c->pictures / c->o.pictures, each = c->o.pictures, window = LOADER_WINDOW * each;
    Placed *placed = malloc((size_t)(full * each + 1) * sizeof *placed);
    int32_t *batch = malloc((size_t)(full + 1) * sizeof *batch);
    int64_t *room = malloc((size_t)c->most_captions * sizeof *room);

    REQUIRE(placed && batch && room, "out of memory");
    for (int64_t i = 0; i < full * each; i++) placed[i] = (Placed){ longest_chosen(c, epoch, order[i], room), (int32_t)i, order[i] };
    for (int64_t i = 0; i < full * each; i += window)
        qsort(placed + i, (size_t)(window < full * each - i ? window : full * each - i), sizeof *placed, by_longest_caption);
    for (int64_t i = 0; i < full; i++) batch[i] = (int32_t)i;
    rng_shuffle(r, batch, full);
    for (int64_t i = 0; i < full * each; i++) order[i] = placed[batch[i / each] * each + i % each].picture;
    free(placed);
    free(batch);
    free(room);
}

void corpus_order(const Corpus *c, int64_t epoch, int32_t *order)
{
    Rng r = rng_stream(c->o.seed, RNG_SHUFFLE, (uint64_t)epoch);

    for (int64_t i = 0; i < c->pictures; i++) order[i] = (int32_t)i;
    if (c->o.shuffle) rng_shuffle(&r, order, c->pictures);
    if (c->o.by_length) order_by_length(c, epoch, &r, order);
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------ */
/* What random numbers decide about a batch: rows of captions, and pictures to mirror. */
typedef struct Plan { int64_t pictures, captions; const int32_t *picture; int64_t *caption; int32_t *image_of; bool *flip; } Plan;

static Plan make_plan(const Corpus *c, const int32_t *order, int64_t epoch, int64_t at, Arena *a)
{
    int64_t from = at * c->o.pictures, to = from + c->o.pictures < c->pictures ? from + c->o.pictures : c->pictures, room = 0;
    Plan plan = { .pictures = to - from, .picture = order + from };
    Rng r = rng_stream(c->o.seed, RNG_AUGMENT, (uint64_t)(epoch * c->batches + at));

    for (int64_t i = from; i < to; i++) room += c->caption[order[i] + 1] - c->caption[order[i]];
    plan.caption = arena_alloc(a, (size_t)room * sizeof *plan.caption);
    plan.image_of = arena_alloc(a, (size_t)room * sizeof *plan.image_of);
    plan.flip = arena_alloc(a, (size_t)plan.pictures * sizeof *plan.flip);
    for (int64_t i = 0; i < plan.pictures; i++) {
        int64_t *chosen = plan.caption + plan.captions, p = order[from + i];
        int64_t n = c->o.by_length ? choose_own_captions(c, epoch, p, chosen) : choose_captions(c, p, &r, chosen);
        bool sided = false;
        for (int64_t k = 0; k < n; k++) {
            sided = sided || c->sided[chosen[k]];
            plan.image_of[plan.captions + k] = (int32_t)i;
        }
        plan.flip[i] = c->o.flip && rng_below(&r, 2) == 1 && !sided;
        plan.captions += n;
    }
    return plan;
}

static void lay_tokens(const Corpus *c, const Plan *plan, Arena *a, Batch *out)
{
    int64_t B = plan->captions, T = 1;
    for (int64_t b = 0; b < B; b++) {
        int64_t length = c->token[plan->caption[b] + 1] - c->token[plan->caption[b]] - 1;
        if (length > T) T = length;
    }
    int32_t *tokens = arena_alloc(a, (size_t)(B * T) * sizeof *tokens), *targets = arena_alloc(a, (size_t)(B * T) * sizeof *targets);
    for (int64_t b = 0; b < B; b++) {
        const int32_t *ids = c->ids + c->token[plan->caption[b]];
        int64_t length = c->token[plan->caption[b] + 1] - c->token[plan->caption[b]] - 1;
        for (int64_t t = 0; t < T; t++) {
            tokens[b * T + t] = t < length ? ids[t] : c->pad;
            targets[b * T + t] = t < length ? ids[t + 1] : LOADER_IGNORE;
        }
        out->target_count += length;
    }
    out->tokens = (Ids){ SHAPE(B, T), tokens };
    out->targets = (Ids){ SHAPE(B, T), targets };
}

static void crop_and_jitter(const Corpus *c, int64_t epoch, int64_t p, uint8_t *rgb)
{
    int side = c->preprocess.size;
    Image im = { side, side, 3, rgb };
    Rng r = picture_stream(c, RNG_CROP_JITTER, epoch, p);

    if (c->o.crop > 0 && c->o.crop < 1) {
        Image part = augment_crop(&im, augment_draw_crop(c->o.crop, side, side, &r), side, side, c->preprocess.filter);
        memcpy(rgb, part.pixels, (size_t)side * (size_t)side * 3);
        image_free(&part);
    }
    if (c->o.jitter > 0) {
        Jitter j = augment_draw_jitter(c->o.jitter, &r);
        augment_jitter(&im, &j);
    }
}

static bool lay_pixels(const Corpus *c, const Plan *plan, int64_t epoch, Arena *a, Batch *out, Err *err)
{
    int64_t each = (int64_t)3 * c->preprocess.size * c->preprocess.size;
    uint8_t *rgb = arena_alloc(a, (size_t)(plan->pictures * each));

    for (int64_t i = 0; i < plan->pictures; i++) {
        TRY(store_pixels(c->store, out->items[i], &c->preprocess, rgb + i * each, err));
        crop_and_jitter(c, epoch, plan->picture[i], rgb + i * each);
    }
    out->pixels = preprocess_batch(&c->preprocess, a, rgb, plan->flip, plan->pictures);
    return true;
}

static void lay_features(const Corpus *c, const Plan *plan, Arena *a, Batch *out)
{
    int64_t N = features_tokens(c->features), C = features_width(c->features);
    real *one = arena_alloc(a, (size_t)(N * C) * sizeof *one);
    bool mirrored = features_views(c->features) > 1;

    out->features = tensor_new(a, SHAPE(plan->pictures, N, C));
    for (int64_t i = 0; i < plan->pictures; i++) {
        features_get(c->features, out->items[i], mirrored && plan->flip[i], one);
        tensor_write(out->features, i * N * C, one, N * C);
    }
}

bool corpus_batch(const Corpus *c, const int32_t *order, int64_t epoch, int64_t at, Arena *a, Batch *out, Err *err)
{
    Plan plan = make_plan(c, order, epoch, at, a);
    int64_t *items = arena_alloc(a, (size_t)plan.pictures * sizeof *items);

    for (int64_t i = 0; i < plan.pictures; i++) items[i] = c->item[plan.picture[i]];
    *out = (Batch){ .image_of = plan.image_of, .items = items, .pictures = plan.pictures, .captions = plan.captions };
    lay_tokens(c, &plan, a, out);
    if (!c->features) return lay_pixels(c, &plan, epoch, a, out, err);
    lay_features(c, &plan, a, out);
    return true;
}
