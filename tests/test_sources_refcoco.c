/* test_sources_refcoco.c - RefCOCO and its sisters: which boxes and splits end up in the catalog, and that every damage is listed. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/source.h"
#include "source_case.h"
#include "tensor/base/file.h"

TestSuite(sources_refcoco, .init = source_begin, .fini = source_end);

/* ---- files ----------------------------------------------------------------------------------------------------------------- */
/* A value as protocol 0 has it. */
static void put_value(FILE *f, json_t *v)
{
    const char *key;
    json_t     *below;
    size_t      k;

    if (json_is_object(v)) {
        fputs("(d", f);
        json_object_foreach(v, key, below) {
            fprintf(f, "S'%s'\n", key);
            put_value(f, below);
            fputc('s', f);
        }
    } else if (json_is_array(v)) {
        fputs("(l", f);
        json_array_foreach(v, k, below) {
            put_value(f, below);
            fputc('a', f);
        }
    } else if (json_is_integer(v)) fprintf(f, "I%lld\n", (long long)json_integer_value(v));
    else if (json_is_string(v)) fprintf(f, "S'%s'\n", json_string_value(v));
    else fputc('N', f);
}

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
    json_error_t why;
    char *json = strdup(text);
    for (char *p = json; *p; p++)
        if (*p == '\'') *p = '"';
    json_t *v = json_loads(json, 0, &why);
    cr_assert(v, "%s in %s", why.text, json);
    free(json);
    return v;
}

static void put_pickle(const char *name, const char *text)
{
    char   *data = NULL;
    size_t  bytes;
    json_t *v = parse(text);
    FILE   *f = open_memstream(&data, &bytes);

    put_value(f, v);
    fputc('.', f);
    fclose(f);
    put_bytes(name, data, bytes);
    free(data);
    json_decref(v);
}

static void put_json(const char *name, const char *text)
{
    json_t *v = parse(text);
    char   *data = json_dumps(v, 0);
    put_bytes(name, data, strlen(data));
    free(data);
    json_decref(v);
}

/* What the references of fixtures/make_pickle.py are of, and a picture that none is of. */
static const char INSTANCES[] =
    "{'images': [{'id': 44, 'file_name': 'COCO_train2014_000000000044.jpg', 'width': 640, 'height': 480},"
    " {'id': 7, 'file_name': 'COCO_train2014_000000000007.jpg', 'width': 500, 'height': 375},"
    " {'id': 99, 'file_name': 'COCO_train2014_000000000099.jpg', 'width': 9, 'height': 9},"
    " {'id': 12, 'file_name': 'COCO_train2014_000000000012.jpg', 'width': 300, 'height': 200},"
    " {'id': 31, 'file_name': 'COCO_train2014_000000000031.jpg'}],"
    " 'categories': [{'id': 1, 'name': 'person'}],"
    " 'annotations': [{'id': 1001, 'image_id': 7, 'bbox': [10, 20, 30.5, 40], 'category_id': 1},"
    " {'id': 1002, 'image_id': 7, 'bbox': [1, 2, 3, 4], 'category_id': 1}, {'id': 1003, 'image_id': 12, 'bbox': [0, 0, 300, 200]},"
    " {'id': 1004, 'image_id': 31, 'bbox': [5, 5, 5, 5]}, {'id': 1005, 'image_id': 44, 'bbox': [6, 6, 6, 6]},"
    " {'id': 1006, 'image_id': 99, 'bbox': [6, 6, 6, 6]}]}";

