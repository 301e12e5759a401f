/* safetensors_write.c - writing, and the way between files and parameters. */
#include <fnmatch.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "tensor/safetensors.h"

enum { CHUNK = 1 << 14, LISTED = 20 };

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static json_t *notes_json(const SafeNote *notes, int count)
{
    json_t *j = json_object();
    bool    format = false;

    for (int i = 0; i < count; i++) {
        format |= strcmp(notes[i].key, "format") == 0;
        if (json_object_set_new(j, notes[i].key, json_string(notes[i].value)) != 0) {
            json_decref(j);
            return NULL;
        }
    }
    if (!format) json_object_set_new(j, "format", json_string("pt"));       /* transformers wants to see it */
    return j;
}

static json_t *item_json(const SafeItem *item, int64_t *at)
{
    json_t *shape = json_array();
    int64_t from  = *at;

    for (int i = 0; i < item->shape.n; i++) json_array_append_new(shape, json_integer(item->shape.d[i]));
    *at += shape_count(item->shape) * (int64_t)sizeof(real);
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", sizeof(real) == 4 ? "F32" : "F64", "shape", shape,
                     "data_offsets", (json_int_t)from, (json_int_t)*at);
}

/* The header's text, malloc'd; NULL when a note is not UTF-8. __metadata__ first, its keys sorted; then the tensors. */
static char *header_text(const SafeItem *items, int count, const SafeNote *notes, int note_count)
{
    json_t *meta = notes_json(notes, note_count), *list = json_object();
    char   *meta_text = meta ? json_dumps(meta, JSON_COMPACT | JSON_SORT_KEYS) : NULL, *list_text, *text = NULL;
    int64_t at = 0;

    for (int i = 0; i < count; i++) {
        REQUIRE(!json_object_get(list, items[i].name), "safetensors_write: '%s' is there twice", items[i].name);
        int set = json_object_set_new(list, items[i].name, item_json(&items[i], &at));
        REQUIRE(set == 0, "safetensors_write: the name '%s' is not UTF-8", items[i].name);
    }
    list_text = json_dumps(list, JSON_COMPACT);
    if (meta_text && asprintf(&text, "{\"__metadata__\":%s%s%s", meta_text, count ? "," : "", list_text + 1) < 0) text = NULL;
    free(meta_text);
    free(list_text);
    json_decref(meta);
    json_decref(list);
    return text;
}

FileWriter *safetensors_begin(const char *path, const SafeItem *items, int count, const SafeNote *notes, int note_count,
                              Err *err)
{
    char *text = header_text(items, count, notes, note_count);
    if (!text) {
        fail(err, "cannot write %s: a note for its header is not valid UTF-8", path);
        return NULL;
    }
    uint64_t length = (strlen(text) + 7) / 8 * 8;            /* padded with spaces, so that the data are aligned */
    FileWriter *w = file_begin(path, err);
    bool fine = w && file_write(w, &length, sizeof length, err)
                && file_printf(w, err, "%-*s", (int)length, text);
    free(text);
    if (fine) return w;
    file_abandon(w);
    return NULL;
}

bool safetensors_write(const char *path, const SafeItem *items, int count, const SafeNote *notes, int note_count, Err *err)
{
    FileWriter *w = safetensors_begin(path, items, count, notes, note_count, err);
    bool fine = w != NULL;

    for (int i = 0; fine && i < count; i++)
        fine = file_write(w, items[i].data, (size_t)shape_count(items[i].shape) * sizeof(real), err);
    if (fine) return file_commit(w, err);
    file_abandon(w);
    return false;
}

static bool write_tensor(FileWriter *w, const Tensor *x, Err *err)
{
    int64_t count = shape_count(x->shape);
    real    chunk[CHUNK];

    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t n = count - at < CHUNK ? count - at : CHUNK;
        tensor_read(x, at, chunk, n);
        TRY(file_write(w, chunk, (size_t)n * sizeof *chunk, err));
    }
    return true;
}

bool params_save(Params *p, const char *path, const SafeNote *notes, int note_count, Err *err)
{
    int       count = params_count(p);
    SafeItem *items = calloc((size_t)count + 1, sizeof *items);
    REQUIRE(items, "params_save: out of memory");
    for (int i = 0; i < count; i++) {
        const Tensor *x = params_at(p, i)->tensor;
        items[i] = (SafeItem){ .name = x->name, .shape = x->shape };
    }

    FileWriter *w = safetensors_begin(path, items, count, notes, note_count, err);
    bool fine = w != NULL;
    for (int i = 0; fine && i < count; i++) fine = write_tensor(w, params_at(p, i)->tensor, err);
    free(items);
    if (fine) return file_commit(w, err);
    file_abandon(w);
    return false;
}

/* ---- parameters from a file -------------------------------------------------------------------------------------- */

typedef struct Mismatch { int missing, extra, misshapen, unreadable; char lines[3000]; int listed; } Mismatch;

