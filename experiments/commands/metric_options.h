/* metric_options.h - options of every command that scores captions: which metrics, what they need from outside, and the bootstrap. */
#ifndef LIMN_METRIC_OPTIONS_H
#define LIMN_METRIC_OPTIONS_H

#include <argp.h>

#include "experiments/metrics/scores.h"

typedef struct MetricArguments {
    const char   *metrics;                       /* NULL: the default ones           */
    bool          no_brevity;                    /* BLEU without its penalty as well */
    MetricOptions options;
    int           samples;                       /* 0: no intervals                  */
    uint64_t      seed;
    int           threads;
} MetricArguments;

enum { SAMPLES_DEFAULT = 1000 };

/* A child of a command's argp, whose child_input is MetricArguments with the defaults { .samples = SAMPLES_DEFAULT, .seed = 1 }. Its keys
 * are METRIC_KEYS and above. */
enum { METRIC_KEYS = 1024 };
extern const struct argp METRIC_ARGP;

/* The metrics that the arguments ask for. */
bool metric_arguments_choose(const MetricArguments *a, MetricChoice *out, Err *err);

#endif
