/* test_resize.c - resize equal to Pillow's in every byte (expected hashes: fixtures/make_resize.py). */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vision/image.h"

/* The picture of make_resize.py. */
static Image picture(int channels, int width, int height)
{
    Image    im = image_new(width, height, channels);
    uint32_t n  = (uint32_t)(width * height * channels);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t h = i * 2654435761u + 12345u;
        h ^= h >> 15;
        h *= 2246822519u;
        uint8_t v = (uint8_t)(h >> 24);
        im.pixels[i] = i >> 4 & 3 ? v : v & 128 ? 255 : 0;
    }
    return im;
}

static uint64_t fnv1a(const Image *im)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < (size_t)im->width * (size_t)im->height * (size_t)im->channels; i++)
        h = (h ^ im->pixels[i]) * 0x100000001b3u;
    return h;
}

/* By the kernels of this instruction set, or the best there are when this processor has it not (a test is a process of its own). */
static void compare_with_pillow(const char *kernels)
{
    setenv("LIMN_KERNELS", kernels, 1);
    char  path[1024], line[256], mode[8], name[16];
    int   w, h, new_w, new_h, cases = 0;
    uint64_t expected;
    snprintf(path, sizeof path, "%s/resize/expected.tsv", getenv("LIMN_FIXTURES"));
    FILE *f = fopen(path, "r");
    cr_assert(f, "cannot open %s", path);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#') continue;
        Filter filter;
        cr_assert_eq(sscanf(line, "%7s %d %d %d %d %15s %" SCNx64, mode, &w, &h, &new_w, &new_h, name, &expected), 7, "%s", line);
        cr_assert(filter_find(name, &filter));
        Image im = picture(strcmp(mode, "RGB") == 0 ? 3 : 1, w, h), out = image_resize(&im, new_w, new_h, filter);
        cr_expect_eq(fnv1a(&out), expected, "differs from Pillow: %s", line);
        image_free(&im);
        image_free(&out);
        cases++;
    }
    fclose(f);
    cr_assert_geq(cases, 200, "only %d cases", cases);
}

Test(resize, equals_pillow_in_every_byte) { compare_with_pillow("best"); }
Test(resize, equals_pillow_in_every_byte_with_avx512) { compare_with_pillow("avx512"); }
Test(resize, equals_pillow_in_every_byte_with_avx2) { compare_with_pillow("avx2"); }
Test(resize, equals_pillow_in_every_byte_without_avx) { compare_with_pillow("baseline"); }

Test(resize, treats_each_channel_on_its_own)
{
    Image four = picture(4, 31, 23), out = image_resize(&four, 17, 40, FILTER_BICUBIC);
    for (int c = 0; c < 4; c++) {
        Image one = image_new(31, 23, 1);
        for (int i = 0; i < 31 * 23; i++) one.pixels[i] = four.pixels[4 * i + c];
        Image alone = image_resize(&one, 17, 40, FILTER_BICUBIC);
        for (int i = 0; i < 17 * 40; i++)
            cr_assert_eq(out.pixels[4 * i + c], alone.pixels[i], "channel %d, pixel %d", c, i);
        image_free(&one);
        image_free(&alone);
    }
    image_free(&four);
    image_free(&out);
}

Test(resize, knows_its_filters_by_name)
{
    Filter f;
    cr_assert(filter_find("lanczos", &f) && f == FILTER_LANCZOS);
    cr_assert_not(filter_find("hermite", &f));
    cr_assert_str_eq(filter_name(FILTER_BICUBIC), "bicubic");
}
