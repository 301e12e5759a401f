/* test_loader.c - batches are a function of (seed, epoch, number), whoever makes them, and mirror only what may be mirrored. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/loader.h"
#include "datasets/loader/batch.h"
#include "datasets/store/xxh64.h"
#include "tensor/base/file.h"

enum { SIZE = 8, ITEMS = 23, PICTURE = SIZE * SIZE * 3 };

static char       path[128];
static Store     *store;
static Tokenizer *words;
static Preprocess preprocess;

/* Item i has 1 + i % 4 captions; every third names a side. Pixels tell item, column and channel. */
static void add(StoreWriter *w, int i, Err *err)
{
    uint8_t pixels[PICTURE];
    char name[16], text[4][64];
    const char *captions[4];

    for (int k = 0; k < PICTURE; k++) pixels[k] = (uint8_t)(i * 10 + k / 3 % SIZE);
    for (int k = 0; k < 4; k++) {
        snprintf(text[k], sizeof text[k], i % 3 ? "w%d caption c%d %s" : "w%d c%d to the Left%s", i, k, k == 3 ? "and a few more words" : "");
        captions[k] = text[k];
    }
    snprintf(name, sizeof name, "%d.jpg", i);
    StoreItem item = { .name = name, .split = "train", .width = 9, .height = 9, .stored_width = SIZE, .stored_height = SIZE, 
                       .pixels = pixels, .captions = captions,
                       .caption_count = 1 + i % 4 };
    cr_assert(store_add(w, &item, err), "%s", err->text);
}

