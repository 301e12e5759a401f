/* catalog.c - pictures in memory, what is said about them in a chain on the disk.
 *
 * A link of a chain is a Link and then its text. Each link knows the one before it of the same picture, and the picture knows the last. */
#include "datasets/catalog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <utf8proc.h>

#include "datasets/prepare/catalog_folder.h"
#include "datasets/spill.h"
#include "datasets/store/xxh64.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "text/vocab.h"

typedef struct Picture {
    int32_t file, member, split, place;          /* ids in files, texts; -1: none                                       */
    int32_t width, height, captions, boxes;
    int64_t line, last;                          /* of the first mention; the newest link, -1: none                     */
} Picture;

typedef struct Link {
    int64_t    before, line, element;
    int32_t    place, list, bytes;               /* of the text behind; -1: none                                        */
    bool       is_box;
    CatalogBox box;                              /* its phrase is the text                                              */
} Link;

typedef struct Listed { ProblemKind kind; int32_t name, file, reason; int64_t line; } Listed;
typedef struct Folder { char *path, *shown; bool deep; } Folder;

struct Catalog {
    Vocab  *names, *files, *texts;               /* id of a name = index of the picture                                 */
    Buffer  pictures, listed, folders;
    Spill   chain;
    json_t *inputs;
    bool    need_split;
    bool  (*step)(int64_t pictures, void *context);
    void   *step_context;
    int64_t links;
    char   *folder;
};

Catalog *catalog_new(const char *folder)
{
    Catalog *c = calloc(1, sizeof *c);
    REQUIRE(c, "out of memory");
    c->names = vocab_new();
    c->files = vocab_new();
    c->texts = vocab_new();
    c->inputs = json_array();
    c->folder = strdup(folder);
    REQUIRE(c->folder, "out of memory");
    c->chain = spill_begin(c->folder);
    return c;
}

void catalog_free(Catalog *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->folders.used / sizeof(Folder); i++) {
        Folder *f = (Folder *)(void *)c->folders.p + i;
        free(f->path);
        free(f->shown);
    }
    vocab_free(c->names);
    vocab_free(c->files);
    vocab_free(c->texts);
    free(c->pictures.p);
    free(c->listed.p);
    free(c->folders.p);
    spill_free(&c->chain);
    json_decref(c->inputs);
    free(c->folder);
    free(c);
}

static Picture *picture_at(const Catalog *c, int64_t i)
{
    REQUIRE(i >= 0 && i < catalog_count(c), "catalog: picture %lld of %lld", (long long)i, (long long)catalog_count(c));
    return (Picture *)(void *)c->pictures.p + i;
}

static int32_t keep(Vocab *v, const char *text) { return text ? vocab_add(v, text, strlen(text)) : -1; }
static const char *text_of(const Vocab *v, int32_t id) { return id < 0 ? NULL : vocab_text(v, id); }

void catalog_watch(Catalog *c, bool (*step)(int64_t pictures, void *context), void *context)
{
    c->step = step;
    c->step_context = context;
}

/* ---- inputs ----------------------------------------------------------------------------------------------------------- */
bool catalog_input(Catalog *c, const char *path, const char *name, Err *err)
{
    char    hash[65];
    int64_t bytes;

    TRY(file_bytes(path, &bytes, err) && file_sha256(path, hash, err));
    json_array_append_new(c->inputs, json_pack("{s:o, s:I, s:s}", "name", json_text(name), "bytes", (json_int_t)bytes, "sha256", hash));
    return true;
}

void catalog_input_many(Catalog *c, const char *name, int64_t files, int64_t bytes, const char *sha256)
{
    json_array_append_new(c->inputs, json_pack("{s:o, s:I, s:I, s:s}", "name", json_text(name), "files", (json_int_t)files,
                                               "bytes", (json_int_t)bytes, "sha256", sha256));
}

bool catalog_folder(Catalog *c, const char *folder, const char *shown, bool deep, Err *err)
{
    if (!folder_exists(folder)) return fail(err, "%s: there is no such folder of pictures", folder);
    Folder f = { strdup(folder), strdup(shown), deep };
    REQUIRE(f.path && f.shown, "out of memory");
    buffer_add(&c->folders, &f, sizeof f);
    return true;
}

const json_t *catalog_inputs(const Catalog *c) { return c->inputs; }

/* ---- problems --------------------------------------------------------------------------------------------------------- */
PlaceText place_text(Place at)
{
    PlaceText t = { "" };
    if (at.list) snprintf(t.text, sizeof t.text, "%.64s[%lld] ", at.list, (long long)at.element);
    return t;
}

