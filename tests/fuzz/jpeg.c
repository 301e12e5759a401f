/* jpeg.c - any bytes as a JPEG (vision/jpeg.c): what the header says agrees with what is decoded, whole and at half the sides and less.
 *
 * Pictures of more than a million pixels are only asked for their header: filling them takes what time it takes. */
#include "tests/fuzz/input.h"
#include "vision/image.h"

enum { MOST_PIXELS = 1 << 20 };

static void decode(const uint8_t *data, size_t size, int side, const ImageInfo *info)
{
    Err   err = { 0 };
    Image im;

    if (!image_decode_draft(data, size, "input", side, &im, &err)) {
        REQUIRE(*err.text && !im.pixels, "refused without a word");
        return;
    }
    REQUIRE(im.channels == 3 && im.width <= info->width && im.height <= info->height, "%d x %d of %d x %d pixels", im.width, im.height,
            info->width, info->height);
    if (!side) REQUIRE(im.width == info->width && im.height == info->height, "not the size that the header says");
    else REQUIRE((im.width >= side || im.width == info->width) && (im.height >= side || im.height == info->height), "smaller than asked for");
    image_free(&im);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err       err = { 0 };
    ImageInfo info;

    if (!image_info(data, size, "input", &info, &err)) {
        REQUIRE(*err.text, "refused without a word");
        return 0;
    }
    REQUIRE(info.width > 0 && info.height > 0 && info.orientation >= 1 && info.orientation <= 8, "a header that is none");
    if ((int64_t)info.width * info.height > MOST_PIXELS) return 0;
    decode(data, size, 0, &info);
    decode(data, size, 3, &info);
    return 0;
}