static void begin(void)
{
    Err err = { 0 };
    snprintf(path, sizeof path, "/tmp/limn-test-loader-%d.h5", (int)getpid());
    preprocess = preprocess_default(SIZE);
    StoreOptions o = { .size = SIZE, .preprocess = preprocess_to_json(&preprocess), .provenance = json_object() };
    StoreWriter *w = store_create(path, &o, &err);
    cr_assert(w, "%s", err.text);
    for (int i = 0; i < ITEMS; i++) add(w, i, &err);
    StoreItem mute = { .name = "mute.jpg", .split = "train", .stored_width = SIZE, .stored_height = SIZE, .pixels = (uint8_t[PICTURE]){ 0 } };
    cr_assert(store_add(w, &mute, &err));
    mute.name = "other.jpg";
    mute.split = "mute";
    cr_assert(store_add(w, &mute, &err));
    store_build_tokenizer(w, "train", 1, 0, NULL);
    cr_assert(store_finish(w, &err), "%s", err.text);
    store = store_open(path, &err);
    cr_assert(store, "%s", err.text);
    words = tokenizer_from_json(store_tokenizer(store), strlen(store_tokenizer(store)), path, &err);
    cr_assert(words, "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
}

static void end(void)
{
    store_close(store);
    tokenizer_free(words);
    unlink(path);
}

TestSuite(loader, .init = begin, .fini = end);

static const LoaderOptions USUAL = { .split = "train", .pictures = 4, .captions = 2, .max_length = 20, .shuffle = true, .flip = true,
                                     .seed = 7, .fraction = 1, .workers = 2, .prefetch = 3 };

static Loader *open_loader(LoaderOptions o)
{
    Err err = { 0 };
    Loader *l = loader_new(store, words, &preprocess, NULL, o, &err);
    cr_assert(l, "%s", err.text);
    return l;
}

static Batch get(Loader *l, int64_t epoch, int64_t at)
{
    Batch b;
    Err err = { 0 };
    cr_assert(loader_get(l, epoch, at, &b, &err), "%s", err.text);
    return b;
}

/* Everything in a batch, as one number. */
static uint64_t sum_of(const Batch *b)
{
    int64_t ids = shape_count(b->tokens.shape), values = shape_count(b->pixels->shape);
    real *v = malloc((size_t)values * sizeof *v);
    tensor_read(b->pixels, 0, v, values);
    uint64_t sum[5] = { xxh64(v, (size_t)values * sizeof *v), xxh64(b->tokens.v, (size_t)ids * 4), xxh64(b->targets.v, (size_t)ids * 4),
                        xxh64(b->image_of, (size_t)b->captions * 4), xxh64(b->items, (size_t)b->pictures * 8) };
    free(v);
    return xxh64(sum, sizeof sum);
}

Test(loader, shifts_targets_by_one_and_pads_them_with_minus_one)
{
    LoaderOptions o = USUAL;
    o.shuffle = o.flip = false;
    o.captions = 0;
    Loader *l = open_loader(o);
    cr_assert_eq(loader_pictures(l), ITEMS);
    cr_assert_eq(loader_batches(l), 6);

    Batch b = get(l, 0, 0);                                      /* items 0 … 3 with 1 + 2 + 3 + 4 captions */
    cr_assert(b.pictures == 4 && b.captions == 10 && b.items[3] == 3);
    cr_assert(shape_equal(b.pixels->shape, SHAPE(4, 3, SIZE, SIZE)) && !b.features);
    int64_t T = b.tokens.shape.d[1], targets = 0;
    cr_assert(b.tokens.shape.d[0] == 10 && shape_equal(b.tokens.shape, b.targets.shape));
    for (int64_t row = 0; row < 10; row++) {
        const int32_t *tokens = b.tokens.v + row * T, *target = b.targets.v + row * T;
        cr_assert_eq(tokens[0], tokenizer_bos(words));
        int64_t length = 0;
        while (length < T && target[length] != LOADER_IGNORE) length++;
        cr_assert_eq(target[length - 1], tokenizer_eos(words));
        for (int64_t t = 1; t < length; t++) cr_assert_eq(tokens[t], target[t - 1]);
        for (int64_t t = length; t < T; t++) cr_assert(target[t] == LOADER_IGNORE && tokens[t] == tokenizer_pad(words));
        targets += length;
    }
    cr_assert_eq(b.target_count, targets);
    char *text = tokenizer_decode(words, b.tokens.v + 9 * T, T);
    cr_assert_str_eq(text, "w3 c3 to the leftand a few more words");
    free(text);
    cr_assert(b.image_of[0] == 0 && b.image_of[1] == 1 && b.image_of[9] == 3);
    cr_assert_eq(get(l, 0, 5).pictures, 3, "the last batch is smaller");
    loader_free(l);
}

Test(loader, cuts_long_captions_without_inventing_an_end)
{
    LoaderOptions o = USUAL;
    o.max_length = 4;
    o.captions = 0;
    Loader *l = open_loader(o);
    for (int at = 0; at < 6; at++) {
        Batch b = get(l, 0, at);
        cr_assert_eq(b.tokens.shape.d[1], 3);
        for (int64_t row = 0; row < b.captions; row++) cr_assert_neq(b.targets.v[row * 3 + 2], tokenizer_eos(words));
    }
    loader_free(l);
}

Test(loader, gives_the_same_batches_for_any_number_of_workers)
{
    uint64_t first[18];
    for (int workers = 0; workers <= 4; workers++) {
        LoaderOptions o = USUAL;
        o.workers = workers;
        o.prefetch = workers;
        Loader *l = open_loader(o);
        for (int n = 0; n < 18; n++) {
            Batch b = get(l, n / 6, n % 6);
            if (workers == 0) first[n] = sum_of(&b);
            cr_assert_eq(sum_of(&b), first[n], "batch %d by %d workers", n, workers);
        }
        loader_free(l);
    }
}

Test(loader, can_be_asked_for_any_batch_first)
{
    Loader *l = open_loader(USUAL), *m = open_loader(USUAL);
    uint64_t sum[18];
    for (int n = 0; n < 18; n++) {
        Batch b = get(l, n / 6, n % 6);
        sum[n] = sum_of(&b);
    }
    static const int ASKED[] = { 9, 10, 11, 12, 3, 4, 17, 17, 0, 1, 16 };
    for (size_t i = 0; i < sizeof ASKED / sizeof *ASKED; i++) {
        Batch b = get(m, ASKED[i] / 6, ASKED[i] % 6);
        cr_assert_eq(sum_of(&b), sum[ASKED[i]], "batch %d", ASKED[i]);
    }
    loader_free(l);
    loader_free(m);
}

Test(loader, shows_every_picture_once_an_epoch_in_another_order)
{
    Loader *l = open_loader(USUAL);
    int64_t order[2][ITEMS];
    for (int epoch = 0; epoch < 2; epoch++) {
        bool seen[ITEMS] = { false };
        for (int64_t at = 0, n = 0; at < loader_batches(l); at++) {
            Batch b = get(l, epoch, at);
            for (int64_t i = 0; i < b.pictures; i++) {
                cr_assert(b.items[i] < ITEMS && !seen[b.items[i]]);
                seen[b.items[i]] = true;
                order[epoch][n++] = b.items[i];
            }
        }
    }
    cr_assert_neq(memcmp(order[0], order[1], sizeof order[0]), 0);
    loader_free(l);
}

Test(loader, takes_another_choice_of_captions_each_epoch_and_none_twice)
{
    LoaderOptions o = USUAL;
    o.shuffle = false;                           /* so that a picture stays in its batch, and only the epoch tells */
    Loader *l = open_loader(o);
    bool seen[4][4] = { { false } };             /* of the pictures with four captions: which pairs */
    for (int epoch = 0; epoch < 60; epoch++)
        for (int at = 0; at < 6; at++) {
            Batch b = get(l, epoch, at);
            int64_t T = b.tokens.shape.d[1];
            for (int64_t row = 0; row + 1 < b.captions; row++) {
                if (b.image_of[row] != b.image_of[row + 1] || b.items[b.image_of[row]] % 12 != 7) continue;
                int which[2];                    /* "w7 caption c2 …": the third word */
                for (int k = 0; k < 2; k++) which[k] = tokenizer_token(words, b.tokens.v[(row + k) * T + 3])[1] - '0';
                cr_assert(which[0] != which[1] && which[0] >= 0 && which[0] < 4 && which[1] >= 0 && which[1] < 4);
                seen[which[0]][which[1]] = true;
            }
        }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) cr_assert_eq(seen[a][b], a != b, "captions %d and %d together", a, b);
    loader_free(l);
}

