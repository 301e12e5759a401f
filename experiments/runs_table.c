/* runs_table.c - from runs to rows: filters, settings, mean and standard deviation, the best. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/runs.h"

enum { MOST_SETTINGS = 8 };                      /* more differing keys than that: runs are told by their names */

static const char *const STATUS_NAMES[] = { "finished", "running", "stopped", "failed", "broken" };

/* ---- one run's values ---------------------------------------------------------------------------------------------- */

static const Figure *find_figure(const RunInfo *r, const char *key)
{
    for (int i = 0; i < r->figure_count; i++)
        if (!strcmp(r->figures[i].name, key)) return &r->figures[i];
    return NULL;
}

static const char *updates_text(const RunInfo *r, Arena *memory)
{
    if (!r->steps || r->step == r->steps) return arena_printf(memory, "%lld", (long long)r->step);
    return arena_printf(memory, "%lld of %lld", (long long)r->step, (long long)r->steps);
}

/* NULL: this run has none. */
static const char *value_of(const RunInfo *r, const char *key, Arena *memory)
{
    const Figure *f = find_figure(r, key);

    if (!strcmp(key, "run")) return r->name;
    if (!strcmp(key, "state")) return STATUS_NAMES[r->status];
    if (!strcmp(key, "updates")) return updates_text(r, memory);
    if (f) return arena_printf(memory, "%.17g", f->value);
    char *text = r->config ? config_get(EXPERIMENT_FIELDS, r->config, key) : NULL;
    const char *kept = text ? arena_text(memory, text) : NULL;
    free(text);
    return kept;
}

static bool is_setting(const char *key)
{
    return config_field(EXPERIMENT_FIELDS, key) || !strcmp(key, "run") || !strcmp(key, "state") || !strcmp(key, "updates");
}

static bool is_key(const RunList *l, const char *key)
{
    bool known = is_setting(key);
    for (int i = 0; i < l->count && !known; i++) known = find_figure(&l->runs[i], key) != NULL;
    return known;
}

static bool check_key(const RunList *l, const char *option, const char *key, Err *err)
{
    if (is_key(l, key)) return true;
    return fail_usage(err, "%s: %s is no config key and no figure of these runs, and not run, state or updates", option, key);
}

static bool as_number(const char *text, double *x)
{
    char *end;
    *x = strtod(text, &end);
    return end != text && !*end && isfinite(*x);
}

/* Numbers as numbers, all else as text. */
static int compare(const char *a, const char *b)
{
    double x, y;
    if (as_number(a, &x) && as_number(b, &y)) return (x > y) - (x < y);
    return strverscmp(a, b);
}

/* ---- filters ------------------------------------------------------------------------------------------------------- */

typedef struct Condition { char key[256]; const char *value; bool less, equal, greater; } Condition;

static bool read_condition(const char *text, Condition *c, Err *err)
{
    size_t n = strcspn(text, "=!<>");
    char first = text[n], second = first ? text[n + 1] : 0;
    bool wide = (first == '!' || first == '<' || first == '>') && second == '=';

    if (!first || !n || n >= sizeof c->key || (first == '!' && !wide))
        return fail_usage(err, "--where wants KEY=VALUE, or != < > <= >= between them, got '%s'", text);
    *c = (Condition){ .value = text + n + 1 + wide, .less = first == '<' || first == '!', .greater = first == '>' || first == '!',
                      .equal = first == '=' || (wide && first != '!') };
    memcpy(c->key, text, n);
    return true;
}

static bool holds(const Condition *c, const RunInfo *r, Arena *memory)
{
    const char *value = value_of(r, c->key, memory);
    int order = value ? compare(value, c->value) : 0;
    return value && (order < 0 ? c->less : order > 0 ? c->greater : c->equal);
}

/* The runs that all conditions hold for, in an array to be freed. */
static const RunInfo **select_runs(RunList *l, const TableOptions *o, int *count, Err *err)
{
    const RunInfo **chosen = calloc((size_t)l->count + 1, sizeof *chosen);
    REQUIRE(chosen, "out of memory");

    *count = 0;
    for (int i = 0; i < l->count; i++) chosen[(*count)++] = &l->runs[i];
    for (int k = 0; k < o->where_count && !err->status; k++) {
        Condition c;
        int kept = 0;
        if (!read_condition(o->where[k], &c, err) || !check_key(l, "--where", c.key, err)) break;
        for (int i = 0; i < *count; i++)
            if (holds(&c, chosen[i], l->memory)) chosen[kept++] = chosen[i];
        *count = kept;
    }
    return chosen;
}

