/* source.h - where features come from: private to this folder. A source begins with a Features and says how to read it. */
#ifndef LIMN_FEATURES_SOURCE_H
#define LIMN_FEATURES_SOURCE_H

#include "datasets/features.h"

struct Features {
    int64_t items, tokens, width;
    int     views;
    char    hash[17];                            /* of imported vectors; empty for a cache, whose key says it all */
    void  (*get)(const Features *f, int64_t item, int view, real *out);
    void  (*close)(Features *f);                 /* frees f, too */
};

#endif