Test(loader, mirrors_only_pictures_whose_captions_name_no_side)
{
    Loader *l = open_loader(USUAL);
    int mirrored = 0, not_mirrored = 0;
    for (int n = 0; n < 60; n++) {
        Batch b = get(l, n / 6, n % 6);
        for (int64_t i = 0; i < b.pictures; i++) {
            real v[SIZE];
            tensor_read(b.pixels, i * 3 * SIZE * SIZE, v, SIZE);
            bool flipped = v[0] > v[SIZE - 1];
            real left = (real)((b.items[i] * 10 % 256 / 255.0 - 0.5) / 0.5);
            cr_assert_float_eq(flipped ? v[SIZE - 1] : v[0], left, 1e-6);
            if (b.items[i] % 3 == 0) cr_assert(!flipped, "item %d", (int)b.items[i]);
            else flipped ? mirrored++ : not_mirrored++;
        }
    }
    cr_assert(mirrored > 40 && not_mirrored > 40, "%d mirrored, %d not", mirrored, not_mirrored);
    loader_free(l);

    cr_assert(caption_names_side("LEFT of it") && caption_names_side("to the right.") && caption_names_side("a right-hand drive"));
    cr_assert(!caption_names_side("an upright, bright cleft"));
}

/* What came before these options must come out of them when they are off. */
Test(loader, makes_the_same_batches_as_ever_without_crop_jitter_and_lengths)
{
    LoaderOptions off = USUAL;
    off.crop = 1;
    Loader *l = open_loader(off);
    uint64_t all = 0;
    for (int n = 0; n < 18; n++) {
        Batch b = get(l, n / 6, n % 6);
        uint64_t sum[2] = { all, sum_of(&b) };
        all = xxh64(sum, sizeof sum);
    }
    cr_assert_eq(all, 0xba0a1bb887bab92bu, "%llx", (unsigned long long)all);
    loader_free(l);
}

