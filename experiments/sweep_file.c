/* sweep_file.c - reads a sweep file; every value is tried on a config at once, so that mistakes are told with their lines. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/sweep_plan.h"
#include "tensor/base/file.h"
#include "tensor/base/yaml.h"

#define S SweepFile
const Field SWEEP_FIELDS[] = {
    FIELD_PATH("base",            S, base,        NULL, "the config of every run"),
    FIELD_CHOICE("method",        S, method,      "grid", "grid|list|random", "how parameters make settings"),
    FIELD_TEXT("parameters",      S, elsewhere,   "", "config keys and their values: a mapping (grid, random) or a list of mappings (list)"),
    FIELD_TEXT("seeds",           S, elsewhere,   "", "a list; every setting is trained with each"),
    FIELD_INT ("count",           S, count,       "0", 0, 10000, "settings that a random sweep draws"),
    FIELD_INT ("random_seed",     S, random_seed, "1", 0, 9e15, "of the draws of a random sweep"),
    FIELD_INT ("jobs",            S, jobs,        "0", 0, 1024, "runs at a time; 0: as many as there are cores for"),
    FIELD_INT ("threads",         S, threads,     "1", 0, 1024, "of each run; 0: all cores"),
    FIELD_TEXT("budget",          S, budget,      "", "wall clock of one `limn sweep`: 2h, 30m, 90s; what is not trained by then stops, resumable"),
    FIELD_TEXT("out",             S, out,         "", "folder of the run folders; empty: runs/ and this file's name"),
    { 0 }
};
#undef S

typedef struct Reader {
    const char *path;
    char       *folder;                          /* absolute: what paths in the file are relative to */
    SweepFile  *out;
    Arena      *memory;
    Experiment *trial;                           /* takes every value once: does it fit its key? */
    Err        *err;
} Reader;

typedef struct Where { char s[PATH_MAX + 32]; } Where;

static Where at_line(const Reader *r, int line)
{
    Where w;
    snprintf(w.s, sizeof w.s, "%s:%d", r->path, line);
    return w;
}

/* ---- parameters ---------------------------------------------------------------------------------------------------- */

static Parameter *add_parameter(Reader *r, Block *b, const char *key)
{
    Parameter *grown = arena_zeros(r->memory, (size_t)(b->count + 1) * sizeof *grown);
    if (b->count) memcpy(grown, b->parameters, (size_t)b->count * sizeof *grown);
    b->parameters = grown;
    grown[b->count] = (Parameter){ .key = arena_text(r->memory, key) };
    return &grown[b->count++];
}

static void add_value(Reader *r, Parameter *p, struct fy_node *node, int line)
{
    char *text = yaml_text(node);
    Where where = at_line(r, line);

    if (!text) fail_also(r->err, ERR_USAGE, "%s: %s wants a value, got %s", where.s, p->key, yaml_kind(node));
    else if (config_set(EXPERIMENT_FIELDS, r->trial, p->key, text, r->folder, where.s, r->err)) {
        char *value = config_get(EXPERIMENT_FIELDS, r->trial, p->key);
        bool twice = false;
        for (int i = 0; i < p->count; i++) twice = twice || !strcmp(p->values[i], value);
        if (twice) fail_also(r->err, ERR_USAGE, "%s: %s has the value %s twice", where.s, p->key, value);
        else p->values[p->count++] = arena_text(r->memory, value);
        free(value);
    }
    free(text);
}

static void read_values(Reader *r, Parameter *p, struct fy_node *node, int line)
{
    bool list = fy_node_is_sequence(node);
    int  count = list ? fy_node_sequence_item_count(node) : 1;
    struct fy_node *item;
    void *at = NULL;

    if (count <= 0) fail_also(r->err, ERR_USAGE, "%s: %s has an empty list of values", at_line(r, line).s, p->key);
    p->values = arena_zeros(r->memory, (size_t)(count > 0 ? count : 1) * sizeof *p->values);
    if (!list) add_value(r, p, node, line);
    else while ((item = fy_node_sequence_iterate(node, &at))) add_value(r, p, item, fy_node_is_scalar(item) ? yaml_line(item) : line);
}

