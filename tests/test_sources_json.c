/* test_sources_json.c - COCO, Karpathy's splits, Visual Genome and limn's own lines of JSON: what ends up in the catalog, and that every
 * damage is listed with its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

#include "source_case.h"

TestSuite(sources_json, .init = source_begin, .fini = source_end);

/* ---- COCO -------------------------------------------------------------------------------------------------------------- */
#define IMAGE(id, name) "{\"id\": " #id ", \"file_name\": \"" name "\", \"width\": 640, \"height\": 480, \"license\": 3}"
#define CAPTION(id, image, text) "{\"image_id\": " #image ", \"id\": " #id ", \"caption\": \"" text "\"}"
#define BOX(id, image, category, box) \
    "{\"segmentation\": [[1, 2]], \"area\": 5, \"iscrowd\": 0, \"image_id\": " #image ", \"bbox\": " box ", \"category_id\": " #category ", \"id\": " #id "}"

Test(sources_json, coco_reads_captions_and_instances_of_each_part)
{
    put("annotations/captions_train2017.json", "{\"info\": {}, \"licenses\": [], \"images\": [" IMAGE(9, "000000000009.jpg") ", " IMAGE(25, "000000000025.jpg") "],\n"
        "\"annotations\": [" CAPTION(1, 25, "A giraffe .") "," CAPTION(2, 9, "Food .") "," CAPTION(3, 25, " Two giraffes . ") "]}");
    put("annotations/captions_val2017.json", "{\"annotations\": [" CAPTION(4, 7, "A kite .") "], \"images\": [" IMAGE(7, "000000000007.jpg") "]}");
    put("annotations/instances_train2017.json", "{\"images\": [" IMAGE(25, "000000000025.jpg") ", " IMAGE(9, "000000000009.jpg") ", " IMAGE(30, "000000000030.jpg") "],\n"
        "\"annotations\": [" BOX(101, 25, 25, "[385.5, 60, 214.5, 297.25]") "," BOX(102, 30, 1, "[0, 0, 10, 10]") ",\n"
        "{\"id\": 103, \"image_id\": 9, \"category_id\": 1, \"iscrowd\": 1, \"segmentation\": {\"counts\": [1], \"size\": [2, 2]}, \"bbox\": [0, 0, 5, 5]}],\n"
        "\"categories\": [{\"supercategory\": \"animal\", \"id\": 25, \"name\": \"giraffe\"}, {\"id\": 1, \"name\": \"person\"}]}");
    put("train2017/000000000009.jpg", ""), put("train2017/stray.png", ""), put("val2017/000000000007.jpg", "");
    expect(read_by("coco"),
           "picture 000000000009.jpg file=DIR/train2017/000000000009.jpg split=train size=640x480 at=annotations/captions_train2017.json:1\n"
           "  caption \"Food .\"\n"
           "picture 000000000025.jpg file=DIR/train2017/000000000025.jpg split=train size=640x480 at=annotations/captions_train2017.json:1\n"
           "  caption \"A giraffe .\"\n  caption \"Two giraffes .\"\n"
           "  box object 385.5 60 600 357.25 entity=101 \"giraffe\" at=annotations/instances_train2017.json:2\n"
           "picture 000000000030.jpg file=DIR/train2017/000000000030.jpg split=train size=640x480 at=annotations/instances_train2017.json:1\n"
           "  box object 0 0 10 10 entity=102 \"person\" at=annotations/instances_train2017.json:2\n"
           "picture 000000000007.jpg file=DIR/val2017/000000000007.jpg split=val size=640x480 at=annotations/captions_val2017.json:1\n"
           "  caption \"A kite .\"\n"
           "problem no-caption stray.png at=train2017/stray.png nothing is said about this picture\n");
}

