/* sweep_plan.c - from the parameters of a sweep to its runs: settings, times seeds, each with a name and a checked config. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/sweep_plan.h"
#include "tensor/base/file.h"
#include "tensor/base/rng.h"

enum { MOST_RUNS = 10000, LONGEST_NAME = 160 };

/* One value for each parameter: "section.key=value". */
typedef struct Setting { const char **pairs; int count; } Setting;

typedef struct Settings { Arena *memory; Setting *list; int count; } Settings;

static void add_setting(Settings *s, Setting one)
{
    s->list = realloc(s->list, (size_t)(s->count + 1) * sizeof *s->list);
    REQUIRE(s->list, "out of memory");
    s->list[s->count++] = one;
}

static bool same_setting(const Setting *a, const Setting *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++) same = !strcmp(a->pairs[i], b->pairs[i]);
    return same;
}

static bool is_known(const Settings *s, const Setting *one)
{
    for (int i = 0; i < s->count; i++)
        if (same_setting(&s->list[i], one)) return true;
    return false;
}

static const char *setting_text(const Setting *s, Arena *memory)
{
    const char *text = s->count ? "" : " the base as it is";
    for (int i = 0; i < s->count; i++) text = arena_printf(memory, "%s %s", text, s->pairs[i]);
    return text;
}

/* ---- settings ------------------------------------------------------------------------------------------------------ */

/* Every combination, the last parameter changing fastest. */
static bool combine(const Block *b, const char *path, Settings *out, Err *err)
{
    double all = 1;
    for (int i = 0; i < b->count; i++) all *= b->parameters[i].count;
    if (all + out->count > MOST_RUNS)
        return fail_usage(err, "%s: %.0f settings are more than the %d that a sweep may have", path, all + out->count, (int)MOST_RUNS);

    for (int k = 0; k < (int)all; k++) {
        Setting s = { arena_alloc(out->memory, (size_t)(b->count + 1) * sizeof *s.pairs), b->count };
        for (int i = b->count - 1, rest = k; i >= 0; i--) {
            const Parameter *p = &b->parameters[i];
            s.pairs[i] = arena_printf(out->memory, "%s=%s", p->key, p->values[rest % p->count]);
            rest /= p->count;
        }
        if (is_known(out, &s)) fail_also(err, ERR_USAGE, "%s: this setting is there twice:%s", path, setting_text(&s, out->memory));
        else add_setting(out, s);
    }
    return err->status == 0;
}

/* Draw `n` of one parameter: depends on the sweep's seed, the key and n alone, so that further parameters and a greater count leave it. */
static const char *draw(const Parameter *p, uint64_t seed, int n, Arena *memory)
{
    Rng r = rng_stream(seed + rng_hash(p->key), RNG_SWEEP, (uint64_t)n);
    double low = p->min, high = p->max, u = rng_uniform(&r);

    if (!p->range) return arena_printf(memory, "%s=%s", p->key, p->values[(int)(u * p->count)]);
    if (p->whole) low -= 0.5, high += 0.5;       /* each whole number gets its share */
    if (p->whole && p->log) low = fmax(low, 0.5);
    double x = p->log ? exp(log(low) + u * (log(high) - log(low))) : low + u * (high - low);
    if (p->whole) return arena_printf(memory, "%s=%.0f", p->key, fmin(fmax(round(x), p->min), p->max));
    /* Three digits, so that a run's name says its value whole. */
    char text[32];
    snprintf(text, sizeof text, "%.3g", x);
    return arena_printf(memory, "%s=%.16g", p->key, fmin(fmax(strtod(text, NULL), p->min), p->max));
}

