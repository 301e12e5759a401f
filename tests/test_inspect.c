/* test_inspect.c - what is told of a store is true: numbers, duplicates, leaks, and damage of any byte by its name. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/inspect.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "vision/phash.h"

enum { SIZE = 12, MASK = SIZE * 2, PICTURE = SIZE * SIZE * 3, MOST = 400 };

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static void begin(void)
{
    strcpy(folder, "/tmp/limn-test-inspect-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(inspect, .init = begin, .fini = end);

/* Numbers that are the same every time. */
static uint64_t state = 1;
static uint64_t any64(void)
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
static int any(int below) { return (int)(any64() % (uint64_t)below); }
static uint64_t flipped(uint64_t h, int bits)
{
    while (bits-- > 0) h ^= (uint64_t)1 << any(64);
    return h;
}

/* ---- a store of planted pictures ---------------------------------------------------------------------------------------------- */
typedef struct Planted { int split, source; uint64_t phash; int captions, boxes; char caption[3][80]; } Planted;     /* source 0: none */
typedef enum Kept { KEPT_RAW, KEPT_OWN_SIZES, KEPT_FILES } Kept;
static const char *const SPLIT[] = { "train", "val", "test" };

static void add(StoreWriter *w, int i, const Planted *p, Kept kept)
{
    Err     err = { 0 };
    int     width = kept == KEPT_OWN_SIZES ? 3 + i % 9 : SIZE;
    uint8_t pixels[PICTURE], masks[2 * MASK], *file = NULL;
    char    name[32];
    size_t  bytes = 0;
    const char *captions[] = { p->caption[0], p->caption[1], p->caption[2] };
    StoreBox boxes[4];

    for (int k = 0; k < PICTURE; k++) pixels[k] = (uint8_t)(i * 37 + k * 11 + k / 7);
    for (int k = 0; k < 2 * MASK; k++) masks[k] = (uint8_t)(i + k);
    for (int k = 0; k < p->boxes; k++)
        boxes[k] = (StoreBox){ (float)(k + i % 3), 1, (float)(k + 5), (float)(2 + i % 10), k || !p->captions ? -1 : 0, 0,
                                k || !p->captions ? 0 : 1, k == 2 ? NULL : "the red bicycle",
                               (i + k) % BOX_KINDS, i };
    snprintf(name, sizeof name, "picture-%d.jpg", i);
    if (kept == KEPT_FILES) cr_assert(image_encode_jpeg(&(Image){ SIZE, SIZE, 3, pixels }, 90, &file, &bytes, &err));
    StoreItem item = { .name = name, .split = SPLIT[p->split], .width = 100 + i * 7, .height = 900 - i,
        .stored_width = width, .stored_height = SIZE,
        .pixels = file ? NULL : pixels, .file = file, .file_bytes = bytes, .phash = p->phash, .source_bytes = 500 + i, .captions = captions,
        .caption_count = p->captions, .boxes = boxes, .box_count = p->boxes, .mask = masks, .mask_objects = kept == KEPT_RAW ? i % 3 : 0 };
    for (int k = 0; p->source && k < 32; k++) item.source_sha256[k] = (uint8_t)(p->source * (k + 1) + k);
    cr_assert(store_add(w, &item, &err), "%s", err.text);
    free(file);
}

static void make(const char *path, const Planted *p, int count, Kept kept)
{
    Err        err = { 0 };
    Preprocess squash = preprocess_default(SIZE);
    StoreOptions o = { .size = kept == KEPT_OWN_SIZES ? 0 : SIZE, .files = kept == KEPT_FILES, .preprocess = preprocess_to_json(&squash),
                       .provenance = json_pack("{s:s}", "source", "test") };
    StoreWriter *w = store_create(path, &o, &err);

    cr_assert(w, "%s", err.text);
    for (int i = 0; i < count; i++) add(w, i, &p[i], kept);
    cr_assert(store_problem(w, &(Problem){ PROBLEM_BAD_IMAGE, "broken.jpg", "list.txt", 7, "ends too early" }, &err));
    store_build_tokenizer(w, "train", 4, 0, NULL);
    cr_assert(store_finish(w, &err), "%s", err.text);
    json_decref(o.preprocess);
    json_decref(o.provenance);
}