Test(sources_json, coco_lists_every_damage)
{
    put("images/1.jpg", "");
    put("captions_train.json", "\xEF\xBB\xBF{\"images\": [" IMAGE(1, "1.jpg") ",\n" IMAGE(1, "2.jpg") ",\n" IMAGE(3, "1.jpg") ",\n{\"id\": 4},\n{\"file_name\": \"5.jpg\"},\n"
        IMAGE(6, "../../etc/passwd") ",\n" IMAGE(7, "/etc/passwd") ",\n" IMAGE(8, "") ",\n7,\n{\"id\": \"9\", \"file_name\": \"9.jpg\", \"width\": 0, \"height\": -1},\n"
        IMAGE(10, "bad\xff.jpg") ",\n{\"id\": 11, \"file_name\": 11}],\n"
        "\"annotations\": [" CAPTION(1, 1, "fine") ",\n" CAPTION(1, 1, "twice") ",\n" CAPTION(2, 99, "of nothing") ",\n" CAPTION(3, 1, "bad \xff") ",\n"
        CAPTION(4, 1, "a \\u0000") ",\n" CAPTION(5, 1, " \\n") ",\n{\"id\": 6, \"image_id\": 1},\n{\"id\": 7, \"image_id\": 1, \"caption\": 5},\n"
        "{\"id\": 8, \"caption\": \"x\"},\n{\"image_id\": 1, \"caption\": \"x\"},\nnull,\n" CAPTION(9, 3, "of the same picture") "]}");
    expect(read_by("coco"),
           "picture 1.jpg file=DIR/images/1.jpg split=train size=640x480 at=captions_train.json:1\n"
           "  caption \"fine\"\n  caption \"of the same picture\"\n"
           "picture 9.jpg file=DIR/images/9.jpg split=train at=captions_train.json:10\n"
           "problem duplicate 2.jpg at=captions_train.json:2 images[1] has an id that another image has\n"
           "problem duplicate 1.jpg at=captions_train.json:3 images[2] has a file_name that another image has; what is said of both is kept\n"
           "problem bad-record  at=captions_train.json:4 images[3] has no id or no file_name\n"
           "problem bad-record 5.jpg at=captions_train.json:5 images[4] has no id or no file_name\n"
           "problem bad-path ../../etc/passwd at=captions_train.json:6 images[5] leads out of the folder of the pictures\n"
           "problem bad-path /etc/passwd at=captions_train.json:7 images[6] leads out of the folder of the pictures\n"
           "problem bad-record  at=captions_train.json:8 images[7] has no id or no file_name\n"
           "problem bad-record  at=captions_train.json:9 images[8] has no id or no file_name\n"
           "problem invalid-text  at=captions_train.json:11 images[10] unable to decode byte 0xff near '\"bad'\n"
           "problem bad-record  at=captions_train.json:12 images[11] has no id or no file_name\n"
           "problem duplicate 1 at=captions_train.json:14 annotations[1] has an id that another annotation has\n"
           "problem no-image 99 at=captions_train.json:15 annotations[2] is of an image that the file does not have\n"
           "problem invalid-text  at=captions_train.json:16 annotations[3] unable to decode byte 0xff near '\"bad '\n"
           "problem invalid-text  at=captions_train.json:17 annotations[4] a text with a NUL character in it\n"
           "problem empty-text 1.jpg at=captions_train.json:18 annotations[5] a caption is empty\n"
           "problem bad-record  at=captions_train.json:19 annotations[6] has no caption and no bbox of four numbers\n"
           "problem bad-record  at=captions_train.json:20 annotations[7] has no caption and no bbox of four numbers\n"
           "problem bad-record  at=captions_train.json:21 annotations[8] has no id or no image_id\n"
           "problem bad-record  at=captions_train.json:22 annotations[9] has no id or no image_id\n"
           "problem bad-record  at=captions_train.json:23 annotations[10] has no id or no image_id\n");
}

Test(sources_json, coco_lists_damaged_instances)
{
    put("images/1.jpg", "");
    put("instances_val.json", "{\"images\": [" IMAGE(1, "1.jpg") "],\n\"categories\": [{\"id\": 1, \"name\": \"cat\"}, {\"id\": 1, \"name\": \"dog\"}, {\"id\": 2}, {\"name\": \"x\"},\n"
        "{\"id\": 3, \"name\": \"\"}],\n\"annotations\": [" BOX(1, 1, 1, "[1, 2, 3]") ",\n" BOX(2, 1, 1, "[1, 2, \"3\", 4]") ",\n" BOX(3, 1, 9, "[1, 2, 3, 4]") ",\n"
        BOX(4, 1, 1, "{}") ",\n" BOX(5, 1, 1, "[1, 2, 3, 4]") ",\n" BOX(6, 1, 3, "[1, 2, 3, 4]") ",\n" BOX(7, 1, 1, "[1e308, 0, 1e308, 1]") "]}");
    expect(read_by("coco"),
           "picture 1.jpg file=DIR/images/1.jpg split=val size=640x480 at=instances_val.json:1\n"
           "  box object 1 2 4 6 entity=5 \"cat\" at=instances_val.json:8\n"
           "  box object 1e+308 0 inf 1 entity=7 \"cat\" at=instances_val.json:10\n"
           "problem duplicate dog at=instances_val.json:2 categories[1] has an id that another category has\n"
           "problem bad-record  at=instances_val.json:2 categories[2] has no id or no name\n"
           "problem bad-record x at=instances_val.json:2 categories[3] has no id or no name\n"
           "problem bad-record  at=instances_val.json:4 annotations[0] has no caption and no bbox of four numbers\n"
           "problem bad-record  at=instances_val.json:5 annotations[1] has no caption and no bbox of four numbers\n"
           "problem bad-record  at=instances_val.json:6 annotations[2] is of a category that the file does not have\n"
           "problem bad-record  at=instances_val.json:7 annotations[3] has no caption and no bbox of four numbers\n"
           "problem empty-text 1.jpg at=instances_val.json:9 annotations[5] the phrase of a box is empty\n");
}

