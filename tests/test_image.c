/* test_image.c - pictures in, equal to Pillow's (expected hashes: fixtures/make_image.py), bad pictures refused, pictures out. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "vision/image.h"

static uint64_t fnv1a(const Image *im)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < (size_t)im->width * (size_t)im->height * (size_t)im->channels; i++)
        h = (h ^ im->pixels[i]) * 0x100000001b3u;
    return h;
}

static const char *fixture(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/image/%s", getenv("LIMN_FIXTURES"), name);
    return path;
}

static char *fixture_bytes(const char *name, size_t *bytes)
{
    Err   err = { 0 };
    char *data = file_read(fixture(name), bytes, &err);
    cr_assert(data, "%s", err.text);
    return data;
}

/* The message names the file and holds the words. */
static void refused(const void *data, size_t bytes, const char *words)
{
    Err   err = { 0 };
    Image im;
    cr_assert_not(image_decode(data, bytes, "some/picture", &im, &err));
    cr_expect_eq(err.status, ERR_FAILED);
    cr_expect(strstr(err.text, "some/picture") == err.text, "no name: %s", err.text);
    cr_expect(strstr(err.text, words), "'%s' is not in: %s", words, err.text);
    cr_expect_null(strchr(err.text, '\n'));
    cr_expect_null(im.pixels);
}

Test(image, every_kind_is_read_as_pillow_reads_it)
{
    char line[256], name[64];
    int  width, height, cases = 0;
    uint64_t expected;
    FILE *f = fopen(fixture("expected.tsv"), "r");
    cr_assert(f);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#') continue;
        cr_assert_eq(sscanf(line, "%63s %d %d %" SCNx64, name, &width, &height, &expected), 4, "%s", line);
        Err   err = { 0 };
        Image im;
        cr_assert(image_read(fixture(name), &im, &err), "%s", err.text);
        cr_expect(im.width == width && im.height == height && im.channels == 3, "%s is %d x %d x %d", name, im.width, im.height, im.channels);
        cr_expect_eq(fnv1a(&im), expected, "%s differs from Pillow", name);
        image_free(&im);

        size_t bytes;
        char  *data = fixture_bytes(name, &bytes);
        ImageInfo info = { 0 };
        cr_expect(image_info(data, bytes, name, &info, &err) && info.width == width && info.height == height, "%s: size %d x %d %s", name, info.width, info.height, err.text);
        free(data);
        cases++;
    }
    fclose(f);
    cr_assert_geq(cases, 34, "only %d pictures", cases);
}

Test(image, a_truncated_file_is_refused_wherever_it_ends)
{
    const char *names[] = { "rgb-420.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "rgba-8.png", "interlaced.png", "palette-alpha.png" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t bytes;
        char  *data = fixture_bytes(names[i], &bytes);
        for (size_t n = 0; n < bytes; n++) {
            char *cut = malloc(n ? n : 1);       /* its own block, so that a read beyond the end is seen */
            memcpy(cut, data, n);
            Err   err = { 0 };
            Image im;
            cr_assert_not(image_decode(cut, n, "cut", &im, &err), "%s cut to %zu of %zu bytes was read", names[i], n, bytes);
            cr_assert(strncmp(err.text, "cut: ", 5) == 0 && im.pixels == NULL);
            free(cut);
        }
        refused(data, bytes / 2, "truncated");
        free(data);
    }
}

Test(image, damaged_bytes_never_crash)
{
    const char *names[] = { "orientation-6.jpg", "progressive.jpg", "cmyk.jpg", "palette-alpha.png", "interlaced.png", "rgba-16.png", "orientation-8.png" };
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t bytes;
        char  *data = fixture_bytes(names[i], &bytes), *copy = malloc(bytes);
        for (int round = 0; round < 400; round++) {
            memcpy(copy, data, bytes);
            for (int k = 0; k < 1 + round % 4; k++) {
                seed = seed * 1664525u + 1013904223u;
                copy[seed % bytes] = (char)(seed >> 24);
            }
            Err   err = { 0 };
            Image im;
            if (image_decode(copy, bytes, "damaged", &im, &err))
                image_free(&im);
            else
                cr_assert(strncmp(err.text, "damaged: ", 9) == 0, "%s", err.text);
        }
        free(data);
        free(copy);
    }
}

Test(image, missing_pixels_in_a_complete_jpeg_are_refused)
{
    size_t bytes;
    char  *data = fixture_bytes("rgb-444.jpg", &bytes);
    data[bytes - 200] = '\xff';                  /* an early end marker within the pixels */
    data[bytes - 199] = '\xd9';
    refused(data, bytes, "premature end of data");
    free(data);
}

