/* prepare.c - worker threads over a ring of slots: item i uses slot i % slots, so that results wait for their turn to be taken. */
#include "datasets/prepare.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/tokenizer.h"

PrepareOptions prepare_defaults(void)
{
    return (PrepareOptions){ .resize = RESIZE_SQUASH, .filter = FILTER_BICUBIC, .min_count = 5, .seed = 1 };
}

enum { MAX_WORKERS = 64, SLOTS_A_WORKER = 4 };

typedef struct Ring {
    const PrepareJob *job;
    pthread_mutex_t   lock;
    pthread_cond_t    made, taken;
    int64_t           next, at;                  /* the next item to make, and to take */
    int64_t           slots;
    void             *slot[MAX_WORKERS * SLOTS_A_WORKER];
    bool              stop;
} Ring;

static void *work(void *context)
{
    Ring *r = context;

    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->stop && r->next < r->job->count && r->next - r->at >= r->slots) pthread_cond_wait(&r->taken, &r->lock);
        if (r->stop || r->next >= r->job->count) break;
        int64_t i = r->next++;
        pthread_mutex_unlock(&r->lock);
        void *made = r->job->make(r->job->context, i);
        pthread_mutex_lock(&r->lock);
        r->slot[i % r->slots] = made;
        pthread_cond_broadcast(&r->made);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void *await(Ring *r, int64_t i)
{
    pthread_mutex_lock(&r->lock);
    while (!r->slot[i % r->slots]) pthread_cond_wait(&r->made, &r->lock);
    void *made = r->slot[i % r->slots];
    r->slot[i % r->slots] = NULL;
    r->at = i + 1;
    pthread_cond_broadcast(&r->taken);
    pthread_mutex_unlock(&r->lock);
    return made;
}

static bool take_all(Ring *r, Err *err)
{
    const PrepareJob *j = r->job;
    bool ok = true;

    for (int64_t i = 0; i < j->count && ok; i++) {
        void *made = await(r, i);
        ok = j->take(j->context, i, made, err);
        j->drop(made);
        if (ok && j->progress && !j->progress(i + 1, j->count, j->progress_context))
            ok = fail(err, "stopped after %lld of %lld pictures; nothing was written", (long long)(i + 1), (long long)j->count);
    }
    return ok;
}

static int start(Ring *r, pthread_t *thread)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t wanted = r->job->workers > 0 ? r->job->workers : processors > 0 ? processors : 1;
    int started = 0;

    if (wanted > MAX_WORKERS) wanted = MAX_WORKERS;
    r->slots = wanted * SLOTS_A_WORKER;
    while (started < wanted && pthread_create(&thread[started], NULL, work, r) == 0) started++;
    return started;
}

bool prepare_run(const PrepareJob *job, Err *err)
{
    Ring r = { .job = job, .lock = PTHREAD_MUTEX_INITIALIZER, .made = PTHREAD_COND_INITIALIZER, .taken = PTHREAD_COND_INITIALIZER };
    pthread_t thread[MAX_WORKERS];
    int workers = start(&r, thread);
    bool ok = workers > 0 ? take_all(&r, err) : fail(err, "cannot start a worker thread");

    pthread_mutex_lock(&r.lock);
    r.stop = true;
    pthread_cond_broadcast(&r.taken);
    pthread_mutex_unlock(&r.lock);
    for (int i = 0; i < workers; i++) pthread_join(thread[i], NULL);
    for (int64_t i = 0; i < r.slots; i++)
        if (r.slot[i]) job->drop(r.slot[i]);
    return ok;
}

/* ---- the summary ---------------------------------------------------------------------------------------------------- */
static void count_splits(const Store *s, PrepareSummary *out)
{
    out->splits = store_splits(s) < PREPARE_SPLITS ? store_splits(s) : PREPARE_SPLITS;
    for (int i = 0; i < out->splits; i++) {
        int64_t count;
        const int64_t *items = store_split_items(s, i, &count);
        snprintf(out->split[i].name, sizeof out->split[i].name, "%s", store_split_name(s, i));
        out->split[i].pictures = count;
        for (int64_t k = 0; k < count; k++) out->split[i].captions += store_caption_count(s, items[k]);
    }
}

bool prepare_summarize(const char *store, PrepareSummary *out, Err *err)
{
    Store *s = store_open(store, err);
    if (!s) return false;

    *out = (PrepareSummary){ .pictures = store_count(s), .rejected = store_rejected(s) };
    for (int64_t i = 0; i < out->pictures; i++) out->captions += store_caption_count(s, i);
    count_splits(s, out);
    strcpy(out->hash, store_hash(s));
    const json_t *blind = json_object_get(json_object_get(store_provenance(s), "blind"), "shuffled");
    out->composed = blind != NULL;
    out->blind_named = json_real_value(json_object_get(blind, "named"));
    out->blind_true = json_real_value(json_object_get(blind, "true_clauses"));

    const char *json = store_tokenizer(s);
    Tokenizer *k = json ? tokenizer_from_json(json, strlen(json), store, err) : NULL;
    if (k) out->words = tokenizer_size(k);
    tokenizer_free(k);
    store_close(s);
    return k || !json;
}
