/* progress.h - how far along a long command is: a bar that redraws itself on a terminal, a plain line now and then elsewhere.
 * Everything goes to stderr.                                                                                         */
#ifndef LIMN_PROGRESS_H
#define LIMN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
    const char *title;
    int64_t     total, first;                    /* first: where a resumed job began */
    bool        terminal, quiet;
    double      started, drawn, line_every;      /* seconds */
} Progress;

Progress progress_begin(const char *title, int64_t total, int64_t first, bool quiet);
/* note: figures of the moment, "loss 2.31"; unit_rate: units a second to show, 0: none; unit: "images". */
void     progress_show(Progress *p, int64_t done, const char *note, double unit_rate, const char *unit);
/* A line above the bar. */
void     progress_say(Progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void     progress_end(Progress *p);

double seconds_now(void);                        /* monotonic */
/* "1:05", "2:03:04" */
typedef struct TimeText { char s[32]; } TimeText;
TimeText time_text(double seconds);

#endif
