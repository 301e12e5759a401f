/* karpathy.c - the splits of Karpathy and Fei-Fei 2015 ("Deep visual-semantic alignments"), as dataset_*.json: COCO, Flickr8k, Flickr30k.
 *
 *     {"images": [{"filename", "filepath" (COCO), "split", "imgid", "sentences": [{"raw", "tokens", "sentid"}]}], "dataset"}
 *
 * restval, the part of COCO's validation pictures that is in neither val nor test, joins train, as the field does. raw is the caption; where
 * there is none, the tokens with blanks between them.                                                                     */
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/json_files.h"
#include "datasets/sources/json_stream.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"

typedef struct Karpathy { Catalog *c; const char *images, *shown; } Karpathy;

static Place here(const Karpathy *k, const JsonItem *i) { return (Place){ k->shown, i->line, "images", i->index }; }

static bool refuse(Karpathy *k, const JsonItem *i, ProblemKind kind, const char *name, const char *why)
{
    catalog_problem(k->c, kind, name, here(k, i), "%s", why);
    return true;
}

/* malloc'd; NULL: there are none. */
static char *join_tokens(const json_t *tokens)
{
    Buffer text = { 0 };
    size_t i;
    json_t *token;

    json_array_foreach(tokens, i, token) {
        if (!json_is_string(token)) continue;
        if (text.used) buffer_add(&text, " ", 1);
        buffer_add(&text, json_string_value(token), json_string_length(token));
    }
    if (text.used) buffer_add(&text, "", 1);
    return text.p;
}

static bool read_sentence(Karpathy *k, const JsonItem *i, int64_t picture, const char *name, const json_t *sentence, Err *err)
{
    const json_t *raw = json_object_get(sentence, "raw");
    if (json_is_string(raw)) return catalog_caption(k->c, picture, json_string_value(raw), json_string_length(raw), here(k, i), NULL, err);

    char *text = join_tokens(json_object_get(sentence, "tokens"));
    bool  ok = text ? catalog_caption(k->c, picture, text, strlen(text), here(k, i), NULL, err)
                    : refuse(k, i, PROBLEM_BAD_RECORD, name, "has a sentence without raw and tokens");
    free(text);
    return ok;
}

static bool read_image(const JsonItem *i, void *context, Err *err)
{
    Karpathy *k = context;
    const char *name = json_string_value(json_object_get(i->value, "filename"));
    const char *folder = json_string_value(json_object_get(i->value, "filepath"));
    const char *split = json_string_value(json_object_get(i->value, "split"));
    const json_t *sentences = json_object_get(i->value, "sentences");
    size_t at;
    json_t *sentence;
    bool is_new;

    if (!i->value) return refuse(k, i, i->kind, NULL, i->why);
    if (!name || !json_is_array(sentences)) return refuse(k, i, PROBLEM_BAD_RECORD, name, "has no filename or no list of sentences");
    char *below = folder && *folder ? path_join(folder, name) : strdup(name), *path = path_join(k->images, below);
    bool  inside = path_stays_inside(below);
    int64_t picture = inside ? catalog_picture(k->c, name, path, NULL, here(k, i), &is_new) : -1;
    free(below);
    free(path);
    if (!inside) return refuse(k, i, PROBLEM_BAD_PATH, name, "leads out of the folder of the pictures");
    if (picture < 0) return true;
    if (!is_new) return refuse(k, i, PROBLEM_DUPLICATE, name, "is of a picture that was there before; it is left out");
    catalog_split(k->c, picture, split && strcmp(split, "restval") == 0 ? "train" : split, here(k, i));
    json_array_foreach(sentences, at, sentence) TRY(read_sentence(k, i, picture, name, sentence, err));
    return true;
}

static bool read(Catalog *c, const PrepareOptions *o, Err *err)
{
    static const char *const PATTERNS[] = { "dataset_*.json", "dataset.json", NULL }, *const LISTS[] = { "images", NULL };
    JsonFiles files;
    bool ok = json_files_find(&files, o, PATTERNS, err);

    if (ok && files.count > 1)
        ok = fail_usage(err, "%s and %s: one dataset_*.json, please; name it as the input, with --images DIR", files.file[0].shown,
                        files.file[1].shown);
    const char *root = o->images ? o->images : files.folder;
    if (ok && !root) ok = fail_usage(err, "where are the pictures? --images DIR");
    char *below = ok ? path_join(root, "images") : NULL;
    if (ok) {
        Karpathy k = { c, below && folder_exists(below) ? below : root, files.file[0].shown };
        catalog_need_split(c);
        ok = catalog_input(c, files.file[0].path, k.shown, err) && json_stream(files.file[0].path, k.shown, LISTS, read_image, &k, err);
    }
    free(below);
    json_files_free(&files);
    return ok;
}

const Source source_karpathy = {
    .name = "karpathy", .help = "COCO, Flickr8k or Flickr30k with Karpathy's splits (dataset_coco.json, …)",
    .layout = "DIR/dataset_coco.json (or dataset_flickr8k.json, dataset_flickr30k.json)\n"
              "DIR/train2014/, DIR/val2014/ for COCO, DIR/images/ or DIR itself for Flickr (below --images DIR when given)\n"
              "or the JSON file itself, with --images DIR\n"
              "splits: train (with restval), val, test",
    .read = read
};
