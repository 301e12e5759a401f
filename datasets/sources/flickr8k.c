/* flickr8k.c - Flickr8k as its authors ship it (Hodosh, Young, Hockenmaier 2013).
 *
 *     DIR/images (or Images, Flicker8k_Dataset, Flickr8k_Dataset)      the photographs
 *     DIR/Flickr8k.token.txt               NAME.jpg#K <tab> caption; K = 0 … 4
 *     DIR/Flickr_8k.trainImages.txt, …devImages.txt, …testImages.txt    a name a line: splits train, val, test
 * The text files may also be in DIR/Flickr8k_text.
 *
 * Items come in the order of the lists: train, val, test. Every name that is mentioned anywhere is stored or rejected: no such file,
 * a damaged file, no caption, in none of the lists.                                                                   */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"

enum { TOKEN_FILE, TRAIN_LIST, VAL_LIST, TEST_LIST, TEXT_FILES };
static const char *const TEXT_NAME[TEXT_FILES] = {
    "Flickr8k.token.txt", "Flickr_8k.trainImages.txt", "Flickr_8k.devImages.txt", "Flickr_8k.testImages.txt" };
static const char *const SPLIT_NAME[TEXT_FILES] = { NULL, "train", "val", "test" };
static const char *const TEXT_FOLDERS[]  = { ".", "Flickr8k_text", NULL };
static const char *const IMAGE_FOLDERS[] = { "images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", NULL };

enum { JPEG_QUALITY = 95, DEFAULT_SIZE = 224 };

/* A name that was mentioned. */
typedef struct Entry {
    const char *name;
    int         split;                           /* TRAIN_LIST …; 0: in none                                            */
    bool        file;
    Buffer      captions;                        /* const char *                                                        */
} Entry;

typedef struct Flickr {
    const PrepareOptions *o;
    Preprocess   preprocess;
    char        *images, *text[TEXT_FILES], hash[TEXT_FILES][65];
    size_t       bytes[TEXT_FILES];
    Buffer       entries, names;                 /* Entry; names of the image folder, char * (ours)                      */
    json_t      *index;                          /* name -> number of its entry                                         */
    StoreWriter *writer;
    Buffer       digests;                        /* "SHA256  NAME\n" of every picture read                               */
    int64_t      image_count, image_bytes;
} Flickr;

static Entry *entry_at(const Flickr *f, int64_t i) { return (Entry *)(void *)f->entries.p + i; }
static int64_t entry_count(const Flickr *f)        { return (int64_t)(f->entries.used / sizeof(Entry)); }

static Entry *mention(Flickr *f, const char *name)
{
    json_t *at = json_object_get(f->index, name);
    int64_t i = at ? json_integer_value(at) : entry_count(f);

    if (!at) {
        json_object_set_new_nocheck(f->index, name, json_integer(i));
        buffer_add(&f->entries, &(Entry){ .name = name }, sizeof(Entry));
    }
    return entry_at(f, i);
}

/* ---- the text files -------------------------------------------------------------------------------------------------- */
/* The next line without its end and the spaces before it; NULL at the end. Cuts the text into lines. */
static char *next_line(char **rest)
{
    char *line = *rest, *end = line + strcspn(line, "\n");

    if (!*line) return NULL;
    *rest = *end ? end + 1 : end;
    while (end > line && strchr(" \r\n", end[-1])) end--;
    *end = 0;
    return line;
}

static bool is_utf8(const char *text)
{
    json_t *j = json_string(text);
    json_decref(j);
    return j != NULL;
}

static bool read_list(Flickr *f, int split, Err *err)
{
    char *rest = f->text[split], reason[128], *name;

    while ((name = next_line(&rest))) {
        if (!*name) continue;
        Entry *e = mention(f, name);
        if (e->split == 0) {
            e->split = split;
            continue;
        }
        snprintf(reason, sizeof reason, "is in the list of %s again; stays in %s", SPLIT_NAME[split], SPLIT_NAME[e->split]);
        TRY(store_reject(f->writer, name, reason, err));
    }
    return true;
}

/* "NAME#K<tab>caption" */
static bool read_caption(Flickr *f, char *line, int64_t number, Err *err)
{
    char where[128], *tab = strchr(line, '\t'), *hash = NULL;

    if (tab) {
        *tab = 0;
        hash = strrchr(line, '#');
    }
    if (!hash || !tab[1] || !is_utf8(line) || !is_utf8(tab + 1)) {
        snprintf(where, sizeof where, "%s:%" PRId64, TEXT_NAME[TOKEN_FILE], number);
        return store_reject(f->writer, where, !hash ? "is not \"NAME#K<tab>caption\"" : !tab[1] ? "the caption is empty"
                            : "is not valid UTF-8", err);
    }
    *hash = 0;
    const char *text = tab + 1 + strspn(tab + 1, " ");
    buffer_add(&mention(f, line)->captions, &text, sizeof text);
    return true;
}