static void assert_a_function_of_the_epoch(LoaderOptions o)
{
    uint64_t first[12];
    for (int workers = 0; workers < 4; workers++) {
        o.workers = o.prefetch = workers;
        Loader *l = open_loader(o);
        for (int n = 0; n < 12; n++) {
            int at = workers % 2 ? 11 - n : n;   /* backwards, too */
            Batch b = get(l, at / 6, at % 6);
            if (workers == 0) first[at] = sum_of(&b);
            cr_assert_eq(sum_of(&b), first[at], "batch %d by %d workers", at, workers);
        }
        loader_free(l);
    }
}

static void assert_each_picture_anew_each_epoch(double crop, double jitter)
{
    enum { VALUES = 3 * SIZE * SIZE };
    LoaderOptions o = USUAL;
    real seen[2][VALUES];
    o.crop = crop;
    o.jitter = jitter;
    o.flip = o.shuffle = false;
    assert_a_function_of_the_epoch(o);

    Loader *l = open_loader(o);
    for (int epoch = 0; epoch < 2; epoch++) {
        Batch b = get(l, epoch, 0);
        tensor_read(b.pixels, 3 * VALUES, seen[epoch], VALUES);
    }
    cr_assert_neq(memcmp(seen[0], seen[1], sizeof seen[0]), 0);

    /* The numbers are the picture's own: in batches of another size it looks the same. */
    o.pictures = 3;
    Loader *other = open_loader(o);
    Batch b = get(other, 1, 1);
    tensor_read(b.pixels, 0, seen[0], VALUES);
    cr_assert_arr_eq(seen[0], seen[1], sizeof seen[0]);
    loader_free(l);
    loader_free(other);
}

Test(loader, crops_and_jitters_each_picture_anew_each_epoch)
{
    assert_each_picture_anew_each_epoch(0.3, 0);
    assert_each_picture_anew_each_epoch(1, 0.4);
    assert_each_picture_anew_each_epoch(0.3, 0.4);
}

static int64_t positions(LoaderOptions o, bool once[ITEMS])
{
    Loader *l = open_loader(o);
    int64_t all = 0;
    for (int at = 0; at < loader_batches(l); at++) {
        Batch b = get(l, 3, at);
        all += shape_count(b.tokens.shape);
        cr_assert_eq(b.pictures, at < ITEMS / o.pictures ? o.pictures : ITEMS % o.pictures, "only the last is smaller");
        for (int64_t i = 0; i < b.pictures; i++) {
            cr_assert_not(once[b.items[i]]);
            once[b.items[i]] = true;
        }
    }
    loader_free(l);
    return all;
}

Test(loader, by_length_makes_less_padding_of_every_picture_once)
{
    LoaderOptions o = USUAL;
    for (int captions = 0; captions < 3; captions++) {
        bool once[2][ITEMS] = { { false } };
        o.captions = captions;
        o.by_length = false;
        int64_t random = positions(o, once[0]);
        o.by_length = true;
        int64_t sorted = positions(o, once[1]);
        cr_assert_lt(sorted, random, "captions=%d", captions);
        for (int i = 0; i < ITEMS; i++) cr_assert(once[1][i]);
    }
    assert_a_function_of_the_epoch(o);
}

Test(loader, by_length_shuffles_its_batches)
{
    LoaderOptions o = USUAL;
    int rising = 0, falling = 0;
    o.by_length = true;
    o.pictures = 2;
    Loader *l = open_loader(o);
    for (int epoch = 0; epoch < 20; epoch++)
        for (int at = 0, before = 0; at < ITEMS / 2; at++) {
            int T = (int)get(l, epoch, at).tokens.shape.d[1];
            if (at) rising += T > before, falling += T < before;
            before = T;
        }
    cr_assert(rising > 20 && falling > 20 && abs(rising - falling) < 20, "%d and %d", rising, falling);
    loader_free(l);
}

