/* refcoco.c - referring expressions for objects in photographs of COCO: RefCOCO and RefCOCO+ (Yu, Poirson, Yang, Berg, Berg 2016,
 * "Modeling Context in Referring Expressions"), RefCOCOg (Mao et al. 2016, "Generation and Comprehension of Unambiguous Object
 * Descriptions"), each as the authors of REFER distribute it:
 *
 *     refs(VARIANT).p          a pickle: [{ref_id, ann_id, image_id, split, sentences: [{sent_id, sent, raw, …}], …}]   (pickle.h)
 *     instances.json           COCO's: "images": [{id, file_name, width, height}], "annotations": [{id, image_id, bbox}]
 *
 * Each sentence becomes a box of the referred annotation whose phrase is `sent`: in lower case, without marks, what published results are
 * measured with; `raw`, as it was typed, where there is no `sent`. A ref's own file_name is that of a crop and is not used.
 *
 * Splits are train, val and test, or testA (people) and testB (all else). The variants unc and umd split by picture. google splits by
 * object: many pictures are in two or three splits, so that what a model is tested on was seen in training. A store has a picture once,
 * in one split, here that of its references which comes last in train, val, test. So val and test keep their pictures, train shares none
 * with them, and references of a picture that stand in an earlier split are listed and left out.                            */
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/id_map.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_files.h"
#include "datasets/sources/json_stream.h"
#include "datasets/sources/pickle.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "text/vocab.h"

static const struct Split { const char *name; int rank; } SPLITS[] = {
    { "train", 0 }, { "val", 1 }, { "test", 2 }, { "testA", 2 }, { "testB", 2 } };

/* What is referred to; name -1 and boxed false until instances.json has told. */
typedef struct Photo { const struct Split *split; int32_t name, width, height; } Photo;
typedef struct Object { int64_t image; double corners[4]; bool boxed; } Object;

typedef struct Refcoco {
    Catalog   *c;
    const PrepareOptions *o;
    JsonFiles  files;
    const JsonFile *refs, *instances;            /* of files                                                            */
    IdMap      image_of, object_of;              /* ids of COCO to numbers in photos, objects                           */
    Buffer     photos, objects;
    Vocab     *names;                            /* of images                                                           */
    IdSet      ref_ids, sentence_ids;            /* seen                                                                */
    char       part[64], *folder;                /* "train2014", and where its pictures are                             */
} Refcoco;

static Photo  *photo_at(const Refcoco *r, int64_t k)  { return (Photo *)(void *)r->photos.p + k; }
static Object *object_at(const Refcoco *r, int64_t k) { return (Object *)(void *)r->objects.p + k; }

/* ---- the references, for the first time: what is wanted of instances.json ----------------------------------------------- */
static const struct Split *split_of(const PickleValue *ref)
{
    const PickleValue *v = pickle_member(ref, "split");
    for (size_t i = 0; v && v->kind == PICKLE_TEXT && i < sizeof SPLITS / sizeof *SPLITS; i++)
        if (strcmp(v->text, SPLITS[i].name) == 0) return &SPLITS[i];
    return NULL;
}

static void want(Refcoco *r, const PickleValue *ref)
{
    const struct Split *split = split_of(ref);
    int64_t image, object;

    if (!split || !pickle_id(pickle_member(ref, "image_id"), &image) || !pickle_id(pickle_member(ref, "ann_id"), &object)) return;
    if (id_map_put(&r->image_of, image, (int64_t)(r->photos.used / sizeof(Photo))))
        buffer_add(&r->photos, &(Photo){ .split = split, .name = -1 }, sizeof(Photo));
    if (id_map_put(&r->object_of, object, (int64_t)(r->objects.used / sizeof(Object)))) buffer_add(&r->objects, &(Object){ 0 }, sizeof(Object));

    Photo *p = photo_at(r, id_map_get(&r->image_of, image));
    if (split->rank > p->split->rank) p->split = split;
}