/* Some alike in every way that is looked for: half of the pictures stem from a few. */
static void plant(Planted *p, int count)
{
    static const char *const WORD[] = { "dog", "Dog", "cat", "runs", "on", "grass", "it's", "a", "A", "snowboarder", "  red ", "Bicycle", "." };
    uint64_t root[8];

    for (int k = 0; k < 8; k++) root[k] = any64();
    for (int i = 0; i < count; i++) {
        p[i] = (Planted){ .split = i < 3 ? i : any(3), .source = any(4) ? 1 + any(count) : 0, .captions = any(4), .boxes = any(5) };
        p[i].phash = any(2) ? any64() : flipped(root[any(8)], any(6));
        if (p[i].source)                         /* the same file looks the same */
            for (int k = 0; k < i; k++)
                if (p[k].source == p[i].source) p[i].phash = p[k].phash;
        for (int c = 0; c < 3; c++)
            for (int n = 0, words = 1 + any(c ? 9 : 2); n < words; n++) {
                strcat(p[i].caption[c], n ? " " : "");
                strcat(p[i].caption[c], WORD[any(13)]);
            }
    }
}

/* ---- near ---------------------------------------------------------------------------------------------------------------------- */
typedef struct Found { const uint64_t *h; int pairs, wrong; int64_t last; uint8_t seen[MOST][MOST]; int bits; } Found;

static void note(int64_t a, int64_t b, int distance, void *context)
{
    Found *f = context;
    f->pairs++;
    f->wrong += !(a < b) || a < f->last || distance != phash_distance(f->h[a], f->h[b]) || distance > f->bits || f->seen[a][b]++;
    f->last = a;
}

static void check_near(const uint64_t *h, int n)
{
    for (int bits = 0; bits <= NEAR_MOST_BITS; bits++) {
        static Found f;
        int wanted = 0;
        f = (Found){ .h = h, .bits = bits };
        for (int a = 0; a < n; a++)
            for (int b = a + 1; b < n; b++) wanted += phash_distance(h[a], h[b]) <= bits;
        cr_assert(near_pairs(h, n, bits, INT64_MAX, note, &f));
        cr_assert_eq(f.wrong, 0, "%d bits", bits);
        cr_assert_eq(f.pairs, wanted, "%d bits: %d pairs, wanted %d", bits, f.pairs, wanted);
    }
}

Test(inspect, near_hashes_are_those_of_brute_force)
{
    static uint64_t h[MOST];

    for (int i = 0; i < MOST; i++) h[i] = i < 20 ? any64() : flipped(h[any(20)], any(20));
    check_near(h, MOST);
    for (int i = 0; i < MOST; i++) h[i] = flipped(0x8000000000000000u, any(12));           /* a crowd around a blank page */
    check_near(h, MOST);
    for (int i = 0; i < MOST; i++) h[i] = any64() & 0xffff;                                /* three chunks alike */
    check_near(h, MOST);
    check_near(h, 1);
    check_near(h, 0);
}

static void count_one(int64_t a, int64_t b, int distance, void *context) { (void)a, (void)b, (void)distance, ++*(int64_t *)context; }

Test(inspect, a_crowd_of_near_hashes_stops_the_search_at_its_bound)
{
    static uint64_t h[MOST];
    int64_t found = 0;
    for (int i = 0; i < MOST; i++) h[i] = (uint64_t)i << 48;
    cr_assert(!near_pairs(h, MOST, 4, 10000, count_one, &found));
    cr_assert(found > 0 && found <= 10000);
    cr_assert(near_pairs(h, MOST, 4, 10000000, count_one, &found));
}

/* ---- duplicates ------------------------------------------------------------------------------------------------------------------ */
static int distance_of(const Planted *a, const Planted *b) { return phash_distance(a->phash, b->phash); }
static bool same_file(const Planted *a, const Planted *b) { return a->source && a->source == b->source; }