static void put_fixture(const char *fixture, const char *name)
{
    char  *path = path_join(getenv("LIMN_FIXTURES"), fixture);
    Err    err = { 0 };
    size_t bytes;
    char  *data = file_read(path, &bytes, &err);

    cr_assert(data, "%s", err.text);
    put_bytes(name, data, bytes);
    free(data);
    free(path);
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */
/* The catalog, with "DIR" for the folder. */
static char *read_as(const PrepareOptions *o)
{
    Err err = { 0 };
    cr_assert(source_refcoco.read(catalog, o, &err) && catalog_finish(catalog, &err), "%s", err.text);
    return seen_from_folder();
}

static PrepareOptions options(const char *const *input, const char *variant)
{
    PrepareOptions o = prepare_defaults();
    o.inputs = input;
    o.input_count = 1;
    o.variant = variant;
    return o;
}

static char *read_folder(const char *variant)
{
    const char *input = folder;
    PrepareOptions o = options(&input, variant);
    return read_as(&o);
}

static void refcoco_fails(const char *variant, int status, const char *words)
{
    const char *input = folder;
    PrepareOptions o = options(&input, variant);
    Err err = { 0 };
    cr_expect(!source_refcoco.read(catalog, &o, &err) && err.status == status && strstr(err.text, words), "%d '%s' is not about '%s'",
              err.status, err.text, words);
}

/* References of pictures 7, 12, 31, 44 that INSTANCES has. */
#define REF(id, ann, image, split, sentences) \
    "{'ref_id': " #id ", 'ann_id': " #ann ", 'image_id': " #image ", 'split': '" split "', 'sentences': [" sentences "]}"

static void read_refs(const char *refs, const char *wanted)
{
    put_pickle("refs(unc).p", refs);
    put_json("instances.json", INSTANCES);
    put_bytes("images/train2014/x", "", 0);
    expect(read_folder(NULL), wanted);
}

/* ---- what is there ----------------------------------------------------------------------------------------------------------- */
#define BOXES \
    "picture COCO_train2014_000000000007.jpg file=DIR/train2014/COCO_train2014_000000000007.jpg split=train size=500x375 at=refs(unc).p\n" \
    "  box referring 10 20 40.5 60 entity=1001 \"the lady in blue\" at=refs(unc).p\n" \
    "  box referring 10 20 40.5 60 entity=1001 \"lady\" at=refs(unc).p\n" \
    "  box referring 1 2 4 6 entity=1002 \"man's hat\" at=refs(unc).p\n" \
    "picture COCO_train2014_000000000012.jpg file=DIR/train2014/COCO_train2014_000000000012.jpg split=testA size=300x200 at=refs(unc).p\n" \
    "  box referring 0 0 300 200 entity=1003 \"caf\xc3\xa9 sign\" at=refs(unc).p\n" \
    "  box referring 0 0 300 200 entity=1003 \"sign on the left\" at=refs(unc).p\n" \
    "picture COCO_train2014_000000000031.jpg file=DIR/train2014/COCO_train2014_000000000031.jpg split=testB at=refs(unc).p\n" \
    "  box referring 5 5 10 10 entity=1004 \"dog\" at=refs(unc).p\n" \
    "picture COCO_train2014_000000000044.jpg file=DIR/train2014/COCO_train2014_000000000044.jpg split=val size=640x480 at=refs(unc).p\n" \
    "  box referring 6 6 12 12 entity=1005 \"cat\" at=refs(unc).p\n"

static void read_fixture(const char *fixture)
{
    put_fixture(fixture, "refs(unc).p");
    put_json("instances.json", INSTANCES);
    put_bytes("train2014/x", "", 0);
    expect(read_folder(NULL), BOXES);
}

Test(sources_refcoco, references_are_boxes_with_sentences) { read_fixture("pickle/refs-0.p"); }
Test(sources_refcoco, references_may_be_of_protocol_2)     { read_fixture("pickle/refs-2.p"); }
Test(sources_refcoco, references_may_be_of_protocol_4)     { read_fixture("pickle/refs-4.p"); }

Test(sources_refcoco, both_files_are_inputs)
{
    read_fixture("pickle/refs-0.p");
    const json_t *inputs = catalog_inputs(catalog);
    cr_assert(json_array_size(inputs) == 2);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(inputs, 0), "name")), "refs(unc).p");
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(inputs, 1), "name")), "instances.json");
}

Test(sources_refcoco, files_may_be_given_themselves)
{
    char *refs = path_join(folder, "mine.p"), *instances = path_join(folder, "inst.json"), *images = path_join(folder, "coco/2014");
    const char *inputs[] = { instances, refs };
    PrepareOptions o = options(inputs, NULL);

    o.input_count = 2;
    o.images = images;
    put_pickle("mine.p", "[" REF(1, 1005, 44, "val", "{'sent': 'cat'}") "]");
    put_json("inst.json", INSTANCES);
    put_bytes("coco/2014/x", "", 0);
    expect(read_as(&o), "picture COCO_train2014_000000000044.jpg file=DIR/coco/2014/COCO_train2014_000000000044.jpg split=val size=640x480 at=mine.p\n"
                        "  box referring 6 6 12 12 entity=1005 \"cat\" at=mine.p\n");
    free(refs);
    free(instances);
    free(images);
}

