/* caption.c - `limn caption`: pictures into words, a line each, and the scores of given captions; with the attention of every word on
 * request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/store.h"
#include "experiments/commands/command.h"
#include "experiments/commands/search_options.h"
#include "experiments/sheet.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"

enum { KEY_COUNT = 'n', KEY_ATTENTION = 'a', KEY_SPLIT = 's', KEY_JSON = 256, KEY_BACKEND, KEY_THREADS, KEY_FROM, KEY_WORD_ATTENTION, KEY_SCORE,
       KEY_SCORE_FILE };

static const struct argp_option OPTIONS[] = {
    { "attention", KEY_ATTENTION, "OUT.png", 0, "Draw where each word looked", 0 },
    { "score", KEY_SCORE, "CAPTION", 0, "Score this caption instead: its log-probability; may be given several times", 0 },
    { "score-file", KEY_SCORE_FILE, "FILE", 0, "Score the captions of FILE, a line each", 0 },
    { "from", KEY_FROM, "STORE", 0, "Caption pictures of a store instead of files", 0 },
    { "split", KEY_SPLIT, "NAME", 0, "With --from: the split (test)", 0 },
    { "count", KEY_COUNT, "N", 0, "With --from: how many pictures (8)", 0 },
    { "backend", KEY_BACKEND, "NAME", 0, "reference or openblas (default)", 0 },
    { "threads", KEY_THREADS, "N", 0, "0: all cores (default)", 0 },
    { "json", KEY_JSON, 0, 0, "One JSON array: captions with scores, and each token's log-probability", 0 },
    { "word-attention", KEY_WORD_ATTENTION, 0, 0, "With --json: also where each word looked, as a grid of weights over the picture", 0 },
    { 0 }
};

typedef struct Arguments {
    const char *model, *attention, *from, *split, *backend, *score_file;
    const char **images; int image_count;
    const char **scored; int scored_count;       /* captions to score */
    int threads, count;
    bool json, word_attention;
    SearchArguments search;
} Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->search; break;
    case KEY_ATTENTION: a->attention = arg; break;
    case KEY_SCORE: a->scored[a->scored_count++] = arg; break;
    case KEY_SCORE_FILE: a->score_file = arg; break;
    case KEY_FROM: a->from = arg; break;
    case KEY_SPLIT: a->split = arg; break;
    case KEY_COUNT: a->count = (int)option_number(state, "--count", arg, 1, 100000); break;
    case KEY_BACKEND: a->backend = arg; break;
    case KEY_THREADS: a->threads = (int)option_number(state, "--threads", arg, 0, 1024); break;
    case KEY_JSON: a->json = true; break;
    case KEY_WORD_ATTENTION: a->word_attention = true; break;
    case ARGP_KEY_ARG:
        if (!a->model) a->model = arg;
        else a->images[a->image_count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!a->model) argp_error(state, "which RUN or MODEL?");
        if (!a->image_count == !a->from) argp_error(state, a->from ? "either IMAGEs or --from STORE, not both" : "which IMAGE?");
        if ((a->scored_count || a->score_file) && (a->search.beam || a->search.best || a->search.groups || a->search.samples || a->search.require))
            argp_error(state, "--score scores what is given; it goes without options that search or draw");
        if (a->word_attention && !a->json) argp_error(state, "--word-attention is a part of --json");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

typedef struct Picture { char *name; Image seen; uint64_t key; bool bad; } Picture;    /* seen: as the encoder sees it, in bytes */
typedef struct Pictures { Picture *list; int count, good; bool composed; } Pictures;

/* What the random numbers of a picture's samples go by: its pixels (FNV-1a), so that neither its name nor its company matters. */
static uint64_t pixels_key(const Image *im)
{
    uint64_t hash = 0xCBF29CE484222325;
    for (int64_t i = 0, n = (int64_t)im->width * im->height * im->channels; i < n; i++) hash = (hash ^ im->pixels[i]) * 0x100000001B3;
    return hash;
}

