/* run.c - the run folder and its checkpoints. */
#include "experiments/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/base/json.h"
#include "tensor/safetensors.h"

#define CHECKPOINT "checkpoints/last.safetensors"
#define EVENT_FILE "events.out.tfevents.limn"

char *run_path(const Run *r, const char *name) { return path_join(r->folder, name); }

bool run_lock(Run *r, const char *folder, Err *err)
{
    *r = (Run){ .folder = strdup(folder) };
    char *checkpoints = path_join(folder, "checkpoints"), *model = path_join(folder, "model");

    bool ok = folder_make(folder, err) && (r->lock = folder_lock(folder, err)) && folder_make(checkpoints, err)
              && folder_make(model, err);
    free(checkpoints);
    free(model);
    return ok;
}

bool run_open_logs(Run *r, const RunState *s, Err *err)
{
    char *log = run_path(r, "log.jsonl"), *events = run_path(r, EVENT_FILE);

    r->log = filelog_open(log, s->log_bytes, err);
    r->events = r->log ? events_open(events, s->event_bytes, err) : NULL;
    free(log);
    free(events);
    return r->log && r->events;
}

bool run_close(Run *r, Err *err)
{
    bool ok = (!r->log || filelog_close(r->log, err)) & events_close(r->events, err);
    if (r->lock) folder_unlock(r->lock);
    free(r->folder);
    *r = (Run){ 0 };
    return ok;
}

char *run_weights_path(const Run *r, int64_t step)
{
    char *path = NULL;
    REQUIRE(asprintf(&path, "%s/checkpoints/weights-%lld.safetensors", r->folder, (long long)step) >= 0, "out of memory");
    return path;
}

bool run_has_checkpoint(const Run *r)
{
    char *path = run_path(r, CHECKPOINT);
    bool there = file_exists(path);
    free(path);
    return there;
}

/* ---- checkpoint ---------------------------------------------------------------------------------------------------- */

static char *state_to_text(const RunState *s)
{
    json_t *j = json_pack("{s:I, s:I, s:I, s:f, s:I, s:I, s:b, s:s, s:s}", "step", (json_int_t)s->step,
                          "best_step", (json_int_t)s->best_step, "bad", (json_int_t)s->bad, "seconds", s->seconds,
                          "log_bytes", (json_int_t)s->log_bytes, "event_bytes", (json_int_t)s->event_bytes,
                          "finished", s->finished, "data_hash", s->data_hash, "kernels", s->kernels);
    if (isfinite(s->best)) json_object_set_new(j, "best", json_real(s->best));
    if (s->best_mean) json_object_set_new(j, "best_mean", json_integer(s->best_mean));
    char *text = json_dumps(j, JSON_SORT_KEYS);
    json_decref(j);
    return text;
}

static bool state_from_text(const char *text, const char *where, RunState *s, Err *err)
{
    json_t *j = text ? json_loads(text, 0, NULL) : NULL;
    const char *data_hash = NULL, *kernels = NULL;

    if (!json_is_object(j)) return fail(err, "%s: is not a limn checkpoint (no state in its metadata)", where);
    bool ok = json_get_int(j, "step", 0, &s->step, where, err) && json_get_int(j, "best_step", -1, &s->best_step, where, err)
              && json_get_int(j, "bad", 0, &s->bad, where, err) && json_get_real(j, "seconds", 0, &s->seconds, where, err)
              && json_get_real(j, "best", NAN, &s->best, where, err)
              && json_get_int(j, "best_mean", 0, &s->best_mean, where, err)
              && json_get_int(j, "log_bytes", 0, &s->log_bytes, where, err)
              && json_get_int(j, "event_bytes", 0, &s->event_bytes, where, err)
              && json_get_bool(j, "finished", false, &s->finished, where, err)
              && json_get_text(j, "data_hash", "", &data_hash, where, err)
              && json_get_text(j, "kernels", "", &kernels, where, err);
    if (ok) {
        snprintf(s->data_hash, sizeof s->data_hash, "%s", data_hash);
        snprintf(s->kernels, sizeof s->kernels, "%s", kernels);
    }
    json_decref(j);
    return ok;
}

/* The tensors of a checkpoint: weights, then what the optimizer remembers of those that learn, then the moving average. */
typedef struct ItemList { SafeItem *items; real **values; Arena *names; int count; } ItemList;

static void add_item(ItemList *l, const char *prefix, const Tensor *x, real *data)
{
    l->items[l->count] = (SafeItem){ arena_printf(l->names, "%s%s", prefix, x->name), x->shape, data };
    l->values[l->count++] = data;
}

/* values[i] is parameter i's; NULL: it has none. */
static void add_items(ItemList *l, const char *prefix, Params *p, real *const *values)
{
    for (int i = 0; i < params_count(p); i++)
        if (values[i]) add_item(l, prefix, params_at(p, i)->tensor, values[i]);
}

static ItemList checkpoint_items(Params *p, const Optimizer *o, const Average *average)
{
    size_t room = (size_t)params_count(p) * (2 + OPTIMIZER_SLOTS);
    ItemList l = { calloc(room, sizeof *l.items), calloc(room, sizeof *l.values), arena_new(1 << 16), 0 };

    REQUIRE(l.items && l.values, "out of memory");
    for (int i = 0; i < params_count(p); i++) add_item(&l, "", params_at(p, i)->tensor, params_at(p, i)->tensor->data);
    for (int k = 0; k < OPTIMIZER_SLOTS && o->slot[k]; k++)
        add_items(&l, arena_printf(l.names, "optimizer.%s.", o->kind->slots[k]), p, o->slot[k]);
    if (average) add_items(&l, "average.", p, average->value);
    return l;
}

