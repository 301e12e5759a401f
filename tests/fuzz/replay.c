/* replay.c - runs a fuzz target over the inputs that are kept and mutations of them, without libFuzzer: a test as any other.
 *
 *     fuzz-NAME [--mutations N] [--seconds S] PATH…          PATH: an input, or a folder of them
 *
 * The target runs in a process of its own. What ends that (a signal, a sanitizer's report, memory that leaks, more than 5 seconds of
 * processor time or 2 GiB for one input) is a failure: the input that did it is written to the current folder, and its name
 * said. Mutations are the same each time: the first N (mutate.h), or as many of them as S seconds give. Prints TAP.             */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "input.h"
#include "mutate.h"
#include "tensor/base/file.h"

enum { SLOWEST = 5, BLOCKED = 60, LARGEST = 2048, LEAK_EVERY = 256 };    /* seconds, seconds, MiB, inputs */
enum { LEAKED = 3, TOO_MUCH = 4 };               /* exit statuses of the target's process */

/* Of LeakSanitizer, where it is linked. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

typedef struct Plan { Corpus corpus; int64_t mutations; double seconds; const char *name; } Plan;
/* What the target's process is doing, for who sees it die. */
typedef struct Progress { int64_t input, clean; size_t bytes; char data[16 << 20]; } Progress;     /* clean: those before it leak nothing */

/* ---- inputs ---------------------------------------------------------------------------------------------------------- */
static void add_input(Corpus *c, const char *path)
{
    size_t bytes;
    Err    err = { 0 };
    char  *data = file_read(path, &bytes, &err);
    REQUIRE(data, "%s", err.text);
    REQUIRE(bytes <= sizeof ((Progress *)0)->data, "%s is too large", path);

    c->input = realloc(c->input, (size_t)(c->count + 1) * sizeof *c->input);
    c->name = realloc(c->name, (size_t)(c->count + 1) * sizeof *c->name);
    REQUIRE(c->input && c->name, "out of memory");
    c->input[c->count] = (Buffer){ data, bytes, bytes + 1 };
    c->name[c->count++] = strdup(path);
}

static void add_path(Corpus *c, const char *path)
{
    struct dirent **entry;
    int n = folder_exists(path) ? scandir(path, &entry, NULL, alphasort) : -1;

    if (n < 0) add_input(c, path);
    for (int i = 0; i < n; i++) {
        char *inside = path_join(path, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.') add_input(c, inside);
        free(inside);
        free(entry[i]);
    }
    if (n >= 0) free(entry);
}

static void corpus_free(Corpus *c)
{
    for (int i = 0; i < c->count; i++) {
        free(c->input[i].p);
        free(c->name[i]);
    }
    free(c->input);
    free(c->name);
}

/* ---- the target's process ---------------------------------------------------------------------------------------------- */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Input `number`: those that are kept, then their mutations. */
static void make_input(const Plan *p, int64_t number, Progress *at)
{
    static Buffer room;
    const Buffer *b = number < p->corpus.count ? &p->corpus.input[number] : &room;

    if (b == &room) mutate(&p->corpus, (uint64_t)(number - p->corpus.count), &room);
    at->input = number;
    at->bytes = b->used;
    if (b->used) memcpy(at->data, b->p, b->used);
}

/* In memory of its own and just as large as it is, so that AddressSanitizer sees who reads on behind it. */
static void run_input(const Progress *at)
{
    uint8_t *data = malloc(at->bytes);
    if (at->bytes) memcpy(data, at->data, at->bytes);
    setitimer(ITIMER_PROF, &(struct itimerval){ .it_value.tv_sec = SLOWEST }, NULL);
    alarm(BLOCKED);
    LLVMFuzzerTestOneInput(data, at->bytes);
    alarm(0);
    setitimer(ITIMER_PROF, &(struct itimerval){ 0 }, NULL);
    free(data);

    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0 && used.ru_maxrss > LARGEST * 1024L) _exit(TOO_MUCH);
}

static bool leaks(void) { return __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check(); }