void catalog_problem(Catalog *c, ProblemKind kind, const char *name, Place at, const char *format, ...)
{
    char    reason[1024];
    va_list ap;

    int n = snprintf(reason, sizeof reason, "%s", place_text(at).text);
    va_start(ap, format);
    vsnprintf(reason + n, sizeof reason - (size_t)n, format, ap);
    va_end(ap);
    /* The place first: it may be one of our own texts, which move when a new one is kept. */
    Listed l = { .kind = kind, .file = keep(c->texts, at.file ? at.file : ""), .line = at.line };
    l.name = keep(c->texts, name ? name : "");
    l.reason = keep(c->texts, reason);
    buffer_add(&c->listed, &l, sizeof l);
}

int64_t catalog_problems(const Catalog *c) { return (int64_t)(c->listed.used / sizeof(Listed)); }

Problem catalog_problem_at(const Catalog *c, int64_t k)
{
    REQUIRE(k >= 0 && k < catalog_problems(c), "catalog: problem %lld of %lld", (long long)k, (long long)catalog_problems(c));
    const Listed *l = (const Listed *)(const void *)c->listed.p + k;
    return (Problem){ l->kind, text_of(c->texts, l->name), text_of(c->texts, l->file), l->line, text_of(c->texts, l->reason) };
}

/* ---- pictures --------------------------------------------------------------------------------------------------------- */
static bool is_utf8(const char *text, size_t bytes)
{
    utf8proc_int32_t point;

    for (size_t i = 0; i < bytes;) {
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(bytes - i), &point);
        if (n < 1 || text[i] == 0) return false;
        i += (size_t)n;
    }
    return true;
}

int64_t catalog_picture(Catalog *c, const char *name, const char *file, const char *member, Place at, bool *is_new)
{
    size_t bytes = strlen(name);

    if (is_new) *is_new = false;
    if (!bytes || !is_utf8(name, bytes)) {
        catalog_problem(c, PROBLEM_BAD_TEXT, name, at, "%s", bytes ? "the picture's name is not valid UTF-8" : "the picture has no name");
        return -1;
    }
    if (!path_stays_inside(name)) {
        catalog_problem(c, PROBLEM_BAD_PATH, name, at, "leads out of the folder of the pictures");
        return -1;
    }
    int64_t i = catalog_find(c, name);
    if (i >= 0) return i;

    Picture p = { .file = keep(c->files, file), .member = keep(c->texts, member), .split = -1, .place = keep(c->texts, at.file ? at.file : ""),
                  .line = at.line, .last = -1 };
    buffer_add(&c->pictures, &p, sizeof p);
    if (is_new) *is_new = true;
    return vocab_add(c->names, name, bytes);
}

int64_t catalog_find(const Catalog *c, const char *name) { return vocab_find(c->names, name, strlen(name)); }
const char *catalog_file(const Catalog *c, int64_t picture) { return text_of(c->files, picture_at(c, picture)->file); }
const char *catalog_name(const Catalog *c, int64_t picture) { return vocab_text(c->names, (int32_t)picture); }
bool    catalog_has_split(const Catalog *c, int64_t picture) { return picture_at(c, picture)->split >= 0; }
int64_t catalog_count(const Catalog *c)                  { return (int64_t)(c->pictures.used / sizeof(Picture)); }

void catalog_split(Catalog *c, int64_t picture, const char *split, Place at)
{
    Picture *p = picture_at(c, picture);
    if (!split || !*split) return;
    int32_t id = keep(c->texts, split);

    if (p->split < 0) p->split = id;
    else if (p->split != id)
        catalog_problem(c, PROBLEM_DUPLICATE, vocab_text(c->names, (int32_t)picture), at, "is said to be in %s too; stays in %s", split,
                        text_of(c->texts, p->split));
}

void catalog_need_split(Catalog *c) { c->need_split = true; }

void catalog_size(Catalog *c, int64_t picture, int width, int height)
{
    Picture *p = picture_at(c, picture);
    p->width = width > 0 && height > 0 ? width : 0;
    p->height = p->width ? height : 0;
}

/* ---- captions and boxes ------------------------------------------------------------------------------------------------ */
/* Of valid UTF-8: nothing but blanks of any script, controls and characters without a width. */
static bool is_blank(const char *text, size_t bytes)
{
    utf8proc_int32_t point;

    for (size_t i = 0; i < bytes;) {
        i += (size_t)utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(bytes - i), &point);
        utf8proc_category_t k = utf8proc_category(point);
        if (k < UTF8PROC_CATEGORY_ZS || k > UTF8PROC_CATEGORY_CF) return false;
    }
    return true;
}