Test(sources_json, coco_gives_pictures_that_share_a_name_one_each)
{
    put("captions_train.json", "{\"images\": [" IMAGE(1, "1.jpg") "], \"annotations\": [" CAPTION(1, 1, "of train") "]}");
    put("captions_val.json", "{\"images\": [" IMAGE(1, "1.jpg") "], \"annotations\": [" CAPTION(1, 1, "of val") "]}");
    put("instances_val.json", "{\"images\": [" IMAGE(5, "1.jpg") "], \"annotations\": [" BOX(1, 5, 1, "[1, 2, 3, 4]") "], \"categories\": [{\"id\": 1, \"name\": \"cat\"}]}");
    put("train/1.jpg", ""), put("val/1.jpg", "");
    expect(read_by("coco"),
           "picture 1.jpg file=DIR/train/1.jpg split=train size=640x480 at=captions_train.json:1\n  caption \"of train\"\n"
           "picture val/1.jpg file=DIR/val/1.jpg split=val size=640x480 at=captions_val.json:1\n  caption \"of val\"\n"
           "  box object 1 2 4 6 entity=1 \"cat\" at=instances_val.json:1\n");
}

Test(sources_json, coco_lists_a_picture_in_two_splits)
{
    put("captions_train.json", "{\"images\": [" IMAGE(1, "1.jpg") "], \"annotations\": [" CAPTION(1, 1, "of train") "]}");
    put("captions_val.json", "{\"images\": [" IMAGE(1, "1.jpg") "], \"annotations\": [" CAPTION(1, 1, "of val") "]}");
    put("images/1.jpg", "");
    expect(read_by("coco"),
           "picture 1.jpg file=DIR/images/1.jpg split=train size=640x480 at=captions_train.json:1\n  caption \"of train\"\n  caption \"of val\"\n"
           "problem duplicate 1.jpg at=captions_val.json:1 images[0] is said to be in val too; stays in train\n");
}

Test(sources_json, coco_says_what_is_missing_or_breaks_off)
{
    expect_failure("coco", "there is no captions_*.json or instances_*.json here, nor in annotations/");
    put("captions_train.json", "{\"images\": [" IMAGE(1, "1.jpg") "],\n\"annotations\": [" CAPTION(1, 1, "cut"));
    expect_failure("coco", "the pictures of train are not found");
    put("images/1.jpg", "");
    expect_failure("coco", "captions_train.json:2: a value does not end at byte");
    put("captions_train.json", "[]");
    expect_failure("coco", "captions_train.json: the file is not a JSON object with lists such as \"images\"");
}

/* ---- Karpathy's splits ------------------------------------------------------------------------------------------------- */
#define SENTENCE(raw) "{\"tokens\": [\"x\"], \"raw\": \"" raw "\", \"imgid\": 0, \"sentid\": 1}"

