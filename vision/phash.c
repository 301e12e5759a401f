/* phash.c - the perceptual hash. */
#include "vision/phash.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vision/resize_kernels.h"

enum { SIDE = 32, KEPT = 8 };

static Image gray(const Image *im)
{
    Image out = image_new(im->width, im->height, 1);
    resize_kernels()->gray(im->pixels, (int64_t)im->width * im->height, out.pixels);
    return out;
}

static double         table[KEPT][SIDE];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
    for (int k = 0; k < KEPT; k++)
        for (int n = 0; n < SIDE; n++) table[k][n] = 2 * cos(M_PI * k * (2 * n + 1) / (2.0 * SIDE));
}

/* The lowest frequencies of the DCT-II, y_k = 2 sum_n x_n cos(pi k (2n + 1) / 2N), along the columns and then the rows. */
static void low_frequencies(const uint8_t *x, double y[KEPT * KEPT])
{
    double half[KEPT][SIDE] = { { 0 } };

    pthread_once(&once, fill_table);
    for (int k = 0; k < KEPT; k++)
        for (int n = 0; n < SIDE; n++)
            for (int c = 0; c < SIDE; c++) half[k][c] += table[k][n] * x[n * SIDE + c];
    for (int k = 0; k < KEPT; k++)
        for (int j = 0; j < KEPT; j++) {
            double sum = 0;
            for (int c = 0; c < SIDE; c++) sum += table[j][c] * half[k][c];
            y[k * KEPT + j] = sum;
        }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

uint64_t image_phash(const Image *im)
{
    REQUIRE(im->channels == 3, "phash: %d channels", im->channels);
    double   y[KEPT * KEPT], sorted[KEPT * KEPT];
    uint64_t hash = 0;
    Image    all = gray(im), small = image_resize(&all, SIDE, SIDE, FILTER_LANCZOS);

    low_frequencies(small.pixels, y);
    memcpy(sorted, y, sizeof y);
    qsort(sorted, KEPT * KEPT, sizeof *sorted, by_value);
    double median = (sorted[KEPT * KEPT / 2 - 1] + sorted[KEPT * KEPT / 2]) / 2;
    for (int i = 0; i < KEPT * KEPT; i++) hash = hash << 1 | (y[i] > median);
    image_free(&all);
    image_free(&small);
    return hash;
}
