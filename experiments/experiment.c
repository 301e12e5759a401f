/* experiment.c - the table of config keys, and the model that they describe. */
#include "experiments/experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/features.h"

#define X Experiment
const Field EXPERIMENT_FIELDS[] = {
    FIELD_INT ("seed",                X, seed,               "1", 0, 9e15, "of initial weights, order, dropout and augmentation"),
    FIELD_TEXT("backend",             X, backend,            "openblas", "reference or openblas"),
    FIELD_INT ("threads",             X, threads,            "0", 0, 1024, "0: all cores that the process may use"),

    FIELD_PATH("data.store",          X, data.store,         NULL, "what `limn prepare` wrote"),
    FIELD_PATH("data.cache",          X, data.cache,         "", "folder of cached features; empty: beside the store"),
    FIELD_TEXT("data.train",          X, data.train,         "train", "split to learn from"),
    FIELD_TEXT("data.validation",     X, data.validation,    "val", "split that chooses the best checkpoint"),
    FIELD_REAL("data.fraction",       X, data.fraction,      "1", 1e-6, 1, "of the training pictures (learning curves)"),
    FIELD_CHOICE("data.resize",       X, data.resize,        "squash", "squash|crop|pad", "how pictures that the store keeps at their own size become encoder.image pixels a side"),
    FIELD_BOOL("data.flip",           X, data.flip,          "false", "mirror half of the pictures whose captions name no side"),
    FIELD_REAL("data.crop",           X, data.crop,          "1", 0.01, 1, "random-resized crop: smallest share of a picture's area; 1: whole pictures"),
    FIELD_REAL("data.jitter",         X, data.jitter,        "0", 0, 1, "brightness, contrast, saturation up to 1 +- this, hue a quarter of it"),
    FIELD_INT ("data.workers",        X, data.workers,       "1", 0, 64, "threads that prepare batches ahead"),

    FIELD_PATH("encoder.weights",     X, encoder.weights,    "", "a Hugging Face folder to start from; it sets the sizes below"),
    FIELD_PATH("encoder.vectors",     X, encoder.vectors,    "", "kind features: a .npy or HDF5 file (FILE.h5:/SET) with a block of vectors a picture"),
    FIELD_TEXT("encoder.kind",        X, encoder.kind,       "", "kind of image encoder; empty: what the weights are, or vit. Below, 0 means: as the kind has it"),
    FIELD_INT ("encoder.image",       X, encoder.image,      "96", 1, 4096, "pixels a side"),
    FIELD_INT ("encoder.patch",       X, encoder.patch,      "0", 0, 4096, "transformers: pixels a side of a patch (12)"),
    FIELD_INT ("encoder.width",       X, encoder.width,      "0", 0, 65536, "features a token (vit: 192); resnet, convnext: of the first stage (64, 96)"),
    FIELD_INT ("encoder.depth",       X, encoder.depth,      "0", 0, 256, "blocks (vit: 4); resnet: 18, 34, 50 or 101 layers (18)"),
    FIELD_INT ("encoder.heads",       X, encoder.heads,      "0", 0, 256, "transformers: attention heads (3); must divide the width"),
    FIELD_INT ("encoder.hidden",      X, encoder.hidden,     "0", 0, 262144, "transformers: MLP width (four times the width)"),
    FIELD_REAL("encoder.multiplier",  X, encoder.multiplier, "0", 0, 4, "mobilenet_v1: of all widths (1)"),
    FIELD_REAL("encoder.dropout",     X, encoder.dropout,    "0", 0, 0.9, "transformers: after embeddings and projections"),
    FIELD_REAL("encoder.drop_path",   X, encoder.drop_path,  "0", 0, 0.9, "stochastic depth: share of pictures that skip the last block; rises from 0"),
    FIELD_CHOICE("encoder.statistics", X, encoder.statistics, "auto", "auto|batch|running",
                 "what batch norm trains with: the batch's, or the running statistics as they are; auto: running with weights"),
    FIELD_BOOL("encoder.recompute",   X, encoder.recompute,  "false", "compute activations again in backward: less memory, more time, same numbers"),
    FIELD_REAL("encoder.rate",        X, encoder.rate,       "1", 0, 100, "learning rate relative to train.rate; 0 freezes"),
    FIELD_REAL("encoder.layer_decay", X, encoder.layer_decay, "1", 0.01, 1, "factor on the rate of each layer below the encoder's last"),
    FIELD_BOOL("encoder.cache",       X, encoder.cache,      "false", "compute a frozen encoder's output once and keep it on disk"),

    FIELD_INT ("decoder.width",       X, decoder.width,      "192", 1, 65536, "features a token"),
    FIELD_INT ("decoder.depth",       X, decoder.depth,      "3", 1, 96, "blocks"),
    FIELD_INT ("decoder.heads",       X, decoder.heads,      "4", 1, 256, "attention heads; must divide the width"),
    FIELD_INT ("decoder.hidden",      X, decoder.hidden,     "0", 0, 262144, "MLP width; 0: four times the width"),
    FIELD_INT ("decoder.length",      X, decoder.length,     "32", 2, 65536, "positions: longest caption with <bos>"),
    FIELD_REAL("decoder.dropout",     X, decoder.dropout,    "0.1", 0, 0.9, "on embeddings, residuals and attention"),
    FIELD_BOOL("decoder.tied",        X, decoder.tied,       "true", "the output layer uses the token embeddings"),
    FIELD_REAL("decoder.rate",        X, decoder.rate,       "1", 0, 100, "learning rate relative to train.rate; 0 freezes"),

    FIELD_CHOICE("train.objective",   X, train.objective,    "cross_entropy", "cross_entropy|scst",
                 "what training lowers: cross-entropy of the captions, or minus the reward of captions that the model draws (Rennie et al. 2017)"),
    FIELD_PATH("train.init",          X, train.init,         "", "a run or model folder whose weights training begins with; empty: fresh ones"),
    FIELD_INT ("train.epochs",        X, train.epochs,       "10", 1, 1e6, "passes over the training pictures"),
    FIELD_INT ("train.steps",         X, train.steps,        "0", 0, 1e12, "updates in all; 0: as the epochs say"),
    FIELD_INT ("train.pictures",      X, train.pictures,     "32", 1, 65536, "pictures in a batch"),
    FIELD_INT ("train.captions",      X, train.captions,     "1", 0, 64, "captions of each picture in a batch; 0: all"),
    FIELD_CHOICE("train.batches",     X, train.batches,      "random", "random|length", "which pictures make a batch; length: of like captions, less padding"),
    FIELD_INT ("train.accumulate",    X, train.accumulate,   "1", 1, 4096, "batches in an update"),
    FIELD_CHOICE("train.optimizer",   X, train.optimizer,    "adamw", "adamw|sgd", "AdamW, or stochastic gradient descent with momentum"),
    FIELD_REAL("train.rate",          X, train.rate,         "1e-3", 0, 10, "peak learning rate"),
    FIELD_REAL("train.floor",         X, train.floor,        "0", 0, 10, "learning rate at the end of the schedule"),
    FIELD_REAL("train.warmup",        X, train.warmup,       "0.05", 0, 1, "share of all updates in which the rate rises"),
    FIELD_CHOICE("train.schedule",    X, train.schedule,     "cosine", "constant|linear|cosine", "of the rate after warm-up"),
    FIELD_REAL("train.decay",         X, train.decay,        "0.05", 0, 10, "weight decay of matrices (never biases and norms)"),
    FIELD_REAL("train.beta1",         X, train.beta1,        "0.9", 0, 0.99999, "AdamW: memory of the gradient"),
    FIELD_REAL("train.beta2",         X, train.beta2,        "0.98", 0, 0.999999, "AdamW: memory of its square"),
    FIELD_REAL("train.eps",           X, train.eps,          "1e-8", 1e-16, 1, "AdamW: added to the denominator"),
    FIELD_REAL("train.momentum",      X, train.momentum,     "0.9", 0, 0.99999, "SGD: memory of the gradient"),
    FIELD_BOOL("train.nesterov",      X, train.nesterov,     "false", "SGD: look ahead by the momentum"),
    FIELD_REAL("train.clip",          X, train.clip,         "1", 0, 1e9, "largest norm of the gradient; 0: no limit"),
    FIELD_REAL("train.smoothing",     X, train.smoothing,    "0.1", 0, 0.9, "label smoothing"),
    FIELD_INT ("train.checkpoint_every", X, train.checkpoint_every, "200", 1, 1e9, "updates between checkpoints"),
    FIELD_REAL("train.ema",           X, train.ema,          "0", 0, 0.999999, "decay of a moving average of the weights, which is then what is validated and kept; 0: none"),
    FIELD_INT ("train.keep_last",     X, train.keep_last,    "0", 0, 1000, "at the end, try the mean of the weights of so many last validations; 0: do not"),
    FIELD_REAL("train.explode",       X, train.explode,      "5", 1, 1e9, "stop when a loss exceeds this many times ln V"),

    FIELD_REAL("scheduled_sampling.probability", X, scheduled.probability, "0", 0, 1,
               "of a given word to be replaced, as the decoder's input, by the model's own (Bengio et al. 2015): rises linearly to this; 0: never"),
    FIELD_REAL("scheduled_sampling.start", X, scheduled.start, "0", 0, 0.99, "share of all updates in which none is replaced"),
    FIELD_CHOICE("scheduled_sampling.choice", X, scheduled.choice, "argmax", "argmax|sample", "the model's likeliest word, or one that it draws"),

    FIELD_INT ("scst.samples",        X, scst.samples,       "5", 1, 1000, "captions that are drawn of a picture"),
    FIELD_CHOICE("scst.baseline",     X, scst.baseline,      "mean", "mean|greedy", "what a sample's reward is compared with: the mean of the picture's others, or the greedy caption's"),
    FIELD_REAL("scst.temperature",    X, scst.temperature,   "1", 0.01, 100, "of drawing; at 1 alone the gradient is that of the expected reward"),
    FIELD_REAL("scst.cross_entropy",  X, scst.cross_entropy, "0", 0, 1, "share of the loss that is cross-entropy of the given captions"),
    FIELD_REAL("scst.cider",          X, scst.cider,         "1", 0, 100, "weight of CIDEr-D in the reward; idf from all pictures of data.train"),
    FIELD_REAL("scst.bleu",           X, scst.bleu,          "0", 0, 100, "weight of a picture's BLEU-4 in the reward"),
    FIELD_BOOL("scst.eos",            X, scst.eos,           "true", "the end counts as a word of the reward: else captions learn to break off"),
    FIELD_BOOL("scst.dropout",        X, scst.dropout,       "false", "dropout in the pass that makes the gradient; there is none in drawing"),

    FIELD_REAL("validate.every",      X, validate.every,     "1", 1e-3, 1e6, "epochs between validations"),
    FIELD_CHOICE("validate.measure",  X, validate.measure,   "loss", "loss|named|clauses|cider|bleu",
                 "what makes a checkpoint the best: lowest loss; CIDEr-D or BLEU-4; or (scenes) share of objects named or of true clauses"),
    FIELD_INT ("validate.patience",   X, validate.patience,  "0", 0, 1e6, "stop after so many validations without a better one; 0: never"),
    FIELD_INT ("validate.beam",       X, validate.beam,      "1", 1, 64, "width of the beam search whose captions are measured; 1: greedy"),
    FIELD_INT ("validate.pictures",   X, validate.pictures,  "0", 0, 1e9, "of the validation split; 0: all"),

    FIELD_INT ("generate.beam",       X, generate.beam,      "3", 1, 64, "width of the beam search; 1: greedy"),
    FIELD_INT ("generate.max_length", X, generate.max_length, "24", 1, 65536, "longest caption in tokens"),
    FIELD_CHOICE("generate.length",   X, generate.length,    "average", "none|average", "length penalty: rank by the sum or the mean of log-probabilities"),
    { 0 }
};
#undef X

