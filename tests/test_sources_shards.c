/* test_sources_shards.c - tar shards of samples (webdataset) and their members: what ends up in the catalog and the store, and that every
 * damage is listed with its shard. */
#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/archive.h"
#include "datasets/sources/source.h"
#include "source_case.h"
#include "tensor/base/file.h"

TestSuite(sources_shards, .init = source_begin, .fini = source_end);

/* ---- shards ------------------------------------------------------------------------------------------------------------ */
static struct archive *tar;

/* `filter`: "none", "gzip", …; `format`: "pax", "gnutar", "ustar". */
static void tar_begin(const char *name, const char *format, const char *filter)
{
    char *path = path_join(folder, name), *slash = strrchr(path, '/');
    Err   err = { 0 };

    *slash = 0;
    cr_assert(folder_make(path, &err), "%s", err.text);
    *slash = '/';
    tar = archive_write_new();
    cr_assert(archive_write_set_format_by_name(tar, format) == ARCHIVE_OK);
    cr_assert(strcmp(filter, "none") == 0 || archive_write_add_filter_by_name(tar, filter) == ARCHIVE_OK, "%s", archive_error_string(tar));
    cr_assert(archive_write_set_bytes_in_last_block(tar, 1) == ARCHIVE_OK && archive_write_open_filename(tar, path) == ARCHIVE_OK);
    free(path);
}

static void tar_add_bytes(const char *name, const char *data, size_t bytes)
{
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, (la_int64_t)bytes);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    cr_assert(archive_write_header(tar, e) >= ARCHIVE_WARN, "%s", archive_error_string(tar));
    cr_assert(archive_write_data(tar, data, bytes) == (la_ssize_t)bytes);
    archive_entry_free(e);
}

static void tar_add(const char *name, const char *text) { tar_add_bytes(name, text, strlen(text)); }

static void tar_end(void)
{
    cr_assert(archive_write_close(tar) == ARCHIVE_OK);
    archive_write_free(tar);
}

/* Names and texts in turn, ended by NULL. */
static void put_tar(const char *name, const char *const *members)
{
    tar_begin(name, "gnutar", "none");
    for (; *members; members += 2) tar_add(members[0], members[1]);
    tar_end();
}

#define TAR(name, ...) put_tar(name, (const char *const[]){ __VA_ARGS__, NULL })

static char *bytes_of(const char *name, size_t *bytes)
{
    char *path = path_join(folder, name);
    Err   err = { 0 };
    char *data = file_read(path, bytes, &err);
    cr_assert(data, "%s", err.text);
    free(path);
    return data;
}

/* ---- the layout -------------------------------------------------------------------------------------------------------- */
Test(sources_shards, img2datasets_shards_are_read)
{
    TAR("00000.tar", "000000000.jpg", "never read here", "000000000.txt", "A dog runs .", "000000000.json",
        "{\"caption\": \"A dog runs .\", \"url\": \"http://x.org/1.jpg\", \"key\": \"000000000\", \"status\": \"success\", \"error_message\": null, "
        "\"width\": 256, \"height\": 171, \"original_width\": 640, \"original_height\": 427, \"exif\": \"{}\", \"sha256\": \"00\"}",
        "000000002.jpg", "x", "000000002.txt", "Two dogs .\n", "000000002.json", "{\"caption\": \"Two dogs .\", \"width\": 256, \"height\": 256}");
    put("00000.parquet", ""), put("00000_stats.json", "{}");
    expect(read_by("webdataset"),
           "picture 000000000.jpg file=DIR/00000.tar member=000000000.jpg size=256x171 at=00000.tar\n  caption \"A dog runs .\"\n"
           "picture 000000002.jpg file=DIR/00000.tar member=000000002.jpg size=256x256 at=00000.tar\n  caption \"Two dogs .\"\n");
}