Test(image, a_wrong_checksum_in_a_png_is_refused)
{
    size_t bytes;
    char  *data = fixture_bytes("rgb-8.png", &bytes);
    data[bytes - 20] ^= 1;
    refused(data, bytes, "PNG");
    free(data);
}

Test(image, what_is_no_picture_is_named)
{
    refused("", 0, "empty");
    refused("hello, this is text", 19, "not a picture");
    refused("GIF89a........", 14, "GIF");
    refused("RIFF....WEBPVP8 ", 16, "WebP");
    refused("\xff\xd8\xff", 3, "JPEG");
    refused("\x89PNG\r\n\x1a\n", 8, "PNG");
}

Test(image, missing_files_folders_and_unreadable_files_are_named)
{
    Err   err = { 0 };
    Image im;
    cr_assert_not(image_read("/nowhere/at-all.jpg", &im, &err));
    cr_expect(strstr(err.text, "/nowhere/at-all.jpg"), "%s", err.text);
    err = (Err){ 0 };
    cr_assert_not(image_read("/tmp", &im, &err));
    cr_expect(strstr(err.text, "/tmp"), "%s", err.text);

    char path[] = "/tmp/limn-image-XXXXXX";
    int  fd = mkstemp(path);
    cr_assert(fd >= 0 && fchmod(fd, 0) == 0);
    close(fd);
    err = (Err){ 0 };
    cr_assert_not(image_read(path, &im, &err));              /* root may open it: then it is empty */
    cr_expect(strstr(err.text, path) && (geteuid() == 0 || strstr(err.text, "ermission")), "%s", err.text);
    unlink(path);
}

Test(image, giant_sizes_are_refused_before_memory_is_taken)
{
    size_t bytes;
    char  *data = fixture_bytes("gray.jpg", &bytes), *frame = memmem(data, bytes, "\xff\xc0\x00\x0b\x08", 5);
    cr_assert(frame);
    memcpy(frame + 5, "\xfe\xff\xfe\xff", 4);    /* 65,279 x 65,279 */
    refused(data, bytes, "too many");
    free(data);
}

/* A PNG of one pixel with a text of `bytes` letters, compressed: some thousandth of them. */
static FILE *png_with_text(size_t bytes)
{
    FILE      *f = tmpfile();
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop  info = png_create_info_struct(png);
    png_text   text = { .compression = PNG_TEXT_COMPRESSION_zTXt, .key = (char *)"k", .text = calloc(bytes + 1, 1), .text_length = bytes };

    cr_assert(f && text.text);
    memset(text.text, 'a', bytes);
    png_init_io(png, f);
    png_set_IHDR(png, info, 1, 1, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(png, info, &text, 1);
    png_write_info(png, info);
    png_write_row(png, (const png_byte *)"x");
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(text.text);
    return f;
}

static long most_memory(void)                    /* MiB */
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss / 1024;
}

Test(image, a_png_of_a_megabyte_does_not_unpack_to_gigabytes_of_texts)
{
    enum { TEXT = 7000000, TIMES = 130, HEADER = 33, CHUNK = 12 };
    FILE   *f = png_with_text(TEXT);
    size_t  bytes = (size_t)ftell(f), used = HEADER;
    uint8_t *once = malloc(bytes), *many = malloc(bytes * TIMES);
    Err     err = { 0 };
    Image   im;

    rewind(f);
    cr_assert(once && many && fread(once, 1, bytes, f) == bytes && memcmp(once + HEADER + 4, "zTXt", 4) == 0);
    size_t chunk = CHUNK + (size_t)once[HEADER + 1] * 65536 + (size_t)once[HEADER + 2] * 256 + once[HEADER + 3];
    memcpy(many, once, HEADER);
    for (int i = 0; i < TIMES; i++, used += chunk) memcpy(many + used, once + HEADER, chunk);
    memcpy(many + used, once + HEADER + chunk, bytes - HEADER - chunk);

    long before = most_memory();
    cr_assert(image_decode(many, used + bytes - HEADER - chunk, "texts", &im, &err), "%s", err.text);
    cr_assert_lt(most_memory() - before, 100);
    image_free(&im);
    free(once);
    free(many);
    fclose(f);
}