/* Vectors from a file are what they are: nothing can be done to their pictures any more. */
static void check_vectors(const Experiment *x, const char *where, Err *err)
{
    bool features = strcmp(x->encoder.kind, "features") == 0, vectors = x->encoder.vectors[0];

    if (features != vectors)
        fail_also(err, ERR_USAGE, features ? "%s: encoder.kind: features reads its vectors from a file; name it by encoder.vectors"
                                           : "%s: encoder.vectors goes with encoder.kind: features", where);
    if (vectors && (x->data.flip || x->data.crop < 1 || x->data.jitter > 0))
        fail_also(err, ERR_USAGE, "%s: encoder.vectors has one block a picture, which cannot be mirrored, cropped or jittered; set "
                  "data.flip: false, data.crop: 1 and data.jitter: 0", where);
    if (vectors && (x->encoder.cache || x->encoder.weights[0]))
        fail_also(err, ERR_USAGE, "%s: encoder.vectors takes an encoder's place: leave encoder.cache and encoder.weights out", where);
}

/* A cached encoder has done its work before training begins. */
static void check_cache(const Experiment *x, const char *where, Err *err)
{
    if (!x->encoder.cache) return;
    if (x->encoder.rate > 0)
        fail_also(err, ERR_USAGE, "%s: encoder.cache keeps the output of a frozen encoder, but encoder.rate is %g; "
                  "set encoder.rate: 0 or encoder.cache: false", where, x->encoder.rate);
    if (x->data.crop < 1 || x->data.jitter > 0)
        fail_also(err, ERR_USAGE, "%s: encoder.cache keeps what the encoder makes of whole pictures, but data.crop is %g and data.jitter %g; "
                  "set them to 1 and 0, or encoder.cache: false", where, x->data.crop, x->data.jitter);
    if (x->encoder.dropout > 0 || x->encoder.drop_path > 0)
        fail_also(err, ERR_USAGE, "%s: encoder.cache keeps what the whole encoder makes, but encoder.dropout is %g and encoder.drop_path %g; "
                  "set them to 0, or encoder.cache: false", where, x->encoder.dropout, x->encoder.drop_path);
}