Test(sources_shards, keys_may_have_folders_and_members_any_order_and_other_endings_mean_nothing)
{
    TAR("x.tar", "./a/b/1.txt", "one", "./a/b/1.cls", "7", "./a/b/1.JPEG", "x", "./a/b/1.seg.png", "x", "./a/b/._1.jpg", "x", "./a/.jpg", "x",
        "a.b/2.png", "x", "a.b/2.text", "no", "a.b/2.txt", "two", "none", "x", "3.", "x");
    expect(read_by("webdataset"), "picture a/b/1.JPEG file=DIR/x.tar member=./a/b/1.JPEG at=x.tar\n  caption \"one\"\n"
                                  "picture a.b/2.png file=DIR/x.tar member=a.b/2.png at=x.tar\n  caption \"two\"\n");
}

Test(sources_shards, splits_are_those_of_the_json_or_the_shards_name_and_keys_may_come_again_in_another_shard)
{
    TAR("val/0.tar", "1.jpg", "x", "1.txt", "val one", "2.jpg", "x", "2.txt", "val two");
    TAR("flickr-train-0.tar", "1.jpg", "x", "1.json", "{\"text\": \"train one\", \"split\": \"validation\"}", "2.jpg", "x", "2.txt", "train two");
    TAR("sub/train/0.tar", "1.jpg", "x", "1.txt", "train again", "3.jpg", "x", "3.json", "{\"caption\": \"own\", \"split\": \"extra\"}");
    expect(read_by("webdataset"),
           "picture 1.jpg file=DIR/flickr-train-0.tar member=1.jpg split=val at=flickr-train-0.tar\n  caption \"train one\"\n"
           "picture 2.jpg file=DIR/flickr-train-0.tar member=2.jpg split=train at=flickr-train-0.tar\n  caption \"train two\"\n"
           "picture sub/train/0.tar/1.jpg file=DIR/sub/train/0.tar member=1.jpg split=train at=sub/train/0.tar\n  caption \"train again\"\n"
           "picture 3.jpg file=DIR/sub/train/0.tar member=3.jpg split=extra at=sub/train/0.tar\n  caption \"own\"\n"
           "picture val/0.tar/1.jpg file=DIR/val/0.tar member=1.jpg split=val at=val/0.tar\n  caption \"val one\"\n"
           "picture val/0.tar/2.jpg file=DIR/val/0.tar member=2.jpg split=val at=val/0.tar\n  caption \"val two\"\n");
}

Test(sources_shards, shards_may_be_compressed)
{
    static const char *const FILTERS[][2] = { { "a.tar.gz", "gzip" }, { "b.tgz", "gzip" }, { "c.tar.zst", "zstd" }, { "d.tar.xz", "xz" },
                                              { "e.tar.bz2", "bzip2" }, { "f.tar.lz4", "lz4" } };
    for (int i = 0; i < 6; i++) {
        char key[16];
        tar_begin(FILTERS[i][0], "pax", FILTERS[i][1]);
        snprintf(key, sizeof key, "%d.jpg", i), tar_add(key, "x");
        snprintf(key, sizeof key, "%d.txt", i), tar_add(key, "y");
        tar_end();
    }
    free(read_by("webdataset"));
    cr_expect(catalog_count(catalog) == 6 && catalog_problems(catalog) == 0 && json_array_size(catalog_inputs(catalog)) == 6);
}

Test(sources_shards, there_may_be_thousands_of_shards)
{
    char name[32], key[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%05d.tar", i), snprintf(key, sizeof key, "%09d.jpg", i);
        TAR(name, key, "x");
    }
    free(read_by("webdataset"));
    cr_expect(catalog_count(catalog) == 1000 && catalog_problems(catalog) == 0);
}

Test(sources_shards, names_are_utf8_in_any_form_of_tar)
{
    TAR("a.tar", "h\xc3\xa4userfront.jpg", "x", "h\xc3\xa4userfront.txt", "one");
    tar_begin("b.tar", "pax", "none"), tar_add("stra\xc3\x9f" "e.jpg", "x"), tar_add("stra\xc3\x9f" "e.txt", "two"), tar_end();
    TAR("c.tar", "b\xff.jpg", "x");
    expect(read_by("webdataset"), "picture h\xc3\xa4userfront.jpg file=DIR/a.tar member=h\xc3\xa4userfront.jpg at=a.tar\n  caption \"one\"\n"
                                  "picture stra\xc3\x9f" "e.jpg file=DIR/b.tar member=stra\xc3\x9f" "e.jpg at=b.tar\n  caption \"two\"\n"
                                  "problem invalid-text b\xff.jpg at=c.tar the picture's name is not valid UTF-8\n");
}

