/* resize_weights.c - the weights of a resize, as Pillow computes them.
 *
 * A filter f is stretched when shrinking (antialiasing):
 *     scale = in/out,  stretch = max(scale, 1),  centre = (x + 1/2) scale
 *     w_j   = f((j - centre + 1/2) / stretch),   normalised to sum 1, rounded to 22-bit fixed point
 *
 * Data sets have few sizes, and Lanczos many sines: the weights used last are kept for all threads.                   */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vision/resize_kernels.h"

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double cubic(double x)                    /* Keys 1981, a = -1/2 */
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static double sinc(double x)
{
    if (x == 0) return 1;
    x *= M_PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct { const char *name; double (*weight)(double); double support; } FILTERS[] = {
    [FILTER_NEAREST]  = { "nearest",  NULL,     0 },
    [FILTER_BILINEAR] = { "bilinear", triangle, 1 },
    [FILTER_BICUBIC]  = { "bicubic",  cubic,    2 },
    [FILTER_LANCZOS]  = { "lanczos",  lanczos,  3 } };

enum { FILTER_COUNT = sizeof FILTERS / sizeof *FILTERS };

bool filter_find(const char *name, Filter *out)
{
    for (int i = 0; i < FILTER_COUNT; i++)
        if (strcmp(name, FILTERS[i].name) == 0) {
            *out = (Filter)i;
            return true;
        }
    return false;
}

const char *filter_name(Filter f) { return FILTERS[f].name; }

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static void *need(size_t count, size_t bytes)
{
    void *m = calloc(count, bytes);
    REQUIRE(m, "resize: no memory for %zu items of %zu bytes", count, bytes);
    return m;
}

static Weights weights_new(int in, int out, Filter f)
{
    double scale   = (double)in / out;
    double stretch = scale < 1 ? 1 : scale;
    double support = FILTERS[f].support * stretch;
    Weights t = { .length = out, .stride = (int)ceil(support) * 2 + 1 };
    t.from  = need((size_t)out, sizeof *t.from);
    t.count = need((size_t)out, sizeof *t.count);
    t.w     = need((size_t)out * (size_t)t.stride, sizeof *t.w);
    double *w = need((size_t)t.stride, sizeof *w);

    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * scale, sum = 0;
        int    from = (int)(centre - support + 0.5), to = (int)(centre + support + 0.5);
        if (from < 0) from = 0;
        if (to > in) to = in;
        for (int j = 0; j < to - from; j++)
            sum += w[j] = FILTERS[f].weight((j + from - centre + 0.5) * (1 / stretch));
        for (int j = 0; j < to - from; j++) {
            double v = (sum != 0 ? w[j] / sum : w[j]) * (1 << PRECISION_BITS);
            t.w[(size_t)i * (size_t)t.stride + (size_t)j] = (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
        }
        t.from[i]  = from;
        t.count[i] = to - from;
    }
    free(w);
    t.kernels = resize_kernels();
    if (t.kernels->pack && !t.kernels->pack(&t)) t.kernels = resize_kernels_for_any();
    return t;
}

static void weights_free(Weights *t)
{
    free(t->from);
    free(t->count);
    free(t->w);
    free(t->digits);
}

/* ---- the ones used last ------------------------------------------------------------------------------------------ */

/* t comes first: who has its address has the slot's. */
typedef struct Slot { Weights t; int in, out, users; Filter f; uint64_t used; } Slot;
enum { SLOTS = 16 };

static Slot            kept[SLOTS];              /* users < 1 and used 0: empty */
static uint64_t        clock_now;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock. The slot of these weights; else the one longest unused, emptied; NULL: all are in use. */
static Slot *slot_for(int in, int out, Filter f)
{
    Slot *oldest = NULL;
    for (Slot *s = kept; s < kept + SLOTS; s++) {
        if (s->used && s->in == in && s->out == out && s->f == f) return s;
        if (!s->users && (!oldest || s->used < oldest->used)) oldest = s;
    }
    if (oldest && oldest->used) weights_free(&oldest->t);
    if (oldest) *oldest = (Slot){ .in = in, .out = out, .f = f };
    return oldest;
}

const Weights *weights_borrow(int in, int out, Filter f)
{
    pthread_mutex_lock(&lock);
    Slot *s = slot_for(in, out, f);
    if (!s) {                                    /* one of their own */
        s = need(1, sizeof *s);
        s->in = -1;
    }
    if (!s->used) s->t = weights_new(in, out, f);
    s->used = ++clock_now;
    s->users++;
    pthread_mutex_unlock(&lock);
    return &s->t;
}

void weights_return(const Weights *t)
{
    Slot *s = (Slot *)(uintptr_t)t;
    pthread_mutex_lock(&lock);
    s->users--;
    pthread_mutex_unlock(&lock);
    if (s->in >= 0) return;
    weights_free(&s->t);
    free(s);
}