static void check_objective(const Experiment *x, const char *where, Err *err)
{
    bool scst = x->train.objective == OBJECTIVE_SCST;

    if (scst && !x->train.init[0])
        fail_also(err, ERR_USAGE, "%s: train.objective: scst makes a model better that can caption already; name a run by train.init", where);
    if (scst && x->scst.baseline == BASELINE_MEAN && x->scst.samples < 2)
        fail_also(err, ERR_USAGE, "%s: scst.baseline: mean compares a sample with the picture's others, but scst.samples is %lld; draw 2 or "
                  "more, or set scst.baseline: greedy", where, (long long)x->scst.samples);
    if (scst && x->scst.cider == 0 && x->scst.bleu == 0)
        fail_also(err, ERR_USAGE, "%s: scst.cider and scst.bleu are 0: nothing is rewarded", where);
    if (scst && x->data.flip && x->train.captions)
        fail_also(err, ERR_USAGE, "%s: the reward compares with all captions of a picture, and data.flip mirrors it when none of the "
                  "train.captions: %lld in the batch names a side; set train.captions: 0", where, (long long)x->train.captions);
    if (scst && x->scst.cross_entropy == 0 && x->scheduled.probability > 0)
        fail_also(err, ERR_USAGE, "%s: scheduled_sampling goes with cross-entropy, of which the loss has none; set scst.cross_entropy, or "
                  "scheduled_sampling.probability: 0", where);
}