Test(loader, trains_on_the_same_fraction_for_a_seed)
{
    LoaderOptions o = USUAL;
    bool in[2][ITEMS] = { { false } };
    o.fraction = 0.3;
    for (int k = 0; k < 2; k++) {
        o.workers = k;
        Loader *l = open_loader(o);
        cr_assert_eq(loader_pictures(l), 7);
        for (int64_t n = 0; n < 3 * loader_batches(l); n++) {
            Batch b = get(l, n / loader_batches(l), n % loader_batches(l));
            for (int64_t i = 0; i < b.pictures; i++) in[k][b.items[i]] = true;
        }
        loader_free(l);
    }
    int count = 0;
    for (int i = 0; i < ITEMS; i++) {
        cr_assert_eq(in[0][i], in[1][i]);
        count += in[0][i];
    }
    cr_assert_eq(count, 7);
}

Test(loader, stops_at_the_first_pictures_where_that_is_asked)
{
    LoaderOptions o = USUAL;
    o.first = 6;
    o.shuffle = false;
    Loader *all = open_loader(USUAL), *few = open_loader(o);
    cr_assert_gt(loader_pictures(all), 6);
    cr_assert_leq(loader_pictures(few), 6);
    for (int64_t n = 0; n < loader_batches(few); n++) {
        Batch b = get(few, 0, n);
        for (int64_t i = 0; i < b.pictures; i++) {
            int64_t at = -1, count;
            const int64_t *items = store_split_items(store, store_find_split(store, "train"), &count);
            for (int64_t k = 0; k < count; k++) if (items[k] == b.items[i]) at = k;
            cr_assert(at >= 0 && at < 6, "picture %ld of the split", (long)at);
        }
    }
    loader_free(all);
    loader_free(few);
}

Test(loader, reports_a_damaged_picture_and_goes_on)
{
    Err err = { 0 };
    LoaderOptions o = USUAL;
    Batch b;
    o.shuffle = false;

    size_t bytes;
    char *data = file_read(path, &bytes, &err), first[PICTURE];
    for (int k = 0; k < PICTURE; k++) first[k] = (char)(k / 3 % SIZE);
    char *at = memmem(data, bytes, first, sizeof first);         /* the pixels of item 0 */
    cr_assert(at);
    int fd = open(path, O_WRONLY);
    cr_assert(pwrite(fd, "!", 1, at - data + 100) == 1 && close(fd) == 0);
    free(data);
    Loader *l = open_loader(o);
    cr_assert(!loader_get(l, 0, 0, &b, &err));
    cr_assert(strstr(err.text, "0.jpg"), "%s", err.text);
    cr_assert(loader_get(l, 0, 1, &b, &err));
    loader_free(l);
}

Test(loader, refuses_what_does_not_fit)
{
    Err err = { 0 };
    LoaderOptions o = USUAL;
    o.split = "nowhere";
    cr_assert_null(loader_new(store, words, &preprocess, NULL, o, &err));
    cr_assert(strstr(err.text, "nowhere"), "%s", err.text);
    o.split = "mute";
    cr_assert_null(loader_new(store, words, &preprocess, NULL, o, &err));
    cr_assert(strstr(err.text, "no picture with a caption"), "%s", err.text);
    Preprocess other = preprocess_default(SIZE * 2);
    cr_assert_null(loader_new(store, words, &other, NULL, USUAL, &err));
    cr_assert(strstr(err.text, "--size 16"), "%s", err.text);
}

Test(loader, ends_at_any_moment)
{
    for (int i = 0; i < 40; i++) {
        LoaderOptions o = USUAL;
        o.workers = 1 + i % 4;
        Loader *l = open_loader(o);
        for (int n = 0; n < i % 5; n++) get(l, 0, n);
        loader_free(l);
    }
}