static void check_shared(const Shared *found, const Planted *p, int count, int bits, bool near)
{
    int64_t wanted[3][3] = { { 0 } };

    for (int i = 0; i < count; i++) {
        bool in[3] = { false };
        for (int k = 0; k < count; k++)
            if (k != i && (near ? !same_file(&p[i], &p[k]) && distance_of(&p[i], &p[k]) <= bits : same_file(&p[i], &p[k]))) in[p[k].split] = true;
        for (int k = 0; k < 3; k++) wanted[p[i].split][k] += in[k];
    }
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++)
            cr_assert_eq(found->of[a][b], wanted[a][b], "%s, %d bits: %d of %s are in %s, told %d", near ? "near" : "same", bits, (int)wanted[a][b], SPLIT[a],
                         SPLIT[b], (int)found->of[a][b]);
}

static void check_pairs(const Duplicates *d, const Planted *p, int count)
{
    int64_t pairs[NEAR_MOST_BITS + 1] = { 0 }, across = 0, within = 0;

    for (int i = 0; i < count; i++)
        for (int k = i + 1; k < count; k++) {
            int distance = distance_of(&p[i], &p[k]);
            if (distance > d->bits || same_file(&p[i], &p[k])) continue;
            pairs[distance]++;
            across += p[i].split != p[k].split;
            within += p[i].split == p[k].split;
        }
    for (int b = 0; b <= NEAR_MOST_BITS; b++) cr_assert_eq(d->near.pairs[b], pairs[b], "%d apart", b);
    cr_assert(d->near.across_count == across && d->near.within_count == within && !d->near.cut);
    for (int64_t k = 0; k < across; k++) {
        const Twins *t = &d->near.across[k];
        cr_assert(t->a < t->b && p[t->a].split != p[t->b].split && distance_of(&p[t->a], &p[t->b]) == t->distance);
        cr_assert(k == 0 || t->distance >= t[-1].distance);
    }
}

static void check_captions(const Same *same, const Planted *p, int count)
{
    int64_t wanted[3][3] = { { 0 } };
    static char normal[MOST * 3][80];

    for (int i = 0; i < count * 3; i++) {
        char *text = caption_normal(p[i / 3].caption[i % 3]);
        strcpy(normal[i], text);
        free(text);
    }
    for (int i = 0; i < count * 3; i++) {
        bool in[3] = { false };
        if (i % 3 >= p[i / 3].captions) continue;
        for (int k = 0; k < count * 3; k++)
            if (k != i && k % 3 < p[k / 3].captions && strcmp(normal[i], normal[k]) == 0) in[p[k / 3].split] = true;
        for (int k = 0; k < 3; k++) wanted[p[i / 3].split][k] += in[k];
    }
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) cr_assert_eq(same->shared.of[a][b], wanted[a][b], "captions of %s in %s", SPLIT[a], SPLIT[b]);
}

Test(inspect, planted_duplicates_are_found_as_brute_force_finds_them)
{
    enum { COUNT = 150 };
    static Planted p[COUNT];
    Err err = { 0 };

    plant(p, COUNT);
    make(in_folder("a.h5"), p, COUNT, KEPT_RAW);
    Store *s = store_open(in_folder("a.h5"), &err);
    cr_assert(s, "%s", err.text);
    for (int bits = 0; bits <= NEAR_MOST_BITS; bits += 2) {
        Duplicates *d = duplicates_find(s, bits);
        check_shared(&d->pictures.shared, p, COUNT, bits, false);
        check_shared(&d->near.shared, p, COUNT, bits, true);
        check_pairs(d, p, COUNT);
        check_captions(&d->captions, p, COUNT);
        duplicates_free(d);
    }
    store_close(s);
}

/* Two thousand blank pages, each a file of its own: two million pairs, which nobody walks one by one when more pages come. */
Test(inspect, pictures_that_all_look_alike_are_counted)
{
    enum { COUNT = 2000 };
    static Planted p[COUNT];
    Err err = { 0 };

    for (int i = 0; i < COUNT; i++) p[i] = (Planted){ .split = i % 3, .phash = 0x8000000000000000u, .captions = 1, .caption = { "page" } };
    make(in_folder("a.h5"), p, COUNT, KEPT_RAW);
    Store *s = store_open(in_folder("a.h5"), &err);
    Duplicates *d = duplicates_find(s, 6);
    cr_assert_eq(d->near.pictures, COUNT);
    cr_assert_eq(d->near.pairs[0], (int64_t)COUNT * (COUNT - 1) / 2);
    cr_assert(d->near.shared.of[2][0] == COUNT / 3 && d->near.shared.of[0][0] == COUNT / 3 + 1);
    cr_assert(d->near.across_count == DUPLICATES_LISTED && d->near.within_count == DUPLICATES_LISTED);
    cr_assert(d->captions.distinct == 1 && d->captions.repeated == COUNT);
    duplicates_free(d);
    store_close(s);
}

