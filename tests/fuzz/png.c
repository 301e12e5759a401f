/* png.c - any bytes as a PNG (vision/png.c), as they are and then with the chunks' checksums put right, so that what stands in the
 * chunks is read too. Pictures of more than a million pixels are only asked for their header.                               */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/fuzz/input.h"
#include "vision/image.h"

enum { MOST_PIXELS = 1 << 20, SIGNATURE = 8 };

static void decode(const uint8_t *data, size_t size)
{
    Err       err = { 0 };
    ImageInfo info;
    Image     im;

    if (!image_info(data, size, "input", &info, &err)) {
        REQUIRE(*err.text, "refused without a word");
        return;
    }
    if ((int64_t)info.width * info.height > MOST_PIXELS) return;
    if (image_decode(data, size, "input", &im, &err))
        REQUIRE(im.channels == 3 && im.width == info.width && im.height == info.height, "not the size that the header says");
    else REQUIRE(*err.text && !im.pixels, "refused without a word");
    image_free(&im);
}

static uint32_t number(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* A chunk: length, name, data, CRC-32 of name and data. */
static void mend(uint8_t *data, size_t size)
{
    for (size_t at = SIGNATURE; size >= at + 12;) {
        size_t length = number(data + at);
        if (length > size - at - 12) return;
        uint32_t crc = (uint32_t)crc32(0, data + at + 4, (uInt)length + 4);
        for (size_t i = 0; i < 4; i++) data[at + 8 + length + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SIGNATURE) return 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    decode(data, size);
    mend(copy, size);
    if (memcmp(copy, data, size) != 0) decode(copy, size);
    free(copy);
    return 0;
}