/* ---- instances.json ------------------------------------------------------------------------------------------------------ */
static bool refuse_item(Refcoco *r, const JsonItem *i, ProblemKind kind, const char *name, const char *why)
{
    catalog_problem(r->c, kind, name, (Place){ r->instances->shown, i->line }, "%s[%lld] %s", i->list, (long long)i->index, why);
    return true;
}

static bool take_photo(Refcoco *r, const JsonItem *item, int64_t id)
{
    const char *name = json_string_value(json_object_get(item->value, "file_name"));
    int64_t at = id_map_get(&r->image_of, id);
    int     width, height;

    if (at < 0) return true;
    if (!name || !*name) return refuse_item(r, item, PROBLEM_BAD_RECORD, NULL, "has no file_name");
    if (!path_stays_inside(name)) return refuse_item(r, item, PROBLEM_BAD_PATH, name, "leads out of the folder of the pictures");
    Photo *p = photo_at(r, at);
    if (p->name >= 0) return refuse_item(r, item, PROBLEM_DUPLICATE, name, "has an id that another image has");
    p->name = vocab_add(r->names, name, strlen(name));
    if (json_size(item->value, &width, &height)) p->width = width, p->height = height;
    return true;
}

static bool take_object(Refcoco *r, const JsonItem *item, int64_t id)
{
    int64_t at = id_map_get(&r->object_of, id), image;
    double  corners[4];

    if (at < 0) return true;
    Object *o = object_at(r, at);
    if (o->boxed) return refuse_item(r, item, PROBLEM_DUPLICATE, NULL, "has an id that another annotation has");
    if (!json_id(json_object_get(item->value, "image_id"), &image)) return refuse_item(r, item, PROBLEM_BAD_RECORD, NULL, "has no image_id");
    if (!json_bbox(json_object_get(item->value, "bbox"), corners))
        return refuse_item(r, item, PROBLEM_BAD_RECORD, NULL, "has no bbox of four numbers");
    *o = (Object){ .image = image, .boxed = true };
    memcpy(o->corners, corners, sizeof corners);
    return true;
}

static bool take_item(const JsonItem *item, void *context, Err *err)
{
    Refcoco *r = context;
    int64_t  id;
    (void)err;

    if (!item->value) return refuse_item(r, item, item->kind, NULL, item->why);
    if (!json_id(json_object_get(item->value, "id"), &id)) return refuse_item(r, item, PROBLEM_BAD_RECORD, NULL, "has no id");
    return strcmp(item->list, "images") == 0 ? take_photo(r, item, id) : take_object(r, item, id);
}

/* ---- the references, for the second time ----------------------------------------------------------------------------------- */
typedef struct Ref { const PickleValue *value; int64_t index; const char *name; } Ref;           /* name: of its picture, or NULL */

static Place refs_place(const Refcoco *r) { return (Place){ .file = r->refs->shown }; }
static Place ref_place(const Refcoco *r, const Ref *ref) { return (Place){ .file = r->refs->shown, .list = "", .element = ref->index }; }

