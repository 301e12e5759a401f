/* flickr30k_entities.c - Flickr30k Entities (Plummer, Wang, Cervantes, Caicedo, Hockenmaier, Lazebnik 2015): which phrase of which
 * caption is where in the picture.
 *
 *     DIR/Sentences/ID.txt                 a marked sentence a line                                   (entities_sentence.h)
 *     DIR/Annotations/ID.xml               boxes of entities                                          (entities_boxes.h)
 *     DIR/train.txt, val.txt, test.txt     an ID a line: the splits of the paper
 *     DIR/flickr30k-images/ID.jpg          the photographs of Flickr30k                               (folders: flickr30k.c)
 * Sentences and Annotations may also be in DIR/flickr30k_entities or DIR/annotations.
 *
 * Captions are the sentences without their marks. Each phrase gives a row for each box of its entity (several people: several rows),
 * or one without a box: where the annotation says that there is none, or the whole scene, and where the phrase is not visual (entity 0).
 * A picture whose annotation is damaged keeps its captions; what its phrases are is then not known, and they are left out.  */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/entities_boxes.h"
#include "datasets/sources/entities_sentence.h"
#include "datasets/sources/flickr30k.h"
#include "tensor/base/file.h"

static const char *const BASES[] = { ".", "flickr30k_entities", "annotations", NULL };

/* The files of one kind: their ids in order of bytes, and what goes to the provenance. */
typedef struct Files {
    char    shown[64], kind[8];                  /* "flickr30k_entities/Sentences", ".txt"                              */
    char   *folder;
    Buffer  ids;                                 /* char *                                                              */
    Sha256  sum;
    int64_t bytes;
} Files;

typedef struct Entities {
    Flickr      f;
    Files       sentences, annotations;
    Sentence    sentence;
    EntityBoxes boxes;
} Entities;

/* ---- files ------------------------------------------------------------------------------------------------------------- */
static int64_t id_count(const Files *f)          { return (int64_t)(f->ids.used / sizeof(char *)); }
static char   *id_at(const Files *f, int64_t i)  { return ((char **)(void *)f->ids.p)[i]; }

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool has_id(const Files *f, const char *id)
{
    return id_count(f) && bsearch(&id, f->ids.p, (size_t)id_count(f), sizeof id, by_bytes);
}

static bool list_files(Files *f, Err *err)
{
    DIR   *dir = opendir(f->folder);
    size_t tail = strlen(f->kind);

    if (!dir) return fail(err, "%s: cannot be listed: %s", f->folder, strerror(errno));
    for (struct dirent *d; (d = readdir(dir));) {
        size_t bytes = strlen(d->d_name);
        if (d->d_name[0] == '.' || bytes <= tail || strcmp(d->d_name + bytes - tail, f->kind) != 0) continue;
        char *id = strndup(d->d_name, bytes - tail);
        REQUIRE(id, "out of memory");
        buffer_add(&f->ids, &id, sizeof id);
    }
    closedir(dir);
    if (id_count(f)) qsort(f->ids.p, (size_t)id_count(f), sizeof(char *), by_bytes);
    sha256_begin(&f->sum);
    return true;
}

static bool find_files(Files *f, const char *folder, const char *base, const char *name, const char *kind, Err *err)
{
    char *inside = path_join(folder, base);

    snprintf(f->shown, sizeof f->shown, "%s%s%s", strcmp(base, ".") ? base : "", strcmp(base, ".") ? "/" : "", name);
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    f->folder = path_join(inside, name);
    free(inside);
    return list_files(f, err);
}

static void free_files(Files *f)
{
    for (int64_t i = 0; i < id_count(f); i++) free(id_at(f, i));
    free(f->ids.p);
    free(f->folder);
}

/* The path of one, malloc'd, and what it is called; its hash is added to that of all. A file that cannot be read is the reader's to list. */
static char *file_of(Files *f, const char *id, char **shown)
{
    char   *name, *path, hex[65];
    int64_t bytes;
    Err     ignored = { 0 };

    if (asprintf(&name, "%s%s", id, f->kind) < 0) REQUIRE(false, "out of memory");
    path = path_join(f->folder, name);
    *shown = path_join(f->shown, name);
    if (file_exists(path) && file_bytes(path, &bytes, &ignored) && file_sha256(path, hex, &ignored)) {
        sha256_add(&f->sum, hex, 64);
        sha256_add(&f->sum, "  ", 2);
        sha256_add(&f->sum, name, strlen(name));
        sha256_add(&f->sum, "\n", 1);
        f->bytes += bytes;
    }
    free(name);
    return path;
}

static void enter_files(Files *f, Catalog *c)
{
    char name[96], hex[65];
    sha256_end(&f->sum, hex);
    snprintf(name, sizeof name, "%s/*%s", f->shown, f->kind);
    catalog_input_many(c, name, id_count(f), f->bytes, hex);
}

/* ---- one picture ------------------------------------------------------------------------------------------------------- */
/* A row for each box of the phrase's entity, or one without. */
static bool add_phrase(Entities *e, int64_t picture, const char *name, Phrase p, int32_t caption, Place at, Err *err)
{
    char *words = strndup(e->sentence.text.p + p.from, (size_t)(p.to - p.from));
    CatalogBox b = { .kind = BOX_NONE, .entity = p.entity, .caption = caption, .from = p.from, .to = p.to, .phrase = words };
    bool ok = true, known = p.entity == 0, boxed = false;
    REQUIRE(words, "out of memory");

    for (int64_t i = 0; ok && p.entity && i < entity_boxes_count(&e->boxes); i++) {
        EntityBox *k = entity_boxes_at(&e->boxes, i);
        if (k->entity != p.entity) continue;
        known = k->used = true;
        if (!k->has_box) continue;
        boxed = true;
        b.kind = BOX_PHRASE;
        b.x0 = k->x0, b.y0 = k->y0, b.x1 = k->x1, b.y1 = k->y1;
        ok = catalog_box(e->f.c, picture, &b, at, err);
    }
    if (!known)
        catalog_problem(e->f.c, PROBLEM_BAD_RECORD, name, at,
                        "a phrase of entity %lld, of which the annotation knows nothing; it is left out", (long long)p.entity);
    else if (ok && !boxed) ok = catalog_box(e->f.c, picture, &b, at, err);
    free(words);
    return ok;
}

