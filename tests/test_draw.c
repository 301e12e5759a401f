/* test_draw.c - drawing puts things where it says. With LIMN_DRAW_OUT=FILE.png the last test leaves a sheet to look at. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/draw.h"

static const uint8_t *at(const Image *im, int x, int y) { return im->pixels + ((size_t)y * (size_t)im->width + (size_t)x) * 3; }
static int lightness(const uint8_t *p) { return (2126 * p[0] + 7152 * p[1] + 722 * p[2]) / 10000; }

/* Columns or rows that differ from white. */
static int ink_from(const Image *im, int x0, int x1)
{
    int n = 0;
    for (int y = 0; y < im->height; y++)
        for (int x = x0; x < x1; x++) n += lightness(at(im, x, y)) < 200;
    return n;
}

Test(draw, a_picture_lands_byte_for_byte_where_its_size_is_kept)
{
    Image im = image_new(8, 6, 3);
    for (int i = 0; i < 8 * 6 * 3; i++) im.pixels[i] = (uint8_t)(37 * i);
    Canvas *c = canvas_new(20, 15, 0x102030);
    canvas_picture(c, &im, 5, 4, 8, 6);
    Image out = canvas_image(c);
    cr_expect_arr_eq(at(&out, 0, 0), ((uint8_t[]){ 0x10, 0x20, 0x30 }), 3);
    for (int y = 0; y < 6; y++)
        cr_expect_arr_eq(at(&out, 5, 4 + y), at(&im, 0, y), 8 * 3, "row %d", y);
    cr_expect_arr_eq(at(&out, 13, 4), ((uint8_t[]){ 0x10, 0x20, 0x30 }), 3);
    canvas_free(c);
    image_free(&im), image_free(&out);
}

Test(draw, heat_is_strongest_where_the_value_is)
{
    double  values[16] = { 0 };
    values[4 * 2 + 1] = 0.02;                    /* row 2, column 1; the scale does not matter */
    Canvas *c = canvas_new(80, 80, 0x606060);
    canvas_heat(c, values, 4, 4, 0, 0, 80, 80);
    Image   out = canvas_image(c);
    const uint8_t *peak = at(&out, 30, 50), *far = at(&out, 75, 5);
    cr_expect_gt(lightness(peak), lightness(far) + 60);
    cr_expect_gt(peak[0], peak[2]);
    int best = 0;
    for (int i = 0; i < 80 * 80; i++)
        if (lightness(out.pixels + 3 * i) > lightness(out.pixels + 3 * best)) best = i;
    cr_expect(abs(best % 80 - 30) <= 2 && abs(best / 80 - 50) <= 2, "brightest at %d, %d", best % 80, best / 80);
    image_free(&out);

    double broken[4] = { NAN, INFINITY, -1, 0 };
    canvas_heat(c, broken, 2, 2, 0, 0, 80, 80);
    canvas_free(c);
}

Test(draw, the_heat_ramp_rises_in_lightness)
{
    double  values[64];
    for (int i = 0; i < 64; i++) values[i] = i;
    Canvas *c = canvas_new(640, 10, 0x000000);
    canvas_heat(c, values, 1, 64, 0, 0, 640, 10);
    Image   out = canvas_image(c);
    for (int x = 8; x < 632; x += 8)
        cr_expect_geq(lightness(at(&out, x, 5)), lightness(at(&out, x - 8, 5)), "at %d", x);
    canvas_free(c);
    image_free(&out);
}

Test(draw, text_is_as_wide_as_it_says_and_is_cut_to_fit)
{
    Canvas *c = canvas_new(400, 40, 0xffffff);
    double  wide = canvas_text_width(c, "a dog runs through the grass", 16, false);
    cr_expect(wide > 120 && wide < 400, "%g", wide);
    cr_expect_gt(canvas_text_width(c, "a dog runs through the grass", 16, true), wide);
    double  cut = canvas_text(c, "a dog runs through the grass", 10, 5, 16, false, 0x000000, 100);
    Image   out = canvas_image(c);
    cr_expect(cut > 60 && cut <= 100, "%g", cut);
    cr_expect_gt(ink_from(&out, 10, 110), 50);
    cr_expect_eq(ink_from(&out, 112, 400), 0);
    cr_expect_eq(ink_from(&out, 0, 9), 0);
    canvas_free(c);
    image_free(&out);
}

