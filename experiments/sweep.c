/* sweep.c - trains the runs of a sweep as processes side by side.
 *
 * A run's process is this program again: `limn train BASE overrides --run OUT/NAME --resume`. The kernel ends it with SIGTERM when the sweep
 * dies, so that no orphan is left; SIGTERM makes `limn train` write a checkpoint. A run that still ends so, or that somebody else
 * trains, holds the lock of its folder: it is left for later.                                                            */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiments/progress.h"
#include "experiments/run.h"
#include "experiments/runs.h"
#include "experiments/sweep.h"

typedef enum Standing { TO_DO, STARTED, DONE, FAILED } Standing;
typedef struct Job { pid_t pid; Standing standing; } Job;

typedef struct Sweeping {
    const Sweep *sweep;
    Job         *jobs;                           /* one a run */
    int          running, most, done, failed;
    Progress     progress;
    double       ends;                           /* seconds_now() when the budget is spent */
    const char  *stopping;                       /* why; NULL: it is not */
    sigset_t     waited, before;                 /* signals */
} Sweeping;

static char *run_folder(const Sweeping *w, int i) { return path_join(w->sweep->out, w->sweep->runs[i].name); }

/* ---- one run ------------------------------------------------------------------------------------------------------- */

/* Its checkpoint says so, and it was begun with the very config that it should have now. Where they differ, `limn train` decides. */
static bool is_finished(const char *folder, const char *config)
{
    char *path = path_join(folder, "config.yaml"), *text = file_exists(path) ? file_read(path, NULL, &(Err){ 0 }) : NULL;
    RunState state;

    bool finished = text && !strcmp(text, config) && run_read_state(folder, &state, &(Err){ 0 }) && state.finished;
    free(text);
    free(path);
    return finished;
}

/* A refusal that no longer holds: the sweep says again what the run was begun with. */
static void forget_failure(const char *folder)
{
    RunState state;
    Arena *memory = arena_new(4096);
    char *path = path_join(folder, RUN_MESSAGES);

    if (run_read_state(folder, &state, &(Err){ 0 }) && run_failure(folder, state.step, memory)) unlink(path);
    free(path);
    arena_free(memory);
}

static _Noreturn void become(char *const *argv, int messages, pid_t parent, const sigset_t *signals)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, signals, NULL);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(messages, 2) < 0 || getppid() != parent) _exit(ERR_FAILED);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static bool start(Sweeping *w, int i, Err *err)
{
    const SweepRun *r = &w->sweep->runs[i];
    char *folder = run_folder(w, i), *path = path_join(folder, RUN_MESSAGES);
    char **argv = calloc((size_t)r->override_count + 8, sizeof *argv);
    int n = 0, messages = -1;

    REQUIRE(argv, "out of memory");
    if (folder_make(folder, err) && (messages = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0666)) < 0)
        fail(err, "cannot write %s: %s", path, strerror(errno));
    if (messages >= 0) {
        argv[n++] = (char *)"limn", argv[n++] = (char *)"train", argv[n++] = (char *)w->sweep->base;
        for (int k = 0; k < r->override_count; k++) argv[n++] = (char *)r->overrides[k];
        argv[n++] = (char *)"--run", argv[n++] = folder, argv[n++] = (char *)"--resume", argv[n++] = (char *)"--quiet";
        pid_t parent = getpid(), pid = fork();
        if (pid == 0) become(argv, messages, parent, &w->before);
        if (pid < 0) fail(err, "cannot start a process: %s", strerror(errno));
        else {
            w->jobs[i] = (Job){ pid, STARTED };
            w->running++;
        }
        close(messages);
    }
    free(argv);
    free(path);
    free(folder);
    return err->status == 0;
}

