/* decode_encode.c - the bound of prepare_speed.py: every JPEG of a folder decoded, and as many pixels as a prepared picture has encoded,
 * by libjpeg-turbo from memory, and nothing else.
 *
 *     cc -O2 bench/peers/decode_encode.c -o decode_encode -ljpeg -pthread
 *     ./decode_encode FOLDER SIZE QUALITY THREADS                                                                     */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static struct dirent **files;
static int count, size, quality;
static const char *folder;
static atomic_int next;

static int is_jpeg(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".jpg") == 0;
}

static unsigned char *read_all(const char *path, unsigned long *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    long end = ftell(f);
    rewind(f);
    unsigned char *data = malloc((size_t)end + 1);
    *bytes = data ? fread(data, 1, (size_t)end, f) : 0;
    fclose(f);
    return data;
}

/* libjpeg's own error exit ends the program: the pictures are ours. */
static unsigned char *decode(const unsigned char *data, unsigned long bytes, int *width, int *height)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr e;
    d.err = jpeg_std_error(&e);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, data, bytes);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = JCS_RGB;
    jpeg_start_decompress(&d);
    *width  = (int)d.output_width;
    *height = (int)d.output_height;
    unsigned char *pixels = malloc((size_t)*width * (size_t)*height * 3);
    while (pixels && d.output_scanline < d.output_height) {
        JSAMPROW row = pixels + (size_t)d.output_scanline * (size_t)*width * 3;
        jpeg_read_scanlines(&d, &row, 1);
    }
    jpeg_destroy_decompress(&d);
    return pixels;
}

static void encode(const unsigned char *pixels, int width, int height)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr e;
    unsigned char *out = NULL;
    unsigned long  bytes = 0;
    c.err = jpeg_std_error(&e);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &bytes);
    c.image_width  = (JDIMENSION)(size < width ? size : width);
    c.image_height = (JDIMENSION)(size < height ? size : height);
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, quality, TRUE);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row = (JSAMPROW)pixels + (size_t)c.next_scanline * (size_t)width * 3;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    free(out);
}

static void *work(void *unused)
{
    char path[4096];
    int  i, width, height;
    while ((i = atomic_fetch_add(&next, 1)) < count) {
        unsigned long bytes;
        snprintf(path, sizeof path, "%s/%s", folder, files[i]->d_name);
        unsigned char *data = read_all(path, &bytes), *pixels = data ? decode(data, bytes, &width, &height) : NULL;
        if (pixels) encode(pixels, width, height);
        free(pixels);
        free(data);
    }
    return unused;
}

int main(int argc, char **argv)
{
    enum { MOST = 64 };
    pthread_t threads[MOST];
    if (argc != 5) return fprintf(stderr, "usage: decode_encode FOLDER SIZE QUALITY THREADS\n"), 2;
    folder  = argv[1];
    size    = atoi(argv[2]);
    quality = atoi(argv[3]);
    int n = atoi(argv[4]);
    if (n < 1 || n > MOST || (count = scandir(folder, &files, is_jpeg, alphasort)) < 1) return 1;
    for (int t = 0; t < n; t++) pthread_create(&threads[t], NULL, work, NULL);
    for (int t = 0; t < n; t++) pthread_join(threads[t], NULL);
    return 0;
}