Test(sources_refcoco, the_raw_sentence_is_taken_where_there_is_no_other)
{
    read_refs("[" REF(1, 1005, 44, "val", "{'raw': 'A Cat!'}, {'raw': 'B', 'sent': 'b'}") "]",
              "picture COCO_train2014_000000000044.jpg file=DIR/images/train2014/COCO_train2014_000000000044.jpg split=val size=640x480 at=refs(unc).p\n"
              "  box referring 6 6 12 12 entity=1005 \"A Cat!\" at=refs(unc).p\n"
              "  box referring 6 6 12 12 entity=1005 \"b\" at=refs(unc).p\n");
}

/* ---- variants and splits ------------------------------------------------------------------------------------------------------- */
Test(sources_refcoco, of_several_variants_one_must_be_named)
{
    put_pickle("refs(unc).p", "[" REF(1, 1005, 44, "val", "{'sent': 'unc'}") "]");
    put_pickle("refs(google).p", "[" REF(1, 1005, 44, "train", "{'sent': 'google'}") "]");
    put_json("instances.json", INSTANCES);
    put_bytes("images/x", "", 0);
    refcoco_fails(NULL, ERR_USAGE, "which of refs(google).p, refs(unc).p? Say so with --variant");
    refcoco_fails("umd", ERR_USAGE, "there is no refs(umd).p, but refs(google).p, refs(unc).p");
    refcoco_fails("goog", ERR_USAGE, "there is no refs(goog).p");
    cr_expect(json_array_size(catalog_inputs(catalog)) == 0);
    expect(read_folder("google"), "picture COCO_train2014_000000000044.jpg file=DIR/images/COCO_train2014_000000000044.jpg split=train size=640x480 at=refs(google).p\n"
                                  "  box referring 6 6 12 12 entity=1005 \"google\" at=refs(google).p\n");
    cr_expect(json_array_size(catalog_inputs(catalog)) == 2);
}

Test(sources_refcoco, a_picture_is_in_the_last_of_its_splits_alone)
{
    read_refs("[" REF(1, 1001, 7, "train", "{'sent': 'one'}") "," REF(2, 1002, 7, "val", "{'sent': 'two'}") ","
              REF(3, 1002, 7, "train", "{'sent': 'three'}") "," REF(4, 1004, 31, "testB", "{'sent': 'four'}") ","
              REF(5, 1004, 31, "testA", "{'sent': 'five'}") "," REF(6, 1004, 31, "val", "{'sent': 'six'}") "]",
              "picture COCO_train2014_000000000007.jpg file=DIR/images/train2014/COCO_train2014_000000000007.jpg split=val size=500x375 at=refs(unc).p\n"
              "  box referring 1 2 4 6 entity=1002 \"two\" at=refs(unc).p\n"
              "picture COCO_train2014_000000000031.jpg file=DIR/images/train2014/COCO_train2014_000000000031.jpg split=testB at=refs(unc).p\n"
              "  box referring 5 5 10 10 entity=1004 \"four\" at=refs(unc).p\n"
              "problem duplicate COCO_train2014_000000000007.jpg at=refs(unc).p [0] is in train, its picture in val too: left out\n"
              "problem duplicate COCO_train2014_000000000007.jpg at=refs(unc).p [2] is in train, its picture in val too: left out\n"
              "problem duplicate COCO_train2014_000000000031.jpg at=refs(unc).p [4] is in testA, its picture in testB too: left out\n"
              "problem duplicate COCO_train2014_000000000031.jpg at=refs(unc).p [5] is in val, its picture in testB too: left out\n");
}