/* ---- what samples say -------------------------------------------------------------------------------------------------- */
Test(sources_shards, a_json_may_have_several_captions_and_every_damage_of_it_is_listed)
{
    TAR("x.tar", "0.jpg", "x", "0.json", "{\"captions\": [\"one\", \"two\", 5, \"\"], \"caption\": \"no\"}",
        "1.jpg", "x", "1.json", "{\"caption\": null, \"text\": \"three\"}", "2.jpg", "x", "2.json", "{\"caption\": 7}",
        "3.jpg", "x", "3.json", "{\"caption\": \"cut", "4.jpg", "x", "4.json", "[1]", "5.jpg", "x", "5.json", "{\"caption\": \"bad \xff\"}",
        "6.jpg", "x", "6.json", "{\"caption\": \"a \\u0000\"}", "7.jpg", "x", "7.json", "", "8.jpg", "x", "8.json", "{\"width\": -3, \"height\": \"x\"}");
    expect(read_by("webdataset"),
           "picture 0.jpg file=DIR/x.tar member=0.jpg at=x.tar\n  caption \"one\"\n  caption \"two\"\n"
           "picture 1.jpg file=DIR/x.tar member=1.jpg at=x.tar\n  caption \"three\"\n"
           "picture 2.jpg file=DIR/x.tar member=2.jpg at=x.tar\npicture 3.jpg file=DIR/x.tar member=3.jpg at=x.tar\n"
           "picture 4.jpg file=DIR/x.tar member=4.jpg at=x.tar\npicture 5.jpg file=DIR/x.tar member=5.jpg at=x.tar\n"
           "picture 6.jpg file=DIR/x.tar member=6.jpg at=x.tar\npicture 7.jpg file=DIR/x.tar member=7.jpg at=x.tar\n"
           "picture 8.jpg file=DIR/x.tar member=8.jpg at=x.tar\n"
           "problem bad-record 0.jpg at=x.tar a caption in the .json is no text\n"
           "problem empty-text 0.jpg at=x.tar a caption is empty\n"
           "problem bad-record 2.jpg at=x.tar a caption in the .json is no text\n"
           "problem bad-record 3.jpg at=x.tar the .json is not JSON: premature end of input near '\"cut'\n"
           "problem bad-record 4.jpg at=x.tar the .json is not an object\n"
           "problem invalid-text 5.jpg at=x.tar the .json is not JSON: unable to decode byte 0xff near '\"bad '\n"
           "problem invalid-text 6.jpg at=x.tar the .json is not JSON: a text with a NUL character in it\n"
           "problem bad-record 7.jpg at=x.tar the .json is not JSON: unexpected token near end of file\n");
}

Test(sources_shards, damaged_texts_and_samples_are_listed)
{
    char far[1100] = "", *big = calloc(1, (16 << 20) + 1);
    memset(far, 'a', 1050), strcpy(far + 1050, ".jpg");
    tar_begin("x.tar", "pax", "none");
    tar_add("0.jpg", "x"), tar_add("0.txt", "bad \xff"), tar_add("1.jpg", "x"), tar_add("1.txt", " \n"), tar_add("2.jpg", "x"), tar_add_bytes("2.txt", "a\0b", 3);
    tar_add("3.jpg", "x"), tar_add("3.png", "x"), tar_add("3.txt", "three"), tar_add("4.txt", "alone"), tar_add("5.webp", "x"), tar_add("5.json", "{}");
    tar_add("0.jpg", "x"), tar_add("0.txt", "again"), tar_add("../../etc/passwd.jpg", "x"), tar_add("/etc/shadow.jpg", "x"), tar_add(far, "x");
    tar_add("6.jpg", "x"), tar_add_bytes("6.txt", big, (16 << 20) + 1), tar_add("7.jpg", "x"), tar_add("7.txt", "seven");
    tar_end();
    free(big);
    expect(read_by("webdataset"),
           "picture 0.jpg file=DIR/x.tar member=0.jpg at=x.tar\npicture 1.jpg file=DIR/x.tar member=1.jpg at=x.tar\n"
           "picture 2.jpg file=DIR/x.tar member=2.jpg at=x.tar\npicture 3.jpg file=DIR/x.tar member=3.jpg at=x.tar\n  caption \"three\"\n"
           "picture 6.jpg file=DIR/x.tar member=6.jpg at=x.tar\npicture 7.jpg file=DIR/x.tar member=7.jpg at=x.tar\n  caption \"seven\"\n"
           "problem invalid-text 0.jpg at=x.tar a caption is not valid UTF-8\n"
           "problem empty-text 1.jpg at=x.tar a caption is empty\n"
           "problem invalid-text 2.jpg at=x.tar a caption is not valid UTF-8\n"
           "problem duplicate 3 at=x.tar a sample has two pictures; the first stays\n"
           "problem no-image 4 at=x.tar a sample has texts and no .jpg or .png\n"
           "problem no-image 5 at=x.tar a sample has texts and no .jpg or .png\n"
           "problem duplicate 0.jpg at=x.tar is a key that was there before; this sample is left out\n"
           "problem bad-path ../../etc/passwd.jpg at=x.tar leads out of the folder of the pictures\n"
           "problem bad-record  at=x.tar a member's name is longer than 1023 bytes\n"
           "problem bad-path /etc/shadow.jpg at=x.tar leads out of the folder of the pictures\n"
           "problem bad-record 6 at=x.tar a .txt of more than 16 MiB\n");
}

