/* cache.c - key, file and computation of the feature cache. */
#include "datasets/features/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "datasets/buffer.h"
#include "datasets/features/half.h"
#include "datasets/store/xxh64.h"
#include "tensor/base/file.h"
#include "tensor/tape.h"

/* GROUP: pictures encoded together. Resuming begins at a multiple of it, so that a picture always has the same company. */
enum { HEADER = 512, GROUP = 16 };

typedef struct Cache {
    Features base;                               /* first: others see only that */
    char    *path, header[HEADER];
    int      fd;                                 /* holds the lock */
    int64_t  values, record;                     /* values: of one view; record: bytes of an item */
    uint8_t *map;
    size_t   mapped;
} Cache;

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

static void make_header(Cache *c, const char *folder, const Store *s, const Encoder *e, Params *weights, const Preprocess *p, const Backend *backend)
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
    snprintf(c->header, sizeof c->header, "limn features 1\n%s\n%" PRId64 " items, %d views, %" PRId64 " tokens, width %" PRId64 "\n",
             key, c->base.items, c->base.views, c->base.tokens, c->base.width);
    sha256_hex(c->header, sizeof c->header, key);                /* the sizes are part of it */
    char name[128];
    snprintf(name, sizeof name, "features-%s.bin", key);
    c->path = path_join(folder, name);
}

/* ---- the file ---------------------------------------------------------------------------------------------------------- */
static bool map_file(Cache *c, int64_t bytes, Err *err)
{
    c->map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, c->fd, 0);
    if (c->map == MAP_FAILED) {
        c->map = NULL;
        return fail(err, "%s: cannot be mapped: %s", c->path, strerror(errno));
    }
    c->mapped = (size_t)bytes;
    return true;
}

static void unmap_file(Cache *c)
{
    if (c->map) munmap(c->map, c->mapped);
    c->map = NULL;
}

/* How many whole, undamaged records the file begins with; it is mapped afterwards, unless that is none. */
static bool count_records(Cache *c, int64_t *good, Err *err)
{
    struct stat st;
    *good = 0;
    if (fstat(c->fd, &st) != 0) return fail(err, "%s: %s", c->path, strerror(errno));
    if (st.st_size < HEADER) return true;
    TRY(map_file(c, st.st_size, err));

    int64_t whole = (st.st_size - HEADER) / c->record;
    if (memcmp(c->map, c->header, HEADER) != 0) whole = 0;
    for (; *good < whole && *good < c->base.items; ++*good) {
        const uint8_t *record = c->map + HEADER + *good * c->record;
        uint64_t sum;
        memcpy(&sum, record + c->record - sizeof sum, sizeof sum);
        if (xxh64(record, (size_t)c->record - sizeof sum) != sum) break;
    }
    return true;
}

static bool open_file(Cache *c, Err *err)
{
    c->fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int cause = errno;
    if (c->fd < 0) c->fd = open(c->path, O_RDONLY | O_CLOEXEC);  /* complete, on a disk that is not ours */
    return c->fd >= 0 || fail(err, "cannot open the feature cache %s: %s; data.cache chooses another folder", c->path, strerror(cause));
}

static void close_file(Cache *c)
{
    unmap_file(c);
    if (c->fd >= 0) close(c->fd);                /* and with it the lock */
    c->fd = -1;
}

/* `got`: whether nobody was in the way. Whoever asks for another lock than he has gives his up first, even in vain (flock(2)). */
static bool try_lock(const Cache *c, int how, bool *got, Err *err)
{
    *got = flock(c->fd, how | LOCK_NB) == 0;
    return *got || errno == EWOULDBLOCK || errno == EINTR || fail(err, "%s: cannot be locked: %s", c->path, strerror(errno));
}

/* ---- the computation ----------------------------------------------------------------------------------------------------- */
typedef struct Work {
    Cache            *cache;
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
    const Cache *c = w->cache;
    ArenaMark mark = tape_mark(w->tape);
    bool ok = true, mirrored[GROUP];

    for (int i = 0; i < GROUP; i++) mirrored[i] = view == 1;
    Tensor *y = encoder_forward(w->tape, w->encoder, preprocess_batch(w->preprocess, w->tape->arena, w->rgb, mirrored, count));
    REQUIRE(shape_equal(y->shape, SHAPE(count, c->base.tokens, c->base.width)), "features: the encoder gave %s", shape_text(y->shape).s);
    for (int64_t i = 0; i < count && ok; i++) {
        uint16_t *out = (uint16_t *)(void *)(w->records + i * c->record) + view * c->values;
        tensor_read(y, i * c->values, w->values, c->values);
        half_from_reals(w->values, c->values, out);
        for (int64_t k = 0; k < c->values && ok; k++)
            if ((out[k] & 0x7c00) == 0x7c00)
                ok = fail(err, "the encoder gives %g for %s, which a 16-bit cache cannot hold; train with encoder.cache=false",
                          (double)w->values[k], store_item_name(w->store, from + i));
    }
    arena_release(w->tape->arena, mark);
    return ok;
}

static bool encode_group(Work *w, int64_t from, int64_t count, Err *err)
{
    const Cache *c = w->cache;
    int64_t each = (int64_t)3 * w->preprocess->size * w->preprocess->size;

    for (int64_t i = 0; i < count; i++) TRY(store_pixels(w->store, from + i, w->preprocess, w->rgb + i * each, err));
    for (int view = 0; view < c->base.views; view++) TRY(encode_view(w, from, count, view, err));
    for (int64_t i = 0; i < count; i++) {
        uint8_t *record = w->records + i * c->record;
        uint64_t sum = xxh64(record, (size_t)c->record - sizeof sum);
        memcpy(record + c->record - sizeof sum, &sum, sizeof sum);
    }
    return filelog_append(w->log, w->records, (size_t)(count * c->record), err);
}