bool experiment_load(const char *path, char *const *overrides, int count, Experiment *out, Err *err)
{
    memset(out, 0, sizeof *out);
    TRY(config_load(EXPERIMENT_FIELDS, out, path, overrides, count, err));
    const char *where = path ? path : "command line";
    check_cache(out, where, err);
    check_vectors(out, where, err);
    check_objective(out, where, err);
    if (out->train.nesterov && out->train.momentum == 0)
        fail_also(err, ERR_USAGE, "%s: train.nesterov looks ahead by the momentum, but train.momentum is 0", where);
    if (out->train.keep_last == 1)
        fail_also(err, ERR_USAGE, "%s: train.keep_last: 1 is a mean of one; say 2 or more, or 0 for none", where);
    if (out->generate.max_length >= out->decoder.length)
        fail_also(err, ERR_USAGE, "%s: generate.max_length is %lld, but the decoder has only %lld positions (decoder.length), "
                  "one of them for <bos>", where, (long long)out->generate.max_length, (long long)out->decoder.length);
    return err->status == 0;
}

/* From a folder, or as the options say. */
static bool encoder_described(const Experiment *x, EncoderConfig *out, Err *err)
{
    EncoderOptions o = { .image = x->encoder.image, .patch = x->encoder.patch, .width = x->encoder.width, .depth = x->encoder.depth,
                         .heads = x->encoder.heads, .hidden = x->encoder.hidden, .multiplier = x->encoder.multiplier };
    bool loaded = x->encoder.weights[0];

    if (x->encoder.vectors[0]) TRY(features_shape(x->encoder.vectors, &o.tokens, &o.width, err));
    if (loaded) {
        TRY(encoder_config_read(x->encoder.weights, out, err));
        if (x->encoder.kind[0] && strcmp(x->encoder.kind, out->kind))
            return fail_usage(err, "encoder.kind is %s, but %s holds a %s; leave encoder.kind out", x->encoder.kind, x->encoder.weights,
                              out->kind);
    } else {
        const EncoderKind *kind = encoder_find(x->encoder.kind[0] ? x->encoder.kind : "vit", err);
        TRY(kind && kind->from_options(&o, out, err));
    }
    out->dropout = x->encoder.dropout;
    out->drop_path = x->encoder.drop_path;
    out->recompute = x->encoder.recompute && x->encoder.rate > 0;
    /* A frozen encoder's statistics are frozen, too. */
    out->running = x->encoder.rate == 0 || (x->encoder.statistics == STATISTICS_AUTO ? loaded : x->encoder.statistics == STATISTICS_RUNNING);
    return true;
}

