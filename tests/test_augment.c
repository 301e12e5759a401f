/* test_augment.c - crop and jitter equal to Pillow's in every byte (fixtures/make_augment.py), drawn as they should be; boxes follow. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vision/augment.h"

/* The pictures of make_augment.py; 0 x 0: all colours whose bytes are multiples of 5. */
static Image picture(int width, int height)
{
    if (width == 0) {
        Image im = image_new(52, 52 * 52, 3);
        for (int i = 0; i < 52 * 52 * 52; i++) {
            im.pixels[3 * i] = (uint8_t)(5 * (i / 52 / 52));
            im.pixels[3 * i + 1] = (uint8_t)(5 * (i / 52 % 52));
            im.pixels[3 * i + 2] = (uint8_t)(5 * (i % 52));
        }
        return im;
    }
    Image    im = image_new(width, height, 3);
    uint32_t n  = (uint32_t)(width * height * 3);
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
    for (size_t i = 0; i < (size_t)im->width * (size_t)im->height * 3; i++) h = (h ^ im->pixels[i]) * 0x100000001b3u;
    return h;
}

/* One line of the table: 0 when it is of another kind. */
static int colour_case(const char *line)
{
    static const struct { const char *name; void (*change)(Image *, double); } CHANGES[] = {
        { "brightness", augment_brightness }, { "contrast", augment_contrast }, { "saturation", augment_saturation }, { "hue", augment_hue } };
    char     name[16];
    int      width, height;
    double   amount;
    uint64_t expected;

    if (sscanf(line, "%15s %d %d %lf %" SCNx64, name, &width, &height, &amount, &expected) != 5) return 0;
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, CHANGES[i].name)) continue;
        Image im = picture(width, height);
        CHANGES[i].change(&im, amount);
        cr_expect_eq(fnv1a(&im), expected, "differs from Pillow: %s", line);
        image_free(&im);
        return 1;
    }
    return 0;
}

static int crop_case(const char *line)
{
    char     name[16];
    int      width, height, size;
    Crop     c;
    Filter   filter;
    uint64_t expected;

    if (sscanf(line, "crop %d %d %d %d %d %d %d %15s %" SCNx64, &width, &height, &c.x, &c.y, &c.width, &c.height, &size, name, &expected) != 9)
        return 0;
    cr_assert(filter_find(name, &filter));
    Image im = picture(width, height), out = augment_crop(&im, c, size, size, filter);
    cr_expect_eq(fnv1a(&out), expected, "differs from Pillow: %s", line);
    image_free(&im);
    image_free(&out);
    return 1;
}

Test(augment, equals_pillow_in_every_byte)
{
    char path[1024], line[256];
    int  colours = 0, crops = 0;
    snprintf(path, sizeof path, "%s/augment/expected.tsv", getenv("LIMN_FIXTURES"));
    FILE *f = fopen(path, "r");
    cr_assert(f, "cannot open %s", path);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#') continue;
        int crop = crop_case(line), colour = crop ? 0 : colour_case(line);
        cr_assert(crop + colour == 1, "%s", line);
        crops += crop;
        colours += colour;
    }
    fclose(f);
    cr_assert(colours == 99 && crops == 18, "%d and %d cases", colours, crops);
}

/* ---- draws ------------------------------------------------------------------------------------------------------- */

Test(augment, draws_crops_of_the_shares_and_ratios_that_were_asked_for)
{
    enum { DRAWS = 4000 };
    double share = 0, log_ratio = 0, least = 1, right = 0;
    for (int i = 0; i < DRAWS; i++) {
        Rng  r = rng_stream(3, RNG_TEST, (uint64_t)i);
        Crop c = augment_draw_crop(0.25, 224, 224, &r);
        cr_assert(c.x >= 0 && c.y >= 0 && c.width > 0 && c.height > 0 && c.x + c.width <= 224 && c.y + c.height <= 224);
        double ratio = (double)c.width / c.height, area = (double)c.width * c.height / 224 / 224;
        cr_assert(ratio > 0.74 && ratio < 1.35, "ratio %g", ratio);
        if (area < least) least = area;
        share += area;
        log_ratio += log(ratio);
        if (c.width < 224) right += (double)c.x / (224 - c.width) / DRAWS;
    }
    cr_assert(least > 0.245 && least < 0.26, "smallest %g", least);
    /* Uniform in [1/4, 1] would give 0.625; large parts of an extreme ratio do not fit and are drawn again. */
    cr_assert(share / DRAWS > 0.55 && share / DRAWS < 0.62, "mean share %g", share / DRAWS);
    cr_assert_lt(fabs(log_ratio / DRAWS), 0.01);
    cr_assert(right > 0.45 && right < 0.52, "mean place %g", right);
}

Test(augment, takes_the_centre_when_no_crop_fits)
{
    Rng r = rng_stream(1, RNG_TEST, 0);
    Crop wide = augment_draw_crop(1, 300, 30, &r), high = augment_draw_crop(1, 30, 300, &r);
    cr_assert(wide.width == 40 && wide.height == 30 && wide.x == 130 && wide.y == 0);
    cr_assert(high.width == 30 && high.height == 40 && high.x == 0 && high.y == 130);
}

