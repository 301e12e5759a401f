/* caption.c - `limn caption`: pictures into words, a line each; with the attention of every word on request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/store.h"
#include "experiments/commands/command.h"
#include "experiments/sheet.h"
#include "fusion/search.h"
#include "tensor/base/json.h"

enum { KEY_BEAM = 'b', KEY_COUNT = 'n', KEY_ATTENTION = 'a', KEY_SPLIT = 's', KEY_JSON = 256, KEY_BACKEND, KEY_THREADS, KEY_LENGTH,
       KEY_FROM, KEY_BEST, KEY_MAX };

static const struct argp_option OPTIONS[] = {
    { "attention", KEY_ATTENTION, "OUT.png", 0, "Draw where each word looked", 0 },
    { "beam", KEY_BEAM, "N", 0, "Width of the beam search; 1: greedy (default: the model's)", 0 },
    { "best", KEY_BEST, "N", 0, "So many captions a picture, best first (at most the beam)", 0 },
    { "length", KEY_LENGTH, "none|average", 0, "Length penalty: rank by the sum or the mean of log-probabilities (default: the model's)", 0 },
    { "max-length", KEY_MAX, "N", 0, "Longest caption in tokens (default: the model's)", 0 },
    { "from", KEY_FROM, "STORE", 0, "Caption pictures of a store instead of files", 0 },
    { "split", KEY_SPLIT, "NAME", 0, "With --from: the split (test)", 0 },
    { "count", KEY_COUNT, "N", 0, "With --from: how many pictures (8)", 0 },
    { "backend", KEY_BACKEND, "NAME", 0, "reference or openblas (default)", 0 },
    { "threads", KEY_THREADS, "N", 0, "0: all cores (default)", 0 },
    { "json", KEY_JSON, 0, 0, "One JSON array: captions with scores and tokens", 0 },
    { 0 }
};

typedef struct Arguments {
    const char *model, *attention, *from, *split, *backend;
    const char **images; int image_count;
    int beam, best, threads, count, length, max_length;
    bool json;
} Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_ATTENTION: a->attention = arg; break;
    case KEY_BEAM: a->beam = (int)option_number(state, "--beam", arg, 1, 64); break;
    case KEY_BEST: a->best = (int)option_number(state, "--best", arg, 1, 64); break;
    case KEY_MAX: a->max_length = (int)option_number(state, "--max-length", arg, 1, 65535); break;
    case KEY_LENGTH: a->length = (int)option_length(state, arg); break;
    case KEY_FROM: a->from = arg; break;
    case KEY_SPLIT: a->split = arg; break;
    case KEY_COUNT: a->count = (int)option_number(state, "--count", arg, 1, 100000); break;
    case KEY_BACKEND: a->backend = arg; break;
    case KEY_THREADS: a->threads = (int)option_number(state, "--threads", arg, 0, 1024); break;
    case KEY_JSON: a->json = true; break;
    case ARGP_KEY_ARG:
        if (!a->model) a->model = arg;
        else a->images[a->image_count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!a->model) argp_error(state, "which RUN or MODEL?");
        if (!a->image_count == !a->from) argp_error(state, a->from ? "either IMAGEs or --from STORE, not both" : "which IMAGE?");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

typedef struct Picture { char *name; Image seen; bool bad; } Picture;    /* seen: as the encoder sees it, in bytes */
typedef struct Pictures { Picture *list; int count, good; bool composed; } Pictures;

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

static json_t *hypothesis_json(const Tokenizer *k, const Hypothesis *h)
{
    json_t *tokens = json_array();
    char *text = tokenizer_decode(k, h->ids, h->count);

    for (int i = 0; i < h->count + h->ended; i++)
        json_array_append_new(tokens, json_pack("{s:s, s:o}", "token", tokenizer_token(k, i < h->count ? h->ids[i] : tokenizer_eos(k)),
                                                "log_prob", json_number(h->token_log_prob[i])));
    json_t *j = json_pack("{s:s, s:o, s:o, s:b, s:o}", "caption", text, "log_prob", json_number(h->log_prob), "score",
                          json_number(h->score), "ended", h->ended, "tokens", tokens);
    free(text);
    return j;
}