Test(sources_json, karpathy_reads_cocos_file)
{
    put("dataset_coco.json", "{\"images\": [{\"filepath\": \"val2014\", \"sentids\": [1], \"filename\": \"COCO_val2014_1.jpg\", \"imgid\": 0, \"split\": \"test\",\n"
        "\"sentences\": [" SENTENCE("A man .") ", {\"tokens\": [\"a\", \"man\", \"again\"]}], \"cocoid\": 1},\n"
        "{\"filepath\": \"val2014\", \"filename\": \"COCO_val2014_2.jpg\", \"split\": \"restval\", \"sentences\": [" SENTENCE("Two .") "]},\n"
        "{\"filepath\": \"train2014\", \"filename\": \"COCO_train2014_3.jpg\", \"split\": \"val\", \"sentences\": []}], \"dataset\": \"coco\"}");
    expect(read_by("karpathy"),
           "picture COCO_val2014_1.jpg file=DIR/val2014/COCO_val2014_1.jpg split=test at=dataset_coco.json:1\n"
           "  caption \"A man .\"\n  caption \"a man again\"\n"
           "picture COCO_val2014_2.jpg file=DIR/val2014/COCO_val2014_2.jpg split=train at=dataset_coco.json:3\n  caption \"Two .\"\n"
           "picture COCO_train2014_3.jpg file=DIR/train2014/COCO_train2014_3.jpg split=val at=dataset_coco.json:4\n");
}

Test(sources_json, karpathy_reads_flickrs_file_and_lists_every_damage)
{
    static const char *const INPUT[] = { "text/dataset_flickr8k.json", NULL };
    put("text/dataset_flickr8k.json", "{\"dataset\": \"flickr8k\", \"images\": [{\"filename\": \"1.jpg\", \"split\": \"train\", \"sentences\": [" SENTENCE("bad \xff") "]},\n"
        "{\"filename\": \"1.jpg\", \"split\": \"train\", \"sentences\": [" SENTENCE("fine") ",{},7,{\"raw\": 5},{\"tokens\": []}," SENTENCE(" ") "]},\n"
        "{\"filename\": \"1.jpg\", \"split\": \"val\", \"sentences\": [" SENTENCE("again") "]},\n{\"filename\": \"2.jpg\", \"sentences\": [" SENTENCE("x") "]},\n"
        "{\"filename\": \"../3.jpg\", \"split\": \"val\", \"sentences\": []},\n{\"filepath\": \"../x\", \"filename\": \"4.jpg\", \"split\": \"val\", \"sentences\": []},\n"
        "{\"filename\": \"5.jpg\", \"split\": \"val\"},\n{\"split\": \"val\", \"sentences\": []},\n{\"filename\": \"\", \"split\": \"val\", \"sentences\": []},\n"
        "{\"filename\": \"6.jpg\", \"split\": 3, \"sentences\": {}},\n[]]}");
    expect(read_inputs("karpathy", INPUT, "pictures"),
           "picture 1.jpg file=DIR/pictures/1.jpg split=train at=dataset_flickr8k.json:2\n  caption \"fine\"\n"
           "picture 2.jpg file=DIR/pictures/2.jpg at=dataset_flickr8k.json:4 left-out\n  caption \"x\"\n"
           "problem invalid-text  at=dataset_flickr8k.json:1 images[0] unable to decode byte 0xff near '\"bad '\n"
           "problem bad-record 1.jpg at=dataset_flickr8k.json:2 images[1] has a sentence without raw and tokens\n"
           "problem bad-record 1.jpg at=dataset_flickr8k.json:2 images[1] has a sentence without raw and tokens\n"
           "problem bad-record 1.jpg at=dataset_flickr8k.json:2 images[1] has a sentence without raw and tokens\n"
           "problem bad-record 1.jpg at=dataset_flickr8k.json:2 images[1] has a sentence without raw and tokens\n"
           "problem empty-text 1.jpg at=dataset_flickr8k.json:2 images[1] a caption is empty\n"
           "problem duplicate 1.jpg at=dataset_flickr8k.json:3 images[2] is of a picture that was there before; it is left out\n"
           "problem bad-path ../3.jpg at=dataset_flickr8k.json:5 images[4] leads out of the folder of the pictures\n"
           "problem bad-path 4.jpg at=dataset_flickr8k.json:6 images[5] leads out of the folder of the pictures\n"
           "problem bad-record 5.jpg at=dataset_flickr8k.json:7 images[6] has no filename or no list of sentences\n"
           "problem bad-record  at=dataset_flickr8k.json:8 images[7] has no filename or no list of sentences\n"
           "problem invalid-text  at=dataset_flickr8k.json:9 images[8] the picture has no name\n"
           "problem bad-record 6.jpg at=dataset_flickr8k.json:10 images[9] has no filename or no list of sentences\n"
           "problem bad-record  at=dataset_flickr8k.json:11 images[10] has no filename or no list of sentences\n"
           "problem no-split 2.jpg at=dataset_flickr8k.json:4 is in none of the lists of splits\n");
}