/* ---- damage -------------------------------------------------------------------------------------------------------------------- */
Test(sources_refcoco, references_that_are_none_are_listed)
{
    read_refs("['text', {}, {'ref_id': 1, 'ann_id': '1005', 'image_id': 44, 'split': 'val', 'sentences': []},"
              REF(1, 1005, 44, "dev", "{'sent': 'a'}") ","
              "{'ref_id': 2, 'ann_id': 1005, 'image_id': 44, 'split': null, 'sentences': [{'sent': 'a'}]},"
              "{'ref_id': 3, 'ann_id': 1005, 'image_id': 44, 'split': 'val'}," REF(4, 1005, 44, "val", "") ","
              REF(5, 1005, 45, "val", "{'sent': 'a'}") "," REF(6, 1999, 44, "val", "{'sent': 'a'}") "," REF(7, 1004, 44, "val", "{'sent': 'a'}") ","
              REF(8, 1005, 44, "val", "{'sent': 'first'}") "," REF(8, 1005, 44, "val", "{'sent': 'second'}") "]",
              "picture COCO_train2014_000000000044.jpg file=DIR/images/train2014/COCO_train2014_000000000044.jpg split=val size=640x480 at=refs(unc).p\n"
              "  box referring 6 6 12 12 entity=1005 \"first\" at=refs(unc).p\n"
              "problem bad-record  at=refs(unc).p [0] is no dictionary\n"
              "problem bad-record  at=refs(unc).p [1] has no ref_id, image_id or ann_id\n"
              "problem bad-record  at=refs(unc).p [2] has no ref_id, image_id or ann_id\n"
              "problem bad-record  at=refs(unc).p [3] has no split of train, val, test, testA or testB\n"
              "problem bad-record  at=refs(unc).p [4] has no split of train, val, test, testA or testB\n"
              "problem bad-record COCO_train2014_000000000044.jpg at=refs(unc).p [5] has no sentences\n"
              "problem bad-record COCO_train2014_000000000044.jpg at=refs(unc).p [6] has no sentences\n"
              "problem no-image  at=refs(unc).p [7] is of image 45, which instances.json does not have\n"
              "problem bad-record COCO_train2014_000000000044.jpg at=refs(unc).p [8] is of annotation 1999, which instances.json does not have whole\n"
              "problem bad-record COCO_train2014_000000000044.jpg at=refs(unc).p [9] is of annotation 1004, which is of another image\n"
              "problem duplicate COCO_train2014_000000000044.jpg at=refs(unc).p [11] has ref_id 8, which another has\n");
}

Test(sources_refcoco, sentences_that_are_none_are_listed)
{
    read_refs("[" REF(1, 1005, 44, "val", "{'sent': 'good', 'sent_id': 1}, {'sent_id': 2}, {'sent': 7}, 'text', {'sent': '  '}, {'sent': '\\\\xff'},"
                                          "{'sent': 'a\\\\x00b'}, {'sent': 'again', 'sent_id': 1}") "]",
              "picture COCO_train2014_000000000044.jpg file=DIR/images/train2014/COCO_train2014_000000000044.jpg split=val size=640x480 at=refs(unc).p\n"
              "  box referring 6 6 12 12 entity=1005 \"good\" at=refs(unc).p\n"
              "problem bad-record COCO_train2014_000000000044.jpg at=refs(unc).p [0] has a sentence without a text\n"
              "problem bad-record COCO_train2014_000000000044.jpg at=refs(unc).p [0] has a sentence without a text\n"
              "problem bad-record COCO_train2014_000000000044.jpg at=refs(unc).p [0] has a sentence without a text\n"
              "problem empty-text COCO_train2014_000000000044.jpg at=refs(unc).p [0] the phrase of a box is empty\n"
              "problem invalid-text COCO_train2014_000000000044.jpg at=refs(unc).p [0] the phrase of a box is not valid UTF-8\n"
              "problem invalid-text COCO_train2014_000000000044.jpg at=refs(unc).p [0] has a sentence with a NUL character in it\n"
              "problem duplicate COCO_train2014_000000000044.jpg at=refs(unc).p [0] has sentence 1, which stands elsewhere too\n");
}

