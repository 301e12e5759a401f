/* initial_weights.c - a run that begins with another's weights (train.init): the same parameters by name and shape, the same vocabulary. */
#include <stdlib.h>
#include <string.h>

#include "experiments/trainer.h"
#include "tensor/base/json.h"

/* A word's number is its row of the embeddings, so that the vocabularies must agree word for word. */
static bool same_words(const Tokenizer *theirs, const Tokenizer *ours, const char *folder, const char *store, Err *err)
{
    for (int32_t i = 0; i < tokenizer_size(theirs) && i < tokenizer_size(ours); i++)
        if (strcmp(tokenizer_token(theirs, i), tokenizer_token(ours, i)))
            return fail(err, "train.init: token %d is '%s' in %s, but '%s' in %s; begin with a run on a store of the same vocabulary", i,
                        tokenizer_token(theirs, i), folder, tokenizer_token(ours, i), store);
    if (tokenizer_size(theirs) != tokenizer_size(ours))
        return fail(err, "train.init: %s has a vocabulary of %d tokens, %s one of %d; begin with a run on a store of the same vocabulary",
                    folder, tokenizer_size(theirs), store, tokenizer_size(ours));
    char *a = tokenizer_to_json(theirs), *b = tokenizer_to_json(ours);
    bool same = !strcmp(a, b);
    free(a);
    free(b);
    return same || fail(err, "train.init: %s and %s split text into tokens by other rules", folder, store);
}

/* Every parameter that one has and the other has not, or of another shape. */
static bool same_parameters(Params *theirs, Params *ours, const char *folder, Err *err)
{
    Err all = { 0 };

    for (int i = 0; i < params_count(ours); i++) {
        const Tensor *x = params_at(ours, i)->tensor;
        const Param *y = params_find(theirs, x->name);
        if (!y) fail_also(&all, ERR_FAILED, "train.init: %s has no %s", folder, x->name);
        else if (!shape_equal(y->tensor->shape, x->shape))
            fail_also(&all, ERR_FAILED, "train.init: %s of %s is %s, the config's model wants %s", x->name, folder,
                      shape_text(y->tensor->shape).s, shape_text(x->shape).s);
    }
    for (int i = 0; i < params_count(theirs); i++)
        if (!params_find(ours, params_at(theirs, i)->tensor->name))
            fail_also(&all, ERR_FAILED, "train.init: %s of %s is none of the config's model", params_at(theirs, i)->tensor->name, folder);
    if (all.status) *err = all;
    return all.status == 0;
}

static bool same_pictures(const Preprocess *theirs, const Preprocess *ours, const char *folder, Err *err)
{
    json_t *a = preprocess_to_json(theirs), *b = preprocess_to_json(ours);
    bool same = json_equal(a, b);

    json_decref(a);
    json_decref(b);
    return same || fail(err, "train.init: %s sees pictures as another preprocessing makes them; `limn prepare` and data.resize decide on "
                        "size and resizing, encoder.weights on mean and deviation", folder);
}

bool trainer_load_initial(Trainer *r, Err *err)
{
    const char *folder = r->x.train.init;
    Model *from = model_read(folder, err), *m = &r->model;
    bool ok = from && same_words(from->tokenizer, m->tokenizer, folder, r->x.data.store, err)
              && same_parameters(from->params, m->params, folder, err) && same_pictures(&from->preprocess, &m->preprocess, folder, err);

    for (int i = 0; ok && i < params_count(m->params); i++) {
        Tensor *x = params_at(m->params, i)->tensor;
        int64_t n = shape_count(x->shape);
        real *values = malloc((size_t)n * sizeof *values);
        REQUIRE(values, "out of memory");
        tensor_read(params_find(from->params, x->name)->tensor, 0, values, n);
        tensor_write(x, 0, values, n);
        free(values);
    }
    if (ok) params_touch(m->params);
    model_free(from);
    return ok;
}