/* Draws until there are `count` different ones. */
static bool draw_settings(const Block *b, const SweepFile *f, const char *path, Settings *out, Err *err)
{
    for (int n = 0; out->count < f->count && n < 100 * f->count; n++) {
        Setting s = { arena_alloc(out->memory, (size_t)(b->count + 1) * sizeof *s.pairs), b->count };
        for (int i = 0; i < b->count; i++) s.pairs[i] = draw(&b->parameters[i], (uint64_t)f->random_seed, n, out->memory);
        if (!is_known(out, &s)) add_setting(out, s);
    }
    if (out->count < f->count)
        return fail_usage(err, "%s: its parameters have only %d different settings, but count is %lld", path, out->count,
                          (long long)f->count);
    return true;
}

static bool list_settings(const SweepFile *f, const char *path, Settings *out, Err *err)
{
    static const Block NOTHING = { 0 };          /* seeds alone */

    if (f->method == SWEEP_RANDOM) return draw_settings(f->block_count ? f->blocks : &NOTHING, f, path, out, err);
    if (!f->block_count) return combine(&NOTHING, path, out, err);
    for (int i = 0; i < f->block_count; i++) combine(&f->blocks[i], path, out, err);
    return err->status == 0;
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

/* "section.key=value" as part of a folder's name: of a path its last part, of other texts the harmless characters. */
static void append_pair(char *name, size_t size, const char *pair)
{
    static const char HARMLESS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=+-";
    const char *value = strchr(pair, '=') + 1, *slash = strrchr(value, '/');
    char part[2 * CONFIG_TEXT];

    snprintf(part, sizeof part, "%.*s%s", (int)(value - pair), pair, slash ? slash + 1 : value);
    for (char *c = part; *c; c++)
        if (!strchr(HARMLESS, *c)) *c = '-';
    size_t at = strlen(name);
    snprintf(name + at, size - at, "%s%s", at ? "," : "", part);
}

static const char *name_run(const SweepRun *r, int first, const SweepRun *before, int count, Arena *memory)
{
    char name[8192] = "", whole[16384] = "", hash[65];

    for (int i = first; i < r->override_count; i++) {
        append_pair(name, sizeof name, r->overrides[i]);
        snprintf(whole + strlen(whole), sizeof whole - strlen(whole), "%s\n", r->overrides[i]);
    }
    if (!*name) strcpy(name, "run");
    bool taken = strlen(name) > LONGEST_NAME;
    for (int i = 0; i < count && !taken; i++) taken = !strcmp(before[i].name, name);
    if (!taken) return arena_text(memory, name);
    sha256_hex(whole, strlen(whole), hash);
    return arena_printf(memory, "%.*s~%.8s", (int)LONGEST_NAME, name, hash);
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

static const char *value_of(const Setting *s, const char *pair)
{
    size_t key = strcspn(pair, "=") + 1;
    for (int i = 0; i < s->count; i++)
        if (!strncmp(s->pairs[i], pair, key)) return s->pairs[i];
    return NULL;
}

static void add_run(Sweep *out, const SweepOptions *o, const Setting *s, const char *seed)
{
    SweepRun *r = &out->runs[out->count];
    int n = 0;

    *r = (SweepRun){ .overrides = arena_alloc(out->memory, (size_t)(o->override_count + s->count + 2) * sizeof *r->overrides) };
    r->overrides[n++] = arena_printf(out->memory, "threads=%d", out->threads);
    for (int i = 0; i < o->override_count; i++) r->overrides[n++] = arena_text(out->memory, o->overrides[i]);
    for (int i = 0; i < s->count; i++) r->overrides[n++] = s->pairs[i];
    if (seed) r->overrides[n++] = arena_printf(out->memory, "seed=%s", seed);
    r->override_count = n;
    r->name = name_run(r, 1 + o->override_count, out->runs, out->count, out->memory);
    out->count++;
}

/* Resolves the config of every run. What is wrong with several runs in the same way is told once, with the first one's name. */
static bool check_runs(Sweep *s, const char *path, Err *err)
{
    Experiment *x = malloc(sizeof *x);
    Err *seen = NULL;
    int  kinds = 0, *times = NULL, *first = NULL;

    REQUIRE(x, "out of memory");
    for (int i = 0; i < s->count; i++) {
        SweepRun *r = &s->runs[i];
        Err e = { 0 };
        if (experiment_load(s->base, (char *const *)r->overrides, r->override_count, x, &e)) {
            char *text = config_dump(EXPERIMENT_FIELDS, x);
            r->config = arena_text(s->memory, text);
            free(text);
            continue;
        }
        int k = 0;
        while (k < kinds && strcmp(seen[k].text, e.text)) k++;
        if (k == kinds) {
            seen = realloc(seen, (size_t)(kinds + 1) * sizeof *seen);
            times = realloc(times, (size_t)(kinds + 1) * sizeof *times);
            first = realloc(first, (size_t)(kinds + 1) * sizeof *first);
            REQUIRE(seen && times && first, "out of memory");
            seen[kinds] = e, times[kinds] = 0, first[kinds++] = i;
        }
        times[k]++;
    }
    for (int k = 0; k < kinds; k++)
        if (times[k] == 1) fail_also(err, ERR_USAGE, "%s: run %s: %s", path, s->runs[first[k]].name, seen[k].text);
        else fail_also(err, ERR_USAGE, "%s: run %s and %d more: %s", path, s->runs[first[k]].name, times[k] - 1, seen[k].text);
    free(seen);
    free(times);
    free(first);
    free(x);
    return err->status == 0;
}

static const char *default_out(const char *path, Arena *memory)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *dot = strrchr(name, '.');
    return arena_printf(memory, "runs/%.*s", (int)(dot && dot > name ? dot - name : (long)strlen(name)), name);
}

static bool list_runs(Sweep *s, const SweepFile *f, const SweepOptions *o, const char *path, Err *err)
{
    Settings settings = { .memory = s->memory };
    int seeds = f->seeds.count ? f->seeds.count : 1;
    bool ok = list_settings(f, path, &settings, err);

    for (int i = 0; ok && i < settings.count; i++)
        for (int k = 0; k < o->override_count; k++)
            if (value_of(&settings.list[i], o->overrides[k]) || (f->seeds.count && !strncmp(o->overrides[k], "seed=", 5)))
                ok = fail_usage(err, "%s varies %.*s; it cannot be fixed on the command line", path,
                                (int)strcspn(o->overrides[k], "="), o->overrides[k]);
    if (ok && (int64_t)settings.count * seeds > MOST_RUNS)
        ok = fail_usage(err, "%s: %lld runs are more than the %d that a sweep may have", path, (long long)settings.count * seeds,
                        (int)MOST_RUNS);
    if (ok) {
        s->runs = calloc((size_t)settings.count * (size_t)seeds + 1, sizeof *s->runs);
        REQUIRE(s->runs, "out of memory");
        /* Seed by seed, so that a budget that ends early leaves every setting tried. */
        for (int k = 0; k < seeds; k++)
            for (int i = 0; i < settings.count; i++) add_run(s, o, &settings.list[i], f->seeds.count ? f->seeds.values[k] : NULL);
    }
    free(settings.list);
    return ok;
}

bool sweep_read(const char *path, const SweepOptions *o, Sweep *out, Err *err)
{
    SweepFile *f = malloc(sizeof *f);
    const char *budget;

    REQUIRE(f, "out of memory");
    *out = (Sweep){ .memory = arena_new(1 << 16) };
    if (sweep_file_read(path, f, out->memory, err)) {
        budget = o->budget ? o->budget : f->budget;
        if (*budget) sweep_budget(budget, &out->budget);
        out->base = arena_text(out->memory, f->base);
        out->out = o->out ? arena_text(out->memory, o->out) : f->out[0] ? arena_text(out->memory, f->out) : default_out(path, out->memory);
        out->jobs = o->jobs >= 0 ? o->jobs : (int)f->jobs;
        out->threads = (int)f->threads;
        if (list_runs(out, f, o, path, err)) check_runs(out, path, err);
    }
    free(f);
    return err->status == 0;
}

void sweep_free(Sweep *s)
{
    free(s->runs);
    arena_free(s->memory);
    *s = (Sweep){ 0 };
}