/* ---- damaged shards ---------------------------------------------------------------------------------------------------- */
/* Three samples of 512 + 512 bytes for each of their two members; `damage` is done to the bytes. */
static char *damaged(void (*damage)(char *data, size_t *bytes))
{
    size_t bytes;
    TAR("x.tar", "0.jpg", "x", "0.txt", "zero", "1.jpg", "x", "1.txt", "one", "2.jpg", "x", "2.txt", "two");
    char *data = bytes_of("x.tar", &bytes);
    damage(data, &bytes);
    put_bytes("x.tar", data, bytes);
    free(data);
    return read_by("webdataset");
}

#define SAMPLE(k, text) "picture " #k ".jpg file=DIR/x.tar member=" #k ".jpg at=x.tar\n  caption \"" text "\"\n"

static void cut_in_header(char *data, size_t *bytes) { (void)data, *bytes = 2048 + 100; }
static void cut_in_text(char *data, size_t *bytes) { (void)data, *bytes = 2048 + 1024 + 512 + 1; }
static void cut_between(char *data, size_t *bytes) { (void)data, *bytes = 2048 + 1024; }

Test(sources_shards, a_shard_cut_short_keeps_what_came_before)
{
    expect(damaged(cut_in_header), "problem damaged-file 0 at=x.tar cannot be read on; this sample is left out, what came before is kept: "
                                   "Truncated tar archive\n");
    catalog_free(catalog), catalog = catalog_new(folder);
    expect(damaged(cut_in_text), SAMPLE(0, "zero") "problem damaged-file 1 at=x.tar cannot be read on; this sample is left out, what came before "
                                 "is kept: Truncated tar archive\n");
    catalog_free(catalog), catalog = catalog_new(folder);
    expect(damaged(cut_between), SAMPLE(0, "zero") "picture 1.jpg file=DIR/x.tar member=1.jpg at=x.tar\n"
                                 "problem damaged-file 1 at=x.tar may have been cut short behind this sample: the mark at the end of a tar is missing\n");
}

static void spoil_header(char *data, size_t *bytes) { (void)bytes, data[2048 + 3] ^= 0x55, data[4096 + 3] ^= 0x55; }

Test(sources_shards, a_shard_damaged_in_its_middle_keeps_what_comes_behind)
{
    expect(damaged(spoil_header),
           SAMPLE(0, "zero")
           "problem damaged-file 0 at=x.tar is damaged behind this sample, others may be lost: Damaged tar archive\n"
           "problem no-image 1 at=x.tar a sample has texts and no .jpg or .png\n"
           "problem no-image 2 at=x.tar a sample has texts and no .jpg or .png\n");
}

/* Sample 1's picture says that it is 10 MB. */
static void enlarge(char *data, size_t *bytes)
{
    unsigned char *h = (unsigned char *)data + 2048;
    unsigned sum = 0;
    (void)bytes;
    memcpy(h + 124, "00046113200", 11);
    memset(h + 148, ' ', 8);
    for (int i = 0; i < 512; i++) sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
}

