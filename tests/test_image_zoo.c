/* test_image_zoo.c - JPEG and PNG of every kind, whole and broken: Pillow's pixels, or a refusal (fixtures/make_image_zoo.py). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "vision/image.h"

/* A line of manifest.tsv, "name width height sha256" or "name refused words", or of drafts.tsv, "name side width height sha256". */
typedef struct Animal { char name[96], words[64], sha256[65]; int side, width, height; } Animal;
enum { MOST = 512 };
static Animal zoo[MOST];
static int    animals;

static bool read_line(const char *line, bool drafts, Animal *a)
{
    *a = (Animal){ 0 };
    if (drafts) return sscanf(line, "%95[^\t]\t%d\t%d\t%d\t%64s", a->name, &a->side, &a->width, &a->height, a->sha256) == 5;
    return sscanf(line, "%95[^\t]\trefused\t%63[^\n]", a->name, a->words) == 2
        || sscanf(line, "%95[^\t]\t%d\t%d\t%64s", a->name, &a->width, &a->height, a->sha256) == 4;
}

static void open_zoo(const char *list)
{
    char line[512], path[1024];
    snprintf(path, sizeof path, "%s/image-zoo/%s", getenv("LIMN_FIXTURES"), list);
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s", path);
    for (animals = 0; animals < MOST && fgets(line, sizeof line, f);) {
        if (line[0] == '#') continue;
        cr_assert(read_line(line, strcmp(list, "drafts.tsv") == 0, &zoo[animals]), "%s", line);
        animals++;
    }
    fclose(f);
}

static char *bytes_of(const Animal *a, size_t *bytes)
{
    char path[1024];
    Err  err = { 0 };
    snprintf(path, sizeof path, "%s/image-zoo/%s", getenv("LIMN_FIXTURES"), a->name);
    char *data = file_read(path, bytes, &err);
    cr_assert(data, "%s", err.text);
    return data;
}

static void check_pixels(const Animal *a, const Image *im)
{
    char hex[65];
    sha256_hex(im->pixels, (size_t)im->width * (size_t)im->height * (size_t)im->channels, hex);
    cr_expect(im->width == a->width && im->height == a->height && im->channels == 3, "%s: %d x %d", a->name, im->width, im->height);
    cr_expect_str_eq(hex, a->sha256, "%s differs from Pillow", a->name);
}

Test(image_zoo, every_animal_is_seen_as_pillow_sees_it_or_refused_with_a_reason)
{
    open_zoo("manifest.tsv");
    for (const Animal *a = zoo; a < zoo + animals; a++) {
        size_t bytes;
        char  *data = bytes_of(a, &bytes);
        ImageInfo info = { 0 };
        Image  im;
        Err    err = { 0 };
        bool   read = image_decode(data, bytes, a->name, &im, &err);
        if (*a->words) {
            cr_expect(!read && strstr(err.text, a->words) && strstr(err.text, a->name) == err.text, "%s: wanted '%s', got: %s", a->name,
                      a->words, read ? "a picture" : err.text);
        } else if (read) {
            check_pixels(a, &im);
            cr_expect(image_info(data, bytes, a->name, &info, &err) && info.width == a->width && info.height == a->height, "%s: size %d x %d", a->name,
                      info.width, info.height);
        } else {
            cr_expect(read, "%s", err.text);
        }
        image_free(&im);
        free(data);
    }
    cr_assert_geq(animals, 330, "only %d files", animals);
}

Test(image_zoo, drafts_are_pillows)
{
    open_zoo("drafts.tsv");
    for (const Animal *a = zoo; a < zoo + animals; a++) {
        size_t bytes;
        char  *data = bytes_of(a, &bytes);
        Image  im;
        Err    err = { 0 };
        cr_assert(image_decode_draft(data, bytes, a->name, a->side, &im, &err), "%s", err.text);
        check_pixels(a, &im);
        image_free(&im);
        free(data);
    }
    cr_assert_geq(animals, 150, "only %d files", animals);
}

static uint32_t draw(uint32_t *seed) { return (*seed = *seed * 1664525u + 1013904223u) >> 8; }

/* A few damaged bytes; every fourth time also cut short. */
Test(image_zoo, damage_anywhere_gives_a_picture_or_a_reason)
{
    const char *wanted = getenv("LIMN_FUZZ");    /* rounds a file: a long hunt by hand */
    int      rounds = wanted ? atoi(wanted) : 6;
    uint32_t seed = 7;
    open_zoo("manifest.tsv");
    for (const Animal *a = zoo; a < zoo + animals; a++) {
        size_t bytes;
        char  *data = bytes_of(a, &bytes);
        for (int round = 0; round < rounds; round++) {
            size_t n = round % 4 == 3 ? draw(&seed) % bytes : bytes;
            char  *copy = malloc(n + 1);
            memcpy(copy, data, n);
            for (int k = 0; n && k < 1 + round % 3; k++) copy[draw(&seed) % n] = (char)draw(&seed);
            copy = realloc(copy, n ? n : 1);     /* its own block, so that a read beyond the end is seen */
            Err   err = { 0 };
            Image im;
            if (!image_decode_draft(copy, n, "damaged", round % 3 == 2, &im, &err))
                cr_assert(strncmp(err.text, "damaged: ", 9) == 0 && !im.pixels, "%s: %s", a->name, err.text);
            image_free(&im);
            free(copy);
        }
        free(data);
    }
}