/* ---- columns ------------------------------------------------------------------------------------------------------- */

/* The last part of a figure's name says its direction. */
static bool lower_is_better(const char *key)
{
    static const char *const LOWER[] = { "loss", "perplexity", "invented", "error", "CHAIRs", "CHAIRi", "mBleu_4" };
    const char *name = strrchr(key, '.') ? strrchr(key, '.') + 1 : key;
    for (size_t i = 0; i < sizeof LOWER / sizeof *LOWER; i++)
        if (!strcmp(name, LOWER[i])) return true;
    return false;
}

static void add_column(RunTable *t, const char *key)
{
    for (int i = 0; i < t->column_count; i++)
        if (!strcmp(t->columns[i].key, key)) return;
    t->columns = realloc(t->columns, (size_t)(t->column_count + 1) * sizeof *t->columns);
    REQUIRE(t->columns, "out of memory");
    bool figure = !is_setting(key) && strcmp(key, "runs");
    t->columns[t->column_count++] = (Column){ .key = key, .figure = figure, .lower = figure && lower_is_better(key) };
}

static bool listed(const char *list, const char *key)
{
    size_t n = strlen(key);
    for (const char *at = list; (at = strstr(at, key)); at++)
        if ((at == list || at[-1] == ',') && (at[n] == ',' || !at[n])) return true;
    return false;
}

static bool differs(const RunInfo **runs, int count, const char *key, Arena *memory)
{
    const char *first = NULL;
    for (int i = 0; i < count; i++) {
        const char *value = runs[i]->config ? value_of(runs[i], key, memory) : NULL;
        if (first && value && strcmp(first, value)) return true;
        if (!first) first = value;
    }
    return false;
}

static void add_differing(RunTable *t, const RunInfo **runs, int count, const char *over, Arena *memory)
{
    int found = 0;
    for (const Field *f = EXPERIMENT_FIELDS; f->key; f++) found += !listed(over, f->key) && differs(runs, count, f->key, memory);
    if (!found || found > MOST_SETTINGS) add_column(t, "run");
    else for (const Field *f = EXPERIMENT_FIELDS; f->key; f++)
        if (!listed(over, f->key) && differs(runs, count, f->key, memory)) add_column(t, f->key);
}

/* What each run was chosen by, then everything that `limn evaluate` measured. */
static void add_figures(RunTable *t, const RunInfo **runs, int count, Arena *memory)
{
    for (int i = 0; i < count; i++) {
        const char *measure = runs[i]->config ? value_of(runs[i], "validate.measure", memory) : NULL;
        if (measure) add_column(t, arena_printf(memory, "validation.%s", measure));
    }
    for (int i = 0; i < count; i++)
        for (int k = 0; k < runs[i]->figure_count; k++)
            if (strncmp(runs[i]->figures[k].name, "validation.", 11)) add_column(t, runs[i]->figures[k].name);
}