static bool encode_rest(Work *w, int64_t from, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    const Cache *c = w->cache;

    if (from == 0) TRY(filelog_append(w->log, c->header, HEADER, err));
    for (; from < c->base.items; from += GROUP) {
        int64_t count = c->base.items - from < GROUP ? c->base.items - from : GROUP;
        TRY(encode_group(w, from, count, err));
        if (progress && !progress(from + count, c->base.items, context) && from + count < c->base.items)
            return fail(err, "%s: stopped after %" PRId64 " of %" PRId64 " pictures; the same command goes on from there", c->path,
                        from + count, c->base.items);
    }
    return true;
}

static bool compute(Work *w, int64_t good, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    Cache *c = w->cache;
    int64_t from = good / GROUP * GROUP, each = (int64_t)3 * w->preprocess->size * w->preprocess->size;
    bool recording = w->tape->recording, training = w->tape->training;
    Err ignored = { 0 };

    w->log = filelog_open(c->path, from ? HEADER + from * c->record : 0, err);
    if (!w->log) return false;
    w->rgb = malloc((size_t)(GROUP * each));
    w->records = malloc((size_t)(GROUP * c->record));
    w->values = malloc((size_t)c->values * sizeof *w->values);
    REQUIRE(w->rgb && w->records && w->values, "out of memory");

    w->tape->recording = w->tape->training = false;
    bool ok = encode_rest(w, from, progress, context, err);
    w->tape->recording = recording;
    w->tape->training = training;
    ok = filelog_close(w->log, ok ? err : &ignored) && ok;
    free(w->rgb);
    free(w->records);
    free(w->values);
    return ok;
}

/* ---- opening: whole, or computed here, or waited for -------------------------------------------------------------------- */
enum { WAIT_MS = 200, PATIENCE = 15 };

static bool wait_for_other(const Cache *c, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    if (progress && !progress(-1, c->base.items, context))
        return fail(err, "%s: stopped while another process computes these features; the same command waits for it again", c->path);
    nanosleep(&(struct timespec){ 0, WAIT_MS * 1000000L }, NULL);
    return true;
}

/* Alone with the file. Another process may have computed since it was last looked at. */
static bool compute_rest(Work *w, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    int64_t good;
    TRY(count_records(w->cache, &good, err));
    unmap_file(w->cache);
    return good == w->cache->base.items || compute(w, good, progress, context, err);
}

/* Ends with the whole file mapped under a shared lock, which keeps out who would compute. */
static bool fill(Work *w, bool (*progress)(int64_t, int64_t, void *), void *context, Err *err)
{
    Cache *c = w->cache;
    bool shared, alone, computed = false;
    int64_t good;

    for (int readers = 0;;) {
        TRY(open_file(c, err) && try_lock(c, LOCK_SH, &shared, err));
        if (shared) {
            TRY(count_records(c, &good, err));
            if (good == c->base.items) return true;
            unmap_file(c);
            if (computed) return fail(err, "%s: record %" PRId64 " does not read back as it was written", c->path, good);
            TRY(try_lock(c, LOCK_EX, &alone, err));
            if (alone) TRY(compute_rest(w, progress, context, err));
            computed = alone;
            if (!alone && readers++ == PATIENCE)
                return fail(err, "%s is incomplete, but another process reads it and nobody can compute the rest; wait for that process, "
                            "or choose another data.cache", c->path);
        }
        close_file(c);
        if (!computed) TRY(wait_for_other(c, progress, context, err));
    }
}

static void get(const Features *f, int64_t item, int view, real *out)
{
    const Cache *c = (const Cache *)f;
    half_to_reals((const uint16_t *)(const void *)(c->map + HEADER + item * c->record) + view * c->values, c->values, out);
}

static void close_cache(Features *f)
{
    Cache *c = (Cache *)f;
    close_file(c);
    free(c->path);
    free(c);
}

Features *features_open(const char *folder, Store *s, const Encoder *e, Params *weights, const Preprocess *p, Tape *t, int views,
                        bool (*progress)(int64_t done, int64_t total, void *context), void *context, Err *err)
{
    REQUIRE(views == 1 || views == 2, "features: %d views", views);
    Cache *c = calloc(1, sizeof *c);
    REQUIRE(c, "out of memory");
    *c = (Cache){ .base = { .items = store_count(s), .views = views, .tokens = e->tokens, .width = e->width, .get = get, .close = close_cache },
                  .fd = -1, .values = e->tokens * e->width };
    c->record = views * c->values * (int64_t)sizeof(uint16_t) + (int64_t)sizeof(uint64_t);
    make_header(c, folder, s, e, weights, p, t->backend);

    Work w = { .cache = c, .store = s, .encoder = e, .preprocess = p, .tape = t };
    bool fits = store_fits(s, p->size) && p->size == e->config.image;
    if (!fits) fail(err, "the data set holds pictures of %d px, the encoder takes %" PRId64 " px and its preprocessing wants %d px: "
                    "prepare the data with --size %" PRId64, store_size(s), e->config.image, p->size, e->config.image);
    if (fits && fill(&w, progress, context, err)) return &c->base;
    close_cache(&c->base);
    return NULL;
}