Test(inspect, captions_are_compared_without_case_and_blanks)
{
    static const char *const PAIRS[][2] = { { "  A Dog\t runs . ", "a dog runs ." }, { "ÄPFEL\u00a0und  ÖL", "äpfel und öl" }, { "   ", "" }, { "a-b", "a-b" } };
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        char *text = caption_normal(PAIRS[i][0]);
        cr_assert_str_eq(text, PAIRS[i][1]);
        free(text);
    }
}

/* ---- numbers, against numpy -------------------------------------------------------------------------------------------------------- */
static const char CAPTIONS_AND_PICTURES[] =
    "import h5py, json, re, sys, numpy as np\n"
    "from collections import Counter\n"
    "f, j = h5py.File(sys.argv[1], 'r'), json.load(open(sys.argv[2]))\n"
    "def texts(g, b, o): o = f[g][o][:]; d = bytes(f[g][b][:]); return [d[x:y - 1].decode() if y > x else None for x, y in zip(o, o[1:])]\n"
    "def spread(x): return dict(zip('mean min p5 median p95 max'.split(), [np.mean(x), min(x), *np.percentile(x, [5, 50, 95]), max(x)])) if len(x) else None\n"
    "def same(what, got, want):\n"
    "    if isinstance(want, dict): assert set(got) == set(want), (what, got, want); [same(f'{what}.{k}', got[k], want[k]) for k in want]\n"
    "    else: assert got == want or abs(got - want) <= 1e-7 * max(1, abs(want)), (what, got, want)\n"
    "names, split, caps = texts('splits', 'name_bytes', 'name_offsets'), f['items/split'][:], texts('captions', 'bytes', 'offsets')\n"
    "of = f['captions/item_offsets'][:]; item = np.repeat(np.arange(len(split)), np.diff(of)); t = f['captions/token_offsets'][:]\n"
    "words, tokens = np.array([len(c.split(' ')) - c.split(' ').count('') for c in caps]), np.diff(t)\n"
    "for k, n in list(enumerate(names)) + [(None, 'all')]:\n"
    "    mine = np.ones(len(item), bool) if k is None else split[item] == k\n"
    "    got = j['captions']['all'] if k is None else j['captions']['splits'][n]\n"
    "    same(n, got, {'count': int(mine.sum()), 'words': spread(words[mine]), 'tokens': spread(tokens[mine]),\n"
    "                  'words_histogram': {str(a): b for a, b in Counter(words[mine].tolist()).items()}})\n"
    "for g, d in (('original', 'original_size'), ('stored', 'size')):\n"
    "    w, h = f['images'][d][:].T\n"
    "    same(g, j['pictures'][g], {'width': spread(w), 'height': spread(h), 'aspect': spread(w / h)})\n"
    "same('per picture', j['pictures']['captions_a_picture'], {str(a): b for a, b in Counter(np.diff(of).tolist()).items()})\n";
