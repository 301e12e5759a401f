/* ensemble.c - several models that decide together: p(token) is the mean of what each of them has it. */
#include "fusion/search/engine.h"

#include <math.h>
#include <string.h>

void ensemble_mean(Tensor *const *log_probs, int speakers, int64_t row, real *read, double *mean)
{
    int64_t V = shape_last(log_probs[0]->shape);
    tensor_read(log_probs[0], row * V, read, V);
    for (int64_t v = 0; v < V; v++)
        mean[v] = (double)read[v];
    if (speakers > 1) {
        for (int64_t v = 0; v < V; v++)
            mean[v] = exp(mean[v]);
        for (int k = 1; k < speakers; k++) {
            tensor_read(log_probs[k], row * V, read, V);
            for (int64_t v = 0; v < V; v++)
                mean[v] += exp((double)read[v]);
        }
        for (int64_t v = 0; v < V; v++)
            mean[v] = log(mean[v] / speakers);
    }
    for (int64_t v = 0; v < V; v++)
        mean[v] = isnan(mean[v]) ? -INFINITY : mean[v];
}

int ensemble_length(Ensemble e)
{
    int64_t least = e.speakers[0].captioner->config.decoder.length;
    for (int k = 1; k < e.count; k++) {
        const DecoderConfig *c = &e.speakers[k].captioner->config.decoder;
        REQUIRE(c->vocab == e.speakers[0].captioner->config.decoder.vocab && e.speakers[k].features->shape.d[0] == e.speakers[0].features->shape.d[0],
                "ensemble: speaker %d has other words or pictures than the first", k);
        least = c->length < least ? c->length : least;
    }
    return (int)least;
}

bool ensemble_check(const Model *const *models, const char *const *names, int count, Err *err)
{
    const Tokenizer *first = models[0]->tokenizer;
    for (int k = 1; k < count; k++) {
        const Tokenizer *other = models[k]->tokenizer;
        int32_t size = tokenizer_size(first), others = tokenizer_size(other);
        for (int32_t v = 0; v < size && v < others; v++)
            if (strcmp(tokenizer_token(first, v), tokenizer_token(other, v)))
                return fail(err, "an ensemble's models must share their vocabulary: token %d is '%s' in %s, but '%s' in %s", v,
                            tokenizer_token(first, v), names[0], tokenizer_token(other, v), names[k]);
        if (size != others)
            return fail(err, "an ensemble's models must share their vocabulary: token %d is '%s' in %s, but %s has only %d tokens",
                        size < others ? size : others, tokenizer_token(size < others ? other : first, size < others ? size : others),
                        names[size < others ? k : 0], names[size < others ? 0 : k], size < others ? size : others);
    }
    return true;
}