static bool read_captions(Flickr *f, Err *err)
{
    char *rest = f->text[TOKEN_FILE], *line;

    for (int64_t number = 1; (line = next_line(&rest)); number++)
        if (*line) TRY(read_caption(f, line, number, err));
    return true;
}

static bool read_texts(Flickr *f, Err *err)
{
    for (int i = 0; i < TEXT_FILES; i++) {
        for (const char *const *folder = TEXT_FOLDERS; *folder && !f->text[i]; folder++) {
            char *inside = path_join(f->o->input, *folder), *path = path_join(inside, TEXT_NAME[i]);
            bool there = file_exists(path);
            if (there) f->text[i] = file_read(path, &f->bytes[i], err);
            free(inside);
            free(path);
            if (there && !f->text[i]) return false;
        }
        if (!f->text[i]) return fail(err, "%s: there is no %s here, nor in Flickr8k_text", f->o->input, TEXT_NAME[i]);
        sha256_hex(f->text[i], f->bytes[i], f->hash[i]);
    }
    return true;
}

/* ---- the photographs ---------------------------------------------------------------------------------------------------- */
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool list_images(Flickr *f, Err *err)
{
    for (const char *const *folder = IMAGE_FOLDERS; *folder && !f->images; folder++) {
        f->images = path_join(f->o->input, *folder);
        if (folder_exists(f->images)) break;
        free(f->images);
        f->images = NULL;
    }
    DIR *dir = f->images ? opendir(f->images) : NULL;
    if (!dir) return fail(err, "%s: there is no folder of photographs (images, Images, Flicker8k_Dataset or Flickr8k_Dataset)", f->o->input);

    for (struct dirent *d; (d = readdir(dir));) {
        char *name = d->d_name[0] == '.' ? NULL : strdup(d->d_name);
        if (name) buffer_add(&f->names, &name, sizeof name);
    }
    closedir(dir);

    char **name = (char **)(void *)f->names.p;
    int64_t count = (int64_t)(f->names.used / sizeof *name);
    if (count) qsort(name, (size_t)count, sizeof *name, by_text);
    for (int64_t i = 0; i < count; i++) mention(f, name[i])->file = true;
    return true;
}

typedef struct Made { Image picture; uint8_t *jpeg; size_t jpeg_bytes; int width, height; size_t bytes; char sha256[65], reason[512]; } Made;

/* The reason without the name, which the store lists beside it, and without the path, which is not the store's business. */
static void give_reason(Made *m, const char *said, const char *prefix)
{
    const char *at = strstr(said, prefix);
    if (at) said = at + strlen(prefix);
    snprintf(m->reason, sizeof m->reason, "%.500s", said + strspn(said, ": "));
}

/* A JPEG file that is of the stored size already is kept as it is; anything else is encoded. */
static bool make_jpeg(const Flickr *f, Made *m, const char *data, Err *err)
{
    bool fits = m->width == f->preprocess.size && m->height == f->preprocess.size && memcmp(data, "\xff\xd8", 2) == 0;

    if (!fits) return image_encode_jpeg(&m->picture, JPEG_QUALITY, &m->jpeg, &m->jpeg_bytes, err);
    m->jpeg = malloc(m->bytes);
    REQUIRE(m->jpeg, "out of memory");
    memcpy(m->jpeg, data, m->bytes);
    m->jpeg_bytes = m->bytes;
    return true;
}

static void make_picture(const Flickr *f, const Entry *e, Made *m)
{
    char *path = path_join(f->images, e->name);
    Err err = { 0 };
    Image im = { 0 };
    char *data = file_read(path, &m->bytes, &err);

    if (!data) {
        give_reason(m, err.text, path);
    } else {
        sha256_hex(data, m->bytes, m->sha256);
        int  side = f->o->draft ? preprocess_draft_side(&f->preprocess) : 0;
        bool ok = image_size(data, m->bytes, e->name, &m->width, &m->height, &err)
               && image_decode_draft(data, m->bytes, e->name, side, &im, &err);
        if (ok) {
            m->picture = preprocess_resize(&f->preprocess, &im);
            if (f->o->jpeg) ok = make_jpeg(f, m, data, &err);
        }
        if (!ok) give_reason(m, err.text, e->name);
    }
    image_free(&im);
    free(data);
    free(path);
}

static void *make(void *context, int64_t i)
{
    const Flickr *f = context;
    const Entry *e = entry_at(f, i);
    Made *m = calloc(1, sizeof *m);
    REQUIRE(m, "out of memory");

    const char *missing = !e->file ? "there is no such file among the photographs" : !e->captions.used ? "has no caption"
                        : !e->split ? "is in none of the lists (train, dev, test)"
                        : !is_utf8(e->name) ? "its name is not valid UTF-8" : NULL;
    if (missing) give_reason(m, missing, "");
    else         make_picture(f, e, m);
    return m;
}

