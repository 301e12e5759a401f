/* loader.c - batches made ahead by worker threads.
 *
 * Batches are numbered through all epochs: n = epoch * batches + at. Batch n is made in slot n % slots, by whichever worker comes first;
 * what is in it depends on n alone (loader/batch.c). The caller holds one slot, so `prefetch` + 1 of them keep `prefetch` ahead.
 * Asking for another batch than the next begins anew there.                                                            */
#include "datasets/loader.h"

#include <pthread.h>
#include <stdlib.h>

#include "datasets/loader/batch.h"

enum { SLOT_BYTES = 1 << 20, MAX_WORKERS = 64 };
static const int64_t NOTHING = INT64_MAX / 2;    /* as `next`: no batch is to be made */

typedef enum SlotState { SLOT_EMPTY, SLOT_WORKING, SLOT_READY } SlotState;
typedef struct Slot {
    SlotState state;
    Arena    *arena;
    int32_t  *order;                             /* of epoch order_of */
    int64_t   order_of;
    bool      ok;
    Err       err;
    Batch     batch;
} Slot;

struct Loader {
    Corpus          corpus;
    pthread_mutex_t lock;
    pthread_cond_t  work, ready;                 /* a slot may be filled; a slot has been */
    pthread_t       thread[MAX_WORKERS];
    int             workers, slots;
    Slot           *slot;
    int64_t         next, held;                  /* the next batch to make; the one the caller has */
    bool            stop;
};

static void fill(Loader *l, Slot *s, int64_t n)
{
    const Corpus *c = &l->corpus;
    int64_t epoch = n / c->batches;

    if (s->order_of != epoch) {
        corpus_order(c, epoch, s->order);
        s->order_of = epoch;
    }
    arena_reset(s->arena);
    s->ok = corpus_batch(c, s->order, epoch, n % c->batches, s->arena, &s->batch, &s->err);
}

static void *work(void *context)
{
    Loader *l = context;

    pthread_mutex_lock(&l->lock);
    for (;;) {
        Slot *s = &l->slot[l->next % l->slots];
        if (l->stop) break;
        if (l->next >= l->held + l->slots || s->state != SLOT_EMPTY) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        int64_t n = l->next++;
        s->state = SLOT_WORKING;
        pthread_mutex_unlock(&l->lock);
        fill(l, s, n);
        pthread_mutex_lock(&l->lock);
        s->state = SLOT_READY;
        pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Throws away what was made ahead; batches from n on come next. Under the lock. */
static void restart(Loader *l, int64_t n)
{
    l->next = NOTHING;
    for (int i = 0; i < l->slots; i++) {
        while (l->slot[i].state == SLOT_WORKING) pthread_cond_wait(&l->ready, &l->lock);
        l->slot[i].state = SLOT_EMPTY;
    }
    l->next = n;
    l->held = n;
}

static void make_slots(Loader *l, int count)
{
    l->slots = count;
    l->slot = calloc((size_t)count, sizeof *l->slot);
    REQUIRE(l->slot, "out of memory");
    for (int i = 0; i < count; i++) {
        l->slot[i].arena = arena_new(SLOT_BYTES);
        l->slot[i].order = malloc((size_t)l->corpus.pictures * sizeof(int32_t));
        l->slot[i].order_of = -1;
        REQUIRE(l->slot[i].order, "out of memory");
    }
}

Loader *loader_new(Store *s, const Tokenizer *k, const Preprocess *p, Features *features, LoaderOptions o, Err *err)
{
    Loader *l = calloc(1, sizeof *l);
    REQUIRE(l, "out of memory");
    l->next = NOTHING;
    l->held = -2;                                /* no batch, and no batch follows it */
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    if (!corpus_new(&l->corpus, s, k, p, features, o, err)) {
        loader_free(l);
        return NULL;
    }
    int wanted = o.workers < MAX_WORKERS ? o.workers : MAX_WORKERS;
    make_slots(l, wanted > 0 ? (o.prefetch > wanted ? o.prefetch : wanted) + 1 : 1);
    /* A machine without room for another thread still trains: the caller makes the batches. */
    while (l->workers < wanted && pthread_create(&l->thread[l->workers], NULL, work, l) == 0) l->workers++;
    return l;
}

void loader_free(Loader *l)
{
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->workers; i++) pthread_join(l->thread[i], NULL);
    for (int i = 0; i < l->slots; i++) {
        arena_free(l->slot[i].arena);
        free(l->slot[i].order);
    }
    free(l->slot);
    corpus_free(&l->corpus);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->ready);
    free(l);
}

int64_t loader_pictures(const Loader *l) { return l->corpus.pictures; }
int64_t loader_batches(const Loader *l)  { return l->corpus.batches; }

/* The caller's slot for batch n, filled. The slot before is given up. Under the lock. */
static Slot *obtain(Loader *l, int64_t n)
{
    Slot *s = &l->slot[n % l->slots];

    if (n == l->held + 1) l->slot[l->held % l->slots].state = SLOT_EMPTY;
    else                  restart(l, n);
    l->held = n;
    if (l->workers == 0) {
        fill(l, s, n);
        return s;
    }
    pthread_cond_broadcast(&l->work);
    while (s->state != SLOT_READY) pthread_cond_wait(&l->ready, &l->lock);
    return s;
}

bool loader_get(Loader *l, int64_t epoch, int64_t at, Batch *out, Err *err)
{
    REQUIRE(epoch >= 0 && at >= 0 && at < l->corpus.batches, "loader_get: batch %lld of %lld", (long long)at, (long long)l->corpus.batches);
    pthread_mutex_lock(&l->lock);
    Slot *s = obtain(l, epoch * l->corpus.batches + at);
    pthread_mutex_unlock(&l->lock);
    if (!s->ok) return fail(err, "%s", s->err.text);
    *out = s->batch;
    return true;
}
