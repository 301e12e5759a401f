/* team.c - a job is published, joined, and closed.
 *
 * The caller writes the job, then stores its ticket in `open`. Whoever is awake joins: it counts itself into `joined`,
 * then looks at `open` again and works only while that still holds the ticket. Items are claimed by one atomic counter.
 * When the caller finds no more items it closes the job (open = 0) and waits until `joined` is 0, so that nobody
 * reads the job's fields while the next one is written, and a member that is slow to wake delays nobody. That the
 * joiner writes `joined` and reads `open` while the caller writes `open` and reads `joined` needs sequential
 * consistency: one of the two sees the other. The same holds for `sleepers` and the wake-up.                         */
#include "tensor/base/team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "tensor/base/err.h"

enum { MAX_THREADS = 256, SPIN_MICROSECONDS = 100, PAUSES_A_LOOK = 32 };

typedef void Job(void *context, int64_t item, int member);

typedef struct Member { Team *team; int index; pthread_t thread; } Member;

struct Team {
    int     size;
    Member *members;                             /* [0] is the caller                                */
    Job    *job;                                 /* the job: written while closed and nobody joined  */
    void   *context;
    int64_t count;
    uint64_t tickets;                            /* the caller's: tickets given out                  */
    _Alignas(64) _Atomic uint64_t open;          /* ticket of the job that can be joined, or 0       */
    _Alignas(64) _Atomic int64_t  next;          /* first item that nobody claimed                   */
    _Alignas(64) _Atomic int      joined;
    _Atomic int     sleepers;
    _Atomic bool    busy, stop;
    pthread_mutex_t lock;
    pthread_cond_t  wake;
};

static _Thread_local int  own_index;             /* member number of this thread ...           */
static _Thread_local bool in_job;                /* ... while it runs an item: no nesting       */

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Looks a few times; then lets others run, for on a busy machine it may be them that we wait for. */
static bool spin_until_new(Team *t, uint64_t seen)
{
    int64_t end = microseconds() + SPIN_MICROSECONDS;
    do {
        for (int i = 0; i < PAUSES_A_LOOK; i++) {
            uint64_t open = atomic_load(&t->open);
            if ((open && open != seen) || atomic_load(&t->stop)) return true;
            cpu_relax();
        }
        sched_yield();
    } while (microseconds() < end);
    return false;
}

static void sleep_until_new(Team *t, uint64_t seen)
{
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->sleepers, 1);
    for (;;) {
        uint64_t open = atomic_load(&t->open);
        if ((open && open != seen) || atomic_load(&t->stop)) break;
        pthread_cond_wait(&t->wake, &t->lock);
    }
    atomic_fetch_sub(&t->sleepers, 1);
    pthread_mutex_unlock(&t->lock);
}

static void wake_sleepers(Team *t)
{
    if (!atomic_load(&t->sleepers)) return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static void work(Team *t)
{
    in_job = true;
    for (;;) {
        int64_t item = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
        if (item >= t->count) break;
        t->job(t->context, item, own_index);
    }
    in_job = false;
}

static void *member_main(void *arg)
{
    Member  *m    = arg;
    Team    *t    = m->team;
    uint64_t seen = 0;

    own_index = m->index;
    while (!atomic_load(&t->stop)) {
        if (!spin_until_new(t, seen)) sleep_until_new(t, seen);
        uint64_t ticket = atomic_load(&t->open);
        if (!ticket || ticket == seen) continue;
        atomic_fetch_add(&t->joined, 1);
        if (atomic_load(&t->open) == ticket) work(t);
        atomic_fetch_sub(&t->joined, 1);
        seen = ticket;
    }
    return NULL;
}

static int usable_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

Team *team_new(int threads)
{
    if (threads <= 0)          threads = usable_cpus();
    if (threads > MAX_THREADS) threads = MAX_THREADS;

    Team *t = aligned_alloc(64, (sizeof *t + 63) / 64 * 64);
    REQUIRE(t, "team_new: out of memory");
    *t = (Team){ .size = 1 };
    t->members = calloc((size_t)threads, sizeof *t->members);
    REQUIRE(t->members, "team_new: out of memory");
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);

    /* Signals are the main thread's business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (; t->size < threads; t->size++) {
        Member *m = &t->members[t->size];
        *m = (Member){ .team = t, .index = t->size };
        if (pthread_create(&m->thread, NULL, member_main, m) != 0) break;    /* a smaller team computes the same */
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t;
}

void team_free(Team *t)
{
    if (!t) return;
    atomic_store(&t->stop, true);
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
    for (int i = 1; i < t->size; i++) pthread_join(t->members[i].thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t->members);
    free(t);
}

int team_size(const Team *t) { return t ? t->size : 1; }

void team_run(Team *t, int64_t count, Job *job, void *context)
{
    if (!t || t->size == 1 || count <= 1 || in_job) {
        for (int64_t i = 0; i < count; i++) job(context, i, in_job ? own_index : 0);
        return;
    }
    REQUIRE(!atomic_exchange(&t->busy, true), "team_run: two threads use one team at the same time");

    t->job     = job;
    t->context = context;
    t->count   = count;
    atomic_store_explicit(&t->next, 0, memory_order_relaxed);
    atomic_store(&t->open, ++t->tickets);
    wake_sleepers(t);

    own_index = 0;
    work(t);
    atomic_store(&t->open, 0);
    for (int looks = 0; atomic_load(&t->joined); looks++) {
        if (looks < PAUSES_A_LOOK * PAUSES_A_LOOK) cpu_relax();
        else                                       sched_yield();
    }
    atomic_store(&t->busy, false);
}