static const char VOCABULARY_AND_BOXES[] =
    "vocab = json.loads(bytes(f['tokenizer'][:]))['model']['vocab']\n"
    "box, kind, span = f['boxes/corners'][:].astype(float), f['boxes/kind'][:], f['boxes/spans'][:]\n"
    "bi = np.repeat(np.arange(len(split)), np.diff(f['boxes/item_offsets'][:])); ph = texts('boxes', 'phrase_bytes', 'phrase_offsets')\n"
    "said = [(split[i], c) for i, c in zip(item, caps)] + [(split[i], p) for i, p, s in zip(bi, ph, span) if p and s[0] < 0]\n"
    "missing = Counter()\n"
    "for k, n in list(enumerate(names)) + [(None, 'all')]:\n"
    "    lists = [re.findall(\"[a-z0-9'-]+\", c.lower()) for s, c in said if k is None or s == k]\n"
    "    seen = Counter(w for l in lists for w in l); gone = Counter({w: c for w, c in seen.items() if w not in vocab})\n"
    "    missing = gone\n"
    "    same(n, j['vocabulary']['all'] if k is None else j['vocabulary']['splits'][n],\n"
    "         {'words': sum(seen.values()), 'unknown': sum(gone.values()), 'unknown_rate': sum(gone.values()) / sum(seen.values()), 'types': len(seen),\n"
    "          'missing': len(gone), 'texts': len(lists), 'texts_with_unknown': sum(any(w not in vocab for w in l) for l in lists)})\n"
    "assert missing and [(m['word'], m['count']) for m in j['vocabulary']['missing']] == sorted(missing.items(), key=lambda x: (-x[1], x[0]))[:100]\n"
    "assert j['vocabulary']['size'] == len(vocab) and j['vocabulary']['used'] == len(vocab) - 4\n"
    "ids = f['captions/token_ids'][:]; assert (ids == vocab['<unk>']).sum() > 0\n"
    "ow, oh = f['images/original_size'][:].T; sw, sh = f['images/size'][:].T\n"
    "area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]); big = area * (ow / sw * oh / sh)[bi]\n"
    "count = lambda a: {'small': int((a < 1024).sum()), 'large': int((a > 9216).sum()), 'medium': int(((a >= 1024) & (a <= 9216)).sum())}\n"
    "for k, n in enumerate('phrase object region referring none'.split()):\n"
    "    m, real = kind == k, kind == (k if k != 4 else -1)\n"
    "    p = [len(x.split()) for x, y in zip(ph, m) if y and x]\n"
    "    same(n, j['boxes'][n], {'count': int(m.sum()), 'phrases': len(p), 'in_captions': int((span[m][:, 0] >= 0).sum()),\n"
    "        'share_of_picture': spread(area[real] / (sw * sh)[bi][real]), 'original_area': count(big[real]), 'stored_area': count(area[real]),\n"
    "        'phrase_words': spread(p)})\n"
    "assert sum(j['boxes']['object']['original_area'][k] > 0 for k in ('small', 'medium', 'large')) >= 2\n"
    "assert j['rejected']['kinds'] == {'damaged-image': 1} and j['rejected']['list'][0]['reason'] == 'ends too early'\n"
    "assert [s['pictures'] for s in j['splits']] == [int((split == k).sum()) for k in range(3)] and j['pictures']['format'] == 'raw'\n";

Test(inspect, numbers_are_those_of_numpy)
{
    enum { COUNT = 120 };
    static Planted p[COUNT];
    Err err = { 0 };
    Inspection i;
    char command[512];

    if (system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) cr_skip_test("no h5py for /usr/bin/python3");
    plant(p, COUNT);
    strcat(p[7].caption[0], " unheard"), p[7].captions = 2;
    make(in_folder("a.h5"), p, COUNT, KEPT_RAW);
    cr_assert(inspect_open(&i, in_folder("a.h5"), 6, &err), "%s", err.text);
    json_t *j = inspect_json(&i);
    cr_assert(j && json_write_file(in_folder("a.json"), j, &err), "%s", err.text);
    FileWriter *program = file_begin(in_folder("check.py"), &err);
    cr_assert(program && file_printf(program, &err, "%s%s", CAPTIONS_AND_PICTURES, VOCABULARY_AND_BOXES) && file_commit(program, &err));
    snprintf(command, sizeof command, "/usr/bin/python3 %s %s %s", in_folder("check.py"), in_folder("a.h5"), in_folder("a.json"));
    cr_assert_eq(system(command), 0);
    json_decref(j);
    inspect_close(&i);
}

/* ---- damage ------------------------------------------------------------------------------------------------------------------------- */
typedef struct Told { int count, kinds[DAMAGE_UNCHECKED + 1]; char part[40], name[40]; int64_t from, to, item, mask; char all[4096]; } Told;