/* "validation named 0.4512 at update 36" */
static void tell_finished(Sweeping *w, int i, const char *folder)
{
    const char *const alone[] = { folder };
    RunList list;

    if (runs_read(alone, 1, &list, &(Err){ 0 }) && list.count == 1 && list.runs[0].config) {
        RunState state = { .best = NAN };
        char *measure = config_get(EXPERIMENT_FIELDS, list.runs[0].config, "validate.measure"), name[64];
        double value = NAN;
        snprintf(name, sizeof name, "validation.%s", measure);
        for (int k = 0; k < list.runs[0].figure_count; k++)
            if (!strcmp(list.runs[0].figures[k].name, name)) value = list.runs[0].figures[k].value;
        run_read_state(folder, &state, &(Err){ 0 });
        progress_say(&w->progress, "%s: %lld updates, best validation %s %.4f at update %lld", w->sweep->runs[i].name,
                     (long long)state.step, measure, value, (long long)state.best_step);
        free(measure);
    }
    runs_free(&list);
}

/* The failure joins the messages of its process, where `limn runs` finds it. */
static void record_failure(Sweeping *w, int i, const char *folder, int status)
{
    RunState state = { 0 };
    Arena *memory = arena_new(4096);
    char *path = path_join(folder, RUN_MESSAGES);

    run_read_state(folder, &state, &(Err){ 0 });
    char *line = run_failure_line(state.step, status);
    FileLog *log = filelog_open(path, -1, &(Err){ 0 });
    if (log) {
        filelog_append(log, line, strlen(line), &(Err){ 0 });
        filelog_close(log, &(Err){ 0 });
    }
    const char *why = run_failure(folder, state.step, memory);
    progress_say(&w->progress, "%s: failed: %s", w->sweep->runs[i].name, why ? why : line);
    free(line);
    free(path);
    arena_free(memory);
}

static void ended(Sweeping *w, int i, int status)
{
    char *folder = run_folder(w, i);
    bool fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    w->running--;
    w->jobs[i] = (Job){ 0, fine ? DONE : w->stopping ? TO_DO : FAILED };
    w->done += fine;
    if (fine) tell_finished(w, i, folder);
    else if (!w->stopping) {
        w->failed++;
        record_failure(w, i, folder, status);
    }
    free(folder);
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static void signal_all(const Sweeping *w, int signal_number)
{
    for (int i = 0; i < w->sweep->count; i++)
        if (w->jobs[i].standing == STARTED) kill(w->jobs[i].pid, signal_number);
}

/* What was killed with an earlier sweep writes its checkpoint before it gives its folder back. */
static int next_run(const Sweeping *w)
{
    for (int i = 0; i < w->sweep->count; i++) {
        if (w->jobs[i].standing != TO_DO) continue;
        char *folder = run_folder(w, i);
        bool free_now = !folder_in_use(folder);
        free(folder);
        if (free_now) return i;
    }
    return -1;
}

static void look_for_ended(Sweeping *w)
{
    int status;
    for (int i = 0; i < w->sweep->count; i++)
        if (w->jobs[i].standing == STARTED && waitpid(w->jobs[i].pid, &status, WNOHANG) == w->jobs[i].pid) ended(w, i, status);
}

/* Sleeps until a process ends, a signal comes or there is something else to look at. */
static void wait_a_little(Sweeping *w)
{
    struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };
    int got = sigtimedwait(&w->waited, NULL, &pause);

    if (got == SIGINT || got == SIGTERM) {
        if (w->stopping) signal_all(w, SIGKILL);             /* the second time somebody is in a hurry */
        w->stopping = w->stopping ? w->stopping : "interrupted";
        signal_all(w, SIGTERM);
    }
    if (!w->stopping && w->ends > 0 && seconds_now() > w->ends) {
        w->stopping = "the budget is spent";
        signal_all(w, SIGTERM);
    }
    look_for_ended(w);
}

static void show(Sweeping *w)
{
    char note[64];
    snprintf(note, sizeof note, w->failed ? "%d running, %d failed" : "%d running", w->running, w->failed);
    progress_show(&w->progress, w->done + w->failed, note, 0, "");
}