Test(sources_shards, a_member_larger_than_its_shard_ends_it)
{
    expect(damaged(enlarge), SAMPLE(0, "zero") "problem damaged-file 1 at=x.tar cannot be read on; this sample is left out, what came before is kept: "
                             "Truncated input file (needed 10000384 bytes, only 4608 available)\n");
}

Test(sources_shards, what_is_no_tar_is_listed_and_the_other_shards_are_read)
{
    put("a.tar", ""), put("b.tar", "no tar"), put_bytes("c.tar", (char[1024]){ 0 }, 1024);
    TAR("x.tar", "0.jpg", "x", "0.txt", "zero");
    expect(read_by("webdataset"), SAMPLE(0, "zero") "problem damaged-file  at=a.tar is not a tar archive: Unrecognized archive format\n"
                                  "problem damaged-file  at=b.tar is not a tar archive: Unrecognized archive format\n");
}

Test(sources_shards, a_compressed_shard_cut_short_keeps_what_came_before)
{
    size_t bytes, half;
    char  *noise = malloc(400000), key[16];
    uint32_t x = 1;
    for (int i = 0; i < 400000; i++) x = x * 1664525 + 1013904223, noise[i] = (char)(x >> 24);
    tar_begin("x.tar.gz", "gnutar", "gzip");
    for (int i = 0; i < 4; i++) {
        snprintf(key, sizeof key, "%d.txt", i), tar_add(key, "y");
        snprintf(key, sizeof key, "%d.jpg", i), tar_add_bytes(key, noise, 400000);
    }
    tar_end();
    free(noise);
    char *data = bytes_of("x.tar.gz", &bytes);
    half = bytes / 2 + 100000;
    put_bytes("x.tar.gz", data, half);
    free(data);
    expect(read_by("webdataset"), "picture 0.jpg file=DIR/x.tar.gz member=0.jpg at=x.tar.gz\n  caption \"y\"\n"
                                  "picture 1.jpg file=DIR/x.tar.gz member=1.jpg at=x.tar.gz\n  caption \"y\"\n"
                                  "problem damaged-file 2 at=x.tar.gz cannot be read on; this sample is left out, what came before is kept: "
                                  "truncated gzip input\n");
}

Test(sources_shards, a_few_bytes_do_not_unpack_without_end)
{
    enum { MANY = 400 << 20 };
    char *zeros = calloc(MANY, 1);
    cr_assert(zeros);
    tar_begin("a.tar.zst", "gnutar", "zstd");
    tar_add("0.jpg", "x"), tar_add("0.txt", "zero"), tar_add_bytes("1.bin", zeros, MANY), tar_add("2.jpg", "x");
    tar_end();
    free(zeros);
    expect(read_by("webdataset"), "picture 0.jpg file=DIR/a.tar.zst member=0.jpg at=a.tar.zst\n  caption \"zero\"\n"
                                  "problem damaged-file 1 at=a.tar.zst cannot be read on; this sample is left out, what came before is kept: "
                                  "unpacks to more than a thousand times its size\n");
}

Test(sources_shards, an_archive_in_two_compressions_is_none)
{
    char *path = path_join(folder, "a.tar.gz");
    tar = archive_write_new();
    cr_assert(archive_write_set_format_gnutar(tar) == ARCHIVE_OK && archive_write_add_filter_gzip(tar) == ARCHIVE_OK
              && archive_write_add_filter_gzip(tar) == ARCHIVE_OK && archive_write_open_filename(tar, path) == ARCHIVE_OK);
    tar_add("0.jpg", "x"), tar_add("0.txt", "zero");
    tar_end();
    free(path);
    expect(read_by("webdataset"), "problem damaged-file  at=a.tar.gz is not a tar archive: is compressed more than once\n");
}