static bool choose_columns(RunTable *t, const RunList *l, const RunInfo **runs, int count, const TableOptions *o, const char *over,
                           bool each, Err *err)
{
    if (each) add_column(t, "run"), add_column(t, "state"), add_column(t, "updates");
    else if (!o->columns) add_differing(t, runs, count, over, l->memory), add_column(t, "runs");
    char *names = o->columns ? arena_text(l->memory, o->columns) : NULL;
    for (char *name; (name = strsep(&names, ",")); ) {
        TRY(!strcmp(name, "runs") || check_key(l, "--columns", name, err));
        add_column(t, name);
    }
    if (!o->columns) add_figures(t, runs, count, l->memory);
    return true;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

/* What is the same for all runs of a setting: the config without the keys that are averaged over. */
static char *setting_of(const RunInfo *r, const char *over, const Experiment *like)
{
    Experiment *x = malloc(sizeof *x);

    REQUIRE(x, "out of memory");
    *x = *r->config;
    for (const Field *f = EXPERIMENT_FIELDS; f->key; f++)
        if (listed(over, f->key)) {
            char *value = config_get(EXPERIMENT_FIELDS, like, f->key);
            config_set(EXPERIMENT_FIELDS, x, f->key, value, NULL, "", &(Err){ 0 });
            free(value);
        }
    char *text = config_dump(EXPERIMENT_FIELDS, x);
    free(x);
    return text;
}

/* Group number of every run (-1: its config is not known); returns how many groups there are. */
static int group_runs(const RunInfo **runs, int count, const char *over, bool each, int *group)
{
    char **settings = calloc((size_t)count + 1, sizeof *settings);
    const Experiment *like = NULL;
    int groups = 0;

    REQUIRE(settings, "out of memory");
    for (int i = 0; i < count && !like; i++) like = runs[i]->config;
    for (int i = 0; i < count; i++) {
        group[i] = each ? i : -1;
        if (each || !runs[i]->config) continue;
        char *setting = setting_of(runs[i], over, like);
        int g = 0;
        while (g < groups && strcmp(settings[g], setting)) g++;
        if (g == groups) settings[groups++] = setting;
        else free(setting);
        group[i] = g;
    }
    for (int g = 0; g < groups; g++) free(settings[g]);
    free(settings);
    return each ? count : groups;
}

/* Mean and sample deviation (n - 1) of a figure over the members; two passes. */
static Cell figure_cell(const RunInfo **members, int count, const char *key)
{
    Cell c = { .text = "", .mean = NAN };
    double sum = 0, squares = 0;
    const Figure *f;

    for (int i = 0; i < count; i++) if ((f = find_figure(members[i], key))) sum += f->value, c.n++;
    if (c.n) c.mean = sum / c.n;
    for (int i = 0; i < count; i++) if ((f = find_figure(members[i], key))) squares += (f->value - c.mean) * (f->value - c.mean);
    c.deviation = c.n > 1 ? sqrt(squares / (c.n - 1)) : 0;
    return c;
}

/* Of a path its last part: where a checkout lies is no setting. */
static const char *short_value(const char *key, const char *value)
{
    const Field *f = config_field(EXPERIMENT_FIELDS, key);
    const char *slash = f && f->type == FIELD_IS_PATH ? strrchr(value, '/') : NULL;
    return slash ? slash + 1 : value;
}

static Row make_row(const RunTable *t, const RunInfo **members, int count, bool each, Arena *memory)
{
    const RunInfo **finished = calloc((size_t)count + 1, sizeof *finished);
    Row row = { .cells = arena_zeros(memory, (size_t)t->column_count * sizeof *row.cells) };
    int n = 0;

    REQUIRE(finished, "out of memory");
    for (int i = 0; i < count; i++) if (members[i]->status == RUN_FINISHED) finished[n++] = members[i];
    row.finished = n > 0;
    for (int k = 0; k < t->column_count; k++) {
        const Column *c = &t->columns[k];
        const char *value = c->figure ? NULL : value_of(members[0], c->key, memory);
        if (c->figure) row.cells[k] = each ? figure_cell(members, count, c->key) : figure_cell(finished, n, c->key);
        else if (!strcmp(c->key, "runs")) row.cells[k].text = arena_printf(memory, "%d", n);
        else row.cells[k].text = value ? short_value(c->key, value) : "";
    }
    free(finished);
    return row;
}

static void add_notes(RunTable *t, const RunInfo **runs, int count, bool each, Arena *memory)
{
    t->notes = calloc((size_t)count + 1, sizeof *t->notes);
    REQUIRE(t->notes, "out of memory");
    for (int i = 0; i < count; i++) {
        const RunInfo *r = runs[i];
        if (r->status == RUN_FINISHED || (each && !*r->message)) continue;
        t->notes[t->note_count++] = r->status == RUN_BROKEN
            ? arena_printf(memory, "%s: %s", r->name, r->message)
            : arena_printf(memory, "%s: %s at update %s%s%s", r->name, STATUS_NAMES[r->status], updates_text(r, memory),
                           *r->message ? ": " : "", r->message);
    }
}

/* ---- order and marks ----------------------------------------------------------------------------------------------- */

typedef struct Order { const RunTable *table; int by; } Order;      /* by: a column before the settings from left to right; -1: none */

static int compare_cells(const Column *c, const Cell *x, const Cell *y)
{
    if (!c->figure) return compare(x->text, y->text);
    if (!x->n || !y->n) return (x->n == 0) - (y->n == 0);
    return x->mean == y->mean ? 0 : (x->mean > y->mean) == c->lower ? 1 : -1;
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const Order *o = context;
    const RunTable *t = o->table;
    const Cell *x = ((const Row *)a)->cells, *y = ((const Row *)b)->cells;
    int order = o->by >= 0 ? compare_cells(&t->columns[o->by], &x[o->by], &y[o->by]) : 0;

    for (int k = 0; k < t->column_count && !order; k++)
        if (!t->columns[k].figure && strcmp(t->columns[k].key, "runs")) order = compare_cells(&t->columns[k], &x[k], &y[k]);
    return order;
}

static bool sort_rows(RunTable *t, const char *key, const RunList *l, Err *err)
{
    Order order = { t, -1 };

    if (key) {
        TRY(!strcmp(key, "runs") || check_key(l, "--sort", key, err));
        for (int k = 0; k < t->column_count; k++) if (!strcmp(t->columns[k].key, key)) order.by = k;
        if (order.by < 0) return fail_usage(err, "--sort: %s is no column of this table; add it with --columns", key);
    }
    qsort_r(t->rows, (size_t)t->row_count, sizeof *t->rows, compare_rows, &order);
    return true;
}

/* Marks the best of every figure, and gives the column as many decimals as its greatest mean has four digits with. */
static void mark_best(RunTable *t)
{
    for (int k = 0; k < t->column_count; k++) {
        Column *c = &t->columns[k];
        double best = NAN, greatest = 0;
        int rivals = 0;
        for (int i = 0; i < t->row_count && c->figure; i++) {
            const Cell *cell = &t->rows[i].cells[k];
            if (!cell->n) continue;
            greatest = fmax(greatest, fabs(cell->mean));
            if (!t->rows[i].finished) continue;
            rivals++;
            if (isnan(best) || (c->lower ? cell->mean < best : cell->mean > best)) best = cell->mean;
        }
        c->decimals = greatest < 1 ? 4 : greatest < 10 ? 3 : greatest < 100 ? 2 : 1;
        for (int i = 0; i < t->row_count && c->figure && rivals > 1; i++)
            t->rows[i].cells[k].best = t->rows[i].finished && t->rows[i].cells[k].n && t->rows[i].cells[k].mean == best;
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static bool check_over(const char *over, Arena *memory, Err *err)
{
    char *names = arena_text(memory, over);
    for (char *name; (name = strsep(&names, ",")); )
        if (!config_field(EXPERIMENT_FIELDS, name)) return fail_usage(err, "--over: %s is no config key", name);
    return true;
}

/* The rows of all groups, in the order of their first runs. */
static void fill_rows(RunTable *t, const RunInfo **runs, int count, const int *group, int groups, bool each, Arena *memory)
{
    const RunInfo **members = calloc((size_t)count + 1, sizeof *members);

    t->rows = calloc((size_t)groups + 1, sizeof *t->rows);
    REQUIRE(t->rows && members, "out of memory");
    for (int g = 0; g < groups; g++) {
        int n = 0;
        for (int i = 0; i < count; i++) if (group[i] == g) members[n++] = runs[i];
        t->rows[t->row_count++] = make_row(t, members, n, each, memory);
    }
    free(members);
}

bool runs_table(RunList *l, const TableOptions *o, RunTable *out, Err *err)
{
    const char *over = o->over ? o->over : "seed";
    bool each = o->each;
    int count, known = 0;

    *out = (RunTable){ 0 };
    TRY(check_over(over, l->memory, err));
    const RunInfo **runs = select_runs(l, o, &count, err);
    int *group = calloc((size_t)count + 1, sizeof *group), groups = 0;
    REQUIRE(group, "out of memory");
    if (!err->status) {
        for (int i = 0; i < count; i++) known += runs[i]->config != NULL;
        groups = group_runs(runs, count, over, each, group);
        if (!each && groups == known) groups = group_runs(runs, count, over, each = true, group);
        if (choose_columns(out, l, runs, count, o, over, each, err)) {
            fill_rows(out, runs, count, group, groups, each, l->memory);
            add_notes(out, runs, count, each, l->memory);
            if (sort_rows(out, o->sort, l, err)) mark_best(out);
        }
    }
    free(group);
    free(runs);
    return err->status == 0;
}

void runs_table_free(RunTable *t)
{
    free(t->columns);
    free(t->rows);
    free(t->notes);
    *t = (RunTable){ 0 };
}
