/* prepare.c - a preset's splits, painted by many threads and written in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/catalog.h"
#include "datasets/prepare.h"
#include "datasets/scenes.h"
#include "datasets/scenes/judge.h"
#include "datasets/scenes/paint.h"
#include "datasets/scenes/sample.h"
#include "tensor/base/file.h"
#include "vision/phash.h"
#include "vision/preprocess.h"

enum { MAX_BOXES = CAPTIONS * (2 * MAX_OBJECTS + 2), HELD_OUT_LEAST = 200, HELD_OUT_MOST = 2000 };

typedef struct Job {
    const ScenesOptions *o;
    const Preset        *preset;
    Artwork             *artwork;
    StoreWriter         *writer;
    int64_t              count[SPLITS];
    PrepareProgress     *progress;
    void                *progress_context;
    PrepareStep          step;
} Job;

typedef struct Picture {
    char     name[64];
    Split    split;
    Scene    scene;
    Caption  caption[CAPTIONS];
    char    *truth;
    uint8_t  rgb[SCENE_PIXELS], masks[MAX_OBJECTS * MASK_BYTES];
} Picture;

/* ---- making a picture (on a worker) -------------------------------------------------------------------------------- */
static Picture *compose(const Job *j, int64_t i)
{
    Picture   *p = calloc(1, sizeof *p);
    int        split = 0;

    REQUIRE(p, "out of memory");
    while (i >= j->count[split]) i -= j->count[split++];
    p->split = (Split)split;
    snprintf(p->name, sizeof p->name, "%s-%06lld", SPLIT_NAME[split], (long long)i);

    Rng r = scene_stream(j->o->seed, p->split, i);
    scene_sample(&p->scene, j->preset, p->split, &r);
    for (int k = 0; k < CAPTIONS; k++) caption_write(&p->caption[k], &p->scene, j->preset, k, &r);
    scene_paint(&p->scene, j->artwork, &r, p->rgb, p->masks);

    json_t *truth = truth_write(&p->scene);
    p->truth = json_dumps(truth, JSON_COMPACT | JSON_REAL_PRECISION(5));
    json_decref(truth);
    return p;
}

/* Every mention of an object in a caption, with the object's box. `phrases` holds their texts. */
static int collect_boxes(const Picture *p, StoreBox *boxes, char phrases[][64])
{
    int n = 0;
    for (int k = 0; k < CAPTIONS; k++)
        for (int m = 0; m < p->caption[k].mentions; m++, n++) {
            const Mention *at = &p->caption[k].mention[m];
            const int     *b = p->scene.object[at->object].box;
            snprintf(phrases[n], sizeof phrases[n], "%.*s", at->to - at->from, p->caption[k].text + at->from);
            boxes[n] = (StoreBox){ (float)b[0], (float)b[1], (float)b[2], (float)b[3], k, at->from, at->to, phrases[n],
                                   BOX_PHRASE, at->object };
        }
    return n;
}

static void *make(void *context, int64_t i, void *fetched)
{
    Picture    *p = compose(context, i);
    const char *captions[CAPTIONS];
    StoreBox    boxes[MAX_BOXES];
    char        phrases[MAX_BOXES][64];
    Image       im = { SCENE_SIZE, SCENE_SIZE, 3, p->rgb };
    (void)fetched;

    for (int k = 0; k < CAPTIONS; k++) captions[k] = p->caption[k].text;
    StoreItem item = { .name = p->name, .split = SPLIT_NAME[p->split], .width = SCENE_SIZE, .height = SCENE_SIZE, .stored_width = SCENE_SIZE,
                       .stored_height = SCENE_SIZE, .pixels = p->rgb, .phash = image_phash(&im), .captions = captions,
                       .caption_count = CAPTIONS, .boxes = boxes, .box_count = collect_boxes(p, boxes, phrases), .truth = p->truth,
                       .mask = p->masks, .mask_objects = p->scene.count };
    StoreRecord *r = store_record(&item, NULL, 0);
    free(p->truth);
    free(p);
    return r;
}

static void drop(void *made) { store_record_free(made); }

/* ---- taking it, in order ------------------------------------------------------------------------------------------- */
static bool take(void *context, int64_t i, void *made, Err *err)
{
    Job *j = context;

    TRY(store_append(j->writer, made, err));
    j->step.done = i + 1;
    return !j->progress || j->progress(&j->step, j->progress_context)
        || fail(err, "stopped after %lld of %lld pictures; the same command goes on from there", (long long)(i + 1), (long long)j->step.total);
}

/* ---- what is kept beside the pictures ------------------------------------------------------------------------------ */
static bool add_input(json_t *inputs, const char *path, char **text, Err *err)
{
    size_t bytes;
    char   hash[65], *data = file_read(path, &bytes, err);
    const char *name = strrchr(path, '/');

    TRY(data);
    sha256_hex(data, bytes, hash);
    json_array_append_new(inputs, json_pack("{s:s, s:I, s:s}", "name", name ? name + 1 : path, "bytes", (json_int_t)bytes, "sha256", hash));
    if (text) *text = data;
    else free(data);
    return true;
}