Test(sources_shards, inputs_may_be_shards_themselves_and_none_is_an_error)
{
    static const char *const ONE[] = { "deep/x.tar", NULL };
    TAR("deep/x.tar", "0.jpg", "x", "0.txt", "zero");
    expect(read_inputs("webdataset", ONE, NULL), "picture 0.jpg file=DIR/deep/x.tar member=0.jpg at=x.tar\n  caption \"zero\"\n");
    char *path = path_join(folder, "deep/x.tar");
    cr_assert(remove(path) == 0);
    free(path);
    expect_failure("webdataset", "there is no *.tar or *.tar.gz here, nor in the folders below");
}

/* ---- members ----------------------------------------------------------------------------------------------------------- */
Test(sources_shards, members_are_found_forward_and_before_and_in_other_archives)
{
    static const char *const ORDER[] = { "a.tar/1", "a.tar/3", "a.tar/2", "b.tar/1", "a.tar/3", "a.tar/9", "a.tar/1", "none.tar/1", "b.tar/1" };
    static const char *const WANTED[] = { "one", "three", "two", "other", "three", NULL, "one", NULL, "other" };
    MemberReader *r = member_reader_new();

    TAR("a.tar", "1", "one", "2", "two", "3", "three");
    TAR("b.tar", "1", "other");
    for (int i = 0; i < 9; i++) {
        char   file[64], *path;
        size_t bytes;
        Err    err = { 0 };
        snprintf(file, sizeof file, "%.*s", (int)(strchr(ORDER[i], '/') - ORDER[i]), ORDER[i]);
        path = path_join(folder, file);
        char *data = member_reader_read(r, path, strchr(ORDER[i], '/') + 1, &bytes, &err);
        if (WANTED[i]) cr_expect(data && strcmp(data, WANTED[i]) == 0 && bytes == strlen(WANTED[i]), "%s: %s", ORDER[i], err.text);
        else cr_expect(!data && err.status && !strstr(err.text, folder), "%s: %s", ORDER[i], err.text);
        free(data);
        free(path);
    }
    member_reader_free(r);
}

/* ---- into a store ------------------------------------------------------------------------------------------------------ */
enum { PHOTOS = 60 };

/* Two shards of photographs, one compressed; number 7 is no picture. */
static void put_photos(void)
{
    char name[32], text[32];
    for (int i = 0; i < PHOTOS; i++) {
        if (i == 0) tar_begin("train-0.tar", "gnutar", "none");
        if (i == PHOTOS / 2) tar_end(), tar_begin("val-0.tar.gz", "pax", "gzip");
        size_t bytes;
        put_photo("photo", 40 + i, 50);
        char *data = bytes_of("photo", &bytes);
        if (i == 7) bytes /= 2;
        snprintf(name, sizeof name, "%05d.jpg", i), tar_add_bytes(name, data, bytes);
        snprintf(name, sizeof name, "%05d.txt", i), snprintf(text, sizeof text, "number %d", i), tar_add(name, text);
        free(data);
    }
    tar_end();
}

static bool stop_early(const PrepareStep *s, void *context)
{
    (void)context;
    return !s->total || s->done < PHOTOS * 3 / 4;
}

static bool store_to(const char *out, int workers, PrepareProgress *progress, PrepareSummary *summary)
{
    const char    *input = folder;
    char          *path = path_join(folder, out);
    PrepareOptions o = prepare_defaults();
    Err            err = { 0 };

    o.inputs = &input, o.input_count = 1, o.out = path, o.size = 32, o.workers = workers;
    bool ok = prepare_store(&source_webdataset, &o, progress, NULL, summary, &err);
    cr_expect(ok || progress, "%s", err.text);
    free(path);
    return ok;
}

Test(sources_shards, shards_become_a_store_and_a_stopped_run_goes_on_to_the_same_bytes)
{
    PrepareSummary one, two;
    put_photos();
    cr_assert(store_to("one.h5", 1, NULL, &one));
    cr_expect(one.pictures == PHOTOS - 1 && one.captions == PHOTOS - 1 && one.splits == 2 && one.problems[PROBLEM_BAD_IMAGE] == 1);
    cr_assert(!store_to("two.h5", 3, stop_early, &two));
    cr_assert(store_to("two.h5", 2, NULL, &two));
    cr_expect(two.resumed >= PHOTOS / 2 && two.pictures == one.pictures, "%lld", (long long)two.resumed);
    cr_expect_str_eq(one.hash, two.hash);
}
