/* config.c - defaults, then the file's base, the file, and the command line; mistakes are gathered on the way. */
#include "tensor/base/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/config_value.h"
#include "tensor/base/edit_distance.h"
#include "tensor/base/file.h"
#include "tensor/base/yaml.h"

typedef struct Loader {
    const Field *fields;
    void        *into;
    bool        *given;                          /* one a field                                           */
    bool         unread;                         /* a file could not be read: what is missing may be there */
    Err         *err;
} Loader;

/* A file that is being read, and the files that it is a base of. */
typedef struct Source { const char *path; char *real, *folder; const struct Source *child; } Source;

/* ---- keys -------------------------------------------------------------------------------------------------------- */

const Field *config_field(const Field *fields, const char *key)
{
    for (const Field *f = fields; f->key; f++)
        if (strcmp(f->key, key) == 0) return f;
    return NULL;
}

static bool is_section(const Field *fields, const char *name)
{
    size_t length = strlen(name);
    for (const Field *f = fields; f->key; f++)
        if (strncmp(f->key, name, length) == 0 && f->key[length] == '.') return true;
    return false;
}

static const char *leaf(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* The right name in the wrong section counts as near. */
static const char *nearest_key(const Field *fields, const char *key)
{
    const char *best = NULL;
    int least = INT_MAX;

    for (const Field *f = fields; f->key; f++) {
        int whole = edit_distance(key, f->key), last = 1 + edit_distance(leaf(key), leaf(f->key));
        int d = whole < last ? whole : last;
        if (d < least) least = d, best = f->key;
    }
    return best;
}

static bool unknown_key(const Field *fields, const char *where, const char *key, Err *err)
{
    if (is_section(fields, key))
        return fail_also(err, ERR_USAGE, "%s: %s is a section: its keys go below it, indented", where, key);
    return fail_also(err, ERR_USAGE, "%s: unknown key %.100s; the nearest known key is %s", where, key, nearest_key(fields, key));
}

static void unknown_section(Loader *l, const char *where, const char *name)
{
    const char *best = NULL;
    int least = INT_MAX;

    for (const Field *f = l->fields; f->key; f++) {
        char section[128];
        snprintf(section, sizeof section, "%.*s", (int)strcspn(f->key, "."), f->key);
        int d = strchr(f->key, '.') ? edit_distance(name, section) : INT_MAX;
        if (d < least) least = d, best = f->key;
    }
    if (best) fail_also(l->err, ERR_USAGE, "%s: unknown section %.100s; the nearest known section is %.*s", where, name,
                        (int)strcspn(best, "."), best);
    else      fail_also(l->err, ERR_USAGE, "%s: unknown section %.100s; this config has none", where, name);
}

bool config_set(const Field *fields, void *into, const char *key, const char *text, const char *folder, const char *where, Err *err)
{
    const Field *f = config_field(fields, key);
    char why[512];

    if (!f) return unknown_key(fields, where, key, err);
    return value_set(f, into, text, folder, why, sizeof why) || fail_also(err, ERR_USAGE, "%s: %s %s", where, key, why);
}

char *config_get(const Field *fields, const void *from, const char *key)
{
    const Field *f = config_field(fields, key);
    return f ? value_text(f, from) : NULL;
}

static void set_field(Loader *l, const char *where, const char *key, const char *text, const char *folder)
{
    const Field *f = config_field(l->fields, key);
    if (f) l->given[f - l->fields] = true;
    config_set(l->fields, l->into, key, text, folder, where, l->err);
}

static void wrong_kind(Loader *l, const char *where, const char *key, const char *kind)
{
    l->given[config_field(l->fields, key) - l->fields] = true;
    fail_also(l->err, ERR_USAGE, "%s: %s wants one value, got %s", where, key, kind);
}

/* ---- YAML -------------------------------------------------------------------------------------------------------- */

static void read_mapping(Loader *l, const Source *s, struct fy_node *mapping, const char *section);

static void read_pair(Loader *l, const Source *s, struct fy_node *mapping, struct fy_node_pair *pair, const char *section)
{
    struct fy_node *key_node = fy_node_pair_key(pair), *value_node = fy_node_pair_value(pair);
    char *name = key_node ? yaml_text(key_node) : NULL, *value = yaml_text(value_node), key[256], where[PATH_MAX + 32];

    snprintf(where, sizeof where, "%s:%d", s->path, key_node ? yaml_line(key_node) : 1);
    snprintf(key, sizeof key, "%s%s%.120s", section, *section ? "." : "", name ? name : "");
    int earlier = name ? yaml_line_of_earlier(mapping, pair, name) : 0;

    if (!name)
        fail_also(l->err, ERR_USAGE, "%s: a key has to be a plain name", where);
    else if (earlier)
        fail_also(l->err, ERR_USAGE, "%s: %s is there twice, first on line %d", where, key, earlier);
    else if (!*section && strcmp(name, "base") == 0)
        ;                                        /* was read before everything else */
    else if (value)
        set_field(l, where, key, value, s->folder);
    else if (config_field(l->fields, key))
        wrong_kind(l, where, key, yaml_kind(value_node));
    else if (!*section && fy_node_is_mapping(value_node) && is_section(l->fields, key))
        read_mapping(l, s, value_node, key);
    else if (!*section && fy_node_is_mapping(value_node))
        unknown_section(l, where, key);
    else
        unknown_key(l->fields, where, key, l->err);
    free(name);
    free(value);
}

static void read_mapping(Loader *l, const Source *s, struct fy_node *mapping, const char *section)
{
    struct fy_node_pair *pair;
    void *at = NULL;
    while ((pair = fy_node_mapping_iterate(mapping, &at))) read_pair(l, s, mapping, pair, section);
}

static void read_file(Loader *l, const char *path, const Source *child);

static void read_base(Loader *l, const Source *s, struct fy_node *root)
{
    struct fy_node *node = fy_node_mapping_lookup_by_string(root, "base", FY_NT);
    if (!node) return;

    char *name = yaml_text(node);
    if (!name || !*name) {
        fail_also(l->err, ERR_USAGE, "%s: base wants the path of another config", s->path);
    } else {
        char *path = path_resolve(name, s->folder);
        read_file(l, path, s);
        free(path);
    }
    free(name);
}

static void read_root(Loader *l, const Source *s, struct fy_node *root)
{
    if (!fy_node_is_mapping(root)) {
        fail_also(l->err, ERR_USAGE, "%s:1: a config is a mapping of 'section:' and 'key: value' lines", s->path);
        l->unread = true;
        return;
    }
    read_base(l, s, root);
    read_mapping(l, s, root, "");
}

static bool comes_back(const Source *s)
{
    for (const Source *c = s->child; c; c = c->child)
        if (strcmp(c->real, s->real) == 0) return true;
    return false;
}

static void read_file(Loader *l, const char *path, const Source *child)
{
    Err    trouble = { 0 };
    size_t bytes;
    char  *text = file_read(path, &bytes, &trouble);
    if (!text) {
        const char *by = child ? child->path : "";
        fail_also(l->err, ERR_USAGE, "%s%s%s", by, child ? ": base: " : "", trouble.text);
        l->unread = true;
        return;
    }

    Source s = { .path = path, .real = realpath(path, NULL), .child = child };
    s.real   = s.real ? s.real : strdup(path);
    s.folder = strndup(s.real, (size_t)(strrchr(s.real, '/') - s.real + (strrchr(s.real, '/') == s.real)));
    struct fy_document *doc = NULL;
    if (comes_back(&s)) l->unread = !fail_also(l->err, ERR_USAGE, "%s: its base leads back to %s", child->path, path);
    else                l->unread = !yaml_parse(path, text, bytes, &doc, l->err) || l->unread;

    if (doc) read_root(l, &s, fy_document_root(doc));
    if (doc) fy_document_destroy(doc);
    free(s.real);
    free(s.folder);
    free(text);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void read_defaults(Loader *l)
{
    char why[512];
    for (const Field *f = l->fields; f->key; f++)
        if (f->fallback)
            REQUIRE(value_set(f, l->into, f->fallback, NULL, why, sizeof why), "config: the default of %s: %s", f->key, why);
}

static void read_override(Loader *l, const char *text)
{
    const char *equals = strchr(text, '=');
    char key[256];

    if (!equals) {
        fail_also(l->err, ERR_USAGE, "command line: '%.100s' is not section.key=value", text);
        return;
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    set_field(l, "command line", key, equals + 1, NULL);
}

bool config_load(const Field *fields, void *into, const char *path, char *const *overrides, int count, Err *err)
{
    size_t n = 0;
    while (fields[n].key) n++;

    Loader l = { .fields = fields, .into = into, .given = calloc(n + 1, sizeof(bool)), .err = err };
    REQUIRE(l.given, "config_load: out of memory");
    read_defaults(&l);
    if (path) read_file(&l, path, NULL);
    for (int i = 0; i < count; i++) read_override(&l, overrides[i]);
    for (const Field *f = fields; f->key && !l.unread; f++)
        if (!f->fallback && !l.given[f - fields])
            fail_also(err, ERR_USAGE, "%s: %s is missing: %s", path ? path : "command line", f->key, f->help);
    free(l.given);
    return err->status == 0;
}