static void told(const StoreDamage *d, void *context)
{
    Told *t = context;
    char  text[512];

    t->kinds[d->kind]++;
    if (t->count++ == 0) {
        t->from = d->from, t->to = d->to, t->item = d->item, t->mask = d->mask;
        snprintf(t->part, sizeof t->part, "%s", d->part ? d->part : "");
        snprintf(t->name, sizeof t->name, "%s", d->name ? d->name : "");
    }
    store_damage_text(d, text, sizeof text);
    snprintf(t->all + strlen(t->all), sizeof t->all - strlen(t->all), "%s\n", text);
}

static bool prove(const char *path, Told *t, Err *err)
{
    StoreProof p;
    *t = (Told){ 0 };
    *err = (Err){ 0 };
    bool intact = store_prove(path, &(ProofWatch){ .damaged = told, .context = t }, &p, err);
    cr_assert_eq(p.damages, t->count);
    cr_assert(intact || strstr(err->text, path), "the error names the file: %s", err->text);
    return intact;
}

static void write_raw(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f && (!bytes || fwrite(data, 1, bytes, f) == bytes) && fclose(f) == 0);
}

static char *whole_store(Kept kept, size_t *bytes)
{
    static Planted p[9];
    Err  err = { 0 };
    Told t;
    plant(p, 9);
    make(in_folder("a.h5"), p, 9, kept);
    cr_assert(prove(in_folder("a.h5"), &t, &err) && t.count == 0, "%s", err.text);
    char *whole = file_read(in_folder("a.h5"), bytes, &err);
    cr_assert(whole);
    return whole;
}

/* The line of the table that byte `at` belongs to. */
static bool part_of(const char *whole, size_t at, char name[40], bool *by_item)
{
    long long from, bytes;
    char hash[80];
    for (const char *line = strchr(whole, '\n') + 1; strncmp(line, "at ", 3) == 0; line = strchr(line, '\n') + 1) {
        *by_item = sscanf(line, "at %lld bytes %lld checked by item %39s", &from, &bytes, name) == 3;
        if (!*by_item) cr_assert_eq(sscanf(line, "at %lld bytes %lld sha256 %64s %39s", &from, &bytes, hash, name), 4);
        if ((long long)at >= from && (long long)at < from + bytes) return true;
    }
    return false;
}

static bool is_needed(const char *part) { return !strcmp(part, "images/xxh64") || !strcmp(part, "images/offsets") || !strcmp(part, "images/size")
                                                 || !strcmp(part, "masks/xxh64") || !strcmp(part, "masks/item_offsets"); }

static void check_flip(const char *whole, size_t bytes, size_t at)
{
    char name[40], *copy = malloc(bytes);
    bool by_item;
    Err  err;
    Told t;

    cr_assert(copy);
    memcpy(copy, whole, bytes);
    copy[at] ^= 0x10;
    write_raw(in_folder("flip.h5"), copy, bytes);
    free(copy);
    cr_assert(!prove(in_folder("flip.h5"), &t, &err), "byte %zu", at);
    if (!part_of(whole, at, name, &by_item)) {
        cr_assert(t.kinds[DAMAGE_TABLE] == 1 || strstr(err.text, "not a store") || strstr(err.text, "layout"), "byte %zu: %s", at, t.all);
        return;
    }
    cr_assert_str_eq(t.part, name, "byte %zu: %s", at, t.all);
    cr_assert(t.from <= (int64_t)at && t.to > (int64_t)at, "byte %zu: %s", at, t.all);
    if (by_item) {
        char picture[40];
        snprintf(picture, sizeof picture, "picture-%d.jpg", (int)t.item);
        cr_assert(t.count == 1 && t.kinds[strcmp(name, "masks/bits") ? DAMAGE_PICTURE : DAMAGE_MASK] == 1, "byte %zu: %s", at, t.all);
        cr_assert_str_eq(t.name, picture);
    } else {
        cr_assert_eq(t.kinds[DAMAGE_PART], 1, "byte %zu: %s", at, t.all);
        cr_assert(is_needed(name) || t.count == 1, "byte %zu: %s", at, t.all);
    }
}