Test(image, orientations_undo_the_way_the_camera_was_held)
{
    /* The eight files hold the same stored pixels: mirrored twice, 2 is 1; and 5 is 6 mirrored. */
    Err   err = { 0 };
    Image one, two, five, six;
    cr_assert(image_read(fixture("orientation-1.jpg"), &one, &err) && image_read(fixture("orientation-2.jpg"), &two, &err));
    cr_assert(image_read(fixture("orientation-5.jpg"), &five, &err) && image_read(fixture("orientation-6.jpg"), &six, &err));
    Image back = image_flip(&two), turned = image_flip(&six);
    cr_expect_eq(fnv1a(&back), fnv1a(&one));
    cr_expect_eq(fnv1a(&turned), fnv1a(&five));
    cr_expect(six.width == one.height && six.height == one.width);
    for (Image *list[] = { &one, &two, &five, &six, &back, &turned }, **p = list; p < list + 6; p++)
        image_free(*p);
}

/* ---- geometry and writing ---------------------------------------------------------------------------------------- */

static Image counted(int width, int height)
{
    Image im = image_new(width, height, 3);
    for (int i = 0; i < width * height * 3; i++) im.pixels[i] = (uint8_t)(i * 7 + i / 50);
    return im;
}

Test(image, crop_beyond_the_edge_is_black_and_pad_keeps_the_picture)
{
    Image im = counted(4, 3), crop = image_crop(&im, 2, -1, 4, 3);
    cr_expect_eq(crop.pixels[0], 0);
    cr_expect_arr_eq(crop.pixels + 4 * 3, im.pixels + 2 * 3, 2 * 3);
    cr_expect_eq(crop.pixels[(4 + 2) * 3], 0);
    Image pad = image_pad(&im, 1, 2, 7, 6, (uint8_t[4]){ 9, 8, 7, 0 });
    cr_expect_arr_eq(pad.pixels, ((uint8_t[]){ 9, 8, 7, 9, 8, 7 }), 6);
    cr_expect_arr_eq(pad.pixels + (2 * 7 + 1) * 3, im.pixels, 4 * 3);
    Image back = image_crop(&pad, 1, 2, 4, 3);
    cr_expect_eq(fnv1a(&back), fnv1a(&im));
    image_free(&im), image_free(&crop), image_free(&pad), image_free(&back);
}

Test(image, what_is_written_as_png_comes_back_and_jpeg_nearly)
{
    char folder[] = "/tmp/limn-image-XXXXXX", path[64];
    cr_assert(mkdtemp(folder));
    Err   err = { 0 };
    Image im = counted(31, 17), smooth = image_resize(&im, 4, 4, FILTER_BILINEAR), wide = image_resize(&smooth, 60, 40, FILTER_BICUBIC), back;
    snprintf(path, sizeof path, "%s/a.png", folder);
    cr_assert(image_write(path, &im, &err), "%s", err.text);
    cr_assert(image_read(path, &back, &err), "%s", err.text);
    cr_expect_eq(fnv1a(&back), fnv1a(&im));
    image_free(&back);
    unlink(path);

    snprintf(path, sizeof path, "%s/a.JPG", folder);
    cr_assert(image_write(path, &wide, &err), "%s", err.text);
    cr_assert(image_read(path, &back, &err), "%s", err.text);
    for (int i = 0; i < 60 * 40 * 3; i++)
        cr_assert(abs(back.pixels[i] - wide.pixels[i]) <= 12, "byte %d: %d, was %d", i, back.pixels[i], wide.pixels[i]);
    image_free(&back);
    unlink(path);
    rmdir(folder);

    cr_expect_not(image_write("picture.bmp", &im, &err));
    cr_expect_eq(err.status, ERR_USAGE);
    cr_expect_not(image_write("/nowhere/a.png", &im, &err));
    cr_expect(strstr(err.text, "/nowhere/a.png"), "%s", err.text);
    image_free(&im), image_free(&smooth), image_free(&wide);
}

Test(image, a_full_disk_is_one_error_and_keeps_the_old_picture)
{
    char path[] = "/tmp/limn-image-XXXXXX.png";
    int  fd = mkstemps(path, 4);
    cr_assert(fd >= 0 && write(fd, "old", 3) == 3);
    close(fd);
    Err   err = { 0 };
    Image im = counted(50, 50);
    setenv("LIMN_FAULT", "write:100:ENOSPC", 1);
    cr_expect_not(image_write(path, &im, &err));
    unsetenv("LIMN_FAULT");
    cr_expect(strstr(err.text, path) && strstr(err.text, "space"), "%s", err.text);
    size_t bytes;
    char  *old = file_read(path, &bytes, &(Err){ 0 });
    cr_expect(old && bytes == 3);
    free(old);
    unlink(path);
    image_free(&im);
}