Test(draw, text_that_is_not_utf8_neither_crashes_nor_silences_the_canvas)
{
    Canvas *c = canvas_new(300, 40, 0xffffff);
    canvas_text(c, "\xff\xfe bad \xc3", 0, 0, 14, false, 0, 0);
    canvas_text(c, "\xed\xa0\x80 \xf8\x88 \xe2\x82", 0, 0, 14, true, 0, 30);
    canvas_text(c, "", 0, 0, 14, true, 0, 1);
    canvas_text(c, "gr\xc3\xbc\xc3\x9f", 200, 0, 14, true, 0, 0);
    Image out = canvas_image(c);
    cr_expect_gt(ink_from(&out, 200, 300), 20);
    canvas_free(c);
    image_free(&out);
}

Test(draw, a_paragraph_wraps_at_its_width)
{
    Canvas *c = canvas_new(300, 300, 0xffffff);
    double  one = canvas_paragraph(c, "short", 10, 10, 12, 0, 200);
    double  many = canvas_paragraph(c, "a brown dog runs through tall green grass near two people", 10, 50, 12, 0, 100);
    double  lines = canvas_paragraph(c, "one\ntwo\nthree ", 10, 200, 12, 0, 100);
    cr_expect_geq(many, 3 * one - 1e-9);
    cr_expect_float_eq(lines, 3 * one, 1e-9);
    Image out = canvas_image(c);
    cr_expect_eq(ink_from(&out, 111, 300), 0);
    canvas_free(c);
    image_free(&out);
}

Test(draw, wrapped_text_is_as_high_as_it_says_and_ends_with_an_ellipsis)
{
    Canvas    *c = canvas_new(300, 300, 0xffffff);
    CanvasText t = { .utf8 = "a brown dog runs through tall green grass near two people", .size = 12, .max_width = 100 };
    double     all = canvas_wrapped_height(c, &t), one = canvas_wrapped_height(c, &(CanvasText){ .utf8 = "a", .size = 12, .max_width = 100 });
    t.max_lines = 2;
    cr_expect_geq(all, 4 * one - 1e-9);
    cr_expect_float_eq(canvas_wrapped_height(c, &t), 2 * one, 1e-9);
    cr_expect_float_eq(canvas_wrapped(c, &t, 10, 10), 2 * one, 1e-9);
    Image out = canvas_image(c);
    cr_expect_eq(ink_from(&out, 111, 300), 0);
    for (int y = 10 + (int)(2 * one) + 4; y < 300; y++)
        for (int x = 0; x < 300; x++) cr_assert_eq(lightness(at(&out, x, y)), 255, "%d %d", x, y);
    t.max_lines = 40;
    cr_expect_float_eq(canvas_wrapped_height(c, &t), all, 1e-9, "room enough: no line more");
    t = (CanvasText){ .utf8 = "a\n\n \n", .size = 12, .max_width = 100, .max_lines = 1 };
    cr_expect_float_eq(canvas_wrapped_height(c, &t), one, 1e-9, "nothing follows but empty lines");
    canvas_free(c);
    image_free(&out);
}

Test(draw, a_word_wider_than_the_line_is_broken_and_scripts_without_blanks_anywhere)
{
    static const char *const TEXTS[] = { "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii", "\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97"
        "\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97", "ab \xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97\xe7\x8b\x97 \xf0\x9f\x90\x95" };
    for (int i = 0; i < 3; i++) {
        Canvas *c = canvas_new(300, 300, 0xffffff);
        canvas_paragraph(c, TEXTS[i], 10, 10, 20, 0, 60);
        Image out = canvas_image(c);
        cr_expect_gt(ink_from(&out, 10, 70), 100);
        cr_expect_eq(ink_from(&out, 73, 300), 0, "text %d", i);
        canvas_free(c);
        image_free(&out);
    }
}