Test(sources_json, karpathy_says_what_is_missing)
{
    static const char *const INPUT[] = { "dataset_coco.json", NULL };
    put("dataset_coco.json", "{}");
    expect_inputs_failure("karpathy", INPUT, NULL, "where are the pictures? --images DIR");
    put("dataset_flickr8k.json", "{}");
    expect_failure("karpathy", "one dataset_*.json, please");
}

/* ---- Visual Genome ----------------------------------------------------------------------------------------------------- */
#define REGION(id, image, phrase) \
    "{\"region_id\": " #id ", \"width\": 82, \"height\": 139, \"image_id\": " #image ", \"phrase\": \"" phrase "\", \"y\": 57, \"x\": 421}"

Test(sources_json, visual_genome_reads_regions_and_finds_pictures_in_two_folders)
{
    put("VG_100K/1.jpg", ""), put("VG_100K_2/2.jpg", ""), put("VG_100K_2/3.jpg", "");
    put("image_data.json", "[{\"width\": 800, \"url\": \"https://cs.stanford.edu/people/rak248/VG_100K_2/1.jpg\", \"height\": 600, \"image_id\": 1, \"coco_id\": null},\n"
        "{\"width\": 640, \"url\": \"https://cs.stanford.edu/people/rak248/VG_100K/2.jpg\", \"height\": 480, \"image_id\": 2}]");
    put("region_descriptions.json", "[{\"regions\": [" REGION(1382, 1, "the clock is green") ", " REGION(1383, 1, "a tree ") "], \"id\": 1},\n"
        "{\"id\": 2, \"regions\": []}, {\"id\": 3, \"regions\": [" REGION(-7, 3, "x") "]}, {\"image_id\": 4, \"regions\": []}]");
    expect(read_by("visual-genome"),
           "picture 1.jpg file=DIR/VG_100K/1.jpg size=800x600 at=region_descriptions.json:1\n"
           "  box region 421 57 503 196 entity=1382 \"the clock is green\" at=region_descriptions.json:1\n"
           "  box region 421 57 503 196 entity=1383 \"a tree\" at=region_descriptions.json:1\n"
           "picture 2.jpg file=DIR/VG_100K_2/2.jpg size=640x480 at=region_descriptions.json:2\n"
           "picture 3.jpg file=DIR/VG_100K_2/3.jpg at=region_descriptions.json:2\n"
           "  box region 421 57 503 196 \"x\" at=region_descriptions.json:2\n"
           "picture 4.jpg file=DIR/4.jpg at=region_descriptions.json:2\n");
}

Test(sources_json, visual_genome_lists_every_damage)
{
    put("images/1.jpg", "");
    put("image_data.json", "[{\"image_id\": 1, \"width\": 99999, \"height\": 5},\n{\"image_id\": 1},\n{},\n\"\xff\"]");
    put("region_descriptions.json", "[{\"id\": 1, \"regions\": [" REGION(1, 1, "fine") "," REGION(1, 1, "twice") "," REGION(2, 1, "") ",{},5,{\"x\": 1, \"y\": 2, \"width\": 3, \"height\": 4},\n"
        "{\"x\": \"1\", \"y\": 2, \"width\": 3, \"height\": 4, \"phrase\": \"p\"}]},\n{\"id\": 1, \"regions\": []},\n{\"regions\": []},\n{\"id\": 5},\n{\"id\": 6, \"regions\": 7},\n"
        "{\"id\": 7, \"regions\": [" REGION(9, 7, "bad \xff") "]},\n8]");
    expect(read_by("visual-genome"),
           "picture 1.jpg file=DIR/images/1.jpg at=region_descriptions.json:1\n"
           "  box region 421 57 503 196 entity=1 \"fine\" at=region_descriptions.json:1\n"
           "problem duplicate  at=image_data.json:2 [1] has an image_id that another has\n"
           "problem bad-record  at=image_data.json:3 [2] has no image_id\n"
           "problem invalid-text  at=image_data.json:4 [3] unable to decode byte 0xff near '\"'\n"
           "problem duplicate 1.jpg at=region_descriptions.json:1 [0] has a region with an id that another has\n"
           "problem empty-text 1.jpg at=region_descriptions.json:1 [0] the phrase of a box is empty\n"
           "problem bad-record 1.jpg at=region_descriptions.json:1 [0] has a region without x, y, width and height\n"
           "problem bad-record 1.jpg at=region_descriptions.json:1 [0] has a region without x, y, width and height\n"
           "problem bad-record 1.jpg at=region_descriptions.json:1 [0] has a region without a phrase\n"
           "problem bad-record 1.jpg at=region_descriptions.json:1 [0] has a region without x, y, width and height\n"
           "problem duplicate 1.jpg at=region_descriptions.json:3 [1] has an id that another has\n"
           "problem bad-record  at=region_descriptions.json:4 [2] has no id or no list of regions\n"
           "problem bad-record  at=region_descriptions.json:5 [3] has no id or no list of regions\n"
           "problem bad-record  at=region_descriptions.json:6 [4] has no id or no list of regions\n"
           "problem invalid-text  at=region_descriptions.json:7 [5] unable to decode byte 0xff near '\"bad '\n"
           "problem bad-record  at=region_descriptions.json:8 [6] has no id or no list of regions\n");
}

