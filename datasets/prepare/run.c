/* run.c - worker threads over a ring of slots: item i uses slot i % slots, so that results wait for their turn to be taken. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "datasets/prepare.h"

enum { MAX_WORKERS = 64, SLOTS_A_WORKER = 4 };

typedef struct Ring {
    const PrepareJob *job;
    pthread_mutex_t   lock, fetching;
    pthread_cond_t    made, taken;
    int64_t           next, at;                  /* the next item to make, and to take */
    int64_t           slots;
    void             *slot[MAX_WORKERS * SLOTS_A_WORKER];
    bool              stop;
} Ring;

/* The number of an item to make; -1: no more. */
static int64_t claim(Ring *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->stop && r->next < r->job->count && r->next - r->at >= r->slots) pthread_cond_wait(&r->taken, &r->lock);
    int64_t i = r->stop || r->next >= r->job->count ? -1 : r->next++;
    pthread_mutex_unlock(&r->lock);
    return i;
}

/* Claimed and fetched under one lock, fetches come in the order of the items. */
static int64_t claim_and_fetch(Ring *r, void **fetched)
{
    const PrepareJob *j = r->job;

    *fetched = NULL;
    if (!j->fetch) return claim(r);
    pthread_mutex_lock(&r->fetching);
    int64_t i = claim(r);
    if (i >= 0) *fetched = j->fetch(j->context, i);
    pthread_mutex_unlock(&r->fetching);
    return i;
}

static void *work(void *context)
{
    Ring *r = context;
    void *fetched;

    for (int64_t i; (i = claim_and_fetch(r, &fetched)) >= 0;) {
        void *made = r->job->make(r->job->context, i, fetched);
        pthread_mutex_lock(&r->lock);
        r->slot[i % r->slots] = made;
        if (i == r->at) pthread_cond_signal(&r->made);           /* the one that take waits for */
        pthread_mutex_unlock(&r->lock);
    }
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

static void stop(Ring *r, pthread_t *thread, int workers)
{
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->taken);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < workers; i++) pthread_join(thread[i], NULL);
    for (int64_t i = 0; i < r->slots; i++)
        if (r->slot[i]) r->job->drop(r->slot[i]);
}

bool prepare_run(const PrepareJob *job, Err *err)
{
    Ring r = { .job = job, .lock = PTHREAD_MUTEX_INITIALIZER, .fetching = PTHREAD_MUTEX_INITIALIZER, .made = PTHREAD_COND_INITIALIZER,
               .taken = PTHREAD_COND_INITIALIZER, .next = job->first, .at = job->first };
    pthread_t thread[MAX_WORKERS];
    int  workers = start(&r, thread);
    bool ok = workers > 0 || fail(err, "cannot start a worker thread");

    for (int64_t i = job->first; i < job->count && ok; i++) {
        void *made = await(&r, i);
        ok = job->take(job->context, i, made, err);
        job->drop(made);
    }
    stop(&r, thread, workers);
    return ok;
}
