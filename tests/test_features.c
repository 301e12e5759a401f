/* test_features.c - cached features are what the encoder gives, and a stale, damaged or half-made cache is never used as it is. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datasets/features/half.h"
#include "datasets/loader.h"
#include "tensor/base/file.h"

enum { SIZE = 16, ITEMS = 37, PICTURE = SIZE * SIZE * 3 };

/* ---- half ------------------------------------------------------------------------------------------------------------ */
static double value_of(uint16_t h)               /* the definition */
{
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double v = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return h & 0x8000 ? -v : v;
}

Test(half, gives_back_all_65536_values)
{
    for (int h = 0; h < 65536; h++) {
        uint16_t bits = (uint16_t)h;
        real v;
        half_to_reals(&bits, 1, &v);
        if ((h & 0x7fff) > 0x7c00) {
            cr_assert(isnan(v));
            continue;
        }
        if ((h & 0x7fff) == 0x7c00) cr_assert(isinf(v) && (v < 0) == (h > 0x8000));
        else                        cr_assert_eq((double)v, value_of(bits), "%04x", (unsigned)h);
        cr_assert_eq(half_from((double)v), h, "%04x became %04x", (unsigned)h, half_from((double)v));
    }
}

Test(half, rounds_to_the_nearest_and_ties_to_even)
{
    for (int h = 0; h < 0x7bff; h++) {
        double low = value_of((uint16_t)h), high = value_of((uint16_t)(h + 1)), middle = (low + high) / 2;
        uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);
        cr_assert_eq(half_from(middle), even);
        cr_assert_eq(half_from(nextafter(middle, 0)), h);
        cr_assert_eq(half_from(nextafter(middle, 1e9)), h + 1);
        cr_assert_eq(half_from(-middle), even | 0x8000);
    }
    cr_assert_eq(half_from(65519.999), 0x7bff);
    cr_assert_eq(half_from(65520), 0x7c00);
    cr_assert_eq(half_from(1e300), 0x7c00);
    cr_assert_eq(half_from(-0.0), 0x8000);
    cr_assert_eq(half_from(1e-320), 0);
}

/* ---- the cache -------------------------------------------------------------------------------------------------------- */
static char       folder[64];
static Store     *store;
static Tokenizer *words;
static Preprocess preprocess;
static Params    *params;
static Encoder   *encoder;
static Tape      *tape;

static void make_store(void)
{
    char path[128];
    Err err = { 0 };
    snprintf(path, sizeof path, "%s/a.h5", folder);
    StoreOptions o = { .size = SIZE, .preprocess = preprocess_to_json(&preprocess), .provenance = json_object() };
    StoreWriter *w = store_create(path, &o, &err);
    cr_assert(w, "%s", err.text);
    for (int i = 0; i < ITEMS; i++) {
        uint8_t pixels[PICTURE];
        char name[16];
        for (int k = 0; k < PICTURE; k++) pixels[k] = (uint8_t)(i * 7 + k * 3 + k / 50 * i);
        snprintf(name, sizeof name, "%d", i);
        StoreItem item = { .name = name, .split = "train", .stored_width = SIZE, .stored_height = SIZE, .pixels = pixels,
                           .captions = (const char *[]){ "a thing" }, .caption_count = 1 };
        cr_assert(store_add(w, &item, &err), "%s", err.text);
    }
    store_build_tokenizer(w, "train", 1, 0, NULL);
    cr_assert(store_finish(w, &err), "%s", err.text);
    store = store_open(path, &err);
    cr_assert(store, "%s", err.text);
    words = tokenizer_from_json(store_tokenizer(store), strlen(store_tokenizer(store)), path, &err);
    json_decref(o.preprocess);
    json_decref(o.provenance);
}

static void begin(void)
{
    strcpy(folder, "/tmp/limn-test-features-XXXXXX");
    cr_assert(mkdtemp(folder));
    preprocess = preprocess_default(SIZE);
    make_store();
    EncoderConfig c = { .kind = "vit", .image = SIZE, .patch = 8, .width = 12, .depth = 2, .heads = 3, .hidden = 24,
                        .activation = ACT_GELU, .eps = 1e-6, .dropout = 0.5, .qkv_bias = true };
    params = params_new(5);
    encoder = encoder_new(params_root(params), &c);
    tape = tape_new(&backend_reference, NULL, 1);
    tape->training = true;                       /* a cache must not see it */
}

