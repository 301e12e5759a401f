/* test_team.c - every item once, whatever the number of threads; nesting; sleeping and waking. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tensor/base/team.h"

enum { ITEMS = 1000 };

typedef struct Job { int count[ITEMS]; int64_t value[ITEMS]; Team *team; _Atomic int wrong; int members; } Job;

static void mark(void *context, int64_t item, int member)
{
    Job *j = context;
    j->count[item]++;
    j->value[item] = item * item;
    if (member < 0 || member >= j->members) j->wrong++;
}

Test(team, runs_every_item_exactly_once_for_any_number_of_threads)
{
    for (int threads = 1; threads <= 6; threads++) {
        Team *t = team_new(threads);
        cr_assert_eq(team_size(t), threads);
        for (int round = 0; round < 300; round++) {
            Job j = { .members = threads };
            int64_t count = round % 5 == 0 ? round % 3 : ITEMS - round;
            team_run(t, count, mark, &j);
            for (int64_t i = 0; i < ITEMS; i++) cr_assert_eq(j.count[i], i < count);
            cr_assert_eq(j.wrong, 0);
        }
        team_free(t);
    }
    team_free(NULL);
}

static void in_order(void *context, int64_t item, int member)
{
    int64_t *next = context;
    cr_assert(item == (*next)++ && member == 0);
}

Test(team, of_nobody_is_the_caller_in_order)
{
    int64_t next = 0;
    team_run(NULL, 100, in_order, &next);
    cr_expect_eq(next, 100);
    cr_expect_eq(team_size(NULL), 1);
}

typedef struct Inner { int outer_member; int sum; _Atomic int *wrong; } Inner;

static void inner(void *context, int64_t item, int member)
{
    Inner *n = context;
    n->sum += (int)item;
    if (member != n->outer_member) (*n->wrong)++;
}

static void outer(void *context, int64_t item, int member)
{
    Job  *j = context;
    Inner n = { .outer_member = member, .wrong = &j->wrong };
    team_run(j->team, 10, inner, &n);
    j->count[item] = n.sum;
}

Test(team, inside_a_job_runs_on_its_own)
{
    Team *t = team_new(4);
    Job   j = { .team = t };
    team_run(t, ITEMS, outer, &j);
    for (int i = 0; i < ITEMS; i++) cr_assert_eq(j.count[i], 45);
    cr_expect_eq(j.wrong, 0);
    team_free(t);
}

static void nap(long microseconds)
{
    nanosleep(&(struct timespec){ .tv_nsec = microseconds * 1000 }, NULL);
}

static _Atomic int members_seen, items_done;

static void slow(void *context, int64_t item, int member)
{
    (void)context, (void)item;
    members_seen |= 1 << member;
    nap(2000 + 3000 * (member > 0));
    items_done++;
}

Test(team, wakes_from_sleep_and_shares_the_work)
{
    Team *t = team_new(3);
    for (int round = 0; round < 20; round++) {
        nap(round % 2 ? 3000 : 100);                     /* longer and shorter than members spin */
        members_seen = items_done = 0;
        team_run(t, 12, slow, NULL);
        cr_expect_neq(members_seen & ~1, 0, "nobody helped in round %d", round);
        cr_expect_eq(items_done, 12, "the caller waits for everybody");
    }
    team_free(t);
}

Test(team, of_zero_takes_what_the_process_may_use)
{
    Team *t = team_new(0);
    cr_expect_geq(team_size(t), 1);
    team_free(t);
}

static void empty(void *context, int64_t item, int member) { (void)context, (void)item, (void)member; }

Test(team, of_many_more_threads_than_cores_still_gets_on)
{
    Team *t = team_new(16);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < 2000; i++) team_run(t, 16, empty, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double seconds = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    cr_expect_lt(seconds, 20, "%g s for 2000 jobs", seconds);
    team_free(t);
}
