/* runs_read.c - finds run folders and reads what they have reached. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "experiments/run.h"
#include "experiments/runs.h"
#include "tensor/base/json.h"

enum { DEEPEST = 8 };

static bool has(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = file_exists(path) || folder_exists(path);
    free(path);
    return there;
}

static bool is_run(const char *folder)
{
    return has(folder, RUN_MESSAGES) || (has(folder, "config.yaml") && (has(folder, "log.jsonl") || has(folder, "checkpoints")));
}

/* ---- figures ------------------------------------------------------------------------------------------------------- */

static void add_figure(RunInfo *r, Arena *memory, const char *name, double value)
{
    for (int i = 0; i < r->figure_count; i++)
        if (!strcmp(r->figures[i].name, name)) {
            r->figures[i].value = value;
            return;
        }
    Figure *grown = arena_alloc(memory, (size_t)(r->figure_count + 1) * sizeof *grown);
    if (r->figure_count) memcpy(grown, r->figures, (size_t)r->figure_count * sizeof *grown);
    r->figures = grown;
    grown[r->figure_count++] = (Figure){ arena_text(memory, name), value };
}

/* Whole numbers are counts and settings, and what is called seconds differs from time to time. */
static void add_reals(RunInfo *r, Arena *memory, const char *prefix, json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        const char *name = arena_printf(memory, "%s.%s", prefix, key);
        if (json_is_object(value)) add_reals(r, memory, name, value);
        else if (json_is_real(value) && !strstr(key, "second")) add_figure(r, memory, name, json_real_value(value));
    }
}

/* The name is that of the file: metrics-SPLIT.json. */
static bool read_metrics(RunInfo *r, const char *folder, const char *name, Arena *memory, Err *err)
{
    char *path = path_join(folder, name);
    json_t *j = json_read_file(path, err);
    const char *split = arena_printf(memory, "%.*s", (int)(strlen(name) - strlen("metrics-.json")), name + strlen("metrics-"));

    if (j && !json_is_object(j)) fail(err, "%s: wants an object of figures", path);
    if (json_is_object(j)) add_reals(r, memory, split, j);
    json_decref(j);
    free(path);
    return err->status == 0;
}

static int is_metrics(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > strlen("metrics-.json") && !strncmp(e->d_name, "metrics-", 8) && !strcmp(e->d_name + n - 5, ".json");
}

static bool read_all_metrics(RunInfo *r, const char *folder, Arena *memory, Err *err)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_metrics, alphasort);

    for (int i = 0; i < n; i++) {
        if (!err->status) read_metrics(r, folder, names[i]->d_name, memory, err);
        free(names[i]);
    }
    free(names);
    return err->status == 0;
}

/* ---- the log ------------------------------------------------------------------------------------------------------- */

/* An update tells how long an epoch is, and so how many updates the run has. */
static void read_update(RunInfo *r, json_t *line)
{
    double step = json_number_value(json_object_get(line, "step")), epoch = json_number_value(json_object_get(line, "epoch"));

    r->step = (int64_t)step;
    if (!r->config) return;
    r->steps = r->config->train.steps;
    /* The log's nine digits must not make a whole number of epochs a little longer. */
    if (!r->steps && epoch > 0) r->steps = (int64_t)ceil((double)r->config->train.epochs * step / epoch - 1e-3);
}

static void read_validation(RunInfo *r, json_t *line, Arena *memory)
{
    const char *key;
    json_t *value;

    if (!json_is_true(json_object_get(line, "best"))) return;
    json_object_foreach(line, key, value)
        if (json_is_number(value) && strcmp(key, "step"))
            add_figure(r, memory, arena_printf(memory, "validation.%s", key), json_number_value(value));
}

/* Validations, and the last update. What follows the last line's end was being written when the process was killed. */
static bool read_log(RunInfo *r, const char *folder, Arena *memory, Err *err)
{
    char *path = path_join(folder, "log.jsonl"), *text = file_exists(path) ? file_read(path, NULL, err) : NULL;
    char *update = NULL;
    int  number = 1, update_number = 0;

    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1, number++) {
        *end = 0;
        if (!strstr(line, "\"event\"")) {
            update = line, update_number = number;
            continue;
        }
        json_t *j = json_loads(line, 0, NULL);
        if (!j) fail(err, "%s:%d: not JSON", path, number);
        const char *event = json_string_value(json_object_get(j, "event"));
        if (event && (!strcmp(event, "validation") || !strcmp(event, "mean"))) read_validation(r, j, memory);
        json_decref(j);
    }
    if (update) {
        json_t *j = json_loads(update, 0, NULL);
        if (j) read_update(r, j);
        else fail(err, "%s:%d: not JSON", path, update_number);
        json_decref(j);
    }
    free(text);
    free(path);
    return err->status == 0;
}

/* ---- failures ------------------------------------------------------------------------------------------------------ */

