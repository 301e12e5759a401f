/* features.c - what all sources of features have in common. */
#include "datasets/features/source.h"

#include <inttypes.h>

int64_t     features_tokens(const Features *f) { return f->tokens; }
int64_t     features_width(const Features *f)  { return f->width; }
int         features_views(const Features *f)  { return f->views; }
const char *features_hash(const Features *f)   { return f->hash; }

void features_get(const Features *f, int64_t item, int view, real *out)
{
    REQUIRE(item >= 0 && item < f->items && view >= 0 && view < f->views, "features_get: item %" PRId64 ", view %d", item, view);
    f->get(f, item, view, out);
}

void features_close(Features *f)
{
    if (f) f->close(f);
}
