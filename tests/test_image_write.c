/* test_image_write.c - JPEG files equal to Pillow's in every byte (expected hashes: fixtures/make_image_write.py). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "vision/image.h"

/* The picture of make_image_write.py. */
static Image picture(int channels, int width, int height)
{
    Image im = image_new(width, height, channels);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                uint32_t i = (uint32_t)((y * width + x) * channels + c), noise = i * 2654435761u >> 27;
                im.pixels[i] = (uint8_t)(((uint32_t)(x * (3 + c) + y * (5 - c)) & 255) / 2 + 3 * noise);
            }
    return im;
}

Test(image_write, writes_the_jpeg_files_of_pillow)
{
    char path[1024], line[256], mode[8], expected[65], found[65];
    int  width, height, quality, cases = 0;
    long size;
    Err  err = { 0 };
    snprintf(path, sizeof path, "%s/image_write/expected.tsv", getenv("LIMN_FIXTURES"));
    FILE *f = fopen(path, "r");
    cr_assert(f, "cannot open %s", path);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#') continue;
        cr_assert_eq(sscanf(line, "%7s %d %d %d %ld %64s", mode, &width, &height, &quality, &size, expected), 6, "%s", line);
        Image    im = picture(strcmp(mode, "RGB") == 0 ? 3 : 1, width, height);
        uint8_t *data;
        size_t   bytes;
        cr_assert(image_encode_jpeg(&im, quality, &data, &bytes, &err), "%s", err.text);
        sha256_hex(data, bytes, found);
        cr_expect(bytes == (size_t)size && strcmp(found, expected) == 0, "%zu bytes, differs from Pillow: %s", bytes, line);
        free(data);
        image_free(&im);
        cases++;
    }
    fclose(f);
    cr_assert_geq(cases, 100, "only %d cases", cases);
}

Test(image_write, refuses_a_jpeg_of_more_pixels_than_the_format_holds)
{
    Image    im = image_new(65501, 1, 3);
    uint8_t *data = NULL;
    size_t   bytes;
    Err      err = { 0 };
    cr_assert_not(image_encode_jpeg(&im, 90, &data, &bytes, &err));
    cr_assert(strstr(err.text, "cannot write a picture of 65501 x 1 pixels as JPEG") && strstr(err.text, "65500"), "%s", err.text);
    image_free(&im);
}

Test(image_write, a_jpeg_survives_being_larger_than_guessed)
{
    Image    im = image_new(64, 64, 3), back;     /* pure noise at full quality: more than a byte a pixel */
    uint8_t *data;
    size_t   bytes;
    Err      err = { 0 };
    for (uint32_t i = 0, h = 1; i < 64 * 64 * 3; i++) im.pixels[i] = (uint8_t)((h = h * 1664525u + 1013904223u) >> 24);
    cr_assert(image_encode_jpeg(&im, 100, &data, &bytes, &err), "%s", err.text);
    cr_assert_geq(bytes, 64 * 64 / 2 + 4096 + 1);
    cr_assert(image_decode(data, bytes, "noise", &back, &err), "%s", err.text);
    cr_assert(back.width == 64 && back.height == 64);
    free(data);
    image_free(&im);
    image_free(&back);
}

Test(image_write, quick_png_files_give_the_same_pixels)
{
    static const int SIZES[][2] = { { 1, 1 }, { 3, 200 }, { 224, 224 }, { 65535, 2 } };
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            Image    im = picture(channels, SIZES[i][0], SIZES[i][1]), back;
            uint8_t *data;
            size_t   bytes;
            Err      err = { 0 };
            cr_assert(image_encode_png_quick(&im, &data, &bytes, &err), "%s", err.text);
            cr_assert(image_decode(data, bytes, "quick", &back, &err), "%s", err.text);
            cr_assert(back.width == im.width && back.height == im.height);
            for (int k = 0; k < im.width * im.height * 3; k++)
                cr_assert_eq(back.pixels[k], im.pixels[channels == 3 ? k : k / 3], "%d x %d, %d", im.width, im.height, k);
            free(data);
            image_free(&im);
            image_free(&back);
        }
}

Test(image_write, refuses_a_png_without_pixels)
{
    Image    im = { .channels = 3 };
    uint8_t *data;
    size_t   bytes;
    Err      err = { 0 };
    cr_assert_not(image_encode_png_quick(&im, &data, &bytes, &err));
    cr_assert(strstr(err.text, "cannot write a picture of 0 x 0 pixels as PNG"), "%s", err.text);
}
