/* caption_relay.c - one thread reads a file of captions while the caller takes those that were read before: parsing JSON and tokenising cost
 * about as much as each other.
 *
 * Two batches: the reader fills one while the caller empties the other. `ready` says that the caller's turn with the exchanged batch has
 * begun; it is the only thing that both threads write, under the lock.                                                    */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/buffer.h"
#include "experiments/metrics/caption_files.h"

enum { BATCH = 1 << 18 };                        /* bytes of text */

typedef struct Waiting { int64_t image, id; size_t text; } Waiting;  /* text: where in `texts` */
typedef struct Batch { Buffer texts, captions; bool last; } Batch;

typedef struct Relay {
    const char     *path;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            ready, stopped;              /* the caller's batch is full; the caller wants no more */
    Batch           filling, full;
    bool            ok;                          /* of the reader */
    Err             err;
} Relay;

static void batch_empty(Batch *b)
{
    b->texts.used = b->captions.used = 0;
    b->last = false;
}

/* Waits until the caller has emptied its batch, and exchanges the two; false: it wants no more. */
static bool hand_over(Relay *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->ready && !r->stopped) pthread_cond_wait(&r->changed, &r->lock);
    bool wanted = !r->stopped;
    if (wanted) {
        Batch emptied = r->full;
        r->full = r->filling;
        r->filling = emptied;
        batch_empty(&r->filling);
        r->ready = true;
        pthread_cond_signal(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return wanted;
}

static bool put(const FileCaption *c, void *context, Err *err)
{
    Relay  *r = context;
    Waiting w = { c->image, c->id, r->filling.texts.used };
    (void)err;

    buffer_add(&r->filling.texts, c->text, strlen(c->text) + 1);
    buffer_add(&r->filling.captions, &w, sizeof w);
    return r->filling.texts.used < BATCH || hand_over(r);
}

static void *read_file(void *context)
{
    Relay *r = context;

    r->ok = captions_each(r->path, put, r, &r->err);
    r->filling.last = true;
    hand_over(r);
    return NULL;
}

static bool take(const Batch *b, CaptionEach *each, void *context, Err *err)
{
    const Waiting *w = (const Waiting *)(const void *)b->captions.p;

    for (size_t i = 0; i < b->captions.used / sizeof *w; i++) {
        FileCaption c = { w[i].image, w[i].id, b->texts.p + w[i].text };
        TRY(each(&c, context, err));
    }
    return true;
}

/* The caller's part: false when `each` gave false. */
static bool take_all(Relay *r, CaptionEach *each, void *context, Err *err)
{
    for (bool last = false; !last;) {
        pthread_mutex_lock(&r->lock);
        while (!r->ready) pthread_cond_wait(&r->changed, &r->lock);
        pthread_mutex_unlock(&r->lock);
        bool ok = take(&r->full, each, context, err);
        last = r->full.last;
        pthread_mutex_lock(&r->lock);
        r->ready = false;
        r->stopped = !ok;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->lock);
        TRY(ok);
    }
    return true;
}

bool captions_relay(const char *path, CaptionEach *each, void *context, Err *err)
{
    Relay r = { .path = path, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    Batch *batches[] = { &r.filling, &r.full };
    pthread_t reader;

    if (pthread_create(&reader, NULL, read_file, &r) != 0) return captions_each(path, each, context, err);
    bool ok = take_all(&r, each, context, err);
    pthread_join(reader, NULL);
    for (int i = 0; i < 2; i++) {
        free(batches[i]->texts.p);
        free(batches[i]->captions.p);
    }
    if (ok && !r.ok) *err = r.err;
    return ok && r.ok;
}
