/* command.c - what the commands share. */
#include "experiments/commands/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/progress.h"

/* A pipe whose other end was closed, as by `head`: no failure worth a word. */
static bool nobody_reads(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

int command_end(const char *name, const Err *err)
{
    if (err->status) fprintf(stderr, "limn %s: %s\n", name, err->text);
    /* Output that could not be written (a full disk behind a redirection) is a failure too. */
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (!written && !nobody_reads(STDOUT_FILENO)) fprintf(stderr, "limn %s: cannot write the results to standard output\n", name);
    return err->status ? err->status : written ? 0 : ERR_FAILED;
}

/* ---- being stopped ------------------------------------------------------------------------------------------------------ */
static volatile sig_atomic_t interrupted;

/* The second one ends the command at once: what it was in the middle of may take minutes, and can be gone on with. */
static void interrupt(int signal_number)
{
    interrupted = 1;
    signal(signal_number, SIG_DFL);
}

void command_catch_interrupts(void)
{
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
}

bool command_interrupted(void) { return interrupted; }

bool command_show_pictures(const PrepareStep *s, void *progress)
{
    Progress *p = progress;
    double spent = seconds_now() - p->started;
    char   note[64] = "";

    if (s->total && p->total != s->total) {      /* pictures begin: the clock too */
        bool quiet = p->quiet;
        *p = progress_begin(s->phase, s->total, s->first, quiet);
        spent = 0;
    }
    if (s->total == 0 && !s->done) progress_say(p, "%s", s->phase);
    if (spent > 0.2 && s->bytes) snprintf(note, sizeof note, "%.1f MB/s", (double)s->bytes / spent / 1e6);
    if (s->total) progress_show(p, s->done, note, spent > 0.2 ? (double)(s->done - s->first) / spent : 0, "images");
    return !interrupted;
}

/* ---- models and options -------------------------------------------------------------------------------------------------- */
bool session_open(Session *s, const char *folder, const char *backend, int threads, Err *err)
{
    *s = (Session){ 0 };
    const Backend *b = backend_find(backend, err);
    if (!b || !(s->model = model_read(folder, err))) return false;
    s->team = team_new(threads);
    s->tape = tape_new(b, s->team, 0);
    s->tape->recording = false;
    return true;
}

void session_close(Session *s)
{
    if (s->tape) tape_free(s->tape);
    team_free(s->team);
    if (s->model) model_free(s->model);
}

int64_t option_number(const struct argp_state *state, const char *option, const char *text, int64_t low, int64_t high)
{
    char *end;

    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < low || v > high)
        argp_error(state, "%s wants a whole number from %lld to %lld, got '%s'", option, (long long)low, (long long)high, text);
    return v;
}