Test(draw, spans_have_their_colour)
{
    Canvas    *c = canvas_new(300, 40, 0xffffff);
    CanvasSpan spans[] = { { 2, 5, 0xff0000 }, { 4, 400, 0x0000ff } };
    CanvasText t = { .utf8 = "MMMMMMMM", .size = 20, .max_width = 290, .spans = spans, .span_count = 2 };
    canvas_wrapped(c, &t, 0, 5);
    Image  out = canvas_image(c);
    double plain = canvas_text_width(c, "MM", 20, false), bold = canvas_text_width(c, "MMM", 20, true);
    int    black = 0, red = 0, blue = 0;
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 300; x++) {
            const uint8_t *p = at(&out, x, y);
            bool is_red = p[0] > 200 && p[1] < 60 && p[2] < 60, is_blue = p[2] > 200 && p[0] < 60 && p[1] < 60;
            black += p[0] < 60 && p[2] < 60, red += is_red, blue += is_blue;
            cr_assert(!is_red || (x >= plain && x <= plain + bold), "red at %d", x);
            cr_assert(!is_blue || x >= plain + bold - 1, "blue at %d", x);
        }
    cr_expect(black > 50 && red > 50 && blue > 50, "%d %d %d", black, red, blue);
    canvas_free(c);
    image_free(&out);
}

Test(draw, a_block_fills_its_rectangle)
{
    Canvas *c = canvas_new(40, 40, 0xffffff);
    canvas_block(c, 10, 10, 30, 20, 0x2040ff, 1, 3);
    Image out = canvas_image(c);
    cr_expect_arr_eq(at(&out, 20, 15), ((uint8_t[]){ 0x20, 0x40, 0xff }), 3);
    cr_expect_arr_eq(at(&out, 11, 15), ((uint8_t[]){ 0x20, 0x40, 0xff }), 3);
    cr_expect_arr_eq(at(&out, 20, 21), ((uint8_t[]){ 0xff, 0xff, 0xff }), 3);
    cr_expect_gt(lightness(at(&out, 10, 10)), 150, "its corners are round");
    canvas_free(c);
    image_free(&out);
}

Test(draw, a_box_is_drawn_on_its_edges)
{
    Canvas *c = canvas_new(60, 60, 0x808080);
    canvas_box(c, 10, 10, 50, 40, 0xff2020, 4);
    Image out = canvas_image(c);
    cr_expect_arr_eq(at(&out, 30, 10), ((uint8_t[]){ 0xff, 0x20, 0x20 }), 3);
    cr_expect_arr_eq(at(&out, 30, 25), ((uint8_t[]){ 0x80, 0x80, 0x80 }), 3);
    cr_expect_lt(lightness(at(&out, 30, 7)), 0x70);
    canvas_free(c);
    image_free(&out);
}

Test(draw, a_whole_sheet)
{
    Image   im = image_new(96, 96, 3);
    for (int y = 0; y < 96; y++)
        for (int x = 0; x < 96; x++) {
            bool disc = hypot(x - 60, y - 40) < 20;
            memcpy(im.pixels + (y * 96 + x) * 3, disc ? ((uint8_t[]){ 240, 200, 60 }) : ((uint8_t[]){ (uint8_t)(60 + x), (uint8_t)(140 + y / 2), 190 }), 3);
        }
    double  heat[64];
    for (int i = 0; i < 64; i++) heat[i] = exp(-(pow(i % 8 - 4.5, 2) + pow(i / 8 - 3, 2)) / 2.5);
    Canvas *c = canvas_new(760, 330, 0xfaf8f4);
    canvas_picture(c, &im, 20, 20, 220, 220);
    canvas_picture(c, &im, 260, 20, 220, 220);
    canvas_heat(c, heat, 8, 8, 260, 20, 220, 220);
    canvas_picture(c, &im, 500, 20, 220, 220);
    canvas_box(c, 590, 66, 686, 158, 0xffd020, 3);
    canvas_text(c, "a yellow ball above the sea", 20, 250, 21, true, 0x202830, 700);
    canvas_paragraph(c, "Wrapped words below: the picture, what the model looked at, and the box that it found; gr\xc3\xbc\xc3\x9f dich.", 20, 284, 13, 0x606870, 460);
    Image out = canvas_image(c);
    cr_expect_eq(out.width, 760);
    cr_expect_gt(ink_from(&out, 20, 300), 1000);
    Err err = { 0 };
    if (getenv("LIMN_DRAW_OUT"))
        cr_expect(image_write(getenv("LIMN_DRAW_OUT"), &out, &err), "%s", err.text);
    canvas_free(c);
    image_free(&im), image_free(&out);
}