static void items_free(ItemList *l)
{
    free(l->items);
    free(l->values);
    arena_free(l->names);
}

bool run_save(Run *r, RunState *s, Params *p, const Optimizer *o, const Average *average, Err *err)
{
    s->log_bytes = filelog_size(r->log);
    s->event_bytes = events_size(r->events);
    /* First the logs: after a power cut a checkpoint must not know of lines that never reached the disk. */
    TRY(filelog_sync(r->log, err) && events_sync(r->events, err));

    char *path = run_path(r, CHECKPOINT), *state = state_to_text(s);
    ItemList l = checkpoint_items(p, o, average);
    bool ok = safetensors_write(path, l.items, l.count, &(SafeNote){ "limn", state }, 1, err);

    items_free(&l);
    free(path);
    free(state);
    return ok;
}

static bool load_tensors(const SafeTensors *f, const ItemList *l, const char *path, Err *err)
{
    Err all = { 0 };

    for (int i = 0; i < l->count; i++) {
        const SafeEntry *e = safetensors_find(f, l->items[i].name);
        if (!e) fail_also(&all, ERR_FAILED, "%s: tensor %s is missing", path, l->items[i].name);
        else if (!shape_equal(e->shape, l->items[i].shape))
            fail_also(&all, ERR_FAILED, "%s: tensor %s is %s, the model wants %s", path, e->name, shape_text(e->shape).s,
                      shape_text(l->items[i].shape).s);
    }
    for (int i = 0; i < safetensors_count(f); i++) {
        bool known = false;
        for (int k = 0; k < l->count && !known; k++) known = !strcmp(safetensors_at(f, i)->name, l->items[k].name);
        if (!known) fail_also(&all, ERR_FAILED, "%s: tensor %s is none of the model's or its optimizer's", path, safetensors_at(f, i)->name);
    }
    if (all.status) {
        *err = all;
        return false;
    }
    for (int i = 0; i < l->count; i++)
        TRY(safetensors_read(safetensors_find(f, l->items[i].name), l->values[i], shape_count(l->items[i].shape), err));
    return true;
}

bool run_load(Run *r, RunState *s, Params *p, Optimizer *o, Average *average, Err *err)
{
    char *path = run_path(r, CHECKPOINT);
    SafeTensors *f = safetensors_open(path, err);
    bool ok = f && state_from_text(safetensors_metadata(f, "limn"), path, s, err);

    if (ok) {
        ItemList l = checkpoint_items(p, o, average);
        ok = load_tensors(f, &l, path, err);
        items_free(&l);
        o->step = s->step;
        params_touch(p);
    }
    if (f) safetensors_close(f);
    free(path);
    return ok;
}

bool run_read_state(const char *folder, RunState *s, Err *err)
{
    char *path = path_join(folder, CHECKPOINT);
    SafeTensors *f = NULL;

    *s = (RunState){ .best = NAN, .best_step = -1 };
    bool ok = !file_exists(path)
              || ((f = safetensors_open(path, err)) && state_from_text(safetensors_metadata(f, "limn"), path, s, err));
    if (f) safetensors_close(f);
    free(path);
    return ok;
}

/* ---- records ------------------------------------------------------------------------------------------------------- */

bool run_log(Run *r, json_t *line, Err *err)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    size_t n = strlen(text);

    json_decref(line);
    text[n] = '\n';                              /* in place of the terminator: one write, one line */
    bool ok = filelog_append(r->log, text, n + 1, err);
    free(text);
    return ok;
}

static void cpu_name(char *out, size_t size)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[512];

    snprintf(out, size, "unknown");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            snprintf(out, size, "%s", strchr(line, ':') + 2);
            out[strcspn(out, "\n")] = 0;
            break;
        }
    if (f) fclose(f);
}

/* What one process is and does. */
static json_t *process_json(const Experiment *x, const Backend *b, int threads, const char *data_hash, int argc, char **argv)
{
    char cpu[256], when[32];
    time_t now = time(NULL);
    json_t *words = json_array();

    cpu_name(cpu, sizeof cpu);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    for (int i = 0; i < argc; i++) json_array_append_new(words, json_text(argv[i]));
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:i}, s:I, s:{s:s, s:s}, s:o}",
                     "limn", build_version(), "started", when, "backend", "name", b->name, "kernels",
                     b->describe ? b->describe() : b->name, "machine", "cpu", cpu, "threads", threads, "seed",
                     (json_int_t)x->seed, "data", "store", x->data.store, "hash", data_hash, "command", words);
}

bool run_write_provenance(Run *r, const Experiment *x, const Backend *b, int threads, const char *data_hash, int64_t step,
                          int argc, char **argv, Err *err)
{
    char *path = run_path(r, "provenance.json");
    json_t *now = process_json(x, b, threads, data_hash, argc, argv), *first = step > 0 ? json_read_file(path, &(Err){ 0 }) : NULL;

    if (json_is_object(first)) {                 /* who went on, and from where, behind what began the run */
        json_t *resumed = json_object_get(first, "resumed");
        json_object_set_new(now, "step", json_integer(step));
        if (json_is_array(resumed)) json_array_append(resumed, now);
        else json_object_set_new(first, "resumed", json_pack("[O]", now));
    }
    bool ok = json_write_file(path, json_is_object(first) ? first : now, err);
    json_decref(now);
    json_decref(first);
    free(path);
    return ok;
}