static void check_flips(Kept kept)
{
    size_t bytes, table;
    char  *whole = whole_store(kept, &bytes);
    long long from, size;

    table = strlen(whole);
    for (size_t at = 0; at < table; at += 1 + at / 97) check_flip(whole, bytes, at);
    check_flip(whole, bytes, table);
    check_flip(whole, bytes, 16383);
    for (const char *line = strchr(whole, '\n') + 1; sscanf(line, "at %lld bytes %lld", &from, &size) == 2; line = strchr(line, '\n') + 1) {
        check_flip(whole, bytes, (size_t)from);
        check_flip(whole, bytes, (size_t)(from + size - 1));
        for (long long at = 0; at < size; at += 1 + size / 23) check_flip(whole, bytes, (size_t)(from + at));
    }
    free(whole);
}

Test(inspect, a_flipped_byte_anywhere_is_named_in_a_store_of_pixels) { check_flips(KEPT_RAW); }
Test(inspect, a_flipped_byte_anywhere_is_named_in_a_store_of_many_sizes) { check_flips(KEPT_OWN_SIZES); }
Test(inspect, a_flipped_byte_anywhere_is_named_in_a_store_of_files) { check_flips(KEPT_FILES); }

static size_t begin_of(const char *whole, const char *part)
{
    char line[64];
    long long from = 0;
    snprintf(line, sizeof line, " %s\n", part);
    const char *at = strstr(whole, line);
    cr_assert(at, "%s", part);
    while (at > whole && at[-1] != '\n') at--;
    sscanf(at, "at %lld", &from);
    return (size_t)from;
}

Test(inspect, several_damages_are_all_named)
{
    size_t bytes;
    char  *whole = whole_store(KEPT_RAW, &bytes), *p = whole + begin_of(whole, "images/pixels");
    Err    err;
    Told   t;

    whole[begin_of(whole, "captions/bytes") + 3] ^= 1;
    whole[begin_of(whole, "structure") + 40] ^= 1;
    p[PICTURE * 2 + 5] ^= 1, p[PICTURE * 8] ^= 1, p[PICTURE * 8 + 1] ^= 1;
    whole[begin_of(whole, "masks/bits") + MASK * 4] ^= 1;            /* masks of 1: 0; of 2: 1 2; of 4: 3; of 5: 4 5 */
    write_raw(in_folder("b.h5"), whole, bytes);
    cr_assert(!prove(in_folder("b.h5"), &t, &err));
    cr_assert_eq(t.count, 5, "%s", t.all);
    cr_assert(strstr(t.all, "captions/bytes (") && strstr(t.all, "structure (") && strstr(t.all, "picture 2, picture-2.jpg (")
              && strstr(t.all, "picture 8, picture-8.jpg (") && strstr(t.all, "mask 0 of picture 5, picture-5.jpg ("), "%s", t.all);
    cr_assert(strstr(err.text, "2 of ") && strstr(err.text, "2 of 9 pictures and 1 of 9 masks"), "%s", err.text);
    free(whole);
}

/* What the checksums need is damaged itself: said so, and the rest is still checked. */
Test(inspect, without_their_checksums_pictures_cannot_be_checked_and_masks_still_are)
{
    size_t bytes;
    char  *whole = whole_store(KEPT_RAW, &bytes);
    Err    err;
    Told   t;

    whole[begin_of(whole, "images/xxh64")] ^= 1;
    whole[begin_of(whole, "masks/bits")] ^= 1;
    whole[begin_of(whole, "items/name_bytes")] ^= 1;
    write_raw(in_folder("b.h5"), whole, bytes);
    cr_assert(!prove(in_folder("b.h5"), &t, &err));
    cr_assert(t.count == 4 && t.kinds[DAMAGE_UNCHECKED] == 1 && strstr(t.all, "cannot be checked: images/xxh64 is damaged"), "%s", t.all);
    cr_assert(strstr(t.all, "mask 0 of picture 1 ("), "no name, for names are damaged: %s", t.all);
    free(whole);
}