bool experiment_captioner(const Experiment *x, int64_t vocab, CaptionerConfig *out, Err *err)
{
    *out = (CaptionerConfig){ 0 };
    TRY(encoder_described(x, &out->encoder, err));
    out->decoder = (DecoderConfig){
        .vocab = vocab, .length = x->decoder.length, .width = x->decoder.width, .depth = x->decoder.depth,
        .heads = x->decoder.heads, .hidden = x->decoder.hidden ? x->decoder.hidden : 4 * x->decoder.width,
        .activation = ACT_GELU_TANH, .eps = 1e-5, .tied = x->decoder.tied, .embedding_dropout = x->decoder.dropout,
        .residual_dropout = x->decoder.dropout, .attention_dropout = x->decoder.dropout };
    return captioner_config_check(out, err);
}

static bool in_encoder(const Param *p) { return strncmp(p->tensor->name, "encoder.", 8) == 0; }

void experiment_apply_rates(const Experiment *x, Params *p)
{
    params_scale(p, "encoder.", x->encoder.rate);
    params_scale(p, "decoder.", x->decoder.rate);
    params_scale(p, "enc_to_dec_proj.", x->decoder.rate);
    int last = 0;
    for (int i = 0; i < params_count(p); i++)
        if (in_encoder(params_at(p, i)) && params_at(p, i)->layer > last) last = params_at(p, i)->layer;
    for (int i = 0; i < params_count(p); i++) {
        Param *w = params_at(p, i);
        if (in_encoder(w)) w->lr_scale *= pow(x->encoder.layer_decay, last - w->layer);
    }
}

char *experiment_cache_folder(const Experiment *x)
{
    const char *slash = strrchr(x->data.store, '/');
    char *folder = NULL;

    if (x->data.cache[0]) return strdup(x->data.cache);
    REQUIRE(asprintf(&folder, "%.*scache", slash ? (int)(slash - x->data.store + 1) : 0, x->data.store) >= 0, "out of memory");
    return folder;
}