Test(sources_json, visual_genome_says_what_is_missing)
{
    static const char *const INPUT[] = { "region_descriptions.json", NULL };
    put("image_data.json", "[]");
    expect_failure("visual-genome", "there is no region_descriptions.json among the inputs");
    put("region_descriptions.json", "[");
    expect_failure("visual-genome", "region_descriptions.json:1: ',' or ']' is missing at byte 1");
    expect_inputs_failure("visual-genome", INPUT, NULL, "where are the pictures? --images DIR");
}

/* ---- lines of JSON ----------------------------------------------------------------------------------------------------- */
Test(sources_json, jsonl_reads_captions_boxes_splits_and_sizes)
{
    put("annotations/x.jsonl",
        "{\"image\": \"a/1.jpg\", \"name\": \"one\", \"split\": \"train\", \"width\": 640, \"height\": 480, \"captions\": [\" A dog runs.\", \"Two.\"], \"boxes\": [\n"
        "{\"image\": \"a/1.jpg\", \"name\": \"one\", \"split\": \"train\", \"width\": 640, \"height\": 480, \"captions\": [\" A dog runs.\", \"\", \"Two.\"], \"boxes\": "
        "[{\"box\": [10, 20, 110.5, 220], \"phrase\": \"A dog\", \"entity\": 7, \"caption\": 0, \"span\": [0, 5]}, {\"kind\": \"none\", \"phrase\": \"it\", \"caption\": 2, \"span\": [0, 3]}, "
        "{\"box\": [0, 0, 1, 1], \"kind\": \"region\"}, {\"box\": [0, 0, 1, 1], \"phrase\": \"of what was left out\", \"caption\": 1, \"span\": [0, 1]}]}\n"
        "{\"image\": \"2.jpg\", \"caption\": \"three\"}\n");
    expect(read_by("jsonl"),
           "picture one file=DIR/annotations/a/1.jpg split=train size=640x480 at=annotations/x.jsonl:2\n  caption \"A dog runs.\"\n  caption \"Two.\"\n"
           "  box phrase 10 20 110.5 220 entity=7 caption=0 span=0,5 \"A dog\" at=annotations/x.jsonl:2\n"
           "  box none 0 0 0 0 caption=1 span=0,3 \"it\" at=annotations/x.jsonl:2\n"
           "  box region 0 0 1 1 at=annotations/x.jsonl:2\n"
           "  box phrase 0 0 1 1 \"of what was left out\" at=annotations/x.jsonl:2\n"
           "picture 2.jpg file=DIR/annotations/2.jpg at=annotations/x.jsonl:3\n  caption \"three\"\n"
           "problem bad-record  at=annotations/x.jsonl:1 is not JSON: ']' expected near end of file\n"
           "problem empty-text one at=annotations/x.jsonl:2 a caption is empty\n");
}