/* { min: 1e-4, max: 1e-2, scale: log } */
static void read_range(Reader *r, Parameter *p, struct fy_node *node, int line)
{
    typedef struct Range { double min, max; int scale; } Range;
    static const Field RANGE[] = {
        FIELD_REAL("min", Range, min, NULL, -1e300, 1e300, "least"), FIELD_REAL("max", Range, max, NULL, -1e300, 1e300, "greatest"),
        FIELD_CHOICE("scale", Range, scale, "linear", "linear|log", "what is drawn uniformly: the value or its logarithm"), { 0 }
    };
    const Field *f = config_field(EXPERIMENT_FIELDS, p->key);
    Range range = { NAN, NAN, 0 };
    struct fy_node_pair *pair;
    void *at = NULL;
    Where where = at_line(r, line);
    Err mistakes = { 0 };

    while ((pair = fy_node_mapping_iterate(node, &at))) {
        char *name = yaml_text(fy_node_pair_key(pair)), *value = yaml_text(fy_node_pair_value(pair)), place[PATH_MAX + 320];
        snprintf(place, sizeof place, "%s: %.200s", where.s, p->key);
        config_set(RANGE, &range, name ? name : "", value ? value : "a list", NULL, place, &mistakes);
        free(name);
        free(value);
    }
    p->range = true;
    p->log = range.scale == 1;
    p->whole = f->type == FIELD_IS_INT;
    p->min = range.min;
    p->max = range.max;
    if (mistakes.status) fail_also(r->err, ERR_USAGE, "%s", mistakes.text);
    else if (f->type != FIELD_IS_INT && f->type != FIELD_IS_REAL)
        fail_also(r->err, ERR_USAGE, "%s: %s is no number: give a list of values", where.s, p->key);
    else if (!(range.min < range.max)) fail_also(r->err, ERR_USAGE, "%s: %s wants min and max, min below max", where.s, p->key);
    else if (range.min < f->min || range.max > f->max)
        fail_also(r->err, ERR_USAGE, "%s: %s lies between %.16g and %.16g", where.s, p->key, f->min, f->max);
    else if (p->log && range.min <= 0) fail_also(r->err, ERR_USAGE, "%s: %s has scale: log, so min must be above 0", where.s, p->key);
}

static void read_block(Reader *r, struct fy_node *mapping, const char *section, Block *b);

static void read_parameter(Reader *r, struct fy_node *mapping, struct fy_node_pair *pair, const char *section, Block *b)
{
    struct fy_node *key_node = fy_node_pair_key(pair), *node = fy_node_pair_value(pair);
    char *name = key_node ? yaml_text(key_node) : NULL, key[256];
    int   line = key_node && name ? yaml_line(key_node) : 1, earlier = name ? yaml_line_of_earlier(mapping, pair, name) : 0;
    Where where = at_line(r, line);
    bool  before = false;

    snprintf(key, sizeof key, "%s%s%.120s", section, *section ? "." : "", name ? name : "");
    for (int i = 0; i < b->count; i++) before = before || !strcmp(b->parameters[i].key, key);
    if (!name) fail_also(r->err, ERR_USAGE, "%s: a key has to be a plain name", where.s);
    else if (earlier) fail_also(r->err, ERR_USAGE, "%s: %s is there twice, first on line %d", where.s, key, earlier);
    else if (before) fail_also(r->err, ERR_USAGE, "%s: %s is there twice", where.s, key);
    else if (!config_field(EXPERIMENT_FIELDS, key) && !*section && node && fy_node_is_mapping(node)) read_block(r, node, key, b);
    else if (!config_field(EXPERIMENT_FIELDS, key)) config_set(EXPERIMENT_FIELDS, r->trial, key, "", NULL, where.s, r->err);
    else if (!strcmp(key, "seed")) fail_also(r->err, ERR_USAGE, "%s: seed is no parameter: list the seeds as `seeds: [1, 2, 3]`", where.s);
    else if (node && fy_node_is_mapping(node) && r->out->method != SWEEP_RANDOM)
        fail_also(r->err, ERR_USAGE, "%s: %s has a range, which only method: random draws from", where.s, key);
    else if (node && fy_node_is_mapping(node)) read_range(r, add_parameter(r, b, key), node, line);
    else read_values(r, add_parameter(r, b, key), node, line);
    free(name);
}

static void read_block(Reader *r, struct fy_node *mapping, const char *section, Block *b)
{
    struct fy_node_pair *pair;
    void *at = NULL;
    while ((pair = fy_node_mapping_iterate(mapping, &at))) read_parameter(r, mapping, pair, section, b);
}

