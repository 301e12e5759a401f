/* features.c - key, file and computation of the feature cache. */
#include "datasets/features.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/buffer.h"
#include "datasets/half.h"
#include "datasets/xxh64.h"
#include "tensor/base/file.h"
#include "tensor/tape.h"

/* GROUP: pictures encoded together. Resuming begins at a multiple of it, so that a picture always has the same company. */
enum { HEADER = 512, GROUP = 16 };

struct Features {
    char    *path, header[HEADER];
    int      fd;                                 /* holds the lock */
    int64_t  items, views, tokens, width, values, record;        /* values: of one view; record: bytes of an item */
    uint8_t *map;
    size_t   mapped;
};

/* ---- the key ---------------------------------------------------------------------------------------------------------- */
static void add_text(Buffer *b, const char *text) { buffer_add(b, text, strlen(text)); }

static void add_weight(Buffer *b, const Tensor *w)
{
    int64_t count = shape_count(w->shape);
    real *values = malloc((size_t)count * sizeof *values);
    char hash[65];
    REQUIRE(values, "out of memory");

    tensor_read(w, 0, values, count);
    sha256_hex(values, (size_t)count * sizeof *values, hash);
    add_text(b, w->name);
    add_text(b, shape_text(w->shape).s);
    add_text(b, hash);
    add_text(b, "\n");
    free(values);
}

/* All but the decoder's: a parameter too many makes the cache be computed again, one too few would make it lie. */
static void add_weights(Buffer *b, Params *p)
{
    for (int i = 0; i < params_count(p); i++) {
        const Tensor *w = params_at(p, i)->tensor;
        if (strncmp(w->name, "decoder.", 8) != 0 && strncmp(w->name, "enc_to_dec_proj.", 16) != 0) add_weight(b, w);
    }
}

static void add_json(Buffer *b, json_t *j)
{
    char *text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT);
    REQUIRE(text, "features: a record is not JSON");
    add_text(b, text);
    add_text(b, "\n");
    free(text);
    json_decref(j);
}

static void make_header(Features *f, const Store *s, const Encoder *e, Params *weights, const Preprocess *p, const Backend *backend)
{
    Buffer b = { 0 };
    char key[65];

    add_text(&b, store_hash(s));
    add_json(&b, e->kind->to_json(&e->config));
    add_json(&b, preprocess_to_json(p));
    add_text(&b, backend->describe ? backend->describe() : backend->name);
    add_weights(&b, weights);
    sha256_hex(b.p, b.used, key);
    free(b.p);
    snprintf(f->header, sizeof f->header, "limn features 1\n%s\n%" PRId64 " items, %" PRId64 " views, %" PRId64 " tokens, width %" PRId64 "\n",
             key, f->items, f->views, f->tokens, f->width);
    sha256_hex(f->header, sizeof f->header, key);                /* the sizes are part of it */
    f->path = malloc(strlen("features-") + 64 + strlen(".bin") + 1);
    REQUIRE(f->path, "out of memory");
    sprintf(f->path, "features-%s.bin", key);
}

/* ---- the file ---------------------------------------------------------------------------------------------------------- */
static bool map_file(Features *f, int64_t bytes, Err *err)
{
    f->map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, f->fd, 0);
    if (f->map == MAP_FAILED) {
        f->map = NULL;
        return fail(err, "%s: cannot be mapped: %s", f->path, strerror(errno));
    }
    f->mapped = (size_t)bytes;
    return true;
}

static void unmap_file(Features *f)
{
    if (f->map) munmap(f->map, f->mapped);
    f->map = NULL;
}