static void list(Mismatch *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void list(Mismatch *m, const char *fmt, ...)
{
    size_t  used = strlen(m->lines);
    va_list ap;

    if (m->listed++ >= LISTED || used + 256 > sizeof m->lines) return;
    used += (size_t)snprintf(m->lines + used, sizeof m->lines - used, "\n  ");
    va_start(ap, fmt);
    vsnprintf(m->lines + used, sizeof m->lines - used, fmt, ap);
    va_end(ap);
}

/* The entry of a parameter; NULL when the parameter is not under param_prefix, or the file has none. */
static const SafeEntry *entry_of(const SafeTensors *f, const Param *p, const char *param_prefix, const char *file_prefix,
                                 bool *wanted, char name[512])
{
    size_t skip = strlen(param_prefix);
    *wanted = strncmp(p->tensor->name, param_prefix, skip) == 0;
    if (!*wanted) return NULL;
    snprintf(name, 512, "%s%s", file_prefix, p->tensor->name + skip);
    return safetensors_find(f, name);
}

static bool readable(const SafeEntry *e)
{
    return strcmp(e->dtype, "F32") == 0 || strcmp(e->dtype, "F64") == 0 || strcmp(e->dtype, "F16") == 0
           || strcmp(e->dtype, "BF16") == 0;
}

static void compare(Mismatch *m, const Param *p, const SafeEntry *e, const char *name)
{
    if (!e) {
        m->missing++;
        list(m, "missing: %.150s %s", name, shape_text(p->tensor->shape).s);
    } else if (!shape_equal(e->shape, p->tensor->shape)) {
        m->misshapen++;
        list(m, "misshapen: %.120s is %s, the model wants %s", name, shape_text(e->shape).s, shape_text(p->tensor->shape).s);
    } else if (!readable(e)) {
        m->unreadable++;
        list(m, "unreadable: %.150s is %s", name, e->dtype);
    }
}

static bool may_be_extra(const char *name, const char *file_prefix, const char *const *ignore)
{
    if (strncmp(name, file_prefix, strlen(file_prefix)) != 0) return true;
    for (; ignore && *ignore; ignore++)
        if (fnmatch(*ignore, name, 0) == 0) return true;
    return false;
}

static void find_extra(Mismatch *m, const SafeTensors *f, const bool *used, const char *file_prefix, const char *const *ignore)
{
    for (int i = 0; i < safetensors_count(f); i++) {
        const SafeEntry *e = safetensors_at(f, i);
        if (used[i] || may_be_extra(e->name, file_prefix, ignore)) continue;
        m->extra++;
        list(m, "extra: %.150s %s", e->name, shape_text(e->shape).s);
    }
}

static bool report(const Mismatch *m, const SafeTensors *f, Err *err)
{
    int all = m->missing + m->extra + m->misshapen + m->unreadable, shown = m->listed < LISTED ? m->listed : LISTED;
    char more[64] = "";

    if (!all) return true;
    if (all > shown) snprintf(more, sizeof more, "\n  and %d more", all - shown);
    return fail(err, "%.600s does not fit the model: %d missing, %d extra, %d misshapen, %d unreadable; it is another model's "
                "file, or the config differs from the one it was made with%s%s", safetensors_path(f), m->missing, m->extra,
                m->misshapen, m->unreadable, m->lines, more);
}

static bool fill(Param *p, const SafeEntry *e, Err *err)
{
    int64_t count  = shape_count(e->shape);
    real   *values = malloc((size_t)count * sizeof *values + 1);
    REQUIRE(values, "params_load: out of memory");
    bool fine = safetensors_read(e, values, count, err);
    if (fine) {
        tensor_write(p->tensor, 0, values, count);
        p->version++;
    }
    free(values);
    return fine;
}

bool params_load(Params *p, const char *param_prefix, const SafeTensors *f, const char *file_prefix, const char *const *ignore,
                 Err *err)
{
    Mismatch *m    = calloc(1, sizeof *m);
    bool     *used = calloc((size_t)safetensors_count(f) + 1, sizeof *used), wanted;
    char      name[512];
    REQUIRE(m && used, "params_load: out of memory");

    for (int i = 0; i < params_count(p); i++) {
        const SafeEntry *e = entry_of(f, params_at(p, i), param_prefix, file_prefix, &wanted, name);
        if (wanted) compare(m, params_at(p, i), e, name);
        if (e) used[e - safetensors_at(f, 0)] = true;
    }
    find_extra(m, f, used, file_prefix, ignore);
    bool fine = report(m, f, err);
    free(used);
    free(m);

    /* Nothing is changed unless everything fits. */
    for (int i = 0; fine && i < params_count(p); i++) {
        const SafeEntry *e = entry_of(f, params_at(p, i), param_prefix, file_prefix, &wanted, name);
        if (e) fine = fill(params_at(p, i), e, err);
    }
    return fine;
}