static void read_parameters(Reader *r, struct fy_node *node, int line)
{
    SweepFile *f = r->out;
    bool list = f->method == SWEEP_LIST;
    struct fy_node *item;
    void *at = NULL;

    if (list != (node && fy_node_is_sequence(node)) || (!list && !fy_node_is_mapping(node))) {
        fail_also(r->err, ERR_USAGE, list ? "%s: method: list wants parameters as a list, '- { train.rate: 1e-3, decoder.depth: 2 }'"
                  : "%s: parameters wants a mapping of config keys, 'train.rate: [1e-3, 2e-3]'", at_line(r, line).s);
        return;
    }
    f->block_count = list ? fy_node_sequence_item_count(node) : 1;
    f->blocks = arena_zeros(r->memory, (size_t)(f->block_count + 1) * sizeof *f->blocks);
    if (!list) read_block(r, node, "", f->blocks);
    for (Block *b = f->blocks; list && (item = fy_node_sequence_iterate(node, &at)); b++)
        if (fy_node_is_mapping(item)) read_block(r, item, "", b);
        else fail_also(r->err, ERR_USAGE, "%s: an entry of parameters is no mapping of config keys", at_line(r, line).s);
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */

static void read_root(Reader *r, struct fy_node *root)
{
    struct fy_node *parameters = NULL, *seeds = NULL;
    int parameters_line = 1, seeds_line = 1;
    struct fy_node_pair *pair;
    void *at = NULL;

    while ((pair = fy_node_mapping_iterate(root, &at))) {
        struct fy_node *key_node = fy_node_pair_key(pair), *node = fy_node_pair_value(pair);
        char *key = key_node ? yaml_text(key_node) : NULL, *text = yaml_text(node);
        int line = key ? yaml_line(key_node) : 1, earlier = key ? yaml_line_of_earlier(root, pair, key) : 0;
        Where where = at_line(r, line);
        if (!key) fail_also(r->err, ERR_USAGE, "%s: a key has to be a plain name", where.s);
        else if (earlier) fail_also(r->err, ERR_USAGE, "%s: %s is there twice, first on line %d", where.s, key, earlier);
        else if (!strcmp(key, "parameters")) parameters = node, parameters_line = line;
        else if (!strcmp(key, "seeds")) seeds = node, seeds_line = line;
        else if (text || !config_field(SWEEP_FIELDS, key))
            config_set(SWEEP_FIELDS, r->out, key, text ? text : "", r->folder, where.s, r->err);
        else fail_also(r->err, ERR_USAGE, "%s: %s wants one value, got %s", where.s, key, yaml_kind(node));
        free(key);
        free(text);
    }
    if (parameters) read_parameters(r, parameters, parameters_line);       /* the method is known now */
    r->out->seeds.key = "seed";
    if (seeds) read_values(r, &r->out->seeds, seeds, seeds_line);
}

static void check_whole(const Reader *r)
{
    const SweepFile *f = r->out;
    double seconds;

    if (!f->base[0]) fail_also(r->err, ERR_USAGE, "%s: base is missing: the config of every run", r->path);
    if (f->budget[0] && !sweep_budget(f->budget, &seconds))
        fail_also(r->err, ERR_USAGE, "%s: budget wants a time as 2h, 30m or 90s, got '%.100s'", r->path, f->budget);
    if (f->method == SWEEP_RANDOM && !f->count)
        fail_also(r->err, ERR_USAGE, "%s: method: random wants a count of settings to draw", r->path);
    if (f->method != SWEEP_RANDOM && f->count)
        fail_also(r->err, ERR_USAGE, "%s: count is for method: random; a %s has as many runs as it has settings", r->path,
                  f->method == SWEEP_GRID ? "grid" : "list");
}

bool sweep_budget(const char *text, double *seconds)
{
    char *end;
    double number = strtod(text, &end);
    double unit = !*end || !strcmp(end, "h") ? 3600 : !strcmp(end, "m") ? 60 : !strcmp(end, "s") ? 1 : 0;

    *seconds = number * unit;
    return strspn(text, "0123456789.") == (size_t)(end - text) && end != text && unit > 0 && number > 0;
}

bool sweep_file_read(const char *path, SweepFile *out, Arena *memory, Err *err)
{
    size_t bytes;
    char *text = file_read(path, &bytes, err), *whole = realpath(path, NULL);
    struct fy_document *document = NULL;
    Reader r = { path, whole, out, memory, calloc(1, sizeof(Experiment)), err };

    REQUIRE(r.trial, "out of memory");
    *out = (SweepFile){ 0 };
    for (const Field *f = SWEEP_FIELDS; f->key; f++)
        if (f->fallback) config_set(SWEEP_FIELDS, out, f->key, f->fallback, NULL, f->key, err);
    if (whole) strrchr(whole, '/')[strrchr(whole, '/') == whole] = 0;
    if (text && yaml_parse(path, text, bytes, &document, err)) {
        if (document && !fy_node_is_mapping(fy_document_root(document)))
            fail_also(err, ERR_USAGE, "%s:1: a sweep is a mapping of 'key: value' lines", path);
        else {
            if (document) read_root(&r, fy_document_root(document));
            check_whole(&r);
        }
    }
    if (!text) err->status = ERR_USAGE;          /* a wrong argument */
    if (document) fy_document_destroy(document);
    free(r.trial);
    free(whole);
    free(text);
    return err->status == 0;
}