/* An unreadable file is told and passed over; the others are captioned, and the command fails in the end. */
static bool read_files(const Arguments *a, const Preprocess *p, Pictures *out, Err *err)
{
    out->list = calloc((size_t)a->image_count, sizeof *out->list);
    REQUIRE(out->list, "out of memory");
    for (int i = 0; i < a->image_count; i++) {
        Picture *picture = &out->list[out->count++];
        Image im;
        Err one = { 0 };
        picture->name = strdup(a->images[i]);
        if ((picture->bad = !image_read(a->images[i], &im, &one))) {
            fail_also(err, ERR_FAILED, "%s", one.text);
            continue;
        }
        picture->seen = preprocess_resize(p, &im);
        picture->key = pixels_key(&picture->seen);
        image_free(&im);
        out->good++;
    }
    return out->good > 0;
}

static bool read_store(const Arguments *a, const Preprocess *p, Pictures *out, Err *err)
{
    Store *s = store_open(a->from, err);
    int64_t count = 0;
    bool ok = s != NULL;

    if (!s) return false;
    int split = store_find_split(s, a->split);
    if (split < 0) ok = fail_usage(err, "%s has no split '%s'; `limn inspect` lists them, --split chooses one", a->from, a->split);
    else if (!store_fits(s, p->size)) ok = fail_usage(err, "%s holds pictures of %d px, the model takes %d px", a->from, store_size(s), p->size);
    const int64_t *items = ok ? store_split_items(s, split, &count) : NULL;
    if (count > a->count) count = a->count;
    out->composed = count > 0 && store_truth(s, items[0]);
    out->list = calloc((size_t)count + 1, sizeof *out->list);
    REQUIRE(out->list, "out of memory");
    for (int64_t i = 0; ok && i < count; i++) {
        Picture *picture = &out->list[out->count++];
        picture->name = strdup(store_item_name(s, items[i]));
        picture->key = (uint64_t)items[i];       /* as limn evaluate has it */
        picture->seen = image_new(p->size, p->size, 3);
        ok = store_pixels(s, items[i], p, picture->seen.pixels, err);
        out->good++;
    }
    store_close(s);
    return ok;
}

static void pictures_free(Pictures *p)
{
    for (int i = 0; i < p->count; i++) {
        free(p->list[i].name);
        image_free(&p->list[i].seen);
    }
    free(p->list);
}

/* ---- results ------------------------------------------------------------------------------------------------------- */

/* Fewer captions than asked for keep the rules. */
static bool says_nothing(const Hypothesis *h) { return h->count == 0 && !h->ended; }

static void add_result(const Arguments *a, const Model *m, const Picture *p, const Hypothesis *h, int best, json_t *all)
{
    if (a->json) {
        json_t *list = json_array();
        for (int b = 0; b < best; b++)
            if (!says_nothing(&h[b])) json_array_append_new(list, hypothesis_json(m, &h[b]));
        json_array_append_new(all, json_pack("{s:o, s:O, s:o}", "image", json_text(p->name), "caption",
                                             json_object_get(json_array_get(list, 0), "caption"), "captions", list));
        return;
    }
    for (int b = 0; b < best; b++) {
        if (says_nothing(&h[b])) continue;
        char *text = tokenizer_decode(m->tokenizer, h[b].ids, h[b].count);
        if (a->image_count == 1 && best == 1) printf("%s\n", text);
        else if (best == 1) printf("%s\t%s\n", p->name, text);
        else printf("%s\t%.4f\t%s\n", p->name, h[b].score, text);
        free(text);
    }
}

/* Scores of given captions: log-probability, tokens with <eos>, caption. */
static void add_scores(const Arguments *a, const Model *m, const Picture *p, const Hypothesis *h, json_t *all)
{
    json_t *list = json_array();

    for (int i = 0; i < a->scored_count; i++) {
        if (!a->json) printf("%s\t%.4f\t%d\t%s\n", p->name, h[i].log_prob, h[i].count + h[i].ended, a->scored[i]);
        json_t *j = hypothesis_json(m, &h[i]);
        json_object_set_new(j, "given", json_text(a->scored[i]));
        json_array_append_new(list, j);
    }
    json_array_append_new(all, json_pack("{s:o, s:o}", "image", json_text(p->name), "captions", list));
}