static bool refuse(Refcoco *r, const Ref *ref, ProblemKind kind, const char *format, ...) __attribute__((format(printf, 4, 5)));
static bool refuse(Refcoco *r, const Ref *ref, ProblemKind kind, const char *format, ...)
{
    char    what[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    catalog_problem(r->c, kind, ref->name, ref_place(r, ref), "%s", what);
    return true;
}

/* "train2014" of "COCO_train2014_000000581857.jpg"; "" when there is none. */
static void part_of(const char *name, char part[64])
{
    const char *first = strchr(name, '_'), *last = first ? strchr(first + 1, '_') : NULL;
    snprintf(part, 64, "%.*s", last ? (int)(last - first - 1) : 0, last ? first + 1 : "");
}

/* r->folder for a picture's part: the same as before, nearly always. */
static bool find_folder(Refcoco *r, const char *name, Err *err)
{
    char part[64];

    part_of(name, part);
    if (r->folder && strcmp(part, r->part) == 0) return true;
    if (!r->files.folder && !r->o->images) return fail_usage(err, "where are the pictures? --images DIR");
    free(r->folder);
    strcpy(r->part, part);
    r->folder = json_files_images(&r->files, r->o, part, err);
    return r->folder != NULL;
}

static bool add_picture(Refcoco *r, const Photo *p, int64_t *picture, Err *err)
{
    const char *name = vocab_text(r->names, p->name);
    bool  is_new;

    TRY(find_folder(r, name, err));
    char *path = path_join(r->folder, name);
    *picture = catalog_picture(r->c, name, path, NULL, refs_place(r), &is_new);
    free(path);
    if (*picture < 0) return true;
    catalog_split(r->c, *picture, p->split->name, refs_place(r));
    if (is_new) catalog_size(r->c, *picture, p->width, p->height);
    return true;
}

static bool take_sentence(Refcoco *r, const Ref *ref, int64_t picture, CatalogBox *b, const PickleValue *sentence, Err *err)
{
    const PickleValue *text = pickle_member(sentence, "sent"), *id = pickle_member(sentence, "sent_id");
    int64_t number;

    if (!text) text = pickle_member(sentence, "raw");
    if (!text || text->kind != PICKLE_TEXT) return refuse(r, ref, PROBLEM_BAD_RECORD, "has a sentence without a text");
    if (strlen(text->text) != text->count) return refuse(r, ref, PROBLEM_BAD_TEXT, "has a sentence with a NUL character in it");
    if (pickle_id(id, &number) && !id_set_add(&r->sentence_ids, number))
        return refuse(r, ref, PROBLEM_DUPLICATE, "has sentence %lld, which stands elsewhere too", (long long)number);
    b->phrase = text->text;
    return catalog_box(r->c, picture, b, ref_place(r, ref), err);
}

static bool take_sentences(Refcoco *r, const Ref *ref, const Photo *p, const Object *o, int64_t entity, Err *err)
{
    const PickleValue *sentences = pickle_member(ref->value, "sentences");
    CatalogBox b = { .x0 = o->corners[0], .y0 = o->corners[1], .x1 = o->corners[2], .y1 = o->corners[3], .kind = BOX_REFERRING,
                     .entity = entity, .caption = -1 };
    int64_t    picture;

    if (!pickle_is_list(sentences) || !sentences->count) return refuse(r, ref, PROBLEM_BAD_RECORD, "has no sentences");
    TRY(add_picture(r, p, &picture, err));
    for (uint32_t k = 0; k < sentences->count && picture >= 0; k++) TRY(take_sentence(r, ref, picture, &b, sentences->item[k], err));
    return true;
}

static bool take_ref(Refcoco *r, Ref *ref, Err *err)
{
    const PickleValue *v = ref->value;
    int64_t id, image, object;

    if (v->kind != PICKLE_DICTIONARY) return refuse(r, ref, PROBLEM_BAD_RECORD, "is no dictionary");
    if (!pickle_id(pickle_member(v, "ref_id"), &id) || !pickle_id(pickle_member(v, "image_id"), &image)
        || !pickle_id(pickle_member(v, "ann_id"), &object))
        return refuse(r, ref, PROBLEM_BAD_RECORD, "has no ref_id, image_id or ann_id");
    const struct Split *split = split_of(v);
    if (!split) return refuse(r, ref, PROBLEM_BAD_RECORD, "has no split of train, val, test, testA or testB");

    const Photo  *p = photo_at(r, id_map_get(&r->image_of, image));
    const Object *o = object_at(r, id_map_get(&r->object_of, object));
    if (p->name < 0) return refuse(r, ref, PROBLEM_NO_IMAGE, "is of image %lld, which %s does not have", (long long)image, r->instances->shown);
    ref->name = vocab_text(r->names, p->name);
    if (!o->boxed)
        return refuse(r, ref, PROBLEM_BAD_RECORD, "is of annotation %lld, which %s does not have whole", (long long)object, r->instances->shown);
    if (o->image != image) return refuse(r, ref, PROBLEM_BAD_RECORD, "is of annotation %lld, which is of another image", (long long)object);
    if (!id_set_add(&r->ref_ids, id)) return refuse(r, ref, PROBLEM_DUPLICATE, "has ref_id %lld, which another has", (long long)id);
    if (split != p->split) return refuse(r, ref, PROBLEM_DUPLICATE, "is in %s, its picture in %s too: left out", split->name, p->split->name);
    return take_sentences(r, ref, p, o, object, err);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */
static const char *last_name(const JsonFile *f)
{
    const char *slash = strrchr(f->path, '/');
    return slash ? slash + 1 : f->path;
}

static bool of_variant(const JsonFile *f, const char *variant)
{
    char inside[64];
    snprintf(inside, sizeof inside, "(%s)", variant);
    return strstr(last_name(f), inside) != NULL;
}

/* The pickle, by --variant when that was given, and instances.json. */
static bool choose(Refcoco *r, Err *err)
{
    char there[512] = "";
    int  pickles = 0;

    for (int64_t k = 0; k < r->files.count; k++) {
        const JsonFile *f = &r->files.file[k];
        if (fnmatch("*.json", last_name(f), 0) == 0) {
            if (r->instances) return fail_usage(err, "one instances.json, please; %s is too much", f->shown);
            r->instances = f;
            continue;
        }
        size_t used = strlen(there);
        snprintf(there + used, sizeof there - used, "%s%s", used ? ", " : "", f->shown);
        if (r->o->variant && !of_variant(f, r->o->variant)) continue;
        r->refs = f;
        pickles++;
    }
    if (!*there) return fail(err, "there is no refs(…).p among the inputs");
    if (!pickles) return fail_usage(err, "--variant %s: there is no refs(%s).p, but %s", r->o->variant, r->o->variant, there);
    if (pickles > 1) return fail_usage(err, "which of %s? Say so with --variant", there);
    return r->instances || fail(err, "there is no instances.json beside %s: it has the boxes", r->refs->shown);
}

static bool read_refs(Refcoco *r, const PickleValue *refs, Err *err)
{
    static const char *const LISTS[] = { "images", "annotations", NULL };

    if (!pickle_is_list(refs)) return fail(err, "%s: holds no list of references", r->refs->shown);
    for (uint32_t k = 0; k < refs->count; k++) want(r, refs->item[k]);
    TRY(json_stream(r->instances->path, r->instances->shown, LISTS, take_item, r, err));
    for (uint32_t k = 0; k < refs->count; k++) TRY(take_ref(r, &(Ref){ .value = refs->item[k], .index = k }, err));
    return true;
}

static bool read_files(Refcoco *r, Err *err)
{
    TRY(choose(r, err) && catalog_input(r->c, r->refs->path, r->refs->shown, err)
        && catalog_input(r->c, r->instances->path, r->instances->shown, err));
    Pickle *p = pickle_read(r->refs->path, r->refs->shown, err);
    bool    ok = p && read_refs(r, pickle_root(p), err);
    pickle_free(p);
    return ok;
}

static bool read(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "refs(*).p", "instances.json", NULL };
    Refcoco r = { .c = c, .o = o, .names = vocab_new() };
    bool    ok = json_files_find(&r.files, o, PATTERNS, err) && read_files(&r, err);

    id_map_free(&r.image_of);
    id_map_free(&r.object_of);
    id_set_free(&r.ref_ids);
    id_set_free(&r.sentence_ids);
    free(r.photos.p);
    free(r.objects.p);
    vocab_free(r.names);
    free(r.folder);
    json_files_free(&r.files);
    return ok;
}

const Source source_refcoco = {
    .name = "refcoco", .help = "RefCOCO, RefCOCO+, RefCOCOg: boxes with sentences that refer to them",
    .layout = "DIR/refs(unc).p, refs(google).p, refs(umd).p: one of them, or --variant says which\n"
              "DIR/instances.json\n"
              "DIR/train2014/ (or DIR/images/train2014/, DIR/images/; below --images DIR when given): COCO's pictures\n"
              "splits: train, val, test, testA, testB. Where a picture is in two (google), the last in train, val, test has it,\n"
              "and its references of the other are listed and left out",
    .variants = true, .read = read
};