static bool take(void *context, int64_t i, void *made, Err *err)
{
    Flickr *f = context;
    const Entry *e = entry_at(f, i);
    const Made *m = made;

    if (*m->sha256) {
        buffer_add(&f->digests, m->sha256, 64);
        buffer_add(&f->digests, "  ", 2);
        buffer_add(&f->digests, e->name, strlen(e->name));
        buffer_add(&f->digests, "\n", 1);
        f->image_count++;
        f->image_bytes += (int64_t)m->bytes;
    }
    if (*m->reason) return store_reject(f->writer, e->name, m->reason, err);

    StoreItem item = { .name = e->name, .split = SPLIT_NAME[e->split], .width = m->width, .height = m->height,
                       .pixels = f->o->jpeg ? NULL : m->picture.pixels, .jpeg = m->jpeg, .jpeg_bytes = m->jpeg_bytes,
                       .captions = (const char *const *)(void *)e->captions.p,
                       .caption_count = (int)(e->captions.used / sizeof(char *)) };
    return store_add(f->writer, &item, err);
}

static void drop(void *made)
{
    Made *m = made;
    image_free(&m->picture);
    free(m->jpeg);
    free(m);
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */
static json_t *provenance(const Flickr *f)
{
    static const char *const MODE[] = { [RESIZE_SQUASH] = "squash", [RESIZE_CROP] = "crop", [RESIZE_PAD] = "pad" };
    static const char *const FILTER[] = { [FILTER_NEAREST] = "nearest", [FILTER_BILINEAR] = "bilinear", [FILTER_BICUBIC] = "bicubic",
                                          [FILTER_LANCZOS] = "lanczos" };
    json_t *inputs = json_array();
    char hash[65];

    for (int i = 0; i < TEXT_FILES; i++)
        json_array_append_new(inputs, json_pack("{s:s, s:I, s:s}", "name", TEXT_NAME[i], "bytes", (json_int_t)f->bytes[i],
                                                "sha256", f->hash[i]));
    sha256_hex(f->digests.p, f->digests.used, hash);
    return json_pack("{s:s, s:s, s:{s:i, s:s, s:s, s:o*, s:s, s:I}, s:o, s:{s:I, s:I, s:s}}", "limn", LIMN_VERSION, "source", "flickr8k",
                     "options", "size", f->preprocess.size, "resize", MODE[f->preprocess.mode], "filter", FILTER[f->preprocess.filter],
                     "draft", f->o->draft ? json_true() : NULL, "format", f->o->jpeg ? "jpeg" : "raw", "min_count", (json_int_t)f->o->min_count,
                     "inputs", inputs,
                     "photographs", "count", (json_int_t)f->image_count, "bytes", (json_int_t)f->image_bytes, "sha256", hash);
}

static bool fill(Flickr *f, PrepareProgress *progress, void *context, Err *err)
{
    for (int split = TRAIN_LIST; split <= TEST_LIST; split++) TRY(read_list(f, split, err));
    TRY(read_captions(f, err));
    TRY(list_images(f, err));

    PrepareJob job = { .count = entry_count(f), .workers = f->o->workers, .context = f, .make = make, .take = take, .drop = drop,
                       .progress = progress, .progress_context = context };
    TRY(prepare_run(&job, err));

    json_t *record = provenance(f);
    store_set_provenance(f->writer, record);
    json_decref(record);
    store_build_tokenizer(f->writer, "train", f->o->min_count);
    return true;
}

static void release(Flickr *f)
{
    char **name = (char **)(void *)f->names.p;

    for (int64_t i = 0; i < entry_count(f); i++) free(entry_at(f, i)->captions.p);
    for (size_t i = 0; i < f->names.used / sizeof *name; i++) free(name[i]);
    for (int i = 0; i < TEXT_FILES; i++) free(f->text[i]);
    free(f->entries.p);
    free(f->names.p);
    free(f->digests.p);
    free(f->images);
    json_decref(f->index);
}

static bool prepare(const PrepareOptions *o, PrepareProgress *progress, void *context, Err *err)
{
    Flickr f = { .o = o, .preprocess = preprocess_default(o->size > 0 ? o->size : DEFAULT_SIZE), .index = json_object() };
    f.preprocess.mode = o->resize;
    f.preprocess.filter = o->filter;

    StoreOptions options = { .size = f.preprocess.size, .jpeg = o->jpeg, .preprocess = preprocess_to_json(&f.preprocess),
                             .provenance = json_object() };
    bool ok = read_texts(&f, err) && (f.writer = store_create(o->out, &options, err)) && fill(&f, progress, context, err);
    if (ok) ok = store_finish(f.writer, err);
    else    store_abandon(f.writer);
    json_decref(options.preprocess);
    json_decref(options.provenance);
    release(&f);
    return ok;
}

const Source source_flickr8k = {
    .name = "flickr8k", .help = "Flickr8k in its usual layout: 8,000 photographs with five captions each",
    .layout = "DIR/images (or Images, Flicker8k_Dataset, Flickr8k_Dataset)\n"
              "DIR/Flickr8k.token.txt\n"
              "DIR/Flickr_8k.trainImages.txt, Flickr_8k.devImages.txt, Flickr_8k.testImages.txt\n"
              "(the text files may also be in DIR/Flickr8k_text)",
    .prepare = prepare
};
