/* stb_image_write.c - the body of stb_image_write, a library that is one header; its style is not ours to check. Its JPEG writer shifts
 * bits out of a signed int, which works but is undefined: meson.build builds this file without that sanitizer check.      */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>