static void add_result(const Arguments *a, const Tokenizer *k, const Picture *p, const Hypothesis *h, int best, json_t *all)
{
    if (a->json) {
        json_t *list = json_array();
        for (int b = 0; b < best; b++) json_array_append_new(list, hypothesis_json(k, &h[b]));
        json_array_append_new(all, json_pack("{s:o, s:O, s:o}", "image", json_text(p->name), "caption",
                                             json_object_get(json_array_get(list, 0), "caption"), "captions", list));
        return;
    }
    for (int b = 0; b < best; b++) {
        char *text = tokenizer_decode(k, h[b].ids, h[b].count);
        if (a->image_count == 1 && best == 1) printf("%s\n", text);
        else if (best == 1) printf("%s\t%s\n", p->name, text);
        else printf("%s\t%.4f\t%s\n", p->name, h[b].score, text);
        free(text);
    }
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

static Tensor *encode(const Session *s, const Picture *const *pictures, int count)
{
    const Model *m = s->model;
    int64_t side = m->captioner->encoder->config.image, each = 3 * side * side;
    uint8_t *rgb = arena_alloc(s->tape->arena, (size_t)(count * each));

    for (int i = 0; i < count; i++) memcpy(rgb + i * each, pictures[i]->seen.pixels, (size_t)each);
    return captioner_encode(s->tape, m->captioner, preprocess_batch(&m->preprocess, s->tape->arena, rgb, NULL, count));
}

static bool caption_pictures(const Arguments *a, const Session *s, const Pictures *pictures, json_t *all, Err *err)
{
    enum { BATCH = 16 };
    const Model *m = s->model;
    SearchOptions o = search_defaults(m);
    Arena *keep = arena_new(1 << 16);
    SheetEntry *entries = arena_alloc(keep, (size_t)(pictures->good + 1) * sizeof *entries);
    int done = 0;

    o.attention = a->attention != NULL;
    if (a->beam) o.beam = a->beam;
    if (a->best) o.best = a->best;
    if (a->length >= 0) o.length = (LengthPenalty)a->length;
    if (a->max_length) o.max_length = a->max_length;
    if (o.best > o.beam) o.beam = o.best;
    if (o.max_length >= m->captioner->config.decoder.length) o.max_length = (int)m->captioner->config.decoder.length - 1;
    for (int at = 0; at < pictures->count; ) {
        const Picture *batch[BATCH];
        int n = 0;
        for (; at < pictures->count && n < BATCH; at++) if (!pictures->list[at].bad) batch[n++] = &pictures->list[at];
        if (n == 0) break;
        Hypothesis *h = search_captions(s->tape, m->captioner, encode(s, batch, n), o, keep);
        for (int i = 0; i < n; i++) {
            add_result(a, m->tokenizer, batch[i], &h[i * o.best], o.best, all);
            if (a->attention) entries[done++] = sheet_entry(m, batch[i], &h[i * o.best], keep);
        }
        tape_reset(s->tape);
    }
    Err drawing = { 0 };
    if (a->attention && !sheet_write(a->attention, entries, done, pictures->composed ?
                                     "Composed pictures: artwork by Noto Color Emoji (SIL Open Font License 1.1)" : NULL, &drawing))
        fail_also(err, drawing.status, "%s", drawing.text);
    arena_free(keep);
    return err->status == 0;
}

static bool sees_pictures(const Session *s, const char *model, Err *err)
{
    return strcmp(s->model->captioner->encoder->kind->name, "features") != 0
        || fail(err, "%s was trained on vectors from a file (encoder.vectors) and has no encoder for pictures; `limn evaluate` captions the "
                     "pictures of its data set", model);
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "RUN|MODEL IMAGE...\nRUN|MODEL --from STORE",
        "Caption pictures: a line each on standard output. RUN is a folder that `limn train` made, MODEL one that save_pretrained of "
        "transformers made.\vPictures are JPEG or PNG files; EXIF orientation is applied. One that cannot be read is told on standard "
        "error; the others are captioned all the same, and the exit status is 1.", 0, 0, 0 };
    const char **images = calloc((size_t)argc + 1, sizeof *images);
    Arguments a = { .split = "test", .count = 8, .backend = "openblas", .length = -1, .images = images };
    Session s = { 0 };
    Pictures pictures = { 0 };
    Err err = { 0 };

    REQUIRE(images, "out of memory");
    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (session_open(&s, a.model, a.backend, a.threads, &err) && sees_pictures(&s, a.model, &err)
        && (a.from ? read_store : read_files)(&a, &s.model->preprocess, &pictures, &err)) {
        json_t *all = json_array();
        caption_pictures(&a, &s, &pictures, all, &err);
        if (a.json) {
            json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
            putchar('\n');
        }
        json_decref(all);
    }
    pictures_free(&pictures);
    session_close(&s);
    free(images);
    return command_end("caption", &err);
}

const Command command_caption = { "caption", "a caption for each picture; --attention draws where each word looked", run };
