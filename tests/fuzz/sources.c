/* sources.c - any bytes as the annotations of a data set that has one file or two (datasets/sources). The first byte says of which:
 *
 *     c COCO     k Karpathy's split     g Visual Genome     8 Flickr8k     3 Flickr30k     p phrase boxes     l lines of JSON
 *     i, v imagefolder, its metadata JSON or a table
 *     e Flickr30k Entities: sentences, an empty line, the boxes     r RefCOCO: references, an empty line, the instances   */
#include "datasets/sources/source.h"

#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/input.h"

static const struct { uint8_t letter; const Source *source; const char *file[2], *folder[2]; } KINDS[] = {
    { 'c', &source_coco,         { "c/captions_val.json", "c/instances_val.json" },          { "c", "c/val" } },
    { 'k', &source_karpathy,     { "k/dataset_coco.json" },                                  { "k", "k/val2014" } },
    { 'g', &source_visual_genome, { "g/region_descriptions.json", "g/image_data.json" },     { "g", "g/VG_100K" } },
    { '8', &source_flickr8k,     { "8/Flickr8k.token.txt", "8/Flickr_8k.trainImages.txt" },  { "8", "8/images" } },
    { '3', &source_flickr30k,    { "3/results.csv", "3/train.txt" },                         { "3", "3/images" } },
    { 'p', &source_phrase_boxes, { "p/phrase_boxes.tsv" },                                   { "p", "p/images" } },
    { 'l', &source_jsonl,        { "l/x.jsonl" },                                            { "l", "l/images" } },
    { 'i', &source_imagefolder,  { "i/metadata.jsonl" },                                     { "i", "i/train" } },
    { 'v', &source_imagefolder,  { "v/metadata.csv", "v/val/metadata.tsv" },                 { "v", "v/val" } },
    { 'e', &source_flickr30k_entities, { "e/Sentences/1.txt", "e/Annotations/1.xml" },       { "e", "e/images" } },
    { 'r', &source_refcoco,      { "r/refs(unc).p", "r/instances.json" },                    { "r", "r/train2014" } },
};

/* The others have the whole input in each of their files. */
static bool has_two_parts(int k) { return KINDS[k].letter == 'e' || KINDS[k].letter == 'r'; }

static void make_folders(int k)
{
    for (int i = 0; i < 2; i++) mkdir(fuzz_path(KINDS[k].folder[i]), 0777);
    if (KINDS[k].letter != 'e') return;
    mkdir(fuzz_path("e/Sentences"), 0777);
    mkdir(fuzz_path("e/Annotations"), 0777);
    fuzz_file("e/train.txt", "1\n", 2);
    fuzz_file("e/val.txt", "", 0);
    fuzz_file("e/test.txt", "", 0);
}

static void write_files(int k, const uint8_t *data, size_t size)
{
    const uint8_t *cut = has_two_parts(k) ? memmem(data, size, "\n\n", 2) : NULL;
    size_t first = cut ? (size_t)(cut - data) : size;

    fuzz_file(KINDS[k].file[0], data, first);
    if (KINDS[k].file[1]) fuzz_file(KINDS[k].file[1], cut ? cut + 2 : data, cut ? size - first - 2 : size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made[sizeof KINDS / sizeof *KINDS];
    int n = (int)(sizeof KINDS / sizeof *KINDS), k = 0;

    while (k < n && size && KINDS[k].letter != data[0]) k++;
    if (k == n || !size) return 0;
    if (!made[k]) make_folders(k);
    made[k] = true;
    write_files(k, data + 1, size - 1);

    Err            err = { 0 };
    const char    *folder = fuzz_path(KINDS[k].folder[0]);
    PrepareOptions o = prepare_defaults();
    Catalog       *c = fuzz_catalog();
    o.inputs = &folder;
    o.input_count = 1;
    REQUIRE(KINDS[k].source->read(c, &o, &err) || *err.text, "refused without a word");
    fuzz_catalog_end(c);
    return 0;
}