static void run_inputs(const Plan *p, int64_t from, int64_t to, double seconds, Progress *at)
{
    double  end = now() + seconds;
    int64_t checked = from;

    for (int64_t i = from; i < to && now() < end; i++) {
        make_input(p, i, at);
        run_input(at);
        if (i + 1 - checked < LEAK_EVERY && i + 1 < to) continue;
        if (leaks()) at->clean = checked, _exit(LEAKED);
        checked = i + 1;
    }
    _exit(0);
}

/* ---- who watches it ---------------------------------------------------------------------------------------------------- */
static const char *verdict(int status, char room[64])
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == LEAKED) return "memory was leaked";
    if (WIFEXITED(status) && WEXITSTATUS(status) == TOO_MUCH) return "it took more than 2 GiB";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) return "it took more than 5 seconds";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return "it hung";
    snprintf(room, 64, WIFSIGNALED(status) ? "signal %d" : "exit status %d", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return room;
}

static void tell_failure(const Plan *p, const Progress *at, int status)
{
    char room[64], path[256];
    bool kept = at->input < p->corpus.count;
    Err  err = { 0 };

    snprintf(path, sizeof path, "%s.%lld.failed", p->name, (long long)at->input);
    printf("  %s: %s\n", kept ? p->corpus.name[at->input] : "a mutation", verdict(status, room));
    if (!kept && file_put(path, at->data, at->bytes, &err)) printf("  the input is kept as %s\n", path);
}

/* Inputs [from, to), for at most so many seconds; how many there were, or -1 - the status of a process that failed. */
static int64_t watch(const Plan *p, int64_t from, int64_t to, double seconds, Progress *at)
{
    int     status;
    int64_t last, alone = 0;

    at->input = from - 1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) run_inputs(p, from, to, seconds, at);
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child, "%s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return at->input + 1 - from;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != LEAKED || to - from == 1) return -1 - status;

    last = at->input;                            /* one of [clean, last] leaks: found by a process for each */
    for (int64_t i = at->clean; i <= last && alone >= 0; i++) alone = watch(p, i, i + 1, 60, at);
    return alone < 0 ? alone : -1 - status;
}

static bool report(const Plan *p, int number, const char *what, int64_t done, const Progress *at)
{
    printf("%sok %d - fuzz_%s::%s", done < 0 ? "not " : "", number, p->name, what);
    if (done < 0) printf("\n"), tell_failure(p, at, (int)(-1 - done));
    else printf(" (%lld)\n", (long long)done);
    return done >= 0;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s, (void)kind, (void)f;
    return remove(path);
}

static bool read_options(Plan *p, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        { "mutations", required_argument, NULL, 'm' }, { "seconds", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 } };
    int c;

    while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (c == 'm') p->mutations = atoll(optarg);
        else if (c == 's') p->seconds = atof(optarg);
        else return false;
    }
    const char *name = strrchr(argv[0], '/');
    p->name = name ? name + 1 : argv[0];
    if (strncmp(p->name, "fuzz-", 5) == 0) p->name += 5;
    for (int i = optind; i < argc; i++) add_path(&p->corpus, argv[i]);
    return p->corpus.count > 0;
}

int main(int argc, char **argv)
{
    Plan      p = { .seconds = 60 };
    char      folder[64];
    Progress *at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (!read_options(&p, argc, argv)) return fprintf(stderr, "usage: %s [--mutations N] [--seconds S] PATH…\n", argv[0]), 2;
    /* A disk takes milliseconds to write the same small file again. */
    snprintf(folder, sizeof folder, "%s/limn-replay-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    REQUIRE(at != MAP_FAILED && mkdtemp(folder) && setenv("TMPDIR", folder, 1) == 0, "%s", strerror(errno));

    printf("TAP version 13\n1..%d\n", 1 + (p.mutations > 0));
    int64_t kept = p.corpus.count, done = watch(&p, 0, kept, 1e9, at);
    bool ok = report(&p, 1, "reads_what_is_kept", done, at);
    if (p.mutations) {
        done = watch(&p, kept, kept + p.mutations, p.seconds, at);
        ok = report(&p, 2, "survives_mutations", done, at) && ok;
    }
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    corpus_free(&p.corpus);
    munmap(at, sizeof *at);
    return !ok;
}