static SheetEntry sheet_entry(const Model *m, const Picture *p, const Hypothesis *h, Arena *keep)
{
    const Encoder *e = m->captioner->encoder;
    SheetWord *words = arena_alloc(keep, (size_t)(h->count + 1) * sizeof *words);
    char *text = tokenizer_decode(m->tokenizer, h->ids, h->count);

    for (int i = 0; i < h->count; i++)
        words[i] = (SheetWord){ tokenizer_token(m->tokenizer, h->ids[i]), h->attention + i * e->tokens + e->prefix };
    const char *name = strrchr(p->name, '/') ? strrchr(p->name, '/') + 1 : p->name;
    SheetEntry s = { p->seen, arena_text(keep, text), name, words, h->count, (int)e->rows, (int)e->columns };
    free(text);
    return s;
}

/* ---- the work ------------------------------------------------------------------------------------------------------ */

enum { BATCH = 16 };

static Tensor *encode(const Session *s, const Model *m, const Picture *const *pictures, int count)
{
    int64_t side = m->captioner->encoder->config.image, each = 3 * side * side;
    uint8_t *rgb = arena_alloc(s->tape->arena, (size_t)(count * each));

    for (int i = 0; i < count; i++) memcpy(rgb + i * each, pictures[i]->seen.pixels, (size_t)each);
    return captioner_encode(s->tape, m->captioner, preprocess_batch(&m->preprocess, s->tape->arena, rgb, NULL, count));
}

/* The model, and those of --ensemble, before a batch of pictures. */
static Ensemble speakers(const Session *s, const OtherModels *others, const Picture *const *pictures, int count)
{
    Speaker *list = arena_alloc(s->tape->arena, (size_t)(others->count + 1) * sizeof *list);

    for (int k = 0; k <= others->count; k++) {
        const Model *m = k ? others->model[k - 1] : s->model;
        list[k] = (Speaker){ m->captioner, encode(s, m, pictures, count) };
    }
    return (Ensemble){ list, others->count + 1 };
}

/* Every caption of --score before every picture of a batch, in the pictures' order. */
static Hypothesis *score_given(const Arguments *a, const Session *s, Ensemble e, int count, SearchOptions o, Arena *keep)
{
    Given *given = arena_alloc(keep, (size_t)(count * a->scored_count) * sizeof *given);
    int longest = (int)s->model->captioner->config.decoder.length;

    for (int c = 0; c < a->scored_count; c++) {
        int32_t *ids = arena_alloc(keep, (size_t)longest * sizeof *ids);
        int64_t  tokens = tokenizer_encode(s->model->tokenizer, a->scored[c], ids, longest);
        for (int i = 0; i < count; i++) given[i * a->scored_count + c] = (Given){ ids, (int)(tokens < longest ? tokens : longest), i };
    }
    return captions_score(s->tape, e, given, (int64_t)count * a->scored_count, o, keep);
}

/* A note for what the model cannot read as it stands. */
static void tell_unknown(const Arguments *a, const Model *m)
{
    int longest = (int)m->captioner->config.decoder.length;
    int32_t *ids = calloc((size_t)longest, sizeof *ids);

    REQUIRE(ids, "out of memory");
    for (int c = 0; c < a->scored_count; c++) {
        int64_t tokens = tokenizer_encode(m->tokenizer, a->scored[c], ids, longest), unknown = 0;
        for (int64_t i = 0; i < tokens && i < longest; i++) unknown += ids[i] == tokenizer_unk(m->tokenizer);
        if (unknown) fprintf(stderr, "limn caption: note: not in the vocabulary, and scored as <unk>: %lld of the words of '%s'\n", (long long)unknown,
                             a->scored[c]);
        if (tokens >= longest) fprintf(stderr, "limn caption: note: '%s' is longer than the model's decoder, and is scored up to there\n", a->scored[c]);
    }
    free(ids);
}

