/* team.h - a small team of threads that stays hot between ops.
 *
 * team_run splits [0, count) work items over the team; which member runs an item never changes what the item computes,
 * so results do not depend on the number of threads. Members spin briefly between jobs, then sleep. The caller is
 * member 0 and works too. No nesting: a job that calls team_run runs it on its own.                               */
#ifndef LIMN_TEAM_H
#define LIMN_TEAM_H

#include <stdint.h>

typedef struct Team Team;

Team *team_new(int threads);                     /* 0: as many as the process may use (affinity mask) */
void  team_free(Team *t);
int   team_size(const Team *t);                  /* 1 for NULL */

/* Calls job(context, item, member) once for every item in [0, count). NULL team: in order, on the caller. */
void team_run(Team *t, int64_t count, void (*job)(void *context, int64_t item, int member), void *context);

#endif