Test(sources_json, jsonl_lists_every_damage)
{
    static const char LINES[] =
        "\xEF\xBB\xBF{\"image\": \"1.jpg\", \"captions\": [\"bad \xff\"]}\n{\"image\": \"1.jpg\", \"caption\": \"a \\u0000\"}\n{\"image\": \"1.jpg\", \"cap\0tion\": 1}\n[]\n"
        "{\"caption\": \"x\"}\n{\"image\": 5}\n{\"image\": \"../1.jpg\"}\n{\"image\": \"/etc/passwd\"}\n{\"image\": \"1.jpg\", \"name\": \"../../1.jpg\"}\n"
        "{\"image\": \"1.jpg\", \"captions\": [5, \"fine\"], \"foo\": 1, \"split\": 3}\n{\"image\": \"1.jpg\", \"caption\": \"again\", \"foo\": 2}\n"
        "{\"image\": \"2.jpg\", \"captions\": \"x\", \"boxes\": {}}\n{\"image\": \"3.jpg\", \"caption\": \"x\", \"boxes\": [5, {}, {\"box\": [1, 2, 3]}, {\"box\": [1, 2, 3, 4], \"kind\": \"odd\"}, "
        "{\"box\": [1, 2, 3, 4], \"phrase\": 5}, {\"box\": [1, 2, 3, 4], \"entity\": 1.5}, {\"box\": [1, 2, 3, 4], \"bar\": 1}, {\"box\": [1, 2, 3, 4], \"caption\": 0}, "
        "{\"box\": [1, 2, 3, 4], \"caption\": 1, \"span\": [0, 1]}, {\"box\": [1, 2, 3, 4], \"caption\": 0, \"span\": [3, 1]}, {\"box\": [1, 2, 3, 4], \"phrase\": \" \"}]}\n"
        "{\"image\": \"4.jpg\", \"image\": \"5.jpg\"}\n{\"image\": \"6.jpg\", \"name\": \"\", \"caption\": \"x\"}";
    put_bytes("x.jsonl", LINES, sizeof LINES - 1);
    expect(read_by("jsonl"),
           "picture 1.jpg file=DIR/1.jpg at=x.jsonl:10\n  caption \"fine\"\n"
           "picture 2.jpg file=DIR/2.jpg at=x.jsonl:12\n"
           "picture 3.jpg file=DIR/3.jpg at=x.jsonl:13\n  caption \"x\"\n"
           "  box phrase 1 2 3 4 at=x.jsonl:13\n  box phrase 1 2 3 4 at=x.jsonl:13\n  box phrase 1 2 3 4 at=x.jsonl:13\n  box phrase 1 2 3 4 at=x.jsonl:13\n"
           "problem invalid-text  at=x.jsonl:1 is not JSON: unable to decode byte 0xff near '\"bad '\n"
           "problem invalid-text  at=x.jsonl:2 is not JSON: a text with a NUL character in it\n"
           "problem invalid-text  at=x.jsonl:3 a line with a NUL character in it\n"
           "problem bad-record  at=x.jsonl:4 is not a JSON object\n"
           "problem bad-record  at=x.jsonl:5 has no \"image\"\n"
           "problem bad-record  at=x.jsonl:6 has no \"image\"\n"
           "problem bad-path ../1.jpg at=x.jsonl:7 leads out of the folder of the pictures\n"
           "problem bad-path /etc/passwd at=x.jsonl:8 leads out of the folder of the pictures\n"
           "problem bad-path ../../1.jpg at=x.jsonl:9 leads out of the folder of the pictures\n"
           "problem bad-record  at=x.jsonl:10 the key 'foo' means nothing here (told once)\n"
           "problem bad-record 1.jpg at=x.jsonl:10 \"split\" is no text\n"
           "problem bad-record 1.jpg at=x.jsonl:10 a caption is no text\n"
           "problem duplicate 1.jpg at=x.jsonl:11 is a name that was there before; this line is left out\n"
           "problem bad-record 2.jpg at=x.jsonl:12 \"captions\" is not a list\n"
           "problem bad-record 2.jpg at=x.jsonl:12 \"boxes\" is not a list\n"
           "problem bad-record 3.jpg at=x.jsonl:13 a box is not an object\n"
           "problem bad-record 3.jpg at=x.jsonl:13 a box has no four numbers x0, y0, x1, y1\n"
           "problem bad-record 3.jpg at=x.jsonl:13 a box has no four numbers x0, y0, x1, y1\n"
           "problem bad-record 3.jpg at=x.jsonl:13 a box has a kind other than phrase, object, region, referring or none\n"
           "problem bad-record 3.jpg at=x.jsonl:13 a box has a phrase that is no text\n"
           "problem bad-record 3.jpg at=x.jsonl:13 a box has an entity that is no whole number\n"
           "problem bad-record  at=x.jsonl:13 the key 'bar' means nothing here (told once)\n"
           "problem bad-span 3.jpg at=x.jsonl:13 a box has a caption without a span of two whole numbers, or a span without a caption\n"
           "problem bad-span 3.jpg at=x.jsonl:13 a box has a span outside the captions\n"
           "problem bad-span 3.jpg at=x.jsonl:13 a box has a span outside the captions\n"
           "problem empty-text 3.jpg at=x.jsonl:13 the phrase of a box is empty\n"
           "problem bad-record  at=x.jsonl:14 is not JSON: duplicate object key near '\"image\"'\n"
           "problem invalid-text  at=x.jsonl:15 the picture has no name\n");
}