static const char FAILED_AT[] = "limn sweep: failed at update ";

char *run_failure_line(int64_t step, int wait_status)
{
    char *line = NULL;
    int n = WIFSIGNALED(wait_status)
                ? asprintf(&line, "%s%lld (ended by signal %d, %s)\n", FAILED_AT, (long long)step, WTERMSIG(wait_status),
                           strsignal(WTERMSIG(wait_status)))
                : asprintf(&line, "%s%lld (exit status %d)\n", FAILED_AT, (long long)step, WEXITSTATUS(wait_status));
    REQUIRE(n > 0, "out of memory");
    return line;
}

/* The lines from the last message of limn on, as one; else what the failure line itself knows. */
const char *run_failure(const char *folder, int64_t step, Arena *memory)
{
    char *path = path_join(folder, RUN_MESSAGES), *text = file_exists(path) ? file_read(path, NULL, &(Err){ 0 }) : NULL;
    char *last = NULL, *reason = NULL;
    const char *result = NULL;

    for (char *at = text; at && (at = strstr(at, FAILED_AT)); at++) last = at;
    if (last && strtoll(last + strlen(FAILED_AT), NULL, 10) == step) {
        char *known = strchr(last, '(');
        for (char *at = text; (at = strstr(at, "limn train: ")) && at < last; at++) reason = at + strlen("limn train: ");
        *last = 0;
        if (!reason && (reason = strstr(text, "limn: "))) reason += strlen("limn: ");
        if (!reason && known) known[strcspn(known, ")\n")] = 0;
        result = arena_text(memory, reason ? reason : known ? known + 1 : "for no reason that it told");
        char *tail = (char *)result + strlen(result);
        while (tail > result && strchr(" \n", tail[-1])) *--tail = 0;
        for (char *c = (char *)result; *c; c++) if (*c == '\n') *c = ' ';
    }
    free(text);
    free(path);
    return result;
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

static void read_run(RunInfo *r, const char *folder, Arena *memory)
{
    char *file = path_join(folder, "config.yaml");
    RunState state;
    Err err = { 0 };

    r->config = arena_alloc(memory, sizeof *r->config);
    if (!experiment_load(file, NULL, 0, r->config, &err)) r->config = NULL;
    free(file);
    bool fine = run_read_state(folder, &state, &err);
    fine = read_log(r, folder, memory, &err) && read_all_metrics(r, folder, memory, &err) && fine && r->config;
    bool running = folder_in_use(folder);
    if (!running) r->step = state.step;          /* further lines of a killed run's log are going to be cut off */

    r->message = running ? NULL : run_failure(folder, state.step, memory);
    r->status = running ? RUN_RUNNING : r->message ? RUN_FAILED : !fine ? RUN_BROKEN : state.finished ? RUN_FINISHED : RUN_STOPPED;
    if (!r->message) r->message = r->status == RUN_BROKEN ? arena_text(memory, err.text) : "";
    if (r->status == RUN_FINISHED) r->steps = r->step;      /* patience may have ended it early */
}

static void find_runs(RunList *l, const char *folder, const char *name, int depth)
{
    struct dirent **entries = NULL;

    if (is_run(folder)) {
        l->runs = realloc(l->runs, (size_t)(l->count + 1) * sizeof *l->runs);
        REQUIRE(l->runs, "out of memory");
        l->runs[l->count] = (RunInfo){ .name = arena_text(l->memory, name) };
        read_run(&l->runs[l->count++], folder, l->memory);
        return;
    }
    int n = depth < DEEPEST ? scandir(folder, &entries, NULL, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        char *path = path_join(folder, entries[i]->d_name), *below = path_join(name, entries[i]->d_name);
        struct stat st;
        /* Links are not followed: they may lead back. */
        if (entries[i]->d_name[0] != '.' && lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) find_runs(l, path, below, depth + 1);
        free(path);
        free(below);
        free(entries[i]);
    }
    free(entries);
}

static int by_name(const void *a, const void *b) { return strverscmp(((const RunInfo *)a)->name, ((const RunInfo *)b)->name); }

bool runs_read(const char *const *folders, int count, RunList *out, Err *err)
{
    *out = (RunList){ .memory = arena_new(1 << 16) };
    for (int i = 0; i < count; i++) {
        if (!folder_exists(folders[i])) return fail(err, "%s: no such folder", folders[i]);
        const char *slash = strrchr(folders[i], '/');
        bool alone = count == 1 && !is_run(folders[i]);
        find_runs(out, folders[i], alone ? "" : count == 1 && slash && slash[1] ? slash + 1 : folders[i], 0);
    }
    if (out->count) qsort(out->runs, (size_t)out->count, sizeof *out->runs, by_name);
    return true;
}

void runs_free(RunList *l)
{
    free(l->runs);
    arena_free(l->memory);
    *l = (RunList){ 0 };
}
