/* progress.c - bars for people, lines for logs. */
#include "experiments/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

TimeText time_text(double seconds)
{
    TimeText t;
    int64_t s = seconds < 0 ? 0 : (int64_t)(seconds + 0.5);

    if (s >= 3600) snprintf(t.s, sizeof t.s, "%lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    else snprintf(t.s, sizeof t.s, "%d:%02d", (int)(s / 60), (int)(s % 60));
    return t;
}

Progress progress_begin(const char *title, int64_t total, int64_t first, bool quiet)
{
    double now = seconds_now();
    bool terminal = isatty(2);
    /* A first line at once would know nothing yet about the time left. */
    return (Progress){ .title = title, .total = total, .first = first, .quiet = quiet, .terminal = terminal,
                       .started = now, .drawn = terminal ? -1e9 : now, .line_every = 10 };
}

void progress_show(Progress *p, int64_t done, const char *note, double unit_rate, const char *unit)
{
    double now = seconds_now(), spent = now - p->started;
    double every = p->terminal ? 0.1 : p->line_every;
    char bar[25], rate[48] = "";

    if (p->quiet || (now - p->drawn < every && done < p->total)) return;
    p->drawn = now;
    if (unit_rate > 0) snprintf(rate, sizeof rate, "  %.*f %s/s", unit_rate < 10, unit_rate, unit);
    double left = done > p->first ? spent / (double)(done - p->first) * (double)(p->total - done) : 0;
    double share = p->total > 0 ? (double)done / (double)p->total : 1;

    if (!p->terminal) {
        fprintf(stderr, "%s %lld/%lld%s%s%s  %s left\n", p->title, (long long)done, (long long)p->total,
                note[0] ? "  " : "", note, rate, time_text(left).s);
        return;
    }
    for (int i = 0; i < 24; i++) bar[i] = i < (int)(share * 24 + 0.5) ? '#' : '.';
    bar[24] = 0;
    fprintf(stderr, "\r\033[K%s [%s] %lld/%lld%s%s%s  %s left", p->title, bar, (long long)done, (long long)p->total,
            note[0] ? "  " : "", note, rate, time_text(left).s);
    fflush(stderr);
}

void progress_say(Progress *p, const char *fmt, ...)
{
    va_list ap;

    if (p->quiet) return;
    if (p->terminal) fputs("\r\033[K", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    p->drawn = p->terminal ? -1e9 : p->drawn;
}

void progress_end(Progress *p)
{
    if (!p->quiet && p->terminal && p->drawn > 0) fputs("\r\033[K", stderr);
    p->drawn = -1e9;
}