/* Why a text cannot be kept; NULL: it can. Takes the blanks at both ends away. */
static const char *judge(const char **text, size_t *bytes, ProblemKind *kind)
{
    static const char BLANKS[] = " \t\r\n\v\f";
    while (*bytes && strchr(BLANKS, **text) && **text) ++*text, --*bytes;
    while (*bytes && strchr(BLANKS, (*text)[*bytes - 1]) && (*text)[*bytes - 1]) --*bytes;

    *kind = PROBLEM_BAD_TEXT;
    if (*bytes > CATALOG_LONGEST) return "is longer than a million bytes";
    if (!is_utf8(*text, *bytes)) return "is not valid UTF-8";
    *kind = PROBLEM_EMPTY_TEXT;
    return is_blank(*text, *bytes) ? "is empty" : NULL;
}

static bool add_link(Catalog *c, int64_t picture, Link *l, const char *text, Place at, Err *err)
{
    enum { EVERY = 4096 };
    Picture *p = picture_at(c, picture);
    int64_t here = c->chain.used;

    if (c->step && c->links++ % EVERY == 0 && !c->step(catalog_count(c), c->step_context))
        return fail(err, "stopped while the annotations were read");
    l->before = p->last;
    l->place = keep(c->texts, at.file ? at.file : "");
    l->line = at.line;
    l->list = keep(c->texts, at.list);
    l->element = at.element;
    TRY(spill_add(&c->chain, l, sizeof *l, err) && spill_add(&c->chain, text, l->bytes > 0 ? (size_t)l->bytes : 0, err));
    p->last = here;
    return true;
}

bool catalog_caption(Catalog *c, int64_t picture, const char *text, size_t bytes, Place at, int32_t *index, Err *err)
{
    Picture    *p = picture_at(c, picture);
    ProblemKind kind;
    const char *wrong = judge(&text, &bytes, &kind);

    if (index) *index = wrong ? -1 : p->captions;
    if (wrong) {
        catalog_problem(c, kind, vocab_text(c->names, (int32_t)picture), at, "a caption %s", wrong);
        return true;
    }
    Link l;
    memset(&l, 0, sizeof l);                     /* its gaps go to the disk too */
    l.bytes = (int32_t)bytes;
    p->captions++;
    return add_link(c, picture, &l, text, at, err);
}

bool catalog_box(Catalog *c, int64_t picture, const CatalogBox *b, Place at, Err *err)
{
    const char *phrase = b->phrase;
    size_t      bytes = phrase ? strlen(phrase) : 0;
    ProblemKind kind;
    const char *wrong = phrase ? judge(&phrase, &bytes, &kind) : NULL;

    if (wrong) {
        catalog_problem(c, kind, vocab_text(c->names, (int32_t)picture), at, "the phrase of a box %s", wrong);
        return true;
    }
    Link l;
    memset(&l, 0, sizeof l);
    l.is_box = true;
    l.bytes = phrase ? (int32_t)bytes : -1;
    l.box = *b;
    picture_at(c, picture)->boxes++;
    return add_link(c, picture, &l, phrase, at, err);
}

/* ---- reading back ------------------------------------------------------------------------------------------------------ */
typedef struct Walk { const Catalog *c; CatalogEntry *e; Buffer text; int captions, boxes; } Walk;

/* One link, its text to the end of w->text; most need but one read. */
static bool read_link(Walk *w, int64_t at, Link *l, int64_t *text, Err *err)
{
    char    near[sizeof(Link) + 256];
    int64_t there = w->c->chain.used - at;
    size_t  got = there < (int64_t)sizeof near ? (size_t)there : sizeof near, bytes;

    TRY(spill_read(&w->c->chain, at, near, got, err));
    memcpy(l, near, sizeof *l);
    *text = l->bytes < 0 ? -1 : (int64_t)w->text.used;
    if (l->bytes < 0) return true;

    bytes = (size_t)l->bytes;
    buffer_room(&w->text, bytes + 1);
    char *to = w->text.p + w->text.used;
    size_t first = got - sizeof *l < bytes ? got - sizeof *l : bytes;
    memcpy(to, near + sizeof *l, first);
    if (first < bytes) TRY(spill_read(&w->c->chain, at + (int64_t)sizeof *l + (int64_t)first, to + first, bytes - first, err));
    to[bytes] = 0;
    w->text.used += bytes + 1;
    return true;
}