static bool train_all(Sweeping *w, Err *err)
{
    for (;;) {
        int next;
        while (!w->stopping && w->running < w->most && (next = next_run(w)) >= 0)
            if (!start(w, next, err)) {
                w->stopping = "a run could not be started";
                signal_all(w, SIGTERM);
            }
        bool left = false;
        for (int i = 0; i < w->sweep->count; i++) left = left || w->jobs[i].standing == TO_DO;
        if (!w->running && (w->stopping || !left)) return err->status == 0;
        wait_a_little(w);
        show(w);
    }
}

/* ---- the sweep ----------------------------------------------------------------------------------------------------- */

static int usable_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static bool write_table(const RunTable *t, TableFormat format, const char *folder, const char *name, Err *err)
{
    char *text = NULL, *path = path_join(folder, name);
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);

    REQUIRE(f, "out of memory");
    runs_table_print(t, format, f);
    fclose(f);
    bool ok = file_put(path, text, bytes, err);
    free(text);
    free(path);
    return ok;
}

/* What `limn runs OUT` prints, and the same in OUT/table.md and OUT/table.csv. */
static bool tell_table(const Sweep *s, const SweepOptions *o, Err *err)
{
    const char *const folders[] = { s->out };
    RunList list;
    RunTable table = { 0 };

    bool ok = runs_read(folders, 1, &list, err) && (!list.count || runs_table(&list, &(TableOptions){ 0 }, &table, err));
    if (ok && list.count) {
        runs_table_print(&table, o->json ? TABLE_JSON : TABLE_TEXT, stdout);
        ok = write_table(&table, TABLE_MARKDOWN, s->out, "table.md", err) && write_table(&table, TABLE_CSV, s->out, "table.csv", err);
    }
    runs_table_free(&table);
    runs_free(&list);
    return ok;
}

static bool tell_end(const Sweeping *w, Err *err)
{
    int all = w->sweep->count;

    if (err->status) return false;
    if (w->stopping && w->done < all)
        return fail(err, "%s: %d of %d runs are finished%s; the same command goes on", w->stopping, w->done, all,
                    w->failed ? ", some failed" : "");
    if (w->failed)
        return fail(err, "%d of %d runs failed; %s of each says why; the same command tries them again", w->failed, all, RUN_MESSAGES);
    return true;
}

bool sweep_train(const Sweep *s, const SweepOptions *o, Err *err)
{
    FolderLock *lock = NULL;

    TRY(folder_make(s->out, err) && (lock = folder_lock(s->out, err)));
    Sweeping w = { .sweep = s, .jobs = calloc((size_t)s->count + 1, sizeof *w.jobs), .ends = s->budget ? seconds_now() + s->budget : 0 };
    REQUIRE(w.jobs, "out of memory");
    w.most = s->jobs ? s->jobs : s->threads ? (usable_cores() + s->threads - 1) / s->threads : 1;
    for (int i = 0; i < s->count; i++) {
        char *folder = run_folder(&w, i);
        if (is_finished(folder, s->runs[i].config)) {
            w.jobs[i].standing = DONE;
            w.done++;
            forget_failure(folder);
        }
        free(folder);
    }
    sigemptyset(&w.waited);
    sigaddset(&w.waited, SIGCHLD);
    sigaddset(&w.waited, SIGINT);
    sigaddset(&w.waited, SIGTERM);
    sigprocmask(SIG_BLOCK, &w.waited, &w.before);
    w.progress = progress_begin("sweep", s->count, w.done, o->quiet);
    train_all(&w, err);
    progress_end(&w.progress);
    sigprocmask(SIG_SETMASK, &w.before, NULL);

    Err table = { 0 };                           /* also after a trouble, which is told first */
    if (!tell_table(s, o, &table) && !err->status) *err = table;
    bool ok = tell_end(&w, err);
    folder_unlock(lock);
    free(w.jobs);
    return ok;
}