Test(augment, draws_every_order_and_factors_around_one)
{
    enum { DRAWS = 2400 };
    int    seen[256] = { 0 }, orders = 0;
    double low[4] = { 9, 9, 9, 9 }, high[4] = { -9, -9, -9, -9 };
    for (int i = 0; i < DRAWS; i++) {
        Rng    r = rng_stream(3, RNG_TEST, (uint64_t)i);
        Jitter j = augment_draw_jitter(0.4, &r);
        int    code = 0, all = 0;
        for (int k = 0; k < 4; k++) {
            code = code * 4 + j.order[k];
            all |= 1 << j.order[k];
            low[k] = fmin(low[k], j.amount[k]);
            high[k] = fmax(high[k], j.amount[k]);
        }
        cr_assert_eq(all, 15, "each once");
        orders += seen[code]++ == 0;
    }
    cr_assert_eq(orders, 24);
    for (int k = 0; k < 3; k++) cr_assert(low[k] >= 0.6 && low[k] < 0.605 && high[k] <= 1.4 && high[k] > 1.395, "%g %g", low[k], high[k]);
    cr_assert(low[3] >= -0.1 && low[3] < -0.099 && high[3] <= 0.1 && high[3] > 0.099);
    Rng r = rng_stream(3, RNG_TEST, 0);
    for (int i = 0; i < 100; i++) cr_assert_geq(augment_draw_jitter(1.5, &r).amount[JITTER_CONTRAST], 0);
}

Test(augment, jitters_in_the_order_that_was_drawn)
{
    static const double AMOUNT[] = { 1.3, 0.7, 1.2, 0.05 };
    Jitter j = { { JITTER_HUE, JITTER_CONTRAST, JITTER_BRIGHTNESS, JITTER_SATURATION }, { 0 } };
    memcpy(j.amount, AMOUNT, sizeof AMOUNT);
    Image a = picture(31, 23), b = picture(31, 23);
    augment_jitter(&a, &j);
    augment_hue(&b, 0.05);
    augment_contrast(&b, 0.7);
    augment_brightness(&b, 1.3);
    augment_saturation(&b, 1.2);
    cr_assert_arr_eq(a.pixels, b.pixels, 31 * 23 * 3);
    image_free(&a);
    image_free(&b);
}

/* ---- boxes ------------------------------------------------------------------------------------------------------- */

Test(augment, carries_a_box_through_crop_and_mirroring)
{
    Crop  c = { 20, 10, 40, 80 };                /* to 100 x 100: columns times 2.5, rows times 1.25 */
    float whole[4] = { 30, 20, 50, 60 }, cut[4] = { 0, 0, 40, 50 }, gone[4] = { 0, 0, 20, 90 }, out[4];

    cr_assert_float_eq(augment_box(c, 100, 100, false, whole, out), 1, 1e-6);
    cr_assert(out[0] == 25 && out[1] == 12.5f && out[2] == 75 && out[3] == 62.5f);
    augment_box(c, 100, 100, true, whole, out);
    cr_assert(out[0] == 25 && out[2] == 75 && out[1] == 12.5f);
    cr_assert_float_eq(augment_box(c, 100, 100, false, cut, out), 0.5 * 0.8, 1e-6);
    cr_assert(out[0] == 0 && out[1] == 0 && out[2] == 50 && out[3] == 50);
    cr_assert_float_eq(augment_box(c, 100, 100, true, cut, out), 0.5 * 0.8, 1e-6);
    cr_assert(out[0] == 50 && out[2] == 100);
    cr_assert_eq(augment_box(c, 100, 100, true, gone, out), 0);
}

/* A white box on black, cropped: what is white afterwards is where the box went. */
Test(augment, carries_a_box_to_where_its_pixels_go)
{
    for (int i = 0; i < 50; i++) {
        Rng   r = rng_stream(9, RNG_TEST, (uint64_t)i);
        Image im = image_new(96, 96, 3);
        float box[4] = { 30, 12, 71, 55 }, out[4];
        int   seen[4] = { 96, 96, 0, 0 };
        for (int y = 12; y < 55; y++) memset(im.pixels + (y * 96 + 30) * 3, 255, 41 * 3);
        Crop  c = augment_draw_crop(0.2, 96, 96, &r);
        Image part = augment_crop(&im, c, 96, 96, FILTER_BILINEAR);
        bool  mirrored = i % 2;
        double share = augment_box(c, 96, 96, mirrored, box, out);
        for (int y = 0; y < 96; y++)
            for (int x = 0; x < 96; x++) {
                if (part.pixels[(y * 96 + (mirrored ? 95 - x : x)) * 3] < 128) continue;
                if (x < seen[0]) seen[0] = x;
                if (y < seen[1]) seen[1] = y;
                if (x + 1 > seen[2]) seen[2] = x + 1;
                if (y + 1 > seen[3]) seen[3] = y + 1;
            }
        if (share > 0.02) for (int k = 0; k < 4; k++) cr_assert_float_eq(seen[k], out[k], 1.01, "draw %d, side %d: %d, %g", i, k, seen[k], out[k]);
        image_free(&im);
        image_free(&part);
    }
}