/* How many whole, undamaged records the file begins with; it is mapped afterwards, unless that is none. */
static bool count_records(Features *f, int64_t *good, Err *err)
{
    struct stat st;
    *good = 0;
    if (fstat(f->fd, &st) != 0) return fail(err, "%s: %s", f->path, strerror(errno));
    if (st.st_size < HEADER) return true;
    TRY(map_file(f, st.st_size, err));

    int64_t whole = (st.st_size - HEADER) / f->record;
    if (memcmp(f->map, f->header, HEADER) != 0) whole = 0;
    for (; *good < whole && *good < f->items; ++*good) {
        const uint8_t *record = f->map + HEADER + *good * f->record;
        uint64_t sum;
        memcpy(&sum, record + f->record - sizeof sum, sizeof sum);
        if (xxh64(record, (size_t)f->record - sizeof sum) != sum) break;
    }
    return true;
}

static bool lock(const Features *f, int how, Err *err)
{
    if (flock(f->fd, how | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) return fail(err, "%s: cannot be locked: %s", f->path, strerror(errno));
    return fail(err, "%s: another process is computing these features; wait until it is done", f->path);
}

static bool open_file(Features *f, const char *folder, Err *err)
{
    char *name = f->path;
    f->path = path_join(folder, name);
    free(name);
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int cause = errno;
    if (f->fd < 0) f->fd = open(f->path, O_RDONLY | O_CLOEXEC);  /* complete, on a disk that is not ours */
    if (f->fd < 0) return fail(err, "cannot open the feature cache %s: %s; data.cache chooses another folder", f->path, strerror(cause));
    return lock(f, LOCK_SH, err);
}

/* ---- the computation ----------------------------------------------------------------------------------------------------- */
typedef struct Work {
    Features         *f;
    Store            *store;
    const Encoder    *encoder;
    const Preprocess *preprocess;
    Tape             *tape;
    FileLog          *log;
    uint8_t          *rgb, *records;             /* GROUP of each */
    real             *values;                    /* of a picture's features */
} Work;

/* One view of pictures [from, from + count) into its place in their records. */
static bool encode_view(Work *w, int64_t from, int64_t count, int view, Err *err)
{
    const Features *f = w->f;
    ArenaMark mark = tape_mark(w->tape);
    bool ok = true, mirrored[GROUP];

    for (int i = 0; i < GROUP; i++) mirrored[i] = view == 1;
    Tensor *y = encoder_forward(w->tape, w->encoder, preprocess_batch(w->preprocess, w->tape->arena, w->rgb, mirrored, count));
    REQUIRE(shape_equal(y->shape, SHAPE(count, f->tokens, f->width)), "features: the encoder gave %s", shape_text(y->shape).s);
    for (int64_t i = 0; i < count && ok; i++) {
        uint16_t *out = (uint16_t *)(void *)(w->records + i * f->record) + view * f->values;
        tensor_read(y, i * f->values, w->values, f->values);
        half_from_reals(w->values, f->values, out);
        for (int64_t k = 0; k < f->values && ok; k++)
            if ((out[k] & 0x7c00) == 0x7c00)
                ok = fail(err, "the encoder gives %g for %s, which a 16-bit cache cannot hold; train with encoder.cache=false",
                          (double)w->values[k], store_item_name(w->store, from + i));
    }
    arena_release(w->tape->arena, mark);
    return ok;
}

static bool encode_group(Work *w, int64_t from, int64_t count, Err *err)
{
    const Features *f = w->f;
    int64_t each = (int64_t)3 * w->preprocess->size * w->preprocess->size;

    for (int64_t i = 0; i < count; i++) TRY(store_pixels(w->store, from + i, w->rgb + i * each, err));
    for (int view = 0; view < f->views; view++) TRY(encode_view(w, from, count, view, err));
    for (int64_t i = 0; i < count; i++) {
        uint8_t *record = w->records + i * f->record;
        uint64_t sum = xxh64(record, (size_t)f->record - sizeof sum);
        memcpy(record + f->record - sizeof sum, &sum, sizeof sum);
    }
    return filelog_append(w->log, w->records, (size_t)(count * f->record), err);
}

static bool encode_rest(Work *w, int64_t from, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    const Features *f = w->f;

    if (from == 0) TRY(filelog_append(w->log, f->header, HEADER, err));
    for (; from < f->items; from += GROUP) {
        int64_t count = f->items - from < GROUP ? f->items - from : GROUP;
        TRY(encode_group(w, from, count, err));
        if (progress && !progress(from + count, f->items, context) && from + count < f->items)
            return fail(err, "%s: stopped after %" PRId64 " of %" PRId64 " pictures; the same command goes on from there", f->path,
                        from + count, f->items);
    }
    return true;
}

static bool compute(Work *w, int64_t good, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    Features *f = w->f;
    int64_t from = good / GROUP * GROUP, each = (int64_t)3 * w->preprocess->size * w->preprocess->size;
    bool recording = w->tape->recording, training = w->tape->training;
    Err ignored = { 0 };

    TRY(lock(f, LOCK_EX, err));
    w->log = filelog_open(f->path, from ? HEADER + from * f->record : 0, err);
    if (!w->log) return false;
    w->rgb = malloc((size_t)(GROUP * each));
    w->records = malloc((size_t)(GROUP * f->record));
    w->values = malloc((size_t)f->values * sizeof *w->values);
    REQUIRE(w->rgb && w->records && w->values, "out of memory");

    w->tape->recording = w->tape->training = false;
    bool ok = encode_rest(w, from, progress, context, err);
    w->tape->recording = recording;
    w->tape->training = training;
    ok = filelog_close(w->log, ok ? err : &ignored) && ok;
    free(w->rgb);
    free(w->records);
    free(w->values);
    return ok && lock(f, LOCK_SH, err);
}

/* ---- opening ------------------------------------------------------------------------------------------------------------- */
static bool fill(Work *w, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    Features *f = w->f;
    int64_t good;

    TRY(count_records(f, &good, err));
    if (good == f->items) return true;
    unmap_file(f);
    TRY(compute(w, good, progress, context, err) && count_records(f, &good, err));
    return good == f->items || fail(err, "%s: record %" PRId64 " does not read back as it was written", f->path, good);
}

Features *features_open(const char *folder, Store *s, const Encoder *e, Params *weights, const Preprocess *p, Tape *t, int views,
                        bool (*progress)(int64_t done, int64_t total, void *context), void *context, Err *err)
{
    REQUIRE(views == 1 || views == 2, "features: %d views", views);
    Features *f = calloc(1, sizeof *f);
    REQUIRE(f, "out of memory");
    *f = (Features){ .fd = -1, .items = store_count(s), .views = views, .tokens = e->tokens, .width = e->width,
                     .values = e->tokens * e->width };
    f->record = f->views * f->values * (int64_t)sizeof(uint16_t) + (int64_t)sizeof(uint64_t);
    make_header(f, s, e, weights, p, t->backend);

    Work w = { .f = f, .store = s, .encoder = e, .preprocess = p, .tape = t };
    bool fits = p->size == store_size(s) && p->size == e->config.image;
    if (!fits) fail(err, "the data set holds pictures of %d px, the encoder takes %" PRId64 " px and its preprocessing wants %d px: "
                    "prepare the data with --size %" PRId64, store_size(s), e->config.image, p->size, e->config.image);
    if (fits && open_file(f, folder, err) && fill(&w, progress, context, err)) return f;
    features_close(f);
    return NULL;
}

void features_close(Features *f)
{
    if (!f) return;
    unmap_file(f);
    if (f->fd >= 0) close(f->fd);
    free(f->path);
    free(f);
}

int64_t features_tokens(const Features *f) { return f->tokens; }
int64_t features_width(const Features *f)  { return f->width; }
int     features_views(const Features *f)  { return (int)f->views; }

void features_get(const Features *f, int64_t item, int view, real *out)
{
    REQUIRE(item >= 0 && item < f->items && view >= 0 && view < f->views, "features_get: item %" PRId64 ", view %d", item, view);
    half_to_reals((const uint16_t *)(const void *)(f->map + HEADER + item * f->record) + view * f->values, f->values, out);
}