static bool caption_pictures(const Arguments *a, const Session *s, const OtherModels *others, const Pictures *pictures, json_t *all, Err *err)
{
    const Model *m = s->model;
    SearchOptions o;
    Arena *keep = arena_new(1 << 16);
    SheetEntry *entries = arena_alloc(keep, (size_t)(pictures->good + 1) * sizeof *entries);
    int done = 0;
    bool ok = search_arguments_resolve(&a->search, m, keep, &o, err);

    o.attention = a->attention || a->word_attention;
    for (int at = 0, n; ok && at < pictures->count; ) {
        const Picture *batch[BATCH];
        uint64_t keys[BATCH];
        for (n = 0; at < pictures->count && n < BATCH; at++)
            if (!pictures->list[at].bad) {
                keys[n] = pictures->list[at].key;
                batch[n++] = &pictures->list[at];
            }
        if (n == 0) break;
        o.keys = keys;
        Ensemble e = speakers(s, others, batch, n);
        int each = a->scored_count ? a->scored_count : search_results(&o);
        Hypothesis *h = a->scored_count ? score_given(a, s, e, n, o, keep) : search_ensemble(s->tape, e, o, keep);
        for (int i = 0; i < n; i++) {
            if (a->scored_count) add_scores(a, m, batch[i], &h[i * each], all);
            else if (says_nothing(&h[i * each])) fail_also(err, ERR_FAILED, "%s: no caption keeps all the rules", batch[i]->name);
            else add_result(a, m, batch[i], &h[i * each], each, all);
            if (a->attention) entries[done++] = sheet_entry(m, batch[i], &h[i * each], keep);
        }
        tape_reset(s->tape);
    }
    Err drawing = { 0 };
    if (ok && a->attention && !sheet_write(a->attention, entries, done, pictures->composed ?
                                           "Composed pictures: artwork by Noto Color Emoji (SIL Open Font License 1.1)" : NULL, &drawing))
        fail_also(err, drawing.status, "%s", drawing.text);
    arena_free(keep);
    return err->status == 0;
}

/* The lines of --score-file, behind those of --score. The text stays in *text. */
static bool read_scored(Arguments *a, char **text, Err *err)
{
    if (!a->score_file) return true;
    size_t bytes;
    if (!(*text = file_read(a->score_file, &bytes, err))) return false;
    int lines = 1;
    for (const char *c = *text; *c; c++) lines += *c == '\n';
    a->scored = realloc(a->scored, (size_t)(a->scored_count + lines) * sizeof *a->scored);
    REQUIRE(a->scored, "out of memory");
    for (char *rest = *text, *line; (line = strsep(&rest, "\n")); ) {
        line[strcspn(line, "\r")] = '\0';
        if (*line) a->scored[a->scored_count++] = line;
    }
    return a->scored_count > 0 || fail(err, "%s holds no caption", a->score_file);
}

static bool sees_pictures(const Session *s, const char *model, Err *err)
{
    return strcmp(s->model->captioner->encoder->kind->name, "features") != 0
        || fail(err, "%s was trained on vectors from a file (encoder.vectors) and has no encoder for pictures; `limn evaluate` captions the "
                     "pictures of its data set", model);
}

static int run(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = { { &SEARCH_ARGP, 0, NULL, 0 }, { 0 } };
    static const struct argp ARGP = { OPTIONS, parse, "RUN|MODEL IMAGE...\nRUN|MODEL --from STORE",
        "Caption pictures: a line each on standard output. RUN is a folder that `limn train` made, MODEL one that save_pretrained of "
        "transformers made.\vPictures are JPEG or PNG files; EXIF orientation is applied. One that cannot be read is told on standard "
        "error; the others are captioned all the same, and the exit status is 1. With --score, a line is the picture, the caption's "
        "log-probability, its tokens with its end, and the caption.", CHILDREN, 0, 0 };
    const char **images = calloc((size_t)argc + 1, sizeof *images), **scored = calloc((size_t)argc + 1, sizeof *scored);
    Arguments a = { .split = "test", .count = 8, .backend = "openblas", .search = { .length = -1 }, .images = images, .scored = scored };
    Session s = { 0 };
    OtherModels others = { 0 };
    Pictures pictures = { 0 };
    Err err = { 0 };
    char *text = NULL;

    REQUIRE(images && scored, "out of memory");
    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (read_scored(&a, &text, &err) && session_open(&s, a.model, a.backend, a.threads, &err) && sees_pictures(&s, a.model, &err)
        && other_models_open(a.search.ensemble, s.model, a.model, &others, &err)
        && (a.from ? read_store : read_files)(&a, &s.model->preprocess, &pictures, &err)) {
        json_t *all = json_array();
        tell_unknown(&a, s.model);
        caption_pictures(&a, &s, &others, &pictures, all, &err);
        if (a.json) {
            json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
            putchar('\n');
        }
        json_decref(all);
    }
    pictures_free(&pictures);
    other_models_close(&others);
    session_close(&s);
    free(text);
    free(images);
    free(a.scored);
    return command_end("caption", &err);
}

const Command command_caption = { "caption", "a caption for each picture; --attention draws where each word looked", run };
