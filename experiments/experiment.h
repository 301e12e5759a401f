/* experiment.h - what a config file says: data, encoder, decoder, training, validation, generation.
 *
 * EXPERIMENT_FIELDS is the one place that knows every key, its type, range, default and help; `limn train --help-config`
 * prints it.                                                                                                         */
#ifndef LIMN_EXPERIMENT_H
#define LIMN_EXPERIMENT_H

#include "fusion/captioner.h"
#include "fusion/search.h"
#include "tensor/base/config.h"
#include "tensor/optim.h"

/* In the order of their choices in EXPERIMENT_FIELDS. */
typedef enum Statistics { STATISTICS_AUTO, STATISTICS_BATCH, STATISTICS_RUNNING } Statistics;
typedef enum Batches { BATCHES_RANDOM, BATCHES_LENGTH } Batches;
typedef enum Measure { MEASURE_LOSS, MEASURE_NAMED, MEASURE_CLAUSES, MEASURE_CIDER, MEASURE_BLEU } Measure;
typedef enum ObjectiveChoice { OBJECTIVE_CROSS_ENTROPY, OBJECTIVE_SCST } ObjectiveChoice;
typedef enum Baseline { BASELINE_MEAN, BASELINE_GREEDY } Baseline;
typedef enum ScheduledChoice { CHOICE_ARGMAX, CHOICE_SAMPLE } ScheduledChoice;

typedef struct Experiment {
    int64_t seed;
    char    backend[CONFIG_TEXT];
    int64_t threads;                             /* 0: all that the process may use */

    struct {
        char    store[CONFIG_TEXT], cache[CONFIG_TEXT];
        char    train[CONFIG_TEXT], validation[CONFIG_TEXT];
        double  fraction;
        bool    flip;
        int     resize;                          /* ResizeMode, of pictures that the store keeps at their own size */
        double  crop, jitter;                    /* vision/augment.h */
        int64_t workers;
    } data;
    struct {
        char    weights[CONFIG_TEXT];            /* a Hugging Face folder; then its config.json says the sizes */
        char    kind[CONFIG_TEXT];
        char    vectors[CONFIG_TEXT];            /* of kind "features" */
        int64_t image, patch, width, depth, heads, hidden;
        double  multiplier, dropout, drop_path;
        int     statistics;                      /* Statistics */
        double  rate;                            /* learning rate relative to train.rate; 0 freezes */
        double  layer_decay;                     /* of the rate, by layers down from the last        */
        bool    cache, recompute;
    } encoder;
    struct {
        int64_t width, depth, heads, hidden, length;
        double  dropout;
        bool    tied;
        double  rate;
    } decoder;
    struct {
        int     objective;                       /* index of OBJECTIVES */
        char    init[CONFIG_TEXT];               /* a run or model folder to begin with; empty: fresh weights */
        int64_t epochs, steps, pictures, captions, accumulate;
        int     batches;                         /* Batches */
        int     optimizer;                       /* index of OPTIMIZERS */
        double  rate, floor, decay, beta1, beta2, eps, momentum, clip, smoothing;
        bool    nesterov;
        double  warmup;                          /* share of all steps */
        int     schedule;                        /* ScheduleKind */
        int64_t checkpoint_every;
        double  explode;
        double  ema;                             /* decay of the moving average; 0: none */
        int64_t keep_last;                       /* validations whose weights are kept   */
    } train;
    struct {
        double  probability, start;              /* at the end of training; share of it before it begins */
        int     choice;                          /* ScheduledChoice */
    } scheduled;
    struct {
        int64_t samples;                         /* of a picture */
        int     baseline;                        /* Baseline */
        double  temperature, cross_entropy;      /* cross_entropy: its share of the loss */
        double  cider, bleu;                     /* weights in the reward */
        bool    eos, dropout;
    } scst;
    struct {
        double  every;                           /* epochs */
        int     measure;                         /* Measure */
        int64_t patience, pictures, beam;
    } validate;
    struct {
        int64_t beam, max_length;
        int     length;                          /* LengthPenalty */
    } generate;
} Experiment;

extern const Field EXPERIMENT_FIELDS[];

bool experiment_load(const char *path, char *const *overrides, int count, Experiment *out, Err *err);

/* The captioner that the experiment describes, for a vocabulary of that size; reads the encoder's config.json when weights are
 * named. Checks that everything fits together.                                                                       */
bool experiment_captioner(const Experiment *x, int64_t vocab, CaptionerConfig *out, Err *err);

/* Where the output of a frozen encoder is cached (data.cache; else "cache" beside the store); malloc'd. */
char *experiment_cache_folder(const Experiment *x);

/* Freezing and relative learning rates by part; in the encoder they fall by layer_decay with every layer down from its last
 * (Clark et al. 2020; Bao et al. 2022). */
void experiment_apply_rates(const Experiment *x, Params *p);

#endif