static void end(void)
{
    char command[128];
    tape_free(tape);
    params_free(params);
    store_close(store);
    tokenizer_free(words);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(features, .init = begin, .fini = end);

static int64_t computed;                         /* pictures computed by the last opening */
static int     waited;                           /* how often it was told that another process computes */

static bool count_up(int64_t done, int64_t total, void *context)
{
    cr_assert_eq(total, ITEMS);
    if (done < 0) {
        waited++;
        return !context || *(int64_t *)context >= 0;
    }
    if (done - computed >= 16 || done == total) computed = done;
    return !context || done < *(int64_t *)context;
}

static Features *try_open(int views, int64_t *stop_at, Err *err)
{
    computed = waited = 0;
    return features_open(folder, store, encoder, params, &preprocess, tape, views, count_up, stop_at, err);
}

static Features *open_cache(int views)
{
    Err err = { 0 };
    Features *f = try_open(views, NULL, &err);
    cr_assert(f, "%s", err.text);
    return f;
}

/* The only feature file (of several: any that is not `other`). */
static char *cache_path(const char *other)
{
    char *path = NULL;
    DIR *dir = opendir(folder);
    for (struct dirent *d; (d = readdir(dir));) {
        if (strncmp(d->d_name, "features-", 9) != 0) continue;
        char *full = path_join(folder, d->d_name);
        if (other && strcmp(full, other) == 0) {
            free(full);
            continue;
        }
        free(path);
        path = full;
    }
    closedir(dir);
    return path;
}

static void direct(int64_t item, bool flip, real *out)
{
    uint8_t rgb[PICTURE];
    real pixels[PICTURE];
    Err err = { 0 };
    cr_assert(store_pixels(store, item, &(Preprocess){ .size = SIZE }, rgb, &err));
    preprocess_normalize(&preprocess, rgb, flip, pixels);
    tape->recording = tape->training = false;
    Tensor *x = tensor_new(tape->arena, SHAPE(1, 3, SIZE, SIZE));
    tensor_write(x, 0, pixels, PICTURE);
    tensor_read(encoder_forward(tape, encoder, x), 0, out, encoder->tokens * encoder->width);
    tape_reset(tape);
    tape->recording = tape->training = true;
}

Test(features, are_the_encoders_output_of_both_views)
{
    Features *f = open_cache(2);
    int64_t count = features_tokens(f) * features_width(f);
    real got[5 * 12], want[5 * 12];
    cr_assert(features_tokens(f) == 5 && features_width(f) == 12 && features_views(f) == 2);
    cr_assert(tape->recording && tape->training, "the tape is as it was");
    for (int64_t i = 0; i < ITEMS; i++)
        for (int view = 0; view < 2; view++) {
            features_get(f, i, view, got);
            direct(i, view == 1, want);
            for (int64_t k = 0; k < count; k++) cr_assert_eq((double)got[k], value_of(half_from((double)want[k])), "item %d", (int)i);
        }
    features_close(f);
}

Test(features, are_computed_once)
{
    features_close(open_cache(1));
    cr_assert_eq(computed, ITEMS);
    Features *f = open_cache(1), *g = open_cache(1);
    cr_assert_eq(computed, 0);
    features_close(f);
    features_close(g);
}

Test(features, of_other_weights_pictures_or_views_are_another_cache)
{
    features_close(open_cache(1));
    char *first = cache_path(NULL);

    features_close(open_cache(2));
    cr_assert_eq(computed, ITEMS);
    real v;
    tensor_read(params_at(params, 0)->tensor, 0, &v, 1);
    v += (real)1e-3;
    tensor_write(params_at(params, 0)->tensor, 0, &v, 1);
    features_close(open_cache(1));
    cr_assert_eq(computed, ITEMS);
    preprocess.mean[1] = 0.4;
    features_close(open_cache(1));
    cr_assert_eq(computed, ITEMS);
    char *other = cache_path(first);
    cr_assert(other);
    free(other);
    free(first);
}

Test(features, go_on_where_they_stopped_with_the_same_bytes)
{
    Err err = { 0 };
    int64_t stop_at = 16;
    char whole[65], resumed[65];
    features_close(open_cache(2));
    char *path = cache_path(NULL);
    cr_assert(file_sha256(path, whole, &err) && unlink(path) == 0);

    cr_assert_null(try_open(2, &stop_at, &err));
    cr_assert(strstr(err.text, "stopped after 16 of 37"), "%s", err.text);
    int64_t after = 0;
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    after = st.st_size;
    cr_assert_eq(truncate(path, after + 100), 0);                /* killed while it wrote */
    features_close(open_cache(2));
    cr_assert(file_sha256(path, resumed, &err));
    cr_assert_str_eq(resumed, whole);
    free(path);
}

Test(features, that_are_damaged_are_computed_again)
{
    Err err = { 0 };
    char whole[65], healed[65];
    features_close(open_cache(1));
    char *path = cache_path(NULL);
    size_t bytes;
    char *data = file_read(path, &bytes, &err);
    cr_assert(file_sha256(path, whole, &err));

    for (size_t at = 0; at < bytes; at += at < 512 ? 100 : 501) {
        data[at] ^= 4;
        cr_assert(file_put(path, data, bytes, &err));
        data[at] ^= 4;
        features_close(open_cache(1));
        cr_assert_gt(computed, 0, "byte %zu", at);
        cr_assert(file_sha256(path, healed, &err));
        cr_assert_str_eq(healed, whole);
    }
    free(data);
    free(path);
}

Test(features, on_a_full_disk_are_an_error_and_go_on_later)
{
    Err err = { 0 };
    setenv("LIMN_FAULT", "write:40000:ENOSPC", 1);
    cr_assert_null(try_open(2, NULL, &err));
    cr_assert(strstr(err.text, "No space left"), "%s", err.text);
    unsetenv("LIMN_FAULT");
    features_close(open_cache(2));
}

/* ---- several processes ------------------------------------------------------------------------------------------------ */
static int computing[2];                         /* a pipe: a byte when the child has begun to write */

static bool slowly(int64_t done, int64_t total, void *context)
{
    if (done == 16 && write(computing[1], "!", 1) != 1) _exit(3);
    usleep(300000);
    if (context && done == 32) raise(SIGKILL);
    return total == ITEMS;
}

/* A child that computes slowly, and dies on the way or not. Returns when it holds the file. */
static pid_t start_child(bool dies)
{
    char begun;
    cr_assert_eq(pipe(computing), 0);
    pid_t child = fork();
    if (child == 0) {
        Err err = { 0 };
        Features *f = features_open(folder, store, encoder, params, &preprocess, tape, 1, slowly, dies ? &begun : NULL, &err);
        _exit(f ? 0 : 1);
    }
    cr_assert_eq(read(computing[0], &begun, 1), 1);
    return child;
}

Test(features, that_another_process_computes_are_waited_for, .timeout = 60)
{
    int status;
    pid_t child = start_child(false);
    Features *f = open_cache(1);
    cr_assert_gt(waited, 0);
    cr_assert_eq(computed, 0);
    cr_assert(waitpid(child, &status, 0) == child && status == 0, "the child ended with %x", (unsigned)status);
    real got[5 * 12], want[5 * 12];
    features_get(f, ITEMS - 1, 0, got);
    direct(ITEMS - 1, false, want);
    for (int k = 0; k < 60; k++) cr_assert_eq((double)got[k], value_of(half_from((double)want[k])));
    features_close(f);
}

Test(features, are_finished_when_the_process_that_computed_them_dies)
{
    int status;
    pid_t child = start_child(true);
    Features *f = open_cache(1);
    cr_assert(waited > 0 && computed == ITEMS);
    cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    features_close(f);
    features_close(open_cache(1));
    cr_assert_eq(computed, 0);
}

Test(features, of_another_process_need_not_be_waited_for, .timeout = 60)
{
    Err err = { 0 };
    int64_t stop_at = -1;
    features_close(open_cache(1));
    char *path = cache_path(NULL);
    int fd = open(path, O_RDWR);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    cr_assert_null(try_open(1, &stop_at, &err));
    cr_assert(strstr(err.text, "another process computes"), "%s", err.text);
    cr_assert_eq(waited, 1);
    close(fd);
    free(path);
}

Test(features, that_are_incomplete_while_another_process_reads_them_are_an_error, .timeout = 60)
{
    Err err = { 0 };
    features_close(open_cache(1));
    char *path = cache_path(NULL);
    int fd = open(path, O_RDWR);
    cr_assert(flock(fd, LOCK_SH) == 0 && ftruncate(fd, 600) == 0);
    cr_assert_null(try_open(1, NULL, &err));
    cr_assert(strstr(err.text, "another process reads"), "%s", err.text);
    close(fd);
    features_close(open_cache(1));
    free(path);
}

Test(features, that_a_half_cannot_hold_are_an_error)
{
    Err err = { 0 };
    Param *last = params_at(params, params_count(params) - 1);   /* the bias of the last norm */
    real big = 1e6;
    tensor_write(last->tensor, 0, &big, 1);
    cr_assert_null(try_open(1, NULL, &err));
    cr_assert(strstr(err.text, "16-bit"), "%s", err.text);
}

Test(features, come_through_the_loader)
{
    Err err = { 0 };
    Features *f = open_cache(2);
    LoaderOptions o = { .split = "train", .pictures = 5, .captions = 1, .max_length = 8, .shuffle = true, .flip = true, .seed = 3,
                        .fraction = 1, .workers = 2, .prefetch = 2 };
    Loader *l = loader_new(store, words, &preprocess, f, o, &err);
    int mirrored = 0;
    cr_assert(l, "%s", err.text);
    for (int64_t at = 0; at < loader_batches(l); at++) {
        Batch b;
        real got[5 * 12], view[2][5 * 12];
        cr_assert(loader_get(l, 0, at, &b, &err), "%s", err.text);
        cr_assert(!b.pixels && shape_equal(b.features->shape, SHAPE(b.pictures, 5, 12)));
        for (int64_t i = 0; i < b.pictures; i++) {
            tensor_read(b.features, i * 60, got, 60);
            for (int k = 0; k < 2; k++) features_get(f, b.items[i], k, view[k]);
            bool second = memcmp(got, view[1], sizeof got) == 0;
            cr_assert(second || memcmp(got, view[0], sizeof got) == 0);
            mirrored += second;
        }
    }
    cr_assert(mirrored > 5 && mirrored < ITEMS - 5);
    loader_free(l);
    features_close(f);
}