Test(inspect, a_store_cut_short_or_too_long_is_told_so)
{
    size_t bytes;
    char  *whole = whole_store(KEPT_RAW, &bytes);
    Err    err;
    Told   t;

    for (size_t n = 0; n < bytes; n += 1 + n / 9) {
        write_raw(in_folder("b.h5"), whole, n);
        cr_assert(!prove(in_folder("b.h5"), &t, &err), "%zu bytes", n);
        if (n >= 16384) cr_assert(t.kinds[DAMAGE_LENGTH] == 1 && t.from == (int64_t)n && t.to == (int64_t)bytes && strstr(t.all, "cut off"), "%s", t.all);
    }
    whole = realloc(whole, bytes + 3);
    cr_assert(whole);
    memset(whole + bytes, 0, 3);
    write_raw(in_folder("b.h5"), whole, bytes + 3);
    cr_assert(!prove(in_folder("b.h5"), &t, &err));
    cr_assert(t.count == 1 && t.kinds[DAMAGE_LENGTH] == 1 && t.from == (int64_t)bytes && t.to == (int64_t)bytes + 3, "%s", t.all);
    free(whole);
}

Test(inspect, what_is_no_store_or_an_older_one_is_told_so)
{
    Err  err;
    Told t;

    write_raw(in_folder("b.h5"), "\211HDF\r\n\032\n", 8);
    cr_assert(!prove(in_folder("b.h5"), &t, &err) && strstr(err.text, "not a store") && t.count == 0, "%s", err.text);
    write_raw(in_folder("b.h5"), "limn store, layout 1\nat 2048 bytes 8\n", 37);
    cr_assert(!prove(in_folder("b.h5"), &t, &err) && strstr(err.text, "layout 1") && t.count == 0, "%s", err.text);
    cr_assert(!prove(in_folder("none.h5"), &t, &err) && strstr(err.text, "No such file"), "%s", err.text);
    cr_assert(!prove(folder, &t, &err));
}

static bool stop(int64_t done, int64_t total, void *context) { (void)context; return done < total / 2; }

Test(inspect, a_proof_can_be_stopped)
{
    size_t bytes;
    Err    err = { 0 };
    StoreProof p;
    free(whole_store(KEPT_RAW, &bytes));
    cr_assert(!store_prove(in_folder("a.h5"), &(ProofWatch){ .step = stop }, &p, &err));
    cr_assert(strstr(err.text, "stopped") && p.damages == 0, "%s", err.text);
}

Test(inspect, areas_are_divided_as_in_coco)
{
    enum { SIDE = 128 };
    static uint8_t pixels[SIDE * SIDE * 3];
    static const float WIDE[] = { 31, 32, 96, 96.5f }, HIGH[] = { 33, 32, 96, 96 };       /* 1023, 1024, 9216, 9264 */
    Err        err = { 0 };
    Preprocess squash = preprocess_default(SIDE);
    StoreOptions o = { .size = SIDE, .preprocess = preprocess_to_json(&squash), .provenance = json_object() };
    StoreWriter *w = store_create(in_folder("a.h5"), &o, &err);
    StoreBox boxes[4];

    for (int k = 0; k < 4; k++) boxes[k] = (StoreBox){ 1, 2, 1 + WIDE[k], 2 + HIGH[k], -1, 0, 0, "x", BOX_OBJECT, -1 };
    StoreItem item = { .name = "a", .split = "train", .width = 2 * SIDE, .height = SIDE, .stored_width = SIDE, .stored_height = SIDE, .pixels = pixels,
                       .boxes = boxes, .box_count = 4 };
    cr_assert(w && store_add(w, &item, &err) && store_finish(w, &err), "%s", err.text);
    Store *s = store_open(in_folder("a.h5"), &err);
    Statistics *t = statistics_of(s, &err);
    cr_assert(t, "%s", err.text);
    AreaCounts stored = t->boxes[BOX_OBJECT].stored, original = t->boxes[BOX_OBJECT].original;           /* twice as wide */
    cr_assert(stored.small == 1 && stored.medium == 2 && stored.large == 1);
    cr_assert(original.small == 0 && original.medium == 2 && original.large == 2);
    statistics_free(t);
    store_close(s);
    json_decref(o.preprocess);
    json_decref(o.provenance);
}