/* "cat": [ "cat face", "cat", … ], as unicode-data names the drawings. */
static json_t *list_artwork(const Preset *p, const char *emoji_test)
{
    json_t *all = json_object();
    for (int n = 0; n < noun_count(); n++) {
        if (!preset_has(p, n)) continue;
        json_t *names = json_array();
        for (int d = 0; d < noun_drawings(n); d++) {
            char *name = artwork_name(emoji_test, NOUNS[n].drawing[d]);
            json_array_append_new(names, name ? json_string(name) : json_sprintf("U+%04X", NOUNS[n].drawing[d]));
            free(name);
        }
        json_object_set_new(all, NOUNS[n].name, names);
    }
    return all;
}

/* Four digits say enough, and print alike everywhere. */
static double rounded(double v) { return (double)(int64_t)(v * 1e4 + 0.5) / 1e4; }

static json_t *choice(double blind, double chance) { return json_pack("[f,f]", rounded(blind), rounded(chance)); }

static json_t *blind_record(const SceneBlind *b)
{
    return json_pack("{s:{s:f, s:f}, s:{s:o, s:o, s:o, s:o, s:o, s:o}}", "shuffled", "true_clauses", rounded(b->true_clauses), "named",
                     rounded(b->named), "best_constant_and_chance", "noun", choice(b->noun, b->noun_chance), "colour",
                     choice(b->colour, b->colour_chance), "size", choice(b->size, b->size_chance), "side", choice(b->side, b->side_chance),
                     "comparison", choice(b->comparison, b->comparison_chance), "count", choice(b->count, b->count_chance));
}

static bool provenance(const Job *j, json_t **out, Err *err)
{
    SceneBlind blind;
    json_t    *inputs = json_array();
    char      *emoji_test = NULL;
    bool       ok = add_input(inputs, j->o->font ? j->o->font : ARTWORK_FONT, NULL, err) && scenes_blind(j->o, &blind, err);

    if (ok && !add_input(inputs, ARTWORK_NAMES, &emoji_test, err))
        ok = fail(err, "%s: cannot be read; the names of the drawings come from Debian's package unicode-data (apt install it)", ARTWORK_NAMES);
    if (ok)
        *out = json_pack("{s:s, s:{s:s, s:I, s:I}, s:o, s:s, s:o, s:o}", "source", "scenes", "options", "preset", j->preset->name, "count",
                         (json_int_t)j->o->count, "seed", (json_int_t)j->o->seed, "inputs", inputs, "credit",
                         "Composed pictures; drawings: Noto Color Emoji, Copyright Google Inc., SIL Open Font License 1.1", "artwork",
                         list_artwork(j->preset, emoji_test), "blind", blind_record(&blind));
    else json_decref(inputs);
    free(emoji_test);
    return ok;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */
static int64_t held_out(int64_t count)
{
    int64_t n = count / 20;
    return n < HELD_OUT_LEAST ? HELD_OUT_LEAST : n > HELD_OUT_MOST ? HELD_OUT_MOST : n;
}

static bool write_all(Job *j, const char *out, json_t *record, Err *err)
{
    Preprocess as_it_is = preprocess_default(SCENE_SIZE);
    json_t *preprocess = preprocess_to_json(&as_it_is);
    PrepareJob job = { .workers = j->o->workers, .context = j, .make = make, .take = take, .drop = drop };

    for (int i = 0; i < SPLITS; i++) job.count += j->count[i];
    j->writer = store_create(out, &(StoreOptions){ .size = SCENE_SIZE, .resume = true, .restart = j->o->restart, .preprocess = preprocess,
                                                   .provenance = record }, err);
    if (j->writer) job.first = store_resumed(j->writer);
    j->step = (PrepareStep){ .total = job.count, .first = job.first, .phase = "composing" };
    bool ok = j->writer && prepare_run(&job, err);
    if (ok) {
        char *words = grammar_words(j->preset);  /* of the training captions, and every word that the grammar knows: none is ever unknown */
        store_build_tokenizer(j->writer, "train", 1, 0, words);
        free(words);
        ok = store_finish(j->writer, err);
    } else store_abandon(j->writer);
    json_decref(preprocess);
    return ok;
}

bool scenes_prepare(const char *out, const ScenesOptions *o, PrepareProgress *progress, void *context, Err *err)
{
    Job j = { .o = o, .preset = preset_find(o->preset), .progress = progress, .progress_context = context };
    json_t *record = NULL;

    if (!j.preset) return fail_usage(err, "scenes has no preset '%s'; there are: %s", o->preset, preset_names());
    if (o->count < 1) return fail_usage(err, "scenes wants to know how many training pictures: --count N");
    for (int i = 0; i < SPLITS; i++) j.count[i] = i == SPLIT_TRAIN ? o->count : held_out(o->count);
    TRY(j.artwork = artwork_open(o->font, j.preset, err));

    bool ok = provenance(&j, &record, err) && write_all(&j, out, record, err);
    json_decref(record);
    artwork_close(j.artwork);
    return ok;
}