/* The chain runs backwards, so the arrays are filled from their ends. Texts move while they are read: offsets first, pointers last. */
static bool walk(Walk *w, int64_t last, int64_t *caption_at, int64_t *box_at, Err *err)
{
    CatalogEntry *e = w->e;
    int64_t text;
    Link    l;

    for (int64_t at = last; at >= 0; at = l.before) {
        TRY(read_link(w, at, &l, &text, err));
        if (l.is_box) {
            int k = --w->boxes;
            e->boxes[k] = (CatalogBoxAt){ l.box, { text_of(w->c->texts, l.place), l.line, text_of(w->c->texts, l.list), l.element } };
            box_at[k] = text;
        } else caption_at[--w->captions] = text;
    }
    for (int i = 0; i < e->caption_count; i++) e->captions[i] = w->text.p + caption_at[i];
    for (int i = 0; i < e->box_count; i++) e->boxes[i].box.phrase = box_at[i] < 0 ? NULL : w->text.p + box_at[i];
    return true;
}

bool catalog_entry(const Catalog *c, int64_t picture, CatalogEntry *out, Err *err)
{
    const Picture *p = picture_at(c, picture);

    *out = (CatalogEntry){ .name = vocab_text(c->names, (int32_t)picture), .file = text_of(c->files, p->file),
                           .member = text_of(c->texts, p->member), .split = text_of(c->texts, p->split),
                           .at = { text_of(c->texts, p->place), p->line }, .width = p->width, .height = p->height,
                           .caption_count = p->captions, .box_count = p->boxes, .left_out = c->need_split && p->split < 0 };
    out->captions = calloc((size_t)p->captions + 1, sizeof *out->captions);
    out->boxes = calloc((size_t)p->boxes + 1, sizeof *out->boxes);
    int64_t *at = calloc((size_t)p->captions + (size_t)p->boxes + 1, sizeof *at);
    REQUIRE(out->captions && out->boxes && at, "out of memory");

    Walk w = { .c = c, .e = out, .captions = p->captions, .boxes = p->boxes };
    bool ok = walk(&w, p->last, at, at + p->captions, err);
    out->memory = w.text.p;
    free(at);
    if (!ok) catalog_entry_free(out);
    return ok;
}

void catalog_entry_free(CatalogEntry *e)
{
    free(e->captions);
    free(e->boxes);
    free(e->memory);
    *e = (CatalogEntry){ 0 };
}

uint64_t catalog_files_sum(const Catalog *c)
{
    Buffer sizes = { 0 };
    for (int64_t i = 0; i < catalog_count(c); i++) {
        struct stat st;
        int64_t bytes = stat(catalog_file(c, i), &st) == 0 ? st.st_size : -1;
        buffer_add(&sizes, &bytes, sizeof bytes);
    }
    uint64_t sum = xxh64(sizes.p, sizes.used);
    free(sizes.p);
    return sum;
}

/* ---- the end of reading ------------------------------------------------------------------------------------------------ */
static bool list_unmentioned(Catalog *c, const Folder *f, Err *err)
{
    FolderList list;
    TRY(folder_pictures(f->path, f->deep, &list, err));
    for (int64_t i = 0; i < list.count; i++) {
        char *path = path_join(f->path, list.name[i]), *shown = path_join(f->shown, list.name[i]);
        if (vocab_find(c->files, path, strlen(path)) < 0)
            catalog_problem(c, PROBLEM_NO_CAPTION, list.name[i], (Place){ shown, 0 }, "nothing is said about this picture");
        free(path);
        free(shown);
    }
    folder_list_free(&list);
    return true;
}

/* A column of something else, taken for the split, would make one of nearly every picture. */
static bool few_splits(const Catalog *c, Err *err)
{
    int32_t known[CATALOG_SPLITS];
    int     count = 0;

    for (int64_t i = 0; i < catalog_count(c); i++) {
        int32_t split = picture_at(c, i)->split;
        int     k = 0;
        while (k < count && known[k] != split) k++;
        if (split < 0 || k < count) continue;
        if (count == CATALOG_SPLITS)
            return fail(err, "there are more than %d splits, such as '%.60s': are those really splits?", CATALOG_SPLITS, text_of(c->texts, split));
        known[count++] = split;
    }
    return true;
}

bool catalog_finish(Catalog *c, Err *err)
{
    TRY(few_splits(c, err));
    for (int64_t i = 0; i < catalog_count(c) && c->need_split; i++) {
        const Picture *p = picture_at(c, i);
        if (p->split >= 0) continue;
        catalog_problem(c, PROBLEM_NO_SPLIT, vocab_text(c->names, (int32_t)i), (Place){ text_of(c->texts, p->place), p->line },
                        "is in none of the lists of splits");
    }
    for (size_t i = 0; i < c->folders.used / sizeof(Folder); i++) TRY(list_unmentioned(c, (const Folder *)(const void *)c->folders.p + i, err));
    return true;
}