Test(sources_json, jsonl_looks_for_pictures_beside_the_file_or_where_told)
{
    static const char *const INPUTS[] = { "text/x.jsonl", "y.jsonl", NULL };
    put("text/x.jsonl", "{\"image\": \"1.jpg\", \"caption\": \"x\"}\n"), put("y.jsonl", "{\"image\": \"2.jpg\", \"caption\": \"y\"}\n");
    expect(read_inputs("jsonl", INPUTS, NULL), "picture 1.jpg file=DIR/text/1.jpg at=x.jsonl:1\n  caption \"x\"\n"
                                               "picture 2.jpg file=DIR/2.jpg at=y.jsonl:1\n  caption \"y\"\n");
    catalog_free(catalog), catalog = catalog_new(folder);
    expect(read_inputs("jsonl", INPUTS, "p"), "picture 1.jpg file=DIR/p/1.jpg at=x.jsonl:1\n  caption \"x\"\n"
                                              "picture 2.jpg file=DIR/p/2.jpg at=y.jsonl:1\n  caption \"y\"\n");
}

Test(sources_json, jsonl_says_what_is_missing)
{
    static const char *const INPUTS[] = { "none.jsonl", NULL };
    expect_failure("jsonl", "there is no *.jsonl here, nor in annotations/");
    put("a.jsonl", "");
    expect_inputs_failure("jsonl", INPUTS, NULL, "none.jsonl: there is no such file or folder");
    expect_inputs_failure("jsonl", (const char *const[]){ "a.jsonl", "a.jsonl", NULL }, NULL, "a.jsonl is given twice");

    char path[80];                               /* whoever opened it would wait for ever */
    snprintf(path, sizeof path, "%s/pipe.jsonl", folder);
    cr_assert_eq(mkfifo(path, 0666), 0);
    expect_failure("jsonl", "pipe.jsonl: is not a plain file");
}

/* ---- into a store ------------------------------------------------------------------------------------------------------ */
Test(sources_json, coco_becomes_a_store)
{
    put_photo("val2017/1.jpg", 64, 48), put("val2017/2.jpg", "no picture");
    put("annotations/captions_val2017.json", "{\"images\": [{\"id\": 1, \"file_name\": \"1.jpg\", \"width\": 64, \"height\": 48}, " IMAGE(2, "2.jpg") ", " IMAGE(3, "3.jpg")
        "], \"annotations\": [" CAPTION(1, 1, "one") "," CAPTION(2, 2, "two") "," CAPTION(3, 3, "three") "]}");
    put("annotations/instances_val2017.json", "{\"images\": [{\"id\": 1, \"file_name\": \"1.jpg\", \"width\": 64, \"height\": 48}], \"annotations\": ["
        BOX(1, 1, 1, "[0, 0, 32, 24]") "," BOX(2, 1, 1, "[60, 0, 10, 10]") "," BOX(3, 1, 1, "[0, 0, 0, 10]") "], \"categories\": [{\"id\": 1, \"name\": \"cat\"}]}");
    PrepareSummary s = store_by("coco");
    cr_expect(s.pictures == 1 && s.captions == 1 && s.boxes == 2 && s.splits == 1);
    cr_expect(s.problems[PROBLEM_BAD_IMAGE] == 1 && s.problems[PROBLEM_NO_IMAGE] == 1 && s.problems[PROBLEM_CLIPPED_BOX] == 1
              && s.problems[PROBLEM_BAD_BOX] == 1 && s.rejected == 4, "%lld", (long long)s.rejected);
}

Test(sources_json, visual_genome_becomes_a_store)
{
    put_photo("VG_100K/1.jpg", 800, 600);
    put("region_descriptions.json", "[{\"regions\": [" REGION(1, 1, "the clock") ", " REGION(2, 1, "a tree") "], \"id\": 1}, {\"regions\": [" REGION(3, 2, "x") "], \"id\": 2}]");
    PrepareSummary s = store_by("visual-genome");
    cr_expect(s.pictures == 1 && s.boxes == 2 && s.problems[PROBLEM_NO_IMAGE] == 1 && s.rejected == 1);
}