static bool add_sentence(Entities *e, int64_t picture, const char *name, const Line *line, bool annotated, Err *err)
{
    int32_t caption;

    sentence_parse(&e->sentence, e->f.c, name, line);
    TRY(catalog_caption(e->f.c, picture, e->sentence.text.p, e->sentence.text.used, line->at, &caption, err));
    for (int64_t i = 0; caption >= 0 && i < sentence_phrases(&e->sentence); i++) {
        Phrase p = sentence_phrase(&e->sentence, i);
        if (annotated || !p.entity) TRY(add_phrase(e, picture, name, p, caption, line->at, err));
    }
    return true;
}

static bool add_sentences(Entities *e, int64_t picture, const char *name, const char *path, const char *shown, bool annotated,
                          Err *err)
{
    Err    why = { 0 };
    Lines *l = lines_open(e->f.c, path, shown, &why);
    bool   ok = true;

    for (Line line; l && ok && lines_next(l, &line);)
        if (line.bytes) ok = add_sentence(e, picture, name, &line, annotated, err);
    if (!l || !lines_close(l, &why)) catalog_problem(e->f.c, PROBLEM_BAD_FILE, name, (Place){ shown, 0 }, "cannot be read to its end");
    return ok;
}

static bool add_picture(Entities *e, const char *id, Err *err)
{
    char   *name, *shown, *shown_boxes;
    char   *path = file_of(&e->sentences, id, &shown), *boxes = file_of(&e->annotations, id, &shown_boxes);
    if (asprintf(&name, "%s.jpg", id) < 0) REQUIRE(false, "out of memory");
    int64_t picture = flickr_picture(&e->f, name, (Place){ shown, 0 });
    bool    ok = true;

    if (picture >= 0) {
        bool annotated = entity_boxes_read(&e->boxes, e->f.c, boxes, shown_boxes, name);
        if (annotated) catalog_size(e->f.c, picture, e->boxes.width, e->boxes.height);
        ok = add_sentences(e, picture, name, path, shown, annotated, err);
        for (int64_t i = 0; ok && i < entity_boxes_count(&e->boxes); i++) {
            const EntityBox *b = entity_boxes_at(&e->boxes, i);
            if (!b->used)
                catalog_problem(e->f.c, PROBLEM_BAD_RECORD, name, (Place){ shown_boxes, b->line },
                                "an object of entity %lld, of which no phrase speaks; it is left out", (long long)b->entity);
        }
    }
    free(name), free(path), free(boxes), free(shown), free(shown_boxes);
    return ok;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */
static bool find_all(Entities *e, Err *err)
{
    for (const char *const *base = BASES; *base; base++) {
        char *inside = path_join(e->f.folder, *base), *sentences = path_join(inside, "Sentences");
        bool  there = folder_exists(sentences);
        free(inside);
        free(sentences);
        if (there)
            return find_files(&e->sentences, e->f.folder, *base, "Sentences", ".txt", err)
                && find_files(&e->annotations, e->f.folder, *base, "Annotations", ".xml", err);
    }
    return fail(err, "%s: there is no folder Sentences here, nor in flickr30k_entities or annotations", e->f.folder);
}

static bool read_all(Entities *e, Err *err)
{
    TRY(flickr30k_lists(&e->f, err));
    for (int64_t i = 0; i < id_count(&e->sentences); i++) TRY(add_picture(e, id_at(&e->sentences, i), err));

    for (int64_t i = 0; i < id_count(&e->annotations); i++) {
        const char *id = id_at(&e->annotations, i);
        char *shown;
        if (has_id(&e->sentences, id)) continue;
        free(file_of(&e->annotations, id, &shown));
        catalog_problem(e->f.c, PROBLEM_NO_CAPTION, id, (Place){ shown, 0 }, "an annotation of a picture without sentences");
        free(shown);
    }
    enter_files(&e->sentences, e->f.c);
    enter_files(&e->annotations, e->f.c);
    return true;
}

static bool read_entities(Catalog *c, const PrepareOptions *o, Err *err)
{
    Entities e = { 0 };
    bool ok = flickr30k_begin(&e.f, c, o, err) && find_all(&e, err) && read_all(&e, err);

    sentence_free(&e.sentence);
    entity_boxes_free(&e.boxes);
    free_files(&e.sentences);
    free_files(&e.annotations);
    flickr_end(&e.f);
    return ok;
}

const Source source_flickr30k_entities = {
    .name = "flickr30k-entities", .help = "Flickr30k Entities: captions of Flickr30k whose phrases have boxes",
    .layout = "DIR/Sentences/ID.txt, DIR/Annotations/ID.xml (or both in DIR/flickr30k_entities or DIR/annotations)\n"
              "DIR/train.txt, val.txt, test.txt\n"
              "DIR/flickr30k-images (or flickr30k_images, flickr30k_images/flickr30k_images, images, Images)\n"
              "Phrases of several boxes give several rows; corners are counted from 1, both inside the box",
    .read = read_entities
};
