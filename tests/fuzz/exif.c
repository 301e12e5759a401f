/* exif.c - any bytes as a TIFF directory of EXIF (vision/exif.c): always an orientation of 1 to 8. */
#include "tests/fuzz/input.h"
#include "vision/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int orientation = exif_orientation(data, size);
    REQUIRE(orientation >= 1 && orientation <= 8, "orientation %d", orientation);
    return 0;
}