Test(sources_refcoco, damage_in_instances_is_listed_with_its_line)
{
    put_pickle("refs(umd).p", "[" REF(1, 1, 1, "val", "{'sent': 'a'}") "," REF(2, 2, 2, "val", "{'sent': 'b'}") "," REF(3, 3, 3, "val", "{'sent': 'c'}") ","
                              REF(4, 4, 3, "val", "{'sent': 'd'}") "]");
    static const char DATA[] = "{\"images\": [{\"id\": 1},\n{\"id\": 2, \"file_name\": \"../x.jpg\"},\n"
                               "{\"id\": 3, \"file_name\": \"c.jpg\", \"width\": -1, \"height\": 5},\n{\"id\": 3, \"file_name\": \"d.jpg\"},\n{\"file_name\": \"e\"},\n"
                               "{\"id\": 7, \"file_name\": \"\xff\"}],\n"
                               "\"annotations\": [{\"id\": 1, \"image_id\": 1, \"bbox\": [1, 2, 3, 4]},\n{\"id\": 3, \"image_id\": 3, \"bbox\": [1, 2, 3]},\n"
                               "{\"id\": 4, \"bbox\": [1, 2, 3, 4]},\n{\"id\": 4, \"image_id\": 3, \"bbox\": [1, 2, 3, 4]},\n"
                               "{\"id\": 4, \"image_id\": 3, \"bbox\": [5, 6, 7, 8]}]}";
    put_bytes("instances.json", DATA, sizeof DATA - 1);
    put_bytes("images/x", "", 0);
    expect(read_folder(NULL), "picture c.jpg file=DIR/images/c.jpg split=val at=refs(umd).p\n"
                              "  box referring 1 2 4 6 entity=4 \"d\" at=refs(umd).p\n"
                              "problem bad-record  at=instances.json:1 images[0] has no file_name\n"
                              "problem bad-path ../x.jpg at=instances.json:2 images[1] leads out of the folder of the pictures\n"
                              "problem duplicate d.jpg at=instances.json:4 images[3] has an id that another image has\n"
                              "problem bad-record  at=instances.json:5 images[4] has no id\n"
                              "problem invalid-text  at=instances.json:6 images[5] unable to decode byte 0xff near '\"'\n"
                              "problem bad-record  at=instances.json:8 annotations[1] has no bbox of four numbers\n"
                              "problem bad-record  at=instances.json:9 annotations[2] has no image_id\n"
                              "problem duplicate  at=instances.json:11 annotations[4] has an id that another annotation has\n"
                              "problem no-image  at=refs(umd).p [0] is of image 1, which instances.json does not have\n"
                              "problem no-image  at=refs(umd).p [1] is of image 2, which instances.json does not have\n"
                              "problem bad-record c.jpg at=refs(umd).p [2] is of annotation 3, which instances.json does not have whole\n");
}

Test(sources_refcoco, what_is_senseless_as_a_whole_is_an_error)
{
    put_bytes("images/x", "", 0);
    refcoco_fails(NULL, ERR_FAILED, "there is no refs(*).p or instances.json here");
    put_json("instances.json", INSTANCES);
    refcoco_fails(NULL, ERR_FAILED, "there is no refs(…).p among the inputs");
    put_bytes("refs(unc).p", "(lp0\ncposix\nsystem\n", 19);
    refcoco_fails(NULL, ERR_FAILED, "refs(unc).p: opcode GLOBAL at byte 5 is refused");
    put_bytes("refs(unc).p", "(lp0\n(dp1\nS'ref_id'\n", 20);
    refcoco_fails(NULL, ERR_FAILED, "refs(unc).p: ends at byte 20 without STOP");
    put_bytes("refs(unc).p", "version https://", 16);
    refcoco_fails(NULL, ERR_FAILED, "refs(unc).p: 0x76 at byte 0 is no opcode: the file is no pickle");
    put_pickle("refs(unc).p", "{'refs': []}");
    refcoco_fails(NULL, ERR_FAILED, "refs(unc).p: holds no list of references");
    put_pickle("refs(unc).p", "[" REF(1, 1005, 44, "val", "{'sent': 'a'}") "]");
    put_bytes("instances.json", "{\"images\": [", 12);
    refcoco_fails(NULL, ERR_FAILED, "instances.json:1:");
}

Test(sources_refcoco, pictures_and_instances_must_be_somewhere)
{
    put_pickle("refs(unc).p", "[" REF(1, 1005, 44, "val", "{'sent': 'a'}") "]");
    refcoco_fails(NULL, ERR_FAILED, "there is no instances.json beside refs(unc).p");
    put_json("instances.json", INSTANCES);
    refcoco_fails(NULL, ERR_FAILED, "the pictures of train2014 are not found");

    char *refs = path_join(folder, "refs(unc).p"), *instances = path_join(folder, "instances.json");
    const char *inputs[] = { refs, instances, instances };
    char *other = path_join(folder, "./instances.json");
    PrepareOptions o = options(inputs, NULL);
    Err err = { 0 };
    o.input_count = 2;
    cr_expect(!source_refcoco.read(catalog, &o, &err) && err.status == ERR_USAGE && strstr(err.text, "--images DIR"), "%s", err.text);
    o.input_count = 3;
    inputs[2] = other;
    cr_expect(!source_refcoco.read(catalog, &o, &err) && err.status == ERR_USAGE && strstr(err.text, "one instances.json"), "%s", err.text);
    free(other);
    free(refs);
    free(instances);
}
